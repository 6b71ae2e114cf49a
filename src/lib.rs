#![doc = include_str!("ARCHITECTURE.md")]

// The floors, ground first. A module leans on floors below its own (tests/suite/floors.rs).
pub mod domain;
pub mod platform;
