//! One phone call, from the first word to the last.
//!
//! [`Call`] decides who has the floor, what the caller has heard and when to hang up. It never opens a socket,
//! reads a clock, spawns a task or touches the database: what it knows arrives through [`Call::handle`], what
//! it wants leaves as an [`Output`]. The same inputs always give the same outputs.
//!
//! The call is told about sound as evidence ([`crate::audio::vad::Voice`]), not as samples; about the model's
//! wishes as requests, never as facts.

mod ending;
pub mod judge;
pub mod playback;
pub mod port;
mod record;
mod reply;
mod tools;
mod turn;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use self::{
    ending::{Leaving, Silence},
    judge::{Hearing, Trial},
    playback::{Playback, Source},
    port::{Input, Note, Output, Sound, ToEngine, Words},
    record::Record,
    reply::{Engine, Owed, Reply, Stall},
    tools::Running,
    turn::{Keys, Turn},
};
use crate::domain::{
    assistant::{Language, TurnPolicy},
    conversation::Outcome,
    phrases::Phrase,
    time::CallTime,
};

/// What a call knows before its first word. Shared and never changed: a call keeps what it started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// When to speak, yield and give up.
    pub policy: TurnPolicy,
    /// The language in which the call is opened and the server's own sentences are said.
    pub language: Language,
    /// The first words, as text.
    pub opening: Words,
    /// The first words as sound, when they have been synthesised.
    pub opening_clip: Option<Arc<Sound>>,
    /// The server's own sentences as sound, as far as they have been synthesised.
    pub clips: BTreeMap<Phrase, Arc<Sound>>,
}

/// See the module's own words.
#[derive(Debug)]
pub struct Call {
    setup: Arc<Setup>,
    now: CallTime,
    playback: Playback,
    hearing: Hearing,
    /// A sound that made the agent fall silent and is being weighed.
    trial: Option<Trial>,
    engine: Engine,
    reply: Reply,
    stall: Stall,
    /// A reply the caller is due, once nothing stands in its way.
    owed: Option<Owed>,
    turn: Turn,
    /// What the engine must be told as soon as it is there.
    untold: Vec<ToEngine>,
    tools: Vec<Running>,
    keys: Keys,
    silence: Silence,
    /// Whether the caller was told that the time is nearly up.
    warned: bool,
    leaving: Option<Leaving>,
    ended: bool,
    spoke: bool,
    record: Record,
    outbox: VecDeque<Output>,
}

impl Call {
    /// A call whose media stream has just begun. What it wants first comes with the first [`Call::handle`].
    pub fn answered(setup: Arc<Setup>, now: CallTime) -> Self {
        let mut call = Self {
            now,
            playback: Playback::default(),
            hearing: Hearing::new(&setup.policy),
            trial: None,
            engine: Engine::Opening { since: now },
            reply: Reply::Idle,
            stall: Stall::default(),
            owed: None,
            turn: Turn::default(),
            untold: Vec::new(),
            tools: Vec::new(),
            keys: Keys::default(),
            silence: Silence::since(now),
            warned: false,
            leaving: None,
            ended: false,
            spoke: false,
            record: Record::default(),
            outbox: VecDeque::new(),
            setup,
        };
        call.open();
        call
    }

    /// Takes in one event and returns everything the call wants done about it.
    #[must_use = "outputs are the only way a call acts on the world"]
    pub fn handle(&mut self, input: Input, now: CallTime) -> impl Iterator<Item = Output> + '_ {
        self.now = self.now.max(now);
        if !self.ended {
            match input {
                Input::CallerAudio(voice) => self.caller_heard(&voice),
                Input::Keyed(key) => self.keyed(key),
                Input::Played(mark) => self.playback.played(mark, self.now),
                Input::CallerHungUp => self.end(Outcome::CallerLeft),
                Input::EngineReady => self.engine_ready(),
                Input::EngineHearsSpeech => self.engine_hears_speech(),
                Input::EngineHearsSilence => self.engine_hears_silence(),
                Input::CallerCommitted(item) => self.committed(item),
                Input::CallerSaid { item, words, last } => self.caller_said(item, words, last),
                Input::ReplyBegan => self.reply_began(),
                Input::ReplyAudio { item, sound } => self.reply_audio(item, &sound),
                Input::ReplyWords { item, words } => self.reply_words(item, &words),
                Input::ReplyItemDone(item) => self.playback.complete(Source::Engine(item)),
                Input::ReplyEnded { status, tools, cost } => self.reply_ended(status, tools, cost),
                Input::EngineRefused(refusal) => self.engine_refused(refusal),
                Input::EngineBilled(cost) => self.note(Note::Cost(cost)),
                Input::EngineLost => self.end(Outcome::Degraded),
                Input::ToolAnswered { id, output } => self.tool_answered(id, output),
                Input::Tick => {}
                Input::Leave => self.leave(Phrase::Drained, Outcome::Drained),
            }
        }
        self.advance();
        self.outbox.drain(..)
    }

    /// When to send the next [`Input::Tick`], if nothing happens first. `None` once the call is over.
    pub fn deadline(&self) -> Option<CallTime> {
        if self.ended {
            return None;
        }
        let trial = self.trial.as_ref().map(|trial| trial.deadline(&self.setup.policy, self.now));
        [
            self.playback.deadline(),
            trial,
            self.reply_deadline(),
            self.tools_deadline(),
            self.keys_deadline(),
            self.turn_deadline(),
            Some(self.ending_deadline()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the call is over. An ended call says nothing more.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the caller hears the agent, or is about to.
    pub fn agent_speaking(&self) -> bool {
        self.playback.speaking()
    }

    /// Everything that time alone brings about, in the order in which it matters.
    fn advance(&mut self) {
        if !self.ended {
            self.weigh();
        }
        if !self.ended {
            self.play();
        }
        if !self.ended {
            self.advance_tools();
        }
        if !self.ended {
            self.advance_keys();
        }
        if !self.ended {
            self.advance_turn();
        }
        if !self.ended {
            self.advance_reply();
        }
        if !self.ended {
            self.advance_ending();
        }
    }

    /// Lets sound out and looks what has been heard to its end.
    fn play(&mut self) {
        if self.playback.give_up_marks(self.now) {
            self.note(Note::Limit("mark_wait_ms_max"));
        }
        while let Some(over) = self.playback.next_over() {
            self.piece_over(over, false);
        }
        if self.playback.pump(self.now, &mut self.outbox) {
            self.first_sound();
        }
    }

    /// The first words: a clip of the server's when there is one, else the model is asked for exactly them.
    fn open(&mut self) {
        let setup = self.setup.clone();
        match &setup.opening_clip {
            Some(clip) => {
                self.record.agent_begins(Source::Opening, Some(&setup.opening), self.now);
                self.playback.push(Source::Opening, &clip.0);
                self.playback.complete(Source::Opening);
            }
            None => self.owed = Some(Owed::words(self.now, setup.opening.clone())),
        }
    }

    /// Says one of the server's own sentences: by its clip, else by the engine. Returns whether it will be said.
    fn say(&mut self, phrase: Phrase) -> bool {
        let words = Words(phrase.words(self.setup.language).to_owned());
        if let Some(clip) = self.setup.clips.get(&phrase).cloned() {
            let source = Source::Phrase(phrase);
            self.record.agent_begins(source, Some(&words), self.now);
            self.playback.push(source, &clip.0);
            self.playback.complete(source);
        } else if matches!(self.engine, Engine::Ready) && matches!(self.reply, Reply::Idle) {
            self.ask_for_reply(Some(words));
        } else {
            return false;
        }
        self.note(Note::Said(phrase));
        if self.playback.pump(self.now, &mut self.outbox) {
            self.first_sound();
        }
        true
    }

    fn end(&mut self, outcome: Outcome) {
        if self.playback.audible() {
            self.playback.pause(self.now, &mut self.outbox);
        }
        for over in self.playback.cut() {
            self.record.agent_over(over, over.heard_ms < over.generated_ms, self.now, &mut self.outbox);
        }
        self.record.close(self.now, &mut self.outbox);
        self.ended = true;
        self.tools.clear();
        self.outbox.push_back(Output::HangUp(outcome));
    }

    fn note(&mut self, note: Note) {
        self.outbox.push_back(Output::Note(note));
    }

    /// Tells the engine, or keeps it until the engine is there.
    fn tell(&mut self, what: ToEngine) {
        if matches!(self.engine, Engine::Ready) {
            self.outbox.push_back(Output::ToEngine(what));
        } else if self.untold.len() < UNTOLD_MAX {
            self.untold.push(what);
        } else {
            self.note(Note::Limit("untold_max"));
        }
    }
}

/// How much may wait for an engine that is not there yet.
const UNTOLD_MAX: usize = 64;
