//! Recordings in their small form, for keeping.
//!
//! The small one is opened again, decoded from the disk and found as long. The large one is its caller's to remove, once it is
//! noted where the small one lies: until then somebody may want to hear it. It waits for the disk and for arithmetic; call it
//! from a blocking thread.

use std::io::{self, BufReader, BufWriter};

use super::{
    blobs::{self, Blob, BlobName, Blobs},
    sealed::{self, Key},
    tape::Tape,
};
use crate::{
    audio::{opus, wav},
    domain::conversation::Silence,
};

/// How an archived recording's name ends.
pub const ENDING: &str = "ogg";

/// Why a recording was not archived. It is kept as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused, or there is no such recording.
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    /// The recording, or what was archived of it, does not open.
    #[error(transparent)]
    Sealed(sealed::Error),
    /// The recording cannot be read.
    #[error("the recording cannot be read")]
    Wav(#[from] wav::Error),
    /// It cannot be encoded, or what was encoded cannot be decoded.
    #[error("the recording cannot be encoded")]
    Opus(#[from] opus::Error),
    /// The disk refused.
    #[error("the archive cannot be written")]
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

impl From<sealed::Error> for Error {
    fn from(error: sealed::Error) -> Self {
        if let sealed::Error::Blobs(error) = error { Self::Blobs(error) } else { Self::Sealed(error) }
    }
}

/// What was archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// The archive's name: the recording's, with another ending.
    pub name: BlobName,
    /// How long it lasts, in milliseconds.
    pub millis: u64,
    /// Whether the large form had been finished.
    pub whole: bool,
}

/// Turns the WAV recording `name` into Ogg Opus under the same key, with nothing to be heard in its `silences`, and checks it.
/// Of a recording that is not `complete`, what there is. Safe to run twice: what was archived already is
/// checked and stays.
///
/// # Errors
/// [`Error`]; nothing is left behind.
pub fn archive(
    blobs: &Blobs,
    name: &BlobName,
    key: Option<&Key>,
    complete: bool,
    silences: &[Silence],
) -> Result<Archived, Error> {
    let small = name.with_ending(ENDING)?;
    let tape = match Tape::open(blobs, name, key, complete, silences) {
        Err(sealed::Error::Blobs(blobs::Error::Missing)) => {
            let samples = length(blobs.read(&small)?, key)?;
            return Ok(Archived { name: small, millis: millis(samples), whole: complete });
        }
        tape => tape?,
    };
    let whole = tape.whole();
    let mut recording = wav::Reader::new(BufReader::new(tape))?;
    let recorded = recording.len();
    let mut draft = blobs.begin(&small)?;
    match key {
        Some(key) => {
            let mut sealed = sealed::Writer::new(&mut draft, key)?;
            opus::encode(&mut recording, &mut sealed)?;
            sealed.finish()?;
        }
        None => drop(opus::encode(&mut recording, BufWriter::new(&mut draft))?),
    }
    let archived = length(draft.written()?, key)?;
    if archived != recorded {
        return Err(Error::OtherLength { recorded, archived });
    }
    draft.finish()?;
    Ok(Archived { name: small, millis: millis(recorded), whole })
}

/// How long an archive is, decoded as a whole.
fn length(blob: Blob, key: Option<&Key>) -> Result<u64, Error> {
    Ok(match key {
        Some(key) => opus::length(BufReader::new(sealed::Reader::open(blob, key)?))?,
        None => opus::length(BufReader::new(blob))?,
    })
}

fn millis(samples: u64) -> u64 {
    samples * 1_000 / u64::from(wav::RATE_HZ)
}
