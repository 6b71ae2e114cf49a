//! The ledger: times held, promised, moved and given back.
//!
//! Every change asks [`domain::availability`](crate::domain::availability) again, inside the transaction that makes
//! it and with the resources locked, so the list of free times and the promise cannot disagree; the database itself
//! refuses two appointments in one place, whatever this believes. A request with a key that comes again gets its
//! first answer. No calendar is asked while a transaction is open.
//!
//! It does not know who is calling: what a caller may see and change is decided by whoever asks
//! ([`Asker`], and the contact every change of an appointment must name). What staff change is told in the audit log,
//! in the same transaction; the caller's cut-off does not bind them.

mod desk;
mod ledger;

use jiff::{ToSpan, civil, tz::TimeZone};

pub(super) use self::desk::Desk;
use self::desk::{Place, promised_since};
use self::ledger::Said;
pub use self::ledger::{CONFIRM_PATIENCE, Ledger};
pub(super) use self::ledger::{free_clashing, in_anothers_place};

use super::{
    Error,
    access::Actor,
    audit::{self, Audited, Parts},
    outgoing::offers,
    stranded,
    webhooks::{self, Event},
};
use crate::{
    domain::{
        availability::{self, Busy, Slot},
        booking::{Appointment, AppointmentStatus, Resource, Service, Step},
        id::{AppointmentId, CallId, ContactId, ResourceId, ServiceId, TenantId},
        org::Tenant,
        revision::Revision,
        time::{TimeRange, Timestamp},
    },
    platform::ids,
    store::{Asked, Kept, Store, TenantTx},
};

/// How long a slot is kept for a caller, in minutes.
pub const HOLD_MINUTES: i64 = 5;
/// Longest span of dates searched at once, in days.
pub const SEARCH_DAYS_MAX: i64 = 120;
/// How far around a time appointments are looked at: limits count whole weeks.
const AROUND_MINUTES: i64 = 9 * 24 * 60;
/// How much further they are looked at where a limit counts whole months.
const MONTH_MINUTES: i64 = 24 * 24 * 60;

/// Who asks, and under which name for the request.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Whose ledger.
    pub tenant: TenantId,
    /// The call it is asked in, if it is asked in one.
    pub call: Option<CallId>,
    /// Names the request: made again, it gets its first answer. Unique within the tenant, such as call and tool
    /// call together.
    pub key: Option<String>,
    /// Who of the staff asks, where it is not a caller.
    pub staff: Option<Staff>,
}

/// Somebody of the staff, or a program of theirs.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Who.
    pub actor: Actor,
    /// Which state of the appointment they have seen, if they say so.
    pub seen: Option<Revision>,
}

/// A time somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What is to take place.
    pub service: ServiceId,
    /// When it starts.
    pub start: Timestamp,
    /// Who or what it is to be with; anybody who is free when none is named.
    pub resource: Option<ResourceId>,
    /// For how many.
    pub seats: u32,
}

impl Audited for Appointment {
    const KIND: &'static str = "appointment";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let resources: Vec<&str> =
            std::iter::once(&self.resource).chain(&self.together).map(ResourceId::as_str).collect();
        Parts::new()
            .with("service", self.service.as_str())
            .with("resources", resources)
            .with("contact", self.contact.as_ref().map(ContactId::as_str))
            .with("start", self.time.start.to_string())
            .with("end", self.time.end.to_string())
            .with("seats", self.seats)
            .with("status", self.status.as_str())
            .hiding("note", Some(self.note.as_str()).filter(|note| !note.is_empty()))
    }
}

/// Free times somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What is to take place.
    pub service: ServiceId,
    /// The first local date that will do.
    pub from: civil::Date,
    /// The last local date that will do; looked at no further than [`SEARCH_DAYS_MAX`] after the first.
    pub to: civil::Date,
    /// Who or what it is to be with; anybody when none is named.
    pub resource: Option<ResourceId>,
    /// The appointment that would be moved: it does not stand in its own way.
    pub moving: Option<AppointmentId>,
    /// How many slots are enough.
    pub count_max: usize,
}

/// A tenant with all that can be booked there.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The tenant.
    pub tenant: Tenant,
    /// What can be booked.
    pub services: Vec<Service>,
    /// With whom.
    pub resources: Vec<Resource>,
}

/// What can be booked at a tenant, and with whom.
///
/// # Errors
/// [`Error::NotFound`] for a tenant that is not; [`Error::Unavailable`] when the database is away.
pub async fn catalogue(store: &Store, tenant: &TenantId) -> Result<Catalogue, Error> {
    let mut tx = store.read(tenant).await?;
    Ok(Catalogue {
        tenant: tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?,
        services: tx.services().all().await?,
        resources: tx.resources().all().await?,
    })
}

/// The first free times that fit, in order of time. They are offers: only a hold keeps them.
///
/// # Errors
/// [`Error::NotFound`] for a service that is not; [`Error::Unavailable`] when database or calendar are away.
pub async fn find(
    store: &Store,
    tenant: &TenantId,
    now: Timestamp,
    search: &Search,
) -> Result<Vec<Slot>, Error> {
    let to = search.to.min(search.from.saturating_add(SEARCH_DAYS_MAX.days()));
    let desk = Desk::of_dates(store, tenant, &search.service, (search.from, to), now).await?;
    let free = desk.ask(now, 1, search.moving.as_slice());
    Ok(free.slots(search.from, to, search.resource.as_ref()).take(search.count_max).collect())
}

/// What is taken in a range: appointments and live holds.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn busy(
    store: &Store,
    tenant: &TenantId,
    range: TimeRange,
    now: Timestamp,
) -> Result<Vec<Busy>, Error> {
    let mut tx = store.read(tenant).await?;
    Ok(tx.appointments().busy(range, now).await?.iter().flat_map(Busy::of).collect())
}

/// What is promised to a contact and has not begun, soonest first.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn upcoming(
    store: &Store,
    tenant: &TenantId,
    of: &ContactId,
    now: Timestamp,
) -> Result<Vec<Appointment>, Error> {
    Ok(store.read(tenant).await?.appointments().upcoming(of, now).await?)
}

/// Keeps a time for [`HOLD_MINUTES`]. A call holds one time: what it held before is given back.
///
/// # Errors
/// [`Error::Taken`] and [`Error::Refused`]; [`Error::NotFound`] for a service that is not;
/// [`Error::Conflict`] when the key was used for something else; [`Error::Unavailable`].
pub async fn hold(store: &Store, by: &Asker, now: Timestamp, wish: &Wish) -> Result<Appointment, Error> {
    let asked = format!("hold {}", content(wish));
    let mut change = Change::begin(store, by, now, wish, Said::default()).await?;
    if let Some(first) = change.first_answer(&asked).await? {
        return Ok(first);
    }
    if let Some(call) = &by.call {
        change.tx.appointments().release_of_call(call).await?;
    }
    let place = change.desk(wish).await?.check(now, wish, &[])?;
    let kept = Appointment {
        id: AppointmentId::of(ids::fresh(now)),
        service: wish.service.clone(),
        resource: place.resource,
        together: place.together,
        seats: wish.seats,
        session: Some(place.session),
        contact: None,
        time: place.time,
        blocked: place.blocked,
        status: AppointmentStatus::Held,
        expires: Some(now.plus_minutes(HOLD_MINUTES)),
        note: String::new(),
        clashing: false,
    };
    change.tx.appointments().insert(&kept, by.call.as_ref(), now).await?;
    change.commit(&asked, None, kept, None).await
}

/// Promises a time to a contact: the one that `hold` keeps, if it still does, or another that is free. `note` is for
/// staff, in the caller's words.
///
/// # Errors
/// As [`hold`]. A hold that has lapsed is no obstacle while the time is free.
pub async fn book(
    ledger: impl Into<Ledger>,
    by: &Asker,
    now: Timestamp,
    wish: &Wish,
    contact: &ContactId,
    note: &str,
    hold: Option<&AppointmentId>,
) -> Result<Appointment, Error> {
    let (ledger, asked) = (ledger.into(), format!("book {} {contact}", content(wish)));
    let said = ledger.ask(by, now, wish, &asked, hold.map_or(&[], std::slice::from_ref)).await?;
    let mut change = Change::begin(&ledger.store, by, now, wish, said).await?;
    if let Some(first) = change.first_answer(&asked).await? {
        return Ok(first);
    }
    let held = change.live_hold(hold).await?;
    let desk = change.desk(wish).await?;
    // Only what this call holds is out of its own way; an id of another's hold opens nothing.
    let own: Vec<AppointmentId> = held.iter().map(|held| held.id.clone()).collect();
    let promise = |place: Place, id: AppointmentId| Appointment {
        id,
        service: wish.service.clone(),
        resource: place.resource,
        together: place.together,
        seats: wish.seats,
        session: Some(place.session),
        contact: Some(contact.clone()),
        time: place.time,
        blocked: place.blocked,
        status: AppointmentStatus::Confirmed,
        expires: None,
        note: note.to_owned(),
        clashing: false,
    };
    let kept = match held.filter(|held| keeps(held, wish)) {
        // What is held is kept as it is: the caller may have been told with whom.
        Some(held) => {
            let same = Wish { resource: Some(held.resource.clone()), ..wish.clone() };
            let place = desk.check(held_since(&held, now), &same, &own)?;
            let kept = Appointment { session: held.session, ..promise(place, held.id) };
            let kept = change.sent_out(kept).await?;
            if !change.tx.appointments().update(&kept, AppointmentStatus::Held).await? {
                return Err(Error::Taken);
            }
            kept
        }
        None => {
            for held in &own {
                change.tx.appointments().release(held, by.call.as_ref()).await?;
            }
            let place = desk.check(now, wish, &own)?;
            let kept = promise(place, AppointmentId::of(ids::fresh(now)));
            let kept = change.sent_out(kept).await?;
            change.tx.appointments().insert(&kept, by.call.as_ref(), now).await?;
            kept
        }
    };
    let step = change.step(Step::Booked);
    let kept = change.commit(&asked, None, kept, Some(&step)).await?;
    ledger.tell(by, &kept, &step);
    Ok(kept)
}

/// Promises what is held to a contact.
///
/// # Errors
/// [`Error::NotFound`] when the hold is gone (given back, or lapsed and swept up); otherwise as [`book`]. One that
/// has lapsed is promised all the same while nobody else has the time.
pub async fn confirm(
    ledger: impl Into<Ledger>,
    by: &Asker,
    now: Timestamp,
    hold: &AppointmentId,
    contact: &ContactId,
    note: &str,
) -> Result<Appointment, Error> {
    let ledger = ledger.into();
    let held = ledger.store.read(&by.tenant).await?.appointments().get(hold).await?;
    let held = held.ok_or(Error::NotFound("hold"))?;
    let wish = Wish {
        service: held.service,
        start: held.time.start,
        resource: Some(held.resource),
        seats: held.seats,
    };
    book(ledger, by, now, &wish, contact, note, Some(hold)).await
}

/// Gives a hold back. One that is gone already is given back.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn release(store: &Store, by: &Asker, hold: &AppointmentId) -> Result<(), Error> {
    let mut tx = store.begin(&by.tenant).await?;
    tx.appointments().release(hold, by.call.as_ref()).await?;
    Ok(tx.commit().await?)
}

/// Moves an appointment (of the contact `of`, if one is named) to another time, keeping its id: at every moment it stands at the old time or
/// at the new one. It does not stand in its own way. `hold` is what keeps the new time, if something does.
///
/// # Errors
/// [`Error::NotFound`] when it is not the contact's, or no longer promised; [`Error::TooLate`]; otherwise as
/// [`hold`].
pub async fn move_to(
    ledger: impl Into<Ledger>,
    by: &Asker,
    now: Timestamp,
    id: &AppointmentId,
    of: Option<&ContactId>,
    wish: &Wish,
    hold: Option<&AppointmentId>,
) -> Result<Appointment, Error> {
    let (ledger, asked) = (ledger.into(), format!("move {id} {}", content(wish)));
    let own: Vec<AppointmentId> = std::iter::once(id).chain(hold).cloned().collect();
    let said = ledger.ask(by, now, wish, &asked, &own).await?;
    let mut change = Change::begin(&ledger.store, by, now, wish, said).await?;
    if let Some(first) = change.first_answer(&asked).await? {
        return Ok(first);
    }
    let standing = change.changeable(id, of).await?;
    let held = change.live_hold(hold).await?;
    let (mut ignoring, mut wanted, mut as_of) = (vec![id.clone()], wish.clone(), now);
    if let Some(held) = held {
        if keeps(&held, wish) {
            as_of = held_since(&held, now);
            wanted.resource = Some(held.resource);
        }
        change.tx.appointments().release(&held.id, by.call.as_ref()).await?;
        ignoring.push(held.id);
    }
    let desk = change.desk(wish).await?;
    if by.staff.is_some() && standing.service == wish.service && standing.time.start == wish.start {
        as_of = promised_since(desk.service(), wish.start, as_of);
    }
    let place = desk.check(as_of, &wanted, &ignoring)?;
    let moved = Appointment {
        service: wish.service.clone(),
        resource: place.resource,
        together: place.together,
        session: Some(place.session),
        time: place.time,
        blocked: place.blocked,
        status: AppointmentStatus::Confirmed,
        clashing: false,
        ..standing.clone()
    };
    let moved = change.sent_out(moved).await?;
    if !change.tx.appointments().update(&moved, standing.status).await? {
        return Err(Error::NotFound("appointment"));
    }
    let step = change.step(Step::Moved);
    let moved = change.commit(&asked, Some(standing), moved, Some(&step)).await?;
    ledger.tell(by, &moved, &step);
    Ok(moved)
}

/// Gives an appointment back (of the contact `of`, if one is named).
///
/// # Errors
/// [`Error::NotFound`] when it is not the contact's, or no longer promised; [`Error::TooLate`];
/// [`Error::Conflict`] when the key was used for something else; [`Error::Unavailable`].
pub async fn cancel(
    ledger: impl Into<Ledger>,
    by: &Asker,
    now: Timestamp,
    id: &AppointmentId,
    of: Option<&ContactId>,
) -> Result<Appointment, Error> {
    let (ledger, asked) = (ledger.into(), format!("cancel {id}"));
    let mut tx = ledger.store.begin(&by.tenant).await?;
    let found = tx.appointments().get(id).await?.ok_or(Error::NotFound("appointment"))?;
    tx.resources().lock_of_service(&found.service).await?;
    let test = in_test(&mut tx, by).await?;
    let mut change = Change { store: &ledger.store, tx, by, now, said: Said::default(), test, asked: None };
    if let Some(first) = change.first_answer(&asked).await? {
        return Ok(first);
    }
    let standing = change.changeable(id, of).await?;
    let given_back = Appointment {
        status: AppointmentStatus::Cancelled,
        expires: None,
        clashing: false,
        ..standing.clone()
    };
    let given_back = change.sent_out(given_back).await?;
    if !change.tx.appointments().update(&given_back, standing.status).await? {
        return Err(Error::NotFound("appointment"));
    }
    let step = change.step(Step::Cancelled);
    let given_back = change.commit(&asked, Some(standing), given_back, Some(&step)).await?;
    ledger.tell(by, &given_back, &step);
    Ok(given_back)
}

/// Whether an appointment may still be moved or cancelled by who has it. What the business cannot keep may be until it
/// begins.
pub(super) async fn changeable(
    tx: &mut TenantTx,
    standing: &Appointment,
    now: Timestamp,
) -> Result<bool, Error> {
    let service = tx.services().get(&standing.service).await?.ok_or(Error::NotFound("service"))?;
    Ok(availability::changeable(&service, standing.time.start, now)
        || (now < standing.time.start && stranded::cannot_be_kept(tx, standing, now).await?))
}

/// One change of the ledger, from lock to commit.
struct Change<'a> {
    store: &'a Store,
    tx: TenantTx,
    by: &'a Asker,
    now: Timestamp,
    said: Said,
    /// Whether it is asked in a test call that leaves nothing.
    test: bool,
    /// When calendars outside were asked, once the change has been sent out to them.
    asked: Option<Option<Timestamp>>,
}

impl<'a> Change<'a> {
    /// Locks the resources of the service: what is read after this will hold.
    async fn begin(
        store: &'a Store,
        by: &'a Asker,
        now: Timestamp,
        wish: &Wish,
        said: Said,
    ) -> Result<Self, Error> {
        let mut tx = store.begin(&by.tenant).await?;
        tx.resources().lock_of_service(&wish.service).await?;
        let test = in_test(&mut tx, by).await?;
        Ok(Self { store, tx, by, now, said, test, asked: None })
    }

    /// Has the calendars outside written to, where they are; as the appointment stands until they are.
    async fn sent_out(&mut self, appointment: Appointment) -> Result<Appointment, Error> {
        if self.test {
            return Ok(appointment);
        }
        let (appointment, asked) =
            ledger::sent_out(&mut self.tx, appointment, &self.said.resources, self.now).await?;
        self.asked = Some(asked);
        Ok(appointment)
    }

    /// What came of the same request before. An answer that has vanished since (a hold that lapsed) is none.
    async fn first_answer(&mut self, asked: &str) -> Result<Option<Appointment>, Error> {
        let Some(key) = &self.by.key else { return Ok(None) };
        match self.tx.appointments().answer_to(Asked { key, content: asked }).await? {
            Kept::Nothing => Ok(None),
            Kept::Different => Err(Error::Conflict("the same request was made with other content")),
            Kept::Same(id) => Ok(self.tx.appointments().get(&id).await?),
        }
    }

    /// The hold of that id, if it still holds. Everything that has lapsed is swept up.
    async fn live_hold(&mut self, hold: Option<&AppointmentId>) -> Result<Option<Appointment>, Error> {
        self.tx.appointments().clear_lapsed(self.now).await?;
        let Some(hold) = hold else { return Ok(None) };
        self.tx.appointments().lock(hold).await?;
        Ok(self.tx.appointments().hold(hold, self.by.call.as_ref()).await?)
    }

    /// The appointment, if it is this contact's and may still be changed. Staff are bound by neither cut-off nor
    /// beginning.
    async fn changeable(&mut self, id: &AppointmentId, of: Option<&ContactId>) -> Result<Appointment, Error> {
        self.tx.appointments().lock(id).await?;
        let found = self.tx.appointments().revised(id).await?;
        if let (Some(found), Some(staff)) = (&found, &self.by.staff) {
            found.must_be(staff.seen)?;
        }
        let standing = found
            .map(|found| found.item)
            .filter(|it| it.status.promised())
            .filter(|it| of.is_none_or(|of| it.contact.as_ref() == Some(of)))
            .ok_or(Error::NotFound("appointment"))?;
        if let (true, Some(call)) = (self.test, &self.by.call) {
            // Who tries an assistant out may well be able to prove to be somebody who really comes.
            let made = self.tx.appointments().of_call(call).await?;
            if !made.iter().any(|own| own.id == standing.id) {
                return Err(Error::NotFound("appointment"));
            }
        }
        if self.by.staff.is_none() && !changeable(&mut self.tx, &standing, self.now).await? {
            return Err(Error::TooLate);
        }
        Ok(standing)
    }

    async fn desk(&mut self, wish: &Wish) -> Result<Desk, Error> {
        self.tx.appointments().clear_lapsed(self.now).await?;
        let range = around_start(wish.start);
        Desk::open(&mut self.tx, &wish.service, range, self.now, std::mem::take(&mut self.said.busy)).await
    }

    /// A step of an appointment, taken by whoever asks.
    fn step(&self, what: Step) -> Taken {
        let by = match (&self.by.staff, &self.by.call) {
            (Some(staff), _) => staff.actor.to_string(),
            (None, Some(call)) => call.to_string(),
            (None, None) => "system:ledger".to_owned(),
        };
        Taken { what, by }
    }

    /// Keeps what became of `before`, and what was asked.
    async fn commit(
        mut self,
        asked: &str,
        before: Option<Appointment>,
        answer: Appointment,
        step: Option<&Taken>,
    ) -> Result<Appointment, Error> {
        if let Some(asked) = self.asked {
            self.tx.appointments().note_asked(&answer.id, asked).await?;
        }
        if let Some(step) = step {
            self.tx.history().add(&answer, step.what, &step.by, self.now).await?;
            let (step, before, by) = (step.what, before.as_ref(), step.by.as_str());
            if !self.test {
                let event = Event::Appointment { step, before, after: &answer, by };
                webhooks::tell(&mut self.tx, self.now, event).await?;
            }
            if let Some(before) = before.filter(|_| !self.test) {
                offers::freed(&mut self.tx, before, &answer, self.now).await?;
            }
        }
        if before.is_some() {
            ledger::clash_no_more(&mut self.tx, &answer.id, self.now).await?;
        }
        if let Some(staff) = &self.by.staff {
            audit::record(&mut self.tx, &staff.actor, self.now, before.as_ref(), Some(&answer)).await?;
        }
        if let Some(key) = &self.by.key {
            let asked = Asked { key, content: asked };
            self.tx.appointments().remember(asked, &answer.id, self.now).await?;
        }
        self.tx.commit().await?;
        if before.is_some() {
            ledger::free_clashing(self.store, &self.by.tenant, self.now).await;
        }
        Ok(answer)
    }
}

/// Whether something is asked in a test call that leaves nothing. Such a call that is over asks for nothing more: what
/// it made is gone.
async fn in_test(tx: &mut TenantTx, by: &Asker) -> Result<bool, Error> {
    let Some(call) = &by.call else { return Ok(false) };
    let test = tx.calls().under_test(call).await?;
    if test.leaves_nothing() && test.over {
        return Err(Error::Conflict("that test call is over"));
    }
    Ok(test.leaves_nothing())
}

/// Makes what a test call booked an appointment like any other: it is written into calendars outside, and told.
pub(super) async fn stand(
    tx: &mut TenantTx,
    appointment: Appointment,
    now: Timestamp,
    by: &str,
) -> Result<(), Error> {
    let before = appointment.status;
    let (sent, asked) = ledger::sent_out(tx, appointment, &[], now).await?;
    tx.appointments().update(&sent, before).await?;
    tx.appointments().note_asked(&sent.id, asked).await?;
    let event = Event::Appointment { step: Step::Booked, before: None, after: &sent, by };
    webhooks::tell(tx, now, event).await
}

/// A step an appointment took, and who had it take it.
struct Taken {
    what: Step,
    by: String,
}

/// Whether a hold keeps what is wished for.
fn keeps(held: &Appointment, wish: &Wish) -> bool {
    held.service == wish.service
        && held.time.start == wish.start
        && held.seats == wish.seats
        && wish.resource.as_ref().is_none_or(|wanted| *wanted == held.resource)
}

/// When a hold was made: what could be had then can be had while it holds, though the time comes closer.
fn held_since(held: &Appointment, now: Timestamp) -> Timestamp {
    held.expires.map_or(now, |expires| expires.plus_minutes(-HOLD_MINUTES)).min(now)
}

/// A wish in a form that is equal when the wish is.
fn content(wish: &Wish) -> String {
    let with = wish.resource.as_ref().map_or("anybody", ResourceId::as_str);
    let seats = if wish.seats == 1 { String::new() } else { format!(" for {}", wish.seats) };
    format!("{} {} {with}{seats}", wish.service, wish.start.0)
}

fn around(range: TimeRange) -> TimeRange {
    TimeRange {
        start: range.start.plus_minutes(-AROUND_MINUTES),
        end: range.end.plus_minutes(AROUND_MINUTES),
    }
}

fn around_start(start: Timestamp) -> TimeRange {
    around(TimeRange { start, end: start })
}

/// A date's midnight in UTC. In any zone the date begins and ends within two days of it.
fn utc_midnight(date: civil::Date) -> Timestamp {
    let midnight = TimeZone::UTC.to_timestamp(date.to_datetime(civil::Time::midnight()));
    midnight.map_or(Timestamp::MAX, Timestamp::from)
}
