//! `frontdesk doctor` looks at everything and says in plain words what to do.

use std::net::SocketAddr;

use axum::{Json, Router, extract::Path, http::HeaderMap, routing::get};
use frontdesk::{
    boot::doctor::{Finding, Verdict, examine},
    domain::time::Timestamp,
};
use serde_json::{Value, json};

use crate::support::house::House;

const NOW: &str = "2026-11-21T09:00:00Z";
const KEY: &str = "sk-good";
const ACCOUNT: &str = "AC00000000000000000000000000000001";

async fn findings(house: &House) -> Vec<Finding> {
    examine(&house.config(), Timestamp::from(NOW.parse::<jiff::Timestamp>().unwrap())).await
}

fn about<'f>(findings: &'f [Finding], subject: &str) -> &'f Finding {
    findings
        .iter()
        .find(|finding| finding.subject == subject)
        .unwrap_or_else(|| panic!("{subject}: {findings:?}"))
}

/// Stand-ins for both vendors: a list of models, and one account.
async fn vendors(models: Value) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let list = move |headers: HeaderMap| async move {
        let known = headers.get("authorization").is_some_and(|value| *value == format!("Bearer {KEY}"));
        let status = if known { 200 } else { 401 };
        (axum::http::StatusCode::from_u16(status).unwrap(), Json(json!({ "object": "list", "data": models })))
    };
    let account = async |Path(file): Path<String>, headers: HeaderMap| {
        // The account and "12345", as HTTP Basic writes them.
        let basic = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMToxMjM0NQ==";
        let known =
            file == format!("{ACCOUNT}.json") && headers.get("authorization").is_some_and(|v| *v == basic);
        let status = if known { 200 } else { 401 };
        (axum::http::StatusCode::from_u16(status).unwrap(), Json(json!({ "code": 20003 })))
    };
    let router =
        Router::new().route("/v1/models", get(list)).route("/2010-04-01/Accounts/{file}", get(account));
    #[expect(clippy::disallowed_methods, reason = "a stand-in that ends with its test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

async fn house(models: Value) -> House {
    let addr = vendors(models).await;
    House::new()
        .ready_for_calls()
        .with("OPENAI__BASE_URL", &format!("http://{addr}/v1"))
        .with("TWILIO__BASE_URL", &format!("http://{addr}"))
        .with("OPENAI__API_KEY", KEY)
}

fn usual_models() -> Value {
    json!([{ "id": "gpt-realtime-2.1-mini", "shutdown_date": null }, { "id": "gpt-transcribe" }])
}

#[tokio::test]
async fn without_keys_it_says_what_is_missing_and_how_to_set_it() {
    let house = House::new().with("SECRETS__KEY", "");
    let found = findings(&house).await;
    for (subject, hint) in [
        ("engine", "OPENAI_API_KEY"),
        ("telephone", "TWILIO_ACCOUNT_SID"),
        ("public URL", "FRONTDESK__HTTP__PUBLIC_URL"),
    ] {
        let finding = about(&found, subject);
        assert_eq!(finding.verdict, Verdict::Problem, "{subject}");
        assert!(finding.words.contains(hint), "{subject}: {}", finding.words);
    }
    assert!(about(&found, "secrets key").words.contains("openssl rand -base64 32"));
    assert_eq!(about(&found, "database").verdict, Verdict::Well);
    assert_eq!(about(&found, "recordings").verdict, Verdict::Well);
    assert!(!house.path("blobs").read_dir().unwrap().any(|_| true), "the blob it wrote is gone");
}

#[tokio::test]
async fn when_everything_is_as_it_should_be_nothing_is_to_be_mended() {
    let found = findings(&house(usual_models()).await).await;
    let to_mend: Vec<_> = found.iter().filter(|finding| finding.verdict == Verdict::Problem).collect();
    assert!(to_mend.is_empty(), "{to_mend:?}");
    assert!(about(&found, "public URL").words.contains("https://voice.example.com/twilio/voice"));
    assert_eq!(about(&found, "telephone").verdict, Verdict::Well);
    assert_eq!(about(&found, "engine").words, "gpt-realtime-2.1-mini is offered.");
}

#[tokio::test]
async fn a_model_that_ends_is_spoken_of_before_and_after() {
    let mini = |date: &str| json!([{ "id": "gpt-realtime-2.1-mini", "shutdown_date": date }, { "id": "gpt-transcribe", "shutdown_date": "2028-01-01" }]);
    for (date, verdict) in
        [("2026-11-21", Verdict::Problem), ("2027-01-20", Verdict::Advice), ("2027-11-20", Verdict::Well)]
    {
        let found = findings(&house(mini(date)).await).await;
        let engine = about(&found, "engine");
        assert_eq!(engine.verdict, verdict, "{}", engine.words);
        assert!(engine.words.contains(date));
        assert_eq!(about(&found, "transcription").verdict, Verdict::Well);
    }
}

#[tokio::test]
async fn a_model_the_vendor_does_not_offer_a_wrong_key_and_a_wrong_token_are_named() {
    let found = findings(&house(json!([{ "id": "gpt-transcribe" }])).await).await;
    let engine = about(&found, "engine");
    assert_eq!(engine.verdict, Verdict::Problem);
    assert!(engine.words.contains("gpt-realtime-2.1-mini") && engine.words.contains("openai.model"));

    let spoiled =
        house(usual_models()).await.with("OPENAI__API_KEY", "bad").with("TWILIO__AUTH_TOKEN", "bad");
    let found = findings(&spoiled).await;
    assert!(about(&found, "engine").words.contains("does not accept the key"));
    assert!(about(&found, "telephone").words.contains("TWILIO_AUTH_TOKEN"));
    assert_eq!(about(&found, "telephone").verdict, Verdict::Problem);
}

#[tokio::test]
async fn vendors_that_cannot_be_reached_are_not_taken_for_a_wrong_key() {
    let found = findings(&House::new().ready_for_calls()).await;
    for subject in ["engine", "telephone"] {
        let finding = about(&found, subject);
        assert_eq!(finding.verdict, Verdict::Advice, "{}", finding.words);
        assert!(finding.words.contains("127.0.0.1:9"), "{}", finding.words);
    }
}

#[tokio::test]
async fn a_place_that_keeps_nothing_a_short_key_and_an_open_url_are_named() {
    let house = House::new().ready_for_calls();
    std::fs::write(house.path("file"), "not a folder").unwrap();
    let folder = house.path("file").join("blobs").display().to_string();
    let house = house
        .with("BLOBS__FOLDER", &folder)
        .with("SECRETS__KEY", "c2hvcnQ=")
        .with("HTTP__PUBLIC_URL", "http://voice.example.com")
        .with("DATABASE__URL", "mysql://nobody");
    let found = findings(&house).await;
    for (subject, hint) in [
        ("recordings", "blobs.folder"),
        ("secrets key", "32 bytes"),
        ("public URL", "https"),
        ("database", "sqlite:// or postgres://"),
    ] {
        let finding = about(&found, subject);
        assert_eq!(finding.verdict, Verdict::Problem, "{subject}");
        assert!(finding.words.contains(hint), "{subject}: {}", finding.words);
    }
}

#[tokio::test]
async fn a_model_without_prices_is_mentioned_since_its_calls_show_no_cost() {
    let found = findings(&House::new().with("OPENAI__MODEL", "gpt-next")).await;
    let prices = about(&found, "prices");
    assert_eq!(prices.verdict, Verdict::Advice);
    assert!(prices.words.contains("[openai.prices.\"gpt-next\"]"));
}
