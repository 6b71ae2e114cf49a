//! The doors: requests in, questions to `app` and `live`, answers out.
//!
//! Never asks the store or a calendar itself. Every refusal is a [`Problem`].

pub mod api;
pub mod auth;
mod calendars;
mod client;
mod console;
pub mod csv;
mod doc;
mod guard;
mod health;
pub mod limits;
pub mod listener;
pub mod metrics;
mod onward;
pub mod problem;
mod push;
mod sockets;
pub mod test_calls;
pub mod twilio;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::router::OpenApiRouter;

use self::{api::events::Streams, limits::Limits, problem::Problem};
use crate::{
    app::{
        accounts::Accounts, bookings::Ledger, calendars::Calendars, findings::Doctor, health::Health,
        keys::Keys, people::People, voices::Voices, webhooks::Webhooks,
    },
    live::Lines,
    platform::{blobs::Blobs, clock::Clock, tasks::Tasks},
    store::Store,
    telephony::{self, PublicUrl},
};

/// What the doors need to know. Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    /// Handed on to `app`, which asks it.
    pub store: Store,
    /// Where appointments are promised.
    pub ledger: Ledger,
    /// The calls in the air.
    pub lines: Lines,
    /// Twilio's voices.
    pub twilio: Arc<telephony::Settings>,
    /// Twilio's accounts.
    pub accounts: Accounts,
    /// The calendars outside.
    pub calendars: Calendars,
    /// Programs of tenants that are told what happens.
    pub webhooks: Webhooks,
    /// Where Twilio reaches this server.
    pub public_url: PublicUrl,
    /// Whether calls can be answered.
    pub health: Health,
    /// Looks at everything this server depends on.
    pub doctor: Doctor,
    /// The figures.
    pub figures: PrometheusHandle,
    /// What runs beside.
    pub tasks: Tasks,
    /// What time it is.
    pub clock: Clock,
    /// Longest time an ordinary request may take, in milliseconds. A media socket is none.
    pub request_ms_max: u64,
    /// Largest body of a webhook, in bytes.
    pub webhook_body_bytes_max: usize,
    /// Largest body of a request to the API, in bytes.
    pub api_body_bytes_max: usize,
    /// Where recordings are; handed on to `app`, which opens them.
    pub blobs: Blobs,
    /// What opens recordings.
    pub keys: Keys,
    /// What the engine's voices sound like.
    pub voices: Voices,
    /// Who watches calls.
    pub streams: Streams,
    /// Lets people and programs in.
    pub people: People,
    /// How often somebody may ask.
    pub limits: Limits,
    /// Proxies whose word about addresses is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Origins whose pages may use the API.
    pub cors_origins: Arc<[HeaderValue]>,
}

impl Doors {
    /// The auth token with which Twilio must have signed a webhook of this form: that of the account it names, if
    /// that account may speak of the number and the call it names.
    async fn auth_token(&self, form: &BTreeMap<String, String>) -> Option<SecretString> {
        let account = form.get("AccountSid")?;
        // Of the two numbers of a call, ours is the one that is called, or from which we call.
        let ours =
            if form.get("Direction").is_some_and(|way| way.starts_with("outbound")) { "From" } else { "To" };
        let number = form.get(ours).and_then(|to| to.parse().ok());
        let call = form.get("CallSid").and_then(|sid| sid.parse().ok());
        self.accounts.auth_token(account, number.as_ref(), call.as_ref()).await
    }
}

/// Every operation there is, with its place in the document. There is no other way to open a door.
fn operations(twilio: OpenApiRouter<Doors>, api: OpenApiRouter<Doors>) -> OpenApiRouter<Doors> {
    OpenApiRouter::with_openapi(doc::Document::openapi())
        .merge(api)
        .merge(twilio)
        .merge(calendars::router())
        .merge(push::router())
        .merge(test_calls::router())
        .merge(health::router())
        .merge(metrics::router())
}

/// The document of everything that can be asked over HTTP: OpenAPI 3.1.
pub fn document() -> OpenApi {
    let mut document = operations(twilio::router().merge(onward::router()), api::router()).into_openapi();
    doc::finish(&mut document);
    document
}

/// Every door there is.
pub fn router(doors: Doors) -> Router {
    let (clock, limit) = (doors.clock, Duration::from_millis(doors.request_ms_max));
    let twilio =
        twilio::router().merge(onward::router()).layer(DefaultBodyLimit::max(doors.webhook_body_bytes_max));
    let api = api::router()
        .layer(DefaultBodyLimit::max(doors.api_body_bytes_max))
        .layer(middleware::from_fn_with_state(doors.clone(), guard::api))
        .layer(guard::cors(&doors.cors_origins));
    let (router, mut document) = operations(twilio, api).split_for_parts();
    doc::finish(&mut document);
    router
        .merge(console::router(&doors))
        .with_state(doors)
        .merge(doc::pages(document))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(middleware::from_fn(guard::headers))
        .layer(middleware::from_fn(move |request, next| in_time(clock, limit, request, next)))
}

/// The answer, or that it took too long.
async fn in_time(clock: Clock, limit: Duration, request: Request, next: Next) -> Response {
    match clock.within(limit, next.run(request)).await {
        Some(response) if response.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::TooLarge.into_response()
        }
        Some(response) => response,
        None => Problem::TimedOut.into_response(),
    }
}
