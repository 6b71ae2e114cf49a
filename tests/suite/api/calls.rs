//! Calls over the API: what was kept of them, listened to, watched while they happen, and ended.

use std::time::Duration;

use frontdesk::{
    domain::{
        assistant::Language,
        conversation::{CallState, Outcome},
        money::MicroUsd,
    },
    platform::{blobs::BlobName, clock::Clock},
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::Conditions,
    },
    store::Ended,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    neighbours::Neighbour,
    office::{Asker, Office, sent},
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

/// An owner of the stage's tenant, who logs in at its server.
async fn owner_of(stage: &Stage) -> Asker {
    let office = Office::at(stage.server.addr);
    let wanted = json!({ "tenant": "Elsewhere", "email": "eve@example.com", "password": crate::support::office::PASSWORD });
    let grant = office.post("/auth/register", wanted).await.well();
    let user = grant["user"]["id"].as_str().unwrap().parse().unwrap();
    let mut tx = stage.server.store.begin(&stage.tenant.id).await.unwrap();
    tx.memberships().add(&user, frontdesk::domain::people::Role::Owner, MONDAY_8).await.unwrap();
    tx.commit().await.unwrap();
    let office = office.with(grant);
    let switched = office.post("/auth/switch", json!({ "tenant": stage.tenant.id.as_str() })).await.well();
    office.with(switched)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_watched_while_it_happens() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::hurried(3),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: true,
        keep_log: false,
        environment: vec![],
    };
    let scenario = scenario::named("book", Language::English).unwrap();
    let stage = Stage::set(scenario, wanted).await.unwrap();
    let owner = owner_of(&stage).await;
    let mut stream = owner.request(Method::GET, "/api/events").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let watching = async {
        let mut text = String::new();
        while !text.contains("event: ended") {
            let chunk = tokio::time::timeout(Duration::from_secs(60), stream.chunk()).await.unwrap();
            text.push_str(std::str::from_utf8(&chunk.unwrap().expect("more")).unwrap());
        }
        text
    };
    let (played, text) = tokio::join!(stage.play(), watching);
    let played = played.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
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
    let call = played.call.unwrap();
    assert!(events.iter().all(|event| event["call"] == call.id.as_str() || event["kind"] == "missed"));
    let detail = owner.get(&format!("/api/calls/{}", call.id)).await.well();
    assert!(
        !detail["turns"].as_array().unwrap().is_empty()
            && !detail["tool_calls"].as_array().unwrap().is_empty()
    );
    assert_eq!(detail["appointments"].as_array().unwrap().len(), 1, "{detail}");
    let over = sent(owner.request(Method::POST, &format!("/api/calls/{}/end", call.id))).await;
    assert_eq!((over.status, over.problem()), (409, "conflict"), "it is over");
    stage.strike().await;
}
