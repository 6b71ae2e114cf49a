//! Everything the program writes to its log, for a test that looks for what must not be there.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Everything that was written to the log since it is [kept](Self::keep).
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what is written on this thread, down to the finest, until the guard is dropped.
    pub fn keep() -> (Self, DefaultGuard) {
        let log = Self::default();
        let filter =
            "frontdesk=trace,sqlx=debug,lettre=trace,axum=trace,hyper=trace,reqwest=trace,oauth2=trace";
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Asserts that something was written, and none of these.
    #[track_caller]
    pub fn has_none_of<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("frontdesk answers"), "something was written: {log}");
        for secret in secrets {
            assert!(!secret.is_empty() && !log.contains(secret), "{secret}: {log}");
        }
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Whether this process runs the test of that path (`module_path!()` and its name) alone. If not, it is run in one that
/// does, and must pass there: tests beside it share what decides which lines are written at all.
pub fn alone(test: &str) -> bool {
    const ALONE: &str = "FRONTDESK_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    let (_, name) = test.split_once("::").unwrap();
    let told = process.args(["--exact", name]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && said.contains("1 passed"), "{said}");
    false
}
