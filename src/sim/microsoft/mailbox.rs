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

    /// Writes an event as `body` has it, in place of what stood there.
    pub(super) fn put(&mut self, id: &str, mut body: Map<String, Value>, now: i64) {
        let before = self.entries.remove(id);
        if let Some(before) = &before {
            self.by_start.remove(&(before.start, id.to_owned()));
            self.long.remove(id);
            self.log.remove(&before.change);
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
            body,
        };
        self.by_start.insert((start, id.to_owned()));
        if end.saturating_sub(start) > LONG {
            self.long.insert(id.to_owned());
        }
        self.log.insert(self.change, id.to_owned());
        self.entries.insert(id.to_owned(), entry);
    }

    /// Deletes an event; whether there was one.
    pub(super) fn delete(&mut self, id: &str) -> bool {
        let Some(gone) = self.entries.remove(id) else { return false };
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
        let shares = |id: &String| self.entries.get(id).is_some_and(|it| it.end > from && it.start < until);
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
        let entry = self.entries.get(id)?;
        let mut body = Map::new();
        body.insert("@odata.etag".to_owned(), etag(entry.change).into());
        body.insert("id".to_owned(), id.into());
        body.insert("createdDateTime".to_owned(), instant(entry.created).into());
        body.insert("lastModifiedDateTime".to_owned(), instant(entry.updated).into());
        body.insert("type".to_owned(), "singleInstance".into());
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
        self.entries.get(id).map(|entry| etag(entry.change))
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
