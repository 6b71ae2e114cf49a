//! Nothing of one tenant's is another's: every operation of the document, with every id that is not one's own.
//!
//! The test is made from the document itself. An operation that has no answer to "what would an attacker send here" in
//! the tables below fails it, so that none can be forgotten.

use std::collections::BTreeSet;

use frontdesk::http;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::{House, KEY},
    neighbours::{CANARY, Neighbour, everybody},
    office::{Asker, Office, sent},
    postgres,
};

/// Places in a body, each with whose id stands there.
type Places = Vec<(&'static str, &'static str)>;

/// Where an id stands in a body: the operation, a body that would do, and where in it whose id.
fn bodies(own: &Neighbour) -> Vec<(&'static str, Value, Places)> {
    let id = |kind: &str| own.ids[kind].clone();
    vec![
        ("PATCH /api/tenants/{tenant}", json!({}), vec![]),
        ("PATCH /api/members/{member}", json!({}), vec![]),
        ("PATCH /api/api-keys/{key}", json!({}), vec![]),
        (
            "PATCH /api/assistants/{assistant}",
            json!({ "services": [id("service")], "transfers": [id("target")] }),
            vec![("/services/0", "service"), ("/transfers/0", "target")],
        ),
        (
            "PATCH /api/assistants/{assistant}/draft",
            json!({ "services": [id("service")], "transfers": [id("target")] }),
            vec![("/services/0", "service"), ("/transfers/0", "target")],
        ),
        ("POST /api/test-calls", json!({ "assistant": id("assistant") }), vec![("/assistant", "assistant")]),
        ("PATCH /api/transfer-targets/{target}", json!({}), vec![]),
        ("POST /api/calls/{call}/transfer", json!({ "target": id("target") }), vec![("/target", "target")]),
        ("POST /api/assistants/{assistant}/call-me", json!({ "telephone": "+4915112345678" }), vec![]),
        ("POST /api/calls/{call}/take-over", json!({ "telephone": "+4915112345678" }), vec![]),
        (
            "POST /api/assistants",
            json!({ "name": "x", "language": "en", "opening": { "en": "Hello" }, "services": [id("service")] }),
            vec![("/services/0", "service")],
        ),
        ("POST /api/assistants/{assistant}/versions/{version}/restore", Value::Null, vec![]),
        ("PATCH /api/appointments/{appointment}", json!({}), vec![]),
        (
            "POST /api/appointments",
            json!({
                "service": id("service"), "resource": id("resource"), "contact": id("contact"),
                "start": "2100-01-04T09:00:00Z"
            }),
            vec![("/service", "service"), ("/resource", "resource"), ("/contact", "contact")],
        ),
        (
            "POST /api/appointments/{appointment}/move",
            json!({ "start": "2100-01-04T09:00:00Z", "resource": id("resource") }),
            vec![("/resource", "resource")],
        ),
        (
            "POST /api/calendars/connections",
            json!({ "vendor": "google", "grant": "person", "connection": id("connection") }),
            vec![("/connection", "connection")],
        ),
        (
            "POST /api/calendars/connections/{connection}/mailboxes",
            json!({ "address": "room@practice.example" }),
            vec![],
        ),
        (
            "PUT /api/resources/{resource}/calendars",
            json!({ "blocking": [id("calendar")], "target": id("calendar") }),
            vec![("/blocking/0", "calendar"), ("/target", "calendar")],
        ),
        (
            "POST /api/calls",
            json!({
                "to": "+4915112345678", "purpose": "x", "assistant": id("assistant"), "number": id("number"),
                "appointment": id("appointment"), "contact": id("contact")
            }),
            vec![
                ("/assistant", "assistant"),
                ("/number", "number"),
                ("/appointment", "appointment"),
                ("/contact", "contact"),
            ],
        ),
        (
            "POST /api/campaigns",
            json!({
                "name": "x", "purpose": "x", "assistant": id("assistant"), "number": id("number"),
                "window": { "last_day": "2026-03-02" }, "contacts": [{ "contact": id("contact") }]
            }),
            vec![("/assistant", "assistant"), ("/number", "number"), ("/contacts/0/contact", "contact")],
        ),
        (
            "POST /api/campaigns/{campaign}/contacts",
            json!({ "contacts": [{ "contact": id("contact") }] }),
            vec![("/contacts/0/contact", "contact")],
        ),
        (
            "PATCH /api/campaigns/{campaign}",
            json!({ "assistant": id("assistant"), "number": id("number") }),
            vec![("/assistant", "assistant"), ("/number", "number")],
        ),
        (
            "POST /api/waiting-list",
            json!({
                "contact": id("contact"), "service": id("service"), "resources": [id("resource")],
                "appointment": id("appointment")
            }),
            vec![
                ("/contact", "contact"),
                ("/service", "service"),
                ("/resources/0", "resource"),
                ("/appointment", "appointment"),
            ],
        ),
        ("PUT /api/services/{service}/offers", json!({ "freed": true }), vec![]),
        ("PATCH /api/outgoing-settings", json!({ "number": id("number") }), vec![("/number", "number")]),
        ("PUT /api/services/{service}/reminders", json!([]), vec![]),
        ("PATCH /api/contacts/{contact}", json!({}), vec![]),
        (
            "PUT /api/contacts/{contact}/reception",
            json!({ "how": "put_through", "target": id("target") }),
            vec![("/target", "target")],
        ),
        ("PUT /api/contacts/{contact}/pin", json!({ "pin": "4711" }), vec![]),
        ("PATCH /api/messages/{message}", json!({}), vec![]),
        ("PATCH /api/calls/{call}", json!({}), vec![]),
        ("POST /api/calls/{call}/shares", json!({ "hours": 1 }), vec![]),
        ("POST /api/messages/{message}/not-reached", json!({ "again_at": "2100-01-04T09:00:00Z" }), vec![]),
        (
            "PATCH /api/numbers/{number}",
            json!({ "assistant": id("assistant") }),
            vec![("/assistant", "assistant")],
        ),
        ("POST /api/numbers/{number}/forwarding-tests", json!({ "line": "+49301234567" }), vec![]),
        (
            "POST /api/numbers",
            json!({ "number": "+493055590001", "assistant": id("assistant"), "language": "de" }),
            vec![("/assistant", "assistant")],
        ),
        (
            "POST /api/numbers/import",
            json!({ "number": "+493055590001", "assistant": id("assistant"), "language": "de" }),
            vec![("/assistant", "assistant")],
        ),
        (
            "PUT /api/tenants/{tenant}/twilio",
            json!({ "account_sid": format!("AC{:032x}", 7), "auth_token": "secret" }),
            vec![],
        ),
        (
            "POST /api/calls/{call}/transcript-import",
            json!({ "transcript": format!("GT{:032x}", 1) }),
            vec![],
        ),
        ("PATCH /api/webhooks/{webhook}", json!({}), vec![]),
        ("POST /api/erasures", json!({ "contact": id("contact") }), vec![("/contact", "contact")]),
        ("POST /api/exports", json!({ "contact": id("contact") }), vec![("/contact", "contact")]),
        ("POST /api/tenants/{tenant}/erasure", json!({ "slug": "another" }), vec![]),
        (
            "POST /api/closures",
            json!({ "first": "2100-01-04", "resource": id("resource") }),
            vec![("/resource", "resource")],
        ),
        (
            "PATCH /api/closures/{closure}",
            json!({ "resource": id("resource") }),
            vec![("/resource", "resource")],
        ),
        ("POST /api/resources/{resource}/absence", json!({ "until": "2100-01-04" }), vec![]),
        (
            "POST /api/stranded",
            json!({ "decisions": [
                { "appointment": id("appointment"), "do": "colleague", "resource": id("resource") }
            ] }),
            vec![("/decisions/0/appointment", "appointment"), ("/decisions/0/resource", "resource")],
        ),
        ("PATCH /api/resources/{resource}", json!({}), vec![]),
        ("PATCH /api/schedules/{resource}", json!({}), vec![]),
        ("PUT /api/schedules/{resource}", json!({}), vec![]),
        (
            "PATCH /api/services/{service}",
            json!({ "resources": [id("resource")] }),
            vec![("/resources/0", "resource")],
        ),
        (
            "POST /api/services",
            json!({ "key": "x", "names": { "en": "x" }, "duration": 30, "resources": [id("resource")] }),
            vec![("/resources/0", "resource")],
        ),
    ]
}

/// Bodies in which no id of a tenant's can stand.
const WITHOUT_IDS: &[&str] = &[
    "POST /api/api-keys",
    "POST /api/availability/preview",
    "POST /api/contacts",
    "POST /api/invitations",
    "POST /api/opt-outs",
    "POST /api/resources",
    "POST /api/tenants",
    "POST /api/transfer-targets",
    "POST /api/webhooks",
    "PUT /api/call-fields",
    "PUT /api/support-access",
    "PATCH /api/pause",
    "PATCH /api/retention",
];

/// Lists for operators.
const OPERATORS: &[&str] = &["/api/outbox", "/api/tenant-erasures"];

/// What may be asked without being anybody: there is nothing of a tenant's in it but for whoever shows a secret.
fn open(path: &str) -> bool {
    ["/auth/", "/calendars/", "/console/", "/health/", "/metrics", "/twilio/", "/users/me"]
        .iter()
        .any(|start| path.starts_with(start))
}

async fn nothing_of_a_tenants_is_anothers(house: House) {
    let house = house
        .with("RATE_LIMITS__REQUESTS", "1000000")
        // So that a connection is looked for, and not only the vendor.
        .with("SECRETS__KEY", KEY)
        .with("GOOGLE__CLIENT_ID", "an application")
        .with("GOOGLE__CLIENT_SECRET", "its secret");
    let office = Office::open_in(house).await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let other = Neighbour::settle(&office, "beta", CANARY, 2).await;
    let askers = everybody(&office, &own.owner).await;
    let document: Value = serde_json::from_str(&http::document().to_json().unwrap()).unwrap();
    let lists = lists(&document);
    let before = all(&other.owner, &lists).await;
    let (mut requests, mut tried, mut closed) = (0, BTreeSet::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        if open(path) {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            closed += 1;
            let method: Method = method.to_uppercase().parse().unwrap();
            let nobody = sent(office.stranger().request(method.clone(), &filled(path, &own, &[]))).await;
            assert_eq!(nobody.status, 401, "{name}: whoever is nobody is refused");
            requests += 1;
            let mapped = bodies(&own).into_iter().find(|(known, ..)| *known == name);
            let takes_body = operation.get("requestBody").is_some();
            assert!(
                !takes_body || mapped.is_some() || WITHOUT_IDS.contains(&name.as_str()),
                "{name}: say which ids stand in its body"
            );
            let body = mapped.as_ref().map_or(Value::Null, |(_, body, _)| body.clone());
            for (role, asker) in &askers {
                // Every id in the path, of another tenant's and of nobody's.
                for parameter in parameters(path) {
                    assert!(own.ids.contains_key(parameter), "{name}: say what {parameter} stands for");
                    let random = random(&own.ids[parameter]);
                    let ids = [other.ids[parameter].as_str(), random.as_str()];
                    // A version is no id: it is another's only together with its assistant.
                    if parameter == "version" {
                        continue;
                    }
                    let mut told = vec![];
                    for id in ids {
                        let path = filled(path, &own, &[(parameter, id)]);
                        let answer = asked(asker, method.clone(), &path, &body).await;
                        requests += 1;
                        no_canary(&name, role, &answer.1);
                        assert!(
                            matches!(answer.0, 403 | 404),
                            "{name} as {role} with another's {parameter}: {} {}",
                            answer.0,
                            answer.1
                        );
                        told.push(answer);
                    }
                    assert_eq!(told[0], told[1], "{name} as {role}: another's and nobody's sound the same");
                    if *role == "owner" {
                        assert_eq!(told[0].0, 404, "{name}: another's does not exist");
                    }
                }
                // Every id in the body.
                for (pointer, kind) in mapped.iter().flat_map(|(.., places)| places) {
                    let mut told = vec![];
                    for id in [other.ids[kind].clone(), random(&own.ids[kind])] {
                        let mut body = body.clone();
                        *body.pointer_mut(pointer).unwrap() = Value::from(id);
                        let answer = asked(asker, method.clone(), &filled(path, &own, &[]), &body).await;
                        requests += 1;
                        no_canary(&name, role, &answer.1);
                        assert!(
                            matches!(answer.0, 403 | 404 | 409 | 422),
                            "{name} as {role} with another's {kind} at {pointer}: {} {}",
                            answer.0,
                            answer.1
                        );
                        told.push(answer);
                    }
                    assert_eq!(told[0], told[1], "{name} as {role}: another's and nobody's sound the same");
                }
                // Every filter, and everything that can be read.
                if method == Method::GET && !path.contains("events") {
                    let own_path = filled(path, &own, &[]);
                    for query in queries(operation, &other) {
                        let (_, text) =
                            asked(asker, Method::GET, &format!("{own_path}{query}"), &Value::Null).await;
                        requests += 1;
                        no_canary(&name, role, &text);
                    }
                }
            }
            tried.insert(name);
        }
    }
    let after = all(&other.owner, &lists).await;
    assert_eq!(before, after, "nothing of the other tenant's has changed");
    assert_eq!(tried.len(), closed, "every operation was tried");
    #[expect(clippy::print_stdout, reason = "the count is what the test is asked for")]
    {
        println!("{requests} requests, {} of {closed} operations (100 %)", tried.len());
    }
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_tenants_is_anothers_on_sqlite() {
    nothing_of_a_tenants_is_anothers(House::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_tenants_is_anothers_on_postgres() {
    let url = postgres::fresh_url().await;
    nothing_of_a_tenants_is_anothers(House::new().with("DATABASE__URL", &url)).await;
}

async fn asked(asker: &Asker, method: Method, path: &str, body: &Value) -> (u16, String) {
    let request = asker.request(method, path).header("Idempotency-Key", "walls");
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = sent(request).await;
    (answer.status, answer.body.to_string())
}

fn no_canary(name: &str, role: &str, text: &str) {
    assert!(!text.contains(CANARY), "{name} as {role} shows what is another tenant's: {text}");
}

/// The names in braces.
fn parameters(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

/// The path with one's own ids in it, but for those given.
fn filled(path: &str, own: &Neighbour, instead: &[(&str, &str)]) -> String {
    let mut filled = path.to_owned();
    for parameter in parameters(path) {
        let id = instead.iter().find(|(name, _)| *name == parameter).map(|(_, id)| *id);
        let id = id.unwrap_or_else(|| own.ids.get(parameter).map_or("", String::as_str));
        filled = filled.replace(&format!("{{{parameter}}}"), id);
    }
    filled
}

/// An id of the same kind that nobody has.
fn random(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, _)) => format!("{prefix}_0123456789abcdef0123456789abcdef"),
        None => "99".to_owned(),
    }
}

/// The plain request, and one with each filter set to the other tenant's id of that name.
fn queries(operation: &Value, other: &Neighbour) -> Vec<String> {
    let asked = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let asked = asked.iter().filter(|parameter| parameter["in"] == "query");
    let filters = asked.filter_map(|parameter| {
        let name = parameter["name"].as_str()?;
        // Whoever looks for the other tenant's words finds none.
        if name == "q" {
            return Some("?q=canary".to_owned());
        }
        let kind = if name == "actor" {
            "member"
        } else if name == "subject" {
            "service"
        } else {
            name
        };
        Some(format!("?{name}={}", other.ids.get(kind)?))
    });
    std::iter::once(String::new()).chain(filters).collect()
}

/// The lists of what a tenant has.
fn lists(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let lists = paths.filter(|(path, item)| {
        let pages =
            item["get"]["parameters"].as_array().is_some_and(|all| all.iter().any(|p| p["name"] == "cursor"));
        // What is looked for must be said: a search is no list.
        let whole = !path.contains('{') && !path.starts_with("/api/search/");
        pages && whole && !OPERATORS.contains(&path.as_str())
    });
    lists.map(|(path, _)| path.clone()).collect()
}

async fn all(asker: &Asker, lists: &[String]) -> Vec<(String, Value)> {
    let mut all = vec![];
    for list in lists {
        all.push((list.clone(), asker.get(&format!("{list}?limit=200")).await.well()));
    }
    assert!(all.len() > 8, "only {} lists were found", all.len());
    all
}
