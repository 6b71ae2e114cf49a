//! `/api/invitations`: places offered by mail.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::wire::taken;
use crate::{
    app::{Faults, people::invitations},
    domain::{email::Email, people::Role, time::Timestamp},
    http::{
        Doors,
        api::form::{Asked, Body, Listed, PageAsked, id},
        auth::By,
        problem::Problem,
    },
    store::Invitation,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, revoke))
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ben@example.com", "role": "member" }))]
struct InvitationWanted {
    /// The address.
    #[schema(format = Email)]
    email: String,
    /// As what: `owner`, `admin`, `member`, `viewer`.
    role: String,
    /// The language of the mail: `de`, `en`; the asker's, when left out.
    language: Option<String>,
}

/// A place that is offered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
struct InvitationShown {
    /// Its id.
    id: String,
    /// To whom.
    email: String,
    /// As what.
    role: &'static str,
    /// What has become of it: `open`, `accepted`, `revoked`, `expired`.
    status: &'static str,
    /// Since when.
    created_at: String,
    /// Until when.
    expires_at: String,
}

fn show_one(invitation: &Invitation, now: Timestamp) -> InvitationShown {
    let status = match invitation {
        Invitation { accepted_at: Some(_), .. } => "accepted",
        Invitation { revoked_at: Some(_), .. } => "revoked",
        open if open.is_open(now) => "open",
        _ => "expired",
    };
    InvitationShown {
        id: invitation.id.to_string(),
        email: invitation.email.to_string(),
        role: invitation.role.as_str(),
        status,
        created_at: invitation.created_at.to_string(),
        expires_at: invitation.expires_at.to_string(),
    }
}

/// Every invitation there was, in the order of their making.
#[utoipa::path(get, path = "/api/invitations", tag = "members", params(PageAsked),
    responses((status = OK, body = Listed<InvitationShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<InvitationShown>>, Problem> {
    let (count, after) = asked.page()?;
    let now = doors.clock.now();
    let page = invitations::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |invitation| show_one(&invitation, now)))
}

/// Invites somebody by mail. Members and open invitations together are limited.
#[utoipa::path(post, path = "/api/invitations", tag = "members", request_body = InvitationWanted,
    responses((status = CREATED, body = InvitationShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<InvitationWanted>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<InvitationShown>), Problem> {
    let mut faults = Faults::new();
    let email: Option<Email> = faults.take(wanted.email.trim().parse(), "/email");
    let role: Option<Role> = faults.take(wanted.role.parse(), "/role");
    let language = wanted.language.map(|language| taken(&language, "/language")).transpose()?;
    let (Some(email), Some(role)) = (email, role) else { return Err(faults.into()) };
    let now = doors.clock.now();
    let invitation = doors.people.invite(&by, &email, role, language, now).await?;
    let location = format!("/api/invitations/{}", invitation.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(show_one(&invitation, now))))
}

/// One invitation.
#[utoipa::path(get, path = "/api/invitations/{invitation}", tag = "members",
    params(("invitation", description = "Its id.")), responses((status = OK, body = InvitationShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(invitation): Path<String>,
) -> Result<Json<InvitationShown>, Problem> {
    let invitation = invitations::get(&doors.store, &by, &id(&invitation)?).await?;
    Ok(Json(show_one(&invitation, doors.clock.now())))
}

/// Takes an invitation back that nobody has accepted.
#[utoipa::path(delete, path = "/api/invitations/{invitation}", tag = "members",
    params(("invitation", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn revoke(
    State(doors): State<Doors>,
    By(by): By,
    Path(invitation): Path<String>,
) -> Result<StatusCode, Problem> {
    invitations::revoke(&doors.store, &by, doors.clock.now(), &id(&invitation)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
