//! Looks now and then which calendars outside are due to be looked at, and has that done.
//!
//! What vendors tell makes it prompt, this makes it certain. Several processes may do it beside one another: a calendar
//! that was found due is not due again for some minutes.

use std::{convert::Infallible, time::Duration};

use tracing::warn;

use crate::{
    app::calendars::Calendars,
    platform::{clock::Clock, tasks::Tasks},
};

/// How often it is looked which calendars are due.
const LOOK_PERIOD: Duration = Duration::from_secs(5);

/// Has calendars looked at, until somebody asks to leave.
///
/// # Errors
/// Never. A database that is away is waited for.
pub async fn look_after(calendars: Calendars, clock: Clock, tasks: Tasks) -> Result<(), Infallible> {
    while !tasks.is_leaving() {
        if let Err(error) = calendars.ask_for_due().await {
            warn!(error = &error as &dyn std::error::Error, "it is not known which calendars are due");
        }
        tokio::select! {
            () = clock.sleep(LOOK_PERIOD) => {}
            () = tasks.leaving() => {}
        }
    }
    Ok(())
}
