//! Programs and their keys.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::office::{Asker, Office, sent};

async fn key(owner: &Asker, scopes: &[&str]) -> Value {
    owner.post("/api/api-keys", json!({ "name": "booking page", "scopes": scopes })).await.well()
}

fn text(key: &Value) -> &str {
    key["key"].as_str().unwrap()
}

fn path(key: &Value) -> String {
    format!("/api/api-keys/{}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_shown_once_and_does_what_it_may() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let made = key(&owner, &["services:read", "resources:write"]).await;
    assert!(text(&made).starts_with("fd_") && text(&made).len() == 67);
    assert_eq!(made["last_used_at"], Value::Null);
    let program = office.bearer(text(&made));
    assert_eq!(program.get("/api/services").await.status, 200);
    let refused = program.get("/api/resources").await;
    assert_eq!((refused.status, refused.problem()), (403, "forbidden"), "writing does not include reading");
    assert!(refused.body["detail"].as_str().unwrap().contains("resources:read"), "{}", refused.body);
    assert_eq!(program.get("/users/me").await.status, 403, "a program is no person");
    assert_eq!(program.post("/auth/logout", Value::Null).await.status, 403);
    assert_eq!(program.get("/api/outbox").await.status, 403);
    let shown = owner.get(&path(&made)).await;
    assert!(shown.body["last_used_at"].is_string(), "its use is to be seen");
    let list = owner.get("/api/api-keys").await;
    for told in [&shown.body, &list.body] {
        assert!(!told.to_string().contains(&text(&made)[3..]), "it never comes back");
    }
    assert!(shown.body["mask"].as_str().unwrap().ends_with(&text(&made)[63..]));
    office.server.stop().await;
}

#[tokio::test]
async fn a_key_may_not_do_what_its_maker_may_not() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let admin = office.member(&owner, "adam", "admin").await;
    let viewer = office.member(&owner, "vera", "viewer").await;
    let beyond = admin.post("/api/api-keys", json!({ "name": "x", "scopes": ["tenant:write"] })).await;
    assert_eq!((beyond.status, beyond.pointers()), (422, vec!["/scopes"]));
    assert_eq!(
        viewer.post("/api/api-keys", json!({ "name": "x", "scopes": ["services:read"] })).await.status,
        403
    );
    let maker = key(&owner, &["api-keys:write", "services:read"]).await;
    let program = office.bearer(text(&maker));
    assert_eq!(
        program.post("/api/api-keys", json!({ "name": "x", "scopes": ["services:read"] })).await.status,
        201
    );
    let beyond = program.post("/api/api-keys", json!({ "name": "x", "scopes": ["members:write"] })).await;
    assert_eq!(beyond.status, 422, "nor may a program that makes keys");
    let inviter = office.bearer(text(&key(&owner, &["members:write"]).await));
    let invited = inviter.post("/api/invitations", json!({ "email": "a@b.de", "role": "admin" })).await;
    assert_eq!(invited.status, 403, "a program gives nobody rights that it does not have: {}", invited.body);
    let strong = key(&owner, &["tenant:write"]).await;
    assert_eq!(
        admin.patch(&path(&strong), json!({ "name": "kept" })).await.status,
        200,
        "rights it has may stay"
    );
    let more = json!({ "scopes": ["tenant:write", "audit:write"] });
    assert_eq!(admin.patch(&path(&strong), more).await.status, 422);
    office.server.stop().await;
}

#[tokio::test]
async fn a_key_that_was_taken_back_or_is_too_old_opens_nothing() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let made = key(&owner, &["services:read"]).await;
    let program = office.bearer(text(&made));
    assert_eq!(program.get("/api/services").await.status, 200);
    assert_eq!(owner.delete(&path(&made)).await.status, 204);
    assert_eq!(program.get("/api/services").await.status, 401);
    assert!(owner.get(&path(&made)).await.well()["revoked_at"].is_string());
    assert_eq!(owner.patch(&path(&made), json!({ "name": "back" })).await.status, 409);
    let past = json!({ "name": "x", "scopes": ["services:read"], "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(owner.post("/api/api-keys", past).await.pointers(), ["/expires_at"]);
    let short = key(&owner, &["services:read"]).await;
    let hash = frontdesk::platform::tokens::fingerprint(text(&short));
    let found = office.server.store.across_tenants().api_key(&hash).await.unwrap().unwrap();
    let mut tx = office.server.store.begin(&found.tenant).await.unwrap();
    let over = frontdesk::domain::time::Timestamp(1_000_000);
    tx.api_keys().edit(&frontdesk::store::ApiKey { expires_at: Some(over), ..found.key }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(office.bearer(text(&short)).get("/api/services").await.status, 401);
    office.server.stop().await;
}

#[tokio::test]
async fn a_key_with_a_limit_of_its_own_is_held_to_it() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let wanted = json!({ "name": "slow", "scopes": ["services:read"], "per_minute": 2 });
    let made = owner.post("/api/api-keys", wanted).await.well();
    let program = office.bearer(text(&made));
    let first = program.get("/api/services").await;
    assert_eq!(first.header("ratelimit-policy"), Some("\"requests\";q=2;w=60"));
    assert_eq!(program.get("/api/services").await.status, 200);
    let refused = program.get("/api/services").await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    assert!(refused.header("retry-after").is_some());
    let other = key(&owner, &["services:read"]).await;
    assert_eq!(
        office.bearer(text(&other)).get("/api/services").await.status,
        200,
        "others are not held to it"
    );
    office.server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_of_a_key_is_told_with_a_pointer() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let made = key(&owner, &["services:read"]).await;
    let wrong: [(Value, &str); 8] = [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "x".repeat(101) }), "/name"),
        (json!({ "scopes": [] }), "/scopes"),
        (json!({ "scopes": ["services:read", "services:drop"] }), "/scopes/1"),
        (json!({ "per_minute": 0 }), "/per_minute"),
        (json!({ "per_minute": -1 }), "/per_minute"),
        (json!({ "expires_at": "tomorrow" }), "/expires_at"),
        (json!({ "mask": "fd_…0000" }), "/mask"),
    ];
    for (patch, pointer) in wrong {
        let answer = owner.patch(&path(&made), patch).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{}", answer.body);
    }
    let tag = owner.get(&path(&made)).await.header("etag").unwrap().to_owned();
    let change = async |name: &str| {
        let request = owner.request(Method::PATCH, &path(&made)).header("if-match", &tag);
        sent(request.json(&json!({ "name": name }))).await.status
    };
    assert_eq!((change("first").await, change("second").await), (200, 412));
    office.server.stop().await;
}

#[tokio::test]
async fn keys_of_another_tenant_do_not_exist() {
    let office = Office::open().await;
    let (ours, theirs) = (office.owner("sommer").await, office.owner("winter").await);
    let made = key(&theirs, &["services:read"]).await;
    assert_eq!(ours.get(&path(&made)).await.status, 404);
    assert_eq!(ours.patch(&path(&made), json!({ "name": "mine" })).await.status, 404);
    assert_eq!(ours.delete(&path(&made)).await.status, 404);
    assert_eq!(ours.get("/api/api-keys").await.well()["items"], json!([]));
    assert_eq!(office.bearer(text(&made)).get("/api/services").await.status, 200);
    office.server.stop().await;
}
