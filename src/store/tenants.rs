//! The businesses.

use ipnet::IpNet;
use sqlx::FromRow;

use super::{Change, Error, Tenants, on, rows, texts};
use crate::domain::{
    org::Tenant,
    revision::{Revised, Revision},
};

/// The columns of a tenant, in the order of [`TenantRow`]; with `t.` before each where tables are joined.
macro_rules! columns {
    () => {
        "id, slug, name, zone, twilio_account_sid, calls_max, seats_max, assistants_max, networks, numbers_max, \
         listening_in"
    };
    (t) => {
        "t.id, t.slug, t.name, t.zone, t.twilio_account_sid, t.calls_max, t.seats_max, t.assistants_max, \
         t.networks, t.numbers_max, t.listening_in"
    };
}
pub(super) use columns;

texts! {
    GET = concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1");
    REVISION = "SELECT revision FROM tenants WHERE id = $1";
    PUT = concat!("INSERT INTO tenants (", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, zone = excluded.zone,
            twilio_account_sid = excluded.twilio_account_sid, calls_max = excluded.calls_max,
            seats_max = excluded.seats_max, assistants_max = excluded.assistants_max,
            networks = excluded.networks, numbers_max = excluded.numbers_max,
            listening_in = excluded.listening_in, revision = tenants.revision + 1");
}

/// The networks a column names.
pub(super) fn networks(column: &str) -> Result<Vec<IpNet>, Error> {
    let networks: Vec<String> = rows::json(column, "tenants.networks")?;
    networks.iter().map(|network| rows::text(network, "tenants.networks")).collect()
}

#[derive(FromRow)]
pub(super) struct TenantRow {
    id: String,
    slug: String,
    name: String,
    zone: String,
    twilio_account_sid: Option<String>,
    calls_max: i64,
    seats_max: i64,
    assistants_max: i64,
    networks: String,
    numbers_max: i64,
    listening_in: bool,
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
            seats_max: rows::whole(row.seats_max, "tenants.seats_max")?,
            numbers_max: rows::whole(row.numbers_max, "tenants.numbers_max")?,
            assistants_max: rows::whole(row.assistants_max, "tenants.assistants_max")?,
            networks: networks(&row.networks)?,
            listening_in: row.listening_in,
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

    /// The tenant and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self) -> Result<Option<Revised<Tenant>>, Error> {
        let Some(item) = self.get().await? else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(REVISION).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        Ok(Some(Revised { item, revision: Revision(revision) }))
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
            let networks: Vec<String> = wanted.networks.iter().map(ToString::to_string).collect();
            let networks = rows::to_json(&networks, "tenants.networks")?;
            on!(self.tx, db => sqlx::query(PUT)
                .bind(wanted.id.as_str())
                .bind(wanted.slug.as_str())
                .bind(wanted.name.as_str())
                .bind(wanted.zone.name())
                .bind(wanted.twilio_account_sid.as_deref())
                .bind(i64::from(wanted.calls_max))
                .bind(i64::from(wanted.seats_max))
                .bind(i64::from(wanted.assistants_max))
                .bind(networks.as_str())
                .bind(i64::from(wanted.numbers_max))
                .bind(wanted.listening_in)
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }
}
