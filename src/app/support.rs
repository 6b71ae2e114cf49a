//! Support access: a tenant lets those who run the platform in, for a time it chooses, and ends it when it likes.
//!
//! While it lasts every page says so, and what they change stands in the tenant's log as the operator's. Without it the tenant
//! does not exist for them, but for its limits; nor with it anything that would outlast it ([`super::access`]).

use serde_json::json;

use super::{
    Error,
    access::{Actor, Who},
    audit,
};
use crate::{
    domain::{
        id::TenantId,
        people::{Subject, Verb},
        time::Timestamp,
    },
    store::{Store, Support},
};

/// Shortest time it is granted for, in minutes.
pub const MINUTES_MIN: i64 = 15;
/// Longest time it is granted for, in minutes: a week.
pub const MINUTES_MAX: i64 = 7 * 24 * 60;

/// What is granted at `now`, if anything is.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, now: Timestamp) -> Result<Option<Support>, Error> {
    by.must(Verb::Read, Subject::Members)?;
    let kept = store.read(by.tenant()).await?.support_access().get().await?;
    Ok(kept.filter(|support| support.until > now))
}

/// Goes on if the tenant lets those who run the platform in at `now`: it has granted it, or nobody works there yet.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn must_be_open(store: &Store, tenant: &TenantId, now: Timestamp) -> Result<(), Error> {
    let mut tx = store.read(tenant).await?;
    if tx.support_access().lets_in(now).await? { Ok(()) } else { Err(Error::NotFound("tenant")) }
}

/// Grants it from `now` on for so many minutes, in place of what was granted before.
///
/// # Errors
/// [`Error::Closed`] to everybody but people who work there; [`Error::Forbidden`]; [`Error::Invalid`];
/// [`Error::Unavailable`].
pub async fn grant(store: &Store, by: &Actor, now: Timestamp, minutes: i64) -> Result<Support, Error> {
    by.must(Verb::Write, Subject::Members)?;
    let Who::Member { user, .. } = by.who() else {
        return Err(Error::Closed("only people who work at the tenant let others in"));
    };
    if !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes) {
        let problem = format!("must be from {MINUTES_MIN} to {MINUTES_MAX}");
        return Err(Error::invalid("/minutes", problem));
    }
    let support = Support { until: now.plus_minutes(minutes), granted_by: user.clone(), granted: now };
    let mut tx = store.begin(by.tenant()).await?;
    tx.support_access().put(&support).await?;
    let about = json!({ "until": support.until.to_string() });
    audit::tell(&mut tx, by, now, "support.granted", by.tenant().as_str(), about).await?;
    tx.commit().await?;
    Ok(support)
}

/// Ends it at once. Whoever was let in may do so as well.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when nothing is granted; [`Error::Unavailable`].
pub async fn end(store: &Store, by: &Actor, now: Timestamp) -> Result<(), Error> {
    if !matches!(by.who(), Who::Support { .. }) {
        by.must(Verb::Write, Subject::Members)?;
    }
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.support_access().get().await?.filter(|support| support.until > now);
    if kept.is_none() {
        return Err(Error::NotFound("support access"));
    }
    tx.support_access().end().await?;
    audit::tell(&mut tx, by, now, "support.ended", by.tenant().as_str(), json!({})).await?;
    Ok(tx.commit().await?)
}
