//! `/api/call-fields`: what a tenant wants to know of each call.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Body, Seen, Tagged};
use crate::{
    app::summaries,
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// What is wanted of each call.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"schema": {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"]}}))]
struct CallFields {
    /// A JSON Schema of an object: what a model finds of it in what was said stands in the call's `summary.fields`. Null when
    /// nothing is wanted.
    #[schema(required, value_type = Option<Object>)]
    schema: Option<Value>,
}

/// What is wanted of each call.
#[utoipa::path(get, path = "/api/call-fields", tag = "calls", responses((status = OK, body = CallFields)))]
async fn show(State(doors): State<Doors>, By(by): By) -> Result<Tagged<CallFields>, Problem> {
    let kept = summaries::fields(&doors.store, &by).await?;
    Ok(Tagged::shown(CallFields { schema: kept.item }, kept.revision))
}

/// Says what is wanted of each call that ends from here on.
#[utoipa::path(put, path = "/api/call-fields", tag = "calls", request_body = CallFields,
    responses((status = OK, body = CallFields)))]
async fn put(
    State(doors): State<Doors>,
    By(by): By,
    Seen(seen): Seen,
    Body(wanted): Body<CallFields>,
) -> Result<Tagged<CallFields>, Problem> {
    let kept = summaries::set_fields(&doors.store, &by, doors.clock.now(), seen, wanted.schema).await?;
    Ok(Tagged::shown(CallFields { schema: kept.item }, kept.revision))
}
