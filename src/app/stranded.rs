//! Appointments that stand where nobody is: outside of the hours of those they are with, or in a time they are away.
//!
//! Derived from what is booked and what is open at that moment, whatever brought the two apart; there is no list to fall
//! out of step. What is kept is only that somebody said an appointment stands all the same, of which start and in spite
//! of what. What is done about one goes through the ledger and the rules of calling out, like everything else.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Error, Fault,
    access::Actor,
    appointments, audit,
    bookings::{Desk, Ledger},
    outgoing::moving::{self, NotRung},
};
use crate::{
    domain::{
        availability::Source,
        booking::{Appointment, Resource},
        id::{AppointmentId, ClosureId, OutgoingId, ResourceId, ServiceId},
        outgoing::Outgoing,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::{TimeRange, Timestamp, Zone},
    },
    store::{AppointmentFilter, Place, Store, TenantTx},
};

/// Appointments that are looked at for one answer.
pub const LOOKED_AT_MAX: usize = 5_000;
/// Stranded appointments in one answer.
pub const STRANDED_MAX: usize = 200;
/// Decisions in one request.
pub const DECISIONS_MAX: usize = 200;
/// How far back appointments are looked at that may not be over, in minutes.
const RUNNING_MINUTES: i64 = 24 * 60;
const PAGE: u32 = 500;

/// An appointment that stands where nobody is.
#[derive(Clone, Debug)]
pub struct Stranded {
    /// The appointment, and which state of it this is.
    pub appointment: Revised<Appointment>,
    /// Who of those it is with is not there, and by what.
    pub causes: Vec<(ResourceId, Source)>,
    /// Whether somebody has said that it stands all the same.
    pub kept: bool,
    /// Who else could have it at the same time.
    pub colleagues: Vec<ResourceId>,
    /// The last call that was asked for to move it.
    pub call: Option<Outgoing>,
    /// Why the person may not be called about it; `None` when they may.
    pub not_rung: Option<NotRung>,
}

/// Which stranded appointments somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those with that resource.
    pub resource: Option<ResourceId>,
    /// Only those that are stranded by that closure.
    pub closure: Option<ClosureId>,
    /// Those of which somebody has said that they stand all the same, too.
    pub kept: bool,
}

/// The stranded appointments that were found.
#[derive(Clone, Debug)]
pub struct Found {
    /// In order of their start.
    pub items: Vec<Stranded>,
    /// Whether there may be more than were looked at.
    pub more: bool,
}

/// The appointments that are stranded, soonest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] for a resource or closure that is not; [`Error::Unavailable`].
pub async fn list(store: &Store, by: &Actor, now: Timestamp, wanted: &Wanted) -> Result<Found, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    if let Some(resource) = &wanted.resource {
        tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
    }
    if let Some(closure) = &wanted.closure {
        tx.closures().get(closure).await?.ok_or(Error::NotFound("closure"))?;
    }
    let (found, more) = scan(&mut tx, now, wanted).await?;
    let mut items = Vec::with_capacity(found.len());
    for (appointment, causes, kept) in found {
        let appointment = tx.appointments().revised(&appointment.id).await?;
        let Some(appointment) = appointment else { continue };
        let call = tx.outgoing().to_move(&appointment.item.id).await?;
        let not_rung = moving::plan(store, &mut tx, &appointment.item, now).await?.err();
        items.push(Stranded { appointment, causes, kept, colleagues: Vec::new(), call, not_rung });
    }
    drop(tx);
    find_colleagues(store, by, now, &mut items).await?;
    Ok(Found { items, more })
}

/// How many appointments are stranded and wait for a decision, as far as [`list`] looks.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn count(store: &Store, by: &Actor, now: Timestamp) -> Result<usize, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    Ok(scan(&mut tx, now, &Wanted::default()).await?.0.len())
}

/// A stranded appointment, by what, and whether somebody has said that it stands all the same.
type Hit = (Appointment, Vec<(ResourceId, Source)>, bool);

/// The stranded appointments, and whether there may be more than were looked at.
async fn scan(tx: &mut TenantTx, now: Timestamp, wanted: &Wanted) -> Result<(Vec<Hit>, bool), Error> {
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let by_id: BTreeMap<ResourceId, Resource> =
        tx.resources().all().await?.into_iter().map(|resource| (resource.id.clone(), resource)).collect();
    let kept = tx.appointments().kept(now).await?;
    let filter = AppointmentFilter {
        starts: Some(TimeRange { start: now.plus_minutes(-RUNNING_MINUTES), end: Timestamp::MAX }),
        resource: wanted.resource.clone(),
        contact: None,
        status: None,
    };
    let (mut found, mut looked, mut after, mut more) = (Vec::new(), 0, None::<Place>, false);
    loop {
        let page = tx.appointments().page(&filter, after.as_ref(), PAGE).await?;
        looked += page.items.len();
        for appointment in page.items {
            if !appointment.status.promised() || appointment.time.end <= now {
                continue;
            }
            let causes = causes(&appointment, &by_id, &zone);
            let asked = wanted.closure.as_ref().is_none_or(|wanted| {
                causes.iter().any(|(_, source)| matches!(source, Source::Closure(id) if id == wanted))
            });
            let stands = said_to_stand(&appointment, &causes, &kept);
            if !causes.is_empty() && asked && (wanted.kept || !stands) {
                found.push((appointment, causes, stands));
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
        if looked >= LOOKED_AT_MAX || found.len() > STRANDED_MAX {
            more = true;
            break;
        }
    }
    more |= found.len() > STRANDED_MAX;
    found.truncate(STRANDED_MAX);
    Ok((found, more))
}

/// Who else could have each of them at the same time, by the rules of the ledger.
async fn find_colleagues(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    items: &mut [Stranded],
) -> Result<(), Error> {
    let mut spans: BTreeMap<ServiceId, TimeRange> = BTreeMap::new();
    for one in items.iter() {
        let time = one.appointment.item.time;
        let span = spans.entry(one.appointment.item.service.clone()).or_insert(time);
        *span = TimeRange { start: span.start.min(time.start), end: span.end.max(time.end) };
    }
    for (service, span) in spans {
        let desk = Desk::of_span(store, by.tenant(), &service, span, now).await?;
        for one in items.iter_mut().filter(|one| one.appointment.item.service == service) {
            one.colleagues = desk.instead_of(&one.appointment.item, now);
        }
    }
    Ok(())
}

/// Why an appointment does not stand where those it is with are: nothing where it does.
fn causes(
    appointment: &Appointment,
    resources: &BTreeMap<ResourceId, Resource>,
    zone: &Zone,
) -> Vec<(ResourceId, Source)> {
    std::iter::once(&appointment.resource)
        .chain(&appointment.together)
        .filter_map(|id| resources.get(id))
        .flat_map(|resource| {
            let against = resource.schedule.against(appointment.time, zone);
            against.into_iter().map(|source| (resource.id.clone(), source))
        })
        .collect()
}

/// The causes in one word each, as they are kept.
fn words(causes: &[(ResourceId, Source)]) -> Vec<String> {
    let word = |source: &Source| match source {
        Source::Closure(id) => id.to_string(),
        Source::Exception(date) => date.to_string(),
        Source::Week(_)
        | Source::Rule(_)
        | Source::PutAside
        | Source::Appointment { .. }
        | Source::Hold { .. }
        | Source::Event { .. } => "hours".to_owned(),
    };
    causes.iter().map(|(resource, source)| format!("{resource}/{}", word(source))).collect()
}

fn said_to_stand(
    appointment: &Appointment,
    causes: &[(ResourceId, Source)],
    kept: &BTreeMap<AppointmentId, (Timestamp, Vec<String>)>,
) -> bool {
    kept.get(&appointment.id).is_some_and(|(start, in_spite)| {
        *start == appointment.time.start && words(causes).iter().all(|word| in_spite.contains(word))
    })
}

/// Whether an appointment stands where nobody is and nobody has said that it stands all the same: the business cannot
/// keep it, so what binds callers does not bind who has it.
pub(super) async fn cannot_be_kept(
    tx: &mut TenantTx,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<bool, Error> {
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let mut resources = BTreeMap::new();
    for id in std::iter::once(&appointment.resource).chain(&appointment.together) {
        if let Some(resource) = tx.resources().get(id).await? {
            resources.insert(resource.id.clone(), resource);
        }
    }
    let causes = causes(appointment, &resources, &zone);
    if causes.is_empty() {
        return Ok(false);
    }
    let kept = tx.appointments().kept(now).await?;
    Ok(!said_to_stand(appointment, &causes, &kept))
}

/// What is to be done about a stranded appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It stands all the same.
    Keep,
    /// Somebody else has it, at the same time: that resource, or the first that can.
    Colleague(Option<ResourceId>),
    /// The assistant rings whoever has it and moves it.
    Ring,
    /// It is given back.
    Cancel,
}

/// What somebody has decided about one appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which appointment.
    pub appointment: AppointmentId,
    /// Which state of it they have seen, if they say so.
    pub seen: Option<Revision>,
    /// What is to be done.
    pub remedy: Remedy,
}

/// What was done about an appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It stands all the same.
    Kept,
    /// That resource has it.
    Given(ResourceId),
    /// Whoever has it is called, at that moment at the earliest.
    Rings(OutgoingId, Timestamp),
    /// It is given back.
    Cancelled,
}

/// What came of a decision.
#[derive(Debug)]
pub struct Outcome {
    /// About which appointment.
    pub appointment: AppointmentId,
    /// What was done, or why nothing was.
    pub done: Result<Done, Undone>,
}

/// Why nothing was done about an appointment.
#[derive(Debug)]
pub enum Undone {
    /// Whoever has it may not be called.
    NotRung(NotRung),
    /// Nobody else could have it.
    NobodyElse,
    /// What the ledger says.
    Refused(Error),
}

/// Does what was decided, appointment by appointment: what cannot be done of one keeps nothing from the others.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for an appointment or resource that is not, of which nothing is done;
/// [`Error::Unavailable`].
pub async fn decide(
    ledger: &Ledger,
    by: &Actor,
    now: Timestamp,
    decisions: &[Decision],
) -> Result<Vec<Outcome>, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    if decisions.iter().any(|decision| decision.remedy == Remedy::Ring) {
        by.must(Verb::Write, Subject::Calls)?;
    }
    if decisions.is_empty() || decisions.len() > DECISIONS_MAX {
        return Err(Error::invalid("/decisions", format!("must be from 1 to {DECISIONS_MAX}")));
    }
    let (store, mut faults) = (ledger.store(), Vec::new());
    let mut tx = store.read(by.tenant()).await?;
    for (at, decision) in decisions.iter().enumerate() {
        if tx.appointments().get(&decision.appointment).await?.is_none() {
            let at = format!("/decisions/{at}/appointment");
            faults.push(Fault::new(at, "there is no such appointment"));
        }
        if let Remedy::Colleague(Some(resource)) = &decision.remedy
            && tx.resources().get(resource).await?.is_none()
        {
            faults.push(Fault::new(format!("/decisions/{at}/resource"), "there is no such resource"));
        }
    }
    drop(tx);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut outcomes = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let done = match one(ledger, by, now, decision).await {
            Err(Undone::Refused(
                error @ (Error::Unavailable(..) | Error::Internal(_) | Error::Forbidden(_)),
            )) => return Err(error),
            done => done,
        };
        outcomes.push(Outcome { appointment: decision.appointment.clone(), done });
    }
    Ok(outcomes)
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

async fn one(ledger: &Ledger, by: &Actor, now: Timestamp, decision: &Decision) -> Result<Done, Undone> {
    let (store, id, seen) = (ledger.store(), &decision.appointment, decision.seen);
    match &decision.remedy {
        Remedy::Keep => {
            keep(store, by, now, id, seen).await?;
            Ok(Done::Kept)
        }
        Remedy::Colleague(named) => {
            let standing = appointments::get(store, by, id).await?.item;
            let to = match named {
                Some(named) => named.clone(),
                None => {
                    let desk =
                        Desk::of_span(store, by.tenant(), &standing.service, standing.time, now).await?;
                    desk.instead_of(&standing, now).into_iter().next().ok_or(Undone::NobodyElse)?
                }
            };
            let to = (standing.time.start, Some(to));
            let moved = appointments::move_to(ledger, by, now, None, id, seen, to).await?;
            Ok(Done::Given(moved.item.resource))
        }
        Remedy::Ring => match moving::ring(store, by, now, id, seen).await? {
            Ok(call) => Ok(Done::Rings(call.id, call.due)),
            Err(not_rung) => Err(Undone::NotRung(not_rung)),
        },
        Remedy::Cancel => {
            appointments::cancel(ledger, by, now, None, id, seen).await?;
            Ok(Done::Cancelled)
        }
    }
}

/// Notes that an appointment stands although somebody it is with is not there.
async fn keep(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AppointmentId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    let mut tx = store.begin(by.tenant()).await?;
    tx.appointments().lock(id).await?;
    let standing = tx.appointments().revised(id).await?;
    let standing = standing.filter(|one| one.item.status.promised()).ok_or(Error::NotFound("appointment"))?;
    standing.must_be(seen)?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let resources = tx.resources().all().await?;
    let by_id = resources.into_iter().map(|resource| (resource.id.clone(), resource)).collect();
    let causes = causes(&standing.item, &by_id, &zone);
    tx.appointments().keep(id, &words(&causes)).await?;
    let about = json!({ "start": standing.item.time.start.to_string() });
    audit::tell(&mut tx, by, now, "appointment.kept", id.as_str(), about).await?;
    Ok(tx.commit().await?)
}
