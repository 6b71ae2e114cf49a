//! Whom callers may be passed on to: looked up, made, changed, taken away.
//!
//! The list is the tenant's own, and the only place where a number that is rung for a caller comes from.

use std::collections::HashSet;

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    in_use, not_unique,
    resources::{check_hours, hours_told},
    services::NAME_LEN_MAX,
};
use crate::{
    domain::{
        id::TransferTargetId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
        transfer::TransferTarget,
    },
    store::{Page, Place, Store, TenantTx},
};

/// Transfer targets one tenant may have.
pub const TARGETS_MAX: u64 = 200;
/// Longest description, in characters.
pub const DESCRIPTION_LEN_MAX: usize = 300;

impl Audited for TransferTarget {
    const KIND: &'static str = "transfer-target";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let (week, exceptions) = self.hours.as_ref().map(hours_told).unzip();
        Parts::new()
            .with("name", self.name.as_str())
            .hiding("number", self.number.as_str())
            .with("description", self.description.as_str())
            .with("week", week)
            .with("exceptions", exceptions)
            .with("announced", self.announced)
            .with("active", self.active)
    }
}

/// The targets, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<TransferTarget>, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    Ok(store.read(by.tenant()).await?.transfer_targets().page(after, count_max).await?)
}

/// One target.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &TransferTargetId) -> Result<Revised<TransferTarget>, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Makes a target.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: TransferTarget,
) -> Result<Revised<TransferTarget>, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    if tx.transfer_targets().count().await? >= TARGETS_MAX {
        return Err(Error::Limit { name: "transfer targets", max: TARGETS_MAX });
    }
    put(&mut tx, by, now, None, &wanted).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes a target as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &TransferTargetId,
    seen: Option<Revision>,
    change: impl FnOnce(&TransferTarget) -> Result<TransferTarget, Error>,
) -> Result<Revised<TransferTarget>, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    put(&mut tx, by, now, Some(&before.item), &wanted).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a target away that no assistant may use. Another can be made inactive.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &TransferTargetId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    tx.transfer_targets().remove(id).await.map_err(|error| {
        in_use(error, "an assistant may pass callers on to that target; it can be made inactive instead")
    })?;
    audit::record(&mut tx, by, now, Some(&before.item), None).await?;
    Ok(tx.commit().await?)
}

async fn kept(tx: &mut TenantTx, id: &TransferTargetId) -> Result<Revised<TransferTarget>, Error> {
    tx.transfer_targets().revised(id).await?.ok_or(Error::NotFound("transfer target"))
}

async fn put(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    before: Option<&TransferTarget>,
    wanted: &TransferTarget,
) -> Result<(), Error> {
    let mut faults = Faults::new();
    let name = wanted.name.trim();
    faults.unless(
        !name.is_empty() && name.chars().count() <= NAME_LEN_MAX && !name.chars().any(char::is_control),
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    faults.unless(
        wanted.description.chars().count() <= DESCRIPTION_LEN_MAX,
        "/description",
        format!("must be at most {DESCRIPTION_LEN_MAX} characters"),
    );
    // A call that is passed on to a number that is answered here rings in a circle.
    let own: HashSet<_> = tx.numbers().all().await?.into_iter().map(|number| number.number).collect();
    faults.unless(
        !own.contains(&wanted.number),
        "/number",
        "is answered here: callers would ring in a circle",
    );
    if let Some(hours) = &wanted.hours {
        check_hours(hours, "/hours", &mut faults);
    }
    faults.settle()?;
    let put = tx.transfer_targets().put(wanted).await;
    put.map_err(|error| not_unique(error, "/name", "another transfer target has this name"))?;
    audit::record(tx, by, now, before, Some(wanted)).await
}
