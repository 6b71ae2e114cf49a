//! What is kept of a call: its state, its turns, how it ended.

use std::fmt;

use super::{
    id::{AssistantId, CallId},
    money::MicroUsd,
    phone::E164,
    remarks::Tag,
    revision::Revision,
    time::{CallTime, Timestamp},
};

/// Twilio's name for a call: `CA` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallSid(String);

/// A text that is not a call SID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a call SID: `CA` and 32 hexadecimal digits")]
pub struct NotACallSid;

impl CallSid {
    /// The whole SID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for CallSid {
    type Err = NotACallSid;

    fn from_str(text: &str) -> Result<Self, NotACallSid> {
        let tail = text.strip_prefix("CA").ok_or(NotACallSid)?;
        if tail.len() != 32 || !tail.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotACallSid);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CallSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a call stands. States only move forward: a later one is never left for an earlier one, and the
/// final ones are never left at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallState {
    /// The webhook came.
    Ringing,
    /// The media stream runs.
    InProgress,
    /// Over, after it had been answered.
    Completed,
    /// Over, never answered: `busy`, `no-answer`, `failed`, `canceled`, or refused by us.
    Failed,
}

impl CallState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The state of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ringing, Self::InProgress, Self::Completed, Self::Failed]
            .into_iter()
            .find(|s| s.as_str() == word)
    }

    /// How far along it is; a call may only move to a higher rank.
    pub fn rank(self) -> i64 {
        match self {
            Self::Ringing => 0,
            Self::InProgress => 1,
            Self::Completed | Self::Failed => 2,
        }
    }
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Somebody rang here.
    Inbound,
    /// We rang somebody.
    Outbound,
}

impl Direction {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// The direction of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound].into_iter().find(|one| one.as_str() == word)
    }
}

/// How a call ended, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The caller hung up.
    CallerLeft,
    /// The agent said goodbye and hung up.
    AgentLeft,
    /// The caller said nothing for too long.
    Silence,
    /// The longest duration was reached.
    MaxDuration,
    /// The engine failed and the safety net took over.
    Degraded,
    /// The process was leaving.
    Drained,
    /// Somebody at the business ended it.
    Dismissed,
    /// Passed on to a person, who took it.
    Transferred,
    /// Not taken: a limit was reached.
    Refused,
    /// The media stream never came or broke.
    Lost,
    /// Nobody answered our call, or the caller was to be put through and nobody took the call.
    NotReached,
    /// A machine answered our call.
    Machine,
    /// The assistant had stepped back, and nobody at the business took the call.
    Paused,
    /// Whoever called is blocked.
    Blocked,
    /// Nobody called: it was seen whether a line of the business's is forwarded here.
    ForwardingTest,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 15] = [
        Self::CallerLeft,
        Self::AgentLeft,
        Self::Silence,
        Self::MaxDuration,
        Self::Degraded,
        Self::Drained,
        Self::Dismissed,
        Self::Transferred,
        Self::Refused,
        Self::Lost,
        Self::NotReached,
        Self::Machine,
        Self::Paused,
        Self::Blocked,
        Self::ForwardingTest,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerLeft => "caller_left",
            Self::AgentLeft => "agent_left",
            Self::Silence => "silence",
            Self::MaxDuration => "max_duration",
            Self::Degraded => "degraded",
            Self::Drained => "drained",
            Self::Dismissed => "dismissed",
            Self::Transferred => "transferred",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::NotReached => "not_reached",
            Self::Machine => "machine",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::ForwardingTest => "forwarding_test",
        }
    }

    /// The outcome of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One phone call as it is kept. `Debug` shows no number.
#[derive(Clone, PartialEq)]
pub struct CallRecord {
    /// Its id.
    pub id: CallId,
    /// Twilio's name for it.
    pub sid: CallSid,
    /// Who called whom.
    pub direction: Direction,
    /// Who answered, or spoke for us.
    pub assistant: AssistantId,
    /// In which of the assistant's versions, when that was kept.
    pub assistant_version: Option<Revision>,
    /// Who called, when the network said so.
    pub from: Option<E164>,
    /// The number that was called.
    pub to: E164,
    /// Whether the network vouches for the calling number (STIR/SHAKEN level A).
    pub attested: bool,
    /// Where it stands.
    pub state: CallState,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// When it rang.
    pub rang: Timestamp,
    /// When its media stream began.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What the engine cost.
    pub cost: MicroUsd,
    /// Where its recording lies, by the blob's name.
    pub recording: Option<String>,
    /// What the team finds it by.
    pub tags: Vec<Tag>,
    /// Whether somebody took it who it was passed on to; unknown when it was not, or is being.
    pub passed_on: Option<bool>,
    /// What makes it a test call, if it is one.
    pub test: Option<TestCall>,
}

/// What a call from a browser has besides, by which somebody tries an assistant out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCall {
    /// Which state of the assistant's draft it ran, where it was not a version.
    pub draft: Option<Revision>,
    /// When somebody said that what it makes is to stay.
    pub kept: Option<Timestamp>,
}

impl CallRecord {
    /// Whether what it makes goes when it is over, and nobody outside is told of it.
    pub fn leaves_nothing(&self) -> bool {
        self.test.is_some_and(|test| test.kept.is_none())
    }

    /// The number of the person at the other end, when the network said so.
    pub fn person(&self) -> Option<&E164> {
        match self.direction {
            Direction::Inbound => self.from.as_ref(),
            Direction::Outbound => Some(&self.to),
        }
    }
}

impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRecord").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// A stretch of a recording in which nothing is to be heard, in milliseconds since the recording began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence {
    /// Where it begins.
    pub from_ms: u64,
    /// Where it ends.
    pub until_ms: u64,
}

/// Who holds the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaker {
    /// The person on the telephone.
    Caller,
    /// The assistant.
    Agent,
}

impl Speaker {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
        }
    }

    /// The speaker of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Caller, Self::Agent].into_iter().find(|s| s.as_str() == word)
    }
}

/// One side holding the floor: what it said and how much of that reached the other ear.
/// Named by its call and its place in it. `Debug` shows no words.
#[derive(Clone, PartialEq)]
pub struct Turn {
    /// Its place in the call, from 0.
    pub ordinal: u32,
    /// Who spoke.
    pub speaker: Speaker,
    /// When it began.
    pub began: CallTime,
    /// When it ended.
    pub ended: CallTime,
    /// The words: what the caller was understood to say, or what the agent generated.
    pub text: String,
    /// Of `text`, what was heard by estimate: all of it for the caller, the played part for the agent.
    pub heard_text: String,
    /// Sound that was generated for it, in milliseconds (agent only).
    pub generated_ms: u64,
    /// Sound of it that was played to the caller, by mark, in milliseconds (agent only).
    pub heard_ms: u64,
    /// Whether the other side cut it off.
    pub interrupted: bool,
    /// From the end of the caller's turn to the first sound of this reply, in milliseconds (agent only).
    pub first_audio_ms: Option<u64>,
    /// How sure the engine is of the words, from 0 to 1, where it says so (caller only).
    pub confidence: Option<f64>,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("ordinal", &self.ordinal)
            .field("speaker", &self.speaker)
            .field("heard_ms", &self.heard_ms)
            .field("interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}
