//! Sound: 20 ms frames of 8 kHz μ-law, what can be heard in them, and the formats they are kept in.
//!
//! Everything here is arithmetic over values. This floor never waits, reads a clock, opens a file or a
//! socket, and knows no vendor: readers and writers are handed in.

pub mod frames;
pub mod g711;
pub mod opus;
pub mod resample;
pub mod timeline;
pub mod vad;
pub mod wav;

pub use frames::MuLaw20ms;
