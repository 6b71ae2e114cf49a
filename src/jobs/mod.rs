//! Work that calls and changes have set in motion: taken from the queue, run, retried, given up.
//!
//! A nudge makes it prompt, the timer makes it certain. A job looks at what is true when it runs, is safe to run
//! twice, and does a bounded amount; what it does is `app`'s. Several processes may run this beside one another: a
//! job that was taken is one's own until its lease ends. It never decides about a conversation.

mod calendars;
mod counting;
mod dialling;
mod leftovers;
mod notifying;
mod post;
mod upkeep;
mod work;

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use metrics::counter;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

pub use self::{
    calendars::look_after,
    counting::count,
    dialling::dial,
    leftovers::erase_leftovers,
    notifying::notify,
    post::Post,
    upkeep::{LOST_AFTER_MINUTES, REQUESTS_KEPT_MINUTES, Swept, sweep},
    work::Hands,
};
use crate::{
    app,
    domain::time::Timestamp,
    platform::{clock::Clock, metrics as figures, tasks::Tasks},
    store::{self, Job, Lane, Store},
};

/// How work of a lane is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    /// How many jobs run at once.
    at_once_max: usize,
    /// How long a job that was taken is one's own, unless whoever does it says that it takes longer: after a crash
    /// nobody does it for as long.
    lease: Duration,
    /// Longest a job may take.
    work_time_max: Duration,
    /// How often a job is tried before it is given up; `None` for as long as it takes.
    attempts_max: Option<u32>,
    /// Wait before the second attempt; each further one waits twice as long.
    retry: Duration,
    /// Longest wait between two attempts.
    retry_max: Duration,
}

/// How often slow work is tried before it is given up.
pub const ATTEMPTS_MAX: u32 = 8;
/// Slow work.
const SLOW: Pace = Pace {
    at_once_max: 2,
    lease: Duration::from_secs(10 * 60),
    work_time_max: Duration::from_secs(9 * 60),
    attempts_max: Some(ATTEMPTS_MAX),
    retry: Duration::from_secs(60),
    retry_max: Duration::from_secs(60 * 60),
};
/// Prompt work: what was promised is written into its calendar, be it days later.
const PROMPT: Pace = Pace {
    at_once_max: 16,
    lease: Duration::from_secs(9),
    work_time_max: Duration::from_secs(25),
    attempts_max: None,
    retry: Duration::from_secs(1),
    retry_max: Duration::from_secs(5 * 60),
};
/// Work that waits for servers tenants name: each webhook takes one place at most, and one that hangs holds nobody else up.
const TELLING: Pace = Pace {
    at_once_max: 64,
    lease: Duration::from_secs(9),
    work_time_max: Duration::from_secs(40),
    attempts_max: None,
    retry: Duration::from_secs(5),
    retry_max: Duration::from_secs(5 * 60),
};
/// How often a lease is prolonged within its time.
const RENEWALS: u32 = 3;
/// How often the queue is looked at when nobody nudges.
pub const LOOK_PERIOD: Duration = Duration::from_secs(5);
/// How often what lies about is swept up.
pub const SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// What runs a job.
pub type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), app::Error>> + Send + Sync>;

/// Takes jobs and has them run, until somebody asks to leave.
#[derive(Clone)]
pub struct Runner {
    store: Store,
    clock: Clock,
    tasks: Tasks,
    handler: Handler,
    lane: Lane,
    pace: Pace,
}

impl Runner {
    /// A runner that has `handler` do the work of a lane.
    pub fn new(store: Store, clock: Clock, tasks: Tasks, handler: Handler, lane: Lane) -> Self {
        let pace = match lane {
            Lane::Slow => SLOW,
            Lane::Prompt => PROMPT,
            Lane::Telling => TELLING,
        };
        Self { store, clock, tasks, handler, lane, pace }
    }

    /// Runs what is due until somebody asks to leave; what runs then is finished, unless somebody asks hard. A
    /// database that is away is waited for.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self) -> Result<(), Infallible> {
        let mut running = JoinSet::new();
        let (watch, mut swept) = (self.clock.stopwatch(), None);
        while !self.tasks.is_leaving() {
            if self.lane == Lane::Slow && swept.is_none_or(|at| watch.elapsed() >= at + SWEEP_PERIOD) {
                swept = Some(watch.elapsed());
                if let Err(error) = sweep(&self.store, self.clock.now()).await {
                    warn!(error = &error as &dyn std::error::Error, "what lies about could not be swept up");
                }
                if let Err(error) = app::recordings::salvage(&self.store, self.clock.now()).await {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "unfinished recordings are not looked after"
                    );
                }
                if let Err(error) = app::forgetting::look_after(&self.store, self.clock.now()).await {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "what is to be forgotten is not looked after"
                    );
                }
            }
            self.take(&mut running).await;
            tokio::select! {
                Some(ended) = running.join_next() => self.note_panic(ended),
                () = self.store.work_added(self.lane), if running.len() < self.pace.at_once_max => {}
                () = self.clock.sleep(LOOK_PERIOD) => {}
                () = self.tasks.leaving() => {}
            }
        }
        loop {
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(ended) => self.note_panic(ended),
                    None => return Ok(()),
                },
                // Dropping what runs stops it; its lease ends, and somebody begins it anew.
                () = self.tasks.stopping() => return Ok(()),
            }
        }
    }

    /// Begins as many jobs as are due and may run.
    async fn take(&self, running: &mut JoinSet<()>) {
        let Some(free) = self.pace.at_once_max.checked_sub(running.len()).filter(|free| *free > 0) else {
            return;
        };
        let now = self.clock.now();
        let count = u32::try_from(free).unwrap_or(u32::MAX);
        let until = after(now, self.pace.lease);
        let taken = self.store.across_tenants().take_jobs(now, until, count, self.lane).await;
        match taken {
            Ok(jobs) => {
                for job in jobs {
                    let runner = self.clone();
                    running.spawn(async move { runner.carry(job).await });
                }
            }
            Err(error) => warn!(error = &error as &dyn std::error::Error, "the queue cannot be read"),
        }
    }

    /// Runs one job and notes what came of it.
    async fn carry(&self, job: Job) {
        let kind = job.work.kind();
        let pace = self.pace;
        let result = if pace.attempts_max.is_some_and(|max| job.attempts > max) {
            // Taken too often without a word about how it ended: it takes whoever runs it down.
            Some(Ended::Never("it never ended".to_owned()))
        } else {
            let work = self.clock.within(pace.work_time_max, (self.handler)(job.clone()));
            let ended = tokio::select! {
                ended = work => ended,
                never = self.keep(&job) => match never {},
            };
            match ended {
                Some(Ok(())) => None,
                Some(Err(app::Error::Later { wait, why })) => {
                    Some(Ended::Again { wait, problem: why.to_owned() })
                }
                Some(Err(error)) => {
                    warn!(job.id = %job.id, kind, error = &error as &dyn std::error::Error, "a job failed");
                    Some(Ended::of(&error, job.attempts, pace))
                }
                None => Some(Ended::again("it took too long".to_owned(), job.attempts, pace)),
            }
        };
        let now = self.clock.now();
        let (label, noted) = match result {
            None => ("done", self.note(&job, now, None).await),
            Some(ended @ Ended::Again { .. }) => ("again", self.note(&job, now, Some(ended)).await),
            Some(ended @ Ended::Never(_)) => {
                error!(job.id = %job.id, kind, attempts = job.attempts, "a job is given up");
                ("given_up", self.note(&job, now, Some(ended)).await)
            }
        };
        counter!(figures::JOBS_TOTAL, "kind" => kind, "result" => label).increment(1);
        match noted {
            Ok(true) => info!(job.id = %job.id, kind, attempts = job.attempts, result = label, "a job ended"),
            Ok(false) => warn!(job.id = %job.id, kind, "a job ended after its lease"),
            // The lease ends, and the job runs again: it is safe to.
            Err(error) => {
                warn!(job.id = %job.id, error = &error as &dyn std::error::Error, "how a job ended is not noted");
            }
        }
    }

    /// Says again and again that a job is being done, so that nobody else begins it.
    async fn keep(&self, job: &Job) -> Infallible {
        loop {
            self.clock.sleep(self.pace.lease / RENEWALS).await;
            let until = after(self.clock.now(), self.pace.lease);
            if let Err(error) = self.prolong(job, until).await {
                // Somebody else may begin it meanwhile: it is safe to run twice.
                warn!(job.id = %job.id, error = &error as &dyn std::error::Error, "a lease is not prolonged");
            }
        }
    }

    async fn prolong(&self, job: &Job, until: Timestamp) -> Result<(), store::Error> {
        let mut tx = self.store.begin(&job.tenant).await?;
        tx.jobs().prolong(job, until).await?;
        tx.commit().await
    }

    async fn note(&self, job: &Job, now: Timestamp, ended: Option<Ended>) -> Result<bool, store::Error> {
        let mut tx = self.store.begin(&job.tenant).await?;
        let counted = match ended {
            None => tx.jobs().done(job).await?,
            Some(Ended::Again { wait, problem }) => tx.jobs().again(job, after(now, wait), &problem).await?,
            Some(Ended::Never(problem)) => tx.jobs().give_up(job, &problem).await?,
        };
        tx.commit().await?;
        Ok(counted)
    }

    fn note_panic(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(panicked) = ended {
            error!(error = &panicked as &dyn std::error::Error, "a job did not end; it is tried again");
        }
    }
}

/// How a job ended that was not done.
enum Ended {
    /// It is tried again after a while.
    Again { wait: Duration, problem: String },
    /// Trying again would not help.
    Never(String),
}

impl Ended {
    fn of(error: &app::Error, attempts: u32, pace: Pace) -> Self {
        match error {
            app::Error::Later { wait, why } => Self::Again { wait: *wait, problem: (*why).to_owned() },
            app::Error::Unavailable(..) | app::Error::Internal(_) => {
                Self::again(error.to_string(), attempts, pace)
            }
            app::Error::NotFound(_)
            | app::Error::Taken
            | app::Error::Refused(_)
            | app::Error::TooLate
            | app::Error::Conflict(_)
            | app::Error::Declined { .. }
            | app::Error::Invalid(_)
            | app::Error::Forbidden(_)
            | app::Error::OperatorOnly(_)
            | app::Error::SecondFactor
            | app::Error::Unauthenticated(_)
            | app::Error::Closed(_)
            | app::Error::Stale
            | app::Error::Limit { .. } => Self::Never(error.to_string()),
        }
    }

    fn again(problem: String, attempts: u32, pace: Pace) -> Self {
        if pace.attempts_max.is_some_and(|max| attempts >= max) {
            return Self::Never(problem);
        }
        let doubled = pace.retry.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        Self::Again { wait: doubled.min(pace.retry_max), problem }
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
