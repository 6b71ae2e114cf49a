//! `frontdesk stress reminders`: many reminders that are due, two workers that race for them, one of which is killed again
//! and again.
//!
//! Time is made up and runs as fast as the machine can follow; Twilio is the stand-in, which remembers what it was asked
//! and when. Looked for: somebody dialled twice for one attempt, dialled in the quiet hours of their zone, dialled after
//! they opted out, and two calls of one account within a second.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{
        outgoing::{
            dialling::{Dialled, Dialler, TURN_MS},
            reminders,
        },
        provision,
    },
    boot::{self, config::Config},
    domain::{
        booking::{Appointment, AppointmentStatus},
        contact::Contact,
        id::{AppointmentId, ContactId, OptOutId, TenantId},
        outgoing::{Channel, OptOutSource, OutgoingSettings, ReminderRule},
        phone::E164,
        time::{TimeRange, Timestamp, Zone},
    },
    platform::{clock::Clock, ids},
    sim::{
        Faults,
        twilio::{self, Account, Exchange},
    },
    store::{OptOut, Store},
};

const EXAMPLE: &str = include_str!("../../../config/example-tenant.toml");
const SLUG: &str = "praxis-sommer";
/// A number that was there before the call, with its country's zone: where people are.
const PEOPLE: [(&str, &str); 3] =
    [("+4915123", "Europe/Berlin"), ("+447400", "Europe/London"), ("+306970", "Europe/Athens")];
/// One of so many does not want to be called.
const OPTED_OUT_EVERY: usize = 20;
/// How long before its start somebody is reminded, in minutes.
const LEAD_MIN: u32 = 24 * 60;
/// How long after one reminder the next is due, in milliseconds: faster than they can be called.
const SPREAD_MS: i64 = 200;
/// Appointments that are written in one transaction.
const WRITTEN_AT_ONCE: usize = 200;
/// How long a worker may be at it before it is killed, when it is its turn to be.
const LIFE: Duration = Duration::from_millis(3);
/// Every so many seconds one of the two is killed.
const KILLED_EVERY: i64 = 7;
/// How many days it may take.
const DAYS_MAX: i64 = 20;

/// How it is asked for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// How many reminders are due.
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    /// Where the database goes, in a folder of its own; else where the system keeps such things.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// Reminds everybody, and says whether all was as promised.
pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<bool> {
    let folder = arguments.data.unwrap_or_else(std::env::temp_dir);
    let folder = folder.join(format!("frontdesk-reminders-{}", &ids::token()[..12]));
    std::fs::create_dir_all(&folder)?;
    let faults = Faults::default();
    let account = Account { sid: twilio::sid("AC"), token: ids::token() };
    let exchange = Exchange::start(account.clone(), faults.clone()).await?;
    let config = Config::read(
        None,
        [
            ("FRONTDESK__DATABASE__URL", format!("sqlite://{}", folder.join("frontdesk.db").display())),
            ("FRONTDESK__HTTP__PUBLIC_URL", "https://frontdesk.example".to_owned()),
            ("FRONTDESK__TWILIO__BASE_URL", exchange.base_url()),
            ("FRONTDESK__TWILIO__ACCOUNT_SID", account.sid.clone()),
            ("FRONTDESK__TWILIO__AUTH_TOKEN", account.token.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )?;
    let store = boot::open_store(&config).await?;
    let keys = boot::keys(&config, &store, clock).await?;
    let accounts = boot::accounts(&config, &store, &keys)?;
    let dialler = Dialler { store: store.clone(), accounts };
    let began: jiff::Timestamp = "2026-11-24T17:00:00Z".parse()?;
    let began = Timestamp::from(began);
    let (tenant, opted_out) = people(&store, arguments.count, began).await?;
    let watch = clock.stopwatch();
    let spread = i64::try_from(arguments.count)? * SPREAD_MS;
    let (ended, killed) = dial(&dialler, &exchange, &tenant, began, spread).await?;
    let found = look(&exchange, &opted_out)?;
    let wanted = arguments.count - opted_out.len();
    println!(
        "{} of {wanted} dialled by two workers in {} s of made-up time ({:.1} s by the wall), one killed {killed} times\n\
         twice {}, in quiet hours {}, after an opt-out {}, within a second {}, Twilio would object {}",
        found.people,
        ended.millis_since(began) / 1_000,
        watch.elapsed().as_secs_f64(),
        found.twice,
        found.quiet,
        found.opted_out,
        found.too_fast,
        faults.all().len(),
    );
    store.close().await;
    std::fs::remove_dir_all(&folder).ok();
    let none = found.twice + found.quiet + found.opted_out + found.too_fast + faults.all().len();
    Ok(none == 0 && found.people == wanted)
}

/// Many people with an appointment each, of which they are to be reminded from `began` on; who does not want to be called.
async fn people(store: &Store, count: usize, began: Timestamp) -> anyhow::Result<(TenantId, Vec<String>)> {
    let made = began.plus_minutes(-7 * 24 * 60);
    let document = provision::Document::read(EXAMPLE).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    provision::apply(store, &document, made).await?;
    let mut tenant = store.across_tenants().tenant(SLUG).await?.context("no tenant")?;
    tenant.calls_max = 100;
    let mut tx = store.begin(&tenant.id).await?;
    tx.tenant().put(&tenant).await?;
    let service = tx.services().by_key("checkup").await?.context("no service")?;
    let resource = tx.resources().of_service(&service.id).await?.into_iter().next().context("no resource")?;
    let number = tx.numbers().all().await?.into_iter().next().context("no number")?;
    let settings = OutgoingSettings {
        consent: Some("asked at the first visit".to_owned()),
        countries: ["DE", "GB", "GR"].map(str::to_owned).into(),
        number: Some(number.id),
        at_once_max: 100,
        ..OutgoingSettings::default()
    };
    tx.outgoing().set(&settings).await?;
    let rule = ReminderRule {
        service: service.id.clone(),
        lead_min: LEAD_MIN,
        channel: Channel::Call,
        attempts_max: 1,
        sms_after: false,
        wording: BTreeMap::new(),
    };
    tx.reminders().set(&service.id, &[rule], made).await?;
    tx.commit().await?;
    let mut opted_out = vec![];
    let all: Vec<usize> = (0..count).collect();
    for some in all.chunks(WRITTEN_AT_ONCE) {
        let mut tx = store.begin(&tenant.id).await?;
        for n in some {
            let (prefix, _) = PEOPLE[n % PEOPLE.len()];
            let number: E164 = format!("{prefix}{n:06}").parse()?;
            let contact = Contact {
                id: ContactId::of(ids::fresh(made)),
                name: format!("Person {n}"),
                number: Some(number.clone()),
                email: None,
                born: None,
                note: String::new(),
            };
            // All are due at about the same time, and none stands in another's place.
            let millis = i64::try_from(*n)? * SPREAD_MS;
            let start = began.plus_minutes(i64::from(LEAD_MIN) + 5 * 24 * 60).plus_millis(millis);
            let time = TimeRange { start, end: start.plus_millis(100) };
            let appointment = Appointment {
                id: AppointmentId::of(ids::fresh(made)),
                service: service.id.clone(),
                resource: resource.id.clone(),
                together: vec![],
                seats: 1,
                session: None,
                contact: Some(contact.id.clone()),
                time,
                blocked: time,
                status: AppointmentStatus::Confirmed,
                expires: None,
                note: String::new(),
                clashing: false,
            };
            tx.contacts().put(&contact, made).await?;
            tx.appointments().insert(&appointment, None, made).await?;
            if n % OPTED_OUT_EVERY == 3 {
                opted_out.push(number.to_string());
                let wish = OptOut {
                    id: OptOutId::of(ids::fresh(made)),
                    number,
                    source: OptOutSource::Staff,
                    call: None,
                    since: made,
                };
                tx.opt_outs().add(&wish).await?;
            }
        }
        tx.commit().await?;
    }
    Ok((tenant.id, opted_out))
}

/// Second by second, until nothing is left: two workers dial, and one of them is killed now and then. When it was over,
/// and how often one was killed.
async fn dial(
    dialler: &Dialler,
    exchange: &Exchange,
    tenant: &TenantId,
    began: Timestamp,
    spread_ms: i64,
) -> anyhow::Result<(Timestamp, u32)> {
    let store = &dialler.store;
    let from = began.plus_minutes(5 * 24 * 60);
    let last = from.plus_millis(spread_ms).plus_minutes(1);
    let (mut now, mut killed, mut second) = (from, 0, 0_i64);
    while now < from.plus_minutes(DAYS_MAX * 24 * 60) {
        exchange.set_time(now);
        reminders::plan_due(store, now, 10).await?;
        let worker = || async move {
            while dialler.dial_next(tenant, now).await? == Dialled::Something {}
            anyhow::Ok(())
        };
        second += 1;
        if second % KILLED_EVERY == 0 {
            killed += 1;
            let life = CancellationToken::new();
            let end = async {
                Clock::system().sleep(LIFE).await;
                life.cancel();
            };
            let doomed = async {
                tokio::select! {
                    () = life.cancelled() => Ok(()),
                    done = worker() => done,
                }
            };
            let (one, other, ()) = tokio::join!(doomed, worker(), end);
            one.and(other)?;
        } else {
            let (one, other) = tokio::join!(worker(), worker());
            one.and(other)?;
        }
        for placed in exchange.placed_since(now.plus_millis(-5_000)) {
            exchange.stands(&placed.sid, "no-answer");
        }
        dialler.check_due(now, 100).await?;
        let left = store.across_tenants().outgoing_next().await?;
        now = match left {
            // Nothing can happen before: the night is passed over.
            Some(next) => next.max(now.plus_millis(TURN_MS)),
            None if now < last => now.plus_millis(reminders::PLAN_EVERY_MS),
            None => break,
        };
    }
    Ok((now, killed))
}

/// What was found among the calls.
#[derive(Debug, Default)]
struct Found {
    people: usize,
    twice: usize,
    quiet: usize,
    opted_out: usize,
    too_fast: usize,
}

fn look(exchange: &Exchange, opted_out: &[String]) -> anyhow::Result<Found> {
    let placed = exchange.placed();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Found::default();
    for call in &placed {
        let to = call.asked("To");
        *calls.entry(to.to_owned()).or_default() += 1;
        let (_, zone) =
            PEOPLE.iter().find(|(prefix, _)| to.starts_with(prefix)).context("a stranger was called")?;
        let zone: Zone = zone.parse()?;
        found.quiet += usize::from(!(9..20).contains(&zone.wall(call.created).hour()));
        found.opted_out += usize::from(opted_out.iter().any(|number| number == to));
    }
    found.people = calls.len();
    found.twice = calls.values().filter(|count| **count > 1).count();
    let times: Vec<Timestamp> = placed.iter().map(|call| call.created).collect();
    found.too_fast = times.windows(2).filter(|pair| pair[1].millis_since(pair[0]) < TURN_MS).count();
    Ok(found)
}
