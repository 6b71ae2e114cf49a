//! How calls of a contact are received: by the assistant, by somebody at the business, or not at all.

use super::id::TransferTargetId;

/// Who takes a contact's calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reception {
    /// The assistant, as everybody's.
    #[default]
    Assistant,
    /// Nobody: whoever calls hears a sentence.
    Blocked,
    /// Somebody at the business: that target, or the fallback number.
    PutThrough(Option<TransferTargetId>),
}

impl Reception {
    /// The word it is stored and shown as.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Blocked => "blocked",
            Self::PutThrough(_) => "put_through",
        }
    }

    /// The reception of that word, if there is one.
    pub fn parse(word: &str, target: Option<TransferTargetId>) -> Option<Self> {
        match word {
            "assistant" => Some(Self::Assistant),
            "blocked" => Some(Self::Blocked),
            "put_through" => Some(Self::PutThrough(target)),
            _ => None,
        }
    }

    /// To whom calls are put through, if to a target.
    pub fn target(&self) -> Option<&TransferTargetId> {
        match self {
            Self::PutThrough(target) => target.as_ref(),
            Self::Assistant | Self::Blocked => None,
        }
    }

    /// How calls from a number are received that several have: whoever must get through gets through, and one who is blocked
    /// blocks the number.
    pub fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let weight = |one: &Self| match one {
            Self::Assistant => 0,
            Self::Blocked => 1,
            Self::PutThrough(_) => 2,
        };
        let mut found = Self::Assistant;
        for one in all {
            if weight(&one) > weight(&found) {
                found = one;
            }
        }
        found
    }
}
