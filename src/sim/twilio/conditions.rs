//! What happens to the caller's sound between the mouth and the server.
//!
//! Chance here is a row of numbers that starts the same each time, so a call under bad conditions can be made
//! again.

use std::collections::VecDeque;

use super::super::sound;
use crate::audio::g711;

/// Bad things that happen to frames. The default is a good line.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Frames come up to so many milliseconds late, in order.
    pub jitter_ms: u64,
    /// Every so many frames one is lost (0: none).
    pub lose_every: u64,
    /// Every so many frames one comes twice (0: none).
    pub repeat_every: u64,
    /// So many frames are held back and come at once (0 or 1: none).
    pub burst: u64,
    /// The agent's own voice comes back: after so many milliseconds, so loud (1 is as loud as played).
    pub echo: Option<(u64, f32)>,
    /// White noise on the line, in decibels below full scale.
    pub noise_db: Option<f32>,
}

/// The conditions of one call as it goes on.
pub(super) struct Line {
    conditions: Conditions,
    played: VecDeque<u8>,
    chance: u64,
}

impl Line {
    pub(super) fn new(conditions: Conditions) -> Self {
        let echo_ms = conditions.echo.map_or(0, |(ms, _)| ms as usize);
        let played = std::iter::repeat_n(sound::SILENCE, echo_ms * sound::BYTES_PER_MS).collect();
        Self { conditions, played, chance: 0x2545_F491_4F6C_DD1D }
    }

    /// The frame as it comes off the telephone, with what was played to it meanwhile.
    pub(super) fn mix(&mut self, mut frame: Vec<u8>, played: &[u8]) -> Vec<u8> {
        if let Some((_, loudness)) = self.conditions.echo {
            self.played.extend(played);
            for byte in &mut frame {
                let echo = self.played.pop_front().unwrap_or(sound::SILENCE);
                *byte = add(*byte, f32::from(g711::decode(echo)) * loudness);
            }
        }
        if let Some(db) = self.conditions.noise_db {
            // A uniform spread of ±a has a loudness of a/√3.
            let amplitude = 32_768.0 * 10f32.powf(db / 20.0) * 3f32.sqrt();
            for byte in &mut frame {
                let value = (self.next() % 20_001) as f32 / 10_000.0 - 1.0;
                *byte = add(*byte, value * amplitude);
            }
        }
        frame
    }

    /// When the frame number `n`, spoken at `at`, is sent, and how many times.
    pub(super) fn send(&mut self, n: u64, at: u64) -> (u64, usize) {
        let Conditions { jitter_ms, lose_every, repeat_every, burst, .. } = self.conditions;
        let every = |times: u64| times > 0 && n % times == times - 1;
        let late = if jitter_ms > 0 { self.next() % (jitter_ms + 1) } else { 0 };
        let held = if burst > 1 { (burst - 1 - n % burst) * 20 } else { 0 };
        let copies = if every(lose_every) { 0 } else { 1 + usize::from(every(repeat_every)) };
        (at + late + held, copies)
    }

    /// Xorshift: even enough for noise.
    fn next(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

fn add(byte: u8, value: f32) -> u8 {
    let sum = f32::from(g711::decode(byte)) + value;
    g711::encode(sum.clamp(-32_768.0, 32_767.0) as i16)
}
