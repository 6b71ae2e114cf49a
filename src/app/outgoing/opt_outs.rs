//! Who does not want to be called: noted by whoever hears it, effective at once.

use crate::{
    app::{
        Error,
        access::Actor,
        audit,
        webhooks::{self, Event},
    },
    domain::{
        id::{CallId, OptOutId},
        outgoing::{OptOutSource, number},
        people::{Subject, Verb},
        phone::E164,
        time::Timestamp,
    },
    platform::ids,
    store::{OptOut, Page, Place, Store, TenantTx},
};

/// Who does not want to be called, in the order in which it was said.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<OptOut>, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    Ok(store.read(by.tenant()).await?.opt_outs().page(after, count_max).await?)
}

/// The wish of whoever has that number, if they have said so.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn of(store: &Store, by: &Actor, number: &E164) -> Result<Option<OptOut>, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    Ok(store.read(by.tenant()).await?.opt_outs().of(number).await?)
}

/// Notes that the person with that number does not want to be called; what is known already stays as it is.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn add(store: &Store, by: &Actor, now: Timestamp, number: &str) -> Result<OptOut, Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    // Whoever could not be called anyway may be noted all the same, if it is a number at all.
    let number = match number::callable(number, None) {
        Ok(callable) => callable.number,
        Err(why) => number.trim().parse().map_err(|_| Error::invalid("/number", why.to_string()))?,
    };
    let mut tx = store.begin(by.tenant()).await?;
    if note(&mut tx, &number, OptOutSource::Staff, None, now).await? {
        let kept = tx.opt_outs().of(&number).await?.ok_or(Error::NotFound("opt-out"))?;
        audit::tell(&mut tx, by, now, "opt_out.added", kept.id.as_str(), serde_json::json!({})).await?;
    }
    let kept = tx.opt_outs().of(&number).await?.ok_or(Error::NotFound("opt-out"))?;
    tx.commit().await?;
    Ok(kept)
}

/// Forgets that somebody does not want to be called: they have said so.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn remove(store: &Store, by: &Actor, now: Timestamp, id: &OptOutId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let mut tx = store.begin(by.tenant()).await?;
    if !tx.opt_outs().remove(id).await? {
        return Err(Error::NotFound("opt-out"));
    }
    audit::tell(&mut tx, by, now, "opt_out.removed", id.as_str(), serde_json::json!({})).await?;
    Ok(tx.commit().await?)
}

/// Notes somebody's wish and drops everything that waits for them; whether the wish was not known.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn note(
    tx: &mut TenantTx,
    number: &E164,
    source: OptOutSource,
    call: Option<&CallId>,
    now: Timestamp,
) -> Result<bool, Error> {
    let new = OptOut {
        id: OptOutId::of(ids::fresh(now)),
        number: number.clone(),
        source,
        call: call.cloned(),
        since: now,
    };
    let added = tx.opt_outs().add(&new).await?;
    tx.outgoing().drop_of(number, now).await?;
    tx.campaigns().close_of(number, now).await?;
    if added {
        webhooks::tell(tx, now, Event::OptOutAdded(&new)).await?;
    }
    Ok(added)
}
