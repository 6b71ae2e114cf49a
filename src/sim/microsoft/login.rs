//! Microsoft's pages of consent and its tokens (protocols.md §4.1): codes with PKCE that are good once, refresh tokens that
//! are replaced with every use, access for a whole organisation once its administrator has agreed.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use serde_json::{Value, json};
use url::Url;

use super::{Holder, Pass, Shared, Ticket, World};
use crate::platform::ids;

/// For whom every mailbox of an organisation is asked.
const ORGANISATION: &str = "https://graph.microsoft.com/.default";
/// How long an access token is good for, in seconds.
const ACCESS_SECONDS: i64 = 3_600;
/// The same in microseconds.
const ACCESS_MICROS: i64 = ACCESS_SECONDS * 1_000_000;
/// Longest a replaced refresh token is still good, in microseconds: thirty seconds.
const REPLACED_MICROS: i64 = 30_000_000;

type Fields = BTreeMap<String, String>;

fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({ "error": error, "error_description": description, "error_codes": [] })))
        .into_response()
}

/// The page: who it is for, and what is asked. Whoever looks at it answers with [`answer`].
pub(super) async fn page(
    State(shared): State<Shared>,
    Path(directory): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    if let Err(wrong) = shared.checked(&asked, &directory) {
        shared.faults.add(format!("the page of consent was asked for wrongly: {wrong}"));
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", &wrong);
    }
    let world = shared.world();
    let people: String =
        world.mailboxes.keys().map(|it| format!("<option>{}</option>", escaped(it))).collect();
    let hidden: String = asked
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
        })
        .collect();
    let ticks: String = asked["scope"]
        .split(' ')
        .map(|scope| {
            let scope = escaped(scope);
            format!(
                "<label><input type=\"checkbox\" name=\"granted\" value=\"{scope}\" checked>{scope}</label>"
            )
        })
        .collect();
    Html(format!(
        "<!doctype html><title>Permissions requested</title><form method=\"post\">{hidden}\
         <select name=\"account\">{people}</select>{ticks}\
         <button name=\"allow\" value=\"yes\">Accept</button><button name=\"allow\" value=\"no\">Cancel</button></form>"
    ))
    .into_response()
}

/// What somebody answers on the page.
pub(super) async fn answer(
    State(shared): State<Shared>,
    Path(directory): Path<String>,
    body: Bytes,
) -> Response {
    let (mut asked, mut granted) = (Fields::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(&body).into_owned() {
        if name == "granted" {
            granted.push(value);
        } else {
            asked.insert(name, value);
        }
    }
    if let Err(wrong) = shared.checked(&asked, &directory) {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", &wrong);
    }
    let Ok(mut to) = Url::parse(&asked["redirect_uri"]) else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "the redirect URI is none");
    };
    if asked.get("allow").map(String::as_str) != Some("yes") {
        to.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", "AADSTS65004: User declined to consent to access the app.")
            .append_pair("state", &asked["state"]);
        return Redirect::to(to.as_str()).into_response();
    }
    let account = asked.get("account").cloned().unwrap_or_default();
    let mut world = shared.world();
    if !world.mailboxes.contains_key(&account) {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "AADSTS50034: there is no such account");
    }
    let code = format!("0.code-{}", ids::token());
    let ticket = Ticket {
        account,
        scopes: granted.join(" "),
        challenge: asked["code_challenge"].clone(),
        replaced: None,
    };
    world.codes.insert(code.clone(), Some(ticket));
    to.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
    Redirect::to(to.as_str()).into_response()
}

/// An administrator agrees for her organisation: whoever opens the page is one of that of the account `as`.
pub(super) async fn administrator(
    State(shared): State<Shared>,
    Path(_): Path<String>,
    Query(asked): Query<Fields>,
) -> Response {
    let right = asked.get("client_id") == Some(&shared.setup.client_id)
        && asked.get("redirect_uri") == Some(&shared.setup.redirect_uri)
        && asked.contains_key("state");
    let Some(mut to) = asked.get("redirect_uri").filter(|_| right).and_then(|uri| Url::parse(uri).ok())
    else {
        shared.faults.add("an administrator's page was asked for wrongly");
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "AADSTS50011");
    };
    let mut world = shared.world();
    let account = asked.get("as").or_else(|| world.mailboxes.keys().next()).cloned().unwrap_or_default();
    let Some(directory) = world.mailboxes.get(&account).map(|mailbox| mailbox.directory.clone()) else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "there is no such account");
    };
    world.agreed.insert(directory.clone());
    to.query_pairs_mut()
        .append_pair("admin_consent", "True")
        .append_pair("tenant", &directory)
        .append_pair("state", &asked["state"]);
    Redirect::to(to.as_str()).into_response()
}

/// Codes and refresh tokens become access tokens.
pub(super) async fn token(
    State(shared): State<Shared>,
    Path(directory): Path<String>,
    body: Bytes,
) -> Response {
    let form: Fields = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let now = shared.now();
    let mut world = shared.world();
    *world.counts.entry("token").or_default() += 1;
    if field("client_id") != shared.setup.client_id || field("client_secret") != shared.setup.client_secret {
        let what = "AADSTS7000215: Invalid client secret provided.";
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client", what);
    }
    let gone = |what: &str| refusal(StatusCode::BAD_REQUEST, "invalid_grant", what);
    match field("grant_type") {
        "authorization_code" => {
            let Some(used) = world.codes.get_mut(field("code")) else {
                return gone("AADSTS70008: The provided authorization code has expired.");
            };
            let Some(ticket) = used.take() else {
                return gone("AADSTS54005: OAuth2 Authorization code was already redeemed.");
            };
            let digest = digest::digest(&digest::SHA256, field("code_verifier").as_bytes());
            let challenge = base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest.as_ref());
            if challenge != ticket.challenge {
                return gone("AADSTS501481: The Code_Verifier does not match the code_challenge.");
            }
            if field("redirect_uri") != shared.setup.redirect_uri {
                return gone("AADSTS500112: The reply address does not match.");
            }
            granted(&mut world, ticket, now)
        }
        "refresh_token" => {
            let Some(ticket) = world.refresh.get_mut(field("refresh_token")) else {
                return gone("AADSTS700082: The refresh token has expired due to inactivity.");
            };
            if ticket.replaced.is_some_and(|at| now - at > REPLACED_MICROS) {
                return gone("AADSTS70008: The provided refresh token has expired.");
            }
            let kept = Ticket { replaced: None, ..ticket.clone() };
            ticket.replaced = ticket.replaced.or(Some(now));
            granted(&mut world, kept, now)
        }
        "client_credentials" => {
            if field("scope") != ORGANISATION || !world.agreed.contains(&directory) {
                let what = "AADSTS700016: The application was not found in the directory.";
                return refusal(StatusCode::BAD_REQUEST, "unauthorized_client", what);
            }
            let access = format!("eyJorganisation-{}", ids::token());
            let holder = Holder::Organisation(directory);
            world.access.insert(access.clone(), Pass { holder, scopes: None, expires: now + ACCESS_MICROS });
            Json(json!({ "access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer" }))
                .into_response()
        }
        other => {
            shared.faults.add(format!("tokens were asked for with the grant {other}"));
            refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type", "AADSTS70003")
        }
    }
}

fn granted(world: &mut World, ticket: Ticket, now: i64) -> Response {
    let Some(mailbox) = world.mailboxes.get(&ticket.account) else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_grant", "AADSTS50034: there is no such account");
    };
    let part = |value: Value| base64_simd::URL_SAFE_NO_PAD.encode_to_string(value.to_string());
    let claims = json!({ "tid": mailbox.directory, "preferred_username": ticket.account });
    let id_token = format!("{}.{}.c2ln", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let access = format!("eyJperson-{}", ids::token());
    let (holder, scopes) = (Holder::Person(ticket.account.clone()), Some(ticket.scopes.clone()));
    world.access.insert(access.clone(), Pass { holder, scopes, expires: now + ACCESS_MICROS });
    // What openid and offline_access allow is not told among the scopes.
    let told: Vec<&str> = ticket.scopes.split(' ').filter(|scope| *scope != "offline_access").collect();
    let mut answer = json!({
        "token_type": "Bearer", "expires_in": ACCESS_SECONDS, "ext_expires_in": ACCESS_SECONDS,
        "access_token": access, "scope": told.join(" "), "id_token": id_token,
    });
    if ticket.scopes.split(' ').any(|scope| scope == "offline_access") {
        let refresh = format!("0.refresh-{}", ids::token());
        answer["refresh_token"] = Value::from(refresh.as_str());
        world.refresh.insert(refresh, ticket);
    }
    Json(answer).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
