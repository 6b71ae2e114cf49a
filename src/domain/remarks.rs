//! What a team writes on a call: a note, and tags to find it by.

use std::fmt;

/// Longest note, in characters.
pub const NOTE_LEN_MAX: usize = 2_000;
/// Tags on one call, at most.
pub const TAGS_MAX: usize = 10;
/// Longest tag, in characters.
pub const TAG_LEN_MAX: usize = 40;

/// A word or two by which calls are found. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A text that is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag: 1 to {TAG_LEN_MAX} characters without commas")]
pub struct NotATag;

impl Tag {
    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Tag {
    type Err = NotATag;

    /// Blanks around it are none of it, and several in a row are one.
    fn from_str(text: &str) -> Result<Self, NotATag> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = !words.chars().any(|c| c == ',' || c.is_control());
        if words.is_empty() || words.chars().count() > TAG_LEN_MAX || !plain {
            return Err(NotATag);
        }
        Ok(Self(words))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag")
    }
}

/// What stands on a call. `Debug` shows no words.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// In as many lines as they like; may be empty.
    pub note: String,
    /// Each once, in the order they were given.
    pub tags: Vec<Tag>,
}

impl fmt::Debug for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remarks").field("tags", &self.tags.len()).finish_non_exhaustive()
    }
}
