//! `/api/transfer-targets`: whom callers may be passed on to.

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
    app::{self, Faults, transfer_targets},
    domain::{id::TransferTargetId, revision::Revised, transfer::TransferTarget},
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

/// Somebody a caller may be passed on to. Which assistants may do so is said with each assistant.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Dr. Winter", "number": "+493055501230", "description": "Medical questions that cannot wait.",
    "hours": {"week": {"mon": [["09:00", "12:00"]], "thu": [["09:00", "12:00"], ["14:00", "18:00"]]}}
}))]
struct TargetWanted {
    /// What the caller and the assistant call it.
    name: String,
    /// Where it rings, such as `+493055501230`. None of the numbers that are answered here.
    number: String,
    /// What it is for, in words for the model.
    #[serde(default)]
    description: String,
    /// When it can be rung, in the tenant's zone; always, when left out.
    hours: Option<Hours>,
    /// Whether it hears first who calls and why, and takes the call by pressing 1.
    #[serde(default = "yes")]
    announced: bool,
    /// Whether it is rung at all.
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

impl TargetWanted {
    fn of(target: &TransferTarget) -> Self {
        Self {
            name: target.name.clone(),
            number: target.number.to_string(),
            description: target.description.clone(),
            hours: target.hours.as_ref().map(Hours::of),
            announced: target.announced,
            active: target.active,
        }
    }

    fn target(self, id: TransferTargetId) -> Result<TransferTarget, app::Error> {
        let mut faults = Faults::new();
        let number = faults.take(self.number.parse(), "/number");
        let Some(number) = number else { return Err(faults.refusal()) };
        let hours = self.hours.map(|hours| hours.schedule("/hours")).transpose()?;
        Ok(TransferTarget {
            id,
            name: self.name,
            number,
            description: self.description,
            hours,
            announced: self.announced,
            active: self.active,
        })
    }
}

/// Somebody a caller may be passed on to.
#[derive(Debug, Serialize, ToSchema)]
struct TargetShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    target: TargetWanted,
}

fn show_one(target: &TransferTarget) -> TargetShown {
    TargetShown { id: target.id.to_string(), target: TargetWanted::of(target) }
}

fn tagged(target: &Revised<TransferTarget>) -> Tagged<TargetShown> {
    Tagged::shown(show_one(&target.item), target.revision)
}

/// The transfer targets, in the order of their making.
#[utoipa::path(get, path = "/api/transfer-targets", tag = "transfer-targets", params(PageAsked),
    responses((status = OK, body = Listed<TargetShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<TargetShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = transfer_targets::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |target| show_one(&target)))
}

/// Makes a transfer target.
#[utoipa::path(post, path = "/api/transfer-targets", tag = "transfer-targets", request_body = TargetWanted,
    responses((status = CREATED, body = TargetShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<TargetWanted>,
) -> Result<Tagged<TargetShown>, Problem> {
    let now = doors.clock.now();
    let target = wanted.target(TransferTargetId::of(ids::fresh(now)))?;
    let made = transfer_targets::create(&doors.store, &by, now, target).await?;
    let location = format!("/api/transfer-targets/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One transfer target.
#[utoipa::path(get, path = "/api/transfer-targets/{target}", tag = "transfer-targets",
    params(("target", description = "Its id.")), responses((status = OK, body = TargetShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(target): Path<String>,
) -> Result<Tagged<TargetShown>, Problem> {
    Ok(tagged(&transfer_targets::get(&doors.store, &by, &id(&target)?).await?))
}

/// Changes a transfer target: a JSON merge patch.
#[utoipa::path(patch, path = "/api/transfer-targets/{target}", tag = "transfer-targets",
    params(("target", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = TargetShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(target): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<TargetShown>, Problem> {
    let target = id(&target)?;
    let edited = transfer_targets::edit(&doors.store, &by, doors.clock.now(), &target, seen, |kept| {
        patch.over(&TargetWanted::of(kept))?.target(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes a transfer target away that no assistant may use.
#[utoipa::path(delete, path = "/api/transfer-targets/{target}", tag = "transfer-targets",
    params(("target", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(target): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    transfer_targets::remove(&doors.store, &by, doors.clock.now(), &id(&target)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
