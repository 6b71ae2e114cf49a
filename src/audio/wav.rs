//! Sound as WAV files: two-channel recordings to write and read, and single sentences in μ-law to read.
//!
//! It writes to what it is handed and opens nothing itself.

use std::io::{Read, Seek, Write};

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

/// Writes a recording: the caller on the left, the agent on the right, linear 16 bits.
pub struct Writer<W: Write + Seek>(hound::WavWriter<W>);

impl<W: Write + Seek> Writer<W> {
    const SPEC: hound::WavSpec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };

    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Wav`].
    pub fn new(out: W) -> Result<Self, Error> {
        Ok(Self(hound::WavWriter::new(out, Self::SPEC)?))
    }

    /// Adds samples, each the caller's and the agent's of one instant.
    ///
    /// # Errors
    /// [`Error::Wav`].
    pub fn write(&mut self, samples: &[[i16; 2]]) -> Result<(), Error> {
        let count = u32::try_from(samples.len() * 2).map_err(|_| Error::Wav(hound::Error::TooWide))?;
        let mut out = self.0.get_i16_writer(count);
        for sample in samples.iter().flatten() {
            out.write_sample(*sample);
        }
        Ok(out.flush()?)
    }

    /// Makes the file whole as it is, so that it can be read if no more is ever added.
    ///
    /// # Errors
    /// [`Error::Wav`].
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.0.flush()?)
    }

    /// Makes the file whole.
    ///
    /// # Errors
    /// [`Error::Wav`].
    pub fn finish(self) -> Result<(), Error> {
        Ok(self.0.finalize()?)
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
