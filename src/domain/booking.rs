//! What can be booked, with whom, when, and what was.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use super::{
    availability::EventStatus,
    closing::Closure,
    id::{AppointmentId, ContactId, ResourceId, ServiceId},
    time::{TimeRange, Timestamp},
};
use jiff::civil;

/// Something that can be booked: how long it takes and the rules it is offered under.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// A short name of the tenant's own that never changes, such as `checkup`.
    pub key: String,
    /// What it is called, per language code (`de`, `en`).
    pub names: BTreeMap<String, String>,
    /// How long it takes, in minutes.
    pub duration_min: u32,
    /// Distance between two offered starts, in minutes.
    pub interval_min: u32,
    /// Shift of the grid from a window's start, in minutes.
    pub grid_offset_min: u32,
    /// Time kept free before it, in minutes.
    pub buffer_before_min: u32,
    /// Time kept free after it, in minutes.
    pub buffer_after_min: u32,
    /// Elapsed time a booking must lie ahead, in minutes. Met at exactly its length.
    pub notice_min: u32,
    /// How many local dates ahead may be booked; the last one included.
    pub horizon_days: u32,
    /// Appointments of this service per local day.
    pub per_day_max: Option<u32>,
    /// Appointments of this service per ISO week.
    pub per_week_max: Option<u32>,
    /// Appointments of this service per local calendar month.
    pub per_month_max: Option<u32>,
    /// Minutes that appointments of this service may take per local day, buffers not included.
    pub minutes_per_day_max: Option<u32>,
    /// How many seats one session has. More than one makes it a group: appointments with the same start and
    /// resource are one session.
    pub capacity: u32,
    /// Which of its resources an appointment is with.
    pub selection: Selection,
    /// What another calendar's event must say of its time to keep a slot from being offered.
    pub blocking: BTreeSet<EventStatus>,
    /// The calendars whose events count; all when none are named.
    pub conflict_calendars: Option<BTreeSet<String>>,
    /// Elapsed time before the start after which a caller may no longer cancel or move, in minutes.
    pub cancel_cutoff_min: u32,
    /// Whether contacts whose address is known are invited by mail, by the calendar it is written to.
    pub invites: bool,
    /// Whether its appointments are told, moved and cancelled on the telephone only to who has typed their PIN.
    pub sensitive: bool,
    /// What it costs the caller, in the tenant's words.
    pub price: Option<String>,
    /// Who or what it can be booked with.
    pub resources: Vec<ResourceId>,
    /// Whether it is offered. What was booked before stays.
    pub active: bool,
}

/// Which of its resources a service is booked with, when nobody asks for one by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The first that is free, in the service's order.
    #[default]
    Any,
    /// Who has least to do of those that are free; among equals the one whose key comes first.
    RoundRobin,
    /// All of them together.
    All,
}

impl Selection {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Any, Self::RoundRobin, Self::All];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::RoundRobin => "round_robin",
            Self::All => "all",
        }
    }
}

/// A text that names no selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `any`, `round_robin` or `all`")]
pub struct NotASelection;

impl FromStr for Selection {
    type Err = NotASelection;

    fn from_str(word: &str) -> Result<Self, NotASelection> {
        Self::ALL.into_iter().find(|selection| selection.as_str() == word).ok_or(NotASelection)
    }
}

/// Who or what a service is booked with: a person, a room, a chair.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// What it is called.
    pub name: String,
    /// When it is open.
    pub schedule: Schedule,
    /// Whether it can be booked. What was booked before stays.
    pub active: bool,
}

/// Opening hours of one day: windows between wall times. A break is two windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// When it opens.
    pub opens: civil::Time,
    /// When it closes. Midnight at the day's end is [`Window::DAY_END`].
    pub closes: civil::Time,
}

impl Window {
    /// The end of the day, written `24:00`: the last representable wall time stands for it.
    pub const DAY_END: civil::Time = civil::Time::MAX;
}

/// A resource's opening hours and exceptions, in its tenant's zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// Windows per weekday, Monday first.
    pub week: [Vec<Window>; 7],
    /// Dates on which other windows hold; empty means closed.
    pub exceptions: BTreeMap<civil::Date, Vec<Window>>,
    /// What is taken off all of that: closing days and absences, kept apart from the hours.
    pub closures: Vec<Closure>,
}

/// Where an appointment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppointmentStatus {
    /// Kept for a caller until it expires.
    Held,
    /// Promised, and not yet in the calendar it is to be written to: the confirmation follows.
    Pending,
    /// Promised.
    Confirmed,
    /// Given back.
    Cancelled,
}

impl AppointmentStatus {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Held, Self::Pending, Self::Confirmed, Self::Cancelled];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether it is promised, confirmed by its calendar or not.
    pub fn promised(self) -> bool {
        match self {
            Self::Pending | Self::Confirmed => true,
            Self::Held | Self::Cancelled => false,
        }
    }
}

/// A time promised to a contact, or held for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Appointment {
    /// Its id.
    pub id: AppointmentId,
    /// What is booked.
    pub service: ServiceId,
    /// Who or what it is booked with.
    pub resource: ResourceId,
    /// Who or what else it takes at the same time, where a service is booked with all together.
    pub together: Vec<ResourceId>,
    /// How many seats it takes.
    pub seats: u32,
    /// The session it is part of: what shares it may take place at the same time with the same resource. `None`
    /// means that it is alone.
    pub session: Option<String>,
    /// Whom it is promised to; nobody while only held.
    pub contact: Option<ContactId>,
    /// When it takes place.
    pub time: TimeRange,
    /// What it keeps others out of: its time with its buffers.
    pub blocked: TimeRange,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// When a hold lapses; only while held.
    pub expires: Option<Timestamp>,
    /// What staff should know, in the caller's words.
    pub note: String,
    /// Whether it stands in another's place, where its calendar has put it. Nothing of ours ever does that.
    pub clashing: bool,
}

/// A step in what became of an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was promised.
    Booked,
    /// Its calendar has it.
    Confirmed,
    /// It was given another time or another resource.
    Moved,
    /// It was given back.
    Cancelled,
    /// It was taken back, because its calendar had something else there first.
    Undone,
}

impl Step {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Booked, Self::Confirmed, Self::Moved, Self::Cancelled, Self::Undone];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Confirmed => "confirmed",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }

    /// The step of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}
