//! `frontdesk stress booking`: many want the same few times.
//!
//! Two servers, and calls in this process, on one database; programs and callers that book, move, cancel and repeat
//! themselves. At the end nothing may stand in another's place, nothing that was answered may be lost, and ledger and
//! calendars must agree.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{
    audit::{self, Findings},
    chance::Chance,
    clients::{BROKEN, Crowd},
    ground::{Database, Ground},
    practice::Practice,
    servers::Server,
};
use crate::{
    app::bookings::Ledger,
    boot,
    domain::{booking::Appointment, id::ServiceId},
    platform::{clock::Clock, tasks::Tasks},
    telephony::PublicUrl,
};

/// Programs that book at once.
const PROGRAMS: u64 = 24;
/// Callers at once.
const CALLERS: u64 = 12;
/// How often the ledger is looked at while it is under stress.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// How often it is said how far it has come.
const TELL_PERIOD: Duration = Duration::from_secs(20);
/// Lines of one kind of finding that are shown.
const SHOWN_MAX: usize = 10;

/// How it is asked for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// How many bookings, moves, cancellations and repetitions are attempted.
    #[arg(long, default_value_t = 100_000, value_name = "COUNT")]
    attempts: u64,
    /// A PostgreSQL that is there, postgres://USER:PASSWORD@HOST/NAME; else one is made for it.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// As whom its tables are brought up to date.
    #[arg(long, value_name = "URL", requires = "database")]
    owner_database: Option<String>,
    /// Where chance begins; the same seed asks for the same.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// Has them all book, and says what came of it; whether all holds.
pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<bool> {
    let Arguments { attempts, seed, .. } = arguments;
    let database = Database::of(arguments.database, arguments.owner_database, Database::Fresh);
    let ground = Ground::prepare(database, clock).await?;
    let mut servers = Vec::new();
    for name in ["server-1", "server-2"] {
        let mut server = Server::new(name, &ground.folder, &ground.settings, clock)?;
        server.start().await?;
        servers.push(server);
    }
    let store = ground.store().await?;
    let bases: Vec<String> = servers.iter().map(Server::base).collect();
    let practice = Practice::open(&bases[0], &store, clock.now()).await?;
    println!(
        "{attempts} attempts, seed {seed}, {} servers and calls on one {} database",
        bases.len(),
        store.kind()
    );

    let config = ground.config(&[])?;
    let (tasks, keys) = (Tasks::new(), boot::keys(&config, &store, clock).await?);
    let public: PublicUrl = bases[0].parse()?;
    let people = boot::people(&config, &store, &public, &keys)?;
    let calendars = boot::calendars(&config, &store, &keys, &people, &public, clock, &tasks)?;
    let ledger = Ledger::new(store.clone(), calendars.clone());
    let crowd = Arc::new(Crowd::new(practice, bases, attempts, clock)?);

    let watch = clock.stopwatch();
    let mut running = JoinSet::new();
    for own in 0..PROGRAMS {
        running.spawn(crowd.clone().program(Chance::new(seed, own)));
    }
    for own in 0..CALLERS {
        running.spawn(crowd.clone().caller(ledger.clone(), Chance::new(seed, PROGRAMS + own)));
    }
    let (mut looked, mut told) = (0_u32, Duration::ZERO);
    let mut findings = Findings::default();
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => ended?,
                None => break,
            },
            () = clock.sleep(LOOK_PERIOD) => {
                look(&crowd, &ledger, &mut findings).await?;
                looked += 1;
                if watch.elapsed() >= told + TELL_PERIOD {
                    told = watch.elapsed();
                    println!("  {:>4} s, {} attempts left", told.as_secs(), crowd.left());
                }
            }
        }
    }
    let took = watch.elapsed();
    let taken = look(&crowd, &ledger, &mut findings).await?;
    let mut tx = store.read(&crowd.practice.tenant.id).await?;
    let all = crowd.known().told.clone();
    findings.lost = audit::lost(&mut tx, &all, &taken).await?;
    drop(tx);

    for line in crowd.tally.lines() {
        println!("  {line}");
    }
    let promised = taken.iter().filter(|one| one.status.promised()).count();
    let broken = crowd.tally.answered(|word| word == BROKEN);
    let odd = crowd.odd.lock().map(|odd| odd.clone()).unwrap_or_default();
    let rate = attempts as f64 / took.as_secs_f64();
    println!("  {:.1} s, {rate:.0} attempts a second; {promised} appointments stand", took.as_secs_f64());
    println!("  overlaps {} (looked at {} times)", findings.overlaps.len(), looked + 1);
    println!("  lost {} of {}", findings.lost.len(), all.len());
    println!("  answers that say that something broke {broken}");
    for line in findings.lines(SHOWN_MAX).iter().chain(odd.iter().take(SHOWN_MAX)) {
        println!("  ! {line}");
    }
    let well = findings.none() && broken == 0 && odd.is_empty();
    store.close().await;
    drop(servers);
    match well {
        true => ground.clear(),
        false => println!("  what the servers said is in {}", ground.folder.display()),
    }
    Ok(well)
}

/// Looks for what stands in another's place at this moment.
async fn look(crowd: &Crowd, ledger: &Ledger, findings: &mut Findings) -> anyhow::Result<Vec<Appointment>> {
    let practice = &crowd.practice;
    let capacity = |id: &ServiceId| {
        practice.services.iter().find(|service| service.id == *id).map_or(1, |service| service.capacity)
    };
    let taken = audit::ledger(ledger.store(), &practice.tenant.id, crowd.range(), crowd.clock.now()).await?;
    findings.overlaps.extend(audit::overlaps(&taken, |one| capacity(&one.service)));
    findings.overlaps.sort();
    findings.overlaps.dedup();
    Ok(taken)
}
