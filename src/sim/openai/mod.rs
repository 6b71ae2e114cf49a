//! An OpenAI Realtime server, GA shape, that hears.
//!
//! It detects speech in the audio it is sent, knows the caller's sentences again by their sound, has a [`Mind`]
//! decide what to say and which tools to call, and speaks recorded audio faster than real time. Events it
//! would not accept are answered as the vendor answers them and kept as faults. On request it misbehaves
//! ([`Manners`], [`Mishap`]). It knows no model, no prompt and no language beyond its recordings, and it
//! listens on loopback only.

mod hearing;
mod items;
mod secretary;
mod server;
mod session;
pub mod shapes;
mod speaking;
mod usage;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

pub use server::OpenAi;

use super::voice::Voice;
use crate::{domain::assistant::Language, platform::clock::Clock};

/// What decides: hears the caller's turns as words, and answers.
pub trait Mind: Send {
    /// What was said in a turn, from its 8 kHz samples; `None` when it cannot be made out.
    fn hear(&mut self, samples: &[i16]) -> Option<String>;

    /// What to do about it.
    ///
    /// # Errors
    ///
    /// In words, when it has no answer to this: kept as a fault.
    fn answer(&mut self, asked: &Asked) -> Result<Thought, String>;

    /// The last answer was cancelled before a word of it was spoken: what it was about comes again.
    fn take_back(&mut self);
}

/// What came into the conversation since the last response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The caller's turns, as understood; an empty one could not be made out.
    pub said: Vec<String>,
    /// Texts written into the conversation by the client.
    pub written: Vec<String>,
    /// What tools answered: their names and, where it is JSON, the value.
    pub results: Vec<(String, Value)>,
}

/// One response: words to say, then tools to call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thought {
    /// Words to speak; none for a response that only calls tools.
    pub say: String,
    /// Tools and their arguments.
    pub calls: Vec<(String, Value)>,
}

/// What becomes of the caller's words as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transcription {
    /// They come, so long after the turn was committed.
    After(Duration),
    /// They cannot be made out.
    Fails,
    /// Nothing comes.
    Never,
}

/// How the stand-in behaves.
#[derive(Clone, Debug)]
pub struct Manners {
    /// From being asked to the first sound.
    pub think: Duration,
    /// Sound per delta.
    pub delta: Duration,
    /// How many times faster than real time it speaks.
    pub speed: u32,
    /// The caller's words as text, where the session asks for them.
    pub transcription: Transcription,
    /// Refuse every connection with this HTTP status.
    pub refuse: Option<u16>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            think: Duration::from_millis(250),
            delta: Duration::from_millis(300),
            speed: 4,
            transcription: Transcription::After(Duration::from_millis(300)),
            refuse: None,
        }
    }
}

/// One response that goes wrong. Each is used up by the next response of any conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing goes wrong.
    None,
    /// The first sound comes so much later.
    Late(Duration),
    /// Nothing comes, not even `response.created`.
    Silent,
    /// Deltas come at this many times the usual interval.
    Slow(u32),
    /// The socket closes after so much sound: with this code, or without a word (1006).
    Close(Duration, Option<u16>),
    /// Broken JSON, an event of no known type and a binary frame come before the sound.
    Garbage,
    /// An event of so many bytes comes before the sound.
    Huge(usize),
    /// It ends as failed, with this error code, before any sound.
    Fails(&'static str),
    /// It ends as incomplete after so much sound.
    Incomplete(Duration),
}

/// What a stand-in is made of.
pub struct Setup {
    /// The clock everything waits by.
    pub clock: Clock,
    /// What it speaks with.
    pub voice: Arc<Voice>,
    /// Whose recordings it speaks with.
    pub language: Language,
    /// The key it wants to be shown.
    pub key: String,
    /// The models it has, with the date each is shut down (`YYYY-MM-DD`), if that is known.
    pub models: Vec<(String, Option<String>)>,
    /// Makes a mind for every session.
    pub minds: Box<dyn Fn() -> Box<dyn Mind> + Send + Sync>,
    /// How it behaves at first.
    pub manners: Manners,
    /// Whether every event is kept, both ways, for a test to read.
    pub keep_log: bool,
}
