//! What we wrote into calendars outside for appointments, and where.
//!
//! The row is there before the event is: whoever comes after a crash knows under which name to look for it.

use sqlx::FromRow;

use super::{Error, WrittenEvents, on, rows, texts};
use crate::domain::{
    calendar::EventId,
    id::{AppointmentId, CalendarId},
    time::{TimeRange, Timestamp},
};

macro_rules! columns {
    () => {
        "appointment_id, calendar_id, naming, foreign_id, etag, starts_at, ends_at, written_at, content"
    };
}

texts! {
    OF = concat!("SELECT ", columns!(), " FROM appointment_events WHERE tenant_id = $1 AND appointment_id = $2
        ORDER BY calendar_id");
    OF_EVENT = concat!("SELECT ", columns!(), " FROM appointment_events
        WHERE tenant_id = $1 AND calendar_id = $2 AND foreign_id = $3");
    ANY_IN = "SELECT COUNT(*) FROM appointment_events
        WHERE tenant_id = $1 AND calendar_id = $2 AND ends_at > $3 AND starts_at < $4";
    ON_THE_WAY = concat!("SELECT ", columns!(), " FROM appointment_events
        WHERE tenant_id = $1 AND calendar_id = $2 AND foreign_id IS NULL ORDER BY starts_at DESC LIMIT $3");
    PUT = concat!("INSERT INTO appointment_events (tenant_id, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (tenant_id, appointment_id, calendar_id) DO UPDATE SET naming = excluded.naming,
            foreign_id = excluded.foreign_id, etag = excluded.etag, starts_at = excluded.starts_at,
            ends_at = excluded.ends_at, written_at = excluded.written_at, content = excluded.content");
    REMOVE = "DELETE FROM appointment_events WHERE tenant_id = $1 AND appointment_id = $2 AND calendar_id = $3";
}

/// An event we wrote, or are about to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// For which appointment.
    pub appointment: AppointmentId,
    /// In which calendar.
    pub calendar: CalendarId,
    /// How many names events for it have had before: a deleted event keeps its name for ever.
    pub naming: i64,
    /// The vendor's id of it, once it is known.
    pub event: Option<EventId>,
    /// Which state of it we wrote.
    pub etag: Option<String>,
    /// The time it was given; until it is known to be written, from the first to the last it may have been given.
    pub time: TimeRange,
    /// When it was written; `None` when that is still to be done.
    pub written: Option<Timestamp>,
    /// A digest of what it says, where that is known.
    pub content: Option<String>,
}

#[derive(FromRow)]
struct WrittenRow {
    appointment_id: String,
    calendar_id: String,
    naming: i64,
    foreign_id: Option<String>,
    etag: Option<String>,
    starts_at: i64,
    ends_at: i64,
    written_at: Option<i64>,
    content: Option<String>,
}

impl TryFrom<WrittenRow> for Written {
    type Error = Error;

    fn try_from(row: WrittenRow) -> Result<Self, Error> {
        Ok(Self {
            appointment: rows::text(&row.appointment_id, "appointment_events.appointment_id")?,
            calendar: rows::text(&row.calendar_id, "appointment_events.calendar_id")?,
            naming: row.naming,
            event: row.foreign_id.map(EventId),
            etag: row.etag,
            time: TimeRange { start: Timestamp(row.starts_at), end: Timestamp(row.ends_at) },
            written: row.written_at.map(Timestamp),
            content: row.content,
        })
    }
}

impl WrittenEvents<'_> {
    /// What was written for that appointment.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, appointment: &AppointmentId) -> Result<Vec<Written>, Error> {
        let rows: Vec<WrittenRow> = on!(self.tx, db => sqlx::query_as(OF)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Written::try_from).collect()
    }

    /// What that event was written for, if it is ours.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_event(
        &mut self,
        calendar: &CalendarId,
        event: &EventId,
    ) -> Result<Option<Written>, Error> {
        let row: Option<WrittenRow> = on!(self.tx, db => sqlx::query_as(OF_EVENT)
            .bind(self.tenant.as_str())
            .bind(calendar.as_str())
            .bind(event.0.as_str())
            .fetch_optional(db).await?);
        row.map(Written::try_from).transpose()
    }

    /// What was to be written into that calendar, and nobody knows whether it was; the last to take place first, at most
    /// `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn on_the_way(&mut self, calendar: &CalendarId, count_max: u32) -> Result<Vec<Written>, Error> {
        let rows: Vec<WrittenRow> = on!(self.tx, db => sqlx::query_as(ON_THE_WAY)
            .bind(self.tenant.as_str())
            .bind(calendar.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Written::try_from).collect()
    }

    /// Whether anything of ours may stand in that calendar in `range`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn any_in(&mut self, calendar: &CalendarId, range: TimeRange) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(ANY_IN)
            .bind(self.tenant.as_str())
            .bind(calendar.as_str())
            .bind(range.start.0)
            .bind(range.end.0)
            .fetch_one(db).await?);
        Ok(count > 0)
    }

    /// Keeps what was written, or is about to be.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn put(&mut self, written: &Written) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(written.appointment.as_str())
            .bind(written.calendar.as_str())
            .bind(written.naming)
            .bind(written.event.as_ref().map(|event| event.0.as_str()))
            .bind(written.etag.as_deref())
            .bind(written.time.start.0)
            .bind(written.time.end.0)
            .bind(written.written.map(|at| at.0))
            .bind(written.content.as_deref())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets what was written for that appointment in that calendar.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, appointment: &AppointmentId, calendar: &CalendarId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(appointment.as_str())
            .bind(calendar.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
