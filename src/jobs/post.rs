//! Takes mails out of the outbox and hands them to the mail server: promptly, again when it is away, and not for ever.
//!
//! Several processes may do this beside one another: a mail that was taken is one's own until its lease ends. One that
//! is given up stays in the outbox and says why.

use std::convert::Infallible;

use metrics::counter;
use tracing::{error, info, warn};

use super::{ATTEMPTS_MAX, Ended, LOOK_PERIOD, SLOW, after};
use crate::{
    app::{self, people::People},
    mail::Mailer,
    platform::{clock::Clock, metrics as figures, tasks::Tasks},
    store::{self, Mail, Store},
};

/// How many mails are taken at once.
const AT_ONCE_MAX: u32 = 8;
/// How long a mail that was taken is one's own, in minutes.
const LEASE_MINUTES: i64 = 10;
/// What sending a mail is called among the figures.
const KIND: &str = "mail";

/// Sends what waits in the outbox, until somebody asks to leave.
#[derive(Clone)]
pub struct Post {
    /// The database.
    pub store: Store,
    /// Knows the words of mails.
    pub people: People,
    /// The way to the mail server.
    pub mailer: Mailer,
    /// The clock.
    pub clock: Clock,
    /// Who says when to leave.
    pub tasks: Tasks,
}

impl Post {
    /// Sends what is due until somebody asks to leave. A database that is away is waited for.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self) -> Result<(), Infallible> {
        while !self.tasks.is_leaving() {
            let taken = match self.take().await {
                Ok(taken) => taken,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                    vec![]
                }
            };
            let none = taken.is_empty();
            for mail in taken {
                self.carry(&mail).await;
            }
            if none {
                tokio::select! {
                    () = self.store.mail_added() => {}
                    () = self.clock.sleep(LOOK_PERIOD) => {}
                    () = self.tasks.leaving() => {}
                }
            }
        }
        Ok(())
    }

    async fn take(&self) -> Result<Vec<Mail>, store::Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin_platform().await?;
        let taken = tx.mails().take(now, now.plus_minutes(LEASE_MINUTES), AT_ONCE_MAX).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Sends one mail and notes what came of it.
    async fn carry(&self, mail: &Mail) {
        let sent = if mail.attempts > ATTEMPTS_MAX {
            Err(Ended::Never("it never ended".to_owned()))
        } else {
            tokio::select! {
                sent = self.people.deliver(&self.mailer, mail, self.clock.now()) => {
                    sent.map_err(|error| self.ended(mail, &error))
                }
                () = self.tasks.stopping() => return,
            }
        };
        let label = match &sent {
            Ok(()) => "done",
            Err(Ended::Again { .. }) => "again",
            Err(Ended::Never(_)) => "given_up",
        };
        counter!(figures::JOBS_TOTAL, "kind" => KIND, "result" => label).increment(1);
        match self.note(mail, sent).await {
            Ok(true) => {
                info!(mail.id = %mail.id, attempts = mail.attempts, result = label, "a mail was tried")
            }
            Ok(false) => warn!(mail.id = %mail.id, "a mail was tried after its lease"),
            // The lease ends, and the mail is sent again: under the same id.
            Err(error) => {
                warn!(mail.id = %mail.id, error = &error as &dyn std::error::Error, "how a mail ended is not noted");
            }
        }
    }

    fn ended(&self, mail: &Mail, failed: &app::Error) -> Ended {
        let ended = Ended::of(failed, mail.attempts, SLOW);
        match &ended {
            Ended::Never(_) => {
                error!(mail.id = %mail.id, error = failed as &dyn std::error::Error, "a mail is given up");
            }
            Ended::Again { .. } => {
                warn!(mail.id = %mail.id, error = failed as &dyn std::error::Error, "a mail could not be sent");
            }
        }
        ended
    }

    async fn note(&self, mail: &Mail, ended: Result<(), Ended>) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin_platform().await?;
        let counted = match ended {
            Ok(()) => tx.mails().sent(mail, now).await?,
            Err(Ended::Again { wait, problem }) => tx.mails().again(mail, after(now, wait), &problem).await?,
            Err(Ended::Never(problem)) => tx.mails().give_up(mail, &problem).await?,
        };
        tx.commit().await?;
        Ok(counted)
    }
}
