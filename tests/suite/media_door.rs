//! The doors a call comes through, knocked at by those who should not, and by lines that are broken.

use std::{sync::Arc, time::Duration};

use frontdesk::{
    domain::{
        assistant::Language,
        conversation::{CallSid, CallState, Outcome},
    },
    live::notice::{Notice, What},
    platform::clock::Clock,
    sim::{
        openai::Manners,
        scenario,
        stage::{Stage, Wanted},
        twilio::{self, Conditions},
    },
};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpStream, sync::broadcast};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How many times as fast as life these calls are.
const PACE: u32 = 5;

async fn stage(environment: &[(&str, &str)]) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        clock: Clock::hurried(PACE),
        folder: folder.path().to_owned(),
        manners: Manners::default(),
        conditions: Conditions::default(),
        clips: false,
        calendar: None,
        keep_log: false,
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let scenario = scenario::named("book", Language::English).unwrap();
    (Stage::set(scenario, wanted).await.unwrap(), folder)
}

/// Announces a call as Twilio does; the document that was answered.
async fn ring(stage: &Stage, call_sid: &str) -> String {
    let answer = stage.dial.post(&stage.dial.voice_url, &stage.dial.form(call_sid, "ringing")).await.unwrap();
    assert_eq!(answer.status, 200);
    answer.body
}

fn token(document: &str) -> &str {
    let (_, rest) = document.split_once(r#"name="token" value=""#).unwrap();
    rest.split_once('"').unwrap().0
}

async fn socket(stage: &Stage) -> Socket {
    connect_async(format!("ws://{}/twilio/media", stage.server.addr)).await.unwrap().0
}

async fn say(socket: &mut Socket, message: serde_json::Value) {
    socket.send(Message::Text(message.to_string().into())).await.unwrap();
}

async fn start(stage: &Stage, socket: &mut Socket, call_sid: &str, token: &str) {
    let stream_sid = twilio::sid("MZ");
    say(socket, json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" })).await;
    let start = json!({
        "accountSid": stage.dial.account.sid, "streamSid": stream_sid, "callSid": call_sid, "tracks": ["inbound"],
        "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
        "customParameters": { "token": token },
    });
    say(socket, json!({ "event": "start", "sequenceNumber": "1", "streamSid": stream_sid, "start": start }))
        .await;
}

fn media(timestamp_ms: u64, payload: &str) -> serde_json::Value {
    json!({
        "event": "media", "sequenceNumber": "2", "streamSid": twilio::sid("MZ"),
        "media": { "track": "inbound", "chunk": "1", "timestamp": timestamp_ms.to_string(), "payload": payload },
    })
}

/// Waits until the server has closed the socket.
async fn closed(socket: &mut Socket) {
    let closing = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(20), closing).await.expect("the socket is closed");
}

/// Waits for the notice that a call is over and kept.
async fn over(notices: &mut broadcast::Receiver<Arc<Notice>>) -> Outcome {
    let waiting = async {
        loop {
            if let What::Ended(outcome) = notices.recv().await.unwrap().what {
                return outcome;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the call ends")
}

async fn is_kept(stage: &Stage, call_sid: &str) -> bool {
    let sid: CallSid = call_sid.parse().unwrap();
    stage.server.store.across_tenants().call(&sid).await.unwrap().is_some()
}

#[tokio::test]
async fn an_unsigned_or_wrongly_signed_webhook_is_refused_and_nothing_is_kept() {
    let (stage, _folder) = stage(&[]).await;
    let sid = twilio::sid("CA");
    let form = stage.dial.form(&sid, "ringing");
    for signature in ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not base64 at all"] {
        let answer = stage.dial.post_signed(&stage.dial.voice_url, &form, signature).await.unwrap();
        assert_eq!(answer.status, 403, "{signature:?}");
    }
    assert!(!is_kept(&stage, &sid).await);
    assert_eq!(stage.server.lines.in_air(), 0);
    stage.strike().await;
}

#[tokio::test]
async fn a_number_nobody_has_is_told_so() {
    let (stage, _folder) = stage(&[]).await;
    let sid = twilio::sid("CA");
    let mut form = stage.dial.form(&sid, "ringing");
    for (name, value) in &mut form {
        if name == "To" || name == "Called" {
            *value = "+4930999999".to_owned();
        }
    }
    let answer = stage.dial.post(&stage.dial.voice_url, &form).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("not in service") && answer.body.contains("nicht vergeben"),
        "{}",
        answer.body
    );
    assert!(!is_kept(&stage, &sid).await);
    stage.strike().await;
}

#[tokio::test]
async fn a_duplicate_webhook_is_the_same_call() {
    let (stage, _folder) = stage(&[]).await;
    let sid = twilio::sid("CA");
    let first = ring(&stage, &sid).await;
    assert_eq!(first, ring(&stage, &sid).await);
    assert_eq!(stage.server.lines.in_air(), 1);
    stage.strike().await;
}

#[tokio::test]
async fn a_media_socket_that_does_not_say_whose_call_it_is_is_closed() {
    let (stage, _folder) = stage(&[]).await;
    let mut silent = socket(&stage).await;
    closed(&mut silent).await;
    let mut chatty = socket(&stage).await;
    say(&mut chatty, media(0, "////")).await;
    closed(&mut chatty).await;
    assert_eq!(stage.server.lines.in_air(), 0);
    stage.strike().await;
}

#[tokio::test]
async fn a_media_socket_with_a_made_up_token_is_closed() {
    let (stage, _folder) = stage(&[]).await;
    let sid = twilio::sid("CA");
    ring(&stage, &sid).await;
    let mut socket = socket(&stage).await;
    start(&stage, &mut socket, &sid, &"0".repeat(64)).await;
    closed(&mut socket).await;
    stage.strike().await;
}

#[tokio::test]
async fn a_token_shown_for_another_call_is_used_up() {
    let (stage, _folder) = stage(&[]).await;
    let sid = twilio::sid("CA");
    let document = ring(&stage, &sid).await;
    for claimed in [twilio::sid("CA"), sid] {
        let mut socket = socket(&stage).await;
        start(&stage, &mut socket, &claimed, token(&document)).await;
        closed(&mut socket).await;
    }
    assert_eq!(stage.server.lines.in_air(), 0);
    stage.strike().await;
}

#[tokio::test]
async fn a_second_stream_for_a_live_call_is_refused_and_the_first_goes_on() {
    // The first says nothing, and is not to be taken for a line that broke.
    let (stage, _folder) = stage(&[("FRONTDESK__LIMITS__MEDIA_SILENCE_MS_MAX", "300000")]).await;
    let mut notices = stage.server.lines.watch();
    let sid = twilio::sid("CA");
    let document = ring(&stage, &sid).await;
    let mut first = socket(&stage).await;
    start(&stage, &mut first, &sid, token(&document)).await;
    // Once it has heard from us, the first stream has proven itself.
    let heard = tokio::time::timeout(Duration::from_secs(20), first.next()).await.unwrap();
    assert!(matches!(heard, Some(Ok(Message::Text(_)))), "{heard:?}");
    let mut second = socket(&stage).await;
    start(&stage, &mut second, &sid, token(&document)).await;
    closed(&mut second).await;
    assert_eq!(stage.server.lines.in_air(), 1);
    say(&mut first, json!({ "event": "stop", "sequenceNumber": "3", "streamSid": "MZ0", "stop": {} })).await;
    assert_eq!(over(&mut notices).await, Outcome::CallerLeft);
    stage.strike().await;
}

#[tokio::test]
async fn a_call_goes_on_through_everything_a_broken_line_can_send() {
    let (stage, _folder) = stage(&[]).await;
    let mut notices = stage.server.lines.watch();
    let sid = twilio::sid("CA");
    let document = ring(&stage, &sid).await;
    let mut socket = socket(&stage).await;
    start(&stage, &mut socket, &sid, token(&document)).await;
    let frame = base64_simd::STANDARD.encode_to_string([0xFF; 160]);
    let odd = base64_simd::STANDARD.encode_to_string([0x7F; 37]);
    let second = base64_simd::STANDARD.encode_to_string([0x7F; 8_001]);
    for message in [
        media(0, &frame),
        media(20, "this is no base64!"),
        media(20, ""),
        media(20, &odd),
        media(24, &odd),
        media(0, &frame),
        media(0, &frame),
        media(60_000, &frame),
        media(40, &frame),
        media(60_020, &second),
        media(u64::MAX, &frame),
        media(60_040, &frame),
        json!({ "event": "media" }),
        json!({ "event": "media", "media": { "track": "inbound", "timestamp": "soon", "payload": frame } }),
        json!({ "event": "mark", "mark": { "name": "not ours" } }),
        json!({ "event": "mark", "mark": { "name": "4294967295:18446744073709551615:0" } }),
        json!({ "event": "dtmf", "dtmf": { "track": "inbound_track", "digit": "☎" } }),
        json!({ "event": "start", "start": {} }),
        json!({ "event": "yet to be invented" }),
        json!(["not", "an", "object"]),
    ] {
        say(&mut socket, message).await;
    }
    socket.send(Message::Text("{ not json".into())).await.unwrap();
    socket.send(Message::Binary(vec![0; 160].into())).await.unwrap();
    say(&mut socket, json!({ "event": "stop", "sequenceNumber": "9", "streamSid": "MZ0", "stop": {} })).await;
    assert_eq!(
        over(&mut notices).await,
        Outcome::CallerLeft,
        "it was still there to hear the caller hang up"
    );
    stage.strike().await;
}

#[tokio::test]
async fn a_message_of_ten_megabytes_ends_the_call_cleanly() {
    let (stage, _folder) = stage(&[]).await;
    let mut notices = stage.server.lines.watch();
    let sid = twilio::sid("CA");
    let document = ring(&stage, &sid).await;
    let mut socket = socket(&stage).await;
    start(&stage, &mut socket, &sid, token(&document)).await;
    // The server may be gone before all of it is sent; that is what is asked for.
    let _ = socket.send(Message::Text(media(0, &"/".repeat(10 << 20)).to_string().into())).await;
    over(&mut notices).await;
    assert_eq!(stage.server.lines.in_air(), 0);
    let sid: CallSid = sid.parse().unwrap();
    let (tenant, call) = stage.server.store.across_tenants().call(&sid).await.unwrap().unwrap();
    let kept = frontdesk::app::calls::load(&stage.server.store, &tenant, &call).await.unwrap();
    assert_eq!(kept.record.state, CallState::Completed);
    stage.strike().await;
}

#[tokio::test]
async fn without_an_engine_key_callers_hear_the_apology() {
    let (stage, _folder) = stage(&[("FRONTDESK__OPENAI__API_KEY", "")]).await;
    let document = ring(&stage, &twilio::sid("CA")).await;
    assert!(!document.contains("<Connect") && document.contains("technical problem"), "{document}");
    stage.strike().await;
}

#[tokio::test]
async fn a_call_past_the_limit_hears_that_all_lines_are_busy_and_is_kept_as_refused() {
    let (stage, _folder) = stage(&[("FRONTDESK__LIMITS__CALLS_MAX", "1")]).await;
    let (first, second) = (twilio::sid("CA"), twilio::sid("CA"));
    assert!(ring(&stage, &first).await.contains("<Connect"));
    let document = ring(&stage, &second).await;
    assert!(!document.contains("<Connect") && document.contains("busy"), "{document}");
    let sid: CallSid = second.parse().unwrap();
    let (tenant, call) = stage.server.store.across_tenants().call(&sid).await.unwrap().unwrap();
    let kept = frontdesk::app::calls::load(&stage.server.store, &tenant, &call).await.unwrap();
    assert_eq!(kept.record.outcome, Some(Outcome::Refused));
    stage.strike().await;
}
