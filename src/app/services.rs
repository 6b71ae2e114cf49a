//! What can be booked: looked up, made, changed, taken away.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    in_use, not_unique,
};
use crate::{
    domain::{
        assistant::Language,
        booking::Service,
        id::ServiceId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Page, Place, Store, TenantTx},
};

/// Longest name, price or key, in characters.
pub const NAME_LEN_MAX: usize = 100;
/// Longest duration, interval or buffer, in minutes.
pub const MINUTES_MAX: u32 = 24 * 60;
/// Longest notice or cut-off, in minutes.
pub const NOTICE_MAX: u32 = 366 * 24 * 60;
/// Furthest horizon, in days.
pub const HORIZON_MAX: u32 = 730;
/// Seats of one session.
pub const CAPACITY_MAX: u32 = 1_000;
/// Calendars one service can name.
pub const CALENDARS_MAX: usize = 50;
/// Resources one service can name.
pub const RESOURCES_MAX: usize = 100;

impl Audited for Service {
    const KIND: &'static str = "service";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let blocking: Vec<&str> = self.blocking.iter().map(|status| status.as_str()).collect();
        let resources: Vec<&str> = self.resources.iter().map(|id| id.as_str()).collect();
        Parts::new()
            .with("key", self.key.as_str())
            .with("names", json!(self.names))
            .with("duration", self.duration_min)
            .with("interval", self.interval_min)
            .with("grid_offset", self.grid_offset_min)
            .with("buffer_before", self.buffer_before_min)
            .with("buffer_after", self.buffer_after_min)
            .with("minimum_notice", self.notice_min)
            .with("horizon_days", self.horizon_days)
            .with("max_per_day", self.per_day_max)
            .with("max_per_week", self.per_week_max)
            .with("max_per_month", self.per_month_max)
            .with("max_minutes_per_day", self.minutes_per_day_max)
            .with("capacity", self.capacity)
            .with("selection", self.selection.as_str())
            .with("blocking", blocking)
            .with("conflict_calendars", json!(self.conflict_calendars))
            .with("cancel_cutoff", self.cancel_cutoff_min)
            .with("invites", self.invites)
            .with("sensitive", self.sensitive)
            .with("price", self.price.as_deref())
            .with("resources", resources)
            .with("active", self.active)
    }
}

/// The services, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Service>, Error> {
    by.must(Verb::Read, Subject::Services)?;
    Ok(store.read(by.tenant()).await?.services().page(after, count_max).await?)
}

/// One service.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ServiceId) -> Result<Revised<Service>, Error> {
    by.must(Verb::Read, Subject::Services)?;
    store.read(by.tenant()).await?.services().revised(id).await?.ok_or(Error::NotFound("service"))
}

/// Makes a service.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: Service,
) -> Result<Revised<Service>, Error> {
    by.must(Verb::Write, Subject::Services)?;
    let mut tx = store.begin(by.tenant()).await?;
    check(&mut tx, &wanted).await?;
    put(&mut tx, &wanted).await?;
    audit::record(&mut tx, by, now, None, Some(&wanted)).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes a service as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ServiceId,
    seen: Option<Revision>,
    change: impl FnOnce(&Service) -> Result<Service, Error>,
) -> Result<Revised<Service>, Error> {
    by.must(Verb::Write, Subject::Services)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.services().revised(id).await?.ok_or(Error::NotFound("service"))?;
    kept.must_be(seen)?;
    let wanted = change(&kept.item)?;
    if wanted.key != kept.item.key {
        return Err(Error::invalid("/key", "never changes; make another service"));
    }
    check(&mut tx, &wanted).await?;
    put(&mut tx, &wanted).await?;
    audit::record(&mut tx, by, now, Some(&kept.item), Some(&wanted)).await?;
    let after = tx.services().revised(id).await?.ok_or(Error::NotFound("service"))?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a service away. What was ever booked, or may be booked by an assistant, stays: such a service can be made
/// inactive.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ServiceId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Services)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.services().revised(id).await?.ok_or(Error::NotFound("service"))?;
    kept.must_be(seen)?;
    tx.services().remove(id).await.map_err(|error| {
        in_use(error, "appointments or assistants refer to that service; it can be made inactive instead")
    })?;
    audit::record(&mut tx, by, now, Some(&kept.item), None).await?;
    Ok(tx.commit().await?)
}

/// Everything that must hold for a service, told at once.
async fn check(tx: &mut TenantTx, service: &Service) -> Result<(), Error> {
    let mut faults = Faults::new();
    let plain = |key: &str| key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    faults.unless(
        (1..=40).contains(&service.key.len()) && plain(&service.key),
        "/key",
        "must be 1 to 40 lower-case letters, digits and hyphens",
    );
    faults.unless(!service.names.is_empty(), "/names", "must give a name in at least one language");
    for (language, name) in &service.names {
        let at = format!("/names/{language}");
        faults.take(language.parse::<Language>(), &at);
        faults.unless(
            !name.trim().is_empty() && name.chars().count() <= NAME_LEN_MAX,
            at,
            format!("must be 1 to {NAME_LEN_MAX} characters"),
        );
    }
    let minutes = [
        ("/duration", service.duration_min, 5),
        ("/interval", service.interval_min, 5),
        ("/grid_offset", service.grid_offset_min, 0),
        ("/buffer_before", service.buffer_before_min, 0),
        ("/buffer_after", service.buffer_after_min, 0),
    ];
    for (at, value, least) in minutes {
        let right = (least..=MINUTES_MAX).contains(&value);
        faults.unless(right, at, format!("must be from {least} to {MINUTES_MAX} minutes"));
    }
    for (at, value) in
        [("/minimum_notice", service.notice_min), ("/cancel_cutoff", service.cancel_cutoff_min)]
    {
        faults.unless(value <= NOTICE_MAX, at, format!("must be at most {NOTICE_MAX} minutes"));
    }
    faults.unless(
        (1..=HORIZON_MAX).contains(&service.horizon_days),
        "/horizon_days",
        format!("must be from 1 to {HORIZON_MAX} days"),
    );
    let limits = [
        ("/max_per_day", service.per_day_max),
        ("/max_per_week", service.per_week_max),
        ("/max_per_month", service.per_month_max),
    ];
    for (at, value) in limits {
        faults.unless(value != Some(0), at, "must be at least 1; make the service inactive to offer none");
    }
    faults.unless(
        service.minutes_per_day_max.is_none_or(|max| max >= service.duration_min),
        "/max_minutes_per_day",
        "is less than one appointment takes; make the service inactive to offer none",
    );
    faults.unless(
        (1..=CAPACITY_MAX).contains(&service.capacity),
        "/capacity",
        format!("must be from 1 to {CAPACITY_MAX} seats"),
    );
    for (at, name) in service.conflict_calendars.iter().flatten().enumerate() {
        faults.unless(
            (1..=NAME_LEN_MAX).contains(&name.chars().count()),
            format!("/conflict_calendars/{at}"),
            format!("must be 1 to {NAME_LEN_MAX} characters"),
        );
    }
    let calendars = service.conflict_calendars.as_ref().map_or(0, BTreeSet::len);
    faults.unless(
        calendars <= CALENDARS_MAX,
        "/conflict_calendars",
        format!("must be at most {CALENDARS_MAX}"),
    );
    let price = service.price.as_ref();
    faults.unless(
        price.is_none_or(|price| price.chars().count() <= NAME_LEN_MAX),
        "/price",
        format!("must be at most {NAME_LEN_MAX} characters"),
    );
    faults.unless(
        service.resources.len() <= RESOURCES_MAX,
        "/resources",
        format!("must be at most {RESOURCES_MAX}"),
    );
    for (index, id) in service.resources.iter().enumerate().take(RESOURCES_MAX) {
        let at = format!("/resources/{index}");
        faults.unless(!service.resources[..index].contains(id), &at, "is named twice");
        faults.unless(tx.resources().get(id).await?.is_some(), at, "there is no such resource");
    }
    let other = tx.services().by_key(&service.key).await?.filter(|other| other.id != service.id);
    faults.unless(other.is_none(), "/key", "another service has this key");
    faults.settle()
}

async fn put(tx: &mut TenantTx, wanted: &Service) -> Result<(), Error> {
    let kept = tx.services().put(wanted).await;
    kept.map(drop).map_err(|error| not_unique(error, "/key", "another service has this key"))
}
