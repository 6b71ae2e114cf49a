//! Calling out over HTTP: asked for by a program, told by Twilio, at the server as it runs.

use frontdesk::{
    app::{
        calls::{Ring, Rung},
        outgoing::news,
    },
    domain::time::Timestamp,
    platform::clock::Clock,
    sim::{
        Faults,
        twilio::{
            Account, Conditions, Dial, Exchange,
            calling::{Called, Telling},
        },
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use super::ground::ACCOUNT;
use crate::support::{
    house::House,
    office::{Asker, Office, sent},
    practice::{Practice, at},
};

const PERSON: &str = "+4915112345678";
/// Monday, 10:00 in Berlin.
const TEN: i64 = 2 * 60;

/// How often it is looked at what comes of a call: a minute, with a pause between.
const LOOKS_MAX: usize = 2_400;

pub(super) struct Desk {
    pub office: Office,
    pub exchange: Exchange,
    pub faults: Faults,
    pub owner: Asker,
    pub practice: Practice,
}

impl Desk {
    /// A practice with a server, on a Monday at ten.
    pub(super) async fn open() -> Self {
        Self::open_at(at(TEN)).await
    }

    pub(super) async fn open_at(now: Timestamp) -> Self {
        let faults = Faults::default();
        let account = Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() };
        let exchange = Exchange::start(account, faults.clone()).await.unwrap();
        let house = House::new()
            .ready_for_calls()
            .with("TWILIO__BASE_URL", &exchange.base_url())
            .with("RATE_LIMITS__AUTHENTICATION", "100000")
            .with("RATE_LIMITS__STRANGERS", "100000");
        let office = Office::open_as_it_is(house, Clock::showing(now)).await;
        let owner = office.owner("ruf").await;
        let store = &office.server.store;
        let id = owner.tenant().parse().unwrap();
        let mut practice = Practice::named("ruf");
        practice.tenant = store.read(&id).await.unwrap().tenant().get().await.unwrap().unwrap();
        practice.keep(store).await;
        Self { office, exchange, faults, owner, practice }
    }

    pub(super) async fn allow(&self) {
        let wanted = json!({ "consent": "asked at the first visit", "countries": ["DE"] });
        self.owner.patch("/api/outgoing-settings", wanted).await.well();
    }

    fn wanted(&self) -> Value {
        json!({ "to": PERSON, "assistant": self.practice.assistant.id.as_str(), "purpose": "Ask about the card." })
    }

    pub(super) fn dial(&self) -> Dial {
        Dial {
            clock: Clock::system(),
            account: Account { sid: ACCOUNT.0.to_owned(), token: ACCOUNT.1.to_owned() },
            reach: self.office.server.addr,
            voice_url: "https://voice.example.com/twilio/voice".to_owned(),
            status_url: None,
            from: PERSON.to_owned(),
            to: self.practice.number.number.to_string(),
            forwarded: None,
            verified: None,
            conditions: Conditions::default(),
            exchange: Some(self.exchange.clone()),
            callee: frontdesk::sim::twilio::Callee::default(),
            message: None,
            limit: std::time::Duration::from_secs(10),
            keep_log: false,
        }
    }

    pub(super) async fn until(&self, id: &str, state: &str) -> Value {
        let path = format!("/api/outgoing-calls/{id}");
        for _ in 0..LOOKS_MAX {
            let found = self.owner.get(&path).await.well();
            if found["state"] == state {
                return found;
            }
            tokio::task::yield_now().await;
            Clock::system().sleep(std::time::Duration::from_millis(25)).await;
        }
        let faults = self.faults.all();
        panic!("it did not become {state}: {} {faults:?}", self.owner.get(&path).await.well());
    }

    pub(super) async fn close(self) {
        self.office.server.stop().await;
        assert_eq!(self.faults.all(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_before_somebody_has_said_where_consent_comes_from() {
    let desk = Desk::open().await;
    let refused = desk.owner.post("/api/calls", desk.wanted()).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    desk.allow().await;
    let made = desk.owner.post("/api/calls", desk.wanted()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_are_never_called_are_refused_with_the_reason_before_twilio_is_asked() {
    let desk = Desk::open().await;
    desk.allow().await;
    let own = desk.practice.number.number.to_string();
    for (to, why) in [
        ("112", "emergency"),
        ("11833", "short"),
        ("+49 900 1234567", "premium"),
        ("+881 6 12345678", "satellite"),
        ("+1 212 555 0123", "country"),
        ("nonsense", "not a telephone number"),
        (own.as_str(), "answered here"),
    ] {
        let mut wanted = desk.wanted();
        wanted["to"] = to.into();
        let refused = desk.owner.post("/api/calls", wanted).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/to"]), "{to}: {}", refused.body);
        assert!(refused.body.to_string().contains(why), "{to}: {}", refused.body);
    }
    assert_eq!(desk.exchange.placed(), []);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_asked_for_twice_under_one_name_is_dialled_once_and_ends_as_twilio_tells() {
    for (telling, word, ended) in [
        (Telling::Prompt, "busy", "busy"),
        (Telling::Twice, "no-answer", "no_answer"),
        (Telling::Reversed, "failed", "failed"),
        (Telling::Late, "no-answer", "no_answer"),
    ] {
        let desk = Desk::open().await;
        desk.allow().await;
        let ask = || {
            let request = desk.owner.request(Method::POST, "/api/calls").header("Idempotency-Key", "one");
            sent(request.json(&desk.wanted()))
        };
        let (first, again) = (ask().await.well(), ask().await.well());
        assert_eq!(first["id"], again["id"]);
        let placed = desk.exchange.next_placed().await;
        assert_eq!(placed.asked("To"), PERSON);
        desk.until(first["id"].as_str().unwrap(), "placed").await;
        desk.dial().ring_up(&placed, Called::Ends(word), telling, &desk.faults).await.unwrap();
        let over = desk.until(first["id"].as_str().unwrap(), "over").await;
        assert_eq!(over["ended_as"], ended, "{telling:?}");
        let call = desk.owner.get(&format!("/api/calls/{}", over["call"].as_str().unwrap())).await.well();
        assert_eq!(
            (&call["direction"], &call["state"], &call["outcome"]),
            (&json!("outbound"), &json!("failed"), &json!("not_reached"))
        );
        assert_eq!(desk.exchange.placed().len(), 1);
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_the_night_waits_and_can_be_taken_back() {
    let desk = Desk::open_at(at(14 * 60)).await;
    desk.allow().await;
    let made = desk.owner.post("/api/calls", desk.wanted()).await.well();
    let id = made["id"].as_str().unwrap();
    let mut waits = false;
    for _ in 0..LOOKS_MAX {
        waits = desk.owner.get(&format!("/api/outgoing-calls/{id}")).await.well()["problem"].is_string();
        if waits {
            break;
        }
        Clock::system().sleep(std::time::Duration::from_millis(25)).await;
    }
    assert!(waits, "it is looked at, and put off");
    let back = desk.owner.post(&format!("/api/outgoing-calls/{id}/cancel"), json!({})).await.well();
    assert_eq!((&back["state"], &back["ended_as"]), (&json!("dropped"), &json!("cancelled")));
    assert_eq!(desk.exchange.placed(), []);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tries_an_assistant_out_is_rung_at_her_own_telephone_and_hears_the_draft() {
    let desk = Desk::open().await;
    let assistant = format!("/api/assistants/{}", desk.practice.assistant.id);
    let path = format!("{assistant}/call-me");
    let hers = json!({ "telephone": "0151 12345678", "keep": true });
    let early = desk.owner.post(&path, hers.clone()).await;
    assert_eq!(early.status, 409, "nobody may be called yet: {}", early.body);
    desk.allow().await;
    let own = desk.practice.number.number.clone();
    for wrong in ["112", "+881 6 12345678", "+1 212 555 0123", own.as_str()] {
        let refused = desk.owner.post(&path, json!({ "telephone": wrong })).await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/telephone"]),
            "{wrong}: {}",
            refused.body
        );
    }
    let draft = json!({ "instructions": "Only the draft says so.", "opening": { "en": "Good day!" } });
    desk.owner.patch(&format!("{assistant}/draft"), draft).await.well();
    let asked = desk.owner.post(&path, hers).await;
    assert_eq!((asked.status, &asked.body["kind"]), (202, &json!("test")), "{}", asked.body);
    let id = asked.body["id"].as_str().unwrap();
    let placed = desk.exchange.next_placed().await;
    assert_eq!(placed.asked("To"), PERSON);
    let ring = Ring {
        sid: placed.sid.parse().unwrap(),
        account_sid: ACCOUNT.0.to_owned(),
        from: Some(own),
        to: PERSON.parse().unwrap(),
        attested: false,
        forwarded: None,
    };
    let rung = news::answered(&desk.office.server.store, at(TEN), &id.parse().unwrap(), &ring).await.unwrap();
    let Rung::Answer(answer) = rung else { panic!("somebody speaks to her") };
    assert_eq!(answer.assistant.instructions, "Only the draft says so.");
    assert!(answer.errand.is_none(), "she hears what callers hear");
    assert!(answer.record.leaves_nothing() && answer.record.test.is_some_and(|test| test.draft.is_some()));
    desk.dial().ring_up(&placed, Called::Ends("busy"), Telling::Prompt, &desk.faults).await.unwrap();
    let over = desk.until(id, "over").await;
    let call = desk.owner.get(&format!("/api/calls/{}", over["call"].as_str().unwrap())).await.well();
    assert_eq!((&call["test"], &call["outcome"]), (&json!(true), &json!("not_reached")));
    let again = desk.owner.post(&path, json!({})).await;
    assert_eq!(again.status, 202, "the number is kept, and she may be rung as often as she likes");
    desk.exchange.next_placed().await;
    desk.close().await;
    let night = Desk::open_at(at(14 * 60)).await;
    night.allow().await;
    let path = format!("/api/assistants/{}/call-me", night.practice.assistant.id);
    let late = night.owner.post(&path, json!({ "telephone": PERSON })).await;
    assert_eq!(late.status, 409, "it is not rung tomorrow instead: {}", late.body);
    night.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_noted_as_not_wanting_to_be_called_is_not() {
    let desk = Desk::open().await;
    desk.allow().await;
    let noted = desk.owner.post("/api/opt-outs", json!({ "number": "0049 151 1234 5678" })).await.well();
    assert_eq!(noted["number"], PERSON);
    let refused = desk.owner.post("/api/calls", desk.wanted()).await;
    assert_eq!(refused.status, 409);
    let path = format!("/api/opt-outs/{}", noted["id"].as_str().unwrap());
    assert_eq!(desk.owner.delete(&path).await.status, 204);
    desk.owner.post("/api/calls", desk.wanted()).await.well();
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_made_begun_changed_only_while_it_is_paused_and_given_up_by_a_program() {
    let desk = Desk::open().await;
    let wanted = json!({
        "name": "New cards", "assistant": desk.practice.assistant.id.as_str(), "purpose": "Ask about the card.",
        "window": { "last_day": "2026-03-06", "from": "09:30" }, "retry": { "attempts": 2 },
        "contacts": [{ "number": PERSON, "name": "Frau Beispiel" }, { "number": "112" }],
    });
    let mut wrong = wanted.clone();
    wrong["window"]["until"] = "21:00".into();
    wrong["retry"]["endings"] = json!(["answered"]);
    let refused = desk.owner.post("/api/campaigns", wrong).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/window/until", "/retry/endings/0"]));
    let made = desk.owner.post("/api/campaigns", wanted).await.well();
    assert_eq!((&made["state"], &made["progress"]["refused"]["emergency"]), (&json!("draft"), &json!(1)));
    assert_eq!(
        (&made["contacts"][0]["accepted"], &made["contacts"][1]["reason"]),
        (&json!(true), &json!("emergency"))
    );
    let path = format!("/api/campaigns/{}", made["id"].as_str().unwrap());
    let early = desk.owner.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(early.status, 409, "nobody has said where consent comes from");
    desk.allow().await;
    desk.owner.post(&format!("{path}/resume"), json!({})).await.well();
    let placed = desk.exchange.next_placed().await;
    assert_eq!(placed.asked("To"), PERSON);
    assert_eq!(desk.owner.patch(&path, json!({ "at_once": 2 })).await.status, 409);
    let paused = desk.owner.post(&format!("{path}/pause"), json!({})).await.well();
    assert_eq!(paused["state"], "paused");
    let changed = desk.owner.patch(&path, json!({ "at_once": 2 })).await.well();
    assert_eq!((&changed["at_once"], &changed["window"]["from"]), (&json!(2), &json!("09:30")));
    let more = json!({ "contacts": [{ "number": "0151 12345678" }, { "number": "+4915112345679" }] });
    let named = desk.owner.post(&format!("{path}/contacts"), more).await.well();
    assert_eq!(
        (&named["contacts"][0]["before"], &named["contacts"][1]["before"]),
        (&json!(true), &json!(false))
    );
    let called = desk.owner.get("/api/outgoing-calls").await.well()["items"][0].clone();
    assert_eq!((&called["kind"], &called["campaign"]), (&json!("campaign"), &made["id"]));
    let cancelled = desk.owner.post(&format!("{path}/cancel"), json!({})).await.well();
    assert_eq!((&cancelled["state"], &cancelled["progress"]["cancelled"]), (&json!("cancelled"), &json!(1)));
    let people = desk.owner.get(&format!("{path}/contacts?state=done")).await.well();
    assert_eq!(people["items"][0]["number"], "+4915112345679");
    let listed = desk.owner.get("/api/campaigns").await.well();
    assert_eq!(listed["items"][0]["progress"]["all"], 3);
    assert_eq!(desk.exchange.placed().len(), 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_puts_somebody_on_the_waiting_list_and_takes_them_off() {
    let desk = Desk::open().await;
    let service = desk.practice.checkup.id.as_str();
    let nobody = desk.owner.post("/api/waiting-list", json!({ "service": service, "number": "112" })).await;
    assert_eq!((nobody.status, nobody.pointers()), (422, vec!["/name", "/number"]));
    let wanted = json!({ "service": service, "number": PERSON, "name": "Frau Beispiel", "until": "12:00" });
    let joined = desk.owner.post("/api/waiting-list", wanted.clone()).await.well();
    assert_eq!((&joined["state"], &joined["until"]), (&json!("waiting"), &json!("12:00")));
    let again = desk.owner.post("/api/waiting-list", wanted).await.well();
    assert_eq!(again["contact"], joined["contact"], "the same person");
    let path = format!("/api/waiting-list/{}", joined["id"].as_str().unwrap());
    assert_eq!(desk.owner.delete(&path).await.status, 204);
    assert_eq!(desk.owner.get(&path).await.well()["state"], "over");
    let waiting = desk.owner.get("/api/waiting-list?state=waiting").await.well();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    let path = format!("/api/services/{service}/offers");
    assert_eq!(desk.owner.get(&path).await.well()["freed"], false);
    let set = sent(desk.owner.request(Method::PUT, &path).json(&json!({ "freed": true, "latest": 90 })))
        .await
        .well();
    assert_eq!(desk.owner.get(&path).await.well(), set);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_can_be_made_longer_and_never_shorter() {
    let desk = Desk::open().await;
    let refused =
        desk.owner.patch("/api/outgoing-settings", json!({ "from": "08:00", "until": "21:00" })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/from", "/until"]));
    let kept =
        desk.owner.patch("/api/outgoing-settings", json!({ "from": "10:00", "until": "18:30" })).await.well();
    assert_eq!((&kept["from"], &kept["until"]), (&json!("10:00"), &json!("18:30")));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_twilio_tells_of_a_call_must_be_signed() {
    let desk = Desk::open().await;
    desk.allow().await;
    let made = desk.owner.post("/api/calls", desk.wanted()).await.well();
    let placed = desk.exchange.next_placed().await;
    let form = [("AccountSid", ACCOUNT.0), ("CallSid", placed.sid.as_str()), ("CallStatus", "completed")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = desk.dial().post_signed(placed.asked("StatusCallback"), &form, "forged").await.unwrap();
    assert_eq!(answer.status, 403);
    let found = desk.until(made["id"].as_str().unwrap(), "placed").await;
    assert!(found["ended_as"].is_null());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reminders_of_a_service_are_set_whole_and_told_apart_by_their_lead() {
    let desk = Desk::open().await;
    let path = format!("/api/services/{}/reminders", desk.practice.checkup.id);
    let put = |wanted: Value| sent(desk.owner.request(Method::PUT, &path).json(&wanted));
    let twice = put(json!([{ "lead": 1440, "channel": "call" }, { "lead": 1440, "channel": "sms" }])).await;
    assert_eq!((twice.status, twice.pointers()), (422, vec!["/1/lead"]));
    let wanted = json!([
        { "lead": 180, "channel": "sms", "wording": { "de": "Bitte bringen Sie Ihre Karte mit." } },
        { "lead": 1440, "channel": "call", "attempts": 2, "sms_after": true },
    ]);
    let kept = put(wanted).await.well();
    assert_eq!(kept[1]["attempts"], 2);
    assert_eq!(desk.owner.get(&path).await.well(), kept);
    assert_eq!(put(json!([])).await.well(), json!([]));
    desk.close().await;
}
