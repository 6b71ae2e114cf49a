//! Dials what is due, asks after calls of which nothing is heard, and plans reminders,
//! what campaigns call and to whom freed times are offered.
//!
//! What is due stands in the database, with the attempt itself; several processes may look beside one another, and what
//! keeps them from dialling twice or too fast is there, too. Tenants are served in turn, so that one with thousands of
//! calls keeps no other waiting.

use std::{convert::Infallible, time::Duration};

use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::{
    app::{
        self,
        outgoing::{
            campaigns,
            dialling::{Dialled, Dialler},
            offers, reminders,
        },
    },
    domain::id::TenantId,
    platform::{clock::Clock, tasks::Tasks},
};

/// How often it is looked what is due when nothing was.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// How soon it is looked again when something was.
const NEXT_PERIOD: Duration = Duration::from_millis(50);
/// Tenants that are served at once.
const TENANTS_AT_ONCE_MAX: u32 = 8;
/// Calls that are asked after at a time.
const CHECKED_MAX: u32 = 16;
/// Tenants whose reminders are planned, campaigns and offers that are, at a time.
const PLANNED_MAX: u32 = 16;

/// Dials, asks and plans until somebody asks to leave. A database that is away is waited for.
///
/// # Errors
/// Never.
pub async fn dial(dialler: Dialler, clock: Clock, tasks: Tasks) -> Result<(), Infallible> {
    let mut served: Option<TenantId> = None;
    while !tasks.is_leaving() {
        let wait = match look(&dialler, clock, &mut served).await {
            Ok(true) => NEXT_PERIOD,
            Ok(false) => LOOK_PERIOD,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "it is not known what is to be dialled");
                LOOK_PERIOD
            }
        };
        tokio::select! {
            () = clock.sleep(wait) => {}
            () = tasks.leaving() => {}
        }
    }
    Ok(())
}

/// Looks once; whether something was done.
async fn look(dialler: &Dialler, clock: Clock, served: &mut Option<TenantId>) -> Result<bool, app::Error> {
    let now = clock.now();
    reminders::plan_due(&dialler.store, now, PLANNED_MAX).await?;
    offers::plan_due(&dialler.store, now, PLANNED_MAX).await?;
    campaigns::plan_due(&dialler.store, now, PLANNED_MAX).await?;
    dialler.check_due(now, CHECKED_MAX).await?;
    let across = dialler.store.across_tenants();
    let mut due = across.outgoing_due(now, served.as_ref(), TENANTS_AT_ONCE_MAX).await?;
    if due.is_empty() && served.is_some() {
        due = across.outgoing_due(now, None, TENANTS_AT_ONCE_MAX).await?;
    }
    *served = due.last().cloned();
    let mut running = JoinSet::new();
    for tenant in due {
        let dialler = dialler.clone();
        running.spawn(async move { dialler.dial_next(&tenant, clock.now()).await });
    }
    let mut done = false;
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(Ok(dialled)) => done |= dialled == Dialled::Something,
            Ok(Err(error)) => warn!(error = &error as &dyn std::error::Error, "a call could not be dialled"),
            Err(panicked) => {
                error!(
                    error = &panicked as &dyn std::error::Error,
                    "dialling did not end; it is looked after"
                );
            }
        }
    }
    Ok(done)
}
