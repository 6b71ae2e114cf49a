//! Pauses: the assistant steps back until a time, or until it is taken back.

use std::fmt;

use super::{phone::E164, time::Timestamp};

/// Whether and until when the assistant steps back, and where callers go meanwhile. `Debug` shows no number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pause {
    /// Until when; not at all when that is not said.
    pub until: Option<Timestamp>,
    /// Where callers go; they can leave a message when that is not said.
    pub fallback: Option<E164>,
}

/// Until somebody takes it back.
pub const UNTIL_TAKEN_BACK: Timestamp = Timestamp::MAX;

impl Pause {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Where callers at a number go at `now`, when the assistant steps back there or everywhere: to the number's own fallback, or
/// to the one for all. `None` when it does not step back, `Some(None)` when they can only leave a message.
pub fn stepping_back(own: &Pause, all: &Pause, now: Timestamp) -> Option<Option<E164>> {
    (own.holds(now) || all.holds(now)).then(|| own.fallback.clone().or_else(|| all.fallback.clone()))
}
