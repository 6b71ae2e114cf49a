//! Links by which others may hear a tenant's calls. Of a link's secret only a fingerprint is kept.

use std::fmt;

use sqlx::FromRow;

use super::{Across, Error, Shares, on, rows, texts};
use crate::domain::{
    id::{CallId, ShareId, TenantId},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, call_id, made_by, made_at, expires_at, revoked_at, openings, opened_at"
    };
}

texts! {
    ADD = "INSERT INTO call_shares (tenant_id, id, call_id, token_hash, made_by, made_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    GET = concat!("SELECT ", columns!(), " FROM call_shares WHERE tenant_id = $1 AND id = $2");
    OF_CALL = concat!("SELECT ", columns!(), " FROM call_shares WHERE tenant_id = $1 AND call_id = $2
        ORDER BY made_at DESC, id DESC");
    REVOKE = "UPDATE call_shares SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";
    OPENED = "UPDATE call_shares SET openings = openings + 1, opened_at = $3 WHERE tenant_id = $1 AND id = $2";
    HEARD = "UPDATE call_shares SET heard_at = $3 WHERE tenant_id = $1 AND id = $2
        AND (heard_at IS NULL OR heard_at <= $4)";
    FORGET = "DELETE FROM call_shares WHERE tenant_id = $1 AND call_id = $2";
    BY_SECRET = "SELECT tenant_id, id FROM call_shares WHERE token_hash = $1";
}

/// A link that is made.
#[derive(Clone)]
pub struct NewShare<'n> {
    /// Its id.
    pub id: ShareId,
    /// To which call.
    pub call: CallId,
    /// The fingerprint of its secret.
    pub fingerprint: &'n str,
    /// Who makes it, as in the audit log.
    pub by: &'n str,
    /// When.
    pub made: Timestamp,
    /// Until when it opens.
    pub expires: Timestamp,
}

impl fmt::Debug for NewShare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewShare").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A link as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub id: ShareId,
    /// To which call.
    pub call: CallId,
    /// Who made it, as in the audit log.
    pub by: String,
    /// When.
    pub made: Timestamp,
    /// Until when it opens.
    pub expires: Timestamp,
    /// When it was taken back, if it was.
    pub revoked: Option<Timestamp>,
    /// How often it was opened.
    pub openings: u64,
    /// When it was opened last.
    pub opened: Option<Timestamp>,
}

impl Share {
    /// Whether it opens at that moment.
    pub fn opens(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }
}

#[derive(FromRow)]
struct ShareRow {
    id: String,
    call_id: String,
    made_by: String,
    made_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    openings: i64,
    opened_at: Option<i64>,
}

impl TryFrom<ShareRow> for Share {
    type Error = Error;

    fn try_from(row: ShareRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "call_shares.id")?,
            call: rows::text(&row.call_id, "call_shares.call_id")?,
            by: row.made_by,
            made: Timestamp(row.made_at),
            expires: Timestamp(row.expires_at),
            revoked: row.revoked_at.map(Timestamp),
            openings: rows::whole(row.openings, "call_shares.openings")?,
            opened: row.opened_at.map(Timestamp),
        })
    }
}

impl Across<'_> {
    /// Whose link has a secret of that fingerprint, and which it is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn share(self, fingerprint: &str) -> Result<Option<(TenantId, ShareId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<(String, String)> =
            on!(tx, db => sqlx::query_as(BY_SECRET).bind(fingerprint).fetch_optional(db).await?);
        row.map(|(tenant, id)| {
            Ok((rows::text(&tenant, "call_shares.tenant_id")?, rows::text(&id, "call_shares.id")?))
        })
        .transpose()
    }
}

impl Shares<'_> {
    /// Keeps a new link.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn add(&mut self, new: &NewShare<'_>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.call.as_str())
            .bind(new.fingerprint)
            .bind(new.by)
            .bind(new.made.0)
            .bind(new.expires.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The link of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ShareId) -> Result<Option<Share>, Error> {
        let row: Option<ShareRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Share::try_from).transpose()
    }

    /// The links to a call, the latest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_call(&mut self, call: &CallId) -> Result<Vec<Share>, Error> {
        let rows: Vec<ShareRow> = on!(self.tx, db => sqlx::query_as(OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Share::try_from).collect()
    }

    /// Takes a link back; whether it had not been before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revoke(&mut self, id: &ShareId, now: Timestamp) -> Result<bool, Error> {
        let revoked = on!(self.tx, db => sqlx::query(REVOKE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(revoked == 1)
    }

    /// Notes that a link was opened.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn opened(&mut self, id: &ShareId, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(OPENED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that the sound behind a link is heard; whether it was not already since `before`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn heard(&mut self, id: &ShareId, now: Timestamp, before: Timestamp) -> Result<bool, Error> {
        let begun = on!(self.tx, db => sqlx::query(HEARD)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(before.0)
            .execute(db).await?.rows_affected());
        Ok(begun == 1)
    }
}
