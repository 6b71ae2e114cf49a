//! Whether calls can be answered, and if not, why.

use std::time::Duration;

use tracing::warn;

use crate::{
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
};

/// How long the database may take to give a sign of life.
const DATABASE_WAIT_MAX: Duration = Duration::from_secs(2);

/// What must be well for calls to be answered.
#[derive(Clone, Debug)]
pub struct Health {
    /// Where everything is kept.
    pub store: Store,
    /// Whether there is a key to ask the engine with.
    pub engine_key: bool,
    /// Whether Twilio's requests can be told from others': the public URL and an auth token are known.
    pub telephone: bool,
    /// Whether somebody asked to leave.
    pub tasks: Tasks,
    /// For limits on waiting.
    pub clock: Clock,
}

/// One thing that must be well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What is wrong with it, if anything.
    pub problem: Option<&'static str>,
}

impl Health {
    /// Looks at everything.
    pub async fn checks(&self) -> Vec<Check> {
        let answered = self.clock.within(DATABASE_WAIT_MAX, self.store.ping()).await;
        let database = match answered {
            Some(Ok(())) => None,
            Some(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "the database gives no sign of life");
                Some("it cannot be reached")
            }
            None => Some("it does not answer in time"),
        };
        let unless = |well: bool, problem| (!well).then_some(problem);
        vec![
            Check { name: "database", problem: database },
            Check { name: "engine", problem: unless(self.engine_key, "there is no key: set OPENAI_API_KEY") },
            Check {
                name: "telephone",
                problem: unless(
                    self.telephone,
                    "Twilio cannot be recognised: set http.public_url and TWILIO_AUTH_TOKEN",
                ),
            },
            Check { name: "staying", problem: unless(!self.tasks.is_leaving(), "the server is leaving") },
        ]
    }
}
