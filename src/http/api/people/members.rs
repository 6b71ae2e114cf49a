//! `/api/members`: who works here.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::wire::taken;
use crate::{
    app::people::members,
    domain::{people::Role, revision::Revised},
    http::{
        Doors,
        api::form::{Asked, Listed, PageAsked, Patch, Seen, Tagged, id},
        auth::By,
        doc::MergePatch,
        problem::Problem,
    },
    store::Member,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, edit, remove))
}

/// A person who works here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
struct MemberShown {
    /// Her id.
    id: String,
    /// Where mail reaches her.
    email: String,
    /// What those she works with call her; empty when she has not said.
    name: String,
    /// What she is here: `owner`, `admin`, `member`, `viewer`.
    role: &'static str,
    /// Since when.
    created_at: String,
}

/// What can be changed about a member.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberWanted {
    role: String,
}

fn show_one(member: &Revised<Member>) -> MemberShown {
    let Member { user, email, name, role, created_at } = &member.item;
    MemberShown {
        id: user.to_string(),
        email: email.to_string(),
        name: name.clone(),
        role: role.as_str(),
        created_at: created_at.to_string(),
    }
}

/// Who works here.
#[utoipa::path(get, path = "/api/members", tag = "members", params(PageAsked),
    responses((status = OK, body = Listed<MemberShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<MemberShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = members::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |member| show_one(&member)))
}

/// One who works here.
#[utoipa::path(get, path = "/api/members/{member}", tag = "members", params(("member", description = "The person's id.")),
    responses((status = OK, body = MemberShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(member): Path<String>,
) -> Result<Tagged<MemberShown>, Problem> {
    let member = members::get(&doors.store, &by, &id(&member)?).await?;
    Ok(Tagged::shown(show_one(&member), member.revision))
}

/// Gives a member another role: a JSON merge patch. Her access tokens end at once; refreshed, they carry the new role.
#[utoipa::path(patch, path = "/api/members/{member}", tag = "members",
    params(("member", description = "The person's id.")), request_body = MergePatch,
    responses((status = OK, body = MemberShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(member): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<MemberShown>, Problem> {
    let user = id(&member)?;
    let kept = members::get(&doors.store, &by, &user).await?;
    let wanted = patch.over(&MemberWanted { role: kept.item.role.as_str().to_owned() })?;
    let role: Role = taken(&wanted.role, "/role")?;
    let member = members::edit(&doors.store, &by, doors.clock.now(), &user, seen, role).await?;
    Ok(Tagged::shown(show_one(&member), member.revision))
}

/// Lets a member go; everybody may go of themselves. Her sessions here end at once.
#[utoipa::path(delete, path = "/api/members/{member}", tag = "members",
    params(("member", description = "The person's id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(member): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    members::remove(&doors.store, &by, doors.clock.now(), &id(&member)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
