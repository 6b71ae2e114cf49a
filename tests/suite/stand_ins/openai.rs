//! The stand-in for OpenAI Realtime, met by a hand-made client.

use std::time::Duration;

use frontdesk::{
    audio::g711,
    domain::assistant::Language,
    platform::clock::Clock,
    sim::{
        openai::{Mishap, Thought, Transcription},
        voice::Voice,
    },
};
use serde_json::{Value, json};

use crate::support::realtime_peer::{KEY, MODEL, Peer, Written, session, silence, stand_in, stand_in_at};

const QUESTION: &str = "The second one, please.";
const ANSWER: &str = "Your appointment is cancelled.";
const LONG: &str =
    "Please bring your insurance card and a list of the medicines that you take to your appointment.";

fn question() -> Vec<u8> {
    Voice::embedded().unwrap().caller(Language::English, QUESTION).unwrap()
}

fn knowing_the_question(mut mind: Written) -> Written {
    let samples: Vec<i16> = question().iter().map(|byte| g711::decode(*byte)).collect();
    mind.ear.learn(QUESTION, &samples);
    mind
}

#[tokio::test]
async fn it_hears_a_sentence_and_writes_it_down() {
    let server = stand_in(knowing_the_question(Written::default())).await;
    let mut peer = Peer::configured(&server).await;
    peer.speak(&silence(400)).await;
    peer.speak(&question()).await;
    let started = peer.until("input_audio_buffer.speech_started").await;
    let from = started["audio_start_ms"].as_u64().unwrap();
    assert!((0..=400).contains(&from), "padded by 300 ms: {from}");
    peer.speak(&silence(700)).await;
    let completed = peer.until("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(completed["transcript"], QUESTION);
    assert_eq!(completed["item_id"], started["item_id"]);
    let ladder: Vec<&str> = peer.kinds().into_iter().filter(|kind| !kind.contains("transcription")).collect();
    assert_eq!(
        ladder[2..],
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
    );
    assert!(server.faults().none(), "{:?}", server.faults().all());
}

#[tokio::test]
async fn it_answers_only_when_asked_and_speaks_faster_than_real_time() {
    let mind = knowing_the_question(Written::saying(&[ANSWER]));
    let asked = mind.asked.clone();
    let server = stand_in_at(mind, 1).await;
    let mut peer = Peer::configured(&server).await;
    peer.speak(&question()).await;
    peer.speak(&silence(700)).await;
    peer.until("input_audio_buffer.committed").await;
    peer.settle().await;
    assert!(peer.all("response.created").is_empty(), "create_response is off");
    peer.send(json!({ "type": "response.create" })).await;
    peer.until("response.output_audio.delta").await;
    let watch = Clock::system().stopwatch();
    let done = peer.until("response.done").await;
    let sound = peer.sound();
    assert_eq!(sound, Voice::embedded().unwrap().agent(Language::English, ANSWER).unwrap());
    assert!(watch.elapsed() < Duration::from_millis(sound.len() as u64 / 8), "faster than it sounds");
    let told: String = peer
        .all("response.output_audio_transcript.delta")
        .iter()
        .map(|delta| delta["delta"].as_str().unwrap())
        .collect();
    assert_eq!(told, ANSWER);
    assert_eq!(done["response"]["status"], "completed");
    let usage = &done["response"]["usage"];
    let spoken_tokens = (sound.len() as u64 / 8).div_ceil(50);
    assert_eq!(usage["output_token_details"]["audio_tokens"], spoken_tokens);
    assert!(usage["input_token_details"]["audio_tokens"].as_u64() > Some(5));
    assert_eq!(asked.lock().unwrap()[0].said, [QUESTION]);
    assert!(server.faults().none(), "{:?}", server.faults().all());
}

#[tokio::test]
async fn it_answers_by_itself_and_yields_by_itself_where_the_session_says_so() {
    let server = stand_in_at(Written::saying(&[LONG]), 1).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(session(json!({ "create_response": true, "interrupt_response": true }))).await;
    peer.until("session.updated").await;
    peer.speak(&question()).await;
    peer.speak(&silence(700)).await;
    peer.until("response.output_audio.delta").await;
    peer.speak(&question()).await;
    let done = peer.until("response.done").await;
    assert_eq!(done["response"]["status"], "cancelled");
    assert_eq!(done["response"]["status_details"]["reason"], "turn_detected");
    assert!(peer.sound().len() < Voice::embedded().unwrap().agent(Language::English, LONG).unwrap().len());
}

#[tokio::test]
async fn one_response_at_a_time_and_nothing_to_cancel_is_an_error_but_no_fault() {
    let server = stand_in_at(Written::saying(&[LONG]), 1).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(json!({ "type": "response.cancel", "event_id": "mine" })).await;
    let error = peer.until("error").await;
    assert_eq!(error["error"]["code"], "response_cancel_not_active");
    assert_eq!(error["error"]["event_id"], "mine");
    peer.send(json!({ "type": "response.create" })).await;
    peer.until("response.created").await;
    peer.send(json!({ "type": "response.create" })).await;
    assert_eq!(peer.until("error").await["error"]["code"], "conversation_already_has_active_response");
    peer.until("response.output_audio.delta").await;
    peer.send(json!({ "type": "response.cancel" })).await;
    let done = peer.until("response.done").await;
    assert_eq!(done["response"]["status_details"]["reason"], "client_cancelled");
    assert_eq!(server.races().len(), 2);
    assert!(server.faults().none(), "{:?}", server.faults().all());
}

#[tokio::test]
async fn a_response_cancelled_before_its_first_word_leaves_the_question_open() {
    let mind = knowing_the_question(Written::saying(&[LONG, ANSWER]));
    let asked = mind.asked.clone();
    let server = stand_in_at(mind, 1).await;
    server.go_wrong([Mishap::Late(Duration::from_secs(30))]);
    let mut peer = Peer::configured(&server).await;
    peer.speak(&question()).await;
    peer.speak(&silence(700)).await;
    peer.until("input_audio_buffer.committed").await;
    for _ in 0..2 {
        peer.send(json!({ "type": "response.create" })).await;
        peer.until("response.created").await;
        if asked.lock().unwrap().len() == 1 {
            peer.send(json!({ "type": "response.cancel" })).await;
        }
        peer.until("response.done").await;
    }
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].said, [QUESTION]);
    assert_eq!(asked[1], asked[0]);
}

#[tokio::test]
async fn truncating_and_deleting_are_checked_as_the_vendor_checks_them() {
    let server = stand_in(knowing_the_question(Written::saying(&[ANSWER]))).await;
    let mut peer = Peer::configured(&server).await;
    peer.speak(&question()).await;
    peer.speak(&silence(700)).await;
    let heard = peer.until("input_audio_buffer.committed").await["item_id"].clone();
    peer.send(json!({ "type": "response.create" })).await;
    let done = peer.until("response.done").await;
    let spoken = done["response"]["output"][0]["id"].clone();
    let length = peer.sound().len() as u64 / 8;
    let truncate = |item: &Value, end: u64| {
        json!({
            "type": "conversation.item.truncate",
            "item_id": item, "content_index": 0, "audio_end_ms": end,
        })
    };
    peer.send(truncate(&spoken, length + 60)).await;
    let message = format!("Audio content of {length}ms is already shorter than {}ms", length + 60);
    assert_eq!(peer.until("error").await["error"]["message"], message);
    peer.send(truncate(&heard, 100)).await;
    let error = peer.until("error").await;
    assert_eq!(error["error"]["message"], "Only model output audio messages can be truncated");
    peer.send(truncate(&"item_0".into(), 100)).await;
    assert_eq!(peer.until("error").await["error"]["code"], "item_not_found");
    peer.send(truncate(&spoken, 400)).await;
    assert_eq!(peer.until("conversation.item.truncated").await["audio_end_ms"], 400);
    peer.send(json!({ "type": "conversation.item.retrieve", "item_id": spoken })).await;
    let kept = peer.until("conversation.item.retrieved").await;
    assert_eq!(kept["item"]["content"][0]["transcript"], Value::Null, "the words go with the sound");
    peer.send(json!({ "type": "conversation.item.delete", "item_id": spoken })).await;
    assert_eq!(peer.until("conversation.item.deleted").await["item_id"], spoken);
    peer.send(json!({ "type": "conversation.item.delete", "item_id": spoken })).await;
    assert_eq!(peer.until("error").await["error"]["code"], "item_not_found");
    assert!(server.faults().none(), "{:?}", server.faults().all());
}

#[tokio::test]
async fn it_waits_for_what_its_tools_answer() {
    let mind =
        Written::default().then_calls("find_slots", json!({ "service": "check-up" })).then_says(ANSWER);
    let asked = mind.asked.clone();
    let server = stand_in(mind).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(json!({ "type": "response.create" })).await;
    let done = peer.until("response.done").await;
    let call = &done["response"]["output"][0];
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("find_slots")));
    assert_eq!(call["arguments"], "{\"service\":\"check-up\"}");
    let call_id = call["call_id"].clone();
    peer.send(json!({ "type": "response.create" })).await;
    assert_eq!(peer.until("error").await["error"]["code"], "missing_tool_output");
    let answer = json!({
        "type": "conversation.item.create",
        "item": { "type": "function_call_output", "call_id": call_id, "output": "{\"slots\":[1,2]}" },
    });
    peer.send(answer.clone()).await;
    peer.until("conversation.item.done").await;
    peer.send(answer).await;
    assert_eq!(peer.until("error").await["error"]["code"], "invalid_tool_call_id", "answered already");
    peer.send(json!({ "type": "response.create" })).await;
    peer.until("response.output_audio_transcript.done").await;
    let results = asked.lock().unwrap()[1].results.clone();
    assert_eq!(results, [("find_slots".to_owned(), json!({ "slots": [1, 2] }))]);
    assert_eq!(server.faults().all().len(), 2);
}

#[tokio::test]
async fn exact_words_are_spoken_beside_an_answer_that_is_under_way() {
    let server = stand_in_at(Written::saying(&[LONG]), 1).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(json!({ "type": "response.create" })).await;
    let answer = peer.until("response.created").await["response"]["id"].clone();
    let exact = format!("Say exactly this and nothing else: \"{ANSWER}\"");
    let aside =
        json!({ "conversation": "none", "instructions": exact, "input": [], "metadata": { "k": "v" } });
    peer.send(json!({ "type": "response.create", "response": aside })).await;
    let done = loop {
        let done = peer.until("response.done").await;
        if done["response"]["id"] != answer {
            break done;
        }
    };
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], ANSWER);
    assert_eq!(done["response"]["metadata"]["k"], "v");
    assert_eq!(done["response"]["conversation_id"], Value::Null);
    let items = peer.all("conversation.item.added");
    assert!(items.iter().all(|added| added["item"]["id"] != done["response"]["output"][0]["id"]));
    assert!(server.faults().none(), "{:?}", server.faults().all());
}

#[tokio::test]
async fn it_speaks_and_hears_24_khz_too() {
    let server = stand_in(knowing_the_question(Written::saying(&[ANSWER]))).await;
    let mut peer = Peer::configured(&server).await;
    let format = json!({ "format": { "type": "audio/pcm", "rate": 24000 } });
    peer.send(json!({
        "type": "session.update",
        "session": { "type": "realtime", "audio": { "input": format, "output": format } },
    }))
    .await;
    let updated = peer.until("session.updated").await;
    let kept = &updated["session"]["audio"]["input"]["turn_detection"]["create_response"];
    assert_eq!(*kept, false, "only what is present changes");
    let spoken = [question(), silence(700)].concat();
    for frame in spoken.chunks(160) {
        let wide: Vec<u8> =
            frame.iter().flat_map(|byte| [g711::decode(*byte); 3]).flat_map(i16::to_le_bytes).collect();
        let audio = base64_simd::STANDARD.encode_to_string(&wide);
        peer.send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
    }
    let heard = peer.until("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(heard["transcript"], QUESTION);
    peer.send(json!({ "type": "response.create" })).await;
    peer.until("response.done").await;
    let narrow = Voice::embedded().unwrap().agent(Language::English, ANSWER).unwrap();
    assert_eq!(peer.sound().len(), narrow.len() * 6);
}

#[tokio::test]
async fn events_of_the_beta_and_broken_ones_are_refused_and_kept_as_faults() {
    let session = |change: Value| {
        let mut event = json!({ "type": "session.update", "session": { "type": "realtime" } });
        for (key, value) in change.as_object().unwrap() {
            event["session"][key] = value.clone();
        }
        event
    };
    let item = |role: &str, content: Value| {
        let item = json!({ "type": "message", "role": role, "content": [content] });
        json!({ "type": "conversation.item.create", "item": item })
    };
    let refused = [
        (json!({ "type": "session.update", "session": {} }), "missing_required_parameter", "session.type"),
        (session(json!({ "modalities": ["audio", "text"] })), "unknown_parameter", "session.modalities"),
        (session(json!({ "voice": "alloy" })), "unknown_parameter", "session.voice"),
        (
            session(json!({ "input_audio_format": "g711_ulaw" })),
            "unknown_parameter",
            "session.input_audio_format",
        ),
        (session(json!({ "turn_detection": null })), "unknown_parameter", "session.turn_detection"),
        (session(json!({ "temperature": 0.8 })), "unknown_parameter", "session.temperature"),
        (
            session(json!({ "output_modalities": ["audio", "text"] })),
            "invalid_value",
            "session.output_modalities",
        ),
        (
            session(json!({ "audio": { "input": { "format": "g711_ulaw" } } })),
            "missing_required_parameter",
            "session.audio.input.format.type",
        ),
        (
            session(json!({ "audio": { "input": { "format": { "type": "audio/pcm", "rate": 16000 } } } })),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            session(json!({ "audio": { "output": { "voice": "nobody" } } })),
            "invalid_value",
            "session.audio.output.voice",
        ),
        (
            session(json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] })),
            "missing_required_parameter",
            "session.tools[0].name",
        ),
        (
            session(json!({ "tools": [{ "type": "function", "name": "f", "strict": true }] })),
            "unknown_parameter",
            "session.tools[0].strict",
        ),
        (item("assistant", json!({ "type": "text", "text": "Hi" })), "invalid_value", "item.content[0].type"),
        (
            item("assistant", json!({ "type": "input_text", "text": "Hi" })),
            "invalid_value",
            "item.content[0].type",
        ),
        (
            item("user", json!({ "type": "output_text", "text": "Hi" })),
            "invalid_value",
            "item.content[0].type",
        ),
        (
            json!({ "type": "response.create", "response": { "modalities": ["text"] } }),
            "unknown_parameter",
            "response.modalities",
        ),
        (
            json!({ "type": "conversation.item.truncate", "item_id": "i", "content_index": 0 }),
            "missing_required_parameter",
            "audio_end_ms",
        ),
        (
            json!({ "type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 12.5 }),
            "invalid_type",
            "audio_end_ms",
        ),
        (json!({ "type": "input_audio_buffer.append", "audio": [1, 2] }), "invalid_type", "audio"),
        (json!({ "type": "input_audio_buffer.append", "audio": "?" }), "invalid_value", "audio"),
        (json!({ "type": "response.audio.delta" }), "invalid_value", "type"),
        (json!({ "event": "media" }), "missing_required_parameter", "type"),
    ];
    let server = stand_in(Written::default()).await;
    let mut peer = Peer::configured(&server).await;
    let count = refused.len();
    for (mut event, code, param) in refused {
        event["event_id"] = "mine".into();
        peer.send(event.clone()).await;
        let answer = peer.until("error").await;
        let error = &answer["error"];
        assert_eq!((&error["code"], &error["param"]), (&code.into(), &param.into()), "{event}");
        assert_eq!(error["event_id"], "mine");
    }
    peer.send_text("{\"type\":".to_owned()).await;
    assert_eq!(peer.until("error").await["error"]["code"], "invalid_json");
    assert_eq!(server.faults().all().len(), count + 1);
}

#[tokio::test]
async fn sound_before_the_session_is_agreed_is_a_fault() {
    let server = stand_in(Written::default()).await;
    let mut peer = Peer::connect(&server).await;
    peer.speak(&silence(20)).await;
    peer.settle().await;
    assert_eq!(server.faults().all().len(), 1);
}

#[tokio::test]
async fn the_voice_stays_once_it_was_heard() {
    let server = stand_in(Written::saying(&[ANSWER])).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(json!({ "type": "response.create" })).await;
    peer.until("response.done").await;
    let voice = json!({ "output": { "voice": "cedar" } });
    peer.send(json!({ "type": "session.update", "session": { "type": "realtime", "audio": voice } })).await;
    assert_eq!(peer.until("error").await["error"]["code"], "cannot_update_voice");
}

#[tokio::test]
async fn a_wrong_key_the_beta_and_an_unknown_model_do_not_get_in() {
    let server = stand_in(Written::default()).await;
    let key = format!("Bearer {KEY}");
    let query = format!("?model={MODEL}");
    let right = ("Authorization", &*key);
    let cases = [
        (query.as_str(), vec![], 401),
        (&query, vec![("Authorization", "Bearer sk-other")], 401),
        (&query, vec![right, ("OpenAI-Beta", "realtime=v1")], 400),
        ("", vec![right], 400),
        ("?model=gpt-9", vec![right], 404),
    ];
    for (query, headers, status) in cases {
        assert_eq!(
            Peer::try_connect(&server, query, &headers).await.err(),
            Some(status),
            "{query} {headers:?}"
        );
    }
    server.behave(|manners| manners.refuse = Some(429));
    assert_eq!(Peer::try_connect(&server, &query, &[right]).await.err(), Some(429));
    assert_eq!(server.sessions(), 0);
    assert_eq!(server.faults().all().len(), 2, "the beta, and no model");
}

#[tokio::test]
async fn its_models_say_when_they_end() {
    let server = stand_in(Written::default()).await;
    let ask =
        |path: &str| reqwest::Client::new().get(format!("{}/{path}", server.base_url())).bearer_auth(KEY);
    let models: Value = ask("models").send().await.unwrap().json().await.unwrap();
    assert_eq!(models["data"][0]["shutdown_date"], Value::Null);
    assert_eq!(models["data"][1]["shutdown_date"], "2027-01-20");
    let one: Value = ask("models/gpt-realtime").send().await.unwrap().json().await.unwrap();
    assert_eq!(one["shutdown_date"], "2027-01-20");
    assert_eq!(ask("models/gpt-9").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn it_goes_wrong_when_told_to() {
    let server = stand_in(Written::saying(&[ANSWER; 6])).await;
    let ask = json!({ "type": "response.create" });

    server.go_wrong([Mishap::Silent, Mishap::Fails("server_error"), Mishap::Garbage]);
    let mut peer = Peer::configured(&server).await;
    peer.send(ask.clone()).await;
    peer.settle().await;
    assert!(peer.all("response.created").is_empty(), "silent");
    peer.send(ask.clone()).await;
    assert_eq!(peer.until("response.done").await["response"]["status"], "failed");
    peer.send(ask.clone()).await;
    peer.until("response.dreamt").await;
    assert_eq!(peer.until("response.done").await["response"]["status"], "completed");

    server.go_wrong([Mishap::Incomplete(Duration::from_millis(300)), Mishap::Huge(10_000_000)]);
    peer.send(ask.clone()).await;
    assert_eq!(peer.until("response.done").await["response"]["status"], "incomplete");
    peer.send(ask.clone()).await;
    assert!(peer.until("response.dreamt").await["of"].as_str().unwrap().len() == 10_000_000);
    peer.until("response.done").await;

    server.go_wrong([
        Mishap::Close(Duration::from_millis(300), Some(1011)),
        Mishap::Close(Duration::ZERO, None),
    ]);
    peer.send(ask.clone()).await;
    peer.until("response.output_audio.delta").await;
    assert_eq!(peer.close_code().await, Some(1011));
    let mut peer = Peer::configured(&server).await;
    peer.send(ask).await;
    assert_eq!(peer.close_code().await, None);
}

#[tokio::test]
async fn the_callers_words_may_fail_or_never_come() {
    let server = stand_in(knowing_the_question(Written::default())).await;
    server.behave(|manners| manners.transcription = Transcription::Fails);
    let mut peer = Peer::configured(&server).await;
    let said = [question(), silence(700)].concat();
    peer.speak(&said).await;
    let failed = peer.until("conversation.item.input_audio_transcription.failed").await;
    assert_eq!(failed["error"]["code"], "audio_unintelligible");
    server.behave(|manners| manners.transcription = Transcription::Never);
    peer.speak(&said).await;
    peer.until("input_audio_buffer.committed").await;
    peer.send(json!({ "type": "session.update", "session": { "type": "realtime" } })).await;
    peer.until("session.updated").await;
    assert!(peer.all("conversation.item.input_audio_transcription.completed").is_empty());
}

#[tokio::test]
async fn words_it_has_no_recording_of_and_tools_it_was_not_given_are_faults() {
    let mind = Written::saying(&["Abracadabra."]).then_calls("open_door", json!({}));
    let server = stand_in(mind).await;
    let mut peer = Peer::configured(&server).await;
    for _ in 0..2 {
        peer.send(json!({ "type": "response.create" })).await;
        assert_eq!(peer.until("response.done").await["response"]["status"], "failed");
    }
    let faults = server.faults().all();
    assert!(faults[0].contains("abracadabra") && faults[1].contains("open_door"), "{faults:?}");
}

#[tokio::test]
async fn one_response_may_speak_and_then_call_a_tool() {
    let mind = Written::default();
    let calls = vec![("find_slots".to_owned(), json!({}))];
    mind.thoughts.lock().unwrap().push_back(Thought { say: ANSWER.to_owned(), calls });
    let server = stand_in(mind).await;
    let mut peer = Peer::configured(&server).await;
    peer.send(json!({ "type": "response.create" })).await;
    let done = peer.until("response.done").await;
    let output = &done["response"]["output"];
    assert_eq!((&output[0]["type"], &output[1]["type"]), (&json!("message"), &json!("function_call")));
    let added = peer.all("response.output_item.added");
    assert_eq!((&added[0]["output_index"], &added[1]["output_index"]), (&json!(0), &json!(1)));
}
