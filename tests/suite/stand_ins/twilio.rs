//! The stand-in for Twilio and the person on the line, met by a hand-made server.

use std::sync::{Arc, Mutex};

use axum::extract::ws::{CloseFrame, Message};
use frontdesk::{
    domain::assistant::Language,
    sim::{
        Faults,
        caller::{Act, Caller, Cue, Doing, Line, Person},
        twilio::{Account, Conditions, Exchange, Said, StreamEnd, shapes, signature, twiml},
        voice::Voice,
    },
};
use serde_json::{Value, json};

use crate::support::telephone_server::{
    ACCOUNT, ORIGIN, TOKEN, TelephoneServer, connecting, next, send, until,
};

fn sentence(words: &str) -> Vec<u8> {
    Voice::embedded().unwrap().agent(Language::English, words).unwrap()
}

fn line(cue: Cue, doing: Doing) -> Line {
    Line { cue, doing, words: format!("{cue:?}") }
}

/// Somebody who says nothing and hangs up after a while.
fn quiet_for(ms: u64) -> Caller {
    Caller::new([line(Cue::After(ms), Doing::HangUp)], 60_000)
}

fn media(start: &Value, sound: &[u8]) -> Value {
    let payload = base64_simd::STANDARD.encode_to_string(sound);
    json!({ "event": "media", "streamSid": start["streamSid"], "media": { "payload": payload } })
}

fn mark(start: &Value, name: &str) -> Value {
    json!({ "event": "mark", "streamSid": start["streamSid"], "mark": { "name": name } })
}

#[test]
fn its_signatures_are_the_vendors() {
    let vectors: Value = serde_json::from_str(include_str!("../data/twilio-signature-vectors.json")).unwrap();
    let mut checked = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let text = |key: &str| vector[key].as_str().unwrap_or_default().to_owned();
        let other_scheme = vector["json_body"].is_string() || vector["algorithm"].is_string();
        if vector["official_validator_accepts"] != true || other_scheme {
            continue;
        }
        let mut form = vec![];
        for (name, value) in vector["params"].as_object().into_iter().flatten() {
            match value {
                Value::Array(values) => {
                    form.extend(values.iter().map(|v| (name.clone(), v.as_str().unwrap().to_owned())));
                }
                value => form.push((name.clone(), value.as_str().unwrap().to_owned())),
            }
        }
        let made = signature(&text("auth_token"), &text("url_signed"), &form);
        assert_eq!(made, text("x_twilio_signature"), "{}", vector["id"]);
        checked += 1;
    }
    assert!(checked >= 10, "{checked} vectors fit");
}

#[tokio::test]
async fn a_call_is_announced_connected_counted_and_ended_as_twilio_does_it() {
    let seen = Arc::new(Mutex::new(vec![]));
    let keep = seen.clone();
    let server = TelephoneServer::start(&connecting(), move |mut socket| {
        let keep = keep.clone();
        async move {
            while let Some(message) = next(&mut socket).await {
                keep.lock().unwrap().push(message);
            }
        }
    })
    .await;
    let lines = [line(Cue::After(200), Doing::Press('5')), line(Cue::After(400), Doing::HangUp)];
    let faults = Faults::default();
    let report = server.dial().place(&mut Caller::new(lines, 60_000), &faults).await.unwrap();
    assert!(faults.none(), "{:?}", faults.all());
    assert_eq!(report.stream_end, Some(StreamEnd::CallerHungUp));
    assert_eq!(report.said, [], "a caller who is gone hears no apology");

    let posts = server.posts.lock().unwrap().clone();
    let (path, signed, form) = &posts[0];
    assert_eq!(path, "/voice");
    assert_eq!(*signed, signature(TOKEN, &format!("https://{ORIGIN}/voice"), form));
    assert!(form.contains(&("CallStatus".to_owned(), "ringing".to_owned())));
    let (path, _, form) = &posts[1];
    assert_eq!(path, "/status");
    assert!(form.contains(&("CallStatus".to_owned(), "completed".to_owned())));
    assert!(form.contains(&("Duration".to_owned(), "1".to_owned())), "minutes, begun ones counted");

    let seen = seen.lock().unwrap();
    let events: Vec<&str> = seen.iter().map(|message| message["event"].as_str().unwrap()).collect();
    assert_eq!(events[..3], ["connected", "start", "media"]);
    assert_eq!(events.last(), Some(&"stop"));
    assert!(events.contains(&"dtmf"));
    assert_eq!(seen[1]["start"]["customParameters"], json!({ "token": "t0k&n" }));
    assert_eq!(seen[1]["start"]["accountSid"], ACCOUNT);
    let numbers: Vec<u64> =
        seen[1..].iter().map(|m| m["sequenceNumber"].as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(number, n)| *number == n), "{numbers:?}");
    let media: Vec<&Value> = seen.iter().filter(|message| message["event"] == "media").collect();
    assert_eq!(media.len() as u64, report.caller_sound.len() as u64 / 160);
    for (n, message) in media.iter().enumerate() {
        assert_eq!(message["media"]["chunk"], (n + 1).to_string());
        assert_eq!(message["media"]["timestamp"], (n * 20).to_string());
        assert_eq!(message["media"]["payload"].as_str().unwrap().len(), 216);
    }
}

#[tokio::test]
async fn sound_is_played_in_real_time_and_marks_come_back_when_it_was_heard() {
    let server = TelephoneServer::start(&connecting(), async |mut socket| {
        let start = until(&mut socket, "start").await.unwrap();
        send(&mut socket, media(&start, &[0x20; 1_000 * 8])).await;
        send(&mut socket, mark(&start, "half")).await;
        send(&mut socket, media(&start, &[0x21; 1_000 * 8])).await;
        send(&mut socket, mark(&start, "whole")).await;
        let mut frames = 0;
        let mut marks = vec![];
        while let Some(message) = next(&mut socket).await {
            match message["event"].as_str() {
                Some("media") => frames += 1,
                Some("mark") => marks.push((message["mark"]["name"].as_str().unwrap().to_owned(), frames)),
                _ => {}
            }
            if marks.len() == 2 {
                break;
            }
        }
        let between = marks[1].1 - marks[0].1;
        assert_eq!((&*marks[0].0, &*marks[1].0), ("half", "whole"));
        // How soon the first second began is the machine's affair.
        assert!(marks[0].1 >= 48 && (48..=52).contains(&between), "{marks:?}");
        // With nothing left to play a mark comes back at once.
        send(&mut socket, mark(&start, "empty")).await;
        assert_eq!(until(&mut socket, "mark").await.unwrap()["mark"]["name"], "empty");
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let faults = Faults::default();
    let report = server.dial().place(&mut quiet_for(2_500), &faults).await.unwrap();
    assert!(faults.none(), "{:?}", faults.all());
    assert_eq!(report.marks, 3);
    let heard = report.agent_sound.iter().filter(|byte| **byte == 0x20 || **byte == 0x21).count();
    assert_eq!(heard, 2_000 * 8);
    assert_eq!(report.agent_sound.len(), report.caller_sound.len(), "both sides in step");
    assert!(report.first_sound.is_some());
}

#[tokio::test]
async fn clear_silences_at_once_and_returns_every_mark() {
    let server = TelephoneServer::start(&connecting(), async |mut socket| {
        let start = until(&mut socket, "start").await.unwrap();
        send(&mut socket, media(&start, &[0x20; 10_000 * 8])).await;
        send(&mut socket, mark(&start, "a")).await;
        send(&mut socket, mark(&start, "b")).await;
        for _ in 0..20 {
            until(&mut socket, "media").await;
        }
        send(&mut socket, json!({ "event": "clear", "streamSid": start["streamSid"] })).await;
        for name in ["a", "b"] {
            assert_eq!(until(&mut socket, "mark").await.unwrap()["mark"]["name"], name);
        }
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let faults = Faults::default();
    let report = server.dial().place(&mut quiet_for(1_500), &faults).await.unwrap();
    assert!(faults.none(), "{:?}", faults.all());
    let heard_ms = report.agent_sound.iter().filter(|byte| **byte == 0x20).count() / 8;
    let [cleared] = report.clears[..] else { panic!("cleared once: {:?}", report.clears) };
    assert!((1..10_000).contains(&heard_ms), "{heard_ms} ms of ten seconds");
    assert!(heard_ms as u128 <= cleared.as_millis() + 20, "{heard_ms} ms heard, cleared after {cleared:?}");
}

#[tokio::test]
async fn when_the_server_closes_the_next_verbs_are_followed() {
    let server = TelephoneServer::start(&connecting(), async |mut socket| {
        until(&mut socket, "media").await;
        let frame = CloseFrame { code: 1011, reason: "".into() };
        socket.send(Message::Close(Some(frame))).await.ok();
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let faults = Faults::default();
    let report = server.dial().place(&mut quiet_for(9_000), &faults).await.unwrap();
    assert_eq!(report.stream_end, Some(StreamEnd::ServerClosed(Some(1011))));
    assert_eq!(report.said, [Said { words: "Sorry.".into(), language: "en-US".into() }]);
    assert_eq!(report.undone.len(), 1, "the caller did not get to hang up");
}

#[tokio::test]
async fn a_socket_that_does_not_open_leads_to_the_next_verbs_too() {
    let twiml = connecting().replace("/media", "/nowhere");
    let server = TelephoneServer::start(&twiml, async |_| ()).await;
    let report = server.dial().place(&mut quiet_for(100), &Faults::default()).await.unwrap();
    assert_eq!(report.stream_end, Some(StreamEnd::Broken(31_920)));
    assert_eq!(report.said.len(), 1);
}

#[tokio::test]
async fn messages_twilio_would_warn_about_are_ignored_and_faults() {
    let server = TelephoneServer::start(&connecting(), async |mut socket| {
        let start = until(&mut socket, "start").await.unwrap();
        let mut extra = media(&start, &[0x20; 160]);
        extra["media"]["track"] = "outbound".into();
        send(&mut socket, extra).await;
        send(&mut socket, json!({ "event": "mark", "streamSid": start["streamSid"], "mark": {} })).await;
        socket.send(Message::binary(vec![1, 2, 3])).await.ok();
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let faults = Faults::default();
    let report = server.dial().place(&mut quiet_for(500), &faults).await.unwrap();
    assert_eq!(faults.all().len(), 3, "{:?}", faults.all());
    assert!(!report.agent_sound.contains(&0x20));
}

#[test]
fn the_shapes_towards_twilio_are_closed() {
    let sid = "MZ00000000000000000000000000000000";
    let refused = [
        (json!([]), "not an object"),
        (json!({ "event": "media", "streamSid": sid }), "media is missing"),
        (json!({ "event": "media", "streamSid": sid, "media": { "payload": "?" } }), "not base64"),
        (json!({ "event": "media", "streamSid": sid, "media": { "payload": 5 } }), "payload is not a string"),
        (json!({ "event": "media", "media": { "payload": "" } }), "streamSid is missing"),
        (json!({ "event": "clear", "streamSid": "MZ1" }), "another stream's"),
        (json!({ "event": "clear", "streamSid": sid, "why": "x" }), "why is not known"),
        (json!({ "event": "mark", "streamSid": sid, "mark": { "name": 1 } }), "name is not a string"),
        (json!({ "event": "stop", "streamSid": sid }), "not known"),
        (
            json!({ "event": "mark", "sequenceNumber": "1", "streamSid": sid, "mark": { "name": "a" } }),
            "sequenceNumber is not known",
        ),
    ];
    for (message, why) in refused {
        let refusal = shapes::read(&message.to_string(), sid).unwrap_err();
        assert!(refusal.contains(why), "{message}: {refusal}");
    }
    assert!(shapes::read("{", sid).is_err());
}

#[test]
fn documents_twilio_would_not_take_are_refused() {
    let stream = |stream: &str| format!("<Response><Connect>{stream}</Connect></Response>");
    let refused = [
        ("<Response>".to_owned(), "not XML"),
        ("<Answer/>".to_owned(), "<Answer>"),
        ("<Response><Shout>Hey</Shout></Response>".to_owned(), "<Shout>"),
        ("<Response><Say volume=\"11\">Hey</Say></Response>".to_owned(), "volume"),
        (stream("<Stream url=\"wss://example.com/media?token=1\"/>"), "query"),
        (stream("<Stream url=\"ws://example.com/media\"/>"), "31922"),
        (stream("<Stream url=\"/media\"/>"), "31923"),
        (stream(""), "exactly one <Stream>"),
        (
            stream(&format!(
                "<Stream url=\"wss://a.example/m\"><Parameter name=\"t\" value=\"{}\"/></Stream>",
                "x".repeat(499)
            )),
            "500",
        ),
    ];
    for (document, why) in refused {
        let refusal = twiml::parse(&document).unwrap_err();
        assert!(refusal.contains(why), "{document}: {refusal}");
    }
}

#[tokio::test]
async fn a_caller_interrupts_listens_and_answers_on_cue() {
    let reply = sentence(
        "Please bring your insurance card and a list of the medicines that you take to your appointment.",
    );
    let length_ms = reply.len() as u64 / 8;
    let server = TelephoneServer::start(&connecting(), move |mut socket| {
        let reply = reply.clone();
        async move {
            let start = until(&mut socket, "start").await.unwrap();
            for _ in 0..25 {
                until(&mut socket, "media").await;
            }
            send(&mut socket, media(&start, &reply)).await;
            while next(&mut socket).await.is_some() {}
        }
    })
    .await;
    let lines = [
        line(Cue::AfterHearing(1_000), Doing::Speak(vec![0x10; 400 * 8])),
        line(Cue::WhenQuiet(700), Doing::Speak(vec![0x11; 200 * 8])),
        line(Cue::After(300), Doing::HangUp),
    ];
    let report = server.dial().place(&mut Caller::new(lines, 60_000), &Faults::default()).await.unwrap();
    assert_eq!(report.undone, [""; 0]);
    let first = |sound: &[u8], byte: u8| sound.iter().position(|b| *b == byte).unwrap() as u64 / 8;
    let begun = report.agent_sound.iter().position(|byte| *byte != 0xff).unwrap() as u64 / 8;
    let interrupts = first(&report.caller_sound, 0x10) - begun;
    assert!((900..1_300).contains(&interrupts), "{interrupts} ms into the reply");
    // The reply's last 280 ms are silence.
    let answers = first(&report.caller_sound, 0x11) - begun;
    assert!((length_ms + 300..length_ms + 800).contains(&answers), "{answers} ms, after {length_ms}");
}

#[tokio::test]
async fn a_caller_who_waits_in_vain_hangs_up_and_says_for_what() {
    let server =
        TelephoneServer::start(&connecting(), async |mut socket| while next(&mut socket).await.is_some() {})
            .await;
    let mut caller = Caller::new([line(Cue::WhenQuiet(500), Doing::Speak(vec![0x10; 160]))], 1_000);
    let report = server.dial().place(&mut caller, &Faults::default()).await.unwrap();
    assert_eq!(report.stream_end, Some(StreamEnd::CallerHungUp));
    assert!(report.undone[0].contains("waited 1000 ms"), "{:?}", report.undone);
}

/// Counts out what it is told to say.
struct Counting(u8);

impl Person for Counting {
    fn live(&mut self, _: &[u8], _: u64) -> Act {
        self.0 = self.0.wrapping_add(1);
        Act { sound: vec![self.0; 160], press: None, hang_up: self.0 == 100 }
    }
}

#[tokio::test]
async fn frames_are_lost_repeated_late_and_in_bursts_on_request() {
    let seen = Arc::new(Mutex::new(vec![]));
    let keep = seen.clone();
    let server = TelephoneServer::start(&connecting(), move |mut socket| {
        let keep = keep.clone();
        async move {
            while let Some(message) = until(&mut socket, "media").await {
                let payload = message["media"]["payload"].as_str().unwrap();
                let byte = base64_simd::STANDARD.decode_to_vec(payload).unwrap()[0];
                let timestamp: u64 = message["media"]["timestamp"].as_str().unwrap().parse().unwrap();
                keep.lock().unwrap().push((timestamp, byte));
            }
        }
    })
    .await;
    let mut dial = server.dial();
    dial.conditions =
        Conditions { jitter_ms: 60, lose_every: 10, repeat_every: 7, burst: 3, ..Conditions::default() };
    dial.place(&mut Counting(0), &Faults::default()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(timestamp, byte)| *timestamp == u64::from(*byte - 1) * 20), "true timestamps");
    assert!(seen.is_sorted(), "in order");
    let times = |byte: u8| seen.iter().filter(|(_, b)| *b == byte).count();
    assert_eq!([times(9), times(10), times(11)], [1, 0, 1], "the tenth is lost");
    assert_eq!([times(6), times(7), times(8)], [1, 2, 1], "the seventh comes twice");
}

#[tokio::test]
async fn the_agents_voice_comes_back_as_an_echo_on_request() {
    let reply = sentence("Your appointment is cancelled.");
    let server = TelephoneServer::start(&connecting(), move |mut socket| {
        let reply = reply.clone();
        async move {
            let start = until(&mut socket, "start").await.unwrap();
            send(&mut socket, media(&start, &reply)).await;
            while next(&mut socket).await.is_some() {}
        }
    })
    .await;
    let mut dial = server.dial();
    dial.conditions = Conditions { echo: Some((160, 0.3)), ..Conditions::default() };
    let report = dial.place(&mut quiet_for(2_000), &Faults::default()).await.unwrap();
    let loud = |sound: &[u8]| sound.iter().position(|byte| !matches!(byte, 0xff | 0x7f | 0xfe | 0x7e));
    let delay = loud(&report.caller_sound).unwrap() - loud(&report.agent_sound).unwrap();
    assert!((155 * 8..200 * 8).contains(&delay), "{} ms", delay / 8);
}

#[tokio::test]
async fn the_server_can_have_a_call_ended() {
    let faults = Faults::default();
    let account = Account { sid: ACCOUNT.to_owned(), token: TOKEN.to_owned() };
    let exchange = Exchange::start(account, faults.clone()).await.unwrap();
    let post = {
        let base = exchange.base_url();
        move |sid: &str, token: &str, status: &str| {
            let url = format!("{base}/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json");
            reqwest::Client::new()
                .post(url)
                .basic_auth(ACCOUNT, Some(token))
                .form(&[("Status", status)])
                .send()
        }
    };
    let asked = post.clone();
    let server = TelephoneServer::start(&connecting(), move |mut socket| {
        let asked = asked.clone();
        async move {
            let start = until(&mut socket, "start").await.unwrap();
            let sid = start["start"]["callSid"].as_str().unwrap();
            assert_eq!(asked(sid, "wrong", "completed").await.unwrap().status(), 401);
            assert_eq!(asked(sid, TOKEN, "canceled").await.unwrap().status(), 400);
            assert_eq!(asked(sid, TOKEN, "completed").await.unwrap().status(), 200);
            assert!(until(&mut socket, "stop").await.is_some());
        }
    })
    .await;
    let mut dial = server.dial();
    dial.exchange = Some(exchange);
    let report = dial.place(&mut quiet_for(20_000), &faults).await.unwrap();
    assert_eq!(report.stream_end, Some(StreamEnd::ServerHungUp));
    assert_eq!(report.said, [], "an ended call goes to no further verb");
    assert_eq!(faults.all().len(), 1, "{:?}", faults.all());
    let again = post(&report.call_sid, TOKEN, "completed").await.unwrap();
    assert_eq!(again.json::<Value>().await.unwrap()["code"], 21_220, "it is over");
    assert_eq!(post("CA0", TOKEN, "completed").await.unwrap().status(), 404);
}
