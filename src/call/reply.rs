//! The engine's side: replies asked for, generated, cancelled, and what happens when none comes.
//!
//! At most one reply is active at a time: it is asked for only when none is, and both sides acting at once is
//! expected, not feared.

use super::{
    Call,
    playback::{Over, Source},
    port::{ItemId, Note, Output, Refusal, ReplyStatus, Sound, ToEngine, ToolRequest, Words},
};
use crate::domain::{conversation::Outcome, money::MicroUsd, phrases::Phrase, time::CallTime};

/// How long the engine may owe a reply before the caller hears that it takes a moment, in milliseconds.
pub const STALL_FILLER_MS: u64 = 2_000;
/// How long before it is asked once more, in milliseconds.
pub const STALL_AGAIN_MS: u64 = 4_000;
/// How long before the safety net takes the call, in milliseconds. Also for a session that does not open.
pub const STALL_MS_MAX: u64 = 8_000;
/// How long a cancelled reply may take to end, in milliseconds.
const CANCEL_WAIT_MS_MAX: u64 = 600;
/// Replies that may fail in a row before the engine is given up.
const FAILURES_MAX: u32 = 4;
/// How much longer each failure in a row makes the wait for the next try, in milliseconds.
const FAILURE_WAIT_MS: u64 = 250;

/// Where the engine's session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// It is being opened.
    Opening { since: CallTime },
    /// It is configured and listens.
    Ready,
}

/// The one reply that may be active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// None is.
    Idle,
    /// One was asked for.
    Asked(Pending),
    /// One is being generated.
    Generating(Pending),
    /// One was cancelled and has not ended; its sound is dropped.
    Cancelling { since: CallTime },
}

/// What is known of a reply while it is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// When it was asked for.
    asked: CallTime,
    /// From the caller's last word to asking, in milliseconds, when a turn of the caller's caused it.
    decided_ms: Option<u64>,
    /// Whether its first sound is still to come.
    silent: bool,
}

/// How long the engine has owed something, and what was done about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stall {
    /// When the engine last gave something, or the ear last had something to hear.
    alive: CallTime,
    filled: bool,
    asked_again: bool,
    /// Replies that failed in a row.
    failures: u32,
}

/// A reply the caller is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owed {
    /// Not before this.
    pub(super) due: CallTime,
    /// When the caller's turn ended.
    pub(super) turn_ended: Option<CallTime>,
    /// The exact words, when the server chose them.
    pub(super) say: Option<Words>,
}

impl Owed {
    /// A reply by exactly these words.
    pub(super) fn words(due: CallTime, say: Words) -> Self {
        Self { due, turn_ended: None, say: Some(say) }
    }

    /// A reply by the model.
    pub(super) fn reply(due: CallTime, turn_ended: Option<CallTime>) -> Self {
        Self { due, turn_ended, say: None }
    }
}

impl Call {
    pub(super) fn engine_ready(&mut self) {
        self.engine = Engine::Ready;
        for what in std::mem::take(&mut self.untold) {
            self.outbox.push_back(Output::ToEngine(what));
        }
    }

    pub(super) fn ask_for_reply(&mut self, say: Option<Words>) {
        self.ask(say, None);
    }

    fn ask(&mut self, say: Option<Words>, turn_ended: Option<CallTime>) {
        let now = self.now;
        self.reply = Reply::Asked(Pending {
            asked: now,
            decided_ms: turn_ended.map(|ended| now.since(ended)),
            silent: true,
        });
        self.tell(ToEngine::Respond { say });
    }

    pub(super) fn reply_began(&mut self) {
        if let Reply::Asked(pending) = self.reply {
            self.reply = Reply::Generating(pending);
        } else if matches!(self.reply, Reply::Idle) {
            // The engine began by itself. One active reply is one, whoever asked for it.
            self.reply = Reply::Generating(Pending { asked: self.now, decided_ms: None, silent: true });
        }
    }

    pub(super) fn reply_audio(&mut self, item: ItemId, sound: &Sound) {
        match self.reply {
            // What still comes of a reply that was cancelled or has ended is dropped.
            Reply::Cancelling { .. } | Reply::Idle => return,
            Reply::Asked(pending) => self.reply = Reply::Generating(pending),
            Reply::Generating(_) => {}
        }
        self.stall = Stall { alive: self.now, ..Stall::default() };
        let source = Source::Engine(item);
        self.record.agent_begins(source, None, self.now);
        if self.playback.push(source, &sound.0) > 0 {
            self.note(Note::Limit("piece_ms_max"));
        }
    }

    pub(super) fn reply_words(&mut self, item: ItemId, words: &Words) {
        if matches!(self.reply, Reply::Generating(_) | Reply::Asked(_)) {
            self.record.agent_says(Source::Engine(item), words, self.now);
        }
    }

    pub(super) fn reply_ended(&mut self, status: ReplyStatus, tools: Vec<ToolRequest>, cost: MicroUsd) {
        self.note(Note::Cost(cost));
        let was = std::mem::replace(&mut self.reply, Reply::Idle);
        self.playback.complete_engine();
        if matches!(was, Reply::Cancelling { .. }) {
            return;
        }
        match status {
            ReplyStatus::Completed | ReplyStatus::Incomplete => {
                self.stall = Stall { alive: self.now, ..Stall::default() };
                let spoke = matches!(was, Reply::Generating(Pending { silent: false, .. }));
                self.start_tools(tools, spoke || self.playback.speaking());
            }
            ReplyStatus::Cancelled => {}
            ReplyStatus::Failed => self.try_again(was),
        }
    }

    pub(super) fn engine_refused(&mut self, refusal: Refusal) {
        self.note(Note::Refused(refusal));
        match refusal {
            Refusal::AlreadyReplying => {
                // Somebody else's reply is active: wait for its end, then ask again.
                if let Reply::Asked(pending) = self.reply {
                    self.reply = Reply::Generating(pending);
                    self.owed.get_or_insert(Owed::reply(self.now, None));
                }
            }
            Refusal::NothingToCancel => {
                if matches!(self.reply, Reply::Cancelling { .. }) {
                    self.reply = Reply::Idle;
                }
            }
            Refusal::Other => {
                if let Reply::Asked(_) = self.reply {
                    let was = std::mem::replace(&mut self.reply, Reply::Idle);
                    self.try_again(was);
                }
            }
            Refusal::NothingToCommit | Refusal::Item => {}
        }
    }

    /// Stops the active reply, if there is one.
    pub(super) fn cancel_reply(&mut self) {
        if matches!(self.reply, Reply::Asked(_) | Reply::Generating(_)) {
            self.reply = Reply::Cancelling { since: self.now };
            self.tell(ToEngine::Cancel);
        }
    }

    /// Gives up everything the caller has not heard and tells the engine how far each item came.
    pub(super) fn cut_speech(&mut self) {
        self.cancel_reply();
        if self.playback.speaking() && !self.playback.paused() {
            self.playback.pause(self.now, &mut self.outbox);
        }
        for over in self.playback.cut() {
            self.piece_over(over, true);
        }
    }

    /// A piece of speech was heard to its end, or cut.
    pub(super) fn piece_over(&mut self, over: Over, cut: bool) {
        let heard_words = self.record.agent_over(over, cut, self.now, &mut self.outbox);
        match over.source {
            Source::Engine(item) if cut && over.heard_ms == 0 => self.tell(ToEngine::Forget(item)),
            Source::Engine(item) if cut => self.tell(ToEngine::Truncate { item, heard_ms: over.heard_ms }),
            Source::Engine(_) => {}
            Source::Opening | Source::Phrase(_) => {
                if !heard_words.0.is_empty() {
                    self.tell(ToEngine::AgentSaid(heard_words));
                }
            }
        }
    }

    /// Some sound has just left for the caller.
    pub(super) fn first_sound(&mut self) {
        if !self.spoke {
            self.spoke = true;
            self.note(Note::FirstAudio);
        }
        if let Reply::Generating(pending) = &mut self.reply
            && pending.silent
        {
            pending.silent = false;
            let engine_ms = self.now.since(pending.asked);
            if let Some(decided_ms) = pending.decided_ms {
                self.record.reply_latency(decided_ms + engine_ms);
                self.note(Note::ReplyLatency { decided_ms, engine_ms });
            }
        }
    }

    pub(super) fn advance_reply(&mut self) {
        let now = self.now;
        if let Engine::Opening { since } = self.engine
            && now.since(since) >= STALL_MS_MAX
        {
            self.note(Note::EngineStalled);
            return self.end(Outcome::Degraded);
        }
        if let Reply::Cancelling { since } = self.reply
            && now.since(since) >= CANCEL_WAIT_MS_MAX
        {
            self.reply = Reply::Idle;
        }
        self.answer_if_due();
        let awaited = !matches!(self.reply, Reply::Idle) || (self.stall.asked_again && self.owed.is_some());
        if !awaited || self.playback.audible() || self.trial.is_some() {
            self.stall.alive = now;
            return;
        }
        let waited = now.since(self.stall.alive);
        if waited >= STALL_MS_MAX {
            self.note(Note::EngineStalled);
            self.end(Outcome::Degraded);
        } else if waited >= STALL_AGAIN_MS && !self.stall.asked_again {
            self.stall.asked_again = true;
            self.note(Note::EngineStalled);
            self.cancel_reply();
            self.owed.get_or_insert(Owed::reply(now, None));
        } else if waited >= STALL_FILLER_MS && !self.stall.filled {
            self.stall.filled = true;
            self.fill(Phrase::OneMoment);
        }
    }

    /// Asks for the reply that is owed, once nothing stands in its way.
    fn answer_if_due(&mut self) {
        let free = matches!(self.engine, Engine::Ready)
            && matches!(self.reply, Reply::Idle)
            && self.trial.is_none()
            && self.tools.is_empty()
            && self.leaving.is_none()
            && !self.playback.speaking();
        if free
            && !self.caller_has_floor()
            && let Some(owed) = self.owed.take_if(|owed| owed.due <= self.now)
        {
            self.ask(owed.say, owed.turn_ended);
        }
    }

    /// Says a sentence by its clip only: for moments in which the engine cannot be asked.
    pub(super) fn fill(&mut self, phrase: Phrase) {
        if self.setup.clips.contains_key(&phrase) && !self.playback.speaking() {
            self.say(phrase);
        }
    }

    pub(super) fn reply_deadline(&self) -> Option<CallTime> {
        let opening = match self.engine {
            Engine::Opening { since } => Some(since + STALL_MS_MAX),
            Engine::Ready => None,
        };
        let owed = self.owed.as_ref().map(|owed| owed.due).filter(|due| *due > self.now);
        let cancelled = match self.reply {
            Reply::Cancelling { since } => Some(since + CANCEL_WAIT_MS_MAX),
            Reply::Idle | Reply::Asked(_) | Reply::Generating(_) => None,
        };
        let stall = (!matches!(self.reply, Reply::Idle) || self.stall.asked_again).then(|| {
            let step = match self.stall {
                Stall { filled: false, .. } => STALL_FILLER_MS,
                Stall { asked_again: false, .. } => STALL_AGAIN_MS,
                Stall { .. } => STALL_MS_MAX,
            };
            self.stall.alive + step
        });
        [opening, owed, cancelled, stall].into_iter().flatten().min()
    }

    /// A reply failed: owe it again, unless that has happened too often.
    fn try_again(&mut self, was: Reply) {
        self.stall.failures += 1;
        self.note(Note::EngineStalled);
        if self.stall.failures >= FAILURES_MAX {
            return self.end(Outcome::Degraded);
        }
        if !matches!(was, Reply::Idle) {
            let later = self.now + FAILURE_WAIT_MS * u64::from(self.stall.failures);
            self.owed.get_or_insert(Owed::reply(later, None));
        }
    }
}
