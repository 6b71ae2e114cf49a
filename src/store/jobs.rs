//! The queue: work that a change has set in motion, written in the change's own transaction.
//!
//! A job says what it is about, not what to do with it: whoever runs it looks at what is true then. The same work
//! waits once, however often it is asked for. Taking jobs is [`Across::take_jobs`](super::Across::take_jobs).

use sqlx::FromRow;

use super::{Error, Jobs, on, rows, texts};
use crate::domain::{
    assistant::Language,
    id::{
        AppointmentId, AssistantId, CalendarId, CallId, ErasureId, ExportId, JobId, MessageId, NumberId,
        OrderId, TenantErasureId, TenantId, WebhookId,
    },
    time::Timestamp,
};

texts! {
    ADD = "INSERT INTO jobs (tenant_id, id, kind, subject, lane, state, due_at, attempts, created_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', $6, 0, $6)
        ON CONFLICT (tenant_id, kind, subject) DO UPDATE SET state = 'waiting', due_at = excluded.due_at,
            asked = jobs.asked + 1,
            attempts = CASE WHEN jobs.state = 'given_up' THEN 0 ELSE jobs.attempts END";
    DONE = "DELETE FROM jobs WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND asked = $4";
    PROLONG = "UPDATE jobs SET leased_until = $4 WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND leased_until > 0";
    LET_GO = "UPDATE jobs SET leased_until = 0 WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    AGAIN = "UPDATE jobs SET due_at = CASE WHEN asked = $6 THEN $4 ELSE due_at END, problem = $5, leased_until = 0
        WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    GIVE_UP = "UPDATE jobs SET state = CASE WHEN asked = $5 THEN 'given_up' ELSE state END, problem = $4,
            leased_until = 0
        WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    GIVEN_UP = "SELECT tenant_id, id, kind, subject, attempts, problem, asked FROM jobs
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
    /// Fetch the sound of a message that was spoken, and have it written down.
    FetchMessage {
        /// The message.
        message: MessageId,
    },
    /// Have a model sum up what a call came to.
    SummariseCall {
        /// The call.
        call: CallId,
    },
    /// Fetch what Twilio wrote down of a call.
    ImportTranscript {
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
    /// Make the calendars outside and an appointment agree.
    SettleAppointment {
        /// The appointment.
        appointment: AppointmentId,
    },
    /// Learn what has changed in a calendar outside.
    SyncCalendar {
        /// The calendar.
        calendar: CalendarId,
    },
    /// See to it that we are told of changes in a calendar outside.
    WatchCalendar {
        /// The calendar.
        calendar: CalendarId,
    },
    /// Tell a webhook what waits for it.
    TellWebhook {
        /// The webhook.
        webhook: WebhookId,
    },
    /// Remove what has been kept for long enough.
    Purge,
    /// Forget somebody.
    Erase {
        /// Whom.
        erasure: ErasureId,
    },
    /// Make a copy of what is known.
    Export {
        /// Of what.
        export: ExportId,
    },
    /// Forget the tenant itself.
    EraseTenant {
        /// Which erasure it is.
        erasure: TenantErasureId,
    },
}

/// Whom work must not wait for: in each lane others work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What may take minutes, and may wait for minutes.
    Slow,
    /// What somebody may be waiting for: a moment's work.
    Prompt,
    /// What waits for servers that tenants name, and may do so in vain.
    Telling,
}

impl Lane {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Slow, Self::Prompt, Self::Telling];
    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The word it is stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Prompt => "prompt",
            Self::Telling => "telling",
        }
    }
}

impl Work {
    /// What kind of work it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ArchiveRecording { .. } => "archive_recording",
            Self::FetchMessage { .. } => "fetch_message",
            Self::SummariseCall { .. } => "summarise_call",
            Self::ImportTranscript { .. } => "import_transcript",
            Self::OpeningClip { .. } => "opening_clip",
            Self::BuyNumber { .. } => "buy_number",
            Self::SetUpNumber { .. } => "set_up_number",
            Self::SettleAppointment { .. } => "settle_appointment",
            Self::SyncCalendar { .. } => "sync_calendar",
            Self::WatchCalendar { .. } => "watch_calendar",
            Self::TellWebhook { .. } => "tell_webhook",
            Self::Purge => "purge",
            Self::Erase { .. } => "erase",
            Self::Export { .. } => "export",
            Self::EraseTenant { .. } => "erase_tenant",
        }
    }

    /// Who does it.
    pub fn lane(&self) -> Lane {
        match self {
            Self::ArchiveRecording { .. }
            | Self::FetchMessage { .. }
            | Self::SummariseCall { .. }
            | Self::ImportTranscript { .. }
            | Self::OpeningClip { .. }
            | Self::BuyNumber { .. }
            | Self::SetUpNumber { .. }
            | Self::Purge
            | Self::Erase { .. }
            | Self::Export { .. }
            | Self::EraseTenant { .. } => Lane::Slow,
            Self::SettleAppointment { .. } | Self::SyncCalendar { .. } | Self::WatchCalendar { .. } => {
                Lane::Prompt
            }
            Self::TellWebhook { .. } => Lane::Telling,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::ArchiveRecording { call }
            | Self::SummariseCall { call }
            | Self::ImportTranscript { call } => call.as_str().to_owned(),
            Self::FetchMessage { message } => message.as_str().to_owned(),
            Self::OpeningClip { assistant, language } => format!("{assistant}/{language}"),
            Self::BuyNumber { order } => order.as_str().to_owned(),
            Self::SetUpNumber { number } => number.as_str().to_owned(),
            Self::SettleAppointment { appointment } => appointment.as_str().to_owned(),
            Self::SyncCalendar { calendar } | Self::WatchCalendar { calendar } => {
                calendar.as_str().to_owned()
            }
            Self::TellWebhook { webhook } => webhook.as_str().to_owned(),
            Self::Purge => "tenant".to_owned(),
            Self::Erase { erasure } => erasure.as_str().to_owned(),
            Self::Export { export } => export.as_str().to_owned(),
            Self::EraseTenant { erasure } => erasure.as_str().to_owned(),
        }
    }

    fn parse(kind: &str, subject: &str) -> Result<Self, Error> {
        const WHAT: &str = "jobs.subject";
        match kind {
            "archive_recording" => Ok(Self::ArchiveRecording { call: rows::text(subject, WHAT)? }),
            "fetch_message" => Ok(Self::FetchMessage { message: rows::text(subject, WHAT)? }),
            "summarise_call" => Ok(Self::SummariseCall { call: rows::text(subject, WHAT)? }),
            "import_transcript" => Ok(Self::ImportTranscript { call: rows::text(subject, WHAT)? }),
            "opening_clip" => {
                let (assistant, language) = subject.split_once('/').ok_or(Error::Damaged(WHAT))?;
                Ok(Self::OpeningClip {
                    assistant: rows::text(assistant, WHAT)?,
                    language: rows::text(language, WHAT)?,
                })
            }
            "buy_number" => Ok(Self::BuyNumber { order: rows::text(subject, WHAT)? }),
            "set_up_number" => Ok(Self::SetUpNumber { number: rows::text(subject, WHAT)? }),
            "settle_appointment" => Ok(Self::SettleAppointment { appointment: rows::text(subject, WHAT)? }),
            "sync_calendar" => Ok(Self::SyncCalendar { calendar: rows::text(subject, WHAT)? }),
            "watch_calendar" => Ok(Self::WatchCalendar { calendar: rows::text(subject, WHAT)? }),
            "tell_webhook" => Ok(Self::TellWebhook { webhook: rows::text(subject, WHAT)? }),
            "purge" => Ok(Self::Purge),
            "erase" => Ok(Self::Erase { erasure: rows::text(subject, WHAT)? }),
            "export" => Ok(Self::Export { export: rows::text(subject, WHAT)? }),
            "erase_tenant" => Ok(Self::EraseTenant { erasure: rows::text(subject, WHAT)? }),
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
    /// How often it had been asked for when it was taken; asked for since, it is done again.
    pub asked: i64,
}

#[derive(FromRow)]
pub(super) struct JobRow {
    tenant_id: String,
    pub(super) id: String,
    pub(super) kind: String,
    subject: String,
    attempts: i64,
    problem: Option<String>,
    asked: i64,
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
            asked: row.asked,
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
            .bind(work.lane().as_str())
            .bind(due.0)
            .execute(db).await.map(drop)?);
        self.tx.adds_work[work.lane() as usize] = true;
        Ok(())
    }

    /// The job takes longer: it is nobody else's before `until`; whether this taking of it was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn prolong(&mut self, job: &Job, until: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(PROLONG)
            .bind(self.tenant.as_str())
            .bind(job.id.as_str())
            .bind(i64::from(job.attempts))
            .bind(until.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
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
            .bind(job.asked)
            .execute(db).await?.rows_affected());
        if gone == 1 {
            return Ok(true);
        }
        let kept = on!(self.tx, db => sqlx::query(LET_GO)
            .bind(self.tenant.as_str())
            .bind(job.id.as_str())
            .bind(i64::from(job.attempts))
            .execute(db).await?.rows_affected());
        self.tx.adds_work[job.work.lane() as usize] |= kept == 1;
        Ok(kept == 1)
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
            .bind(job.asked)
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
            .bind(job.asked)
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
