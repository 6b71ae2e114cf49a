//! Who or what a tenant's services are booked with, with their opening hours and exceptions.

use std::collections::BTreeMap;

use jiff::civil;
use sqlx::FromRow;

use super::{
    Change, Closures, Error, Resources, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    booking::{Resource, Schedule, Window},
    closing::Closure,
    id::{ResourceId, ServiceId},
    revision::{Revised, Revision},
};

texts! {
    ALL = "SELECT r.id, r.name, r.active, s.week FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        WHERE r.tenant_id = $1 ORDER BY r.name";
    GET = "SELECT r.id, r.name, r.active, s.week FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        WHERE r.tenant_id = $1 AND r.id = $2";
    BY_NAME = "SELECT r.id, r.name, r.active, s.week FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        WHERE r.tenant_id = $1 AND r.name = $2";
    OF_SERVICE = "SELECT r.id, r.name, r.active, s.week FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        JOIN service_resources o ON o.tenant_id = r.tenant_id AND o.resource_id = r.id
        WHERE r.tenant_id = $1 AND o.service_id = $2 ORDER BY o.position";
    EXCEPTIONS = "SELECT date, windows FROM schedule_exceptions WHERE tenant_id = $1 AND resource_id = $2";
    PAGE = "SELECT r.id, r.name, r.active, s.week FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        WHERE r.tenant_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3";
    REVISIONS = "SELECT r.revision, s.revision FROM resources r
        JOIN schedules s ON s.tenant_id = r.tenant_id AND s.resource_id = r.id
        WHERE r.tenant_id = $1 AND r.id = $2";
    PUT = "INSERT INTO resources (tenant_id, id, name, active) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, active = excluded.active,
            revision = resources.revision + 1";
    PUT_WEEK = "INSERT INTO schedules (tenant_id, resource_id, week) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, resource_id) DO UPDATE SET week = excluded.week,
            revision = schedules.revision + 1";
    FORGET_WEEK = "DELETE FROM schedules WHERE tenant_id = $1 AND resource_id = $2";
    REMOVE = "DELETE FROM resources WHERE tenant_id = $1 AND id = $2";
    FORGET_EXCEPTIONS = "DELETE FROM schedule_exceptions WHERE tenant_id = $1 AND resource_id = $2";
    PUT_EXCEPTION = "INSERT INTO schedule_exceptions (tenant_id, resource_id, date, windows)
        VALUES ($1, $2, $3, $4)";
    /// Rivals for the same resources wait here for each other, all in the same order. SQLite has one writer at a
    /// time anyway.
    @postgres LOCK_OF_SERVICE = "SELECT r.id FROM resources r
        JOIN service_resources o ON o.tenant_id = r.tenant_id AND o.resource_id = r.id
        WHERE r.tenant_id = $1 AND o.service_id = $2 ORDER BY r.id FOR NO KEY UPDATE OF r";
}

#[derive(FromRow)]
struct ResourceRow {
    id: String,
    name: String,
    active: bool,
    week: String,
}

/// A day's windows as they lie in a column: pairs of wall times, `24:00` being the day's end.
pub(super) type WindowsForm = Vec<(String, String)>;

const DAY_END: &str = "24:00";

pub(super) fn to_form(windows: &[Window]) -> WindowsForm {
    let closes = |at: civil::Time| if at == Window::DAY_END { DAY_END.to_owned() } else { at.to_string() };
    windows.iter().map(|window| (window.opens.to_string(), closes(window.closes))).collect()
}

pub(super) fn of_form(form: WindowsForm) -> Result<Vec<Window>, Error> {
    const WHAT: &str = "schedule windows";
    form.iter()
        .map(|(opens, closes)| {
            let closes =
                if closes == DAY_END { Ok(Window::DAY_END) } else { rows::text::<civil::Time>(closes, WHAT) };
            Ok(Window { opens: rows::text(opens, WHAT)?, closes: closes? })
        })
        .collect()
}

impl Resources<'_> {
    /// All of them, by name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Resource>, Error> {
        let rows: Vec<ResourceRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        self.each_whole(rows).await
    }

    /// The resource of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ResourceId) -> Result<Option<Resource>, Error> {
        let rows: Vec<ResourceRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_all(db).await?);
        Ok(self.each_whole(rows).await?.pop())
    }

    /// The resource the tenant calls that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_name(&mut self, name: &str) -> Result<Option<Resource>, Error> {
        let rows: Vec<ResourceRow> = on!(self.tx, db => sqlx::query_as(BY_NAME)
            .bind(self.tenant.as_str())
            .bind(name)
            .fetch_all(db).await?);
        Ok(self.each_whole(rows).await?.pop())
    }

    /// Those a service can be booked with, in the service's order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_service(&mut self, service: &ServiceId) -> Result<Vec<Resource>, Error> {
        let rows: Vec<ResourceRow> = on!(self.tx, db => sqlx::query_as(OF_SERVICE)
            .bind(self.tenant.as_str())
            .bind(service.as_str())
            .fetch_all(db).await?);
        self.each_whole(rows).await
    }

    /// Lets no other transaction book with the resources of a service until this one ends. What is read after
    /// this is what will hold.
    ///
    /// # Errors
    /// [`Error::Busy`] when others do not get done.
    pub async fn lock_of_service(&mut self, service: &ServiceId) -> Result<(), Error> {
        if let super::Open::Postgres(tx) = &mut self.tx.open {
            sqlx::query(LOCK_OF_SERVICE)
                .bind(self.tenant.as_str())
                .bind(service.as_str())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Keeps a resource with its schedule.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another one has its name.
    pub async fn put(&mut self, wanted: &Resource) -> Result<Change, Error> {
        let mut kept = self.get(&wanted.id).await?;
        if let Some(kept) = &mut kept {
            // What is closed is kept apart.
            kept.schedule.closures.clone_from(&wanted.schedule.closures);
        }
        let change = Change::of(kept.as_ref(), wanted);
        if change == Change::Unchanged {
            return Ok(change);
        }
        // What people edit apart is counted apart.
        let (differs, opens_otherwise) = kept.as_ref().map_or((true, true), |kept| {
            (kept.name != wanted.name || kept.active != wanted.active, kept.schedule != wanted.schedule)
        });
        if differs {
            on!(self.tx, db => sqlx::query(PUT)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(wanted.name.as_str())
                .bind(wanted.active)
                .execute(db).await.map(drop)?);
        }
        if opens_otherwise {
            self.put_schedule(wanted).await?;
        }
        Ok(change)
    }

    async fn put_schedule(&mut self, wanted: &Resource) -> Result<(), Error> {
        let week: Vec<WindowsForm> = wanted.schedule.week.iter().map(|day| to_form(day)).collect();
        let week = rows::to_json(&week, "schedules.week")?;
        on!(self.tx, db => sqlx::query(PUT_WEEK)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(week.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(FORGET_EXCEPTIONS)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        for (date, windows) in &wanted.schedule.exceptions {
            let (date, windows) =
                (date.to_string(), rows::to_json(&to_form(windows), "schedule_exceptions.windows")?);
            on!(self.tx, db => sqlx::query(PUT_EXCEPTION)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(date.as_str())
                .bind(windows.as_str())
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }

    /// The resource of that id, which state of it this is, and which state of its schedule.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &ResourceId) -> Result<Option<(Revised<Resource>, Revision)>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        let (own, schedule): (i64, i64) = on!(self.tx, db => sqlx::query_as(REVISIONS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some((Revised { item, revision: Revision(own) }, Revision(schedule))))
    }

    /// The resources in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Resource>, Error> {
        let rows: Vec<ResourceRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        let all = self.each_whole(rows).await?;
        page::cut(all, count_max, |resource| Place::of_id(resource.id.as_str()))
    }

    /// Takes a resource away, with its schedule; whether there was one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when something refers to it: an appointment, or a service.
    pub async fn remove(&mut self, id: &ResourceId) -> Result<bool, Error> {
        for text in [FORGET_EXCEPTIONS, FORGET_WEEK] {
            on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .execute(db).await.map(drop)?);
        }
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    async fn each_whole(&mut self, rows: Vec<ResourceRow>) -> Result<Vec<Resource>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let closures = Closures { tenant: self.tenant, tx: self.tx }.all().await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.whole(row, &closures).await?);
        }
        Ok(all)
    }

    async fn whole(&mut self, row: ResourceRow, closures: &[Closure]) -> Result<Resource, Error> {
        let id: ResourceId = rows::text(&row.id, "resources.id")?;
        let days: Vec<WindowsForm> = rows::json(&row.week, "schedules.week")?;
        let days = days.into_iter().map(of_form).collect::<Result<Vec<_>, Error>>()?;
        let exceptions: Vec<(String, String)> = on!(self.tx, db => sqlx::query_as(EXCEPTIONS)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .fetch_all(db).await?);
        let exceptions = exceptions.iter().map(|(date, windows)| {
            let windows = rows::json(windows, "schedule_exceptions.windows")?;
            Ok((rows::text::<civil::Date>(date, "schedule_exceptions.date")?, of_form(windows)?))
        });
        Ok(Resource {
            name: row.name,
            active: row.active,
            schedule: Schedule {
                closures: closures.iter().filter(|closure| closure.concerns(&id)).cloned().collect(),
                week: days.try_into().map_err(|_| Error::Damaged("schedules.week"))?,
                exceptions: exceptions.collect::<Result<BTreeMap<_, _>, Error>>()?,
            },
            id,
        })
    }
}
