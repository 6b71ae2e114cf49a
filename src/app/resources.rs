//! Who or what services are booked with, and when they are open.

use serde_json::{Value, json};

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    in_use, not_unique,
    services::NAME_LEN_MAX,
};
use crate::{
    domain::{
        booking::{Resource, Schedule, Window},
        id::ResourceId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Page, Place, Store, TenantTx},
};

/// Windows of one day.
pub const WINDOWS_MAX: usize = 20;
/// Dates on which a schedule can say otherwise.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// The days of the week as they are named in a schedule, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Audited for Resource {
    const KIND: &'static str = "resource";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let (week, exceptions) = hours_told(&self.schedule);
        Parts::new()
            .with("name", self.name.as_str())
            .with("active", self.active)
            .with("week", week)
            .with("exceptions", exceptions)
    }
}

/// Opening hours as the audit log tells them: the week and the exceptions.
pub(super) fn hours_told(schedule: &Schedule) -> (Value, Value) {
    let exceptions: serde_json::Map<String, Value> =
        schedule.exceptions.iter().map(|(date, hours)| (date.to_string(), windows(hours))).collect();
    let week: serde_json::Map<String, Value> =
        DAYS.iter().zip(&schedule.week).map(|(day, hours)| ((*day).to_owned(), windows(hours))).collect();
    (week.into(), exceptions.into())
}

fn windows(hours: &[Window]) -> Value {
    hours.iter().map(|window| json!([window.opens.to_string(), window.closes.to_string()])).collect()
}

/// The resources, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Resource>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    Ok(store.read(by.tenant()).await?.resources().page(after, count_max).await?)
}

/// One resource.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ResourceId) -> Result<Revised<Resource>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    Ok(both(&mut store.read(by.tenant()).await?, id).await?.0)
}

/// One resource with the state of its schedule.
///
/// # Errors
/// As [`get`].
pub async fn schedule(store: &Store, by: &Actor, id: &ResourceId) -> Result<Revised<Resource>, Error> {
    by.must(Verb::Read, Subject::Resources)?;
    Ok(of_schedule(both(&mut store.read(by.tenant()).await?, id).await?))
}

/// Makes a resource.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: Resource,
) -> Result<Revised<Resource>, Error> {
    by.must(Verb::Write, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    put(&mut tx, &wanted).await?;
    audit::record(&mut tx, by, now, None, Some(&wanted)).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes a resource as `change` says, if it is still as the asker has seen it. Its schedule stays.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ResourceId,
    seen: Option<Revision>,
    change: impl FnOnce(&Resource) -> Result<Resource, Error>,
) -> Result<Revised<Resource>, Error> {
    by.must(Verb::Write, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    let (kept, _) = both(&mut tx, id).await?;
    kept.must_be(seen)?;
    let wanted = Resource { schedule: kept.item.schedule.clone(), ..change(&kept.item)? };
    let (after, _) = change_to(&mut tx, by, now, &kept.item, &wanted).await?;
    tx.commit().await?;
    Ok(after)
}

/// Opens a resource at other hours, as `change` says, if its schedule is still as the asker has seen it.
///
/// # Errors
/// As [`edit`].
pub async fn reschedule(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ResourceId,
    seen: Option<Revision>,
    change: impl FnOnce(&Schedule) -> Result<Schedule, Error>,
) -> Result<Revised<Resource>, Error> {
    by.must(Verb::Write, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = of_schedule(both(&mut tx, id).await?);
    kept.must_be(seen)?;
    let wanted = Resource { schedule: change(&kept.item.schedule)?, ..kept.item.clone() };
    let after = of_schedule(change_to(&mut tx, by, now, &kept.item, &wanted).await?);
    tx.commit().await?;
    Ok(after)
}

/// Takes a resource away. What was ever booked, or is named by a service, stays: such a resource can be made inactive.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ResourceId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Resources)?;
    let mut tx = store.begin(by.tenant()).await?;
    let (kept, _) = both(&mut tx, id).await?;
    kept.must_be(seen)?;
    tx.resources().remove(id).await.map_err(|error| {
        in_use(error, "appointments or services refer to that resource; it can be made inactive instead")
    })?;
    audit::record(&mut tx, by, now, Some(&kept.item), None).await?;
    Ok(tx.commit().await?)
}

async fn both(tx: &mut TenantTx, id: &ResourceId) -> Result<(Revised<Resource>, Revision), Error> {
    tx.resources().revised(id).await?.ok_or(Error::NotFound("resource"))
}

fn of_schedule((resource, revision): (Revised<Resource>, Revision)) -> Revised<Resource> {
    Revised { item: resource.item, revision }
}

async fn change_to(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    kept: &Resource,
    wanted: &Resource,
) -> Result<(Revised<Resource>, Revision), Error> {
    put(tx, wanted).await?;
    audit::record(tx, by, now, Some(kept), Some(wanted)).await?;
    both(tx, &kept.id).await
}

async fn put(tx: &mut TenantTx, wanted: &Resource) -> Result<(), Error> {
    let mut faults = Faults::new();
    let name = wanted.name.trim();
    faults.unless(
        !name.is_empty() && name.chars().count() <= NAME_LEN_MAX,
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    check_hours(&wanted.schedule, "", &mut faults);
    faults.settle()?;
    let kept = tx.resources().put(wanted).await;
    kept.map(drop).map_err(|error| not_unique(error, "/name", "another resource has this name"))
}

/// Everything that must hold for opening hours, which stand at `root` in what was given.
pub(super) fn check_hours(schedule: &Schedule, root: &str, faults: &mut Faults) {
    for (day, hours) in DAYS.iter().zip(&schedule.week) {
        let at = format!("{root}/week/{day}");
        faults.unless(hours.len() <= WINDOWS_MAX, at, format!("must be at most {WINDOWS_MAX} windows"));
    }
    for (date, hours) in &schedule.exceptions {
        let at = format!("{root}/exceptions/{date}");
        faults.unless(hours.len() <= WINDOWS_MAX, at, format!("must be at most {WINDOWS_MAX} windows"));
    }
    faults.unless(
        schedule.exceptions.len() <= EXCEPTIONS_MAX,
        format!("{root}/exceptions"),
        format!("must be at most {EXCEPTIONS_MAX} dates"),
    );
    if let Err(error) = schedule.check() {
        use crate::domain::availability::ScheduleError as E;
        let at = match &error {
            E::EmptyOnWeekday { weekday, .. } | E::OverlapOnWeekday { weekday, .. } => {
                format!("{root}/week/{}", DAYS[weekday % 7])
            }
            E::EmptyOnDate { date, .. } | E::OverlapOnDate { date, .. } => {
                format!("{root}/exceptions/{date}")
            }
        };
        faults.unless(false, at, error.to_string());
    }
}
