//! The waiting list: who wants an earlier time, and times that were given back and are offered to them.
//!
//! Says who wants what; whom to call about it, and whether they may be, is decided elsewhere. Nothing here waits.

use std::str::FromStr;

use jiff::civil;

use super::{
    assistant::Language,
    id::{AppointmentId, ContactId, OfferId, OutgoingId, ResourceId, ServiceId, WaitingId},
    time::{Timestamp, Zone},
};

/// Somebody's place on the waiting list.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its id.
    pub id: WaitingId,
    /// Who waits.
    pub contact: ContactId,
    /// For what.
    pub service: ServiceId,
    /// With whom; anybody when none is named.
    pub resources: Vec<ResourceId>,
    /// The first day that would do.
    pub first_day: civil::Date,
    /// The last day that would do.
    pub last_day: civil::Date,
    /// From when on it would do, in minutes since midnight.
    pub from_min: u32,
    /// Before when it must begin, in minutes since midnight.
    pub until_min: u32,
    /// What they have, and would move.
    pub appointment: Option<AppointmentId>,
    /// In which language they are called; the number's when nobody has said so.
    pub language: Option<Language>,
    /// Where it stands.
    pub state: WaitingState,
    /// When they joined.
    pub joined: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Waiting {
    /// Whether a time that begins then, with that resource, would do.
    pub fn wants(&self, resource: &ResourceId, start: Timestamp, zone: &Zone) -> bool {
        let wall = zone.wall(start);
        let minutes = u32::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute())).unwrap_or(0);
        (self.first_day..=self.last_day).contains(&wall.date())
            && (self.from_min..self.until_min).contains(&minutes)
            && (self.resources.is_empty() || self.resources.contains(resource))
    }
}

/// A text that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: waiting, offered, booked, over")]
pub struct NotAWaitingState;

/// Where a place on the waiting list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingState {
    /// They wait.
    Waiting,
    /// They are being asked about a time.
    Offered,
    /// They have taken one.
    Booked,
    /// They wait no more.
    Over,
}

impl WaitingState {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Offered, Self::Booked, Self::Over];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Offered => "offered",
            Self::Booked => "booked",
            Self::Over => "over",
        }
    }
}

impl FromStr for WaitingState {
    type Err = NotAWaitingState;

    fn from_str(word: &str) -> Result<Self, NotAWaitingState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NotAWaitingState)
    }
}

/// A time that was given back and is offered to those who wait, one at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Of which service.
    pub service: ServiceId,
    /// With whom.
    pub resource: ResourceId,
    /// When it begins.
    pub start: Timestamp,
    /// The appointment that gave it back.
    pub freed_by: AppointmentId,
    /// Where it stands.
    pub state: OfferState,
    /// Who is being asked.
    pub asked: Option<Asked>,
    /// When it is looked whom to ask.
    pub look: Timestamp,
    /// When it was given back.
    pub made: Timestamp,
}

/// Who is being asked about a time, and what keeps it for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Their place on the list.
    pub waiting: WaitingId,
    /// The attempt to reach them.
    pub outgoing: OutgoingId,
    /// What keeps the time.
    pub hold: AppointmentId,
}

/// A text that names no state of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: open, taken, over")]
pub struct NotAnOfferState;

/// Where an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// Somebody is asked, or is to be.
    Open,
    /// Somebody took it.
    Taken,
    /// Nobody is asked any more.
    Over,
}

impl OfferState {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Taken, Self::Over];

    /// The word it is stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Taken => "taken",
            Self::Over => "over",
        }
    }
}

impl FromStr for OfferState {
    type Err = NotAnOfferState;

    fn from_str(word: &str) -> Result<Self, NotAnOfferState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NotAnOfferState)
    }
}
