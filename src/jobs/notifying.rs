//! Tells members by mail what needs them, when it is time.

use std::{convert::Infallible, time::Duration};

use tracing::warn;

use crate::{
    app::{notifications, people::People},
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
};

/// How often it is looked who is to be told something.
pub const NOTIFY_PERIOD: Duration = Duration::from_secs(30);

/// Tells until somebody asks to leave. A database that is away is waited for.
///
/// # Errors
/// Never.
pub async fn notify(store: Store, people: People, clock: Clock, tasks: Tasks) -> Result<(), Infallible> {
    while !tasks.is_leaving() {
        if let Err(error) = notifications::tell_due(&store, &people, clock.now()).await {
            warn!(error = &error as &dyn std::error::Error, "members could not be told what needs them");
        }
        tokio::select! {
            () = clock.sleep(NOTIFY_PERIOD) => {}
            () = tasks.leaving() => {}
        }
    }
    Ok(())
}
