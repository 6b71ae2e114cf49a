//! The outbox: mails that were written, and what became of them.
//!
//! A body is kept sealed, by whoever writes it, and only until it was sent.

use std::fmt;

use sqlx::FromRow;

use super::super::{
    Error, Mails, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{email::Email, id::MailId, time::Timestamp};

macro_rules! columns {
    () => {
        "id, recipient, subject, body, state, created_at, expires_at, due_at, attempts, problem, sent_at"
    };
}

texts! {
    ADD = "INSERT INTO mails (id, recipient, subject, body, state, created_at, expires_at, due_at)
        VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7)";
    GET = concat!("SELECT ", columns!(), " FROM mails WHERE id = $1");
    PAGE = concat!("SELECT ", columns!(), " FROM mails WHERE id > $1 ORDER BY id LIMIT $2");
    LEFT = "SELECT COUNT(*) FROM mails WHERE state = $1";
    @sqlite TAKE_ON_SQLITE = concat!("UPDATE mails SET due_at = $2, attempts = attempts + 1 WHERE state = 'waiting'
        AND due_at <= $1 AND id IN (
            SELECT id FROM mails WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $3)
        RETURNING ", columns!());
    @postgres TAKE_ON_POSTGRES = concat!("UPDATE mails SET due_at = $2, attempts = attempts + 1
        WHERE state = 'waiting' AND due_at <= $1 AND id IN (
            SELECT id FROM mails WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $3
            FOR UPDATE SKIP LOCKED)
        RETURNING ", columns!());
    SENT = "UPDATE mails SET state = 'sent', sent_at = $3, body = NULL, problem = NULL WHERE id = $1 AND attempts = $2";
    AGAIN = "UPDATE mails SET due_at = $3, problem = $4 WHERE id = $1 AND attempts = $2";
    GIVE_UP = "UPDATE mails SET state = 'given_up', problem = $3 WHERE id = $1 AND attempts = $2";
    EXPIRE = "UPDATE mails SET state = 'given_up', body = NULL, problem = $2 WHERE state = 'waiting' AND expires_at <= $1";
    FORGET = "DELETE FROM mails WHERE created_at <= $1";
}

/// What has become of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It is to be sent.
    Waiting,
    /// A mail server has taken it.
    Sent,
    /// It will not be tried again.
    GivenUp,
}

impl MailState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::GivenUp => "given_up",
        }
    }

    fn parse(word: &str) -> Result<Self, Error> {
        [Self::Waiting, Self::Sent, Self::GivenUp]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(Error::Damaged("mails.state"))
    }
}

/// A mail that was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// To whom.
    pub recipient: Email,
    /// What it is about, in the recipient's language.
    pub subject: String,
    /// Its words, sealed; gone once it was sent.
    pub body: Option<Vec<u8>>,
    /// What has become of it.
    pub state: MailState,
    /// When it was written.
    pub created_at: Timestamp,
    /// Until when it is of use: the link in it opens nothing after.
    pub expires_at: Timestamp,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// How often it has been tried. Also says which trying this is.
    pub attempts: u32,
    /// What kept it from being sent the last time.
    pub problem: Option<String>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct MailRow {
    id: String,
    recipient: String,
    subject: String,
    body: Option<Vec<u8>>,
    state: String,
    created_at: i64,
    expires_at: i64,
    due_at: i64,
    attempts: i64,
    problem: Option<String>,
    sent_at: Option<i64>,
}

impl TryFrom<MailRow> for Mail {
    type Error = Error;

    fn try_from(row: MailRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "mails.id")?,
            recipient: rows::text(&row.recipient, "mails.recipient")?,
            subject: row.subject,
            body: row.body,
            state: MailState::parse(&row.state)?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            due_at: Timestamp(row.due_at),
            attempts: rows::whole(row.attempts, "mails.attempts")?,
            problem: row.problem,
            sent_at: row.sent_at.map(Timestamp),
        })
    }
}

/// When a mail was written, and when it is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTimes {
    /// When it was written.
    pub written: Timestamp,
    /// From when on it is to be sent.
    pub due: Timestamp,
    /// Until when it is of use.
    pub expires: Timestamp,
}

impl Mails<'_> {
    /// Keeps a mail that is to be sent.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add(
        &mut self,
        id: &MailId,
        recipient: &Email,
        subject: &str,
        body: &[u8],
        times: MailTimes,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(id.as_str())
            .bind(recipient.as_str())
            .bind(subject)
            .bind(body)
            .bind(times.written.0)
            .bind(times.expires.0)
            .bind(times.due.0)
            .execute(db).await.map(drop)?);
        self.tx.adds_mail = true;
        Ok(())
    }

    /// The mail of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &MailId) -> Result<Option<Mail>, Error> {
        let row: Option<MailRow> =
            on!(self.tx, db => sqlx::query_as(GET).bind(id.as_str()).fetch_optional(db).await?);
        row.map(Mail::try_from).transpose()
    }

    /// The whole outbox in the order of writing, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Mail>, Error> {
        let rows: Vec<MailRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |mail: &Mail| Place::of_id(mail.id.as_str()))
    }

    /// How many mails are in that state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self, state: MailState) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(LEFT).bind(state.as_str()).fetch_one(db).await?);
        rows::whole(count, "mails")
    }

    /// Takes up to `count_max` mails that are due. Nobody else gets them before `until`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        count_max: u32,
    ) -> Result<Vec<Mail>, Error> {
        let text = match &self.tx.open {
            super::super::Open::Sqlite(..) => TAKE_ON_SQLITE,
            super::super::Open::Postgres(_) => TAKE_ON_POSTGRES,
        };
        let rows: Vec<MailRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(now.0)
            .bind(until.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Mail::try_from).collect()
    }

    /// The mail was sent, and its words are forgotten; whether this trying was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn sent(&mut self, mail: &Mail, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(SENT)
            .bind(mail.id.as_str())
            .bind(i64::from(mail.attempts))
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The mail is to be tried again from `due` on; whether this trying was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn again(&mut self, mail: &Mail, due: Timestamp, problem: &str) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(AGAIN)
            .bind(mail.id.as_str())
            .bind(i64::from(mail.attempts))
            .bind(due.0)
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The mail will not be tried again; whether this trying was still the one that counts.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn give_up(&mut self, mail: &Mail, problem: &str) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(GIVE_UP)
            .bind(mail.id.as_str())
            .bind(i64::from(mail.attempts))
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Gives up every mail whose link is good no more by `now`; how many.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn expire(&mut self, now: Timestamp, problem: &str) -> Result<u64, Error> {
        Ok(
            on!(self.tx, db => sqlx::query(EXPIRE).bind(now.0).bind(problem).execute(db).await?.rows_affected()),
        )
    }

    /// Forgets mails written by `written`, whatever became of them; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, written: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(FORGET).bind(written.0).execute(db).await?.rows_affected()))
    }
}
