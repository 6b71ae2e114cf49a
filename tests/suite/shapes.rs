//! Every message of the stand-ins and of the product's own adapters, against the vendors' published shapes.
//!
//! The specifications stay outside the project (`FRONTDESK_SPECS`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use frontdesk::{
    audio::g711,
    boot::config::Config,
    call::port::{Input, Mark, ToEngine, ToolRequest, Words},
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        Faults,
        caller::{Caller, Cue, Doing, Line},
        openai::{Mishap, Thought, shapes},
        voice::Voice,
    },
    speech::{Briefing, ToolSpec, realtime::Session},
    telephony::media_stream::{self, Message},
};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{
    realtime_peer::{KEY, MODEL, PATIENCE, Peer, Written, silence, stand_in},
    specs::{definition, definition_of, errors, spec},
    telephone_server::{TelephoneServer, connecting, next, send, until},
};

const REALTIME: &str = "openai-realtime-events.schema.json";
const EXAMPLES: &str = "openai-realtime-examples.json";
const STREAMS: &str = "twilio-media-streams.schema.json";

/// What is wrong with messages told apart by `key`, and of which kinds they were.
pub fn check_all(schema: &Value, key: &str, messages: &[Value]) -> (Vec<String>, BTreeSet<String>) {
    let mut wrong = vec![];
    let mut validators: BTreeMap<&str, Option<Validator>> = BTreeMap::new();
    for message in messages {
        let kind = message[key].as_str().unwrap_or_default();
        let made = || definition_of(schema, key, &message[key]).map(|name| definition(schema, &name));
        match validators.entry(kind).or_insert_with(made) {
            Some(validator) => {
                wrong.extend(errors(validator, message).into_iter().map(|fault| format!("{kind}: {fault}")));
            }
            None => wrong.push(format!("no definition for {kind:?}")),
        }
    }
    (wrong, validators.into_keys().map(str::to_owned).collect())
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
    assert_eq!(wrong, [""; 0]);
    assert!(kinds.len() >= 30, "{kinds:?}");
    let (wrong, _) = check_all(&schema, "type", &server.received());
    assert_eq!(wrong, [""; 0]);
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
    assert_eq!(wrong, [""; 0]);
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
        assert_eq!(errors(&outbound, example), [""; 0]);
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

#[tokio::test]
async fn every_event_of_the_product_to_openai_has_the_published_shape() {
    let Some(schema) = spec(REALTIME) else { return };
    let mind = Written::saying(&["Goodbye."]).then_calls("find_slots", json!({})).then_says("Goodbye.");
    let server = stand_in(mind).await;
    let env = [
        ("FRONTDESK__OPENAI__BASE_URL", server.base_url()),
        ("FRONTDESK__OPENAI__API_KEY", KEY.to_owned()),
        ("FRONTDESK__OPENAI__MODEL", MODEL.to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value));
    let settings = Config::read(None, env).unwrap().openai;
    let tool = ToolSpec {
        name: "find_slots".to_owned(),
        description: "Free times.".to_owned(),
        parameters: json!({ "type": "object", "properties": {} }),
    };
    let briefing = Briefing {
        instructions: "Be brief.".to_owned(),
        tools: vec![tool],
        end_of_turn_ms: 500,
        transcribe: true,
        listens: true,
        ..Briefing::default()
    };
    let mut session = Session::open(&settings, &briefing, Clock::system()).await.unwrap();
    session.hear_sound(&[0xff; 160]).unwrap();
    session.tell(&ToEngine::AgentSaid(Words("Good \"morning\".".to_owned()))).unwrap();
    session.tell(&ToEngine::CallerDid(Words("pressed 5".to_owned()))).unwrap();
    session.tell(&ToEngine::Commit).unwrap();
    session.tell(&ToEngine::Cancel).unwrap();
    session.tell(&ToEngine::Respond { say: None }).unwrap();
    let spoken = next_that(&mut session, |input| match input {
        Input::ReplyAudio { item, .. } => Some(*item),
        _ => None,
    });
    let spoken = spoken.await;
    ended(&mut session).await;
    session.tell(&ToEngine::Truncate { item: spoken, heard_ms: 80 }).unwrap();
    session.tell(&ToEngine::Forget(spoken)).unwrap();
    session.tell(&ToEngine::Respond { say: None }).unwrap();
    let tools = ended(&mut session).await;
    session.tell(&ToEngine::ToolOutput { id: tools[0].id, output: "{}".to_owned() }).unwrap();
    session.tell(&ToEngine::Respond { say: Some(Words("One moment, please.".to_owned())) }).unwrap();
    ended(&mut session).await;
    session.close(Clock::system()).await;

    let sent = server.received();
    let (wrong, kinds) = check_all(&schema, "type", &sent);
    assert_eq!(wrong, [""; 0]);
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert!(server.faults().none(), "{:?}", server.faults().all());
    assert_eq!(server.races(), ["input_audio_buffer_commit_empty", "response_cancel_not_active"]);
    let names: BTreeSet<&str> = sent.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(names.len(), sent.len() - 1, "each event but the appended sound has a name of its own");
}

#[test]
fn every_message_of_the_product_to_twilio_has_the_documented_shape() {
    let Some(schema) = spec(STREAMS) else { return };
    let outbound = definition(&schema, "ToTwilio");
    let sid = format!("MZ{}", "0".repeat(32));
    let start = json!({
        "event": "start", "sequenceNumber": "1", "streamSid": sid,
        "start": {
            "accountSid": format!("AC{}", "0".repeat(32)),
            "streamSid": sid,
            "callSid": format!("CA{}", "1".repeat(32)),
            "tracks": ["inbound"],
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            "customParameters": {},
        },
    });
    assert_eq!(errors(&definition(&schema, "FromTwilio"), &start), [""; 0]);
    let start = start.to_string();
    let Message::Start(start) = media_stream::read(&start) else { panic!("a start is read as one") };
    let mark = Mark { piece: 3, end_ms: 1_240, generation: 2 };
    let mut texts = [String::new(), String::new(), String::new()];
    media_stream::write_media(&start.stream_sid, &[0x20; 161], &mut texts[0]);
    media_stream::write_mark(&start.stream_sid, mark, &mut texts[1]);
    media_stream::write_clear(&start.stream_sid, &mut texts[2]);
    for text in texts {
        assert_eq!(errors(&outbound, &serde_json::from_str(&text).unwrap()), [""; 0], "{text}");
        assert!(frontdesk::sim::twilio::shapes::read(&text, &sid).is_ok(), "{text}");
    }
}

/// The first thing of its kind that a session reports.
async fn next_that<T>(session: &mut Session, pick: impl Fn(&Input) -> Option<T>) -> T {
    let limit = tokio::time::timeout(PATIENCE, async {
        loop {
            let input = std::future::poll_fn(|context| {
                if session.unflushed() {
                    let _ = session.poll_flush(context);
                }
                session.poll_next(context)
            });
            if let Some(found) = pick(&input.await.unwrap()) {
                return found;
            }
        }
    });
    limit.await.expect("an event within the time")
}

/// The tools a reply asked for, once it has ended.
async fn ended(session: &mut Session) -> Vec<ToolRequest> {
    next_that(session, |input| match input {
        Input::ReplyEnded { tools, .. } => Some(tools.clone()),
        _ => None,
    })
    .await
}
