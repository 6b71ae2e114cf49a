//! The calendars outside: a vendor's stand-in, accounts in it, what goes wrong there, and what its people do in it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{
    audit::{self, Findings, Standing},
    practice::Practice,
};
use crate::{
    domain::{
        calendar::Vendor,
        id::{ResourceId, TenantId},
        time::{TimeRange, Timestamp},
    },
    platform::clock::Clock,
    sim::{
        Faults,
        chance::{Chance, Mix},
        google::{self, Google},
        microsoft::{self, Microsoft},
    },
    store::Store,
};

/// The application that is registered at the vendor, and its secret.
const CLIENT: (&str, &str) = ("an-application", "the-secret-of-the-application");
/// Whose people they are, at Microsoft.
const DIRECTORY: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// How our mark on an event is called, at every vendor.
const MARK: &str = "frontdesk_appointment";
/// Requests of one mailbox in the air at once, of all processes together (protocols.md §4.2).
const REQUESTS_AT_ONCE: usize = 4;
/// How long it may take until calendars are known.
const KNOWN_MAX: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// Events of staff's own that stand in the calendars at a time.
const FOREIGN_MAX: usize = 24;
/// On how many days events stand that fill a calendar.
pub(super) const DAYS_FILLED: u32 = 365;

/// A vendor's stand-in.
pub(super) struct Outside {
    vendor: Vendor,
    stand_in: StandIn,
    faults: Faults,
    accounts: Mutex<Vec<Account>>,
}

enum StandIn {
    Google(Google),
    Microsoft(Microsoft),
}

/// Somebody's account, with her main calendar.
#[derive(Clone)]
struct Account {
    address: String,
    calendar: String,
}

/// An event of somebody's own.
struct Foreign {
    account: Account,
    event: String,
}

impl Outside {
    /// Starts one whose people are sent back to the server at `base`.
    pub(super) async fn start(vendor: Vendor, base: &str, clock: Clock) -> anyhow::Result<Self> {
        let faults = Faults::default();
        let redirect_uri = format!("{base}/calendars/{}/callback", vendor.as_str());
        let (client_id, client_secret) = (CLIENT.0.to_owned(), CLIENT.1.to_owned());
        let stand_in = match vendor {
            Vendor::Google => {
                let faults = faults.clone();
                let setup =
                    google::Setup { clock, client_id, client_secret, redirect_uri, faults, keep_log: false };
                StandIn::Google(Google::start(setup).await?)
            }
            Vendor::Microsoft => {
                let faults = faults.clone();
                let setup = microsoft::Setup { clock, client_id, client_secret, redirect_uri, faults };
                StandIn::Microsoft(Microsoft::start(setup).await?)
            }
        };
        Ok(Self { vendor, stand_in, faults, accounts: Mutex::default() })
    }

    /// What servers must know of it.
    pub(super) fn settings(&self, processes: usize) -> Vec<(String, String)> {
        let at_once = (REQUESTS_AT_ONCE / processes).max(1);
        let settings = match &self.stand_in {
            StandIn::Google(google) => vec![
                ("GOOGLE__CLIENT_ID", CLIENT.0.to_owned()),
                ("GOOGLE__CLIENT_SECRET", CLIENT.1.to_owned()),
                ("GOOGLE__AUTHORIZE_URL", google.authorize_url()),
                ("GOOGLE__TOKEN_URL", google.token_url()),
                ("GOOGLE__REVOKE_URL", google.revoke_url()),
                ("GOOGLE__API_URL", google.api_url()),
                ("GOOGLE__REQUESTS_AT_ONCE", at_once.to_string()),
            ],
            StandIn::Microsoft(microsoft) => vec![
                ("MICROSOFT__CLIENT_ID", CLIENT.0.to_owned()),
                ("MICROSOFT__CLIENT_SECRET", CLIENT.1.to_owned()),
                ("MICROSOFT__LOGIN_URL", microsoft.login_url()),
                ("MICROSOFT__API_URL", microsoft.api_url()),
                ("MICROSOFT__REQUESTS_AT_ONCE", at_once.to_string()),
            ],
        };
        settings.into_iter().map(|(name, value)| (format!("FRONTDESK__{name}"), value)).collect()
    }

    fn accounts(&self) -> Vec<Account> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes an account; which one it is.
    pub(super) fn account(&self) -> usize {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let address = format!("person{}@stress.example", accounts.len());
        let calendar = match &self.stand_in {
            StandIn::Google(google) => {
                google.account(&address, "Europe/Berlin");
                address.clone()
            }
            StandIn::Microsoft(microsoft) => {
                microsoft.add_mailbox(&address, DIRECTORY, "W. Europe Standard Time")
            }
        };
        accounts.push(Account { address, calendar });
        accounts.len() - 1
    }

    /// Connects an account, with the owner's consent, and has the appointments of these resources written there.
    pub(super) async fn connect(
        &self,
        practice: &Practice,
        account: usize,
        resources: &[ResourceId],
    ) -> anyhow::Result<()> {
        let account = self.accounts().get(account).cloned().context("there is no such account")?;
        let way = practice.owner.set_out(self.vendor.as_str(), "person").await?;
        let back = match &self.stand_in {
            StandIn::Google(google) => {
                let choice = google::Choice { account: account.address.clone(), ..Default::default() };
                google.consent(&way.page, &choice).await?.context("the page of consent says no")?
            }
            StandIn::Microsoft(microsoft) => {
                microsoft.consent(&way.page, &microsoft::Choice::all(&account.address)).await?
            }
        };
        practice.owner.come_back(&way, &back).await?;
        let resources: Vec<String> = resources.iter().map(ToString::to_string).collect();
        practice.owner.choose_main(&resources).await?;
        Ok(())
    }

    /// Makes and connects an account for each of the practice's people, and waits until their calendars are known.
    pub(super) async fn connect_all(
        &self,
        practice: &Practice,
        store: &Store,
        clock: Clock,
    ) -> anyhow::Result<()> {
        for resource in &practice.resources {
            self.connect(practice, self.account(), std::slice::from_ref(&resource.id)).await?;
        }
        let watch = clock.stopwatch();
        loop {
            let blocking = store.read(&practice.tenant.id).await?.outside_events().blocking().await?;
            let known = blocking.iter().filter(|one| one.known_until.is_some()).count();
            if known == practice.resources.len() {
                return Ok(());
            }
            if watch.elapsed() > KNOWN_MAX {
                bail!("only {known} calendars are known; at the vendor: {:?}", self.faults.all());
            }
            clock.sleep(LOOK_PERIOD).await;
        }
    }

    /// From here on a request in twenty goes wrong.
    pub(super) fn go_wrong(&self, seed: u64) {
        let late = Duration::from_millis(400);
        match &self.stand_in {
            StandIn::Google(google) => {
                use google::Trouble;
                let chances = vec![
                    (Trouble::Dropped, 0.01),
                    (Trouble::AnswerLost, 0.0125),
                    (Trouble::Twice, 0.005),
                    (Trouble::DoneLater(late), 0.002),
                    (Trouble::Late(late), 0.0125),
                    (Trouble::Broken(500), 0.0025),
                    (Trouble::Broken(503), 0.0025),
                    (Trouble::RateLimited("rateLimitExceeded"), 0.002),
                    (Trouble::TooMany(None), 0.001),
                    (Trouble::TooMany(Some(1)), 0.0005),
                    (Trouble::Garbled, 0.0005),
                    (Trouble::Unauthorized, 0.0005),
                ];
                google.trouble_by_chance(Some(Mix::new(seed, chances)));
            }
            StandIn::Microsoft(microsoft) => {
                use microsoft::Trouble;
                let chances = vec![
                    (Trouble::Dropped, 0.01),
                    (Trouble::AnswerLost, 0.0125),
                    (Trouble::Twice, 0.005),
                    (Trouble::DoneLater(late), 0.002),
                    (Trouble::Late(late), 0.0125),
                    (Trouble::Broken(500), 0.0025),
                    (Trouble::Broken(502), 0.0025),
                    (Trouble::TooMany(None), 0.0025),
                    (Trouble::TooMany(Some(1)), 0.0005),
                    (Trouble::Unavailable(1), 0.0005),
                    (Trouble::Garbled, 0.0005),
                    (Trouble::Unauthorized, 0.0005),
                ];
                microsoft.trouble_by_chance(Some(Mix::new(seed, chances)));
            }
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm(&self) {
        match &self.stand_in {
            StandIn::Google(google) => google.trouble_by_chance(None),
            StandIn::Microsoft(microsoft) => microsoft.trouble_by_chance(None),
        }
    }

    /// What was asked as the vendor would not have it.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.all()
    }

    /// How often was asked what.
    pub(super) fn asked(&self) -> String {
        let counts: Vec<String> = match &self.stand_in {
            StandIn::Google(google) => {
                use google::Kind::{Delete, Event, Events, FreeBusy, Insert, Patch};
                [Insert, Patch, Delete, Event, Events, FreeBusy]
                    .map(|kind| format!("{kind:?} {}", google.count(kind)))
                    .into()
            }
            StandIn::Microsoft(microsoft) => {
                ["create", "change", "delete", "event", "view", "schedule", "delta"]
                    .map(|kind| format!("{kind} {}", microsoft.asked(kind)))
                    .into()
            }
        };
        counts.join(", ")
    }

    fn events(&self, account: &Account) -> Vec<Value> {
        match &self.stand_in {
            StandIn::Google(google) => google.events(&account.calendar),
            StandIn::Microsoft(microsoft) => microsoft.events(&account.address, &account.calendar),
        }
    }

    /// Every event of ours.
    pub(super) fn standing(&self) -> Vec<Standing> {
        let mut standing = Vec::new();
        for account in self.accounts() {
            for event in self.events(&account) {
                if let Some(appointment) = mark(&event)
                    && let Some(time) = time(&event)
                {
                    standing.push(Standing { calendar: account.calendar.clone(), appointment, time });
                }
            }
        }
        standing
    }

    /// Fills a calendar with so many events, some of each day.
    pub(super) fn fill(&self, account: usize, count: usize, now: Timestamp, chance: &mut Chance) {
        let Some(account) = self.accounts().get(account).cloned() else { return };
        let times = (0..count).map(|_| {
            let minutes = i64::try_from(chance.of(0..u64::from(DAYS_FILLED) * 24 * 12)).unwrap_or(0) * 5;
            let start = now.plus_minutes(minutes);
            TimeRange { start, end: start.plus_minutes(25) }
        });
        match &self.stand_in {
            StandIn::Google(google) => google.fill(&account.calendar, times),
            StandIn::Microsoft(microsoft) => times.for_each(|time| {
                microsoft.put_busy(&account.address, &account.calendar, time, now);
            }),
        }
    }

    fn put(&self, account: &Account, time: TimeRange, made: Timestamp) -> String {
        match &self.stand_in {
            StandIn::Google(google) => google.insert(&account.calendar, time, "Something"),
            StandIn::Microsoft(microsoft) => {
                microsoft.put_busy(&account.address, &account.calendar, time, made)
            }
        }
    }

    fn move_event(&self, account: &Account, event: &str, time: TimeRange) {
        match &self.stand_in {
            StandIn::Google(google) => drop(google.reschedule(&account.calendar, event, time)),
            StandIn::Microsoft(microsoft) => {
                microsoft.move_event(&account.address, &account.calendar, event, time);
            }
        }
    }

    fn remove(&self, account: &Account, event: &str) {
        match &self.stand_in {
            StandIn::Google(google) => drop(google.delete(&account.calendar, event)),
            StandIn::Microsoft(microsoft) => {
                microsoft.delete_event(&account.address, &account.calendar, event);
            }
        }
    }

    /// What people do in their own calendars, until it is dropped: put something in, move it, take it out; now and then
    /// they move or delete what we wrote. `a_time` draws one.
    pub(super) async fn staff(
        &self,
        mut chance: Chance,
        clock: Clock,
        a_time: impl Fn(&mut Chance) -> TimeRange,
    ) {
        let accounts = self.accounts();
        let mut own: Vec<Foreign> = Vec::new();
        loop {
            clock.sleep(Duration::from_millis(chance.of(20..120))).await;
            let Some(account) = chance.one(&accounts).cloned() else { return };
            let time = a_time(&mut chance);
            let drawn = chance.of(0..100);
            if drawn < 6 {
                let events = self.events(&account);
                let ours: Vec<&Value> = events.iter().filter(|event| mark(event).is_some()).collect();
                let Some(id) = chance.one(&ours).and_then(|event| event["id"].as_str()) else { continue };
                match drawn {
                    0..4 => self.move_event(&account, id, time),
                    _ => self.remove(&account, id),
                }
            } else if own.len() < FOREIGN_MAX && drawn < 60 {
                let event = self.put(&account, time, clock.now());
                own.push(Foreign { account, event });
            } else if !own.is_empty() {
                let at = usize::try_from(chance.of(0..own.len() as u64)).unwrap_or(0);
                if drawn < 80 {
                    self.move_event(&own[at].account, &own[at].event, time);
                } else {
                    let gone = own.swap_remove(at);
                    self.remove(&gone.account, &gone.event);
                }
            }
        }
    }

    /// Waits until ledger and calendars agree, or `limit` has passed; what they do not agree about then, and how long
    /// that took.
    pub(super) async fn agree(
        &self,
        store: &Store,
        tenant: &TenantId,
        range: impl Fn() -> TimeRange,
        clock: Clock,
        limit: Duration,
    ) -> anyhow::Result<(Findings, Duration)> {
        let watch = clock.stopwatch();
        loop {
            let mut findings = Findings::default();
            let events = self.standing();
            let taken = audit::ledger(store, tenant, range(), clock.now()).await?;
            let mut tx = store.read(tenant).await?;
            audit::agreement(&mut tx, &taken, &events, &mut findings).await?;
            let waiting = tx.appointments().waiting(1).await?;
            drop(tx);
            if (findings.agree() && waiting.is_empty()) || watch.elapsed() > limit {
                findings.missing.extend(waiting.iter().map(|id| format!("{id} is pending")));
                return Ok((findings, watch.elapsed()));
            }
            clock.sleep(LOOK_PERIOD).await;
        }
    }
}

/// Which appointment an event says it stands for.
fn mark(event: &Value) -> Option<String> {
    let google = &event["extendedProperties"]["private"][MARK];
    let microsoft = event["singleValueExtendedProperties"].as_array();
    let microsoft = microsoft
        .and_then(|all| all.iter().find(|one| one["id"].as_str().is_some_and(|id| id.ends_with(MARK))));
    google.as_str().or_else(|| microsoft?["value"].as_str()).map(str::to_owned)
}

/// When an event takes place.
fn time(event: &Value) -> Option<TimeRange> {
    let moment = |end: &str| {
        let text = event[end]["dateTime"].as_str()?;
        let named = event[end]["timeZone"].as_str().unwrap_or("UTC");
        let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
            let zone = jiff::tz::TimeZone::get(named)?;
            zone.to_timestamp(text.parse::<jiff::civil::DateTime>()?)
        });
        instant.ok().map(Timestamp::from)
    };
    Some(TimeRange { start: moment("start")?, end: moment("end")? })
}
