//! Reads the configuration, builds everything once, waits, leaves.
//!
//! It wires; it decides nothing about calls, bookings or who may do what.

pub mod config;
