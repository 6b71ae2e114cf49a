//! What we ask of Microsoft Graph, and what we make of its answers.

mod answers;
mod stand_in;

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use frontdesk::{
    boot,
    calendars::{Access, Attendee, Calendars, Draft, Watch, google, microsoft},
    domain::{
        calendar::{Place, Vendor},
        time::{TimeRange, Timestamp},
    },
    platform::clock::Clock,
};
use serde_json::Value;

/// Longer than any of these tests waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// The calendar that is asked about.
const CALENDAR: &str = "AAMkAGI2=";

/// A request as it came.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: axum::http::HeaderMap,
    body: Value,
}

/// An answer: its status, after how many seconds to ask again, its body.
type Answer = (u16, Option<u64>, String);

/// A Graph that says what it is told to, whatever it is asked; the last of its answers again and again.
#[derive(Clone)]
struct Graph {
    address: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Graph {
    async fn saying(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let graph = Self::silent().await;
        let answers = answers.into_iter().map(|(status, body)| (status, None, body.to_string()));
        graph.answers.lock().unwrap().extend(answers);
        graph
    }

    async fn silent() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1.0", listener.local_addr().unwrap());
        let graph = Self { address, answers: Arc::default(), sent: Arc::default() };
        let own = graph.clone();
        let router = Router::new().fallback(any(move |request| own.clone().answer(request)));
        #[expect(clippy::disallowed_methods, reason = "a stand-in that ends with its test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        graph
    }

    async fn answer(self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let removes = parts.method == axum::http::Method::DELETE;
        let body = axum::body::to_bytes(body, 100_000).await.unwrap();
        let query = parts.uri.query().unwrap_or_default();
        self.sent.lock().unwrap().push(Sent {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let (status, retry_after, body) = next.unwrap();
        // A success of those is nothing (protocols.md §4).
        let (status, body) = if removes && status == 200 { (204, String::new()) } else { (status, body) };
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    fn calendars(&self) -> Calendars {
        calendars(&self.address)
    }
}

fn calendars(api: &str) -> Calendars {
    boot::install_tls();
    Calendars::new(&no_google(), &settings(api, api), Clock::system()).unwrap()
}

fn settings(login: &str, api: &str) -> microsoft::Settings {
    microsoft::Settings {
        client_id: "an-application".to_owned(),
        client_secret: "its-secret".into(),
        directory: "common".to_owned(),
        login_url: login.parse().unwrap(),
        api_url: api.parse().unwrap(),
        requests_at_once: NonZeroUsize::new(4).unwrap(),
    }
}

fn no_google() -> google::Settings {
    let nowhere: url::Url = "http://127.0.0.1:9/".parse().unwrap();
    google::Settings {
        client_id: String::new(),
        client_secret: "".into(),
        authorize_url: nowhere.clone(),
        token_url: nowhere.clone(),
        revoke_url: nowhere.clone(),
        api_url: nowhere,
        requests_at_once: NonZeroUsize::new(4).unwrap(),
    }
}

fn access(token: &str) -> Access {
    Access {
        connection: "cnx_one".parse().unwrap(),
        vendor: Vendor::Microsoft,
        token: token.into(),
        personal: false,
    }
}

fn place(zone: &str) -> Place {
    Place { mailbox: None, calendar: CALENDAR.to_owned(), zone: zone.parse().unwrap() }
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn range(start: &str, end: &str) -> TimeRange {
    TimeRange { start: at(start), end: at(end) }
}

fn draft(key: u128, start: &str, end: &str) -> Draft {
    Draft {
        key: uuid::Uuid::from_u128(key),
        appointment: format!("apt_{key}").parse().unwrap(),
        time: range(start, end),
        zone: "Europe/Berlin".parse().unwrap(),
        title: "Check-up: Ada\u{202e}\u{7} Example".to_owned(),
        text: "Ada Example\n<b>+49 30 1234567</b>\u{0}".to_owned(),
        attendee: None,
    }
}

fn invited(draft: Draft) -> Draft {
    let address = "ada@example.com".parse().unwrap();
    Draft { attendee: Some(Attendee { address, name: "Ada Example".to_owned() }), ..draft }
}

fn watch(address: &str, until: Timestamp) -> Watch {
    Watch {
        id: uuid::Uuid::from_u128(7),
        address: address.to_owned(),
        lifecycle_address: format!("{address}/lifecycle"),
        secret: "a-secret".into(),
        until,
    }
}
