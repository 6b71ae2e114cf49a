//! What is forgotten, and when: how long each kind of thing is kept, and people who are to be forgotten before.
//!
//! Rules only: which rows and blobs hold what is the store's to say, and removing them is `app::forgetting`'s work.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{
    id::{ContactId, ErasureId, ExportId, TenantErasureId, TenantId},
    phone::E164,
    time::Timestamp,
};

/// The most days anything can be kept.
pub const DAYS_MAX: u32 = 3_650;

/// A kind of thing that is kept for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// The sound of calls.
    Recordings,
    /// The words of calls: turns, summaries, what the model asked for; and the sound of spoken messages.
    Transcripts,
    /// Messages that were left.
    Messages,
    /// That there was a call, with whom and when; and attempts to reach somebody.
    Calls,
    /// Appointments, from their end on.
    Appointments,
    /// People of whom nothing else is kept.
    Contacts,
}

impl Kept {
    /// Each of them, in the order in which they are purged.
    pub const ALL: [Self; 6] = [
        Self::Recordings,
        Self::Transcripts,
        Self::Messages,
        Self::Calls,
        Self::Appointments,
        Self::Contacts,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recordings => "recordings",
            Self::Transcripts => "transcripts",
            Self::Messages => "messages",
            Self::Calls => "calls",
            Self::Appointments => "appointments",
            Self::Contacts => "contacts",
        }
    }
}

/// What becomes of a caller's own wish to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByCaller {
    /// Somebody who works there agrees first.
    #[default]
    Approve,
    /// It is done once the call is over.
    AtOnce,
}

impl ByCaller {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::AtOnce => "at_once",
        }
    }
}

/// A text that is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `approve` or `at_once`")]
pub struct NotAnAnswer;

impl FromStr for ByCaller {
    type Err = NotAnAnswer;

    fn from_str(word: &str) -> Result<Self, NotAnAnswer> {
        [Self::Approve, Self::AtOnce].into_iter().find(|one| one.as_str() == word).ok_or(NotAnAnswer)
    }
}

/// For how many days a tenant keeps what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The sound of calls.
    pub recordings: u32,
    /// The words of calls.
    pub transcripts: u32,
    /// Messages.
    pub messages: u32,
    /// That there was a call.
    pub calls: u32,
    /// Appointments that are over.
    pub appointments: u32,
    /// People of whom nothing else is kept.
    pub contacts: u32,
    /// What becomes of a caller's own wish.
    pub by_caller: ByCaller,
}

impl Default for Retention {
    /// What `security.md` asks for, where nobody has said otherwise.
    fn default() -> Self {
        Self {
            recordings: 30,
            transcripts: 90,
            messages: 365,
            calls: 365,
            appointments: 1_095,
            contacts: 1_095,
            by_caller: ByCaller::Approve,
        }
    }
}

impl Retention {
    /// For how many days things of that kind are kept.
    pub fn days(&self, kind: Kept) -> u32 {
        match kind {
            Kept::Recordings => self.recordings,
            Kept::Transcripts => self.transcripts,
            Kept::Messages => self.messages,
            Kept::Calls => self.calls,
            Kept::Appointments => self.appointments,
            Kept::Contacts => self.contacts,
        }
    }

    /// What is older than this has been kept for long enough at `now`.
    pub fn cutoff(&self, kind: Kept, now: Timestamp) -> Timestamp {
        now.plus_minutes(-i64::from(self.days(kind)) * 24 * 60)
    }
}

/// Somebody of whom something is known. `Debug` shows no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// Whoever has that number.
    Number(E164),
    /// That contact, and what belongs to its number.
    Contact(ContactId),
}

/// How many of what, by the name of the table or of the kind of blob.
pub type Counts = BTreeMap<String, u64>;

/// Where an erasure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// Asked for by a caller; somebody has to agree.
    Requested,
    /// It is being done.
    Running,
    /// Nothing is left.
    Done,
    /// Somebody did not agree.
    Declined,
}

impl ErasureState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Running => "running",
            Self::Done => "done",
            Self::Declined => "declined",
        }
    }
}

/// A text that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of an erasure")]
pub struct NotAState;

impl FromStr for ErasureState {
    type Err = NotAState;

    fn from_str(word: &str) -> Result<Self, NotAState> {
        [Self::Requested, Self::Running, Self::Done, Self::Declined]
            .into_iter()
            .find(|one| one.as_str() == word)
            .ok_or(NotAState)
    }
}

/// Somebody who is to be forgotten, and the receipt once that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// Whom; known only until it is done.
    pub person: Option<Person>,
    /// The last two digits of the number, for whoever looks for the receipt; empty without one.
    pub digits: String,
    /// Where it stands.
    pub state: ErasureState,
    /// Who asked, as in the audit log; `caller` for the person themselves.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
    /// Who agreed, or did not, where somebody had to.
    pub approved_by: Option<String>,
    /// When it was done, or declined.
    pub ended: Option<Timestamp>,
    /// How many of what went.
    pub counts: Counts,
}

/// What an export is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportOf {
    /// What is known of somebody.
    Person(Person),
    /// Everything of the tenant's.
    Tenant,
}

/// A copy of what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// Of what.
    pub of: ExportOf,
    /// Who asked, as in the audit log.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
    /// When it was finished.
    pub done: Option<Timestamp>,
    /// When it is gone.
    pub expires: Timestamp,
    /// How long it is, in bytes.
    pub length: u64,
    /// How many of what it holds.
    pub counts: Counts,
}

/// A tenant that is to be forgotten, and the receipt once that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantErasure {
    /// Its id.
    pub id: TenantErasureId,
    /// Whose everything.
    pub tenant: TenantId,
    /// Who asked, as in the audit log.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
    /// When nothing was left.
    pub ended: Option<Timestamp>,
    /// How many of what went.
    pub counts: Counts,
}

/// The last two digits of a number.
pub fn digits(number: &E164) -> String {
    let number = number.as_str();
    number.get(number.len().saturating_sub(2)..).unwrap_or_default().to_owned()
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
