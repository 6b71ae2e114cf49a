//! The calendars people already use: Google Calendar and Microsoft 365.
//!
//! One port, [`Calendars`], whoever keeps the calendar: what takes time, what has changed, write an event, move it, take
//! it back, be told of changes. Each question names who asks ([`Access`]) and how long it may take; how often it is
//! repeated, how many are asked at once and when a vendor is left alone is [`manners`]' doing. What came back is what
//! the vendor said, in the words of [`domain::calendar`](crate::domain::calendar).
//!
//! It decides nothing about what may be booked, keeps nothing, and does not renew an access: [`Error::Expired`] says
//! that this is due, [`oauth`] does it.

pub mod google;
pub mod manners;
pub mod microsoft;
pub mod oauth;

use std::{fmt, time::Duration};

use secrecy::SecretString;

use self::manners::Manners;
use crate::{
    domain::{
        availability::EventStatus,
        calendar::{CalendarAccess, EventChange, EventId, OutsideEvent, Place, Vendor},
        email::Email,
        id::{AppointmentId, ConnectionId},
        time::{TimeRange, Timestamp, Zone},
    },
    platform::clock::Clock,
};

/// Longest time one request may take.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// Most events of one answer to [`Calendars::events`]; where there are more, that is said.
pub const EVENTS_LISTED_MAX: usize = 500;
/// How many changes are asked for at once.
pub const CHANGES_PER_PAGE: u32 = 250;
/// Longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Who asks, and of whom. `Debug` shows no token.
#[derive(Clone)]
pub struct Access {
    /// By which connection; its requests are counted together, and its troubles are its own.
    pub connection: ConnectionId,
    /// Who is asked.
    pub vendor: Vendor,
    /// The access token.
    pub token: SecretString,
    /// Whether it is a personal Microsoft account, which has no `getSchedule`.
    pub personal: bool,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// A calendar as its vendor lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Where it is.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// Whether it is the main one.
    pub primary: bool,
    /// What may be done with it.
    pub access: CalendarAccess,
}

/// Time that is taken in a calendar of which no more is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub time: TimeRange,
    /// What the calendar says of it.
    pub status: EventStatus,
}

/// What takes time in one calendar: known, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// All that takes time; none of it means free.
    Known(Vec<Taken>),
    /// The vendor could not say. Not free.
    Unknown(Unknown),
}

/// Why a vendor cannot say what takes time in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It has no such calendar, or does not show it to us.
    NotThere,
    /// It did not say this time.
    NotSaid,
}

/// Events of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// Those that share time with it, at most [`EVENTS_LISTED_MAX`].
    pub events: Vec<OutsideEvent>,
    /// Whether these are all.
    pub complete: bool,
}

/// From where changes are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// Which time is of interest. The same throughout a round.
    pub window: TimeRange,
    /// What the last answer of this round ended with; `None` begins a round, in which everything is told.
    pub mark: Option<String>,
}

/// A page of changes. Applied in order, page after page, they tell all that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What has become of which event.
    pub changes: Vec<EventChange>,
    /// From where to ask for more.
    pub next: Next,
}

/// What comes after a page of changes. A mark is the adapter's own text: kept as it is and handed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// There is more, behind this mark.
    More(String),
    /// That was all; what happens from now on is told behind this mark.
    Later(String),
}

/// An event to be written. `Debug` shows nobody's words.
#[derive(Clone, PartialEq)]
pub struct Draft {
    /// Names the writing: the same name never makes a second event.
    pub key: uuid::Uuid,
    /// The appointment it stands for, marked on it.
    pub appointment: AppointmentId,
    /// When it takes place.
    pub time: TimeRange,
    /// In whose zone it is shown.
    pub zone: Zone,
    /// What it is called: one line, without control characters.
    pub title: String,
    /// What staff need to know: plain text, in lines.
    pub text: String,
    /// Who is invited by mail, if somebody is.
    pub attendee: Option<Attendee>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("appointment", &self.appointment).finish_non_exhaustive()
    }
}

/// Somebody who is invited by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Their address.
    pub address: Email,
    /// Their name.
    pub name: String,
}

/// Where a vendor is to tell of changes.
#[derive(Clone)]
pub struct Watch {
    /// A fresh unique name for it (Google's channel id).
    pub id: uuid::Uuid,
    /// Where: an `https` address.
    pub address: String,
    /// Where Microsoft tells of the subscription itself.
    pub lifecycle_address: String,
    /// What the vendor proves itself with: at most 128 characters.
    pub secret: SecretString,
    /// Until when it is wished for; vendors grant less.
    pub until: Timestamp,
}

/// What a vendor has agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watching {
    /// The vendor's name for it: Google's channel id, Graph's subscription id.
    pub id: String,
    /// What else is needed to end it: Google's resource id.
    pub resource: Option<String>,
    /// Until when it tells.
    pub until: Timestamp,
}

/// Why a vendor did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The access token is accepted no more; a fresh one may be (401).
    #[error("the access has expired")]
    Expired,
    /// The consent is gone: it was revoked, lapsed, or lacks what is needed. Asking again does not help.
    #[error("the consent is gone: {0}")]
    ConsentGone(&'static str),
    /// This may not be done with this calendar (403, not for asking too often).
    #[error("that is not allowed with this calendar")]
    Forbidden,
    /// The calendar or the event is not there (404, 410).
    #[error("it is not there")]
    NotThere,
    /// It has been changed meanwhile (412).
    #[error("it has been changed meanwhile")]
    Stale,
    /// The mark is accepted no more: begin a new round (410 `fullSyncRequired`, `syncStateNotFound` and their kin).
    #[error("changes must be asked for anew")]
    BeginAnew,
    /// An event has this draft's name and is not this appointment's.
    #[error("another event has that name")]
    NotOurs,
    /// Too much is asked (429, 503, 403 for asking too often). Nothing was done.
    #[error("too much is asked at once")]
    TooMany {
        /// How long it wants to be left alone, where it says so.
        retry_after: Option<Duration>,
    },
    /// It is left alone for a while, after it failed too often or asked for it. It was not asked.
    #[error("it is left alone for a while")]
    Resting {
        /// How long, at least.
        wait: Duration,
    },
    /// It could not be reached, broke, or did not answer in time. What was asked may have been done.
    #[error("it does not answer")]
    Away(#[source] Option<reqwest::Error>),
    /// It answered with something else than it promises. What was asked may have been done.
    #[error("it did not answer as it promises: {0}")]
    Garbled(&'static str),
    /// It refused for another reason.
    #[error("it refused: status {status}, {code}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The vendor's own word for why, cleaned; empty when it named none.
        code: String,
    },
}

/// Every vendor's calendars. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Calendars {
    google: google::Google,
    microsoft: microsoft::Microsoft,
}

/// Asks whichever vendor `who` is at.
macro_rules! ask {
    ($self:ident, $who:ident, $question:ident($($argument:expr),*)) => {
        match $who.vendor {
            Vendor::Google => $self.google.$question($who, $($argument),*).await,
            Vendor::Microsoft => $self.microsoft.$question($who, $($argument),*).await,
        }
    };
}

impl Calendars {
    /// The calendars behind these settings.
    ///
    /// # Errors
    /// [`Error::Away`] when no client can be made, such as for want of a TLS library.
    pub fn new(
        google: &google::Settings,
        microsoft: &microsoft::Settings,
        clock: Clock,
    ) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(REQUEST_TIME_MAX)
            // A redirect could take the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // Who asked knows whether it may be repeated.
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Error::Away(Some(error)))?;
        let manners = |at_once| Manners::new(clock, at_once);
        Ok(Self {
            google: google::Google::new(google, client.clone(), manners(google.requests_at_once)),
            microsoft: microsoft::Microsoft::new(microsoft, client, manners(microsoft.requests_at_once)),
        })
    }

    /// The calendars there are; of `mailbox`, where an organisation agreed.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn list(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        patience: Duration,
    ) -> Result<Vec<Listed>, Error> {
        ask!(self, who, list(mailbox, patience))
    }

    /// What takes time in these calendars, in their order.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn busy(
        &self,
        who: &Access,
        places: &[&Place],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Vec<Busy>, Error> {
        ask!(self, who, busy(places, range, patience))
    }

    /// The events that share time with `range`, occurrences of recurring ones singly.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn events(
        &self,
        who: &Access,
        place: &Place,
        range: TimeRange,
        patience: Duration,
    ) -> Result<Events, Error> {
        ask!(self, who, events(place, range, patience))
    }

    /// An event, if it is there and takes place.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn event(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        patience: Duration,
    ) -> Result<Option<OutsideEvent>, Error> {
        ask!(self, who, event(place, id, patience))
    }

    /// A page of what has changed.
    ///
    /// # Errors
    /// [`Error::BeginAnew`] when the mark is accepted no more; whatever else stands in the way.
    pub async fn changes(
        &self,
        who: &Access,
        place: &Place,
        since: &Since,
        patience: Duration,
    ) -> Result<Changes, Error> {
        ask!(self, who, changes(place, since, patience))
    }

    /// Writes an event. Written again under the same key, it is the event that was written before.
    ///
    /// # Errors
    /// [`Error::NotOurs`]; whatever else stands in the way. It may be there although this fails.
    pub async fn create(
        &self,
        who: &Access,
        place: &Place,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        ask!(self, who, create(place, draft, patience))
    }

    /// Makes the event say what the draft says, if it is still as `seen`.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::NotThere`]; whatever else stands in the way.
    pub async fn change(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        seen: Option<&str>,
        draft: &Draft,
        patience: Duration,
    ) -> Result<OutsideEvent, Error> {
        ask!(self, who, change(place, id, seen, draft, patience))
    }

    /// Takes an event back. One that is gone already is taken back.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn remove(
        &self,
        who: &Access,
        place: &Place,
        id: &EventId,
        notify: bool,
        patience: Duration,
    ) -> Result<(), Error> {
        ask!(self, who, remove(place, id, notify, patience))
    }

    /// Asks to be told of changes.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn watch(
        &self,
        who: &Access,
        place: &Place,
        watch: &Watch,
        patience: Duration,
    ) -> Result<Watching, Error> {
        ask!(self, who, watch(place, watch, patience))
    }

    /// Asks to be told for longer; `None` where the vendor knows no such thing and must be asked anew.
    ///
    /// # Errors
    /// [`Error::NotThere`] when it tells nothing any more; whatever else stands in the way.
    pub async fn renew(
        &self,
        who: &Access,
        watching: &Watching,
        until: Timestamp,
        patience: Duration,
    ) -> Result<Option<Watching>, Error> {
        ask!(self, who, renew(watching, until, patience))
    }

    /// Wants to be told no more. What tells no more already is fine.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn unwatch(&self, who: &Access, watching: &Watching, patience: Duration) -> Result<(), Error> {
        ask!(self, who, unwatch(watching, patience))
    }
}
