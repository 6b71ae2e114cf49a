//! What a call hears in each frame: how loud it is, whether a person speaks, and what kind of sound it is.
//!
//! An [`Ear`] listens to one side of one call. It costs next to nothing while the line is silent: an adaptive
//! noise floor decides whether the neural detectors are asked at all. It never decides what a sound means for
//! the conversation; whether to stop talking is the call's to judge, from these figures.

mod features;
mod neural;

use serde::Deserialize;

use self::{
    features::{Keypad, Steady, Timbre, dot},
    neural::{Earshot, Nnnoiseless},
};
use super::frames::MuLaw20ms;

/// Which detectors tell speech from other sounds. Cost is per frame in which there is sound (see
/// `benches/hearing.rs`); silence costs the same with all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detector {
    /// Periodicity, and the earshot network on every frame with sound in it: about 10 µs.
    Earshot,
    /// The same, and nnnoiseless as second opinion while the agent speaks and the caller seems to: about 100 µs
    /// more in those frames.
    #[default]
    #[serde(rename = "both")]
    EarshotAndNnnoiseless,
    /// No network: what is louder than the line and periodic as a voice counts as speech. About 1 µs.
    Energy,
}

/// What was heard in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// Loudness in dB below full scale (root mean square); [`Voice::QUIETEST_DB`] for silence.
    pub level_db: f32,
    /// How far the frame stands out of the line's background noise, in dB; 0 when it does not.
    pub above_floor_db: f32,
    /// Whether the frame is louder than the line's background, or was so a moment ago.
    pub active: bool,
    /// How likely a person is speaking, from 0 to 1; 0 while not active.
    pub speech: f32,
    /// How periodic the sound is at the pitch of a human voice (70 to 400 Hz), from 0 to 1. Vowels and hums are
    /// above 0.6; coughs, clicks, breath and noise below.
    pub voiced: f32,
    /// Share of the energy above 1 kHz, from 0 to 1. A hum ("mm-hm") has next to none, open speech some, a
    /// cough or a hiss a lot.
    pub bright: f32,
    /// Whether it is a tone: a key of the telephone's keypad (at once), or any sound that has kept its pitch and
    /// loudness for a while (ringing, hum). `speech` is then 0.
    pub tone: bool,
}

impl Voice {
    /// The loudness reported for a frame of zeros, in dB below full scale.
    pub const QUIETEST_DB: f32 = -96.0;
    /// Nothing heard.
    pub const SILENT: Self = Self {
        level_db: Self::QUIETEST_DB,
        above_floor_db: 0.0,
        active: false,
        speech: 0.0,
        voiced: 0.0,
        bright: 0.0,
        tone: false,
    };

    /// Whether it is a voice with the mouth closed, or little more: periodic, and next to nothing above 1 kHz. A
    /// listener's "mm-hm" is made of such frames; speech has them now and then.
    pub fn is_hum(&self) -> bool {
        self.active && !self.tone && self.above_floor_db >= 8.0 && self.voiced >= 0.6 && self.bright < 0.06
    }

    /// Whether it is loud without being periodic: breath, a cough, a click, a hiss; in speech, a consonant.
    pub fn is_noise(&self) -> bool {
        self.active && !self.tone && self.voiced < 0.45
    }
}

/// The ear of one call: takes in the caller's frames one after the other.
///
/// Allocates when made, and when nnnoiseless begins to listen; never per frame.
pub struct Ear {
    detector: Detector,
    floor: Floor,
    /// Frames for which the gate stays open after the last loud one.
    open: u8,
    /// The frames just before this one, oldest first: what the networks hear first when the gate opens.
    before: [MuLaw20ms; PRE_ROLL],
    timbre: Timbre,
    steady: Steady,
    earshot: Earshot,
    nnnoiseless: Option<Nnnoiseless>,
    /// Frames since the second opinion last listened; it begins afresh after a pause.
    unheard: u8,
    /// Frames it has heard since.
    listened: u8,
}

/// Frames of which the networks hear what came before the sound that woke them.
const PRE_ROLL: usize = 6;
/// Frames for which the gate stays open after the last loud one: 200 ms.
const HANG: u8 = 10;
/// The likelihood of speech from which the second opinion is asked for.
const ASK_FROM: f32 = 0.3;
/// Frames the second opinion listens before it is heard: 100 ms. Before that it would only say no.
const WARM: u8 = 5;

impl Ear {
    /// An ear that has heard nothing yet.
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            floor: Floor::default(),
            open: 0,
            before: [MuLaw20ms::QUIET; PRE_ROLL],
            timbre: Timbre::default(),
            steady: Steady::default(),
            earshot: Earshot::new(),
            nnnoiseless: None,
            unheard: 0,
            listened: 0,
        }
    }

    /// Listens to the next frame. `agent_speaking` is true while the caller hears the agent: a wrong verdict
    /// would then cut the agent off, so a second opinion is worth its price.
    pub fn hear(&mut self, frame: &MuLaw20ms, agent_speaking: bool) -> Voice {
        let voice = self.listen(frame, agent_speaking);
        self.before.rotate_left(1);
        self.before[PRE_ROLL - 1] = *frame;
        voice
    }

    fn listen(&mut self, frame: &MuLaw20ms, agent_speaking: bool) -> Voice {
        let was_open = self.open > 0;
        self.open = self.open.saturating_sub(1);
        if frame.is_quiet() && self.open == 0 {
            self.floor.hear(Voice::QUIETEST_DB);
            return Voice::SILENT;
        }
        let samples = frame.samples().map(f32::from);
        let level_db = level_db(&samples);
        let loud = self.floor.is_below(level_db);
        if loud {
            self.open = HANG;
        }
        if self.open == 0 {
            self.floor.hear(level_db);
            return Voice { level_db, ..Voice::SILENT };
        }
        if !was_open {
            self.wake();
        }
        let kind = self.timbre.hear(&samples);
        let keypad = Keypad::sounds_in(&samples);
        let tone = self.steady.hear(level_db, &kind) || keypad;
        let network = match self.detector {
            Detector::Energy => None,
            Detector::Earshot | Detector::EarshotAndNnnoiseless => Some(self.earshot.hear(&samples)),
        };
        let second = if self.asks_again(agent_speaking, likelihood(kind.voiced, network, None)) {
            self.second_opinion(&samples)
        } else {
            self.unheard = self.unheard.saturating_add(1);
            None
        };
        let speech = if tone { 0.0 } else { likelihood(kind.voiced, network, second) };
        let above_floor_db = (level_db - self.floor.db).max(0.0);
        self.floor.hear(level_db);
        Voice {
            level_db,
            above_floor_db,
            active: true,
            speech,
            voiced: kind.voiced,
            bright: kind.bright,
            tone,
        }
    }

    /// Whether a decision hangs on the second opinion: the agent is being talked over, perhaps. Once it listens,
    /// it listens until the sound is over, since it judges by what came before.
    fn asks_again(&self, agent_speaking: bool, likelihood: f32) -> bool {
        let listening = self.listened > 0 && self.unheard == 0;
        self.detector == Detector::EarshotAndNnnoiseless
            && agent_speaking
            && (listening || likelihood >= ASK_FROM)
    }

    /// The gate opens: whatever listens next has heard nothing for a while, so it is given what led up to this.
    fn wake(&mut self) {
        self.unheard = u8::MAX;
        self.earshot.reset();
        self.timbre.reset();
        for frame in self.before {
            let samples = frame.samples().map(f32::from);
            self.timbre.lead_in(&samples);
            if self.detector != Detector::Energy {
                self.earshot.hear(&samples);
            }
        }
    }

    /// What nnnoiseless says, once it has listened long enough to be worth hearing.
    fn second_opinion(&mut self, samples: &[f32; MuLaw20ms::LEN]) -> Option<f32> {
        let fresh = self.nnnoiseless.is_none() || self.unheard > HANG;
        self.unheard = 0;
        let second = self.nnnoiseless.get_or_insert_with(Nnnoiseless::new);
        if fresh {
            second.reset();
            self.listened = 0;
        }
        let verdict = second.hear(samples);
        self.listened = self.listened.saturating_add(1);
        (self.listened > WARM).then_some(verdict)
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear")
            .field("detector", &self.detector)
            .field("floor_db", &self.floor.db)
            .finish_non_exhaustive()
    }
}

/// How likely it is speech, from the sound's periodicity and what the networks say, as far as they were asked: a
/// logistic function of them.
///
/// The weights were fitted to synthesised speech of twenty voices in two languages and to coughs, breath,
/// clicks, knocks and noise, clean and with noise 20 and 10 dB below; see `benches/hearing.rs` for what they
/// are worth on sounds that were not among those.
fn likelihood(voiced: f32, network: Option<f32>, second: Option<f32>) -> f32 {
    let sum = match (network, second) {
        (None, _) => -4.7 + 9.8 * voiced,
        (Some(first), None) => -6.2 + 9.6 * voiced + 2.4 * first,
        (Some(first), Some(second)) => -6.1 + 8.4 * voiced + 2.1 * first + 4.6 * second,
    };
    1.0 / (1.0 + (-sum).exp())
}

/// Loudness of a frame in dB below full scale.
fn level_db(samples: &[f32; MuLaw20ms::LEN]) -> f32 {
    let power = dot(samples, samples) / MuLaw20ms::LEN as f32;
    (10.0 * (power / (32768.0 * 32768.0)).max(1e-10).log10()).max(Voice::QUIETEST_DB)
}

/// The line's background noise: the faintest there was within about a second. Speech pauses that often;
/// noise, hum and music on hold do not.
struct Floor {
    db: f32,
    /// The faintest of each of the last stretches, newest last.
    stretches: [f32; Self::STRETCHES],
    /// The faintest of the present one.
    faintest: f32,
    frames: u8,
    /// The level, smoothed: single faint frames are chance.
    smooth: f32,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            db: Self::FIRST_DB,
            stretches: [Self::FIRST_DB; Self::STRETCHES],
            faintest: f32::INFINITY,
            frames: 0,
            smooth: Self::FIRST_DB,
        }
    }
}

impl Floor {
    /// Where the floor is taken to be before anything was heard.
    const FIRST_DB: f32 = -55.0;
    /// Below this nothing counts as sound: hiss of the line itself.
    const LOWEST_DB: f32 = -58.0;
    /// Above this the floor never rises, or loud speech without a pause would silence itself.
    const HIGHEST_DB: f32 = -24.0;
    /// A frame this much above the floor is sound.
    const MARGIN_DB: f32 = 4.0;
    /// How many stretches are remembered, and how many frames each has: 5 of 240 ms.
    const STRETCHES: usize = 5;
    const STRETCH: u8 = 12;

    fn is_below(&self, level_db: f32) -> bool {
        level_db > self.db + Self::MARGIN_DB
    }

    fn hear(&mut self, level_db: f32) {
        self.smooth += (level_db - self.smooth) * 0.4;
        self.faintest = self.faintest.min(self.smooth);
        self.frames += 1;
        if self.frames == Self::STRETCH {
            self.stretches.rotate_left(1);
            self.stretches[Self::STRETCHES - 1] = self.faintest;
            self.frames = 0;
            self.faintest = f32::INFINITY;
        }
        let faintest = self.stretches.iter().copied().fold(self.faintest, f32::min);
        self.db = faintest.clamp(Self::LOWEST_DB, Self::HIGHEST_DB);
    }
}

/// Speech that begins: enough of the last frames were likely speech that taking notice is worth it.
///
/// It is quick rather than sure, so acting on it must be reversible. Two likely frames of three are enough, or
/// as much in sum over five: a short word whose pitch falls steeply ("Stop!") has no two clear frames.
#[derive(Clone, Debug)]
pub struct Onset {
    /// From which likelihood a frame counts as speech.
    threshold: f32,
    /// The last frames' likelihood of speech, newest last.
    recent: [f32; 5],
    /// Whether the frame before was a tone.
    tone: bool,
}

impl Onset {
    /// Notices speech from this likelihood of a frame on; the lower, the sooner and the more often in error.
    pub fn new(threshold: f32) -> Self {
        Self { threshold, recent: [0.0; 5], tone: false }
    }

    /// Takes in a frame; whether speech may be there.
    pub fn hear(&mut self, voice: &Voice) -> bool {
        self.recent.rotate_left(1);
        self.recent[4] = voice.speech;
        if voice.tone || self.tone {
            // The frames at either end of a tone are no clear tones; they are no speech either.
            self.recent = [0.0; 5];
        }
        self.tone = voice.tone;
        let likely = self.recent[2..].iter().filter(|speech| **speech >= self.threshold).count();
        likely >= 2 || self.recent.iter().sum::<f32>() >= 3.0 * self.threshold
    }
}

impl Default for Onset {
    fn default() -> Self {
        Self::new(0.5)
    }
}
