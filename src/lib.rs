#![doc = include_str!("ARCHITECTURE.md")]

// The floors, ground first. A module leans on floors below its own (tests/suite/floors.rs).
pub mod audio;
pub mod domain;

pub mod call;
pub mod platform;

pub mod calendars;
pub mod mail;
pub mod speech;
pub mod store;
pub mod telephony;

pub mod app;

pub mod jobs;
pub mod live;

pub mod http;

pub mod boot;

pub mod cli;

// Apart: stand-ins for the outside world.
pub mod sim;
