//! Who answers: words, voice, languages and manners of an assistant.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{
    id::{AssistantId, ServiceId, TransferTargetId},
    revision::Revision,
    time::Timestamp,
    tool::ToolName,
};

/// A language the server itself can speak: its own sentences and spoken times exist in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Deutsch.
    German,
    /// English.
    English,
}

impl Language {
    /// Every language, in a fixed order.
    pub const ALL: [Self; 2] = [Self::German, Self::English];

    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }

    /// The tag Twilio's `<Say>` takes.
    pub fn tag(self) -> &'static str {
        match self {
            Self::German => "de-DE",
            Self::English => "en-US",
        }
    }
}

/// A text that names no language the server can speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a language the server can speak: `de` or `en`")]
pub struct NotALanguage;

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(code: &str) -> Result<Self, NotALanguage> {
        Self::ALL.into_iter().find(|language| language.code() == code).ok_or(NotALanguage)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Prompt, voice, languages, opening words and turn policy under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Assistant {
    /// Its id.
    pub id: AssistantId,
    /// What the tenant calls it.
    pub name: String,
    /// What it is for, for the tenant's own eyes.
    pub description: String,
    /// Whether it answers.
    pub status: AssistantStatus,
    /// The language spoken unless the caller speaks another.
    pub language: Language,
    /// The language spoken when the caller does not speak the first.
    pub fallback: Option<Language>,
    /// The engine's name of its voice.
    pub voice: String,
    /// The engine's model, when it is not the configured one.
    pub model: Option<String>,
    /// What the tenant wants the model to know and to keep to.
    pub instructions: String,
    /// How the call is opened, per language. The server adds that an automated assistant speaks.
    pub opening: BTreeMap<Language, String>,
    /// When it speaks and when it yields.
    pub policy: TurnPolicy,
    /// Whether callers are asked to be recorded.
    pub recording: bool,
    /// Whether what was said is kept as text.
    pub transcripts: bool,
    /// What it may do.
    pub tools: Vec<ToolName>,
    /// What it may book.
    pub services: Vec<ServiceId>,
    /// To whom it may pass a caller on, of the tenant's list.
    pub transfers: Vec<TransferTargetId>,
    /// What the keys of the telephone mean, such as `2` for "wants an appointment". The model is told so.
    pub keypad: BTreeMap<char, String>,
}

/// Whether an assistant answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssistantStatus {
    /// Being written; no number rings at it.
    Draft,
    /// Numbers may ring at it.
    #[default]
    Live,
    /// Put away, and kept for the calls it had.
    Archived,
}

impl AssistantStatus {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Live => "live",
            Self::Archived => "archived",
        }
    }

    /// The status of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Draft, Self::Live, Self::Archived].into_iter().find(|status| status.as_str() == word)
    }
}

/// One version of an assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct AssistantVersion {
    /// Counts them, from 1.
    pub number: Revision,
    /// When it was made.
    pub made: Timestamp,
    /// Who made it, as in the audit log.
    pub by: String,
    /// The assistant as it was.
    pub assistant: Assistant,
}

/// Changes of an assistant that only test calls hear, until they are made live.
#[derive(Clone, Debug, PartialEq)]
pub struct AssistantDraft {
    /// Which state of it; no other draft of the assistant, nor a version, has or had that number.
    pub number: Revision,
    /// The version it was begun from.
    pub base: Revision,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Who changed it last, as in the audit log.
    pub by: String,
    /// The assistant as it is to be.
    pub assistant: Assistant,
}

/// How readily the agent takes a sound for an interruption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sensitivity {
    /// Only clear, sustained speech.
    Low,
    /// What suits most callers.
    #[default]
    Medium,
    /// The least speech is enough.
    High,
}

impl Sensitivity {
    /// Every level, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The level of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// When the agent speaks, when it yields and when it gives up. Every field is a knob of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnPolicy {
    /// How readily a sound is taken for an interruption.
    pub sensitivity: Sensitivity,
    /// Whether the caller may interrupt at all.
    pub interruptible: bool,
    /// Voiced time that makes a sound speech, in milliseconds.
    pub min_speech_ms: u64,
    /// How long a sound is judged, with the agent paused, before it is an interruption or not, in milliseconds.
    pub false_interruption_ms: u64,
    /// Silence that ends the caller's turn, in milliseconds.
    pub end_of_turn_ms: u64,
    /// Waiting between the end of the caller's turn and asking for a reply, in milliseconds.
    pub response_delay_ms: u64,
    /// Silence after which the caller is asked whether they are there, in milliseconds.
    pub silence_first_ms: u64,
    /// Silence after which the caller is asked again, in milliseconds.
    pub silence_second_ms: u64,
    /// Silence after which the agent says goodbye, in milliseconds.
    pub silence_goodbye_ms: u64,
    /// The longest a call may last, in milliseconds.
    pub max_duration_ms: u64,
}

impl Default for TurnPolicy {
    fn default() -> Self {
        Self {
            sensitivity: Sensitivity::Medium,
            interruptible: true,
            min_speech_ms: 120,
            false_interruption_ms: 500,
            end_of_turn_ms: 500,
            response_delay_ms: 0,
            silence_first_ms: 8_000,
            silence_second_ms: 20_000,
            silence_goodbye_ms: 40_000,
            max_duration_ms: 15 * 60_000,
        }
    }
}
