//! Recordings in their small form, for keeping.
//!
//! The large form goes only after the small one was decoded from the disk and is as long. It waits for the
//! disk and for arithmetic; call it from a blocking thread.

use std::io::{self, BufReader, BufWriter, Seek};

use super::blobs::{self, BlobName, Blobs};
use crate::audio::{opus, wav};

/// How an archived recording's name ends.
pub const ENDING: &str = "ogg";

/// Why a recording was not archived. It is kept as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused, or there is no such recording.
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    /// The recording cannot be read.
    #[error("the recording cannot be read")]
    Wav(#[from] wav::Error),
    /// It cannot be encoded, or what was encoded cannot be decoded.
    #[error("the recording cannot be encoded")]
    Opus(#[from] opus::Error),
    /// The disk refused.
    #[error("the archive cannot be read back")]
    Disk(#[from] io::Error),
    /// The small form is not as long as the large one.
    #[error("the archive is {archived} samples long and not {recorded}")]
    OtherLength {
        /// Of the WAV, in samples of 8 kHz.
        recorded: u64,
        /// Of the archive, in samples of 8 kHz.
        archived: u64,
    },
}

/// What was archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The archive's name: the recording's, with another ending.
    pub name: BlobName,
    /// How long it lasts, in milliseconds.
    pub millis: u64,
}

/// Turns the WAV recording `name` into Ogg Opus, checks it and removes the WAV. Safe to run twice: what was
/// archived already is checked and stays.
///
/// # Errors
/// [`Error`]; the WAV stays, and nothing else is left behind.
pub fn archive(blobs: &Blobs, name: &BlobName) -> Result<Archived, Error> {
    let small = name.with_ending(ENDING)?;
    let file = match blobs.read(name) {
        Err(blobs::Error::Missing) => {
            let samples = opus::length(BufReader::new(blobs.read(&small)?))?;
            return Ok(Archived { name: small, millis: millis(samples) });
        }
        file => file?,
    };
    let mut recording = wav::Reader::new(BufReader::new(file))?;
    let recorded = recording.len();
    let mut draft = blobs.begin(&small)?;
    opus::encode(&mut recording, BufWriter::new(&mut draft))?;
    draft.rewind()?;
    let archived = opus::length(BufReader::new(&mut draft))?;
    if archived != recorded {
        return Err(Error::OtherLength { recorded, archived });
    }
    draft.finish()?;
    blobs.delete(name)?;
    Ok(Archived { name: small, millis: millis(recorded) })
}

fn millis(samples: u64) -> u64 {
    samples * 1_000 / u64::from(wav::RATE_HZ)
}
