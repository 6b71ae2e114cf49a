//! Looks afterwards whether what was promised holds: in the ledger, and in the calendars outside.
//!
//! Believes nobody: what was answered is compared with what is kept, what is kept with what stands in the calendars, and
//! what changed without an answer must be explained by its history.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    domain::{
        booking::{Appointment, Step},
        id::{AppointmentId, CalendarId, ResourceId, TenantId},
        time::{TimeRange, Timestamp},
    },
    store::{self, Store, TenantTx},
};

/// What a client was told last about an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It starts then.
    At(Timestamp),
    /// It is cancelled.
    Cancelled,
    /// There was no answer: it may be either.
    Nothing,
}

/// An event of ours as it stands in a calendar outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The vendor's name for the calendar.
    pub calendar: String,
    /// The appointment it says it stands for.
    pub appointment: String,
    /// When it takes place.
    pub time: TimeRange,
}

/// What was found. Every list should be empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// Two appointments in one place.
    pub overlaps: Vec<String>,
    /// Answered and not there.
    pub lost: Vec<String>,
    /// Promised, and not in its calendar, or elsewhere there.
    pub missing: Vec<String>,
    /// In its calendar more than once.
    pub duplicates: Vec<String>,
    /// In a calendar, and promised to nobody.
    pub orphans: Vec<String>,
}

impl Findings {
    /// Whether nothing was found.
    pub(super) fn none(&self) -> bool {
        self.overlaps.is_empty() && self.lost.is_empty() && self.agree()
    }

    /// Whether ledger and calendars agree.
    pub(super) fn agree(&self) -> bool {
        self.missing.is_empty() && self.duplicates.is_empty() && self.orphans.is_empty()
    }

    /// Whether calendars and ledger do not agree about that appointment.
    pub(super) fn speaks_of(&self, id: &AppointmentId) -> bool {
        let lines = self.missing.iter().chain(&self.duplicates);
        lines.into_iter().any(|line| line.starts_with(id.as_str()))
    }

    /// Takes over what others found.
    pub(super) fn merge(&mut self, others: Self) {
        let Self { overlaps, lost, missing, duplicates, orphans } = others;
        self.overlaps.extend(overlaps);
        self.lost.extend(lost);
        self.missing.extend(missing);
        self.duplicates.extend(duplicates);
        self.orphans.extend(orphans);
    }

    /// Everything, a line each, at most `count_max` of a kind.
    pub(super) fn lines(&self, count_max: usize) -> Vec<String> {
        let kinds = [
            ("overlap", &self.overlaps),
            ("lost", &self.lost),
            ("missing", &self.missing),
            ("duplicate", &self.duplicates),
            ("orphan", &self.orphans),
        ];
        let lines = kinds
            .into_iter()
            .flat_map(|(kind, found)| found.iter().take(count_max).map(move |one| format!("{kind}: {one}")));
        lines.collect()
    }
}

/// Everything that takes time at a tenant, at one moment.
pub(super) async fn ledger(
    store: &Store,
    tenant: &TenantId,
    range: TimeRange,
    now: Timestamp,
) -> Result<Vec<Appointment>, store::Error> {
    store.read(tenant).await?.appointments().busy(range, now).await
}

/// Which appointments and holds stand in one another's place; those that a calendar has put there are known as such and
/// are not counted. Who starts a service at one time with one resource shares a session, as long as it has seats, also
/// where somebody has drawn one of their events longer or shorter.
pub(super) fn overlaps(taken: &[Appointment], capacity_of: impl Fn(&Appointment) -> u32) -> Vec<String> {
    let mut by_resource: BTreeMap<&ResourceId, Vec<&Appointment>> = BTreeMap::new();
    for one in taken.iter().filter(|one| !one.clashing) {
        for resource in std::iter::once(&one.resource).chain(&one.together) {
            by_resource.entry(resource).or_default().push(one);
        }
    }
    let mut found = Vec::new();
    for (resource, mut its) in by_resource {
        its.sort_by_key(|one| one.blocked.start);
        let mut seats: HashMap<&str, u32> = HashMap::new();
        for (at, one) in its.iter().enumerate() {
            for other in its[at + 1..].iter().take_while(|other| other.blocked.start < one.blocked.end) {
                let shared = one.session.is_some() && one.session == other.session;
                if !(shared && one.service == other.service && one.time.start == other.time.start) {
                    found.push(format!(
                        "{} and {} with {resource}: {} and {}",
                        one.id,
                        other.id,
                        told(one),
                        told(other)
                    ));
                }
            }
            let session = one.session.as_deref().unwrap_or(one.id.as_str());
            let taken = seats.entry(session).or_default();
            *taken += one.seats;
            if *taken > capacity_of(one) {
                found.push(format!("{} is one too many in its session with {resource}", one.id));
            }
        }
    }
    found
}

/// Where and as what an appointment stands.
fn told(one: &Appointment) -> String {
    let Appointment { service, time, session, status, .. } = one;
    let session = session.as_deref().unwrap_or_default();
    format!("[{} {service} from {} to {} in {session}]", status.as_str(), time.start, time.end)
}

/// What was answered and does not hold, although no calendar is the reason.
pub(super) async fn lost(
    tx: &mut TenantTx,
    told: &HashMap<AppointmentId, Told>,
    taken: &[Appointment],
) -> Result<Vec<String>, store::Error> {
    let standing: HashMap<&AppointmentId, &Appointment> =
        taken.iter().filter(|one| one.status.promised()).map(|one| (&one.id, one)).collect();
    let mut found = Vec::new();
    for (id, told) in told {
        let now = standing.get(id).map(|one| one.time.start);
        let holds = match told {
            Told::At(start) => now == Some(*start),
            Told::Cancelled => now.is_none(),
            Told::Nothing => true,
        };
        if holds {
            continue;
        }
        let steps = tx.history().of(id).await?;
        let explained = steps.last().is_some_and(|last| {
            let by_calendar = last.who.starts_with(CalendarId::PREFIX) || last.who == "system:calendars";
            let moved = matches!(last.what, Step::Moved | Step::Undone | Step::Confirmed);
            by_calendar && (moved && now.is_none_or(|now| now == last.time.start) || now.is_none())
        });
        if !explained {
            let words: Vec<String> = steps
                .iter()
                .map(|step| format!("{} by {} at {}", step.what.as_str(), step.who, step.time.start))
                .collect();
            let stands = now.map_or("nowhere".to_owned(), |now| now.to_string());
            found.push(format!("{id} was {told:?}, stands {stands}: {}", words.join(", ")));
        }
    }
    Ok(found)
}

/// Whether every promised appointment stands once, at its time, in the calendar of each of its resources, and nothing
/// else of ours does.
pub(super) async fn agreement(
    tx: &mut TenantTx,
    taken: &[Appointment],
    events: &[Standing],
    findings: &mut Findings,
) -> Result<(), store::Error> {
    let mut named = HashMap::new();
    for calendar in tx.calendars().all().await? {
        named.insert(calendar.id, calendar.place.calendar);
    }
    let targets: HashMap<ResourceId, String> = tx
        .outside_events()
        .targets()
        .await?
        .into_iter()
        .filter_map(|(resource, calendar)| Some((resource, named.get(&calendar)?.clone())))
        .collect();
    let mut by_place: HashMap<(&str, &str), Vec<TimeRange>> = HashMap::new();
    for event in events {
        by_place.entry((&event.appointment, &event.calendar)).or_default().push(event.time);
    }
    let mut expected: HashSet<(&str, &str)> = HashSet::new();
    for one in taken.iter().filter(|one| one.status.promised()) {
        let its = std::iter::once(&one.resource).chain(&one.together);
        let calendars: BTreeSet<&String> = its.filter_map(|resource| targets.get(resource)).collect();
        for calendar in calendars {
            let place = (one.id.as_str(), calendar.as_str());
            expected.insert(place);
            match by_place.get(&place).map_or(&[][..], Vec::as_slice) {
                [] => findings.missing.push(format!("{} has no event", one.id)),
                [time] if *time == one.time => {}
                [time] => findings
                    .missing
                    .push(format!("{} is at {}, its event at {}", one.id, one.time.start, time.start)),
                several => {
                    findings.duplicates.push(format!("{} has {} events", one.id, several.len()));
                }
            }
        }
    }
    for event in events {
        if !expected.contains(&(event.appointment.as_str(), event.calendar.as_str())) {
            let mut line = format!("{} at {}", event.appointment, event.time.start);
            if let Ok(id) = event.appointment.parse::<AppointmentId>() {
                let stands = tx.appointments().get(&id).await?;
                line += &stands
                    .map_or("; nothing is known of it".to_owned(), |one| format!("; {}", self::told(&one)));
                for step in tx.history().of(&id).await? {
                    line += &format!("; {} by {} at {}", step.what.as_str(), step.who, step.time.start);
                }
                for written in tx.written().of(&id).await? {
                    let known = if written.event.is_some() { "known" } else { "on its way" };
                    line += &format!("; {known} from {} to {}", written.time.start, written.time.end);
                }
            }
            findings.orphans.push(line);
        }
    }
    Ok(())
}
