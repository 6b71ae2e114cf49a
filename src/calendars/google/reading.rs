//! What an event of Google's says of time, however odd it is.
//!
//! Nothing here makes time free that may be taken: an event without an end takes the rest of its day, one that ends
//! before it begins does too, and one whose time cannot be told at all is an error and not nothing.

use jiff::{civil, tz::TimeZone};
use serde_json::value::RawValue;

use super::{
    super::Error,
    wire::{self, Event, Moment},
};
use crate::domain::{
    availability::EventStatus,
    calendar::{EventChange, EventId, OutsideEvent},
    time::{TimeRange, Timestamp, Zone},
};

/// What an event takes at least, in minutes: one without any length is still something at a time.
const LENGTH_MIN: i64 = 1;

/// What an event of a page says. `zone` is its calendar's.
///
/// # Errors
/// [`Error::Garbled`] when it makes no sense at all.
pub(super) fn change(raw: &RawValue, zone: &Zone) -> Result<EventChange, Error> {
    let event: Event =
        serde_json::from_str(raw.get()).map_err(|_| Error::Garbled("an event cannot be read"))?;
    event_change(event, zone)
}

/// What an event says.
///
/// # Errors
/// [`Error::Garbled`] when it has no id, or no time that can be told.
pub(super) fn event_change(event: Event, zone: &Zone) -> Result<EventChange, Error> {
    if event.id.is_empty() {
        return Err(Error::Garbled("an event has no id"));
    }
    if is_cancelled(&event) {
        return Ok(EventChange::Gone(EventId(event.id)));
    }
    let time = time(&event, zone).ok_or(Error::Garbled("an event's time cannot be told"))?;
    let status = status(&event);
    let mark = event.extended_properties.private.get(wire::MARK);
    Ok(EventChange::Is(OutsideEvent {
        appointment: mark.and_then(|mark| mark.parse().ok()),
        made: event.created.as_deref().and_then(instant),
        id: EventId(event.id),
        time,
        status,
        etag: event.etag.filter(|etag| !etag.is_empty()),
    }))
}

/// Whether it was deleted or does not take place.
pub(super) fn is_cancelled(event: &Event) -> bool {
    event.status.as_deref() == Some("cancelled")
}

/// An RFC 3339 instant, kept within what is counted with.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(clamped)
}

/// The range, at least [`LENGTH_MIN`] long and within what is counted with.
pub(super) fn not_empty(start: Timestamp, end: Timestamp) -> TimeRange {
    let start = start.clamp(Timestamp::MIN, Timestamp::MAX.plus_minutes(-LENGTH_MIN));
    TimeRange { start, end: end.clamp(start.plus_minutes(LENGTH_MIN), Timestamp::MAX) }
}

fn status(event: &Event) -> EventStatus {
    let answer = event.attendees.iter().find(|guest| guest.is_self);
    let answer = answer.map_or("", |guest| guest.response_status.as_str());
    let kind = event.event_type.as_deref().unwrap_or_default();
    if answer == "declined" {
        EventStatus::Declined
    } else if event.transparency.as_deref() == Some("transparent") {
        EventStatus::Free
    } else if kind == "workingLocation" || kind == "birthday" {
        // They say where somebody is and what day it is, and take no time; Google's free/busy leaves them out too.
        EventStatus::Free
    } else if kind == "outOfOffice" {
        EventStatus::OutOfOffice
    } else if event.status.as_deref() == Some("tentative") || answer == "tentative" {
        EventStatus::Tentative
    } else {
        EventStatus::Busy
    }
}

fn time(event: &Event, zone: &Zone) -> Option<TimeRange> {
    let start = event.start.as_ref().and_then(|moment| told(moment, zone));
    let end = event.end.as_ref().and_then(|moment| told(moment, zone));
    let (start, end) = match (start, end) {
        (Some(start), Some(end)) if end >= start => (start, end),
        // Without an end, or with one that lies before: the rest of its day.
        (Some(start), _) => (start, next_midnight(start, zone)),
        (None, Some(end)) => (midnight_before(end, zone), end),
        (None, None) => return None,
    };
    Some(not_empty(start, end))
}

/// The instant a moment means: a day begins in the calendar's zone; a time without an offset is in its own zone, and in
/// the calendar's where that is none.
fn told(moment: &Moment, zone: &Zone) -> Option<Timestamp> {
    if let Some(text) = &moment.date_time {
        return instant(text).or_else(|| {
            let wall: civil::DateTime = text.trim().parse().ok()?;
            let named = moment.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
            let zoned = wall.to_zoned(named.unwrap_or_else(|| zone.rules().clone())).ok()?;
            Some(clamped(zoned.timestamp()))
        });
    }
    let date: civil::Date = moment.date.as_deref()?.trim().parse().ok()?;
    midnight(date, zone)
}

fn next_midnight(at: Timestamp, zone: &Zone) -> Timestamp {
    let next = zone.wall(at).date().tomorrow().ok().and_then(|date| midnight(date, zone));
    next.unwrap_or(Timestamp::MAX)
}

/// The beginning of the day that `at` ends: what ends at midnight belongs to the day before.
fn midnight_before(at: Timestamp, zone: &Zone) -> Timestamp {
    let just_before = Timestamp(at.0.saturating_sub(1)).max(Timestamp::MIN);
    midnight(zone.wall(just_before).date(), zone).unwrap_or(Timestamp::MIN)
}

fn midnight(date: civil::Date, zone: &Zone) -> Option<Timestamp> {
    date.to_zoned(zone.rules().clone()).ok().map(|zoned| clamped(zoned.timestamp()))
}

fn clamped(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from(at).clamp(Timestamp::MIN, Timestamp::MAX)
}
