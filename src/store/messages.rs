//! What callers left for a tenant.

use std::fmt;

use sqlx::FromRow;

use super::{
    Error, Messages, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    id::{CallId, MessageId},
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, call_id, name, number, text, left_at, handled_at, handled_by, recording_sid, recording, recording_key, \
         urgent, claimed_by, claimed_until, tries, again_at"
    };
}

texts! {
    PUT = concat!("INSERT INTO messages (tenant_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
        $14, $15, $16, $17)");
    OF_CALL = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND call_id = $2
        ORDER BY left_at, id");
    LATEST = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1
        ORDER BY left_at DESC, id LIMIT $2");
    GET = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND id = $2");
    REVISION = "SELECT revision FROM messages WHERE tenant_id = $1 AND id = $2";
    PAGE = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1
        AND (left_at, id) < ($2, $3) ORDER BY left_at DESC, id DESC LIMIT $4");
    PAGE_OPEN = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1
        AND (left_at, id) < ($2, $3) AND handled_at IS NULL ORDER BY left_at DESC, id DESC LIMIT $4");
    PAGE_HANDLED = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1
        AND (left_at, id) < ($2, $3) AND handled_at IS NOT NULL ORDER BY left_at DESC, id DESC LIMIT $4");
    BY_RECORDING = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND recording_sid = $2");
    FETCHED = "UPDATE messages SET recording = $3, recording_key = $4 WHERE tenant_id = $1 AND id = $2";
    WRITTEN_DOWN = "UPDATE messages SET text = $3, revision = revision + 1 WHERE tenant_id = $1 AND id = $2 AND text = ''";
    HANDLE = "UPDATE messages SET handled_at = $3, handled_by = $4, claimed_by = NULL, claimed_until = NULL,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    WORK = "UPDATE messages SET urgent = $3, claimed_by = $4, claimed_until = $5, tries = $6, again_at = $7,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    /// The oldest first.
    OPEN = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND handled_at IS NULL
        ORDER BY left_at, id LIMIT $2");
    OPEN_OF_NUMBER = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND number = $2
        AND handled_at IS NULL ORDER BY left_at, id LIMIT $3");
    /// Whoever takes several at once waits here for others who do.
    LOCK = "UPDATE tenants SET purge_at = purge_at WHERE id = $1";
    CALLS_OF = "SELECT COUNT(*), MIN(rang_at) FROM calls WHERE tenant_id = $1 AND from_number = $2 AND rang_at >= $3
        AND direction = 'inbound'";
}

/// A message a caller left for the business. `Debug` shows neither who nor what.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The call it was left in.
    pub call: Option<CallId>,
    /// Who left it, as they said; may be empty.
    pub name: String,
    /// Where they can be called back.
    pub number: Option<E164>,
    /// What they want.
    pub text: String,
    /// When it was left.
    pub left: Timestamp,
    /// When it was looked after, and by whom, as in the audit log.
    pub handled: Option<(Timestamp, String)>,
    /// Its sound, when it was spoken to nobody.
    pub spoken: Option<Spoken>,
    /// How it is worked.
    pub work: MessageWork,
}

/// How a message is worked until it was looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageWork {
    /// Whether it cannot wait.
    pub urgent: bool,
    /// Who calls back, as in the audit log, and until when nobody else does.
    pub claim: Option<(String, Timestamp)>,
    /// How often nobody was reached.
    pub tries: u32,
    /// When it is to be tried again.
    pub again: Option<Timestamp>,
}

/// The sound of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Twilio's name for it (`RE…`).
    pub sid: String,
    /// Where it lies, by the blob's name, once it was fetched.
    pub blob: Option<String>,
    /// What opens it, sealed.
    pub key: Option<Vec<u8>>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct MessageRow {
    id: String,
    call_id: Option<String>,
    name: String,
    number: Option<String>,
    text: String,
    left_at: i64,
    handled_at: Option<i64>,
    handled_by: Option<String>,
    recording_sid: Option<String>,
    recording: Option<String>,
    recording_key: Option<Vec<u8>>,
    urgent: bool,
    claimed_by: Option<String>,
    claimed_until: Option<i64>,
    tries: i64,
    again_at: Option<i64>,
}

impl TryFrom<MessageRow> for Message {
    type Error = Error;

    fn try_from(row: MessageRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "messages.id")?,
            call: rows::maybe(row.call_id.as_deref(), "messages.call_id")?,
            name: row.name,
            number: rows::maybe(row.number.as_deref(), "messages.number")?,
            text: row.text,
            left: Timestamp(row.left_at),
            handled: row.handled_at.map(Timestamp).zip(row.handled_by),
            spoken: row.recording_sid.map(|sid| Spoken { sid, blob: row.recording, key: row.recording_key }),
            work: MessageWork {
                urgent: row.urgent,
                claim: row.claimed_by.zip(row.claimed_until.map(Timestamp)),
                tries: rows::whole(row.tries, "messages.tries")?,
                again: row.again_at.map(Timestamp),
            },
        })
    }
}

impl Messages<'_> {
    /// Keeps a new message.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its call does not exist.
    pub async fn add(&mut self, new: &Message) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.call.as_ref().map(CallId::as_str))
            .bind(new.name.as_str())
            .bind(new.number.as_ref().map(E164::as_str))
            .bind(new.text.as_str())
            .bind(new.left.0)
            .bind(new.handled.as_ref().map(|(at, _)| at.0))
            .bind(new.handled.as_ref().map(|(_, by)| by.as_str()))
            .bind(new.spoken.as_ref().map(|spoken| spoken.sid.as_str()))
            .bind(new.spoken.as_ref().and_then(|spoken| spoken.blob.as_deref()))
            .bind(new.spoken.as_ref().and_then(|spoken| spoken.key.as_deref()))
            .bind(new.work.urgent)
            .bind(new.work.claim.as_ref().map(|(by, _)| by.as_str()))
            .bind(new.work.claim.as_ref().map(|(_, until)| until.0))
            .bind(i64::from(new.work.tries))
            .bind(new.work.again.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Waits for whoever is taking several messages at once.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn lock(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LOCK).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Those that nobody has looked after, the oldest first, at most `count_max`; with a number, only those of whoever has it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open(&mut self, number: Option<&E164>, count_max: u32) -> Result<Vec<Message>, Error> {
        let rows: Vec<MessageRow> = on!(self.tx, db => match number {
            None => sqlx::query_as(OPEN)
                .bind(self.tenant.as_str())
                .bind(i64::from(count_max))
                .fetch_all(db).await?,
            Some(number) => sqlx::query_as(OPEN_OF_NUMBER)
                .bind(self.tenant.as_str())
                .bind(number.as_str())
                .bind(i64::from(count_max))
                .fetch_all(db).await?,
        });
        rows.into_iter().map(Message::try_from).collect()
    }

    /// Keeps how a message is worked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_work(&mut self, id: &MessageId, work: &MessageWork) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(WORK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(work.urgent)
            .bind(work.claim.as_ref().map(|(by, _)| by.as_str()))
            .bind(work.claim.as_ref().map(|(_, until)| until.0))
            .bind(i64::from(work.tries))
            .bind(work.again.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How often whoever has that number has called since then, and when first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn calls_since(
        &mut self,
        number: &E164,
        since: Timestamp,
    ) -> Result<(u32, Option<Timestamp>), Error> {
        let (count, first): (i64, Option<i64>) = on!(self.tx, db => sqlx::query_as(CALLS_OF)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .bind(since.0)
            .fetch_one(db).await?);
        Ok((rows::whole(count, "a count")?, first.map(Timestamp)))
    }

    /// The message of that id and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &MessageId) -> Result<Option<Revised<Message>>, Error> {
        let row: Option<MessageRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        let Some(row) = row else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some(Revised { item: row.try_into()?, revision: Revision(revision) }))
    }

    /// The messages that fit, latest first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        handled: Option<bool>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Message>, Error> {
        let text = match handled {
            None => PAGE,
            Some(false) => PAGE_OPEN,
            Some(true) => PAGE_HANDLED,
        };
        let (at, id) = page::before(after);
        let rows: Vec<MessageRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(at)
            .bind(id)
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |message: &Message| Place {
            at: message.left.0,
            id: message.id.to_string(),
        })
    }

    /// Notes when a message was looked after and by whom, or that it was not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn handle(&mut self, id: &MessageId, handled: Option<(Timestamp, &str)>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(HANDLE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(handled.map(|(at, _)| at.0))
            .bind(handled.map(|(_, by)| by))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The message whose sound Twilio calls that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_recording(&mut self, sid: &str) -> Result<Option<Message>, Error> {
        let row: Option<MessageRow> = on!(self.tx, db => sqlx::query_as(BY_RECORDING)
            .bind(self.tenant.as_str())
            .bind(sid)
            .fetch_optional(db).await?);
        row.map(Message::try_from).transpose()
    }

    /// Notes where a message's sound lies, and its sealed key.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn fetched(&mut self, id: &MessageId, blob: &str, key: &[u8]) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FETCHED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(blob)
            .bind(key)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps the words of a message that was spoken. Words that are kept already stay.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn written_down(&mut self, id: &MessageId, text: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(WRITTEN_DOWN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(text)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Those left in a call, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_call(&mut self, call: &CallId) -> Result<Vec<Message>, Error> {
        let rows: Vec<MessageRow> = on!(self.tx, db => sqlx::query_as(OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Message::try_from).collect()
    }

    /// The latest `count_max`, latest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn latest(&mut self, count_max: u32) -> Result<Vec<Message>, Error> {
        let rows: Vec<MessageRow> = on!(self.tx, db => sqlx::query_as(LATEST)
            .bind(self.tenant.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Message::try_from).collect()
    }
}
