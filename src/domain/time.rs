//! Instants, ranges and zones as this product counts them.
//!
//! An instant is whole microseconds since 1970 in UTC, in memory and in both databases. What a person
//! means by "Tuesday at nine" needs a [`Zone`]: the zone's name is kept with the rule, the instant with
//! the row. Nothing here asks what time it is.

use std::{fmt, ops, str::FromStr};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The last instant that can be told as a calendar date (9999-12-30).
    pub const MAX: Self = Self(253_402_207_200_000_000 - 1);
    /// The first instant we count with (the epoch); nothing in this product is older.
    pub const MIN: Self = Self(0);

    /// The same instant for calendar arithmetic, kept within [`Timestamp::MIN`] and [`Timestamp::MAX`].
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.clamp(Self::MIN, Self::MAX).0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// This instant, later by `minutes` of elapsed time (earlier when negative).
    pub fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes.saturating_mul(60_000_000)))
    }

    /// This instant, later by `millis` of elapsed time.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Elapsed milliseconds since `earlier`; negative when `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

/// A half-open range of time: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeRange {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after.
    pub end: Timestamp,
}

impl TimeRange {
    /// Whether the two share any time. Ranges that only touch do not.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A time zone by its IANA name, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(jiff::tz::TimeZone);

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the IANA name of a time zone, such as Europe/Berlin")]
pub struct NotAZone;

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    /// The zone's IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone's rules, for calendar arithmetic.
    pub fn rules(&self) -> &jiff::tz::TimeZone {
        &self.0
    }

    /// What the clock on the wall shows at `at`.
    pub fn wall(&self, at: Timestamp) -> jiff::Zoned {
        at.to_jiff().to_zoned(self.0.clone())
    }
}

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(name: &str) -> Result<Self, NotAZone> {
        jiff::tz::TimeZone::get(name).map(Self).map_err(|_| NotAZone)
    }
}

/// Milliseconds since a call's media stream began. Plain data, so that a recorded call can be replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallTime(pub u64);

impl CallTime {
    /// Milliseconds from `earlier` to this; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl ops::Add<u64> for CallTime {
    type Output = Self;

    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
