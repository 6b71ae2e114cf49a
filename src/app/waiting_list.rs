//! The waiting list: who wants an earlier time, and which services' freed times are offered.
//!
//! Whom to call about which time is [`offers`](super::outgoing::offers)' business.

use jiff::{ToSpan, civil};

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
};
use crate::{
    domain::{
        assistant::Language,
        contact::Contact,
        id::{AppointmentId, ContactId, ResourceId, ServiceId, WaitingId},
        outgoing::number,
        people::{Subject, Verb},
        time::Timestamp,
        waiting::{Waiting, WaitingState},
    },
    platform::ids,
    store::{Page, Place, Store, TenantTx},
};

/// Places one person may have on the list at a time.
pub const PLACES_MAX: u32 = 5;
/// How long somebody may wait, in days.
pub const DAYS_MAX: i64 = 366;
/// How many days somebody waits who does not say how long.
pub const DAYS_USUAL: i64 = 60;
/// How close to its beginning a freed time may be offered at the latest, in minutes: what a service may say at most.
pub const LATEST_MINUTES_MAX: u32 = 7 * 24 * 60;
/// The same when a service does not say.
pub const LATEST_MINUTES_USUAL: u32 = 120;
/// Minutes of a day.
pub const DAY_MINUTES: u32 = 24 * 60;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Who is to wait, and for what.
#[derive(Clone)]
pub struct Wanted {
    /// Who, when they are known.
    pub contact: Option<ContactId>,
    /// Their number, when they are not.
    pub number: Option<String>,
    /// Their name, when they are not.
    pub name: Option<String>,
    /// For what.
    pub service: ServiceId,
    /// With whom; anybody when none is named.
    pub resources: Vec<ResourceId>,
    /// The first day; from today on when left out.
    pub first_day: Option<civil::Date>,
    /// The last day; [`DAYS_USUAL`] from then on when left out.
    pub last_day: Option<civil::Date>,
    /// From when on, in minutes since midnight.
    pub from_min: u32,
    /// Before when it must begin, in minutes since midnight.
    pub until_min: u32,
    /// What they have and would move.
    pub appointment: Option<AppointmentId>,
    /// In which language they are called.
    pub language: Option<Language>,
}

impl Audited for Waiting {
    const KIND: &'static str = "waiting";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let resources: Vec<&str> = self.resources.iter().map(ResourceId::as_str).collect();
        Parts::new()
            .with("contact", self.contact.as_str())
            .with("service", self.service.as_str())
            .with("resources", resources)
            .with("first_day", self.first_day.to_string())
            .with("last_day", self.last_day.to_string())
            .with("from", self.from_min)
            .with("until", self.until_min)
            .with("appointment", self.appointment.as_ref().map(AppointmentId::as_str))
            .with("state", self.state.as_str())
    }
}

/// The list in the order of joining.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    state: Option<WaitingState>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Waiting>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    Ok(store.read(by.tenant()).await?.waiting().page(state, after, count_max).await?)
}

/// One place.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &WaitingId) -> Result<Waiting, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let found = store.read(by.tenant()).await?.waiting().get(id).await?;
    found.ok_or(Error::NotFound("place on the waiting list"))
}

/// Puts somebody on the list.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn join(store: &Store, by: &Actor, now: Timestamp, wanted: &Wanted) -> Result<Waiting, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.begin(by.tenant()).await?;
    let contact = who(&mut tx, by, now, wanted).await?;
    let waiting = check(&mut tx, now, wanted, contact).await?;
    tx.waiting().add(&waiting, &by.to_string()).await?;
    audit::record(&mut tx, by, now, None, Some(&waiting)).await?;
    tx.commit().await?;
    Ok(waiting)
}

/// Puts a caller on the list, in a transaction of a call's.
///
/// # Errors
/// As [`join`].
pub(super) async fn join_in_call(
    tx: &mut TenantTx,
    call: &str,
    now: Timestamp,
    wanted: &Wanted,
    contact: ContactId,
) -> Result<Waiting, Error> {
    let waiting = check(tx, now, wanted, contact).await?;
    tx.waiting().add(&waiting, call).await?;
    Ok(waiting)
}

/// Takes somebody off the list.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn remove(store: &Store, by: &Actor, now: Timestamp, id: &WaitingId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.waiting().get(id).await?.ok_or(Error::NotFound("place on the waiting list"))?;
    if tx.waiting().mark(id, WaitingState::Over, now).await? {
        let after = Waiting { state: WaitingState::Over, ..before.clone() };
        audit::record(&mut tx, by, now, Some(&before), Some(&after)).await?;
    }
    Ok(tx.commit().await?)
}

/// How many minutes before their beginning freed times of a service are offered at the latest; `None` when they are not.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn rule(store: &Store, by: &Actor, service: &ServiceId) -> Result<Option<u32>, Error> {
    by.must(Verb::Read, Subject::Services)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.services().get(service).await?.ok_or(Error::NotFound("service"))?;
    Ok(tx.waiting().rule(service).await?)
}

/// Says whether freed times of a service are offered, and how close to their beginning at the latest.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn set_rule(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    service: &ServiceId,
    latest_min: Option<u32>,
) -> Result<Option<u32>, Error> {
    by.must(Verb::Write, Subject::Services)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.services().get(service).await?.ok_or(Error::NotFound("service"))?;
    if latest_min.is_some_and(|latest| latest > LATEST_MINUTES_MAX) {
        return Err(Error::invalid("/latest", format!("must be at most {LATEST_MINUTES_MAX} minutes")));
    }
    let before = tx.waiting().rule(service).await?;
    if before != latest_min {
        tx.waiting().set_rule(service, latest_min).await?;
        let about = serde_json::json!({ "latest": { "before": before, "after": latest_min } });
        audit::tell(&mut tx, by, now, "service.offers_set", service.as_str(), about).await?;
    }
    tx.commit().await?;
    Ok(latest_min)
}

/// The contact who is to wait: the one that is named, the one of that number and name, or a new one.
async fn who(tx: &mut TenantTx, by: &Actor, now: Timestamp, wanted: &Wanted) -> Result<ContactId, Error> {
    if let Some(contact) = &wanted.contact {
        let found = tx.contacts().get(contact).await?;
        let found = found.ok_or_else(|| Error::invalid("/contact", "there is no such contact"))?;
        return if found.number.is_some() {
            Ok(found.id)
        } else {
            Err(Error::invalid("/contact", "has no number at which they could be called"))
        };
    }
    let mut faults = Faults::new();
    let name = wanted.name.as_deref().unwrap_or_default().trim().to_owned();
    faults.unless(
        (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control),
        "/name",
        format!("must be 1 to {NAME_CHARS_MAX} characters when no `contact` is named"),
    );
    let given = wanted.number.as_deref().unwrap_or_default();
    let callable = faults.take(number::callable(given, None), "/number");
    let Some(callable) = callable.filter(|_| faults.is_empty()) else { return Err(faults.refusal()) };
    let known = tx.contacts().by_number(&callable.number).await?;
    if let Some(known) = known.into_iter().find(|known| known.name.eq_ignore_ascii_case(&name)) {
        return Ok(known.id);
    }
    let contact = Contact {
        id: ContactId::of(ids::fresh(now)),
        name,
        number: Some(callable.number),
        born: None,
        note: String::new(),
        email: None,
    };
    tx.contacts().put(&contact, now).await?;
    audit::record(tx, by, now, None, Some(&contact)).await?;
    Ok(contact.id)
}

/// Everything that must hold for a place on the list, told at once.
async fn check(
    tx: &mut TenantTx,
    now: Timestamp,
    wanted: &Wanted,
    contact: ContactId,
) -> Result<Waiting, Error> {
    let mut faults = Faults::new();
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let today = zone.wall(now).date();
    let service = tx.services().get(&wanted.service).await?.filter(|service| service.active);
    faults.unless(service.is_some(), "/service", "there is no such service");
    for (at, resource) in wanted.resources.iter().enumerate() {
        let its = service.as_ref().is_some_and(|service| service.resources.contains(resource));
        faults.unless(its, format!("/resources/{at}"), "is none with which that service takes place");
    }
    let first_day = wanted.first_day.unwrap_or(today).max(today);
    let last_day = wanted.last_day.unwrap_or_else(|| first_day.saturating_add(DAYS_USUAL.days()));
    faults.unless(last_day >= first_day, "/last_day", "must not lie before the first day, or has passed");
    let furthest = today.saturating_add(DAYS_MAX.days());
    faults.unless(last_day <= furthest, "/last_day", "must lie within a year");
    faults.unless(
        wanted.from_min < wanted.until_min && wanted.until_min <= DAY_MINUTES,
        "/until",
        "must lie after `from`",
    );
    if let Some(own) = &wanted.appointment {
        let own = tx.appointments().get(own).await?;
        let own = own.filter(|own| {
            own.status.promised() && own.contact.as_ref() == Some(&contact) && own.service == wanted.service
        });
        faults.unless(own.is_some(), "/appointment", "there is no such appointment of theirs");
    }
    faults.settle()?;
    if tx.waiting().of_contact(&contact, &today.to_string()).await? >= PLACES_MAX {
        return Err(Error::Limit { name: "places on the waiting list", max: u64::from(PLACES_MAX) });
    }
    Ok(Waiting {
        id: WaitingId::of(ids::fresh(now)),
        contact,
        service: wanted.service.clone(),
        resources: wanted.resources.clone(),
        first_day,
        last_day,
        from_min: wanted.from_min,
        until_min: wanted.until_min,
        appointment: wanted.appointment.clone(),
        language: wanted.language,
        state: WaitingState::Waiting,
        joined: now,
        ended: None,
    })
}
