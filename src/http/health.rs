//! `GET /health/live` and `GET /health/ready`: is the process there, and can it answer calls?

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::app::health::Health;

/// The process is there. Looks at nothing else: restarting does not mend a database.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// Whether new calls should be sent here: 200 when all is well, 503 with what is not.
pub(super) async fn ready(health: &Health) -> Response {
    let checks = health.checks().await;
    let well = checks.iter().all(|check| check.problem.is_none());
    let shown: Map<String, Value> =
        checks.iter().map(|check| (check.name.to_owned(), json!(check.problem.unwrap_or("well")))).collect();
    let (status, word) =
        if well { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    (status, Json(json!({ "status": word, "checks": shown }))).into_response()
}
