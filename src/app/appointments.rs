//! Times promised, as staff and their programs see and change them.
//!
//! Every change goes through the same ledger as a call's ([`bookings`]), under the same rules; only the cut-off that
//! binds callers does not bind staff. What they change is told in the audit log, in the same transaction.

use jiff::civil;

use super::{
    Error, Faults,
    access::Actor,
    audit,
    bookings::{self, Asker, Ledger, Staff, Wish},
    contacts::NOTE_LEN_MAX,
    services::CAPACITY_MAX,
};
use crate::{
    domain::{
        availability::instant,
        booking::{Appointment, AppointmentStatus},
        id::{AppointmentId, ContactId, JobId, ResourceId, ServiceId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::{TimeRange, Timestamp, Zone},
    },
    platform::ids,
    store::{AppointmentFilter, HistoryStep, Page, Place, Store, Work},
};

/// One end of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An instant.
    At(Timestamp),
    /// A local date: its beginning, or its end.
    Date(civil::Date),
}

/// Which appointments somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those that start then or later.
    pub from: Option<Bound>,
    /// Only those that start before; of a date, those that start on it too.
    pub to: Option<Bound>,
    /// Only those with that resource.
    pub resource: Option<ResourceId>,
    /// Only those of that contact.
    pub contact: Option<ContactId>,
    /// Only those that stand there.
    pub status: Option<AppointmentStatus>,
}

/// An appointment somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// What is to take place.
    pub service: ServiceId,
    /// When it starts.
    pub start: Timestamp,
    /// Who or what it is to be with; as the service selects when none is named.
    pub resource: Option<ResourceId>,
    /// Whom it is promised to.
    pub contact: ContactId,
    /// For how many.
    pub seats: u32,
    /// What staff should know.
    pub note: String,
}

/// The appointments that fit, in order of their start, a page at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for an end before the beginning; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    wanted: &Wanted,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Appointment>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let filter = AppointmentFilter {
        starts: range(wanted, &zone)?,
        resource: wanted.resource.clone(),
        contact: wanted.contact.clone(),
        status: wanted.status,
    };
    Ok(tx.appointments().page(&filter, after, count_max).await?)
}

fn range(wanted: &Wanted, zone: &Zone) -> Result<Option<TimeRange>, Error> {
    let begins = |date| instant(date, civil::Time::midnight(), zone);
    let start = match wanted.from {
        None => Timestamp(i64::MIN),
        Some(Bound::At(at)) => at,
        Some(Bound::Date(date)) => begins(date),
    };
    let end = match wanted.to {
        None => Timestamp(i64::MAX),
        Some(Bound::At(at)) => at,
        Some(Bound::Date(date)) => date.tomorrow().map_or(Timestamp::MAX, begins),
    };
    if end <= start {
        return Err(Error::invalid("?to", "must lie after `from`"));
    }
    Ok((wanted.from.is_some() || wanted.to.is_some()).then_some(TimeRange { start, end }))
}

/// One appointment.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &AppointmentId) -> Result<Revised<Appointment>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    kept(store, by, id).await
}

/// Makes an appointment. The same request under the same `key` makes it once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Taken`] and [`Error::Refused`]; [`Error::Conflict`] when the key
/// was used for something else; [`Error::Unavailable`].
pub async fn create(
    ledger: &Ledger,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    wanted: &Booking,
) -> Result<Revised<Appointment>, Error> {
    let store = ledger.store();
    by.must(Verb::Write, Subject::Appointments)?;
    let mut faults = Faults::new();
    check_note(&wanted.note, &mut faults);
    let seats = (1..=CAPACITY_MAX).contains(&wanted.seats);
    faults.unless(seats, "/seats", format!("must be from 1 to {CAPACITY_MAX}"));
    let mut tx = store.read(by.tenant()).await?;
    let known = tx.services().get(&wanted.service).await?.is_some();
    faults.unless(known, "/service", "there is no such service");
    let known = tx.contacts().get(&wanted.contact).await?.is_some();
    faults.unless(known, "/contact", "there is no such contact");
    if let Some(resource) = &wanted.resource {
        let known = tx.resources().get(resource).await?.is_some();
        faults.unless(known, "/resource", "there is no such resource");
    }
    drop(tx);
    faults.settle()?;
    let wish = Wish {
        service: wanted.service.clone(),
        start: wanted.start,
        resource: wanted.resource.clone(),
        seats: wanted.seats,
    };
    let asker = asker(by, key, None);
    let made = bookings::book(ledger, &asker, now, &wish, &wanted.contact, &wanted.note, None).await?;
    kept(store, by, &made.id).await
}

/// What became of an appointment, step by step.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn history(store: &Store, by: &Actor, id: &AppointmentId) -> Result<Vec<HistoryStep>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.appointments().get(id).await?.ok_or(Error::NotFound("appointment"))?;
    Ok(tx.history().of(id).await?)
}

/// Changes the note of an appointment as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AppointmentId,
    seen: Option<Revision>,
    change: impl FnOnce(&Appointment) -> Result<String, Error>,
) -> Result<Revised<Appointment>, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.appointments().revised(id).await?.ok_or(Error::NotFound("appointment"))?;
    before.must_be(seen)?;
    let note = change(&before.item)?;
    let mut faults = Faults::new();
    check_note(&note, &mut faults);
    faults.settle()?;
    if note == before.item.note {
        return Ok(before);
    }
    if !tx.appointments().annotate(id, &note).await? {
        return Err(Error::NotFound("appointment"));
    }
    // What staff read in the calendar says the same.
    let work = Work::SettleAppointment { appointment: id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    let after = Appointment { note, ..before.item.clone() };
    audit::record(&mut tx, by, now, Some(&before.item), Some(&after)).await?;
    tx.commit().await?;
    kept(store, by, id).await
}

/// Moves an appointment to another time, with another resource if one is named. The same request under the same
/// `key` moves it once.
///
/// # Errors
/// As [`create`]; [`Error::NotFound`] when it is not or no longer promised; [`Error::Stale`].
pub async fn move_to(
    ledger: &Ledger,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    id: &AppointmentId,
    seen: Option<Revision>,
    (start, resource): (Timestamp, Option<ResourceId>),
) -> Result<Revised<Appointment>, Error> {
    let store = ledger.store();
    by.must(Verb::Write, Subject::Appointments)?;
    let standing = kept(store, by, id).await?.item;
    if let Some(resource) = &resource {
        let known = store.read(by.tenant()).await?.resources().get(resource).await?;
        known.ok_or_else(|| Error::invalid("/resource", "there is no such resource"))?;
    }
    let wish = Wish {
        service: standing.service,
        start,
        resource: Some(resource.unwrap_or(standing.resource)),
        seats: standing.seats,
    };
    bookings::move_to(ledger, &asker(by, key, seen), now, id, None, &wish, None).await?;
    kept(store, by, id).await
}

/// Gives an appointment back. The same request under the same `key` does so once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when it is not or no longer promised; [`Error::Stale`];
/// [`Error::Conflict`] when the key was used for something else; [`Error::Unavailable`].
pub async fn cancel(
    ledger: &Ledger,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    id: &AppointmentId,
    seen: Option<Revision>,
) -> Result<Revised<Appointment>, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    bookings::cancel(ledger, &asker(by, key, seen), now, id, None).await?;
    kept(ledger.store(), by, id).await
}

/// Whoever asks, as the ledger knows them. Nobody's key is another's, nor a call's.
fn asker(by: &Actor, key: Option<&str>, seen: Option<Revision>) -> Asker {
    Asker {
        tenant: by.tenant().clone(),
        call: None,
        key: key.map(|key| format!("api/{by}/{key}")),
        staff: Some(Staff { actor: by.clone(), seen }),
    }
}

fn check_note(note: &str, faults: &mut Faults) {
    let right = note.chars().count() <= NOTE_LEN_MAX;
    faults.unless(right, "/note", format!("must be at most {NOTE_LEN_MAX} characters"));
}

async fn kept(store: &Store, by: &Actor, id: &AppointmentId) -> Result<Revised<Appointment>, Error> {
    let kept = store.read(by.tenant()).await?.appointments().revised(id).await?;
    kept.ok_or(Error::NotFound("appointment"))
}
