//! What is written about what happens, to standard error.

use std::io;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::boot::config::{Log, LogFormat};

/// Begins to write, in the configured format and measure.
pub(super) fn begin(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level)
        .with_context(|| format!("`log.level`: \"{}\" is neither a level nor a filter", log.level))?;
    let writer = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second subscriber is refused; the first stays, which is what a caller that brought its own wants.
    let _ = match log.format {
        LogFormat::Text => writer.try_init(),
        LogFormat::Json => writer.json().flatten_event(true).try_init(),
    };
    Ok(())
}
