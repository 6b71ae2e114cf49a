//! Both vendors' pages of consent and token services, hand-made: as strict as they are, and as bad as a test wants.
//!
//! What a person does on a page is a question to [`Pages::agree`]: it opens the page the server sends her to, and tells
//! where her browser is sent back to. Calendars are as few as connecting needs.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_lc_rs::digest;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use frontdesk::platform::ids;
use serde_json::{Value, json};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::house::{House, KEY};

/// The id of the application, at both vendors.
pub const CLIENT: &str = "an-application";
/// Its secret.
pub const SECRET: &str = "the-secret-of-the-application";
/// An organisation at Microsoft.
pub const DIRECTORY: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// The organisation of all personal accounts.
pub const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

type Fields = BTreeMap<String, String>;

/// What the stand-ins know, and how they are to behave.
pub struct Inside {
    /// Who is sitting in front of the pages.
    pub account: String,
    /// Of which organisation, at Microsoft.
    pub directory: String,
    /// What she unticks.
    pub unticked: Vec<String>,
    /// Whether she refuses.
    pub refuses: bool,
    /// How long access tokens are good for, in seconds.
    pub life: u64,
    /// Answers to the next requests for tokens, in place of the right ones.
    pub instead: VecDeque<(u16, Value)>,
    /// Every request for tokens: the form, and which vendor.
    pub asked: Vec<Fields>,
    /// Tokens that were given back.
    pub revoked: Vec<String>,
    /// The calendars of whoever asks, as Google lists them.
    pub calendars: Vec<Value>,
    /// Organisations whose administrator has agreed.
    pub agreed: Vec<String>,
    /// Every token that was given out.
    pub secrets: Vec<String>,
    /// How often an access token was not accepted.
    pub turned_away: usize,
    /// Held by a test that wants a request for tokens to take its time.
    pub gate: Arc<tokio::sync::Mutex<()>>,
    codes: BTreeMap<String, Fields>,
    refresh: BTreeMap<String, Fields>,
    access: BTreeMap<String, String>,
}

/// The stand-ins.
pub struct Pages {
    pub addr: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    client: reqwest::Client,
    _running: DropGuard,
}

type Shared = Arc<Mutex<Inside>>;

impl Pages {
    /// Both vendors, on one port.
    pub async fn open() -> Self {
        let calendars = vec![
            json!({ "id": "owner@practice.example", "summary": "Practice", "primary": true, "accessRole": "owner",
                "timeZone": "Europe/Berlin" }),
            json!({ "id": "rooms@practice.example", "summary": "Rooms", "accessRole": "owner",
                "timeZone": "Europe/Berlin" }),
            json!({ "id": "holidays", "summary": "Holidays", "accessRole": "reader", "timeZone": "Europe/Berlin" }),
        ];
        let inside = Arc::new(Mutex::new(Inside {
            account: "owner@practice.example".to_owned(),
            directory: DIRECTORY.to_owned(),
            unticked: vec![],
            refuses: false,
            life: 3_600,
            instead: VecDeque::new(),
            asked: vec![],
            revoked: vec![],
            calendars,
            agreed: vec![],
            secrets: vec![],
            turned_away: 0,
            gate: Arc::default(),
            codes: BTreeMap::new(),
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
        }));
        let router = Router::new()
            .route("/google/auth", get(google_page))
            .route("/google/token", post(google_tokens))
            .route("/google/revoke", post(google_revoke))
            .route("/google/api/users/me/calendarList", get(google_list))
            .route("/google/api/freeBusy", post(google_busy))
            .route("/google/api/calendars/{calendar}/events", get(google_events))
            .route("/login/{directory}/oauth2/v2.0/authorize", get(microsoft_page))
            .route("/login/{directory}/oauth2/v2.0/token", post(microsoft_tokens))
            .route("/login/{directory}/v2.0/adminconsent", get(administrator_page))
            .with_state(Arc::clone(&inside));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        TaskTracker::new().spawn(async move { serving.await.unwrap() });
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { addr, inside, client, _running: stop.drop_guard() }
    }

    /// The house, with these vendors and a key to seal with.
    pub fn in_house(&self, house: House) -> House {
        let base = format!("http://{}", self.addr);
        house
            .with("SECRETS__KEY", KEY)
            .with("GOOGLE__CLIENT_ID", CLIENT)
            .with("GOOGLE__CLIENT_SECRET", SECRET)
            .with("GOOGLE__AUTHORIZE_URL", &format!("{base}/google/auth"))
            .with("GOOGLE__TOKEN_URL", &format!("{base}/google/token"))
            .with("GOOGLE__REVOKE_URL", &format!("{base}/google/revoke"))
            .with("GOOGLE__API_URL", &format!("{base}/google/api"))
            .with("MICROSOFT__CLIENT_ID", CLIENT)
            .with("MICROSOFT__CLIENT_SECRET", SECRET)
            .with("MICROSOFT__LOGIN_URL", &format!("{base}/login"))
            .with("MICROSOFT__API_URL", &format!("{base}/graph"))
    }

    /// What they know, to be looked at or changed.
    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// A person opens the page and does what she is to do; where her browser is sent back to.
    pub async fn agree(&self, url: &str) -> String {
        let answer = self.client.get(url).send().await.unwrap();
        let status = answer.status().as_u16();
        let to = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let said = answer.text().await.unwrap();
        to.unwrap_or_else(|| panic!("{status} {said}"))
    }

    /// How often somebody has asked for tokens in that way.
    pub fn asked(&self, grant_type: &str) -> usize {
        self.inside().asked.iter().filter(|form| form["grant_type"] == grant_type).count()
    }

    /// Every access that was given out is good no more.
    pub fn expire_access(&self) {
        self.inside().access.clear();
    }

    /// The person withdraws her consent at the vendor's.
    pub fn withdraw(&self) {
        let mut inside = self.inside();
        inside.access.clear();
        inside.refresh.clear();
    }
}

fn form(body: &Bytes) -> Fields {
    form_urlencoded::parse(body).into_owned().collect()
}

fn fail(status: u16, error: &str, description: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}

fn fresh(inside: &mut Inside, kind: &str) -> String {
    let token = format!("{kind}-{}", ids::token());
    inside.secrets.push(token.clone());
    token
}

/// What both vendors insist on of somebody who comes to a page.
fn page(inside: &mut Inside, asked: &Fields, needed: &[(&str, &str)]) -> Result<Fields, Box<Response>> {
    for (name, value) in needed {
        if asked.get(*name).map(String::as_str) != Some(*value) {
            return Err(Box::new(fail(400, "invalid_request", &format!("{name} must be {value}"))));
        }
    }
    for name in ["redirect_uri", "state", "code_challenge", "scope"] {
        if asked.get(name).is_none_or(String::is_empty) {
            return Err(Box::new(fail(400, "invalid_request", &format!("{name} is missing"))));
        }
    }
    let mut kept = asked.clone();
    kept.insert("account".to_owned(), inside.account.clone());
    kept.insert("directory".to_owned(), inside.directory.clone());
    let granted =
        asked["scope"].split(' ').filter(|scope| !inside.unticked.iter().any(|out| scope.ends_with(out)));
    kept.insert("granted".to_owned(), granted.collect::<Vec<_>>().join(" "));
    Ok(kept)
}

fn back(inside: &mut Inside, kept: Fields) -> Response {
    let mut to = url::Url::parse(&kept["redirect_uri"]).unwrap();
    let state = kept["state"].clone();
    if inside.refuses {
        to.query_pairs_mut().append_pair("error", "access_denied").append_pair("state", &state);
    } else {
        let code = fresh(inside, "code");
        to.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
        inside.codes.insert(code, kept);
    }
    Redirect::to(to.as_str()).into_response()
}

async fn google_page(State(inside): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let mut inside = inside.lock().unwrap();
    let needed = [
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("include_granted_scopes", "true"),
        ("code_challenge_method", "S256"),
        (
            "scope",
            "https://www.googleapis.com/auth/calendar.events.owned https://www.googleapis.com/auth/calendar.freebusy \
             https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        ),
    ];
    match page(&mut inside, &asked, &needed) {
        Ok(kept) => back(&mut inside, kept),
        Err(refusal) => *refusal,
    }
}

async fn microsoft_page(
    State(inside): State<Shared>,
    Path(directory): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    let mut inside = inside.lock().unwrap();
    let needed = [
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("code_challenge_method", "S256"),
    ];
    if directory != "common" && directory != inside.directory {
        return fail(400, "invalid_request", "AADSTS50020: the account is not of that organisation");
    }
    match page(&mut inside, &asked, &needed) {
        Ok(kept) => back(&mut inside, kept),
        Err(refusal) => *refusal,
    }
}

async fn administrator_page(
    State(inside): State<Shared>,
    Path(directory): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    let mut inside = inside.lock().unwrap();
    assert_eq!((directory.as_str(), asked["client_id"].as_str()), ("organizations", CLIENT));
    let mut to = url::Url::parse(&asked["redirect_uri"]).unwrap();
    let own = inside.directory.clone();
    inside.agreed.push(own.clone());
    to.query_pairs_mut()
        .append_pair("admin_consent", "True")
        .append_pair("tenant", &own)
        .append_pair("state", &asked["state"]);
    Redirect::to(to.as_str()).into_response()
}

/// What both vendors insist on of somebody who wants tokens; where the answer is another, that one.
async fn wanted(inside: &Shared, form: &Fields) -> Result<(), Box<Response>> {
    let gate = {
        let mut inside = inside.lock().unwrap();
        inside.asked.push(form.clone());
        Arc::clone(&inside.gate)
    };
    drop(gate.lock().await);
    let mut inside = inside.lock().unwrap();
    if let Some((status, body)) = inside.instead.pop_front() {
        return Err(Box::new((StatusCode::from_u16(status).unwrap(), Json(body)).into_response()));
    }
    if form["client_id"] != CLIENT || form.get("client_secret").map(String::as_str) != Some(SECRET) {
        return Err(Box::new(fail(401, "invalid_client", "AADSTS7000215: the secret is wrong")));
    }
    Ok(())
}

/// What a code stands for, if all is as it was when it was given out. It is good once.
fn redeemed(inside: &mut Inside, form: &Fields) -> Result<Fields, Box<Response>> {
    let refused = |why: &str| Box::new(fail(400, "invalid_grant", why));
    let kept = inside.codes.remove(&form["code"]).ok_or_else(|| refused("AADSTS54005: no such code"))?;
    let digest = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    let challenge = base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest.as_ref());
    if kept["code_challenge"] != challenge {
        return Err(refused("the verifier is another's"));
    }
    if kept["redirect_uri"] != form["redirect_uri"] {
        return Err(refused("redirect_uri_mismatch"));
    }
    Ok(kept)
}

async fn google_tokens(State(inside): State<Shared>, body: Bytes) -> Response {
    let form = form(&body);
    if let Err(refusal) = wanted(&inside, &form).await {
        return *refusal;
    }
    let mut inside = inside.lock().unwrap();
    let fields = match form["grant_type"].as_str() {
        "authorization_code" => match redeemed(&mut inside, &form) {
            Ok(kept) => kept,
            Err(refusal) => return *refusal,
        },
        "refresh_token" => match inside.refresh.get(&form["refresh_token"]) {
            Some(kept) => kept.clone(),
            None => return fail(400, "invalid_grant", "Token has been expired or revoked."),
        },
        other => panic!("{other}"),
    };
    let access = fresh(&mut inside, "ya29");
    inside.access.insert(access.clone(), fields["account"].clone());
    let mut answer = json!({
        "access_token": access, "expires_in": inside.life, "scope": fields["granted"], "token_type": "Bearer"
    });
    if form["grant_type"] == "authorization_code" {
        let refresh = fresh(&mut inside, "1//refresh");
        inside.refresh.insert(refresh.clone(), fields);
        answer["refresh_token"] = Value::from(refresh);
    }
    Json(answer).into_response()
}

async fn google_revoke(State(inside): State<Shared>, body: Bytes) -> Response {
    let form = form(&body);
    let mut inside = inside.lock().unwrap();
    let known = inside.refresh.remove(&form["token"]).is_some();
    inside.revoked.push(form["token"].clone());
    if known { StatusCode::OK.into_response() } else { fail(400, "invalid_token", "") }
}

/// An id token as Microsoft makes them, but for its signature.
fn id_token(account: &str, directory: &str) -> String {
    let part = |value: Value| base64_simd::URL_SAFE_NO_PAD.encode_to_string(value.to_string());
    let claims = json!({ "tid": directory, "preferred_username": account, "name": "A Name", "aud": CLIENT });
    format!("{}.{}.c2ln", part(json!({ "alg": "RS256" })), part(claims))
}

async fn microsoft_tokens(
    State(inside): State<Shared>,
    Path(directory): Path<String>,
    body: Bytes,
) -> Response {
    let form = form(&body);
    if let Err(refusal) = wanted(&inside, &form).await {
        return *refusal;
    }
    let mut inside = inside.lock().unwrap();
    let fields = match form["grant_type"].as_str() {
        "authorization_code" => match redeemed(&mut inside, &form) {
            Ok(kept) => kept,
            Err(refusal) => return *refusal,
        },
        "refresh_token" => match inside.refresh.get(&form["refresh_token"]) {
            Some(kept) => kept.clone(),
            None => return fail(400, "invalid_grant", "AADSTS700082: The refresh token has expired."),
        },
        "client_credentials" => {
            if form["scope"] != "https://graph.microsoft.com/.default" || !inside.agreed.contains(&directory)
            {
                return fail(400, "unauthorized_client", "AADSTS700016: no such application there");
            }
            let access = fresh(&mut inside, "eyJorganisation");
            inside.access.insert(access.clone(), directory);
            let life = inside.life;
            return Json(json!({ "access_token": access, "expires_in": life, "token_type": "Bearer" }))
                .into_response();
        }
        other => panic!("{other}"),
    };
    let access = fresh(&mut inside, "eyJperson");
    inside.access.insert(access.clone(), fields["account"].clone());
    let mut answer = json!({
        "access_token": access, "expires_in": inside.life, "token_type": "Bearer", "scope": fields["granted"],
        "id_token": id_token(&fields["account"], &fields["directory"])
    });
    if fields["scope"].contains("offline_access") {
        let refresh = fresh(&mut inside, "0.refresh");
        inside.refresh.insert(refresh.clone(), fields);
        answer["refresh_token"] = Value::from(refresh);
    }
    Json(answer).into_response()
}

/// Goes on only with an access that is good.
fn let_in(inside: &mut Inside, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let token =
        headers.get(header::AUTHORIZATION).and_then(|field| field.to_str().ok()?.strip_prefix("Bearer "));
    if token.is_some_and(|token| inside.access.contains_key(token)) {
        return Ok(());
    }
    inside.turned_away += 1;
    let error = json!({ "error": { "code": 401, "message": "Invalid Credentials", "errors": [
        { "domain": "global", "reason": "authError", "message": "Invalid Credentials" }
    ] } });
    Err(Box::new((StatusCode::UNAUTHORIZED, Json(error)).into_response()))
}

async fn google_list(State(inside): State<Shared>, headers: HeaderMap) -> Response {
    let mut inside = inside.lock().unwrap();
    match let_in(&mut inside, &headers) {
        Ok(()) => Json(json!({ "kind": "calendar#calendarList", "items": inside.calendars })).into_response(),
        Err(refusal) => *refusal,
    }
}

/// The events of a calendar that is listed: there are none.
async fn google_events(
    State(inside): State<Shared>,
    Path(calendar): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut inside = inside.lock().unwrap();
    if let Err(refusal) = let_in(&mut inside, &headers) {
        return *refusal;
    }
    match inside.calendars.iter().any(|known| known["id"] == calendar) {
        true => Json(json!({ "items": [], "nextSyncToken": "nothing-yet" })).into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn google_busy(State(inside): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut inside = inside.lock().unwrap();
    if let Err(refusal) = let_in(&mut inside, &headers) {
        return *refusal;
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let mut calendars = serde_json::Map::new();
    for item in asked["items"].as_array().unwrap() {
        calendars.insert(item["id"].as_str().unwrap().to_owned(), json!({ "busy": [] }));
    }
    Json(json!({ "kind": "calendar#freeBusy", "calendars": calendars })).into_response()
}
