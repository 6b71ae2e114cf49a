//! The doors: requests in, questions to `app` and `live`, answers out.
//!
//! Never touches the store or a calendar. Every refusal is a [`Problem`].

mod health;
pub mod listener;
pub mod metrics;
pub mod problem;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;

use self::problem::Problem;
use crate::{app::health::Health, platform::clock::Clock};

/// What the doors need to know.
#[derive(Clone)]
pub struct Doors {
    /// Whether calls can be answered.
    pub health: Health,
    /// The figures.
    pub figures: PrometheusHandle,
    /// For limits on waiting.
    pub clock: Clock,
    /// Longest time an ordinary request may take, in milliseconds. A media socket is none.
    pub request_ms_max: u64,
    /// Largest body of a request, in bytes.
    pub body_bytes_max: usize,
}

/// Every door there is.
pub fn router(doors: Doors) -> Router {
    let (clock, limit) = (doors.clock, Duration::from_millis(doors.request_ms_max));
    let body = DefaultBodyLimit::max(doors.body_bytes_max);
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(async |State(doors): State<Doors>| health::ready(&doors.health).await))
        .route("/metrics", get(async |State(doors): State<Doors>| metrics::show(&doors.figures)))
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
