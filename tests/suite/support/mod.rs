//! What several tests share.

pub mod agenda;
pub mod browser;
pub mod browsing;
pub mod consent_pages;
pub mod databases;
pub mod house;
pub mod log;
pub mod neighbours;
pub mod office;
pub mod postgres;
pub mod practice;
pub mod realtime_peer;
pub mod scene;
pub mod served;
pub mod specs;
pub mod telephone_server;
