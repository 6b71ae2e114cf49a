//! Conversations on virtual time: what a caller hears, and what the call makes of it.

mod backchannels;
mod barge_in;
mod ending;
mod keypad;
mod opening;
mod playback;
mod properties;
mod replies;
mod silence;
mod tools;
