//! The doors: requests in, questions to `app` and `live`, answers out.
//!
//! Never asks the store or a calendar itself. Every refusal is a [`Problem`].

mod health;
pub mod listener;
pub mod metrics;
pub mod problem;
pub mod twilio;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tracing::warn;

use self::problem::Problem;
use crate::{
    app::{
        accounts::{self, Owner},
        health::Health,
    },
    domain::phone::E164,
    live::Lines,
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
    telephony::{self, PublicUrl},
};

/// What the doors need to know. Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    /// Handed on to `app`, which asks it.
    pub store: Store,
    /// The calls in the air.
    pub lines: Lines,
    /// Twilio's accounts and voices.
    pub twilio: std::sync::Arc<telephony::Settings>,
    /// Where Twilio reaches this server.
    pub public_url: PublicUrl,
    /// Whether calls can be answered.
    pub health: Health,
    /// The figures.
    pub figures: PrometheusHandle,
    /// What runs beside.
    pub tasks: Tasks,
    /// What time it is.
    pub clock: Clock,
    /// Longest time an ordinary request may take, in milliseconds. A media socket is none.
    pub request_ms_max: u64,
    /// Largest body of a request, in bytes.
    pub body_bytes_max: usize,
}

impl Doors {
    /// The auth token with which Twilio must have signed a webhook of these parameters: that of the account that
    /// owns the called number. `None` when the request names another account, or we know no token.
    async fn auth_token(&self, params: &[(String, String)]) -> Option<SecretString> {
        let param = |name| params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let named = param("AccountSid")?;
        let owner = match param("To").and_then(|to| to.parse::<E164>().ok()) {
            Some(to) => accounts::owner(&self.store, &to).await,
            None => Ok(Owner::Nobody),
        };
        let owns = match owner {
            Ok(Owner::Account(sid)) => sid == named,
            Ok(Owner::Operator) => self.twilio.account_sid == named,
            Ok(Owner::Nobody) => true,
            Err(error) => {
                // Nothing can be read or kept, so nobody's wall is at stake; the caller should hear an apology.
                warn!(error = &error as &dyn std::error::Error, "a number's account could not be looked up");
                true
            }
        };
        self.twilio.auth_token_of(named).filter(|_| owns).cloned()
    }
}

/// Every door there is.
pub fn router(doors: Doors) -> Router {
    let (clock, limit) = (doors.clock, Duration::from_millis(doors.request_ms_max));
    let body = DefaultBodyLimit::max(doors.body_bytes_max);
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(async |State(doors): State<Doors>| health::ready(&doors.health).await))
        .route("/metrics", get(async |State(doors): State<Doors>| metrics::show(&doors.figures)))
        .route(twilio::VOICE, post(twilio::voice))
        .route(twilio::MEDIA, get(twilio::media))
        .route(twilio::STATUS, post(twilio::status))
        .with_state(doors)
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(body)
        .layer(middleware::from_fn(move |request, next| in_time(clock, limit, request, next)))
}

/// The answer, or that it took too long.
async fn in_time(clock: Clock, limit: Duration, request: Request, next: Next) -> Response {
    match clock.within(limit, next.run(request)).await {
        Some(response) => response,
        None => Problem::TimedOut.into_response(),
    }
}
