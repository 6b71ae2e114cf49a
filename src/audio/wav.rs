//! Sound as WAV files: two-channel recordings to write and read, and single sentences in μ-law to read.
//!
//! It writes to what it is handed and opens nothing itself; it never goes back in what it has written.

use std::io::{self, Read, Write};

/// Samples per second of every file here.
pub const RATE_HZ: u32 = 8_000;

/// Why a file is not one that is understood here, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no WAV file, or the disk refused.
    #[error("cannot read or write WAV")]
    Wav(#[from] hound::Error),
    /// It is a WAV file of another kind.
    #[error("not 8 kHz {0}")]
    OtherKind(&'static str),
    /// It ends before it should.
    #[error("the file is cut off")]
    Cut,
}

/// How long the head of a recording is, in bytes; behind it is nothing but samples.
pub const HEAD_LEN: usize = 44;
/// How long an instant is, in bytes: a sample of the caller and one of the agent.
pub const INSTANT_LEN: usize = 4;

/// The head of a recording of so many instants. One that is longer than the format can say says the most it can.
pub fn head(instants: u64) -> [u8; HEAD_LEN] {
    const CHANNELS: u16 = 2;
    const BITS: u16 = 16;
    const PCM: u16 = 1;
    let body = instants.saturating_mul(INSTANT_LEN as u64);
    let body = u32::try_from(body).unwrap_or(u32::MAX - HEAD_LEN as u32);
    let mut head = Vec::with_capacity(HEAD_LEN);
    head.extend(b"RIFF");
    head.extend((body + HEAD_LEN as u32 - 8).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    head.extend([PCM, CHANNELS].map(u16::to_le_bytes).as_flattened());
    head.extend(RATE_HZ.to_le_bytes());
    head.extend((RATE_HZ * INSTANT_LEN as u32).to_le_bytes());
    head.extend([INSTANT_LEN as u16, BITS].map(u16::to_le_bytes).as_flattened());
    head.extend(b"data");
    head.extend(body.to_le_bytes());
    let mut whole = [0; HEAD_LEN];
    whole.copy_from_slice(&head);
    whole
}

/// Writes a recording: the caller on the left, the agent on the right, linear 16 bits.
pub struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    /// Begins a file of so many instants. Whoever does not know how many there will be says 0, and whoever reads it puts
    /// the right [`head`] in place.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W, instants: u64) -> io::Result<Self> {
        out.write_all(&head(instants))?;
        Ok(Self(out))
    }

    /// Adds samples, each the caller's and the agent's of one instant.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&mut self, samples: &[[i16; 2]]) -> io::Result<()> {
        let bytes: Vec<u8> = samples.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
        self.0.write_all(&bytes)
    }

    /// Gives back what it wrote to.
    pub fn into_inner(self) -> W {
        self.0
    }
}

/// Reads a recording.
pub struct Reader<R: Read>(hound::WavReader<R>);

impl<R: Read> Reader<R> {
    /// Opens a recording.
    ///
    /// # Errors
    /// [`Error::Wav`], [`Error::OtherKind`].
    pub fn new(from: R) -> Result<Self, Error> {
        let reader = hound::WavReader::new(from)?;
        let spec = reader.spec();
        let known = spec.channels == 2 && spec.sample_rate == RATE_HZ && spec.bits_per_sample == 16;
        if known && spec.sample_format == hound::SampleFormat::Int {
            Ok(Self(reader))
        } else {
            Err(Error::OtherKind("two-channel PCM"))
        }
    }

    /// Instants in the file; each has a sample of the caller and one of the agent.
    pub fn len(&self) -> u64 {
        u64::from(self.0.duration())
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `samples` from the file and says how many there were; fewer than asked for at the end only.
    ///
    /// # Errors
    /// [`Error::Wav`].
    pub fn read(&mut self, samples: &mut [[i16; 2]]) -> Result<usize, Error> {
        let mut found = self.0.samples::<i16>();
        for (at, sample) in samples.iter_mut().enumerate() {
            let Some(caller) = found.next() else { return Ok(at) };
            *sample = [caller?, found.next().ok_or(Error::Cut)??];
        }
        Ok(samples.len())
    }
}

/// The samples of a one-channel μ-law file, as bytes.
///
/// # Errors
/// [`Error::OtherKind`], [`Error::Cut`].
pub fn mulaw(file: &[u8]) -> Result<&[u8], Error> {
    const OTHER: Error = Error::OtherKind("one-channel mu-law");
    /// WAVE_FORMAT_MULAW, of RFC 2361.
    const MULAW: u16 = 7;
    let riff = file.len() >= 12 && file.starts_with(b"RIFF") && &file[8..12] == b"WAVE";
    let mut rest = if riff { &file[12..] } else { return Err(OTHER) };
    let mut known = false;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = after.get(..length).ok_or(Error::Cut)?;
        match &head[..4] {
            b"fmt " if length >= 16 => {
                let word = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
                let rate = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
                known = word(0) == MULAW && word(2) == 1 && rate == RATE_HZ;
            }
            b"data" if known => return Ok(body),
            b"data" => return Err(OTHER),
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Err(Error::Cut)
}
