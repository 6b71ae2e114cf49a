//! Who works where, and who decides about it.

use frontdesk::{domain::time::Timestamp, store::Support};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    office::{Asker, Office, PASSWORD, sent},
    practice::MONDAY_8,
};

fn role(role: &str) -> Value {
    json!({ "role": role })
}

fn path(person: &Asker) -> String {
    format!("/api/members/{}", person.user())
}

#[tokio::test]
async fn somebody_who_is_invited_joins_with_the_role_she_was_offered() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let wanted = json!({ "email": "Ben@Example.com", "role": "member", "language": "de" });
    let answer = owner.post("/api/invitations", wanted).await;
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("open")));
    assert!(answer.body.get("token").is_none(), "only the mail has the link");
    let invitation = answer.header("location").unwrap().to_owned();
    let token = office.link_to("ben@example.com").await;
    let offer = office.stranger().post("/auth/invitation", json!({ "token": token })).await.well();
    assert_eq!(
        (&offer["tenant"], &offer["email"], &offer["role"], &offer["has_account"]),
        (&json!("sommer"), &json!("ben@example.com"), &json!("member"), &json!(false))
    );
    let accept = json!({ "token": token, "password": PASSWORD });
    let ben = office.granted(office.stranger().post("/auth/accept", accept.clone()).await.well());
    assert_eq!((ben.tenant(), &ben.grant["tenant"]["role"]), (owner.tenant(), &json!("member")));
    assert_eq!(office.stranger().post("/auth/accept", accept).await.status, 409, "once");
    assert_eq!(owner.get(&invitation).await.well()["status"], "accepted");
    assert_eq!(owner.delete(&invitation).await.status, 409, "too late to take it back");
    let members = owner.get("/api/members").await.well();
    let emails: Vec<_> = members["items"].as_array().unwrap().iter().map(|m| m["email"].clone()).collect();
    assert_eq!(emails, ["owner@sommer.example", "ben@example.com"]);
    office.server.stop().await;
}

#[tokio::test]
async fn seats_are_limited_and_an_invitation_that_is_taken_back_frees_one() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let invite = async |name: &str| {
        owner
            .post("/api/invitations", json!({ "email": format!("{name}@example.com"), "role": "viewer" }))
            .await
    };
    let first = invite("ben").await;
    assert_eq!(first.status, 201);
    assert_eq!(invite("ada").await.status, 201, "the owner takes none of the seats");
    let refused = invite("cleo").await;
    assert_eq!((refused.status, refused.problem()), (409, "limit-reached"));
    assert!(refused.body["detail"].as_str().unwrap().contains("2 seats"), "{}", refused.body);
    let again = invite("ben").await;
    assert_eq!((again.status, again.pointers()), (422, vec!["/email"]), "invited already");
    let herself =
        owner.post("/api/invitations", json!({ "email": "owner@sommer.example", "role": "viewer" })).await;
    assert_eq!((herself.status, herself.pointers()), (422, vec!["/email"]));
    assert_eq!(owner.delete(first.header("location").unwrap()).await.status, 204);
    let token = office.link_to("ben@example.com").await;
    let late = office.stranger().post("/auth/accept", json!({ "token": token, "password": PASSWORD })).await;
    assert_eq!(late.status, 409, "what was taken back cannot be accepted");
    assert_eq!(invite("cleo").await.status, 201);
    office.seats(&owner, 3).await;
    assert_eq!(invite("dora").await.status, 201, "there is another seat");
    assert_eq!(invite("emil").await.problem(), "limit-reached");
    office.server.stop().await;
}

#[tokio::test]
async fn admins_look_after_people_but_not_after_owners() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let admin = office.member(&owner, "adam", "admin").await;
    let member = office.member(&owner, "mia", "member").await;
    let viewer = office.member(&owner, "vera", "viewer").await;
    assert_eq!(admin.patch(&path(&member), role("viewer")).await.status, 200);
    assert_eq!(admin.patch(&path(&owner), role("viewer")).await.status, 403);
    assert_eq!(admin.patch(&path(&admin), role("owner")).await.status, 403, "nobody makes herself an owner");
    assert_eq!(admin.delete(&path(&owner)).await.status, 403);
    let as_owner = json!({ "email": "new@example.com", "role": "owner" });
    assert_eq!(admin.post("/api/invitations", as_owner).await.status, 403);
    assert_eq!(viewer.get("/api/members").await.status, 403);
    assert_eq!(viewer.patch(&path(&viewer), role("owner")).await.status, 403);
    assert_eq!(
        viewer.post("/api/invitations", json!({ "email": "a@b.de", "role": "viewer" })).await.status,
        403
    );
    assert_eq!(
        owner.patch(&path(&owner), role("viewer")).await.problem(),
        "conflict",
        "the last owner stays"
    );
    assert_eq!(owner.delete(&path(&owner)).await.problem(), "conflict");
    assert_eq!(owner.patch(&path(&admin), role("owner")).await.status, 200);
    assert_eq!(owner.delete(&path(&owner)).await.status, 204, "there is another one");
    assert_eq!(owner.get("/users/me").await.status, 401, "and she is out at once");
    assert_eq!(viewer.delete(&path(&viewer)).await.status, 204, "everybody may go");
    office.server.stop().await;
}

#[tokio::test]
async fn another_role_ends_the_tokens_made_with_the_old_one() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let mia = office.member(&owner, "mia", "member").await;
    assert_eq!(owner.patch(&path(&mia), role("viewer")).await.status, 200);
    assert_eq!(mia.get("/users/me").await.status, 401);
    let next =
        office.stranger().post("/auth/refresh", json!({ "refresh_token": mia.refresh_token() })).await.well();
    assert_eq!(next["tenant"]["role"], "viewer");
    assert_eq!(office.granted(next).get("/users/me").await.status, 200);
    assert_eq!(owner.delete(&path(&mia)).await.status, 204);
    let gone = office.stranger().post("/auth/refresh", json!({ "refresh_token": mia.refresh_token() })).await;
    assert_eq!(gone.status, 401);
    office.server.stop().await;
}

#[tokio::test]
async fn a_role_changed_by_two_at_once_is_not_lost() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let mia = office.member(&owner, "mia", "member").await;
    let seen = owner.get(&path(&mia)).await;
    let tag = seen.header("etag").unwrap().to_owned();
    let change = async |to: &str| {
        let request = owner.request(Method::PATCH, &path(&mia)).header("if-match", &tag).json(&role(to));
        sent(request).await
    };
    let first = change("viewer").await;
    assert_eq!(first.status, 200);
    assert_ne!(first.header("etag"), Some(tag.as_str()));
    let second = change("admin").await;
    assert_eq!((second.status, second.problem()), (412, "stale"));
    assert_eq!(owner.get(&path(&mia)).await.well()["role"], "viewer");
    for (patch, pointer) in [
        (role("queen"), "/role"),
        (json!({ "email": "x@y.zz" }), "/email"),
        (json!({ "role": null }), "/role"),
    ] {
        let answer = owner.patch(&path(&mia), patch).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]));
    }
    office.server.stop().await;
}

#[tokio::test]
async fn people_of_another_tenant_do_not_exist() {
    let office = Office::open().await;
    let (ours, theirs) = (office.owner("sommer").await, office.owner("winter").await);
    let invited =
        theirs.post("/api/invitations", json!({ "email": "ben@example.com", "role": "member" })).await;
    let invitation = invited.header("location").unwrap();
    let random = "/api/members/usr_019ae0000000700080000000000000aa".to_owned();
    for member in [path(&theirs), random] {
        assert_eq!(ours.get(&member).await.status, 404);
        assert_eq!(ours.patch(&member, role("viewer")).await.status, 404);
        assert_eq!(ours.delete(&member).await.status, 404);
    }
    assert_eq!(ours.get(invitation).await.status, 404);
    assert_eq!(ours.delete(invitation).await.status, 404);
    assert_eq!(theirs.get(invitation).await.well()["status"], "open");
    assert_eq!(ours.post("/auth/switch", json!({ "tenant": theirs.tenant() })).await.status, 404);
    assert_eq!(ours.post("/auth/switch", json!({ "tenant": "winter" })).await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn a_person_works_at_two_tenants_with_a_token_for_each() {
    let office = Office::open().await;
    let (sommer, winter) = (office.owner("sommer").await, office.owner("winter").await);
    winter
        .post("/api/invitations", json!({ "email": "owner@sommer.example", "role": "viewer" }))
        .await
        .well();
    let token = office.link_to("owner@sommer.example").await;
    let there = json!({ "token": token, "password": PASSWORD });
    let there = office.granted(office.stranger().post("/auth/accept", there).await.well());
    assert_eq!((there.user(), there.tenant()), (sommer.user(), winter.tenant()));
    let me = there.get("/users/me").await.well();
    let roles: Vec<_> = me["memberships"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["owner", "viewer"]);
    assert_eq!(there.get("/api/members").await.status, 403, "a viewer there");
    assert_eq!(sommer.get("/api/members").await.status, 200, "an owner here");
    let back = there.post("/auth/switch", json!({ "tenant": "sommer" })).await.well();
    assert_eq!(back["tenant"]["role"], "owner");
    let login = json!({ "email": "owner@sommer.example", "password": PASSWORD, "tenant": "winter" });
    let login = office.stranger().post("/auth/login", login).await.well();
    assert_eq!(login["tenant"]["slug"], "winter");
    office.server.stop().await;
}

#[tokio::test]
async fn an_operator_acts_in_a_tenant_she_has_entered_and_the_outbox_is_hers_alone() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let root = office.operator("root").await;
    assert_eq!(root.grant["tenant"], Value::Null);
    assert_eq!(root.get("/api/members").await.status, 403, "at no tenant yet");
    let shut_out = root.post("/auth/switch", json!({ "tenant": "sommer" })).await;
    assert_eq!(shut_out.status, 404, "without the tenant's word it does not exist");
    owner.put("/api/support-access", json!({ "minutes": 60 })).await.well();
    let inside = office.granted(root.post("/auth/switch", json!({ "tenant": "sommer" })).await.well());
    assert_eq!(inside.grant["tenant"]["role"], Value::Null);
    assert_eq!(inside.get("/api/members").await.well()["items"].as_array().unwrap().len(), 1);
    let log = owner.get("/api/audit").await.well();
    let entered = log["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "operator.entered");
    assert!(entered.unwrap().to_string().contains(root.user()), "{log}");
    assert_eq!(owner.get("/api/outbox").await.status, 403);
    assert_eq!(root.get("/api/outbox").await.well()["items"], json!([]));
    office.server.stop().await;
}

#[tokio::test]
async fn the_tenants_networks_keep_its_people_out_elsewhere_and_not_its_operator() {
    let office = Office::open().await;
    let owner = office.owner("sommer").await;
    let wanted = json!({ "name": "page", "scopes": ["services:read"] });
    let key = owner.post("/api/api-keys", wanted).await.well()["key"].as_str().unwrap().to_owned();
    let mut tx = office.server.store.begin(&owner.tenant().parse().unwrap()).await.unwrap();
    let mut tenant = tx.tenant().get().await.unwrap().unwrap();
    tenant.networks = vec!["10.0.0.0/8".parse().unwrap()];
    tx.tenant().put(&tenant).await.unwrap();
    tx.commit().await.unwrap();
    for kept_out in [&owner, &office.bearer(&key)] {
        let answer = kept_out.get("/api/services").await;
        assert_eq!((answer.status, answer.problem()), (403, "forbidden"));
    }
    let forged = owner.request(Method::GET, "/api/services").header("x-forwarded-for", "10.1.2.3");
    assert_eq!(sent(forged).await.status, 403, "nobody's word about addresses is believed");
    let root = office.operator("root").await;
    let support =
        Support { until: Timestamp::MAX, granted_by: owner.user().parse().unwrap(), granted: MONDAY_8 };
    let mut tx = office.server.store.begin(&owner.tenant().parse().unwrap()).await.unwrap();
    tx.support_access().put(&support).await.unwrap();
    tx.commit().await.unwrap();
    let inside = office.granted(root.post("/auth/switch", json!({ "tenant": "sommer" })).await.well());
    assert_eq!(inside.get("/api/services").await.status, 200);
    office.server.stop().await;
}
