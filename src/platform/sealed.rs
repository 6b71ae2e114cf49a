//! Blobs sealed at rest, piece by piece, so that any part of a long one is opened without the rest.
//!
//! AES-256-GCM over chunks of [`CHUNK_LEN`] bytes. Each blob has a key of its own, from which and from a salt in the
//! blob's head the key of its chunks is derived; a chunk's place, and whether it is the last, are bound into its seal.
//! A blob that was cut, or whose chunks were changed, swapped or taken from another, does not open. What was written of
//! one that was never finished opens up to its last whole chunk ([`Reader::open_cut`]). It never keeps a key.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom, Write},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::{
    blobs::{self, Blob, moved},
    ids, secrets,
};

/// What is sealed at once, in bytes: a second of a recording.
pub const CHUNK_LEN: usize = 32_000;

/// How a sealed blob begins, and how it is laid out.
const HEAD: [u8; 5] = *b"FDSB\x01";
const SALT_LEN: usize = 16;
const HEAD_LEN: u64 = (HEAD.len() + SALT_LEN) as u64;
const TAG_LEN: usize = 16;
const SEALED_LEN: u64 = (CHUNK_LEN + TAG_LEN) as u64;
/// What the derived key is for.
const PURPOSE: &[u8] = b"frontdesk sealed blob, layout 1";

/// Why a sealed blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read at all.
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    /// It does not begin as one.
    #[error("not a sealed blob")]
    NotSealed,
    /// Its end is missing.
    #[error("a sealed blob is cut off")]
    Cut,
    /// It was altered, or sealed under another key.
    #[error("the seal of a blob is broken")]
    Broken,
    /// What should be a key is none.
    #[error(transparent)]
    Key(#[from] secrets::Error),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// The key of one blob. `Debug` shows nothing of it.
pub struct Key(SecretSlice<u8>);

impl Key {
    /// The key that [`secrets::fresh_key`] made.
    ///
    /// # Errors
    /// [`secrets::Error::NotAKey`].
    pub fn new(base64: &SecretString) -> Result<Self, secrets::Error> {
        Ok(Self(secrets::decoded(base64)?))
    }

    /// The key of the chunks of the blob with that salt.
    fn of_chunks(&self, salt: &[u8]) -> Result<LessSafeKey, Error> {
        let salted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(self.0.expose_secret());
        let derived = salted.expand(&[PURPOSE], &AES_256_GCM).map_err(|_| Error::Broken)?;
        Ok(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// A chunk's nonce is its place: the key is the blob's alone, and no place is sealed twice.
fn nonce(index: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn bound(index: u64, last: bool) -> Aad<[u8; 9]> {
    let mut bound = [0; 9];
    bound[..8].copy_from_slice(&index.to_be_bytes());
    bound[8] = u8::from(last);
    Aad::from(bound)
}

/// Seals what is written to it. Each chunk leaves as soon as it is whole.
pub struct Writer<W: Write> {
    out: W,
    key: LessSafeKey,
    chunk: Vec<u8>,
    index: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a blob.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W, key: &Key) -> io::Result<Self> {
        let salt = &ids::secret()[..SALT_LEN];
        let of_chunks = key.of_chunks(salt)?;
        out.write_all(&[&HEAD, salt].concat())?;
        Ok(Self { out, key: of_chunks, chunk: Vec::with_capacity(CHUNK_LEN + TAG_LEN), index: 0 })
    }

    /// Seals what is left as the last chunk and gives `out` back. Unless this is called, the blob is a cut one.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Gives `out` back without an end: the blob is a cut one, and opens up to its last whole chunk.
    pub fn abandon(self) -> W {
        self.out
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let sealed =
            self.key.seal_in_place_append_tag(nonce(self.index), bound(self.index, last), &mut self.chunk);
        sealed.map_err(|_| Error::Broken)?;
        // The place counts as used even when the disk refuses: it is never sealed twice.
        self.index += 1;
        let written = self.out.write_all(&self.chunk);
        self.chunk.clear();
        written
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_LEN - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_LEN {
            self.seal(false)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What was said is not for logs.
impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("chunks", &self.index).finish_non_exhaustive()
    }
}

/// Opens a sealed blob, from wherever somebody wants to read.
pub struct Reader {
    blob: Blob,
    key: LessSafeKey,
    len: u64,
    /// The place of the last chunk of a finished blob; `None` for a cut one.
    last: Option<u64>,
    at: u64,
    /// The chunk that was opened last, and its place.
    open: Option<(u64, Vec<u8>)>,
}

impl Reader {
    /// Opens a whole blob; its end is looked at first.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::Cut`], [`Error::Broken`], [`Error::Blobs`].
    pub fn open(mut blob: Blob, key: &Key) -> Result<Self, Error> {
        let key = chunks_of(&mut blob, key)?;
        let body = blob.len() - HEAD_LEN;
        let (full, rest) = (body / SEALED_LEN, body % SEALED_LEN);
        let rest = rest.checked_sub(TAG_LEN as u64).ok_or(Error::Cut)?;
        let len = full * CHUNK_LEN as u64 + rest;
        let mut reader = Self { blob, key, len, last: Some(full), at: 0, open: None };
        reader.chunk(full)?;
        Ok(reader)
    }

    /// Opens what there is of a blob that was perhaps never finished: its whole chunks.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::Blobs`].
    pub fn open_cut(mut blob: Blob, key: &Key) -> Result<Self, Error> {
        let chunks = chunks_of(&mut blob, key)?;
        let full = (blob.len() - HEAD_LEN) / SEALED_LEN;
        match Self::open(blob.again(), key) {
            Err(Error::Cut | Error::Broken) => {
                let len = full * CHUNK_LEN as u64;
                Ok(Self { blob, key: chunks, len, last: None, at: 0, open: None })
            }
            opened => opened,
        }
    }

    /// How long it is when opened, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it was finished.
    pub fn whole(&self) -> bool {
        self.last.is_some()
    }

    /// What is there from the byte `from` on: at most `count` bytes, fewer where a chunk ends, none at the end.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Blobs`].
    pub fn read_at(&mut self, from: u64, count: usize) -> Result<&[u8], Error> {
        if from >= self.len {
            return Ok(&[]);
        }
        let within = (from % CHUNK_LEN as u64) as usize;
        let chunk = self.chunk(from / CHUNK_LEN as u64)?;
        let until = chunk.len().min(within.saturating_add(count));
        chunk.get(within..until).ok_or(Error::Cut)
    }

    fn chunk(&mut self, index: u64) -> Result<&[u8], Error> {
        if self.open.as_ref().is_none_or(|(at, _)| *at != index) {
            let sealed = self.blob.read_at(HEAD_LEN + index * SEALED_LEN, SEALED_LEN as usize)?;
            let mut sealed = sealed.to_vec();
            let last = self.last == Some(index);
            let opened = self.key.open_in_place(nonce(index), bound(index, last), &mut sealed);
            let len = opened.map_err(|_| Error::Broken)?.len();
            sealed.truncate(len);
            self.open = Some((index, sealed));
        }
        self.open.as_ref().map(|(_, chunk)| chunk.as_slice()).ok_or(Error::Broken)
    }
}

fn chunks_of(blob: &mut Blob, key: &Key) -> Result<LessSafeKey, Error> {
    let head = blob.read_at(0, HEAD_LEN as usize)?;
    let salt = head.strip_prefix(&HEAD).filter(|salt| salt.len() == SALT_LEN).ok_or(Error::NotSealed)?;
    key.of_chunks(salt)
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let found = self.read_at(self.at, bytes.len())?;
        let count = found.len();
        bytes[..count].copy_from_slice(found);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = moved(self.at, self.len, to)?;
        Ok(self.at)
    }
}

/// What was said is not for logs.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("len", &self.len).field("last", &self.last).finish_non_exhaustive()
    }
}
