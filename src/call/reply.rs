//! The engine's side: replies asked for, generated, cancelled, and what happens when none comes.
//!
//! At most one reply is active at a time: it is asked for only when none is, and both sides acting at once is
//! expected, not feared.

use std::collections::VecDeque;

use super::{
    Call,
    playback::{Over, Sent, Source},
    port::{ItemId, Note, Output, Refusal, ReplyStatus, Sound, ToEngine, ToolRequest, Words},
};
use crate::domain::{conversation::Outcome, money::MicroUsd, phrases::Phrase, time::CallTime};

/// How long the engine may owe a reply before the caller hears that it takes a moment, in milliseconds.
pub const STALL_FILLER_MS: u64 = 2_000;
/// How long before it is asked once more, in milliseconds.
pub const STALL_AGAIN_MS: u64 = 4_000;
/// How long before the safety net takes the call, in milliseconds. Also for a session that does not open.
pub const STALL_MS_MAX: u64 = 8_000;
/// How long a cancelled reply may take to end before the next is asked for, in milliseconds.
pub const CANCEL_WAIT_MS_MAX: u64 = 600;
/// Replies that may fail in a row before the engine is given up.
const FAILURES_MAX: u32 = 4;
/// How much longer each failure in a row makes the wait for the next try, in milliseconds.
const FAILURE_WAIT_MS: u64 = 250;
/// How many items that were given up are remembered, so that late sound of theirs is dropped.
const DROPPED_MAX: usize = 16;

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
    Cancelling(Cancelled),
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// What the model finds right.
    Freely,
    /// The first words of the call, exactly.
    Opening,
    /// One of the server's own sentences, exactly.
    Phrase(Phrase),
}

/// What is known of a reply while it is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    what: Say,
    /// When the turn ended that it answers, if it answers one.
    turn_ended: Option<CallTime>,
    /// Whether any sound of it came.
    spoke: bool,
}

/// A cancelled reply that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cancelled {
    since: CallTime,
    /// Whether the engine had begun it.
    began: bool,
}

/// From asking for a reply until its first sound leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    asked: CallTime,
    /// From the caller's last word to asking, in milliseconds.
    decided_ms: u64,
}

/// How long the engine has owed something, and what was done about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stall {
    /// Whether it owes something since `counted_to`.
    owing: bool,
    counted_to: CallTime,
    /// How long it owed before, in milliseconds.
    waited_ms: u64,
    filled: bool,
    asked_again: bool,
    /// Replies that failed in a row.
    failures: u32,
}

impl Stall {
    /// Counts the time that has passed.
    pub(super) fn count(&mut self, now: CallTime) {
        if self.owing {
            self.waited_ms += now.since(self.counted_to);
        }
        self.counted_to = now;
    }

    /// The engine gave something.
    fn over(&mut self) {
        *self = Self { counted_to: self.counted_to, ..Self::default() };
    }

    fn deadline(&self) -> Option<CallTime> {
        let step = match self {
            Self { filled: false, .. } => STALL_FILLER_MS,
            Self { asked_again: false, .. } => STALL_AGAIN_MS,
            Self { .. } => STALL_MS_MAX,
        };
        self.owing.then(|| self.counted_to + step.saturating_sub(self.waited_ms))
    }
}

/// What the caller is due, once nothing stands in its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// The first words of the call: nobody is spoken with who has not heard that an automated assistant speaks.
    pub(super) opening: bool,
    /// A reply by the model.
    pub(super) reply: Option<Answer>,
}

/// A reply that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Not before this.
    due: CallTime,
    /// When the turn ended that it answers, if it answers one.
    turn_ended: Option<CallTime>,
}

impl Answer {
    /// When the turn ended that it answers, if it answers one.
    pub(super) fn turn_ended(self) -> Option<CallTime> {
        self.turn_ended
    }
}

/// Items that were given up.
#[derive(Debug, Default)]
pub(super) struct Dropped(VecDeque<ItemId>);

impl Dropped {
    fn add(&mut self, item: ItemId) {
        if !self.0.contains(&item) {
            if self.0.len() >= DROPPED_MAX {
                self.0.pop_front();
            }
            self.0.push_back(item);
        }
    }
}

impl Call {
    pub(super) fn engine_ready(&mut self) {
        self.engine = Engine::Ready;
        for what in std::mem::take(&mut self.untold) {
            self.outbox.push_back(Output::ToEngine(what));
        }
    }

    /// Whether a reply can be asked for.
    pub(super) fn engine_free(&self) -> bool {
        matches!(self.engine, Engine::Ready) && matches!(self.reply, Reply::Idle)
    }

    /// Asks for a reply; only when [`Call::engine_free`].
    pub(super) fn ask(&mut self, what: Say, turn_ended: Option<CallTime>) {
        self.waiting = turn_ended.map(|ended| Waiting { asked: self.now, decided_ms: self.now.since(ended) });
        self.reply = Reply::Asked(Pending { what, turn_ended, spoke: false });
        let say = match what {
            Say::Freely => None,
            Say::Opening => Some(self.setup.opening.clone()),
            Say::Phrase(phrase) => Some(Words(phrase.words(self.setup.language).to_owned())),
        };
        self.tell(ToEngine::Respond { say });
    }

    /// The caller is due a reply, to a turn of theirs if `turn_ended` says when that ended.
    pub(super) fn owe(&mut self, turn_ended: Option<CallTime>) {
        if self.leaving.is_some() {
            return;
        }
        if !self.stall.filled {
            self.stall.waited_ms = 0;
        }
        if matches!(self.reply, Reply::Asked(_) | Reply::Generating(_)) && !self.playback.audible() {
            self.take_back_reply(); // One reply to all that was said.
        }
        let due = self.now + if turn_ended.is_some() { self.setup.policy.response_delay_ms } else { 0 };
        self.owed.reply = Some(Answer { due, turn_ended });
    }

    pub(super) fn reply_began(&mut self) {
        if !matches!(self.engine, Engine::Ready) {
            return;
        }
        match &mut self.stray {
            Some(stray) if !stray.began => {
                stray.began = true;
                return;
            }
            // Its end was lost: this is the next one.
            stray => *stray = None,
        }
        match &mut self.reply {
            Reply::Asked(pending) => self.reply = Reply::Generating(*pending),
            Reply::Cancelling(cancelled) => cancelled.began = true,
            Reply::Generating(_) => {}
            // The engine began by itself. One active reply is one, whoever asked for it.
            Reply::Idle => {
                self.reply = Reply::Generating(Pending { what: Say::Freely, turn_ended: None, spoke: false });
                self.owed.reply = None;
                if self.leaving.is_some() || self.silenced() {
                    self.cancel_reply();
                }
            }
        }
    }

    pub(super) fn reply_audio(&mut self, item: ItemId, sound: &Sound) {
        if !self.takes_reply() {
            // What still comes of a reply that was cancelled or has ended is dropped, also once the next has begun.
            self.dropped.add(item);
            return;
        }
        if self.dropped.0.contains(&item) || sound.0.is_empty() {
            return;
        }
        if let Reply::Asked(pending) | Reply::Generating(pending) = self.reply {
            self.reply = Reply::Generating(Pending { spoke: true, ..pending });
            if pending.what == Say::Opening {
                self.opening_item = Some(item);
            }
        }
        self.stall.over();
        let source = Source::Engine(item);
        self.record.agent_begins(source, None, self.now, &mut self.outbox);
        if self.playback.push(source, &sound.0) > 0 {
            self.note(Note::Limit("kept_ms_max"));
        }
    }

    pub(super) fn reply_words(&mut self, item: ItemId, words: &Words) {
        if self.takes_reply() && !self.dropped.0.contains(&item) {
            self.record.agent_says(Source::Engine(item), words, self.now, &mut self.outbox);
        }
    }

    /// Whether what the engine generates is meant to be heard.
    fn takes_reply(&self) -> bool {
        matches!(self.reply, Reply::Asked(_) | Reply::Generating(_))
            && !self.stray.is_some_and(|stray| stray.began)
    }

    pub(super) fn reply_ended(&mut self, status: ReplyStatus, tools: Vec<ToolRequest>, cost: MicroUsd) {
        self.note(Note::Cost(cost));
        if self.stray.take().is_some_and(|stray| stray.began || status == ReplyStatus::Cancelled) {
            return self.refuse_tools(tools, INTERRUPTED);
        }
        let was = std::mem::replace(&mut self.reply, Reply::Idle);
        let (Reply::Asked(pending) | Reply::Generating(pending)) = was else {
            return self.refuse_tools(tools, INTERRUPTED);
        };
        self.playback.complete_engine();
        let playback = &self.playback;
        self.record.keep_heard(|source| playback.holds(source));
        match status {
            ReplyStatus::Completed => {
                self.stall.over();
                self.start_tools(tools, pending.spoke);
            }
            ReplyStatus::Incomplete if tools.is_empty() && pending.spoke => self.stall.over(),
            ReplyStatus::Cancelled if pending.spoke => self.refuse_tools(tools, INTERRUPTED),
            ReplyStatus::Incomplete | ReplyStatus::Cancelled | ReplyStatus::Failed => {
                self.refuse_tools(tools, CUT_OFF);
                self.try_again(pending);
            }
        }
    }

    pub(super) fn engine_refused(&mut self, refusal: Refusal) {
        self.note(Note::Refused(refusal));
        match (refusal, self.reply) {
            (Refusal::AlreadyReplying, Reply::Asked(pending)) => {
                // An earlier reply is still active, and unwanted: end it, then ask again.
                self.stray = None;
                self.reply = Reply::Cancelling(Cancelled { since: self.now, began: true });
                self.tell(ToEngine::Cancel);
                self.owe_again(pending, self.now);
            }
            (Refusal::NothingToCancel, reply) => {
                // Whatever was active had ended before, and said so before.
                self.stray = None;
                if let Reply::Cancelling(_) = reply {
                    self.reply = Reply::Idle;
                }
            }
            (Refusal::Other, Reply::Asked(pending)) => {
                self.reply = Reply::Idle;
                self.try_again(pending);
            }
            (Refusal::NothingToCommit, _) => self.commit_refused(),
            (Refusal::AlreadyReplying | Refusal::Other | Refusal::Item, _) => {}
        }
    }

    /// Stops the active reply, if there is one, and returns what it was to be.
    fn cancel_reply(&mut self) -> Option<Pending> {
        let began = matches!(self.reply, Reply::Generating(_));
        let (Reply::Asked(pending) | Reply::Generating(pending)) = self.reply else { return None };
        self.reply = Reply::Cancelling(Cancelled { since: self.now, began });
        self.waiting = None;
        self.tell(ToEngine::Cancel);
        Some(pending)
    }

    /// Gives up everything the caller has not heard and tells the engine how far each item came.
    pub(super) fn cut_speech(&mut self) -> Option<Pending> {
        let cancelled = self.cancel_reply();
        self.trial = None;
        if self.playback.audible() && !self.playback.paused() {
            self.playback.pause(self.now, &mut self.outbox);
            self.echo.falls_silent(self.now);
        }
        for over in self.playback.cut() {
            self.piece_over(over, true);
        }
        self.record.keep_heard(|_| false);
        if !self.introduced && self.leaving.is_none() {
            self.owed.opening = true;
        }
        cancelled
    }

    /// Whether the first words are being said, or are about to be. Who silences the agent then owes them: it was not the
    /// caller who chose to miss them.
    pub(super) fn opening_under_way(&self) -> bool {
        let asked = match self.reply {
            Reply::Asked(pending) | Reply::Generating(pending) => pending.what == Say::Opening,
            Reply::Cancelling(_) | Reply::Idle => false,
        };
        asked || self.playback.under_way().is_some_and(|piece| self.is_opening(piece.source))
    }

    /// Whether a piece of speech is the first words of the call.
    fn is_opening(&self, source: Source) -> bool {
        match source {
            Source::Opening => true,
            Source::Engine(item) => self.opening_item == Some(item),
            Source::Phrase(_) => false,
        }
    }

    /// Gives up a reply of which nothing is to be heard yet; it stays owed.
    pub(super) fn take_back_reply(&mut self) {
        if let Some(pending) = self.cut_speech() {
            self.owe_again(pending, self.now);
        }
    }

    fn owe_again(&mut self, pending: Pending, due: CallTime) {
        match pending.what {
            _ if self.leaving.is_some() => {}
            Say::Freely => {
                self.owed.reply.get_or_insert(Answer { due, turn_ended: pending.turn_ended });
            }
            Say::Opening => self.owed.opening |= !self.introduced,
            Say::Phrase(_) => {}
        }
    }

    /// A piece of speech was heard to its end, or cut.
    pub(super) fn piece_over(&mut self, over: Over, cut: bool) {
        self.opening_heard |= !cut && self.is_opening(over.source);
        self.introduced |= over.heard_ms > 0 || !cut;
        let heard_words = self.record.agent_over(over, cut, self.now, &mut self.outbox);
        match over.source {
            Source::Engine(item) if cut => {
                self.dropped.add(item);
                if over.heard_ms == 0 {
                    self.tell(ToEngine::Forget(item));
                } else if !over.whole {
                    self.tell(ToEngine::Truncate { item, heard_ms: over.heard_ms });
                }
            }
            Source::Engine(_) => {}
            Source::Opening | Source::Phrase(_) => {
                if !heard_words.0.is_empty() {
                    self.tell(ToEngine::AgentSaid(heard_words));
                }
            }
        }
    }

    /// Some sound has just left for the caller.
    pub(super) fn sounded(&mut self, sent: Sent) {
        if sent.any && !self.spoke {
            self.spoke = true;
            self.note(Note::FirstAudio);
        }
        if sent.engine
            && let Some(Waiting { asked, decided_ms }) = self.waiting.take()
        {
            let engine_ms = self.now.since(asked);
            self.record.reply_latency(decided_ms + engine_ms);
            self.note(Note::ReplyLatency { decided_ms, engine_ms });
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
        if let Reply::Cancelling(cancelled) = self.reply
            && now.since(cancelled.since) >= CANCEL_WAIT_MS_MAX
        {
            self.reply = Reply::Idle;
            self.stray = Some(cancelled);
        }
        self.pay();
        if self.engine_owes() {
            self.prod();
        }
        self.stall.owing = !self.ended && self.engine_owes();
    }

    /// Says what is owed, once nothing stands in its way.
    fn pay(&mut self) {
        let quiet = self.trial.is_none()
            && self.leaving.is_none()
            && !self.silenced()
            && !self.playback.speaking()
            && !self.caller_has_floor()
            && !self.caller_mid_turn();
        if !quiet {
            return;
        }
        if self.owed.opening {
            self.owed.opening = !self.open();
        } else if self.engine_free()
            && self.tools.is_empty()
            && let Some(answer) = self.owed.reply.take_if(|answer| answer.due <= self.now)
        {
            self.ask(Say::Freely, answer.turn_ended);
        }
    }

    /// Whether the caller waits for the engine, and for nothing else.
    fn engine_owes(&self) -> bool {
        let active = matches!(self.reply, Reply::Asked(_) | Reply::Generating(_));
        let due = self.owed.opening || self.owed.reply.is_some_and(|answer| answer.due <= self.now);
        (active || due)
            && !self.silenced()
            && self.leaving.is_none()
            && self.trial.is_none()
            && self.tools.is_empty()
            && !self.playback.engaged()
            && !self.caller_has_floor()
            && !self.caller_mid_turn()
    }

    /// The engine owes something: after a while the caller hears so, the engine is asked again, and given up.
    fn prod(&mut self) {
        let waited_ms = self.stall.waited_ms;
        if waited_ms >= STALL_MS_MAX {
            self.note(Note::EngineStalled);
            return self.end(Outcome::Degraded);
        }
        // A reply that broke off in mid-sentence will hardly be finished: nothing can be said before it is given up.
        let broke_off = self.playback.speaking() && !self.playback.audible();
        let again = waited_ms >= STALL_AGAIN_MS || (waited_ms >= STALL_FILLER_MS && broke_off);
        if again && !self.stall.asked_again {
            self.stall.asked_again = true;
            self.note(Note::EngineStalled);
            let opening = self.owed.opening;
            if let Some(pending) = self.cut_or_cancel(broke_off) {
                self.owe_again(pending, self.now);
            }
            self.owed.opening |= opening;
        }
        if waited_ms >= STALL_FILLER_MS && !self.stall.filled {
            self.stall.filled = true;
            self.fill(Phrase::OneMoment);
        }
    }

    fn cut_or_cancel(&mut self, cut: bool) -> Option<Pending> {
        if cut { self.cut_speech() } else { self.cancel_reply() }
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
        let owed = self.owed.reply.map(|answer| answer.due).filter(|due| *due > self.now);
        let cancelled = match self.reply {
            Reply::Cancelling(cancelled) => Some(cancelled.since + CANCEL_WAIT_MS_MAX),
            Reply::Idle | Reply::Asked(_) | Reply::Generating(_) => None,
        };
        [opening, owed, cancelled, self.stall.deadline()].into_iter().flatten().min()
    }

    /// A reply failed: owe it again, unless that has happened too often.
    fn try_again(&mut self, pending: Pending) {
        self.stall.failures += 1;
        self.note(Note::EngineStalled);
        if self.stall.failures >= FAILURES_MAX {
            return self.end(Outcome::Degraded);
        }
        let later = self.now + FAILURE_WAIT_MS * u64::from(self.stall.failures);
        self.owe_again(pending, later);
    }
}

/// What the model hears of a tool it asked for in a reply that the caller cut off.
const INTERRUPTED: &str =
    r#"{"status":"not_run","say":"The caller interrupted. Nothing was done. Listen to the caller first."}"#;
/// What the model hears of a tool it asked for in a reply that broke off.
const CUT_OFF: &str = r#"{"status":"not_run","say":"The request was cut off. Nothing was done. Ask again."}"#;
