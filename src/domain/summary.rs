//! What a call came to, as a model sums it up afterwards, and what of that is checked.
//!
//! The model's word is taken for nothing but words: what it says was promised is held against what is in the books
//! ([`check`]). It knows no vendor and no wire format.

use super::money::MicroUsd;

/// Longest summary that is kept, in characters.
pub const SUMMARY_CHARS_MAX: usize = 1_200;
/// How many wishes are kept, and how long each may be, in characters.
pub const WISHES_MAX: usize = 10;
/// Longest wish that is kept, in characters.
pub const WISH_CHARS_MAX: usize = 200;
/// How many promises of one call are kept.
pub const PROMISES_MAX: usize = 20;

/// What a call came to, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upshot {
    /// A time was booked.
    Booked,
    /// An appointment was moved.
    Moved,
    /// An appointment was cancelled.
    Cancelled,
    /// The caller was told what they wanted to know.
    Informed,
    /// The caller left a message.
    Message,
    /// The caller was put through to a person.
    Transferred,
    /// The caller left before anything came of it.
    Abandoned,
    /// Something else, or nothing.
    Other,
}

impl Upshot {
    /// Each of them.
    pub const ALL: [Self; 8] = [
        Self::Booked,
        Self::Moved,
        Self::Cancelled,
        Self::Informed,
        Self::Message,
        Self::Transferred,
        Self::Abandoned,
        Self::Other,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
            Self::Informed => "informed",
            Self::Message => "message",
            Self::Transferred => "transferred",
            Self::Abandoned => "abandoned",
            Self::Other => "other",
        }
    }

    /// The one of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|upshot| upshot.as_str() == word)
    }
}

/// How the caller seemed to feel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentiment {
    /// Content.
    Positive,
    /// Neither.
    Neutral,
    /// Annoyed, or worse.
    Negative,
}

impl Sentiment {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Positive, Self::Neutral, Self::Negative];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }

    /// The one of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sentiment| sentiment.as_str() == word)
    }
}

/// What the agent told the caller it had done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Booked a time.
    Booked,
    /// Moved an appointment.
    Moved,
    /// Cancelled one.
    Cancelled,
}

impl Deed {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Booked, Self::Moved, Self::Cancelled];

    /// The word it is stored and shown as, which is the status a tool answers with when it was done.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == word)
    }
}

/// Something the agent said was done, and whether it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// In which turn it was said.
    pub ordinal: u32,
    /// What.
    pub deed: Deed,
    /// Whether the books have it.
    pub kept: bool,
}

/// What a call came to. `Debug` shows no words.
#[derive(Clone, PartialEq)]
pub struct Summary {
    /// In a few sentences.
    pub text: String,
    /// In one word.
    pub upshot: Upshot,
    /// What the caller wanted.
    pub wishes: Vec<String>,
    /// How the caller seemed to feel.
    pub sentiment: Sentiment,
    /// What the tenant wants to know of each call, as JSON text that fits the tenant's schema; `None` when nothing is wanted.
    pub fields: Option<String>,
    /// Why there are no fields although some are wanted.
    pub fields_problem: Option<String>,
    /// What the agent said was done.
    pub promises: Vec<Promise>,
    /// Which model summed it up.
    pub model: String,
    /// What that cost.
    pub cost: MicroUsd,
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Summary")
            .field("upshot", &self.upshot)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

/// Holds what was said to have been done against what was done. Saying it again is no second deed: one that was done keeps
/// every promise of its kind.
pub fn check(said: &[(u32, Deed)], done: &[Deed]) -> Vec<Promise> {
    said.iter()
        .take(PROMISES_MAX)
        .map(|(ordinal, deed)| Promise { ordinal: *ordinal, deed: *deed, kept: done.contains(deed) })
        .collect()
}
