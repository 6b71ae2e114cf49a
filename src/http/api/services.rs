//! `/api/services`: what can be booked.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id};
use crate::{
    app::{self, Faults, services},
    domain::{
        availability::EventStatus,
        booking::{Selection, Service},
        id::ServiceId,
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, remove))
}

/// What can be booked: how long it takes and the rules it is offered under. Durations are whole minutes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "first-visit", "names": {"de": "Erstbesuch", "en": "first visit"}, "duration": 45, "interval": 15,
    "buffer_after": 10, "minimum_notice": 120, "horizon_days": 60
}))]
struct ServiceWanted {
    /// A short name of your own that never changes.
    key: String,
    /// What it is called, per language: `de`, `en`.
    names: BTreeMap<String, String>,
    /// How long it takes.
    #[schema(minimum = 5, maximum = 1440)]
    duration: u32,
    /// Distance between two offered starts; the duration when left out.
    interval: Option<u32>,
    /// Shift of the grid from the start of the opening hours.
    #[serde(default)]
    grid_offset: u32,
    /// Time kept free before it.
    #[serde(default)]
    buffer_before: u32,
    /// Time kept free after it.
    #[serde(default)]
    buffer_after: u32,
    /// Elapsed time a booking must lie ahead.
    #[serde(default)]
    minimum_notice: u32,
    /// How many days ahead may be booked.
    #[serde(default = "horizon_usual")]
    horizon_days: u32,
    /// Appointments of this service per day.
    max_per_day: Option<u32>,
    /// Appointments of this service per ISO week.
    max_per_week: Option<u32>,
    /// Appointments of this service per calendar month.
    max_per_month: Option<u32>,
    /// Minutes that appointments of this service may take per day, buffers not included.
    max_minutes_per_day: Option<u32>,
    /// Seats of one session. With more than one it is a group: appointments with the same start and resource are
    /// one session, and nothing else crosses it.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    capacity: u32,
    /// Who is taken when nobody is asked for by name: `any` (the first that is free, in the order of `resources`),
    /// `round_robin` (who has least to do that day), or `all` of them together.
    #[serde(default = "any")]
    #[schema(default = "any")]
    selection: String,
    /// What another calendar's event must say of its time to block: `busy`, `tentative`, `out_of_office`,
    /// `working_elsewhere`, `free`, `declined`, `cancelled`. The first three when left out.
    #[serde(default = "blocking_usual")]
    blocking: Vec<String>,
    /// The calendars whose events count; all when left out.
    conflict_calendars: Option<BTreeSet<String>>,
    /// Time before the start after which a caller may no longer move or cancel.
    #[serde(default)]
    cancel_cutoff: u32,
    /// Whether contacts whose address is known are invited by mail, by the calendar it is written to.
    #[serde(default)]
    invites: bool,
    /// Whether its appointments are told, moved and cancelled on the telephone only to who has typed their PIN.
    #[serde(default)]
    sensitive: bool,
    /// What it costs, in your words.
    price: Option<String>,
    /// Ids of the resources it can be booked with.
    #[serde(default)]
    resources: Vec<String>,
    /// Whether it is offered. What was booked before stays.
    #[serde(default = "yes")]
    active: bool,
}

fn horizon_usual() -> u32 {
    60
}

fn one() -> u32 {
    1
}

fn any() -> String {
    Selection::Any.as_str().to_owned()
}

fn blocking_usual() -> Vec<String> {
    EventStatus::BLOCKING.map(|status| status.as_str().to_owned()).into()
}

fn yes() -> bool {
    true
}

/// A service.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    service: ServiceWanted,
}

impl ServiceWanted {
    fn of(service: &Service) -> Self {
        Self {
            key: service.key.clone(),
            names: service.names.clone(),
            duration: service.duration_min,
            interval: Some(service.interval_min),
            grid_offset: service.grid_offset_min,
            buffer_before: service.buffer_before_min,
            buffer_after: service.buffer_after_min,
            minimum_notice: service.notice_min,
            horizon_days: service.horizon_days,
            max_per_day: service.per_day_max,
            max_per_week: service.per_week_max,
            max_per_month: service.per_month_max,
            max_minutes_per_day: service.minutes_per_day_max,
            capacity: service.capacity,
            selection: service.selection.as_str().to_owned(),
            blocking: service.blocking.iter().map(|status| status.as_str().to_owned()).collect(),
            conflict_calendars: service.conflict_calendars.clone(),
            cancel_cutoff: service.cancel_cutoff_min,
            invites: service.invites,
            sensitive: service.sensitive,
            price: service.price.clone(),
            resources: service.resources.iter().map(ToString::to_string).collect(),
            active: service.active,
        }
    }

    fn service(self, id: ServiceId) -> Result<Service, app::Error> {
        let mut faults = Faults::new();
        let resources = self.resources.iter().enumerate();
        let resources =
            resources.filter_map(|(at, id)| faults.take(id.parse(), format!("/resources/{at}"))).collect();
        let selection = faults.take(self.selection.parse(), "/selection").unwrap_or_default();
        let blocking = self.blocking.iter().enumerate();
        let blocking =
            blocking.filter_map(|(at, word)| faults.take(word.parse(), format!("/blocking/{at}"))).collect();
        faults.settle()?;
        Ok(Service {
            id,
            key: self.key,
            names: self.names,
            duration_min: self.duration,
            interval_min: self.interval.unwrap_or(self.duration),
            grid_offset_min: self.grid_offset,
            buffer_before_min: self.buffer_before,
            buffer_after_min: self.buffer_after,
            notice_min: self.minimum_notice,
            horizon_days: self.horizon_days,
            per_day_max: self.max_per_day,
            per_week_max: self.max_per_week,
            per_month_max: self.max_per_month,
            minutes_per_day_max: self.max_minutes_per_day,
            capacity: self.capacity,
            selection,
            blocking,
            conflict_calendars: self.conflict_calendars,
            cancel_cutoff_min: self.cancel_cutoff,
            invites: self.invites,
            sensitive: self.sensitive,
            price: self.price,
            resources,
            active: self.active,
        })
    }
}

fn show_one(service: &Service) -> ServiceShown {
    ServiceShown { id: service.id.to_string(), service: ServiceWanted::of(service) }
}

fn tagged(service: &Revised<Service>) -> Tagged<ServiceShown> {
    Tagged::shown(show_one(&service.item), service.revision)
}

/// The services, in the order of their making.
#[utoipa::path(get, path = "/api/services", tag = "services", params(PageAsked),
    responses((status = OK, body = Listed<ServiceShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ServiceShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = services::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |service| show_one(&service)))
}

/// Makes a service.
#[utoipa::path(post, path = "/api/services", tag = "services", request_body = ServiceWanted,
    responses((status = CREATED, body = ServiceShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ServiceWanted>,
) -> Result<Tagged<ServiceShown>, Problem> {
    let now = doors.clock.now();
    let made =
        services::create(&doors.store, &by, now, wanted.service(ServiceId::of(ids::fresh(now)))?).await?;
    let location = format!("/api/services/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One service.
#[utoipa::path(get, path = "/api/services/{service}", tag = "services", params(("service", description = "Its id.")),
    responses((status = OK, body = ServiceShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
) -> Result<Tagged<ServiceShown>, Problem> {
    Ok(tagged(&services::get(&doors.store, &by, &id(&service)?).await?))
}

/// Changes a service: a JSON merge patch.
#[utoipa::path(patch, path = "/api/services/{service}", tag = "services", params(("service", description = "Its id.")),
    request_body = MergePatch, responses((status = OK, body = ServiceShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ServiceShown>, Problem> {
    let service = id(&service)?;
    let edited = services::edit(&doors.store, &by, doors.clock.now(), &service, seen, |kept| {
        patch.over(&ServiceWanted::of(kept))?.service(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes a service away that nothing refers to.
#[utoipa::path(delete, path = "/api/services/{service}", tag = "services",
    params(("service", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    services::remove(&doors.store, &by, doors.clock.now(), &id(&service)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
