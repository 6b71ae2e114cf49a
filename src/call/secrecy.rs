//! What is said or keyed in and is nobody's to keep: card numbers, and whatever is typed on the telephone.
//!
//! While it goes on, the recording is paused. It never keeps a digit, and what the engine hears is not changed by it.

use super::{Call, port::Output};
use crate::domain::{cards, time::CallTime};

/// How long after the last key the recording goes on, in milliseconds: the tone of that key has ended by then.
const KEYED_MS: u64 = 2_000;
/// How long a card number, its date and its code may take to be said, in milliseconds.
const CARD_MS_MAX: u64 = 30_000;

/// What is not to be recorded.
#[derive(Debug, Default)]
pub(super) struct Secrecy {
    /// Until when what is keyed in is kept off the recording.
    keyed_until: Option<CallTime>,
    /// Until when what is said is, at the latest.
    card_until: Option<CallTime>,
    /// Whether the recording is paused.
    paused: bool,
}

impl Call {
    /// Keys are being pressed: a PIN, perhaps.
    pub(super) fn hush_keys(&mut self) {
        self.secrecy.keyed_until = Some(self.now + KEYED_MS);
        self.follow_secrecy();
    }

    /// The caller said this, so far or in full: perhaps a card number. It is over when something without digits was said.
    pub(super) fn hush_card(&mut self, words: &str, last: bool) {
        if cards::under_way(words) || cards::blanked(words).is_some() {
            self.secrecy.card_until = Some(self.now + CARD_MS_MAX);
        } else if last && !words.trim().is_empty() && !cards::has_digits(words) {
            self.secrecy.card_until = None;
        }
        self.follow_secrecy();
    }

    pub(super) fn advance_secrecy(&mut self) {
        let over = |until: &mut CallTime| *until <= self.now;
        self.secrecy.keyed_until.take_if(over);
        self.secrecy.card_until.take_if(over);
        self.follow_secrecy();
    }

    /// Whether something is being said or keyed in that is nobody's to keep or to overhear.
    pub fn secret(&self) -> bool {
        self.secrecy.keyed_until.is_some() || self.secrecy.card_until.is_some()
    }

    pub(super) fn secrecy_deadline(&self) -> Option<CallTime> {
        self.secrecy.keyed_until.into_iter().chain(self.secrecy.card_until).min()
    }

    /// Has the recording paused or go on, when that is not what it does.
    fn follow_secrecy(&mut self) {
        let wanted = self.secret() && self.recording;
        if std::mem::replace(&mut self.secrecy.paused, wanted) != wanted {
            self.outbox.push_back(if wanted { Output::PauseRecording } else { Output::ResumeRecording });
        }
    }
}
