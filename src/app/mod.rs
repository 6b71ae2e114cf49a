//! What a person, a call or a job may ask for, and who may ask it.
//!
//! One file per subject. Nothing here knows HTTP or holds a socket.

pub mod accounts;
pub mod health;
pub mod provision;
