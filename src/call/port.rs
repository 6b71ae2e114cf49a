//! The call's only door: what it is told, and what it wants done.
//!
//! Plain values, in the words of the telephone and not of any vendor: a driver turns sockets into
//! [`Input`]s and [`Output`]s into sockets. Nothing here decides.

use std::fmt;

use crate::{
    audio::vad::Voice,
    domain::{
        conversation::{Outcome, Speaker, Turn},
        money::MicroUsd,
        phrases::Phrase,
        time::CallTime,
    },
};

/// An engine's conversation item within this call, by the number its adapter gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u32);

/// A tool request within this call, by the number its adapter gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// What the model asks for. `Debug` shows no arguments: they are the caller's words.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolRequest {
    /// Which request.
    pub id: RequestId,
    /// The tool's name, as the model gave it.
    pub name: String,
    /// The arguments as JSON text; may be invalid or cut.
    pub arguments: String,
}

impl fmt::Debug for ToolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolRequest({}, {})", self.id.0, self.name)
    }
}

/// Twilio's receipt that sound was played, as we named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which piece of the agent's speech, by its place in the call.
    pub piece: u32,
    /// How much of that piece had been played when the mark came up, in milliseconds.
    pub end_ms: u64,
    /// Counts the times playback was cleared; marks of an earlier count mean nothing.
    pub generation: u32,
}

/// Words that somebody said. `Debug` shows only how many.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(pub String);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.split_whitespace().count())
    }
}

/// Sound: 8 kHz mu-law. `Debug` shows only how long.
#[derive(Clone, PartialEq, Eq)]
pub struct Sound(pub Vec<u8>);

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} ms)", self.0.len() / 8)
    }
}

/// How a reply of the engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyStatus {
    /// Everything was generated.
    Completed,
    /// Cancelled, by us or by the engine.
    Cancelled,
    /// Cut short by a limit or a filter of the engine.
    Incomplete,
    /// The engine failed.
    Failed,
}

/// Something the engine would not do. Most are races between two sides that both act, and harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A reply was asked for while another was being generated.
    AlreadyReplying,
    /// There was no reply to cancel.
    NothingToCancel,
    /// Nothing was in the input buffer to commit.
    NothingToCommit,
    /// An item could not be truncated or deleted.
    Item,
    /// Anything else.
    Other,
}

/// Everything that can happen to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Twenty milliseconds of the caller.
    CallerAudio {
        /// As the voice detector judged them.
        voice: Voice,
        /// When they were spoken, as far as one can tell: not after they came, and evenly where those came late.
        spoken: CallTime,
    },
    /// The caller pressed a key.
    Keyed(char),
    /// Sound was played, by mark.
    Played(Mark),
    /// The caller hung up or the line broke.
    CallerHungUp,
    /// The engine's session is configured and listens.
    EngineReady,
    /// The engine hears the caller speak.
    EngineHearsSpeech,
    /// The engine hears that the caller stopped.
    EngineHearsSilence,
    /// The engine took the caller's words since the last commit as one item.
    CallerCommitted(ItemId),
    /// What the caller said, by the engine's transcription.
    CallerSaid {
        /// The caller's item.
        item: ItemId,
        /// The words so far, or in full.
        words: Words,
        /// Whether these are all of them.
        last: bool,
        /// How sure the engine is of them, from 0 to 1, where it says so.
        confidence: Option<f64>,
    },
    /// The engine began to generate a reply.
    ReplyBegan,
    /// A piece of the reply's sound.
    ReplyAudio {
        /// The agent's item.
        item: ItemId,
        /// The sound.
        sound: Sound,
    },
    /// A piece of the reply's words.
    ReplyWords {
        /// The agent's item.
        item: ItemId,
        /// The words, to be appended.
        words: Words,
    },
    /// All sound of an item was generated.
    ReplyItemDone(ItemId),
    /// The reply is over.
    ReplyEnded {
        /// How.
        status: ReplyStatus,
        /// What the model wants done.
        tools: Vec<ToolRequest>,
        /// What it cost.
        cost: MicroUsd,
    },
    /// The engine would not do something.
    EngineRefused(Refusal),
    /// Something else the engine billed, such as transcription.
    EngineBilled(MicroUsd),
    /// The engine's session is gone or never came up.
    EngineLost,
    /// A tool's answer.
    ToolAnswered {
        /// Which request.
        id: RequestId,
        /// The answer as JSON text, for the model.
        output: String,
    },
    /// A deadline may have passed.
    Tick,
    /// The process leaves: say goodbye and hang up.
    Leave,
    /// Somebody at the business ends the call.
    Dismiss,
    /// What the caller types next is a PIN.
    ExpectPin,
    /// What came of a PIN, for the model.
    PinLookedAt(Words),
    /// The caller is to be passed on to a person, as the model or somebody at the business asked and the server agreed.
    PassOn,
    /// Somebody at the business puts the caller on hold.
    Hold,
    /// Somebody at the business takes the caller back.
    Resume,
    /// Whether the agent is to say nothing, as somebody at the business wants it.
    Mute(bool),
}

/// Everything a call can want done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// For the telephone.
    ToCaller(ToCaller),
    /// For the engine.
    ToEngine(ToEngine),
    /// Run a tool and come back with [`Input::ToolAnswered`].
    RunTool(ToolRequest),
    /// Look at a PIN and come back with [`Input::PinLookedAt`]. Nobody else is to see it.
    LookAtPin(Words),
    /// Begin to record, from here on: the caller agreed at this moment.
    Record,
    /// Record silence from here on: something is said or keyed in that is nobody's to keep.
    PauseRecording,
    /// Record again.
    ResumeRecording,
    /// Something worth knowing happened.
    Note(Note),
    /// The call is over. Nothing comes after this.
    HangUp(Outcome),
}

/// What the telephone is told.
#[derive(Clone, Debug, PartialEq)]
pub enum ToCaller {
    /// Play this after what was sent before.
    Play(Sound),
    /// Report when everything up to here was played.
    Mark(Mark),
    /// Forget what has not been played.
    Clear,
}

/// What the engine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum ToEngine {
    /// Hear the frame that was just given.
    Hear,
    /// Hear silence for as long as the frame that was just given: it was the agent's own voice.
    HearSilence,
    /// Reply; with `say`, by exactly these words.
    Respond {
        /// The exact words, when the server chose them.
        say: Option<Words>,
    },
    /// Stop generating the reply.
    Cancel,
    /// Of this item only so much was heard.
    Truncate {
        /// The agent's item.
        item: ItemId,
        /// What was heard of it, in milliseconds.
        heard_ms: u64,
    },
    /// Nothing of this item was heard: forget it.
    Forget(ItemId),
    /// Take what the caller said so far as one item.
    Commit,
    /// The agent said this, by a clip of the server's.
    AgentSaid(Words),
    /// The caller did this other than by voice.
    CallerDid(Words),
    /// A tool's answer.
    ToolOutput {
        /// Which request.
        id: RequestId,
        /// The answer as JSON text.
        output: String,
    },
}

/// How a sound that paused the agent was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller wants the floor: the agent yields.
    Interruption,
    /// "Mm-hm", a cough, a noise: the agent goes on.
    GoesOn,
    /// Taken for a noise at first; the words said otherwise.
    LateInterruption,
}

impl Verdict {
    /// The word it is counted under.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interruption => "interruption",
            Self::GoesOn => "goes_on",
            Self::LateInterruption => "late_interruption",
        }
    }
}

/// What happened, for the record, the figures and whoever watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The first sound of the call left for the caller.
    FirstAudio,
    /// Somebody begins to make a sound that may become a turn.
    Speaks(Speaker),
    /// So much of what is being said has been heard by the other side, as far as one can tell.
    Heard {
        /// Who says it.
        speaker: Speaker,
        /// The words so far.
        words: Words,
    },
    /// A turn is over.
    TurnOver(Turn),
    /// A sound made the agent fall silent.
    Paused,
    /// That sound was judged.
    Judged {
        /// How.
        verdict: Verdict,
        /// How long the agent was silent for it, in milliseconds.
        silent_ms: u64,
    },
    /// A reply's first sound left for the caller, so long after the caller's turn ended.
    ReplyLatency {
        /// From the caller's last voiced frame to asking for a reply, in milliseconds.
        decided_ms: u64,
        /// From asking to the reply's first sound, in milliseconds.
        engine_ms: u64,
    },
    /// A tool was started.
    ToolBegan(RequestId),
    /// A tool answered, or was given up.
    ToolEnded {
        /// Which request.
        id: RequestId,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Whether it was given up.
        late: bool,
    },
    /// The server said a sentence of its own.
    Said(Phrase),
    /// The caller was put on hold, or is back.
    OnHold(bool),
    /// The agent is silenced, or may speak again.
    Muted(bool),
    /// A limit was reached.
    Limit(&'static str),
    /// The engine owed something and was silent.
    EngineStalled,
    /// The engine would not do something.
    Refused(Refusal),
    /// Something was billed.
    Cost(MicroUsd),
}
