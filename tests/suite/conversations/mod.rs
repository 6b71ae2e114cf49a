//! Conversations on virtual time: what a caller hears, and what the call makes of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names what it looks for, not all the rest")]

mod backchannels;
mod barge_in;
mod echo;
mod ending;
mod holding;
mod keypad;
mod opening;
mod playback;
mod properties;
mod replies;
mod silence;
mod tools;
mod transfer;
