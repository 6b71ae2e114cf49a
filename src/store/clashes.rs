//! Two things that want the same time, found and over.

use sqlx::FromRow;

use super::{
    Clashes, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    calendar::{Clash, ClashKind, EventId},
    id::{AppointmentId, CalendarId, ClashId},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, appointment_id, calendar_id, foreign_id, what, found_at, settled_at"
    };
}

texts! {
    ADD = concat!("INSERT INTO clashes (tenant_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (tenant_id, appointment_id, what, foreign_id) DO UPDATE SET
            found_at = CASE WHEN clashes.settled_at IS NULL THEN clashes.found_at ELSE excluded.found_at END,
            settled_at = excluded.settled_at
        WHERE clashes.settled_at IS NOT NULL AND excluded.settled_at IS NULL");
    GET = concat!("SELECT ", columns!(), " FROM clashes WHERE tenant_id = $1 AND id = $2");
    OPEN_IN = concat!("SELECT ", columns!(), " FROM clashes
        WHERE tenant_id = $1 AND calendar_id = $2 AND what = $3 AND settled_at IS NULL");
    SETTLE = "UPDATE clashes SET settled_at = $3 WHERE tenant_id = $1 AND id = $2 AND settled_at IS NULL";
    SETTLE_OF = "UPDATE clashes SET settled_at = $4
        WHERE tenant_id = $1 AND appointment_id = $2 AND what = $3 AND settled_at IS NULL";
    PAGE = concat!("SELECT ", columns!(), " FROM clashes WHERE tenant_id = $1 AND (found_at, id) < ($2, $3)
        AND ($4 = '' OR CASE WHEN settled_at IS NULL THEN 'open' ELSE 'settled' END = $4)
        ORDER BY found_at DESC, id DESC LIMIT $5");
}

#[derive(FromRow)]
struct ClashRow {
    id: String,
    appointment_id: String,
    calendar_id: Option<String>,
    foreign_id: String,
    what: String,
    found_at: i64,
    settled_at: Option<i64>,
}

impl TryFrom<ClashRow> for Clash {
    type Error = Error;

    fn try_from(row: ClashRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "clashes.id")?,
            appointment: rows::text(&row.appointment_id, "clashes.appointment_id")?,
            calendar: rows::maybe(row.calendar_id.as_deref(), "clashes.calendar_id")?,
            event: Some(row.foreign_id).filter(|id| !id.is_empty()).map(EventId),
            what: ClashKind::parse(&row.what).ok_or(Error::Damaged("clashes.what"))?,
            found: Timestamp(row.found_at),
            settled: row.settled_at.map(Timestamp),
        })
    }
}

impl Clashes<'_> {
    /// Keeps a clash; whether it was not known, or had been over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(&mut self, clash: &Clash) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(clash.id.as_str())
            .bind(clash.appointment.as_str())
            .bind(clash.calendar.as_ref().map(CalendarId::as_str))
            .bind(clash.event.as_ref().map_or("", |event| event.0.as_str()))
            .bind(clash.what.as_str())
            .bind(clash.found.0)
            .bind(clash.settled.map(|at| at.0))
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The clash of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ClashId) -> Result<Option<Clash>, Error> {
        let row: Option<ClashRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Clash::try_from).transpose()
    }

    /// The clashes of that kind in that calendar that are not over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open_in(&mut self, calendar: &CalendarId, what: ClashKind) -> Result<Vec<Clash>, Error> {
        let rows: Vec<ClashRow> = on!(self.tx, db => sqlx::query_as(OPEN_IN)
            .bind(self.tenant.as_str())
            .bind(calendar.as_str())
            .bind(what.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Clash::try_from).collect()
    }

    /// Notes that a clash is over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn settle(&mut self, clash: &Clash, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SETTLE)
            .bind(self.tenant.as_str())
            .bind(clash.id.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that the clashes of that kind of an appointment are over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn settle_of(
        &mut self,
        appointment: &AppointmentId,
        what: ClashKind,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SETTLE_OF)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .bind(what.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Clashes, latest first, a page at a time; only open ones, or only those that are over, where that is asked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        open: Option<bool>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Clash>, Error> {
        let rows: Vec<ClashRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(after.map_or(i64::MAX, |place| place.at))
            .bind(after.map_or("\u{7f}", |place| place.id.as_str()))
            .bind(open.map_or("", |open| if open { "open" } else { "settled" }))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |clash: &Clash| Place { at: clash.found.0, id: clash.id.to_string() })
    }
}
