//! Test calls: an assistant is tried out from a browser, over the sockets and through the code that callers use.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use frontdesk::{
    app::{
        Error,
        bookings::{self, Asker, Wish},
    },
    call::port::Note,
    domain::{
        assistant::Language,
        booking::AppointmentStatus,
        calendar::Vendor,
        conversation::{Direction, Outcome},
        id::{CallId, NumberId},
        time::Timestamp,
    },
    live::notice::{Notice, What},
    platform::clock::Clock,
    sim::{
        admin::Admin,
        openai::Manners,
        scenario::{self, Scenario},
        stage::{Stage, Wanted},
        twilio::{self, Conditions, Dial, Report, StreamEnd},
    },
    store::{NewCall, Store},
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

use crate::support::{
    databases::on_both,
    house::House,
    neighbours::Neighbour,
    office::Office,
    practice::{Practice, at},
};

/// How many times as fast as life these calls are.
const PACE: u32 = 3;
/// How long something may take, by the wall.
const PATIENCE: Duration = Duration::from_secs(30);

/// A practice with a calendar outside, and somebody who looks after it.
async fn stage() -> (Stage, Admin, TempDir) {
    let scenario = scenario::named("book", Language::English).unwrap();
    staged(scenario).await
}

/// The same with a caller of one's own.
async fn staged(scenario: Scenario) -> (Stage, Admin, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::hurried(PACE),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: Some(Vendor::Google),
        keep_log: false,
        environment: vec![],
    };
    let stage = Stage::set(scenario, wanted).await.unwrap();
    let admin = stage.admin().await.unwrap();
    (stage, admin, folder)
}

async fn begin(admin: &Admin) -> Value {
    let assistants = admin.ask(Method::GET, "/api/assistants", None).await.unwrap();
    let wanted = json!({ "assistant": assistants["items"][0]["id"], "language": "en" });
    admin.ask(Method::POST, "/api/test-calls", Some(&wanted)).await.unwrap()
}

/// Talks as the scenario's caller does, on the socket of that test call.
async fn talk(stage: &Stage, begun: &Value) -> Report {
    let mut dial: Dial = stage.dial.clone();
    dial.account.sid = begun["account_sid"].as_str().unwrap().to_owned();
    let mut caller = stage.scenario.caller(&stage.voice).unwrap();
    let text = |name: &str| begun[name].as_str().unwrap();
    dial.talk(text("url"), text("call_sid"), text("token"), &mut caller, &stage.faults).await
}

async fn until(notices: &mut Receiver<Arc<Notice>>, mut holds: impl FnMut(&What) -> bool) {
    let waited =
        tokio::time::timeout(PATIENCE, async { while !holds(&notices.recv().await.unwrap().what) {} });
    waited.await.expect("it happens in the call");
}

fn ended(what: &What) -> bool {
    matches!(what, What::Ended(_))
}

/// A program that is told of everything; where it can be seen what it was told.
async fn watched(admin: &Admin) -> String {
    let kinds = ["call.started", "call.ended", "call.summarised", "appointment.booked", "message.taken"];
    let wanted = json!({ "url": "https://example.com/hook", "kinds": kinds });
    let made = admin.ask(Method::POST, "/api/webhooks", Some(&wanted)).await.unwrap();
    format!("/api/webhooks/{}/deliveries", made["id"].as_str().unwrap())
}

/// What a tenant has of people's: appointments, messages, contacts.
async fn left(admin: &Admin) -> BTreeMap<&'static str, usize> {
    let mut left = BTreeMap::new();
    for list in ["/api/appointments", "/api/messages", "/api/contacts"] {
        let page = admin.ask(Method::GET, list, None).await.unwrap();
        left.insert(list, page["items"].as_array().unwrap().len());
    }
    left
}

#[tokio::test]
async fn a_test_call_books_as_any_call_does_and_leaves_nothing_behind() {
    let (stage, admin, _folder) = stage().await;
    let before = left(&admin).await;
    let told = watched(&admin).await;
    let mut notices = stage.server.lines.watch();
    let begun = begin(&admin).await;
    assert_eq!(begun["url"], "wss://frontdesk.example/console/calls/test/media");
    assert_eq!(
        begun["media_format"],
        json!({ "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 })
    );
    let report = talk(&stage, &begun).await;
    assert_eq!((report.stream_end, report.undone), (Some(StreamEnd::CallerHungUp), vec![]));
    assert!(report.marks > 0, "what was played is told");
    until(&mut notices, ended).await;

    let path = format!("/api/calls/{}", begun["call"].as_str().unwrap());
    let call = admin.ask(Method::GET, &path, None).await.unwrap();
    assert_eq!((&call["test"], &call["from"], &call["to"]), (&json!(true), &Value::Null, &Value::Null));
    assert_eq!((&call["outcome"], &call["assistant_version"]), (&json!("caller_left"), &json!(1)));
    assert!(!call["turns"].as_array().unwrap().is_empty(), "it is kept what was said");
    let booked = call["tool_calls"].as_array().unwrap().iter().find(|tool| tool["name"] == "book").unwrap();
    assert_eq!(booked["output"]["status"], "booked", "it was booked in the call");
    assert_eq!(call["appointments"], json!([]), "and went with it");
    assert_eq!(left(&admin).await, before);
    assert_eq!(stage.agenda.as_ref().unwrap().standing().len(), 0, "no calendar outside was written to");
    let deliveries = admin.ask(Method::GET, &told, None).await.unwrap();
    assert_eq!(deliveries["items"], json!([]), "nobody's program was told");
    let refused = admin.ask(Method::POST, &format!("{path}/keep"), None).await.unwrap_err();
    assert!(refused.to_string().contains("409"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn what_a_test_call_made_stays_when_somebody_says_so() {
    // A caller who stays on the line until it is ended.
    let mut scenario = scenario::named("book", Language::English).unwrap();
    scenario.caller.truncate(scenario.caller.len() - 2);
    let (stage, admin, _folder) = staged(scenario).await;
    let told = watched(&admin).await;
    let begun = begin(&admin).await;
    let path = format!("/api/calls/{}", begun["call"].as_str().unwrap());
    let mut notices = stage.server.lines.watch();
    let kept = async {
        until(&mut notices, |what| match what {
            What::Note { note: Note::ToolEnded { .. }, tool, .. } => tool.as_deref() == Some("book"),
            _ => false,
        })
        .await;
        admin.ask(Method::POST, &format!("{path}/keep"), None).await.unwrap();
        admin.ask(Method::POST, &format!("{path}/keep"), None).await.unwrap();
        admin.ask(Method::POST, &format!("{path}/end"), None).await.unwrap();
        until(&mut notices, ended).await;
    };
    tokio::join!(talk(&stage, &begun), kept);
    let call = admin.ask(Method::GET, &path, None).await.unwrap();
    let [appointment] = call["appointments"].as_array().unwrap().as_slice() else {
        panic!("one appointment: {call}")
    };
    let deliveries = admin.ask(Method::GET, &told, None).await.unwrap();
    let kinds: Vec<&Value> = deliveries["items"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["appointment.booked"], "of the call itself nobody is told");
    let agenda = stage.agenda.as_ref().unwrap();
    let written = tokio::time::timeout(PATIENCE, async {
        while frontdesk::sim::agenda::of(&agenda.standing(), appointment.as_str().unwrap()).len() != 1 {
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
    written.await.expect("it is written into the calendar outside");
    stage.strike().await;
}

#[tokio::test]
async fn a_token_is_good_for_one_socket_and_a_tenant_has_two_test_calls_at_a_time() {
    let (stage, admin, _folder) = stage().await;
    let (first, second) = (begin(&admin).await, begin(&admin).await);
    let assistants = admin.ask(Method::GET, "/api/assistants", None).await.unwrap();
    let wanted = json!({ "assistant": assistants["items"][0]["id"] });
    let third = admin.ask(Method::POST, "/api/test-calls", Some(&wanted)).await.unwrap_err();
    assert!(third.to_string().contains("limit-reached"), "{third}");
    let mut notices = stage.server.lines.watch();
    let swapped = json!({
        "account_sid": "browser", "url": first["url"], "call_sid": first["call_sid"], "token": second["token"],
    });
    let report = talk(&stage, &swapped).await;
    assert!(matches!(report.stream_end, Some(StreamEnd::ServerClosed(_))), "{:?}", report.stream_end);
    assert!(
        matches!(talk(&stage, &second).await.stream_end, Some(StreamEnd::ServerClosed(_))),
        "it is used up"
    );
    talk(&stage, &first).await;
    until(&mut notices, ended).await;
    begin(&admin).await;
    stage.strike().await;
}

#[tokio::test]
async fn who_may_set_up_assistants_may_try_them_out_and_nobody_else() {
    let office = Office::open_in(House::new().ready_for_calls()).await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let wanted = json!({ "assistant": own.ids["assistant"] });
    for role in ["viewer", "member"] {
        let asker = office.member(&own.owner, "somebody", role).await;
        assert_eq!(asker.post("/api/test-calls", wanted.clone()).await.status, 403, "{role}");
    }
    assert_eq!(office.stranger().post("/api/test-calls", wanted.clone()).await.status, 401);
    let wrong = own.owner.post("/api/test-calls", json!({ "assistant": "x", "language": "fr" })).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/assistant", "/language"]));
    let begun = own.owner.post("/api/test-calls", wanted).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let calls = own.owner.get("/api/calls?limit=1").await.well();
    assert_eq!(calls["items"][0]["id"], begun.body["call"]);
    let numbers = own.owner.get("/api/numbers").await.well();
    assert!(!numbers.to_string().contains("+999"), "nobody is shown the line from browsers");
    let path = format!("/api/calls/{}/transfer", begun.body["call"].as_str().unwrap());
    let refused = own.owner.post(&path, json!({ "target": own.ids["target"] })).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    let kept = own.owner.post(&format!("/api/calls/{}/keep", own.ids["call"]), Value::Null).await;
    assert_eq!((kept.status, kept.problem()), (409, "conflict"), "a caller's call is no test call");
    office.server.stop().await;
}

on_both! {
    async fn a_test_call_changes_only_what_it_made(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let real = book(&fresh.store, &practice, None, 120).await.unwrap();
        let call = ring(&fresh.store, &practice).await;
        let asker = Asker { tenant: practice.tenant.id.clone(), call: Some(call.clone()), key: None, staff: None };
        let of = Some(&practice.contact.id);
        let refused = bookings::cancel(&fresh.store, &asker, at(0), &real, of).await;
        assert!(matches!(refused, Err(Error::NotFound("appointment"))), "{refused:?}");
        let made = book(&fresh.store, &practice, Some(&call), 180).await.unwrap();
        bookings::cancel(&fresh.store, &asker, at(0), &made, of).await.unwrap();
        book(&fresh.store, &practice, Some(&call), 300).await.unwrap();
        let finished = frontdesk::app::calls::Finished::without_words(Outcome::CallerLeft, at(1));
        frontdesk::app::calls::finished(&fresh.store, &practice.tenant.id, &call, &finished).await.unwrap();
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        assert_eq!(tx.appointments().of_call(&call).await.unwrap(), []);
        let standing = tx.appointments().get(&real).await.unwrap().unwrap();
        assert_eq!(standing.status, AppointmentStatus::Confirmed);
        assert!(tx.contacts().get(&practice.contact.id).await.unwrap().is_some(), "who was known before stays known");
        drop(tx);
        let late = book(&fresh.store, &practice, Some(&call), 360).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "a call that is over books nothing more: {late:?}");
    }

    async fn what_a_lost_test_call_made_goes_too(fresh: Fresh) {
        let practice = Practice::open(&fresh.store, "alpha").await;
        let call = ring(&fresh.store, &practice).await;
        let made = book(&fresh.store, &practice, Some(&call), 120).await.unwrap();
        assert_eq!(frontdesk::app::calls::close_lost(&fresh.store, at(60), at(61)).await.unwrap(), 1);
        let mut tx = fresh.store.read(&practice.tenant.id).await.unwrap();
        assert_eq!(tx.appointments().get(&made).await.unwrap(), None);
    }
}

async fn book(
    store: &Store,
    practice: &Practice,
    call: Option<&CallId>,
    minutes: i64,
) -> Result<frontdesk::domain::id::AppointmentId, Error> {
    let asker = Asker { tenant: practice.tenant.id.clone(), call: call.cloned(), key: None, staff: None };
    let wish = Wish { service: practice.checkup.id.clone(), start: at(minutes), resource: None, seats: 1 };
    let booked = bookings::book(store, &asker, at(0), &wish, &practice.contact.id, "", None).await;
    booked.map(|booked| booked.id)
}

/// A test call that has begun.
async fn ring(store: &Store, practice: &Practice) -> CallId {
    let id: CallId = "call_tested".parse().unwrap();
    let mut tx = store.begin(&practice.tenant.id).await.unwrap();
    let line: NumberId = "num_line".parse().unwrap();
    let (number, to) = tx.calls().line(line.clone()).await.unwrap();
    assert_eq!(
        tx.calls().line("num_other".parse().unwrap()).await.unwrap(),
        (line, to.clone()),
        "there is one"
    );
    let new = NewCall {
        id: id.clone(),
        sid: twilio::sid("CA").parse().unwrap(),
        account_sid: "browser".to_owned(),
        number,
        assistant: practice.assistant.id.clone(),
        from: None,
        to,
        attested: false,
        direction: Direction::Inbound,
    };
    tx.calls().ring_test(&new, None, Timestamp(at(0).0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}
