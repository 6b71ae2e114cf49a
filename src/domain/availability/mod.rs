//! Which times are free, and why the others are not.
//!
//! One function decides: [`Availability::slots`] lists what it allows, [`Availability::check`] asks it about one
//! start. The list and the booking check cannot disagree because there is only one of them. It is pure: the same
//! rules, busy times and `now` give the same answer, whatever the order of the busy times and whatever zone the
//! server is in. It never reads a clock and knows nobody's name; that two rivals cannot both have a slot is the
//! ledger's doing (`store`), which keeps the [`blocked`] ranges apart.
//!
//! Where rules could be read two ways: the grid starts at each merged window's start and steps by the interval in
//! elapsed minutes; a slot may end exactly at closing time; buffers keep distance from appointments and calendar
//! events, not from opening hours; between two appointments the earlier one's buffer after and the later one's
//! buffer before add up, against a calendar event only the slot's own counts; the notice is met at exactly its
//! length; the horizon includes its last local date; limits count a service's appointments and live holds by local
//! start date.

mod busy;
mod hours;

use std::collections::{HashMap, HashSet};

use jiff::{ToSpan, civil};

use self::busy::Board;
pub use self::{
    busy::{Busy, BusyKind},
    hours::{ScheduleError, instant},
};
use super::{
    booking::{Resource, Service},
    id::{AppointmentId, ResourceId},
    time::{TimeRange, Timestamp, Zone},
};

/// The furthest a service's horizon reaches, in days, whatever it says.
pub const HORIZON_DAYS_MAX: u32 = 3_660;

/// Why a time is refused. In the order in which the rules are asked: the first that refuses is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The service is not done by that resource, or by nobody.
    NotQualified,
    /// Its local date lies beyond those that may be booked.
    Horizon,
    /// It is past, or too soon.
    Notice,
    /// Nothing opens on that date.
    Closed,
    /// It begins or ends outside the opening hours of its date.
    OutsideHours,
    /// It is not one of the starts that are offered.
    OffGrid,
    /// The day or the week has as many appointments of this service as it may.
    Limit,
    /// Something else takes place then.
    Busy,
    /// Too close to something else.
    Buffer,
    /// It is kept for another caller for some minutes.
    Held,
}

impl Refusal {
    /// The word it is shown and stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotQualified => "not_qualified",
            Self::Horizon => "horizon",
            Self::Notice => "notice",
            Self::Closed => "closed",
            Self::OutsideHours => "outside_hours",
            Self::OffGrid => "off_grid",
            Self::Limit => "limit",
            Self::Busy => "busy",
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
}

/// A time that may be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it would take place.
    pub time: TimeRange,
    /// With whom, best first: least booked that day, then by id. Never empty.
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
    boards: Vec<Board<'a>>,
    now: Timestamp,
    /// The first and the last local date that may be booked.
    today: civil::Date,
    last: civil::Date,
    /// Appointments and live holds of the service per local date, and per ISO week.
    per_day: HashMap<civil::Date, u32>,
    per_week: HashMap<(i16, i8), u32>,
}

impl<'a> Availability<'a> {
    /// Lays out what is taken. `busy` may be in any order; holds that have expired and the appointments in
    /// `ignoring` (the one being moved, the hold being confirmed) count for nothing, neither against a time
    /// nor towards a limit.
    pub fn new(rules: Rules<'a>, busy: &[Busy], now: Timestamp, ignoring: &[AppointmentId]) -> Self {
        let today = rules.zone.wall(now).date();
        let days = rules.service.horizon_days.min(HORIZON_DAYS_MAX);
        let mut this = Self {
            rules,
            boards: rules
                .resources
                .iter()
                .filter(|resource| rules.service.resources.contains(&resource.id))
                .map(Board::new)
                .collect(),
            now,
            today,
            last: today.saturating_add(i64::from(days).days()),
            per_day: HashMap::new(),
            per_week: HashMap::new(),
        };
        this.boards.sort_by(|a, b| a.resource.id.cmp(&b.resource.id));
        this.boards.dedup_by(|a, b| a.resource.id == b.resource.id);
        let mut counted = HashSet::new();
        for entry in busy.iter().filter(|entry| entry.counts(now, ignoring)) {
            if let Some((id, service)) = entry.appointment() {
                // The same appointment listed twice is still one.
                if !counted.insert(id) {
                    continue;
                }
                let date = rules.zone.wall(entry.time.start).date();
                if *service == rules.service.id {
                    *this.per_day.entry(date).or_default() += 1;
                    *this.per_week.entry(week(date)).or_default() += 1;
                }
                for board in this.boards.iter_mut().filter(|board| entry.concerns(&board.resource.id)) {
                    board.add_load(date);
                }
            }
            for board in this.boards.iter_mut().filter(|board| entry.concerns(&board.resource.id)) {
                board.block(entry);
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
        let (mut next, last) = (Some(from.max(self.today)), to.min(self.last));
        std::iter::from_fn(move || {
            let date = next.filter(|date| *date <= last)?;
            next = date.tomorrow().ok();
            Some(self.slots_of(date, with))
        })
        .flatten()
    }

    /// Whether `start` may be booked, with the resource `with` or with any.
    ///
    /// # Errors
    /// The first rule that refuses it. With any resource: the rule that refused the one that came closest.
    pub fn check(&self, start: Timestamp, with: Option<&ResourceId>) -> Result<Slot, Refusal> {
        let date = self.rules.zone.wall(start).date();
        let (mut free, mut closest) = (Vec::new(), Refusal::NotQualified);
        for board in self.boards_of(with) {
            match self.verdict(&self.day(board, date), start) {
                Ok(()) => free.push(board),
                Err(refusal) => closest = closest.max(refusal),
            }
        }
        if free.is_empty() { Err(closest) } else { Ok(self.slot(start, date, free)) }
    }

    /// The one function that decides: may the service start at `start`, a time of this day, with its resource?
    fn verdict(&self, day: &Day<'_, '_>, start: Timestamp) -> Result<(), Refusal> {
        let service = self.rules.service;
        if day.date > self.last {
            return Err(Refusal::Horizon);
        }
        if start < self.now.plus_minutes(i64::from(service.notice_min)) {
            return Err(Refusal::Notice);
        }
        let time = time_at(service, start);
        let Some(span) = day.spans.iter().find(|span| span.from <= start && start < span.until) else {
            return Err(if day.closed { Refusal::Closed } else { Refusal::OutsideHours });
        };
        if time.end > day.open_until(span, time.end, self.rules.zone) {
            return Err(Refusal::OutsideHours);
        }
        let elapsed = start.0 - span.grid.plus_minutes(i64::from(service.grid_offset_min)).0;
        if elapsed < 0 || elapsed % self.interval() != 0 {
            return Err(Refusal::OffGrid);
        }
        if day.full {
            return Err(Refusal::Limit);
        }
        day.board.refusal(time, blocked(service, start)).map_or(Ok(()), Err)
    }

    fn slots_of(&self, date: civil::Date, with: Option<&ResourceId>) -> Vec<Slot> {
        let mut free: Vec<(Timestamp, &Board<'_>)> = Vec::new();
        for board in self.boards_of(with) {
            let day = self.day(board, date);
            free.extend(
                day.starts(self.rules.service, self.interval())
                    .filter(|start| self.verdict(&day, *start).is_ok())
                    .map(|start| (start, board)),
            );
        }
        free.sort_by_key(|(start, _)| *start);
        free.chunk_by(|a, b| a.0 == b.0)
            .map(|group| self.slot(group[0].0, date, group.iter().map(|(_, board)| *board).collect()))
            .collect()
    }

    /// The slot, with its resources in the order in which they are taken.
    fn slot(&self, start: Timestamp, date: civil::Date, mut free: Vec<&Board<'_>>) -> Slot {
        free.sort_by_cached_key(|board| (board.load(date), board.resource.id.clone()));
        free.dedup_by(|a, b| a.resource.id == b.resource.id);
        Slot {
            time: time_at(self.rules.service, start),
            resources: free.into_iter().map(|board| board.resource.id.clone()).collect(),
        }
    }

    fn boards_of<'s>(&'s self, with: Option<&'s ResourceId>) -> impl Iterator<Item = &'s Board<'a>> + 's {
        self.boards.iter().filter(move |board| with.is_none_or(|id| *id == board.resource.id))
    }

    fn day<'s>(&'s self, board: &'s Board<'a>, date: civil::Date) -> Day<'s, 'a> {
        let service = self.rules.service;
        let reached =
            |taken: Option<&u32>, max: Option<u32>| max.is_some_and(|max| taken.copied().unwrap_or(0) >= max);
        let schedule = &board.resource.schedule;
        Day {
            board,
            date,
            ends: hours::day_end(date, self.rules.zone),
            closed: schedule.windows(date).is_empty(),
            spans: schedule.spans(date, self.rules.zone),
            full: reached(self.per_day.get(&date), service.per_day_max)
                || reached(self.per_week.get(&week(date)), service.per_week_max),
        }
    }

    /// Distance between two starts, in microseconds.
    fn interval(&self) -> i64 {
        let service = self.rules.service;
        let minutes = if service.interval_min == 0 { service.duration_min } else { service.interval_min };
        i64::from(minutes.max(1)) * 60_000_000
    }
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
    /// Whether a limit of this day or its week is reached.
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

    /// When the opening that `span` is part of ends, looked at as far as `needed`. Openings that touch at
    /// midnight are one.
    fn open_until(&self, span: &hours::Span, needed: Timestamp, zone: &Zone) -> Timestamp {
        let (mut until, mut date) = (span.until, self.date);
        while until < needed {
            let Ok(next) = date.tomorrow() else { break };
            date = next;
            let joined = self
                .board
                .resource
                .schedule
                .spans(date, zone)
                .into_iter()
                .filter(|later| later.from <= until)
                .map(|later| later.until)
                .max();
            match joined {
                Some(later) if later > until => until = later,
                _ => break,
            }
        }
        until
    }
}

/// The ISO week of a date, with the year it belongs to.
fn week(date: civil::Date) -> (i16, i8) {
    let week = date.iso_week_date();
    (week.year(), week.week())
}
