//! What callers left for a tenant.

use std::fmt;

use sqlx::FromRow;

use super::{Error, Messages, on, rows, texts};
use crate::domain::{
    id::{CallId, MessageId},
    phone::E164,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, call_id, name, number, text, left_at"
    };
}

texts! {
    PUT = concat!("INSERT INTO messages (tenant_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
    OF_CALL = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND call_id = $2
        ORDER BY left_at, id");
    LATEST = concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1
        ORDER BY left_at DESC, id LIMIT $2");
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
