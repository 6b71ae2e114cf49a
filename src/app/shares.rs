//! Links by which somebody outside may hear one call and read what was said in it, for a while.
//!
//! Whoever makes one hands out a copy, and needs the right to that. The secret is shown once and kept as a fingerprint; every
//! opening is told in the audit log before anything is shown. A link goes with the recording. It never shows a number, a name,
//! or what came of the call.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    Error, Faults,
    access::Actor,
    audit,
    keys::Keys,
    recordings::{self, Listening},
};
use crate::{
    domain::{
        conversation::Turn,
        id::{CallId, ShareId, TenantId},
        org::Tenant,
        people::{Subject, Verb},
        time::{CallTime, Timestamp},
    },
    platform::{blobs::Blobs, ids, tokens},
    store::{NewShare, Share, Store, TenantTx},
};

/// Longest a link opens, in hours: fourteen days.
pub const HOURS_MAX: u32 = 14 * 24;
/// Links to one call that open at the same time, at most.
pub const PER_CALL_MAX: usize = 10;
/// Pieces of a recording asked for within this many minutes are one hearing of it.
const HEARING_MINUTES: i64 = 1;

/// A link that was just made: its secret is never seen again.
#[derive(Debug)]
pub struct Made {
    /// The link.
    pub share: Share,
    /// What it ends in.
    pub secret: SecretString,
}

/// What a link shows. `Debug` shows no words.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose call it is.
    pub tenant: Tenant,
    /// The link.
    pub share: Share,
    /// When the call rang.
    pub rang: Timestamp,
    /// What was said.
    pub turns: Vec<Turn>,
    /// When the recording began, on the call's clock; nothing when there is none.
    pub recorded: Option<CallTime>,
}

/// The links to a call, the latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`] when the database is away.
pub async fn list(store: &Store, by: &Actor, call: &CallId) -> Result<Vec<Share>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    Ok(tx.shares().of_call(call).await?)
}

/// Makes a link to a call that opens for so many hours.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] when there is nothing to hear or read;
/// [`Error::Limit`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    hours: u32,
) -> Result<Made, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    by.must(Verb::Write, Subject::Privacy)?;
    let mut faults = Faults::new();
    faults.unless((1..=HOURS_MAX).contains(&hours), "/hours", format!("must be from 1 to {HOURS_MAX}"));
    let mut tx = store.begin(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    faults.settle()?;
    if record.outcome.is_none() {
        return Err(Error::Conflict("that call is not over"));
    }
    if record.recording.is_none() && tx.calls().turns(call).await?.is_empty() {
        return Err(Error::Conflict("there is nothing of that call to be heard or read"));
    }
    let standing = tx.shares().of_call(call).await?;
    if standing.iter().filter(|share| share.opens(now)).count() >= PER_CALL_MAX {
        return Err(Error::Limit { name: "links to a call", max: PER_CALL_MAX as u64 });
    }
    let id = ShareId::of(ids::fresh(now));
    let secret = SecretString::from(ids::token());
    let expires = now.plus_minutes(i64::from(hours) * 60);
    let new = NewShare {
        id: id.clone(),
        call: call.clone(),
        fingerprint: &tokens::fingerprint(secret.expose_secret()),
        by: &by.to_string(),
        made: now,
        expires,
    };
    tx.shares().add(&new).await?;
    let about = json!({ "share": id.as_str(), "expires_at": expires.to_jiff().to_string() });
    audit::tell(&mut tx, by, now, "call.shared", call.as_str(), about).await?;
    let share = tx.shares().get(&id).await?.ok_or(Error::NotFound("link"))?;
    tx.commit().await?;
    Ok(Made { share, secret })
}

/// Takes a link back. Taken back twice, it is taken back.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn revoke(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    id: &ShareId,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.begin(by.tenant()).await?;
    let known = tx.shares().get(id).await?.filter(|share| share.call == *call);
    known.ok_or(Error::NotFound("link"))?;
    if tx.shares().revoke(id, now).await? {
        let about = json!({ "share": id.as_str() });
        audit::tell(&mut tx, by, now, "call.share_revoked", call.as_str(), about).await?;
    }
    Ok(tx.commit().await?)
}

/// What the link with that secret shows, to whoever has it. That it was opened is told first.
///
/// # Errors
/// [`Error::NotFound`] when there is no such link, it opens no more, or there is nothing left behind it;
/// [`Error::Unavailable`].
pub async fn open(store: &Store, now: Timestamp, secret: &str) -> Result<Opened, Error> {
    let (tenant, id) = owner(store, secret).await?;
    let mut tx = store.begin(&tenant).await?;
    let share = standing(&mut tx, now, &id).await?;
    let record = tx.calls().get(&share.call).await?.ok_or(Error::NotFound("link"))?;
    let turns = tx.calls().turns(&share.call).await?;
    let taped = tx.recordings().get(&share.call).await?;
    if taped.is_none() && turns.is_empty() {
        return Err(Error::NotFound("link"));
    }
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("link"))?;
    tx.shares().opened(&id, now).await?;
    tell(&mut tx, now, &share, "call.share_opened").await?;
    tx.commit().await?;
    Ok(Opened { tenant, share, rang: record.rang, turns, recorded: taped.map(|taped| taped.began) })
}

/// The recording behind the link with that secret. That it is heard is told first, once for each hearing.
///
/// # Errors
/// As [`open`]; [`Error::Internal`] when the recording does not open.
pub async fn listen(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    now: Timestamp,
    secret: &str,
) -> Result<Listening, Error> {
    let (tenant, id) = owner(store, secret).await?;
    let mut tx = store.begin(&tenant).await?;
    let share = standing(&mut tx, now, &id).await?;
    if tx.shares().heard(&id, now, now.plus_minutes(-HEARING_MINUTES)).await? {
        tell(&mut tx, now, &share, "call.share_heard").await?;
    }
    tx.commit().await?;
    let (tape, name) =
        recordings::tape(store, blobs, keys, &tenant, &share.call).await?.ok_or(Error::NotFound("link"))?;
    Ok(Listening { tape, name })
}

async fn owner(store: &Store, secret: &str) -> Result<(TenantId, ShareId), Error> {
    let found = store.across_tenants().share(&tokens::fingerprint(secret)).await?;
    found.ok_or(Error::NotFound("link"))
}

async fn standing(tx: &mut TenantTx, now: Timestamp, id: &ShareId) -> Result<Share, Error> {
    tx.shares().get(id).await?.filter(|share| share.opens(now)).ok_or(Error::NotFound("link"))
}

/// Tells what was done with a link: whoever has it is nobody we know.
async fn tell(tx: &mut TenantTx, now: Timestamp, share: &Share, action: &str) -> Result<(), Error> {
    Ok(tx.audit().add(now, share.id.as_str(), action, share.call.as_str(), &json!({})).await?)
}
