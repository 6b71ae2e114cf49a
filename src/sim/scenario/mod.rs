//! Conversations written down: what a caller says on which cue, and what a model answers to it.
//!
//! A scenario is data. The caller's part becomes a [`Caller`]; the model's becomes a [`Script`], which knows
//! the caller's sentences by their sound, calls tools with what earlier tools returned, and says what the
//! server's tools made for it to say. Nothing here checks the outcome: [`Outcome`] only names it.

mod script;
mod written;

use serde_json::Value;

pub use script::Script;
pub use written::{NAMES, named};

use super::{
    caller::{Caller, Cue, Doing, Line},
    twilio::Callee,
    voice::{UnknownWords, Voice},
};
use crate::domain::assistant::Language;

/// How long a caller waits for a cue before giving up, in milliseconds: longer than the agent lets silence be.
const PATIENCE_MS: u64 = 60_000;

/// A conversation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// The language of both sides.
    pub language: Language,
    /// What the caller does, in order.
    pub caller: Vec<Part>,
    /// What the model answers, in the order in which it can be said.
    pub model: Vec<Turn>,
    /// Who the caller is, where somebody with an appointment rings.
    pub patient: Option<&'static str>,
    /// Whether the practice is open at all.
    pub open: bool,
    /// Whom callers can be put through to, where there is somebody.
    pub reception: Option<&'static str>,
    /// How they behave when they are rung.
    pub callee: Callee,
    /// Whether it is the practice that calls.
    pub called: bool,
    /// Whether a machine answers it, and not the person.
    pub machine: bool,
    /// What it comes to.
    pub outcome: Outcome,
}

/// What must be found when the call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One appointment that was not there before.
    Booked,
    /// The appointment, at another time.
    Moved,
    /// The appointment, cancelled.
    Cancelled,
    /// No appointment, because the caller was offered none.
    NothingFree,
    /// No appointment: the agent gave up on a caller who says nothing.
    Silence,
    /// The caller spoke with a person.
    PassedOn,
    /// Nobody took the call: the caller was back with the agent.
    BackAgain,
    /// The appointment as it was, and a few words on somebody's answering machine.
    LeftWithMachine,
}

/// What a caller does on a cue.
#[derive(Clone, Debug)]
pub struct Part {
    /// When.
    pub cue: Cue,
    /// What.
    pub does: Does,
}

/// What a caller does.
#[derive(Clone, Debug)]
pub enum Does {
    /// Says these words.
    Says(&'static str),
    /// Hangs up.
    HangsUp,
}

/// What a model does about one thing the caller says.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What it understood.
    pub heard: &'static str,
    /// Its responses, one after the other; all but the last end in tools, whose answers lead to the next.
    pub responses: Vec<Response>,
}

/// One response. `{tool:/pointer}` stands for what that tool answered last, at that place (RFC 6901).
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Words; none for a response that only calls tools.
    pub say: &'static str,
    /// Tools and their arguments.
    pub calls: Vec<(&'static str, Value)>,
}

impl Scenario {
    /// The caller, with a voice.
    ///
    /// # Errors
    ///
    /// [`UnknownWords`], for words of the part that nobody recorded.
    pub fn caller(&self, voice: &Voice) -> Result<Caller, UnknownWords> {
        let mut lines = vec![];
        for part in &self.caller {
            let (doing, words) = match part.does {
                Does::Says(words) => (Doing::Speak(voice.caller(self.language, words)?), words),
                Does::HangsUp => (Doing::HangUp, "goodbye by hanging up"),
            };
            lines.push(Line { cue: part.cue, doing, words: words.to_owned() });
        }
        Ok(Caller::new(lines, PATIENCE_MS))
    }

    /// The model's part, for a stand-in to follow.
    ///
    /// # Errors
    ///
    /// [`UnknownWords`], for words of the caller that nobody recorded.
    pub fn script(&self, voice: &Voice) -> Result<Script, UnknownWords> {
        Script::new(self, voice)
    }

    /// Everything the caller says.
    pub fn sayings(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.caller.iter().filter_map(|part| match part.does {
            Does::Says(words) => Some(words),
            Does::HangsUp => None,
        })
    }
}
