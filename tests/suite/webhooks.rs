//! Twilio's webhooks: only what Twilio signed is heard, and a caller always hears a sentence.

use frontdesk::{
    app::{
        calls,
        provision::{self, Document},
    },
    boot::{self, Running},
    domain::conversation::{CallSid, CallState, Outcome},
    platform::clock::Clock,
    sim::twilio::signature,
};
use reqwest::Response;
use serde_json::Value;

use crate::support::{house::House, practice::MONDAY_8};

const PUBLIC: &str = "https://voice.example.com";
const OPERATOR: (&str, &str) = ("AC00000000000000000000000000000001", "12345");
const TENANTS_OWN: (&str, &str) = ("AC00000000000000000000000000000002", "their own");
const GERMAN_NUMBER: &str = "+493055501234";
const OTHER_NUMBER: &str = "+493055509999";
const EXAMPLE: &str = include_str!("../../config/example-tenant.toml");

/// A server with the example practice.
async fn practice(house: House) -> (House, Running) {
    let server = boot::start(house.config(), Clock::system()).await.unwrap();
    provision::apply(&server.store, &Document::read(EXAMPLE).unwrap(), MONDAY_8).await.unwrap();
    (house, server)
}

/// The same with a second practice, whose number belongs to a Twilio account of its own.
async fn two_practices() -> (House, Running) {
    let house = House::new().ready_for_calls();
    let path = house.path("desk.toml");
    std::fs::write(&path, format!("[twilio.accounts]\n{} = \"{}\"\n", TENANTS_OWN.0, TENANTS_OWN.1)).unwrap();
    let (house, server) = practice(house.with_file(&path)).await;
    let other = EXAMPLE
        .replace(
            "slug = \"praxis-sommer\"",
            &format!("slug = \"other\"\ntwilio_account_sid = \"{}\"", TENANTS_OWN.0),
        )
        .replace(GERMAN_NUMBER, OTHER_NUMBER)
        .replace("+15555550134", "+15555550199");
    provision::apply(&server.store, &Document::read(&other).unwrap(), MONDAY_8).await.unwrap();
    (house, server)
}

fn sid(n: u32) -> CallSid {
    format!("CA{n:032x}").parse().unwrap()
}

fn form(account: &str, call: &CallSid, to: &str, status: &str) -> Vec<(String, String)> {
    [
        ("AccountSid", account),
        ("CallSid", call.as_str()),
        ("From", "+4915112345678"),
        ("To", to),
        ("CallStatus", status),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Sends the form to `path`, signed with `token` over the public URL.
async fn post(server: &Running, path: &str, form: &[(String, String)], token: &str) -> Response {
    let signature = signature(token, &format!("{PUBLIC}{path}"), form);
    reqwest::Client::new()
        .post(format!("http://{}{path}", server.addr))
        .header("X-Twilio-Signature", signature)
        .form(form)
        .send()
        .await
        .unwrap()
}

/// The document a call gets: its verbs' names, and the whole text.
async fn rings(server: &Running, account: (&str, &str), call: &CallSid, to: &str) -> (Vec<String>, String) {
    let answer = post(server, "/twilio/voice", &form(account.0, call, to, "ringing"), account.1).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/xml"));
    let text = answer.text().await.unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let verbs = document.root_element().children().filter(roxmltree::Node::is_element);
    (verbs.map(|verb| verb.tag_name().name().to_owned()).collect(), text)
}

async fn kept(server: &Running, call: &CallSid) -> Option<calls::Kept> {
    let (tenant, id) = server.store.across_tenants().call(call).await.unwrap()?;
    Some(calls::load(&server.store, &tenant, &id).await.unwrap())
}

#[tokio::test]
async fn a_call_that_twilio_announces_is_connected_and_the_same_call_again_is_the_same() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    let (verbs, first) = rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    assert_eq!(verbs, ["Connect", "Say", "Hangup"]);
    assert!(first.contains("wss://voice.example.com/twilio/media\""), "{first}");
    assert_eq!(kept(&server, &sid(1)).await.unwrap().record.state, CallState::Ringing);

    let (_, again) = rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    assert_eq!(first, again);
    let (_, another) = rings(&server, OPERATOR, &sid(2), GERMAN_NUMBER).await;
    assert_ne!(first, another, "another call has another token");
    assert_eq!(server.lines.in_air(), 2);
    server.stop().await;
}

#[tokio::test]
async fn what_twilio_did_not_sign_is_refused_and_nothing_is_kept() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    let form = form(OPERATOR.0, &sid(1), GERMAN_NUMBER, "ringing");
    let url = format!("http://{}/twilio/voice", server.addr);
    let client = reqwest::Client::new();
    let unsigned = client.post(&url).form(&form).send().await.unwrap();
    let wrong_token = post(&server, "/twilio/voice", &form, "54321").await;
    let own_address = client
        .post(&url)
        .header("X-Twilio-Signature", signature(OPERATOR.1, &url, &form))
        .header("X-Forwarded-Host", "voice.example.com")
        .form(&form);
    let other_url = own_address.send().await.unwrap();
    let mut more = form.clone();
    more.push(("Evil".to_owned(), "1".to_owned()));
    let signed = signature(OPERATOR.1, &format!("{PUBLIC}/twilio/voice"), &form);
    let altered = client.post(&url).header("X-Twilio-Signature", signed).form(&more).send().await.unwrap();
    for (what, answer) in
        [("unsigned", unsigned), ("wrong token", wrong_token), ("other URL", other_url), ("altered", altered)]
    {
        assert_eq!(answer.status(), 403, "{what}");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["type"], "urn:frontdesk:problem:unsigned");
    }
    assert!(kept(&server, &sid(1)).await.is_none());
    assert_eq!(server.lines.in_air(), 0);
    server.stop().await;
}

#[tokio::test]
async fn an_account_speaks_only_of_its_own_numbers_and_calls() {
    let (_house, server) = two_practices().await;
    let (verbs, _) = rings(&server, TENANTS_OWN, &sid(1), OTHER_NUMBER).await;
    assert_eq!(verbs[0], "Connect");
    let (verbs, _) = rings(&server, OPERATOR, &sid(2), GERMAN_NUMBER).await;
    assert_eq!(verbs[0], "Connect");

    let mut two_numbers = form(TENANTS_OWN.0, &sid(3), OTHER_NUMBER, "ringing");
    two_numbers.push(("To".to_owned(), GERMAN_NUMBER.to_owned()));
    for (what, path, form, token) in [
        (
            "the operator's account for a tenant's own number",
            "/twilio/voice",
            form(OPERATOR.0, &sid(3), OTHER_NUMBER, "ringing"),
            OPERATOR.1,
        ),
        (
            "a tenant's account for another's number",
            "/twilio/voice",
            form(TENANTS_OWN.0, &sid(3), GERMAN_NUMBER, "ringing"),
            TENANTS_OWN.1,
        ),
        ("a tenant's account for two numbers", "/twilio/voice", two_numbers, TENANTS_OWN.1),
        (
            "a tenant's account for another's call",
            "/twilio/status",
            form(TENANTS_OWN.0, &sid(2), OTHER_NUMBER, "completed"),
            TENANTS_OWN.1,
        ),
        (
            "the same without a number",
            "/twilio/status",
            form(TENANTS_OWN.0, &sid(2), "", "completed"),
            TENANTS_OWN.1,
        ),
        (
            "an account nobody knows",
            "/twilio/voice",
            form("AC00000000000000000000000000000003", &sid(3), "+15550000000", "ringing"),
            "",
        ),
    ] {
        assert_eq!(post(&server, path, &form, token).await.status(), 403, "{what}");
    }
    assert!(kept(&server, &sid(3)).await.is_none());
    assert_eq!(kept(&server, &sid(2)).await.unwrap().record.state, CallState::Ringing);
    server.stop().await;
}

#[tokio::test]
async fn a_number_nobody_has_is_told_so_and_not_kept() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    let (verbs, text) = rings(&server, OPERATOR, &sid(1), "+493055500000").await;
    assert_eq!(verbs, ["Say", "Say", "Hangup"]);
    assert!(text.contains("nicht vergeben") && text.contains("not in service"), "{text}");
    assert!(kept(&server, &sid(1)).await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_call_past_a_limit_hears_that_all_lines_are_busy() {
    let (_house, server) = practice(House::new().ready_for_calls().with("LIMITS__CALLS_MAX", "1")).await;
    rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    let (verbs, text) = rings(&server, OPERATOR, &sid(2), GERMAN_NUMBER).await;
    assert_eq!(verbs, ["Say", "Hangup"]);
    assert!(text.contains("alle Leitungen belegt"), "{text}");
    let refused = kept(&server, &sid(2)).await.unwrap().record;
    assert_eq!((refused.state, refused.outcome), (CallState::Failed, Some(Outcome::Refused)));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_leaves_takes_no_more_calls() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    server.leave().await;
    let (verbs, _) = rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    assert_eq!(verbs, ["Say", "Hangup"]);
    server.stop().await;
}

#[tokio::test]
async fn without_an_engine_the_caller_hears_an_apology() {
    let (_house, server) = practice(House::new().ready_for_calls().with("OPENAI__API_KEY", "")).await;
    let (verbs, text) = rings(&server, OPERATOR, &sid(1), "+15555550134").await;
    assert_eq!(verbs, ["Say", "Hangup"]);
    assert!(text.contains("language=\"en-US\"") && text.contains("technical problem"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn without_the_database_the_caller_hears_an_apology() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    server.store.close().await;
    let (verbs, _) = rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    assert_eq!(verbs, ["Say", "Hangup"]);
    server.stop().await;
}

#[tokio::test]
async fn the_state_of_a_call_only_moves_forward() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    rings(&server, OPERATOR, &sid(1), GERMAN_NUMBER).await;
    for (told, state) in [
        ("in-progress", CallState::InProgress),
        ("ringing", CallState::InProgress),
        ("completed", CallState::Completed),
        ("in-progress", CallState::Completed),
        ("failed", CallState::Completed),
        ("a-word-of-tomorrow", CallState::Completed),
    ] {
        let form = form(OPERATOR.0, &sid(1), GERMAN_NUMBER, told);
        assert_eq!(post(&server, "/twilio/status", &form, OPERATOR.1).await.status(), 204, "{told}");
        assert_eq!(kept(&server, &sid(1)).await.unwrap().record.state, state, "{told}");
    }
    let unknown = form(OPERATOR.0, &sid(9), GERMAN_NUMBER, "completed");
    assert_eq!(post(&server, "/twilio/status", &unknown, OPERATOR.1).await.status(), 204);
    assert!(kept(&server, &sid(9)).await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_signed_form_that_makes_no_sense_is_told_what_is_missing() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    for (path, name, value) in [
        ("/twilio/voice", "CallSid", "CA1"),
        ("/twilio/voice", "To", "somewhere"),
        ("/twilio/status", "CallSid", ""),
    ] {
        let mut form = form(OPERATOR.0, &sid(1), GERMAN_NUMBER, "ringing");
        form.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
        let answer = post(&server, path, &form, OPERATOR.1).await;
        assert_eq!(answer.status(), 400);
        let told: Value = answer.json().await.unwrap();
        assert!(told["detail"].as_str().unwrap().contains(name), "{told}");
    }
    let anonymous = {
        let mut form = form(OPERATOR.0, &sid(2), GERMAN_NUMBER, "ringing");
        form.iter_mut().find(|(known, _)| known == "From").unwrap().1 = "anonymous".to_owned();
        form
    };
    assert_eq!(post(&server, "/twilio/voice", &anonymous, OPERATOR.1).await.status(), 200);
    assert_eq!(kept(&server, &sid(2)).await.unwrap().record.from, None);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    let mut form = form(OPERATOR.0, &sid(1), GERMAN_NUMBER, "ringing");
    form.push(("SpeechResult".to_owned(), "a".repeat(70_000)));
    let answer = post(&server, "/twilio/voice", &form, OPERATOR.1).await;
    assert_eq!(answer.status(), 413);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["type"], "urn:frontdesk:problem:too-large");
    assert!(kept(&server, &sid(1)).await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn the_media_door_opens_for_websockets_only() {
    let (_house, server) = practice(House::new().ready_for_calls()).await;
    let answer = reqwest::get(format!("http://{}/twilio/media", server.addr)).await.unwrap();
    assert_eq!(answer.status(), 400);
    server.stop().await;
}
