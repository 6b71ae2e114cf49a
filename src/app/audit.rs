//! Who changed what, when: written with every change, read by admins, verifiable.
//!
//! An entry tells which parts of a thing were changed, from what to what. Secrets never stand in it, and of people's
//! own words and data only that they were changed: the chain cannot be rewritten when somebody asks to be forgotten.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Error, access::Actor};
use crate::{
    domain::{
        people::{Subject, Verb},
        time::Timestamp,
    },
    store::{AuditEntry, AuditFilter, Broken, Page, Place, Store, TenantTx},
};

/// What stands in place of something that was there and is not to be read.
const HIDDEN: &str = "…";

/// The parts of a thing by name, as they may stand in the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts(BTreeMap<&'static str, Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Shown(Value),
    /// Compared, never shown.
    Hidden(Value),
}

impl Parts {
    /// No parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a part that may be read by every admin in a year.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name, Part::Shown(value.into()));
        self
    }

    /// With a part of which only that it changed may be known: a secret, or what is a person's own.
    #[must_use]
    pub fn hiding(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name, Part::Hidden(value.into()));
        self
    }
}

impl Parts {
    /// The parts that may be read, by name.
    pub fn shown(self) -> BTreeMap<&'static str, Value> {
        let shown = |(name, part)| match part {
            Part::Shown(value) => Some((name, value)),
            Part::Hidden(_) => None,
        };
        self.0.into_iter().filter_map(shown).collect()
    }
}

/// A thing whose changes are told.
pub trait Audited {
    /// What it is, in one word of the product's.
    const KIND: &'static str;
    /// Which one.
    fn id(&self) -> String;
    /// Its parts.
    fn parts(&self) -> Parts;
}

/// Tells, in the transaction of the change itself, that something was made (`before` is `None`), changed or removed
/// (`after` is `None`). Nothing is told when nothing differs.
///
/// # Errors
/// When the database cannot keep it; the change is not kept either, then.
pub async fn record<T: Audited>(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    before: Option<&T>,
    after: Option<&T>,
) -> Result<(), Error> {
    let (verb, id) = match (before, after) {
        (None, None) => return Ok(()),
        (None, Some(made)) => ("created", made.id()),
        (Some(_), Some(changed)) => ("changed", changed.id()),
        (Some(removed), None) => ("removed", removed.id()),
    };
    let changes = changes(before.map(T::parts), after.map(T::parts));
    if changes.is_empty() && before.is_some() == after.is_some() {
        return Ok(());
    }
    tell(tx, by, now, &format!("{}.{verb}", T::KIND), &id, Value::Object(changes)).await
}

/// Tells of something that was done, with what belongs to it.
///
/// # Errors
/// When the database cannot keep it.
pub async fn tell(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    action: &str,
    subject: &str,
    about: Value,
) -> Result<(), Error> {
    Ok(tx.audit().add(now, &by.to_string(), action, subject, &about).await?)
}

/// Who changed a thing last, as whoever works on it too may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changer {
    /// The asker.
    Oneself,
    /// A member, by what she is called.
    Member(String),
    /// A program of the tenant's, somebody who helps, a call, or the system.
    Other,
}

/// How the actions end by which a thing becomes another.
const CHANGES: [&str; 5] = [".changed", ".drafted", ".moved", ".cancelled", ".calendars_chosen"];
/// Entries of a thing that are looked through for them.
const LOOKED_AT: u32 = 20;

/// Who changed a thing last, and when; `None` when nobody has lately.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn last_change(
    store: &Store,
    by: &Actor,
    subject: &str,
) -> Result<Option<(Changer, Timestamp)>, Error> {
    let mut tx = store.read(by.tenant()).await?;
    let filter = AuditFilter::Subject(subject.to_owned());
    let entries = tx.audit().page(&filter, None, LOOKED_AT).await?.items;
    // What else was done with it, such as listening to a call, is nobody's concern here.
    let changed = |entry: &AuditEntry| CHANGES.iter().any(|change| entry.action.ends_with(change));
    let Some(entry) = entries.into_iter().find(changed) else { return Ok(None) };
    if entry.actor == by.to_string() {
        return Ok(Some((Changer::Oneself, entry.at)));
    }
    let member = match entry.actor.parse() {
        Ok(user) => tx.memberships().get(&user).await?,
        Err(_) => None,
    };
    let who = member.map_or(Changer::Other, |member| Changer::Member(member.item.called().to_owned()));
    Ok(Some((who, entry.at)))
}

/// The log, latest first, a page at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    filter: &AuditFilter,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<AuditEntry>, Error> {
    by.must(Verb::Read, Subject::Audit)?;
    Ok(store.read(by.tenant()).await?.audit().page(filter, after, count_max).await?)
}

/// Computes every hash of the tenant's chain again: how many entries it has, or where it breaks.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn verify(store: &Store, by: &Actor) -> Result<Result<i64, Broken>, Error> {
    by.must(Verb::Read, Subject::Audit)?;
    Ok(store.read(by.tenant()).await?.audit().verify().await?)
}

/// The parts that differ: `{"name": {"before": …, "after": …}}`.
fn changes(before: Option<Parts>, after: Option<Parts>) -> Map<String, Value> {
    let (before, after) = (before.unwrap_or_default().0, after.unwrap_or_default().0);
    let mut names: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let shown = |part: Option<&Part>| match part {
        None => Value::Null,
        Some(Part::Hidden(Value::Null)) => Value::Null,
        Some(Part::Hidden(_)) => Value::from(HIDDEN),
        Some(Part::Shown(value)) => value.clone(),
    };
    names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| {
            let change = json!({ "before": shown(before.get(name)), "after": shown(after.get(name)) });
            (name.to_owned(), change)
        })
        .collect()
}
