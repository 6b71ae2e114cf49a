//! Why a time is not offered: every reason, each with where it comes from.
//!
//! It asks the same function that makes the list of free times, and goes on where that stops at the first reason. Names
//! nobody: what it finds are ids, and who may see what of them is said elsewhere.

use std::ops::ControlFlow;

use jiff::civil;

use super::{Availability, Busy, BusyKind, Day, EventStatus, Refusal, Slot, blocked, time_at};
use crate::domain::{
    booking::Resource,
    id::{AppointmentId, ClosureId, ResourceId},
    time::{TimeRange, Timestamp},
};

/// What is to be said of one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// When it would take place.
    pub time: TimeRange,
    /// What the list of free times makes of it.
    pub verdict: Result<Slot, Refusal>,
    /// Each resource that could serve, in the service's order, or the one that was asked about.
    pub resources: Vec<Weighed>,
}

/// What is against a time with one resource: nothing where it is free.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// Which resource.
    pub resource: ResourceId,
    /// Every reason, the one that decides first.
    pub reasons: Vec<Reason>,
}

/// One thing that is against a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What it amounts to.
    pub refusal: Refusal,
    /// Where it comes from.
    pub source: Source,
}

/// Where a reason comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A rule of the service.
    Rule(Rule),
    /// The resource itself is put aside.
    PutAside,
    /// The opening hours of that weekday.
    Week(civil::Weekday),
    /// What the schedule says of that date in particular.
    Exception(civil::Date),
    /// A closing day or an absence.
    Closure(ClosureId),
    /// An appointment.
    Appointment {
        /// Its id.
        id: AppointmentId,
        /// When it takes place.
        time: TimeRange,
    },
    /// A time that is kept for a caller.
    Hold {
        /// Its id.
        id: AppointmentId,
        /// When it would take place.
        time: TimeRange,
        /// Until when it is kept.
        until: Timestamp,
    },
    /// An event of a calendar outside.
    Event {
        /// In which calendar, where that is known.
        calendar: Option<String>,
        /// What it says of its time.
        status: EventStatus,
        /// When it takes place.
        time: TimeRange,
    },
}

/// A rule of a service that can be against a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whether it is offered at all.
    Active,
    /// With whom it can be booked.
    Resources,
    /// How many days ahead may be booked.
    Horizon,
    /// How long ahead a booking must lie.
    Notice,
    /// When it may start.
    Interval,
    /// How many there may be on a day.
    PerDay,
    /// How many there may be in a week.
    PerWeek,
    /// How many there may be in a month.
    PerMonth,
    /// How many minutes of a day it may take.
    MinutesPerDay,
    /// How many seats a session has.
    Capacity,
    /// How much time is kept free before and after it.
    Buffers,
}

impl Rule {
    /// The word it is shown as: the key of a service in which it is set.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Resources => "resources",
            Self::Horizon => "horizon_days",
            Self::Notice => "minimum_notice",
            Self::Interval => "interval",
            Self::PerDay => "max_per_day",
            Self::PerWeek => "max_per_week",
            Self::PerMonth => "max_per_month",
            Self::MinutesPerDay => "max_minutes_per_day",
            Self::Capacity => "capacity",
            Self::Buffers => "buffers",
        }
    }
}

impl Availability<'_> {
    /// Everything that is against `start`, with the resource `with` or with each that could serve.
    pub fn why(&self, start: Timestamp, with: Option<&ResourceId>) -> Why {
        let date = self.rules.zone.wall(start).date();
        let days = self.days(date, with);
        let asked = |id: &ResourceId| with.is_none_or(|with| with == id) || self.together();
        let mut weighed: Vec<Weighed> = self
            .rules
            .service
            .resources
            .iter()
            .filter(|id| asked(id))
            .map(|id| Weighed { resource: id.clone(), reasons: self.weigh(&days, id, start) })
            .collect();
        if let Some(with) = with.filter(|with| weighed.iter().all(|known| known.resource != **with)) {
            weighed.push(Weighed { resource: with.clone(), reasons: self.weigh(&days, with, start) });
        }
        Why {
            time: time_at(self.rules.service, start),
            verdict: self.judge(&days, start),
            resources: weighed,
        }
    }

    fn together(&self) -> bool {
        self.rules.service.selection == super::Selection::All
    }

    /// What is against `start` with one resource.
    fn weigh(&self, days: &[Day<'_, '_>], id: &ResourceId, start: Timestamp) -> Vec<Reason> {
        let service = self.rules.service;
        let not = |source| Reason { refusal: Refusal::NotQualified, source };
        let resource: Option<&Resource> = self.rules.resources.iter().find(|known| known.id == *id);
        let mut reasons = Vec::new();
        if !service.active {
            reasons.push(not(Source::Rule(Rule::Active)));
        }
        if !service.resources.contains(id) || resource.is_none() {
            reasons.push(not(Source::Rule(Rule::Resources)));
        } else if resource.is_some_and(|resource| !resource.active) {
            reasons.push(not(Source::PutAside));
        }
        let Some(day) = days.iter().find(|day| day.board.resource.id == *id) else { return reasons };
        let within = day.spans.iter().any(|span| span.from <= start && start < span.until);
        // It never breaks off: every reason is wanted.
        let _: ControlFlow<Refusal> = self.objections(day, start, |refusal| {
            for source in self.sources(day, start, refusal) {
                let refusal = match (&source, refusal) {
                    (Source::Closure(_), _) => Refusal::Closed,
                    (Source::Week(_) | Source::Exception(_), Refusal::Closed) if within || !day.closed => {
                        Refusal::OutsideHours
                    }
                    (_, refusal) => refusal,
                };
                let reason = Reason { refusal, source };
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            ControlFlow::Continue(())
        });
        reasons
    }

    /// Where a refusal comes from.
    fn sources(&self, day: &Day<'_, '_>, start: Timestamp, refusal: Refusal) -> Vec<Source> {
        let service = self.rules.service;
        let (time, blocked) = (time_at(service, start), blocked(service, start));
        let rule = |rule| vec![Source::Rule(rule)];
        match refusal {
            Refusal::MissingTime | Refusal::NotQualified => rule(Rule::Resources),
            Refusal::Horizon => rule(Rule::Horizon),
            Refusal::Notice => rule(Rule::Notice),
            Refusal::OffGrid => rule(Rule::Interval),
            Refusal::Closed | Refusal::OutsideHours => {
                day.board.resource.schedule.against(time, self.rules.zone)
            }
            Refusal::Limit => self.used.reached(day.date, service).map(Source::Rule).collect(),
            Refusal::Busy => self
                .entries(day, |entry, grouped| !(held(entry) || grouped && entry.time.start == start))
                .filter(|entry| entry.time.overlaps(time))
                .map(source)
                .collect(),
            Refusal::Held => self
                .entries(day, |entry, grouped| held(entry) && !(grouped && entry.time.start == start))
                .filter(|entry| entry.time.overlaps(time))
                .map(source)
                .collect(),
            Refusal::Capacity => {
                let session = self.entries(day, |entry, grouped| grouped && entry.time.start == start);
                std::iter::once(Source::Rule(Rule::Capacity)).chain(session.map(source)).collect()
            }
            Refusal::Buffer => {
                let near = self.entries(day, |entry, grouped| {
                    let keeps = entry.promise().map_or(entry.time, |promise| promise.blocked);
                    keeps.overlaps(blocked)
                        && !entry.time.overlaps(time)
                        && !(grouped && entry.time.start == start)
                });
                near.map(source).collect()
            }
        }
    }

    /// What is taken of a day's resource and fits, `fits` being told whether it is a part of a session of the group
    /// that is asked about.
    fn entries(&self, day: &Day<'_, '_>, fits: impl Fn(&Busy, bool) -> bool) -> impl Iterator<Item = &Busy> {
        let (service, now) = (self.rules.service, self.now);
        self.busy.iter().filter(move |entry| {
            let own = entry.promise().is_some_and(|promise| *promise.service == service.id);
            entry.concerns(&day.board.resource.id)
                && entry.counts(service, now, &self.ignoring)
                && fits(entry, own && service.capacity > 1)
        })
    }
}

fn held(entry: &Busy) -> bool {
    entry.promise().is_some_and(|promise| promise.held)
}

fn source(entry: &Busy) -> Source {
    match &entry.kind {
        BusyKind::Appointment { id, .. } => Source::Appointment { id: id.clone(), time: entry.time },
        BusyKind::Hold { id, expires, .. } => {
            Source::Hold { id: id.clone(), time: entry.time, until: *expires }
        }
        BusyKind::Event { status, calendar } => {
            Source::Event { calendar: calendar.clone(), status: *status, time: entry.time }
        }
    }
}
