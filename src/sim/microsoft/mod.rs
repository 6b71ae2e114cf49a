//! A stand-in for Microsoft: its pages of consent, its tokens, and Microsoft Graph as far as calendars go.
//!
//! It insists on what Microsoft insists on (protocols.md §4): what is asked otherwise is a fault. It goes wrong on request
//! or by chance ([`Trouble`], [`Mix`]). Mailboxes are made and changed by hand, as people do it in Outlook.

mod graph;
mod listing;
mod login;
mod mailbox;
mod series;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, routing::get};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::mailbox::{Folder, Mailbox, written};
pub use self::trouble::Trouble;
use self::trouble::Troubles;
use super::{Faults, chance::Mix};
use crate::{
    domain::time::{TimeRange, Timestamp},
    platform::{clock::Clock, ids},
};

/// The organisation of all personal accounts.
pub const PERSONAL_DIRECTORY: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The name of the calendar every mailbox has.
const MAIN: &str = "Calendar";

/// As what a stand-in is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What time it is there.
    pub clock: Clock,
    /// The application that is registered.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The one address people are sent back to.
    pub redirect_uri: String,
    /// What is asked wrongly goes here.
    pub faults: Faults,
}

/// What somebody does on the page of consent.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Whose account she chooses.
    pub account: String,
    /// What she does not allow, of what was asked.
    pub untick: Vec<String>,
    /// Whether she refuses all of it.
    pub deny: bool,
}

impl Choice {
    /// She agrees to everything.
    pub fn all(account: &str) -> Self {
        Self { account: account.to_owned(), untick: vec![], deny: false }
    }
}

/// A running stand-in. Clones are the same; the last one dropped closes it.
#[derive(Clone)]
pub struct Microsoft(Arc<Inside>);

struct Inside {
    address: SocketAddr,
    shared: Shared,
    client: reqwest::Client,
    _running: DropGuard,
}

type Shared = Arc<State>;

struct State {
    setup: Setup,
    faults: Faults,
    address: SocketAddr,
    world: Mutex<World>,
    tasks: TaskTracker,
    client: reqwest::Client,
}

#[derive(Default)]
struct World {
    mailboxes: BTreeMap<String, Mailbox>,
    codes: HashMap<String, Option<Ticket>>,
    refresh: HashMap<String, Ticket>,
    access: HashMap<String, Pass>,
    /// Organisations whose administrator has agreed.
    agreed: BTreeSet<String>,
    subscriptions: BTreeMap<String, Subscription>,
    troubles: Troubles,
    counts: BTreeMap<&'static str, usize>,
}

/// What a code or a refresh token stands for.
#[derive(Clone)]
struct Ticket {
    account: String,
    scopes: String,
    challenge: String,
    /// When it was replaced, in microseconds.
    replaced: Option<i64>,
}

/// What an access token is good for.
#[derive(Clone)]
struct Pass {
    holder: Holder,
    /// What a person has agreed to; an organisation agrees to everything.
    scopes: Option<String>,
    /// In microseconds.
    expires: i64,
}

/// Whom an access token lets in.
#[derive(Clone)]
enum Holder {
    Person(String),
    Organisation(String),
}

/// To whom changes are told.
#[derive(Clone)]
struct Subscription {
    account: String,
    folder: String,
    address: String,
    lifecycle: Option<String>,
    state: String,
    expires: i64,
}

impl State {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.setup.clock.now().0
    }

    /// What is wrong with how the page of consent was asked for.
    fn checked(&self, asked: &BTreeMap<String, String>, directory: &str) -> Result<(), String> {
        let needed = [
            ("client_id", self.setup.client_id.as_str()),
            ("response_type", "code"),
            ("response_mode", "query"),
            ("redirect_uri", self.setup.redirect_uri.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in needed {
            if asked.get(name).map(String::as_str) != Some(value) {
                return Err(format!("{name} is not {value}"));
            }
        }
        for name in ["state", "code_challenge", "scope"] {
            if asked.get(name).is_none_or(String::is_empty) {
                return Err(format!("{name} is missing"));
            }
        }
        if directory.is_empty() { Err("no directory is named".to_owned()) } else { Ok(()) }
    }

    /// Tells everybody who wants to know that something has changed in a calendar.
    fn tell(self: &Arc<Self>, world: &World, account: &str, folder: &str, event: &str, kind: &'static str) {
        let now = self.now();
        for (id, subscription) in &world.subscriptions {
            let concerned = subscription.account == account
                && (subscription.folder == folder || subscription.folder.is_empty())
                && subscription.expires > now;
            if concerned {
                let body = json!({ "value": [{
                    "subscriptionId": id, "clientState": subscription.state, "changeType": kind,
                    "resource": format!("Users/{account}/Events/{event}"),
                    "resourceData": { "@odata.type": "#Microsoft.Graph.Event", "id": event },
                    "tenantId": world.mailboxes.get(account).map(|mailbox| mailbox.directory.as_str()),
                    "subscriptionExpirationDateTime": mailbox::instant(subscription.expires),
                }] });
                self.post(&subscription.address, body);
            }
        }
    }

    /// Sends something on its way; nobody waits for it.
    fn post(&self, address: &str, body: Value) {
        let request = self.client.post(address).json(&body);
        self.tasks.spawn(async move { request.send().await.is_ok() });
    }
}

impl Microsoft {
    /// Starts one on a free port of the loopback interface. Nobody has a mailbox there.
    ///
    /// # Errors
    /// When no port can be listened on, or no client can be made.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(std::io::Error::other)?;
        let faults = setup.faults.clone();
        let shared = Arc::new(State {
            setup,
            faults,
            address,
            world: Mutex::default(),
            tasks: TaskTracker::new(),
            client: client.clone(),
        });
        let routes = Router::new()
            .route("/{directory}/oauth2/v2.0/authorize", get(login::page).post(login::answer))
            .route("/{directory}/v2.0/adminconsent", get(login::administrator))
            .route("/{directory}/oauth2/v2.0/token", axum::routing::post(login::token))
            .fallback(graph::asked)
            .with_state(shared.clone());
        let leaving = CancellationToken::new();
        let until = leaving.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.ok();
        });
        Ok(Self(Arc::new(Inside { address, shared, client, _running: leaving.drop_guard() })))
    }

    /// In the place of `https://login.microsoftonline.com`.
    pub fn login_url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// In the place of `https://graph.microsoft.com/v1.0`.
    pub fn api_url(&self) -> String {
        format!("http://{}/v1.0", self.0.address)
    }

    /// Somebody opens the page at `page`, and does as `choice` says; where her browser is sent back to.
    ///
    /// # Errors
    /// When the page does not open, or says no.
    pub async fn consent(&self, page: &str, choice: &Choice) -> Result<String, reqwest::Error> {
        let url = url::Url::parse(page).ok();
        let mut fields: Vec<(String, String)> =
            url.iter().flat_map(|url| url.query_pairs().into_owned()).collect();
        let opened = self.0.client.get(page).send().await?.error_for_status()?;
        // An administrator's page sends on at once.
        if let Some(to) = opened.headers().get("location").and_then(|to| to.to_str().ok()) {
            return Ok(to.to_owned());
        }
        let asked = fields.iter().find(|(name, _)| name == "scope").map(|(_, scope)| scope.clone());
        for scope in
            asked.unwrap_or_default().split(' ').filter(|it| !choice.untick.iter().any(|no| no == it))
        {
            fields.push(("granted".to_owned(), scope.to_owned()));
        }
        fields.push(("account".to_owned(), choice.account.clone()));
        fields.push(("allow".to_owned(), if choice.deny { "no" } else { "yes" }.to_owned()));
        let to = page.split('?').next().unwrap_or(page);
        let answer = self.0.client.post(to).form(&fields).send().await?.error_for_status()?;
        let location = answer.headers().get("location").and_then(|to| to.to_str().ok());
        Ok(location.unwrap_or_default().to_owned())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.shared.world()
    }

    /// Makes a mailbox with its calendar, in this zone (by Windows' name or IANA's); a personal one where `directory` is
    /// [`PERSONAL_DIRECTORY`]. The calendar's id.
    pub fn add_mailbox(&self, address: &str, directory: &str, zone: &str) -> String {
        let id = format!("AAMk-{}", &ids::token()[..16]);
        let mailbox = Mailbox {
            personal: directory == PERSONAL_DIRECTORY,
            directory: directory.to_owned(),
            zone: zone.to_owned(),
            folders: vec![Folder::new(&id, MAIN, true, true)],
            closed: false,
            unsaid: None,
            in_air: Arc::default(),
        };
        self.world().mailboxes.insert(address.to_owned(), mailbox);
        id
    }

    /// Nobody is shown more of a mailbox from here on than when it is taken, as it is with a room's.
    pub fn close(&self, address: &str) {
        if let Some(mailbox) = self.world().mailboxes.get_mut(address) {
            mailbox.closed = true;
        }
    }

    /// A mailbox's schedule is refused with this code from here on, or told again.
    pub fn refuse_schedule(&self, address: &str, code: Option<&str>) {
        if let Some(mailbox) = self.world().mailboxes.get_mut(address) {
            mailbox.unsaid = code.map(str::to_owned);
        }
    }

    /// Makes another calendar in a mailbox; its id.
    pub fn add_calendar(&self, address: &str, name: &str, can_edit: bool) -> String {
        let id = format!("AAMk-{}", &ids::token()[..16]);
        if let Some(mailbox) = self.world().mailboxes.get_mut(address) {
            mailbox.folders.push(Folder::new(&id, name, false, can_edit));
        }
        id
    }

    /// Deletes a calendar.
    pub fn remove_calendar(&self, address: &str, id: &str) {
        if let Some(mailbox) = self.world().mailboxes.get_mut(address) {
            mailbox.folders.retain(|folder| folder.id != id);
        }
    }

    /// Somebody puts an event into a calendar, as `body` has it, over what it says of its own; its id.
    pub fn put(&self, address: &str, calendar: &str, body: Value) -> String {
        let id = format!("AAkAL-{}", &ids::token()[..24]);
        self.write(address, calendar, &id, body, "created");
        id
    }

    /// The same for a range of time, busy, made at `made`.
    pub fn put_busy(&self, address: &str, calendar: &str, time: TimeRange, made: Timestamp) -> String {
        let body = json!({
            "subject": "Something", "start": written(time.start.0), "end": written(time.end.0),
            "createdDateTime": mailbox::instant(made.0),
        });
        self.put(address, calendar, body)
    }

    /// Somebody moves an event.
    pub fn move_event(&self, address: &str, calendar: &str, id: &str, time: TimeRange) {
        let fields = json!({ "start": written(time.start.0), "end": written(time.end.0) });
        self.write(address, calendar, id, fields, "updated");
    }

    /// Somebody deletes an event, a series, or one occurrence of it.
    pub fn delete_event(&self, address: &str, calendar: &str, id: &str) {
        let now = self.0.shared.now();
        let mut world = self.world();
        let folder = world.mailboxes.get_mut(address).and_then(|mailbox| mailbox.folder(calendar));
        if folder.is_some_and(|folder| folder.delete(id, now)) {
            self.0.shared.tell(&world, address, calendar, id, "deleted");
        }
    }

    fn write(&self, address: &str, calendar: &str, id: &str, fields: Value, kind: &'static str) {
        let now = self.0.shared.now();
        let mut world = self.world();
        let Some(folder) = world.mailboxes.get_mut(address).and_then(|mailbox| mailbox.folder(calendar))
        else {
            return;
        };
        let known = folder.get(id).map(|entry| entry.body.clone());
        if known.is_none() && kind == "updated" {
            return;
        }
        let mut body: Map<String, Value> = known.unwrap_or_default();
        if let Value::Object(fields) = fields {
            body.extend(fields);
        }
        folder.put(id, body, now);
        self.0.shared.tell(&world, address, calendar, id, kind);
    }

    /// Everything that stands in a calendar, with our marks.
    pub fn events(&self, address: &str, calendar: &str) -> Vec<Value> {
        let mut world = self.world();
        let Some(folder) = world.mailboxes.get_mut(address).and_then(|mailbox| mailbox.folder(calendar))
        else {
            return vec![];
        };
        folder.ids().filter_map(|id| folder.shown(id, true)).collect()
    }

    /// Somebody takes back what she has agreed to: nobody is let in for her from here on.
    pub fn revoke(&self, address: &str) {
        let mut world = self.world();
        world.refresh.retain(|_, ticket| ticket.account != address);
        world.access.retain(|_, pass| !matches!(&pass.holder, Holder::Person(account) if account == address));
    }

    /// Every access that was given out is good no more; it can be renewed.
    pub fn expire_access(&self) {
        self.world().access.clear();
    }

    /// Marks that were given out are not accepted any more.
    pub fn forget_marks(&self) {
        for mailbox in self.world().mailboxes.values_mut() {
            mailbox.folders.iter_mut().for_each(|folder| folder.epoch += 1);
        }
    }

    /// These go wrong with the next requests, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.world().troubles.next.extend(troubles);
    }

    /// What goes wrong with the next events that are made, one each.
    pub fn trouble_making(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.world().troubles.made.extend(troubles);
    }

    /// What goes wrong with the next events that are removed, one each.
    pub fn trouble_removing(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.world().troubles.removed.extend(troubles);
    }

    /// Things go wrong by chance from here on, or no more.
    pub fn trouble_by_chance(&self, mix: Option<Mix<Trouble>>) {
        self.world().troubles.mix = mix;
    }

    /// How often something was asked: `token`, `calendars`, `view`, `delta`, `event`, `create`, `change`, `delete`,
    /// `schedule`, `subscribe`, `renew`, `unsubscribe`.
    pub fn asked(&self, kind: &str) -> usize {
        self.world().counts.get(kind).copied().unwrap_or(0)
    }

    /// How many are told of changes.
    pub fn watchers(&self) -> usize {
        self.world().subscriptions.len()
    }

    /// Tells every watcher something of the watch itself: `reauthorizationRequired`, `subscriptionRemoved`, `missed`.
    /// What is removed is told no more.
    pub fn lifecycle(&self, event: &str) {
        let mut world = self.world();
        for (id, subscription) in &world.subscriptions {
            if let Some(address) = &subscription.lifecycle {
                let body = json!({ "value": [{
                    "subscriptionId": id, "clientState": subscription.state, "lifecycleEvent": event,
                    "subscriptionExpirationDateTime": mailbox::instant(subscription.expires),
                }] });
                self.0.shared.post(address, body);
            }
        }
        if event == "subscriptionRemoved" {
            world.subscriptions.clear();
        }
    }
}

impl Mailbox {
    /// A calendar by its id; the main one where none is named.
    fn folder(&mut self, id: &str) -> Option<&mut Folder> {
        self.folders.iter_mut().find(|folder| folder.id == id || (id.is_empty() && folder.main))
    }
}
