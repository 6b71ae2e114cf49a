//! What callers left for the business, and who has looked after it.

use super::{Error, access::Actor, audit};
use crate::{
    domain::{
        id::MessageId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Message, Page, Place, Store, TenantTx},
};

/// The messages that fit, latest first; with `handled`, only those that were looked after, or were not.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    handled: Option<bool>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Message>, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    Ok(store.read(by.tenant()).await?.messages().page(handled, after, count_max).await?)
}

/// One message.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &MessageId) -> Result<Revised<Message>, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Notes that a message was looked after by the asker, or that it was not after all.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn handle(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &MessageId,
    seen: Option<Revision>,
    handled: bool,
) -> Result<Revised<Message>, Error> {
    by.must(Verb::Write, Subject::Messages)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    if before.item.handled.is_some() == handled {
        return Ok(before);
    }
    let who = by.to_string();
    tx.messages().handle(id, handled.then_some((now, who.as_str()))).await?;
    let action = if handled { "message.handled" } else { "message.reopened" };
    audit::tell(&mut tx, by, now, action, id.as_str(), serde_json::json!({})).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

async fn kept(tx: &mut TenantTx, id: &MessageId) -> Result<Revised<Message>, Error> {
    tx.messages().revised(id).await?.ok_or(Error::NotFound("message"))
}
