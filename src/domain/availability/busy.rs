//! What is taken: appointments, holds and other calendars' events, laid out per resource.

use std::collections::HashMap;

use jiff::civil;

use super::Refusal;
use crate::domain::{
    booking::{Appointment, AppointmentStatus, Resource},
    id::{AppointmentId, ResourceId, ServiceId},
    time::{TimeRange, Timestamp},
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
    },
    /// A slot kept for a caller.
    Hold {
        /// Its id.
        id: AppointmentId,
        /// What it is kept for.
        service: ServiceId,
        /// Its time with its own buffers.
        blocked: TimeRange,
        /// The first instant at which it counts for nothing.
        expires: Timestamp,
    },
    /// An event of another calendar that blocks. Its calendar's meaning of free and busy is decided before.
    Event,
}

impl Busy {
    /// What an appointment takes; nothing when it is cancelled.
    pub fn of(appointment: &Appointment) -> Option<Self> {
        let (id, service) = (appointment.id.clone(), appointment.service.clone());
        let blocked = appointment.blocked;
        let kind = match appointment.status {
            AppointmentStatus::Confirmed => BusyKind::Appointment { id, service, blocked },
            AppointmentStatus::Held => {
                // A hold that never lapses would be a promise; one without an expiry never began.
                BusyKind::Hold { id, service, blocked, expires: appointment.expires? }
            }
            AppointmentStatus::Cancelled => return None,
        };
        Some(Self { time: appointment.time, resource: Some(appointment.resource.clone()), kind })
    }

    pub(super) fn appointment(&self) -> Option<(&AppointmentId, &ServiceId)> {
        match &self.kind {
            BusyKind::Appointment { id, service, .. } | BusyKind::Hold { id, service, .. } => {
                Some((id, service))
            }
            BusyKind::Event => None,
        }
    }

    pub(super) fn concerns(&self, resource: &ResourceId) -> bool {
        self.resource.as_ref().is_none_or(|own| own == resource)
    }

    pub(super) fn counts(&self, now: Timestamp, ignoring: &[AppointmentId]) -> bool {
        let lapsed = matches!(self.kind, BusyKind::Hold { expires, .. } if expires <= now);
        let ignored = self.appointment().is_some_and(|(id, _)| ignoring.contains(id));
        !lapsed && !ignored && self.time.start < self.time.end
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
    loads: HashMap<civil::Date, u32>,
}

impl<'a> Board<'a> {
    pub fn new(resource: &'a Resource) -> Self {
        Self { resource, kept_clear: Vec::new(), taken: Vec::new(), held: Vec::new(), loads: HashMap::new() }
    }

    /// Counts an appointment that starts on `date`.
    pub fn add_load(&mut self, date: civil::Date) {
        *self.loads.entry(date).or_default() += 1;
    }

    /// How many appointments start on `date`.
    pub fn load(&self, date: civil::Date) -> u32 {
        self.loads.get(&date).copied().unwrap_or(0)
    }

    /// Takes the time of `entry`.
    pub fn block(&mut self, entry: &Busy) {
        match &entry.kind {
            BusyKind::Appointment { blocked, .. } => {
                self.taken.push(entry.time);
                self.kept_clear.push(*blocked);
            }
            BusyKind::Hold { blocked, .. } => {
                self.held.push(entry.time);
                self.kept_clear.push(*blocked);
            }
            BusyKind::Event => {
                self.taken.push(entry.time);
                self.kept_clear.push(entry.time);
            }
        }
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
    }

    /// Why `time`, which with its buffers is `blocked`, cannot be had; `None` when it can.
    pub fn refusal(&self, time: TimeRange, blocked: TimeRange) -> Option<Refusal> {
        if !meets(&self.kept_clear, blocked) {
            return None;
        }
        Some(if meets(&self.taken, time) {
            Refusal::Busy
        } else if meets(&self.held, time) {
            Refusal::Held
        } else {
            Refusal::Buffer
        })
    }
}

/// Whether `range` overlaps any of `ranges`, which are in order and apart.
fn meets(ranges: &[TimeRange], range: TimeRange) -> bool {
    let after = ranges.partition_point(|taken| taken.end <= range.start);
    ranges.get(after).is_some_and(|taken| taken.overlaps(range))
}
