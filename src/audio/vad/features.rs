//! Cheap features that tell kinds of sound apart: pitch, brightness, the tones of a keypad.
//!
//! Nothing here is learned; each figure is arithmetic over one or two frames.

use std::sync::LazyLock;

use crate::audio::frames::MuLaw20ms;

type Samples = [f32; MuLaw20ms::LEN];

/// How periodic and how bright the sound is.
pub(super) struct Timbre {
    /// 20 ms of the sound before, at half the rate.
    before: [f32; HALF],
    highpass: Highpass,
}

impl Default for Timbre {
    fn default() -> Self {
        Self { before: [0.0; HALF], highpass: Highpass::default() }
    }
}

/// Samples of a frame at 4 kHz.
const HALF: usize = MuLaw20ms::LEN / 2;
/// The shortest and longest pitch period looked for, in samples at 4 kHz: 400 and 70 Hz.
const PERIODS: std::ops::RangeInclusive<usize> = 10..=57;

impl Timbre {
    /// Periodicity and brightness of the frame, both from 0 to 1.
    pub(super) fn hear(&mut self, samples: &Samples) -> (f32, f32) {
        let bright = self.brightness(samples);
        let half = halved(samples);
        let mut line = [0.0; 2 * HALF];
        line[..HALF].copy_from_slice(&self.before);
        line[HALF..].copy_from_slice(&half);
        self.before = half;
        (periodicity(&line), bright)
    }

    /// Takes in what came before the first frame that is asked about.
    pub(super) fn lead_in(&mut self, samples: &Samples) {
        self.before = halved(samples);
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    fn brightness(&mut self, samples: &Samples) -> f32 {
        let (mut all, mut high) = (1.0, 0.0);
        for sample in samples {
            all += sample * sample;
            let above = self.highpass.run(*sample);
            high += above * above;
        }
        f32::min(high / all, 1.0)
    }
}

/// Every other sample, each the mean of two: enough below 1.5 kHz, where pitch lives.
fn halved(samples: &Samples) -> [f32; HALF] {
    std::array::from_fn(|at| (samples[2 * at] + samples[2 * at + 1]) * 0.5)
}

/// The highest normalised autocorrelation over the periods of a human voice.
fn periodicity(line: &[f32; 2 * HALF]) -> f32 {
    let newest = &line[HALF - 20..];
    let energy: f32 = newest.iter().map(|sample| sample * sample).sum::<f32>() + 1.0;
    let mut best = 0.0_f32;
    for period in PERIODS {
        let older = &line[HALF - 20 - period..2 * HALF - period];
        let (mut product, mut older_energy) = (0.0, 1.0);
        for (new, old) in newest.iter().zip(older) {
            product += new * old;
            older_energy += old * old;
        }
        best = best.max(product / (energy * older_energy).sqrt());
    }
    best.clamp(0.0, 1.0)
}

/// A second-order Butterworth high-pass at 1 kHz for 8 kHz sound.
#[derive(Default)]
struct Highpass {
    held: [f32; 2],
}

impl Highpass {
    // Bilinear transform with k = tan(π·1000/8000): b0 = 1/(1+√2·k+k²), a1 = 2(k²-1)·b0, a2 = (1-√2·k+k²)·b0.
    const GAIN: f32 = 0.569_035_6;
    const A1: f32 = -0.942_809;
    const A2: f32 = 0.333_333_3;

    fn run(&mut self, sample: f32) -> f32 {
        let out = Self::GAIN * sample + self.held[0];
        self.held[0] = -2.0 * Self::GAIN * sample - Self::A1 * out + self.held[1];
        self.held[1] = Self::GAIN * sample - Self::A2 * out;
        out
    }
}

/// Finds the pairs of tones that the keys of a telephone make (ITU-T Q.23), by Goertzel's method.
#[derive(Default)]
pub(super) struct Keypad {
    /// Frames in a row that sounded like a key.
    run: u8,
}

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

static COEFFICIENTS: LazyLock<[f32; 8]> = LazyLock::new(|| {
    std::array::from_fn(|at| {
        let frequency = if at < 4 { ROWS[at] } else { COLUMNS[at - 4] };
        2.0 * (std::f32::consts::TAU * frequency / 8_000.0).cos()
    })
});

impl Keypad {
    /// Share of the energy that one row and one column must hold together.
    const SHARE: f32 = 0.8;
    /// The weaker tone holds at least this part of the stronger one's energy (12 dB).
    const TWIST: f32 = 0.06;

    /// Whether a key sounds in this frame.
    pub(super) fn hear(&mut self, samples: &Samples) -> bool {
        let found = Self::is_key(samples);
        self.run = if found { self.run.saturating_add(1) } else { 0 };
        self.run > 0
    }

    fn is_key(samples: &Samples) -> bool {
        let (mut one, mut two) = ([0.0_f32; 8], [0.0_f32; 8]);
        let mut energy = 0.0;
        let coefficients = *COEFFICIENTS;
        for sample in samples {
            energy += sample * sample;
            for at in 0..8 {
                let next = sample + coefficients[at] * one[at] - two[at];
                two[at] = one[at];
                one[at] = next;
            }
        }
        let power: [f32; 8] = std::array::from_fn(|at| {
            one[at] * one[at] + two[at] * two[at] - coefficients[at] * one[at] * two[at]
        });
        let strongest = |tones: &[f32]| tones.iter().copied().fold(0.0, f32::max);
        let (row, column) = (strongest(&power[..4]), strongest(&power[4..]));
        // A pure tone of N samples shows the power energy·N/2.
        let whole = energy * MuLaw20ms::LEN as f32 / 2.0;
        whole > 0.0 && row + column > Self::SHARE * whole && row.min(column) > Self::TWIST * row.max(column)
    }
}
