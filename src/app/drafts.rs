//! Drafts of assistants: changes that only test calls hear, until somebody makes them live.
//!
//! A draft begins as the assistant is and is checked like it. Making it live is a version like every other change. What
//! would change is told piece by piece, so that whoever makes it live can read it first.

use serde_json::{Value, json};

use super::{
    Error,
    access::Actor,
    assistants::{check, kept, put},
    audit::{self, Audited},
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantDraft, AssistantStatus},
        difference::{self, Piece},
        id::AssistantId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{Store, TenantTx},
};

/// How a draft differs from what callers hear.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The version callers hear.
    pub live: Revision,
    /// The version the draft was begun from. Another one than `live`: somebody changed the assistant meanwhile, and
    /// making the draft live takes that back.
    pub base: Revision,
    /// Which state of the draft.
    pub draft: Revision,
    /// What differs, part by part.
    pub changes: Vec<Changed>,
}

/// A part of an assistant that differs. `Debug` is for tests: words of the business stand in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Which, as a JSON pointer such as `/policy/end_of_turn_ms`.
    pub part: String,
    /// How it is.
    pub before: Value,
    /// How it is to be.
    pub after: Value,
    /// Of a text, what changes in it.
    pub pieces: Vec<Piece>,
}

/// The draft of an assistant.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] also when it has none; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &AssistantId) -> Result<AssistantDraft, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    let mut tx = store.read(by.tenant()).await?;
    kept(&mut tx, id).await?;
    drafted(&mut tx, id).await
}

/// Changes the draft of an assistant as `change` says, if it is still as the asker has seen it. Without a draft, one
/// begins as the assistant is; then what was seen is the assistant.
///
/// # Errors
/// As of [`super::assistants::edit`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    seen: Option<Revision>,
    change: impl FnOnce(&Assistant) -> Result<Assistant, Error>,
) -> Result<AssistantDraft, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let live = kept(&mut tx, id).await?;
    let (before, base) = match tx.assistants().draft(id).await? {
        Some(draft) => {
            Revised { item: (), revision: draft.number }.must_be(seen)?;
            (draft.assistant, draft.base)
        }
        None => {
            live.must_be(seen)?;
            (live.item.clone(), live.revision)
        }
    };
    let wanted = change(&before)?;
    check(&mut tx, &wanted).await?;
    if live.item.status == AssistantStatus::Archived {
        return Err(Error::Conflict("that assistant is put away"));
    }
    tx.assistants().put_draft(&wanted, base, now, &by.to_string()).await?;
    tell(&mut tx, by, now, id, "drafted").await?;
    let after = drafted(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// Gives the draft of an assistant up.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn discard(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    kept(&mut tx, id).await?;
    let draft = drafted(&mut tx, id).await?;
    Revised { item: (), revision: draft.number }.must_be(seen)?;
    tx.assistants().remove_draft(id).await?;
    tell(&mut tx, by, now, id, "draft_discarded").await?;
    Ok(tx.commit().await?)
}

/// Makes the draft of an assistant what callers hear: another version.
///
/// # Errors
/// As of [`super::assistants::edit`]; [`Error::Stale`] is about the draft.
pub async fn publish(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    seen: Option<Revision>,
) -> Result<Revised<Assistant>, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    let draft = drafted(&mut tx, id).await?;
    Revised { item: (), revision: draft.number }.must_be(seen)?;
    put(&mut tx, by, now, Some(&before.item), &draft.assistant).await?;
    tx.assistants().remove_draft(id).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// What would change if the draft of an assistant were made live.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] also when it has none; [`Error::Unavailable`].
pub async fn difference(store: &Store, by: &Actor, id: &AssistantId) -> Result<Difference, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    let mut tx = store.read(by.tenant()).await?;
    let live = kept(&mut tx, id).await?;
    let draft = drafted(&mut tx, id).await?;
    Ok(Difference {
        live: live.revision,
        base: draft.base,
        draft: draft.number,
        changes: between(&live.item, &draft.assistant),
    })
}

/// What differs between two states of an assistant, part by part.
pub fn between(before: &Assistant, after: &Assistant) -> Vec<Changed> {
    let mut changes = vec![];
    let (mut old, mut new) = (before.parts().shown(), after.parts().shown());
    for name in old.keys().chain(new.keys()).copied().collect::<std::collections::BTreeSet<_>>() {
        let (old, new) = (old.remove(name), new.remove(name));
        part(format!("/{name}"), old.unwrap_or_default(), new.unwrap_or_default(), &mut changes);
    }
    changes
}

fn part(at: String, before: Value, after: Value, changes: &mut Vec<Changed>) {
    match (before, after) {
        (Value::Object(mut old), Value::Object(mut new)) => {
            let keys: std::collections::BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
            for key in keys {
                let (old, new) = (old.remove(&key), new.remove(&key));
                part(format!("{at}/{key}"), old.unwrap_or_default(), new.unwrap_or_default(), changes);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            let pieces = match (&before, &after) {
                (Value::String(old), Value::String(new)) => difference::pieces(old, new),
                _ => Vec::new(),
            };
            changes.push(Changed { part: at, before, after, pieces });
        }
    }
}

async fn drafted(tx: &mut TenantTx, id: &AssistantId) -> Result<AssistantDraft, Error> {
    tx.assistants().draft(id).await?.ok_or(Error::NotFound("draft"))
}

async fn tell(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    what: &str,
) -> Result<(), Error> {
    audit::tell(tx, by, now, &format!("assistant.{what}"), id.as_str(), json!({})).await
}
