//! Forgetting: what has been kept for long enough, people who ask for it, tenants that go; and copies of what is known.
//!
//! Nothing is forgotten while a request waits: it is written down and a job does it, which goes on where it stopped. A blob
//! goes before the row that says where it lies, so that whoever is stopped in between finds it again. Which tables hold what
//! is one list ([`HOLDINGS`](crate::store::HOLDINGS)). It never forgets that somebody does not want to be called.

pub(super) mod attempts;
pub mod erasures;
pub mod exports;
mod pieces;
mod purge;
pub mod tenants;

use serde_json::json;

use super::{
    Error, Faults,
    access::Actor,
    accounts::Accounts,
    audit::{self, Audited, Parts},
    calendars::Calendars,
    keys::Keys,
};
use crate::{
    domain::{
        forgetting::{Counts, DAYS_MAX, Kept, Retention},
        id::JobId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    platform::{blobs::Blobs, clock::Clock, ids, metrics as figures},
    speech,
    store::{Store, Work},
};

/// How often it is looked what has been kept for long enough, in minutes.
pub const PURGE_MINUTES: i64 = 60;
/// How long nothing is purged of a tenant that was never looked at, in minutes: whoever sets things up, or comes from a version
/// that kept everything, has a day to say for how long.
pub const FIRST_PURGE_MINUTES: i64 = 24 * 60;
/// Tenants looked at in one sweep.
const TENANTS_MAX: u32 = 20;

/// Does the forgetting. Clones share everything.
#[derive(Clone)]
pub struct Forgetting {
    /// The database.
    pub store: Store,
    /// Recordings, spoken messages, copies, clips.
    pub blobs: Blobs,
    /// What opens and seals.
    pub keys: Keys,
    /// Calendars outside, from which events are taken back.
    pub calendars: Calendars,
    /// Twilio, where messages lie that were not fetched.
    pub accounts: Accounts,
    /// How clips are named.
    pub speech: speech::Settings,
    /// The clock.
    pub clock: Clock,
}

impl Audited for Retention {
    const KIND: &'static str = "retention";

    fn id(&self) -> String {
        "retention".to_owned()
    }

    fn parts(&self) -> Parts {
        Kept::ALL
            .into_iter()
            .fold(Parts::new(), |parts, kind| parts.with(kind.as_str(), self.days(kind)))
            .with("by_caller", self.by_caller.as_str())
    }
}

/// For how long the tenant keeps what.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn retention(store: &Store, by: &Actor) -> Result<Revised<Retention>, Error> {
    by.must(Verb::Read, Subject::Tenant)?;
    Ok(store.read(by.tenant()).await?.forgetting().retention().await?)
}

/// Changes for how long the tenant keeps what, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn edit_retention(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    seen: Option<Revision>,
    change: impl FnOnce(&Retention) -> Result<Retention, Error>,
) -> Result<Revised<Retention>, Error> {
    by.must(Verb::Write, Subject::Tenant)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.forgetting().retention().await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    check(&wanted)?;
    if wanted == before.item {
        return Ok(before);
    }
    tx.forgetting().set_retention(&wanted).await?;
    audit::record(&mut tx, by, now, Some(&before.item), Some(&wanted)).await?;
    let after = tx.forgetting().retention().await?;
    tx.commit().await?;
    Ok(after)
}

fn check(wanted: &Retention) -> Result<(), Error> {
    let mut faults = Faults::new();
    for kind in Kept::ALL {
        faults.unless(
            (1..=DAYS_MAX).contains(&wanted.days(kind)),
            format!("/{kind}"),
            format!("must be from 1 to {DAYS_MAX} days"),
        );
    }
    for kind in [Kept::Recordings, Kept::Transcripts] {
        faults.unless(
            wanted.days(kind) <= wanted.calls,
            format!("/{kind}"),
            "cannot be kept for longer than `calls`: it goes with its call",
        );
    }
    faults.settle()
}

/// Has done what is due: purges, erasures and copies of which nobody knows any more, copies whose time is over. Safe to run
/// twice, and by several processes at once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn look_after(store: &Store, now: Timestamp) -> Result<(), Error> {
    let across = store.across_tenants();
    for (tenant, looked_at) in across.to_purge(now, TENANTS_MAX).await? {
        let mut tx = store.begin(&tenant).await?;
        if looked_at {
            tx.forgetting().purge_at(now.plus_minutes(PURGE_MINUTES)).await?;
            tx.jobs().add(&JobId::of(ids::fresh(now)), &Work::Purge, now).await?;
        } else {
            tx.forgetting().purge_at(now.plus_minutes(FIRST_PURGE_MINUTES)).await?;
        }
        tx.commit().await?;
    }
    let erasures = across.abandoned_erasures(now).await?.into_iter();
    let erasures = erasures.map(|(tenant, erasure)| (tenant, Work::Erase { erasure }));
    let tenants = across.abandoned_tenant_erasures(now).await?.into_iter();
    let tenants = tenants.map(|(tenant, erasure)| (tenant, Work::EraseTenant { erasure }));
    let exports = across.exports_to_look_at(now).await?.into_iter();
    let exports = exports.map(|(tenant, export)| (tenant, Work::Export { export }));
    for (tenant, work) in erasures.chain(tenants).chain(exports) {
        let mut tx = store.begin(&tenant).await?;
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Counts what went.
fn note(counts: &Counts) {
    for (what, count) in counts {
        metrics::counter!(figures::FORGOTTEN_TOTAL, "what" => what.clone()).increment(*count);
    }
}

/// What an entry of the log says of an erasure: nothing of whom it is about.
fn nothing() -> serde_json::Value {
    json!({})
}
