//! Fresh unique parts for ids, and secrets drawn by chance.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

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

fn fill(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the operating system gives random bytes");
}
