//! What a caller means by "next Friday at three".
//!
//! [`resolve`] turns the words for a time, German or English, into local dates and a time of day in the tenant's
//! zone, so that no model computes a date. What it cannot tell it asks about ([`Question`]); it never guesses
//! past a contradiction, never panics, and knows nothing of opening hours or of what is free. Words that say
//! nothing about time are passed over; a "not" or a number that fits nowhere is a reason to ask.
//!
//! Where words could be read two ways: a weekday is its next one after today; "next Friday" is at least three days
//! away; a bare hour is taken between 7 and 19 ("at three" is 15:00); "in two weeks" is that week; a date without
//! a year is its next one.

mod clock;
mod interpret;
mod reader;
mod words;

use jiff::{civil, tz::AmbiguousOffset};

use super::{
    assistant::Language,
    availability::instant,
    time::{Timestamp, Zone},
};

/// The longest text that is looked at, in bytes.
pub const TEXT_LEN_MAX: usize = 300;

/// How far "as soon as possible" and "from Monday on" reach, in days.
pub const OPEN_END_DAYS: i32 = 366;

/// When a caller would like to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// The first local date.
    pub from: civil::Date,
    /// The last local date.
    pub to: civil::Date,
    /// Only these days of the week, Monday first; all when none are named.
    pub weekdays: Option<[bool; 7]>,
    /// At what time of day; any when none is named.
    pub time: Option<TimeOfDay>,
}

/// A wish for the time of day at which an appointment starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOfDay {
    /// At exactly this time.
    At(civil::Time),
    /// Not before `from` and before `until`.
    Between {
        /// The first time that fits.
        from: civil::Time,
        /// The first time after that does not; the last representable time means the day's end.
        until: civil::Time,
    },
}

impl When {
    /// Whether a start on `date` at `time` is what was asked for.
    pub fn fits(&self, date: civil::Date, time: civil::Time) -> bool {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        self.from <= date
            && date <= self.to
            && self.weekdays.is_none_or(|days| days[weekday % 7])
            && match self.time {
                None => true,
                Some(TimeOfDay::At(at)) => time == at,
                Some(TimeOfDay::Between { from, until }) => from <= time && time < until,
            }
    }
}

/// What has to be asked before a time can be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing in it says when.
    NotUnderstood,
    /// There is no such date, as the thirtieth of February.
    NoSuchDate,
    /// It is over.
    Past,
    /// The weekday and the date do not agree; the date falls on another weekday.
    OtherWeekday {
        /// The date that was named.
        date: civil::Date,
    },
    /// The clocks skip that time on that date.
    Missing {
        /// The date.
        date: civil::Date,
        /// The first time after the gap.
        instead: civil::Time,
    },
    /// The clocks show that time twice on that date.
    Twice {
        /// What was asked for; both its instants fit.
        when: When,
    },
}

/// What `text` says about when, heard at `now` in `zone`. Both languages are tried; the one in which more of it
/// makes sense counts, `language` when they are even.
///
/// # Errors
/// What has to be asked first.
pub fn resolve(text: &str, language: Language, now: Timestamp, zone: &Zone) -> Result<When, Question> {
    if text.len() > TEXT_LEN_MAX {
        return Err(Question::NotUnderstood);
    }
    let other = Language::ALL.into_iter().filter(|other| *other != language);
    std::iter::once(language)
        .chain(other)
        .map(|language| resolve_in(text, language, now, zone))
        .min_by_key(|(passed_over, _)| *passed_over)
        .map_or(Err(Question::NotUnderstood), |(_, heard)| heard)
}

/// The date of birth that `text` names, in either language: "1980-05-12", "12.5.1980", "May 12th 1980". Two digits of
/// a year belong to the past hundred years.
pub fn date_of_birth(text: &str, language: Language, today: civil::Date) -> Option<civil::Date> {
    if text.len() > TEXT_LEN_MAX {
        return None;
    }
    let other = Language::ALL.into_iter().filter(|other| *other != language);
    std::iter::once(language).chain(other).find_map(|language| {
        let tokens = words::tokens(text, language, &Zone::utc());
        let (year, month, day) = words::full_date(&tokens, language)?;
        let year = if year > today.year() && year < 2100 { year - 100 } else { year };
        let date = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        (date <= today).then_some(date)
    })
}

/// What the text says in one language, and how many of its words say nothing there.
fn resolve_in(
    text: &str,
    language: Language,
    now: Timestamp,
    zone: &Zone,
) -> (usize, Result<When, Question>) {
    let wall = zone.wall(now).datetime();
    let tokens = words::tokens(text, language, zone);
    let (passed_over, heard) = match (reader::Reader { tokens: &tokens, language, now: wall }).items() {
        Ok((items, passed_over)) => (passed_over, interpret::when(&items, wall)),
        Err(question) => (0, Err(question)),
    };
    let heard = heard.and_then(|when| possible(when, wall, zone));
    (if heard == Err(Question::NotUnderstood) { usize::MAX } else { passed_over }, heard)
}

/// Whether what was understood can still be.
fn possible(when: When, wall: civil::DateTime, zone: &Zone) -> Result<When, Question> {
    let today = wall.date();
    if when.to < today {
        return Err(Question::Past);
    }
    let when = When { from: when.from.max(today), ..when };
    if let (true, Some(TimeOfDay::At(time))) = (when.from == when.to, when.time) {
        exists(when.from, time, zone)?;
        if when.from == today && time < wall.time() {
            return Err(Question::Past);
        }
        if let AmbiguousOffset::Fold { .. } = offset(when.from, time, zone) {
            return Err(Question::Twice { when });
        }
    }
    Ok(when)
}

fn exists(date: civil::Date, time: civil::Time, zone: &Zone) -> Result<(), Question> {
    if let AmbiguousOffset::Gap { .. } = offset(date, time, zone) {
        let instead = zone.wall(instant(date, time, zone)).time();
        return Err(Question::Missing { date, instead });
    }
    Ok(())
}

fn offset(date: civil::Date, time: civil::Time, zone: &Zone) -> AmbiguousOffset {
    zone.rules().to_ambiguous_timestamp(date.to_datetime(time)).offset()
}
