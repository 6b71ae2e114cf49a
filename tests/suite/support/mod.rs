//! What several tests share.

pub mod realtime_peer;
pub mod specs;
pub mod telephone_server;
