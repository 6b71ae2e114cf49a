//! How a call ends: silence, time, goodbye.
//!
//! A goodbye is heard before we hang up: its last mark came back. If the mark never comes, a timer ends it.

use super::{
    Call,
    reply::{Engine, Owed, Reply, Say},
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
    /// Something goes on that is not silence.
    busy: bool,
    /// What goes on is the agent asking whether the caller is there: it does not end the silence.
    prompting: bool,
}

impl Silence {
    /// Silence from `now` on.
    pub(super) fn since(now: CallTime) -> Self {
        Self { since: now, prompts: 0, busy: false, prompting: false }
    }

    /// The caller did something.
    pub(super) fn broken(&mut self, now: CallTime) {
        *self = Self { busy: self.busy, ..Self::since(now) };
    }
}

/// A call about to be hung up.
#[derive(Debug)]
pub(super) struct Leaving {
    outcome: Outcome,
    /// When we hang up, whatever was heard.
    until: CallTime,
    /// What the engine is still to be asked to say.
    goodbye: Option<Say>,
    /// Whether nothing the caller says can stop it.
    firm: bool,
}

impl Leaving {
    /// Whether the caller may still stop it by speaking.
    pub(super) fn may_be_stopped(&self) -> bool {
        !self.firm
    }
}

impl Call {
    /// Says goodbye by `phrase` and hangs up once it was heard.
    pub(super) fn leave(&mut self, phrase: Phrase, outcome: Outcome) {
        let firm = outcome != Outcome::Silence;
        if let Some(leaving) = &mut self.leaving {
            leaving.firm |= firm; // Goodbye is being said already; it only may not be taken back.
            return;
        }
        self.cut_speech();
        self.owed = Owed::default();
        self.tools.clear();
        let goodbye = (!self.say(phrase)).then_some(Say::Phrase(phrase));
        self.leaving = Some(Leaving { outcome, until: self.now + GOODBYE_MS_MAX, goodbye, firm });
    }

    /// Tells the caller that a person is rung for them, and lets go of the line once that was heard. What the agent is
    /// saying is said to its end first.
    pub(super) fn pass_on(&mut self) {
        if self.leaving.as_ref().is_some_and(|leaving| !leaving.may_be_stopped()) {
            return;
        }
        self.owed = Owed::default();
        self.tools.clear();
        self.leaving = Some(Leaving {
            outcome: Outcome::Transferred,
            until: self.now + self.playback.unheard_ms() + GOODBYE_MS_MAX,
            goodbye: Some(Say::Phrase(Phrase::PassingOn)),
            firm: true,
        });
    }

    /// The model wants to hang up. What it has said goes first; had it said nothing, it says goodbye.
    pub(super) fn end_call(&mut self, spoke: bool) {
        if self.leaving.is_some() {
            return;
        }
        self.owed = Owed::default();
        let until = self.now + self.playback.unheard_ms() + GOODBYE_MS_MAX;
        let goodbye = (!spoke).then_some(Say::Freely);
        self.leaving = Some(Leaving { outcome: Outcome::AgentLeft, until, goodbye, firm: false });
    }

    pub(super) fn advance_ending(&mut self) {
        let now = self.now;
        let free = self.engine_free();
        if let Some(leaving) = &mut self.leaving {
            let outcome = leaving.outcome;
            let clip = match leaving.goodbye {
                Some(Say::Phrase(phrase)) if self.setup.clips.contains_key(&phrase) => Some(phrase),
                Some(Say::Phrase(_) | Say::Freely | Say::Opening) | None => None,
            };
            if now >= leaving.until {
                self.end(outcome);
            } else if let Some(phrase) = clip {
                // By its clip it follows what is being said, whatever the engine does.
                if !self.playback.speaking() && !matches!(self.reply, Reply::Asked(_) | Reply::Generating(_))
                {
                    leaving.goodbye = None;
                    self.say(phrase);
                }
            } else if let Some(goodbye) = leaving.goodbye.take_if(|_| free) {
                self.ask(goodbye, None);
            } else if leaving.goodbye.is_none()
                && !matches!(self.reply, Reply::Asked(_) | Reply::Generating(_))
                && !self.playback.speaking()
                && self.trial.is_none()
            {
                self.end(outcome);
            }
            return;
        }
        if now.0 >= self.setup.policy.max_duration_ms {
            return self.leave(Phrase::TimeIsUp, Outcome::MaxDuration);
        }
        self.warn();
        let busy = self.busy();
        let was_busy = std::mem::replace(&mut self.silence.busy, busy);
        if busy {
            return;
        }
        if was_busy && !std::mem::take(&mut self.silence.prompting) {
            self.silence.since = now;
            self.silence.prompts = 0;
        }
        let policy = &self.setup.policy;
        let quiet = now.since(self.silence.since);
        if quiet >= policy.silence_goodbye_ms {
            self.leave(Phrase::SilenceGoodbye, Outcome::Silence);
        } else if quiet >= policy.silence_second_ms && self.silence.prompts < 2 {
            self.prompt(2, Phrase::StillThereAgain);
        } else if quiet >= policy.silence_first_ms && self.silence.prompts < 1 {
            self.prompt(1, Phrase::StillThere);
        }
    }

    /// Tells the caller that the time is nearly up, as soon as nobody is speaking.
    fn warn(&mut self) {
        let max = self.setup.policy.max_duration_ms;
        let due = !self.warned && max > WARNING_MS && self.now.0 + WARNING_MS >= max;
        let quiet =
            !self.silenced() && !self.playback.speaking() && self.trial.is_none() && !self.caller_has_floor();
        if due && quiet {
            self.warned = self.say(Phrase::OneMinuteLeft);
        }
    }

    pub(super) fn ending_deadline(&self) -> CallTime {
        let policy = &self.setup.policy;
        if let Some(leaving) = &self.leaving {
            return leaving.until;
        }
        let max = CallTime(policy.max_duration_ms);
        let warning = CallTime(policy.max_duration_ms.saturating_sub(WARNING_MS));
        let time = if warning > self.now { warning } else { max };
        if self.silence.busy {
            return time;
        }
        let step = match self.silence.prompts {
            0 => policy.silence_first_ms.min(policy.silence_second_ms),
            1 => policy.silence_second_ms,
            _ => policy.silence_goodbye_ms,
        };
        time.min(self.silence.since + step.min(policy.silence_goodbye_ms))
    }

    /// Whether anything goes on that is not silence.
    fn busy(&self) -> bool {
        self.playback.speaking()
            || self.silenced()
            || !matches!(self.reply, Reply::Idle)
            || self.owed != Owed::default()
            || !self.tools.is_empty()
            || self.trial.is_some()
            || self.caller_has_floor()
            || self.caller_mid_turn()
            || matches!(self.engine, Engine::Opening { .. })
    }

    fn prompt(&mut self, prompts: u8, phrase: Phrase) {
        self.silence.prompts = prompts;
        self.silence.prompting = self.say(phrase);
        self.silence.busy |= self.silence.prompting;
    }
}
