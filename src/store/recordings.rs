//! A tenant's recordings: what opens them, when they began, what is missing of them. The sound itself lies among the blobs.

use std::fmt;

use sqlx::FromRow;

use super::{Error, Recordings, on, rows, shares, texts};
use crate::domain::{
    conversation::Silence,
    id::CallId,
    time::{CallTime, Timestamp},
};

texts! {
    GET = "SELECT c.recording AS blob, r.key, r.begun_at, r.began_ms, r.length_ms, r.complete, r.silences
        FROM recordings r JOIN calls c ON c.tenant_id = r.tenant_id AND c.id = r.call_id
        WHERE r.tenant_id = $1 AND r.call_id = $2 AND c.recording IS NOT NULL";
    BEGIN = "INSERT INTO recordings (tenant_id, call_id, key, begun_at, began_ms, complete)
        SELECT $1, $2, $3, $4, $5, $6 FROM calls WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL
        ON CONFLICT (tenant_id, call_id) DO NOTHING";
    NAME = "UPDATE calls SET recording = $3, consent_at = $4, consent_wording = $5
        WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL";
    PUT = "INSERT INTO recordings (tenant_id, call_id, key, begun_at, began_ms, length_ms, complete, silences)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (tenant_id, call_id) DO UPDATE SET key = excluded.key, began_ms = excluded.began_ms,
            length_ms = excluded.length_ms, complete = excluded.complete, silences = excluded.silences";
    ARCHIVED = "UPDATE recordings SET length_ms = $3, complete = $4 WHERE tenant_id = $1 AND call_id = $2";
    FORGET = "DELETE FROM recordings WHERE tenant_id = $1 AND call_id = $2";
}

/// A recording as it is kept. `Debug` shows no key.
#[derive(Clone, PartialEq, Eq)]
pub struct Taped {
    /// Its blob.
    pub blob: String,
    /// What opens it, sealed; `None` when it was kept before recordings were sealed.
    pub key: Option<Vec<u8>>,
    /// When it began.
    pub begun: Timestamp,
    /// When it began, on the call's clock.
    pub began: CallTime,
    /// How long it is, in milliseconds; unknown until it is over.
    pub millis: Option<u64>,
    /// Whether nothing is missing.
    pub complete: bool,
    /// Where nothing is to be heard.
    pub silences: Vec<Silence>,
}

impl fmt::Debug for Taped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taped")
            .field("blob", &self.blob)
            .field("millis", &self.millis)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct TapedRow {
    blob: String,
    key: Option<Vec<u8>>,
    begun_at: i64,
    began_ms: i64,
    length_ms: Option<i64>,
    complete: bool,
    silences: String,
}

impl TryFrom<TapedRow> for Taped {
    type Error = Error;

    fn try_from(row: TapedRow) -> Result<Self, Error> {
        let silences: Vec<(u64, u64)> = rows::json(&row.silences, "recordings.silences")?;
        let length = row.length_ms.map(|ms| rows::whole(ms, "recordings.length_ms"));
        Ok(Self {
            blob: row.blob,
            key: row.key,
            begun: Timestamp(row.begun_at),
            began: CallTime(rows::whole(row.began_ms, "recordings.began_ms")?),
            millis: length.transpose()?,
            complete: row.complete,
            silences: silences.into_iter().map(|(from_ms, until_ms)| Silence { from_ms, until_ms }).collect(),
        })
    }
}

impl Recordings<'_> {
    /// A call's recording, if there is one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, call: &CallId) -> Result<Option<Taped>, Error> {
        let row: Option<TapedRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_optional(db).await?);
        row.map(Taped::try_from).transpose()
    }

    /// Notes that a recording begins, and the caller's yes to it, unless the call is over: then more is known already.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn begin(&mut self, call: &CallId, taped: &Taped, yes: &super::Consent) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(BEGIN)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(taped.key.as_deref())
            .bind(taped.begun.0)
            .bind(rows::column(taped.began.0))
            .bind(false)
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(NAME)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(taped.blob.as_str())
            .bind(yes.at.0)
            .bind(yes.wording.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps what became of a recording, whatever was believed of it before.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn put(&mut self, call: &CallId, taped: &Taped) -> Result<(), Error> {
        let silences: Vec<(u64, u64)> =
            taped.silences.iter().map(|gap| (gap.from_ms, gap.until_ms)).collect();
        let silences = rows::to_json(&silences, "recordings.silences")?;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(taped.key.as_deref())
            .bind(taped.begun.0)
            .bind(rows::column(taped.began.0))
            .bind(taped.millis.map(rows::column))
            .bind(taped.complete)
            .bind(silences.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes how long a recording is that was archived, and whether nothing is missing of it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn archived(&mut self, call: &CallId, millis: u64, complete: bool) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ARCHIVED)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(rows::column(millis))
            .bind(complete)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets a recording, and with its key whatever copy of it lies anywhere; links to it go with it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, call: &CallId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(shares::FORGET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(FORGET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
