//! Every request of ours and every answer of the stand-in, against Google's discovery document.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use frontdesk::{calendars::Watch, domain::calendar::EventId, platform::ids, sim::google::Exchanged};

use super::{ANNA, PATIENCE, SHARED, Scene, at, draft, morning, place, range};
use crate::support::specs::{errors, spec};

const FILE: &str = "google-calendar-v3.discovery.json";

/// A schema of the document as JSON Schema. What has properties has no others; in a change, null takes one away.
fn converted(schema: &Value, change: bool) -> Value {
    let Some(schema) = schema.as_object() else { return schema.clone() };
    let mut made = Map::new();
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return json!({ "$ref": format!("#/$defs/{name}") });
    }
    if let Some(kind) = schema.get("type").filter(|kind| **kind != "any") {
        made.insert("type".to_owned(), if change { json!([kind, "null"]) } else { kind.clone() });
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let below = properties.iter().map(|(name, below)| (name.clone(), converted(below, change)));
        made.insert("properties".to_owned(), Value::Object(below.collect()));
        made.insert("additionalProperties".to_owned(), false.into());
    }
    for name in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(name) {
            made.insert(name.to_owned(), converted(below, change));
        }
    }
    Value::Object(made)
}

fn validator(document: &Value, name: &str, change: bool) -> Validator {
    let all = document["schemas"].as_object().unwrap();
    let definitions: Map<_, _> =
        all.iter().map(|(name, one)| (name.clone(), converted(one, change))).collect();
    jsonschema::draft202012::new(&json!({ "$ref": format!("#/$defs/{name}"), "$defs": definitions })).unwrap()
}

/// The method of the document that a request is for.
fn method<'d>(document: &'d Value, asked: &Exchanged) -> Option<&'d Value> {
    let given: Vec<&str> = asked.path.split('/').collect();
    let resources = document["resources"].as_object().unwrap().values();
    let all = resources.flat_map(|resource| resource["methods"].as_object().unwrap().values());
    let mut fitting: Vec<&Value> = all
        .filter(|method| method["httpMethod"] == *asked.method)
        .filter(|method| {
            let parts: Vec<&str> = method["path"].as_str().unwrap().split('/').collect();
            parts.len() == given.len()
                && parts.iter().zip(&given).all(|(part, given)| part.starts_with('{') || part == given)
        })
        .collect();
    fitting.sort_by_key(|method| method["path"].as_str().unwrap().matches('{').count());
    fitting.first().copied()
}

fn wrong(document: &Value, asked: &Exchanged) -> Vec<String> {
    let Some(method) = method(document, asked) else { return vec!["no such method".to_owned()] };
    let mut wrong = vec![];
    for (name, value) in &asked.query {
        let known = &method["parameters"][name];
        if known["location"] != "query" && document["parameters"][name].is_null() {
            wrong.push(format!("no parameter {name}"));
        }
        if let Some(words) = known["enum"].as_array() {
            wrong.extend((!words.contains(&json!(value))).then(|| format!("{name} is {value}")));
        }
    }
    match method["request"]["$ref"].as_str() {
        Some(name) => wrong.extend(errors(&validator(document, name, asked.method == "PATCH"), &asked.body)),
        None => wrong.extend((!asked.body.is_null()).then(|| "a body".to_owned())),
    }
    if asked.status == 200 {
        match method["response"]["$ref"].as_str() {
            Some(name) => wrong.extend(errors(&validator(document, name, false), &asked.answer)),
            None => wrong.push("an answer with a body".to_owned()),
        }
    }
    wrong
}

#[tokio::test]
async fn every_request_and_answer_has_the_published_shape() {
    let Some(document) = spec(FILE) else { return };
    let scene = Scene::open().await;
    let Scene { google, calendars, who, place: own } = &scene;
    google.pages(1, true);
    google.insert(ANNA, morning(), "Meeting");
    calendars.list(who, None, PATIENCE).await.unwrap();
    google.busy_error(SHARED, Some("internalError"));
    let day = range("2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z");
    calendars.busy(who, &[own, &place(SHARED)], day, PATIENCE).await.unwrap();
    let mut invited = draft("one", morning());
    invited.attendee = Some(frontdesk::calendars::Attendee {
        address: "ada@example.com".parse().unwrap(),
        name: "Ada".to_owned(),
    });
    let made = calendars.create(who, own, &invited, PATIENCE).await.unwrap();
    calendars.create(who, own, &invited, PATIENCE).await.unwrap();
    calendars.change(who, own, &made.id, made.etag.as_deref(), &invited, PATIENCE).await.unwrap();
    calendars.events(who, own, day, PATIENCE).await.unwrap();
    let mut known = vec![];
    let mark = super::adapter::follow(&scene, None, &mut known).await.unwrap();
    calendars.remove(who, own, &made.id, true, PATIENCE).await.unwrap();
    super::adapter::follow(&scene, Some(mark), &mut known).await.unwrap();
    let nobody = EventId("nobody".to_owned());
    assert_eq!(calendars.event(who, own, &nobody, PATIENCE).await.unwrap(), None);
    let watch = Watch {
        id: ids::derived(&["channel"]),
        address: "https://127.0.0.1:9/hooks".to_owned(),
        lifecycle_address: String::new(),
        secret: "proof".to_owned().into(),
        until: at("2100-01-01T00:00:00Z"),
    };
    let watching = calendars.watch(who, own, &watch, PATIENCE).await.unwrap();
    calendars.unwatch(who, &watching, PATIENCE).await.unwrap();

    let log = google.log();
    let kinds: std::collections::BTreeSet<_> = log.iter().map(|asked| asked.kind).collect();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    for asked in &log {
        let wrong = wrong(&document, asked);
        assert!(
            wrong.is_empty(),
            "{} {}: {wrong:?}\n{}\n{}",
            asked.method,
            asked.path,
            asked.body,
            asked.answer
        );
    }
    let mut strange = log.into_iter().find(|asked| asked.method == "PATCH").unwrap();
    strange.body["title"] = "unknown".into();
    strange.query.push(("notify".to_owned(), "yes".to_owned()));
    assert_eq!(super::shapes::wrong(&document, &strange).len(), 2, "the check can fail");
}
