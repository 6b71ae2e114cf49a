//! Is that the caller, and does the caller want the floor?
//!
//! [`Hearing`] follows the caller's sound frame by frame; a [`Trial`] weighs a sound that came while the
//! agent spoke. Falling silent is quick because it can be taken back: the trial says whether to yield or
//! to go on. It weighs evidence only; what follows from a verdict is the call's business.

use std::ops;

use super::port::Verdict;
use crate::{
    audio::vad::Voice,
    domain::{
        assistant::{Sensitivity, TurnPolicy},
        time::CallTime,
    },
};

/// A telephone frame, in milliseconds.
const FRAME_MS: u64 = 20;
/// Silence after which a stretch of the caller's speech is over, in milliseconds.
pub(super) const STRETCH_GAP_MS: u64 = 300;
/// Silence after which a sound on trial counts as ended, in milliseconds.
pub(super) const TRIAL_QUIET_MS: u64 = 160;
/// How much longer than the window a voice that goes on and is not decided may be weighed, in milliseconds.
const TRIAL_EXTRA_MS: u64 = 300;
/// How much more voice it takes when the words so far only signal listening, in milliseconds.
const LISTENING_EXTRA_MS: u64 = 400;
/// Of the last frames, how many must be speech to take notice: two of three, so 40 to 60 ms of voice.
const NOTICE: (usize, usize) = (2, 3);
/// From this periodicity on, a frame of speech is voiced.
const VOICED_MIN: f32 = 0.5;
/// Up to this share of energy above 1 kHz, a voiced frame is a hum: lips closed, as in "mm-hm".
const HUM_BRIGHT_MAX: f32 = 0.02;
/// A sound with pauses that lasts so long, of which so much was open speech, is a sentence, in milliseconds.
const SENTENCE_MS_MIN: u64 = 560;
const SENTENCE_OPEN_MS_MIN: u64 = 100;
/// A sound this long, in milliseconds, whose loudness varies by less than this, in dB, is a tone and no voice.
const TONE_MS_MIN: u64 = 160;
const TONE_RANGE_DB_MAX: f32 = 2.0;
/// Sound that stands out less than this, in dB, is the line's own noise or the rest of what has ended.
const STANDS_OUT_DB_MIN: f32 = 1.0;
/// As many words as somebody says who only signals that they listen.
const LISTENING_WORDS_MAX: usize = 4;

/// What was heard of the caller's voice, in milliseconds by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Voiced, with the mouth open: vowels.
    pub open_ms: u64,
    /// Voiced, with the lips closed.
    pub hum_ms: u64,
    /// Taken for speech, but not voiced: consonants, and coughs.
    pub breath_ms: u64,
}

impl Evidence {
    fn of(voice: &Voice) -> Self {
        let mut one = Self::default();
        *match (voice.voiced >= VOICED_MIN, voice.bright <= HUM_BRIGHT_MAX) {
            (false, _) => &mut one.breath_ms,
            (true, true) => &mut one.hum_ms,
            (true, false) => &mut one.open_ms,
        } = FRAME_MS;
        one
    }

    /// Whether anything was heard.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// How much of it is a voice. Breath alone is none; between vowels it belongs to them.
    pub fn voice_ms(&self) -> u64 {
        let voiced = self.open_ms + self.hum_ms;
        voiced + self.breath_ms.min(voiced)
    }

    /// How much it speaks for somebody who wants the floor: nobody asks for it with closed lips.
    pub fn floor_ms(&self) -> u64 {
        self.open_ms + self.hum_ms / 2 + self.breath_ms.min(self.open_ms)
    }

    /// What was heard since `earlier` was all that had been heard.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            open_ms: self.open_ms.saturating_sub(earlier.open_ms),
            hum_ms: self.hum_ms.saturating_sub(earlier.hum_ms),
            breath_ms: self.breath_ms.saturating_sub(earlier.breath_ms),
        }
    }
}

impl ops::AddAssign for Evidence {
    fn add_assign(&mut self, more: Self) {
        self.open_ms += more.open_ms;
        self.hum_ms += more.hum_ms;
        self.breath_ms += more.breath_ms;
    }
}

/// What one frame told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The first frames of speech after a silence.
    pub onset: bool,
    /// Speech that was not told before; none when there is none.
    pub speech: Evidence,
    /// What was taken for speech is as steady as only a tone is: a machine, not a voice.
    pub tone: bool,
}

/// A stretch of the caller's speech: until a pause.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    began: CallTime,
    last: CallTime,
    heard: Evidence,
    /// The softest and the loudest frame but the first, in dB.
    levels_db: (f32, f32),
}

impl Stretch {
    fn tone(&self) -> bool {
        let (softest, loudest) = self.levels_db;
        self.heard.voice_ms() >= TONE_MS_MIN && loudest - softest < TONE_RANGE_DB_MAX
    }
}

/// Follows the caller's sound.
#[derive(Debug)]
pub struct Hearing {
    threshold: f32,
    /// The last frames, oldest first: what was heard in them, if it was speech.
    recent: [Option<Evidence>; NOTICE.1],
    stretch: Option<Stretch>,
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
        Self { threshold, recent: [None; NOTICE.1], stretch: None, last_speech: None, last_active: None }
    }

    /// Takes one frame in.
    pub fn hear(&mut self, voice: &Voice, now: CallTime) -> Heard {
        let stands_out = voice.above_floor_db >= STANDS_OUT_DB_MIN && !voice.tone;
        let speech = (voice.speech >= self.threshold && stands_out).then(|| Evidence::of(voice));
        self.recent.rotate_left(1);
        self.recent[NOTICE.1 - 1] = speech;
        if voice.active || speech.is_some() {
            self.last_active = Some(now);
        }
        self.stretch.take_if(|stretch| now.since(stretch.last) > STRETCH_GAP_MS);
        let Some(mut speech) = speech else { return Heard::default() };
        let onset = self.stretch.is_none();
        if onset {
            let noticed = self.recent.iter().flatten();
            if noticed.clone().count() < NOTICE.0 {
                return Heard::default();
            }
            speech = Evidence::default();
            noticed.for_each(|one| speech += *one);
        }
        let began = CallTime(now.0.saturating_sub(FRAME_MS * NOTICE.0 as u64));
        let stretch = self.stretch.get_or_insert(Stretch {
            began,
            last: now,
            heard: Evidence::default(),
            levels_db: (f32::INFINITY, f32::NEG_INFINITY),
        });
        let was_tone = stretch.tone();
        if !onset {
            let (softest, loudest) = stretch.levels_db;
            stretch.levels_db = (softest.min(voice.level_db), loudest.max(voice.level_db));
        }
        stretch.last = now;
        stretch.heard += speech;
        if stretch.tone() {
            return Heard { onset, speech: Evidence::default(), tone: true };
        }
        if was_tone {
            stretch.heard = speech; // Something else has begun: the tone is no part of it.
        }
        self.last_speech = Some(now);
        Heard { onset, speech, tone: false }
    }

    /// When the present stretch of speech began, if the caller is speaking.
    pub fn speaking_since(&self) -> Option<CallTime> {
        self.stretch.map(|stretch| stretch.began)
    }

    /// When speech was last heard.
    pub fn last_speech(&self) -> Option<CallTime> {
        self.last_speech
    }

    /// When anything was last heard that stands out of the line's own noise.
    pub fn last_active(&self) -> Option<CallTime> {
        self.last_active
    }

    /// What was heard in the present stretch of speech.
    pub fn stretch(&self) -> Evidence {
        self.stretch.map(|stretch| stretch.heard).unwrap_or_default()
    }
}

/// Sounds judged harmless a moment before the one on trial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// When the first of them began.
    pub began: Option<CallTime>,
    /// What was heard of them.
    pub heard: Evidence,
}

/// A sound that made the agent fall silent, while it is being weighed.
#[derive(Debug)]
pub struct Trial {
    /// When the agent fell silent for it.
    pub since: CallTime,
    heard: Evidence,
    /// What was judged harmless a moment before: who keeps trying wants the floor.
    before: Before,
    last_voice: Option<CallTime>,
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

/// A voice agreed upon for this long needs no second opinion any more, in milliseconds.
const AGREED_MS: u64 = 160;

impl Trial {
    /// Whether too little was heard to tell a voice from a noise.
    pub fn is_young(&self) -> bool {
        self.heard.voice_ms() < AGREED_MS
    }

    /// Begins to weigh a sound, of which `heard` was heard so far.
    pub fn begin(now: CallTime, heard: Evidence, before: Before) -> Self {
        let last_voice = heard.any().then_some(now);
        Self { since: now, heard, before, last_voice, words: None }
    }

    /// More of it.
    pub fn hear(&mut self, heard: &Heard, now: CallTime) {
        if heard.tone {
            self.heard = Evidence::default();
        } else if heard.speech.any() {
            self.heard += heard.speech;
            self.last_voice = Some(now);
        }
    }

    /// The words as far as they are known.
    pub fn words(&mut self, meaning: Meaning) {
        self.words = Some(meaning);
    }

    /// What was heard of it.
    pub fn heard(&self) -> Evidence {
        self.heard
    }

    /// What the next trial is to know, should this one end with the agent going on.
    pub fn remember(&self) -> Before {
        Before { began: Some(self.began()), heard: self.all() }
    }

    /// When it began, or what was judged harmless a moment before it.
    pub fn began(&self) -> CallTime {
        self.before.began.unwrap_or(self.since)
    }

    fn all(&self) -> Evidence {
        let mut all = self.before.heard;
        all += self.heard;
        all
    }

    /// The verdict, as soon as there can be one. As long as the sound is the agent's `own` voice, for all one can
    /// tell, only words speak for the caller.
    pub fn verdict(
        &self,
        policy: &TurnPolicy,
        hearing: &Hearing,
        own: impl Fn() -> bool,
        now: CallTime,
    ) -> Option<Verdict> {
        let enough_ms = policy.min_speech_ms
            + match policy.sensitivity {
                Sensitivity::Low => 460,
                Sensitivity::Medium => 260,
                Sensitivity::High => 160,
            };
        let listening_ms = if self.words.is_some() { LISTENING_EXTRA_MS } else { 0 };
        let all = self.all();
        let spans_ms = self.last_voice.map_or(0, |last| last.since(self.began()));
        let sentence = spans_ms >= SENTENCE_MS_MIN + listening_ms && all.open_ms >= SENTENCE_OPEN_MS_MIN;
        let enough = all.floor_ms() >= enough_ms + listening_ms;
        if self.words == Some(Meaning::Says) || (enough || sentence) && !own() {
            return Some(Verdict::Interruption);
        }
        if now >= self.quiet_at(hearing) {
            return Some(Verdict::GoesOn);
        }
        let window = self.since + policy.false_interruption_ms;
        let still = self.last_voice.is_some_and(|last| now.since(last) <= 3 * FRAME_MS)
            && self.heard.voice_ms() >= policy.min_speech_ms;
        let until = if still { window + TRIAL_EXTRA_MS + listening_ms } else { window };
        // A voice that has gone on for so long is no cough and no "mm-hm".
        let mostly_voice = self.heard.voice_ms() * 3 >= now.since(self.since) * 2;
        match still && mostly_voice {
            _ if now < until => None,
            true if own() => None,
            true => Some(Verdict::Interruption),
            false => Some(Verdict::GoesOn),
        }
    }

    /// When the verdict must be asked for, if nothing is heard before.
    pub fn deadline(&self, policy: &TurnPolicy, hearing: &Hearing, now: CallTime) -> CallTime {
        let window = self.since + policy.false_interruption_ms;
        let quiet = self.quiet_at(hearing);
        if window > now { window.min(quiet) } else { quiet }
    }

    /// When the sound counts as ended, if nothing more of it is heard.
    fn quiet_at(&self, hearing: &Hearing) -> CallTime {
        let last = self.last_voice.or(hearing.last_active).unwrap_or(self.since);
        last.max(self.since) + TRIAL_QUIET_MS
    }
}

/// What is said, in German or English, by somebody who only signals that they listen. Callers change languages.
const LISTENING: &[&str] = &[
    // Sounds of both.
    "mhm",
    "mhmm",
    "mmhm",
    "mmhmm",
    "hmhm",
    "mm",
    "mmm",
    "hm",
    "hmm",
    "mmh",
    "hmmm",
    "ah",
    "aha",
    "oh",
    "uh",
    "äh",
    "ähm",
    "eh",
    "ok",
    "okay",
    "okey", // German
    "ja",
    "jaja",
    "jo",
    "joa",
    "jep",
    "jawohl",
    "ach",
    "achso",
    "so",
    "soso",
    "genau",
    "gut",
    "stimmt",
    "klar",
    "alles",
    "verstehe",
    "ich",
    "richtig",
    "eben",
    "natürlich",
    "super",
    "prima",
    "schön",
    "sehr",
    // English
    "huh",
    "uhhuh",
    "um",
    "yeah",
    "yep",
    "yup",
    "yes",
    "right",
    "sure",
    "i",
    "see",
    "got",
    "it",
    "alright",
    "all",
    "good",
    "great",
    "exactly",
    "course",
    "of",
    "fine",
    "nice",
    "cool",
];

/// What `words` mean for the floor; `None` when there are none.
pub fn meaning(words: &str) -> Option<Meaning> {
    let plain = words.split(|c: char| c.is_whitespace() || c == ',' || c == '.').map(|word| {
        word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    });
    let mut count = 0;
    for word in plain.filter(|word| !word.is_empty()) {
        count += 1;
        if count > LISTENING_WORDS_MAX || !LISTENING.contains(&word.as_str()) {
            return Some(Meaning::Says);
        }
    }
    (count > 0).then_some(Meaning::Listens)
}
