//! What a tenant has promised and what it holds.
//!
//! The database refuses two in one place ([`Error::Taken`]); that a hold which has lapsed keeps nobody out is
//! [`Appointments::clear_lapsed`], called in the transaction that wants its place. Whether a time may be booked at
//! all is not decided here.

use sqlx::FromRow;

use super::{Appointments, Error, on, rows, texts};
use crate::domain::{
    booking::{Appointment, AppointmentStatus},
    id::{AppointmentId, CallId, ContactId, ResourceId, ServiceId},
    time::{TimeRange, Timestamp},
};

/// How many coming appointments of one contact are looked at.
const UPCOMING_MAX: i64 = 50;

macro_rules! columns {
    () => {
        "id, service_id, resource_id, contact_id, starts_at, ends_at, blocked_from, blocked_to, status, \
         expires_at, note"
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND id = $2");
    BUSY = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND status <> 'cancelled'
        AND blocked_from < $3 AND blocked_to > $2 AND (expires_at IS NULL OR expires_at > $4)
        ORDER BY starts_at, id");
    UPCOMING = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND contact_id = $2
        AND status = 'confirmed' AND starts_at >= $3 ORDER BY starts_at, id LIMIT $4");
    OF_CALL = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND call_id = $2
        ORDER BY created_at, id");
    INSERT = concat!("INSERT INTO appointments (tenant_id, call_id, created_at, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
    UPDATE = "UPDATE appointments SET service_id = $3, resource_id = $4, contact_id = $5, starts_at = $6,
        ends_at = $7, blocked_from = $8, blocked_to = $9, status = $10, expires_at = $11, note = $12
        WHERE tenant_id = $1 AND id = $2 AND status = $13";
    HOLD = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND id = $2
        AND status = 'held' AND COALESCE(call_id, '') = $3");
    RELEASE = "DELETE FROM appointments WHERE tenant_id = $1 AND id = $2 AND status = 'held'
        AND COALESCE(call_id, '') = $3";
    RELEASE_OF_CALL = "DELETE FROM appointments WHERE tenant_id = $1 AND call_id = $2 AND status = 'held'";
    CLEAR_LAPSED = "DELETE FROM appointments WHERE tenant_id = $1 AND status = 'held' AND expires_at <= $2";
    ANSWER = "SELECT asked, appointment_id FROM booking_requests WHERE tenant_id = $1 AND key = $2";
    REMEMBER = "INSERT INTO booking_requests (tenant_id, key, asked, appointment_id, made_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, key) DO UPDATE SET asked = excluded.asked,
            appointment_id = excluded.appointment_id, made_at = excluded.made_at";
}

#[derive(FromRow)]
struct AppointmentRow {
    id: String,
    service_id: String,
    resource_id: String,
    contact_id: Option<String>,
    starts_at: i64,
    ends_at: i64,
    blocked_from: i64,
    blocked_to: i64,
    status: String,
    expires_at: Option<i64>,
    note: String,
}

impl TryFrom<AppointmentRow> for Appointment {
    type Error = Error;

    fn try_from(row: AppointmentRow) -> Result<Self, Error> {
        let range = |start, end| TimeRange { start: Timestamp(start), end: Timestamp(end) };
        Ok(Self {
            id: rows::text(&row.id, "appointments.id")?,
            service: rows::text::<ServiceId>(&row.service_id, "appointments.service_id")?,
            resource: rows::text::<ResourceId>(&row.resource_id, "appointments.resource_id")?,
            contact: rows::maybe(row.contact_id.as_deref(), "appointments.contact_id")?,
            time: range(row.starts_at, row.ends_at),
            blocked: range(row.blocked_from, row.blocked_to),
            status: AppointmentStatus::parse(&row.status).ok_or(Error::Damaged("appointments.status"))?,
            expires: row.expires_at.map(Timestamp),
            note: row.note,
        })
    }
}

/// What was asked of the ledger under a key.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Names the request: repeated, it is the same request.
    pub key: &'a str,
    /// What it asks for, in a form that is equal when the request is.
    pub content: &'a str,
}

/// What is kept of an earlier request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing was asked under this key.
    Nothing,
    /// The same was asked, and this came of it.
    Same(AppointmentId),
    /// Something else was asked under the same key.
    Different,
}

impl Appointments<'_> {
    /// The appointment of that id, whatever its status.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &AppointmentId) -> Result<Option<Appointment>, Error> {
        let row: Option<AppointmentRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Appointment::try_from).transpose()
    }

    /// What counts at `now` and touches `range`, buffers included: appointments, and holds that have not lapsed.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn busy(&mut self, range: TimeRange, now: Timestamp) -> Result<Vec<Appointment>, Error> {
        let rows: Vec<AppointmentRow> = on!(self.tx, db => sqlx::query_as(BUSY)
            .bind(self.tenant.as_str())
            .bind(range.start.0)
            .bind(range.end.0)
            .bind(now.0)
            .fetch_all(db).await?);
        rows.into_iter().map(Appointment::try_from).collect()
    }

    /// What is promised to a contact and has not begun, soonest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn upcoming(&mut self, of: &ContactId, now: Timestamp) -> Result<Vec<Appointment>, Error> {
        let rows: Vec<AppointmentRow> = on!(self.tx, db => sqlx::query_as(UPCOMING)
            .bind(self.tenant.as_str())
            .bind(of.as_str())
            .bind(now.0)
            .bind(UPCOMING_MAX)
            .fetch_all(db).await?);
        rows.into_iter().map(Appointment::try_from).collect()
    }

    /// What a call has held, booked and given back, in that order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_call(&mut self, call: &CallId) -> Result<Vec<Appointment>, Error> {
        let rows: Vec<AppointmentRow> = on!(self.tx, db => sqlx::query_as(OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Appointment::try_from).collect()
    }

    /// Keeps a new appointment or hold.
    ///
    /// # Errors
    /// [`Error::Taken`] when another one is in its place; [`Error::Dangling`] when its service, resource, contact
    /// or call does not exist.
    pub async fn insert(
        &mut self,
        new: &Appointment,
        call: Option<&CallId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(INSERT)
            .bind(self.tenant.as_str())
            .bind(call.map(CallId::as_str))
            .bind(now.0)
            .bind(new.id.as_str())
            .bind(new.service.as_str())
            .bind(new.resource.as_str())
            .bind(new.contact.as_ref().map(ContactId::as_str))
            .bind(new.time.start.0)
            .bind(new.time.end.0)
            .bind(new.blocked.start.0)
            .bind(new.blocked.end.0)
            .bind(new.status.as_str())
            .bind(new.expires.map(|at| at.0))
            .bind(new.note.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The hold of that id, if it was made in that call (or in none) and has not been promised or given back.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hold(
        &mut self,
        id: &AppointmentId,
        of: Option<&CallId>,
    ) -> Result<Option<Appointment>, Error> {
        let row: Option<AppointmentRow> = on!(self.tx, db => sqlx::query_as(HOLD)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(of.map_or("", CallId::as_str))
            .fetch_optional(db).await?);
        row.map(Appointment::try_from).transpose()
    }

    /// Makes the appointment of that id say what `wanted` says, if it stands at `from`; whether it did.
    ///
    /// # Errors
    /// [`Error::Taken`] when another one is in its place.
    pub async fn update(&mut self, wanted: &Appointment, from: AppointmentStatus) -> Result<bool, Error> {
        let changed = on!(self.tx, db => sqlx::query(UPDATE)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.service.as_str())
            .bind(wanted.resource.as_str())
            .bind(wanted.contact.as_ref().map(ContactId::as_str))
            .bind(wanted.time.start.0)
            .bind(wanted.time.end.0)
            .bind(wanted.blocked.start.0)
            .bind(wanted.blocked.end.0)
            .bind(wanted.status.as_str())
            .bind(wanted.expires.map(|at| at.0))
            .bind(wanted.note.as_str())
            .bind(from.as_str())
            .execute(db).await?.rows_affected());
        Ok(changed == 1)
    }

    /// Gives back a hold that was made in that call (or in none); whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn release(&mut self, id: &AppointmentId, of: Option<&CallId>) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(RELEASE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(of.map_or("", CallId::as_str))
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// Gives back everything a call holds.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn release_of_call(&mut self, call: &CallId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(RELEASE_OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets the holds that have lapsed by `now`; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn clear_lapsed(&mut self, now: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(CLEAR_LAPSED)
            .bind(self.tenant.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected()))
    }

    /// What came of the request, if it was made before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn answer_to(&mut self, asked: Asked<'_>) -> Result<Kept, Error> {
        let row: Option<(String, String)> = on!(self.tx, db => sqlx::query_as(ANSWER)
            .bind(self.tenant.as_str())
            .bind(asked.key)
            .fetch_optional(db).await?);
        Ok(match row {
            None => Kept::Nothing,
            Some((content, _)) if content != asked.content => Kept::Different,
            Some((_, id)) => Kept::Same(rows::text(&id, "booking_requests.appointment_id")?),
        })
    }

    /// Remembers what came of a request, in place of what came of it before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remember(
        &mut self,
        asked: Asked<'_>,
        answer: &AppointmentId,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(REMEMBER)
            .bind(self.tenant.as_str())
            .bind(asked.key)
            .bind(asked.content)
            .bind(answer.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
