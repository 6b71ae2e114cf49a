//! Which state of a thing somebody has seen.

use std::fmt;

/// Counts the changes of one thing, from 1. Whoever changes it says which state they have seen, so that nobody
/// overwrites what they have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A thing and which state of it this is.
#[derive(Clone, Debug, PartialEq)]
pub struct Revised<T> {
    /// The thing.
    pub item: T,
    /// Its state.
    pub revision: Revision,
}
