//! The socket side: connections, who may have one, and the sessions' loops.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    super::{Faults, sound},
    Manners, Mishap, Setup,
    session::{Frame, Session},
};

/// The largest message a session takes: an append may carry 15 MiB.
const MESSAGE_MAX: usize = 16 * 1024 * 1024;

/// Events kept for a test to read.
const LOG_MAX: usize = 50_000;

/// A session ends after this long.
const SESSION_SECONDS: i64 = 3_600;

/// A running stand-in. Dropping it closes every socket.
pub struct OpenAi {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: DropGuard,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) faults: Faults,
    manners: Mutex<Manners>,
    mishaps: Mutex<VecDeque<Mishap>>,
    races: Mutex<Vec<String>>,
    received: Mutex<Vec<String>>,
    sent: Mutex<Vec<String>>,
    sessions: AtomicU64,
    open: AtomicU64,
    tasks: TaskTracker,
    leaving: CancellationToken,
}

impl OpenAi {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub async fn start(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let leaving = CancellationToken::new();
        let shared = Arc::new(Shared {
            manners: Mutex::new(setup.manners.clone()),
            setup,
            faults: Faults::default(),
            mishaps: Mutex::default(),
            races: Mutex::default(),
            received: Mutex::default(),
            sent: Mutex::default(),
            sessions: AtomicU64::new(0),
            open: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            leaving: leaving.clone(),
        });
        let routes = Router::new()
            .route("/v1/realtime", get(connect))
            .route("/v1/audio/transcriptions", post(transcribe))
            .route("/v1/models", get(models))
            .route("/v1/models/{id}", get(model))
            .with_state(shared.clone());
        let until = leaving.clone().cancelled_owned();
        shared.tasks.spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.ok();
        });
        Ok(Self { address, shared, _running: leaving.drop_guard() })
    }

    /// Its base URL, in the place of `https://api.openai.com/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What was wrong with what it was sent.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// The errors it answered to events that had crossed its own, which a right client meets too.
    pub fn races(&self) -> Vec<String> {
        lock(&self.shared.races).clone()
    }

    /// Sessions opened so far.
    pub fn sessions(&self) -> u64 {
        self.shared.sessions.load(Ordering::Relaxed)
    }

    /// Sessions open at the moment.
    pub fn open_sessions(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Events received so far, oldest first, if they are kept.
    pub fn received(&self) -> Vec<Value> {
        lock(&self.shared.received).iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }

    /// Events sent so far, oldest first, if they are kept; those that are not JSON are left out.
    pub fn sent(&self) -> Vec<Value> {
        lock(&self.shared.sent).iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }

    /// Changes how it behaves from here on.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut lock(&self.shared.manners));
    }

    /// Has the responses from here on go wrong, one mishap each.
    pub fn go_wrong(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        lock(&self.shared.mishaps).extend(mishaps);
    }
}

impl Shared {
    pub(super) fn manners(&self) -> Manners {
        lock(&self.manners).clone()
    }

    pub(super) fn mishap(&self) -> Mishap {
        lock(&self.mishaps).pop_front().unwrap_or(Mishap::None)
    }

    pub(super) fn raced(&self, what: &str) {
        lock(&self.races).push(what.to_owned());
    }

    fn keep(&self, log: &Mutex<Vec<String>>, event: &str) {
        let mut log = lock(log);
        if self.setup.keep_log && log.len() < LOG_MAX {
            log.push(event.to_owned());
        }
    }

    /// The answer to a wrong key, or to who asks for the beta.
    fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        let wanted = format!("Bearer {}", self.setup.key);
        if headers.get(header::AUTHORIZATION).is_none_or(|given| given.as_bytes() != wanted.as_bytes()) {
            return Some(problem(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided."));
        }
        if headers.contains_key("openai-beta") {
            self.faults.add("connection: an OpenAI-Beta header, which the GA interface does not know");
            let why = "The Realtime Beta API is no longer supported.";
            return Some(problem(StatusCode::BAD_REQUEST, "beta_api_shape_disabled", why));
        }
        None
    }
}

async fn connect(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Some(status) = shared.manners().refuse {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return problem(status, "refused", "The stand-in was told to refuse.");
    }
    if let Some(refused) = shared.refusal(&headers) {
        return refused;
    }
    let model = query.iter().find(|(name, _)| name == "model").map(|(_, model)| model.clone());
    let Some(model) = model else {
        shared.faults.add("connection: no model in the query");
        return problem(StatusCode::BAD_REQUEST, "missing_model", "You must provide a model parameter.");
    };
    if !shared.setup.models.iter().any(|(id, _)| *id == model) {
        let why = format!("The model `{model}` does not exist or you do not have access to it.");
        return problem(StatusCode::NOT_FOUND, "model_not_found", &why);
    }
    let tasks = shared.tasks.clone();
    upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX).on_upgrade(async move |socket| {
        // On the tracker, so that the session is not cut off from the server's end.
        tasks.spawn(run(socket, shared, model)).await.ok();
    })
}

/// One session, from its first event to its close.
async fn run(mut socket: WebSocket, shared: Arc<Shared>, model: String) {
    let number = shared.sessions.fetch_add(1, Ordering::Relaxed) + 1;
    shared.open.fetch_add(1, Ordering::Relaxed);
    let clock = shared.setup.clock;
    let watch = clock.stopwatch();
    let expires_at = clock.now().0 / 1_000_000 + SESSION_SECONDS;
    let mut session = Session::open(shared.clone(), number, &model, expires_at);
    'session: loop {
        for frame in session.frames() {
            let sent = match frame {
                Frame::Text(text) => {
                    shared.keep(&shared.sent, &text);
                    socket.send(Message::text(text)).await
                }
                Frame::Binary(bytes) => socket.send(Message::binary(bytes)).await,
                Frame::Close(None) => break 'session,
                Frame::Close(Some(code)) => {
                    let frame = CloseFrame { code, reason: "told to".into() };
                    socket.send(Message::Close(Some(frame))).await.ok();
                    break 'session;
                }
            };
            if sent.is_err() {
                break 'session;
            }
        }
        let due = session.due().filter(|due| *due < u64::MAX).map(crate::domain::time::CallTime);
        let alarm = async {
            match due {
                Some(due) => tokio::time::sleep_until(watch.moment(due)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.leaving.cancelled() => break,
            () = alarm => session.tick(watch.call_time().0),
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    shared.keep(&shared.received, &text);
                    session.handle(&text, watch.call_time().0);
                }
                Some(Ok(Message::Binary(_))) => session.fault("a binary frame"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
        }
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
}

/// Writes down a file: what the mind hears in it.
async fn transcribe(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = shared.refusal(&headers) {
        return refused;
    }
    let multipart = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let boundary = multipart.and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="));
    let text = String::from_utf8_lossy(&body);
    let part = |name: &str| text.contains(&format!("name=\"{name}\""));
    if boundary.is_none() || !part("model") || !part("file") || !text.contains("filename=\"") {
        shared.faults.add("transcriptions: model and file are needed, the file with a name");
        return problem(StatusCode::BAD_REQUEST, "invalid_request_error", "model and file are needed");
    }
    let from = |sound: &[u8], name: &[u8]| sound.windows(4).position(|four| four == name);
    let file = from(&body, b"RIFF").map(|at| &body[at..]).unwrap_or_default();
    let sound = from(file, b"data").and_then(|at| file.get(at + 8..)).unwrap_or_default();
    let end = boundary.map_or(0, |boundary| boundary.len() + "\r\n--".len() + "--\r\n".len());
    let sound = &sound[..sound.len().saturating_sub(end)];
    let said = (shared.setup.minds)().hear(&sound::decoded(sound)).unwrap_or_default();
    Json(json!({ "text": said, "usage": { "type": "duration", "seconds": sound.len() / 8_000 } }))
        .into_response()
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.refusal(&headers).unwrap_or_else(|| {
        let data: Vec<Value> = shared.setup.models.iter().map(listed).collect();
        Json(json!({ "object": "list", "data": data })).into_response()
    })
}

async fn model(State(shared): State<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = shared.refusal(&headers) {
        return refused;
    }
    match shared.setup.models.iter().find(|(known, _)| *known == id) {
        Some(model) => Json(listed(model)).into_response(),
        None => {
            problem(StatusCode::NOT_FOUND, "model_not_found", &format!("The model `{id}` does not exist"))
        }
    }
}

fn listed((id, shutdown): &(String, Option<String>)) -> Value {
    json!({
        "id": id,
        "object": "model",
        "created": 1_780_000_000,
        "owned_by": "system",
        "shutdown_date": shutdown,
    })
}

fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": code });
    (status, Json(json!({ "error": error }))).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
