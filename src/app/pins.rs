//! Secret numbers by which callers prove on the keypad who they are.
//!
//! They are sealed, not hashed: of so few digits a hash gives away everything to whoever has it. Each try is counted before it is
//! looked at, over all calls, and after [`TRIES_MAX`] wrong ones in a row none is taken for [`REST_MINUTES`]. No PIN is shown to
//! anybody, and "none", "wrong" and "resting" are one answer.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Error, access::Actor, audit, keys::Keys};
use crate::{
    domain::{
        contact::Pin,
        id::{ContactId, TenantId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::secrets::Place,
    store::{KeptPin, SealedColumn, Store},
};

/// Wrong tries in a row before none is taken for a while.
pub const TRIES_MAX: u32 = 5;
/// For how long, in minutes.
pub const REST_MINUTES: i64 = 60;

/// What may be told of a contact's PIN; nothing when there is none.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ContactId) -> Result<Option<KeptPin>, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.contacts().get(id).await?.ok_or(Error::NotFound("contact"))?;
    Ok(tx.pins().get(id).await?)
}

/// Sets a contact's PIN, which also ends its rest.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn set(
    store: &Store,
    keys: &Keys,
    by: &Actor,
    now: Timestamp,
    id: &ContactId,
    pin: &Pin,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let sealed = keys.seal(place(by.tenant(), id), &SecretString::from(pin.digits()))?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.contacts().get(id).await?.ok_or(Error::NotFound("contact"))?;
    tx.pins().put(id, &sealed, now).await?;
    audit::tell(&mut tx, by, now, "contact.pin_set", id.as_str(), json!({})).await?;
    Ok(tx.commit().await?)
}

/// Takes a contact's PIN away.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] also when there was none; [`Error::Unavailable`].
pub async fn remove(store: &Store, by: &Actor, now: Timestamp, id: &ContactId) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let mut tx = store.begin(by.tenant()).await?;
    if !tx.pins().remove(id).await? {
        return Err(Error::NotFound("PIN"));
    }
    audit::tell(&mut tx, by, now, "contact.pin_removed", id.as_str(), json!({})).await?;
    Ok(tx.commit().await?)
}

/// Whether somebody who says they are that contact has typed their PIN.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::Internal`] when what is kept does not open.
pub async fn check(
    store: &Store,
    keys: &Keys,
    tenant: &TenantId,
    id: &ContactId,
    typed: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut tx = store.begin(tenant).await?;
    let rests_until = now.plus_minutes(REST_MINUTES);
    let sealed = tx.pins().attempt(id, now, TRIES_MAX, rests_until).await?;
    tx.commit().await?;
    let Some(sealed) = sealed else { return Ok(false) };
    let kept = keys.open(place(tenant, id), &sealed).await?;
    if verify_slices_are_equal(kept.expose_secret().as_bytes(), typed.as_bytes()).is_err() {
        return Ok(false);
    }
    let mut tx = store.begin(tenant).await?;
    tx.pins().right(id).await?;
    tx.commit().await?;
    Ok(true)
}

fn place<'p>(tenant: &'p TenantId, id: &'p ContactId) -> Place<'p> {
    Place { owner: Some(tenant), column: SealedColumn::Pin.name(), row: id.as_str() }
}
