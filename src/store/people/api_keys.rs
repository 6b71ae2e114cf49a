//! Programs' ways in. Of a key only its hash is kept, and a mask to tell it by.

use std::collections::BTreeSet;

use ipnet::IpNet;
use sqlx::FromRow;

use super::super::{
    ApiKeys, Error, on,
    page::{self, Page, Place},
    rows, tenants, texts,
};
use crate::domain::{
    id::{ApiKeyId, TenantId},
    people::Scope,
    revision::{Revised, Revision},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, name, mask, scopes, per_minute_max, created_at, expires_at, last_used_at, revoked_at, revision"
    };
}

texts! {
    ADD = "INSERT INTO api_keys (tenant_id, id, name, hash, mask, scopes, per_minute_max, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    GET = concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 AND id = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    EDIT = "UPDATE api_keys SET name = $3, scopes = $4, per_minute_max = $5, expires_at = $6, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    REVOKE = "UPDATE api_keys SET revoked_at = $3, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";
    LIVING = "SELECT COUNT(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > $2)";
    USED = "UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2";
    BY_HASH = concat!("SELECT tenant_id, ", columns!(), ",
            (SELECT networks FROM tenants t WHERE t.id = api_keys.tenant_id) AS networks
        FROM api_keys WHERE hash = $1");
}

/// A program's way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// What of the key may be shown.
    pub mask: String,
    /// What it may.
    pub scopes: BTreeSet<Scope>,
    /// How many requests a minute it may make, if it has a limit of its own.
    pub per_minute_max: Option<u32>,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// Until when, if not for ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| expires > now)
    }
}

#[derive(FromRow)]
struct ApiKeyRow {
    id: String,
    name: String,
    mask: String,
    scopes: String,
    per_minute_max: Option<i64>,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
    revision: i64,
}

/// A key and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedKey {
    /// Which tenant's.
    pub tenant: TenantId,
    /// The key.
    pub key: ApiKey,
    /// The networks from which the tenant's programs may ask; any when there is none.
    pub networks: Vec<IpNet>,
}

#[derive(FromRow)]
pub(in crate::store) struct OwnedRow {
    tenant_id: String,
    #[sqlx(flatten)]
    key: ApiKeyRow,
    networks: String,
}

impl TryFrom<OwnedRow> for OwnedKey {
    type Error = Error;

    fn try_from(row: OwnedRow) -> Result<Self, Error> {
        let key: Revised<ApiKey> = row.key.try_into()?;
        Ok(Self {
            tenant: rows::text(&row.tenant_id, "api_keys.tenant_id")?,
            key: key.item,
            networks: tenants::networks(&row.networks)?,
        })
    }
}

impl TryFrom<ApiKeyRow> for Revised<ApiKey> {
    type Error = Error;

    fn try_from(row: ApiKeyRow) -> Result<Self, Error> {
        let scopes: Vec<String> = rows::json(&row.scopes, "api_keys.scopes")?;
        Ok(Self {
            item: ApiKey {
                id: rows::text(&row.id, "api_keys.id")?,
                name: row.name,
                mask: row.mask,
                scopes: scopes
                    .iter()
                    .map(|scope| rows::text(scope, "api_keys.scopes"))
                    .collect::<Result<_, Error>>()?,
                per_minute_max: row
                    .per_minute_max
                    .map(|n| rows::whole(n, "api_keys.per_minute_max"))
                    .transpose()?,
                created_at: Timestamp(row.created_at),
                expires_at: row.expires_at.map(Timestamp),
                last_used_at: row.last_used_at.map(Timestamp),
                revoked_at: row.revoked_at.map(Timestamp),
            },
            revision: Revision(row.revision),
        })
    }
}

impl ApiKeys<'_> {
    /// Keeps a key under its hash.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add(&mut self, key: &ApiKey, hash: &str) -> Result<(), Error> {
        let scopes = scopes(key)?;
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(key.id.as_str())
            .bind(key.name.as_str())
            .bind(hash)
            .bind(key.mask.as_str())
            .bind(scopes.as_str())
            .bind(key.per_minute_max.map(i64::from))
            .bind(key.created_at.0)
            .bind(key.expires_at.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The key of that id, and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ApiKeyId) -> Result<Option<Revised<ApiKey>>, Error> {
        let row: Option<ApiKeyRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
    }

    /// Every key there was, in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Revised<ApiKey>>, Error> {
        let rows: Vec<ApiKeyRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |key: &Revised<ApiKey>| Place::of_id(key.item.id.as_str()))
    }

    /// Keeps another name, other rights, another limit and another end of a key.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn edit(&mut self, key: &ApiKey) -> Result<(), Error> {
        let scopes = scopes(key)?;
        on!(self.tx, db => sqlx::query(EDIT)
            .bind(self.tenant.as_str())
            .bind(key.id.as_str())
            .bind(key.name.as_str())
            .bind(scopes.as_str())
            .bind(key.per_minute_max.map(i64::from))
            .bind(key.expires_at.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Takes a key back; whether it was not before.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn revoke(&mut self, id: &ApiKeyId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(REVOKE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// How many keys open something.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn living(&mut self, now: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(LIVING).bind(self.tenant.as_str()).bind(now.0).fetch_one(db).await?
        });
        rows::whole(count, "api_keys")
    }

    /// Notes when a key was used.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn used(&mut self, id: &ApiKeyId, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(USED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}

fn scopes(key: &ApiKey) -> Result<String, Error> {
    let words: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    rows::to_json(&words, "api_keys.scopes")
}
