//! A calendar and what stands in it, found by time and by change without looking at everything.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use jiff::{Span, Timestamp as Instant, ToSpan, civil, tz::TimeZone};
use serde_json::{Map, Value, json};

/// What lasts longer than this is looked at for every range, in microseconds: two days.
const LONG: i64 = 2 * 86_400 * 1_000_000;
/// Most occurrences of a recurring event.
const OCCURRENCES_MAX: usize = 1_000;

/// An event as it is kept: what is asked for often by itself, all else as it was sent.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) more: Map<String, Value>,
    pub(super) cancelled: bool,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// The change that made it what it is; its ETag as well.
    pub(super) change: u64,
    start: i64,
    end: i64,
}

/// What has changed.
#[derive(Clone)]
pub(super) enum Changed {
    Event(Arc<str>),
    /// An occurrence of a recurring event that is not one any more.
    Occurrence(Arc<str>),
}

/// Which of its events are meant, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    /// Whether recurring events come as their occurrences.
    pub(super) single: bool,
}

impl Window {
    fn has(self, start: i64, end: i64) -> bool {
        self.min.is_none_or(|min| end > min) && self.max.is_none_or(|max| start < max)
    }
}

pub(super) struct Calendar {
    pub(super) name: String,
    pub(super) zone: String,
    /// Marks of another epoch are not accepted.
    pub(super) epoch: u64,
    pub(super) changes: u64,
    pub(super) by_change: BTreeMap<u64, Changed>,
    events: HashMap<Arc<str>, Stored>,
    by_start: BTreeSet<(i64, Arc<str>)>,
    /// Those that are long, odd or recurring.
    special: BTreeSet<Arc<str>>,
    live: usize,
}

impl Calendar {
    pub(super) fn new(name: &str, zone: &str) -> Self {
        Self {
            name: name.to_owned(),
            zone: zone.to_owned(),
            epoch: 0,
            changes: 0,
            by_change: BTreeMap::new(),
            events: HashMap::new(),
            by_start: BTreeSet::new(),
            special: BTreeSet::new(),
            live: 0,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Stored> {
        self.events.get(id)
    }

    /// How many are not cancelled; a recurring one is one.
    pub(super) fn count(&self) -> usize {
        self.live
    }

    /// Those that are not cancelled, by their beginning.
    pub(super) fn live(&self) -> Vec<Value> {
        self.by_start.iter().filter_map(|(_, id)| self.shown(id)).collect()
    }

    /// Writes an event as `body` has it, whatever stood there.
    pub(super) fn put(&mut self, id: &str, mut body: Map<String, Value>, now: i64) {
        let cancelled = body.remove("status").is_some_and(|status| {
            let cancelled = status == "cancelled";
            if !cancelled {
                body.insert("status".to_owned(), status);
            }
            cancelled
        });
        for own in ["id", "etag", "kind", "updated", "htmlLink"] {
            body.remove(own);
        }
        let created = body.remove("created").and_then(|text| text.as_str()?.parse::<Instant>().ok());
        let id: Arc<str> = self.events.get_key_value(id).map_or_else(|| id.into(), |(id, _)| id.clone());
        let before = self.events.get(&id).map(|before| (before.start, before.change, before.cancelled));
        if let Some((start, change, was_cancelled)) = before {
            for occurrence in self.occurrences(&id, Window::default()) {
                self.changed(Changed::Occurrence(occurrence.0.into()));
            }
            self.by_start.remove(&(start, id.clone()));
            self.by_change.remove(&change);
            self.special.remove(&id);
            self.live -= usize::from(!was_cancelled);
        }
        let start = body.get("start").and_then(|moment| self.told(moment));
        let end = body.get("end").and_then(|moment| self.told(moment));
        let special = start.is_none()
            || end.zip(start).is_none_or(|(end, start)| !(0..=LONG).contains(&(end - start)))
            || body.contains_key("recurrence");
        // What has no time that can be told is shown for every range.
        let (start, end) = (start.unwrap_or(0), end.or(start).unwrap_or(i64::MAX));
        let change = self.changed(Changed::Event(id.clone()));
        let created = created
            .map(Instant::as_microsecond)
            .or_else(|| self.events.get(&id).map(|before| before.created))
            .unwrap_or(now);
        if !cancelled {
            self.by_start.insert((start, id.clone()));
            self.live += 1;
            if special {
                self.special.insert(id.clone());
            }
        }
        let stored = Stored { more: body, cancelled, created, updated: now, change, start, end };
        self.events.insert(id, stored);
    }

    /// Deletes an event; false when it is not there or deleted already.
    pub(super) fn delete(&mut self, id: &str, now: i64) -> bool {
        let Some(stored) = self.events.get(id).filter(|stored| !stored.cancelled) else { return false };
        let mut body = stored.more.clone();
        body.insert("status".to_owned(), "cancelled".into());
        self.put(id, body, now);
        true
    }

    /// The event as Google shows it.
    pub(super) fn shown(&self, id: &str) -> Option<Value> {
        let stored = self.events.get(id)?;
        let mut body = Map::new();
        body.insert("kind".to_owned(), "calendar#event".into());
        body.insert("etag".to_owned(), etag(stored.change).into());
        body.insert("id".to_owned(), id.into());
        body.insert("status".to_owned(), if stored.cancelled { "cancelled" } else { "confirmed" }.into());
        body.insert("created".to_owned(), instant(stored.created).into());
        body.insert("updated".to_owned(), instant(stored.updated).into());
        body.insert("iCalUID".to_owned(), format!("{id}@google.com").into());
        body.insert("sequence".to_owned(), 0.into());
        body.insert("eventType".to_owned(), "default".into());
        body.extend(stored.more.iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(Value::Object(body))
    }

    /// A page of what there is in a window, behind `after`, in order of beginning and id. Whether there is more.
    pub(super) fn page(
        &self,
        window: Window,
        after: Option<&(i64, String)>,
        size: usize,
    ) -> (Vec<Value>, Option<(i64, String)>) {
        let behind = |start: i64, id: &str| {
            after.is_none_or(|(last, last_id)| (start, id) > (*last, last_id.as_str()))
        };
        let mut special: Vec<(i64, String, Value)> = vec![];
        for id in &self.special {
            let stored = &self.events[id];
            if window.single && stored.more.contains_key("recurrence") {
                let all = self.occurrences(id, window).into_iter();
                special.extend(
                    all.filter(|(one, start, _)| behind(*start, one))
                        .map(|(one, start, body)| (start, one, body)),
                );
            } else if window.has(stored.start, stored.end.max(stored.start + 1)) && behind(stored.start, id) {
                special.extend(self.shown(id).map(|body| (stored.start, id.to_string(), body)));
            }
        }
        special.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let lower = match (after, window.min) {
            (Some((start, id)), _) => Bound::Excluded((*start, Arc::from(id.as_str()))),
            (None, Some(min)) => Bound::Included((min.saturating_sub(LONG), Arc::from(""))),
            (None, None) => Bound::Unbounded,
        };
        let plain = self
            .by_start
            .range((lower, Bound::Unbounded))
            .take_while(|(start, _)| window.max.is_none_or(|max| *start < max))
            .filter(|(start, id)| {
                !self.special.contains(id) && window.has(*start, self.events[id].end.max(*start))
            });
        let mut page = vec![];
        let (mut plain, mut special) = (plain.peekable(), special.into_iter().peekable());
        let mut last = None;
        while page.len() < size {
            let first_plain = plain.peek().map(|(start, id)| (*start, id.to_string()));
            let first_special = special.peek().map(|(start, id, _)| (*start, id.clone()));
            let use_plain = match (&first_plain, &first_special) {
                (Some(plain), Some(special)) => plain < special,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if use_plain {
                page.extend(plain.next().and_then(|(_, id)| self.shown(id)));
                last = first_plain;
            } else if let Some((_, _, body)) = special.next() {
                page.push(body);
                last = first_special;
            } else {
                break;
            }
        }
        let more = plain.peek().is_some() || special.peek().is_some();
        (page, if more { last } else { None })
    }

    /// What is told of a change: the event, its occurrences, or that it is gone.
    pub(super) fn told_of(&self, changed: &Changed, window: Window) -> Vec<Value> {
        let gone = |id: &str, change| json!({ "kind": "calendar#event", "id": id, "status": "cancelled", "etag": etag(change) });
        match changed {
            Changed::Occurrence(id) => {
                let master = id.rsplit_once('_').map_or("", |(master, _)| master);
                // It may be one again.
                let again = self.occurrences(master, Window::default()).iter().any(|(one, ..)| **one == **id);
                if again { vec![] } else { vec![gone(id, self.changes)] }
            }
            Changed::Event(id) => match self.events.get(id) {
                Some(stored) if stored.cancelled => vec![gone(id, stored.change)],
                Some(stored) if window.single && stored.more.contains_key("recurrence") => {
                    self.occurrences(id, window).into_iter().map(|(_, _, body)| body).collect()
                }
                Some(_) => self.shown(id).into_iter().collect(),
                None => vec![],
            },
        }
    }

    /// The occurrences of a recurring event in a window: id, beginning, body.
    pub(super) fn occurrences(&self, id: &str, window: Window) -> Vec<(String, i64, Value)> {
        let Some(stored) = self.events.get(id).filter(|stored| !stored.cancelled) else { return vec![] };
        let Some(rule) = stored.more.get("recurrence").and_then(Rule::read) else { return vec![] };
        let all_day = stored.more["start"].get("date").is_some();
        let named = stored.more["start"]["timeZone"].as_str().unwrap_or(&self.zone);
        let zone = TimeZone::get(named).unwrap_or(TimeZone::UTC);
        let zoned = |at: i64| Instant::from_microsecond(at).unwrap_or_default().to_zoned(zone.clone());
        let (first, length) = (zoned(stored.start), stored.end - stored.start);
        let days = (zoned(stored.end).date() - first.date()).get_days();
        let shown = self.shown(id).unwrap_or_default();
        let mut found = vec![];
        for count in 0..rule.count.unwrap_or(OCCURRENCES_MAX).min(OCCURRENCES_MAX) {
            let Ok(begins) = first.checked_add(rule.step * i64::try_from(count).unwrap_or(0)) else { break };
            let start = begins.timestamp().as_microsecond();
            if rule.until.is_some_and(|until| start > until) || window.max.is_some_and(|max| start >= max) {
                break;
            }
            if !window.has(start, start + length) {
                continue;
            }
            let mut body = shown.clone();
            let (suffix, moments) = if all_day {
                let day = begins.date();
                let last = day.checked_add(days.days()).unwrap_or(day);
                let date = |date: civil::Date| json!({ "date": date.to_string() });
                (day.strftime("%Y%m%d").to_string(), (date(day), date(last)))
            } else {
                let moment = |at: i64| {
                    let text = zoned(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
                    json!({ "dateTime": text, "timeZone": named })
                };
                let utc = begins.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string();
                (utc, (moment(start), moment(start + length)))
            };
            let one = format!("{id}_{suffix}");
            body["id"] = one.clone().into();
            body["recurringEventId"] = id.into();
            body["originalStartTime"] = moments.0.clone();
            (body["start"], body["end"]) = moments;
            body.as_object_mut().map(|body| body.remove("recurrence"));
            found.push((one, start, body));
        }
        found
    }

    /// The instant a moment means, in microseconds.
    pub(super) fn told(&self, moment: &Value) -> Option<i64> {
        let calendar = || TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        if let Some(text) = moment["dateTime"].as_str() {
            if let Ok(at) = text.parse::<Instant>() {
                return Some(at.as_microsecond());
            }
            let zone = moment["timeZone"].as_str().and_then(|name| TimeZone::get(name).ok())?;
            let wall: civil::DateTime = text.parse().ok()?;
            return Some(wall.to_zoned(zone).ok()?.timestamp().as_microsecond());
        }
        let date: civil::Date = moment["date"].as_str()?.parse().ok()?;
        Some(date.to_zoned(calendar()).ok()?.timestamp().as_microsecond())
    }

    fn changed(&mut self, changed: Changed) -> u64 {
        self.changes += 1;
        self.by_change.insert(self.changes, changed);
        self.changes
    }
}

/// How an event recurs: daily or weekly.
struct Rule {
    step: Span,
    count: Option<usize>,
    until: Option<i64>,
}

impl Rule {
    fn read(lines: &Value) -> Option<Self> {
        let rule = lines.as_array()?.iter().find_map(|line| line.as_str()?.strip_prefix("RRULE:"))?;
        let part = |name: &str| {
            rule.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let every: i64 = part("INTERVAL").and_then(|every| every.parse().ok()).unwrap_or(1);
        let step = match part("FREQ")?.as_str() {
            "DAILY" => every.days(),
            "WEEKLY" => every.weeks(),
            _ => return None,
        };
        let until = part("UNTIL").and_then(|text| {
            let wall = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &text)
                .or_else(|_| civil::Date::strptime("%Y%m%d", &text).map(|date| date.at(23, 59, 59, 0)));
            Some(wall.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
        });
        Some(Self { step, count: part("COUNT").and_then(|count| count.parse().ok()), until })
    }
}

/// An ETag is a text in quotation marks.
pub(super) fn etag(change: u64) -> String {
    format!("\"{}\"", 3_000_000_000_000_000 + change)
}

/// RFC 3339 with milliseconds, in UTC.
pub(super) fn instant(at: i64) -> String {
    let at = Instant::from_microsecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
