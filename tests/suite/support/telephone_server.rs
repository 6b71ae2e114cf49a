//! A hand-made server for a call from Twilio: answers the webhook with a document, and has the socket's
//! messages handled by a test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use frontdesk::{
    platform::clock::Clock,
    sim::twilio::{Account, Callee, Conditions, Dial, signature},
};
use serde_json::Value;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// The account of every test.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";

/// Its token.
pub const TOKEN: &str = "12345";

/// The origin Twilio is told, which is not where the server is.
pub const ORIGIN: &str = "voice.example.com";

/// What a test's server does on the socket.
pub type Talk = Arc<dyn Fn(WebSocket) -> futures_util::future::BoxFuture<'static, ()> + Send + Sync>;

/// What came in over HTTP: path, signature, form.
pub type Posts = Arc<Mutex<Vec<(String, String, Vec<(String, String)>)>>>;

struct Inside {
    twiml: String,
    talk: Talk,
    posts: Posts,
}

/// The server.
pub struct TelephoneServer {
    pub address: SocketAddr,
    pub posts: Posts,
    _running: DropGuard,
}

impl TelephoneServer {
    pub async fn start<F, Fut>(twiml: &str, talk: F) -> Self
    where
        F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Posts::default();
        let talk: Talk = Arc::new(move |socket| Box::pin(talk(socket)));
        let inside = Arc::new(Inside { twiml: twiml.to_owned(), talk, posts: posts.clone() });
        let routes = Router::new()
            .route("/voice", post(voice))
            .route("/status", post(status))
            .route("/media", any(media))
            .with_state(inside);
        let leaving = CancellationToken::new();
        let until = leaving.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.unwrap();
        });
        Self { address, posts, _running: leaving.drop_guard() }
    }

    /// A call to it, in a hurry.
    pub fn dial(&self) -> Dial {
        Dial {
            clock: Clock::hurried(4),
            account: Account { sid: ACCOUNT.to_owned(), token: TOKEN.to_owned() },
            reach: self.address,
            voice_url: format!("https://{ORIGIN}/voice"),
            status_url: Some(format!("https://{ORIGIN}/status")),
            from: "+4930901820".to_owned(),
            to: "+4930123456".to_owned(),
            forwarded: None,
            verified: Some("TN-Validation-Passed-A".to_owned()),
            conditions: Conditions::default(),
            exchange: None,
            callee: Callee::default(),
            message: None,
            limit: Duration::from_secs(60),
            keep_log: true,
        }
    }
}

/// A document that connects to the server's socket and apologises afterwards.
pub fn connecting() -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://{ORIGIN}/media\">\
         <Parameter name=\"token\" value=\"t0k&amp;n\"/></Stream></Connect>\
         <Say voice=\"alice\" language=\"en-US\">Sorry.</Say><Hangup/></Response>"
    )
}

/// The next message from Twilio; `None` when the socket ends.
pub async fn next(socket: &mut WebSocket) -> Option<Value> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
        }
    }
}

/// The next message of that event.
pub async fn until(socket: &mut WebSocket, event: &str) -> Option<Value> {
    loop {
        let message = next(socket).await?;
        if message["event"] == event {
            return Some(message);
        }
    }
}

pub async fn send(socket: &mut WebSocket, message: Value) {
    socket.send(Message::text(message.to_string())).await.ok();
}

async fn voice(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: String) -> Response {
    keep(&inside, "/voice", &headers, &body);
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], inside.twiml.clone()).into_response()
}

async fn status(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: String) -> StatusCode {
    keep(&inside, "/status", &headers, &body);
    StatusCode::NO_CONTENT
}

fn keep(inside: &Inside, path: &str, headers: &HeaderMap, body: &str) {
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let signature = headers["x-twilio-signature"].to_str().unwrap().to_owned();
    inside.posts.lock().unwrap().push((path.to_owned(), signature, form));
}

async fn media(State(inside): State<Arc<Inside>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let wanted = signature(TOKEN, &format!("wss://{ORIGIN}/media"), &[]);
    if headers.get("x-twilio-signature").is_none_or(|given| *given != *wanted) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let talk = inside.talk.clone();
    upgrade.on_upgrade(move |socket| talk(socket))
}
