//! What was said, as it will be kept: per turn, generated and heard.
//!
//! Keeps text and times only; what was heard of a reply is the playback ledger's word.

use std::collections::VecDeque;

use super::{
    playback::{Over, Source},
    port::{ItemId, Note, Output, Words},
};
use crate::domain::{
    conversation::{Speaker, Turn},
    time::CallTime,
};

/// How many of the caller's turns may wait for their words.
const WORDLESS_MAX: usize = 16;
/// The longest text of one turn that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 16_384;

#[derive(Debug)]
struct AgentTurn {
    source: Source,
    ordinal: u32,
    began: CallTime,
    words: String,
    first_audio_ms: Option<u64>,
}

#[derive(Debug)]
struct CallerTurn {
    item: ItemId,
    ordinal: u32,
    began: CallTime,
    ended: CallTime,
    words: String,
}

/// The turns under way.
#[derive(Debug, Default)]
pub(super) struct Record {
    turns: u32,
    agent: Vec<AgentTurn>,
    caller: VecDeque<CallerTurn>,
    /// Words that came before their turn was committed.
    early: Option<(ItemId, String)>,
    latency_ms: Option<u64>,
}

impl Record {
    /// The agent begins to say something, if it has not begun it already.
    pub(super) fn agent_begins(&mut self, source: Source, words: Option<&Words>, now: CallTime) {
        if self.agent.iter().any(|turn| turn.source == source) {
            return;
        }
        let words = words.map(|words| words.0.clone()).unwrap_or_default();
        let ordinal = self.next();
        self.agent.push(AgentTurn { source, ordinal, began: now, words, first_audio_ms: None });
    }

    /// More of what the agent says.
    pub(super) fn agent_says(&mut self, source: Source, words: &Words, now: CallTime) {
        self.agent_begins(source, None, now);
        if let Some(turn) = self.agent.iter_mut().find(|turn| turn.source == source)
            && turn.words.len() + words.0.len() <= TEXT_BYTES_MAX
        {
            turn.words.push_str(&words.0);
        }
    }

    /// How long the caller waited for the reply under way.
    pub(super) fn reply_latency(&mut self, millis: u64) {
        if let Some(turn) = self.agent.last_mut() {
            turn.first_audio_ms = Some(millis);
        }
        self.latency_ms = Some(millis);
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
        let heard = heard_words(&turn.words, over.heard_ms, over.generated_ms);
        let interrupted = cut && over.heard_ms < over.generated_ms;
        let heard_text = if interrupted { heard.to_owned() } else { turn.words.clone() };
        out.push_back(Output::Note(Note::TurnOver(Turn {
            ordinal: turn.ordinal,
            speaker: Speaker::Agent,
            began: turn.began,
            ended: now,
            text: turn.words.trim().to_owned(),
            heard_text: heard_text.trim().to_owned(),
            generated_ms: over.generated_ms,
            heard_ms: over.heard_ms,
            interrupted,
            first_audio_ms: turn.first_audio_ms,
        })));
        Words(heard_text)
    }

    /// The caller said something; its words may come later.
    pub(super) fn caller_turn(&mut self, item: ItemId, began: CallTime, ended: CallTime) {
        let words =
            self.early.take_if(|(early, _)| *early == item).map(|(_, words)| words).unwrap_or_default();
        let ordinal = self.next();
        self.caller.push_back(CallerTurn { item, ordinal, began, ended, words });
        if self.caller.len() > WORDLESS_MAX {
            self.caller.pop_front();
        }
    }

    /// The caller's words, so far or in full.
    pub(super) fn caller_says(&mut self, item: ItemId, words: Words, last: bool, out: &mut VecDeque<Output>) {
        let Some(at) = self.caller.iter().position(|turn| turn.item == item) else {
            self.early = Some((item, words.0));
            return;
        };
        self.caller[at].words = words.0;
        if last && let Some(turn) = self.caller.remove(at) {
            out.push_back(Output::Note(Note::TurnOver(turn.finished())));
        }
    }

    /// The call is over: turns that still wait for their words are kept without.
    pub(super) fn close(&mut self, now: CallTime, out: &mut VecDeque<Output>) {
        for turn in self.caller.drain(..) {
            out.push_back(Output::Note(Note::TurnOver(turn.finished())));
        }
        let unsaid: Vec<Source> = self.agent.iter().map(|turn| turn.source).collect();
        for source in unsaid {
            self.agent_over(Over { source, generated_ms: 0, heard_ms: 0 }, true, now, out);
        }
    }

    fn next(&mut self) -> u32 {
        self.turns += 1;
        self.turns - 1
    }
}

impl CallerTurn {
    fn finished(self) -> Turn {
        Turn {
            ordinal: self.ordinal,
            speaker: Speaker::Caller,
            began: self.began,
            ended: self.ended,
            heard_text: self.words.trim().to_owned(),
            text: self.words.trim().to_owned(),
            generated_ms: 0,
            heard_ms: 0,
            interrupted: false,
            first_audio_ms: None,
        }
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
