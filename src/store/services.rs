//! What a tenant offers to be booked.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{
    Change, Error, Services, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    booking::Service,
    id::{ResourceId, ServiceId},
    revision::{Revised, Revision},
};

macro_rules! columns {
    () => {
        "names, duration_min, interval_min, grid_offset_min, buffer_before_min, buffer_after_min, notice_min, \
         horizon_days, per_day_max, per_week_max, cancel_cutoff_min, price, active, per_month_max, \
         minutes_per_day_max, capacity, selection, blocking, conflict_calendars, invites, sensitive"
    };
}

texts! {
    ALL = concat!("SELECT id, key, ", columns!(), " FROM services WHERE tenant_id = $1 ORDER BY key");
    GET = concat!("SELECT id, key, ", columns!(), " FROM services WHERE tenant_id = $1 AND id = $2");
    BY_KEY = concat!("SELECT id, key, ", columns!(), " FROM services WHERE tenant_id = $1 AND key = $2");
    RESOURCES = "SELECT resource_id FROM service_resources WHERE tenant_id = $1 AND service_id = $2
        ORDER BY position";
    PUT = concat!("INSERT INTO services (tenant_id, id, key, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
        ON CONFLICT (tenant_id, id) DO UPDATE SET names = excluded.names,
            duration_min = excluded.duration_min, interval_min = excluded.interval_min,
            grid_offset_min = excluded.grid_offset_min, buffer_before_min = excluded.buffer_before_min,
            buffer_after_min = excluded.buffer_after_min, notice_min = excluded.notice_min,
            horizon_days = excluded.horizon_days, per_day_max = excluded.per_day_max,
            per_week_max = excluded.per_week_max, cancel_cutoff_min = excluded.cancel_cutoff_min,
            price = excluded.price, active = excluded.active, per_month_max = excluded.per_month_max,
            minutes_per_day_max = excluded.minutes_per_day_max, capacity = excluded.capacity,
            selection = excluded.selection, blocking = excluded.blocking,
            conflict_calendars = excluded.conflict_calendars, invites = excluded.invites, sensitive = excluded.sensitive,
            revision = services.revision + 1");
    REVISION = "SELECT revision FROM services WHERE tenant_id = $1 AND id = $2";
    PAGE = concat!("SELECT id, key, ", columns!(), " FROM services WHERE tenant_id = $1 AND id > $2
        ORDER BY id LIMIT $3");
    REMOVE = "DELETE FROM services WHERE tenant_id = $1 AND id = $2";
    FORGET_RESOURCES = "DELETE FROM service_resources WHERE tenant_id = $1 AND service_id = $2";
    PUT_RESOURCE = "INSERT INTO service_resources (tenant_id, service_id, resource_id, position)
        VALUES ($1, $2, $3, $4)";
}

#[derive(FromRow)]
struct ServiceRow {
    id: String,
    key: String,
    names: String,
    duration_min: i64,
    interval_min: i64,
    grid_offset_min: i64,
    buffer_before_min: i64,
    buffer_after_min: i64,
    notice_min: i64,
    horizon_days: i64,
    per_day_max: Option<i64>,
    per_week_max: Option<i64>,
    cancel_cutoff_min: i64,
    price: Option<String>,
    active: bool,
    per_month_max: Option<i64>,
    minutes_per_day_max: Option<i64>,
    capacity: i64,
    selection: String,
    blocking: String,
    conflict_calendars: Option<String>,
    invites: bool,
    sensitive: bool,
}

impl ServiceRow {
    fn with(self, resources: Vec<ResourceId>) -> Result<Service, Error> {
        let blocking: Vec<String> = rows::json(&self.blocking, "services.blocking")?;
        let maybe = |count: Option<i64>, what| count.map(|n| rows::whole(n, what)).transpose();
        Ok(Service {
            id: rows::text(&self.id, "services.id")?,
            key: self.key,
            names: rows::json::<BTreeMap<String, String>>(&self.names, "services.names")?,
            duration_min: rows::whole(self.duration_min, "services.duration_min")?,
            interval_min: rows::whole(self.interval_min, "services.interval_min")?,
            grid_offset_min: rows::whole(self.grid_offset_min, "services.grid_offset_min")?,
            buffer_before_min: rows::whole(self.buffer_before_min, "services.buffer_before_min")?,
            buffer_after_min: rows::whole(self.buffer_after_min, "services.buffer_after_min")?,
            notice_min: rows::whole(self.notice_min, "services.notice_min")?,
            horizon_days: rows::whole(self.horizon_days, "services.horizon_days")?,
            per_day_max: maybe(self.per_day_max, "services.per_day_max")?,
            per_week_max: maybe(self.per_week_max, "services.per_week_max")?,
            per_month_max: maybe(self.per_month_max, "services.per_month_max")?,
            minutes_per_day_max: maybe(self.minutes_per_day_max, "services.minutes_per_day_max")?,
            capacity: rows::whole(self.capacity, "services.capacity")?,
            selection: rows::text(&self.selection, "services.selection")?,
            blocking: blocking
                .iter()
                .map(|word| rows::text(word, "services.blocking"))
                .collect::<Result<_, _>>()?,
            conflict_calendars: self
                .conflict_calendars
                .map(|names| rows::json(&names, "services.conflict_calendars"))
                .transpose()?,
            invites: self.invites,
            sensitive: self.sensitive,
            cancel_cutoff_min: rows::whole(self.cancel_cutoff_min, "services.cancel_cutoff_min")?,
            price: self.price,
            resources,
            active: self.active,
        })
    }
}

impl Services<'_> {
    /// All of them, by key.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Service>, Error> {
        let rows: Vec<ServiceRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.whole(row).await?);
        }
        Ok(all)
    }

    /// The service of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ServiceId) -> Result<Option<Service>, Error> {
        let row: Option<ServiceRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        match row {
            Some(row) => self.whole(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The service of that key: a short name of the tenant's own that never changes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_key(&mut self, key: &str) -> Result<Option<Service>, Error> {
        let row: Option<ServiceRow> = on!(self.tx, db => sqlx::query_as(BY_KEY)
            .bind(self.tenant.as_str())
            .bind(key)
            .fetch_optional(db).await?);
        match row {
            Some(row) => self.whole(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Keeps a service. The key is written once, with the service's first keeping.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another one has its key; [`Error::Dangling`] when a resource does not exist.
    pub async fn put(&mut self, wanted: &Service) -> Result<Change, Error> {
        let kept = self.get(&wanted.id).await?;
        let change = Change::of(kept.as_ref(), wanted);
        if change == Change::Unchanged {
            return Ok(change);
        }
        let names = rows::to_json(&wanted.names, "services.names")?;
        let blocking: Vec<&str> = wanted.blocking.iter().map(|status| status.as_str()).collect();
        let blocking = rows::to_json(&blocking, "services.blocking")?;
        let calendars = wanted.conflict_calendars.as_ref();
        let calendars =
            calendars.map(|names| rows::to_json(names, "services.conflict_calendars")).transpose()?;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.key.as_str())
            .bind(names.as_str())
            .bind(i64::from(wanted.duration_min))
            .bind(i64::from(wanted.interval_min))
            .bind(i64::from(wanted.grid_offset_min))
            .bind(i64::from(wanted.buffer_before_min))
            .bind(i64::from(wanted.buffer_after_min))
            .bind(i64::from(wanted.notice_min))
            .bind(i64::from(wanted.horizon_days))
            .bind(wanted.per_day_max.map(i64::from))
            .bind(wanted.per_week_max.map(i64::from))
            .bind(i64::from(wanted.cancel_cutoff_min))
            .bind(wanted.price.as_deref())
            .bind(wanted.active)
            .bind(wanted.per_month_max.map(i64::from))
            .bind(wanted.minutes_per_day_max.map(i64::from))
            .bind(i64::from(wanted.capacity))
            .bind(wanted.selection.as_str())
            .bind(blocking.as_str())
            .bind(calendars.as_deref())
            .bind(wanted.invites)
            .bind(wanted.sensitive)
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(FORGET_RESOURCES)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        for (position, resource) in (0_i64..).zip(&wanted.resources) {
            on!(self.tx, db => sqlx::query(PUT_RESOURCE)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(resource.as_str())
                .bind(position)
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }

    /// The service of that id and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &ServiceId) -> Result<Option<Revised<Service>>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some(Revised { item, revision: Revision(revision) }))
    }

    /// The services in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Service>, Error> {
        let rows: Vec<ServiceRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.whole(row).await?);
        }
        page::cut(all, count_max, |service| Place::of_id(service.id.as_str()))
    }

    /// Takes a service away; whether there was one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when something refers to it: an appointment, or an assistant that may book it.
    pub async fn remove(&mut self, id: &ServiceId) -> Result<bool, Error> {
        on!(self.tx, db => sqlx::query(FORGET_RESOURCES)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    async fn whole(&mut self, row: ServiceRow) -> Result<Service, Error> {
        let resources: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(RESOURCES)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .fetch_all(db).await?);
        let resources = resources.iter().map(|(id,)| rows::text(id, "service_resources.resource_id"));
        let resources = resources.collect::<Result<_, Error>>()?;
        row.with(resources)
    }
}
