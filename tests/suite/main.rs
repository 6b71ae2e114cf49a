//! Everything the product promises, held in one test binary.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod config;
mod signature;
mod availability;
mod spoken;
mod twiml;
