//! `frontdesk demo`: a whole call on this machine, without keys and without a network.
//!
//! The server is the real one; the telephone and the engine are stand-ins. Prints the call while it happens,
//! then what the database has of it. The exit code says whether that is what it had to come to.

mod screen;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use tokio::sync::broadcast::error::RecvError;

use self::screen::Screen;
use crate::{
    boot::config::Config,
    domain::{assistant::Language, calendar::Vendor},
    live::notice::Notice,
    platform::{clock::Clock, ids},
    sim::{
        openai::Manners,
        scenario,
        stage::{self, Stage, Wanted},
        twilio::Conditions,
        week,
    },
};

/// How many times as fast as life a call without waiting is.
const FAST: u32 = 5;

/// Whose login the kept server has.
const LOGIN: &str = "demo@praxis-sommer.example";
/// How long her password is, in characters.
const PASSWORD_LEN: usize = 20;

/// How a demo is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language of the call: de or en.
    #[arg(long, default_value = "de", value_name = "LANGUAGE")]
    lang: Language,
    /// What happens in the call.
    #[arg(long, default_value = "book", value_parser = PossibleValuesParser::new(scenario::NAMES.map(|(name, _)| name)))]
    scenario: String,
    /// Keep the appointments in a calendar outside, connected with consent: google or microsoft.
    #[arg(long, value_name = "VENDOR")]
    calendar: Option<Vendor>,
    /// Do not wait: the call goes on several times as fast as life.
    #[arg(long)]
    fast: bool,
    /// Play a week of calls besides, leave the server up until Ctrl-C, and print a login to the console.
    #[arg(long)]
    keep: bool,
    /// Where database and recording go, in a folder of their own; else where the system keeps such things.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// What the process itself runs by: quiet, unless asked to log.
pub(super) fn config() -> anyhow::Result<Config> {
    const LEVEL: &str = "FRONTDESK__LOG__LEVEL";
    let level = std::env::var(LEVEL).unwrap_or_else(|_| "error".to_owned());
    Ok(Config::read(None, [(LEVEL.to_owned(), level)])?)
}

/// Plays the call.
pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let scenario = scenario::named(&arguments.scenario, arguments.lang).context("no such scenario")?;
    let pace = if arguments.fast { FAST } else { 1 };
    let clock = stage::clock(&scenario, pace);
    let folder = stage::fresh_folder(&arguments.data.unwrap_or_else(std::env::temp_dir));
    let mut screen = Screen::new();
    let about =
        scenario::NAMES.iter().find(|(name, _)| *name == scenario.name).map_or("", |(_, about)| about);
    screen.title(scenario.name, arguments.lang, about, pace);
    let wanted = Wanted {
        clock,
        folder: folder.clone(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: true,
        // Who is reminded moves the appointment in the calendar, too.
        calendar: arguments.calendar.or(scenario.called.then_some(Vendor::Google)),
        keep_log: false,
        environment: vec![],
    };
    let stage = Stage::set(scenario, wanted).await.context("the stage cannot be set")?;
    screen.set(stage.server.addr, &folder);

    let mut notices = stage.server.lines.watch();
    let show = async {
        loop {
            match notices.recv().await {
                Ok(notice) => screen.notice(&notice),
                Err(RecvError::Lagged(missed)) => screen.missed(missed),
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let played = tokio::select! {
        played = stage.play() => played,
        never = show => never,
    };
    let played = played.context("the call cannot be made")?;
    // What happened at the very end and has not been shown yet.
    while let Ok(notice) = notices.try_recv() {
        let notice: Arc<Notice> = notice;
        screen.notice(&notice);
    }
    screen.outcome(&stage, &played).await?;
    let well = played.problems.is_empty();
    stage.strike().await;
    if arguments.keep {
        keep(&screen, arguments.lang, &folder).await?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays the week before, and leaves a server up on all of it until Ctrl-C, with somebody who may look at it.
async fn keep(screen: &Screen, language: Language, folder: &Path) -> anyhow::Result<()> {
    let clock = Clock::system();
    screen.week(week::WEEK.len());
    for past in week::WEEK {
        let played = week::play(past, folder, clock.now()).await;
        screen.past(past, played.err());
    }
    let scenario = scenario::named("book", language).context("no such scenario")?;
    let stage =
        Stage::set(scenario, Wanted::plain(clock, folder)).await.context("the stage cannot be set")?;
    let email = LOGIN.parse().context("an address")?;
    let password = ids::token();
    let password = password.get(..PASSWORD_LEN).unwrap_or(&password);
    let tenant = &stage.tenant.id;
    week::owner(&stage.people, tenant, &email, password, language, clock.now()).await?;
    screen.kept(stage.server.addr, LOGIN, password);
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
    stage.strike().await;
    Ok(())
}
