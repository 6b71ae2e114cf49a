//! Has erased at Twilio what was left there by people who were forgotten meanwhile.
//!
//! What is to be erased stands in the database; several processes may look beside one another, since erasing twice does no
//! harm.

use std::{convert::Infallible, time::Duration};

use tracing::warn;

use crate::{
    app::{accounts::Accounts, voicemail},
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
};

/// How often it is looked.
const LOOK_PERIOD: Duration = Duration::from_secs(5);

/// Has it erased until somebody asks to leave. A database that is away is waited for.
///
/// # Errors
/// Never.
pub async fn erase_leftovers(
    store: Store,
    accounts: Accounts,
    clock: Clock,
    tasks: Tasks,
) -> Result<(), Infallible> {
    while !tasks.is_leaving() {
        if let Err(error) = voicemail::erase_leftovers(&store, &accounts, clock.now()).await {
            warn!(error = &error as &dyn std::error::Error, "it is not known what was left at Twilio");
        }
        tokio::select! {
            () = clock.sleep(LOOK_PERIOD) => {}
            () = tasks.leaving() => {}
        }
    }
    Ok(())
}
