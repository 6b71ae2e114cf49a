//! Twilio's REST API, as far as frontdesk needs it: is the account known, end this call, and
//! telephone numbers ([`super::numbers`]).

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    super::Faults,
    Account, calling, intelligence,
    numbers::{self, Market},
};

/// A running stand-in for `https://api.twilio.com`. Clones are the same; the last one dropped closes it.
#[derive(Clone)]
pub struct Exchange(Arc<Inside>);

struct Inside {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: DropGuard,
}

pub(super) struct Shared {
    accounts: Mutex<Vec<Account>>,
    pub(super) faults: Faults,
    pub(super) market: Mutex<Market>,
    /// Told when a call was asked for.
    pub(super) called: Notify,
    /// Messages that were recorded, by their SID.
    recordings: Mutex<HashMap<String, Vec<u8>>>,
    /// Every call there was; what ends it, while it is in the air.
    calls: Mutex<HashMap<String, Option<CancellationToken>>>,
}

impl Exchange {
    /// Starts one for an account, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub async fn start(account: Account, faults: Faults) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            accounts: Mutex::new(vec![account]),
            faults,
            market: Mutex::default(),
            called: Notify::new(),
            recordings: Mutex::default(),
            calls: Mutex::default(),
        });
        let routes = Router::new()
            .route("/2010-04-01/Accounts/{account}", get(account_known))
            .merge(calling::routes())
            .merge(intelligence::routes())
            .route(
                "/2010-04-01/Accounts/{account}/Recordings/{recording}",
                get(recording).delete(erase_recording),
            )
            .merge(numbers::routes())
            .with_state(shared.clone());
        let leaving = CancellationToken::new();
        let until = leaving.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            axum::serve(listener, routes).with_graceful_shutdown(until).await.ok();
        });
        Ok(Self(Arc::new(Inside { address, shared, _running: leaving.drop_guard() })))
    }

    /// Its base URL, in the place of `https://api.twilio.com` and `https://intelligence.twilio.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Knows another account from here on, or another token of one it knows.
    pub fn know(&self, account: Account) {
        let mut accounts = self.0.shared.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|known| known.sid != account.sid);
        accounts.push(account);
    }

    /// Keeps what was recorded; its SID.
    pub fn keep_recording(&self, sound: Vec<u8>) -> String {
        let sid = super::sid("RE");
        self.0.shared.recordings().insert(sid.clone(), sound);
        sid
    }

    /// How many recordings are kept.
    pub fn recordings(&self) -> usize {
        self.0.shared.recordings().len()
    }

    /// The numbers there are.
    pub(super) fn market(&self) -> MutexGuard<'_, Market> {
        self.0.shared.market()
    }

    /// Until the next call is asked for.
    pub(super) fn called(&self) -> impl Future<Output = ()> + '_ {
        let mut told = Box::pin(self.0.shared.called.notified());
        // From here on, not from when it is first waited for.
        told.as_mut().enable();
        told
    }

    /// A call is in the air; cancelled when it is to end.
    pub(super) fn begin(&self, call_sid: &str) -> CancellationToken {
        let end = CancellationToken::new();
        self.0.shared.calls().insert(call_sid.to_owned(), Some(end.clone()));
        end
    }

    /// It is over.
    pub(super) fn over(&self, call_sid: &str) {
        self.0.shared.calls().insert(call_sid.to_owned(), None);
    }
}

impl Shared {
    fn recordings(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.recordings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Option<CancellationToken>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn market(&self) -> MutexGuard<'_, Market> {
        self.market.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account whose token somebody shows.
    pub(super) fn who(&self, headers: &HeaderMap) -> Option<String> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let given = headers.get(header::AUTHORIZATION);
        let known = accounts.iter().find(|known| {
            let pair = format!("{}:{}", known.sid, known.token);
            let wanted = format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair));
            given.is_some_and(|given| given.as_bytes() == wanted.as_bytes())
        });
        known.map(|known| known.sid.clone())
    }

    /// The refusal of whoever does not show the token of an account, or of another than they ask for.
    pub(super) fn refusal(&self, account: &str, headers: &HeaderMap) -> Option<Response> {
        match self.who(headers) {
            None => Some(problem(StatusCode::UNAUTHORIZED, 20_003, "Authenticate")),
            Some(known) if known == account => None,
            Some(_) => Some(problem(StatusCode::NOT_FOUND, 20_404, "No such account")),
        }
    }
}

async fn account_known(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Response {
    let account = account.trim_end_matches(".json");
    shared.refusal(account, &headers).unwrap_or_else(|| {
        Json(json!({ "sid": account, "status": "active", "type": "Full" })).into_response()
    })
}

/// A recording's sound, as a WAV file.
async fn recording(
    State(shared): State<Arc<Shared>>,
    Path((account, recording)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = shared.refusal(&account, &headers) {
        return refusal;
    }
    if let Some(sid) = recording.strip_suffix(".json")
        && let Some(call) = shared.market().recorded.get(sid)
    {
        return Json(json!({ "sid": sid, "account_sid": account, "call_sid": call, "status": "completed" }))
            .into_response();
    }
    let sound = recording.strip_suffix(".wav").and_then(|sid| shared.recordings().get(sid).cloned());
    let Some(sound) = sound else {
        return problem(StatusCode::NOT_FOUND, 20_404, "The requested resource was not found");
    };
    ([(header::CONTENT_TYPE, "audio/x-wav")], wav(&sound)).into_response()
}

async fn erase_recording(
    State(shared): State<Arc<Shared>>,
    Path((account, recording)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = shared.refusal(&account, &headers) {
        return refusal;
    }
    match shared.recordings().remove(recording.trim_end_matches(".json")) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => problem(StatusCode::NOT_FOUND, 20_404, "The requested resource was not found"),
    }
}

/// The sound in a WAV file: 8 kHz μ-law, one channel.
fn wav(sound: &[u8]) -> Vec<u8> {
    let length = u32::try_from(sound.len()).unwrap_or(u32::MAX);
    let mut file = b"RIFF".to_vec();
    file.extend(length.saturating_add(38).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(18u32.to_le_bytes());
    for half in [7u16, 1, 8_000, 0, 8_000, 0, 1, 8, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(sound);
    file
}

pub(super) async fn change_call(
    State(shared): State<Arc<Shared>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    if let Some(refusal) = shared.refusal(&account, &headers) {
        return refusal;
    }
    let sid = call.trim_end_matches(".json");
    let document = match form.as_slice() {
        [(name, document)] if name == "Twiml" => Some(document.clone()),
        _ => None,
    };
    if document.is_none() && form != [("Status".to_owned(), "completed".to_owned())] {
        let keys: Vec<&str> = form.iter().map(|(key, _)| key.as_str()).collect();
        shared.faults.add(format!("REST: the stand-in cannot change a call by {}", keys.join(", ")));
        return problem(StatusCode::BAD_REQUEST, 20_001, "Unknown parameters");
    }
    for placed in shared.market().placed.iter_mut().filter(|placed| placed.sid == sid) {
        placed.twiml.clone_from(&document);
    }
    match shared.calls().get(sid) {
        Some(Some(end)) => {
            end.cancel();
            Json(json!({ "sid": sid, "account_sid": account, "status": "completed" })).into_response()
        }
        Some(None) => problem(StatusCode::BAD_REQUEST, 21_220, "Invalid call state"),
        None => problem(StatusCode::NOT_FOUND, 20_404, "The requested resource was not found"),
    }
}

pub(super) fn problem(status: StatusCode, code: u32, message: &str) -> Response {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({ "code": code, "message": message, "more_info": more, "status": status.as_u16() });
    (status, Json(body)).into_response()
}
