//! What hears and speaks: engines, one session per call.
//!
//! A session turns the call's words ([`crate::call::port`]) into an engine's and back. It decides nothing
//! about the conversation, and knows neither the telephone nor the database.

pub mod catalog;
pub mod realtime;
mod settings;
pub mod transcription;

pub use settings::{NoiseReduction, Prices, Settings};

/// The voices that the vendor recommends first, then the others (protocols.md §2).
pub const VOICES: [&str; 10] =
    ["marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"];

/// What an engine is told before a call: who it is and what it may ask for.
#[derive(Clone, Debug, Default)]
pub struct Briefing {
    /// The model, when it is not the configured one.
    pub model: Option<String>,
    /// The voice, when it is not the configured one, which an empty name is as well.
    pub voice: Option<String>,
    /// What it is to know and to keep to.
    pub instructions: String,
    /// What it may ask for.
    pub tools: Vec<ToolSpec>,
    /// Silence that ends the caller's turn, in milliseconds.
    pub end_of_turn_ms: u64,
    /// Whether the caller's words are to be written down.
    pub transcribe: bool,
    /// Whether it listens at all, or only reads aloud.
    pub listens: bool,
}

/// A tool as the engine is told about it.
#[derive(Clone, Debug)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it is for, in words for the model.
    pub description: String,
    /// Its arguments, as JSON Schema.
    pub parameters: serde_json::Value,
}

/// What went wrong between us and an engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key to ask it with.
    #[error("no key is configured for the engine")]
    NoKey,
    /// It could not be reached, or would not have us.
    #[error("the engine could not be reached")]
    Unreachable(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// It took too long.
    #[error("the engine did not answer in time")]
    TooSlow,
    /// It refused our configuration, or ended the session.
    #[error("the engine refused the session: {0}")]
    Refused(String),
    /// The session ended.
    #[error("the engine's session ended")]
    Closed,
}
