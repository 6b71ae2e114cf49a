//! The doors that need no call: health, figures, and what is said to those who knock at no door.

use std::time::Duration;

use frontdesk::{
    boot::{self, Running},
    platform::clock::Clock,
};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::house::House;

async fn server(house: &House) -> Running {
    boot::start(house.config(), Clock::system()).await.unwrap()
}

async fn ask(server: &Running, method: Method, path: &str) -> Response {
    let client = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    client.request(method, format!("http://{}{path}", server.addr)).send().await.unwrap()
}

async fn get(server: &Running, path: &str) -> (u16, Value) {
    let answer = ask(server, Method::GET, path).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_server_without_keys_lives_and_says_why_it_is_not_ready() {
    // The folder lives as long as the server.
    let house = House::new();
    let server = server(&house).await;
    assert_eq!(get(&server, "/health/live").await.0, 200);
    let (status, told) = get(&server, "/health/ready").await;
    assert_eq!((status, &told["status"]), (503, &Value::from("not ready")));
    assert_eq!(told["checks"]["database"], "well");
    assert!(told["checks"]["engine"].as_str().unwrap().contains("OPENAI_API_KEY"));
    assert!(told["checks"]["telephone"].as_str().unwrap().contains("public_url"));
    server.stop().await;
}

#[tokio::test]
async fn a_server_with_everything_is_ready_until_it_leaves() {
    // The folder lives as long as the server.
    let house = House::new().ready_for_calls();
    let server = server(&house).await;
    let (status, told) = get(&server, "/health/ready").await;
    assert_eq!(status, 200, "{told}");
    server.leave().await;
    let (status, told) = get(&server, "/health/ready").await;
    assert_eq!((status, &told["checks"]["staying"]), (503, &Value::from("the server is leaving")));
    assert_eq!(get(&server, "/health/live").await.0, 200, "it still answers while it drains");
    let addr = server.addr;
    server.stop().await;
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_database_that_is_away_is_named() {
    // The folder lives as long as the server.
    let house = House::new().ready_for_calls();
    let server = server(&house).await;
    server.store.close().await;
    let (status, told) = get(&server, "/health/ready").await;
    assert_eq!((status, &told["checks"]["database"]), (503, &Value::from("it cannot be reached")));
    server.stop().await;
}

#[tokio::test]
async fn the_figures_are_shown_as_prometheus_reads_them() {
    // The folder lives as long as the server.
    let house = House::new();
    let server = server(&house).await;
    metrics::counter!(frontdesk::platform::metrics::SECURITY_TOTAL, "event" => "test").increment(1);
    metrics::histogram!(frontdesk::platform::metrics::FIRST_AUDIO_MS).record(7.0);
    let answer = ask(&server, Method::GET, "/metrics").await;
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text().await.unwrap();
    assert!(text.contains("# TYPE frontdesk_security_total counter"), "{text}");
    assert!(text.contains("frontdesk_security_total{event=\"test\"} "), "{text}");
    assert!(text.contains("frontdesk_first_audio_ms_bucket{le=\"10\"} "), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn who_knocks_at_no_door_is_told_so_in_the_same_form() {
    // The folder lives as long as the server.
    let house = House::new();
    let server = server(&house).await;
    for (method, path, status, kind) in [
        (Method::GET, "/nowhere", 404, "urn:frontdesk:problem:not-found"),
        (Method::POST, "/health/live", 405, "urn:frontdesk:problem:method-not-allowed"),
    ] {
        let answer = ask(&server, method, path).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let told: Value = answer.json().await.unwrap();
        assert_eq!((told["type"].as_str().unwrap(), told["status"].as_u64().unwrap()), (kind, status.into()));
        assert!(!told["detail"].as_str().unwrap().is_empty());
    }
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_http_end_their_connection_and_nothing_else() {
    // The folder lives as long as the server.
    let house = House::new();
    let server = server(&house).await;
    let mut stranger = TcpStream::connect(server.addr).await.unwrap();
    stranger.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http\r\n\r\n").await.unwrap();
    let mut told = vec![];
    let read = tokio::time::timeout(Duration::from_secs(10), stranger.read_to_end(&mut told)).await;
    assert!(read.is_ok(), "the connection is closed");
    assert_eq!(get(&server, "/health/live").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_said_and_nothing_is_left_running() {
    let house = House::new();
    let first = server(&house).await;
    let second = House::new().with("HTTP__BIND", &first.addr.to_string());
    let error = boot::start(second.config(), Clock::system()).await.err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on {}", first.addr));
    first.stop().await;
}
