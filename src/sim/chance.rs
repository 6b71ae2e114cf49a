//! Chance that can be had again: the same seed draws the same.

use std::ops::Range;

/// Draws by chance (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// One of many that share a seed, each drawing its own.
    pub fn new(seed: u64, own: u64) -> Self {
        let mut mixed = Self(seed ^ own.wrapping_mul(0xa076_1d64_78bd_642f));
        mixed.next();
        mixed
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, 1.
    pub fn part(&mut self) -> f64 {
        // 53 bits are what a number of this kind holds exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number of that range; its beginning when it is empty.
    pub fn of(&mut self, range: Range<u64>) -> u64 {
        let count = range.end.saturating_sub(range.start).max(1);
        range.start + self.next() % count
    }

    /// Whether something happens that happens so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.of(0..100) < times
    }

    /// One of these, if there is one.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.of(0..of.len() as u64)).ok()?;
        of.get(at)
    }
}

/// What goes wrong by chance. The same seed and the same requests go wrong alike.
#[derive(Clone, Debug)]
pub struct Mix<T> {
    chance: Chance,
    of: Vec<(T, f64)>,
}

impl<T: Copy> Mix<T> {
    /// What may happen to a request, and how likely that is, between 0 and 1. At most one of them does.
    pub fn new(seed: u64, of: impl Into<Vec<(T, f64)>>) -> Self {
        Self { chance: Chance::new(seed, 0), of: of.into() }
    }

    /// What happens to the next request.
    pub(super) fn draw(&mut self) -> Option<T> {
        let mut drawn = self.chance.part();
        self.of.iter().find_map(|(what, likely)| {
            drawn -= likely;
            (drawn < 0.0).then_some(*what)
        })
    }
}
