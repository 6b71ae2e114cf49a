//! A caller who is put on hold, and an agent who is made deaf: at the wish of somebody at the business.
//!
//! On hold the agent neither speaks nor listens; the caller hears why it is quiet, and every now and then that the line
//! stands. Nobody is held for ever. Muted, the agent goes on and does not hear the caller.

use super::{
    Call,
    port::{Note, ToEngine, Words},
};
use crate::domain::{phrases::Phrase, time::CallTime};

/// How often a caller on hold hears that the line stands, in milliseconds.
pub const HELD_WORDS_EVERY_MS: u64 = 15_000;
/// How long a caller is held before the agent is back by itself, in milliseconds.
pub const HELD_MS_MAX: u64 = 600_000;

/// See the module's own words.
#[derive(Debug, Default)]
pub(super) struct Holding {
    muted: bool,
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
        self.holding.muted || self.on_hold()
    }

    pub(super) fn on_hold(&self) -> bool {
        self.holding.held.is_some()
    }

    pub(super) fn mute(&mut self, muted: bool) {
        if std::mem::replace(&mut self.holding.muted, muted) != muted {
            self.note(Note::Muted(muted));
        }
    }

    /// Puts the caller on hold. What the agent was saying is given up.
    pub(super) fn hold(&mut self) {
        if self.on_hold() || self.leaving.is_some() {
            return;
        }
        self.cut_speech();
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
        let Some(held) = self.holding.held else { return };
        if self.leaving.is_some() {
            self.holding.held = None; // Goodbye is said: nobody is held any more.
            return;
        }
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
        let held = self.holding.held?;
        let due = if self.playback.speaking() { held.due.max(self.now + HELD_AGAIN_MS) } else { held.due };
        Some(due.min(held.since + HELD_MS_MAX))
    }
}

/// How soon words that could not be said are tried again, in milliseconds.
const HELD_AGAIN_MS: u64 = 500;
