//! Counts what calls came to, shortly after they end.

use std::{convert::Infallible, time::Duration};

use tracing::warn;

use crate::{
    app::analytics::{self, COUNT_AT_ONCE_MAX},
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
    telephony::MinutePrices,
};

/// How often it is looked whether there is anything to count.
pub const COUNT_PERIOD: Duration = Duration::from_secs(2);

/// Counts until somebody asks to leave. A database that is away is waited for.
///
/// # Errors
/// Never.
pub async fn count(store: Store, prices: MinutePrices, clock: Clock, tasks: Tasks) -> Result<(), Infallible> {
    while !tasks.is_leaving() {
        match analytics::count_due(&store, &prices).await {
            // There is more.
            Ok(counted) if counted >= COUNT_AT_ONCE_MAX as usize => continue,
            Ok(_) => {}
            Err(error) => warn!(error = &error as &dyn std::error::Error, "calls could not be counted"),
        }
        tokio::select! {
            () = clock.sleep(COUNT_PERIOD) => {}
            () = tasks.leaving() => {}
        }
    }
    Ok(())
}
