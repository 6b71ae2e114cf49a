//! Webhooks over the API: made, shown, changed, tested, looked into, sent again.

use std::time::Duration;

use frontdesk::{
    platform::{clock::Clock, tasks::Tasks},
    sim::receiver::{Mood, Receiver},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::{House, KEY},
    office::{Asker, Office, sent},
};

/// Nothing here takes longer, whatever the machine is busy with.
const PATIENCE: Duration = Duration::from_secs(60);

async fn office(loopback: bool) -> (Office, Asker) {
    let house = House::new().with("SECRETS__KEY", KEY).with("EGRESS__LOOPBACK", &loopback.to_string());
    let house = house.with("RATE_LIMITS__REQUESTS", "1000000");
    let office = Office::open_in(house).await;
    let owner = office.owner("alpha").await;
    (office, owner)
}

fn wanted(url: &str) -> Value {
    json!({ "url": url, "kinds": ["call.ended", "message.taken"] })
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_taken_away() {
    let (office, owner) = office(false).await;
    let made = owner.post("/api/webhooks", wanted("https://example.com/hook?token=quiet")).await;
    assert_eq!(made.status, 201);
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let path = made.header("location").unwrap().to_owned();
    let shown = owner.get(&path).await;
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.body.get("secret"), None, "a secret is shown once");
    assert_eq!((&shown.body["active"], &shown.body["problem"]), (&json!(true), &Value::Null));
    let changed = owner.patch(&path, json!({ "kinds": ["call.started"], "description": "files" })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")));
    assert_eq!(changed.body["kinds"], json!(["call.started"]));
    let stale =
        owner.request(Method::PATCH, &path).header("If-Match", "\"1\"").json(&json!({ "active": false }));
    assert_eq!(sent(stale).await.problem(), "stale");
    let rotated = owner.post(&format!("{path}/rotate"), Value::Null).await.well();
    assert_ne!(rotated["secret"], secret);
    assert!(rotated["former_secret_until"].is_string());
    let listed = owner.get("/api/webhooks").await.well();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let audit = owner.get("/api/audit?limit=200").await.well().to_string();
    for action in ["webhook.created", "webhook.changed", "webhook.secret_rotated"] {
        assert!(audit.contains(action), "{action}");
    }
    assert!(!audit.contains("quiet") && !audit.contains("whsec_"), "no secret is told");
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn an_address_inside_or_an_unknown_kind_is_refused_with_the_reason() {
    let (office, owner) = office(false).await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://localhost:8443/",
        "https://a:b@example.com/",
        "example.com",
    ] {
        let refused = owner.post("/api/webhooks", wanted(url)).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/url"]), "{url}");
    }
    for (kinds, at) in
        [(json!([]), "/kinds"), (json!(["call.begun"]), "/kinds/0"), (json!(["webhook.test"]), "/kinds")]
    {
        let refused =
            owner.post("/api/webhooks", json!({ "url": "https://example.com", "kinds": kinds })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![at]));
    }
    let path = owner
        .post("/api/webhooks", wanted("https://example.com/"))
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let refused = owner.patch(&path, json!({ "url": "https://192.168.0.1/" })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/url"]));
    let strange = owner.get(&format!("{path}/deliveries?state=lost")).await;
    assert_eq!(strange.status, 422);
    office.server.stop().await;
}

#[tokio::test]
async fn only_admins_see_webhooks_and_none_is_kept_without_a_key() {
    let (office, owner) = office(false).await;
    let path = owner
        .post("/api/webhooks", wanted("https://example.com/"))
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let admin = office.member(&owner, "ada", "admin").await;
    assert_eq!(admin.get(&path).await.status, 200);
    let member = office.member(&owner, "max", "member").await;
    for path in ["/api/webhooks", &path, &format!("{path}/deliveries")] {
        assert_eq!(member.get(path).await.status, 403, "{path}");
    }
    assert_eq!(member.post(&format!("{path}/test"), Value::Null).await.status, 403);
    office.server.stop().await;
    let office = Office::open().await;
    let owner = office.owner("beta").await;
    let refused = owner.post("/api/webhooks", wanted("https://example.com/")).await;
    assert_eq!((refused.status, refused.problem()), (409, "conflict"));
    office.server.stop().await;
}

#[tokio::test]
async fn a_test_event_arrives_and_a_dead_one_can_be_sent_again() {
    let (office, owner) = office(true).await;
    let tasks = Tasks::new();
    let receiver = Receiver::start(&tasks, Clock::system()).await.unwrap();
    let made = owner.post("/api/webhooks", wanted(&receiver.url("/hook"))).await;
    let path = made.header("location").unwrap().to_owned();
    receiver.trusts(made.body["secret"].as_str().unwrap());
    let asked = owner.post(&format!("{path}/test"), Value::Null).await;
    assert_eq!((asked.status, &asked.body["state"]), (202, &json!("waiting")));
    let delivery = format!("{path}/deliveries/{}", asked.body["id"].as_str().unwrap());
    let whole = until(&owner, &delivery, |whole| whole["state"] == "delivered").await;
    assert_eq!((&whole["payload"]["type"], &whole["last_status"]), (&json!("webhook.test"), &json!(204)));
    assert_eq!(whole["tries"].as_array().unwrap().len(), 1);
    let got = receiver.got("/hook");
    assert_eq!((got.len(), got[0].id.as_str()), (1, whole["event"].as_str().unwrap()));
    assert_eq!(receiver.faults.all(), Vec::<String>::new());

    receiver.is("/hook", Mood::Answering(410));
    let asked = owner.post(&format!("{path}/test"), Value::Null).await.well();
    let delivery = format!("{path}/deliveries/{}", asked["id"].as_str().unwrap());
    let dead = until(&owner, &delivery, |whole| whole["state"] == "dead").await;
    assert_eq!(dead["next_attempt_at"], Value::Null);
    let shut = owner.get(&path).await.well();
    assert_eq!(shut["active"], false);
    assert!(shut["failing_since"].is_string() && shut["problem"].as_str().unwrap().contains("410"));
    let resend = format!("{delivery}/resend");
    assert_eq!(owner.post(&resend, Value::Null).await.status, 409, "it is switched off");
    receiver.is("/hook", Mood::Willing);
    let on = owner.patch(&path, json!({ "active": true })).await.well();
    assert_eq!((&on["active"], &on["problem"]), (&json!(true), &Value::Null));
    assert_eq!(owner.post(&resend, Value::Null).await.status, 202);
    let again = until(&owner, &delivery, |whole| whole["state"] == "delivered").await;
    assert_eq!((&again["event"], again["tries"].as_array().unwrap().len()), (&dead["event"], 2));
    let listed = owner.get(&format!("{path}/deliveries?state=delivered")).await.well();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let page = owner.get(&format!("{path}/deliveries?limit=1")).await.well();
    let next = page["next_cursor"].as_str().unwrap();
    let rest = owner.get(&format!("{path}/deliveries?limit=1&cursor={next}")).await.well();
    assert_ne!(rest["items"][0]["id"], page["items"][0]["id"]);
    assert_eq!(owner.delete(&path).await.status, 204);
    tasks.stop();
    office.server.stop().await;
}

async fn until(owner: &Asker, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let looked = tokio::time::timeout(PATIENCE, async {
        loop {
            let shown = owner.get(path).await.well();
            if holds(&shown) {
                return shown;
            }
            tokio::task::yield_now().await;
        }
    });
    looked.await.unwrap()
}
