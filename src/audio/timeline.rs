//! The two sides of a call laid beside one another in time.
//!
//! Pieces come with the instant at which they were heard, in any order and with gaps; out come pairs of
//! samples without one. What is a few seconds old is settled and given away; what comes later than that is
//! refused and counted. Memory is bounded by that and by [`AHEAD_MS_MAX`]. It writes no file.

use super::{g711, wav::RATE_HZ};

/// Whose sound it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The caller, on the left.
    Caller,
    /// The agent, on the right.
    Agent,
}

/// Samples per millisecond.
const PER_MS: u64 = RATE_HZ as u64 / 1_000;
/// How far a piece may be from the end of the one before and still be its continuation, in milliseconds. Times
/// are rounded and measured; sound is not to be cut for that.
const SNAP_MS: u64 = 30;
/// How long sound can still be changed, in milliseconds: by pieces that come late, and by what was not played.
const SETTLE_MS: u64 = 2_000;
/// How far before its time the agent's sound may be given, in milliseconds.
const AHEAD_MS_MAX: u64 = 60_000;
/// The longest gap that is filled with silence, in milliseconds. A time further on is taken for wrong.
const GAP_MS_MAX: u64 = 600_000;
/// Most samples given away at a time: ten seconds.
const TAKE_MAX: usize = 10 * RATE_HZ as usize;

/// What two sides of a call sounded like, as far as it is not settled.
#[derive(Default)]
pub struct Timeline {
    /// Where `open` begins, in samples since the beginning.
    settled: u64,
    open: Vec<[i16; 2]>,
    /// Where each side's latest piece ended, in samples.
    ends: [u64; 2],
    /// How far the call has come, in samples.
    reached: u64,
    refused: u64,
}

impl Timeline {
    /// Nothing was heard yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a piece of μ-law where it was heard; what lay there goes.
    pub fn lay(&mut self, side: Side, at_ms: u64, piece: &[u8]) {
        let end = &mut self.ends[side as usize];
        let told = at_ms.saturating_mul(PER_MS);
        let at = if told.abs_diff(*end) <= SNAP_MS * PER_MS { *end } else { told };
        let allowed = match side {
            Side::Caller => self.reached + GAP_MS_MAX * PER_MS,
            Side::Agent => self.reached + AHEAD_MS_MAX * PER_MS,
        };
        let until = at.saturating_add(piece.len() as u64);
        if until > allowed || at < self.settled {
            self.refused += 1;
        }
        if until > allowed || until <= self.settled {
            return;
        }
        *end = until;
        if side == Side::Caller {
            self.reached = self.reached.max(until);
        }
        let late = self.settled.saturating_sub(at) as usize;
        let from = (at.max(self.settled) - self.settled) as usize;
        let to = (until - self.settled) as usize;
        if self.open.len() < to {
            self.open.resize(to, [0; 2]);
        }
        for (place, byte) in self.open[from..to].iter_mut().zip(&piece[late..]) {
            place[side as usize] = g711::decode(*byte);
        }
    }

    /// The agent was cut off: what was to be heard of it after this was not.
    pub fn clear(&mut self, at_ms: u64) {
        let at = at_ms.saturating_mul(PER_MS);
        if at > self.reached + AHEAD_MS_MAX * PER_MS {
            self.refused += 1;
            return;
        }
        self.reached = self.reached.max(at);
        let from = (at.saturating_sub(self.settled) as usize).min(self.open.len());
        for place in &mut self.open[from..] {
            place[Side::Agent as usize] = 0;
        }
        let end = &mut self.ends[Side::Agent as usize];
        *end = at.min(*end);
    }

    /// The call has come this far, whether or not anything was heard.
    pub fn reach(&mut self, at_ms: u64) {
        let at = at_ms.saturating_mul(PER_MS);
        if at <= self.reached + GAP_MS_MAX * PER_MS {
            self.reached = self.reached.max(at);
        }
    }

    /// Milliseconds of sound that are settled and can be taken.
    pub fn ready_ms(&self) -> u64 {
        (self.reached.saturating_sub(SETTLE_MS * PER_MS).saturating_sub(self.settled)) / PER_MS
    }

    /// Appends what is settled to `out`, ten seconds at most at a time.
    pub fn take(&mut self, out: &mut Vec<[i16; 2]>) {
        self.take_until(self.reached.saturating_sub(SETTLE_MS * PER_MS), out);
    }

    /// Appends what is left, ten seconds at most at a time; the call is over. What was never reached was never
    /// heard. False when nothing was left.
    pub fn take_rest(&mut self, out: &mut Vec<[i16; 2]>) -> bool {
        self.take_until(self.reached, out) > 0
    }

    /// Pieces that came too late, or for a time that cannot be.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn take_until(&mut self, until: u64, out: &mut Vec<[i16; 2]>) -> usize {
        let count = (until.saturating_sub(self.settled) as usize).min(TAKE_MAX);
        let heard = count.min(self.open.len());
        out.extend(self.open.drain(..heard));
        out.extend(std::iter::repeat_n([0; 2], count - heard));
        self.settled += count as u64;
        count
    }
}

/// What was said is not for logs.
impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("settled", &self.settled)
            .field("reached", &self.reached)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}
