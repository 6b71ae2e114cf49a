//! A person on the telephone.
//!
//! A [`Caller`] keeps to its lines: it waits for each line's cue, by what it really hears, then speaks,
//! presses a key or hangs up. It lives in steps of 20 ms and has no clock of its own.

use std::collections::VecDeque;

use super::sound;

/// So long after the last audible frame the agent still counts as speaking, in milliseconds: speech has gaps.
const GAP_MS: u64 = 300;

/// Somebody on the line.
pub trait Person: Send {
    /// Lives 20 ms: what was played to the ear (nothing, when nothing was there to play), and the time since
    /// the call began in milliseconds.
    fn live(&mut self, heard: &[u8], now: u64) -> Act;

    /// What was meant to be done and was not, in words.
    fn undone(&self) -> Vec<String> {
        vec![]
    }
}

/// What a person does in 20 ms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Act {
    /// Twenty milliseconds of 8 kHz μ-law; shorter for silence.
    pub sound: Vec<u8>,
    /// A key.
    pub press: Option<char>,
    /// The end.
    pub hang_up: bool,
}

/// When a line is due. Every cue waits for the line before it to be over first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// While the agent speaks, after this many milliseconds of it were heard since the last line.
    AfterHearing(u64),
    /// The agent has spoken since the last line, and been silent for so many milliseconds.
    WhenQuiet(u64),
    /// So many milliseconds after the last line, whatever the agent does.
    After(u64),
}

/// What is done on a cue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Speaks: 8 kHz μ-law.
    Speak(Vec<u8>),
    /// Presses a key.
    Press(char),
    /// Hangs up.
    HangUp,
}

/// One line of a caller's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub cue: Cue,
    /// What.
    pub doing: Doing,
    /// The words, for whoever reads along.
    pub words: String,
}

/// A person who keeps to a part.
pub struct Caller {
    lines: VecDeque<Line>,
    /// What is left of the line being spoken.
    speaking: VecDeque<u8>,
    /// When the last line was over.
    over: u64,
    /// Sound of the agent heard since, in milliseconds.
    heard_ms: u64,
    /// When the agent was last audible.
    audible: Option<u64>,
    patience_ms: u64,
    gave_up: Option<String>,
}

impl Caller {
    /// Somebody with these lines, who waits `patience_ms` for a cue and then hangs up. After the last line
    /// the caller waits for the other side to hang up, as long.
    pub fn new(lines: impl IntoIterator<Item = Line>, patience_ms: u64) -> Self {
        Self {
            lines: lines.into_iter().collect(),
            speaking: VecDeque::new(),
            over: 0,
            heard_ms: 0,
            audible: None,
            patience_ms,
            gave_up: None,
        }
    }

    fn hear(&mut self, heard: &[u8], now: u64) {
        if sound::audible(heard) {
            self.audible = Some(now);
        }
        if !heard.is_empty() && self.agent_speaks(now) {
            self.heard_ms += (heard.len() / sound::BYTES_PER_MS) as u64;
        }
    }

    fn agent_speaks(&self, now: u64) -> bool {
        self.audible.is_some_and(|last| now - last < GAP_MS)
    }

    fn due(&self, cue: Cue, now: u64) -> bool {
        match cue {
            Cue::After(ms) => now >= self.over + ms,
            Cue::AfterHearing(ms) => self.heard_ms >= ms && self.agent_speaks(now),
            Cue::WhenQuiet(ms) => self.heard_ms > 0 && self.audible.is_some_and(|last| now >= last + ms),
        }
    }

    fn line_over(&mut self, now: u64) {
        self.over = now;
        self.heard_ms = 0;
    }
}

impl Person for Caller {
    fn live(&mut self, heard: &[u8], now: u64) -> Act {
        self.hear(heard, now);
        let mut act = Act::default();
        if !self.speaking.is_empty() {
            let length = self.speaking.len().min(sound::FRAME);
            act.sound = self.speaking.drain(..length).collect();
            if self.speaking.is_empty() {
                self.line_over(now);
            }
            return act;
        }
        let due = self.lines.front().is_some_and(|line| self.due(line.cue, now));
        if due && let Some(line) = self.lines.pop_front() {
            match line.doing {
                Doing::Speak(sound) => self.speaking = sound.into(),
                Doing::Press(key) => act.press = Some(key),
                Doing::HangUp => act.hang_up = true,
            }
            self.line_over(now);
            return act;
        }
        let since = self.audible.map_or(self.over, |last| last.max(self.over));
        if now >= since + self.patience_ms {
            act.hang_up = true;
            let waited = self.lines.front().map_or("the other side to hang up".to_owned(), |line| {
                format!("{:?} to say {:?}", line.cue, line.words)
            });
            self.gave_up = Some(format!("the caller waited {} ms for {waited}", self.patience_ms));
        }
        act
    }

    fn undone(&self) -> Vec<String> {
        let left = self.lines.iter().map(|line| format!("the caller did not get to say {:?}", line.words));
        self.gave_up.iter().cloned().chain(left).collect()
    }
}
