//! `frontdesk stress crash`: a server is killed while it books, again and again.
//!
//! It is ended as a failing machine would end it, at any moment, and started again. Everything that stands in the ledger
//! then must stand in its calendar, once, within a minute; nothing that was answered may be lost. Several servers, each
//! with a database and calendars of its own, go through it side by side, since most of the time is spent waiting.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::{
    audit::{self, Findings},
    booking::SHOWN_MAX,
    clients::Crowd,
    ground::{Database, Ground},
    outside::Outside,
    practice::Practice,
    servers::Server,
};
use crate::{
    domain::{calendar::Vendor, id::AppointmentId},
    platform::clock::Clock,
    sim::chance::Chance,
};

/// Programs that book at one server.
const PROGRAMS: u64 = 4;
/// How long after a start everything must stand where it belongs.
const AGREE_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether it does.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long a server is let be before it is killed, at most, in milliseconds.
const LET_BE_MS_MAX: u64 = 1_500;

/// How it is asked for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// How often a server is killed.
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    times: u32,
    /// How many servers go through it side by side.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    side_by_side: u32,
    /// Whose calendars are written to.
    #[arg(long, default_value = "google", value_name = "VENDOR")]
    calendar: Vendor,
    /// Use a PostgreSQL that is made for it, not embedded databases.
    #[arg(long)]
    postgres: bool,
    /// A PostgreSQL that is there, postgres://USER:PASSWORD@HOST/NAME.
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    database: Option<String>,
    /// As whom its tables are brought up to date.
    #[arg(long, value_name = "URL", requires = "database")]
    owner_database: Option<String>,
    /// Where chance begins.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// What came of one server's deaths.
#[derive(Default)]
struct Survived {
    /// How long after each start everything stood where it belongs.
    agreed: Vec<Duration>,
    findings: Findings,
    odd: Vec<String>,
    answered: usize,
}

/// Kills and starts, and says what came of it; whether all holds.
pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<bool> {
    let Arguments { times, side_by_side, calendar, seed, .. } = arguments;
    let otherwise = if arguments.postgres { Database::Fresh } else { Database::Embedded };
    let database = Database::of(arguments.database, arguments.owner_database, otherwise);
    // A database that is there is one, and its jobs are whoever's process takes them.
    let lanes = if matches!(database, Database::Given(..)) { 1 } else { side_by_side.clamp(1, times.max(1)) };
    println!("{times} times, {lanes} servers side by side, seed {seed}");
    let left = Arc::new(Mutex::new(times));
    let lives = (0..lanes)
        .map(|own| survive(left.clone(), database.clone(), calendar, Chance::new(seed, own.into()), clock));
    let mut all = Survived::default();
    for survived in try_join_all(lives).await? {
        all.agreed.extend(survived.agreed);
        all.answered += survived.answered;
        all.findings.merge(survived.findings);
        all.odd.extend(survived.odd);
    }
    let longest = all.agreed.iter().max().copied().unwrap_or_default();
    let spread = super::tally::Spread::of(&mut all.agreed);
    println!(
        "  killed {} times; then agreed: {spread}, longest {:.1} s",
        all.agreed.len(),
        longest.as_secs_f64()
    );
    println!("  overlaps {}", all.findings.overlaps.len());
    println!("  lost {} of {}", all.findings.lost.len(), all.answered);
    println!(
        "  missing {}, duplicates {}, orphans {}",
        all.findings.missing.len(),
        all.findings.duplicates.len(),
        all.findings.orphans.len()
    );
    for line in all.findings.lines(SHOWN_MAX).iter().chain(all.odd.iter().take(SHOWN_MAX)) {
        println!("  ! {line}");
    }
    Ok(all.findings.none() && all.odd.is_empty() && all.agreed.len() == times as usize)
}

/// One server's life: killed and started until nobody is to be killed any more.
async fn survive(
    left: Arc<Mutex<u32>>,
    database: Database,
    vendor: Vendor,
    mut chance: Chance,
    clock: Clock,
) -> anyhow::Result<Survived> {
    let ground = Ground::prepare(database).await?;
    let mut server = Server::new("server", &ground.folder, &ground.settings, clock)?;
    let outside = Outside::start(vendor, &server.base(), clock).await?;
    server.learn(&outside.settings(1));
    server.start().await?;
    let store = ground.store().await?;
    let practice = Practice::open(&server.base(), &store, clock.now()).await?;
    outside.connect_all(&practice, &store, clock).await?;
    let crowd = Arc::new(Crowd::new(practice, vec![server.base()], u64::MAX, clock)?);
    let mut running = JoinSet::new();
    for own in 0..PROGRAMS {
        let own = Chance::new(chance.of(0..u64::MAX), own);
        running.spawn(crowd.clone().program(own));
    }
    let mut survived = Survived::default();
    while take(&left) {
        clock.sleep(Duration::from_millis(chance.of(0..LET_BE_MS_MAX))).await;
        server.kill()?;
        let tenant = &crowd.practice.tenant.id;
        let taken = audit::ledger(&store, tenant, crowd.range(), clock.now()).await?;
        let mut waited: BTreeSet<AppointmentId> =
            taken.iter().filter(|one| one.status.promised()).map(|one| one.id.clone()).collect();
        let watch = clock.stopwatch();
        server.start().await?;
        // The others go on booking meanwhile; what stood when it died is looked at until all of it has agreed.
        loop {
            let events = outside.standing();
            let taken = audit::ledger(&store, tenant, crowd.range(), clock.now()).await?;
            let mut now = Findings::default();
            let mut tx = store.read(tenant).await?;
            audit::agreement(&mut tx, &taken, &events, &mut now).await?;
            drop(tx);
            waited.retain(|id| now.speaks_of(id));
            if waited.is_empty() {
                break;
            }
            if watch.elapsed() > AGREE_MAX {
                let late = waited.iter().take(SHOWN_MAX).map(|id| format!("{id} after {AGREE_MAX:?}"));
                survived.findings.missing.extend(late);
                break;
            }
            clock.sleep(LOOK_PERIOD).await;
        }
        survived.agreed.push(watch.elapsed());
    }
    crowd.enough();
    while let Some(ended) = running.join_next().await {
        ended?;
    }
    let tenant = &crowd.practice.tenant.id;
    let (mut findings, _) = outside.agree(&store, tenant, || crowd.range(), clock, AGREE_MAX).await?;
    let taken = audit::ledger(&store, tenant, crowd.range(), clock.now()).await?;
    findings.overlaps = audit::overlaps(&taken, |one| crowd.capacity(one));
    let told = crowd.known().told.clone();
    findings.lost = audit::lost(&mut store.read(tenant).await?, &told, &taken).await?;
    survived.answered = told.len();
    survived.findings.merge(findings);
    survived.odd = crowd.odd.lock().unwrap_or_else(PoisonError::into_inner).clone();
    store.close().await;
    server.kill()?;
    match survived.findings.none() && survived.odd.is_empty() {
        true => ground.clear(),
        false => println!("  what a server said is in {}", ground.folder.display()),
    }
    Ok(survived)
}

/// Takes one of the deaths that are left.
fn take(left: &Mutex<u32>) -> bool {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    match left.checked_sub(1) {
        Some(less) => {
            *left = less;
            true
        }
        None => false,
    }
}
