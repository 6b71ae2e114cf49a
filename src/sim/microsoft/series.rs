//! Events that take place again and again: every so many days or weeks, so many times or up to a day.

use jiff::{Span, Timestamp as Instant, ToSpan, civil, tz::TimeZone};
use serde_json::{Map, Value};

/// Most occurrences of a series.
const OCCURRENCES_MAX: usize = 1_000;

/// When a series takes place.
struct Rule {
    step: Span,
    times: usize,
    last: Option<civil::Date>,
    zone: TimeZone,
}

impl Rule {
    /// Reads `recurrence` of an event; other patterns than daily and weekly take place once.
    fn read(recurrence: &Value) -> Option<Self> {
        let (pattern, range) = (recurrence.get("pattern")?, recurrence.get("range")?);
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let every = pattern.get("interval").and_then(Value::as_i64).unwrap_or(1).clamp(1, 1_000);
        let step = match text(pattern, "type")?.as_str() {
            "daily" => every.days(),
            "weekly" => every.weeks(),
            _ => return None,
        };
        let (mut times, mut last) = (OCCURRENCES_MAX, None);
        match text(range, "type")?.as_str() {
            "numbered" => times = usize::try_from(range.get("numberOfOccurrences")?.as_u64()?).ok()?,
            "endDate" => last = Some(text(range, "endDate")?.parse().ok()?),
            _ => {}
        }
        let zone = text(range, "recurrenceTimeZone").and_then(|name| TimeZone::get(&name).ok());
        Some(Self { step, times: times.min(OCCURRENCES_MAX), last, zone: zone.unwrap_or(TimeZone::UTC) })
    }
}

/// The occurrences of the series that `body` tells of, each with its id, its beginning and its end in microseconds; none
/// of an event that is no series.
pub(super) fn occurrences(
    id: &str,
    body: &Map<String, Value>,
    start: i64,
    end: i64,
) -> Vec<(String, i64, i64)> {
    let Some(rule) = body.get("recurrence").and_then(Rule::read) else { return vec![] };
    let Ok(first) = Instant::from_microsecond(start) else { return vec![] };
    let first = first.to_zoned(rule.zone);
    let length = end.saturating_sub(start);
    let each = (0..rule.times).map_while(|count| {
        let step = rule.step.checked_mul(i64::try_from(count).ok()?).ok()?;
        let begins = first.checked_add(step).ok()?;
        if rule.last.is_some_and(|last| begins.date() > last) {
            return None;
        }
        let start = begins.timestamp().as_microsecond();
        Some((format!("{id}.{}", begins.strftime("%Y%m%d")), start, start.saturating_add(length)))
    });
    each.collect()
}

/// The series to which an occurrence of this id belongs, if it is one.
pub(super) fn series_of(id: &str) -> Option<&str> {
    id.rsplit_once('.').map(|(series, _)| series)
}
