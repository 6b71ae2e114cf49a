//! Calls over the API: what was kept of them, listened to, watched while they happen, and ended.

use std::{path::Path, time::Duration};

use frontdesk::{
    domain::{
        assistant::Language,
        conversation::{CallState, Outcome},
        money::MicroUsd,
        people::Role,
        phrases::Phrase,
    },
    platform::{blobs::BlobName, clock::Clock},
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::{Conditions, StreamEnd},
    },
    store::Ended,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{
    house::House,
    neighbours::Neighbour,
    office::{Asker, Office, PASSWORD, sent},
    practice::{MONDAY_8, Practice, at},
};

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn calls_are_found_by_when_who_and_how_they_ended_latest_first() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let id = owner.tenant().parse().unwrap();
    let mut practice = Practice::named("alpha");
    practice.tenant.id = id;
    let mut tx = office.server.store.begin(&practice.tenant.id).await.unwrap();
    for n in 2..9 {
        let call = practice.new_call(n);
        tx.calls().ring(&call, at(i64::from(n) * 10)).await.unwrap();
        if n % 2 == 0 {
            let ended = Ended {
                outcome: Outcome::CallerLeft,
                at: at(i64::from(n) * 10 + 1),
                cost: MicroUsd(12_345),
                recording: None,
                consent: None,
                stream: Some(0),
            };
            tx.calls().advance(&call.id, CallState::Completed, ended.at).await.unwrap();
            tx.calls().finish(&call.id, &ended).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    let all = owner.get("/api/calls").await.well();
    let expected: Vec<String> = (1..9).rev().map(|n| format!("call_alpha{n}")).collect();
    assert_eq!(ids(&all), expected, "latest first");
    assert_eq!(all["items"][0]["cost_usd"], "0.012345");
    let mut paged = vec![];
    let mut cursor = String::new();
    loop {
        let page = owner.get(&format!("/api/calls?limit=3{cursor}")).await.well();
        paged.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, expected);
    let ended = owner.get("/api/calls?outcome=caller_left&state=completed").await.well();
    assert_eq!(ids(&ended), ["call_alpha8", "call_alpha6", "call_alpha4", "call_alpha2"]);
    let of = format!("/api/calls?assistant={}&limit=2", tenant.ids["assistant"]);
    assert_eq!(ids(&owner.get(&of).await.well()), ["call_alpha8", "call_alpha7"]);
    let caller = practice.contact.number.clone().unwrap().to_string().replace('+', "%2B");
    assert_eq!(ids(&owner.get(&format!("/api/calls?caller={caller}")).await.well()).len(), 8);
    let first = owner.get("/api/calls?limit=3").await.well();
    let mut tx = office.server.store.begin(&practice.tenant.id).await.unwrap();
    tx.calls().ring(&practice.new_call(9), at(90)).await.unwrap();
    tx.commit().await.unwrap();
    let next = format!("/api/calls?limit=3&cursor={}", first["next_cursor"].as_str().unwrap());
    let next = ids(&owner.get(&next).await.well());
    assert_eq!(next, ["call_alpha5", "call_alpha4", "call_alpha3"], "a call that rings shifts no page");
    let moment = |minutes| at(minutes).to_jiff().to_string();
    let between = format!("/api/calls?from={}&until={}", moment(30), moment(50));
    assert_eq!(ids(&owner.get(&between).await.well()), ["call_alpha4", "call_alpha3"]);
    for (query, parameter) in [
        ("?state=asleep", "state"),
        ("?outcome=fine", "outcome"),
        ("?from=yesterday", "from"),
        ("?caller=0170", "caller"),
        ("?assistant=ast_a&number=num_a", "assistant"),
    ] {
        let answer = owner.get(&format!("/api/calls{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["parameter"]),
            (422, &json!(parameter)),
            "{query}"
        );
    }
    office.server.stop().await;
}

#[tokio::test]
async fn a_recording_is_listened_to_whole_or_in_parts() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let call = tenant.ids["call"].clone();
    let path = format!("/api/calls/{call}/recording");
    assert_eq!(owner.get(&path).await.status, 404, "there is none");
    let name = BlobName::new(format!("recordings/{}.ogg", call.replace("call_", ""))).unwrap();
    let sound: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    office.server.blobs.put(&name, &sound).unwrap();
    let mut tx = office.server.store.begin(&owner.tenant().parse().unwrap()).await.unwrap();
    tx.calls().set_recording(&call.parse().unwrap(), Some(name.as_str())).await.unwrap();
    tx.commit().await.unwrap();
    let ask = async |range: Option<&str>, if_range: Option<&str>| {
        let mut request = owner.request(Method::GET, &path);
        for (name, value) in [("Range", range), ("If-Range", if_range)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.unwrap();
        let head = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let told = (answer.status().as_u16(), head("content-range"), head("etag"), head("content-type"));
        (told, answer.bytes().await.unwrap().to_vec())
    };
    let ((status, _, tag, kind), whole) = ask(None, None).await;
    assert_eq!((status, kind.as_deref()), (200, Some("audio/ogg")));
    assert!(whole == sound);
    for (range, from, until) in [
        ("bytes=0-99", 0, 100),
        ("bytes=99000-", 99_000, 100_000),
        ("bytes=-500", 99_500, 100_000),
        ("bytes=99999-200000", 99_999, 100_000),
    ] {
        let ((status, told, ..), part) = ask(Some(range), None).await;
        assert_eq!((status, told), (206, Some(format!("bytes {from}-{}/100000", until - 1))), "{range}");
        assert!(part == sound[from..until], "{range}");
    }
    for range in ["bytes=100000-", "bytes=-0"] {
        let ((status, told, ..), _) = ask(Some(range), None).await;
        assert_eq!((status, told.as_deref()), (416, Some("bytes */100000")), "{range}");
    }
    let beyond = sent(owner.request(Method::GET, &path).header("Range", "bytes=100000-")).await;
    assert_eq!(beyond.problem(), "no-such-part");
    let head = owner.request(Method::HEAD, &path).header("Range", "bytes=0-9").send().await.unwrap();
    assert_eq!(head.status(), 200, "only what is sent has parts");
    assert_eq!(head.headers()["content-length"], "100000");
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    assert!(head.bytes().await.unwrap().is_empty());
    for (range, if_range) in
        [("bytes=0-1,5-9", None), ("lines=1-2", None), ("bytes=9-1", None), ("bytes=0-9", Some("\"other\""))]
    {
        let ((status, ..), whole) = ask(Some(range), if_range).await;
        assert_eq!((status, whole.len()), (200, sound.len()), "{range}");
    }
    let ((status, ..), part) = ask(Some("bytes=0-9"), tag.as_deref()).await;
    assert_eq!((status, part.len()), (206, 10), "it is the same recording");
    office.server.stop().await;
}

/// Somebody who owns another tenant at the stage's server, and the same as an owner of the stage's own.
pub(super) async fn owners_at(stage: &Stage) -> (Asker, Asker) {
    let office = Office::at(stage.server.addr);
    let wanted = json!({ "tenant": "Elsewhere", "email": "eve@example.com", "password": PASSWORD });
    let grant = office.post("/auth/register", wanted).await.well();
    let user = grant["user"]["id"].as_str().unwrap().parse().unwrap();
    let mut tx = stage.server.store.begin(&stage.tenant.id).await.unwrap();
    tx.memberships().add(&user, Role::Owner, MONDAY_8).await.unwrap();
    tx.commit().await.unwrap();
    let elsewhere = office.with(grant);
    let switched = elsewhere.post("/auth/switch", json!({ "tenant": stage.tenant.id.as_str() })).await.well();
    (elsewhere.clone(), elsewhere.with(switched))
}

pub(super) async fn stage(scenario: &str, folder: &Path) -> Stage {
    let wanted = Wanted {
        clock: Clock::hurried(3),
        folder: folder.to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: vec![],
    };
    Stage::set(scenario::named(scenario, Language::English).unwrap(), wanted).await.unwrap()
}

/// What somebody watches.
pub(super) struct Stream {
    response: Response,
    text: String,
    /// How many events have been taken.
    taken: usize,
}

impl Stream {
    pub(super) async fn open(by: &Asker, path: &str) -> Self {
        let response = by.request(Method::GET, path).send().await.unwrap();
        assert_eq!((response.status().as_u16(), path), (200, path));
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), taken: 0 }
    }

    /// The next event; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            let whole = self.text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
            let event = whole.split("\n\n").filter(|event| event.contains("data: ")).nth(self.taken);
            if let Some(event) = event {
                self.taken += 1;
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let data: Value = serde_json::from_str(line("data: ").unwrap()).unwrap();
                assert_eq!(line("event: "), data["kind"].as_str());
                assert_eq!(line("id: "), Some(self.taken.to_string().as_str()));
                return Some(data);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The events up to the first of that kind.
    pub(super) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = vec![];
        loop {
            events.push(self.next().await.unwrap_or_else(|| panic!("no {kind} in {events:?}")));
            if events.last().unwrap()["kind"] == kind {
                return events;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_watched_while_it_happens() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage("book", folder.path()).await;
    let (_, owner) = owners_at(&stage).await;
    let mut stream = Stream::open(&owner, "/api/events").await;
    let (played, events) = tokio::join!(stage.play(), stream.until("ended"));
    let played = played.unwrap();
    let first = |kind: &str| {
        events.iter().position(|event| event["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    };
    assert!(first("ringing") < first("answered") && first("answered") < first("speaking"));
    assert!(first("speaking") < first("heard") && first("heard") < first("turn"));
    assert!(first("tool_began") < first("tool_ended") && first("tool_ended") < first("ended"));
    let heard: Vec<&str> = events
        .iter()
        .filter(|event| event["kind"] == "heard" && event["speaker"] == "agent")
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert!(heard.windows(2).any(|pair| pair[1].starts_with(pair[0])), "it grows: {heard:?}");
    let tool = events.iter().find(|event| event["kind"] == "tool_ended").unwrap();
    assert_eq!(tool["status"], "answered");
    assert_eq!(tool["tool"], played.tool_calls[0].name.as_str());
    let call = played.call.unwrap();
    let booked = &events[first("appointment")];
    let appointment = played.appointment.unwrap().id;
    assert_eq!((&booked["appointment"], &booked["step"]), (&json!(appointment.as_str()), &json!("booked")));
    assert_eq!(booked["by"], call.id.as_str());
    let others = ["appointment", "missed"];
    let of_call = |event: &Value| event["call"] == call.id.as_str();
    assert!(events.iter().all(|event| of_call(event) || others.contains(&event["kind"].as_str().unwrap())));
    let detail = owner.get(&format!("/api/calls/{}", call.id)).await.well();
    assert!(
        !detail["turns"].as_array().unwrap().is_empty()
            && !detail["tool_calls"].as_array().unwrap().is_empty()
    );
    assert_eq!(detail["appointments"].as_array().unwrap().len(), 1, "{detail}");
    let over = sent(owner.request(Method::POST, &format!("/api/calls/{}/end", call.id))).await;
    assert_eq!((over.status, over.problem()), (409, "conflict"), "it is over");
    let mut late = Stream::open(&owner, &format!("/api/calls/{}/events", call.id)).await;
    assert_eq!(late.until("ended").await[0]["outcome"], detail["outcome"]);
    assert_eq!(late.next().await, None, "there is nothing more to come");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_business_ends_a_call_that_is_in_the_air_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage("silent", folder.path()).await;
    let (elsewhere, owner) = owners_at(&stage).await;
    let mut theirs = Stream::open(&elsewhere, "/api/events").await;
    let mut stream = Stream::open(&owner, "/api/events").await;
    let ending = async {
        let ringing = stream.until("ringing").await;
        let call = ringing[0]["call"].as_str().unwrap().to_owned();
        let (end, events) = (format!("/api/calls/{call}/end"), format!("/api/calls/{call}/events"));
        stream.until("speaking").await;
        let refused = sent(elsewhere.request(Method::POST, &end)).await;
        assert_eq!(refused.status, 404, "it is none of theirs");
        assert_eq!(elsewhere.get(&events).await.status, 404);
        let mut one = Stream::open(&owner, &events).await;
        assert_eq!(sent(owner.request(Method::POST, &end)).await.status, 202);
        let last = stream.until("ended").await.pop().unwrap();
        assert_eq!((&last["call"], &last["outcome"]), (&json!(call), &json!("dismissed")));
        one.until("ended").await;
        assert_eq!(one.next().await, None, "a call that is over has no more events");
        call
    };
    let (played, call) = tokio::join!(stage.play(), ending);
    let played = played.unwrap();
    assert_eq!(played.report.stream_end, Some(StreamEnd::ServerHungUp));
    let goodbye = Phrase::Drained.words(Language::English);
    assert_eq!(played.turns.last().unwrap().heard_text, goodbye, "the caller is told");
    let detail = owner.get(&format!("/api/calls/{call}")).await.well();
    assert_eq!((&detail["state"], &detail["outcome"]), (&json!("completed"), &json!("dismissed")));
    let entries = owner.get(&format!("/api/audit?subject={call}")).await.well();
    assert_eq!(entries["items"][0]["action"], "call.dismissed");
    assert_eq!(entries["items"][0]["actor"], owner.user());
    tokio::join!(stage.strike(), async {
        assert_eq!(theirs.next().await, None, "nothing of it was told elsewhere, until the server left");
        assert_eq!(stream.next().await, None);
    });
}

#[tokio::test]
async fn the_business_puts_a_call_on_hold_and_silences_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage("silent", folder.path()).await;
    let (elsewhere, owner) = owners_at(&stage).await;
    let mut stream = Stream::open(&owner, "/api/events").await;
    let steering = async {
        let ringing = stream.until("ringing").await;
        let call = ringing[0]["call"].as_str().unwrap().to_owned();
        let ask = |what: &str| owner.request(Method::POST, &format!("/api/calls/{call}/{what}"));
        stream.until("speaking").await;
        for (what, told) in
            [("mute", "muted"), ("unmute", "unmuted"), ("hold", "held"), ("resume", "resumed")]
        {
            let theirs = elsewhere.request(Method::POST, &format!("/api/calls/{call}/{what}"));
            assert_eq!(sent(theirs).await.status, 404, "{what}: it is none of theirs");
            assert_eq!(sent(ask(what)).await.status, 202, "{what}");
            stream.until(told).await;
            if what == "hold" {
                stream.until("heard").await;
            }
        }
        assert_eq!(sent(ask("end")).await.status, 202);
        stream.until("ended").await;
        assert_eq!(sent(ask("hold")).await.status, 409, "it is over");
        call
    };
    let (played, call) = tokio::join!(stage.play(), steering);
    let heard: Vec<String> = played.unwrap().turns.into_iter().map(|turn| turn.heard_text).collect();
    assert!(heard.iter().any(|heard| heard.starts_with("Please")), "{heard:?}");
    let entries = owner.get(&format!("/api/audit?subject={call}")).await.well();
    let actions: Vec<_> =
        entries["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["call.dismissed", "call.resumed", "call.held", "call.unmuted", "call.muted"]);
    tokio::join!(stage.strike(), async { assert_eq!(stream.next().await, None) });
}

#[tokio::test]
async fn the_business_passes_on_a_call_that_is_in_the_air() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage("silent", folder.path()).await;
    let (elsewhere, owner) = owners_at(&stage).await;
    let mut stream = Stream::open(&owner, "/api/events").await;
    let target = json!({ "name": "Boss", "number": "+493055501230" });
    let target = owner.post("/api/transfer-targets", target).await.well();
    let passing_on = async {
        let ringing = stream.until("ringing").await;
        let call = ringing[0]["call"].as_str().unwrap().to_owned();
        let path = format!("/api/calls/{call}/transfer");
        stream.until("speaking").await;
        let wanted = json!({ "target": target["id"], "wish": "Has a question." });
        assert_eq!(elsewhere.post(&path, wanted.clone()).await.status, 404, "it is none of theirs");
        let asked = owner.post(&path, wanted).await;
        assert_eq!((asked.status, &asked.body["state"]), (202, &json!("asked")), "{}", asked.body);
        stream.until("passed_on").await;
        stream.until("ended").await.pop().unwrap()
    };
    let (played, last) = tokio::join!(stage.play(), passing_on);
    assert_eq!(last["outcome"], "transferred");
    let played = played.unwrap();
    let [rung] = &played.report.rung[..] else { panic!("one is rung: {:?}", played.report.rung) };
    assert!(rung.bridged && rung.number == "+493055501230");
    assert!(rung.heard.iter().any(|said| said.words.contains("Has a question")), "{:?}", rung.heard);
    let call = played.call.unwrap();
    let detail = owner.get(&format!("/api/calls/{}", call.id)).await.well();
    assert_eq!((&detail["state"], &detail["outcome"]), (&json!("completed"), &json!("transferred")));
    assert_eq!(
        (&detail["transfers"][0]["state"], &detail["transfers"][0]["by"]),
        (&json!("connected"), &json!(owner.user()))
    );
    let late =
        owner.post(&format!("/api/calls/{}/transfer", call.id), json!({ "target": target["id"] })).await;
    assert_eq!((late.status, late.problem()), (409, "conflict"));
    tokio::join!(stage.strike(), async { assert_eq!(stream.next().await, None) });
}

#[tokio::test]
async fn only_so_many_of_one_tenant_watch_at_a_time() {
    let office = Office::open_in(House::new().with("LIMITS__EVENT_STREAMS_MAX", "1")).await;
    let (owner, other) = (office.owner("alpha").await, office.owner("beta").await);
    let first = Stream::open(&owner, "/api/events").await;
    let full = owner.get("/api/events").await;
    assert_eq!((full.status, full.problem()), (429, "too-many-requests"));
    assert!(full.header("retry-after").is_some());
    let elsewhere = Stream::open(&other, "/api/events").await;
    drop((first, elsewhere));
    let freed = async {
        while owner.request(Method::GET, "/api/events").send().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("whoever leaves makes room");
    office.server.stop().await;
}

#[tokio::test]
async fn whoever_may_no_longer_watch_watches_no_longer() {
    // A second of this clock is ten milliseconds: it looks again after a seventh of a second. A request may take as long as ever.
    let house = House::new().with("HTTP__REQUEST_MS_MAX", "1000000");
    let office = Office::open_as_it_is(house, Clock::hurried(100)).await;
    let owner = office.owner("alpha").await;
    let key = json!({ "name": "screen", "scopes": ["calls:read"] });
    let key = owner.post("/api/api-keys", key).await.well();
    let mut stream = Stream::open(&office.bearer(key["key"].as_str().unwrap()), "/api/events").await;
    let id = key["id"].as_str().unwrap();
    assert_eq!(owner.delete(&format!("/api/api-keys/{id}")).await.status, 204);
    assert_eq!(stream.next().await, None);
    let blind = json!({ "name": "blind", "scopes": ["services:read"] });
    let blind = owner.post("/api/api-keys", blind).await.well();
    let refused = office.bearer(blind["key"].as_str().unwrap()).get("/api/events").await;
    assert_eq!((refused.status, refused.problem()), (403, "forbidden"));
    office.server.stop().await;
}
