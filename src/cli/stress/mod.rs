//! `frontdesk stress`: whether what is promised holds when much goes wrong at once.
//!
//! The servers are processes of their own, this very program; the vendors are stand-ins that fail on purpose. Each
//! command prints what it has found, and its exit code says whether that is what was promised.

mod audit;
mod booking;
mod calendars;
mod clients;
mod crash;
mod ground;
mod outside;
mod practice;
mod reminders;
mod servers;
mod tally;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{boot::config::Config, platform::clock::Clock};

/// What is put under stress.
#[derive(Debug, Subcommand)]
pub(super) enum Stress {
    /// Many want the same few times, over the API and by telephone, at two servers on one PostgreSQL.
    Booking(booking::Arguments),
    /// A server is killed while it books, again and again.
    Crash(crash::Arguments),
    /// Many calendars full of events are learnt, and asked of what is known.
    Calendars(calendars::Arguments),
    /// Many reminders are due, two workers race for them, and one is killed again and again.
    Reminders(reminders::Arguments),
}

/// What the process itself runs by: quiet, unless asked to log.
pub(super) fn config() -> anyhow::Result<Config> {
    const LEVEL: &str = "FRONTDESK__LOG__LEVEL";
    let level = std::env::var(LEVEL).unwrap_or_else(|_| "error".to_owned());
    Ok(Config::read(None, [(LEVEL.to_owned(), level)])?)
}

/// Puts it under stress.
pub(super) async fn run(stress: Stress, clock: Clock) -> anyhow::Result<ExitCode> {
    crate::boot::install_tls();
    let well = match stress {
        Stress::Booking(arguments) => booking::run(arguments, clock).await?,
        Stress::Crash(arguments) => crash::run(arguments, clock).await?,
        Stress::Calendars(arguments) => calendars::run(arguments, clock).await?,
        Stress::Reminders(arguments) => reminders::run(arguments, clock).await?,
    };
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
