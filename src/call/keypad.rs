//! Keys of the telephone: a choice from the assistant's menu, a number that is typed instead of spoken, or a PIN.
//!
//! Keys are collected until the hash key or a pause and reach the model as one fact. What is typed and checks as the number
//! of a payment card does not reach it at all, and neither does what is typed when a PIN was asked for.

use std::fmt;

use super::{
    Call,
    port::{Output, ToEngine, Words},
};
use crate::domain::{cards, time::CallTime};

/// A pause this long ends what is being typed, in milliseconds.
const KEYS_PAUSE_MS: u64 = 2_000;
/// The same after a single key that the menu knows.
const MENU_PAUSE_MS: u64 = 800;
/// The same while a PIN is typed: people look it up.
const PIN_PAUSE_MS: u64 = 4_000;
/// How long a PIN is waited for, in milliseconds. What is typed later is typed for something else.
const PIN_WAIT_MS_MAX: u64 = 60_000;
/// The most keys that are taken as one entry.
const KEYS_MAX: usize = 32;
/// From so many keys on an entry is a number that was typed, and not a choice.
const NUMBER_KEYS_MIN: usize = 3;

/// Keys being pressed. `Debug` shows none: they may be a secret.
#[derive(Default)]
pub(super) struct Keys {
    pressed: String,
    due: Option<CallTime>,
    /// Until when the next entry is a PIN.
    pin_until: Option<CallTime>,
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
        if self.keys.pressed.is_empty() {
            let now = self.now;
            self.keys.pin_until.take_if(|until| *until <= now);
        }
        self.keys.pressed.push(key);
        let count = self.keys.pressed.chars().count();
        let done = key == '#' || count >= KEYS_MAX;
        let wanted = self.expects_pin();
        let chosen = !wanted && count == 1 && self.setup.keypad.contains_key(&key);
        let wait = match (wanted, chosen) {
            (true, _) => PIN_PAUSE_MS,
            (false, true) => MENU_PAUSE_MS,
            (false, false) => KEYS_PAUSE_MS,
        };
        self.keys.due = Some(if done { self.now } else { self.now + wait });
    }

    pub(super) fn advance_keys(&mut self) {
        if self.keys.due.take_if(|due| *due <= self.now).is_some() {
            let typed = std::mem::take(&mut self.keys.pressed);
            // Begun in time is in time.
            if self.keys.pin_until.take().is_some() {
                self.outbox.push_back(Output::LookAtPin(Words(typed)));
                return;
            }
            let fact = self.fact(&typed);
            self.tell(ToEngine::CallerDid(Words(fact)));
            self.owe(Some(self.now));
        }
    }

    /// Whether what is being typed, or is typed next, is a PIN.
    pub fn expects_pin(&self) -> bool {
        self.keys.pin_until.is_some_and(|until| until > self.now || !self.keys.pressed.is_empty())
    }

    /// The caller is being asked for a PIN.
    pub(super) fn expect_pin(&mut self) {
        self.keys.pin_until = Some(self.now + PIN_WAIT_MS_MAX);
    }

    /// A PIN was looked at: the model is told what came of it.
    pub(super) fn pin_looked_at(&mut self, fact: Words) {
        self.tell(ToEngine::CallerDid(fact));
        self.owe(Some(self.now));
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
