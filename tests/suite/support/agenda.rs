//! A practice whose calendar is at a vendor's stand-in, connected over HTTP as an admin does it.

use std::{
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use frontdesk::{
    domain::{
        calendar::Vendor,
        id::TenantId,
        time::{TimeRange, Timestamp},
        webhook::{EventKind, Webhook},
    },
    platform::clock::Clock,
    sim::{
        Faults,
        admin::Admin,
        agenda::{self, Standing},
    },
    store::Store,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    house::{House, KEY},
    office::{Asker, Office, PASSWORD, sent},
};

/// Nothing here takes longer, whatever the machine is busy with.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked meanwhile.
const LOOK_PERIOD: Duration = Duration::from_millis(25);
/// The practice.
pub struct Agenda {
    /// The server.
    pub office: Office,
    /// Who owns the practice.
    pub owner: Asker,
    /// She, at her browser.
    pub admin: Admin,
    /// The calendar's vendor.
    pub outside: agenda::Agenda,
    /// What is asked wrongly of it.
    pub faults: Faults,
    /// The calendar's id with us.
    pub calendar: String,
    /// Anna, who is open around the clock.
    pub anna: String,
    /// Half an hour with her.
    pub service: String,
    /// For whom.
    pub contact: String,
    /// The date when it opened, in UTC.
    pub today: jiff::civil::Date,
}

/// A port that was free just now, so that a server's public address can be told before it starts: none that the system
/// gives to whoever asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 10_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Agenda {
    /// A practice whose calendar is connected and known.
    pub async fn open(vendor: Vendor) -> Self {
        Self::open_in(vendor, House::new(), json!({})).await
    }

    /// The same in this house, with these rules besides.
    pub async fn open_in(vendor: Vendor, house: House, rules: Value) -> Self {
        let agenda = Self::unconnected(vendor, house, rules).await;
        let agenda = agenda.connect().await;
        agenda.known().await;
        agenda
    }

    /// A practice whose calendar nobody has connected yet.
    pub async fn unconnected(vendor: Vendor, house: House, rules: Value) -> Self {
        let base = format!("http://127.0.0.1:{}", free_port());
        let faults = Faults::default();
        let house = house
            .with("HTTP__BIND", base.trim_start_matches("http://"))
            .with("HTTP__PUBLIC_URL", &base)
            // Waiting asks often.
            .with("RATE_LIMITS__REQUESTS", "100000")
            .with("SECRETS__KEY", KEY);
        let outside = agenda::Agenda::start(vendor, Clock::system(), &base, faults.clone()).await.unwrap();
        let house = outside
            .settings()
            .iter()
            .fold(house, |house, (name, value)| house.with(name.trim_start_matches("FRONTDESK__"), value));
        let office = Office::open_in(house).await;
        let owner = office.owner("practice").await;
        let base = format!("http://{}", office.server.addr);
        let admin = Admin::log_in(&base, "owner@practice.example", PASSWORD, owner.tenant()).await.unwrap();
        let anna = id(&owner.post("/api/resources", json!({ "name": "Anna" })).await.well());
        let day = json!([["00:00", "24:00"]]);
        let week =
            json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day });
        let schedule = owner.request(Method::PUT, &format!("/api/schedules/{anna}"));
        sent(schedule.json(&json!({ "week": week }))).await.well();
        let mut body = json!({
            "key": "checkup", "names": { "en": "Check-up" }, "duration": 30, "minimum_notice": 0, "resources": [anna]
        });
        body.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        let service = id(&owner.post("/api/services", body).await.well());
        let contact =
            json!({ "name": "Erika Beispiel", "number": "+491701234567", "email": "erika@example.com" });
        let contact = id(&owner.post("/api/contacts", contact).await.well());
        let calendar = String::new();
        let today = Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        Self { office, owner, admin, outside, faults, calendar, anna, service, contact, today }
    }

    /// Has the practice's own program told of everything, at an address where nobody ever gets.
    pub async fn listen(&self) {
        listen(&self.office.server.store, &self.owner.tenant().parse().unwrap()).await;
    }

    /// What the practice's own program is told, first to last.
    pub async fn told(&self) -> Vec<(String, Value)> {
        let path = "/api/webhooks/whk_1/deliveries";
        let listed = self.owner.get(path).await.well();
        let mut told = vec![];
        for item in listed["items"].as_array().unwrap().iter().rev() {
            let whole = self.owner.get(&format!("{path}/{}", id(item))).await.well();
            let kind = whole["payload"]["type"].as_str().unwrap().to_owned();
            told.push((kind, whole["payload"]["data"].clone()));
        }
        told
    }

    /// Connects the calendar, and has Anna's appointments written into it.
    pub async fn connect(mut self) -> Self {
        self.calendar = self.outside.connect(&self.admin, std::slice::from_ref(&self.anna)).await.unwrap();
        self
    }

    /// Waits until it is known what stands in the calendar.
    pub async fn known(&self) {
        self.until("the calendar is known", async || !self.free(1).await.is_empty()).await;
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds().await {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain until {what}");
    }

    /// The starts that are offered on the date some days from today, in UTC.
    pub async fn free(&self, days: i64) -> Vec<String> {
        let date = self.today.saturating_add(jiff::Span::new().days(days));
        let path = format!("/api/availability?service={}&from={date}&to={date}", self.service);
        let free = self.owner.get(&path).await.well();
        free["slots"].as_array().unwrap().iter().map(|it| it["start"].as_str().unwrap().to_owned()).collect()
    }

    /// Books a time; its answer's body.
    pub async fn book(&self, start: &str) -> Value {
        let wanted = json!({
            "service": self.service, "contact": self.contact, "start": start, "note": "knee <b>pain</b>\u{7}"
        });
        self.owner.post("/api/appointments", wanted).await.well()
    }

    /// An appointment as it stands.
    pub async fn appointment(&self, id: &str) -> Value {
        self.owner.get(&format!("/api/appointments/{id}")).await.well()
    }

    /// Waits until an appointment stands so; as it stands then.
    pub async fn until_stands(&self, id: &str, status: &str) -> Value {
        self.until(status, async || self.appointment(id).await["status"] == status).await;
        self.appointment(id).await
    }

    /// The steps of an appointment: what, and who.
    pub async fn steps(&self, id: &str) -> Vec<(String, String)> {
        let history = self.owner.get(&format!("/api/appointments/{id}/history")).await.well();
        let text = |step: &Value, name: &str| step[name].as_str().unwrap().to_owned();
        history["items"].as_array().unwrap().iter().map(|it| (text(it, "what"), text(it, "by"))).collect()
    }

    /// The clashes that are not over, by what they are.
    pub async fn clashes(&self) -> Vec<String> {
        let clashes = self.owner.get("/api/clashes?open=true").await.well();
        let items = clashes["items"].as_array().unwrap();
        items.iter().map(|it| it["what"].as_str().unwrap().to_owned()).collect()
    }

    /// What stands in the calendar.
    pub fn standing(&self) -> Vec<Standing> {
        self.outside.standing()
    }

    /// Somebody puts an event into the calendar, from `start` on for some minutes, made at `made`; its id.
    pub fn put(&self, start: jiff::Timestamp, minutes: i64, made: jiff::Timestamp) -> String {
        self.outside.put(range(start, minutes), made.into())
    }

    /// Somebody moves an event there.
    pub fn drag(&self, event: &str, start: jiff::Timestamp, minutes: i64) {
        self.outside.drag(event, range(start, minutes));
    }

    /// Somebody deletes an event there.
    pub fn delete(&self, event: &str) {
        self.outside.delete(event);
    }
}

/// From `start` on for some minutes.
fn range(start: jiff::Timestamp, minutes: i64) -> TimeRange {
    let start = Timestamp::from(start);
    TimeRange { start, end: start.plus_minutes(minutes) }
}

/// The id of what was made.
pub fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// A time as the API tells it.
pub fn instant(text: &Value) -> jiff::Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

/// Has a tenant's own program, `whk_1`, told of everything, at an address where nobody ever gets.
pub async fn listen(store: &Store, tenant: &TenantId) {
    let webhook = Webhook {
        id: "whk_1".parse().unwrap(),
        url: "https://127.0.0.1/".to_owned(),
        description: String::new(),
        kinds: EventKind::ALL.into_iter().filter(|kind| kind.can_be_asked_for()).collect(),
        active: true,
    };
    let mut tx = store.begin(tenant).await.unwrap();
    tx.webhooks().add(&webhook, b"sealed under no key", Clock::system().now()).await.unwrap();
    tx.commit().await.unwrap();
}
