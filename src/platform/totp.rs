//! Codes that change with time (RFC 6238, over RFC 4226): what an authenticator computes from a shared secret and the clock.
//!
//! Six digits, thirty seconds, SHA-1: what every authenticator knows. It is used as a keyed hash here, where what is known
//! against SHA-1 does not help. Remembers nothing: that a code is used once is for whoever keeps the last step.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use secrecy::{ExposeSecret, SecretString};

use super::ids;
use crate::domain::time::Timestamp;

/// How long a code is shown, in seconds.
pub const STEP_SECONDS: i64 = 30;
/// How many digits a code has.
pub const DIGITS: usize = 6;
/// How many steps the clocks may be apart, either way.
const STEPS_APART: u64 = 1;
/// Length of a shared secret, in bytes: as long as the hash (RFC 4226 §4).
const SECRET_LEN: usize = 20;
/// The letters of base32 (RFC 4648 §6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A fresh shared secret, in base32.
pub fn fresh_secret() -> SecretString {
    SecretString::from(base32(&ids::secret()[..SECRET_LEN]))
}

/// A fresh word of sixteen letters and digits, 80 bits of chance, that can be typed.
pub fn fresh_word() -> SecretString {
    SecretString::from(base32(&ids::secret()[..10]))
}

/// Bytes in base32, without padding.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    text
}

/// The bytes of such a text; `None` when it is none.
fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        held = (held << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

/// In which step of thirty seconds that moment is.
pub fn step(now: Timestamp) -> u64 {
    u64::try_from(now.0.div_euclid(1_000_000 * STEP_SECONDS)).unwrap_or(0)
}

/// The code of a step; `None` when the secret is none.
pub fn code(secret: &SecretString, step: u64) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &unbase32(secret.expose_secret())?);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last()? & 15);
    let four: [u8; 4] = tag.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

/// The step whose code this is, if it is one that may be shown now and comes after the one that was used last.
pub fn right(secret: &SecretString, given: &str, now: Timestamp, last_step: u64) -> Option<u64> {
    let now = step(now);
    let steps = now.saturating_sub(STEPS_APART)..=now.saturating_add(STEPS_APART);
    steps.filter(|step| *step > last_step).find(|step| {
        let shown = code(secret, *step);
        shown.is_some_and(|shown| verify_slices_are_equal(shown.as_bytes(), given.as_bytes()).is_ok())
    })
}
