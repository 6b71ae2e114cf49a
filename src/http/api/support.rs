//! `/api/support-access`: until when the tenant lets those who run this server in, to help.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Body, instant};
use crate::{
    app::support,
    http::{Doors, auth::By, problem::Problem},
    store::Support,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(show, grant, end))
}

/// Whether those who run this server are let in.
#[derive(Serialize, ToSchema)]
#[schema(as = SupportAccess)]
struct SupportShown {
    /// Until when; null when they are not.
    #[schema(required)]
    until: Option<String>,
    /// Who granted it: a member's id.
    #[schema(required)]
    granted_by: Option<String>,
    /// When.
    #[schema(required)]
    granted_at: Option<String>,
}

impl SupportShown {
    fn of(support: Option<Support>) -> Self {
        Self {
            until: support.as_ref().map(|support| instant(support.until)),
            granted_by: support.as_ref().map(|support| support.granted_by.to_string()),
            granted_at: support.as_ref().map(|support| instant(support.granted)),
        }
    }
}

/// For how long somebody is let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "minutes": 240 }))]
struct SupportWanted {
    /// Minutes from now on, from 15 to 10080 (a week).
    minutes: i64,
}

/// Whether those who run this server are let in, and until when.
#[utoipa::path(get, path = "/api/support-access", tag = "members", responses((status = OK, body = SupportShown)))]
async fn show(State(doors): State<Doors>, By(by): By) -> Result<Json<SupportShown>, Problem> {
    Ok(Json(SupportShown::of(support::get(&doors.store, &by, doors.clock.now()).await?)))
}

/// Lets those who run this server in for a time, in place of what was granted before. For people, not for programs. What they
/// change stands in the audit log as `operator:…`; members, API keys, webhooks and the tenant itself they cannot change.
#[utoipa::path(put, path = "/api/support-access", tag = "members", request_body = SupportWanted,
    responses((status = OK, body = SupportShown)))]
async fn grant(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<SupportWanted>,
) -> Result<Json<SupportShown>, Problem> {
    let granted = support::grant(&doors.store, &by, doors.clock.now(), wanted.minutes).await?;
    Ok(Json(SupportShown::of(Some(granted))))
}

/// Ends it at once.
#[utoipa::path(delete, path = "/api/support-access", tag = "members", responses((status = NO_CONTENT)))]
async fn end(State(doors): State<Doors>, By(by): By) -> Result<StatusCode, Problem> {
    support::end(&doors.store, &by, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
