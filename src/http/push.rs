//! Where vendors of calendars tell of changes.
//!
//! What is told is only that something has changed; whoever tells must know the secret that was given to the vendor, and
//! anybody else is answered alike, so that nothing is learnt here. Nothing is looked up while the vendor waits but whose
//! calendar it is.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics::counter;
use secrecy::SecretString;
use serde::Deserialize;
use tracing::{info, warn};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Doors, problem::Problem};
use crate::{app::calendars::Told, platform::metrics::SECURITY_TOTAL};

/// Longest token that is given back to a vendor that validates an address, in bytes.
const VALIDATION_LEN_MAX: usize = 1_024;
/// Largest body that is read, in bytes: more than a thousand of Graph's notifications.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Changes that are taken from one request; a vendor tells less.
const TOLD_MAX: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(google))
        .routes(routes!(microsoft))
        .routes(routes!(microsoft_lifecycle))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// `POST /calendars/google/push`: something has changed in a calendar at Google (protocols.md §3.2). The body is empty.
#[utoipa::path(post, path = "/calendars/google/push", tag = "calendars",
    params(("X-Goog-Channel-ID" = String, Header, description = "Our name for the watch."),
        ("X-Goog-Channel-Token" = String, Header, description = "The secret Google was given.")),
    responses((status = NO_CONTENT, description = "Noted.")))]
async fn google(State(doors): State<Doors>, headers: HeaderMap) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(channel), Some(secret)) = (text("x-goog-channel-id"), text("x-goog-channel-token")) else {
        return refused();
    };
    // The first message only says that the watch has begun.
    if text("x-goog-resource-state") == Some("sync") {
        return StatusCode::NO_CONTENT.into_response();
    }
    match told(&doors, channel, secret, Told::Changed).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// What Graph tells: changes, or something about its telling.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "value": [{ "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07", "clientState": "secret" }] }))]
struct Notifications {
    /// One for each change.
    #[serde(default)]
    value: Vec<Notification>,
}

/// Something has changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Notification {
    /// Graph's name for the watch.
    subscription_id: String,
    /// The secret Graph was given.
    #[serde(default)]
    client_state: String,
    /// What there is to say of the watch itself.
    #[serde(default)]
    lifecycle_event: Option<String>,
}

/// `POST /calendars/microsoft/push`: something has changed in a calendar at Microsoft (protocols.md §4.2).
#[utoipa::path(post, path = "/calendars/microsoft/push", tag = "calendars",
    params(("validationToken" = Option<String>, Query, description = "Given back when Graph validates the address.")),
    request_body = Notifications,
    responses((status = ACCEPTED, description = "Noted."),
        (status = OK, description = "The token, when the address is validated.", content_type = "text/plain", body = String)))]
async fn microsoft(State(doors): State<Doors>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    graph(&doors, query.as_deref(), &body, |_| Told::Changed).await
}

/// `POST /calendars/microsoft/lifecycle`: Graph tells of its telling: that it must be renewed, has ended, or that
/// something was missed.
#[utoipa::path(post, path = "/calendars/microsoft/lifecycle", tag = "calendars",
    params(("validationToken" = Option<String>, Query, description = "Given back when Graph validates the address.")),
    request_body = Notifications,
    responses((status = ACCEPTED, description = "Noted."),
        (status = OK, description = "The token, when the address is validated.", content_type = "text/plain", body = String)))]
async fn microsoft_lifecycle(State(doors): State<Doors>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    graph(&doors, query.as_deref(), &body, |event| match event {
        Some("reauthorizationRequired") => Told::MustRenew,
        Some("subscriptionRemoved") => Told::Ended,
        _ => Told::Changed,
    })
    .await
}

async fn graph(
    doors: &Doors,
    query: Option<&str>,
    body: &[u8],
    what: impl Fn(Option<&str>) -> Told,
) -> Response {
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let token = asked.into_owned().find(|(name, _)| name == "validationToken").map(|(_, token)| token);
    if let Some(token) = token {
        if token.len() > VALIDATION_LEN_MAX {
            return Problem::Malformed("the validation token is too long".to_owned()).into_response();
        }
        return ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], token).into_response();
    }
    let Ok(notifications) = serde_json::from_slice::<Notifications>(body) else {
        return Problem::Malformed("notifications are expected".to_owned()).into_response();
    };
    if notifications.value.len() > TOLD_MAX {
        warn!(count = notifications.value.len(), "more changes are told at once than are taken");
    }
    for one in notifications.value.iter().take(TOLD_MAX) {
        let what = what(one.lifecycle_event.as_deref());
        if let Err(problem) = told(doors, &one.subscription_id, &one.client_state, what).await {
            return problem.into_response();
        }
    }
    StatusCode::ACCEPTED.into_response()
}

/// Hands on what is told. That nobody knows it, whoever tells does not learn.
async fn told(doors: &Doors, name: &str, secret: &str, what: Told) -> Result<(), Problem> {
    let secret = SecretString::from(secret);
    if !doors.calendars.told(name, &secret, what).await? {
        counter!(SECURITY_TOTAL, "event" => "calendar_push_unknown").increment(1);
        info!("a change was told of a calendar nobody watches");
    }
    Ok(())
}

fn refused() -> Response {
    Problem::Malformed("the headers of a notification are expected".to_owned()).into_response()
}
