//! Who took how much part in a call.

use super::conversation::{Speaker, Turn};

/// One side of a call, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub speaker: Speaker,
    /// How often they held the floor.
    pub turns: u32,
    /// How many words of theirs the other side heard.
    pub words: u64,
    /// How long they were heard, in milliseconds.
    pub speaking_ms: u64,
}

/// Both sides, the caller first. Of the agent only what was heard counts.
pub fn participants(turns: &[Turn]) -> [Participant; 2] {
    [Speaker::Caller, Speaker::Agent].map(|speaker| {
        let mut sum = Participant { speaker, turns: 0, words: 0, speaking_ms: 0 };
        for turn in turns.iter().filter(|turn| turn.speaker == speaker) {
            sum.turns += 1;
            sum.words += turn.heard_text.split_whitespace().count() as u64;
            sum.speaking_ms += match speaker {
                Speaker::Caller => turn.ended.since(turn.began),
                Speaker::Agent => turn.heard_ms,
            };
        }
        sum
    })
}
