//! `/api/availability`: which times are free, and why the others are not.

mod preview;
mod why;

use axum::{Json, extract::State};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::preview::{PreviewShown, PreviewWanted, preview};
use super::form::{Asked, Body, id};
use crate::{
    app::{
        Faults,
        availability::{self, Times, TimesWanted},
    },
    domain::time::{Timestamp, Zone},
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(times)).routes(routes!(why::why)).routes(routes!(try_out))
}

/// Tries out rules: which times they would offer, whether a time could be booked and why not, what a wall time means.
/// Stores nothing.
#[utoipa::path(post, path = "/api/availability/preview", tag = "availability", request_body = PreviewWanted,
    responses((status = OK, body = PreviewShown)))]
async fn try_out(By(by): By, Body(wanted): Body<PreviewWanted>) -> Result<Json<PreviewShown>, Problem> {
    Ok(Json(availability::aside(move || preview(&by, wanted)).await?))
}

/// A free time.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Slot)]
pub struct SlotShown {
    start: String,
    end: String,
    /// With whom, best first; all of them where they are booked together.
    resources: Vec<String>,
}

/// Which times are asked about.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimesAsked {
    /// The service's id.
    service: String,
    /// A resource's id; anybody when left out.
    resource: Option<String>,
    /// The first date, in the tenant's zone; today when left out.
    #[param(format = Date)]
    from: Option<String>,
    /// The last date; the first when left out. At most 62 dates.
    #[param(format = Date)]
    to: Option<String>,
    /// For how many; 1 when left out.
    #[param(minimum = 1)]
    seats: Option<u32>,
    /// Whether to tell why the other times are not offered.
    explain: Option<bool>,
}

/// Free times.
#[derive(Serialize, ToSchema)]
struct TimesShown {
    /// Those that are free, in order.
    slots: Vec<SlotShown>,
    /// The other starts of the grid, each with what is against it; only with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<RefusedShown>>,
}

/// A time that is not offered.
#[derive(Serialize, ToSchema)]
struct RefusedShown {
    start: String,
    /// As in a preview's verdict.
    reason: &'static str,
}

/// The free times of a service, in the tenant's zone; with `explain=true` also why the others are not offered.
#[utoipa::path(get, path = "/api/availability", tag = "availability", params(TimesAsked),
    responses((status = OK, body = TimesShown)))]
async fn times(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<TimesAsked>,
) -> Result<Json<TimesShown>, Problem> {
    let mut faults = Faults::new();
    let from = asked.from.map(|text| faults.take(date(&text), "?from"));
    let to = asked.to.map(|text| faults.take(date(&text), "?to"));
    faults.settle()?;
    let wanted = TimesWanted {
        service: id(&asked.service)?,
        resource: asked.resource.as_deref().map(id).transpose()?,
        from: from.flatten(),
        to: to.flatten(),
        seats: asked.seats.unwrap_or(1),
        explain: asked.explain.unwrap_or(false),
    };
    let Times { zone, slots, refused } =
        availability::times(&doors.store, &by, doors.clock.now(), &wanted).await?;
    let slots = slots.into_iter().map(|slot| SlotShown {
        start: told(slot.time.start, &zone),
        end: told(slot.time.end, &zone),
        resources: slot.resources.iter().map(ToString::to_string).collect(),
    });
    let refused = refused.map(|refused| {
        let refused = refused.into_iter();
        refused.map(|(at, why)| RefusedShown { start: told(at, &zone), reason: why.as_str() }).collect()
    });
    Ok(Json(TimesShown { slots: slots.collect(), refused }))
}

/// An instant with the zone's offset.
fn told(at: Timestamp, zone: &Zone) -> String {
    zone.wall(at).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

pub(super) fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let read = text.parse::<jiff::Timestamp>().map(Timestamp::from).ok();
    read.filter(|at| (Timestamp::MIN..=Timestamp::MAX).contains(at))
        .ok_or("is no time with an offset, such as 2027-01-13T09:00:00+01:00")
}

pub(super) fn date(text: &str) -> Result<civil::Date, &'static str> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    plain.then(|| text.parse().ok()).flatten().ok_or("is no date, such as 2027-01-13")
}
