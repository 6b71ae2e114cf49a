//! Everything that runs beside, on one list: so that leaving waits for it.
//!
//! Leaving has two steps. [`Tasks::leave`] asks softly: begin nothing, finish what runs.
//! [`Tasks::stop`] asks hard: end as soon as is decent. The process ends when the list is empty. A task that
//! panics ends alone, unless it is vital: the end of a vital task is the end of the process.

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
};

use tokio::task::JoinHandle;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};
use tracing::error;

/// The list of what runs, and the two requests to end it. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    leaving: CancellationToken,
    stopping: CancellationToken,
    fallen: CancellationToken,
    fallen_name: Arc<OnceLock<&'static str>>,
}

impl Tasks {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` beside. Should it panic, only it ends.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tracker.spawn(future)
    }

    /// Runs `future` beside as something the process cannot be without. If it ends before anybody asked to
    /// leave, however it ends, [`Tasks::fallen`] tells.
    pub fn spawn_vital<F, E>(&self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let tasks = self.clone();
        let work = self.tracker.spawn(future);
        self.tracker.spawn(async move {
            let reason = match work.await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(panicked) => panicked.to_string(),
            };
            if !tasks.is_leaving() {
                error!(task = name, reason, "a vital task ended");
                let _ = tasks.fallen_name.set(name);
                tasks.fallen.cancel();
            }
        });
    }

    /// Asks softly: begin nothing, finish what runs.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Asks hard: end as soon as is decent.
    pub fn stop(&self) {
        self.leaving.cancel();
        self.stopping.cancel();
    }

    /// Whether somebody asked to leave, softly or hard.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Waits until somebody asks to leave, softly or hard.
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Waits until somebody asks hard.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// The same, to be kept by what waits for it.
    pub fn stopping_owned(&self) -> WaitForCancellationFutureOwned {
        self.stopping.clone().cancelled_owned()
    }

    /// Waits until a vital task has ended of itself; its name.
    pub async fn fallen(&self) -> &'static str {
        self.fallen.cancelled().await;
        self.fallen_name.get().copied().unwrap_or("a vital task")
    }

    /// Waits until nothing runs any more. Nothing should be spawned after this is called.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }
}
