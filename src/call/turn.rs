//! The caller's side: when the caller has the floor, takes it, and is owed a reply.
//!
//! Both decisions are ours: the engine is told neither to interrupt nor to reply by itself. What it hears is
//! evidence beside our own.

use std::collections::VecDeque;

use super::{
    Call,
    judge::{Before, Evidence, Meaning, STRETCH_GAP_MS, Trial, meaning},
    port::{ItemId, Note, Output, ToEngine, Verdict, Words},
    reply::Reply,
};
use crate::{
    audio::vad::Voice,
    domain::{conversation::Speaker, time::CallTime},
};

/// How long the engine may take, after the silence that ends a turn, to commit the caller's words before we do, in
/// milliseconds.
const COMMIT_WAIT_MS_MAX: u64 = 1_200;
/// How long the commit that we asked for may take to be told, in milliseconds. A later one is the engine's own.
const FORCED_WAIT_MS_MAX: u64 = 5_000;
/// How long words may take to show that a sound without voice was no turn after all, in milliseconds.
const WORDS_WAIT_MS_MAX: u64 = 800;
/// A sound that the engine alone took for speech counts as a turn from this length on, in milliseconds.
const ENGINE_SPEECH_MS_MIN: u64 = 400;
/// How long the engine's word that the caller speaks holds without any voice heard here, in milliseconds.
const ENGINE_SPEECH_MS_MAX: u64 = 4_000;
/// Voice that is a turn even while the agent must not be interrupted, in milliseconds.
const TURN_VOICE_MS_MIN: u64 = 480;
/// What is said in the agent's last words is an answer to them, not a sign of listening: so many milliseconds.
const LAST_WORDS_MS: u64 = 700;
/// After a sound was judged harmless, the engine's word alone does not stop the agent for so long, in milliseconds.
const TRUST_MS: u64 = 1_000;
/// How long what was judged harmless adds to the weight of what follows, in milliseconds.
const CARRY_MS: u64 = 600;
/// A voice that goes on after the verdict is weighed again once so much more of it was heard, in milliseconds.
const AGAIN_MS: u64 = 80;
/// How long after a sound was judged harmless the engine may take to commit it, in milliseconds.
const HARMLESS_COMMIT_MS_MAX: u64 = 2_500;
/// How many committed sounds may wait for their words to say whether they were turns.
const DOUBTS_MAX: usize = 4;
/// How many of the caller's items are remembered as old, so that late words of theirs decide nothing.
const SETTLED_MAX: usize = 16;

/// What the caller is doing.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// When the caller began what has not been committed yet.
    began: Option<CallTime>,
    /// The voice in it, without what was judged not to be meant for the floor.
    heard: Evidence,
    /// Since when the engine hears the caller speak.
    engine_hears: Option<CallTime>,
    /// When it began to, of what has not been committed yet.
    engine_began: Option<CallTime>,
    /// How long the engine heard the caller speak, of what has not been committed yet, in milliseconds.
    engine_heard_ms: u64,
    /// The last sound that was judged harmless.
    harmless: Option<Harmless>,
    /// Whether it has not been committed yet.
    harmless_uncommitted: bool,
    /// What was committed while it was still being weighed.
    committed_on_trial: Option<ItemId>,
    /// What was committed and is not answered, because it may not have been a turn.
    doubts: VecDeque<Doubt>,
    /// What we committed ourselves, until the engine tells of it.
    forced: Option<Forced>,
    /// Whose words, which came before the commit, say something.
    said: Option<ItemId>,
    /// What was committed lately.
    settled: VecDeque<ItemId>,
    /// When the caller's last turn ended.
    ended: Option<CallTime>,
}

/// A sound that was judged harmless.
#[derive(Clone, Copy, Debug)]
struct Harmless {
    at: CallTime,
    /// Whether it was the agent's own voice.
    own: bool,
    /// What the next trial is to know of it.
    before: Before,
    /// What had been heard of the stretch of speech by then.
    stretch: Evidence,
}

/// Something committed that may not have been a turn.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    item: ItemId,
    /// When it is answered if no words say otherwise; without, only words make it a turn.
    until: Option<CallTime>,
    /// Whether the agent was speaking: then a sign of listening is no turn.
    while_agent_spoke: bool,
    /// Whether it was the agent's own voice: then its words are the agent's, too.
    own: bool,
    ended: CallTime,
}

/// A commit of ours.
#[derive(Clone, Copy, Debug)]
struct Forced {
    at: CallTime,
    began: CallTime,
    ended: CallTime,
}

impl Turn {
    fn settle(&mut self, item: ItemId) {
        if self.settled.len() >= SETTLED_MAX {
            self.settled.pop_front();
        }
        self.settled.push_back(item);
    }

    fn doubt(&mut self, doubt: Doubt) {
        if self.doubts.len() >= DOUBTS_MAX {
            self.doubts.pop_front();
        }
        self.doubts.push_back(doubt);
    }
}

impl Call {
    pub(super) fn caller_heard(&mut self, voice: &Voice, spoken: CallTime) {
        let now = self.now;
        let echo = self.echo.hears(voice, spoken.min(now));
        let hear = if echo { ToEngine::HearSilence } else { ToEngine::Hear };
        self.outbox.push_back(Output::ToEngine(hear));
        let heard = self.hearing.hear(if echo { &Voice::SILENT } else { voice }, now);
        if let Some(trial) = &mut self.trial {
            trial.hear(&heard, now);
        }
        if heard.tone {
            self.turn.heard = Evidence::default();
        }
        if !heard.speech.any() {
            return;
        }
        self.turn.heard += heard.speech;
        if self.turn.began.is_none() {
            self.turn.began = Some(self.hearing.speaking_since().unwrap_or(now));
            self.note(Note::Speaks(Speaker::Caller));
        }
        self.silence.broken(now);
        if self.may_be_interrupted() {
            let judged = self.turn.harmless.filter(|_| !heard.onset).map(|harmless| harmless.stretch);
            let fresh = self.hearing.stretch().since(&judged.unwrap_or_default());
            if heard.onset || (fresh.voice_ms() >= AGAIN_MS) {
                self.try_sound(fresh);
            }
        } else if !self.playback.audible()
            && matches!(self.reply, Reply::Asked(_) | Reply::Generating(_))
            && self.turn.heard.voice_ms() >= self.setup.policy.min_speech_ms
        {
            // The caller goes on before the reply is to be heard: it would answer half a sentence.
            self.take_back_reply();
        }
    }

    pub(super) fn engine_hears_speech(&mut self) {
        let now = self.now;
        self.turn.engine_hears = Some(now);
        self.turn.engine_began.get_or_insert(now);
        self.turn.began.get_or_insert(now);
        let just_judged = self.turn.harmless.is_some_and(|harmless| now.since(harmless.at) < TRUST_MS);
        if self.trial.is_none() && !just_judged && self.may_be_interrupted() {
            self.try_sound(Evidence::default());
        }
    }

    pub(super) fn engine_hears_silence(&mut self) {
        if let Some(since) = self.turn.engine_hears.take() {
            // It waits for the silence that ends a turn before it says so.
            let spoken = self.now.since(since).saturating_sub(self.setup.policy.end_of_turn_ms);
            self.turn.engine_heard_ms += spoken;
        }
    }

    /// The engine took what the caller said as one item: decide whether it is answered.
    pub(super) fn committed(&mut self, item: ItemId) {
        let now = self.now;
        self.engine_hears_silence();
        let engine_began = self.turn.engine_began.take();
        self.turn.settle(item);
        if let Some(forced) = self.turn.forced.take()
            && now.since(forced.at) < FORCED_WAIT_MS_MAX
        {
            // Our own commit: the reply is owed already, and what was said since belongs to the next.
            self.record.caller_turn(item, forced.began, forced.ended, true, &mut self.outbox);
            return;
        }
        let policy = &self.setup.policy;
        let heard = std::mem::take(&mut self.turn.heard);
        let engine_heard_ms = std::mem::take(&mut self.turn.engine_heard_ms);
        let harmless = std::mem::take(&mut self.turn.harmless_uncommitted)
            && self.turn.harmless.is_some_and(|harmless| {
                let began_before = engine_began.is_some_and(|since| since <= harmless.at);
                began_before || now.since(harmless.at) < HARMLESS_COMMIT_MS_MAX
            });
        let said = self.turn.said.take_if(|said| *said == item).is_some();
        let ended = self.hearing.last_speech().filter(|_| heard.any()).unwrap_or(now);
        let began = self.turn.began.take().unwrap_or(ended);
        let enough_ms = match policy.interruptible || !self.playback.speaking() {
            true => policy.min_speech_ms / 2,
            false => TURN_VOICE_MS_MIN,
        };
        let voice = heard.voice_ms() >= enough_ms && heard.any();
        let on_trial = self.trial.is_some();
        self.turn.ended = Some(ended);
        self.record.caller_turn(item, began, ended, voice || said || on_trial || harmless, &mut self.outbox);
        let own = harmless && self.turn.harmless.is_some_and(|harmless| harmless.own);
        let while_agent_spoke = harmless || self.playback.speaking();
        let doubt = Doubt { item, until: None, while_agent_spoke, own, ended };
        if on_trial {
            self.turn.committed_on_trial = Some(item);
        } else if voice || said {
            self.owe(Some(ended));
        } else if harmless || engine_heard_ms < ENGINE_SPEECH_MS_MIN {
            self.turn.doubt(doubt);
        } else {
            self.turn.doubt(Doubt { until: Some(now + WORDS_WAIT_MS_MAX), ..doubt });
        }
    }

    pub(super) fn caller_said(&mut self, item: ItemId, words: Words, last: bool, confidence: Option<f64>) {
        self.hush_card(&words.0, last);
        let meaning = meaning(&words.0);
        self.record.caller_says(item, words, last, confidence, &mut self.outbox);
        if let Some(at) = self.turn.doubts.iter().position(|doubt| doubt.item == item) {
            return self.doubt_said(at, meaning, last);
        }
        let Some(meaning) = meaning else { return };
        let on_trial = self.turn.committed_on_trial == Some(item);
        if self.turn.settled.contains(&item) && !on_trial {
            return; // Words of a turn that was decided long ago say nothing about the sound of this moment.
        }
        self.silence.broken(self.now);
        if let Some(trial) = &mut self.trial {
            trial.words(meaning);
        } else if meaning == Meaning::Says {
            self.turn.said = Some(item);
            if self.may_be_interrupted() {
                self.note(Note::Judged { verdict: Verdict::LateInterruption, silent_ms: 0 });
                self.yield_floor();
            }
        }
    }

    /// Words of something committed that may not have been a turn.
    fn doubt_said(&mut self, at: usize, meaning: Option<Meaning>, last: bool) {
        let Some(doubt) = self.turn.doubts.get(at).copied() else { return };
        let turn = match meaning {
            Some(_) if doubt.own => false,
            Some(Meaning::Says) => true,
            Some(Meaning::Listens) => !doubt.while_agent_spoke,
            None => false,
        };
        // No words at all may also mean that transcription failed: then its time decides.
        if turn || (last && (meaning.is_some() || doubt.until.is_none())) {
            self.turn.doubts.remove(at);
        }
        if !turn {
            return;
        }
        self.silence.broken(self.now);
        if self.trial.is_some() || self.may_be_interrupted() {
            let silent_ms = self.trial.as_ref().map_or(0, |trial| self.now.since(trial.since));
            self.note(Note::Judged { verdict: Verdict::LateInterruption, silent_ms });
            self.yield_floor();
        }
        self.owe(Some(doubt.ended));
    }

    /// Until when the caller is taken to be speaking, as far as anybody can tell.
    pub(super) fn floor_until(&self) -> Option<CallTime> {
        let voice = self.hearing.last_speech();
        let here = self.hearing.speaking_since().and(voice).map(|last| last + STRETCH_GAP_MS);
        let engine = self.turn.engine_hears.map(|since| {
            let last = voice.map_or(since, |last| last.max(since));
            last + ENGINE_SPEECH_MS_MAX
        });
        here.max(engine).filter(|until| *until > self.now)
    }

    /// Whether the caller is speaking, as far as anybody can tell.
    pub(super) fn caller_has_floor(&self) -> bool {
        self.floor_until().is_some()
    }

    /// Whether a turn of the caller's is under way: heard, not yet committed.
    pub(super) fn caller_mid_turn(&self) -> bool {
        self.turn.heard.voice_ms() >= self.setup.policy.min_speech_ms
    }

    /// Asks for the verdict on a sound on trial, and carries it out.
    pub(super) fn weigh(&mut self) {
        let Some(trial) = &self.trial else { return };
        let own = || self.echo.may_be(trial.began(), trial.since);
        let Some(verdict) = trial.verdict(&self.setup.policy, &self.hearing, own, self.now) else { return };
        let silent_ms = self.now.since(trial.since);
        let before = trial.remember();
        let committed = self.turn.committed_on_trial;
        self.note(Note::Judged { verdict, silent_ms });
        match verdict {
            Verdict::Interruption | Verdict::LateInterruption => {
                self.yield_floor();
                if committed.is_some() {
                    self.owe(self.turn.ended);
                }
            }
            Verdict::GoesOn => self.go_on(before),
        }
    }

    /// The agent goes on: what was heard was not meant for the floor, unless it answers the agent's last words.
    fn go_on(&mut self, before: Before) {
        let answers = self.in_last_words() && self.trial.as_ref().is_some_and(|t| t.heard().any());
        let own = self.trial.take().is_some_and(|trial| self.echo.learn(trial.began(), trial.since));
        self.playback.resume();
        if own {
            // The agent heard itself: nobody said anything.
            self.turn.heard = Evidence::default();
            self.turn.began = None;
            self.turn.harmless_uncommitted = true;
        }
        let before = if own { Before::default() } else { before };
        let answers = answers && !own;
        let stretch = self.hearing.stretch();
        self.turn.harmless = Some(Harmless { at: self.now, own, before, stretch });
        let committed = self.turn.committed_on_trial.take();
        match committed {
            Some(_) if answers => self.owe(self.turn.ended),
            None if answers => {}
            Some(item) => {
                let ended = self.turn.ended.unwrap_or(self.now);
                self.turn.doubt(Doubt { item, until: None, while_agent_spoke: true, own, ended });
            }
            None => {
                self.turn.heard = Evidence::default();
                self.turn.began = self.turn.engine_began;
                self.turn.harmless_uncommitted = true;
            }
        }
    }

    pub(super) fn advance_turn(&mut self) {
        let now = self.now;
        let due = |doubt: &Doubt| doubt.until.is_some_and(|until| now >= until);
        if let Some(at) = self.turn.doubts.iter().position(due)
            && let Some(doubt) = self.turn.doubts.remove(at)
        {
            self.owe(Some(doubt.ended));
        }
        if let Some(due) = self.forced_commit_due()
            && now >= due
        {
            // The engine did not notice that the caller spoke, or is late: do its part.
            let ended = self.hearing.last_speech().unwrap_or(now);
            let began = self.turn.began.take().unwrap_or(ended);
            self.turn.forced = Some(Forced { at: now, began, ended });
            self.turn.ended = Some(ended);
            self.turn.heard = Evidence::default();
            self.turn.engine_heard_ms = 0;
            self.turn.engine_hears = None;
            self.turn.engine_began = None;
            self.turn.harmless_uncommitted = false;
            self.tell(ToEngine::Commit);
            self.owe(Some(ended));
        }
    }

    pub(super) fn turn_deadline(&self) -> Option<CallTime> {
        let doubtful = self.turn.doubts.iter().filter_map(|doubt| doubt.until).min();
        doubtful.into_iter().chain(self.forced_commit_due()).chain(self.floor_until()).min()
    }

    /// The commit that we asked for was not needed.
    pub(super) fn commit_refused(&mut self) {
        self.turn.forced = None;
    }

    /// The caller takes the floor: what was not heard is given up.
    pub(super) fn yield_floor(&mut self) {
        self.turn.harmless_uncommitted = false;
        self.turn.committed_on_trial = None;
        self.leaving.take_if(|leaving| leaving.may_be_stopped());
        self.cut_speech();
    }

    fn may_be_interrupted(&self) -> bool {
        let firm = self.leaving.as_ref().is_some_and(|leaving| !leaving.may_be_stopped());
        self.setup.policy.interruptible && self.playback.audible() && !self.playback.paused() && !firm
    }

    /// Falls silent for a sound, and begins to weigh it.
    fn try_sound(&mut self, heard: Evidence) {
        let now = self.now;
        self.playback.pause(now, &mut self.outbox);
        self.echo.falls_silent(now);
        let lately = self.turn.harmless.filter(|harmless| now.since(harmless.at) < CARRY_MS);
        let before = lately.map(|harmless| harmless.before).unwrap_or_default();
        self.trial = Some(Trial::begin(now, heard, before));
        self.note(Note::Paused);
    }

    /// Whether only the agent's last words are left to hear.
    fn in_last_words(&self) -> bool {
        matches!(self.reply, Reply::Idle)
            && self.tools.is_empty()
            && self.leaving.is_none()
            && self.playback.unheard_ms() <= LAST_WORDS_MS
    }

    fn forced_commit_due(&self) -> Option<CallTime> {
        let last = self.hearing.last_speech()?;
        (self.caller_mid_turn() && self.trial.is_none())
            .then(|| last + self.setup.policy.end_of_turn_ms + COMMIT_WAIT_MS_MAX)
    }
}
