//! What is done with a call that is over: written on, found by its tags, handed out by a link, its recording removed.

use frontdesk::{
    app::{
        self,
        calls::{self, Finished},
        shares,
    },
    domain::{
        conversation::{Outcome, Speaker, Turn},
        id::CallId,
        time::{CallTime, Timestamp},
    },
    platform::{blobs::BlobName, clock::Clock},
    store::Taped,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    browsing::Browsing,
    house::House,
    neighbours::Neighbour,
    office::{Office, sent},
    practice::{Practice, at},
};

/// What a recording sounds like here: nobody opens it.
const SOUND: &[u8] = b"OggS and so on";

/// Calls of the tenant's that are over, the first recorded; in each this was said.
async fn over(office: &Office, tenant: &Neighbour, words: &str, count: u32) -> Vec<CallId> {
    let mut practice = Practice::named("alpha");
    practice.tenant.id = tenant.owner.tenant().parse().unwrap();
    let (store, id) = (&office.server.store, practice.tenant.id.clone());
    let mut all = vec![];
    for n in 0..count {
        let call = practice.new_call(10 + n);
        let mut tx = store.begin(&id).await.unwrap();
        tx.calls().ring(&call, at(i64::from(n) * 10)).await.unwrap();
        tx.commit().await.unwrap();
        let turn = Turn {
            ordinal: 0,
            speaker: Speaker::Caller,
            began: CallTime(1_000),
            ended: CallTime(2_000),
            text: words.to_owned(),
            heard_text: words.to_owned(),
            generated_ms: 0,
            heard_ms: 0,
            interrupted: false,
            first_audio_ms: None,
            confidence: None,
        };
        let blob = format!("recordings/{}.ogg", call.id);
        let taped = Taped {
            blob: blob.clone(),
            key: None,
            begun: at(0),
            began: CallTime(500),
            millis: Some(1_000),
            complete: true,
            silences: vec![],
        };
        if n == 0 {
            office.server.blobs.put(&BlobName::new(blob).unwrap(), SOUND).unwrap();
        }
        let finished = Finished {
            turns: vec![turn],
            recording: (n == 0).then_some(taped),
            ..Finished::without_words(Outcome::CallerLeft, at(i64::from(n) * 10 + 3))
        };
        calls::finished(store, &id, &call.id, &finished).await.unwrap();
        // What is to be done about its end finds nothing to do; whoever removes its recording is not in its way.
        all.push(call.id);
    }
    all
}

/// The path behind a link.
fn path(url: &Value) -> String {
    let url = url.as_str().unwrap();
    url[url.find("/console/").unwrap()..].to_owned()
}

async fn nobody_works_on_it(office: &Office) {
    let idle = async {
        while office.server.store.across_tenants().next_due().await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), idle).await.unwrap();
}

#[tokio::test]
async fn a_team_writes_on_a_call_and_finds_it_by_its_tags() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let all = over(&office, &tenant, "Guten Tag", 3).await;
    let path = format!("/api/calls/{}", all[1]);
    let before = owner.get(&path).await;
    assert_eq!((&before.body["note"], &before.body["tags"]), (&json!(""), &json!([])));
    let tag = before.header("etag").unwrap().to_owned();
    let wanted = json!({ "note": "Rings again on Friday.", "tags": ["  Rechnung ", "Rückruf", "Rechnung"] });
    let answer = sent(owner.request(Method::PATCH, &path).header("If-Match", &tag).json(&wanted)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["tags"], json!(["Rechnung", "Rückruf"]), "each once, without blanks around it");
    let late =
        sent(owner.request(Method::PATCH, &path).header("If-Match", &tag).json(&json!({ "note": "" }))).await;
    assert_eq!((late.status, late.problem()), (412, "stale"), "somebody else was faster");
    let kept = owner.patch(&path, json!({ "tags": ["Rechnung"] })).await.well();
    assert_eq!((&kept["note"], &kept["tags"]), (&json!("Rings again on Friday."), &json!(["Rechnung"])));
    owner.patch(&format!("/api/calls/{}", all[0]), json!({ "tags": ["Rechnung"] })).await.well();
    let found = async |query: &str| {
        let page = owner.get(&format!("/api/calls?{query}")).await.well();
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("tag=Rechnung").await, [all[1].as_str(), all[0].as_str()], "latest first");
    assert_eq!(found("tag=R%C3%BCckruf").await, Vec::<String>::new(), "taken off, it finds nothing");
    assert_eq!(found("tag=Rechnung&outcome=silence").await, Vec::<String>::new());
    let of = format!("tag=Rechnung&assistant={}", tenant.ids["assistant"]);
    assert_eq!(found(&of).await, [all[1].as_str(), all[0].as_str()]);
    let first = owner.get("/api/calls?tag=Rechnung&limit=1").await.well();
    let next = format!("tag=Rechnung&limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(found(&next).await, [all[0].as_str()]);
    for (body, pointer) in [
        (json!({ "note": "x".repeat(2_001) }), "/note"),
        (json!({ "tags": ["a,b"] }), "/tags/0"),
        (json!({ "tags": ["ok", "x".repeat(41)] }), "/tags/1"),
        (json!({ "tags": (0..11).map(|n| n.to_string()).collect::<Vec<_>>() }), "/tags"),
        (json!({ "words": "x" }), "/words"),
    ] {
        let answer = owner.patch(&path, body).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]));
    }
    let viewer = office.member(owner, "vera", "viewer").await;
    assert_eq!(viewer.patch(&path, json!({ "note": "x" })).await.status, 403);
    let told = owner.get("/api/audit").await.well().to_string();
    assert!(
        told.contains("call.changed") && !told.contains("Friday") && !told.contains("Rechnung"),
        "{told}"
    );
    office.server.stop().await;
}

#[tokio::test]
async fn a_recording_is_removed_for_good_and_the_call_stays() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let all = over(&office, &tenant, "Guten Tag", 2).await;
    nobody_works_on_it(&office).await;
    let path = format!("/api/calls/{}/recording", all[0]);
    let member = office.member(owner, "mia", "member").await;
    assert_eq!(member.delete(&path).await.status, 403, "who may not hand out copies may not remove any");
    let link = owner.post(&format!("/api/calls/{}/shares", all[0]), json!({ "hours": 1 })).await.well();
    let opened = Browsing::at(office.server.addr, "en").get(&self::path(&link["url"])).await;
    assert_eq!(opened.status, 200);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.status, 404);
    let blob = BlobName::new(format!("recordings/{}.ogg", all[0])).unwrap();
    assert!(office.server.blobs.get(&blob).is_err(), "nothing lies there");
    let call = owner.get(&format!("/api/calls/{}", all[0])).await.well();
    assert_eq!(
        (&call["recorded"], call["turns"].as_array().unwrap().len()),
        (&json!(false), 1),
        "the words stay"
    );
    let gone = Browsing::at(office.server.addr, "en").get(&self::path(&link["url"])).await;
    assert_eq!(gone.status, 404, "links go with the recording");
    assert_eq!(owner.delete(&path).await.status, 404, "there is none any more");
    let words = format!("/api/calls/{}/recording?transcript=true", all[1]);
    assert_eq!(owner.delete(&words).await.status, 204, "words can go where nothing was recorded");
    let call = owner.get(&format!("/api/calls/{}", all[1])).await.well();
    assert_eq!((&call["turns"], &call["outcome"]), (&json!([]), &json!("caller_left")));
    let ringing = owner.delete(&format!("/api/calls/{}/recording?transcript=true", tenant.ids["call"])).await;
    assert_eq!(ringing.status, 404, "of a call without any there is nothing to remove");
    let told = owner.get("/api/audit").await.well().to_string();
    assert_eq!(told.matches("call.recording_removed").count(), 2, "{told}");
    office.server.stop().await;
}

#[tokio::test]
async fn a_link_shows_recording_and_transcript_and_nothing_else_until_it_is_taken_back() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let all = over(&office, &tenant, "Ein Termin für den <b>Kanarienvogel</b>", 1).await;
    nobody_works_on_it(&office).await;
    let shares = format!("/api/calls/{}/shares", all[0]);
    for hours in [0, 337] {
        assert_eq!(owner.post(&shares, json!({ "hours": hours })).await.pointers(), ["/hours"]);
    }
    let made = owner.post(&shares, json!({ "hours": 336 })).await;
    assert_eq!(made.status, 201);
    let link = path(&made.body["url"]);
    let secret = link.rsplit('/').next().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    let mut stranger = Browsing::at(office.server.addr, "de");
    let page = stranger.get(&link).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Ein Gespräch zum Nachhören"));
    assert_eq!(page.one("#turn-0 > p:last-child"), "Ein Termin für den <b>Kanarienvogel</b>");
    assert_eq!(page.headers["x-robots-tag"], "noindex, nofollow, noarchive");
    assert_eq!(
        (&page.headers["cache-control"], &page.headers["referrer-policy"]),
        (&"no-store".parse().unwrap(), &"no-referrer".parse().unwrap())
    );
    let number = Practice::named("alpha").contact.number.unwrap();
    for hidden in [number.as_str(), all[0].as_str(), "plain caller", tenant.ids["assistant"].as_str()] {
        assert!(!page.text.contains(hidden), "{hidden}");
    }
    let sound = page.attribute("audio", "src").unwrap();
    for _ in 0..3 {
        let heard = sent_bytes(&office, &sound).await;
        assert_eq!(heard, SOUND);
    }
    let listed = owner.get(&shares).await.well();
    assert_eq!((&listed["items"][0]["openings"], listed["items"].as_array().unwrap().len()), (&json!(1), 1));
    assert!(!listed.to_string().contains(&secret));
    let told = owner.get("/api/audit").await.well().to_string();
    for (action, times) in [("call.shared", 1), ("call.share_opened", 1), ("call.share_heard", 1)] {
        assert_eq!(told.matches(&format!("\"{action}\"")).count(), times, "{action}: {told}");
    }
    assert!(!told.contains(&secret));
    let wrong = format!("/console/shared/{}", secret.chars().rev().collect::<String>());
    assert_eq!(stranger.get(&wrong).await.status, 404);
    let revoke = format!("{shares}/{}", made.body["id"].as_str().unwrap());
    let member = office.member(owner, "mia", "member").await;
    assert_eq!(member.delete(&revoke).await.status, 403);
    assert_eq!(member.post(&shares, json!({ "hours": 1 })).await.status, 403);
    assert_eq!(owner.delete(&revoke).await.status, 204);
    assert_eq!(owner.delete(&revoke).await.status, 204, "taken back twice, it is taken back");
    assert_eq!(stranger.get(&link).await.status, 404);
    assert_eq!(stranger.get(&sound).await.status, 404);
    for _ in 0..10 {
        assert_eq!(owner.post(&shares, json!({ "hours": 1 })).await.status, 201);
    }
    let more = owner.post(&shares, json!({ "hours": 1 })).await;
    assert_eq!((more.status, more.problem()), (409, "limit-reached"), "{}", more.body);
    let empty = format!("/api/calls/{}/shares", tenant.ids["call"]);
    assert_eq!(owner.post(&empty, json!({ "hours": 1 })).await.status, 409, "nothing can be heard of it yet");
    office.server.stop().await;
}

#[tokio::test]
async fn a_link_opens_until_its_time_is_over_and_strangers_try_few() {
    let house = House::new().with("RATE_LIMITS__STRANGERS", "5").with("RATE_LIMITS__AUTHENTICATION", "1000");
    let office = Office::open_as_it_is(house, Clock::system()).await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let all = over(&office, &tenant, "Guten Tag", 1).await;
    let shares = format!("/api/calls/{}/shares", all[0]);
    let made = tenant.owner.post(&shares, json!({ "hours": 1 })).await.well();
    let link = path(&made["url"]);
    let secret = link.rsplit('/').next().unwrap();
    let expires: Timestamp = made["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().into();
    let store = &office.server.store;
    assert!(shares::open(store, expires.plus_millis(-1), secret).await.is_ok());
    let late = shares::open(store, expires, secret).await;
    assert!(matches!(late, Err(app::Error::NotFound("link"))), "{late:?}");
    let mut stranger = Browsing::at(office.server.addr, "en");
    let mut last = 200;
    for _ in 0..20 {
        last = stranger.get(&link).await.status;
    }
    assert_eq!(last, 429, "whoever tries links tries few");
    office.server.stop().await;
}

async fn sent_bytes(office: &Office, path: &str) -> Vec<u8> {
    let answer = office.stranger().request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}
