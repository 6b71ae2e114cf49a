//! One phone call, from the first word to the last.
//!
//! [`Call`] decides who has the floor, what the caller has heard and when to hang up. It never opens a socket,
//! reads a clock, spawns a task or touches the database: what it knows arrives through [`Call::handle`], what
//! it wants leaves as an [`Output`]. The same inputs always give the same outputs.
//!
//! The call is told about sound as evidence ([`crate::audio::vad::Voice`]), not as samples; about the model's
//! wishes as requests, never as facts.

mod echo;
mod ending;
mod holding;
pub mod judge;
mod keypad;
pub mod playback;
pub mod port;
mod record;
mod reply;
mod secrecy;
mod tools;
mod turn;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use self::{
    echo::Echo,
    ending::{Leaving, Silence},
    holding::Holding,
    judge::{Hearing, Trial},
    keypad::Keys,
    playback::{Playback, Source},
    port::{Input, ItemId, Mark, Note, Output, Sound, ToEngine, Words},
    record::Record,
    reply::{Cancelled, Dropped, Engine, Owed, Reply, Say, Stall, Waiting},
    secrecy::Secrecy,
    tools::Running,
    turn::Turn,
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
    /// What keys mean, where the assistant has a menu of them.
    pub keypad: BTreeMap<char, String>,
}

/// See the module's own words.
#[derive(Debug)]
pub struct Call {
    setup: Arc<Setup>,
    now: CallTime,
    playback: Playback,
    hearing: Hearing,
    echo: Echo,
    /// A sound that made the agent fall silent and is being weighed.
    trial: Option<Trial>,
    engine: Engine,
    reply: Reply,
    /// A cancelled reply whose end was waited for long enough, and may still come.
    stray: Option<Cancelled>,
    /// Items that were given up: what still comes of them is dropped.
    dropped: Dropped,
    /// A reply whose first sound has not left.
    waiting: Option<Waiting>,
    stall: Stall,
    /// What the caller is due, once nothing stands in its way.
    owed: Owed,
    /// Whether the caller has heard anything of the agent.
    introduced: bool,
    /// Whether the caller has heard the first words to their end.
    opening_heard: bool,
    /// The engine's item with the first words, where it says them.
    opening_item: Option<ItemId>,
    turn: Turn,
    /// What the engine must be told as soon as it is there.
    untold: Vec<ToEngine>,
    tools: Vec<Running>,
    /// How many sentences were said for want of the tools' answers.
    tool_words: usize,
    /// Whether the caller agreed to be recorded.
    recording: bool,
    /// What is not to be recorded.
    secrecy: Secrecy,
    keys: Keys,
    holding: Holding,
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
            echo: Echo::default(),
            trial: None,
            engine: Engine::Opening { since: now },
            reply: Reply::Idle,
            stray: None,
            dropped: Dropped::default(),
            waiting: None,
            stall: Stall::default(),
            owed: Owed::default(),
            introduced: false,
            opening_heard: false,
            opening_item: None,
            turn: Turn::default(),
            untold: Vec::new(),
            tools: Vec::new(),
            tool_words: 0,
            recording: false,
            secrecy: Secrecy::default(),
            keys: Keys::default(),
            holding: Holding::default(),
            silence: Silence::since(now),
            warned: false,
            leaving: None,
            ended: false,
            spoke: false,
            record: Record::default(),
            outbox: VecDeque::new(),
            setup,
        };
        call.owed.opening = !call.open();
        call
    }

    /// Takes in one event and returns everything the call wants done about it.
    #[must_use = "outputs are the only way a call acts on the world"]
    pub fn handle(&mut self, input: Input, now: CallTime) -> impl Iterator<Item = Output> + '_ {
        if !self.ended {
            self.now = self.now.max(now);
            self.stall.count(self.now);
            match input {
                // What the agent does not hear has not been said to it.
                Input::CallerAudio { .. } | Input::Keyed(_) | Input::EngineHearsSpeech if self.deaf() => {}
                Input::CallerAudio { voice, spoken } => self.caller_heard(&voice, spoken),
                Input::Keyed(key) => self.keyed(key),
                Input::Played(mark) => self.played(mark),
                Input::CallerHungUp => self.end(Outcome::CallerLeft),
                Input::EngineReady => self.engine_ready(),
                Input::EngineHearsSpeech => self.engine_hears_speech(),
                Input::EngineHearsSilence => self.engine_hears_silence(),
                Input::CallerCommitted(item) => self.committed(item),
                Input::CallerSaid { item, words, last, confidence } => {
                    self.caller_said(item, words, last, confidence);
                }
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
                Input::Dismiss => self.leave(Phrase::Drained, Outcome::Dismissed),
                Input::PassOn => self.pass_on(),
                Input::ExpectPin => self.expect_pin(),
                Input::PinLookedAt(fact) => self.pin_looked_at(fact),
                Input::Hold => self.hold(),
                Input::Resume => self.resume(),
                Input::Mute(true) => self.mute(),
                Input::Mute(false) => self.unmute(),
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
        let weigh = |trial: &Trial| trial.deadline(&self.setup.policy, &self.hearing, self.now);
        let trial = self.trial.as_ref().map(weigh);
        [
            self.playback.deadline(),
            trial,
            self.reply_deadline(),
            self.tools_deadline(),
            self.keys_deadline(),
            self.holding_deadline(),
            self.secrecy_deadline(),
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

    /// Whether the caller has heard the first words, all of them.
    pub fn opening_heard(&self) -> bool {
        self.opening_heard
    }

    /// Whether the caller hears the agent, or is about to.
    pub fn agent_speaking(&self) -> bool {
        self.playback.speaking()
    }

    /// Whether a sound of the caller's is worth a second, dearer opinion: the agent might fall silent for it, or
    /// has, and too little of it was heard yet to tell a voice from a noise.
    pub fn wants_second_opinion(&self) -> bool {
        self.playback.speaking() && self.trial.as_ref().is_none_or(Trial::is_young)
    }

    /// Everything that time alone brings about, in the order in which it matters.
    fn advance(&mut self) {
        let steps: [fn(&mut Self); 9] = [
            Self::weigh,
            Self::follow_playback,
            Self::advance_tools,
            Self::advance_keys,
            Self::advance_holding,
            Self::advance_secrecy,
            Self::advance_turn,
            Self::advance_reply,
            Self::advance_ending,
        ];
        for step in steps {
            if self.ended {
                return;
            }
            step(self);
        }
        if !self.ended {
            let echo = &mut self.echo;
            let each = |sound: &[u8], at| echo.says(sound, at);
            let sent = self.playback.pump(self.now, &mut self.outbox, each);
            self.sounded(sent);
        }
    }

    fn played(&mut self, mark: Mark) {
        self.playback.played(mark, self.now);
        if let Some(piece) = self.playback.under_way() {
            self.record.agent_heard(piece, &mut self.outbox);
        }
    }

    /// Looks what has been heard to its end.
    fn follow_playback(&mut self) {
        if self.playback.give_up_marks(self.now) {
            self.note(Note::Limit("mark_wait_ms_max"));
        }
        while let Some(over) = self.playback.next_over() {
            self.piece_over(over, false);
        }
    }

    /// Begins with the first words: by a clip of the server's when there is one, else the model is asked for exactly
    /// them. Returns whether they will be said.
    fn open(&mut self) -> bool {
        let setup = self.setup.clone();
        match &setup.opening_clip {
            Some(clip) => self.play(Source::Opening, &setup.opening, clip),
            None if self.engine_free() => self.ask(Say::Opening, None),
            None => return false,
        }
        true
    }

    /// Says one of the server's own sentences: by its clip, else by the engine. Returns whether it will be said.
    fn say(&mut self, phrase: Phrase) -> bool {
        let setup = self.setup.clone();
        if let Some(clip) = setup.clips.get(&phrase) {
            let words = Words(phrase.words(setup.language).to_owned());
            self.play(Source::Phrase(phrase), &words, clip);
        } else if self.engine_free() {
            self.ask(Say::Phrase(phrase), None);
        } else {
            return false;
        }
        self.note(Note::Said(phrase));
        true
    }

    fn play(&mut self, source: Source, words: &Words, clip: &Sound) {
        self.record.agent_begins(source, Some(words), self.now, &mut self.outbox);
        self.playback.push(source, &clip.0);
        self.playback.complete(source);
    }

    fn end(&mut self, outcome: Outcome) {
        if self.playback.audible() && !self.playback.paused() {
            self.playback.pause(self.now, &mut self.outbox);
        }
        for over in self.playback.cut() {
            self.record.agent_over(over, true, self.now, &mut self.outbox);
        }
        self.record.close(&mut self.outbox);
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
