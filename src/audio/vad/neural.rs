//! The two networks, each fed at the rate it was trained for.
//!
//! They want wideband sound in blocks of their own: 16 ms at 16 kHz and 10 ms at 48 kHz. Nothing here knows
//! about the call; it never allocates after its beginning.

use std::sync::LazyLock;

use nnnoiseless::{DenoiseState, RnnModel};

use super::features::dot;
use crate::audio::frames::MuLaw20ms;

/// Earshot: small and quick, about 8 KiB of state.
pub(super) struct Earshot {
    network: Box<earshot::Detector>,
    upsample: Upsample<2>,
    /// Samples at 16 kHz that wait until a block is full.
    block: Box<[f32; Self::BLOCK]>,
    filled: usize,
    latest: f32,
}

impl Earshot {
    /// Samples of a block: 16 ms at 16 kHz.
    const BLOCK: usize = 256;

    pub(super) fn new() -> Self {
        Self {
            network: earshot::Detector::default_boxed(),
            upsample: Upsample::default(),
            block: Box::new([0.0; Self::BLOCK]),
            filled: 0,
            latest: 0.0,
        }
    }

    /// The verdict on the newest whole block.
    pub(super) fn hear(&mut self, samples: &[f32; MuLaw20ms::LEN]) -> f32 {
        let Self { network, upsample, block, filled, latest } = self;
        upsample.run(samples, |[first, second]| {
            // The network takes sound scaled to ±1 and fails on more; the filter may overshoot.
            block[*filled] = (first / 32768.0).clamp(-1.0, 1.0);
            block[*filled + 1] = (second / 32768.0).clamp(-1.0, 1.0);
            *filled += 2;
            if *filled == Self::BLOCK {
                *filled = 0;
                *latest = network.predict_f32(&**block);
            }
        });
        *latest
    }

    pub(super) fn reset(&mut self) {
        self.network.reset();
        self.upsample = Upsample::default();
        self.filled = 0;
        self.latest = 0.0;
    }
}

/// Nnnoiseless: ten times the price of earshot, better on clicks, breath and noise.
pub(super) struct Nnnoiseless {
    network: Box<DenoiseState<'static>>,
    upsample: Upsample<6>,
    wide: Box<[f32; MuLaw20ms::LEN * 6]>,
    /// The network also cleans the sound; nobody listens to that.
    cleaned: Box<[f32; DenoiseState::FRAME_SIZE]>,
}

/// The weights, shared by every call.
static MODEL: LazyLock<RnnModel> = LazyLock::new(RnnModel::default);

impl Nnnoiseless {
    pub(super) fn new() -> Self {
        Self {
            network: DenoiseState::with_model(&MODEL),
            upsample: Upsample::default(),
            wide: Box::new([0.0; MuLaw20ms::LEN * 6]),
            cleaned: Box::new([0.0; DenoiseState::FRAME_SIZE]),
        }
    }

    /// The verdict on the newer half of the frame.
    pub(super) fn hear(&mut self, samples: &[f32; MuLaw20ms::LEN]) -> f32 {
        let Self { network, upsample, wide, cleaned } = self;
        let mut room = wide.iter_mut();
        upsample.run(samples, |six| {
            for (place, sample) in room.by_ref().zip(six) {
                *place = sample;
            }
        });
        let mut latest = 0.0;
        for block in wide.chunks_exact(DenoiseState::FRAME_SIZE) {
            latest = network.process_frame(&mut cleaned[..], block);
        }
        latest
    }

    pub(super) fn reset(&mut self) {
        *self.network = *DenoiseState::with_model(&MODEL);
        self.upsample = Upsample::default();
    }
}

/// Raises the sampling rate by a whole factor with a windowed sinc of 16 taps per phase (1 ms of delay).
struct Upsample<const FACTOR: usize> {
    /// The last samples of the frame before.
    tail: [f32; TAPS - 1],
}

const TAPS: usize = 16;

impl<const FACTOR: usize> Default for Upsample<FACTOR> {
    fn default() -> Self {
        Self { tail: [0.0; TAPS - 1] }
    }
}

impl<const FACTOR: usize> Upsample<FACTOR> {
    fn run(&mut self, samples: &[f32; MuLaw20ms::LEN], mut each: impl FnMut([f32; FACTOR])) {
        let mut line = [0.0; TAPS - 1 + MuLaw20ms::LEN];
        line[..TAPS - 1].copy_from_slice(&self.tail);
        line[TAPS - 1..].copy_from_slice(samples);
        let phases = phases::<FACTOR>();
        for window in line.windows(TAPS) {
            each(std::array::from_fn(|phase| dot(&phases[phase], window)));
        }
        self.tail.copy_from_slice(&line[MuLaw20ms::LEN..]);
    }
}

/// The filter of each phase, oldest sample first. Computed once per factor.
fn phases<const FACTOR: usize>() -> &'static [[f32; TAPS]] {
    static TWO: LazyLock<Vec<[f32; TAPS]>> = LazyLock::new(|| design(2));
    static SIX: LazyLock<Vec<[f32; TAPS]>> = LazyLock::new(|| design(6));
    if FACTOR == 2 { &TWO } else { &SIX }
}

fn design(factor: usize) -> Vec<[f32; TAPS]> {
    use std::f64::consts::PI;
    let middle = (TAPS / 2) as f64;
    (0..factor)
        .map(|phase| {
            std::array::from_fn(|tap| {
                // Distance, in input samples, from the output sample to this input sample.
                let at = (TAPS - 1 - tap) as f64 + phase as f64 / factor as f64 - middle;
                let sinc = if at == 0.0 { 1.0 } else { (PI * at).sin() / (PI * at) };
                let window = (PI * at / (TAPS as f64)).cos().powi(2);
                (sinc * window) as f32
            })
        })
        .collect()
}
