//! Linear sound from one sampling rate to another, for engines that do not take μ-law.
//!
//! It works on a stream in pieces of any size and puts nothing in between them. The filter takes 10 ms to
//! hear both sides of a sample; that is the whole delay. Its figures are held by `tests/suite/sound.rs`.

use rubato::{Fft, FixedSync, Resampler, WindowFunction, audioadapter_buffers::direct::SequentialSlice};

/// Samples per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// The telephone's.
    Khz8,
    /// Most speech recognisers'.
    Khz16,
    /// Most speech models'.
    Khz24,
}

impl Rate {
    /// In samples per second.
    pub const fn hz(self) -> usize {
        match self {
            Self::Khz8 => 8_000,
            Self::Khz16 => 16_000,
            Self::Khz24 => 24_000,
        }
    }
}

/// Brings one stream from one rate to another.
pub struct Resample {
    filter: Fft<f32>,
    /// Samples that wait until a block is full.
    waiting: Vec<f32>,
    block: Vec<f32>,
    /// Samples the filter still owes, those of its delay left out.
    owed: Owed,
    from: Rate,
    to: Rate,
}

/// What came in and went out since the stream began, in samples of each side.
#[derive(Clone, Copy, Default)]
struct Owed {
    taken: usize,
    given: usize,
    skipped: usize,
}

/// What the filter works on at a time, in milliseconds.
const BLOCK_MS: usize = 20;

impl Resample {
    /// A stream that begins.
    pub fn new(from: Rate, to: Rate) -> Self {
        let block = from.hz() * BLOCK_MS / 1_000;
        let filter = Fft::new_custom(
            from.hz(),
            to.hz(),
            block,
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )
        .expect("these rates are whole multiples of 8 kHz and a block is not empty");
        let room = filter.output_frames_max();
        Self {
            filter,
            waiting: Vec::with_capacity(2 * block),
            block: vec![0.0; room],
            owed: Owed::default(),
            from,
            to,
        }
    }

    /// Adds a piece, and appends to `out` what can be said by now.
    pub fn push(&mut self, piece: &[i16], out: &mut Vec<i16>) {
        self.owed.taken += piece.len();
        self.waiting.extend(piece.iter().map(|sample| f32::from(*sample)));
        self.run(out);
    }

    /// The stream ends: appends to `out` what the filter still holds, to the last sample, and begins anew.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        let due = self.owed.taken * self.to.hz() / self.from.hz();
        while self.owed.given < due {
            let missing = self.filter.input_frames_next() - self.waiting.len();
            self.waiting.extend(std::iter::repeat_n(0.0, missing));
            let before = (out.len(), self.owed.given);
            self.run(out);
            out.truncate(before.0 + (due - before.1));
        }
        self.reset();
    }

    /// Forgets what the filter holds, as when a reply is cut off.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.waiting.clear();
        self.owed = Owed::default();
    }

    /// Runs every block that is full.
    fn run(&mut self, out: &mut Vec<i16>) {
        let size = self.filter.input_frames_next();
        let mut used = 0;
        while self.waiting.len() - used >= size {
            let room = self.block.len();
            let written = SequentialSlice::new(&self.waiting[used..used + size], 1, size)
                .and_then(|input| Ok((input, SequentialSlice::new_mut(&mut self.block, 1, room)?)))
                .ok()
                .and_then(|(input, mut output)| {
                    self.filter.process_into_buffer(&input, &mut output, None).ok()
                })
                .map_or(0, |(_, written)| written);
            used += size;
            // The first samples are the filter's delay: nothing that was ever said.
            let skip = (self.filter.output_delay() - self.owed.skipped).min(written);
            self.owed.skipped += skip;
            self.owed.given += written - skip;
            out.extend(self.block[skip..written].iter().map(|sample| sample.round() as i16));
        }
        self.waiting.drain(..used);
    }
}
