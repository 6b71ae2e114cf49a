//! What was said, as it will be kept: per turn, generated and heard.
//!
//! Keeps text and times only; what was heard of a reply is the playback ledger's word.

use std::collections::VecDeque;

use super::{
    playback::{Over, Source},
    port::{ItemId, Note, Output, Words},
};
use crate::domain::{
    cards,
    conversation::{Speaker, Turn},
    time::CallTime,
};

/// How many of the caller's turns may wait for their words.
const WORDLESS_MAX: usize = 16;
/// How long a turn of the caller's waits for its words, in milliseconds, before it is kept without.
const WORDS_WAIT_MS_MAX: u64 = 15_000;
/// How many turns of the agent's may be under way.
const AGENT_TURNS_MAX: usize = 64;
/// The longest text of one turn that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 16_384;

#[derive(Debug)]
struct AgentTurn {
    source: Source,
    ordinal: u32,
    began: CallTime,
    words: Words,
    /// How much of the words was told to be heard, in bytes.
    told: usize,
    first_audio_ms: Option<u64>,
}

#[derive(Debug)]
struct CallerTurn {
    item: ItemId,
    ordinal: u32,
    began: CallTime,
    ended: CallTime,
    words: Words,
    confidence: Option<f64>,
    /// Whether it is kept without words, too.
    certain: bool,
}

/// Words that came before their turn was committed.
#[derive(Debug)]
struct Early {
    item: ItemId,
    words: Words,
    last: bool,
    confidence: Option<f64>,
}

/// The turns under way.
#[derive(Debug, Default)]
pub(super) struct Record {
    turns: u32,
    agent: Vec<AgentTurn>,
    caller: VecDeque<CallerTurn>,
    early: Option<Early>,
}

impl Record {
    /// The agent begins to say something, if it has not begun it already.
    pub(super) fn agent_begins(
        &mut self,
        source: Source,
        words: Option<&Words>,
        now: CallTime,
        out: &mut VecDeque<Output>,
    ) {
        if self.agent.iter().any(|turn| turn.source == source) || self.agent.len() >= AGENT_TURNS_MAX {
            return;
        }
        let words = words.cloned().unwrap_or(Words(String::new()));
        let ordinal = self.next();
        self.agent.push(AgentTurn { source, ordinal, began: now, words, told: 0, first_audio_ms: None });
        out.push_back(Output::Note(Note::Speaks(Speaker::Agent)));
    }

    /// More of what the agent says.
    pub(super) fn agent_says(
        &mut self,
        source: Source,
        words: &Words,
        now: CallTime,
        out: &mut VecDeque<Output>,
    ) {
        self.agent_begins(source, None, now, out);
        if let Some(turn) = self.agent.iter_mut().find(|turn| turn.source == source)
            && turn.words.0.len() + words.0.len() <= TEXT_BYTES_MAX
        {
            turn.words.0.push_str(&words.0);
        }
    }

    /// The caller has heard so much of what is being said.
    pub(super) fn agent_heard(&mut self, piece: Over, out: &mut VecDeque<Output>) {
        let Some(turn) = self.agent.iter_mut().find(|turn| turn.source == piece.source) else { return };
        let heard = heard_words(&turn.words.0, piece.heard_ms, piece.generated_ms);
        // By whole words: marks come more often than words end.
        if heard.len() > turn.told {
            turn.told = heard.len();
            let words = Words(cards::blanked(heard).unwrap_or_else(|| heard.to_owned()));
            out.push_back(Output::Note(Note::Heard { speaker: Speaker::Agent, words }));
        }
    }

    /// How long the caller waited for the reply under way.
    pub(super) fn reply_latency(&mut self, millis: u64) {
        if let Some(turn) = self.agent.iter_mut().rev().find(|turn| matches!(turn.source, Source::Engine(_)))
        {
            turn.first_audio_ms = Some(millis);
        }
    }

    /// What the agent said is over; returns the words that were heard.
    pub(super) fn agent_over(
        &mut self,
        over: Over,
        cut: bool,
        now: CallTime,
        out: &mut VecDeque<Output>,
    ) -> Words {
        let Some(at) = self.agent.iter().position(|turn| turn.source == over.source) else {
            return Words(String::new());
        };
        let turn = self.agent.remove(at);
        let interrupted = cut && !over.whole;
        let heard_text = match interrupted {
            true => heard_words(&turn.words.0, over.heard_ms, over.generated_ms),
            false => turn.words.0.as_str(),
        };
        out.push_back(Output::Note(Note::TurnOver(Turn {
            ordinal: turn.ordinal,
            speaker: Speaker::Agent,
            began: turn.began,
            ended: now,
            text: turn.words.0.trim().to_owned(),
            heard_text: heard_text.trim().to_owned(),
            generated_ms: over.generated_ms,
            heard_ms: over.heard_ms,
            interrupted,
            first_audio_ms: turn.first_audio_ms,
            confidence: None,
        })));
        Words(heard_text.to_owned())
    }

    /// Forgets what the agent was to say and of which no sound is `left` to be heard.
    pub(super) fn keep_heard(&mut self, left: impl Fn(Source) -> bool) {
        self.agent.retain(|turn| left(turn.source));
    }

    /// The caller said something; its words may come later. Unless it is `certain` that it was a turn, it is one only
    /// if words come.
    pub(super) fn caller_turn(
        &mut self,
        item: ItemId,
        began: CallTime,
        ended: CallTime,
        certain: bool,
        out: &mut VecDeque<Output>,
    ) {
        let overdue = |turn: &CallerTurn| ended.since(turn.ended) > WORDS_WAIT_MS_MAX;
        while self.caller.len() >= WORDLESS_MAX || self.caller.front().is_some_and(overdue) {
            let turn = self.caller.pop_front();
            turn.into_iter().for_each(|turn| turn.finish(out));
        }
        let ordinal = self.next();
        let early = self.early.take_if(|early| early.item == item);
        let (words, last, confidence) = early
            .map_or((Words(String::new()), false, None), |early| (early.words, early.last, early.confidence));
        let turn = CallerTurn { item, ordinal, began, ended, words, confidence, certain };
        if last {
            turn.finish(out);
        } else {
            self.caller.push_back(turn);
        }
    }

    /// The caller's words, so far or in full.
    pub(super) fn caller_says(
        &mut self,
        item: ItemId,
        mut words: Words,
        last: bool,
        confidence: Option<f64>,
        out: &mut VecDeque<Output>,
    ) {
        words.0.truncate(words.0.floor_char_boundary(TEXT_BYTES_MAX));
        if !last {
            let words = Words(cards::blanked(&words.0).unwrap_or_else(|| words.0.clone()));
            out.push_back(Output::Note(Note::Heard { speaker: Speaker::Caller, words }));
        }
        let Some(at) = self.caller.iter().position(|turn| turn.item == item) else {
            self.early = Some(Early { item, words, last, confidence });
            return;
        };
        self.caller[at].words = words;
        self.caller[at].confidence = confidence;
        if last && let Some(turn) = self.caller.remove(at) {
            turn.finish(out);
        }
    }

    /// The call is over: turns that still wait for their words are kept without.
    pub(super) fn close(&mut self, out: &mut VecDeque<Output>) {
        self.caller.drain(..).for_each(|turn| turn.finish(out));
        self.agent.clear();
    }

    fn next(&mut self) -> u32 {
        self.turns += 1;
        self.turns - 1
    }
}

impl CallerTurn {
    fn finish(self, out: &mut VecDeque<Output>) {
        let words = self.words.0.trim();
        if words.is_empty() && !self.certain {
            return;
        }
        out.push_back(Output::Note(Note::TurnOver(Turn {
            ordinal: self.ordinal,
            speaker: Speaker::Caller,
            began: self.began,
            ended: self.ended,
            text: words.to_owned(),
            heard_text: words.to_owned(),
            generated_ms: 0,
            heard_ms: 0,
            interrupted: false,
            first_audio_ms: None,
            confidence: self.confidence.filter(|_| !words.is_empty()),
        })));
    }
}

/// The part of `words` that was heard, by time: whole words, rounded down.
fn heard_words(words: &str, heard_ms: u64, generated_ms: u64) -> &str {
    if generated_ms == 0 || heard_ms == 0 {
        return "";
    }
    if heard_ms >= generated_ms {
        return words;
    }
    let chars = words.chars().count() as u64;
    let reach = (chars * heard_ms / generated_ms) as usize;
    let end = words.char_indices().nth(reach).map_or(words.len(), |(at, _)| at);
    let cut = if words[end..].starts_with(char::is_whitespace) {
        end
    } else {
        words[..end].rfind(char::is_whitespace).unwrap_or(0)
    };
    &words[..cut]
}
