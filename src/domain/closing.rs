//! Closing days: when nobody is there although the opening hours say otherwise.
//!
//! One entry takes a range of dates, a part of a day, or a yearly repeat; it is about one resource or about all of them.
//! What it means for a date is a window of that date, which the opening hours lose
//! ([`availability`](super::availability)); it never opens anything and moves no grid. Public holidays become entries only
//! when somebody says so ([`holidays`](super::holidays)).

use std::str::FromStr;

use jiff::{ToSpan, civil};

use super::{
    booking::Window,
    id::{ClosureId, ResourceId},
};

/// The longest a closure lasts, in dates.
pub const CLOSURE_DAYS_MAX: i64 = 731;
/// The longest a closure lasts that comes again every year, in dates.
pub const YEARLY_DAYS_MAX: i64 = 365;

/// Some time at which somebody, or everybody, is not there.
#[derive(Clone, PartialEq, Eq)]
pub struct Closure {
    /// Its id.
    pub id: ClosureId,
    /// Who is not there; nobody is when none is named.
    pub resource: Option<ResourceId>,
    /// What brings it about.
    pub kind: ClosureKind,
    /// What it is called, in the tenant's words. Never told to callers.
    pub name: String,
    /// Its first date.
    pub first: civil::Date,
    /// Its last date, which belongs to it.
    pub last: civil::Date,
    /// How much of these dates it takes.
    pub part: Part,
    /// Whether it comes again every year, from its first on.
    pub yearly: bool,
}

/// Of whose absence it is, and what they call it, is for those who look it up.
impl std::fmt::Debug for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closure")
            .field("id", &self.id)
            .field("first", &self.first)
            .field("last", &self.last)
            .field("part", &self.part)
            .field("yearly", &self.yearly)
            .finish_non_exhaustive()
    }
}

/// What brings a closure about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosureKind {
    /// The business is closed, or a part of it.
    Closing,
    /// A public holiday.
    Holiday,
    /// Somebody is away.
    Absence,
}

impl ClosureKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Closing, Self::Holiday, Self::Absence];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Holiday => "holiday",
            Self::Absence => "absence",
        }
    }
}

/// A text that names no kind of closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `closing`, `holiday` or `absence`")]
pub struct NotAClosureKind;

impl FromStr for ClosureKind {
    type Err = NotAClosureKind;

    fn from_str(word: &str) -> Result<Self, NotAClosureKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(NotAClosureKind)
    }
}

/// How much of its dates a closure takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    Whole,
    /// The same hours of each of them.
    Daily {
        /// From when on.
        from: civil::Time,
        /// Until when; the day's end is [`Window::DAY_END`].
        until: civil::Time,
    },
    /// From a time of the first date through to a time of the last.
    Through {
        /// From when on, on the first date.
        from: civil::Time,
        /// Until when, on the last date; the day's end is [`Window::DAY_END`].
        until: civil::Time,
    },
}

/// What is wrong with a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClosureError {
    /// Its last date comes before its first.
    #[error("must not lie before `first`")]
    Backwards,
    /// It lasts too long.
    #[error("must be at most {CLOSURE_DAYS_MAX} dates, the first included")]
    TooLong,
    /// It would meet itself a year later.
    #[error("must be at most {YEARLY_DAYS_MAX} dates, the first included, where it comes again every year")]
    MeetsItself,
    /// It takes no time.
    #[error("must lie after `from`")]
    Empty,
}

impl Closure {
    /// Checks what a person wrote before it is saved.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn check(&self) -> Result<(), ClosureError> {
        if self.last < self.first {
            return Err(ClosureError::Backwards);
        }
        let days = i64::from((self.last - self.first).get_days()) + 1;
        if self.yearly && days > YEARLY_DAYS_MAX {
            return Err(ClosureError::MeetsItself);
        }
        if days > CLOSURE_DAYS_MAX {
            return Err(ClosureError::TooLong);
        }
        match self.part {
            Part::Daily { from, until } if until <= from => Err(ClosureError::Empty),
            Part::Through { from, until } if days == 1 && until <= from => Err(ClosureError::Empty),
            Part::Whole | Part::Daily { .. } | Part::Through { .. } => Ok(()),
        }
    }

    /// Whether it keeps that resource away.
    pub fn concerns(&self, resource: &ResourceId) -> bool {
        self.resource.as_ref().is_none_or(|own| own == resource)
    }

    /// The time of `date` that it takes, if any.
    pub fn on(&self, date: civil::Date) -> Option<Window> {
        let (first, last) = self.occurrence(date)?;
        let whole = Window { opens: civil::Time::midnight(), closes: Window::DAY_END };
        let taken = match self.part {
            Part::Whole => whole,
            Part::Daily { from, until } => Window { opens: from, closes: until },
            Part::Through { from, until } => Window {
                opens: if date == first { from } else { whole.opens },
                closes: if date == last { until } else { whole.closes },
            },
        };
        (taken.opens < taken.closes).then_some(taken)
    }

    /// The dates of the occurrence that `date` belongs to, first and last.
    fn occurrence(&self, date: civil::Date) -> Option<(civil::Date, civil::Date)> {
        let with = |years: i16| {
            // The 29th of February is the 28th where there is none.
            let shift = |date: civil::Date| date.checked_add(i32::from(years).years()).ok();
            let (first, last) = (shift(self.first)?, shift(self.last)?);
            (first <= date && date <= last).then_some((first, last))
        };
        if !self.yearly {
            return with(0);
        }
        // One that begins in the year before may last into this one.
        let years = date.year() - self.first.year();
        [years, years - 1].into_iter().filter(|years| *years >= 0).find_map(with)
    }

    /// When it is on or after `date` for the first time: first and last date. `None` when it is over.
    pub fn next(&self, date: civil::Date) -> Option<(civil::Date, civil::Date)> {
        if let Some(running) = self.occurrence(date) {
            return Some(running);
        }
        if date <= self.first {
            return Some((self.first, self.last));
        }
        if !self.yearly {
            return None;
        }
        let years = i32::from(date.year() - self.first.year());
        [years, years + 1].into_iter().find_map(|years| {
            let first = self.first.checked_add(years.years()).ok()?;
            let last = self.last.checked_add(years.years()).ok()?;
            (first >= date).then_some((first, last))
        })
    }
}
