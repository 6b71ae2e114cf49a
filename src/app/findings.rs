//! What a doctor found when it looked at everything this server depends on, for whoever runs the platform.
//!
//! Looking takes as long as the slowest vendor, so it is done beside, when somebody asks for it, one look at a time; a page shows
//! what was found last. How to look is known to whoever builds the server.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::warn;

use super::access::Operator;
use crate::{
    domain::time::Timestamp,
    platform::{clock::Clock, tasks::Tasks},
};

/// Longest a look may take.
pub const LOOK_MAX: Duration = Duration::from_secs(60);

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Well,
    /// It works, but somebody should know.
    Advice,
    /// Calls cannot be answered, or not safely, until this is mended.
    Problem,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How it was found.
    pub verdict: Verdict,
    /// What was found, and what to do about it; in English.
    pub words: String,
}

/// A look at everything.
pub type Look = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;
/// Begins such a look.
pub type Examine = Arc<dyn Fn(Timestamp) -> Look + Send + Sync>;

/// What was found last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether somebody is looking.
    pub looking: bool,
    /// When it was looked last, and what was found; `None` for the findings when it took too long.
    pub last: Option<(Timestamp, Option<Vec<Finding>>)>,
}

/// Looks at everything when somebody asks for it. Cheap to clone.
#[derive(Clone)]
pub struct Doctor {
    examine: Examine,
    found: watch::Sender<Found>,
    tasks: Tasks,
    clock: Clock,
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor").field("found", &*self.found.borrow()).finish_non_exhaustive()
    }
}

impl Doctor {
    /// One that has not looked yet.
    pub fn new(examine: Examine, tasks: Tasks, clock: Clock) -> Self {
        Self { examine, found: watch::Sender::new(Found::default()), tasks, clock }
    }

    /// What was found last.
    pub fn found(&self, _by: &Operator) -> Found {
        self.found.borrow().clone()
    }

    /// Begins to look, unless somebody is looking.
    pub fn look(&self, _by: &Operator) {
        let begins = self.found.send_if_modified(|found| !std::mem::replace(&mut found.looking, true));
        if !begins {
            return;
        }
        let doctor = self.clone();
        self.tasks.spawn(async move {
            let look = (doctor.examine)(doctor.clock.now());
            let findings = tokio::select! {
                findings = doctor.clock.within(LOOK_MAX, look) => findings,
                () = doctor.tasks.leaving() => None,
            };
            if findings.is_none() {
                warn!("not everything that was looked at answered in time");
            }
            let last = Some((doctor.clock.now(), findings));
            doctor.found.send_replace(Found { looking: false, last });
        });
    }

    /// Waits until nobody is looking, so long at most.
    pub async fn wait(&self, max: Duration) {
        let mut seen = self.found.subscribe();
        let _in_time = self.clock.within(max, seen.wait_for(|found| !found.looking)).await.is_some();
    }
}
