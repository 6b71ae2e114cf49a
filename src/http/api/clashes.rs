//! `/api/clashes`: two things that want the same time.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Listed, id, instant, page};
use crate::{
    app::clashes,
    domain::calendar::Clash,
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(settle))
}

/// Two things that want the same time.
#[derive(Serialize, ToSchema)]
struct ClashShown {
    /// Its id.
    id: String,
    /// What has happened: `event_over_appointment` (somebody put an event over an appointment), `moved_onto_another`
    /// (somebody moved an appointment, in its calendar, into another's place), `event_was_first` (an event was there
    /// before the appointment, which was given back or moved back), `moved_twice` (moved in its calendar and here at
    /// once; it stands where it was moved to here).
    what: &'static str,
    /// The appointment's id.
    appointment: String,
    /// The calendar in which it was found.
    #[schema(required)]
    calendar: Option<String>,
    /// When it was found.
    #[schema(format = DateTime)]
    found_at: String,
    /// When it was over; null while it is not.
    #[schema(required, format = DateTime)]
    settled_at: Option<String>,
}

/// Which clashes, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClashesAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that are not over, or only those that are.
    open: Option<bool>,
}

fn show_one(clash: &Clash) -> ClashShown {
    ClashShown {
        id: clash.id.to_string(),
        what: clash.what.as_str(),
        appointment: clash.appointment.to_string(),
        calendar: clash.calendar.as_ref().map(ToString::to_string),
        found_at: instant(clash.found),
        settled_at: clash.settled.map(instant),
    }
}

/// The clashes, latest first.
#[utoipa::path(get, path = "/api/clashes", tag = "appointments", params(ClashesAsked),
    responses((status = OK, body = Listed<ClashShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<ClashesAsked>,
) -> Result<Json<Listed<ClashShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let page = clashes::list(&doors.store, &by, asked.open, after.as_ref(), count).await?;
    Ok(Listed::of(page, |clash| show_one(&clash)))
}

/// Notes that somebody has looked after a clash.
#[utoipa::path(post, path = "/api/clashes/{clash}/settle", tag = "appointments",
    params(("clash", description = "Its id.")), responses((status = OK, body = ClashShown)))]
async fn settle(
    State(doors): State<Doors>,
    By(by): By,
    Path(clash): Path<String>,
) -> Result<Json<ClashShown>, Problem> {
    let settled = clashes::settle(&doors.store, &by, doors.clock.now(), &id(&clash)?).await?;
    Ok(Json(show_one(&settled)))
}
