//! `/api/resources`: who or what services are booked with.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id},
    schedules::Hours,
};
use crate::{
    app::{self, resources},
    domain::{
        booking::{Resource, Schedule},
        id::ResourceId,
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

/// Who or what services are booked with: a person, a room, a chair.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Dr. Winter",
    "schedule": {"week": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "thu": [["09:00", "12:00"]]}}
}))]
struct ResourceNew {
    /// What it is called.
    name: String,
    /// Whether it can be booked. What was booked before stays.
    #[serde(default = "yes")]
    active: bool,
    /// When it is open; never, when left out. Changed later at `/api/schedules`.
    schedule: Option<Hours>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceWanted {
    name: String,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// A resource. Its opening hours are at `/api/schedules`.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceShown {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// Whether it can be booked.
    active: bool,
}

fn show_one(resource: &Resource) -> ResourceShown {
    ResourceShown { id: resource.id.to_string(), name: resource.name.clone(), active: resource.active }
}

fn tagged(resource: &Revised<Resource>) -> Tagged<ResourceShown> {
    Tagged::shown(show_one(&resource.item), resource.revision)
}

/// The resources, in the order of their making.
#[utoipa::path(get, path = "/api/resources", tag = "resources", params(PageAsked),
    responses((status = OK, body = Listed<ResourceShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ResourceShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = resources::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |resource| show_one(&resource)))
}

/// Makes a resource.
#[utoipa::path(post, path = "/api/resources", tag = "resources", request_body = ResourceNew,
    responses((status = CREATED, body = ResourceShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ResourceNew>,
) -> Result<Tagged<ResourceShown>, Problem> {
    let now = doors.clock.now();
    let schedule = match wanted.schedule {
        Some(hours) => hours.schedule("/schedule")?,
        None => Schedule::default(),
    };
    let resource =
        Resource { id: ResourceId::of(ids::fresh(now)), name: wanted.name, schedule, active: wanted.active };
    let made = resources::create(&doors.store, &by, now, resource).await?;
    let location = format!("/api/resources/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One resource.
#[utoipa::path(get, path = "/api/resources/{resource}", tag = "resources",
    params(("resource", description = "Its id.")), responses((status = OK, body = ResourceShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
) -> Result<Tagged<ResourceShown>, Problem> {
    Ok(tagged(&resources::get(&doors.store, &by, &id(&resource)?).await?))
}

/// Changes a resource: a JSON merge patch.
#[utoipa::path(patch, path = "/api/resources/{resource}", tag = "resources",
    params(("resource", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = ResourceShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ResourceShown>, Problem> {
    let resource = id(&resource)?;
    let edited = resources::edit(&doors.store, &by, doors.clock.now(), &resource, seen, |kept| {
        let form = ResourceWanted { name: kept.name.clone(), active: kept.active };
        let wanted = patch.over(&form)?;
        Ok::<_, app::Error>(Resource { name: wanted.name, active: wanted.active, ..kept.clone() })
    });
    Ok(tagged(&edited.await?))
}

/// Takes a resource away that nothing refers to.
#[utoipa::path(delete, path = "/api/resources/{resource}", tag = "resources",
    params(("resource", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    resources::remove(&doors.store, &by, doors.clock.now(), &id(&resource)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
