//! Sound at Twilio that belongs to nobody here any more, until it is erased there.
//!
//! It belongs to no tenant: the one it was of may be gone.

use sqlx::FromRow;

use super::{Error, Leftovers, on, rows, texts};
use crate::domain::{id::TenantId, time::Timestamp};

texts! {
    ADD = "INSERT INTO leftovers (sid, account_sid, whose, found_at, due_at) VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (sid) DO NOTHING";
    DUE = "SELECT sid, account_sid, whose, attempts FROM leftovers WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    LATER = "UPDATE leftovers SET due_at = $2, attempts = attempts + 1 WHERE sid = $1";
    REMOVE = "DELETE FROM leftovers WHERE sid = $1";
}

/// Sound that is to be erased at Twilio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Twilio's name for it (`RE…`).
    pub sid: String,
    /// In which account it lies.
    pub account_sid: String,
    /// Whose it was, when that is known.
    pub whose: Option<TenantId>,
    /// How often it was tried in vain.
    pub attempts: u32,
}

#[derive(FromRow)]
struct Row {
    sid: String,
    account_sid: String,
    whose: Option<String>,
    attempts: i64,
}

impl TryFrom<Row> for Leftover {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            sid: row.sid,
            account_sid: row.account_sid,
            whose: rows::maybe(row.whose.as_deref(), "leftovers.whose")?,
            attempts: rows::whole(row.attempts, "leftovers.attempts")?,
        })
    }
}

impl Leftovers<'_> {
    /// Notes that something is to be erased, as soon as can be. Noted twice, it is one thing.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(
        &mut self,
        sid: &str,
        account_sid: &str,
        whose: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(sid)
            .bind(account_sid)
            .bind(whose.map(TenantId::as_str))
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// What is to be tried by `now`, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn due(&mut self, now: Timestamp, count_max: u32) -> Result<Vec<Leftover>, Error> {
        let rows: Vec<Row> = on!(self.tx, db => sqlx::query_as(DUE)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Leftover::try_from).collect()
    }

    /// It was tried in vain, and is to be tried again then.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn later(&mut self, sid: &str, due: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LATER).bind(sid).bind(due.0).execute(db).await.map(drop)?);
        Ok(())
    }

    /// It is gone.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, sid: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(REMOVE).bind(sid).execute(db).await.map(drop)?);
        Ok(())
    }
}
