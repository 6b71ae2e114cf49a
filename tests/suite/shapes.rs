//! Every message of the stand-ins and of the product's own adapters, against the vendors' published shapes.
//!
//! The specifications stay outside the project (`FRONTDESK_SPECS`).

use std::{collections::BTreeSet, time::Duration};

use frontdesk::{
    audio::g711,
    domain::assistant::Language,
    sim::{
        Faults,
        caller::{Caller, Cue, Doing, Line},
        openai::{Mishap, Thought, shapes},
        voice::Voice,
    },
};
use serde_json::{Value, json};

use crate::support::{
    realtime_peer::{Peer, Written, silence, stand_in},
    specs::{definition, definition_of, errors, spec},
    telephone_server::{TelephoneServer, connecting, next, send, until},
};

const REALTIME: &str = "openai-realtime-events.schema.json";
const EXAMPLES: &str = "openai-realtime-examples.json";
const STREAMS: &str = "twilio-media-streams.schema.json";

/// What is wrong with messages told apart by `key`, and of which kinds they were.
pub fn check_all(schema: &Value, key: &str, messages: &[Value]) -> (Vec<String>, BTreeSet<String>) {
    let mut wrong = vec![];
    let mut kinds = BTreeSet::new();
    for message in messages {
        let Some(name) = definition_of(schema, key, &message[key]) else {
            wrong.push(format!("no definition for {}", message[key]));
            continue;
        };
        kinds.insert(message[key].as_str().unwrap().to_owned());
        let faults = errors(&definition(schema, &name), message);
        wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    (wrong, kinds)
}

#[test]
fn the_vendors_own_examples_pass_the_stand_ins_checks() {
    let Some(examples) = spec(EXAMPLES) else { return };
    let mut checked = 0;
    for (name, example) in examples["examples"]["client"].as_object().unwrap() {
        let event = &example["example"];
        assert_eq!(shapes::check(event).as_ref().ok().copied(), Some(&**name), "{:?}", shapes::check(event));
        checked += 1;
    }
    assert!(checked >= 10);
}

#[test]
fn what_the_published_schema_refuses_the_stand_in_refuses_too() {
    let (Some(schema), Some(examples)) = (spec(REALTIME), spec(EXAMPLES)) else { return };
    let mut refused = 0;
    for (name, example) in examples["examples"]["client"].as_object().unwrap() {
        let definition = definition(&schema, &definition_of(&schema, "type", &name.as_str().into()).unwrap());
        for path in paths(&example["example"]) {
            for put in [None, Some(json!(5.5)), Some(json!("?")), Some(json!([{}])), Some(json!({}))] {
                let mut event = example["example"].clone();
                change(&mut event, &path, put);
                if !errors(&definition, &event).is_empty() {
                    assert!(shapes::check(&event).is_err(), "{event}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn every_event_of_the_stand_in_for_openai_has_the_published_shape() {
    let Some(schema) = spec(REALTIME) else { return };
    let voice = Voice::embedded().unwrap();
    let said = voice.caller(Language::English, "Yes, please.").unwrap();
    let mut mind = Written::default()
        .then_says("Goodbye.")
        .then_calls("find_slots", json!({ "service": "check-up" }))
        .then_says("Goodbye.");
    let samples: Vec<i16> = said.iter().map(|byte| g711::decode(*byte)).collect();
    mind.ear.learn("Yes, please.", &samples);
    let calls = vec![("find_slots".to_owned(), json!({}))];
    mind.thoughts.lock().unwrap().push_back(Thought { say: "Goodbye.".to_owned(), calls });
    let server = stand_in(mind).await;
    let mut peer = Peer::configured(&server).await;
    let ask = json!({ "type": "response.create" });

    peer.speak(&[said.clone(), silence(700)].concat()).await;
    peer.until("conversation.item.input_audio_transcription.completed").await;
    peer.send(ask.clone()).await;
    let done = peer.until("response.done").await;
    let spoken = &done["response"]["output"][0]["id"];
    peer.send(json!({
        "type": "conversation.item.truncate",
        "item_id": spoken, "content_index": 0, "audio_end_ms": 100,
    }))
    .await;
    peer.send(json!({ "type": "conversation.item.retrieve", "item_id": spoken })).await;
    peer.send(json!({ "type": "conversation.item.delete", "item_id": spoken })).await;
    peer.send(json!({ "type": "response.cancel" })).await;
    peer.until("error").await;
    peer.send(ask.clone()).await;
    let done = peer.until("response.done").await;
    let call = &done["response"]["output"][0]["call_id"];
    let output = json!({ "type": "function_call_output", "call_id": call, "output": "{}" });
    peer.send(json!({ "type": "conversation.item.create", "item": output })).await;
    let text =
        json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "5" }] });
    peer.send(json!({ "type": "conversation.item.create", "item": text, "previous_item_id": "root" })).await;
    let in_text = json!({ "output_modalities": ["text"] });
    peer.send(json!({ "type": "response.create", "response": in_text })).await;
    peer.until("response.output_text.done").await;
    peer.until("response.done").await;
    server.go_wrong([Mishap::Fails("server_error"), Mishap::Incomplete(Duration::ZERO)]);
    peer.send(ask.clone()).await;
    peer.until("response.done").await;
    peer.send(ask).await;
    peer.until("response.done").await;
    server.behave(|manners| manners.transcription = frontdesk::sim::openai::Transcription::Fails);
    peer.speak(&[said, silence(700)].concat()).await;
    peer.until("conversation.item.input_audio_transcription.failed").await;
    peer.settle().await;

    let (wrong, kinds) = check_all(&schema, "type", &server.sent());
    assert_eq!(wrong, [String::new(); 0]);
    assert!(kinds.len() >= 30, "{kinds:?}");
    let (wrong, _) = check_all(&schema, "type", &server.received());
    assert_eq!(wrong, [String::new(); 0]);
}

#[tokio::test]
async fn every_message_of_the_stand_in_for_twilio_has_the_documented_shape() {
    let Some(schema) = spec(STREAMS) else { return };
    let server = TelephoneServer::start(&connecting(), async |mut socket| {
        let start = until(&mut socket, "start").await.unwrap();
        let mark = json!({ "event": "mark", "streamSid": start["streamSid"], "mark": { "name": "a" } });
        send(&mut socket, mark).await;
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let line = |cue, doing| Line { cue, doing, words: String::new() };
    let lines = [
        line(Cue::After(100), Doing::Press('#')),
        line(Cue::After(100), Doing::Speak(silence(100))),
        line(Cue::After(100), Doing::HangUp),
    ];
    let report = server.dial().place(&mut Caller::new(lines, 9_000), &Faults::default()).await.unwrap();
    let sent: Vec<Value> = report.sent.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let inbound = definition(&schema, "FromTwilio");
    let wrong: Vec<String> = sent.iter().flat_map(|message| errors(&inbound, message)).collect();
    assert_eq!(wrong, [String::new(); 0]);
    let kinds: BTreeSet<&str> = sent.iter().map(|message| message["event"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn what_is_wrong_towards_twilio_by_the_documents_is_wrong_for_the_stand_in() {
    let Some(schema) = spec(STREAMS) else { return };
    let outbound = definition(&schema, "ToTwilio");
    let sid = format!("MZ{}", "0".repeat(32));
    let examples = [
        json!({ "event": "media", "streamSid": sid, "media": { "payload": "/////w==" } }),
        json!({ "event": "mark", "streamSid": sid, "mark": { "name": "a:20:1" } }),
        json!({ "event": "clear", "streamSid": sid }),
    ];
    for example in &examples {
        assert_eq!(errors(&outbound, example), [String::new(); 0]);
        assert!(frontdesk::sim::twilio::shapes::read(&example.to_string(), &sid).is_ok());
        for path in paths(example) {
            for put in [None, Some(json!(5)), Some(json!({ "more": 1 })), Some(json!(null))] {
                let mut message = example.clone();
                change(&mut message, &path, put);
                assert!(!errors(&outbound, &message).is_empty(), "{message}");
                let read = frontdesk::sim::twilio::shapes::read(&message.to_string(), &sid);
                assert!(read.is_err(), "{message}");
            }
        }
    }
}

/// The place of every value inside, but the whole.
fn paths(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => vec![],
    };
    inner
        .into_iter()
        .flat_map(|(key, value)| {
            let below = paths(value).into_iter().map(|path| format!("/{key}{path}")).collect::<Vec<_>>();
            std::iter::once(format!("/{key}")).chain(below)
        })
        .collect()
}

/// Puts another value there, or takes it away.
fn change(value: &mut Value, path: &str, put: Option<Value>) {
    if let Some(put) = put {
        *value.pointer_mut(path).unwrap() = put;
        return;
    }
    let (parent, key) = path.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(key)),
        Value::Array(list) => drop(list.remove(key.parse().unwrap())),
        _ => unreachable!(),
    }
}
