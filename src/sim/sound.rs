//! The little arithmetic on sound that stand-ins need: loudness, silence, and other rates.
//!
//! Plain and slow on purpose; the product's own resampling and speech detection are what they are there to
//! try, so none of it is used here.

use crate::audio::g711;

pub(super) use crate::audio::g711::SILENCE;

/// Bytes of μ-law in a millisecond.
pub(super) const BYTES_PER_MS: usize = 8;

/// Bytes of μ-law in a frame of 20 ms.
pub(super) const FRAME: usize = 20 * BYTES_PER_MS;

/// A frame louder than this is heard as voice, in decibels below full scale.
pub(super) const AUDIBLE_DB: f32 = -45.0;

/// μ-law as 16-bit samples.
pub(super) fn decoded(sound: &[u8]) -> Vec<i16> {
    sound.iter().map(|&byte| g711::decode(byte)).collect()
}

/// The loudness of some samples, in decibels below full scale; -100 for none.
pub(super) fn loudness_db(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return -100.0;
    }
    let energy: f32 = samples.iter().map(|&s| (f32::from(s) / 32_768.0).powi(2)).sum();
    (10.0 * (energy / samples.len() as f32 + 1e-10).log10()).max(-100.0)
}

/// Whether a frame of μ-law has something to hear in it.
pub(super) fn audible(frame: &[u8]) -> bool {
    loudness_db(&decoded(frame)) > AUDIBLE_DB
}

/// 24 kHz, little-endian 16-bit samples, from μ-law: two samples in a straight line between each two.
pub(super) fn to_24k(sound: &[u8]) -> Vec<u8> {
    let samples = decoded(sound);
    let mut bytes = Vec::with_capacity(samples.len() * 6);
    for (n, &here) in samples.iter().enumerate() {
        let next = samples.get(n + 1).copied().unwrap_or(here);
        for third in 0..3i32 {
            let value = i32::from(here) + (i32::from(next) - i32::from(here)) * third / 3;
            bytes.extend_from_slice(&i16::try_from(value).unwrap_or(here).to_le_bytes());
        }
    }
    bytes
}

/// 8 kHz samples from 24 kHz ones: the mean of each three.
pub(super) fn from_24k(samples: &[i16]) -> Vec<i16> {
    let mean = |three: &[i16]| (three.iter().map(|&s| i32::from(s)).sum::<i32>() / 3) as i16;
    samples.chunks_exact(3).map(mean).collect()
}
