//! `frontdesk stress calendars`: many calendars, full of events, learnt and then asked of what is known.
//!
//! A server learns them all, as it does after somebody has connected them; meanwhile its memory is looked at. Then free
//! times are looked for as a call does, and what takes time is read, again and again.

use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::ToSpan;

use super::{
    ground::{Database, Ground},
    outside::{DAYS_FILLED, Outside},
    practice::Practice,
    servers::Server,
    tally::Spread,
};
use crate::{
    app::bookings::{self, Search},
    calendars::CHANGES_PER_PAGE,
    domain::{
        booking::{Resource, Service},
        calendar::Vendor,
        id::{ResourceId, ServiceId},
        time::TimeRange,
    },
    platform::{clock::Clock, ids},
    sim::chance::Chance,
};

/// How often is looked.
const LOOKUPS: u32 = 1_000;
/// How many dates a lookup is about: as many as a call's search.
const DATES: i32 = 14;
/// How long learning may take.
const LEARN_MAX: Duration = Duration::from_secs(30 * 60);
/// How often it is looked how far it is.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// A mebibyte.
const MIB: f64 = 1024.0 * 1024.0;

/// How it is asked for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// How many calendars.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    calendars: usize,
    /// How many events stand in each.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    events: usize,
    /// Whose calendars.
    #[arg(long, default_value = "google", value_name = "VENDOR")]
    calendar: Vendor,
    /// Use a PostgreSQL that is made for it, not an embedded database.
    #[arg(long)]
    postgres: bool,
    /// A PostgreSQL that is there, postgres://USER:PASSWORD@HOST/NAME.
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    database: Option<String>,
    /// As whom its tables are brought up to date.
    #[arg(long, value_name = "URL", requires = "database")]
    owner_database: Option<String>,
    /// What a lookup may take, one of a hundred left out, in milliseconds.
    #[arg(long, default_value_t = 5, value_name = "MILLISECONDS")]
    lookup_ms_max: u64,
    /// Where chance begins.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// Has them learnt and asks; whether it is quick enough.
pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<bool> {
    let Arguments { calendars, events, calendar, seed, .. } = arguments;
    let lookup_max = Duration::from_millis(arguments.lookup_ms_max);
    let otherwise = if arguments.postgres { Database::Fresh } else { Database::Embedded };
    let database = Database::of(arguments.database, arguments.owner_database, otherwise);
    let ground = Ground::prepare(database).await?;
    let mut server = Server::new("server", &ground.folder, &ground.settings, clock)?;
    let outside = Outside::start(calendar, &server.base(), clock).await?;
    server.learn(&outside.settings(1));
    server.start().await?;
    let store = ground.store().await?;
    let practice = Practice::open(&server.base(), &store, clock.now()).await?;
    let tenant = &practice.tenant.id;
    println!(
        "{calendars} calendars with {events} events each, seed {seed}, on one {} database",
        store.kind()
    );

    // Somebody for each calendar, and somebody's service for each of them.
    let (now, mut chance) = (clock.now(), Chance::new(seed, 0));
    let (one, service) = (practice.resources.first(), practice.services.first());
    let (one, service) = one.zip(service).context("nobody is there")?;
    let mut asked: Vec<(ResourceId, ServiceId)> = Vec::new();
    let mut tx = store.begin(tenant).await?;
    for n in 0..calendars {
        let resource =
            Resource { id: ResourceId::of(ids::fresh(now)), name: format!("Person {n}"), ..one.clone() };
        let service = Service {
            id: ServiceId::of(ids::fresh(now)),
            key: format!("service-{n}"),
            resources: vec![resource.id.clone()],
            horizon_days: DAYS_FILLED,
            ..service.clone()
        };
        tx.resources().put(&resource).await?;
        tx.services().put(&service).await?;
        asked.push((resource.id, service.id));
    }
    tx.commit().await?;
    let before = server.memory();
    let mut most = before;
    for (resource, _) in &asked {
        let account = outside.account();
        outside.fill(account, events, now, &mut chance);
        outside.connect(&practice, account, std::slice::from_ref(resource)).await?;
        most = most.max(server.memory());
    }
    let watch = clock.stopwatch();
    loop {
        let blocking = store.read(tenant).await?.outside_events().blocking().await?;
        most = most.max(server.memory());
        if blocking.len() == calendars && blocking.iter().all(|one| one.known_until.is_some()) {
            break;
        }
        if watch.elapsed() > LEARN_MAX {
            bail!("the calendars are not learnt in time");
        }
        clock.sleep(LOOK_PERIOD).await;
    }
    let took = watch.elapsed();
    let mib = |bytes: Option<u64>| bytes.map_or(0.0, |bytes| bytes as f64 / MIB);
    println!(
        "  learnt in {:.1} s after the last was connected, {CHANGES_PER_PAGE} events at a time",
        took.as_secs_f64()
    );
    println!("  the server's memory: {:.1} MiB before, {:.1} MiB at most", mib(before), mib(most));

    let (mut found, mut read) = (Vec::new(), Vec::new());
    let today = practice.tenant.zone.wall(now).date();
    let mut seen = 0_usize;
    for _ in 0..LOOKUPS {
        let (resource, service) = chance.one(&asked).context("there is no calendar")?;
        let days = i64::try_from(chance.of(1..60)).unwrap_or(1);
        let from = today.saturating_add(days.days());
        let search = Search {
            service: service.clone(),
            from,
            to: from.saturating_add(DATES.days()),
            resource: Some(resource.clone()),
            moving: None,
            count_max: 3,
        };
        let watch = clock.stopwatch();
        bookings::find(&store, tenant, clock.now(), &search).await?;
        found.push(watch.elapsed());
        let start = clock.now().plus_minutes(days * 24 * 60);
        let range = TimeRange { start, end: start.plus_minutes(i64::from(DATES) * 24 * 60) };
        let watch = clock.stopwatch();
        let mut tx = store.read(tenant).await?;
        seen += tx.outside_events().busy(std::slice::from_ref(resource), range).await?.len();
        read.push(watch.elapsed());
    }
    let (found, read) = (Spread::of(&mut found), Spread::of(&mut read));
    println!("  what takes time in {DATES} days, {} events: {read}", seen / LOOKUPS as usize);
    println!("  free times of {DATES} days: {found}");
    println!("  a lookup may take {lookup_max:?}");
    store.close().await;
    drop(server);
    ground.clear();
    Ok(read.p99 < lookup_max)
}
