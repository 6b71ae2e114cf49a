//! Twenty milliseconds of sound, and cutting a stream of any pieces into them.
//!
//! A frame is what a call hears and says at a time. Cutting never drops or invents a byte, except for the
//! silence that fills up the last frame of a stream.

use super::g711;

/// Twenty milliseconds of 8 kHz μ-law: the unit in which a call is heard and spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MuLaw20ms([u8; Self::LEN]);

impl MuLaw20ms {
    /// Bytes, and so samples, in a frame.
    pub const LEN: usize = 160;
    /// Milliseconds a frame lasts.
    pub const MILLIS: u64 = 20;
    /// The byte of which silence is made.
    pub const SILENCE: u8 = g711::SILENCE;
    /// A frame of silence.
    pub const QUIET: Self = Self([Self::SILENCE; Self::LEN]);

    /// A frame of these bytes.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// A frame of these bytes, if they are exactly a frame's worth.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A frame that begins with these bytes and ends in silence; what is beyond a frame is left away.
    pub fn padded(bytes: &[u8]) -> Self {
        let mut frame = Self::QUIET;
        let length = bytes.len().min(Self::LEN);
        frame.0[..length].copy_from_slice(&bytes[..length]);
        frame
    }

    /// The μ-law bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The linear samples.
    pub fn samples(&self) -> [i16; Self::LEN] {
        self.0.map(g711::decode)
    }

    /// True when every sample is zero, as on a line that carries nothing at all.
    pub fn is_quiet(&self) -> bool {
        // Zero has two codes, which differ in the sign bit.
        self.0.iter().fold(0xff, |all, byte| all & (byte | 0x80)) == 0xff
    }

    /// The whole frames of a stream, and what is left over at its end.
    pub fn split(bytes: &[u8]) -> (impl ExactSizeIterator<Item = Self> + '_, &[u8]) {
        let (frames, rest) = bytes.as_chunks::<{ Self::LEN }>();
        (frames.iter().map(|frame| Self(*frame)), rest)
    }
}

/// What was said is not for logs.
impl std::fmt::Debug for MuLaw20ms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MuLaw20ms(…)")
    }
}

/// Cuts a stream that comes in pieces of any size into whole frames; what is left over waits for the next piece.
#[derive(Clone)]
pub struct Cutter {
    held: [u8; MuLaw20ms::LEN],
    length: usize,
}

impl Cutter {
    /// A cutter that holds nothing.
    pub const fn new() -> Self {
        Self { held: [MuLaw20ms::SILENCE; MuLaw20ms::LEN], length: 0 }
    }

    /// Adds a piece and hands out every frame that is whole with it.
    pub fn cut(&mut self, mut piece: &[u8], mut each: impl FnMut(MuLaw20ms)) {
        if self.length > 0 {
            let (fill, rest) = piece.split_at(piece.len().min(MuLaw20ms::LEN - self.length));
            self.keep(fill);
            piece = rest;
            if self.length < MuLaw20ms::LEN {
                return;
            }
            self.length = 0;
            each(MuLaw20ms(self.held));
        }
        let (frames, rest) = MuLaw20ms::split(piece);
        frames.for_each(each);
        self.keep(rest);
    }

    /// Adds a piece and appends the bytes of every frame that is whole with it.
    pub fn cut_into(&mut self, piece: &[u8], whole: &mut Vec<u8>) {
        self.cut(piece, |frame| whole.extend_from_slice(frame.as_bytes()));
    }

    /// Bytes that wait for more.
    pub fn held(&self) -> usize {
        self.length
    }

    /// The stream ends: what is left over, filled up with silence, if there is anything.
    pub fn end(&mut self) -> Option<MuLaw20ms> {
        let last = (self.length > 0).then(|| MuLaw20ms::padded(&self.held[..self.length]));
        self.length = 0;
        last
    }

    /// Forgets what is left over, as when a reply is cut off.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.held[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

/// What was said is not for logs.
impl std::fmt::Debug for Cutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cutter({} bytes held)", self.length)
    }
}
