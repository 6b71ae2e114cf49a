//! A call as somebody else wrote it down: fetched when asked for, and shown beside what we have of it.
//!
//! It never takes the place of a call's own turns: nothing is measured or summed up by it.

use std::{fmt, str::FromStr};

use super::{conversation::Speaker, time::Timestamp};

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// It is to be fetched.
    Waiting,
    /// It was.
    Done,
    /// It cannot be.
    Failed,
}

impl ImportState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A text that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of an import")]
pub struct NotAState;

impl FromStr for ImportState {
    type Err = NotAState;

    fn from_str(word: &str) -> Result<Self, NotAState> {
        [Self::Waiting, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(NotAState)
    }
}

/// That a transcript of a call is wanted, and what became of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Twilio's name for it (`GT…`).
    pub transcript: String,
    /// On which of its channels the caller is, when whoever asked has said so.
    pub caller_channel: Option<u32>,
    /// Where it stands.
    pub state: ImportState,
    /// Why it could not be fetched.
    pub problem: Option<String>,
    /// Who asked for it, as in the audit log.
    pub asked_by: String,
    /// When.
    pub asked: Timestamp,
    /// When it was fetched, or given up.
    pub done: Option<Timestamp>,
}

/// A sentence of it. `Debug` shows no words.
#[derive(Clone, PartialEq)]
pub struct ImportedTurn {
    /// Its place, from 0.
    pub ordinal: u32,
    /// The channel it was heard on, in the vendor's counting.
    pub channel: u32,
    /// Whose channel that is.
    pub speaker: Speaker,
    /// When it began, in milliseconds since the vendor's recording did.
    pub began_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// The words.
    pub text: String,
    /// How sure the vendor is of them, from 0 to 1, where it says so.
    pub confidence: Option<f64>,
}

impl fmt::Debug for ImportedTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedTurn")
            .field("ordinal", &self.ordinal)
            .field("speaker", &self.speaker)
            .finish_non_exhaustive()
    }
}
