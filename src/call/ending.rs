//! How a call ends: silence, time, goodbye.
//!
//! A goodbye is heard before we hang up: its last mark came back. If the mark never comes, a timer ends it.

use super::{
    Call,
    port::Words,
    reply::{Engine, Reply},
};
use crate::domain::{conversation::Outcome, phrases::Phrase, time::CallTime};

/// How long before the longest duration the caller is told, in milliseconds.
pub const WARNING_MS: u64 = 60_000;
/// How long a goodbye may take before we hang up without it, in milliseconds.
pub const GOODBYE_MS_MAX: u64 = 12_000;

/// How long nobody has said anything.
#[derive(Debug)]
pub(super) struct Silence {
    since: CallTime,
    prompts: u8,
    /// A prompt is being said: it does not itself end the silence.
    prompting: bool,
}

impl Silence {
    /// Silence from `now` on.
    pub(super) fn since(now: CallTime) -> Self {
        Self { since: now, prompts: 0, prompting: false }
    }

    /// The caller did something.
    pub(super) fn broken(&mut self, now: CallTime) {
        *self = Self::since(now);
    }
}

/// A call about to be hung up.
#[derive(Debug)]
pub(super) struct Leaving {
    outcome: Outcome,
    /// When we hang up, whatever was heard.
    until: CallTime,
    /// What the engine is still to be asked to say.
    words: Option<Words>,
}

impl Leaving {
    /// Whether the caller may still stop it by speaking.
    pub(super) fn may_be_stopped(&self) -> bool {
        matches!(self.outcome, Outcome::AgentLeft | Outcome::Silence)
    }
}

impl Call {
    /// Says goodbye by `phrase` and hangs up once it was heard.
    pub(super) fn leave(&mut self, phrase: Phrase, outcome: Outcome) {
        if self.leaving.is_some() {
            return;
        }
        self.trial = None;
        self.owed = None;
        self.tools.clear();
        self.cut_speech();
        let said = self.say(phrase);
        let words = (!said).then(|| Words(phrase.words(self.setup.language).to_owned()));
        self.leaving = Some(Leaving { outcome, until: self.now + GOODBYE_MS_MAX, words });
    }

    /// The model wants to hang up. What it has said goes first; had it said nothing, it says goodbye.
    pub(super) fn end_call(&mut self, spoke: bool) {
        self.owed = None;
        self.leaving =
            Some(Leaving { outcome: Outcome::AgentLeft, until: self.now + GOODBYE_MS_MAX, words: None });
        if !spoke && matches!(self.engine, Engine::Ready) && matches!(self.reply, Reply::Idle) {
            self.ask_for_reply(None);
        }
    }

    pub(super) fn advance_ending(&mut self) {
        let now = self.now;
        if let Some(leaving) = &mut self.leaving {
            let outcome = leaving.outcome;
            let idle = matches!(self.reply, Reply::Idle);
            if now >= leaving.until {
                self.end(outcome);
            } else if idle && matches!(self.engine, Engine::Ready) && leaving.words.is_some() {
                let words = leaving.words.take();
                self.ask_for_reply(words);
            } else if idle && leaving.words.is_none() && !self.playback.speaking() && self.trial.is_none() {
                self.end(outcome);
            }
            return;
        }
        let policy = &self.setup.policy;
        let (first, second, goodbye) =
            (policy.silence_first_ms, policy.silence_second_ms, policy.silence_goodbye_ms);
        let max = policy.max_duration_ms;
        if now.0 >= max {
            return self.leave(Phrase::TimeIsUp, Outcome::MaxDuration);
        }
        if !self.busy() {
            self.silence.prompting = false;
        } else if !self.silence.prompting {
            self.silence.since = now;
            self.silence.prompts = 0;
        }
        if self.busy() {
            return;
        }
        if !self.warned && max > WARNING_MS && now.0 + WARNING_MS >= max {
            self.warned = true;
            self.say(Phrase::OneMinuteLeft);
            return;
        }
        let quiet = now.since(self.silence.since);
        match self.silence.prompts {
            0 if quiet >= first => self.prompt(Phrase::StillThere),
            1 if quiet >= second => self.prompt(Phrase::StillThereAgain),
            2 if quiet >= goodbye => self.leave(Phrase::SilenceGoodbye, Outcome::Silence),
            _ => {}
        }
    }

    pub(super) fn ending_deadline(&self) -> CallTime {
        let policy = &self.setup.policy;
        let max = CallTime(policy.max_duration_ms);
        if let Some(leaving) = &self.leaving {
            return leaving.until;
        }
        let warning = CallTime(policy.max_duration_ms.saturating_sub(WARNING_MS));
        let time = if self.warned || warning <= self.now { max } else { warning };
        if self.busy() {
            return time;
        }
        let step = match self.silence.prompts {
            0 => policy.silence_first_ms,
            1 => policy.silence_second_ms,
            _ => policy.silence_goodbye_ms,
        };
        time.min(self.silence.since + step)
    }

    /// Whether anything goes on that is not silence.
    fn busy(&self) -> bool {
        self.playback.speaking()
            || !matches!(self.reply, Reply::Idle)
            || self.owed.is_some()
            || !self.tools.is_empty()
            || self.trial.is_some()
            || self.caller_has_floor()
            || matches!(self.engine, Engine::Opening { .. })
    }

    fn prompt(&mut self, phrase: Phrase) {
        self.silence.prompts += 1;
        self.silence.prompting = true;
        self.say(phrase);
    }
}
