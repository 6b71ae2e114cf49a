//! A practice whose calendar is at a vendor's stand-in, connected over HTTP as an admin does it.

use std::{future::Future, time::Duration};

use frontdesk::{
    domain::time::{TimeRange, Timestamp},
    platform::clock::Clock,
    sim::{
        Faults,
        admin::Admin,
        microsoft::{self, Microsoft},
    },
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
/// An organisation at Microsoft.
pub const DIRECTORY: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// Whose calendar it is.
pub const ACCOUNT: &str = "anna@practice.example";
const CLIENT: &str = "an-application";
const SECRET: &str = "the-secret-of-the-application";

/// Whose calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Microsoft's.
    Microsoft,
}

/// A vendor's stand-in and the calendar in it.
pub enum Outside {
    /// Microsoft's.
    Microsoft {
        /// The stand-in.
        there: Microsoft,
        /// Its id of the calendar.
        calendar: String,
    },
}

/// An event as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its vendor's id.
    pub id: String,
    /// When.
    pub start: jiff::Timestamp,
    /// Until when.
    pub end: jiff::Timestamp,
    /// The appointment it is marked with.
    pub appointment: Option<String>,
    /// What it is called.
    pub title: String,
    /// What it says.
    pub text: String,
}

/// The practice.
pub struct Agenda {
    /// The server.
    pub office: Office,
    /// Who owns the practice.
    pub owner: Asker,
    /// She, at her browser.
    pub admin: Admin,
    /// The calendar's vendor.
    pub outside: Outside,
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
}

/// A port that was free just now, so that a server's public address can be told before it starts.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Agenda {
    /// A practice whose calendar is connected and known.
    pub async fn open(kind: Kind) -> Self {
        Self::open_in(kind, House::new(), json!({})).await
    }

    /// The same in this house, with these rules besides.
    pub async fn open_in(kind: Kind, house: House, rules: Value) -> Self {
        let agenda = Self::unconnected(kind, house, rules).await;
        let agenda = agenda.connect().await;
        agenda.known().await;
        agenda
    }

    /// A practice whose calendar nobody has connected yet.
    pub async fn unconnected(kind: Kind, house: House, rules: Value) -> Self {
        let base = format!("http://127.0.0.1:{}", free_port());
        let faults = Faults::default();
        let house = house
            .with("HTTP__BIND", base.trim_start_matches("http://"))
            .with("HTTP__PUBLIC_URL", &base)
            .with("SECRETS__KEY", KEY);
        let (outside, house) = match kind {
            Kind::Microsoft => {
                let there = Microsoft::start(microsoft::Setup {
                    clock: Clock::system(),
                    client_id: CLIENT.to_owned(),
                    client_secret: SECRET.to_owned(),
                    redirect_uri: format!("{base}/calendars/microsoft/callback"),
                    faults: faults.clone(),
                });
                let there = there.await.unwrap();
                let calendar = there.add_mailbox(ACCOUNT, DIRECTORY, "W. Europe Standard Time");
                let house = house
                    .with("MICROSOFT__CLIENT_ID", CLIENT)
                    .with("MICROSOFT__CLIENT_SECRET", SECRET)
                    .with("MICROSOFT__LOGIN_URL", &there.login_url())
                    .with("MICROSOFT__API_URL", &there.api_url());
                (Outside::Microsoft { there, calendar }, house)
            }
        };
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
        Self { office, owner, admin, outside, faults, calendar, anna, service, contact }
    }

    /// Connects the calendar, and has Anna's appointments written into it.
    pub async fn connect(mut self) -> Self {
        match &self.outside {
            Outside::Microsoft { there, .. } => {
                let way = self.admin.set_out("microsoft", "person").await.unwrap();
                let choice = microsoft::Choice::all(ACCOUNT);
                let back = there.consent(&way.page, &choice).await.unwrap();
                self.admin.come_back(&way, &back).await.unwrap();
            }
        }
        self.calendar = self.admin.choose_main(std::slice::from_ref(&self.anna)).await.unwrap();
        self
    }

    /// Waits until it is known what stands in the calendar.
    pub async fn known(&self) {
        self.until("the calendar is known", async || !self.free(1).await.is_empty()).await;
    }

    /// Waits until something holds.
    #[track_caller]
    pub fn until<'a, F>(
        &'a self,
        what: &'a str,
        mut holds: impl FnMut() -> F + 'a,
    ) -> impl Future<Output = ()> + 'a
    where
        F: Future<Output = bool> + 'a,
    {
        async move {
            let waited = tokio::time::timeout(PATIENCE, async {
                while !holds().await {
                    tokio::time::sleep(LOOK_PERIOD).await;
                }
            });
            assert!(waited.await.is_ok(), "waited in vain until {what}");
        }
    }

    /// The starts that are offered on the date some days from today, in UTC.
    pub async fn free(&self, days: i64) -> Vec<String> {
        let today = Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        let date = today.saturating_add(jiff::Span::new().days(days));
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
        match &self.outside {
            Outside::Microsoft { there, calendar } => {
                let told = |event: &Value, name: &str| -> jiff::Timestamp {
                    format!("{}Z", event[name]["dateTime"].as_str().unwrap()).parse().unwrap()
                };
                let one = |event: Value| Standing {
                    id: event["id"].as_str().unwrap().to_owned(),
                    start: told(&event, "start"),
                    end: told(&event, "end"),
                    appointment: event["singleValueExtendedProperties"][0]["value"]
                        .as_str()
                        .map(str::to_owned),
                    title: event["subject"].as_str().unwrap_or_default().to_owned(),
                    text: event["body"]["content"].as_str().unwrap_or_default().to_owned(),
                };
                there.events(ACCOUNT, calendar).into_iter().map(one).collect()
            }
        }
    }

    /// Somebody puts an event into the calendar, from `start` on for some minutes, made at `made`; its id.
    pub fn put(&self, start: jiff::Timestamp, minutes: i64, made: jiff::Timestamp) -> String {
        let time = range(start, minutes);
        match &self.outside {
            Outside::Microsoft { there, calendar } => {
                there.put_busy(ACCOUNT, calendar, time, Timestamp::from(made))
            }
        }
    }

    /// Somebody moves an event there.
    pub fn drag(&self, event: &str, start: jiff::Timestamp, minutes: i64) {
        let time = range(start, minutes);
        match &self.outside {
            Outside::Microsoft { there, calendar } => there.move_event(ACCOUNT, calendar, event, time),
        }
    }

    /// Somebody deletes an event there.
    pub fn delete(&self, event: &str) {
        match &self.outside {
            Outside::Microsoft { there, calendar } => there.delete_event(ACCOUNT, calendar, event),
        }
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
