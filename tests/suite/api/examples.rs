//! The document's examples work when pasted.

use frontdesk::http;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::{House, KEY},
    office::{Asker, Office, sent},
};

/// What cannot be pasted: it needs what only a mail, an earlier answer or a vendor tells.
const NEEDS_MORE: &[&str] = &[
    "POST /auth/accept",
    "POST /auth/forgot",
    "POST /auth/invitation",
    "POST /auth/password",
    "POST /auth/refresh",
    "POST /auth/reset",
    "POST /auth/switch",
    "POST /users/me/second-factor",
    "POST /users/me/second-factor/confirm",
    "POST /users/me/second-factor/remove",
    "POST /api/appointments",
    "POST /api/appointments/{appointment}/move",
    "POST /api/calendars/connections",
    "POST /api/calendars/connections/{connection}/mailboxes",
    "POST /api/calls",
    "POST /api/calls/{call}/transcript-import",
    "POST /api/assistants/{assistant}/call-me",
    "POST /api/calls/{call}/take-over",
    "POST /api/calls/{call}/transfer",
    "POST /api/calls/{call}/shares",
    "POST /api/campaigns",
    "POST /api/test-calls",
    "POST /api/campaigns/{campaign}/contacts",
    "POST /api/messages/{message}/not-reached",
    "POST /api/numbers",
    "POST /api/resources/{resource}/absence",
    "POST /api/stranded",
    "POST /api/numbers/import",
    "POST /api/numbers/{number}/forwarding-tests",
    "PUT /api/contacts/{contact}/pin",
    "PUT /api/contacts/{contact}/reception",
    "POST /api/waiting-list",
    "PUT /api/services/{service}/offers",
    "POST /api/tenants/{tenant}/erasure",
    "PUT /api/services/{service}/reminders",
    "PUT /api/tenants/{tenant}/twilio",
    "POST /twilio/messages/done/{language}",
    "POST /twilio/messages/kept",
    "POST /twilio/onward",
    "POST /twilio/outgoing/{outgoing}",
    "POST /twilio/outgoing/{outgoing}/machine",
    "POST /twilio/outgoing/{outgoing}/status",
    "POST /twilio/status",
    "POST /twilio/transfers/{transfer}/announcement",
    "POST /twilio/transfers/{transfer}/ended",
    "POST /twilio/transfers/{transfer}/taken",
    "POST /twilio/voice",
];

/// Tried apart, before everything else.
const FIRST: &[&str] = &["POST /auth/register", "POST /auth/login"];

/// The example of what an operation takes.
fn example<'d>(document: &'d Value, operation: &Value) -> Option<&'d Value> {
    let content = operation["requestBody"]["content"].as_object()?;
    let (_, content) = content.iter().next()?;
    let schema = content["schema"]["$ref"].as_str()?.strip_prefix('#')?;
    document.pointer(schema)?.get("example")
}

#[tokio::test]
async fn every_example_of_the_document_works_when_pasted() {
    let office = Office::open_in(House::new().with("SECRETS__KEY", KEY)).await;
    let document: Value = serde_json::from_str(&http::document().to_json().unwrap()).unwrap();
    let taken =
        |path: &str, method: &str| example(&document, &document["paths"][path][method]).unwrap().clone();
    office.stranger().post("/auth/register", taken("/auth/register", "post")).await.well();
    let owner =
        office.granted(office.stranger().post("/auth/login", taken("/auth/login", "post")).await.well());
    let operator = office.operator("operator").await;
    let resource = owner.post("/api/resources", json!({ "name": "Anna" })).await.well();
    let resource = resource["id"].as_str().unwrap();
    let mut pasted = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            let takes = operation.get("requestBody").is_some() && method != "patch";
            if !takes || NEEDS_MORE.contains(&name.as_str()) || FIRST.contains(&name.as_str()) {
                continue;
            }
            let body = example(&document, operation).unwrap_or_else(|| panic!("{name} has no example"));
            let asker: &Asker = if path == "/api/tenants" { &operator } else { &owner };
            let path = path.replace("{resource}", resource);
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = sent(asker.request(method, &path).json(body)).await;
            assert!((200..300).contains(&answer.status), "{name}: {} {}", answer.status, answer.body);
            pasted += 1;
        }
    }
    assert!(pasted >= 8, "only {pasted} examples were pasted");
    office.server.stop().await;
}
