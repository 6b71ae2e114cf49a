//! What several tests share.

pub mod house;
pub mod realtime_peer;
pub mod specs;
pub mod telephone_server;
