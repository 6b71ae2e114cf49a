//! What a tenant sets up: services, resources, schedules, assistants, contacts, messages, and who changed what.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    neighbours::Neighbour,
    office::{Answer, Asker, Office, sent},
};

async fn office() -> (Office, Asker) {
    let office = Office::open().await;
    let owner = office.owner("alpha").await;
    (office, owner)
}

async fn with_tag(asker: &Asker, method: Method, path: &str, tag: &str, body: Option<Value>) -> Answer {
    let request = asker.request(method, path).header("If-Match", tag);
    sent(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn checkup() -> Value {
    json!({ "key": "checkup", "names": { "de": "Kontrolle" }, "duration": 30 })
}

#[tokio::test]
async fn a_service_is_made_shown_changed_and_taken_away() {
    let (office, owner) = office().await;
    let made = owner.post("/api/services", checkup()).await;
    assert_eq!(made.status, 201);
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/api/services/{}", made.body["id"].as_str().unwrap()));
    assert_eq!((&made.body["interval"], &made.body["horizon_days"]), (&json!(30), &json!(60)));
    let shown = owner.get(&path).await;
    assert_eq!(shown.body, made.body);
    assert_eq!(shown.header("etag"), Some("\"1\""));
    let edited = owner.patch(&path, json!({ "names": { "en": "check-up" }, "buffer_after": 10 })).await;
    assert_eq!(edited.status, 200);
    assert_eq!(edited.body["names"], json!({ "de": "Kontrolle", "en": "check-up" }), "a patch is merged");
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn the_second_of_two_admins_is_told_that_the_first_was_faster() {
    let (office, owner) = office().await;
    let path = owner.post("/api/services", checkup()).await.header("location").unwrap().to_owned();
    let longer = Some(json!({ "duration": 45 }));
    assert_eq!(with_tag(&owner, Method::PATCH, &path, "\"1\"", longer.clone()).await.status, 200);
    let late = with_tag(&owner, Method::PATCH, &path, "\"1\"", Some(json!({ "duration": 60 }))).await;
    assert_eq!((late.status, late.problem()), (412, "stale"));
    assert_eq!(with_tag(&owner, Method::DELETE, &path, "\"1\"", None).await.status, 412);
    assert_eq!(with_tag(&owner, Method::PATCH, &path, "\"none of ours\"", longer).await.status, 412);
    assert_eq!(owner.get(&path).await.body["duration"], 45, "nothing was lost");
    assert_eq!(with_tag(&owner, Method::DELETE, &path, "\"2\"", None).await.status, 204);
    office.server.stop().await;
}

#[tokio::test]
async fn bad_input_is_refused_where_it_is_wrong_and_nothing_is_kept() {
    let (office, owner) = office().await;
    let with = |change: Value| {
        let mut body = checkup();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (body, pointers) in [
        (with(json!({ "colour": "red" })), vec!["/colour"]),
        (json!({ "key": "a", "names": { "de": "x" } }), vec!["/duration"]),
        (with(json!({ "duration": "half an hour" })), vec!["/duration"]),
        (with(json!({ "duration": -5 })), vec!["/duration"]),
        (with(json!({ "duration": 1, "horizon_days": 0 })), vec!["/duration", "/interval", "/horizon_days"]),
        (with(json!({ "names": { "tlh": "nuqneH" } })), vec!["/names/tlh"]),
        (with(json!({ "names": {} })), vec!["/names"]),
        (with(json!({ "resources": ["nobody"] })), vec!["/resources/0"]),
        (with(json!({ "resources": ["res_nobody"] })), vec!["/resources/0"]),
        (with(json!({ "key": "Not plain" })), vec!["/key"]),
    ] {
        let answer = owner.post("/api/services", body.clone()).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{body}: {}", answer.body);
        assert_eq!(answer.pointers(), pointers, "{body}");
    }
    let raw = |text: String, kind: &'static str| {
        sent(owner.request(Method::POST, "/api/services").header("Content-Type", kind).body(text))
    };
    assert_eq!(raw("{".to_owned(), "application/json").await.status, 400);
    let deep = format!("{{\"names\":{}", "{\"de\":".repeat(5_000));
    let patch =
        owner.request(Method::PATCH, "/api/services/svc_x").header("Content-Type", "application/json");
    assert_eq!(sent(patch.body(deep)).await.status, 400, "nested too deep");
    assert_eq!(raw("{}{}".to_owned(), "application/json").await.status, 422);
    assert_eq!(raw(checkup().to_string(), "text/plain").await.status, 415);
    assert_eq!(raw(" ".repeat(300_000), "application/json").await.status, 413);
    assert_eq!(owner.get("/api/services").await.body["items"], json!([]), "nothing was kept");
    owner.post("/api/services", checkup()).await.well();
    let twice = owner.post("/api/services", checkup()).await;
    assert_eq!((twice.status, twice.pointers()), (422, vec!["/key"]));
    for (query, parameter) in [
        ("?limit=10000", "limit"),
        ("?limit=0", "limit"),
        ("?limit=x", "limit"),
        ("?cursor=!!", "cursor"),
        ("?page=2", "page"),
    ] {
        let answer = owner.get(&format!("/api/services{query}")).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.body["errors"][0]["parameter"], parameter, "{query}");
    }
    office.server.stop().await;
}

#[tokio::test]
async fn a_list_is_paged_by_cursor_and_shows_everything_once() {
    let (office, owner) = office().await;
    for n in 0..7 {
        let name = format!("Room {n}");
        owner.post("/api/resources", json!({ "name": name })).await.well();
    }
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = owner.get(&format!("/api/resources?limit=3{cursor}")).await.well();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        // What is taken away behind us, or comes at the end, shifts nothing.
        if seen.len() == 3 {
            let first = items[0]["id"].as_str().unwrap();
            assert_eq!(owner.delete(&format!("/api/resources/{first}")).await.status, 204);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("Room {n}")).collect::<Vec<_>>());
    office.server.stop().await;
}

#[tokio::test]
async fn a_schedule_is_changed_apart_from_its_resource() {
    let (office, owner) = office().await;
    let hours = json!({ "week": { "mon": [["09:00", "12:00"], ["13:00", "24:00"]] } });
    let made = owner.post("/api/resources", json!({ "name": "Anna", "schedule": hours })).await.well();
    let path = format!("/api/schedules/{}", made["id"].as_str().unwrap());
    let shown = owner.get(&path).await;
    assert_eq!(shown.body["week"], hours["week"]);
    let holiday = json!({ "exceptions": { "2027-12-24": [] } });
    let edited = owner.patch(&path, holiday).await;
    assert_eq!(edited.body["exceptions"], json!({ "2027-12-24": [] }));
    assert_eq!(edited.body["week"], hours["week"], "a patch is merged");
    assert_eq!(edited.header("etag"), Some("\"2\""));
    let renamed = format!("/api/resources/{}", made["id"].as_str().unwrap());
    let renamed = owner.patch(&renamed, json!({ "name": "Anna B." })).await;
    assert_eq!(renamed.header("etag"), Some("\"2\""), "counted apart from the schedule");
    let reopened = owner.patch(&path, json!({ "exceptions": { "2027-12-24": null } })).await;
    assert_eq!(reopened.body["exceptions"], json!({}));
    for (body, pointer) in [
        (json!({ "week": { "mo": [] } }), "/week/mo"),
        (json!({ "week": { "mon": [["9:00", "12:00"]] } }), "/week/mon/0/0"),
        (json!({ "week": { "mon": [["09:00", "25:00"]] } }), "/week/mon/0/1"),
        (json!({ "week": { "mon": [["09:00", "09:00"]] } }), "/week/mon"),
        (json!({ "week": { "mon": [["09:00", "12:00"], ["11:00", "13:00"]] } }), "/week/mon"),
        (json!({ "exceptions": { "christmas": [] } }), "/exceptions/christmas"),
        (json!({ "zone": "Europe/Berlin" }), "/zone"),
    ] {
        let request = owner.request(Method::PUT, &path).json(&body);
        let answer = sent(request).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{body}");
    }
    office.server.stop().await;
}

#[tokio::test]
async fn an_assistants_changes_are_versions_and_an_older_one_can_be_brought_back() {
    let (office, owner) = office().await;
    let wanted = json!({ "name": "Desk", "language": "de", "opening": { "de": "Guten Tag!" }, "instructions": "Be kind." });
    let made = owner.post("/api/assistants", wanted).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("draft")), "{}", made.body);
    let path = made.header("location").unwrap().to_owned();
    owner.patch(&path, json!({ "instructions": "Be brief.", "status": "live" })).await.well();
    owner.patch(&path, json!({ "policy": { "end_of_turn_ms": 700 } })).await.well();
    let versions = owner.get(&format!("{path}/versions")).await.well();
    let numbers: Vec<_> =
        versions["items"].as_array().unwrap().iter().map(|v| v["version"].clone()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(versions["items"][0]["made_by"], owner.user());
    let first = owner.get(&format!("{path}/versions/1")).await.well();
    assert_eq!(first["assistant"]["instructions"], "Be kind.");
    let restored = sent(owner.request(Method::POST, &format!("{path}/versions/1/restore"))).await;
    assert_eq!(restored.header("etag"), Some("\"4\""), "bringing back is a version, too");
    assert_eq!(restored.body["instructions"], "Be kind.");
    assert_eq!(restored.body["policy"]["end_of_turn_ms"], 500);
    assert_eq!(restored.body["status"], "live", "whether it answers stays");
    assert_eq!(owner.get(&format!("{path}/versions/9")).await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_for_an_assistant_is_refused_all_at_once() {
    let (office, owner) = office().await;
    let wanted = json!({
        "name": "Desk", "language": "de", "fallback": "en", "opening": { "de": "Guten Tag!" }, "tools": ["book", "dance"],
        "transfers": ["the boss"], "status": "asleep",
    });
    let answer = owner.post("/api/assistants", wanted).await;
    assert_eq!(answer.pointers(), ["/status", "/tools/1", "/transfers/0"]);
    let wanted = json!({
        "name": "", "language": "de", "fallback": "en", "opening": { "de": "Guten Tag!" },
        "policy": { "end_of_turn_ms": 50, "silence_first_ms": 30000 }, "services": ["svc_unknown"],
    });
    let answer = owner.post("/api/assistants", wanted).await;
    assert_eq!(answer.pointers(), ["/name", "/opening", "/policy/end_of_turn_ms", "/policy", "/services/0"]);
    office.server.stop().await;
}

#[tokio::test]
async fn a_tenant_has_as_many_assistants_as_it_may_and_archived_ones_do_not_count() {
    let (office, owner) = office().await;
    let operator = office.operator("operator").await;
    let tenant = format!("/api/tenants/{}", owner.tenant());
    operator.patch(&tenant, json!({ "assistants_max": 2 })).await.well();
    let wanted = |name: &str| json!({ "name": name, "language": "en", "opening": { "en": "Hello!" } });
    let first = owner.post("/api/assistants", wanted("one")).await;
    owner.post("/api/assistants", wanted("two")).await.well();
    let third = owner.post("/api/assistants", wanted("three")).await;
    assert_eq!((third.status, third.problem()), (409, "limit-reached"));
    owner.patch(first.header("location").unwrap(), json!({ "status": "archived" })).await.well();
    owner.post("/api/assistants", wanted("three")).await.well();
    let back = owner.patch(first.header("location").unwrap(), json!({ "status": "draft" })).await;
    assert_eq!(back.problem(), "limit-reached");
    office.server.stop().await;
}

#[tokio::test]
async fn assistants_are_made_no_faster_than_the_limit_says_and_the_answer_says_when_to_come_again() {
    let house = crate::support::house::House::new().with("RATE_LIMITS__ASSISTANTS", "2");
    let office = Office::open_in(house).await;
    let owner = office.owner("alpha").await;
    let wanted = |name: &str| json!({ "name": name, "language": "en", "opening": { "en": "Hello!" } });
    owner.post("/api/assistants", wanted("one")).await.well();
    owner.post("/api/assistants", wanted("two")).await.well();
    let third = owner.post("/api/assistants", wanted("three")).await;
    assert_eq!((third.status, third.problem()), (429, "too-many-requests"));
    assert!((1..=60).contains(&third.header("retry-after").unwrap().parse::<u64>().unwrap()));
    let other = office.owner("beta").await;
    other.post("/api/assistants", wanted("one")).await.well();
    let read = owner.get("/api/assistants").await;
    assert_eq!(read.header("ratelimit-policy"), Some("\"requests\";q=600;w=60"));
    assert!(read.header("ratelimit").unwrap().starts_with("\"requests\";r="));
    office.server.stop().await;
}

#[tokio::test]
async fn what_is_in_use_stays_and_can_be_put_aside_instead() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    for (kind, aside) in [
        ("service", json!({ "active": false })),
        ("resource", json!({ "active": false })),
        ("assistant", json!({ "status": "archived" })),
        ("contact", Value::Null),
    ] {
        let path = format!("/api/{kind}s/{}", tenant.ids[kind]);
        let refused = owner.delete(&path).await;
        assert_eq!((refused.status, refused.problem()), (409, "conflict"), "{kind}");
        if kind == "assistant" {
            let rings = owner.patch(&path, aside).await;
            assert_eq!((rings.status, rings.problem()), (409, "conflict"), "a number rings at it");
        } else if !aside.is_null() {
            owner.patch(&path, aside).await.well();
        }
        assert_eq!(owner.get(&path).await.status, 200);
    }
    office.server.stop().await;
}

#[tokio::test]
async fn contacts_are_found_by_number_and_by_how_their_name_begins() {
    let (office, owner) = office().await;
    for (name, number) in
        [("Änne Maier", "+491701111111"), ("ÄNNE Schulz", "+491702222222"), ("Bo", "+491703333333")]
    {
        owner.post("/api/contacts", json!({ "name": name, "number": number })).await.well();
    }
    let names = |page: Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(owner.get("/api/contacts?name=%C3%A4nne").await.well()), ["Änne Maier", "ÄNNE Schulz"]);
    assert_eq!(names(owner.get("/api/contacts?number=%2B491703333333").await.well()), ["Bo"]);
    assert_eq!(owner.get("/api/contacts?number=0170").await.status, 422);
    let wrong = json!({ "name": "x", "number": "0170", "born": "tomorrow" });
    assert_eq!(owner.post("/api/contacts", wrong).await.pointers(), ["/number", "/born"]);
    office.server.stop().await;
}

#[tokio::test]
async fn a_pin_is_set_replaced_and_taken_away_and_shown_to_nobody() {
    let (office, owner) = office().await;
    let erika = owner.post("/api/contacts", json!({ "name": "Erika" })).await.well();
    let path = format!("/api/contacts/{}/pin", erika["id"].as_str().unwrap());
    let none = json!({ "set": false, "since": null, "resting_until": null });
    assert_eq!(owner.get(&path).await.well(), none);
    for wrong in ["", "123", "123456789", "12a4", "1111"] {
        assert_eq!(owner.put(&path, json!({ "pin": wrong })).await.pointers(), ["/pin"], "{wrong}");
    }
    for pin in ["4711", "81549162"] {
        assert_eq!(owner.put(&path, json!({ "pin": pin })).await.status, 204);
        let shown = owner.get(&path).await.well();
        assert_eq!(shown["set"], true);
        assert!(!shown.to_string().contains(pin));
    }
    let told = owner.get("/api/audit").await.well().to_string();
    assert!(told.contains("contact.pin_set") && !told.contains("81549162"), "{told}");
    let viewer = office.member(&owner, "vera", "viewer").await;
    assert_eq!(viewer.put(&path, json!({ "pin": "4711" })).await.status, 403);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.well(), none);
    assert_eq!(owner.delete(&path).await.status, 404);
    office.server.stop().await;
}

#[tokio::test]
async fn a_message_is_looked_after_once_and_by_somebody() {
    let office = Office::open().await;
    let tenant = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let owner = &tenant.owner;
    let path = format!("/api/messages/{}", tenant.ids["message"]);
    let open = owner.get("/api/messages?handled=false").await.well();
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
    let handled = owner.patch(&path, json!({ "handled": true })).await.well();
    assert_eq!((&handled["handled"], handled["handled_by"].as_str()), (&json!(true), Some(owner.user())));
    assert_eq!(owner.get("/api/messages?handled=false").await.well()["items"], json!([]));
    assert_eq!(owner.patch(&path, json!({ "text": "other" })).await.pointers(), ["/text"]);
    office.server.stop().await;
}

#[tokio::test]
async fn a_viewer_looks_a_member_looks_after_callers_and_an_admin_sets_up() {
    let (office, owner) = office().await;
    let viewer = office.member(&owner, "vera", "viewer").await;
    let member = office.member(&owner, "mia", "member").await;
    let admin = office.member(&owner, "ada", "admin").await;
    let contact = json!({ "name": "Erika" });
    assert_eq!(viewer.get("/api/services").await.status, 200);
    let refused = viewer.post("/api/contacts", contact.clone()).await;
    assert_eq!((refused.status, refused.problem()), (403, "forbidden"));
    assert!(refused.body["detail"].as_str().unwrap().contains("contacts:write"), "it says what is needed");
    assert_eq!(member.post("/api/contacts", contact).await.status, 201);
    assert_eq!(member.post("/api/services", checkup()).await.status, 403);
    assert_eq!(member.get("/api/audit").await.status, 403);
    assert_eq!(admin.post("/api/services", checkup()).await.status, 201);
    assert_eq!(admin.get("/api/audit").await.status, 200);
    let tenant = format!("/api/tenants/{}", owner.tenant());
    assert_eq!(admin.patch(&tenant, json!({ "name": "Mine" })).await.status, 403);
    assert_eq!(owner.patch(&tenant, json!({ "name": "Praxis Alpha" })).await.status, 200);
    let more = owner.patch(&tenant, json!({ "seats_max": 100 })).await;
    assert_eq!((more.status, more.problem()), (403, "forbidden"), "that is the operator's to set");
    office.server.stop().await;
}

#[tokio::test]
async fn every_change_is_told_in_the_log_without_what_is_peoples_own() {
    let (office, owner) = office().await;
    let path = owner.post("/api/services", checkup()).await.header("location").unwrap().to_owned();
    owner.patch(&path, json!({ "duration": 45 })).await.well();
    let contact =
        owner.post("/api/contacts", json!({ "name": "Erika Beispiel", "number": "+491701234567" })).await;
    let contact = contact.header("location").unwrap().to_owned();
    owner.patch(&contact, json!({ "name": "Erika Muster" })).await.well();
    let log = owner.get("/api/audit").await.well();
    let text = log.to_string();
    assert!(!text.contains("Erika") && !text.contains("1234567"), "{text}");
    let id = path.rsplit('/').next().unwrap();
    let about = owner.get(&format!("/api/audit?subject={id}")).await.well();
    let actions: Vec<_> =
        about["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["service.changed", "service.created"], "latest first");
    assert_eq!(about["items"][0]["changes"], json!({ "duration": { "before": 30, "after": 45 } }));
    assert_eq!(about["items"][0]["actor"], owner.user());
    let verified = owner.get("/api/audit/verification").await.well();
    assert_eq!(
        (&verified["intact"], verified["entries"].as_i64()),
        (&json!(true), log["items"][0]["ordinal"].as_i64())
    );
    office.server.stop().await;
}

#[tokio::test]
async fn nobody_shuts_themselves_out_by_naming_networks() {
    let (office, owner) = office().await;
    let tenant = format!("/api/tenants/{}", owner.tenant());
    let out = owner.patch(&tenant, json!({ "networks": ["192.0.2.0/24"] })).await;
    assert_eq!((out.status, out.pointers()), (422, vec!["/networks"]));
    assert_eq!(owner.patch(&tenant, json!({ "networks": ["home"] })).await.pointers(), ["/networks/0"]);
    owner.patch(&tenant, json!({ "networks": ["127.0.0.0/8", "::1/128"] })).await.well();
    assert_eq!(owner.get(&tenant).await.status, 200);
    let operator = office.operator("operator").await;
    operator.patch(&tenant, json!({ "networks": ["192.0.2.0/24"] })).await.well();
    let refused = owner.get(&tenant).await;
    assert_eq!((refused.status, refused.problem()), (403, "forbidden"));
    office.server.stop().await;
}

#[tokio::test]
async fn an_operator_makes_and_sees_all_tenants_and_others_see_their_own() {
    let (office, owner) = office().await;
    office.owner("beta").await;
    let operator = office.operator("operator").await;
    let wanted = json!({ "slug": "gamma", "name": "Gamma", "zone": "Europe/Vienna", "seats_max": 5 });
    assert_eq!(operator.post("/api/tenants", wanted.clone()).await.status, 201);
    assert_eq!(operator.post("/api/tenants", wanted.clone()).await.pointers(), ["/slug"]);
    assert_eq!(owner.post("/api/tenants", wanted).await.status, 403);
    let wrong = json!({ "slug": "delta", "name": "Delta", "zone": "Europe/Atlantis" });
    assert_eq!(operator.post("/api/tenants", wrong).await.pointers(), ["/zone"]);
    let count = |page: Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(operator.get("/api/tenants").await.well()), 3);
    assert_eq!(count(owner.get("/api/tenants").await.well()), 1);
    office.server.stop().await;
}
