//! What things cost.

use std::{fmt, iter::Sum, ops};

/// Millionths of a US dollar: the unit vendors' prices are turned into, so that sums stay exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MicroUsd(pub i64);

impl ops::Add for MicroUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), ops::Add::add)
    }
}

impl fmt::Display for MicroUsd {
    /// Dollars with four decimals, such as `$0.0123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths_of_mill = (self.0 + 50).div_euclid(100);
        write!(f, "${}.{:04}", tenths_of_mill.div_euclid(10_000), tenths_of_mill.rem_euclid(10_000))
    }
}
