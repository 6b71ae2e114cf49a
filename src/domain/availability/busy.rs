//! What is taken: appointments, holds and other calendars' events, laid out per resource.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    str::FromStr,
};

use jiff::civil;

use super::{Refusal, hours::closed_on};
use crate::domain::{
    booking::{Appointment, AppointmentStatus, Resource, Service},
    id::{AppointmentId, ResourceId, ServiceId},
    time::{TimeRange, Timestamp, Zone},
};

/// Something that takes time.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    /// When it takes place.
    pub time: TimeRange,
    /// Whose time it takes; everybody's when none is named.
    pub resource: Option<ResourceId>,
    /// What it is.
    pub kind: BusyKind,
}

/// What takes time.
#[derive(Clone, Debug, PartialEq)]
pub enum BusyKind {
    /// An appointment that is promised.
    Appointment {
        /// Its id.
        id: AppointmentId,
        /// What is booked.
        service: ServiceId,
        /// Its time with its own buffers.
        blocked: TimeRange,
        /// How many seats of its session it takes.
        seats: u32,
    },
    /// A slot kept for a caller.
    Hold {
        /// Its id.
        id: AppointmentId,
        /// What it is kept for.
        service: ServiceId,
        /// Its time with its own buffers.
        blocked: TimeRange,
        /// How many seats of its session it takes.
        seats: u32,
        /// The first instant at which it counts for nothing.
        expires: Timestamp,
    },
    /// An event of another calendar. Whether it blocks is the service's rule.
    Event {
        /// What its calendar says of the time.
        status: EventStatus,
        /// In which calendar; one in no calendar in particular is always looked at.
        calendar: Option<String>,
    },
}

/// What a calendar says of the time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventStatus {
    /// Something takes place.
    Busy,
    /// Something may take place.
    Tentative,
    /// Nobody is there.
    OutOfOffice,
    /// Somebody is at work, in another place.
    WorkingElsewhere,
    /// Nothing that would be in the way.
    Free,
    /// The invitation was declined.
    Declined,
    /// It does not take place.
    Cancelled,
}

impl EventStatus {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Busy,
        Self::Tentative,
        Self::OutOfOffice,
        Self::WorkingElsewhere,
        Self::Free,
        Self::Declined,
        Self::Cancelled,
    ];
    /// Those that block where nobody says otherwise.
    pub const BLOCKING: [Self; 3] = [Self::Busy, Self::Tentative, Self::OutOfOffice];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Tentative => "tentative",
            Self::OutOfOffice => "out_of_office",
            Self::WorkingElsewhere => "working_elsewhere",
            Self::Free => "free",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A text that names no status of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `busy`, `tentative`, `out_of_office`, `working_elsewhere`, `free`, `declined` or `cancelled`"
)]
pub struct NotAnEventStatus;

impl FromStr for EventStatus {
    type Err = NotAnEventStatus;

    fn from_str(word: &str) -> Result<Self, NotAnEventStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or(NotAnEventStatus)
    }
}

/// An appointment or a hold, as limits and sessions see it.
#[derive(Clone, Copy)]
pub(super) struct Promise<'b> {
    pub id: &'b AppointmentId,
    pub service: &'b ServiceId,
    pub blocked: TimeRange,
    pub seats: u32,
    pub held: bool,
}

impl Busy {
    /// What an appointment takes, once for each of its resources; nothing when it is cancelled.
    pub fn of(appointment: &Appointment) -> Vec<Self> {
        let kind = || {
            let (id, service) = (appointment.id.clone(), appointment.service.clone());
            let (blocked, seats) = (appointment.blocked, appointment.seats);
            match appointment.status {
                AppointmentStatus::Pending | AppointmentStatus::Confirmed => {
                    Some(BusyKind::Appointment { id, service, blocked, seats })
                }
                // A hold that never lapses would be a promise; one without an expiry never began.
                AppointmentStatus::Held => {
                    Some(BusyKind::Hold { id, service, blocked, seats, expires: appointment.expires? })
                }
                AppointmentStatus::Cancelled => None,
            }
        };
        let resources = std::iter::once(&appointment.resource).chain(&appointment.together);
        resources
            .filter_map(|resource| {
                Some(Self { time: appointment.time, resource: Some(resource.clone()), kind: kind()? })
            })
            .collect()
    }

    pub(super) fn promise(&self) -> Option<Promise<'_>> {
        match &self.kind {
            BusyKind::Appointment { id, service, blocked, seats } => {
                Some(Promise { id, service, blocked: *blocked, seats: *seats, held: false })
            }
            BusyKind::Hold { id, service, blocked, seats, .. } => {
                Some(Promise { id, service, blocked: *blocked, seats: *seats, held: true })
            }
            BusyKind::Event { .. } => None,
        }
    }

    pub(super) fn concerns(&self, resource: &ResourceId) -> bool {
        self.resource.as_ref().is_none_or(|own| own == resource)
    }

    /// Whether it is there at all at `now`, by the rules of `service`.
    pub(super) fn counts(&self, service: &Service, now: Timestamp, ignoring: &[AppointmentId]) -> bool {
        let stands = match &self.kind {
            BusyKind::Appointment { .. } => true,
            BusyKind::Hold { expires, .. } => now < *expires,
            BusyKind::Event { status, calendar } => {
                let looked_at = match (calendar, &service.conflict_calendars) {
                    (Some(calendar), Some(selected)) => selected.contains(calendar),
                    _ => true,
                };
                looked_at && service.blocking.contains(status)
            }
        };
        let ignored = self.promise().is_some_and(|promise| ignoring.contains(promise.id));
        stands && !ignored && self.time.start < self.time.end
    }
}

/// What one resource's time is taken by: each a list of ranges in order that do not overlap.
#[derive(Debug)]
pub(super) struct Board<'a> {
    pub resource: &'a Resource,
    /// Appointments with their buffers, holds with theirs, events: a slot with its buffers must keep clear.
    kept_clear: Vec<TimeRange>,
    /// What takes place.
    taken: Vec<TimeRange>,
    /// What is held.
    held: Vec<TimeRange>,
    /// Sessions of the group that is asked about, by their start.
    sessions: BTreeMap<Timestamp, Session>,
    /// The longest any session blocks, in microseconds.
    session_reach: i64,
    loads: HashMap<civil::Date, u32>,
}

/// A group's meeting: everybody in it starts at the same time with the same resource.
#[derive(Clone, Copy, Debug)]
struct Session {
    time: TimeRange,
    blocked: TimeRange,
    seats: u32,
    /// Whether nobody is promised a seat: all are held.
    held: bool,
}

impl<'a> Board<'a> {
    pub fn new(resource: &'a Resource) -> Self {
        Self {
            resource,
            kept_clear: Vec::new(),
            taken: Vec::new(),
            held: Vec::new(),
            sessions: BTreeMap::new(),
            session_reach: 0,
            loads: HashMap::new(),
        }
    }

    /// Counts an appointment that starts on `date`.
    pub fn add_load(&mut self, date: civil::Date) {
        *self.loads.entry(date).or_default() += 1;
    }

    /// How many appointments start on `date`.
    pub fn load(&self, date: civil::Date) -> u32 {
        self.loads.get(&date).copied().unwrap_or(0)
    }

    /// Takes the time of `entry`, which is part of a session of the group asked about if `grouped`.
    pub fn block(&mut self, entry: &Busy, grouped: bool) {
        let Some(promise) = entry.promise() else {
            self.taken.push(entry.time);
            self.kept_clear.push(entry.time);
            return;
        };
        if grouped {
            let alone = Session {
                time: entry.time,
                blocked: promise.blocked,
                seats: promise.seats,
                held: promise.held,
            };
            let session = self.sessions.entry(entry.time.start);
            session.and_modify(|session| session.join(alone)).or_insert(alone);
            return;
        }
        if promise.held { &mut self.held } else { &mut self.taken }.push(entry.time);
        self.kept_clear.push(promise.blocked);
    }

    /// Orders what was taken. To be called once, before the first question.
    pub fn settle(&mut self) {
        for ranges in [&mut self.kept_clear, &mut self.taken, &mut self.held] {
            ranges.sort_unstable();
            ranges.dedup_by(|next, kept| {
                let touches = next.start <= kept.end;
                if touches {
                    kept.end = kept.end.max(next.end);
                }
                touches
            });
        }
        let reaches = self.sessions.values().map(|session| session.blocked.end.0 - session.blocked.start.0);
        self.session_reach = reaches.max().unwrap_or(0);
    }

    /// Whether a session of the group asked about starts then.
    pub fn meets_at(&self, start: Timestamp) -> bool {
        self.sessions.contains_key(&start)
    }

    /// Everything that keeps `seats` of `capacity` from being had at `time`, which with its buffers is `blocked`.
    pub fn objections(
        &self,
        time: TimeRange,
        blocked: TimeRange,
        seats: u32,
        capacity: u32,
        mut found: impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let others = || self.other_sessions(time.start, blocked);
        let crosses = |held: bool| others().any(|other| other.held == held && other.time.overlaps(time));
        let filled = self.sessions.get(&time.start).map_or(0, |session| session.seats);
        if meets(&self.taken, time) || crosses(false) {
            found(Refusal::Busy)?;
        }
        if filled.saturating_add(seats) > capacity {
            found(Refusal::Capacity)?;
        }
        if meets(&self.held, time) || crosses(true) {
            found(Refusal::Held)?;
        }
        if meets(&self.kept_clear, blocked) || others().next().is_some() {
            found(Refusal::Buffer)?;
        }
        ControlFlow::Continue(())
    }

    /// Whether any of that time is closed, whatever the opening hours say.
    pub fn closed_in(&self, time: TimeRange, zone: &Zone) -> bool {
        let closures = &self.resource.schedule.closures;
        let (first, last) = (zone.wall(time.start).date(), zone.wall(time.end).date());
        !closures.is_empty()
            && std::iter::successors(Some(first), |date| date.tomorrow().ok())
                .take_while(|date| *date <= last)
                .any(|date| {
                    closures
                        .iter()
                        .filter_map(|closure| closed_on(closure, date, zone))
                        .any(|closed| closed.overlaps(time))
                })
    }

    /// The sessions that start at another time than `start` and would be in the way of `blocked`.
    fn other_sessions(&self, start: Timestamp, blocked: TimeRange) -> impl Iterator<Item = &Session> {
        let from = Timestamp(blocked.start.0.saturating_sub(self.session_reach));
        let until = Timestamp(blocked.end.0.saturating_add(self.session_reach));
        let near = self.sessions.range(from..until.max(from));
        near.filter(move |(other, session)| **other != start && session.blocked.overlaps(blocked))
            .map(|(_, session)| session)
    }
}

impl Session {
    /// Takes another's seats into the session.
    fn join(&mut self, other: Self) {
        let widest =
            |a: TimeRange, b: TimeRange| TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) };
        self.time = widest(self.time, other.time);
        self.blocked = widest(self.blocked, other.blocked);
        self.seats = self.seats.saturating_add(other.seats);
        self.held &= other.held;
    }
}

/// Whether `range` overlaps any of `ranges`, which are in order and apart.
fn meets(ranges: &[TimeRange], range: TimeRange) -> bool {
    let after = ranges.partition_point(|taken| taken.end <= range.start);
    ranges.get(after).is_some_and(|taken| taken.overlaps(range))
}
