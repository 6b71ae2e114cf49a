//! What a tenant has promised and what it holds.
//!
//! The database refuses two in one place ([`Error::Taken`]); that a hold which has lapsed keeps nobody out is
//! [`Appointments::clear_lapsed`], called in the transaction that wants its place. Whether a time may be booked at
//! all is not decided here.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{
    Appointments, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    booking::{Appointment, AppointmentStatus},
    id::{AppointmentId, CallId, ContactId, ResourceId, ServiceId},
    revision::{Revised, Revision},
    time::{TimeRange, Timestamp},
};

/// How many coming appointments of one contact are looked at.
const UPCOMING_MAX: i64 = 50;

macro_rules! columns {
    () => {
        "id, service_id, resource_id, contact_id, starts_at, ends_at, blocked_from, blocked_to, status, \
         expires_at, note, seats, session, together, pending, clashing"
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND id = $2");
    BUSY = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND status <> 'cancelled'
        AND part_of IS NULL AND blocked_from < $3 AND blocked_to > $2 AND (expires_at IS NULL OR expires_at > $4)
        ORDER BY starts_at, id");
    UPCOMING = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND contact_id = $2
        AND part_of IS NULL AND status = 'confirmed' AND starts_at >= $3 ORDER BY starts_at, id LIMIT $4");
    OF_CALL = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND call_id = $2
        AND part_of IS NULL ORDER BY created_at, id");
    /// Whoever changes an appointment waits here for whoever else does. SQLite has one writer at a time anyway.
    @postgres LOCK = "SELECT id FROM appointments WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE";
    REVISIONS_IN = "SELECT id, revision FROM appointments WHERE tenant_id = $1 AND status <> 'cancelled'
        AND part_of IS NULL AND blocked_from < $3 AND blocked_to > $2";
    REVISION = "SELECT revision FROM appointments WHERE tenant_id = $1 AND id = $2";
    PAGE = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND part_of IS NULL
        AND starts_at >= $2 AND starts_at < $3 AND (starts_at, id) > ($4, $5)
        AND ($6 = '' OR CASE WHEN pending AND status = 'confirmed' THEN 'pending' ELSE status END = $6) ORDER BY starts_at, id LIMIT $7");
    /// The plus signs keep the embedded database from reading everybody's in their order in place of one contact's few.
    PAGE_OF_CONTACT = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1
        AND part_of IS NULL AND contact_id = $8
        AND +starts_at >= $2 AND +starts_at < $3 AND (+starts_at, id) > ($4, $5)
        AND ($6 = '' OR CASE WHEN pending AND status = 'confirmed' THEN 'pending' ELSE status END = $6) ORDER BY starts_at, id LIMIT $7");
    /// With rows of parts among them, each naming the whole.
    PAGE_OF_RESOURCE = "SELECT id, COALESCE(part_of, id), starts_at FROM appointments WHERE tenant_id = $1
        AND resource_id = $8 AND starts_at >= $2 AND starts_at < $3 AND (starts_at, id) > ($4, $5)
        AND ($6 = '' OR CASE WHEN pending AND status = 'confirmed' THEN 'pending' ELSE status END = $6) AND ($9 = '' OR contact_id = $9) ORDER BY starts_at, id LIMIT $7";
    INSERT = concat!("INSERT INTO appointments (tenant_id, call_id, created_at, part_of, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)");
    UPDATE = "UPDATE appointments SET service_id = $3, resource_id = $4, contact_id = $5, starts_at = $6,
        ends_at = $7, blocked_from = $8, blocked_to = $9, status = $10, expires_at = $11, note = $12,
        seats = $13, session = $14, together = $15, pending = $17, clashing = $18,
        revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND status = $16 AND part_of IS NULL";
    ASKED = "SELECT asked_at FROM appointments WHERE tenant_id = $1 AND id = $2";
    NOTE_ASKED = "UPDATE appointments SET asked_at = $3 WHERE tenant_id = $1 AND id = $2";
    NOTE_COMING = "UPDATE appointments SET coming_start = starts_at WHERE tenant_id = $1 AND id = $2";
    COMING = "SELECT coming_start = starts_at FROM appointments WHERE tenant_id = $1 AND id = $2";
    KEEP = "UPDATE appointments SET kept_start = starts_at, kept_causes = $3, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    KEPT = "SELECT id, kept_start, kept_causes FROM appointments WHERE tenant_id = $1 AND kept_start IS NOT NULL
        AND ends_at > $2";
    SETTLED = "UPDATE appointments SET pending = FALSE, revision = revision + 1
        WHERE tenant_id = $1 AND (id = $2 OR part_of = $2) AND status = 'confirmed'
            AND EXISTS (SELECT 1 FROM appointments w WHERE w.tenant_id = $1 AND w.id = $2 AND w.pending
                AND w.revision = $3)";
    WAITING = "SELECT id FROM appointments WHERE tenant_id = $1 AND pending AND part_of IS NULL AND status = 'confirmed'
        ORDER BY created_at LIMIT $2";
    CLASHING = "SELECT id FROM appointments WHERE tenant_id = $1 AND clashing AND part_of IS NULL ORDER BY id LIMIT $2";
    MADE = "SELECT call_id, created_at FROM appointments WHERE tenant_id = $1 AND id = $2";
    ANNOTATE = "UPDATE appointments SET note = $3, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND part_of IS NULL";
    FORGET_PARTS = "DELETE FROM appointments WHERE tenant_id = $1 AND part_of = $2";
    HOLD = concat!("SELECT ", columns!(), " FROM appointments WHERE tenant_id = $1 AND id = $2
        AND status = 'held' AND COALESCE(call_id, '') = $3");
    RELEASE = "DELETE FROM appointments WHERE tenant_id = $1 AND (id = $2 OR part_of = $2) AND status = 'held'
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
    seats: i64,
    session: Option<String>,
    together: String,
    pending: bool,
    clashing: bool,
}

impl TryFrom<AppointmentRow> for Appointment {
    type Error = Error;

    fn try_from(row: AppointmentRow) -> Result<Self, Error> {
        let range = |start, end| TimeRange { start: Timestamp(start), end: Timestamp(end) };
        Ok(Self {
            id: rows::text(&row.id, "appointments.id")?,
            service: rows::text::<ServiceId>(&row.service_id, "appointments.service_id")?,
            resource: rows::text::<ResourceId>(&row.resource_id, "appointments.resource_id")?,
            together: rows::json::<Vec<String>>(&row.together, "appointments.together")?
                .iter()
                .map(|id| rows::text(id, "appointments.together"))
                .collect::<Result<_, _>>()?,
            seats: rows::whole(row.seats, "appointments.seats")?,
            session: row.session,
            contact: rows::maybe(row.contact_id.as_deref(), "appointments.contact_id")?,
            time: range(row.starts_at, row.ends_at),
            blocked: range(row.blocked_from, row.blocked_to),
            status: match AppointmentStatus::parse(&row.status) {
                Some(AppointmentStatus::Confirmed) if row.pending => AppointmentStatus::Pending,
                Some(status) => status,
                None => return Err(Error::Damaged("appointments.status")),
            },
            clashing: row.clashing,
            expires: row.expires_at.map(Timestamp),
            note: row.note,
        })
    }
}

/// Further resources as they lie in a column.
fn together(appointment: &Appointment) -> Vec<&str> {
    appointment.together.iter().map(|id| id.as_str()).collect()
}

/// The word in the column: what is pending is confirmed there, and marked besides.
fn stored(status: AppointmentStatus) -> &'static str {
    match status {
        AppointmentStatus::Pending | AppointmentStatus::Confirmed => AppointmentStatus::Confirmed.as_str(),
        AppointmentStatus::Held | AppointmentStatus::Cancelled => status.as_str(),
    }
}

/// The key a page of appointments begins behind.
fn behind(after: Option<&Place>) -> (i64, &str) {
    after.map_or((i64::MIN, ""), |place| (place.at, place.id.as_str()))
}

/// Which appointments are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppointmentFilter {
    /// Only those that start in it.
    pub starts: Option<TimeRange>,
    /// Only those with that resource.
    pub resource: Option<ResourceId>,
    /// Only those of that contact.
    pub contact: Option<ContactId>,
    /// Only those that stand there.
    pub status: Option<AppointmentStatus>,
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

    /// Keeps a new appointment or hold, with each of its resources.
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
        self.insert_row(new, None, call.map(CallId::as_str), now.0).await?;
        self.insert_parts(new, call.map(CallId::as_str), now.0).await
    }

    /// The rows that keep the time of what it takes besides its first resource.
    async fn insert_parts(
        &mut self,
        whole: &Appointment,
        call: Option<&str>,
        made: i64,
    ) -> Result<(), Error> {
        for (n, resource) in whole.together.iter().enumerate() {
            self.insert_row(whole, Some((n, resource)), call, made).await?;
        }
        Ok(())
    }

    async fn insert_row(
        &mut self,
        new: &Appointment,
        part: Option<(usize, &ResourceId)>,
        call: Option<&str>,
        made: i64,
    ) -> Result<(), Error> {
        // No id has a tilde, so a part's is nobody else's.
        let id = part.map_or_else(|| new.id.to_string(), |(n, _)| format!("{}~{n}", new.id));
        let resource = part.map_or(&new.resource, |(_, resource)| resource);
        let together = rows::to_json(&together(new), "appointments.together")?;
        on!(self.tx, db => sqlx::query(INSERT)
            .bind(self.tenant.as_str())
            .bind(call)
            .bind(made)
            .bind(part.map(|_| new.id.as_str()))
            .bind(id.as_str())
            .bind(new.service.as_str())
            .bind(resource.as_str())
            .bind(new.contact.as_ref().map(ContactId::as_str))
            .bind(new.time.start.0)
            .bind(new.time.end.0)
            .bind(new.blocked.start.0)
            .bind(new.blocked.end.0)
            .bind(stored(new.status))
            .bind(new.expires.map(|at| at.0))
            .bind(new.note.as_str())
            .bind(i64::from(new.seats))
            .bind(new.session.as_deref())
            .bind(together.as_str())
            .bind(new.status == AppointmentStatus::Pending)
            .bind(new.clashing)
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

    /// Has nobody else change the appointment of that id until this ends: what is read of it after this will hold. To be
    /// asked with the resources locked that it takes, so that all wait in the same order.
    ///
    /// # Errors
    /// [`Error::Busy`] when others do not get done.
    pub async fn lock(&mut self, id: &AppointmentId) -> Result<(), Error> {
        if let super::Open::Postgres(tx) = &mut self.tx.open {
            sqlx::query(LOCK).bind(self.tenant.as_str()).bind(id.as_str()).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Makes the appointment of that id say what `wanted` says, if it stands at `from`; whether it did.
    ///
    /// # Errors
    /// [`Error::Taken`] when another one is in its place.
    pub async fn update(&mut self, wanted: &Appointment, from: AppointmentStatus) -> Result<bool, Error> {
        on!(self.tx, db => sqlx::query(FORGET_PARTS)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        let together_form = rows::to_json(&together(wanted), "appointments.together")?;
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
            .bind(stored(wanted.status))
            .bind(wanted.expires.map(|at| at.0))
            .bind(wanted.note.as_str())
            .bind(i64::from(wanted.seats))
            .bind(wanted.session.as_deref())
            .bind(together_form.as_str())
            .bind(stored(from))
            .bind(wanted.status == AppointmentStatus::Pending)
            .bind(wanted.clashing)
            .execute(db).await?.rows_affected());
        if changed == 1 && !wanted.together.is_empty() && wanted.status != AppointmentStatus::Cancelled {
            let (call, made): (Option<String>, i64) = on!(self.tx, db => sqlx::query_as(MADE)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .fetch_one(db).await?);
            self.insert_parts(wanted, call.as_deref(), made).await?;
        }
        Ok(changed == 1)
    }

    /// When the calendars outside were last asked about the appointment's time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn asked(&mut self, id: &AppointmentId) -> Result<Option<Timestamp>, Error> {
        let row: Option<(Option<i64>,)> = on!(self.tx, db => sqlx::query_as(ASKED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.and_then(|(at,)| at).map(Timestamp))
    }

    /// Notes when the calendars outside were asked about the appointment's time; `None` when they have not said.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn note_asked(&mut self, id: &AppointmentId, at: Option<Timestamp>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(NOTE_ASKED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(at.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that whoever has it has said that they will come, at the time it has.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn note_coming(&mut self, id: &AppointmentId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(NOTE_COMING)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether they have said so of the time it has.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn coming(&mut self, id: &AppointmentId) -> Result<bool, Error> {
        let row: Option<(Option<bool>,)> = on!(self.tx, db => sqlx::query_as(COMING)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.and_then(|(coming,)| coming).unwrap_or_default())
    }

    /// Notes that it stands at the time it has, in spite of these causes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn keep(&mut self, id: &AppointmentId, causes: &[String]) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(KEEP)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(causes.join(","))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Those that are not over and of which somebody has said that they stand: at which start, and in spite of what.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn kept(
        &mut self,
        now: Timestamp,
    ) -> Result<BTreeMap<AppointmentId, (Timestamp, Vec<String>)>, Error> {
        let rows: Vec<(String, i64, Option<String>)> = on!(self.tx, db => sqlx::query_as(KEPT)
            .bind(self.tenant.as_str())
            .bind(now.0)
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(id, start, causes)| {
                let causes = causes.unwrap_or_default().split(',').map(ToOwned::to_owned).collect();
                Ok((rows::text(&id, "appointments.id")?, (Timestamp(start), causes)))
            })
            .collect()
    }

    /// Confirms what was pending, if it is still as it was `seen`; whether it was.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn settled(&mut self, id: &AppointmentId, seen: Revision) -> Result<bool, Error> {
        let changed = on!(self.tx, db => sqlx::query(SETTLED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(seen.0)
            .execute(db).await?.rows_affected());
        Ok(changed > 0)
    }

    /// Appointments that wait for their calendars, the longest first, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn waiting(&mut self, count_max: u32) -> Result<Vec<AppointmentId>, Error> {
        self.ids(WAITING, count_max).await
    }

    /// Appointments that stand in another's place, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn clashing(&mut self, count_max: u32) -> Result<Vec<AppointmentId>, Error> {
        self.ids(CLASHING, count_max).await
    }

    async fn ids(&mut self, text: &'static str, count_max: u32) -> Result<Vec<AppointmentId>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter().map(|(id,)| rows::text(id, "appointments.id")).collect()
    }

    /// Writes another note to the appointment of that id; whether there is one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn annotate(&mut self, id: &AppointmentId, note: &str) -> Result<bool, Error> {
        let changed = on!(self.tx, db => sqlx::query(ANNOTATE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(note)
            .execute(db).await?.rows_affected());
        Ok(changed == 1)
    }

    /// The appointment of that id and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &AppointmentId) -> Result<Option<Revised<Appointment>>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some(Revised { item, revision: Revision(revision) }))
    }

    /// Which states of them those are that take time in `span`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revisions_in(
        &mut self,
        span: TimeRange,
    ) -> Result<BTreeMap<AppointmentId, Revision>, Error> {
        let rows: Vec<(String, i64)> = on!(self.tx, db => sqlx::query_as(REVISIONS_IN)
            .bind(self.tenant.as_str())
            .bind(span.start.0)
            .bind(span.end.0)
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(id, revision)| Ok((rows::text(&id, "appointments.id")?, Revision(revision))))
            .collect()
    }

    /// The appointments that fit, in order of their start, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        filter: &AppointmentFilter,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Appointment>, Error> {
        if let Some(resource) = &filter.resource {
            return self.page_of_resource(resource, filter, after, count_max).await;
        }
        let text = if filter.contact.is_some() { PAGE_OF_CONTACT } else { PAGE };
        let (at, id) = behind(after);
        let rows: Vec<AppointmentRow> = on!(self.tx, db => {
            let query = sqlx::query_as(text)
                .bind(self.tenant.as_str())
                .bind(filter.starts.map_or(i64::MIN, |range| range.start.0))
                .bind(filter.starts.map_or(i64::MAX, |range| range.end.0))
                .bind(at)
                .bind(id)
                .bind(filter.status.map_or("", AppointmentStatus::as_str))
                .bind(page::fetch(count_max));
            let query = match &filter.contact {
                Some(contact) => query.bind(contact.as_str()),
                None => query,
            };
            query.fetch_all(db).await?
        });
        page::of(rows, count_max, |item: &Appointment| Place {
            at: item.time.start.0,
            id: item.id.to_string(),
        })
    }

    /// A resource's appointments: those of which it is a part among them.
    async fn page_of_resource(
        &mut self,
        resource: &ResourceId,
        filter: &AppointmentFilter,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Appointment>, Error> {
        let (at, id) = behind(after);
        let rows: Vec<(String, String, i64)> = on!(self.tx, db => sqlx::query_as(PAGE_OF_RESOURCE)
            .bind(self.tenant.as_str())
            .bind(filter.starts.map_or(i64::MIN, |range| range.start.0))
            .bind(filter.starts.map_or(i64::MAX, |range| range.end.0))
            .bind(at)
            .bind(id)
            .bind(filter.status.map_or("", AppointmentStatus::as_str))
            .bind(page::fetch(count_max))
            .bind(resource.as_str())
            .bind(filter.contact.as_ref().map_or("", ContactId::as_str))
            .fetch_all(db).await?);
        let found = page::cut(rows, count_max, |(id, _, at)| Place { at: *at, id: id.clone() })?;
        let mut items = Vec::with_capacity(found.items.len());
        for (_, whole, _) in &found.items {
            items.extend(self.get(&rows::text(whole, "appointments.part_of")?).await?);
        }
        Ok(Page { items, next: found.next })
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
        Ok(gone > 0)
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
