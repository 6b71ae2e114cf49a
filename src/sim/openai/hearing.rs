//! How the stand-in hears: `server_vad` by loudness.

use super::super::sound;

/// Samples in one step of 20 ms at 8 kHz.
const STEP: usize = 160;

/// Of the last steps, how many must be loud for speech to have begun.
const ONSET: (u32, u32) = (3, 4);

/// Samples a session that detects no turns keeps for a commit: five minutes.
const KEPT_MAX: usize = 5 * 60 * 8_000;

/// What was found in the sound.
#[derive(Debug)]
pub(super) enum Found {
    /// Somebody began to speak; milliseconds of audio before, padding included.
    Speech { from_ms: u64 },
    /// And has been quiet for long enough; what was said, with the padding before.
    Turn { until_ms: u64, samples: Vec<i16> },
}

/// Speech detection over one session's 8 kHz samples.
#[derive(Debug)]
pub(super) struct Hearing {
    threshold_db: f32,
    silence_ms: u64,
    padding_ms: u64,
    /// Samples that do not fill a step yet.
    rest: Vec<i16>,
    /// What was heard in this turn, or lately if nobody speaks.
    kept: Vec<i16>,
    heard_ms: u64,
    /// Loud or not, the last steps as bits, the newest lowest.
    lately: u32,
    speaking: bool,
    quiet_ms: u64,
}

impl Hearing {
    /// As `server_vad` is configured: a threshold from 0 to 1, and milliseconds.
    pub(super) fn new(threshold: f64, silence_ms: u64, padding_ms: u64) -> Self {
        Self {
            threshold_db: -62.0 + 40.0 * threshold as f32,
            silence_ms,
            padding_ms,
            rest: vec![],
            kept: vec![],
            heard_ms: 0,
            lately: 0,
            speaking: false,
            quiet_ms: 0,
        }
    }

    /// The same ears with other settings: what was heard so far stays heard.
    pub(super) fn tune(&mut self, threshold: f64, silence_ms: u64, padding_ms: u64) {
        *self = Self {
            rest: std::mem::take(&mut self.rest),
            kept: std::mem::take(&mut self.kept),
            heard_ms: self.heard_ms,
            lately: self.lately,
            speaking: self.speaking,
            quiet_ms: self.quiet_ms,
            ..Self::new(threshold, silence_ms, padding_ms)
        };
    }

    /// Hears some more.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Vec<Found> {
        let mut found = vec![];
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() - self.rest.len() % STEP;
        let steps: Vec<i16> = self.rest.drain(..whole).collect();
        for step in steps.chunks_exact(STEP) {
            found.extend(self.step(step));
        }
        found
    }

    /// Only keeps what comes, for a session that detects no turns.
    pub(super) fn keep(&mut self, samples: &[i16]) {
        self.kept.extend_from_slice(samples);
        self.heard_ms += (samples.len() / sound::BYTES_PER_MS) as u64;
        self.kept.drain(..self.kept.len().saturating_sub(KEPT_MAX));
    }

    fn step(&mut self, step: &[i16]) -> Option<Found> {
        self.heard_ms += 20;
        self.kept.extend_from_slice(step);
        let loud = sound::loudness_db(step) > self.threshold_db;
        self.lately = self.lately << 1 | u32::from(loud);
        let (enough, of) = ONSET;
        if !self.speaking {
            let begun = (self.lately & ((1 << of) - 1)).count_ones() >= enough;
            let onset_ms = u64::from(of) * 20;
            let keep = (self.padding_ms + onset_ms) as usize * sound::BYTES_PER_MS;
            self.kept.drain(..self.kept.len().saturating_sub(keep));
            if !begun {
                return None;
            }
            self.speaking = true;
            self.quiet_ms = 0;
            let from_ms = self.heard_ms.saturating_sub(onset_ms + self.padding_ms);
            return Some(Found::Speech { from_ms });
        }
        self.quiet_ms = if loud { 0 } else { self.quiet_ms + 20 };
        if self.quiet_ms < self.silence_ms {
            return None;
        }
        self.speaking = false;
        self.lately = 0;
        Some(Found::Turn { until_ms: self.heard_ms, samples: std::mem::take(&mut self.kept) })
    }

    /// Takes what is in the buffer, for a commit by the client: `None` when it is shorter than 100 ms.
    pub(super) fn commit(&mut self) -> Option<Vec<i16>> {
        if self.kept.len() < 100 * sound::BYTES_PER_MS {
            return None;
        }
        self.clear_speech();
        Some(std::mem::take(&mut self.kept))
    }

    /// Forgets what is in the buffer.
    pub(super) fn clear(&mut self) {
        self.clear_speech();
        self.kept.clear();
        self.rest.clear();
    }

    fn clear_speech(&mut self) {
        self.speaking = false;
        self.lately = 0;
        self.quiet_ms = 0;
    }
}
