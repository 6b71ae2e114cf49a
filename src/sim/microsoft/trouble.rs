//! What goes wrong at Microsoft, on request or by chance.

use std::{collections::VecDeque, time::Duration};

use crate::sim::chance::Mix;

/// Something that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The access token is not accepted (401 `InvalidAuthenticationToken`).
    Unauthorized,
    /// A refusal with this status and code.
    Refused(u16, &'static str),
    /// Too much is asked: 429, to be asked again after so many seconds, where that is said.
    TooMany(Option<u64>),
    /// Graph is busy: 503, with the seconds after which to ask again.
    Unavailable(u64),
    /// Graph breaks with this status of 5xx, and nothing is done.
    Broken(u16),
    /// The connection ends and nothing is done.
    Dropped,
    /// It is done, and the connection ends before that is told.
    AnswerLost,
    /// It comes twice, as where something on the way sends it again: it is done twice, and the second answer is told.
    Twice,
    /// The connection ends at once, and it is done so much later: nobody can know by looking earlier.
    DoneLater(Duration),
    /// It is done, and told this much later.
    Late(Duration),
    /// The answer is a page of HTML.
    Garbled,
    /// The answer is longer than so many bytes.
    Long(usize),
}

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Troubles {
    pub(super) next: VecDeque<Trouble>,
    /// Only with events that are made.
    pub(super) made: VecDeque<Trouble>,
    /// Only with events that are removed.
    pub(super) removed: VecDeque<Trouble>,
    pub(super) mix: Option<Mix<Trouble>>,
}

impl Troubles {
    /// What goes wrong with the next request, which makes an event, removes one, or does neither.
    pub(super) fn befalls(&mut self, makes: bool, removes: bool) -> Option<Trouble> {
        if makes && let Some(made) = self.made.pop_front() {
            return Some(made);
        }
        if removes && let Some(removed) = self.removed.pop_front() {
            return Some(removed);
        }
        if let Some(next) = self.next.pop_front() {
            return Some(next);
        }
        self.mix.as_mut()?.draw()
    }
}
