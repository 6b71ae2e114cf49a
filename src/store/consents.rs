//! People on their way to a vendor's page of consent and back.
//!
//! Only fingerprints are kept of what they carry, and the verifier sealed.

use std::fmt;

use sqlx::FromRow;

use super::{Across, Consents, Error, on, rows, texts};
use crate::domain::{
    calendar::{Grant, Vendor},
    id::{ConnectionId, ConsentId, SessionId, TenantId, UserId},
    time::Timestamp,
};

texts! {
    ADD = "INSERT INTO calendar_consents (tenant_id, id, state_hash, browser_hash, verifier, vendor, consent, directory,
            session_id, user_id, connection_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    OPEN_OF = "SELECT COUNT(*) FROM calendar_consents WHERE tenant_id = $1 AND expires_at > $2 AND used_at IS NULL";
    BY_STATE = "SELECT tenant_id, id, browser_hash, verifier, vendor, consent, directory, session_id, user_id,
            connection_id, created_at, expires_at, used_at
        FROM calendar_consents WHERE state_hash = $1";
    USE_UP = "UPDATE calendar_consents SET used_at = $3 WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL";
    FORGET = "DELETE FROM calendar_consents WHERE expires_at <= $1";
}

/// Somebody on the way. `Debug` shows nothing they carry.
#[derive(Clone, PartialEq, Eq)]
pub struct Underway {
    /// Its id.
    pub id: ConsentId,
    /// The fingerprint of what ties the browser to it.
    pub browser_hash: String,
    /// The sealed verifier of the code.
    pub verifier: Vec<u8>,
    /// Whose page they are on.
    pub vendor: Vendor,
    /// Who is to agree.
    pub grant: Grant,
    /// At which organisation they sign in, where it is known: their code is exchanged there.
    pub directory: Option<String>,
    /// In which session they set out.
    pub session: SessionId,
    /// Who they are.
    pub user: UserId,
    /// Which connection is to be made anew, if it is one that was there.
    pub connection: Option<ConnectionId>,
    /// When they set out.
    pub created: Timestamp,
    /// Until when they may come back.
    pub expires: Timestamp,
    /// When they came back.
    pub used: Option<Timestamp>,
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Underway").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct UnderwayRow {
    tenant_id: String,
    id: String,
    browser_hash: String,
    verifier: Vec<u8>,
    vendor: String,
    consent: String,
    directory: Option<String>,
    session_id: String,
    user_id: String,
    connection_id: Option<String>,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
}

impl TryFrom<UnderwayRow> for (TenantId, Underway) {
    type Error = Error;

    fn try_from(row: UnderwayRow) -> Result<Self, Error> {
        let underway = Underway {
            id: rows::text(&row.id, "calendar_consents.id")?,
            browser_hash: row.browser_hash,
            verifier: row.verifier,
            vendor: rows::text(&row.vendor, "calendar_consents.vendor")?,
            grant: rows::text(&row.consent, "calendar_consents.consent")?,
            directory: row.directory,
            session: rows::text(&row.session_id, "calendar_consents.session_id")?,
            user: rows::text(&row.user_id, "calendar_consents.user_id")?,
            connection: rows::maybe(row.connection_id.as_deref(), "calendar_consents.connection_id")?,
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            used: row.used_at.map(Timestamp),
        };
        Ok((rows::text(&row.tenant_id, "calendar_consents.tenant_id")?, underway))
    }
}

impl Consents<'_> {
    /// Keeps that somebody has set out, carrying a state of that fingerprint.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another carries it.
    pub async fn add(&mut self, new: &Underway, state_hash: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(state_hash)
            .bind(new.browser_hash.as_str())
            .bind(new.verifier.as_slice())
            .bind(new.vendor.as_str())
            .bind(new.grant.as_str())
            .bind(new.directory.as_deref())
            .bind(new.session.as_str())
            .bind(new.user.as_str())
            .bind(new.connection.as_ref().map(ConnectionId::as_str))
            .bind(new.created.0)
            .bind(new.expires.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many are on the way.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_open(&mut self, now: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(OPEN_OF)
            .bind(self.tenant.as_str())
            .bind(now.0)
            .fetch_one(db).await?);
        rows::whole(count, "calendar_consents")
    }

    /// They have come back; whether for the first time.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn use_up(&mut self, id: &ConsentId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(USE_UP)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }
}

impl Across<'_> {
    /// Who carries a state of that fingerprint, and at which tenant they set out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn underway(self, state_hash: &str) -> Result<Option<(TenantId, Underway)>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<UnderwayRow> =
            on!(tx, db => sqlx::query_as(BY_STATE).bind(state_hash).fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
    }

    /// Forgets whoever may come back no more by `expired`; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_underway(self, expired: Timestamp) -> Result<u64, Error> {
        let mut tx = self.store.begin_any().await?;
        let gone = on!(tx, db => sqlx::query(FORGET).bind(expired.0).execute(db).await?.rows_affected());
        tx.commit().await?;
        Ok(gone)
    }
}
