//! What an event of Microsoft's says of time, however odd it is.
//!
//! Nothing here makes time free that may be taken: an event without an end takes the rest of its day, one that ends
//! before it begins does too, one in a zone that nobody knows takes all the time it could mean, and one whose time cannot
//! be told at all is an error and not nothing.

use std::collections::HashMap;

use jiff::{
    civil,
    tz::{AmbiguousTimestamp, TimeZone},
};
use serde_json::value::RawValue;

use super::{
    super::{Busy, Error, Taken, Unknown},
    wire::{Event, MARK, Moment, Schedule, ScheduleItem},
    zones::zone_named,
};
use crate::domain::{
    availability::EventStatus,
    calendar::{EventChange, EventId, OutsideEvent},
    time::{TimeRange, Timestamp, Zone},
};

/// What an event takes at least, in minutes: one without any length is still something at a time.
const LENGTH_MIN: i64 = 1;
/// How far the clocks of any zone are from UTC at most, in minutes.
pub(super) const APART_MAX: i64 = 14 * 60;
/// How a whole series is called, which has no time of its own: its occurrences have.
const SERIES: &str = "seriesMaster";
/// Code of a schedule that nobody has.
const NO_RECIPIENT: &str = "ErrorMailRecipientNotFound";

/// What has become of the events of a page, in which occurrences may leave to their series what they say of their time.
///
/// # Errors
/// [`Error::Garbled`] when one of them makes no sense at all.
pub(super) fn changes(page: &[Box<RawValue>], zone: &Zone) -> Result<Vec<EventChange>, Error> {
    let events = page.iter().map(|raw| event(raw)).collect::<Result<Vec<_>, _>>()?;
    let series: HashMap<String, Option<String>> = events
        .iter()
        .filter(|event| is_series(event))
        .map(|event| (event.id.clone(), event.show_as.clone()))
        .collect();
    let changes = events.into_iter().map(|mut event| {
        if is_series(&event) && !event.id.is_empty() {
            return Ok(EventChange::Gone(EventId(event.id)));
        }
        if event.show_as.is_none() {
            let series = event.series_master_id.as_ref().and_then(|id| series.get(id));
            event.show_as = series.cloned().flatten();
        }
        event_change(event, zone)
    });
    changes.collect()
}

/// An event of a page.
fn event(raw: &RawValue) -> Result<Event, Error> {
    serde_json::from_str(raw.get()).map_err(|_| Error::Garbled("an event cannot be read"))
}

/// What an event says. `zone` is its calendar's.
///
/// # Errors
/// [`Error::Garbled`] when it has no id, or no time that can be told.
pub(super) fn event_change(event: Event, zone: &Zone) -> Result<EventChange, Error> {
    if event.id.is_empty() {
        return Err(Error::Garbled("an event has no id"));
    }
    if event.removed.is_some() || is_cancelled(&event) {
        return Ok(EventChange::Gone(EventId(event.id)));
    }
    let time = time(&event, zone).ok_or(Error::Garbled("an event's time cannot be told"))?;
    Ok(EventChange::Is(OutsideEvent {
        appointment: mark(&event).and_then(|mark| mark.parse().ok()),
        made: event.created_date_time.as_deref().and_then(instant),
        status: status(&event),
        id: EventId(event.id),
        time,
        etag: event.etag.filter(|etag| !etag.is_empty()),
    }))
}

/// Whether it does not take place.
pub(super) fn is_cancelled(event: &Event) -> bool {
    event.is_cancelled == Some(true)
}

/// The appointment it is marked with, in whatever words.
pub(super) fn mark(event: &Event) -> Option<&str> {
    let properties = event.single_value_extended_properties.as_deref().unwrap_or_default();
    // Graph writes the set's name as it likes.
    let ours = properties.iter().find(|property| property.id.eq_ignore_ascii_case(MARK))?;
    ours.value.as_deref()
}

/// An RFC 3339 instant, kept within what is counted with.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(clamped)
}

/// What a schedule says takes time; one with an error says nothing, whatever else it says.
pub(super) fn busy(schedule: Option<&Schedule>) -> Busy {
    let Some(schedule) = schedule else { return Busy::Unknown(Unknown::NotSaid) };
    if let Some(error) = &schedule.error {
        let gone = error.response_code.as_deref() == Some(NO_RECIPIENT);
        return Busy::Unknown(if gone { Unknown::NotThere } else { Unknown::NotSaid });
    }
    let taken = schedule.schedule_items.as_ref().and_then(|items| items.iter().map(taken).collect());
    let takes_time = |taken: &Taken| taken.status != EventStatus::Free;
    match taken {
        Some(taken) => Busy::Known(Vec::into_iter(taken).filter(takes_time).collect()),
        None => Busy::Unknown(Unknown::NotSaid),
    }
}

fn taken(item: &ScheduleItem) -> Option<Taken> {
    let time = from_until(item.start.as_ref(), item.end.as_ref(), &Zone::utc())?;
    Some(Taken { time, status: shown_as(item.status.as_deref()) })
}

fn is_series(event: &Event) -> bool {
    event.removed.is_none() && event.kind.as_deref() == Some(SERIES)
}

fn status(event: &Event) -> EventStatus {
    let response = event.response_status.as_ref().and_then(|status| status.response.as_deref());
    if response == Some("declined") { EventStatus::Declined } else { shown_as(event.show_as.as_deref()) }
}

fn shown_as(word: Option<&str>) -> EventStatus {
    match word {
        Some("free") => EventStatus::Free,
        Some("tentative") => EventStatus::Tentative,
        Some("oof") => EventStatus::OutOfOffice,
        Some("workingElsewhere") => EventStatus::WorkingElsewhere,
        // `unknown` as well: what is not known to be free is not free.
        _ => EventStatus::Busy,
    }
}

fn time(event: &Event, zone: &Zone) -> Option<TimeRange> {
    let (start, end) = (event.start.as_ref(), event.end.as_ref());
    if event.is_all_day != Some(true) {
        return from_until(start, end, zone);
    }
    let days = days(start, end, zone)?;
    // A calendar is said to be in UTC where its zone could not be had or was never set; then the day of whoever wrote the
    // event counts too.
    let written_in = event.original_start_time_zone.as_deref().and_then(super::zones::calendar_zone);
    let theirs = match written_in {
        Some(theirs) if matches!(zone.name(), "UTC" | "Etc/UTC") => self::days(start, end, &theirs)?,
        _ => days,
    };
    Some(TimeRange { start: days.start.min(theirs.start), end: days.end.max(theirs.end) })
}

/// What is between two moments; without an end, or with one that does not lie after its start, the rest of its day.
fn from_until(start: Option<&Moment>, end: Option<&Moment>, zone: &Zone) -> Option<TimeRange> {
    let (start, end) = (start.and_then(told), end.and_then(told));
    let (start, end) = match (start, end) {
        // Each may be meant as an earlier or as a later instant; as much as may be meant is taken.
        (Some(start), Some(end)) if end.end > start.start => (start.start, end.end),
        (Some(start), _) => (start.start, next_midnight(start.end, zone)),
        (None, Some(end)) => (midnight_before(end.start, zone), end.end),
        (None, None) => return None,
    };
    Some(not_empty(start, end))
}

/// The whole days of an event that takes whole days; the last one is the one before its end.
fn days(start: Option<&Moment>, end: Option<&Moment>, zone: &Zone) -> Option<TimeRange> {
    let wall = |moment: Option<&Moment>| moment.and_then(|moment| wall(moment.date_time.as_deref()?));
    let midnight_of = |at: Option<civil::DateTime>| {
        at.filter(|at| at.time() == civil::Time::midnight()).and_then(|at| midnight(at.date(), zone))
    };
    let (first, after) = (wall(start), wall(end));
    // Midnight names a date, whatever zone stands beside it.
    let first = match midnight_of(first) {
        Some(first) => first,
        // Anything else is an instant, and the days are those it lies in.
        None => match start.and_then(told).or_else(|| end.and_then(told)) {
            Some(told) => midnight_at(told.start, zone),
            None => return None,
        },
    };
    let after = midnight_of(after).or_else(|| end.and_then(told).map(|told| up_to_midnight(told.end, zone)));
    let after = after.filter(|after| *after > first).unwrap_or_else(|| next_midnight(first, zone));
    Some(not_empty(first, after))
}

/// The instants a moment may mean: one, two where the clock shows it twice, and any within [`APART_MAX`] where nobody
/// knows the zone.
fn told(moment: &Moment) -> Option<TimeRange> {
    let text = moment.date_time.as_deref()?;
    if let Some(at) = instant(text) {
        return Some(TimeRange { start: at, end: at });
    }
    let wall = wall(text)?;
    let (zone, apart) = match moment.time_zone.as_deref().and_then(zone_named) {
        Some(zone) => (zone, 0),
        None => (TimeZone::UTC, APART_MAX),
    };
    let may_mean = zone.to_ambiguous_timestamp(wall);
    let start = on_the_calendar(may_mean, AmbiguousTimestamp::earlier, wall);
    let end = on_the_calendar(may_mean, AmbiguousTimestamp::later, wall);
    Some(TimeRange {
        start: start.plus_minutes(-apart).max(Timestamp::MIN),
        end: end.plus_minutes(apart).min(Timestamp::MAX),
    })
}

/// Beyond the first and the last day that are counted with, their borders.
fn on_the_calendar(
    may_mean: AmbiguousTimestamp,
    which: fn(AmbiguousTimestamp) -> Result<jiff::Timestamp, jiff::Error>,
    wall: civil::DateTime,
) -> Timestamp {
    let beyond = if wall.year() > 1970 { Timestamp::MAX } else { Timestamp::MIN };
    which(may_mean).map_or(beyond, clamped)
}

/// What the clock shows; fractions have seven digits at Graph.
fn wall(text: &str) -> Option<civil::DateTime> {
    text.trim().parse().ok()
}

/// The range, at least [`LENGTH_MIN`] long and within what is counted with.
fn not_empty(start: Timestamp, end: Timestamp) -> TimeRange {
    let start = start.clamp(Timestamp::MIN, Timestamp::MAX.plus_minutes(-LENGTH_MIN));
    TimeRange { start, end: end.clamp(start.plus_minutes(LENGTH_MIN), Timestamp::MAX) }
}

fn next_midnight(at: Timestamp, zone: &Zone) -> Timestamp {
    let next = zone.wall(at).date().tomorrow().ok().and_then(|date| midnight(date, zone));
    next.unwrap_or(Timestamp::MAX)
}

/// The beginning of the day in which `at` is.
fn midnight_at(at: Timestamp, zone: &Zone) -> Timestamp {
    midnight(zone.wall(at).date(), zone).unwrap_or(Timestamp::MIN)
}

/// The beginning of the day that `at` ends: what ends at midnight belongs to the day before.
fn midnight_before(at: Timestamp, zone: &Zone) -> Timestamp {
    midnight_at(Timestamp(at.0.saturating_sub(1)).max(Timestamp::MIN), zone)
}

/// The end of the day that `at` ends.
fn up_to_midnight(at: Timestamp, zone: &Zone) -> Timestamp {
    next_midnight(Timestamp(at.0.saturating_sub(1)).max(Timestamp::MIN), zone)
}

fn midnight(date: civil::Date, zone: &Zone) -> Option<Timestamp> {
    date.to_zoned(zone.rules().clone()).ok().map(|zoned| clamped(zoned.timestamp()))
}

fn clamped(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from(at).clamp(Timestamp::MIN, Timestamp::MAX)
}
