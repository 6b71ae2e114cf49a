//! Which of the free slots are offered, and under which keys.
//!
//! A caller remembers three times, not thirty. Only what this call was offered can be kept or booked.

use jiff::{ToSpan, civil};

use crate::domain::{
    availability::Slot,
    id::{AppointmentId, ResourceId, ServiceId},
    time::{Timestamp, Zone},
    when::{TimeOfDay, When},
};

/// Slots offered at a time.
pub const OFFERED_AT_A_TIME_MAX: usize = 3;
/// Offers a call remembers. The oldest are forgotten first.
pub const OFFERS_PER_CALL_MAX: usize = 90;
/// How far beyond what was asked for another time is looked for, in days.
pub const ALTERNATIVES_DAYS: i32 = 28;

/// A slot this call was offered.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub key: String,
    pub service: ServiceId,
    pub start: Timestamp,
    /// Whom the caller asked for by name.
    pub with: Option<ResourceId>,
    pub spoken: String,
    /// The appointment it was offered to be moved to.
    pub moving: Option<AppointmentId>,
}

/// What this call was offered.
#[derive(Debug, Default)]
pub(super) struct Offers {
    offers: Vec<Offer>,
    serial: u32,
}

impl Offers {
    /// Keeps a handful of offers under keys nobody was given before: a letter for the choice, a number for the
    /// question it answers.
    pub fn add(&mut self, new: impl IntoIterator<Item = Offer>) -> Vec<Offer> {
        self.serial += 1;
        let added: Vec<Offer> = new
            .into_iter()
            .zip('A'..)
            .map(|(offer, letter)| Offer { key: format!("{letter}{}", self.serial), ..offer })
            .collect();
        self.offers.extend(added.iter().cloned());
        let surplus = self.offers.len().saturating_sub(OFFERS_PER_CALL_MAX);
        self.offers.drain(..surplus);
        added
    }

    pub fn get(&self, key: &str) -> Option<&Offer> {
        let key = key.trim();
        self.offers.iter().find(|offer| offer.key.eq_ignore_ascii_case(key))
    }
}

/// What is offered for a wish.
#[derive(Debug)]
pub(super) struct Choice {
    /// In order of time.
    pub slots: Vec<Slot>,
    /// Whether they are what was asked for, or only what is free instead.
    pub fits: bool,
}

/// Chooses what to offer of what is `free`, which is in order of time and reaches to [`later`] than the wish.
pub(super) fn choose(free: Vec<Slot>, wish: &When, zone: &Zone) -> Choice {
    let wall = |slot: &Slot| zone.wall(slot.time.start).datetime();
    let fitting = spread(free.iter().filter(|slot| wish.fits(wall(slot).date(), wall(slot).time())), zone);
    if !fitting.is_empty() {
        return Choice { slots: fitting, fits: true };
    }
    // The same days at another time, the nearest first.
    if let Some(time) = wish.time {
        let anytime = When { time: None, ..wish.clone() };
        let mut near: Vec<&Slot> =
            free.iter().filter(|slot| anytime.fits(wall(slot).date(), wall(slot).time())).collect();
        near.sort_by_key(|slot| (distance(time, wall(slot).time()), slot.time.start));
        near.truncate(OFFERED_AT_A_TIME_MAX);
        near.sort_by_key(|slot| slot.time.start);
        if !near.is_empty() {
            return Choice { slots: near.into_iter().cloned().collect(), fits: false };
        }
    }
    Choice { slots: spread(free.iter(), zone), fits: false }
}

/// The last date that is looked at for something else.
pub(super) fn later(date: civil::Date) -> civil::Date {
    date.saturating_add(i64::from(ALTERNATIVES_DAYS).days())
}

/// The first, then others on another half of a day if there are any, filled up with the earliest.
fn spread<'s>(slots: impl Iterator<Item = &'s Slot>, zone: &Zone) -> Vec<Slot> {
    let half = |slot: &Slot| {
        let wall = zone.wall(slot.time.start);
        (wall.date(), wall.hour() >= 12)
    };
    let (mut chosen, mut others): (Vec<&Slot>, Vec<&Slot>) = (Vec::new(), Vec::new());
    for slot in slots {
        if chosen.iter().any(|taken| half(taken) == half(slot)) {
            if others.len() < OFFERED_AT_A_TIME_MAX {
                others.push(slot);
            }
        } else {
            chosen.push(slot);
            if chosen.len() == OFFERED_AT_A_TIME_MAX {
                break;
            }
        }
    }
    let missing = OFFERED_AT_A_TIME_MAX - chosen.len();
    chosen.extend(others.into_iter().take(missing));
    chosen.sort_by_key(|slot| slot.time.start);
    chosen.into_iter().cloned().collect()
}

/// How far a time is from what was wished for, in minutes.
fn distance(wish: TimeOfDay, time: civil::Time) -> i64 {
    let minutes = |time: civil::Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
    match wish {
        TimeOfDay::At(at) => (minutes(time) - minutes(at)).abs(),
        TimeOfDay::Between { from, .. } if time < from => minutes(from) - minutes(time),
        TimeOfDay::Between { until, .. } => (minutes(time) - minutes(until)).max(0),
    }
}
