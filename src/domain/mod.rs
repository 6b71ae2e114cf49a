//! Nouns and rules: what a business, an assistant, a service, an appointment and a call are.
//!
//! Everything here is a value or a pure function over values. This floor never waits, reads a clock,
//! opens a socket or knows a vendor; times and chance are handed in.

pub mod assistant;
pub mod availability;
pub mod booking;
pub mod calendar;
pub mod campaign;
pub mod cards;
pub mod closing;
pub mod contact;
pub mod conversation;
pub mod difference;
pub mod email;
pub mod figures;
pub mod forgetting;
pub mod forwarding;
pub mod holidays;
pub mod id;
pub mod import;
pub mod money;
pub mod notices;
pub mod org;
pub mod outgoing;
pub mod participants;
pub mod password;
pub mod pause;
pub mod people;
pub mod phone;
pub mod phrases;
pub mod quality;
pub mod reception;
pub mod remarks;
pub mod revision;
pub mod search;
pub mod spoken;
pub mod summary;
pub mod time;
pub mod tool;
pub mod transfer;
pub mod waiting;
pub mod webhook;
pub mod when;
