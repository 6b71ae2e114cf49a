//! The queue: work that a change has set in motion, written in the change's own transaction.
//!
//! A job says what it is about, not what to do with it: whoever runs it looks at what is true then. The same work
//! waits once, however often it is asked for. Taking jobs is [`Across::take_jobs`](super::Across::take_jobs).

use sqlx::FromRow;

use super::{Error, Jobs, on, rows, texts};
use crate::domain::{
    assistant::Language,
    id::{AssistantId, CallId, JobId, NumberId, OrderId, TenantId},
    time::Timestamp,
};

texts! {
    ADD = "INSERT INTO jobs (tenant_id, id, kind, subject, state, due_at, attempts, created_at)
        VALUES ($1, $2, $3, $4, 'waiting', $5, 0, $5)
        ON CONFLICT (tenant_id, kind, subject) DO UPDATE SET state = 'waiting', due_at = excluded.due_at,
            attempts = CASE WHEN jobs.state = 'given_up' THEN 0 ELSE jobs.attempts END";
    DONE = "DELETE FROM jobs WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    AGAIN = "UPDATE jobs SET due_at = $4, problem = $5 WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    GIVE_UP = "UPDATE jobs SET state = 'given_up', problem = $4
        WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    GIVEN_UP = "SELECT tenant_id, id, kind, subject, attempts, problem FROM jobs
        WHERE tenant_id = $1 AND state = 'given_up' ORDER BY due_at, id LIMIT 100";
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Turn a call's recording into its archived form.
    ArchiveRecording {
        /// The call.
        call: CallId,
    },
    /// Have an assistant's opening words spoken and keep the sound.
    OpeningClip {
        /// Whose words.
        assistant: AssistantId,
        /// In which language.
        language: Language,
    },
    /// Find out what became of an order, and have it filled.
    BuyNumber {
        /// The order.
        order: OrderId,
    },
    /// Tell Twilio where to ask when a number rings.
    SetUpNumber {
        /// The number.
        number: NumberId,
    },
}

impl Work {
    /// What kind of work it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ArchiveRecording { .. } => "archive_recording",
            Self::OpeningClip { .. } => "opening_clip",
            Self::BuyNumber { .. } => "buy_number",
            Self::SetUpNumber { .. } => "set_up_number",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::ArchiveRecording { call } => call.as_str().to_owned(),
            Self::OpeningClip { assistant, language } => format!("{assistant}/{language}"),
            Self::BuyNumber { order } => order.as_str().to_owned(),
            Self::SetUpNumber { number } => number.as_str().to_owned(),
        }
    }

    fn parse(kind: &str, subject: &str) -> Result<Self, Error> {
        const WHAT: &str = "jobs.subject";
        match kind {
            "archive_recording" => Ok(Self::ArchiveRecording { call: rows::text(subject, WHAT)? }),
            "opening_clip" => {
                let (assistant, language) = subject.split_once('/').ok_or(Error::Damaged(WHAT))?;
                Ok(Self::OpeningClip {
                    assistant: rows::text(assistant, WHAT)?,
                    language: rows::text(language, WHAT)?,
                })
            }
            "buy_number" => Ok(Self::BuyNumber { order: rows::text(subject, WHAT)? }),
            "set_up_number" => Ok(Self::SetUpNumber { number: rows::text(subject, WHAT)? }),
            _ => Err(Error::Damaged("jobs.kind")),
        }
    }
}

/// Work that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is to be done.
    pub work: Work,
    /// How often it has been taken, this time included. Also says which taking this is: one whose lease ran out
    /// can no longer end the job.
    pub attempts: u32,
    /// What kept it from being done the last time.
    pub problem: Option<String>,
}

#[derive(FromRow)]
pub(super) struct JobRow {
    tenant_id: String,
    id: String,
    kind: String,
    subject: String,
    attempts: i64,
    problem: Option<String>,
}

impl TryFrom<JobRow> for Job {
    type Error = Error;

    fn try_from(row: JobRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "jobs.id")?,
            tenant: rows::text(&row.tenant_id, "jobs.tenant_id")?,
            work: Work::parse(&row.kind, &row.subject)?,
            attempts: rows::whole(row.attempts, "jobs.attempts")?,
            problem: row.problem,
        })
    }
}

impl Jobs<'_> {
    /// Asks for work to be done from `due` on. The same work that waits already is made due then, and one that was
    /// given up begins anew.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(&mut self, id: &JobId, work: &Work, due: Timestamp) -> Result<(), Error> {
        let subject = work.subject();
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(work.kind())
            .bind(subject.as_str())
            .bind(due.0)
            .execute(db).await.map(drop)?);
        self.tx.adds_work = true;
        Ok(())
    }

    /// The job is done; whether this taking of it was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn done(&mut self, job: &Job) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(DONE)
            .bind(self.tenant.as_str())
            .bind(job.id.as_str())
            .bind(i64::from(job.attempts))
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// The job is to be tried again from `due` on; whether this taking of it was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn again(&mut self, job: &Job, due: Timestamp, problem: &str) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(AGAIN)
            .bind(self.tenant.as_str())
            .bind(job.id.as_str())
            .bind(i64::from(job.attempts))
            .bind(due.0)
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The job will not be tried again of itself; whether this taking of it was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn give_up(&mut self, job: &Job, problem: &str) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(GIVE_UP)
            .bind(self.tenant.as_str())
            .bind(job.id.as_str())
            .bind(i64::from(job.attempts))
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Jobs that were given up, at most a hundred.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn given_up(&mut self) -> Result<Vec<Job>, Error> {
        let rows: Vec<JobRow> = on!(self.tx, db => {
            sqlx::query_as(GIVEN_UP).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        rows.into_iter().map(Job::try_from).collect()
    }
}
