//! The businesses.

use sqlx::FromRow;

use super::{Change, Error, Tenants, on, rows, texts};
use crate::domain::org::Tenant;

texts! {
    GET = "SELECT id, slug, name, zone, twilio_account_sid, calls_max FROM tenants WHERE id = $1";
    PUT = "INSERT INTO tenants (id, slug, name, zone, twilio_account_sid, calls_max)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, zone = excluded.zone,
            twilio_account_sid = excluded.twilio_account_sid, calls_max = excluded.calls_max";
}

#[derive(FromRow)]
pub(super) struct TenantRow {
    id: String,
    slug: String,
    name: String,
    zone: String,
    twilio_account_sid: Option<String>,
    calls_max: i64,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = Error;

    fn try_from(row: TenantRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "tenants.id")?,
            slug: row.slug,
            name: row.name,
            zone: rows::text(&row.zone, "tenants.zone")?,
            twilio_account_sid: row.twilio_account_sid,
            calls_max: rows::whole(row.calls_max, "tenants.calls_max")?,
        })
    }
}

impl Tenants<'_> {
    /// The tenant, if it exists.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self) -> Result<Option<Tenant>, Error> {
        let row: Option<TenantRow> = on!(self.tx, db => {
            sqlx::query_as(GET).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        row.map(Tenant::try_from).transpose()
    }

    /// Keeps the tenant under the id this transaction was begun for. Its slug never changes.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another tenant has its slug; [`Error::Damaged`] when it is another tenant.
    pub async fn put(&mut self, wanted: &Tenant) -> Result<Change, Error> {
        let kept = self.get().await?;
        if wanted.id != *self.tenant || kept.as_ref().is_some_and(|kept| kept.slug != wanted.slug) {
            return Err(Error::Damaged("a tenant is kept under its own id and slug"));
        }
        let change = Change::of(kept.as_ref(), wanted);
        if change != Change::Unchanged {
            on!(self.tx, db => sqlx::query(PUT)
                .bind(wanted.id.as_str())
                .bind(wanted.slug.as_str())
                .bind(wanted.name.as_str())
                .bind(wanted.zone.name())
                .bind(wanted.twilio_account_sid.as_deref())
                .bind(i64::from(wanted.calls_max))
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }
}
