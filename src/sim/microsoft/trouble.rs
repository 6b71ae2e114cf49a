//! What goes wrong at Microsoft, on request or by chance.

use std::{collections::VecDeque, time::Duration};

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
    /// It is done, and told this much later.
    Late(Duration),
    /// The answer is a page of HTML.
    Garbled,
    /// The answer is longer than so many bytes.
    Long(usize),
}

/// What goes wrong by chance. The same seed and the same requests go wrong alike.
#[derive(Clone, Debug)]
pub struct Mix {
    /// Where chance begins.
    pub seed: u64,
    /// What happens to a request, and how likely that is, between 0 and 1. At most one of them does.
    pub chances: Vec<(Trouble, f64)>,
}

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Troubles {
    pub(super) next: VecDeque<Trouble>,
    pub(super) mix: Option<Mix>,
}

impl Troubles {
    /// What goes wrong with the next request.
    pub(super) fn befalls(&mut self) -> Option<Trouble> {
        if let Some(next) = self.next.pop_front() {
            return Some(next);
        }
        let mix = self.mix.as_mut()?;
        let mut drawn = chance(&mut mix.seed);
        mix.chances.iter().find_map(|(trouble, likely)| {
            drawn -= likely;
            (drawn < 0.0).then_some(*trouble)
        })
    }
}

/// A number between 0 and 1, by xorshift.
fn chance(seed: &mut u64) -> f64 {
    let mut mixed = *seed | 1;
    mixed ^= mixed << 13;
    mixed ^= mixed >> 7;
    mixed ^= mixed << 17;
    *seed = mixed;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}
