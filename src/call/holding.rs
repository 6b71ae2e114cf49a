//! A caller who is put on hold, and an agent who is silenced: at the wish of somebody at the business.
//!
//! On hold the agent neither speaks nor listens; the caller hears why it is quiet, and every now and then that the line
//! stands. Muted, the agent says nothing and goes on listening: what the caller says is written down, and answered once it
//! may speak. Neither lasts for ever, and not both at a time.

use super::{
    Call,
    port::{Note, ToEngine, Words},
};
use crate::domain::{phrases::Phrase, time::CallTime};

/// How often a caller on hold hears that the line stands, in milliseconds.
pub const HELD_WORDS_EVERY_MS: u64 = 15_000;
/// How long a caller is held before the agent is back by itself, in milliseconds.
pub const HELD_MS_MAX: u64 = 600_000;
/// How long the agent is muted before it speaks again by itself, in milliseconds: nobody tells the caller why it is quiet.
pub const MUTED_MS_MAX: u64 = 120_000;

/// See the module's own words.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Since when the agent is muted.
    muted: Option<CallTime>,
    held: Option<Held>,
}

/// A caller on hold.
#[derive(Clone, Copy, Debug)]
struct Held {
    since: CallTime,
    /// What the caller is to hear next.
    next: Phrase,
    /// When.
    due: CallTime,
}

impl Call {
    /// Whether the agent hears nothing of the caller.
    pub fn deaf(&self) -> bool {
        self.on_hold()
    }

    pub(super) fn on_hold(&self) -> bool {
        self.holding.held.is_some()
    }

    /// Whether the agent is to say nothing.
    pub(super) fn silenced(&self) -> bool {
        self.holding.muted.is_some() || self.on_hold()
    }

    /// Silences the agent, which hears on. What it was saying is given up.
    pub(super) fn mute(&mut self) {
        if self.silenced() || self.leaving.as_ref().is_some_and(|leaving| !leaving.may_be_stopped()) {
            return;
        }
        let opening = self.opening_under_way();
        self.yield_floor();
        self.owed.opening |= opening;
        self.holding.muted = Some(self.now);
        self.note(Note::Muted(true));
    }

    /// The agent may speak again, and does: to what was said meanwhile, or from where it was.
    pub(super) fn unmute(&mut self) {
        let Some(since) = self.holding.muted.take() else { return };
        self.note(Note::Muted(false));
        let seconds = self.now.since(since) / 1_000;
        let words = format!(
            "[You were silenced for {seconds} seconds by a colleague and may speak again: go on from here]"
        );
        self.tell(ToEngine::CallerDid(Words(words)));
        self.owe(None);
    }

    /// Puts the caller on hold. What the agent was saying is given up.
    pub(super) fn hold(&mut self) {
        if self.on_hold() || self.leaving.is_some() {
            return;
        }
        if self.holding.muted.take().is_some() {
            self.note(Note::Muted(false));
        }
        let opening = self.opening_under_way();
        self.cut_speech();
        self.owed.opening |= opening;
        self.holding.held = Some(Held { since: self.now, next: Phrase::OnHold, due: self.now });
        self.note(Note::OnHold(true));
    }

    /// The agent is back with the caller.
    pub(super) fn resume(&mut self) {
        let Some(held) = self.holding.held.take() else { return };
        self.cut_speech();
        self.note(Note::OnHold(false));
        let seconds = self.now.since(held.since) / 1_000;
        let words = format!("[The caller was on hold for {seconds} seconds and is back with you]");
        self.tell(ToEngine::CallerDid(Words(words)));
        if !self.say(Phrase::HoldOver) {
            self.owe(None);
        }
    }

    pub(super) fn advance_holding(&mut self) {
        if self.leaving.is_some() {
            // Goodbye is said: nobody is held any more, and nobody silenced.
            self.holding = Holding::default();
            return;
        }
        if self.holding.muted.is_some_and(|since| self.now.since(since) >= MUTED_MS_MAX) {
            self.note(Note::Limit("muted_ms_max"));
            self.unmute();
        }
        let Some(held) = self.holding.held else { return };
        if self.now.since(held.since) >= HELD_MS_MAX {
            self.note(Note::Limit("held_ms_max"));
            return self.resume();
        }
        if self.now >= held.due && !self.playback.speaking() {
            // Where it cannot be said at this moment, it is tried again with the next words.
            let said = self.say(held.next);
            let next = if said { Phrase::StillHeld } else { held.next };
            let wait = if said { HELD_WORDS_EVERY_MS } else { HELD_AGAIN_MS };
            self.holding.held = Some(Held { next, due: self.now + wait, ..held });
        }
    }

    pub(super) fn holding_deadline(&self) -> Option<CallTime> {
        if let Some(since) = self.holding.muted {
            return Some(since + MUTED_MS_MAX);
        }
        let held = self.holding.held?;
        let due = if self.playback.speaking() { held.due.max(self.now + HELD_AGAIN_MS) } else { held.due };
        Some(due.min(held.since + HELD_MS_MAX))
    }
}

/// How soon words that could not be said are tried again, in milliseconds.
const HELD_AGAIN_MS: u64 = 500;
