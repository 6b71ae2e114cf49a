//! `/api/waiting-list`: who wants an earlier time, and which services' freed times are offered.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Asked, Body, Listed, id, instant, page},
    outgoing::{clock, minutes},
};
use crate::{
    app::{
        self, Faults,
        waiting_list::{self, DAY_MINUTES, LATEST_MINUTES_USUAL, Wanted},
    },
    domain::waiting::{Waiting, WaitingState},
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, join))
        .routes(routes!(show, remove))
        .routes(routes!(show_offers, set_offers))
}

/// Somebody who wants an earlier time: a `contact`, or a `number` and a `name`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "number": "+4915112345678", "name": "Frau Beispiel", "service": "svc_0190", "from": "08:00", "until": "12:00"
}))]
struct WaitingWanted {
    /// Who waits, by the contact's id.
    contact: Option<String>,
    /// Their telephone number, when they are no contact.
    number: Option<String>,
    /// Their name, when they are no contact.
    name: Option<String>,
    /// For what, by the service's id.
    service: String,
    /// With whom, by the resources' ids; anybody when left out.
    #[serde(default)]
    resources: Vec<String>,
    /// The first day that would do, such as `2026-03-02`; from today on when left out.
    #[schema(format = Date)]
    first_day: Option<String>,
    /// The last day that would do; sixty days later when left out.
    #[schema(format = Date)]
    last_day: Option<String>,
    /// From which time of the day on, as `HH:MM`.
    from: Option<String>,
    /// Before which time of the day it must begin, as `HH:MM`.
    until: Option<String>,
    /// What they have and would move, by the appointment's id: it is moved when they take a freed time.
    appointment: Option<String>,
    /// The language in which they are called: `de` or `en`.
    language: Option<String>,
}

impl WaitingWanted {
    fn wanted(self) -> Result<Wanted, app::Error> {
        let mut faults = Faults::new();
        let contact = self.contact.and_then(|text| faults.take(text.parse(), "/contact"));
        let service = faults.take(self.service.parse(), "/service");
        let mut resources = Vec::new();
        for (at, text) in self.resources.iter().enumerate() {
            resources.extend(faults.take(text.parse(), format!("/resources/{at}")));
        }
        let first_day = self.first_day.and_then(|text| faults.take(date(&text), "/first_day"));
        let last_day = self.last_day.and_then(|text| faults.take(date(&text), "/last_day"));
        let from = self.from.and_then(|text| faults.take(minutes(&text), "/from"));
        let until = self.until.and_then(|text| faults.take(minutes(&text), "/until"));
        let appointment = self.appointment.and_then(|text| faults.take(text.parse(), "/appointment"));
        let language = self.language.and_then(|text| faults.take(text.parse(), "/language"));
        match (faults.is_empty(), service) {
            (true, Some(service)) => Ok(Wanted {
                contact,
                number: self.number,
                name: self.name,
                service,
                resources,
                first_day,
                last_day,
                from_min: from.unwrap_or(0),
                until_min: until.unwrap_or(DAY_MINUTES),
                appointment,
                language,
            }),
            _ => Err(faults.refusal()),
        }
    }
}

fn date(text: &str) -> Result<civil::Date, &'static str> {
    text.parse().map_err(|_| "must be a date such as `2026-03-02`")
}

/// Somebody's place on the waiting list.
#[derive(Serialize, ToSchema)]
struct WaitingShown {
    /// Its id.
    id: String,
    /// Who waits, by the contact's id.
    contact: String,
    /// The service's id.
    service: String,
    /// With whom; anybody when there is none.
    resources: Vec<String>,
    #[schema(format = Date)]
    first_day: String,
    #[schema(format = Date)]
    last_day: String,
    from: String,
    until: String,
    #[schema(required)]
    appointment: Option<String>,
    #[schema(required)]
    language: Option<&'static str>,
    /// `waiting`, `offered` while they are asked, `booked` or `over`.
    state: &'static str,
    #[schema(format = DateTime)]
    joined_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

fn show_one(one: &Waiting) -> WaitingShown {
    WaitingShown {
        id: one.id.to_string(),
        contact: one.contact.to_string(),
        service: one.service.to_string(),
        resources: one.resources.iter().map(ToString::to_string).collect(),
        first_day: one.first_day.to_string(),
        last_day: one.last_day.to_string(),
        from: clock(one.from_min),
        until: clock(one.until_min),
        appointment: one.appointment.as_ref().map(ToString::to_string),
        language: one.language.map(|language| language.code()),
        state: one.state.as_str(),
        joined_at: instant(one.joined),
        ended_at: one.ended.map(instant),
    }
}

/// Which of them, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitingAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that stand so: `waiting`, `offered`, `booked` or `over`.
    state: Option<String>,
}

/// The waiting list in the order of joining.
#[utoipa::path(get, path = "/api/waiting-list", tag = "waiting-list", params(WaitingAsked),
    responses((status = OK, body = Listed<WaitingShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<WaitingAsked>,
) -> Result<Json<Listed<WaitingShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let mut faults = Faults::new();
    let state: Option<WaitingState> =
        asked.state.as_ref().and_then(|word| faults.take(word.parse(), "?state"));
    faults.settle()?;
    let page = waiting_list::list(&doors.store, &by, state, after.as_ref(), count).await?;
    Ok(Listed::of(page, |one| show_one(&one)))
}

/// Puts somebody on the waiting list.
#[utoipa::path(post, path = "/api/waiting-list", tag = "waiting-list", request_body = WaitingWanted,
    responses((status = CREATED, body = WaitingShown)))]
async fn join(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<WaitingWanted>,
) -> Result<(StatusCode, Json<WaitingShown>), Problem> {
    let wanted = wanted.wanted()?;
    let joined = waiting_list::join(&doors.store, &by, doors.clock.now(), &wanted).await?;
    Ok((StatusCode::CREATED, Json(show_one(&joined))))
}

/// One place on the waiting list.
#[utoipa::path(get, path = "/api/waiting-list/{waiting}", tag = "waiting-list",
    params(("waiting", description = "Its id.")), responses((status = OK, body = WaitingShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(waiting): Path<String>,
) -> Result<Json<WaitingShown>, Problem> {
    Ok(Json(show_one(&waiting_list::get(&doors.store, &by, &id(&waiting)?).await?)))
}

/// Takes somebody off the waiting list.
#[utoipa::path(delete, path = "/api/waiting-list/{waiting}", tag = "waiting-list",
    params(("waiting", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(waiting): Path<String>,
) -> Result<StatusCode, Problem> {
    waiting_list::remove(&doors.store, &by, doors.clock.now(), &id(&waiting)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a service's freed times are offered to those who wait.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OffersShown {
    /// Whether they are.
    freed: bool,
    /// How many minutes before its beginning a time is offered at the latest.
    #[serde(default = "usual")]
    #[schema(default = 120, maximum = 10080)]
    latest: u32,
}

fn usual() -> u32 {
    LATEST_MINUTES_USUAL
}

fn show_rule(latest: Option<u32>) -> OffersShown {
    OffersShown { freed: latest.is_some(), latest: latest.unwrap_or(LATEST_MINUTES_USUAL) }
}

/// Whether a service's freed times are offered to those who wait.
#[utoipa::path(get, path = "/api/services/{service}/offers", tag = "waiting-list",
    params(("service", description = "Its id.")), responses((status = OK, body = OffersShown)))]
async fn show_offers(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
) -> Result<Json<OffersShown>, Problem> {
    Ok(Json(show_rule(waiting_list::rule(&doors.store, &by, &id(&service)?).await?)))
}

/// Says whether a service's freed times are offered to those who wait.
#[utoipa::path(put, path = "/api/services/{service}/offers", tag = "waiting-list",
    params(("service", description = "Its id.")), request_body = OffersShown,
    responses((status = OK, body = OffersShown)))]
async fn set_offers(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
    Body(wanted): Body<OffersShown>,
) -> Result<Json<OffersShown>, Problem> {
    let (service, latest) = (id(&service)?, wanted.freed.then_some(wanted.latest));
    let kept = waiting_list::set_rule(&doors.store, &by, doors.clock.now(), &service, latest).await?;
    Ok(Json(show_rule(kept)))
}
