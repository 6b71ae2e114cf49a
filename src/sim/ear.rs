//! Telling by its sound which of a few known sentences was said.
//!
//! Sounds are compared as loudness in a few bands over time, so a sentence is known again after μ-law,
//! another sample rate, a lost frame or a little noise, and is found where an echo goes before it. It is no
//! speech recogniser: of a sentence it was not given it only says that it does not know it.

use super::sound;

/// Samples in one step of 20 ms at 8 kHz.
const STEP: usize = 160;

/// Where a band begins and ends, in DFT bins of 50 Hz.
const BANDS: [(usize, usize); 7] = [(4, 8), (8, 12), (12, 18), (18, 26), (26, 36), (36, 50), (50, 68)];

/// How like a sentence a sound must be to be it, 1 being the same.
const LIKENESS_MIN: f32 = 0.55;

/// How like a sentence a part of a longer sound must be: there are more parts to be mistaken in.
const PART_LIKENESS_MIN: f32 = 0.65;

/// The shortest sentence that is looked for in a longer sound, in steps.
const PART_STEPS_MIN: usize = 40;

/// How far two sounds are shifted against each other to find where they fit, in steps.
const SHIFT_MAX: usize = 15;

type Bands = [f32; BANDS.len()];

/// The sentences that can be known again.
#[derive(Clone, Debug, Default)]
pub struct Ear(Vec<(String, Vec<Bands>)>);

impl Ear {
    /// Learns how a sentence sounds, in 8 kHz samples.
    pub fn learn(&mut self, words: &str, samples: &[i16]) {
        self.0.push((words.to_owned(), centred(&picture(samples))));
    }

    /// Which sentence these 8 kHz samples are, or have in them.
    pub fn know(&self, samples: &[i16]) -> Option<&str> {
        let heard = picture(samples);
        let whole = centred(&heard);
        self.most_like(LIKENESS_MIN, |known| likeness(&whole, known)).or_else(|| {
            self.most_like(PART_LIKENESS_MIN, |known| {
                if known.len() < PART_STEPS_MIN {
                    return 0.0;
                }
                let parts = heard.windows(known.len()).map(|part| alike(&centred(part), known));
                parts.fold(0.0, f32::max)
            })
        })
    }

    fn most_like(&self, at_least: f32, likeness: impl Fn(&[Bands]) -> f32) -> Option<&str> {
        let found = self.0.iter().map(|(words, known)| (words.as_str(), likeness(known)));
        let best = found.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (best.1 >= at_least).then_some(best.0)
    }
}

/// Loudness per band and step, without the silence around.
fn picture(samples: &[i16]) -> Vec<Bands> {
    let loud = |step: &[i16]| sound::loudness_db(step) > sound::AUDIBLE_DB;
    let steps: Vec<&[i16]> = samples.chunks_exact(STEP).collect();
    let Some(first) = steps.iter().position(|step| loud(step)) else { return vec![] };
    let last = steps.iter().rposition(|step| loud(step)).unwrap_or(first);
    steps[first..=last].iter().map(|step| bands(step)).collect()
}

/// Each band about its own mean.
fn centred(picture: &[Bands]) -> Vec<Bands> {
    let mut centred = picture.to_vec();
    for band in 0..BANDS.len() {
        let mean = picture.iter().map(|step| step[band]).sum::<f32>() / picture.len().max(1) as f32;
        centred.iter_mut().for_each(|step| step[band] -= mean);
    }
    centred
}

/// Decibels per band, with a floor so that silence is silence.
fn bands(step: &[i16]) -> Bands {
    let turns = waves();
    BANDS.map(|(from, to)| {
        let power: f32 = (from..to)
            .map(|bin| {
                let (mut re, mut im) = (0.0, 0.0);
                for (n, &sample) in step.iter().enumerate() {
                    let (sin, cos) = turns[bin * n % STEP];
                    re += f32::from(sample) * cos;
                    im += f32::from(sample) * sin;
                }
                re * re + im * im
            })
            .sum();
        10.0 * (power + 1e9).log10()
    })
}

/// Sine and cosine of each of the 160 parts of a turn.
fn waves() -> &'static [(f32, f32); STEP] {
    static WAVES: std::sync::OnceLock<[(f32, f32); STEP]> = std::sync::OnceLock::new();
    WAVES.get_or_init(|| std::array::from_fn(|n| (std::f32::consts::TAU * n as f32 / STEP as f32).sin_cos()))
}

/// The correlation of two pictures where they fit best; what sticks out on either side counts against it.
fn likeness(a: &[Bands], b: &[Bands]) -> f32 {
    let norm = size(a) * size(b);
    let shifted = (0..=SHIFT_MAX).map(|shift| product(a, b, shift).max(product(b, a, shift)));
    if norm == 0.0 { 0.0 } else { shifted.fold(f32::MIN, f32::max) / norm }
}

/// The correlation of two pictures as they lie.
fn alike(a: &[Bands], b: &[Bands]) -> f32 {
    let norm = size(a) * size(b);
    if norm == 0.0 { 0.0 } else { product(a, b, 0) / norm }
}

fn size(picture: &[Bands]) -> f32 {
    picture.iter().flatten().map(|value| value * value).sum::<f32>().sqrt()
}

/// The sum of the products of what lies over one another, `a` being `shift` steps late.
fn product(a: &[Bands], b: &[Bands], shift: usize) -> f32 {
    let pairs = a.iter().skip(shift).zip(b);
    pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()).sum()
}
