//! What stands in calendars outside, as far as it takes time; and how far each calendar is known.
//!
//! A round tells everything that stands in a calendar, page by page: each page is kept with the mark behind it, so that
//! a round goes on where it was broken off, and what the round did not tell is forgotten at its end. Events that are ours
//! are known by what we wrote ([`super::Written`]); they take no time here, the ledger knows of them.

use sqlx::FromRow;

use super::{Error, OutsideEvents, on, rows, texts};
use crate::domain::{
    availability::{Busy, BusyKind, EventStatus},
    calendar::{EventId, OutsideEvent},
    id::{AppointmentId, CalendarId, ResourceId},
    time::{TimeRange, Timestamp},
};

texts! {
    STATE = "SELECT round, round_done, mark, reaches_from, reaches_until, synced_at, watch_id, watch_resource,
        watch_until, generation FROM calendars WHERE tenant_id = $1 AND id = $2";
    BEGIN_ROUND = "UPDATE calendars SET round = round + 1, mark = NULL, reaches_from = $3, reaches_until = $4
        WHERE tenant_id = $1 AND id = $2";
    ADVANCE = "UPDATE calendars SET mark = $4, round_done = CASE WHEN $5 THEN round ELSE round_done END,
            synced_at = CASE WHEN $5 THEN $6 ELSE synced_at END, generation = generation + 1, problem = NULL
        WHERE tenant_id = $1 AND id = $2 AND round = $3";
    DUE = "UPDATE calendars SET sync_due_at = $3 WHERE tenant_id = $1 AND id = $2";
    KEEP = "INSERT INTO calendar_events (tenant_id, calendar_id, foreign_id, starts_at, ends_at, status, etag, made_at,
            round, appointment_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT w.appointment_id FROM appointment_events w
            WHERE w.tenant_id = $1 AND w.calendar_id = $2 AND w.foreign_id = $3))
        ON CONFLICT (tenant_id, calendar_id, foreign_id) DO UPDATE SET starts_at = excluded.starts_at,
            ends_at = excluded.ends_at, status = excluded.status, etag = excluded.etag, made_at = excluded.made_at,
            round = excluded.round, appointment_id = excluded.appointment_id";
    CLAIM = "UPDATE calendar_events SET appointment_id = $4
        WHERE tenant_id = $1 AND calendar_id = $2 AND foreign_id = $3";
    FORGET = "DELETE FROM calendar_events WHERE tenant_id = $1 AND calendar_id = $2 AND foreign_id = $3";
    FORGET_OLDER = "DELETE FROM calendar_events WHERE tenant_id = $1 AND calendar_id = $2 AND round < $3";
    OLDER_OURS = "SELECT appointment_id FROM appointment_events w WHERE w.tenant_id = $1 AND w.calendar_id = $2
        AND w.foreign_id IS NOT NULL AND w.ends_at > $4 AND w.starts_at < $5 AND w.written_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM calendar_events e WHERE e.tenant_id = w.tenant_id
            AND e.calendar_id = w.calendar_id AND e.foreign_id = w.foreign_id AND e.round >= $3)";
    BUSY = "SELECT r.resource_id, e.calendar_id, e.starts_at, e.ends_at, e.status
        FROM resource_calendars r
        JOIN calendars c ON c.tenant_id = r.tenant_id AND c.id = r.calendar_id
        JOIN calendar_connections n ON n.tenant_id = c.tenant_id AND n.id = c.connection_id
            AND n.state <> 'disconnected'
        JOIN calendar_events e ON e.tenant_id = r.tenant_id AND e.calendar_id = r.calendar_id
        WHERE r.tenant_id = $1 AND r.blocks AND $4 LIKE '%,' || r.resource_id || ',%'
            AND e.ends_at > $2 AND e.starts_at < $3 AND e.appointment_id IS NULL";
    BLOCKING = "SELECT r.resource_id, r.calendar_id, c.round_done, c.reaches_until, c.synced_at
        FROM resource_calendars r
        JOIN calendars c ON c.tenant_id = r.tenant_id AND c.id = r.calendar_id
        JOIN calendar_connections n ON n.tenant_id = c.tenant_id AND n.id = c.connection_id
            AND n.state <> 'disconnected'
        WHERE r.tenant_id = $1 AND r.blocks";
    TARGETS = "SELECT r.resource_id, r.calendar_id
        FROM resource_calendars r
        JOIN calendars c ON c.tenant_id = r.tenant_id AND c.id = r.calendar_id
        JOIN calendar_connections n ON n.tenant_id = c.tenant_id AND n.id = c.connection_id
            AND n.state <> 'disconnected'
        WHERE r.tenant_id = $1 AND r.target";
    OVER_APPOINTMENTS = "SELECT a.id, a.service_id, e.foreign_id, e.status
        FROM resource_calendars r
        JOIN appointments a ON a.tenant_id = r.tenant_id AND a.resource_id = r.resource_id
            AND a.status = 'confirmed' AND a.ends_at > $3
        JOIN calendar_events e ON e.tenant_id = r.tenant_id AND e.calendar_id = r.calendar_id
            AND e.ends_at > a.starts_at AND e.starts_at < a.ends_at AND e.appointment_id IS NULL
        WHERE r.tenant_id = $1 AND r.calendar_id = $2 AND r.blocks AND a.part_of IS NULL
            AND NOT (a.pending AND e.starts_at = a.starts_at AND e.ends_at = a.ends_at)
        ORDER BY a.id, e.foreign_id LIMIT $4";
    VANISHED = "UPDATE calendars SET there = FALSE, watch_id = NULL, watch_until = 0
        WHERE tenant_id = $1 AND id = $2";
    PROLONGED = "UPDATE calendars SET watch_until = $3 WHERE tenant_id = $1 AND id = $2";
    WATCH_DUE = "UPDATE calendars SET watch_due_at = $3 WHERE tenant_id = $1 AND id = $2";
    WATCHED = "UPDATE calendars SET watch_id = $3, watch_resource = $4, watch_secret_hash = $5, watch_until = $6
        WHERE tenant_id = $1 AND id = $2";
}

/// How far a calendar is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncState {
    /// The round that is under way, or was last.
    pub round: i64,
    /// The last round that came to its end; none when that is 0.
    pub round_done: i64,
    /// What the next page is asked for with.
    pub mark: Option<String>,
    /// Which time the round is about.
    pub reaches: TimeRange,
    /// When all was known.
    pub synced: Timestamp,
    /// How often what is known has changed.
    pub generation: i64,
    /// How its vendor tells of changes.
    pub watch: Option<KeptWatch>,
}

/// How a vendor tells of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWatch {
    /// The vendor's name for it.
    pub id: String,
    /// What else is needed to end it.
    pub resource: Option<String>,
    /// Until when it tells.
    pub until: Timestamp,
}

/// A calendar that keeps others out of a resource's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// Whose time.
    pub resource: ResourceId,
    /// Which calendar.
    pub calendar: CalendarId,
    /// Until when it is known; nothing is known when that is `None`.
    pub known_until: Option<Timestamp>,
    /// When all was known.
    pub synced: Timestamp,
}

/// A foreign event in an appointment's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The appointment.
    pub appointment: AppointmentId,
    /// What is booked.
    pub service: crate::domain::id::ServiceId,
    /// The event.
    pub event: EventId,
    /// What it says of its time.
    pub status: EventStatus,
}

#[derive(FromRow)]
struct StateRow {
    round: i64,
    round_done: i64,
    mark: Option<String>,
    reaches_from: i64,
    reaches_until: i64,
    synced_at: i64,
    watch_id: Option<String>,
    watch_resource: Option<String>,
    watch_until: i64,
    generation: i64,
}

impl From<StateRow> for SyncState {
    fn from(row: StateRow) -> Self {
        let watch = row.watch_id.map(|id| KeptWatch {
            id,
            resource: row.watch_resource,
            until: Timestamp(row.watch_until),
        });
        Self {
            round: row.round,
            round_done: row.round_done,
            mark: row.mark,
            reaches: TimeRange { start: Timestamp(row.reaches_from), end: Timestamp(row.reaches_until) },
            synced: Timestamp(row.synced_at),
            generation: row.generation,
            watch,
        }
    }
}

fn status(word: &str) -> Result<EventStatus, Error> {
    rows::text(word, "calendar_events.status")
}

impl OutsideEvents<'_> {
    /// How far that calendar is known, if there is one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn state(&mut self, of: &CalendarId) -> Result<Option<SyncState>, Error> {
        let row: Option<StateRow> = on!(self.tx, db => sqlx::query_as(STATE)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .fetch_optional(db).await?);
        Ok(row.map(SyncState::from))
    }

    /// Begins a round about `window`. What is known stays until the round has come to its end.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn begin_round(&mut self, of: &CalendarId, window: TimeRange) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(BEGIN_ROUND)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(window.start.0)
            .bind(window.end.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Goes on behind `mark` in that round, which is at its end if `done`; whether that round is still under way.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn advance(
        &mut self,
        of: &CalendarId,
        round: i64,
        mark: &str,
        done: bool,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(ADVANCE)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(round)
            .bind(mark)
            .bind(done)
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Has the calendar looked at from `due` on.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn look_at(&mut self, at: &CalendarId, due: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(DUE)
            .bind(self.tenant.as_str())
            .bind(at.as_str())
            .bind(due.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps an event as a round has told it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn keep(&mut self, of: &CalendarId, round: i64, event: &OutsideEvent) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(KEEP)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(event.id.0.as_str())
            .bind(event.time.start.0)
            .bind(event.time.end.0)
            .bind(event.status.as_str())
            .bind(event.etag.as_deref())
            .bind(event.made.map(|at| at.0))
            .bind(round)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Knows an event as ours.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn claim(
        &mut self,
        of: &CalendarId,
        event: &EventId,
        appointment: &AppointmentId,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(CLAIM)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(event.0.as_str())
            .bind(appointment.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets an event.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, of: &CalendarId, event: &EventId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(event.0.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets what that round has not told; how many. To be asked at the end of a round.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_untold(&mut self, of: &CalendarId, round: i64) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(FORGET_OLDER)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(round)
            .execute(db).await?.rows_affected()))
    }

    /// The appointments whose events in that calendar, in `window`, that round has not told. To be asked at the end of a
    /// round, before the rest is forgotten.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn ours_untold(
        &mut self,
        of: &CalendarId,
        round: i64,
        window: TimeRange,
    ) -> Result<Vec<AppointmentId>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(OLDER_OURS)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(round)
            .bind(window.start.0)
            .bind(window.end.0)
            .fetch_all(db).await?);
        rows.iter().map(|(id,)| rows::text(id, "appointment_events.appointment_id")).collect()
    }

    /// What takes time of these resources in `range`, as far as it is known. Time of which nothing is known is taken.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn busy(&mut self, of: &[ResourceId], range: TimeRange) -> Result<Vec<Busy>, Error> {
        let mut busy: Vec<Busy> = Vec::new();
        for blocking in self.blocking().await?.into_iter().filter(|one| of.contains(&one.resource)) {
            let from = blocking.known_until.map_or(range.start, |until| until.max(range.start));
            if from < range.end {
                busy.push(Busy {
                    time: TimeRange { start: from, end: range.end },
                    resource: Some(blocking.resource),
                    kind: BusyKind::Event { status: EventStatus::Busy, calendar: None },
                });
            }
        }
        let listed = of.iter().fold(String::from(","), |listed, one| listed + one.as_str() + ",");
        let rows: Vec<(String, String, i64, i64, String)> = on!(self.tx, db => sqlx::query_as(BUSY)
            .bind(self.tenant.as_str())
            .bind(range.start.0)
            .bind(range.end.0)
            .bind(listed.as_str())
            .fetch_all(db).await?);
        busy.reserve(rows.len());
        for (resource, calendar, start, end, word) in rows {
            busy.push(Busy {
                time: TimeRange { start: Timestamp(start), end: Timestamp(end) },
                resource: Some(rows::text(&resource, "resource_calendars.resource_id")?),
                kind: BusyKind::Event { status: status(&word)?, calendar: Some(calendar) },
            });
        }
        Ok(busy)
    }

    /// Which calendars keep others out of whose time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn blocking(&mut self) -> Result<Vec<Blocking>, Error> {
        let rows: Vec<(String, String, i64, i64, i64)> = on!(self.tx, db => sqlx::query_as(BLOCKING)
            .bind(self.tenant.as_str())
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(resource, calendar, done, until, synced)| {
                Ok(Blocking {
                    resource: rows::text(&resource, "resource_calendars.resource_id")?,
                    calendar: rows::text(&calendar, "resource_calendars.calendar_id")?,
                    known_until: (done > 0).then_some(Timestamp(until)),
                    synced: Timestamp(synced),
                })
            })
            .collect()
    }

    /// Into which calendar each resource's appointments are written, where they are.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn targets(&mut self) -> Result<Vec<(ResourceId, CalendarId)>, Error> {
        let rows: Vec<(String, String)> = on!(self.tx, db => sqlx::query_as(TARGETS)
            .bind(self.tenant.as_str())
            .fetch_all(db).await?);
        rows.iter()
            .map(|(resource, calendar)| {
                Ok((
                    rows::text(resource, "resource_calendars.resource_id")?,
                    rows::text(calendar, "resource_calendars.calendar_id")?,
                ))
            })
            .collect()
    }

    /// Foreign events of that calendar in the time of promised appointments that have not ended at `now`, at most
    /// `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn over_appointments(
        &mut self,
        of: &CalendarId,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<Over>, Error> {
        let rows: Vec<(String, String, String, String)> = on!(self.tx, db => sqlx::query_as(OVER_APPOINTMENTS)
                .bind(self.tenant.as_str())
                .bind(of.as_str())
                .bind(now.0)
                .bind(i64::from(count_max))
                .fetch_all(db).await?);
        rows.into_iter()
            .map(|(appointment, service, event, word)| {
                Ok(Over {
                    appointment: rows::text(&appointment, "appointments.id")?,
                    service: rows::text(&service, "appointments.service_id")?,
                    event: EventId(event),
                    status: status(&word)?,
                })
            })
            .collect()
    }

    /// Notes that the calendar's vendor does not have it. What was known of it stays: its time is taken until somebody
    /// says otherwise.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn vanished(&mut self, id: &CalendarId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(VANISHED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes until when the calendar's vendor tells of changes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn prolonged(&mut self, of: &CalendarId, until: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PROLONGED)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(until.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Has its vendor asked from `due` on to tell of changes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn ask_to_watch(&mut self, at: &CalendarId, due: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(WATCH_DUE)
            .bind(self.tenant.as_str())
            .bind(at.as_str())
            .bind(due.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes how the calendar's vendor tells of changes, and the SHA-256 of what it proves itself with; `None` when it
    /// tells nothing.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn watched(&mut self, of: &CalendarId, watch: Option<(&KeptWatch, &str)>) -> Result<(), Error> {
        let (kept, hash) = watch.unzip();
        on!(self.tx, db => sqlx::query(WATCHED)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(kept.map(|kept| kept.id.as_str()))
            .bind(kept.and_then(|kept| kept.resource.as_deref()))
            .bind(hash)
            .bind(kept.map_or(0, |kept| kept.until.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
