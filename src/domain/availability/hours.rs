//! Opening hours as instants: what a schedule means on a local date.
//!
//! A window belongs to the date on which it opens; one that closes at or before its opening time reaches into the
//! next day. An exception replaces the windows that open on its date, not the rest of a night that began before. Closing
//! days and absences are taken off what is left, to the minute, and move no grid.

use jiff::{civil, tz::AmbiguousOffset};

use super::why::Source;
use crate::domain::{
    booking::{Schedule, Window},
    closing::Closure,
    time::{TimeRange, Timestamp, Zone},
};

/// The instant at which the clock on the wall shows `time` on `date`. A time inside a clock gap is the first
/// instant after it, a time that comes twice is the first of the two.
pub fn instant(date: civil::Date, time: civil::Time, zone: &Zone) -> Timestamp {
    let ambiguous = zone.rules().to_ambiguous_timestamp(date.to_datetime(time));
    let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let Ok(at) = ambiguous.compatible() else { return Timestamp::MAX };
    if !gap {
        return at.into();
    }
    // Inside a gap "compatible" is as far past the clock change as the time was into the gap.
    let just_after = at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(at);
    zone.rules().preceding(just_after).next().map_or(at, |change| change.timestamp()).into()
}

/// What the clock on the wall means: a time may come once, twice or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalTime {
    /// The instant it is.
    Once(Timestamp),
    /// The clocks skip it. The first instant after the gap.
    Missing(Timestamp),
    /// The clocks are put back over it. Both instants, the earlier first.
    Twice(Timestamp, Timestamp),
}

/// When the clock on the wall shows `wall`.
pub fn local_time(wall: civil::DateTime, zone: &Zone) -> LocalTime {
    let ambiguous = zone.rules().to_ambiguous_timestamp(wall);
    let (earlier, later) = (ambiguous.earlier(), ambiguous.later());
    match (ambiguous.offset(), earlier, later) {
        (AmbiguousOffset::Fold { .. }, Ok(earlier), Ok(later)) => {
            LocalTime::Twice(earlier.into(), later.into())
        }
        (AmbiguousOffset::Gap { .. }, ..) => LocalTime::Missing(instant(wall.date(), wall.time(), zone)),
        (AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. }, ..) => {
            LocalTime::Once(instant(wall.date(), wall.time(), zone))
        }
    }
}

/// When an all-day event of the dates `from` until `until`, the latter excluded, takes place in its calendar's zone.
pub fn all_day(from: civil::Date, until: civil::Date, zone: &Zone) -> TimeRange {
    let begins = |date| instant(date, civil::Time::midnight(), zone);
    TimeRange { start: begins(from), end: begins(until) }
}

/// The first instant of the date after `date`.
pub(super) fn day_end(date: civil::Date, zone: &Zone) -> Timestamp {
    date.tomorrow().map_or(Timestamp::MAX, |next| instant(next, civil::Time::midnight(), zone))
}

/// A stretch of a local date in which one may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where the grid of starts begins.
    pub grid: Timestamp,
    /// The first open instant, not before the date begins.
    pub from: Timestamp,
    /// The first closed instant; may lie in the next date.
    pub until: Timestamp,
}

/// What is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A window of a weekday (Monday is 0) without any time in it.
    #[error(
        "{}: a window that opens and closes at {at} is empty; the whole day is written 00:00 to 24:00",
        DAYS[*weekday % 7]
    )]
    EmptyOnWeekday {
        /// Monday is 0.
        weekday: usize,
        /// When it opens and closes.
        at: civil::Time,
    },
    /// A window of an exception without any time in it.
    #[error("{date}: a window that opens and closes at {at} is empty; a closed date has no windows")]
    EmptyOnDate {
        /// The exception's date.
        date: civil::Date,
        /// When it opens and closes.
        at: civil::Time,
    },
    /// Two windows of a weekday that share time.
    #[error("{}: the windows that open at {first} and at {second} overlap", DAYS[*weekday % 7])]
    OverlapOnWeekday {
        /// Monday is 0.
        weekday: usize,
        /// When the earlier one opens.
        first: civil::Time,
        /// When the later one opens.
        second: civil::Time,
    },
    /// Two windows of an exception that share time.
    #[error("{date}: the windows that open at {first} and at {second} overlap")]
    OverlapOnDate {
        /// The exception's date.
        date: civil::Date,
        /// When the earlier one opens.
        first: civil::Time,
        /// When the later one opens.
        second: civil::Time,
    },
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Window {
    /// Whether it reaches into the next day. One that ends with its day does not.
    pub fn past_midnight(self) -> bool {
        self.closes < self.opens
    }
}

impl Schedule {
    /// Checks what a person wrote before it is saved. Windows that touch are fine (they are one), as are those
    /// past midnight.
    ///
    /// # Errors
    /// The first window that is empty or shares time with another of its day.
    pub fn check(&self) -> Result<(), ScheduleError> {
        for (weekday, windows) in self.week.iter().enumerate() {
            match fault(windows) {
                Some(Fault::Empty(at)) => return Err(ScheduleError::EmptyOnWeekday { weekday, at }),
                Some(Fault::Overlap(first, second)) => {
                    return Err(ScheduleError::OverlapOnWeekday { weekday, first, second });
                }
                None => {}
            }
        }
        for (&date, windows) in &self.exceptions {
            match fault(windows) {
                Some(Fault::Empty(at)) => return Err(ScheduleError::EmptyOnDate { date, at }),
                Some(Fault::Overlap(first, second)) => {
                    return Err(ScheduleError::OverlapOnDate { date, first, second });
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The windows that open on `date`.
    pub fn windows(&self, date: civil::Date) -> &[Window] {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        self.exceptions.get(&date).unwrap_or(&self.week[weekday % 7])
    }

    /// Everything of this schedule that `time` would lie outside of, or in: nothing where it is open throughout. Its
    /// date is that on which it starts.
    pub fn against(&self, time: TimeRange, zone: &Zone) -> Vec<Source> {
        let date = zone.wall(time.start).date();
        let mut found = Vec::new();
        let mut day = Some(date);
        while let Some(date) = day.filter(|date| instant(*date, civil::Time::midnight(), zone) < time.end) {
            let here = self
                .closures
                .iter()
                .filter(|closure| closed_on(closure, date, zone).is_some_and(|closed| closed.overlaps(time)));
            for closure in here {
                let source = Source::Closure(closure.id.clone());
                if !found.contains(&source) {
                    found.push(source);
                }
            }
            day = date.tomorrow().ok();
        }
        let hours = |date| self.hours_spans(date, zone);
        let span = hours(date).into_iter().find(|span| span.from <= time.start && time.start < span.until);
        let open = span.is_some_and(|span| time.end <= open_until((date, span.until), time.end, hours));
        if !open {
            found.push(if self.exceptions.contains_key(&date) {
                Source::Exception(date)
            } else {
                Source::Week(date.weekday())
            });
        }
        found
    }

    /// Whether it is open at that instant.
    pub fn open_at(&self, at: Timestamp, zone: &Zone) -> bool {
        let spans = self.spans(zone.wall(at).date(), zone);
        spans.iter().any(|span| span.from <= at && at < span.until)
    }

    /// The first opening after that instant, on its date or one of the `days_max` that follow.
    pub fn opens_after(&self, at: Timestamp, zone: &Zone, days_max: u32) -> Option<Timestamp> {
        let mut date = zone.wall(at).date();
        for _ in 0..=days_max {
            let opens = self.spans(date, zone).into_iter().map(|span| span.from).find(|from| *from > at);
            if opens.is_some() {
                return opens;
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Where one may start on `date`: its own windows, merged, and what is left of the night before, without what is
    /// closed. A night that ends at midnight leaves nothing, so the grid of a day begins with the day.
    pub(super) fn spans(&self, date: civil::Date, zone: &Zone) -> Vec<Span> {
        let spans = self.hours_spans(date, zone);
        if self.closures.is_empty() || spans.is_empty() {
            return spans;
        }
        // A window may reach into the next date.
        let dates = [Some(date), date.tomorrow().ok()];
        let mut closed: Vec<TimeRange> = dates
            .into_iter()
            .flatten()
            .flat_map(|date| self.closures.iter().filter_map(move |closure| closed_on(closure, date, zone)))
            .collect();
        closed.sort_unstable();
        spans.into_iter().flat_map(|span| without(span, &closed)).collect()
    }

    /// The same by the opening hours alone, as if nothing were closed.
    fn hours_spans(&self, date: civil::Date, zone: &Zone) -> Vec<Span> {
        let mut spans = Vec::new();
        let before = date.yesterday().ok().map(|before| (before, self.windows(before)));
        if let Some((before, windows)) =
            before.filter(|(_, windows)| windows.iter().any(|w| w.past_midnight()))
        {
            let midnight = instant(date, civil::Time::midnight(), zone);
            let left = merged(before, windows, zone).into_iter().filter(|span| span.until > midnight);
            spans.extend(left.map(|span| Span { from: midnight, ..span }));
        }
        for own in merged(date, self.windows(date), zone) {
            match spans.last_mut() {
                Some(last) if own.from <= last.until => last.until = last.until.max(own.until),
                _ => spans.push(own),
            }
        }
        spans
    }
}

/// How far the opening that lasts until `until` and is part of `date` reaches, looked at as far as `needed`. Openings
/// that touch at midnight are one. `spans` says what is open on a date.
pub(super) fn open_until(
    (mut date, mut until): (civil::Date, Timestamp),
    needed: Timestamp,
    spans: impl Fn(civil::Date) -> Vec<Span>,
) -> Timestamp {
    while until < needed {
        let Ok(next) = date.tomorrow() else { break };
        date = next;
        let joined =
            spans(date).into_iter().filter(|later| later.from <= until).map(|later| later.until).max();
        match joined {
            Some(later) if later > until => until = later,
            _ => break,
        }
    }
    until
}

/// What `closure` takes of `date`, if anything.
pub(super) fn closed_on(closure: &Closure, date: civil::Date, zone: &Zone) -> Option<TimeRange> {
    let window = closure.on(date)?;
    let until = if window.closes == Window::DAY_END {
        day_end(date, zone)
    } else {
        instant(date, window.closes, zone)
    };
    let range = TimeRange { start: instant(date, window.opens, zone), end: until };
    (range.start < range.end).then_some(range)
}

/// What is left of `span` without what is closed, which is in order. The grid stays where it is.
fn without(span: Span, closed: &[TimeRange]) -> Vec<Span> {
    let (mut left, mut from) = (Vec::new(), span.from);
    for taken in closed.iter().filter(|taken| taken.start < span.until && taken.end > span.from) {
        if from < taken.start {
            left.push(Span { grid: span.grid, from, until: taken.start });
        }
        from = from.max(taken.end);
    }
    if from < span.until {
        left.push(Span { grid: span.grid, from, until: span.until });
    }
    left
}

/// The windows as instants, in order, those that touch or overlap made one.
fn merged(date: civil::Date, windows: &[Window], zone: &Zone) -> Vec<Span> {
    let mut spans: Vec<Span> = windows
        .iter()
        .map(|window| {
            let from = instant(date, window.opens, zone);
            let until = if window.closes == Window::DAY_END {
                day_end(date, zone)
            } else if window.past_midnight() {
                date.tomorrow().map_or(Timestamp::MAX, |next| instant(next, window.closes, zone))
            } else {
                instant(date, window.closes, zone)
            };
            Span { grid: from, from, until }
        })
        .filter(|span| span.from < span.until)
        .collect();
    spans.sort_by_key(|span| (span.from, span.until));
    spans.dedup_by(|next, kept| {
        let touches = next.from <= kept.until;
        if touches {
            kept.until = kept.until.max(next.until);
        }
        touches
    });
    spans
}

enum Fault {
    Empty(civil::Time),
    Overlap(civil::Time, civil::Time),
}

fn fault(windows: &[Window]) -> Option<Fault> {
    if let Some(window) = windows.iter().find(|window| window.opens == window.closes) {
        return Some(Fault::Empty(window.opens));
    }
    let mut sorted = windows.to_vec();
    sorted.sort();
    let overlap = sorted.windows(2).find(|pair| pair[0].past_midnight() || pair[1].opens < pair[0].closes)?;
    Some(Fault::Overlap(overlap[0].opens, overlap[1].opens))
}
