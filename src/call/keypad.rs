//! Keys of the telephone: a choice from the assistant's menu, or a number that is typed instead of spoken.
//!
//! Keys are collected until the hash key or a pause and reach the model as one fact. What is typed and checks as the number
//! of a payment card does not reach it at all.

use std::fmt;

use super::{
    Call,
    port::{ToEngine, Words},
};
use crate::domain::{cards, time::CallTime};

/// A pause this long ends what is being typed, in milliseconds.
const KEYS_PAUSE_MS: u64 = 2_000;
/// The same after a single key that the menu knows.
const MENU_PAUSE_MS: u64 = 800;
/// The most keys that are taken as one entry.
const KEYS_MAX: usize = 32;
/// From so many keys on an entry is a number that was typed, and not a choice.
const NUMBER_KEYS_MIN: usize = 3;

/// Keys being pressed. `Debug` shows none: they may be a secret.
#[derive(Default)]
pub(super) struct Keys {
    pressed: String,
    due: Option<CallTime>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("due", &self.due).finish_non_exhaustive()
    }
}

impl Call {
    pub(super) fn keyed(&mut self, key: char) {
        self.hush_keys();
        self.silence.broken(self.now);
        let stoppable = self.leaving.as_ref().is_none_or(|leaving| leaving.may_be_stopped());
        if self.setup.policy.interruptible && stoppable {
            self.yield_floor();
        }
        self.keys.pressed.push(key);
        let count = self.keys.pressed.chars().count();
        let done = key == '#' || count >= KEYS_MAX;
        let chosen = count == 1 && self.setup.keypad.contains_key(&key);
        let wait = if chosen { MENU_PAUSE_MS } else { KEYS_PAUSE_MS };
        self.keys.due = Some(if done { self.now } else { self.now + wait });
    }

    pub(super) fn advance_keys(&mut self) {
        if self.keys.due.take_if(|due| *due <= self.now).is_some() {
            let typed = std::mem::take(&mut self.keys.pressed);
            let fact = self.fact(&typed);
            self.tell(ToEngine::CallerDid(Words(fact)));
            self.owe(Some(self.now));
        }
    }

    pub(super) fn keys_deadline(&self) -> Option<CallTime> {
        self.keys.due
    }

    /// What the model is told of what was typed.
    fn fact(&self, typed: &str) -> String {
        let mut keys = typed.chars();
        if let (Some(key), None) = (keys.next(), keys.next())
            && let Some(means) = self.setup.keypad.get(&key)
        {
            return format!("[The caller pressed {key} on the telephone, which means: {means}]");
        }
        let digits = typed.chars().filter(char::is_ascii_digit).count();
        if cards::blanked(typed).is_some() {
            return CARD.to_owned();
        }
        let spaced = typed.chars().map(String::from).collect::<Vec<_>>().join(" ");
        if digits >= NUMBER_KEYS_MIN {
            return format!("[The caller typed this on the telephone instead of saying it: {spaced}]");
        }
        format!("[The caller pressed these keys on the telephone: {spaced}]")
    }
}

/// What the model is told of a card's number.
const CARD: &str = "[The caller typed the number of a payment card. It was not taken and you do not know it: say that no card \
                    numbers are taken on the telephone]";
