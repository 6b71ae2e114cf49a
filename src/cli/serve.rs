//! `frontdesk serve`: answers calls until asked to stop.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};
use tracing::{info, warn};

use crate::{
    boot::{self, config::Config},
    platform::clock::Clock,
};

pub(super) async fn run(config: Config, clock: Clock) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    boot::check_key(&config)?;
    let running = boot::start(config, clock).await?;
    let fallen = select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        name = running.fallen() => Some(name),
    };
    if let Some(name) = fallen {
        running.stop().await;
        bail!("the {name} ended, so the server had to");
    }
    info!("leaving: no new calls, the ones in the air may finish; a second signal ends them");
    select! {
        () = running.leave() => {}
        _ = terminate.recv() => warn!("leaving at once"),
        _ = interrupt.recv() => warn!("leaving at once"),
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}
