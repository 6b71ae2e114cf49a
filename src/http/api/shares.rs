//! `/api/calls/{call}/shares`: links by which others may hear a call; and removing its recording.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, id, instant};
use crate::{
    app::{recordings, shares},
    http::{Doors, auth::By, console, problem::Problem},
    store::{Page, Share},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list_shares, share)).routes(routes!(revoke_share))
}

/// A link by which somebody outside may hear a call and read what was said in it.
#[derive(Serialize, ToSchema)]
struct ShareShown {
    /// Its id.
    id: String,
    /// Who made it, as in the audit log.
    made_by: String,
    #[schema(format = DateTime)]
    made_at: String,
    /// Until when it opens.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was taken back.
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    /// How often it was opened.
    openings: u64,
    /// When it was opened last.
    #[schema(required, format = DateTime)]
    opened_at: Option<String>,
}

/// A link that was just made.
#[derive(Serialize, ToSchema)]
struct ShareMade {
    #[serde(flatten)]
    share: ShareShown,
    /// The link itself. It is shown this once.
    url: String,
}

/// For how long a link is to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"hours": 24}))]
struct ShareWanted {
    /// From 1 to 336: fourteen days.
    hours: u32,
}

fn show(share: &Share) -> ShareShown {
    ShareShown {
        id: share.id.to_string(),
        made_by: share.by.clone(),
        made_at: instant(share.made),
        expires_at: instant(share.expires),
        revoked_at: share.revoked.map(instant),
        openings: share.openings,
        opened_at: share.opened.map(instant),
    }
}

/// The links to a call, the latest first.
#[utoipa::path(get, path = "/api/calls/{call}/shares", tag = "calls", params(("call", description = "Its id.")),
    responses((status = OK, body = Listed<ShareShown>)))]
async fn list_shares(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<Json<Listed<ShareShown>>, Problem> {
    let items = shares::list(&doors.store, &by, &id(&call)?).await?;
    Ok(Listed::of(Page { items, next: None }, |one| show(&one)))
}

/// Makes a link by which somebody outside may hear a call and read what was said in it, for so many hours.
#[utoipa::path(post, path = "/api/calls/{call}/shares", tag = "calls", params(("call", description = "Its id.")),
    request_body = ShareWanted, responses((status = CREATED, body = ShareMade)))]
async fn share(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    Body(wanted): Body<ShareWanted>,
) -> Result<(StatusCode, Json<ShareMade>), Problem> {
    let made = shares::create(&doors.store, &by, doors.clock.now(), &id(&call)?, wanted.hours).await?;
    let url = doors.public_url.webhook(&console::shared(made.secret.expose_secret()));
    Ok((StatusCode::CREATED, Json(ShareMade { share: show(&made.share), url })))
}

/// Takes a link back: it opens no more.
#[utoipa::path(delete, path = "/api/calls/{call}/shares/{share}", tag = "calls",
    params(("call", description = "The call's id."), ("share", description = "Its id.")),
    responses((status = NO_CONTENT, description = "It opens no more.")))]
async fn revoke_share(
    State(doors): State<Doors>,
    By(by): By,
    Path((call, share)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    shares::revoke(&doors.store, &by, doors.clock.now(), &id(&call)?, &id(&share)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether more goes than the recording.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RemovalAsked {
    /// Whether what was said goes, too.
    #[serde(default)]
    #[param(default = false)]
    transcript: bool,
}

/// Removes a call's recording for good, and with `transcript` what was said. The call and its appointments stay.
#[utoipa::path(delete, path = "/api/calls/{call}/recording", tag = "calls",
    params(("call", description = "Its id."), RemovalAsked),
    responses((status = NO_CONTENT, description = "It is gone.")))]
pub(super) async fn remove_recording(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    Asked(asked): Asked<RemovalAsked>,
) -> Result<StatusCode, Problem> {
    let now = doors.clock.now();
    recordings::remove(&doors.store, &doors.blobs, &by, now, &id(&call)?, asked.transcript).await?;
    Ok(StatusCode::NO_CONTENT)
}
