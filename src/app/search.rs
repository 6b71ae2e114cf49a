//! Looking for words in what was said.

use super::{Error, Fault, access::Actor};
use crate::{
    domain::{
        people::{Subject, Verb},
        search::{self, Piece},
        time::Timestamp,
    },
    store::{Hit, Page, Place, Search, Store},
};

/// How far down the list of hits one can go.
pub const HITS_MAX: u32 = 1_000;

/// A hit, and what is shown of it. `Debug` shows no words.
#[derive(Clone, Debug)]
pub struct Found {
    /// The turn.
    pub hit: Hit,
    /// The words around what was found.
    pub snippet: Vec<Piece>,
}

/// The turns in which everything that is asked for was heard, those kept last first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when there is nothing to look for; [`Error::Unavailable`].
pub async fn calls(
    store: &Store,
    by: &Actor,
    question: &str,
    within: (Option<Timestamp>, Option<Timestamp>),
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Found>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let unfit = |why: search::Unfit| Error::Invalid(vec![Fault::new("?q", why.to_string())]);
    let terms = search::terms(question).map_err(unfit)?;
    let skip = after.map_or(0, |place| u32::try_from(place.at).unwrap_or(HITS_MAX)).min(HITS_MAX);
    let asked = Search {
        terms: &terms,
        from: within.0.unwrap_or(Timestamp(i64::MIN)),
        until: within.1.unwrap_or(Timestamp(i64::MAX)),
        skip,
        count_max: count_max.min(HITS_MAX - skip).saturating_add(1),
    };
    let mut hits = store.read(by.tenant()).await?.calls().search(&asked).await?;
    let shown = usize::try_from(count_max).unwrap_or(usize::MAX);
    let more = hits.len() > shown;
    hits.truncate(shown);
    let next = skip.saturating_add(count_max);
    let next = (more && next < HITS_MAX).then(|| Place { at: i64::from(next), id: String::new() });
    let items =
        hits.into_iter().map(|hit| Found { snippet: search::snippet(&hit.text, &terms), hit }).collect();
    Ok(Page { items, next })
}
