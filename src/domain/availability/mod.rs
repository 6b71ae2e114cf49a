//! Which times are free, and why the others are not.
//!
//! One function decides: [`Availability::slots`] lists what it allows, [`Availability::check`] asks it about one
//! start. The list and the booking check cannot disagree because there is only one of them. It is pure: the same
//! rules, busy times and `now` give the same answer, whatever the order of the busy times and whatever zone the
//! server is in. It never reads a clock and knows nobody's name; that two rivals cannot both have a slot is the
//! ledger's doing (`store`), which keeps the [`blocked`] ranges apart.
//!
//! Where rules could be read two ways:
//!
//! - The grid starts at each merged window's start and steps by the interval in elapsed minutes; a slot may end
//!   exactly at closing time.
//! - Buffers keep distance from appointments and calendar events, not from opening hours. Between two appointments
//!   the earlier one's buffer after and the later one's buffer before add up; against a calendar event only the
//!   slot's own counts.
//! - The notice is met at exactly its length; the horizon includes its last local date.
//! - Limits count a service's appointments and live holds by local start date, week and month being those the date
//!   lies in. Minutes are those of the appointments, without buffers. A session of a group counts once, and whoever
//!   joins it adds nothing.
//! - A session is one service, one start and one resource. Until its seats are taken it is offered and may be joined;
//!   everything else that would overlap it is refused as busy, and it crosses nothing else.
//! - An event in a calendar that is not selected does not block; one that names no calendar does, for nobody has
//!   said that it may be passed over. An all-day event is dates in its calendar's zone, the last one excluded.
//! - What a closing day or an absence takes is closed to the minute; it moves no grid.
//! - Booked with all together, a time must be on the grid and free for every resource; what refuses it is the first
//!   rule that any of them has against it.

mod busy;
mod hours;
mod why;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
};

use jiff::{ToSpan, civil};

use self::busy::Board;
pub use self::{
    busy::{Busy, BusyKind, EventStatus, NotAnEventStatus},
    hours::{LocalTime, ScheduleError, all_day, instant, local_time},
    why::{Reason, Rule, Source, Weighed, Why},
};
use super::{
    booking::{Resource, Selection, Service},
    id::{AppointmentId, ResourceId},
    time::{TimeRange, Timestamp, Zone},
};

/// The furthest a service's horizon reaches, in days, whatever it says.
pub const HORIZON_DAYS_MAX: u32 = 3_660;

/// Why a time is refused. In the order in which the rules are asked: the first that refuses is the reason. Of several
/// resources that would do, the reason is that of the one that came closest: the last in this order.
///
/// What is taken is one question with four answers: something that takes place in that time is told before a session
/// that is full, that before a hold in that time, and that before being too close to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// There is no such time: the clocks skip it.
    MissingTime,
    /// The service is not done by that resource, or by nobody.
    NotQualified,
    /// Its local date lies beyond those that may be booked.
    Horizon,
    /// It is past, or too soon.
    Notice,
    /// Nothing opens on that date, or that time is closed.
    Closed,
    /// It begins or ends outside the opening hours of its date.
    OutsideHours,
    /// It is not one of the starts that are offered.
    OffGrid,
    /// The day, the week or the month has as much of this service as it may.
    Limit,
    /// Something else takes place then.
    Busy,
    /// The session that takes place then has not as many seats left, or never has.
    Capacity,
    /// Too close to something else.
    Buffer,
    /// It is kept for another caller for some minutes.
    Held,
}

impl Refusal {
    /// The word it is shown and stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingTime => "missing_time",
            Self::NotQualified => "not_qualified",
            Self::Horizon => "horizon",
            Self::Notice => "notice",
            Self::Closed => "closed",
            Self::OutsideHours => "outside_hours",
            Self::OffGrid => "off_grid",
            Self::Limit => "limit",
            Self::Busy => "busy",
            Self::Capacity => "capacity",
            Self::Buffer => "buffer",
            Self::Held => "held",
        }
    }
}

/// What is bookable and under which rules.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Where the clocks hang that opening hours, dates and limits are read from.
    pub zone: &'a Zone,
    /// What is to be booked.
    pub service: &'a Service,
    /// Who or what there is. Those that the service does not name count for nothing.
    pub resources: &'a [Resource],
    /// How many seats are wanted.
    pub seats: u32,
    /// How much each resource has to do, where it is known from elsewhere. Otherwise it is how many appointments
    /// start on the date.
    pub loads: Option<&'a BTreeMap<ResourceId, u32>>,
}

/// A time that may be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it would take place.
    pub time: TimeRange,
    /// With whom, best first as the service's selection says; or all it takes together. Never empty.
    pub resources: Vec<ResourceId>,
}

/// When the service takes place if it starts at `start`.
pub fn time_at(service: &Service, start: Timestamp) -> TimeRange {
    TimeRange { start, end: start.plus_minutes(i64::from(service.duration_min)) }
}

/// What an appointment of the service starting at `start` keeps other appointments out of: its time with its
/// buffers. Two appointments may stand next to each other when these do not overlap.
pub fn blocked(service: &Service, start: Timestamp) -> TimeRange {
    let time = time_at(service, start);
    TimeRange {
        start: time.start.plus_minutes(-i64::from(service.buffer_before_min)),
        end: time.end.plus_minutes(i64::from(service.buffer_after_min)),
    }
}

/// Whether an appointment that starts at `start` may still be moved or cancelled by the caller.
pub fn changeable(service: &Service, start: Timestamp, now: Timestamp) -> bool {
    now < start && now.plus_minutes(i64::from(service.cancel_cutoff_min)) <= start
}

/// The rules and everything that is taken, ready to be asked.
#[derive(Debug)]
pub struct Availability<'a> {
    rules: Rules<'a>,
    /// In the order of their ids.
    boards: Vec<Board<'a>>,
    /// As it was given, for whoever asks why.
    busy: &'a [Busy],
    ignoring: Vec<AppointmentId>,
    now: Timestamp,
    /// The first and the last local date that may be booked.
    today: civil::Date,
    last: civil::Date,
    used: Used,
}

/// Appointments, live holds and sessions of the service, counted.
#[derive(Debug, Default)]
struct Used {
    per_day: HashMap<civil::Date, u32>,
    /// By ISO week, with the year it belongs to.
    per_week: HashMap<(i16, i8), u32>,
    per_month: HashMap<(i16, i8), u32>,
    /// In microseconds.
    time_per_day: HashMap<civil::Date, i64>,
}

impl Used {
    fn add(&mut self, date: civil::Date, time: TimeRange) {
        *self.per_day.entry(date).or_default() += 1;
        *self.per_week.entry(week(date)).or_default() += 1;
        *self.per_month.entry(month(date)).or_default() += 1;
        let micros = self.time_per_day.entry(date).or_default();
        *micros = micros.saturating_add(time.end.0.saturating_sub(time.start.0));
    }

    /// The limits by which one more appointment on `date` would be one too many.
    fn reached(&self, date: civil::Date, service: &Service) -> impl Iterator<Item = Rule> {
        let reached =
            |taken: Option<&u32>, max: Option<u32>| max.is_some_and(|max| taken.copied().unwrap_or(0) >= max);
        let time = self.time_per_day.get(&date).copied().unwrap_or(0);
        let too_long = service
            .minutes_per_day_max
            .is_some_and(|max| time.saturating_add(micros(service.duration_min)) > micros(max));
        [
            (Rule::PerDay, reached(self.per_day.get(&date), service.per_day_max)),
            (Rule::PerWeek, reached(self.per_week.get(&week(date)), service.per_week_max)),
            (Rule::PerMonth, reached(self.per_month.get(&month(date)), service.per_month_max)),
            (Rule::MinutesPerDay, too_long),
        ]
        .into_iter()
        .filter_map(|(rule, reached)| reached.then_some(rule))
    }
}

impl<'a> Availability<'a> {
    /// Lays out what is taken. `busy` may be in any order; holds that have expired, events that do not block and the
    /// appointments in `ignoring` (the one being moved, the hold being confirmed) count for nothing, neither
    /// against a time nor towards a limit.
    pub fn new(rules: Rules<'a>, busy: &'a [Busy], now: Timestamp, ignoring: &[AppointmentId]) -> Self {
        let service = rules.service;
        let today = rules.zone.wall(now).date();
        let days = service.horizon_days.min(HORIZON_DAYS_MAX);
        let qualified = |resource: &&Resource| {
            service.active && resource.active && service.resources.contains(&resource.id)
        };
        let mut this = Self {
            rules,
            busy,
            ignoring: ignoring.to_vec(),
            boards: rules.resources.iter().filter(qualified).map(Board::new).collect(),
            now,
            today,
            last: today.saturating_add(i64::from(days).days()),
            used: Used::default(),
        };
        this.boards.sort_by(|a, b| a.resource.id.cmp(&b.resource.id));
        this.boards.dedup_by(|a, b| a.resource.id == b.resource.id);
        let (mut laid_out, mut counted, mut met) = (HashSet::new(), HashSet::new(), HashSet::new());
        for entry in busy.iter().filter(|entry| entry.counts(service, now, ignoring)) {
            let promise = entry.promise();
            let own = promise.is_some_and(|promise| *promise.service == service.id);
            let grouped = own && service.capacity > 1;
            let date = rules.zone.wall(entry.time.start).date();
            if let Some(promise) = promise {
                // The same appointment listed twice with the same resource is still one.
                if !laid_out.insert((promise.id, entry.resource.as_ref())) {
                    continue;
                }
                let place = entry.resource.as_ref().filter(|_| service.selection != Selection::All);
                let another = !grouped || met.insert((place, entry.time.start));
                if own && counted.insert(promise.id) && another {
                    this.used.add(date, entry.time);
                }
            }
            for board in this.boards.iter_mut().filter(|board| entry.concerns(&board.resource.id)) {
                if promise.is_some() {
                    board.add_load(date);
                }
                board.block(entry, grouped);
            }
        }
        this.boards.iter_mut().for_each(Board::settle);
        this
    }

    /// The free slots of the local dates `from` to `to`, both included, in order of time; only with the resource
    /// `with`, if one is named. Days are looked at as the iterator reaches them.
    pub fn slots<'s>(
        &'s self,
        from: civil::Date,
        to: civil::Date,
        with: Option<&'s ResourceId>,
    ) -> impl Iterator<Item = Slot> + 's {
        let (from, to) = (from.max(self.today), to.min(self.last));
        self.starts(from, to, with).filter_map(|(_, verdict)| verdict.ok())
    }

    /// Every start the grid has on the local dates `from` to `to`, both included, in order of time, and what becomes
    /// of it: the slot it is, or the rule that refuses it.
    pub fn starts<'s>(
        &'s self,
        from: civil::Date,
        to: civil::Date,
        with: Option<&'s ResourceId>,
    ) -> impl Iterator<Item = (Timestamp, Result<Slot, Refusal>)> + 's {
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let date = next.filter(|date| *date <= to)?;
            next = date.tomorrow().ok();
            let days = self.days(date, with);
            let mut starts: Vec<Timestamp> =
                days.iter().flat_map(|day| day.starts(self.rules.service, self.interval())).collect();
            starts.sort_unstable();
            starts.dedup();
            let judged = starts.into_iter().map(|start| (start, self.judge(&days, start)));
            Some(judged.collect::<Vec<_>>())
        })
        .flatten()
    }

    /// Whether `start` may be booked, with the resource `with` or with any.
    ///
    /// # Errors
    /// The first rule that refuses it. With any resource: the rule that refused the one that came closest.
    pub fn check(&self, start: Timestamp, with: Option<&ResourceId>) -> Result<Slot, Refusal> {
        let date = self.rules.zone.wall(start).date();
        self.judge(&self.days(date, with), start)
    }

    /// Whether the time may be booked at which the clock on the wall shows `wall`; the first of the two, if it comes
    /// twice.
    ///
    /// # Errors
    /// As [`Availability::check`]; [`Refusal::MissingTime`] where the clocks skip it.
    pub fn check_wall(&self, wall: civil::DateTime, with: Option<&ResourceId>) -> Result<Slot, Refusal> {
        match local_time(wall, self.rules.zone) {
            LocalTime::Once(start) | LocalTime::Twice(start, _) => self.check(start, with),
            LocalTime::Missing(_) => Err(Refusal::MissingTime),
        }
    }

    /// What becomes of a start, given what its date looks like for each resource that will do.
    fn judge(&self, days: &[Day<'_, '_>], start: Timestamp) -> Result<Slot, Refusal> {
        let service = self.rules.service;
        let together = service.selection == Selection::All;
        let (mut free, mut refusals) = (Vec::new(), Vec::new());
        for day in days {
            match self.verdict(day, start) {
                Ok(()) => free.push(day.board),
                Err(refusal) => refusals.push(refusal),
            }
        }
        let against = if together { refusals.iter().min() } else { refusals.iter().max() };
        match against {
            Some(refusal) if together || free.is_empty() => return Err(*refusal),
            None if free.is_empty() => return Err(Refusal::NotQualified),
            _ => {}
        }
        let date = days.first().map_or(self.today, |day| day.date);
        match service.selection {
            Selection::Any | Selection::All => {
                free.sort_by_key(|board| service.resources.iter().position(|id| *id == board.resource.id));
            }
            Selection::RoundRobin => free.sort_by_key(|board| self.load(board, date)),
        }
        Ok(Slot {
            time: time_at(service, start),
            resources: free.into_iter().map(|board| board.resource.id.clone()).collect(),
        })
    }

    /// The one function that decides: may the service start at `start`, a time of this day, with its resource?
    fn verdict(&self, day: &Day<'_, '_>, start: Timestamp) -> Result<(), Refusal> {
        match self.objections(day, start, ControlFlow::Break) {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// Every rule that is against `start`, in the order in which they are asked; goes on for as long as `found` does.
    fn objections(
        &self,
        day: &Day<'_, '_>,
        start: Timestamp,
        mut found: impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let service = self.rules.service;
        if day.date > self.last {
            found(Refusal::Horizon)?;
        }
        if start < self.now.plus_minutes(i64::from(service.notice_min)) {
            found(Refusal::Notice)?;
        }
        let time = time_at(service, start);
        let span = day.spans.iter().find(|span| span.from <= start && start < span.until);
        if let Some(span) = span {
            let open = |date| day.board.resource.schedule.spans(date, self.rules.zone);
            let until = hours::open_until((day.date, span.until), time.end, open);
            if time.end > until {
                let closed = day.board.closed_in(TimeRange { start: until, end: time.end }, self.rules.zone);
                found(if closed { Refusal::Closed } else { Refusal::OutsideHours })?;
            }
            let elapsed = start.0 - span.grid.plus_minutes(i64::from(service.grid_offset_min)).0;
            if elapsed < 0 || elapsed % self.interval() != 0 {
                found(Refusal::OffGrid)?;
            }
        } else {
            let closed = day.closed || day.board.closed_in(time, self.rules.zone);
            found(if closed { Refusal::Closed } else { Refusal::OutsideHours })?;
        }
        if day.full && !day.board.meets_at(start) {
            found(Refusal::Limit)?;
        }
        let (seats, capacity) = (self.rules.seats, service.capacity);
        day.board.objections(time, blocked(service, start), seats, capacity, found)
    }

    /// What a resource has to do, as round-robin counts it.
    fn load(&self, board: &Board<'_>, date: civil::Date) -> u32 {
        match self.rules.loads {
            Some(told) => told.get(&board.resource.id).copied().unwrap_or(0),
            None => board.load(date),
        }
    }

    /// What `date` looks like for each resource that will do.
    fn days<'s>(&'s self, date: civil::Date, with: Option<&ResourceId>) -> Vec<Day<'s, 'a>> {
        let together = self.rules.service.selection == Selection::All;
        let named = |board: &&Board<'_>| with.is_none_or(|id| *id == board.resource.id);
        if together && !self.boards.iter().any(|board| named(&board)) {
            return Vec::new();
        }
        self.boards
            .iter()
            .filter(|board| together || named(board))
            .map(|board| self.day(board, date))
            .collect()
    }

    fn day<'s>(&'s self, board: &'s Board<'a>, date: civil::Date) -> Day<'s, 'a> {
        let schedule = &board.resource.schedule;
        Day {
            board,
            date,
            ends: hours::day_end(date, self.rules.zone),
            closed: schedule.windows(date).is_empty(),
            spans: schedule.spans(date, self.rules.zone),
            full: self.used.reached(date, self.rules.service).next().is_some(),
        }
    }

    /// Distance between two starts, in microseconds.
    fn interval(&self) -> i64 {
        let service = self.rules.service;
        micros(if service.interval_min == 0 { service.duration_min } else { service.interval_min }.max(1))
    }
}

fn micros(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000_000
}

/// One resource's local date, looked at.
struct Day<'s, 'a> {
    board: &'s Board<'a>,
    date: civil::Date,
    /// The first instant of the next date.
    ends: Timestamp,
    /// Whether nothing opens on this date.
    closed: bool,
    spans: Vec<hours::Span>,
    /// Whether a limit of this day, its week or its month is reached.
    full: bool,
}

impl Day<'_, '_> {
    /// Every start the grid has on this date.
    fn starts(&self, service: &Service, interval: i64) -> impl Iterator<Item = Timestamp> + '_ {
        let offset = i64::from(service.grid_offset_min);
        self.spans.iter().flat_map(move |span| {
            let first = span.grid.plus_minutes(offset).0;
            let missed = (span.from.0 - first).max(0);
            let first = first + (missed + interval - 1) / interval * interval;
            let end = span.until.min(self.ends).0;
            (first..end.max(first)).step_by(usize::try_from(interval).unwrap_or(usize::MAX)).map(Timestamp)
        })
    }
}

/// The ISO week of a date, with the year it belongs to.
fn week(date: civil::Date) -> (i16, i8) {
    let week = date.iso_week_date();
    (week.year(), week.week())
}

fn month(date: civil::Date) -> (i16, i8) {
    (date.year(), date.month())
}
