//! Programs' ways in: made, changed, taken back.
//!
//! A key is shown once. It may never do what the person could not do who gave it that right.

use std::{collections::BTreeSet, fmt};

use secrecy::SecretString;

use super::API_KEY_PREFIX;
use crate::{
    app::{
        Error, Faults,
        access::Actor,
        audit::{self, Audited, Parts},
    },
    domain::{
        id::ApiKeyId,
        people::{Scope, Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    platform::{ids, tokens},
    store::{ApiKey, Page, Place, Store},
};

/// Longest name of a key, in characters.
pub const NAME_LEN_MAX: usize = 100;
/// Most keys of a tenant that open something.
pub const KEYS_MAX: u64 = 100;
/// Largest limit of its own a key can have, in requests per minute.
pub const PER_MINUTE_MAX: u32 = 60_000;
/// How many characters at its end tell a key from others.
const SHOWN_CHARS: usize = 4;

/// What is wanted of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What people call it.
    pub name: String,
    /// What it may.
    pub scopes: BTreeSet<Scope>,
    /// How many requests a minute it may make, if it has a limit of its own.
    pub per_minute_max: Option<u32>,
    /// Until when it is good, if not for ever.
    pub expires_at: Option<Timestamp>,
}

impl Wanted {
    /// What was wanted of a key that is there.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            per_minute_max: key.per_minute_max,
            expires_at: key.expires_at,
        }
    }
}

/// A key that was made, and its text, which nobody sees again.
pub struct Made {
    /// The key.
    pub key: Revised<ApiKey>,
    /// Its text.
    pub text: SecretString,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("key", &self.key.item.id).finish_non_exhaustive()
    }
}

impl Audited for ApiKey {
    const KIND: &'static str = "api-key";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let scopes: Vec<String> = self.scopes.iter().map(ToString::to_string).collect();
        Parts::new()
            .with("name", self.name.as_str())
            .with("scopes", scopes)
            .with("per_minute", self.per_minute_max)
            .with("expires_at", self.expires_at.map(|at| at.to_string()))
            .with("revoked_at", self.revoked_at.map(|at| at.to_string()))
    }
}

/// Every key there was, in the order of their making, a page at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Revised<ApiKey>>, Error> {
    by.must(Verb::Read, Subject::ApiKeys)?;
    Ok(store.read(by.tenant()).await?.api_keys().page(after, count_max).await?)
}

/// One key.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &ApiKeyId) -> Result<Revised<ApiKey>, Error> {
    by.must(Verb::Read, Subject::ApiKeys)?;
    store.read(by.tenant()).await?.api_keys().get(id).await?.ok_or(Error::NotFound("API key"))
}

/// Makes a key.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Unavailable`].
pub async fn create(store: &Store, by: &Actor, now: Timestamp, wanted: Wanted) -> Result<Made, Error> {
    by.must(Verb::Write, Subject::ApiKeys)?;
    check(by, &wanted, &BTreeSet::new(), now)?;
    let text = format!("{API_KEY_PREFIX}{}", ids::token());
    let key = ApiKey {
        id: ApiKeyId::of(ids::fresh(now)),
        name: wanted.name,
        mask: format!("{API_KEY_PREFIX}…{}", &text[text.len() - SHOWN_CHARS..]),
        scopes: wanted.scopes,
        per_minute_max: wanted.per_minute_max,
        created_at: now,
        expires_at: wanted.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let mut tx = store.begin(by.tenant()).await?;
    tx.memberships().queue().await?;
    if tx.api_keys().living(now).await? >= KEYS_MAX {
        return Err(Error::Limit { name: "API keys", max: KEYS_MAX });
    }
    tx.api_keys().add(&key, &tokens::fingerprint(&text)).await?;
    audit::record(&mut tx, by, now, None, Some(&key)).await?;
    tx.commit().await?;
    Ok(Made { key: Revised { item: key, revision: Revision(1) }, text: SecretString::from(text) })
}

/// Changes a key as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Conflict`] for one that
/// was taken back; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ApiKeyId,
    seen: Option<Revision>,
    change: impl FnOnce(&ApiKey) -> Result<Wanted, Error>,
) -> Result<Revised<ApiKey>, Error> {
    by.must(Verb::Write, Subject::ApiKeys)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.api_keys().get(id).await?.ok_or(Error::NotFound("API key"))?;
    kept.must_be(seen)?;
    if kept.item.revoked_at.is_some() {
        return Err(Error::Conflict("the key was taken back; make another one"));
    }
    let wanted = change(&kept.item)?;
    if wanted == Wanted::of(&kept.item) {
        return Ok(kept);
    }
    check(by, &wanted, &kept.item.scopes, now)?;
    let Wanted { name, scopes, per_minute_max, expires_at } = wanted;
    let key = ApiKey { name, scopes, per_minute_max, expires_at, ..kept.item.clone() };
    tx.api_keys().edit(&key).await?;
    audit::record(&mut tx, by, now, Some(&kept.item), Some(&key)).await?;
    let after = tx.api_keys().get(id).await?.ok_or(Error::NotFound("API key"))?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a key back: it opens nothing from here on.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn revoke(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &ApiKeyId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::ApiKeys)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.api_keys().get(id).await?.ok_or(Error::NotFound("API key"))?;
    kept.must_be(seen)?;
    if tx.api_keys().revoke(id, now).await? {
        let revoked = ApiKey { revoked_at: Some(now), ..kept.item.clone() };
        audit::record(&mut tx, by, now, Some(&kept.item), Some(&revoked)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Whether such a key can be. Rights it has already may stay, whoever gave them.
fn check(by: &Actor, wanted: &Wanted, has: &BTreeSet<Scope>, now: Timestamp) -> Result<(), Error> {
    let mut faults = Faults::new();
    let name_len = wanted.name.chars().count();
    faults.unless(
        (1..=NAME_LEN_MAX).contains(&name_len) && !wanted.name.chars().any(char::is_control),
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    faults.unless(!wanted.scopes.is_empty(), "/scopes", "must name what the key may");
    for scope in wanted.scopes.difference(has) {
        faults.unless(
            by.may(scope.verb, scope.subject),
            "/scopes",
            format!("`{scope}` is a right you do not have yourself"),
        );
    }
    faults.unless(
        wanted.per_minute_max.is_none_or(|count| (1..=PER_MINUTE_MAX).contains(&count)),
        "/per_minute",
        format!("must be from 1 to {PER_MINUTE_MAX}"),
    );
    faults.unless(wanted.expires_at.is_none_or(|at| at > now), "/expires_at", "must lie ahead");
    faults.settle()
}
