//! Two things that want the same time: shown to those who work there, and settled by them.

use super::{Error, access::Actor, audit};
use crate::{
    domain::{
        calendar::Clash,
        id::ClashId,
        people::{Subject, Verb},
        time::Timestamp,
    },
    store::{Page, Place, Store},
};

/// The clashes, latest first; with `open`, only those that are not over, or only those that are.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    open: Option<bool>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Clash>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    Ok(store.read(by.tenant()).await?.clashes().page(open, after, count_max).await?)
}

/// Notes that somebody has looked after a clash. One that is over stays over.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn settle(store: &Store, by: &Actor, now: Timestamp, id: &ClashId) -> Result<Clash, Error> {
    by.must(Verb::Write, Subject::Appointments)?;
    let mut tx = store.begin(by.tenant()).await?;
    let clash = tx.clashes().get(id).await?.ok_or(Error::NotFound("clash"))?;
    if clash.settled.is_some() {
        return Ok(clash);
    }
    tx.clashes().settle(&clash, now).await?;
    audit::tell(&mut tx, by, now, "clash.settled", id.as_str(), serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(Clash { settled: Some(now), ..clash })
}
