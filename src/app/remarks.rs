//! What a team writes on a call: a note, and tags by which calls are found.
//!
//! Words of the team's own never stand in the audit log, only that they were changed.

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
};
use crate::{
    domain::{
        id::CallId,
        people::{Subject, Verb},
        remarks::{NOTE_LEN_MAX, Remarks, TAGS_MAX, Tag},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::Store,
};

/// Tags that are told of, at most.
pub const TAGS_TOLD_MAX: u32 = 200;

/// Remarks under the call they are told of in the log.
struct Told<'r>(&'r CallId, &'r Remarks);

impl Audited for Told<'_> {
    const KIND: &'static str = "call";

    fn id(&self) -> String {
        self.0.to_string()
    }

    fn parts(&self) -> Parts {
        let tags: Vec<&str> = self.1.tags.iter().map(Tag::as_str).collect();
        Parts::new()
            .hiding("note", Some(self.1.note.as_str()).filter(|note| !note.is_empty()))
            .hiding("tags", Some(tags).filter(|tags| !tags.is_empty()))
    }
}

/// The tags that stand on the tenant's calls, in their order, at most [`TAGS_TOLD_MAX`].
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn tags(store: &Store, by: &Actor) -> Result<Vec<Tag>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    Ok(store.read(by.tenant()).await?.calls().tags_in_use(TAGS_TOLD_MAX).await?)
}

/// Changes what stands on a call as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    seen: Option<Revision>,
    change: impl FnOnce(&Remarks) -> Result<Remarks, Error>,
) -> Result<Revised<Remarks>, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.calls().remarks(call).await?.ok_or(Error::NotFound("call"))?;
    before.must_be(seen)?;
    let mut wanted = change(&before.item)?;
    let mut known = std::collections::BTreeSet::new();
    wanted.tags.retain(|tag| known.insert(tag.clone()));
    let mut faults = Faults::new();
    faults.unless(
        wanted.note.chars().count() <= NOTE_LEN_MAX,
        "/note",
        format!("must be at most {NOTE_LEN_MAX} characters"),
    );
    faults.unless(wanted.tags.len() <= TAGS_MAX, "/tags", format!("must be at most {TAGS_MAX}"));
    faults.settle()?;
    if wanted == before.item {
        return Ok(before);
    }
    tx.calls().set_remarks(call, &wanted).await?;
    audit::record(&mut tx, by, now, Some(&Told(call, &before.item)), Some(&Told(call, &wanted))).await?;
    let after = tx.calls().remarks(call).await?.ok_or(Error::NotFound("call"))?;
    tx.commit().await?;
    Ok(after)
}
