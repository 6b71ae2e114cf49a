//! People a caller may be passed on to, and what becomes of it.
//!
//! A target is picked by its name from the tenant's list, never by a number that was spoken. Nothing here rings anybody.

use std::fmt;

use super::{
    booking::Schedule,
    id::{CallId, TransferId, TransferTargetId},
    phone::E164,
    time::{Timestamp, Zone},
};

/// How far ahead the next opening of a target is looked for, in days.
const OPENING_DAYS_MAX: u32 = 14;

/// Somebody a caller may be passed on to: a person, a desk, another practice. `Debug` shows no number.
#[derive(Clone, PartialEq)]
pub struct TransferTarget {
    /// Its id.
    pub id: TransferTargetId,
    /// What the caller and the assistant call it.
    pub name: String,
    /// Where it rings.
    pub number: E164,
    /// What it is for, for the model: whom to pass on to it.
    pub description: String,
    /// When it can be rung; always, when that is not said.
    pub hours: Option<Schedule>,
    /// Whether it hears first who calls and why, and takes the call by a key.
    pub announced: bool,
    /// Whether it is rung at all.
    pub active: bool,
}

impl fmt::Debug for TransferTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferTarget").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TransferTarget {
    /// Whether it can be rung at that instant.
    pub fn open(&self, at: Timestamp, zone: &Zone) -> bool {
        self.active && self.hours.as_ref().is_none_or(|hours| hours.open_at(at, zone))
    }

    /// When it can be rung next, if that is within two weeks; `None` also when it is open.
    pub fn opens(&self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let hours = self.hours.as_ref().filter(|_| self.active)?;
        if hours.open_at(at, zone) { None } else { hours.opens_after(at, zone, OPENING_DAYS_MAX) }
    }
}

/// Where passing a caller on stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// It was asked for; the caller is being told.
    Asked,
    /// The target is being rung.
    Ringing,
    /// The target took the call.
    Connected,
    /// The target was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// Somebody answered, and did not take the call.
    Declined,
    /// It could not be rung.
    Failed,
    /// The caller hung up before.
    Cancelled,
}

impl TransferState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Asked,
        Self::Ringing,
        Self::Connected,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Ringing => "ringing",
            Self::Connected => "connected",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One time that a caller was passed on, or was to be. `Debug` shows neither the number nor the wish.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// The call.
    pub call: CallId,
    /// To whom, as the list had it; [`Transfer::fallback`] and [`Transfer::takeover`] stand for who is in no list.
    pub target: TransferTargetId,
    /// What it was called.
    pub name: String,
    /// Where it rang.
    pub number: E164,
    /// Whether the target hears first who calls and why.
    pub announced: bool,
    /// What the caller wants, in one sentence of the model's; empty once it is over.
    pub wish: String,
    /// Who asked for it, as in the audit log: the assistant, or somebody at the business.
    pub by: String,
    /// Where it stands.
    pub state: TransferState,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When the target took the call.
    pub connected: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
}

impl Transfer {
    /// What stands in place of a target where the assistant has stepped back and the number for that is rung.
    pub fn fallback() -> TransferTargetId {
        TransferTargetId::of(uuid::Uuid::nil())
    }

    /// What stands in place of a target where somebody at the business takes the call over, at her own telephone.
    pub fn takeover() -> TransferTargetId {
        TransferTargetId::of(uuid::Uuid::max())
    }

    /// To whom, if that is somebody in the tenant's list.
    pub fn listed(&self) -> Option<&TransferTargetId> {
        Some(&self.target).filter(|_| !self.is_fallback() && !self.is_takeover())
    }

    /// Whether it is the number that is rung while the assistant has stepped back.
    pub fn is_fallback(&self) -> bool {
        self.target == Self::fallback()
    }

    /// Whether somebody at the business takes the call over.
    pub fn is_takeover(&self) -> bool {
        self.target == Self::takeover()
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}
