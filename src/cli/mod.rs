//! The commands: what a person types, what they are told, and the exit code.
//!
//! Does no work itself: reads arguments and configuration, asks `boot` and `app`, prints.
#![expect(clippy::print_stdout, reason = "this is where the program talks to a person")]

mod admin;
mod apply;
mod demo;
mod doctor;
mod log;
mod migrate;
mod serve;
mod stress;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{boot::config::Config, http, platform::clock::Clock};

/// Answers a business's telephone.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version, about)]
struct Arguments {
    /// A file that overrides the default configuration (see config/default.toml).
    #[arg(long, global = true, value_name = "FILE", env = "FRONTDESK_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer calls until asked to stop.
    Serve,
    /// Bring the database's tables up to date.
    Migrate,
    /// Check the configuration and everything it points at, and say what to do.
    Doctor,
    /// Play a whole call on this machine, without keys, and show it.
    Demo(demo::Arguments),
    /// Find out whether what is promised holds when many want it, and much goes wrong.
    #[command(subcommand)]
    Stress(stress::Stress),
    /// Print the document of everything that can be asked over HTTP: OpenAPI 3.1, as JSON.
    Openapi,
    /// Create or update a tenant as a file describes it (see config/example-tenant.toml).
    Apply {
        /// The file.
        file: PathBuf,
    },
    /// What only whoever sits at this machine may do: operators, the outbox, limits.
    #[command(subcommand)]
    Admin(admin::Admin),
}

/// Runs the program as the process's arguments ask.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("frontdesk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = match &arguments.command {
        // The demo brings its own keys and database, whatever is configured here.
        Command::Demo(_) => demo::config()?,
        Command::Stress(_) => stress::config()?,
        // The document is made of the code alone.
        Command::Openapi => Config::read(None, [])?,
        Command::Serve | Command::Migrate | Command::Doctor | Command::Apply { .. } | Command::Admin(_) => {
            read_config(arguments.config.as_deref())?
        }
    };
    log::begin(&config.log)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.runtime.worker_threads > 0 {
        runtime.worker_threads(config.runtime.worker_threads);
    }
    let runtime = runtime.enable_all().build().context("the threads cannot be started")?;
    let clock = Clock::system();
    runtime.block_on(async {
        match arguments.command {
            Command::Serve => serve::run(config, clock).await,
            Command::Migrate => migrate::run(&config).await,
            Command::Doctor => doctor::run(&config, clock).await,
            Command::Demo(demo) => demo::run(demo).await,
            Command::Stress(stress) => stress::run(stress, clock).await,
            Command::Openapi => {
                println!("{}", http::document().to_pretty_json()?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Admin(command) => admin::run(&config, command, clock).await,
            Command::Apply { file } => apply::run(&config, &file, clock).await,
        }
    })
}

fn read_config(file: Option<&std::path::Path>) -> anyhow::Result<Config> {
    let file = file
        .map(|path| {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
            anyhow::Ok((path.display().to_string(), text))
        })
        .transpose()?;
    let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    // What is not Unicode is none of our keys.
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Config::read(file, env)?)
}
