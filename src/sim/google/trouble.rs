//! What goes wrong at Google, on request or by chance.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use axum::http::Method;

use crate::sim::chance::Mix;

/// What is asked of Google.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The page of consent, and what it is answered with.
    Consent,
    /// A code or a refresh token becomes an access token.
    Token,
    /// A token is given back.
    Revoke,
    /// Which calendars are there.
    List,
    /// What takes time.
    FreeBusy,
    /// A page of events or of changes.
    Events,
    /// One event.
    Event,
    /// An event is written.
    Insert,
    /// An event is changed.
    Patch,
    /// An event is taken back.
    Delete,
    /// Changes are to be told.
    Watch,
    /// Changes are to be told no more.
    Stop,
}

impl Kind {
    /// What a request for what lies at `path` below the API asks for.
    pub(super) fn of(method: &Method, path: &[&str]) -> Option<Self> {
        match (method.as_str(), path) {
            ("GET", ["users", "me", "calendarList"]) => Some(Self::List),
            ("POST", ["freeBusy"]) => Some(Self::FreeBusy),
            ("GET", ["calendars", _, "events"]) => Some(Self::Events),
            ("POST", ["calendars", _, "events"]) => Some(Self::Insert),
            ("POST", ["calendars", _, "events", "watch"]) => Some(Self::Watch),
            ("GET", ["calendars", _, "events", _]) => Some(Self::Event),
            ("PATCH", ["calendars", _, "events", _]) => Some(Self::Patch),
            ("DELETE", ["calendars", _, "events", _]) => Some(Self::Delete),
            ("POST", ["channels", "stop"]) => Some(Self::Stop),
            _ => None,
        }
    }
}

/// Something that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The access token is not accepted (401).
    Unauthorized,
    /// Too much is asked: 403 with this reason, such as `rateLimitExceeded` or `quotaExceeded`.
    RateLimited(&'static str),
    /// It is not allowed (403 `forbidden`).
    Forbidden,
    /// Too much is asked: 429, to be asked again after so many seconds, where that is said.
    TooMany(Option<u64>),
    /// Google breaks with this status of 5xx, and nothing is done.
    Broken(u16),
    /// A refusal with this status and reason.
    Refused(u16, &'static str),
    /// The connection ends and nothing is done.
    Dropped,
    /// It is done, and the connection ends before that is told.
    AnswerLost,
    /// It comes twice, as where something on the way sends it again: it is done twice, and the second answer is told.
    Twice,
    /// The connection ends at once, and it is done so much later: nobody can know by looking earlier.
    DoneLater(Duration),
    /// It is done, and told this much later.
    Late(Duration),
    /// The answer is a page of HTML.
    Garbled,
    /// The answer is longer than so many bytes.
    Long(usize),
    /// Only of [`Kind::Token`]: the grant is not good any more (400 `invalid_grant`).
    InvalidGrant,
}

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Troubles {
    next: VecDeque<Trouble>,
    of_kind: HashMap<Kind, VecDeque<Trouble>>,
    mix: Option<Mix<Trouble>>,
}

impl Troubles {
    pub(super) fn next(&mut self, troubles: impl IntoIterator<Item = Trouble>) {
        self.next.extend(troubles);
    }

    pub(super) fn next_of(&mut self, kind: Kind, troubles: impl IntoIterator<Item = Trouble>) {
        self.of_kind.entry(kind).or_default().extend(troubles);
    }

    pub(super) fn mix(&mut self, mix: Option<Mix<Trouble>>) {
        self.mix = mix;
    }

    /// What goes wrong with the next request. What is not about calendars goes wrong only by name.
    pub(super) fn befalls(&mut self, kind: Kind) -> Option<Trouble> {
        if let Some(own) = self.of_kind.get_mut(&kind).and_then(VecDeque::pop_front) {
            return Some(own);
        }
        if matches!(kind, Kind::Consent | Kind::Token | Kind::Revoke) {
            return None;
        }
        if let Some(next) = self.next.pop_front() {
            return Some(next);
        }
        self.mix.as_mut()?.draw()
    }
}
