//! Is that the caller, and does the caller want the floor?
//!
//! [`Hearing`] follows the caller's sound frame by frame; a [`Trial`] weighs a sound that came while the
//! agent spoke. Falling silent is quick because it can be taken back: the trial says whether to yield or
//! to go on. It weighs evidence only; what follows from a verdict is the call's business.

use super::port::Verdict;
use crate::{
    audio::vad::Voice,
    domain::{
        assistant::{Language, Sensitivity, TurnPolicy},
        time::CallTime,
    },
};

/// A telephone frame, in milliseconds.
const FRAME_MS: u64 = 20;
/// Silence after which a stretch of the caller's speech is over, in milliseconds.
const STRETCH_GAP_MS: u64 = 300;
/// Silence after which a sound on trial counts as ended, in milliseconds.
const TRIAL_QUIET_MS: u64 = 160;
/// How much longer than the window a sound that goes on and is not decided may be weighed, in milliseconds.
const TRIAL_EXTRA_MS: u64 = 300;
/// Of the last frames, how many must be speech to take notice: two of three, so 40 to 60 ms of voice.
const NOTICE: (u32, u32) = (2, 3);

/// What one frame told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// No speech.
    Quiet,
    /// The first frames of speech after a silence.
    Onset,
    /// More of it.
    Speech,
}

/// Follows the caller's sound.
#[derive(Debug)]
pub struct Hearing {
    threshold: f32,
    /// The last frames, newest in the lowest bit: 1 is speech.
    recent: u32,
    /// When the present stretch of speech began.
    stretch: Option<CallTime>,
    stretch_voiced_ms: u64,
    last_speech: Option<CallTime>,
    last_active: Option<CallTime>,
}

impl Hearing {
    /// Ears as readily pricked as the policy says.
    pub fn new(policy: &TurnPolicy) -> Self {
        let threshold = match policy.sensitivity {
            Sensitivity::Low => 0.8,
            Sensitivity::Medium => 0.5,
            Sensitivity::High => 0.35,
        };
        Self {
            threshold,
            recent: 0,
            stretch: None,
            stretch_voiced_ms: 0,
            last_speech: None,
            last_active: None,
        }
    }

    /// Takes one frame in.
    pub fn hear(&mut self, voice: &Voice, now: CallTime) -> Heard {
        let speech = voice.speech >= self.threshold;
        self.recent = self.recent << 1 | u32::from(speech);
        if voice.active || speech {
            self.last_active = Some(now);
        }
        let over = self.last_speech.is_none_or(|last| now.since(last) > STRETCH_GAP_MS);
        if over {
            self.stretch = None;
        }
        let (enough, of) = NOTICE;
        if speech && self.stretch.is_none() && (self.recent & ((1 << of) - 1)).count_ones() >= enough {
            self.stretch = Some(CallTime(now.0.saturating_sub(FRAME_MS * u64::from(enough))));
            self.stretch_voiced_ms = FRAME_MS * u64::from(enough);
            self.last_speech = Some(now);
            return Heard::Onset;
        }
        if speech && self.stretch.is_some() {
            self.last_speech = Some(now);
            self.stretch_voiced_ms += FRAME_MS;
            return Heard::Speech;
        }
        Heard::Quiet
    }

    /// When the present stretch of speech began, if the caller is speaking.
    pub fn speaking_since(&self) -> Option<CallTime> {
        self.stretch
    }

    /// When speech was last heard.
    pub fn last_speech(&self) -> Option<CallTime> {
        self.last_speech
    }

    /// How much of the present stretch was speech, in milliseconds.
    pub fn stretch_voiced_ms(&self) -> u64 {
        if self.stretch.is_some() { self.stretch_voiced_ms } else { 0 }
    }
}

/// A sound that made the agent fall silent, while it is being weighed.
#[derive(Debug)]
pub struct Trial {
    /// When the agent fell silent for it.
    pub since: CallTime,
    voiced_ms: u64,
    last_voiced: Option<CallTime>,
    /// What the words so far say, once there are any.
    words: Option<Meaning>,
}

/// What words mean for the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The caller says something.
    Says,
    /// The caller only signals that they listen.
    Listens,
}

impl Trial {
    /// Begins to weigh a sound; `voiced_ms` of speech was heard of it before.
    pub fn begin(now: CallTime, voiced_ms: u64) -> Self {
        Self { since: now, voiced_ms, last_voiced: (voiced_ms > 0).then_some(now), words: None }
    }

    /// One more frame.
    pub fn hear(&mut self, heard: Heard, now: CallTime) {
        match heard {
            Heard::Quiet => {}
            Heard::Onset if self.voiced_ms == 0 => {
                self.voiced_ms = 2 * FRAME_MS;
                self.last_voiced = Some(now);
            }
            Heard::Onset | Heard::Speech => {
                self.voiced_ms += FRAME_MS;
                self.last_voiced = Some(now);
            }
        }
    }

    /// The words as far as they are known.
    pub fn words(&mut self, meaning: Meaning) {
        self.words = Some(meaning);
    }

    /// The verdict, as soon as there can be one.
    pub fn verdict(&self, policy: &TurnPolicy, hearing: &Hearing, now: CallTime) -> Option<Verdict> {
        let enough_ms = policy.min_speech_ms
            + match policy.sensitivity {
                Sensitivity::Low => 400,
                Sensitivity::Medium => 300,
                Sensitivity::High => 160,
            };
        if self.words == Some(Meaning::Says) {
            return Some(Verdict::Interruption);
        }
        if self.words.is_none() && self.voiced_ms >= enough_ms {
            return Some(Verdict::Interruption);
        }
        let quiet_since = self.last_voiced.or(hearing.last_active).unwrap_or(self.since).max(self.since);
        if now.since(quiet_since) >= TRIAL_QUIET_MS {
            return Some(Verdict::GoesOn);
        }
        let window = policy.false_interruption_ms;
        let still_voiced = self.last_voiced.is_some_and(|last| now.since(last) <= 3 * FRAME_MS);
        let undecided = still_voiced && self.voiced_ms >= policy.min_speech_ms;
        let limit = if undecided { window + TRIAL_EXTRA_MS } else { window };
        (now.since(self.since) >= limit).then(|| {
            let mostly_voice = self.voiced_ms * 2 >= now.since(self.since);
            if mostly_voice && self.words.is_none() { Verdict::Interruption } else { Verdict::GoesOn }
        })
    }

    /// When the verdict must be asked for, if nothing is heard before.
    pub fn deadline(&self, policy: &TurnPolicy, now: CallTime) -> CallTime {
        let window = self.since + policy.false_interruption_ms;
        if window > now {
            window
        } else {
            (self.since + policy.false_interruption_ms + TRIAL_EXTRA_MS).max(now + FRAME_MS)
        }
    }
}

/// What `words` mean for the floor; `None` when there are none.
pub fn meaning(words: &str, language: Language) -> Option<Meaning> {
    let listens: &[&str] = match language {
        Language::German => &[
            "mhm", "hm", "hmm", "mm", "mmh", "mmhm", "ja", "jaja", "jo", "okay", "ok", "aha", "ah", "ach",
            "so", "genau", "gut", "stimmt", "klar", "alles", "verstehe", "richtig", "eben", "äh", "ähm",
        ],
        Language::English => &[
            "mhm", "hm", "hmm", "mm", "mmhm", "mmhmm", "uhhuh", "huh", "uh", "um", "yeah", "yep", "yes",
            "ok", "okay", "right", "sure", "aha", "ah", "oh", "i", "see", "got", "it", "alright", "all",
            "good", "great",
        ],
    };
    let mut any = false;
    for word in words.split_whitespace() {
        let plain: String = word.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        if plain.is_empty() {
            continue;
        }
        any = true;
        if !listens.contains(&plain.as_str()) {
            return Some(Meaning::Says);
        }
    }
    any.then_some(Meaning::Listens)
}
