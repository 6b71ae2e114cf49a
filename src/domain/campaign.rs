//! Campaigns: many people who are called for one reason, within a window, and how often each is tried.
//!
//! A [`Campaign`] says when somebody may be called; whether that person may be is decided where every call of ours is
//! ([`rules`](crate::domain::outgoing::rules)). Nothing here dials or waits.

use std::{fmt, str::FromStr};

use jiff::{ToSpan, civil};

use super::{
    assistant::Language,
    availability::instant,
    id::{AssistantId, CallId, CampaignEntryId, CampaignId, ContactId, NumberId, OutgoingId},
    outgoing::{Ending, Said, hours, number::NotCallable},
    time::{Timestamp, Zone},
};

/// Many people who are called for one reason. `Debug` shows no words.
#[derive(Clone, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// What the tenant calls it.
    pub name: String,
    /// Who speaks.
    pub assistant: AssistantId,
    /// From which of the tenant's numbers.
    pub number: NumberId,
    /// In which language the calls are opened.
    pub language: Language,
    /// Why, in the tenant's words, for the assistant.
    pub purpose: String,
    /// When its people are called.
    pub window: CallWindow,
    /// How often each is tried.
    pub retry: Retry,
    /// How many of its calls may be out at once.
    pub at_once_max: u32,
    /// When it begins.
    pub starts: Option<Timestamp>,
    /// Where it stands.
    pub state: CampaignState,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl fmt::Debug for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaign").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// When a campaign's people are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallWindow {
    /// The first day, where the tenant is; any when nobody says so.
    pub first_day: Option<civil::Date>,
    /// The last day, where the tenant is.
    pub last_day: civil::Date,
    /// When calls may begin, in minutes since midnight where the called person is.
    pub from_min: u32,
    /// From when on none may begin, in minutes since midnight where the called person is.
    pub until_min: u32,
}

/// How often, and after what, a person is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often somebody is tried, at most.
    pub attempts_max: u32,
    /// How long there is at least between two attempts, in minutes.
    pub after_min: u32,
    /// After which endings.
    pub endings: Vec<Ending>,
}

/// A text that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: draft, running, paused, ended, cancelled")]
pub struct NotACampaignState;

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignState {
    /// Nobody has begun it.
    Draft,
    /// It calls when its time has come.
    Running,
    /// It calls nobody until somebody goes on with it.
    Paused,
    /// Everybody was tried, or its window is over.
    Ended,
    /// Somebody did not want it any more.
    Cancelled,
}

impl CampaignState {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Draft, Self::Running, Self::Paused, Self::Ended, Self::Cancelled];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more comes of it.
    pub fn over(self) -> bool {
        match self {
            Self::Ended | Self::Cancelled => true,
            Self::Draft | Self::Running | Self::Paused => false,
        }
    }
}

impl FromStr for CampaignState {
    type Err = NotACampaignState;

    fn from_str(word: &str) -> Result<Self, NotACampaignState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NotACampaignState)
    }
}

impl Campaign {
    /// Before when nobody is called, if anything says so.
    pub fn begins(&self, zone: &Zone) -> Option<Timestamp> {
        let day = self.window.first_day.map(|day| instant(day, civil::Time::midnight(), zone));
        self.starts.max(day)
    }

    /// From when on nobody is called any more.
    pub fn ends(&self, zone: &Zone) -> Timestamp {
        instant(self.window.last_day.saturating_add(1.day()), civil::Time::midnight(), zone)
    }

    /// When somebody may next be called, where the tenant is; `None` when that is over.
    pub fn next_open(&self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let from = self.begins(zone).map_or(now, |begins| begins.max(now));
        let window = &self.window;
        let open = hours::next_open(from, std::slice::from_ref(zone), window.from_min, window.until_min)?;
        (open < self.ends(zone)).then_some(open)
    }

    /// Whether somebody is tried again whose attempt `attempt` ended so.
    pub fn tries_again(&self, attempt: u32, ending: Ending) -> bool {
        !self.state.over() && attempt < self.retry.attempts_max && self.retry.endings.contains(&ending)
    }
}

/// One of a campaign's people, and what became of them. `Debug` shows neither number nor name.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: CampaignEntryId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// The how-manieth of it.
    pub position: u64,
    /// Their number; as it was given when it is none that is called.
    pub number: String,
    /// Their name, when it was given.
    pub name: String,
    /// Who they are, when they are known.
    pub contact: Option<ContactId>,
    /// Where it stands.
    pub state: EntryState,
    /// How it ended, once it has and they were not refused.
    pub ended: Option<Ending>,
    /// Why they are not called, when they were refused.
    pub refused: Option<Refusal>,
    /// How many attempts were planned.
    pub attempts: u32,
    /// When the next one may be, at the earliest.
    pub next: Timestamp,
    /// The last attempt.
    pub outgoing: Option<OutgoingId>,
    /// The call that came of it.
    pub call: Option<CallId>,
    /// What they answered.
    pub said: Option<Said>,
    /// When it ended.
    pub over: Option<Timestamp>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A text that names no state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: waiting, calling, done, refused")]
pub struct NotAnEntryState;

/// Where one of a campaign's people stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// They are to be called.
    Waiting,
    /// An attempt is under way.
    Calling,
    /// Nothing more is tried.
    Done,
    /// They are not called.
    Refused,
}

impl EntryState {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Calling, Self::Done, Self::Refused];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Calling => "calling",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl FromStr for EntryState {
    type Err = NotAnEntryState;

    fn from_str(word: &str) -> Result<Self, NotAnEntryState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NotAnEntryState)
    }
}

/// A text that names no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reason not to call somebody")]
pub struct NotARefusal;

/// Why somebody who was named to a campaign is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Their number is none, or one that is never called.
    Number(NotCallable),
    /// It is answered here.
    Ours,
    /// Its country is not among those that may be called.
    NotAllowed,
    /// They do not want to be called.
    OptedOut,
    /// They have no number.
    NoNumber,
}

impl Refusal {
    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Number(NotCallable::NotANumber),
        Self::Number(NotCallable::Emergency),
        Self::Number(NotCallable::Short),
        Self::Number(NotCallable::Premium),
        Self::Number(NotCallable::Satellite),
        Self::Number(NotCallable::NoPerson),
        Self::Number(NotCallable::Country),
        Self::Ours,
        Self::NotAllowed,
        Self::OptedOut,
        Self::NoNumber,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number(NotCallable::NotANumber) => "not_a_number",
            Self::Number(NotCallable::Emergency) => "emergency",
            Self::Number(NotCallable::Short) => "short",
            Self::Number(NotCallable::Premium) => "premium",
            Self::Number(NotCallable::Satellite) => "satellite",
            Self::Number(NotCallable::NoPerson) => "no_person",
            Self::Number(NotCallable::Country) => "country_unknown",
            Self::Ours => "answered_here",
            Self::NotAllowed => "country",
            Self::OptedOut => "opted_out",
            Self::NoNumber => "no_number",
        }
    }
}

impl FromStr for Refusal {
    type Err = NotARefusal;

    fn from_str(word: &str) -> Result<Self, NotARefusal> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or(NotARefusal)
    }
}

/// How many of a campaign's people stand where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// They are to be called, for the first time or again.
    pub waiting: u64,
    /// An attempt is under way.
    pub calling: u64,
    /// They were reached.
    pub reached: u64,
    /// A machine answered, the last time too.
    pub machine: u64,
    /// They were not reached, however often it was tried.
    pub not_reached: u64,
    /// They do not want to be called, as was known or was said in the meantime.
    pub opted_out: u64,
    /// The campaign was cancelled before.
    pub cancelled: u64,
    /// They are not called, by the reason.
    pub refused: std::collections::BTreeMap<&'static str, u64>,
}

impl Progress {
    /// Counts `count` people who stand so.
    pub fn count(&mut self, state: EntryState, ended: Option<Ending>, refused: Option<Refusal>, count: u64) {
        let place = match (state, ended, refused) {
            (EntryState::Waiting, ..) => &mut self.waiting,
            (EntryState::Calling, ..) => &mut self.calling,
            (EntryState::Refused, _, Some(Refusal::OptedOut)) => &mut self.opted_out,
            (EntryState::Refused, _, why) => {
                self.refused.entry(why.map_or("not_a_number", Refusal::as_str)).or_default()
            }
            (EntryState::Done, Some(ending), _) => match ending {
                Ending::Answered | Ending::Sent => &mut self.reached,
                Ending::Machine => &mut self.machine,
                Ending::Busy
                | Ending::NoAnswer
                | Ending::Failed
                | Ending::Unknown
                | Ending::TooLate
                | Ending::AppointmentGone => &mut self.not_reached,
                Ending::OptedOut => &mut self.opted_out,
                Ending::Cancelled => &mut self.cancelled,
                Ending::NoConsent | Ending::Number | Ending::Country | Ending::Declined => {
                    self.refused.entry(ending.as_str()).or_default()
                }
            },
            (EntryState::Done, None, _) => &mut self.not_reached,
        };
        *place += count;
    }

    /// Of how many nothing more is tried.
    pub fn done(&self) -> u64 {
        let refused: u64 = self.refused.values().sum();
        self.reached + self.machine + self.not_reached + self.opted_out + self.cancelled + refused
    }

    /// How many there are.
    pub fn all(&self) -> u64 {
        self.waiting + self.calling + self.done()
    }
}
