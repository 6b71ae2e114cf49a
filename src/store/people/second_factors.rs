//! Second factors: what a person's authenticator shares with us, sealed, and the hashes of the codes that replace it.
//!
//! Knows no secret and no code. Tries are counted before anybody looks whether they are right.

use std::fmt;

use sqlx::FromRow;

use super::super::{Error, SecondFactors, on, rows, texts};
use crate::domain::{
    id::{TenantId, UserId},
    time::Timestamp,
};

texts! {
    GET = "SELECT secret, confirmed_at, last_step, failures, shut_until FROM second_factors WHERE user_id = $1";
    BEGIN = "INSERT INTO second_factors (user_id, secret, made_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, made_at = excluded.made_at,
            last_step = 0, failures = 0, shut_until = NULL
        WHERE second_factors.confirmed_at IS NULL";
    TRY = "UPDATE second_factors SET failures = failures + 1
        WHERE user_id = $1 AND (shut_until IS NULL OR shut_until <= $2)";
    SHUT = "UPDATE second_factors SET failures = 0, shut_until = $2 WHERE user_id = $1";
    PASSED = "UPDATE second_factors SET failures = 0, shut_until = NULL, last_step = $2 WHERE user_id = $1";
    CONFIRM = "UPDATE second_factors SET confirmed_at = $2 WHERE user_id = $1 AND confirmed_at IS NULL";
    REMOVE = "DELETE FROM second_factors WHERE user_id = $1";
    ADD_CODE = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)";
    USE_CODE = "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";
    CODES_LEFT = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL";
    OF_MEMBERS = "SELECT f.user_id FROM memberships m JOIN second_factors f ON f.user_id = m.user_id
        WHERE m.tenant_id = $1 AND f.confirmed_at IS NOT NULL";
    REMOVE_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
}

/// A person's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// What her authenticator shares with us, sealed.
    pub secret: Vec<u8>,
    /// Since when it guards her account; not yet while it is being set up.
    pub confirmed: Option<Timestamp>,
    /// The step of thirty seconds whose code was used last.
    pub last_step: u64,
    /// Tries since the last right code, the present one included.
    pub failures: u32,
    /// Until when no code is looked at.
    pub shut_until: Option<Timestamp>,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct FactorRow {
    secret: Vec<u8>,
    confirmed_at: Option<i64>,
    last_step: i64,
    failures: i64,
    shut_until: Option<i64>,
}

impl From<FactorRow> for SecondFactor {
    fn from(row: FactorRow) -> Self {
        Self {
            secret: row.secret,
            confirmed: row.confirmed_at.map(Timestamp),
            last_step: u64::try_from(row.last_step).unwrap_or(0),
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            shut_until: row.shut_until.map(Timestamp),
        }
    }
}

impl SecondFactors<'_> {
    /// A person's second factor, confirmed or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, user: &UserId) -> Result<Option<SecondFactor>, Error> {
        let row: Option<FactorRow> =
            on!(self.tx, db => sqlx::query_as(GET).bind(user.as_str()).fetch_optional(db).await?);
        Ok(row.map(SecondFactor::from))
    }

    /// Keeps the secret of one that is being set up, in place of one that was not confirmed; whether there was none that is.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn begin(&mut self, user: &UserId, secret: &[u8], now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(BEGIN)
            .bind(user.as_str())
            .bind(secret)
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Counts a try; whether codes are looked at. Rivals wait here for each other.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn count_try(&mut self, user: &UserId, now: Timestamp) -> Result<bool, Error> {
        let counted = on!(self.tx, db => {
            sqlx::query(TRY).bind(user.as_str()).bind(now.0).execute(db).await?.rows_affected()
        });
        Ok(counted == 1)
    }

    /// Lets no code be looked at until then.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn shut(&mut self, user: &UserId, until: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SHUT).bind(user.as_str()).bind(until.0).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that a code was right: the one of that step, or another of hers, with the step that was there.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn passed(&mut self, user: &UserId, last_step: u64) -> Result<(), Error> {
        let step = i64::try_from(last_step).unwrap_or(i64::MAX);
        on!(self.tx, db => sqlx::query(PASSED).bind(user.as_str()).bind(step).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Has it guard the account from here on; whether it did not before.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn confirm(&mut self, user: &UserId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => {
            sqlx::query(CONFIRM).bind(user.as_str()).bind(now.0).execute(db).await?.rows_affected()
        });
        Ok(kept == 1)
    }

    /// Takes it away with its recovery codes; whether there was one.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn remove(&mut self, user: &UserId) -> Result<bool, Error> {
        on!(self.tx, db => sqlx::query(REMOVE_CODES).bind(user.as_str()).execute(db).await.map(drop)?);
        let gone =
            on!(self.tx, db => sqlx::query(REMOVE).bind(user.as_str()).execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// Keeps the hash of a recovery code.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add_code(&mut self, user: &UserId, hash: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD_CODE).bind(user.as_str()).bind(hash).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Uses up the recovery code of that hash; whether it was good.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn use_code(&mut self, user: &UserId, hash: &str, now: Timestamp) -> Result<bool, Error> {
        let used = on!(self.tx, db => sqlx::query(USE_CODE)
            .bind(user.as_str())
            .bind(hash)
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(used == 1)
    }

    /// How many recovery codes were not used.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn codes_left(&mut self, user: &UserId) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(CODES_LEFT).bind(user.as_str()).fetch_one(db).await?);
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Which of a tenant's members have one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_members(&mut self, tenant: &TenantId) -> Result<Vec<UserId>, Error> {
        let rows: Vec<(String,)> =
            on!(self.tx, db => sqlx::query_as(OF_MEMBERS).bind(tenant.as_str()).fetch_all(db).await?);
        rows.iter().map(|(id,)| rows::text(id, "second_factors.user_id")).collect()
    }
}
