//! Support access: a tenant lets those who run the platform in, sees that they are there, and ends it.

use serde_json::json;

use crate::support::{
    browsing::Browsing,
    office::{Office, PASSWORD},
};

#[tokio::test]
async fn support_is_let_in_for_a_time_is_seen_on_every_page_and_is_out_at_once_when_it_ends() {
    let office = Office::open().await;
    let owner = office.owner("helped").await;
    office.member(&owner, "vera", "viewer").await;
    office.operator("root").await;
    let mut root = Browsing::signed_in(&office, "root@platform.example", "en").await;
    let page = root.get("/console/operator").await;
    let go_in = "form[action='/console/entry/switch']";
    assert!(!page.has(go_in), "no tenant lets her in: {}", page.text);
    assert_eq!(root.post("/console/entry/switch", &[("tenant", "helped")]).await.status, 404);

    let mut ada = Browsing::signed_in(&office, "owner@helped.example", "en").await;
    let page = ada.get("/console/settings/support").await;
    let form = "form[action='/console/settings/support']";
    let refused = ada.submit(&page, form, &[("for-hours", "100000")]).await;
    assert_eq!(refused.status, 422);
    let granted = ada.submit(&page, form, &[("for-hours", "1")]).await;
    assert!(granted.told().starts_with("Support has access."), "{}", granted.told());
    let mut vera = Browsing::signed_in(&office, "vera@viewer.example", "de").await;
    for path in ["/console/today", "/console/contacts", "/console/calls"] {
        let page = vera.get(path).await;
        assert!(page.one(".banner").starts_with("Der Support hat Zugang"), "{path}: {}", page.one(".banner"));
    }

    let page = root.get("/console/operator").await;
    let inside = root.submit(&page, go_in, &[]).await;
    assert!(inside.one(".brand").contains("helped"), "{}", inside.text);
    let page = root.get("/console/contacts/new").await;
    assert!(page.one(".banner").starts_with("You are here to help"), "{}", page.one(".banner"));
    let typed = [("name", "Cleo Brandt"), ("number", "030 1234567")];
    assert_eq!(root.submit(&page, "form[action='/console/contacts']", &typed).await.status, 200);
    for shut in ["/console/settings/members", "/console/settings/keys", "/console/settings/support"] {
        let typed = [("for-hours", "4"), ("role", "owner"), ("email", "eve@platform.example"), ("name", "x")];
        assert_eq!(root.post(shut, &typed).await.status, 403, "{shut}");
    }
    let log = ada.get("/console/settings/audit").await;
    let hers = log.all("tbody tr").into_iter().filter(|row| row.contains("Operator operator:usr_"));
    let acts: Vec<String> = hers.collect();
    assert!(acts.iter().any(|row| row.contains("contact.created")), "{acts:?}");
    assert!(acts.iter().any(|row| row.contains("operator.entered")), "{acts:?}");

    let page = ada.get("/console/settings/support").await;
    let ended = ada.submit(&page, "form[action='/console/settings/support/end']", &[]).await;
    assert_eq!(ended.told(), "Access has ended.");
    assert!(!ended.has(".banner"));
    assert!(root.get("/console/contacts").await.path.starts_with("/console/entry/login"));
    let page = root.get("/console/entry/login").await;
    let typed = [("email", "root@platform.example"), ("password", PASSWORD)];
    assert_eq!(root.submit(&page, "main form", &typed).await.path, "/console/operator");
}

#[tokio::test]
async fn support_changes_nothing_that_would_outlast_it_and_only_people_let_it_in() {
    let office = Office::open().await;
    let owner = office.owner("lasting").await;
    let member = office.member(&owner, "ben", "member").await;
    let root = office.operator("root").await;
    assert_eq!(member.put("/api/support-access", json!({ "minutes": 60 })).await.status, 403);
    let key = json!({ "name": "a program", "scopes": ["members:write", "members:read"] });
    let key = owner.post("/api/api-keys", key).await.well();
    let program = office.bearer(key["key"].as_str().unwrap());
    assert_eq!(program.put("/api/support-access", json!({ "minutes": 60 })).await.status, 403);
    for minutes in [0, 14, 10_081] {
        let refused = owner.put("/api/support-access", json!({ "minutes": minutes })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/minutes"]));
    }
    let granted = owner.put("/api/support-access", json!({ "minutes": 60 })).await.well();
    assert_eq!(granted["granted_by"], owner.user());
    let inside = office.granted(root.post("/auth/switch", json!({ "tenant": "lasting" })).await.well());
    assert_eq!(inside.get("/api/contacts").await.status, 200);
    let tenant = format!("/api/tenants/{}", owner.tenant());
    let invited = json!({ "email": "eve@platform.example", "role": "owner" });
    for (path, body) in [
        ("/api/api-keys", json!({ "name": "mine", "scopes": ["calls:read"] })),
        ("/api/invitations", invited),
        ("/api/webhooks", json!({ "url": "https://hooks.example.com/x", "kinds": ["call.ended"] })),
        ("/api/exports", json!({ "number": "+4930123456" })),
        ("/api/calendars/connections", json!({ "vendor": "google" })),
        (
            "/api/assistants/ast_00000000000000000000000000000000/call-me",
            json!({ "telephone": "+4930123456" }),
        ),
        ("/api/calls/call_00000000000000000000000000000000/take-over", json!({ "telephone": "+4930123456" })),
    ] {
        let refused = inside.post(path, body).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
    let longer = inside.put("/api/support-access", json!({ "minutes": 600 })).await;
    assert_eq!(longer.status, 403, "nobody lets herself in");
    assert_eq!(owner.delete("/api/support-access").await.status, 204);
    assert_eq!(inside.get("/api/contacts").await.status, 401);
    assert_eq!(root.get(&format!("{tenant}/twilio")).await.status, 404);
    assert_eq!(root.patch(&tenant, json!({ "seats_max": 9 })).await.status, 200, "limits are hers to set");
}

#[tokio::test]
async fn a_tenant_in_which_nobody_works_yet_is_its_operators_to_set_up() {
    let office = Office::open().await;
    let root = office.operator("root").await;
    let wanted = json!({ "slug": "fresh", "name": "Fresh", "zone": "Europe/Berlin" });
    root.post("/api/tenants", wanted).await.well();
    let inside = office.granted(root.post("/auth/switch", json!({ "tenant": "fresh" })).await.well());
    let invited = json!({ "email": "ada@fresh.example", "role": "owner" });
    inside.post("/api/invitations", invited).await.well();
    let token = office.link_to("ada@fresh.example").await;
    let accept = json!({ "token": token, "password": PASSWORD });
    office.stranger().post("/auth/accept", accept).await.well();
    assert_eq!(inside.get("/api/contacts").await.status, 401, "somebody works there");
    assert_eq!(root.post("/auth/switch", json!({ "tenant": "fresh" })).await.status, 404);
}
