//! The agent's own voice, as it comes back from the caller's telephone.
//!
//! Only loudness is compared, so no sample is needed. An echo gives itself away when the agent falls silent for
//! it: it rises and falls as the agent did, softer and a moment later, and stops when the agent stopped. Once that
//! was met, sound that is no louder than the echo is not taken for the caller. Nothing here decides who has the
//! floor.

use super::playback::FRAME_MS;
use crate::{
    audio::{frames::MuLaw20ms, g711, vad::Voice},
    domain::time::CallTime,
};

/// How many frames of what the agent said are remembered: 1.3 s.
const SAID: usize = 64;
/// How many frames of what the caller's side sounded like are remembered.
const HEARD: usize = 16;
/// The delays that are looked for, in frames: 40 to 600 ms.
const LAGS: std::ops::RangeInclusive<u64> = 2..=30;
/// How many frames must fit before a sound is an echo.
const FIT_FRAMES_MIN: usize = 5;
/// How far a frame may be from what the echo would be, as standard deviation in dB.
const FIT_DB_MAX: f32 = 3.0;
/// How much the agent's loudness must have varied meanwhile, in dB: steady sounds resemble each other by chance.
const FIT_RANGE_DB_MIN: f32 = 8.0;
/// The loudest echo there is, against what was said, in dB.
const GAIN_DB_MAX: f32 = -3.0;
/// How much louder than the echo a sound must be to be somebody else's, in dB.
const ABOVE_DB: f32 = 4.0;
/// How exactly an echo stops when the agent did, in frames.
const STOP_FRAMES: u64 = 2;
/// How much earlier it may stop because what was let out last was still on its way to the ear, in frames.
const TRAVEL_FRAMES_MAX: u64 = 10;
/// Loudness that counts as nothing, in dB below full scale.
const NOTHING_DB: f32 = -55.0;

/// Loudness by frames of call time, for as long as it is remembered.
#[derive(Debug)]
struct Levels<const N: usize>([(u64, f32); N]);

impl<const N: usize> Default for Levels<N> {
    fn default() -> Self {
        Self([(u64::MAX, Voice::QUIETEST_DB); N])
    }
}

impl<const N: usize> Levels<N> {
    fn put(&mut self, frame: u64, level_db: f32) {
        self.0[(frame % N as u64) as usize] = (frame, level_db);
    }

    fn at(&self, frame: u64) -> f32 {
        let (when, level_db) = self.0[(frame % N as u64) as usize];
        if when == frame { level_db } else { Voice::QUIETEST_DB }
    }
}

/// An echo that was met.
#[derive(Clone, Copy, Debug)]
struct Met {
    lag: u64,
    gain_db: f32,
}

/// See the module's own words.
#[derive(Debug, Default)]
pub(super) struct Echo {
    said: Levels<SAID>,
    heard: Levels<HEARD>,
    met: Option<Met>,
}

impl Echo {
    /// The agent is let out: `sound` in whole frames, which the ear comes to at `at`.
    pub(super) fn says(&mut self, sound: &[u8], at: CallTime) {
        for (n, frame) in sound.as_chunks::<{ MuLaw20ms::LEN }>().0.iter().enumerate() {
            self.said.put(at.0 / FRAME_MS + n as u64, level_db(frame));
        }
    }

    /// The agent fell silent: what was let out after `now` is not heard.
    pub(super) fn falls_silent(&mut self, now: CallTime) {
        for (frame, level_db) in &mut self.said.0 {
            if *frame != u64::MAX && *frame >= now.0 / FRAME_MS {
                *level_db = Voice::QUIETEST_DB;
            }
        }
    }

    /// Takes in a frame of the caller's side. Returns whether it is no more than the echo.
    pub(super) fn hears(&mut self, voice: &Voice, now: CallTime) -> bool {
        let frame = now.0 / FRAME_MS;
        self.heard.put(frame, voice.level_db);
        self.met.is_some_and(|met| {
            let around = met.lag.saturating_sub(STOP_FRAMES)..=met.lag + STOP_FRAMES;
            let said = around.map(|lag| self.said.at(frame.saturating_sub(lag)));
            let loudest = said.fold(Voice::QUIETEST_DB, f32::max);
            loudest > NOTHING_DB && voice.level_db <= loudest + met.gain_db + ABOVE_DB
        })
    }

    /// A sound for which the agent had fallen silent at `silent` was last heard at `last`: was it the agent's own
    /// voice? Then it will be known.
    pub(super) fn learn(&mut self, silent: CallTime, last: CallTime) -> bool {
        let (silent, last) = (silent.0 / FRAME_MS, last.0 / FRAME_MS);
        let fits = LAGS
            .filter(|lag| (last..=last + TRAVEL_FRAMES_MAX).contains(&(silent + lag + STOP_FRAMES)))
            .flat_map(|lag| [(lag, false), (lag, true)])
            .filter_map(|(lag, between)| {
                let (apart_db, gain_db) = self.fit(lag, between, last)?;
                Some((apart_db, Met { lag, gain_db }))
            });
        let best = fits.min_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, met)) = best {
            self.met = Some(met);
        }
        best.is_some()
    }

    /// How far the last sound is from what was said `lag` frames before, and how much softer it is, in dB. A delay
    /// need be no whole number of frames: `between` two, each frame that comes back lies across both.
    fn fit(&self, lag: u64, between: bool, last: u64) -> Option<(f32, f32)> {
        let (mut count, mut sum, mut squares) = (0.0_f32, 0.0, 0.0);
        let (mut softest, mut loudest) = (f32::INFINITY, f32::NEG_INFINITY);
        for frame in last.saturating_sub(HEARD as u64 - 6)..last {
            let said =
                |lag: u64| frame.checked_sub(lag).map_or(Voice::QUIETEST_DB, |then| self.said.at(then));
            let said = if between { power_mean_db(said(lag), said(lag + 1)) } else { said(lag) };
            let heard = self.heard.at(frame);
            if said <= NOTHING_DB || heard <= NOTHING_DB {
                continue;
            }
            let gain = heard - said;
            count += 1.0;
            sum += gain;
            squares += gain * gain;
            softest = softest.min(said);
            loudest = loudest.max(said);
        }
        if count < FIT_FRAMES_MIN as f32 || loudest - softest < FIT_RANGE_DB_MIN {
            return None;
        }
        let gain_db = sum / count;
        let apart_db = (squares / count - gain_db * gain_db).max(0.0).sqrt();
        (apart_db <= FIT_DB_MAX && gain_db <= GAIN_DB_MAX).then_some((apart_db, gain_db))
    }
}

fn power_mean_db(one: f32, other: f32) -> f32 {
    10.0 * ((10.0_f32.powf(one / 10.0) + 10.0_f32.powf(other / 10.0)) / 2.0).log10()
}

fn level_db(frame: &[u8; MuLaw20ms::LEN]) -> f32 {
    let power: f32 = frame.iter().map(|byte| f32::from(g711::decode(*byte)).powi(2)).sum();
    (10.0 * (power / MuLaw20ms::LEN as f32 / (32_768.0 * 32_768.0)).max(1e-10).log10())
        .max(Voice::QUIETEST_DB)
}
