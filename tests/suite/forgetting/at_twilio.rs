//! What people who are forgotten have left at Twilio goes there, too, whenever it comes.

use std::time::Duration;

use frontdesk::{
    app::{
        calls::{self, Finished},
        voicemail,
    },
    domain::{conversation::Outcome, id::CallId, time::Timestamp},
    platform::clock::Clock,
    sim::{
        Faults,
        twilio::{Account, Exchange, signature},
    },
    store::{Message, Spoken},
};
use serde_json::json;

use super::{
    erasing::until_forgotten,
    ground::{Ground, NUMBER},
};
use crate::support::practice::sid;

const ACCOUNT: (&str, &str) = ("AC00000000000000000000000000000001", "12345");

fn account(token: &str) -> Account {
    Account { sid: ACCOUNT.0.to_owned(), token: token.to_owned() }
}

async fn exchange() -> Exchange {
    frontdesk::boot::install_tls();
    Exchange::start(account(ACCOUNT.1), Faults::default()).await.unwrap()
}

/// A call of the person's that is over.
async fn call(ground: &Ground, n: u32, now: Timestamp) -> CallId {
    let (store, tenant) = (&ground.office.server.store, &ground.practice.tenant.id);
    let mut new = ground.practice.new_call(n);
    new.from = Some(NUMBER.parse().unwrap());
    let mut tx = store.begin(tenant).await.unwrap();
    assert!(tx.calls().ring(&new, now).await.unwrap());
    tx.commit().await.unwrap();
    let over = Finished::without_words(Outcome::Degraded, now);
    calls::finished(store, tenant, &new.id, &over).await.unwrap();
    new.id
}

/// Twilio tells that a message was recorded in the `n`th call; the status of the answer.
async fn told(ground: &Ground, n: u32, recording: &str) -> u16 {
    let url = "https://voice.example.com/twilio/messages/kept";
    let form: Vec<(String, String)> = [
        ("AccountSid", ACCOUNT.0),
        ("CallSid", sid(n).as_str()),
        ("RecordingSid", recording),
        ("RecordingStatus", "completed"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    let answer = reqwest::Client::new()
        .post(format!("http://{}/twilio/messages/kept", ground.office.server.addr))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("X-Twilio-Signature", signature(ACCOUNT.1, url, &form))
        .body(body)
        .send();
    answer.await.unwrap().status().as_u16()
}

async fn until_none(exchange: &Exchange) {
    let looked = async {
        while exchange.recordings() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looked).await.expect("it stays at Twilio");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_spoken_while_its_caller_is_forgotten_is_erased_when_it_comes() {
    let exchange = exchange().await;
    let ground = Ground::at_twilio(&exchange).await;
    let now = Clock::system().now();
    call(&ground, 1, now).await;
    let erasure = ground.owner.post("/api/erasures", json!({ "number": NUMBER })).await.well();
    ground.done(&ground.owner, &format!("/api/erasures/{}", erasure["id"].as_str().unwrap())).await;
    let recording = exchange.keep_recording(vec![0xff; 800]);
    // Twilio does not let us in at first.
    exchange.know(account("another"));
    assert_eq!(told(&ground, 1, &recording).await, 204);
    assert_eq!(ground.owner.get("/api/messages").await.well()["items"], json!([]), "nobody is told of it");
    let server = &ground.office.server;
    voicemail::erase_leftovers(&server.store, &server.accounts, now.plus_minutes(1)).await.unwrap();
    assert_eq!(exchange.recordings(), 1);
    exchange.know(account(ACCOUNT.1));
    let later = now.plus_minutes(60);
    voicemail::erase_leftovers(&server.store, &server.accounts, later).await.unwrap();
    assert_eq!(exchange.recordings(), 0);
    // Told twice, and of one that is gone already, there is nothing left to do.
    assert_eq!(told(&ground, 1, &recording).await, 204);
    voicemail::erase_leftovers(&server.store, &server.accounts, later).await.unwrap();
    let left = server.store.read_platform().await.unwrap().leftovers().due(Timestamp::MAX, 9).await.unwrap();
    assert_eq!(left, []);
    ground.office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_forgotten_tenant_that_were_never_fetched_are_erased_at_twilio() {
    let exchange = exchange().await;
    let ground = Ground::at_twilio(&exchange).await;
    let now = Clock::system().now();
    let store = &ground.office.server.store;
    for n in [1, 2] {
        let call = call(&ground, n, now).await;
        let message = Message {
            id: format!("msg_{n}").parse().unwrap(),
            call: Some(call),
            name: String::new(),
            number: Some(NUMBER.parse().unwrap()),
            text: String::new(),
            left: now,
            handled: None,
            spoken: Some(Spoken { sid: exchange.keep_recording(vec![0xff; 800]), blob: None, key: None }),
            work: Default::default(),
        };
        let mut tx = store.begin(&ground.practice.tenant.id).await.unwrap();
        tx.messages().add(&message).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(exchange.recordings(), 2);
    let tenant = ground.owner.tenant().to_owned();
    let operator = ground.office.operator("operator").await;
    let asked =
        ground.owner.post(&format!("/api/tenants/{tenant}/erasure"), json!({ "slug": "praxis" })).await;
    assert_eq!(asked.status, 202);
    let receipt = until_forgotten(&operator, &tenant).await;
    assert_eq!(exchange.recordings(), 0, "{receipt}");
    assert!(receipt["counts"].get("sounds_left").is_none(), "{receipt}");
    // One that was being spoken comes when nothing of the tenant is known any more.
    let late = exchange.keep_recording(vec![0xff; 800]);
    assert_eq!(told(&ground, 2, &late).await, 204);
    until_none(&exchange).await;
    ground.office.server.stop().await;
}
