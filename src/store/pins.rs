//! Contacts' secret numbers, sealed, and how often a wrong one was typed.

use super::{Error, Pins, on, texts};
use crate::domain::{id::ContactId, time::Timestamp};

texts! {
    PUT = "INSERT INTO contact_pins (tenant_id, contact_id, pin, set_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, contact_id) DO UPDATE SET pin = excluded.pin, set_at = excluded.set_at, failures = 0,
            resting_until = NULL";
    GET = "SELECT set_at, resting_until FROM contact_pins WHERE tenant_id = $1 AND contact_id = $2";
    TRY = "UPDATE contact_pins SET
            failures = CASE WHEN resting_until IS NULL THEN failures + 1 ELSE 1 END,
            resting_until = CASE WHEN resting_until IS NULL AND failures + 1 >= $4 THEN CAST($5 AS BIGINT) ELSE NULL END
        WHERE tenant_id = $1 AND contact_id = $2 AND (resting_until IS NULL OR resting_until <= $3) RETURNING pin";
    RIGHT = "UPDATE contact_pins SET failures = 0, resting_until = NULL WHERE tenant_id = $1 AND contact_id = $2";
    REMOVE = "DELETE FROM contact_pins WHERE tenant_id = $1 AND contact_id = $2";
}

/// What may be told of a contact's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPin {
    /// When it was set.
    pub set: Timestamp,
    /// Until when none is taken, after too many wrong ones.
    pub resting_until: Option<Timestamp>,
}

impl Pins<'_> {
    /// Keeps a contact's PIN, sealed; one that was there is replaced.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such contact.
    pub async fn put(&mut self, contact: &ContactId, sealed: &[u8], now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .bind(sealed)
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether a contact has one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, contact: &ContactId) -> Result<Option<KeptPin>, Error> {
        let row: Option<(i64, Option<i64>)> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .fetch_optional(db).await?);
        Ok(row.map(|(set, resting)| KeptPin { set: Timestamp(set), resting_until: resting.map(Timestamp) }))
    }

    /// Takes one try, counted as a wrong one until [`Pins::right`] is called; the sealed PIN, unless there is none or none is
    /// taken. The try number `tries_max` in a row is the last until `rests_until`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn attempt(
        &mut self,
        contact: &ContactId,
        now: Timestamp,
        tries_max: u32,
        rests_until: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Vec<u8>,)> = on!(self.tx, db => sqlx::query_as(TRY)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .bind(now.0)
            .bind(i64::from(tries_max))
            .bind(rests_until.0)
            .fetch_optional(db).await?);
        Ok(row.map(|(sealed,)| sealed))
    }

    /// The last try was right: those before are forgotten.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn right(&mut self, contact: &ContactId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(RIGHT)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets a contact's PIN; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, contact: &ContactId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
