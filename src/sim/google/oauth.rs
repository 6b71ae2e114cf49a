//! Google's OAuth 2.0: the page of consent, codes, tokens, and giving them back (protocols.md §3.1).
//!
//! The page is plain HTML with a form. What a right client never sends, such as a request without PKCE, is a fault.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use aws_lc_rs::digest;
use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use super::{
    Kind, Shared, Trouble,
    api::{answered_late, broken},
};
use crate::{domain::time::Timestamp, platform::ids};

type Pairs = Vec<(String, String)>;

/// How long an access token is good for, in seconds.
const ACCESS_SECONDS: i64 = 3_599;
/// How long a code is good for, in minutes.
const CODE_MINUTES: i64 = 10;

/// What somebody has agreed to.
pub(super) struct Grant {
    pub(super) account: String,
    pub(super) scopes: BTreeSet<String>,
    /// It was given back or taken away.
    pub(super) over: bool,
}

struct Code {
    grant: u64,
    redirect_uri: String,
    challenge: Option<String>,
    offline: bool,
    expires: Timestamp,
    used: bool,
}

/// A token and the grant it stands for.
pub(super) struct Access {
    pub(super) grant: u64,
    pub(super) expires: Timestamp,
}

/// Who has agreed to what, and what shows it.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) grants: HashMap<u64, Grant>,
    pub(super) access: HashMap<String, Access>,
    refresh: HashMap<String, u64>,
    codes: HashMap<String, Code>,
    count: u64,
}

impl Tokens {
    pub(super) fn grant(&mut self, account: &str, scopes: impl IntoIterator<Item = String>) -> u64 {
        self.count += 1;
        let grant = Grant { account: account.to_owned(), scopes: scopes.into_iter().collect(), over: false };
        self.grants.insert(self.count, grant);
        self.count
    }

    pub(super) fn access(&mut self, grant: u64, now: Timestamp) -> String {
        self.access.retain(|_, access| access.expires > now);
        let token = format!("ya29.{}", ids::token());
        let expires = now.plus_millis(ACCESS_SECONDS * 1_000);
        self.access.insert(token.clone(), Access { grant, expires });
        token
    }

    /// Takes away all that an account has agreed to.
    pub(super) fn revoke(&mut self, account: &str) {
        for grant in self.grants.values_mut().filter(|grant| grant.account == account) {
            grant.over = true;
        }
    }

    /// No access token of an account is good any more; what it has agreed to stands.
    pub(super) fn expire(&mut self, account: &str) {
        let of = |grant: &u64| self.grants.get(grant).is_some_and(|grant| grant.account == account);
        self.access.retain(|_, access| !of(&access.grant));
    }
}

/// A request to consent, as it stands in the page's address.
struct Asked<'q>(&'q Pairs);

impl Asked<'_> {
    fn get(&self, name: &str) -> &str {
        value(self.0, name)
    }

    fn scopes(&self) -> Vec<String> {
        self.get("scope").split_whitespace().map(str::to_owned).collect()
    }

    /// What is wrong with it, so that nobody is sent back.
    fn wrong(&self, shared: &Shared) -> Option<&'static str> {
        if self.get("client_id") != shared.setup.client_id {
            return Some("Error 401: invalid_client");
        }
        if !shared.redirect_uris().iter().any(|known| known == self.get("redirect_uri")) {
            return Some("Error 400: redirect_uri_mismatch");
        }
        if self.get("response_type") != "code" || self.get("scope").is_empty() {
            return Some("Error 400: invalid_request");
        }
        if !self.get("code_challenge").is_empty() && self.get("code_challenge_method") != "S256" {
            shared.faults.add("consent: a code_challenge that is not S256");
            return Some("Error 400: invalid_request");
        }
        for (name, wanted) in [("access_type", "offline"), ("prompt", "consent")] {
            if !self.get(name).split_whitespace().any(|given| given == wanted) {
                shared.faults.add(format!("consent: {name} is not {wanted}, so no refresh token is certain"));
            }
        }
        for name in ["code_challenge", "state"] {
            if self.get(name).is_empty() {
                shared.faults.add(format!("consent: no {name}"));
            }
        }
        None
    }
}

fn value<'q>(pairs: &'q Pairs, name: &str) -> &'q str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// The page; with `approve=ACCOUNT` in its address it is answered at once, as somebody in a hurry would.
pub(super) async fn page(State(shared): State<Arc<Shared>>, Query(query): Query<Pairs>) -> Response {
    shared.count(Kind::Consent);
    let asked = Asked(&query);
    if let Some(why) = asked.wrong(&shared) {
        return (StatusCode::BAD_REQUEST, Html(format!("<h1>{why}</h1>"))).into_response();
    }
    let approve = value(&query, "approve");
    if !approve.is_empty() {
        return agreed(&shared, &asked, approve, asked.scopes());
    }
    let accounts: String = shared
        .accounts()
        .iter()
        .enumerate()
        .map(|(at, account)| {
            let checked = if at == 0 { " checked" } else { "" };
            let account = escaped(account);
            format!(
                "<p><label><input type=radio name=account value=\"{account}\"{checked}> {account}</label></p>\n"
            )
        })
        .collect();
    let scopes: String = asked
        .scopes()
        .iter()
        .map(|scope| {
            let scope = escaped(scope);
            format!(
                "<p><label><input type=checkbox name=tick value=\"{scope}\" checked> {scope}</label></p>\n"
            )
        })
        .collect();
    let request = form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
    Html(format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Sign in with Google (stand-in)</title>\n\
         <h1>Sign in with Google</h1><p>This is a stand-in, on your own machine.</p>\n\
         <form method=post>\n<input type=hidden name=request value=\"{}\">\n{accounts}\
         <h2>It wants to</h2>\n{scopes}\
         <button name=decision value=allow>Allow</button> <button name=decision value=deny>Deny</button>\n\
         </form></html>\n",
        escaped(&request),
    ))
    .into_response()
}

/// What the page was answered with.
pub(super) async fn consent(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let form: Pairs = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let query: Pairs = form_urlencoded::parse(value(&form, "request").as_bytes()).into_owned().collect();
    let asked = Asked(&query);
    if let Some(why) = asked.wrong(&shared) {
        return (StatusCode::BAD_REQUEST, Html(format!("<h1>{why}</h1>"))).into_response();
    }
    if value(&form, "decision") != "allow" {
        return back(&asked, &[("error", "access_denied")]);
    }
    let ticked: BTreeSet<&str> =
        form.iter().filter(|(name, _)| name == "tick").map(|(_, scope)| &**scope).collect();
    let scopes = asked.scopes().into_iter().filter(|scope| ticked.contains(&**scope)).collect();
    agreed(&shared, &asked, value(&form, "account"), scopes)
}

fn agreed(shared: &Shared, asked: &Asked<'_>, account: &str, scopes: Vec<String>) -> Response {
    if !shared.accounts().iter().any(|known| known == account) {
        return (StatusCode::BAD_REQUEST, Html("<h1>Couldn't find your Google Account</h1>")).into_response();
    }
    let code = format!("4/{}", ids::token());
    let scope = scopes.join(" ");
    let mut tokens = shared.tokens();
    let grant = tokens.grant(account, scopes);
    let challenge = Some(asked.get("code_challenge").to_owned()).filter(|text| !text.is_empty());
    let kept = Code {
        grant,
        redirect_uri: asked.get("redirect_uri").to_owned(),
        challenge,
        offline: asked.get("access_type") == "offline",
        expires: shared.setup.clock.now().plus_minutes(CODE_MINUTES),
        used: false,
    };
    tokens.codes.insert(code.clone(), kept);
    back(asked, &[("code", &code), ("scope", &scope)])
}

fn back(asked: &Asked<'_>, answer: &[(&str, &str)]) -> Response {
    let Ok(mut url) = url::Url::parse(asked.get("redirect_uri")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let state = asked.get("state");
    url.query_pairs_mut()
        .extend_pairs(Some(("state", state)).filter(|_| !state.is_empty()))
        .extend_pairs(answer);
    match HeaderValue::from_str(url.as_str()) {
        Ok(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Codes and refresh tokens become access tokens.
pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    shared.count(Kind::Token);
    let form: Pairs = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let trouble = shared.befalls(Kind::Token);
    match trouble {
        Some(Trouble::InvalidGrant) => return refusal("invalid_grant", "Token has been expired or revoked."),
        Some(Trouble::Broken(status)) => return status_only(status),
        Some(Trouble::Dropped) => return broken(),
        Some(Trouble::Garbled) => return Html("<html>").into_response(),
        Some(Trouble::Refused(status, code)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            return (status, Json(json!({ "error": code }))).into_response();
        }
        _ => {}
    }
    let answer = exchanged(&shared, &headers, &form);
    answered_late(&shared, trouble, answer).await
}

fn exchanged(shared: &Shared, headers: &HeaderMap, form: &Pairs) -> Response {
    if !knows_client(shared, headers, form) {
        let body = json!({ "error": "invalid_client", "error_description": "Unauthorized" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let now = shared.setup.clock.now();
    let mut tokens = shared.tokens();
    let tokens = &mut *tokens;
    let (grant, fresh) = match value(form, "grant_type") {
        "authorization_code" => {
            let malformed = || refusal("invalid_grant", "Malformed auth code.");
            let Some(code) = tokens.codes.get_mut(value(form, "code")) else { return malformed() };
            if code.used {
                // Whoever has it a second time may have stolen it: nothing that came of it is good any more.
                if let Some(grant) = tokens.grants.get_mut(&code.grant) {
                    grant.over = true;
                }
                return malformed();
            }
            if code.expires <= now {
                return malformed();
            }
            if code.redirect_uri != value(form, "redirect_uri") {
                return refusal("redirect_uri_mismatch", "Bad Request");
            }
            if code
                .challenge
                .as_ref()
                .is_some_and(|wanted| *wanted != challenge(value(form, "code_verifier")))
            {
                return refusal("invalid_grant", "Invalid code verifier.");
            }
            code.used = true;
            let fresh = code.offline.then(|| format!("1//{}", ids::token()));
            (code.grant, fresh)
        }
        "refresh_token" => match tokens.refresh.get(value(form, "refresh_token")) {
            Some(grant) => (*grant, None),
            None => return refusal("invalid_grant", "Bad Request"),
        },
        _ => return refusal("unsupported_grant_type", "Invalid grant_type"),
    };
    let Some(known) = tokens.grants.get(&grant).filter(|grant| !grant.over) else {
        return refusal("invalid_grant", "Token has been expired or revoked.");
    };
    let scope = known.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let access = tokens.access(grant, now);
    let mut body = json!({
        "access_token": access, "expires_in": ACCESS_SECONDS, "scope": scope, "token_type": "Bearer",
    });
    if let Some(fresh) = fresh {
        body["refresh_token"] = fresh.clone().into();
        tokens.refresh.insert(fresh, grant);
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A token is given back, and all that its account has agreed to with it.
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Pairs>,
    body: String,
) -> Response {
    shared.count(Kind::Revoke);
    let form: Pairs = form_urlencoded::parse(body.as_bytes()).into_owned().chain(query).collect();
    match shared.befalls(Kind::Revoke) {
        Some(Trouble::Broken(status)) => return status_only(status),
        Some(Trouble::Dropped) => return broken(),
        _ => {}
    }
    let token = value(&form, "token");
    let mut tokens = shared.tokens();
    let grant = tokens.refresh.get(token).copied();
    let grant = grant.or_else(|| tokens.access.get(token).map(|access| access.grant));
    let account = grant
        .and_then(|grant| tokens.grants.get(&grant).filter(|grant| !grant.over))
        .map(|grant| grant.account.clone());
    match account {
        Some(account) => {
            tokens.revoke(&account);
            Json(json!({})).into_response()
        }
        None => refusal("invalid_token", "Token expired or revoked"),
    }
}

/// The client shows its secret in the form or in the header.
fn knows_client(shared: &Shared, headers: &HeaderMap, form: &Pairs) -> bool {
    let (id, secret) = (&shared.setup.client_id, &shared.setup.client_secret);
    if value(form, "client_secret") == secret {
        return value(form, "client_id") == id;
    }
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret));
    let wanted = format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair));
    headers.get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() == wanted.as_bytes())
}

/// What a verifier must have been announced as (RFC 7636 §4.2, S256).
fn challenge(verifier: &str) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(hash.as_ref())
}

fn refusal(code: &str, words: &str) -> Response {
    let body = json!({ "error": code, "error_description": words });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn status_only(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
