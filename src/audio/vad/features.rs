//! Cheap features that tell kinds of sound apart: pitch, brightness, the tones of a keypad.
//!
//! Nothing here is learned; each figure is arithmetic over one or two frames.

use std::sync::LazyLock;

use crate::audio::frames::MuLaw20ms;

type Samples = [f32; MuLaw20ms::LEN];

/// How periodic and how bright the sound is.
pub(super) struct Timbre {
    /// 20 ms of the sound before, without its lowest part and at half the rate.
    before: [f32; HALF],
    lowest: Lowest,
    highpass: Highpass,
}

impl Default for Timbre {
    fn default() -> Self {
        Self { before: [0.0; HALF], lowest: Lowest::default(), highpass: Highpass::default() }
    }
}

/// Samples of a frame at 4 kHz.
const HALF: usize = MuLaw20ms::LEN / 2;
/// The shortest and longest pitch period looked for, in samples at 4 kHz: 400 and 70 Hz.
const PERIOD_MIN: usize = 10;
const PERIOD_MAX: usize = 57;
/// Samples that are compared with themselves one period earlier: 22.5 ms, room enough for the deepest voice.
const COMPARED: usize = 90;

/// What [`Timbre`] makes of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kind {
    /// Periodicity at the pitch of a voice, from 0 to 1.
    pub voiced: f32,
    /// The period, in samples at 4 kHz; 0 when there is none.
    pub period: usize,
    /// Share of the energy above 1 kHz, from 0 to 1.
    pub bright: f32,
}

impl Timbre {
    /// What kind of sound the frame is.
    pub(super) fn hear(&mut self, samples: &Samples) -> Kind {
        let bright = self.brightness(samples);
        let half = self.halved(samples);
        let mut line = [0.0; 2 * HALF];
        line[..HALF].copy_from_slice(&self.before);
        line[HALF..].copy_from_slice(&half);
        self.before = half;
        let (voiced, period) = periodicity(&line);
        Kind { voiced, period, bright }
    }

    /// Takes in what came before the first frame that is asked about.
    pub(super) fn lead_in(&mut self, samples: &Samples) {
        self.before = self.halved(samples);
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    fn brightness(&mut self, samples: &Samples) -> f32 {
        let mut above = [0.0; MuLaw20ms::LEN];
        for (above, sample) in above.iter_mut().zip(samples) {
            *above = self.highpass.run(*sample);
        }
        f32::min(dot(&above, &above) / (dot(samples, samples) + 1.0), 1.0)
    }

    /// Every other sample, each the mean of two: enough below 1.5 kHz, where pitch lives. Rumble goes, since
    /// any slow sound is like itself a moment ago.
    fn halved(&mut self, samples: &Samples) -> [f32; HALF] {
        let kept: Samples = samples.map(|sample| self.lowest.without(sample));
        std::array::from_fn(|at| (kept[2 * at] + kept[2 * at + 1]) * 0.5)
    }
}

/// The highest peak of the normalised autocorrelation over the periods of a human voice, and where it is. It
/// must be a peak: noise that merely changes slowly is like itself at short distances and has none.
fn periodicity(line: &[f32; 2 * HALF]) -> (f32, usize) {
    const BEGIN: usize = 2 * HALF - COMPARED;
    let newest = &line[BEGIN..];
    let energy = dot(newest, newest) + 1.0;
    // One more on either side, to see whether the outermost are peaks.
    let (first, last) = (PERIOD_MIN - 1, PERIOD_MAX + 1);
    let mut older_energy = dot(&line[BEGIN - first..][..COMPARED], &line[BEGIN - first..][..COMPARED]) + 1.0;
    let mut likeness = [0.0; PERIOD_MAX + 2];
    for (period, likeness) in likeness.iter_mut().enumerate().take(last + 1).skip(first) {
        let begin = BEGIN - period;
        *likeness = dot(newest, &line[begin..begin + COMPARED]) / (energy * older_energy).sqrt();
        if let Some(entering) = begin.checked_sub(1) {
            let leaving = line[begin + COMPARED - 1];
            older_energy = (older_energy + line[entering] * line[entering] - leaving * leaving).max(1.0);
        }
    }
    let peak = |period: &usize| {
        likeness[*period] >= likeness[period - 1] && likeness[*period] >= likeness[period + 1]
    };
    let highest = (PERIOD_MIN..=PERIOD_MAX).filter(peak).map(|period| likeness[period]).fold(0.0, f32::max);
    // What repeats after one period repeats after two: the shortest is the pitch.
    let shortest = (PERIOD_MIN..=PERIOD_MAX).filter(peak).find(|period| likeness[*period] >= 0.95 * highest);
    (highest.min(1.0), shortest.filter(|_| highest > 0.0).unwrap_or(0))
}

/// The scalar product, in eight sums side by side so that the processor can do them at once.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (ones, one_rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (one, other) in ones.iter().zip(others) {
        for at in 0..8 {
            sums[at] += one[at] * other[at];
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

/// Takes away what is below some 130 Hz.
#[derive(Default)]
struct Lowest {
    last: f32,
    out: f32,
}

impl Lowest {
    const KEEP: f32 = 0.9;

    fn without(&mut self, sample: f32) -> f32 {
        self.out = Self::KEEP * (self.out + sample - self.last);
        self.last = sample;
        self.out
    }
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
pub(super) struct Keypad;

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
    const SHARE: f32 = 0.75;
    /// The weaker tone holds at least this part of the stronger one's energy (12 dB).
    const TWIST: f32 = 0.06;

    /// Whether a key sounds in this frame.
    pub(super) fn sounds_in(samples: &Samples) -> bool {
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

/// Notices tones: sounds that keep their loudness and their pitch as no voice does.
#[derive(Default)]
pub(super) struct Steady {
    /// The loudest and the faintest of the run, in dB.
    range_db: (f32, f32),
    period: usize,
    frames: u8,
}

impl Steady {
    /// How much a tone's loudness may vary, in dB.
    const RANGE_DB: f32 = 1.5;
    /// From which periodicity on it may be a tone.
    const VOICED: f32 = 0.8;
    /// Frames that make a tone: 120 ms.
    const ENOUGH: u8 = 6;

    /// Whether a tone has been sounding for a while.
    pub(super) fn hear(&mut self, level_db: f32, kind: &Kind) -> bool {
        let (faintest, loudest) = (self.range_db.0.min(level_db), self.range_db.1.max(level_db));
        let goes_on = self.frames > 0
            && kind.voiced >= Self::VOICED
            && loudest - faintest <= Self::RANGE_DB
            && kind.period.abs_diff(self.period) <= 1;
        if goes_on {
            self.frames = self.frames.saturating_add(1);
            self.range_db = (faintest, loudest);
        } else {
            *self = Self { range_db: (level_db, level_db), period: kind.period, frames: 1 };
        }
        self.frames >= Self::ENOUGH
    }
}
