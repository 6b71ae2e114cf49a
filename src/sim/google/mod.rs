//! A stand-in for Google: consent and tokens, and Google Calendar's API, over real sockets (protocols.md §3).
//!
//! Accounts and calendars are put into it directly, events as staff would write them too; everything else is asked over
//! HTTP. It holds many calendars with many events. What goes wrong is said beforehand, or left to chance with a seed.

mod api;
mod calendar;
mod fields;
mod oauth;
mod push;
mod trouble;
mod writes;

use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    routing::{any, get, post},
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use self::trouble::{Kind, Trouble};
use self::{calendar::Calendar, oauth::Tokens, push::Channels};
use super::{Faults, chance::Mix};
use crate::{
    calendars::google::Settings,
    domain::time::{TimeRange, Timestamp},
    platform::clock::Clock,
};

/// Where the API begins.
const API_PATH: &str = "/calendar/v3";
/// Requests and answers kept for a test to read.
const LOG_MAX: usize = 20_000;

/// How it is set up.
#[derive(Clone)]
pub struct Setup {
    /// The clock it runs by: tokens and channels expire on it.
    pub clock: Clock,
    /// The registered application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where people are sent back to, exactly; more can be [registered](Google::register).
    pub redirect_uri: String,
    /// Where it notes what a right client never sends.
    pub faults: Faults,
    /// Whether requests and answers are kept, for a test to read.
    pub keep_log: bool,
}

/// A running stand-in. Clones are the same; the last one dropped closes it.
#[derive(Clone)]
pub struct Google(Arc<Inside>);

struct Inside {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: DropGuard,
}

/// What somebody may do with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Know when it is taken.
    FreeBusyReader,
    /// Read it.
    Reader,
    /// Write it.
    Writer,
    /// It is theirs.
    Owner,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }
}

/// How somebody answers the page of consent.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Which account; empty for the first there is.
    pub account: String,
    /// Which scopes lose their tick; by their ends, such as `calendar.freebusy`.
    pub untick: Vec<String>,
    /// Whether it is denied altogether.
    pub deny: bool,
}

/// A request of the API and its answer, before `fields` made it smaller.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// What was asked.
    pub kind: Kind,
    /// Such as `POST`.
    pub method: String,
    /// Below the API, as it was written.
    pub path: String,
    /// The query.
    pub query: Vec<(String, String)>,
    /// The body; null when there was none.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's body; null when there was none.
    pub answer: Value,
}

#[derive(Default)]
struct World {
    /// The calendars of each account, in the order of its list.
    accounts: BTreeMap<String, Vec<(String, Role)>>,
    calendars: HashMap<String, Calendar>,
    busy_errors: HashMap<String, String>,
    /// Whether every other page of events is empty, and whether the next one is.
    blanks: bool,
    blank_next: bool,
}

impl World {
    fn role(&self, account: &str, calendar: &str) -> Option<Role> {
        let all = self.accounts.get(account)?;
        all.iter().find(|(known, _)| known == calendar).map(|(_, role)| *role)
    }

    fn blank_page(&mut self) -> bool {
        self.blank_next = self.blanks && !self.blank_next;
        self.blank_next
    }
}

struct Shared {
    address: SocketAddr,
    setup: Setup,
    faults: Faults,
    client: reqwest::Client,
    tasks: TaskTracker,
    redirect_uris: Mutex<Vec<String>>,
    world: Mutex<World>,
    tokens: Mutex<Tokens>,
    channels: Mutex<Channels>,
    troubles: Mutex<trouble::Troubles>,
    counts: Mutex<BTreeMap<Kind, usize>>,
    log: Mutex<Vec<Exchanged>>,
    page_max: AtomicUsize,
    mute: AtomicBool,
    told: Mutex<(usize, usize)>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        lock(&self.channels)
    }

    fn redirect_uris(&self) -> Vec<String> {
        lock(&self.redirect_uris).clone()
    }

    fn accounts(&self) -> Vec<String> {
        self.world().accounts.keys().cloned().collect()
    }

    fn count(&self, kind: Kind) {
        *lock(&self.counts).entry(kind).or_default() += 1;
    }

    fn befalls(&self, kind: Kind) -> Option<Trouble> {
        lock(&self.troubles).befalls(kind)
    }

    fn page_size(&self, asked: usize) -> usize {
        asked.min(self.page_max.load(Ordering::Relaxed))
    }

    fn is_mute(&self) -> bool {
        self.mute.load(Ordering::Relaxed)
    }

    fn told(&self, heard: bool) {
        let mut told = lock(&self.told);
        told.0 += 1;
        told.1 += usize::from(heard);
    }

    fn note(&self, exchanged: impl FnOnce() -> Exchanged) {
        if self.setup.keep_log {
            let mut log = lock(&self.log);
            if log.len() < LOG_MAX {
                log.push(exchanged());
            }
        }
    }

    fn api_url(&self) -> String {
        format!("http://{}{API_PATH}", self.address)
    }
}

impl Google {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            address,
            faults: setup.faults.clone(),
            client: reqwest::Client::new(),
            tasks: TaskTracker::new(),
            redirect_uris: Mutex::new(vec![setup.redirect_uri.clone()]),
            setup,
            world: Mutex::default(),
            tokens: Mutex::default(),
            channels: Mutex::default(),
            troubles: Mutex::default(),
            counts: Mutex::default(),
            log: Mutex::default(),
            page_max: AtomicUsize::new(usize::MAX),
            mute: AtomicBool::new(false),
            told: Mutex::default(),
        });
        let routes = Router::new()
            .route("/o/oauth2/v2/auth", get(oauth::page).post(oauth::consent))
            .route("/token", post(oauth::token))
            .route("/revoke", post(oauth::revoke))
            .route(&format!("{API_PATH}/{{*rest}}"), any(api::handle))
            .with_state(shared.clone());
        let leaving = CancellationToken::new();
        let until = leaving.clone().cancelled_owned();
        shared.tasks.spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.ok();
        });
        Ok(Self(Arc::new(Inside { address, shared, _running: leaving.drop_guard() })))
    }

    /// Where people consent.
    pub fn authorize_url(&self) -> String {
        format!("http://{}/o/oauth2/v2/auth", self.0.address)
    }

    /// Where codes become tokens.
    pub fn token_url(&self) -> String {
        format!("http://{}/token", self.0.address)
    }

    /// Where tokens are given back.
    pub fn revoke_url(&self) -> String {
        format!("http://{}/revoke", self.0.address)
    }

    /// The API, in the place of `https://www.googleapis.com/calendar/v3`.
    pub fn api_url(&self) -> String {
        self.shared().api_url()
    }

    /// `[google]` of a configuration that reaches it; `None` when an address of it is none.
    pub fn settings(&self) -> Option<Settings> {
        Some(Settings {
            client_id: self.shared().setup.client_id.clone(),
            client_secret: self.shared().setup.client_secret.clone().into(),
            authorize_url: self.authorize_url().parse().ok()?,
            token_url: self.token_url().parse().ok()?,
            revoke_url: self.revoke_url().parse().ok()?,
            api_url: self.api_url().parse().ok()?,
            requests_at_once: NonZeroUsize::new(4)?,
        })
    }

    /// Sends people back to another place as well from here on.
    pub fn register(&self, redirect_uri: &str) {
        lock(&self.shared().redirect_uris).push(redirect_uri.to_owned());
    }

    /// Opens an account with its main calendar, which has the same name.
    pub fn account(&self, address: &str, zone: &str) {
        self.shared().world().accounts.entry(address.to_owned()).or_default();
        self.calendar(address, address, zone, address, Role::Owner);
    }

    /// Gives an account a calendar, and makes it if it is not there.
    pub fn calendar(&self, id: &str, name: &str, zone: &str, account: &str, role: Role) {
        let mut world = self.shared().world();
        world.calendars.entry(id.to_owned()).or_insert_with(|| Calendar::new(name, zone));
        let list = world.accounts.entry(account.to_owned()).or_default();
        list.retain(|(known, _)| known != id);
        list.push((id.to_owned(), role));
    }

    /// Takes a calendar away from everybody.
    pub fn remove_calendar(&self, id: &str) {
        let mut world = self.shared().world();
        world.calendars.remove(id);
        for list in world.accounts.values_mut() {
            list.retain(|(known, _)| known != id);
        }
    }

    /// Staff write an event; its id. Nothing of it is checked, so it may be odd. A body with an `id` or a `created`
    /// keeps them.
    pub fn put(&self, calendar: &str, body: Value) -> String {
        let now = self.shared().setup.clock.now().0;
        let Value::Object(body) = body else { return String::new() };
        let id = body.get("id").and_then(Value::as_str).map_or_else(writes::fresh_id, str::to_owned);
        if let Some(calendar) = self.shared().world().calendars.get_mut(calendar) {
            calendar.put(&id, body, now);
        }
        push::tell(self.shared(), calendar, None, "exists");
        id
    }

    /// Staff write an event that takes this time; its id.
    pub fn insert(&self, calendar: &str, time: TimeRange, title: &str) -> String {
        self.put(calendar, plain(time, title))
    }

    /// Fills a calendar with events, without telling anybody.
    pub fn fill(&self, calendar: &str, times: impl IntoIterator<Item = TimeRange>) {
        let now = self.shared().setup.clock.now().0;
        let mut world = self.shared().world();
        let Some(calendar) = world.calendars.get_mut(calendar) else { return };
        for time in times {
            if let Value::Object(body) = plain(time, "Filled") {
                calendar.put(&writes::fresh_id(), body, now);
            }
        }
    }

    /// Staff change an event, by example: what is named is replaced, null takes away. False when it is not there.
    pub fn edit(&self, calendar: &str, id: &str, change: &Value) -> bool {
        let now = self.shared().setup.clock.now().0;
        let done = self.shared().world().calendars.get_mut(calendar).is_some_and(|calendar| {
            // What was deleted is gone for whoever looks at the calendar.
            let Some(stored) = calendar.get(id).filter(|stored| !stored.cancelled) else { return false };
            let mut body = Value::Object(stored.more.clone());
            writes::merge(&mut body, change);
            let Value::Object(body) = body else { return false };
            calendar.put(id, body, now);
            true
        });
        push::tell(self.shared(), calendar, None, "exists");
        done
    }

    /// Staff move an event. False when it is not there.
    pub fn reschedule(&self, calendar: &str, id: &str, time: TimeRange) -> bool {
        let body = plain(time, "");
        self.edit(calendar, id, &json!({ "start": body["start"], "end": body["end"] }))
    }

    /// Staff delete an event. False when it is not there.
    pub fn delete(&self, calendar: &str, id: &str) -> bool {
        let now = self.shared().setup.clock.now().0;
        let mut world = self.shared().world();
        let done = world.calendars.get_mut(calendar).is_some_and(|calendar| calendar.delete(id, now));
        drop(world);
        push::tell(self.shared(), calendar, None, "exists");
        done
    }

    /// The events of a calendar that are not deleted, as Google shows them, by their beginning.
    pub fn events(&self, calendar: &str) -> Vec<Value> {
        self.shared().world().calendars.get(calendar).map_or_else(Vec::new, Calendar::live)
    }

    /// How many they are.
    pub fn event_count(&self, calendar: &str) -> usize {
        self.shared().world().calendars.get(calendar).map_or(0, Calendar::count)
    }

    /// One event, deleted or not.
    pub fn event(&self, calendar: &str, id: &str) -> Option<Value> {
        self.shared().world().calendars.get(calendar)?.shown(id)
    }

    /// Accepts no mark of a calendar that was given out so far (410 `fullSyncRequired`).
    pub fn forget_marks(&self, calendar: &str) {
        if let Some(calendar) = self.shared().world().calendars.get_mut(calendar) {
            calendar.epoch += 1;
        }
    }

    /// Answers free/busy of a calendar with an error from here on, such as `internalError`; `None`: with the truth.
    pub fn busy_error(&self, calendar: &str, reason: Option<&str>) {
        let mut world = self.shared().world();
        match reason {
            Some(reason) => drop(world.busy_errors.insert(calendar.to_owned(), reason.to_owned())),
            None => drop(world.busy_errors.remove(calendar)),
        }
    }

    /// Has at most so many items on a page from here on, and every other page of events empty.
    pub fn pages(&self, size_max: usize, blanks: bool) {
        self.shared().page_max.store(size_max.max(1), Ordering::Relaxed);
        self.shared().world().blanks = blanks;
    }

    /// What goes wrong with the next requests of the API, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        lock(&self.shared().troubles).next(troubles);
    }

    /// What goes wrong with the next requests of one kind, one each.
    pub fn trouble_with(&self, kind: Kind, troubles: impl IntoIterator<Item = Trouble>) {
        lock(&self.shared().troubles).next_of(kind, troubles);
    }

    /// What goes wrong by chance with requests of the API from here on.
    pub fn trouble_by_chance(&self, mix: Option<Mix<Trouble>>) {
        lock(&self.shared().troubles).mix(mix);
    }

    /// An account takes back all it has agreed to, as people do on Google's own pages.
    pub fn revoke(&self, account: &str) {
        self.shared().tokens().revoke(account);
    }

    /// No access token of an account is good any more; it can be renewed.
    pub fn expire_access(&self, account: &str) {
        self.shared().tokens().expire(account);
    }

    /// An access token for an account with these scopes, as if it had been asked for; by their ends, such as
    /// `calendar.freebusy`.
    pub fn access_token(&self, account: &str, scopes: &[&str]) -> String {
        let full = scopes.iter().map(|scope| format!("https://www.googleapis.com/auth/{scope}"));
        let mut tokens = self.shared().tokens();
        let grant = tokens.grant(account, full);
        tokens.access(grant, self.shared().setup.clock.now())
    }

    /// How often it was asked for something.
    pub fn count(&self, kind: Kind) -> usize {
        lock(&self.shared().counts).get(&kind).copied().unwrap_or(0)
    }

    /// Requests of the API and their answers, if they are kept. What went wrong on request is not among them.
    pub fn log(&self) -> Vec<Exchanged> {
        lock(&self.shared().log).clone()
    }

    /// Whether changes are told to nobody from here on, as if they were lost.
    pub fn mute(&self, mute: bool) {
        self.shared().mute.store(mute, Ordering::Relaxed);
    }

    /// How often somebody was told of changes, and how often they said that they had heard it.
    pub fn told(&self) -> (usize, usize) {
        *lock(&self.shared().told)
    }

    /// Channels that are open.
    pub fn channels(&self) -> usize {
        self.shared().channels().len()
    }

    /// What was wrong with what it was sent.
    pub fn faults(&self) -> Faults {
        self.shared().faults.clone()
    }

    /// Opens the page of consent and answers it, as somebody at a browser; where that leads, or `None` when the page
    /// says that something is wrong.
    ///
    /// # Errors
    /// When the page cannot be reached.
    pub async fn consent(&self, authorize_url: &str, choice: &Choice) -> reqwest::Result<Option<String>> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let page = client.get(authorize_url).send().await?;
        if !page.status().is_success() {
            return Ok(None);
        }
        let (address, request) = authorize_url.split_once('?').unwrap_or((authorize_url, ""));
        let scopes = form_urlencoded::parse(request.as_bytes()).find(|(name, _)| name == "scope");
        let scopes = scopes.map_or_else(String::new, |(_, scopes)| scopes.into_owned());
        let first = || self.shared().accounts().first().cloned().unwrap_or_default();
        let account =
            Some(choice.account.clone()).filter(|account| !account.is_empty()).unwrap_or_else(first);
        let mut form = vec![
            ("request".to_owned(), request.to_owned()),
            ("account".to_owned(), account),
            ("decision".to_owned(), if choice.deny { "deny" } else { "allow" }.to_owned()),
        ];
        let kept = |scope: &&str| !choice.untick.iter().any(|end| scope.ends_with(&format!("/{end}")));
        form.extend(
            scopes.split_whitespace().filter(kept).map(|scope| ("tick".to_owned(), scope.to_owned())),
        );
        let answer = client.post(address).form(&form).send().await?;
        let location = answer.headers().get(reqwest::header::LOCATION);
        Ok(location.and_then(|value| value.to_str().ok()).map(str::to_owned))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

/// An event as staff write it.
fn plain(time: TimeRange, title: &str) -> Value {
    let moment = |at: Timestamp| json!({ "dateTime": at.to_string() });
    let mut body = Map::new();
    body.insert("summary".to_owned(), title.into());
    body.insert("start".to_owned(), moment(time.start));
    body.insert("end".to_owned(), moment(time.end));
    Value::Object(body)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
