//! Calendars outside: whose they are, what may be done with them, and what stands in them.
//!
//! An event is known by when it takes place and what it says of that time; what it is called, who comes to it and what
//! it says is nobody's business here.

use std::str::FromStr;

use super::{
    availability::EventStatus,
    id::{AppointmentId, CalendarId, ClashId, ConnectionId},
    time::{TimeRange, Timestamp, Zone},
};

/// Who keeps a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// Google Calendar.
    Google,
    /// Microsoft 365 and Outlook.com, through Microsoft Graph.
    Microsoft,
}

impl Vendor {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Google, Self::Microsoft];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Microsoft => "Microsoft",
        }
    }
}

/// A text that names no vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `google` or `microsoft`")]
pub struct NotAVendor;

impl FromStr for Vendor {
    type Err = NotAVendor;

    fn from_str(word: &str) -> Result<Self, NotAVendor> {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == word).ok_or(NotAVendor)
    }
}

/// Who has agreed that their calendars are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A person, for her own calendars.
    Person,
    /// An administrator, for every mailbox and room of an organisation. Microsoft only.
    Organisation,
}

impl Grant {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Person, Self::Organisation];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }
}

/// A text that names no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `person` or `organisation`")]
pub struct NotAGrant;

impl FromStr for Grant {
    type Err = NotAGrant;

    fn from_str(word: &str) -> Result<Self, NotAGrant> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == word).ok_or(NotAGrant)
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Its calendars can be read and written.
    Connected,
    /// The vendor lets us in no more: somebody must consent again.
    Reconnect,
    /// It was given up here.
    Disconnected,
}

impl ConnectionState {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Connected, Self::Reconnect, Self::Disconnected];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Reconnect => "reconnect",
            Self::Disconnected => "disconnected",
        }
    }

    /// The state of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What may be done with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalendarAccess {
    /// When it is taken can be known, and no more.
    FreeBusy,
    /// Its events can be read.
    Read,
    /// Its events can be read and written.
    Write,
}

impl CalendarAccess {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::FreeBusy, Self::Read, Self::Write];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FreeBusy => "free_busy",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The access of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.as_str() == word)
    }
}

/// A way into somebody's calendars. Its tokens are not part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose calendars.
    pub vendor: Vendor,
    /// Who agreed.
    pub grant: Grant,
    /// The address or the name it is known by.
    pub account: String,
    /// Microsoft's id of the organisation; of a person, `None`.
    pub directory: Option<String>,
    /// Whether it is a personal Microsoft account, which has no `getSchedule` (protocols.md §4.2).
    pub personal: bool,
    /// Where it stands.
    pub state: ConnectionState,
    /// What is wrong with it, for the admin.
    pub problem: Option<String>,
    /// When it was connected, the last time.
    pub connected: Timestamp,
    /// Since when it stands there.
    pub since: Timestamp,
}

/// A calendar somebody has let us see.
#[derive(Clone, Debug, PartialEq)]
pub struct OutsideCalendar {
    /// Its id with us.
    pub id: CalendarId,
    /// By which connection it is reached.
    pub connection: ConnectionId,
    /// Where its vendor has it.
    pub place: Place,
    /// What it is called there.
    pub name: String,
    /// Whether it is the main one of its account.
    pub primary: bool,
    /// What may be done with it.
    pub access: CalendarAccess,
    /// Whether its vendor still has it.
    pub there: bool,
}

/// Where a vendor has a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose mailbox, by address, where it is not that of whoever agreed; only with [`Grant::Organisation`].
    pub mailbox: Option<String>,
    /// The vendor's id of the calendar in it.
    pub calendar: String,
    /// The calendar's zone: where its all-day events begin and end.
    pub zone: Zone,
}

/// The vendor's id of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub String);

/// An event, as much as is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideEvent {
    /// Its vendor's id. Every occurrence of a recurring event has one of its own.
    pub id: EventId,
    /// When it takes place. Never empty: one without an end takes the rest of its day.
    pub time: TimeRange,
    /// What it says of that time.
    pub status: EventStatus,
    /// Which state of it this is, in the vendor's words.
    pub etag: Option<String>,
    /// When it was made, where its vendor says so.
    pub made: Option<Timestamp>,
    /// The appointment we have marked it with.
    pub appointment: Option<AppointmentId>,
}

/// What has become of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventChange {
    /// It is there, and like this.
    Is(OutsideEvent),
    /// It is not there, or does not take place any more.
    Gone(EventId),
}

/// Two things that want the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Its id.
    pub id: ClashId,
    /// The appointment that is one of them.
    pub appointment: AppointmentId,
    /// The calendar in which it was found.
    pub calendar: Option<CalendarId>,
    /// The event that is the other, where it is one.
    pub event: Option<EventId>,
    /// What has happened.
    pub what: ClashKind,
    /// When it was found.
    pub found: Timestamp,
    /// When it was over.
    pub settled: Option<Timestamp>,
}

/// How two things come to want the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClashKind {
    /// Somebody has put an event over an appointment.
    EventOverAppointment,
    /// Somebody has moved an appointment, in its calendar, into another's place.
    MovedOntoAnother,
    /// An event was there before the appointment, which was given back.
    EventWasFirst,
    /// An appointment that was moved in its calendar and here at once stands where it was moved to here.
    MovedTwice,
}

impl ClashKind {
    /// Each of them.
    pub const ALL: [Self; 4] =
        [Self::EventOverAppointment, Self::MovedOntoAnother, Self::EventWasFirst, Self::MovedTwice];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventOverAppointment => "event_over_appointment",
            Self::MovedOntoAnother => "moved_onto_another",
            Self::EventWasFirst => "event_was_first",
            Self::MovedTwice => "moved_twice",
        }
    }

    /// The kind of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
