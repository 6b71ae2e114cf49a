//! The caller's side: when the caller has the floor, takes it, and is owed a reply.
//!
//! Both decisions are ours: the engine is told neither to interrupt nor to reply by itself. What it hears is
//! evidence beside our own.

use super::{
    Call,
    judge::{Heard, Meaning, Trial, meaning},
    port::{ItemId, Note, Output, ToEngine, Verdict, Words},
    reply::{Owed, Reply},
};
use crate::{audio::vad::Voice, domain::time::CallTime};

/// How long the engine may take, after its own silence, to commit the caller's words before we do, in milliseconds.
const COMMIT_WAIT_MS_MAX: u64 = 1_200;
/// How long words may take to show that a sound without voice was a turn after all, in milliseconds.
const WORDS_WAIT_MS_MAX: u64 = 800;
/// A sound that the engine alone took for speech counts as a turn from this length on, in milliseconds.
const ENGINE_SPEECH_MS_MIN: u64 = 400;
/// How long the engine's word that the caller speaks holds without any voice heard here, in milliseconds.
const ENGINE_SPEECH_MS_MAX: u64 = 4_000;
/// What is said in the agent's last words is an answer to them, not a sign of listening: so many milliseconds.
const LAST_WORDS_MS: u64 = 700;
/// After a sound was judged harmless, the engine's word alone does not stop the agent for so long, in milliseconds.
const TRUST_MS: u64 = 1_000;
/// A pause this long ends what is being typed, in milliseconds.
const KEYS_PAUSE_MS: u64 = 2_000;
/// The most keys that are taken as one entry.
const KEYS_MAX: usize = 32;

/// What the caller is doing.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// When the caller began what has not been committed yet.
    began: Option<CallTime>,
    /// How much of it was voice, in milliseconds.
    voiced_ms: u64,
    /// Since when the engine hears the caller speak.
    engine_hears: Option<CallTime>,
    /// How long the engine heard the caller speak, of what has not been committed yet, in milliseconds.
    engine_heard_ms: u64,
    /// What is being said was judged not to be meant for the floor.
    listens: bool,
    /// When that was.
    listens_at: Option<CallTime>,
    /// What was committed while it was still being weighed.
    committed_on_trial: Option<ItemId>,
    /// What was committed and left unanswered, until its words say otherwise.
    unanswered: Option<ItemId>,
    /// What was committed without any voice heard here, and until when its words may make it a turn.
    doubtful: Option<(ItemId, CallTime)>,
    /// We committed ourselves and await the engine's word of it.
    forced: bool,
    /// When the caller's last turn ended.
    ended: Option<CallTime>,
}

/// Keys being pressed.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pressed: String,
    due: Option<CallTime>,
}

impl Call {
    pub(super) fn caller_heard(&mut self, voice: &Voice) {
        let now = self.now;
        self.outbox.push_back(Output::ToEngine(ToEngine::Hear));
        let heard = self.hearing.hear(voice, now);
        if heard == Heard::Quiet {
            if let Some(trial) = &mut self.trial {
                trial.hear(heard, now);
            }
            return;
        }
        let onset = heard == Heard::Onset;
        self.turn.voiced_ms += if onset { 40 } else { 20 };
        self.turn.began.get_or_insert(self.hearing.speaking_since().unwrap_or(now));
        self.silence.broken(now);
        if let Some(trial) = &mut self.trial {
            trial.hear(heard, now);
        } else if onset && self.may_be_interrupted() {
            self.try_sound(self.hearing.stretch_voiced_ms());
        } else if !self.playback.audible()
            && self.hearing.stretch_voiced_ms() >= self.setup.policy.min_speech_ms
            && matches!(self.reply, Reply::Asked(_) | Reply::Generating(_))
            && !self.playback.speaking()
        {
            // The caller goes on before the reply is to be heard: it would answer half a sentence.
            self.cancel_reply();
            self.owed = None;
        }
    }

    pub(super) fn engine_hears_speech(&mut self) {
        let now = self.now;
        self.turn.engine_hears = Some(now);
        self.turn.began.get_or_insert(now);
        let just_judged = self.turn.listens_at.is_some_and(|at| now.since(at) < TRUST_MS);
        if self.trial.is_none() && !just_judged && self.may_be_interrupted() {
            self.try_sound(self.hearing.stretch_voiced_ms());
        }
    }

    pub(super) fn engine_hears_silence(&mut self) {
        if let Some(since) = self.turn.engine_hears.take() {
            self.turn.engine_heard_ms += self.now.since(since);
        }
    }

    /// The engine took what the caller said as one item: decide whether it is answered.
    pub(super) fn committed(&mut self, item: ItemId) {
        self.engine_hears_silence();
        let now = self.now;
        let ended = self.hearing.last_speech().filter(|_| self.turn.voiced_ms > 0).unwrap_or(now);
        self.turn.ended = Some(ended);
        self.record.caller_turn(item, self.turn.began.unwrap_or(ended), ended);
        let voiced_ms = std::mem::take(&mut self.turn.voiced_ms);
        let engine_heard_ms = std::mem::take(&mut self.turn.engine_heard_ms);
        self.turn.began = None;
        let listened = std::mem::take(&mut self.turn.listens);
        if std::mem::take(&mut self.turn.forced) {
            return; // Our own commit: the reply is owed already.
        }
        let policy = &self.setup.policy;
        if self.trial.is_some() {
            self.turn.committed_on_trial = Some(item);
        } else if listened || (!policy.interruptible && self.playback.speaking()) {
            self.turn.unanswered = Some(item);
        } else if voiced_ms * 2 >= policy.min_speech_ms {
            self.owe(Some(ended));
        } else {
            self.turn.doubtful = Some((item, now + WORDS_WAIT_MS_MAX));
            if engine_heard_ms < ENGINE_SPEECH_MS_MIN {
                self.turn.unanswered = Some(item);
            }
        }
    }

    pub(super) fn caller_said(&mut self, item: ItemId, words: Words, last: bool) {
        let says = meaning(&words.0, self.setup.language);
        self.record.caller_says(item, words, last, &mut self.outbox);
        let Some(says) = says else { return };
        self.silence.broken(self.now);
        if let Some(trial) = &mut self.trial {
            trial.words(says);
        } else if self.turn.doubtful.is_some_and(|(doubtful, _)| doubtful == item) {
            self.turn.doubtful = None;
            self.turn.unanswered = None;
            self.owe(self.turn.ended);
        } else if self.turn.unanswered == Some(item) && says == Meaning::Says {
            self.turn.unanswered = None;
            if self.playback.speaking() && self.setup.policy.interruptible {
                self.note(Note::Judged { verdict: Verdict::LateInterruption, silent_ms: 0 });
                self.yield_floor();
            }
            self.owe(self.turn.ended);
        }
    }

    /// Whether the caller is speaking, as far as anybody can tell.
    pub(super) fn caller_has_floor(&self) -> bool {
        let voice = self.hearing.last_speech();
        let engine = self.turn.engine_hears.map(|since| voice.map_or(since, |last| last.max(since)));
        self.hearing.speaking_since().is_some() && voice.is_some_and(|last| self.now.since(last) < 300)
            || engine.is_some_and(|since| self.now.since(since) < ENGINE_SPEECH_MS_MAX)
    }

    /// Whether a turn of the caller's is under way: heard, not yet committed.
    pub(super) fn caller_mid_turn(&self) -> bool {
        self.turn.voiced_ms >= self.setup.policy.min_speech_ms
    }

    /// Asks for the verdict on a sound on trial, and carries it out.
    pub(super) fn weigh(&mut self) {
        let Some(trial) = &self.trial else { return };
        let Some(verdict) = trial.verdict(&self.setup.policy, &self.hearing, self.now) else { return };
        let silent_ms = self.now.since(trial.since);
        self.trial = None;
        self.note(Note::Judged { verdict, silent_ms });
        let committed = self.turn.committed_on_trial.take();
        match verdict {
            Verdict::Interruption | Verdict::LateInterruption => {
                self.yield_floor();
                if committed.is_some() {
                    self.owe(self.turn.ended);
                }
            }
            Verdict::GoesOn => {
                let last_words = self.last_words();
                self.playback.resume();
                self.turn.listens_at = Some(self.now);
                if last_words && self.turn.voiced_ms > 0 {
                    if committed.is_some() {
                        self.owe(self.turn.ended);
                    }
                } else if committed.is_some() {
                    self.turn.unanswered = committed;
                } else {
                    self.turn.listens = true;
                }
            }
        }
    }

    pub(super) fn advance_turn(&mut self) {
        let now = self.now;
        if let Some((item, until)) = self.turn.doubtful
            && now >= until
        {
            self.turn.doubtful = None;
            if self.turn.unanswered != Some(item) {
                self.owe(self.turn.ended);
            }
        }
        if let Some(due) = self.forced_commit_due()
            && now >= due
        {
            // The engine did not notice that the caller spoke, or is late: do its part.
            self.turn.ended = self.hearing.last_speech();
            self.turn.voiced_ms = 0;
            self.turn.began = None;
            self.turn.engine_hears = None;
            self.tell(ToEngine::Commit);
            if !std::mem::take(&mut self.turn.listens) {
                self.turn.forced = true;
                self.owe(self.turn.ended);
            }
        }
    }

    pub(super) fn turn_deadline(&self) -> Option<CallTime> {
        let doubtful = self.turn.doubtful.map(|(_, until)| until);
        let floor = (self.owed.is_some() && self.caller_has_floor()).then(|| self.now + 300);
        doubtful.into_iter().chain(self.forced_commit_due()).chain(floor).min()
    }

    pub(super) fn keyed(&mut self, key: char) {
        self.silence.broken(self.now);
        if self.may_be_interrupted() || self.trial.is_some() {
            self.trial = None;
            self.yield_floor();
        }
        self.keys.pressed.push(key);
        let full = self.keys.pressed.len() >= KEYS_MAX;
        let done = key == '#' || full;
        self.keys.due = Some(if done { self.now } else { self.now + KEYS_PAUSE_MS });
    }

    pub(super) fn advance_keys(&mut self) {
        if self.keys.due.take_if(|due| *due <= self.now).is_some() {
            let keys: Vec<String> =
                std::mem::take(&mut self.keys.pressed).chars().map(String::from).collect();
            let words = format!("[The caller pressed these keys on the telephone: {}]", keys.join(" "));
            self.tell(ToEngine::CallerDid(Words(words)));
            self.owe(Some(self.now));
        }
    }

    pub(super) fn keys_deadline(&self) -> Option<CallTime> {
        self.keys.due
    }

    /// The caller takes the floor: what was not heard is given up.
    fn yield_floor(&mut self) {
        self.turn.listens = false;
        self.leaving.take_if(|leaving| leaving.may_be_stopped());
        self.cut_speech();
    }

    fn may_be_interrupted(&self) -> bool {
        let firm = self.leaving.as_ref().is_some_and(|leaving| !leaving.may_be_stopped());
        self.setup.policy.interruptible && self.playback.audible() && !self.playback.paused() && !firm
    }

    /// Falls silent for a sound, and begins to weigh it.
    fn try_sound(&mut self, voiced_ms: u64) {
        self.playback.pause(self.now, &mut self.outbox);
        self.trial = Some(Trial::begin(self.now, voiced_ms));
        self.note(Note::Paused);
    }

    /// Whether only the agent's last words are left to hear.
    fn last_words(&self) -> bool {
        matches!(self.reply, Reply::Idle) && self.playback.unheard_ms() <= LAST_WORDS_MS
    }

    fn owe(&mut self, turn_ended: Option<CallTime>) {
        if self.leaving.is_none() {
            let due = self.now + self.setup.policy.response_delay_ms;
            self.owed = Some(Owed::reply(due, turn_ended));
        }
    }

    fn forced_commit_due(&self) -> Option<CallTime> {
        let last = self.hearing.last_speech()?;
        (self.caller_mid_turn() && self.trial.is_none())
            .then(|| last + self.setup.policy.end_of_turn_ms + COMMIT_WAIT_MS_MAX)
    }
}
