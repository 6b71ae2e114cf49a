//! Who books: programs over the API, and callers through the tools of their calls.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use jiff::ToSpan;
use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{audit::Told, practice::Practice, tally::Tally};
use crate::{
    app::{
        bookings::Ledger,
        tools::{CallContext, Request, Toolbox},
    },
    domain::{
        assistant::Language,
        booking::{Appointment, Service, Step},
        conversation::Direction,
        id::{AppointmentId, CallId},
        spoken,
        time::{TimeRange, Timestamp},
    },
    platform::{clock::Clock, ids},
    sim::chance::Chance,
    store::{NewCall, Store},
};

/// On how many dates is booked, from tomorrow on.
pub(super) const DATES: i64 = 5;
/// When it opens, and for how many minutes it is open: see practice.toml.
const OPENS: (i8, i64) = (9, 8 * 60);
/// How many appointments stand at a time, before more is cancelled than booked.
const STANDING_MAX: usize = 260;
/// The digits of a call's name at Twilio.
const SID_DIGITS: usize = 32;

/// An answer nobody should get: something broke.
pub(super) const BROKEN: &str = "broken";

/// What all of them share.
pub(super) struct Crowd {
    /// The clock.
    pub clock: Clock,
    /// Where they book.
    pub practice: Practice,
    /// The servers, each by its address without a slash at its end.
    pub servers: Vec<String>,
    /// How programs ask.
    pub client: Client,
    /// What they were answered.
    pub tally: Tally,
    /// What they know.
    pub known: Mutex<Known>,
    /// How many attempts are left.
    left: AtomicU64,
    /// What went wrong and cannot be put down to anybody.
    pub odd: Mutex<Vec<String>>,
}

/// What was answered about appointments.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What was told last of each.
    pub told: HashMap<AppointmentId, Told>,
    /// Those that stand and that nobody is changing.
    idle: Vec<AppointmentId>,
}

/// What a server said.
struct Answer {
    word: String,
    id: Option<AppointmentId>,
}

impl Crowd {
    /// A crowd that makes so many attempts.
    pub(super) fn new(
        practice: Practice,
        servers: Vec<String>,
        attempts: u64,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            clock,
            practice,
            servers,
            client: Client::builder().pool_max_idle_per_host(256).build()?,
            tally: Tally::default(),
            known: Mutex::default(),
            left: AtomicU64::new(attempts),
            odd: Mutex::default(),
        })
    }

    /// The time in which everything is booked.
    pub(super) fn range(&self) -> TimeRange {
        let now = self.clock.now();
        TimeRange { start: now, end: now.plus_minutes((DATES + 3) * 24 * 60) }
    }

    /// How many seats a session of what it is has.
    pub(super) fn capacity(&self, one: &Appointment) -> u32 {
        let service = self.practice.services.iter().find(|service| service.id == one.service);
        service.map_or(1, |service| service.capacity)
    }

    /// A time somebody could want.
    pub(super) fn a_time(&self, chance: &mut Chance) -> TimeRange {
        let now = self.clock.now();
        let Some(service) = chance.one(&self.practice.services) else {
            return TimeRange { start: now, end: now };
        };
        let start = self.start(service, chance);
        TimeRange { start, end: start.plus_minutes(i64::from(service.duration_min)) }
    }

    /// How many attempts are left.
    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes one attempt, if one is left.
    fn attempt(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Nothing more is attempted.
    pub(super) fn enough(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    pub(super) fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, odd: String) {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).push(odd);
    }

    /// Keeps what was told of an appointment; one that stands is anybody's again.
    fn keep(&self, id: AppointmentId, told: Told) {
        let mut known = self.known();
        known.told.insert(id.clone(), told);
        if told != Told::Cancelled {
            known.idle.push(id);
        }
    }

    /// An appointment that stands, nobody else's until it is given back.
    fn take(&self, chance: &mut Chance) -> Option<AppointmentId> {
        let mut known = self.known();
        let at = usize::try_from(chance.of(0..known.idle.len() as u64)).ok()?;
        (at < known.idle.len()).then(|| known.idle.swap_remove(at))
    }

    fn give(&self, id: AppointmentId) {
        self.known().idle.push(id);
    }

    /// A start on the service's grid.
    pub(super) fn start(&self, service: &Service, chance: &mut Chance) -> Timestamp {
        let zone = &self.practice.tenant.zone;
        let days = i64::try_from(chance.of(1..DATES as u64 + 1)).unwrap_or(1);
        let date = zone.wall(self.clock.now()).date().saturating_add(days.days());
        let interval = i64::from(service.interval_min);
        let count = u64::try_from((OPENS.1 - i64::from(service.duration_min)) / interval + 1).unwrap_or(1);
        let minutes = i64::try_from(chance.of(0..count)).unwrap_or(0) * interval;
        let opens = date.at(OPENS.0, 0, 0, 0).to_zoned(zone.rules().clone());
        opens.map_or(self.clock.now(), |at| Timestamp::from(at.timestamp())).plus_minutes(minutes)
    }

    async fn post(&self, kind: &'static str, server: &str, path: &str, key: &str, body: &Value) -> Answer {
        let watch = self.clock.stopwatch();
        let sent = self
            .client
            .post(format!("{server}{path}"))
            .bearer_auth(self.practice.key.expose_secret())
            .header("Idempotency-Key", key)
            .json(body)
            .send()
            .await;
        let answer = match sent {
            // A server that is killed answers nothing; what it did meanwhile nobody was told.
            Err(_) => Answer { word: "no answer".to_owned(), id: None },
            Ok(answer) => {
                let status = answer.status();
                let body: Value = answer.json().await.unwrap_or_default();
                let id = body["id"].as_str().and_then(|id| id.parse().ok());
                let problem = body["type"].as_str().unwrap_or_default();
                let problem = problem.trim_start_matches("urn:frontdesk:problem:");
                let word = match status.as_u16() {
                    200..300 => "done".to_owned(),
                    500.. => {
                        self.note(format!("{kind} was answered {status} {problem}"));
                        BROKEN.to_owned()
                    }
                    status => format!("{status} {problem}"),
                };
                Answer { word, id }
            }
        };
        self.tally.count(kind, &answer.word, watch.elapsed());
        answer
    }

    /// A program books, moves and cancels until no attempt is left.
    pub(super) async fn program(self: Arc<Self>, mut chance: Chance) {
        while self.attempt() {
            let standing = self.known().idle.len();
            let cancels = if standing > STANDING_MAX { 45 } else { 8 };
            let drawn = chance.of(0..100);
            if drawn < cancels {
                self.cancel(&mut chance).await;
            } else if drawn < cancels + 15 {
                self.move_one(&mut chance).await;
            } else {
                self.book(&mut chance).await;
            }
        }
    }

    fn server(&self, chance: &mut Chance) -> &str {
        chance.one(&self.servers).map_or("", String::as_str)
    }

    async fn book(&self, chance: &mut Chance) {
        let practice = &self.practice;
        let (Some(service), Some(contact)) = (chance.one(&practice.services), chance.one(&practice.contacts))
        else {
            return;
        };
        let start = self.start(service, chance);
        let mut body = json!({
            "service": service.id.as_str(), "contact": contact.id.as_str(), "start": start.to_string(),
            "note": "stress"
        });
        if service.capacity > 1 {
            body["seats"] = chance.of(1..3).into();
        }
        if chance.percent(20)
            && let Some(resource) = chance.one(&service.resources)
        {
            body["resource"] = resource.as_str().into();
        }
        let key = ids::token();
        let path = "/api/appointments";
        let mut answers = Vec::new();
        match chance.of(0..10) {
            // The same request at once to two servers, as somebody who does not wait for the answer.
            0 if self.attempt() => {
                let (one, other) = (self.server(chance), self.server(chance));
                let first = self.post("book", one, path, &key, &body);
                let second = self.post("book again", other, path, &key, &body);
                let (first, second) = tokio::join!(first, second);
                answers.extend([first, second]);
            }
            // And one after the other, as somebody who did not hear it.
            1 if self.attempt() => {
                answers.push(self.post("book", self.server(chance), path, &key, &body).await);
                answers.push(self.post("book again", self.server(chance), path, &key, &body).await);
            }
            _ => {
                let mut first = self.post("book", self.server(chance), path, &key, &body).await;
                // Whoever got no answer asks again under the same name until there is one.
                for _ in 0..200 {
                    if first.word != "no answer" {
                        break;
                    }
                    self.clock.sleep(Duration::from_millis(50)).await;
                    first = self.post("book again", self.server(chance), path, &key, &body).await;
                }
                answers.push(first);
            }
        }
        let mut made: Vec<AppointmentId> = answers.into_iter().filter_map(|answer| answer.id).collect();
        made.sort();
        made.dedup();
        if made.len() > 1 {
            self.note(format!("one request made two appointments: {made:?}"));
        }
        for id in made {
            self.keep(id, Told::At(start));
        }
    }

    async fn move_one(&self, chance: &mut Chance) {
        let Some(id) = self.take(chance) else { return self.book(chance).await };
        let Some(service) = chance.one(&self.practice.services) else { return };
        let start = self.start(service, chance);
        let body = json!({ "start": start.to_string() });
        let (path, key) = (format!("/api/appointments/{id}/move"), ids::token());
        let moved = self.again(chance, ("move", "move again"), &path, &key, &body).await;
        match moved.word.as_str() {
            "done" => self.keep(id, Told::At(start)),
            "no answer" | BROKEN => self.keep(id, Told::Nothing),
            // It was cancelled in its calendar.
            word if word.starts_with("404") => {}
            _ => self.give(id),
        }
    }

    async fn cancel(&self, chance: &mut Chance) {
        let Some(id) = self.take(chance) else { return self.book(chance).await };
        let (path, key) = (format!("/api/appointments/{id}/cancel"), ids::token());
        let cancelled = self.again(chance, ("cancel", "cancel again"), &path, &key, &json!({})).await;
        match cancelled.word.as_str() {
            "done" => self.keep(id, Told::Cancelled),
            "no answer" | BROKEN => self.keep(id, Told::Nothing),
            word if word.starts_with("404") => {}
            _ => self.give(id),
        }
    }

    /// Asks, and now and then once more under the same name; until there is an answer in any case.
    async fn again(
        &self,
        chance: &mut Chance,
        (first, repeated): (&'static str, &'static str),
        path: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let mut answer = self.post(first, self.server(chance), path, key, body).await;
        for _ in 0..200 {
            if answer.word != "no answer" {
                break;
            }
            self.clock.sleep(Duration::from_millis(50)).await;
            answer = self.post(repeated, self.server(chance), path, key, body).await;
        }
        if answer.word == "done" && chance.percent(10) && self.attempt() {
            let second = self.post(repeated, self.server(chance), path, key, body).await;
            if second.id != answer.id && second.word != "no answer" {
                self.note(format!("{repeated} was answered {} after it was done", second.word));
            }
        }
        answer
    }

    /// Somebody telephones, again and again, until no attempt is left.
    pub(super) async fn caller(self: Arc<Self>, ledger: Ledger, mut chance: Chance) {
        while self.left() > 0 {
            if let Err(error) = self.call(&ledger, &mut chance).await {
                self.note(format!("a call broke: {error:#}"));
                self.tally.count("call", BROKEN, Duration::ZERO);
                return;
            }
        }
    }

    async fn call(&self, ledger: &Ledger, chance: &mut Chance) -> anyhow::Result<()> {
        let (practice, store) = (&self.practice, ledger.store());
        let contact = chance.one(&practice.contacts).context("nobody calls")?;
        let service = chance.one(&practice.services).context("nothing is offered")?;
        let call = CallId::of(ids::fresh(self.clock.now()));
        let ring = NewCall {
            id: call.clone(),
            sid: format!("CA{}", &ids::token()[..SID_DIGITS]).parse()?,
            account_sid: format!("AC{:032x}", 1),
            number: practice.number.id.clone(),
            assistant: practice.assistant.id.clone(),
            from: contact.number.clone(),
            to: practice.number.number.clone(),
            attested: false,
            direction: Direction::Inbound,
        };
        let mut tx = store.begin(&practice.tenant.id).await?;
        tx.calls().ring(&ring, self.clock.now()).await?;
        tx.commit().await?;
        let context = CallContext {
            tenant: practice.tenant.clone(),
            call: call.clone(),
            assistant: Arc::new(practice.assistant.clone()),
            language: Language::German,
            caller: contact.number.clone(),
            attested: false,
        };
        let line = Line {
            crowd: self,
            toolbox: Toolbox::new(context, ledger, self.clock),
            asked: AtomicU64::new(0),
        };
        let mut promised: Vec<String> = Vec::new();
        let mut key = None;
        let name = service.names.get("de").context("a service has no name")?;
        let found = line.ask("find_slots", json!({ "service": name, "when": self.date(chance) })).await;
        if let Some(slot) = any_slot(&found, chance) {
            if chance.percent(50) && self.attempt() {
                line.ask("hold_slot", json!({ "slot": slot })).await;
            }
            if self.attempt() {
                let asked = json!({ "slot": slot, "name": contact.name, "notes": "stress" });
                let booked = if chance.percent(10) && self.attempt() {
                    line.twice("book", asked).await
                } else {
                    line.ask("book", asked).await
                };
                if is_promised(&booked) {
                    promised.extend(booked["spoken"].as_str().map(str::to_owned));
                    key = booked["appointment"].as_str().map(str::to_owned);
                }
            }
        }
        if let Some(appointment) = &key
            && chance.percent(30)
        {
            let asked = json!({ "when": self.date(chance), "appointment": appointment });
            let found = line.ask("find_slots", asked).await;
            if let Some(slot) = any_slot(&found, chance)
                && self.attempt()
            {
                let asked = json!({ "appointment": appointment, "slot": slot });
                let moved = line.ask("move_appointment", asked).await;
                if is_promised(&moved) {
                    promised.clear();
                    promised.extend(moved["spoken"].as_str().map(str::to_owned));
                }
            }
        }
        if let Some(appointment) = &key
            && chance.percent(15)
            && self.attempt()
        {
            line.ask("cancel_appointment", json!({ "appointment": appointment })).await;
            let asked = json!({ "appointment": appointment, "confirmed": true });
            let cancelled = line.ask("cancel_appointment", asked).await;
            if cancelled["status"] == "cancelled" {
                promised.clear();
            }
        }
        self.remember(store, &call, promised).await
    }

    /// Puts down what a call was promised under the appointments it made. What it was told last must be among them.
    async fn remember(&self, store: &Store, call: &CallId, promised: Vec<String>) -> anyhow::Result<()> {
        let (zone, now) = (&self.practice.tenant.zone, self.clock.now());
        let mut tx = store.read(&self.practice.tenant.id).await?;
        let made = tx.appointments().of_call(call).await?;
        let mut told: HashMap<AppointmentId, Told> = HashMap::new();
        for spoken in promised {
            let mut found = None;
            for one in &made {
                let steps = tx.history().of(&one.id).await?;
                let step = steps.iter().rev().find(|step| {
                    matches!(step.what, Step::Booked | Step::Moved | Step::Confirmed)
                        && spoken::moment(step.time.start, now, zone, Language::German) == spoken
                });
                if let Some(step) = step {
                    found = Some((one.id.clone(), Told::At(step.time.start)));
                }
            }
            match found {
                Some((id, at)) => drop(told.insert(id, at)),
                None => self.note(format!("{call} was told of an appointment that never was")),
            }
        }
        drop(tx);
        for (id, at) in told {
            self.keep(id, at);
        }
        Ok(())
    }

    /// A date, as somebody says it.
    fn date(&self, chance: &mut Chance) -> String {
        const MONTHS: [&str; 12] = [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ];
        let days = i64::try_from(chance.of(1..DATES as u64 + 1)).unwrap_or(1);
        let date = self.practice.tenant.zone.wall(self.clock.now()).date().saturating_add(days.days());
        let month = usize::try_from(date.month() - 1).ok().and_then(|month| MONTHS.get(month));
        let hour = chance.of(9..17);
        format!("am {}. {} um {hour} Uhr", date.day(), month.copied().unwrap_or_default())
    }
}

/// A call's tools.
struct Line<'c> {
    crowd: &'c Crowd,
    toolbox: Toolbox,
    asked: AtomicU64,
}

impl Line<'_> {
    async fn ask(&self, tool: &'static str, arguments: Value) -> Value {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        self.ask_as(id, tool, &arguments).await
    }

    /// The same request once more; its first answer counts.
    async fn twice(&self, tool: &'static str, arguments: Value) -> Value {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        let first = self.ask_as(id, tool, &arguments).await;
        let second = self.ask_as(id, tool, &arguments).await;
        if first != second {
            self.crowd.note(format!("{tool} was answered otherwise when it was asked again"));
        }
        first
    }

    async fn ask_as(&self, id: u64, tool: &'static str, arguments: &Value) -> Value {
        let watch = self.crowd.clock.stopwatch();
        let request =
            Request { id: format!("r{id}"), name: tool.to_owned(), arguments: arguments.to_string() };
        let answer = self.toolbox.run(request).await;
        let said: Value = serde_json::from_str(&answer.output).unwrap_or_default();
        let word = match answer.ok {
            true => said["status"].as_str().unwrap_or("nothing"),
            false => {
                self.crowd.note(format!("{tool} broke"));
                BROKEN
            }
        };
        self.crowd.tally.count(tool, word, watch.elapsed());
        said
    }
}

fn is_promised(answer: &Value) -> bool {
    matches!(answer["status"].as_str(), Some("booked" | "noted" | "moved"))
}

fn any_slot(found: &Value, chance: &mut Chance) -> Option<String> {
    let slots = found["slots"].as_array()?;
    Some(chance.one(slots)?["key"].as_str()?.to_owned())
}
