//! Places at a tenant that are offered by mail.

use std::fmt;

use sqlx::FromRow;

use super::super::{
    Error, Invitations, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    email::Email,
    id::{InvitationId, TenantId},
    people::Role,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, email, role, created_at, expires_at, accepted_at, revoked_at"
    };
}

texts! {
    ADD = "INSERT INTO invitations (tenant_id, id, email, role, token_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    GET = concat!("SELECT ", columns!(), " FROM invitations WHERE tenant_id = $1 AND id = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM invitations WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    OPEN = "SELECT COUNT(*) FROM invitations WHERE tenant_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL
        AND expires_at > $2";
    OPEN_TO = concat!("SELECT ", columns!(), " FROM invitations WHERE tenant_id = $1 AND email = $2
        AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3 LIMIT 1");
    MADE_SINCE = "SELECT COUNT(*) FROM invitations WHERE tenant_id = $1 AND created_at > $2";
    ACCEPT = "UPDATE invitations SET accepted_at = $3 WHERE tenant_id = $1 AND id = $2 AND accepted_at IS NULL
        AND revoked_at IS NULL AND expires_at > $3";
    REVOKE = "UPDATE invitations SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND accepted_at IS NULL
        AND revoked_at IS NULL";
    BY_TOKEN = "SELECT tenant_id, id FROM invitations WHERE token_hash = $1";
}

/// A place that is offered to somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// To whom.
    pub email: Email,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether it can be accepted.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.accepted_at.is_none() && self.revoked_at.is_none() && self.expires_at > now
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct InvitationRow {
    id: String,
    email: String,
    role: String,
    created_at: i64,
    expires_at: i64,
    accepted_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// Which invitation a token is for.
#[derive(FromRow)]
pub(in crate::store) struct TokenRow {
    tenant_id: String,
    id: String,
}

impl TryFrom<TokenRow> for (TenantId, InvitationId) {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self, Error> {
        Ok((rows::text(&row.tenant_id, "invitations.tenant_id")?, rows::text(&row.id, "invitations.id")?))
    }
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = Error;

    fn try_from(row: InvitationRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "invitations.id")?,
            email: rows::text(&row.email, "invitations.email")?,
            role: rows::text(&row.role, "invitations.role")?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            accepted_at: row.accepted_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
        })
    }
}

impl Invitations<'_> {
    /// Keeps an invitation that whoever has the token of this hash may accept.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add(&mut self, invitation: &Invitation, token_hash: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(invitation.id.as_str())
            .bind(invitation.email.as_str())
            .bind(invitation.role.as_str())
            .bind(token_hash)
            .bind(invitation.created_at.0)
            .bind(invitation.expires_at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The invitation of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        let row: Option<InvitationRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Invitation::try_from).transpose()
    }

    /// Every invitation there was, in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Invitation>, Error> {
        let rows: Vec<InvitationRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |invitation: &Invitation| Place::of_id(invitation.id.as_str()))
    }

    /// How many can be accepted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open(&mut self, now: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(OPEN).bind(self.tenant.as_str()).bind(now.0).fetch_one(db).await?
        });
        rows::whole(count, "invitations")
    }

    /// How many were made since, whatever became of them.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn made_since(&mut self, since: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(MADE_SINCE).bind(self.tenant.as_str()).bind(since.0).fetch_one(db).await?
        });
        rows::whole(count, "invitations")
    }

    /// The one to that address that can be accepted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open_to(&mut self, email: &Email, now: Timestamp) -> Result<Option<Invitation>, Error> {
        let row: Option<InvitationRow> = on!(self.tx, db => sqlx::query_as(OPEN_TO)
            .bind(self.tenant.as_str())
            .bind(email.as_str())
            .bind(now.0)
            .fetch_optional(db).await?);
        row.map(Invitation::try_from).transpose()
    }

    /// Accepts an invitation; whether it could be.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn accept(&mut self, id: &InvitationId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(ACCEPT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Takes an invitation back; whether it was neither accepted nor taken back.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn revoke(&mut self, id: &InvitationId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(REVOKE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }
}
