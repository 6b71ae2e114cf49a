//! How often somebody was called whose number is forgotten: by a digest of the number, for as long as attempts count.
//!
//! The digest is made elsewhere, with a key that is kept here sealed: without it nobody can say whose it is.

use super::super::{Error, Forgetting, on, rows, texts};
use super::Root;
use crate::domain::{phone::E164, time::Timestamp};

texts! {
    DIGEST_KEY = "SELECT key FROM digest_keys WHERE tenant_id = $1";
    SET_DIGEST_KEY = "INSERT INTO digest_keys (tenant_id, key, made_at) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id) DO UPDATE SET key = excluded.key, made_at = excluded.made_at";
    DROP_DIGEST_KEY = "DELETE FROM digest_keys WHERE tenant_id = $1 AND NOT EXISTS (
        SELECT 1 FROM remembered_attempts r WHERE r.tenant_id = $1)";
    OF_NUMBER = "SELECT to_number, asked_at FROM outgoing_calls
        WHERE tenant_id = $1 AND to_number = $2 AND asked_at > $3 AND channel = 'call'
            AND kind NOT IN ('test', 'forwarding')";
    OF_CONTACT = "SELECT to_number, asked_at FROM outgoing_calls
        WHERE tenant_id = $1 AND contact_id = $2 AND asked_at > $3 AND channel = 'call'
            AND kind NOT IN ('test', 'forwarding')";
    OF_APPOINTMENT = "SELECT to_number, asked_at FROM outgoing_calls
        WHERE tenant_id = $1 AND appointment_id = $2 AND asked_at > $3 AND channel = 'call'
            AND kind NOT IN ('test', 'forwarding')";
    OF_CALL = "SELECT to_number, asked_at FROM outgoing_calls
        WHERE tenant_id = $1 AND call_id = $2 AND asked_at > $3 AND channel = 'call'
            AND kind NOT IN ('test', 'forwarding')";
    REMEMBER = "INSERT INTO remembered_attempts (tenant_id, digest, asked_at) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, digest, asked_at) DO NOTHING";
    REMEMBERED = "SELECT asked_at FROM remembered_attempts WHERE tenant_id = $1 AND digest = $2 AND asked_at > $3
        ORDER BY asked_at DESC LIMIT 20";
    FORGET_REMEMBERED = "DELETE FROM remembered_attempts WHERE tenant_id = $1 AND asked_at <= $2";
}

impl Forgetting<'_> {
    /// What digests of numbers are made with, sealed; `None` while nothing is remembered.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn digest_key(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Vec<u8>,)> = on!(self.tx, db => {
            sqlx::query_as(DIGEST_KEY).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        Ok(row.map(|(key,)| key))
    }

    /// Keeps what digests are made with from here on.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_digest_key(&mut self, sealed: &[u8], now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_DIGEST_KEY)
            .bind(self.tenant.as_str())
            .bind(sealed)
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Attempts after `since` that go with a thing: whom, and when.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn attempts_with(
        &mut self,
        root: Root,
        id: &str,
        since: Timestamp,
    ) -> Result<Vec<(E164, Timestamp)>, Error> {
        let text = match root {
            Root::Number => OF_NUMBER,
            Root::Contact => OF_CONTACT,
            Root::Appointment => OF_APPOINTMENT,
            Root::Call => OF_CALL,
            Root::Message => return Ok(vec![]),
        };
        let rows: Vec<(String, i64)> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(id)
            .bind(since.0)
            .fetch_all(db).await?);
        rows.iter()
            .map(|(number, at)| Ok((rows::text(number, "outgoing_calls.to_number")?, Timestamp(*at))))
            .collect()
    }

    /// Remembers that whoever has a number with that digest was called then.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remember_attempt(&mut self, digest: &str, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(REMEMBER)
            .bind(self.tenant.as_str())
            .bind(digest)
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// When whoever has a number with that digest was called after `since`, the latest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remembered_attempts(
        &mut self,
        digest: &str,
        since: Timestamp,
    ) -> Result<Vec<Timestamp>, Error> {
        let rows: Vec<(i64,)> = on!(self.tx, db => sqlx::query_as(REMEMBERED)
            .bind(self.tenant.as_str())
            .bind(digest)
            .bind(since.0)
            .fetch_all(db).await?);
        Ok(rows.into_iter().map(|(at,)| Timestamp(at)).collect())
    }

    /// Forgets attempts up to `until`, and the key when none is left.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_remembered(&mut self, until: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET_REMEMBERED)
            .bind(self.tenant.as_str())
            .bind(until.0)
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(DROP_DIGEST_KEY).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }
}
