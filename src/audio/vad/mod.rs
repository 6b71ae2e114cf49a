//! What a call hears in each frame: how loud it is, whether a person speaks, and what kind of sound it is.
//!
//! An [`Ear`] listens to one side of one call. It costs next to nothing while the line is silent: an adaptive
//! noise floor decides whether the neural detectors are asked at all. It never decides what a sound means for
//! the conversation; whether to stop talking is the call's to judge, from these figures.

mod features;
mod neural;

use serde::Deserialize;

use self::{
    features::{Keypad, Timbre},
    neural::{Earshot, Nnnoiseless},
};
use super::frames::MuLaw20ms;

/// Which detectors tell speech from other sounds. Cost is per frame in which there is sound (see
/// `benches/hearing.rs`); silence costs the same with all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detector {
    /// The earshot network on every frame with sound in it: about 10 µs.
    Earshot,
    /// Earshot, and nnnoiseless as second opinion while the agent speaks and earshot hears the caller: about
    /// 100 µs more in those frames.
    #[default]
    #[serde(rename = "both")]
    EarshotAndNnnoiseless,
    /// No network: loud and voiced counts as speech. Well below 10 µs, and fooled by music and hum.
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
    /// Whether a key of the telephone's keypad is being pressed (a pair of tones). `speech` is then 0.
    pub keypad: bool,
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
        keypad: false,
    };
}

/// The ear of one call: takes in the caller's frames one after the other.
///
/// Allocates when made, and once more when nnnoiseless is first asked; never per frame.
pub struct Ear {
    detector: Detector,
    floor: Floor,
    /// Frames for which the gate stays open after the last loud one.
    open: u8,
    /// The frames just before this one, oldest first: what the networks hear first when the gate opens.
    before: [MuLaw20ms; PRE_ROLL],
    timbre: Timbre,
    keypad: Keypad,
    earshot: Earshot,
    nnnoiseless: Option<Nnnoiseless>,
    /// Frames since the second opinion last heard anything; it starts afresh after a pause.
    unheard: u8,
}

/// Frames of which the networks hear what came before the sound that woke them.
const PRE_ROLL: usize = 2;
/// Frames for which the gate stays open after the last loud one: 200 ms.
const HANG: u8 = 10;
/// Earshot's verdict from which the second opinion is asked for.
const ASK_FROM: f32 = 0.3;

impl Ear {
    /// An ear that has heard nothing yet.
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            floor: Floor::default(),
            open: 0,
            before: [MuLaw20ms::QUIET; PRE_ROLL],
            timbre: Timbre::default(),
            keypad: Keypad::default(),
            earshot: Earshot::new(),
            nnnoiseless: None,
            unheard: 0,
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
            self.floor.hear(Voice::QUIETEST_DB, false);
            return Voice::SILENT;
        }
        let samples = frame.samples().map(f32::from);
        let level_db = level_db(&samples);
        let loud = self.floor.is_below(level_db);
        if loud {
            self.open = HANG;
        }
        if self.open == 0 {
            self.floor.hear(level_db, false);
            return Voice { level_db, ..Voice::SILENT };
        }
        if !was_open {
            self.wake();
        }
        let (voiced, bright) = self.timbre.hear(&samples);
        let keypad = self.keypad.hear(&samples);
        let mut speech = match self.detector {
            Detector::Energy => f32::from(u8::from(loud)) * voiced,
            Detector::Earshot | Detector::EarshotAndNnnoiseless => self.earshot.hear(&samples),
        };
        if agent_speaking && self.detector == Detector::EarshotAndNnnoiseless && speech >= ASK_FROM {
            speech = speech.min(self.second_opinion(&samples));
        } else {
            self.unheard = self.unheard.saturating_add(1);
        }
        if keypad {
            speech = 0.0;
        }
        let above_floor_db = (level_db - self.floor.db).max(0.0);
        self.floor.hear(level_db, speech > 0.5);
        Voice { level_db, above_floor_db, active: true, speech, voiced, bright, keypad }
    }

    /// The gate opens: whatever listens next has heard nothing for a while, so it is given what led up to this.
    fn wake(&mut self) {
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

    fn second_opinion(&mut self, samples: &[f32; MuLaw20ms::LEN]) -> f32 {
        let fresh = self.nnnoiseless.is_none() || self.unheard > HANG;
        self.unheard = 0;
        let before = self.before;
        let second = self.nnnoiseless.get_or_insert_with(Nnnoiseless::new);
        if fresh {
            second.reset();
            for frame in before {
                second.hear(&frame.samples().map(f32::from));
            }
        }
        second.hear(samples)
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

/// Loudness of a frame in dB below full scale.
fn level_db(samples: &[f32; MuLaw20ms::LEN]) -> f32 {
    let power: f32 = samples.iter().map(|sample| sample * sample).sum::<f32>() / MuLaw20ms::LEN as f32;
    (10.0 * (power / (32768.0 * 32768.0)).max(1e-10).log10()).max(Voice::QUIETEST_DB)
}

/// The line's background noise: follows quiet frames down at once and noise up slowly, speech more slowly still.
struct Floor {
    db: f32,
}

impl Default for Floor {
    fn default() -> Self {
        Self { db: Self::FIRST_DB }
    }
}

impl Floor {
    /// Where the floor is taken to be before anything was heard.
    const FIRST_DB: f32 = -55.0;
    /// Below this nothing counts as sound: hiss of the line itself.
    const LOWEST_DB: f32 = -62.0;
    /// Above this the floor never rises, or loud speech without a pause would silence itself.
    const HIGHEST_DB: f32 = -24.0;
    /// A frame this much above the floor is sound.
    const MARGIN_DB: f32 = 4.0;

    fn is_below(&self, level_db: f32) -> bool {
        level_db > self.db + Self::MARGIN_DB
    }

    fn hear(&mut self, level_db: f32, speech: bool) {
        let step = match (level_db < self.db, speech) {
            (true, _) => (level_db - self.db) * 0.2,
            (false, true) => 0.01,
            (false, false) => (level_db - self.db).min(0.15),
        };
        self.db = (self.db + step).clamp(Self::LOWEST_DB, Self::HIGHEST_DB);
    }
}
