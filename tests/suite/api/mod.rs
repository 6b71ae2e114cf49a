//! The admin API, used by people and programs over HTTP.

mod appointments;
mod calls;
mod closing;
mod connecting;
mod examples;
mod live;
mod numbers;
mod people;
mod record;
mod things;
mod transfers;
mod walls;
mod webhooks;
