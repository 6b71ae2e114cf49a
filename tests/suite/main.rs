//! Everything the product promises, held in one test binary.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names what it is about, and nothing else")]

mod admin;
mod api;
mod availability;
mod availability_preview;
mod calls;
mod commands;
mod config;
mod conversations;
mod demo;
mod doctor;
mod document;
mod engine;
mod floors;
mod groups;
mod http;
mod indexes;
mod jobs;
mod ledger;
mod mail;
mod media_door;
mod numbers;
mod outside;
mod oauth;
mod passwords;
mod people;
mod provision;
mod recording;
mod rest;
mod secrets;
mod shapes;
mod signature;
mod sound;
mod spoken;
mod stand_ins;
mod stress;
mod support;
mod tasks;
mod tokens;
mod tools;
mod twiml;
mod two_databases;
mod walk;
mod webhooks;
mod when;
