//! `frontdesk apply FILE`: a tenant as a file describes it.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;

use crate::{
    app::provision::{self, Change, Document},
    boot::{self, config::Config},
    platform::clock::Clock,
};

pub(super) async fn run(config: &Config, file: &Path, clock: Clock) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let document = match Document::read(&text) {
        Ok(document) => document,
        Err(faults) => {
            eprintln!("{} was not applied. Nothing was changed.\n{faults}", file.display());
            return Ok(ExitCode::FAILURE);
        }
    };
    let store = boot::open_store(config).await?;
    let applied = provision::apply(&store, &document, clock.now()).await;
    if applied.is_ok() {
        provision::prepare(&store, &document, clock.now()).await?;
    }
    store.close().await;
    let report = match applied {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{} was not applied. Nothing was changed.\n{error}", file.display());
            return Ok(ExitCode::FAILURE);
        }
    };
    for line in &report.lines {
        let word = match line.change {
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Unchanged => "unchanged",
        };
        println!("{word:<9}  {} {}", line.kind, line.name);
    }
    for (kind, name) in &report.elsewhere {
        println!("{:<9}  {kind} {name} (not in the file; left as it is)", "kept");
    }
    println!("{}", if report.changed() { "Applied." } else { "Nothing changed." });
    Ok(ExitCode::SUCCESS)
}
