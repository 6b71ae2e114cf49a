//! Mailboxes, their calendars and what stands in them, as Microsoft Graph keeps and shows it.
//!
//! Instants are whole microseconds in UTC, since that is what events are asked for in. Every change has a number; what has
//! changed since a number is found without looking at everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicUsize},
};

use jiff::{Timestamp as Instant, civil, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::series::{occurrences, series_of};

/// The longest an event may last and still be found by its beginning, in microseconds: two days.
const LONG: i64 = 2 * 86_400 * 1_000_000;
/// Fields an event has of its own, whatever is sent.
const OWN: [&str; 6] =
    ["id", "@odata.etag", "createdDateTime", "lastModifiedDateTime", "type", "transactionId"];

/// A mailbox: a person's or a room's.
pub(super) struct Mailbox {
    pub(super) personal: bool,
    pub(super) directory: String,
    pub(super) zone: String,
    pub(super) folders: Vec<Folder>,
    /// Whether nobody is shown more of it than when it is taken.
    pub(super) closed: bool,
    /// The code its schedule is refused with, if it is.
    pub(super) unsaid: Option<String>,
    /// Requests that are in the air.
    pub(super) in_air: Arc<AtomicUsize>,
}

/// A calendar of a mailbox.
pub(super) struct Folder {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) main: bool,
    pub(super) can_edit: bool,
    /// Marks of another epoch are not accepted.
    pub(super) epoch: u64,
    pub(super) change: u64,
    entries: BTreeMap<String, Entry>,
    by_start: BTreeSet<(i64, String)>,
    long: BTreeSet<String>,
    log: BTreeMap<u64, String>,
    /// Which event was made with which transaction id.
    transactions: BTreeMap<String, String>,
    /// Occurrences that a change has taken away.
    gone: BTreeMap<u64, BTreeSet<String>>,
}

/// An event.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) body: Map<String, Value>,
    pub(super) start: i64,
    pub(super) end: i64,
    created: i64,
    updated: i64,
    change: u64,
    /// Of a series: what of it does not take place as such.
    without: BTreeSet<String>,
}

impl Folder {
    pub(super) fn new(id: &str, name: &str, main: bool, can_edit: bool) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            main,
            can_edit,
            epoch: 1,
            change: 0,
            entries: BTreeMap::new(),
            by_start: BTreeSet::new(),
            long: BTreeSet::new(),
            log: BTreeMap::new(),
            transactions: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    /// The event that was made with that transaction id, while it is there.
    pub(super) fn by_transaction(&self, transaction: &str) -> Option<&String> {
        self.transactions.get(transaction).filter(|id| self.entries.contains_key(*id))
    }

    /// Whether an event of this id is there, or an occurrence.
    pub(super) fn has(&self, id: &str) -> bool {
        self.entries.contains_key(id) || self.occurrence(id).is_some()
    }

    /// The occurrences of a series, without what does not take place as such.
    fn occurrences(&self, id: &str) -> Vec<(String, i64, i64)> {
        let Some(entry) = self.entries.get(id) else { return vec![] };
        let mut all = occurrences(id, &entry.body, entry.start, entry.end);
        all.retain(|(one, ..)| !entry.without.contains(one));
        all
    }

    fn occurrence(&self, id: &str) -> Option<(String, i64, i64)> {
        self.occurrences(series_of(id)?).into_iter().find(|(one, ..)| one == id)
    }

    /// The ids of what takes place in a range: single events, and of series their occurrences.
    pub(super) fn items(&self, from: i64, until: i64) -> Vec<String> {
        let mut items = vec![];
        for (start, id) in self.within(from, until, None) {
            if self.is_series(&id) {
                let all = self.occurrences(&id).into_iter();
                items.extend(
                    all.filter(|(_, start, end)| *end > from && *start < until).map(|(one, at, _)| (at, one)),
                );
            } else {
                items.push((start, id));
            }
        }
        items.sort();
        items.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn is_series(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.body.get("recurrence").is_some_and(Value::is_object))
    }

    /// What a change that was made at `change` tells of an event, in a window: the event as it is, of a series also its
    /// occurrences with what is their own, and what is there no more.
    pub(super) fn told(&self, change: Option<u64>, id: &str, from: i64, until: i64) -> Vec<Value> {
        let gone = |id: &str| json!({ "id": id, "@removed": { "reason": "deleted" } });
        let lost = change.and_then(|change| self.gone.get(&change)).into_iter().flatten();
        let mut told: Vec<Value> = lost.filter(|one| !self.has(one)).map(|one| gone(one)).collect();
        let inside = self.entries.get(id).is_some_and(|it| self.ends(id, it) > from && it.start < until);
        if !inside {
            // What has left the window is removed as well.
            told.push(gone(id));
            return told;
        }
        told.extend(self.shown(id, false));
        for (one, start, end) in self.occurrences(id) {
            if end > from && start < until {
                told.push(json!({
                    "@odata.etag": self.etag(id), "id": one, "type": "occurrence", "seriesMasterId": id,
                    "start": written(start), "end": written(end),
                }));
            }
        }
        told
    }

    /// When an event is over, of a series all of it.
    fn ends(&self, id: &str, entry: &Entry) -> i64 {
        if self.is_series(id) {
            let last = occurrences(id, &entry.body, entry.start, entry.end).last().map(|(_, _, end)| *end);
            last.unwrap_or(entry.end)
        } else {
            entry.end
        }
    }

    /// Has an occurrence not take place as such; the body of its series, if there is one.
    fn leave_out(&mut self, id: &str, now: i64) -> Option<Map<String, Value>> {
        let (one, start, end) = self.occurrence(id)?;
        let series = series_of(id)?.to_owned();
        let mut body = self.entries.get(&series)?.body.clone();
        self.entries.get_mut(&series)?.without.insert(one.clone());
        self.put(&series, body.clone(), now);
        self.gone.entry(self.change).or_default().insert(one);
        body.remove("recurrence");
        body.insert("seriesMasterId".to_owned(), series.into());
        body.insert("start".to_owned(), written(start));
        body.insert("end".to_owned(), written(end));
        Some(body)
    }

    /// Changes what an event, or one occurrence of a series, says; false when it is not there.
    pub(super) fn change_fields(&mut self, id: &str, fields: Map<String, Value>, now: i64) -> bool {
        let known = self.entries.get(id).map(|entry| entry.body.clone());
        let Some(mut body) = known.or_else(|| self.leave_out(id, now)) else { return false };
        body.extend(fields);
        self.put(id, body, now);
        true
    }

    /// Writes an event as `body` has it, in place of what stood there.
    pub(super) fn put(&mut self, id: &str, mut body: Map<String, Value>, now: i64) {
        let mut lost: BTreeSet<String> = self.occurrences(id).into_iter().map(|(one, ..)| one).collect();
        let before = self.entries.remove(id);
        if let Some(before) = &before {
            self.by_start.remove(&(before.start, id.to_owned()));
            self.long.remove(id);
            self.log.remove(&before.change);
            lost.extend(self.gone.remove(&before.change).unwrap_or_default());
        }
        if let Some(transaction) = body.get("transactionId").and_then(Value::as_str) {
            self.transactions.insert(transaction.to_owned(), id.to_owned());
        }
        let created = body.get("createdDateTime").and_then(|text| text.as_str()?.parse::<Instant>().ok());
        for own in OWN {
            body.remove(own);
        }
        let start = body.get("start").and_then(moment).unwrap_or(0);
        // What has no end that can be told is shown for every time behind its beginning.
        let end = body.get("end").and_then(moment).unwrap_or(i64::MAX);
        self.change += 1;
        let known = before.as_ref();
        let entry = Entry {
            start,
            end,
            created: created.map(Instant::as_microsecond).or(known.map(|it| it.created)).unwrap_or(now),
            updated: now,
            change: self.change,
            without: before.map(|before| before.without).unwrap_or_default(),
            body,
        };
        if !lost.is_empty() {
            self.gone.insert(self.change, lost);
        }
        self.by_start.insert((start, id.to_owned()));
        if end.saturating_sub(start) > LONG || entry.body.contains_key("recurrence") {
            self.long.insert(id.to_owned());
        }
        self.log.insert(self.change, id.to_owned());
        self.entries.insert(id.to_owned(), entry);
    }

    /// Deletes an event, or one occurrence of a series; whether there was one.
    pub(super) fn delete(&mut self, id: &str, now: i64) -> bool {
        let mut lost: BTreeSet<String> = self.occurrences(id).into_iter().map(|(one, ..)| one).collect();
        let Some(gone) = self.entries.remove(id) else { return self.leave_out(id, now).is_some() };
        lost.extend(self.gone.remove(&gone.change).unwrap_or_default());
        if !lost.is_empty() {
            self.gone.insert(self.change + 1, lost);
        }
        self.by_start.remove(&(gone.start, id.to_owned()));
        self.long.remove(id);
        self.log.remove(&gone.change);
        self.change += 1;
        self.log.insert(self.change, id.to_owned());
        true
    }

    /// The ids of what shares time with a range, by their beginning, behind `after`.
    pub(super) fn within(&self, from: i64, until: i64, after: Option<&(i64, String)>) -> Vec<(i64, String)> {
        let behind = |key: &(i64, String)| after.is_none_or(|after| key > after);
        let shares =
            |id: &String| self.entries.get(id).is_some_and(|it| self.ends(id, it) > from && it.start < until);
        let lower = (from.saturating_sub(LONG), String::new());
        let mut found: Vec<(i64, String)> = self
            .by_start
            .range(lower.clone()..)
            .take_while(|(start, _)| *start < until)
            .filter(|key| behind(key) && shares(&key.1))
            .cloned()
            .collect();
        let long = self.long.iter().filter_map(|id| Some((self.entries.get(id)?.start, id.clone())));
        found.extend(long.filter(|key| *key < lower && behind(key) && shares(&key.1)));
        found.sort();
        found
    }

    /// What has changed behind a number: the number of each change and the event.
    pub(super) fn changed(&self, behind: u64) -> impl Iterator<Item = (u64, &String)> {
        self.log.range(behind + 1..).map(|(change, id)| (*change, id))
    }

    /// The event as Graph shows it; with our mark among its properties only where that is asked.
    pub(super) fn shown(&self, id: &str, expand: bool) -> Option<Value> {
        let Some(entry) = self.entries.get(id) else {
            let (_, start, end) = self.occurrence(id)?;
            let series = series_of(id)?;
            let mut shown = self.shown(series, expand)?;
            shown["id"] = id.into();
            shown["type"] = "occurrence".into();
            shown["seriesMasterId"] = series.into();
            (shown["start"], shown["end"]) = (written(start), written(end));
            shown.as_object_mut().map(|shown| shown.remove("recurrence"));
            return Some(shown);
        };
        let kind = match (self.is_series(id), entry.body.contains_key("seriesMasterId")) {
            (true, _) => "seriesMaster",
            (false, true) => "exception",
            (false, false) => "singleInstance",
        };
        let mut body = Map::new();
        body.insert("@odata.etag".to_owned(), etag(entry.change).into());
        body.insert("id".to_owned(), id.into());
        body.insert("createdDateTime".to_owned(), instant(entry.created).into());
        body.insert("lastModifiedDateTime".to_owned(), instant(entry.updated).into());
        body.insert("type".to_owned(), kind.into());
        body.insert("isCancelled".to_owned(), false.into());
        body.insert("isAllDay".to_owned(), false.into());
        body.insert("showAs".to_owned(), "busy".into());
        body.insert(
            "responseStatus".to_owned(),
            json!({ "response": "organizer", "time": "0001-01-01T00:00:00Z" }),
        );
        body.extend(entry.body.iter().map(|(name, value)| (name.clone(), value.clone())));
        if !expand {
            body.remove("singleValueExtendedProperties");
        }
        Some(Value::Object(body))
    }

    pub(super) fn etag(&self, id: &str) -> Option<String> {
        let entry = self.entries.get(id).or_else(|| self.entries.get(series_of(id)?))?;
        Some(etag(entry.change))
    }
}

fn etag(change: u64) -> String {
    format!("W/\"{change}\"")
}

/// An instant as Graph writes those that are not an event's own.
pub(super) fn instant(at: i64) -> String {
    Instant::from_microsecond(at).map_or_else(|_| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string())
}

/// An instant as Graph writes an event's beginning and end, in UTC.
pub(super) fn written(at: i64) -> Value {
    let at = Instant::from_microsecond(at).unwrap_or_default().to_zoned(TimeZone::UTC);
    json!({ "dateTime": format!("{}0", at.strftime("%Y-%m-%dT%H:%M:%S%.6f")), "timeZone": "UTC" })
}

/// An event's beginning or end, if it can be told: without an offset, in its zone.
pub(super) fn moment(value: &Value) -> Option<i64> {
    let text = value.get("dateTime")?.as_str()?;
    let zone = value.get("timeZone").and_then(Value::as_str).unwrap_or("UTC");
    let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).unwrap_or(TimeZone::UTC) };
    let local: civil::DateTime = text.parse().ok()?;
    zone.to_timestamp(local).ok().map(Instant::as_microsecond)
}
