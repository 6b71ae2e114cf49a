//! Fresh unique parts for ids, secrets drawn by chance, and chance itself.

use aws_lc_rs::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

use crate::domain::time::Timestamp;

/// A unique part that sorts by `now`, for the `of` of any id in [`crate::domain::id`].
pub fn fresh(now: Timestamp) -> uuid::Uuid {
    let mut chance = [0u8; 10];
    fill(&mut chance);
    let millis = u64::try_from(now.0 / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
}

/// A token nobody can guess: 256 bits by the operating system's chance, as 64 hexadecimal digits.
pub fn token() -> String {
    let mut chance = [0u8; 32];
    fill(&mut chance);
    chance.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 256 bits of chance, for a key.
pub fn secret() -> [u8; 32] {
    let mut chance = [0u8; 32];
    fill(&mut chance);
    chance
}

/// A share by chance: from 0 up to, but not including, 1.
pub fn share() -> f64 {
    let mut chance = [0u8; 4];
    fill(&mut chance);
    f64::from(u32::from_be_bytes(chance)) / (f64::from(u32::MAX) + 1.0)
}

fn fill(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the operating system gives random bytes");
}

/// The unique part that always belongs to these names: the same names give the same part, others another.
pub fn derived(names: &[&str]) -> uuid::Uuid {
    let mut digest = digest::Context::new(&digest::SHA256);
    for name in names {
        digest.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(name.as_bytes());
    }
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest.finish().as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
