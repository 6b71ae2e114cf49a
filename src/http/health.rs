//! `GET /health/live` and `GET /health/ready`: is the process there, and can it answer calls?

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Doors;

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready))
}

/// The process is there. Looks at nothing else: restarting does not mend a database.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = OK, description = "It lives.")))]
async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// Whether new calls should be sent here: 200 when all is well, 503 with what is not.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses(
    (status = OK, description = "Calls can be answered."),
    (status = SERVICE_UNAVAILABLE, description = "They cannot; `checks` says why.")))]
async fn ready(State(doors): State<Doors>) -> Response {
    let checks = doors.health.checks().await;
    let well = checks.iter().all(|check| check.problem.is_none());
    let shown: Map<String, Value> =
        checks.iter().map(|check| (check.name.to_owned(), json!(check.problem.unwrap_or("well")))).collect();
    let (status, word) =
        if well { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    (status, Json(json!({ "status": word, "checks": shown }))).into_response()
}
