//! Until when a tenant lets those who run the platform in.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{Across, Error, SupportAccess, on, rows, texts};
use crate::domain::{
    id::{TenantId, UserId},
    time::Timestamp,
};

texts! {
    GET = "SELECT until_at, granted_by, granted_at FROM support_access WHERE tenant_id = $1";
    PUT = "INSERT INTO support_access (tenant_id, until_at, granted_by, granted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id) DO UPDATE SET until_at = excluded.until_at, granted_by = excluded.granted_by,
            granted_at = excluded.granted_at";
    END = "DELETE FROM support_access WHERE tenant_id = $1";
    STAFF = "SELECT COUNT(*) FROM memberships WHERE tenant_id = $1";
    OPEN = "SELECT tenant_id, until_at FROM support_access WHERE until_at > $1";
}

/// That a tenant lets those who run the platform in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    /// Until when.
    pub until: Timestamp,
    /// Who granted it.
    pub granted_by: UserId,
    /// When.
    pub granted: Timestamp,
}

#[derive(FromRow)]
struct SupportRow {
    until_at: i64,
    granted_by: String,
    granted_at: i64,
}

impl SupportAccess<'_> {
    /// What was granted last, over or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self) -> Result<Option<Support>, Error> {
        let row: Option<SupportRow> =
            on!(self.tx, db => sqlx::query_as(GET).bind(self.tenant.as_str()).fetch_optional(db).await?);
        let read = |row: SupportRow| {
            Ok(Support {
                until: Timestamp(row.until_at),
                granted_by: rows::text(&row.granted_by, "support_access.granted_by")?,
                granted: Timestamp(row.granted_at),
            })
        };
        row.map(read).transpose()
    }

    /// Keeps what is granted, in place of what was.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn put(&mut self, support: &Support) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(support.until.0)
            .bind(support.granted_by.as_str())
            .bind(support.granted.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn end(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(END).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether those who run the platform are let in at `now`: it was granted, or nobody works at the tenant yet.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn lets_in(&mut self, now: Timestamp) -> Result<bool, Error> {
        if self.get().await?.is_some_and(|support| support.until > now) {
            return Ok(true);
        }
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(STAFF).bind(self.tenant.as_str()).fetch_one(db).await?);
        Ok(count == 0)
    }
}

impl Across<'_> {
    /// Which of these tenants let those who run the platform in at `now`: until when, or because nobody works there yet.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open_to_support(
        self,
        tenants: &[TenantId],
        now: Timestamp,
    ) -> Result<BTreeMap<TenantId, Option<Timestamp>>, Error> {
        let mut tx = self.store.read_any().await?;
        let granted: Vec<(String, i64)> =
            on!(tx, db => sqlx::query_as(OPEN).bind(now.0).fetch_all(db).await?);
        let granted: BTreeMap<&str, i64> = granted.iter().map(|(id, until)| (id.as_str(), *until)).collect();
        let mut open = BTreeMap::new();
        for tenant in tenants {
            if let Some(until) = granted.get(tenant.as_str()) {
                open.insert(tenant.clone(), Some(Timestamp(*until)));
                continue;
            }
            let (staff,): (i64,) =
                on!(tx, db => sqlx::query_as(STAFF).bind(tenant.as_str()).fetch_one(db).await?);
            if staff == 0 {
                open.insert(tenant.clone(), None);
            }
        }
        Ok(open)
    }
}
