//! The people who call a tenant or are called.
//!
//! What they are called and where they can be reached never stands in the audit log, only that it was changed.

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    in_use,
    services::NAME_LEN_MAX,
};
use crate::{
    domain::{
        contact::Contact,
        id::ContactId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{ContactFilter, Page, Place, Store, TenantTx},
};

/// Longest note about a contact, in characters.
pub const NOTE_LEN_MAX: usize = 2_000;

impl Audited for Contact {
    const KIND: &'static str = "contact";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        Parts::new()
            .hiding("name", self.name.as_str())
            .hiding("number", self.number.as_ref().map(|number| number.as_str()))
            .hiding("email", self.email.as_ref().map(|email| email.as_str()))
            .hiding("born", self.born.map(|date| date.to_string()))
            .hiding("note", Some(self.note.as_str()).filter(|note| !note.is_empty()))
    }
}

/// The contacts that fit, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    filter: &ContactFilter,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Contact>, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    Ok(store.read(by.tenant()).await?.contacts().page(filter, after, count_max).await?)
}

/// One contact.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ContactId) -> Result<Revised<Contact>, Error> {
    by.must(Verb::Read, Subject::Contacts)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Makes a contact.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: Contact,
) -> Result<Revised<Contact>, Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    check(&wanted, now)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.contacts().put(&wanted, now).await?;
    audit::record(&mut tx, by, now, None, Some(&wanted)).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes a contact as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ContactId,
    seen: Option<Revision>,
    change: impl FnOnce(&Contact) -> Result<Contact, Error>,
) -> Result<Revised<Contact>, Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    check(&wanted, now)?;
    if wanted == before.item {
        return Ok(before);
    }
    tx.contacts().put(&wanted, now).await?;
    audit::record(&mut tx, by, now, Some(&before.item), Some(&wanted)).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a contact away to whom nothing was ever promised.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ContactId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Contacts)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    let removed = tx.contacts().remove(id).await;
    removed.map_err(|error| in_use(error, "appointments refer to that contact"))?;
    audit::record(&mut tx, by, now, Some(&before.item), None).await?;
    Ok(tx.commit().await?)
}

async fn kept(tx: &mut TenantTx, id: &ContactId) -> Result<Revised<Contact>, Error> {
    tx.contacts().revised(id).await?.ok_or(Error::NotFound("contact"))
}

fn check(contact: &Contact, now: Timestamp) -> Result<(), Error> {
    let mut faults = Faults::new();
    faults.unless(
        !contact.name.trim().is_empty() && contact.name.chars().count() <= NAME_LEN_MAX,
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    faults.unless(
        contact.note.chars().count() <= NOTE_LEN_MAX,
        "/note",
        format!("must be at most {NOTE_LEN_MAX} characters"),
    );
    let today = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    faults.unless(contact.born.is_none_or(|born| born <= today), "/born", "lies in the future");
    faults.settle()
}
