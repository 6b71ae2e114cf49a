//! Lists that may be long: a page at a time, each going on where the one before ended.
//!
//! A page is found by the key after which it begins, never by counting rows: it costs the same wherever it is, and
//! rows that come and go between two pages shift nothing.

use super::Error;

/// Some items of a list, and where it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// After which the list goes on; `None` at its end.
    pub next: Option<Place>,
}

/// A place in a list: behind the item with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the list is ordered by, as a number; 0 where it is ordered by id alone.
    pub at: i64,
    /// The item's id, which decides between equals.
    pub id: String,
}

impl Place {
    /// The place behind the item of that id, in a list that is ordered by id.
    pub fn of_id(id: &str) -> Self {
        Self { at: 0, id: id.to_owned() }
    }
}

/// The id a page begins after, in a list that is ordered by id: less than every id at the list's beginning.
pub(super) fn id(after: Option<&Place>) -> &str {
    after.map_or("", |place| &place.id)
}

/// What a page begins before, in a list whose latest items come first: more than every item at the list's beginning.
pub(super) fn before(after: Option<&Place>) -> (i64, &str) {
    after.map_or((i64::MAX, ""), |place| (place.at, &place.id))
}

/// How many rows to ask for: one more than are shown tells whether there are more.
pub(super) fn fetch(count_max: u32) -> i64 {
    i64::from(count_max) + 1
}

/// The page of rows that were asked for with [`fetch`].
pub(super) fn of<R, T>(rows: Vec<R>, count_max: u32, place: impl Fn(&T) -> Place) -> Result<Page<T>, Error>
where
    T: TryFrom<R, Error = Error>,
{
    cut(rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?, count_max, place)
}

/// The page of items of which one more than are shown were asked for.
pub(super) fn cut<T>(
    mut items: Vec<T>,
    count_max: u32,
    place: impl Fn(&T) -> Place,
) -> Result<Page<T>, Error> {
    let shown = usize::try_from(count_max).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let next = if more { items.last().map(place) } else { None };
    Ok(Page { items, next })
}
