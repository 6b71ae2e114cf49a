//! The admin API, used by people and programs over HTTP.

mod examples;
mod people;
mod things;
mod walls;
