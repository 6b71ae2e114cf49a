//! How well a call went, in figures, and one score made of them.
//!
//! Everything is measured on the turns alone; [`judge`] is a pure function, and says of each figure what it took off. It
//! knows no words of the conversation but that two sentences are the same.

use std::collections::BTreeSet;

use super::{
    conversation::{Speaker, Turn},
    figures::Waits,
};

/// The score of a call in which nothing is amiss.
pub const SCORE_MAX: u32 = 100;
/// Longest the caller may wait for a reply, at the median, before it costs anything, in milliseconds.
const LATENCY_MS_FREE: u64 = 1_000;
/// How long both sides may say nothing before it is a silence, in milliseconds.
const PAUSE_MS_MAX: u64 = 3_000;
/// By how much two turns may overlap before one cut into the other, in milliseconds.
const OVERLAP_MS_MAX: u64 = 300;
/// How many words make a sentence whose repetition is noticed.
const SENTENCE_WORDS_MIN: usize = 4;

/// What was measured of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Replies whose wait was measured.
    pub replies: u32,
    /// What the caller waited for a reply: the median, in milliseconds.
    pub latency_ms: u64,
    /// The same, of which one in twenty was longer.
    pub latency_p95_ms: u64,
    /// Turns of the agent that were heard.
    pub agent_turns: u32,
    /// Of those, the ones that the caller cut off.
    pub interruptions: u32,
    /// Turns of the caller into which the agent spoke.
    pub cuts: u32,
    /// How long nobody said anything, pauses of up to three seconds apart, in milliseconds.
    pub silence_ms: u64,
    /// Sentences that somebody said who had said the same before.
    pub repeats: u32,
    /// What the caller waited for replies, one by one.
    pub waits: Waits,
}

impl Measures {
    /// Of two parts of one call. The median of both is taken for what lies between, by how many replies each had.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        let replies = self.replies + later.replies;
        let weighed = self.latency_ms * u64::from(self.replies) + later.latency_ms * u64::from(later.replies);
        Self {
            replies,
            latency_ms: weighed.checked_div(u64::from(replies)).unwrap_or(0),
            latency_p95_ms: self.latency_p95_ms.max(later.latency_p95_ms),
            agent_turns: self.agent_turns + later.agent_turns,
            interruptions: self.interruptions + later.interruptions,
            cuts: self.cuts + later.cuts,
            silence_ms: self.silence_ms + later.silence_ms,
            repeats: self.repeats + later.repeats,
            waits: self.waits.and(&later.waits),
        }
    }
}

/// Something that makes a score, and what it took off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// What.
    pub kind: Kind,
    /// The figure: milliseconds or a count.
    pub value: u64,
    /// How many points it took off.
    pub took_off: u32,
    /// How many it can take off.
    pub at_most: u32,
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The median wait for a reply: a point for each 100 ms beyond a second, at most 30.
    Latency,
    /// Replies the caller cut off: 40 points times their share, at most 20.
    Interruptions,
    /// Turns of the caller into which the agent spoke: 5 points each, at most 20.
    Cuts,
    /// Time in which nobody spoke, beyond pauses of three seconds: a point for each 2 s, at most 15.
    Silence,
    /// Sentences said twice: 3 points each, at most 15.
    Repeats,
}

impl Kind {
    /// The word it is shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency_ms",
            Self::Interruptions => "interruptions",
            Self::Cuts => "cuts",
            Self::Silence => "silence_ms",
            Self::Repeats => "repeats",
        }
    }
}

/// A score and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// From 0 to [`SCORE_MAX`].
    pub points: u32,
    /// What took how much off.
    pub components: Vec<Component>,
}

/// Measures a call by its turns.
pub fn measure(turns: &[Turn]) -> Measures {
    let mut in_order: Vec<&Turn> = turns.iter().collect();
    in_order.sort_by_key(|turn| (turn.began, turn.ordinal));
    let agent: Vec<&Turn> = in_order.iter().copied().filter(|turn| turn.speaker == Speaker::Agent).collect();
    let heard = |turn: &&&Turn| turn.heard_ms > 0;
    let mut waits: Vec<u64> = agent.iter().filter_map(|turn| turn.first_audio_ms).collect();
    waits.sort_unstable();
    let mut spread = Waits::default();
    waits.iter().for_each(|wait| spread.note(*wait, 1));
    let mut measures = Measures {
        replies: count(waits.len()),
        latency_ms: rank(&waits, 50),
        latency_p95_ms: rank(&waits, 95),
        agent_turns: count(agent.iter().filter(heard).count()),
        interruptions: count(agent.iter().filter(heard).filter(|turn| turn.interrupted).count()),
        repeats: repeats(&in_order),
        waits: spread,
        ..Measures::default()
    };
    for caller in in_order.iter().filter(|turn| turn.speaker == Speaker::Caller) {
        // Who speaks into the agent's reply interrupts it; who is spoken into was there first.
        let cut = agent.iter().filter(heard).any(|agent| {
            let sounded = agent.ended.0.saturating_sub(agent.heard_ms).max(agent.began.0);
            sounded > caller.began.0 && sounded + OVERLAP_MS_MAX < caller.ended.0
        });
        measures.cuts += u32::from(cut);
    }
    let mut until = in_order.first().map_or(0, |turn| turn.began.0);
    for turn in &in_order {
        let gap = turn.began.0.saturating_sub(until);
        measures.silence_ms += gap.saturating_sub(PAUSE_MS_MAX);
        until = until.max(turn.ended.0);
    }
    measures
}

/// The score of a call; `None` when the agent was never heard and there is nothing to judge.
pub fn judge(measures: &Measures) -> Option<Score> {
    if measures.agent_turns == 0 {
        return None;
    }
    let component = |kind, value: u64, points: u64, at_most: u32| Component {
        kind,
        value,
        took_off: u32::try_from(points).unwrap_or(at_most).min(at_most),
        at_most,
    };
    let slow = measures.latency_ms.saturating_sub(LATENCY_MS_FREE) / 100;
    let interrupted = u64::from(measures.interruptions) * 40 / u64::from(measures.agent_turns);
    let components = vec![
        component(Kind::Latency, measures.latency_ms, slow, 30),
        component(Kind::Interruptions, u64::from(measures.interruptions), interrupted, 20),
        component(Kind::Cuts, u64::from(measures.cuts), u64::from(measures.cuts) * 5, 20),
        component(Kind::Silence, measures.silence_ms, measures.silence_ms / 2_000, 15),
        component(Kind::Repeats, u64::from(measures.repeats), u64::from(measures.repeats) * 3, 15),
    ];
    let off: u32 = components.iter().map(|component| component.took_off).sum();
    Some(Score { points: SCORE_MAX.saturating_sub(off), components })
}

/// The value that so many in a hundred do not exceed; 0 of nothing.
fn rank(sorted: &[u64], hundredths: usize) -> u64 {
    let at = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

fn repeats(turns: &[&Turn]) -> u32 {
    let mut said = BTreeSet::new();
    let mut repeats = 0;
    for turn in turns {
        for sentence in turn.heard_text.split(['.', '!', '?']) {
            let words: Vec<String> = sentence
                .split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            if words.len() >= SENTENCE_WORDS_MIN && !said.insert((turn.speaker, words)) {
                repeats += 1;
            }
        }
    }
    repeats
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
