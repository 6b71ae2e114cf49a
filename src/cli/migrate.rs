//! `frontdesk migrate`: brings the database's tables up to date.

use std::process::ExitCode;

use crate::{boot::config::Config, store::Store};

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::open(&config.database).await?;
    let pending = store.migrations_pending().await?;
    store.migrate().await?;
    match pending {
        0 => println!("The tables of the {} database are up to date.", store.kind()),
        1 => println!("The tables of the {} database were brought up to date: one step.", store.kind()),
        steps => {
            println!("The tables of the {} database were brought up to date: {steps} steps.", store.kind())
        }
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
