//! The keys under which secrets are sealed, each sealed itself; and where the secrets stand.
//!
//! [`SealedColumn`] is the one list of columns that hold sealed values: whoever changes the keys goes through all of
//! them. Nothing here can open anything.

use std::fmt;

use sqlx::FromRow;

use super::{Across, DataKeys, Error, on, rows, texts};
use crate::domain::{id::TenantId, time::Timestamp};

texts! {
    AFTER = "SELECT id, key, made_at FROM data_keys WHERE id > $1 ORDER BY id";
    ADD = "INSERT INTO data_keys (id, key, made_at) VALUES ($1, $2, $3)";
    REPLACE = "UPDATE data_keys SET key = $3 WHERE id = $1 AND key = $2";
    MAIL_BODIES = "SELECT id AS place, CAST(NULL AS TEXT) AS owner, body AS sealed FROM mails
        WHERE id > $1 AND body IS NOT NULL ORDER BY id LIMIT $2";
    RESEAL_MAIL_BODY = "UPDATE mails SET body = $3 WHERE id = $1 AND body = $2";
    TWILIO_TOKENS = "SELECT tenant_id AS place, tenant_id AS owner, auth_token AS sealed FROM twilio_accounts
        WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2";
    RESEAL_TWILIO_TOKEN = "UPDATE twilio_accounts SET auth_token = $3 WHERE tenant_id = $1 AND auth_token = $2";
    REFRESH_TOKENS = "SELECT id AS place, tenant_id AS owner, refresh_token AS sealed FROM calendar_connections
        WHERE id > $1 AND refresh_token IS NOT NULL ORDER BY id LIMIT $2";
    RESEAL_REFRESH_TOKEN = "UPDATE calendar_connections SET refresh_token = $3 WHERE id = $1 AND refresh_token = $2";
    ACCESS_TOKENS = "SELECT id AS place, tenant_id AS owner, access_token AS sealed FROM calendar_connections
        WHERE id > $1 AND access_token IS NOT NULL ORDER BY id LIMIT $2";
    RESEAL_ACCESS_TOKEN = "UPDATE calendar_connections SET access_token = $3 WHERE id = $1 AND access_token = $2";
    VERIFIERS = "SELECT id AS place, tenant_id AS owner, verifier AS sealed FROM calendar_consents
        WHERE id > $1 ORDER BY id LIMIT $2";
    RESEAL_VERIFIER = "UPDATE calendar_consents SET verifier = $3 WHERE id = $1 AND verifier = $2";
    WEBHOOK_SECRETS = "SELECT id AS place, tenant_id AS owner, secret AS sealed FROM webhooks
        WHERE id > $1 ORDER BY id LIMIT $2";
    RESEAL_WEBHOOK_SECRET = "UPDATE webhooks SET secret = $3 WHERE id = $1 AND secret = $2";
    FORMER_WEBHOOK_SECRETS = "SELECT id AS place, tenant_id AS owner, former_secret AS sealed FROM webhooks
        WHERE id > $1 AND former_secret IS NOT NULL ORDER BY id LIMIT $2";
    RESEAL_FORMER_WEBHOOK_SECRET = "UPDATE webhooks SET former_secret = $3 WHERE id = $1 AND former_secret = $2";
    RECORDING_KEYS = "SELECT call_id AS place, tenant_id AS owner, key AS sealed FROM recordings
        WHERE call_id > $1 AND key IS NOT NULL ORDER BY call_id LIMIT $2";
    RESEAL_RECORDING_KEY = "UPDATE recordings SET key = $3 WHERE call_id = $1 AND key = $2";
    MESSAGE_KEYS = "SELECT id AS place, tenant_id AS owner, recording_key AS sealed FROM messages
        WHERE id > $1 AND recording_key IS NOT NULL ORDER BY id LIMIT $2";
    PINS = "SELECT contact_id AS place, tenant_id AS owner, pin AS sealed FROM contact_pins
        WHERE contact_id > $1 ORDER BY contact_id LIMIT $2";
    RESEAL_PIN = "UPDATE contact_pins SET pin = $3 WHERE contact_id = $1 AND pin = $2";
    RESEAL_MESSAGE_KEY = "UPDATE messages SET recording_key = $3 WHERE id = $1 AND recording_key = $2";
    EXPORT_KEYS = "SELECT id AS place, tenant_id AS owner, key AS sealed FROM exports
        WHERE id > $1 AND key IS NOT NULL ORDER BY id LIMIT $2";
    RESEAL_EXPORT_KEY = "UPDATE exports SET key = $3 WHERE id = $1 AND key = $2";
    FACTOR_SECRETS = "SELECT user_id AS place, CAST(NULL AS TEXT) AS owner, secret AS sealed FROM second_factors
        WHERE user_id > $1 ORDER BY user_id LIMIT $2";
    RESEAL_FACTOR_SECRET = "UPDATE second_factors SET secret = $3 WHERE user_id = $1 AND secret = $2";
    DIGEST_KEYS = "SELECT tenant_id AS place, tenant_id AS owner, key AS sealed FROM digest_keys
        WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2";
    RESEAL_DIGEST_KEY = "UPDATE digest_keys SET key = $3 WHERE tenant_id = $1 AND key = $2";
}

/// A column that holds sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// The words of mails.
    MailBody,
    /// The auth tokens of tenants' own Twilio accounts.
    TwilioToken,
    /// What renews the access to calendars.
    RefreshToken,
    /// What lets one into calendars.
    AccessToken,
    /// What proves that a code of consent is ours.
    Verifier,
    /// What webhooks are signed with.
    WebhookSecret,
    /// What they were signed with before, and still are for a while.
    FormerWebhookSecret,
    /// What opens recordings.
    RecordingKey,
    /// What opens messages that were spoken.
    MessageKey,
    /// What contacts type to prove who they are.
    Pin,
    /// What opens copies of what is known.
    ExportKey,
    /// What digests of forgotten numbers are made with.
    DigestKey,
    /// What people's authenticators share with us.
    FactorSecret,
}

impl SealedColumn {
    /// Every one of them.
    pub const ALL: [Self; 13] = [
        Self::MailBody,
        Self::TwilioToken,
        Self::RefreshToken,
        Self::AccessToken,
        Self::Verifier,
        Self::WebhookSecret,
        Self::FormerWebhookSecret,
        Self::RecordingKey,
        Self::MessageKey,
        Self::Pin,
        Self::ExportKey,
        Self::DigestKey,
        Self::FactorSecret,
    ];

    /// `table.column`, as it is bound into each seal.
    pub fn name(self) -> &'static str {
        match self {
            Self::MailBody => "mails.body",
            Self::TwilioToken => "twilio_accounts.auth_token",
            Self::RefreshToken => "calendar_connections.refresh_token",
            Self::AccessToken => "calendar_connections.access_token",
            Self::Verifier => "calendar_consents.verifier",
            Self::WebhookSecret => "webhooks.secret",
            Self::FormerWebhookSecret => "webhooks.former_secret",
            Self::RecordingKey => "recordings.key",
            Self::MessageKey => "messages.recording_key",
            Self::Pin => "contact_pins.pin",
            Self::ExportKey => "exports.key",
            Self::DigestKey => "digest_keys.key",
            Self::FactorSecret => "second_factors.secret",
        }
    }

    fn page(self) -> &'static str {
        match self {
            Self::MailBody => MAIL_BODIES,
            Self::TwilioToken => TWILIO_TOKENS,
            Self::RefreshToken => REFRESH_TOKENS,
            Self::AccessToken => ACCESS_TOKENS,
            Self::Verifier => VERIFIERS,
            Self::WebhookSecret => WEBHOOK_SECRETS,
            Self::FormerWebhookSecret => FORMER_WEBHOOK_SECRETS,
            Self::RecordingKey => RECORDING_KEYS,
            Self::MessageKey => MESSAGE_KEYS,
            Self::Pin => PINS,
            Self::ExportKey => EXPORT_KEYS,
            Self::DigestKey => DIGEST_KEYS,
            Self::FactorSecret => FACTOR_SECRETS,
        }
    }

    fn reseal(self) -> &'static str {
        match self {
            Self::MailBody => RESEAL_MAIL_BODY,
            Self::TwilioToken => RESEAL_TWILIO_TOKEN,
            Self::RefreshToken => RESEAL_REFRESH_TOKEN,
            Self::AccessToken => RESEAL_ACCESS_TOKEN,
            Self::Verifier => RESEAL_VERIFIER,
            Self::WebhookSecret => RESEAL_WEBHOOK_SECRET,
            Self::FormerWebhookSecret => RESEAL_FORMER_WEBHOOK_SECRET,
            Self::RecordingKey => RESEAL_RECORDING_KEY,
            Self::MessageKey => RESEAL_MESSAGE_KEY,
            Self::Pin => RESEAL_PIN,
            Self::ExportKey => RESEAL_EXPORT_KEY,
            Self::DigestKey => RESEAL_DIGEST_KEY,
            Self::FactorSecret => RESEAL_FACTOR_SECRET,
        }
    }
}

/// A sealed value and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Whose it is; `None` when it is the platform's.
    pub owner: Option<TenantId>,
    /// In which row.
    pub row: String,
    /// As it stands there.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedValue").field("row", &self.row).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct SealedRow {
    place: String,
    owner: Option<String>,
    sealed: Vec<u8>,
}

/// A key, sealed. `Debug` shows only its number.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// Its number, from 1.
    pub id: u32,
    /// The key, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl DataKeys<'_> {
    /// The keys with greater numbers than that, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn after(&mut self, id: u32) -> Result<Vec<DataKey>, Error> {
        let rows: Vec<(i64, Vec<u8>, i64)> = on!(self.tx, db => {
            sqlx::query_as(AFTER).bind(i64::from(id)).fetch_all(db).await?
        });
        rows.into_iter()
            .map(|(id, sealed, made)| {
                Ok(DataKey { id: rows::whole(id, "data_keys.id")?, sealed, made: Timestamp(made) })
            })
            .collect()
    }

    /// Keeps a key.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when that number is taken.
    pub async fn add(&mut self, new: &DataKey) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(i64::from(new.id))
            .bind(new.sealed.as_slice())
            .bind(new.made.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Seals a key anew, unless somebody else did.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn replace(&mut self, old: &DataKey, sealed: &[u8]) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(REPLACE)
            .bind(i64::from(old.id))
            .bind(old.sealed.as_slice())
            .bind(sealed)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}

impl Across<'_> {
    /// The sealed values of a column, by row, those after a row.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn sealed(
        self,
        column: SealedColumn,
        after: &str,
        count_max: u32,
    ) -> Result<Vec<SealedValue>, Error> {
        let text = column.page();
        let mut tx = self.store.read_any().await?;
        let rows: Vec<SealedRow> = on!(tx, db => sqlx::query_as(text)
            .bind(after)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|row| {
                let owner = rows::maybe(row.owner.as_deref(), column.name())?;
                Ok(SealedValue { owner, row: row.place, sealed: row.sealed })
            })
            .collect()
    }

    /// Puts values that were sealed anew in place of what stood there, each unless it has changed meanwhile; how many.
    ///
    /// # Errors
    /// When the database cannot answer; then none is kept.
    pub async fn reseal(
        self,
        column: SealedColumn,
        resealed: &[(SealedValue, Vec<u8>)],
    ) -> Result<u64, Error> {
        let text = column.reseal();
        let mut tx = self.store.begin_any().await?;
        let mut kept = 0;
        for (old, sealed) in resealed {
            kept += on!(tx, db => sqlx::query(text)
                .bind(old.row.as_str())
                .bind(old.sealed.as_slice())
                .bind(sealed.as_slice())
                .execute(db).await?.rows_affected());
        }
        tx.commit().await?;
        Ok(kept)
    }
}
