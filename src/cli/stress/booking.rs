//! `frontdesk stress booking`: many want the same few times.
//!
//! Two servers, and calls in this process, on one database; programs and callers that book, move, cancel and repeat
//! themselves. At the end nothing may stand in another's place, nothing that was answered may be lost, and ledger and
//! calendars must agree.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{
    audit::{self, Findings},
    clients::{BROKEN, Crowd},
    ground::{Database, Ground},
    outside::Outside,
    practice::Practice,
    servers::Server,
};
use crate::{
    app::{bookings::Ledger, calendars::Calendars},
    boot,
    domain::{booking::Appointment, calendar::Vendor},
    platform::{clock::Clock, tasks::Tasks},
    sim::chance::Chance,
    store::Store,
    telephony::PublicUrl,
};

/// How often the ledger is looked at while it is under stress.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// How often it is said how far it has come.
const TELL_PERIOD: Duration = Duration::from_secs(20);
/// How long after nothing goes wrong any more ledger and calendars must agree.
const AGREE_MAX: Duration = Duration::from_secs(60);
/// Two servers, and calls in this process.
const PROCESSES: usize = 3;
/// Lines of one kind of finding that are shown.
pub(super) const SHOWN_MAX: usize = 10;

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
    /// Whose calendars are written to.
    #[arg(long, default_value = "google", value_name = "VENDOR", conflicts_with = "ledger_alone")]
    calendar: Vendor,
    /// Nothing is written to calendars: the ledger alone is under stress.
    #[arg(long)]
    ledger_alone: bool,
    /// How many programs book at once.
    #[arg(long, default_value_t = 24, value_name = "COUNT")]
    programs: u64,
    /// How many callers book at once.
    #[arg(long, default_value_t = 12, value_name = "COUNT")]
    callers: u64,
    /// Where chance begins; the same seed asks for the same.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// Has them all book, and says what came of it; whether all holds.
pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<bool> {
    let Arguments { attempts, programs, callers, seed, .. } = arguments;
    let database = Database::of(arguments.database, arguments.owner_database, Database::Fresh);
    let ground = Ground::prepare(database).await?;
    let servers =
        ["server-1", "server-2"].map(|name| Server::new(name, &ground.folder, &ground.settings, clock));
    let mut servers: Vec<Server> = servers.into_iter().collect::<anyhow::Result<_>>()?;
    let mut own = Vec::new();
    let outside = match arguments.ledger_alone {
        true => None,
        false => {
            let outside = Outside::start(arguments.calendar, &servers[0].base(), clock).await?;
            own = outside.settings(PROCESSES);
            Some(outside)
        }
    };
    for server in &mut servers {
        server.learn(&own);
        server.start().await?;
    }
    let store = ground.store().await?;
    let bases: Vec<String> = servers.iter().map(Server::base).collect();
    let practice = Practice::open(&bases[0], &store, clock.now()).await?;
    println!(
        "{attempts} attempts, seed {seed}, {} servers and calls on one {} database",
        bases.len(),
        store.kind()
    );

    let config = ground.config(&own)?;
    let (tasks, keys) = (Tasks::new(), boot::keys(&config, &store, clock).await?);
    let public: PublicUrl = bases[0].parse()?;
    let people = boot::people(&config, &store, &public, &keys)?;
    let calendars = boot::calendars(&config, &store, &keys, &people, &public, clock, &tasks)?;
    let ledger = Ledger::new(store.clone(), calendars.clone());
    let crowd = Arc::new(Crowd::new(practice, bases, attempts, clock)?);

    if let Some(outside) = &outside {
        outside.connect_all(&crowd.practice, &store, clock).await?;
        outside.go_wrong(seed);
    }
    let staff = async {
        match &outside {
            Some(outside) => {
                outside.staff(Chance::new(seed, u64::MAX), clock, |chance| crowd.a_time(chance)).await
            }
            None => std::future::pending().await,
        }
    };
    let mut staff = std::pin::pin!(staff);
    let watch = clock.stopwatch();
    let mut running = JoinSet::new();
    for own in 0..programs {
        running.spawn(crowd.clone().program(Chance::new(seed, own)));
    }
    for own in 0..callers {
        running.spawn(crowd.clone().caller(ledger.clone(), Chance::new(seed, programs + own)));
    }
    let (mut looked, mut told) = (0_u32, Duration::ZERO);
    let mut findings = Findings::default();
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => ended?,
                None => break,
            },
            () = &mut staff => {}
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
    let tenant = &crowd.practice.tenant.id;
    let mut agreed = None;
    if let Some(outside) = &outside {
        outside.calm();
        agreed = Some(settle(outside, &crowd, &calendars, &store, &mut findings).await?);
    }
    let taken = look(&crowd, &ledger, &mut findings).await?;
    let mut tx = store.read(tenant).await?;
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
    if let (Some(outside), Some(agreed)) = (&outside, agreed) {
        let clashing = taken.iter().filter(|one| one.clashing).count();
        println!("  missing in calendars {}", findings.missing.len());
        println!("  twice in calendars {}", findings.duplicates.len());
        println!("  in calendars for nobody {}", findings.orphans.len());
        println!(
            "  agreed {:.1} s after nothing went wrong any more; {clashing} stand where staff put them over others",
            agreed.as_secs_f64()
        );
        println!("  asked of the vendor: {}", outside.asked());
        for fault in outside.faults().iter().take(SHOWN_MAX) {
            println!("  ! asked wrongly: {fault}");
        }
    }
    println!("  answers that say that something broke {broken}");
    for line in findings.lines(SHOWN_MAX).iter().chain(odd.iter().take(SHOWN_MAX)) {
        println!("  ! {line}");
    }
    let asked_well = outside.as_ref().is_none_or(|outside| outside.faults().is_empty());
    let well = findings.none() && broken == 0 && odd.is_empty() && asked_well;
    store.close().await;
    drop(servers);
    match well {
        true => ground.clear(),
        false => println!("  what the servers said is in {}", ground.folder.display()),
    }
    Ok(well)
}

/// Waits until ledger and calendars agree, after everything that was done there has been learnt; how long that took.
async fn settle(
    outside: &Outside,
    crowd: &Crowd,
    calendars: &Calendars,
    store: &Store,
    findings: &mut Findings,
) -> anyhow::Result<Duration> {
    let (clock, tenant) = (crowd.clock, &crowd.practice.tenant.id);
    let watch = clock.stopwatch();
    for calendar in store.read(tenant).await?.calendars().all().await? {
        while let Err(error) = calendars.sync(tenant, &calendar.id).await {
            if watch.elapsed() > AGREE_MAX {
                return Err(error.into());
            }
            clock.sleep(LOOK_PERIOD / 4).await;
        }
    }
    let left = AGREE_MAX.saturating_sub(watch.elapsed());
    let (found, _) = outside.agree(store, tenant, || crowd.range(), clock, left).await?;
    findings.merge(found);
    Ok(watch.elapsed())
}

/// Looks for what stands in another's place at this moment.
async fn look(crowd: &Crowd, ledger: &Ledger, findings: &mut Findings) -> anyhow::Result<Vec<Appointment>> {
    let (tenant, now) = (&crowd.practice.tenant.id, crowd.clock.now());
    let taken = audit::ledger(ledger.store(), tenant, crowd.range(), now).await?;
    findings.overlaps.extend(audit::overlaps(&taken, |one| crowd.capacity(one)));
    findings.overlaps.sort();
    findings.overlaps.dedup();
    Ok(taken)
}
