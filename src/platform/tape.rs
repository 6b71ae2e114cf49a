//! A recording as it lies among the blobs: sealed or not, finished or not, large or small.
//!
//! Whoever listens reads it like a file. The large form is written while the call runs, when nobody knows how long it will
//! be: the right head is put in place here, and so is silence where nobody is to hear what was said. It writes nothing.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
};

use super::{
    blobs::{self, Blob, BlobName, Blobs, moved},
    sealed::{self, Key, Reader},
};
use crate::{
    audio::wav::{self, HEAD_LEN, INSTANT_LEN, RATE_HZ},
    domain::conversation::Silence,
};

/// What is read at once, in bytes.
pub const PIECE_LEN: usize = sealed::CHUNK_LEN;
/// How the large form's name ends.
pub const LARGE: &str = "wav";

/// A recording that can be listened to.
pub struct Tape {
    sound: Sound,
    len: u64,
    /// The head that belongs there, when what lies there was written before anybody knew how long it would be.
    head: Option<[u8; HEAD_LEN]>,
    /// Where nothing is to be heard, in bytes.
    silences: Vec<(u64, u64)>,
    whole: bool,
    at: u64,
}

enum Sound {
    /// As it was kept before recordings were sealed.
    Plain(Blob),
    Sealed(Box<Reader>),
}

impl Tape {
    /// Opens a recording. Without a key it is not sealed. One that is not `complete` may be cut, or may lie where it was
    /// being written when its process ended.
    ///
    /// # Errors
    /// [`sealed::Error`]; [`blobs::Error::Missing`] among its causes.
    pub fn open(
        blobs: &Blobs,
        name: &BlobName,
        key: Option<&Key>,
        complete: bool,
        silences: &[Silence],
    ) -> Result<Self, sealed::Error> {
        let blob = match blobs.read(name) {
            Err(blobs::Error::Missing) if !complete => blobs.read_draft(name)?,
            blob => blob?,
        };
        let Some(key) = key else {
            let len = blob.len();
            return Ok(Self {
                sound: Sound::Plain(blob),
                len,
                head: None,
                silences: vec![],
                whole: true,
                at: 0,
            });
        };
        let reader = if complete { Reader::open(blob, key)? } else { Reader::open_cut(blob, key)? };
        let whole = reader.whole();
        let mut tape = Self {
            len: reader.len(),
            sound: Sound::Sealed(Box::new(reader)),
            head: None,
            silences: vec![],
            whole,
            at: 0,
        };
        if name.as_str().ends_with(&format!(".{LARGE}")) {
            let instants = tape.len.saturating_sub(HEAD_LEN as u64) / INSTANT_LEN as u64;
            tape.len = HEAD_LEN as u64 + instants * INSTANT_LEN as u64;
            tape.head = Some(wav::head(instants));
            let place = |ms: u64| {
                HEAD_LEN as u64 + ms.saturating_mul(u64::from(RATE_HZ) / 1_000 * INSTANT_LEN as u64)
            };
            tape.silences = silences.iter().map(|gap| (place(gap.from_ms), place(gap.until_ms))).collect();
        }
        Ok(tape)
    }

    /// Opens a sound that was sealed as a whole, and is what it says it is.
    ///
    /// # Errors
    /// [`sealed::Error`]; [`blobs::Error::Missing`] among its causes.
    pub fn of_whole(blobs: &Blobs, name: &BlobName, key: &Key) -> Result<Self, sealed::Error> {
        let reader = Reader::open(blobs.read(name)?, key)?;
        let len = reader.len();
        let sound = Sound::Sealed(Box::new(reader));
        Ok(Self { sound, len, head: None, silences: vec![], whole: true, at: 0 })
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it was finished.
    pub fn whole(&self) -> bool {
        self.whole
    }

    /// What is there from the byte `from` on: at most [`PIECE_LEN`] bytes, and none at the end only.
    ///
    /// # Errors
    /// [`sealed::Error`].
    pub fn read_at(&mut self, from: u64, count: usize) -> Result<Vec<u8>, sealed::Error> {
        let left = usize::try_from(self.len.saturating_sub(from)).unwrap_or(usize::MAX);
        let count = count.min(left).min(PIECE_LEN);
        let mut bytes = match &mut self.sound {
            Sound::Plain(blob) => blob.read_at(from, count)?.to_vec(),
            Sound::Sealed(reader) => reader.read_at(from, count)?.to_vec(),
        };
        let until = from + bytes.len() as u64;
        if let Some(head) = self.head.filter(|_| from < HEAD_LEN as u64) {
            let within = from as usize;
            let end = (until as usize).min(HEAD_LEN);
            bytes[..end - within].copy_from_slice(&head[within..end]);
        }
        for (begins, ends) in &self.silences {
            let (begins, ends) = (*begins.max(&from), *ends.min(&until));
            if begins < ends {
                bytes[(begins - from) as usize..(ends - from) as usize].fill(0);
            }
        }
        Ok(bytes)
    }
}

impl Read for Tape {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let found = self.read_at(self.at, bytes.len())?;
        bytes[..found.len()].copy_from_slice(&found);
        self.at += found.len() as u64;
        Ok(found.len())
    }
}

impl Seek for Tape {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = moved(self.at, self.len, to)?;
        Ok(self.at)
    }
}

/// What was said is not for logs.
impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("len", &self.len).field("whole", &self.whole).finish_non_exhaustive()
    }
}
