//! `GET /api/availability/why`: every reason against a time, each with the id of what it comes from.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{super::form::id, instant as read_instant, preview::wall, told};
use crate::{
    app::{
        Faults,
        availability::{self, Start, WhyAsked, WhyTold},
        resources::DAYS,
    },
    domain::{
        availability::{Reason, Refusal, Source, Weighed},
        id::CalendarId,
        time::TimeRange,
    },
    http::{Doors, api::form::Asked, auth::By, problem::Problem},
};

/// Which time is asked about.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimeAsked {
    /// The service's id.
    service: String,
    /// When it would start: a time with an offset, or a wall time without one, which is the tenant's (of one that comes
    /// twice, the first).
    at: String,
    /// A resource's id; everybody who could serve when left out.
    resource: Option<String>,
    /// For how many; 1 when left out.
    #[param(minimum = 1)]
    seats: Option<u32>,
    /// The id of an appointment that would be moved there: it does not stand in its own way.
    appointment: Option<String>,
}

/// What is to be said of a time.
#[derive(Serialize, ToSchema)]
pub(super) struct WhyShown {
    /// Whether it is offered.
    free: bool,
    /// The reason the list of free times gives, when it is not; as in a preview's verdict.
    #[schema(required)]
    reason: Option<&'static str>,
    /// When it would start; of a wall time that the clocks skip, the first instant after the gap.
    #[schema(format = DateTime)]
    start: String,
    /// When it would end; null when there is no such time.
    #[schema(required, format = DateTime)]
    end: Option<String>,
    /// With whom it may be had, best first.
    free_with: Vec<String>,
    /// Each resource that could serve, with everything that is against it.
    resources: Vec<WeighedShown>,
}

/// What is against a time with one resource.
#[derive(Serialize, ToSchema)]
struct WeighedShown {
    /// Its id.
    resource: String,
    /// Whether nothing is.
    free: bool,
    /// Every reason, the one that decides first.
    reasons: Vec<ReasonShown>,
}

/// One thing that is against a time, and where it is changed.
#[derive(Default, Serialize, ToSchema)]
struct ReasonShown {
    /// What it amounts to, as in a preview's verdict.
    reason: &'static str,
    /// What it comes from: `rule` (of the service), `resource` (it is put aside), `week` (the opening hours), `exception`
    /// (of one date), `closure` (a closing day or an absence), `appointment`, `hold`, or `event` (of a calendar outside).
    source: &'static str,
    /// Of a rule: the key of the service in which it is set; `buffers` for its two buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// Of the opening hours: the day, `mon` to `sun`.
    #[serde(skip_serializing_if = "Option::is_none")]
    weekday: Option<&'static str>,
    /// Of an exception: its date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    date: Option<String>,
    /// Of a closing day or an absence: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    closure: Option<String>,
    /// Of an appointment or a hold: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<String>,
    /// Of an event: the id of its calendar, for those who may see calendars.
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<String>,
    /// Of an event: what it says of its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// What it is called: a closing day, or a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of an appointment, a hold or an event: when it takes place; of an event for those who may see calendars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    end: Option<String>,
    /// Of a hold: until when it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    held_until: Option<String>,
}

/// Why a time is not offered: every reason, for each resource that could serve, with the ids of what they come from.
#[utoipa::path(get, path = "/api/availability/why", tag = "availability", params(TimeAsked),
    responses((status = OK, body = WhyShown)))]
pub(super) async fn why(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<TimeAsked>,
) -> Result<Json<WhyShown>, Problem> {
    let mut faults = Faults::new();
    let at = faults.take(start(&asked.at), "?at");
    faults.settle()?;
    let Some(at) = at else { return Err(Problem::NotFound) };
    let asked = WhyAsked {
        service: id(&asked.service)?,
        at,
        resource: asked.resource.as_deref().map(id).transpose()?,
        seats: asked.seats.unwrap_or(1),
        moving: asked.appointment.as_deref().map(id).transpose()?,
    };
    let told = availability::why(&doors.store, &by, doors.clock.now(), &asked).await?;
    Ok(Json(show(&told)))
}

fn start(text: &str) -> Result<Start, &'static str> {
    match wall(text) {
        Some(wall) => Ok(Start::Wall(wall)),
        None => read_instant(text).map(Start::At),
    }
}

fn show(all: &WhyTold) -> WhyShown {
    match &all.why {
        Err(after) => WhyShown {
            free: false,
            reason: Some(Refusal::MissingTime.as_str()),
            start: told(*after, &all.zone),
            end: None,
            free_with: Vec::new(),
            resources: Vec::new(),
        },
        Ok(why) => WhyShown {
            free: why.verdict.is_ok(),
            reason: why.verdict.as_ref().err().map(|refusal| refusal.as_str()),
            start: told(why.time.start, &all.zone),
            end: Some(told(why.time.end, &all.zone)),
            free_with: why
                .verdict
                .iter()
                .flat_map(|slot| slot.resources.iter().map(ToString::to_string))
                .collect(),
            resources: why.resources.iter().map(|one| weighed(one, all)).collect(),
        },
    }
}

fn weighed(one: &Weighed, all: &WhyTold) -> WeighedShown {
    WeighedShown {
        resource: one.resource.to_string(),
        free: one.reasons.is_empty(),
        reasons: one.reasons.iter().map(|reason| reason_shown(reason, all)).collect(),
    }
}

fn reason_shown(reason: &Reason, all: &WhyTold) -> ReasonShown {
    let bare = ReasonShown { reason: reason.refusal.as_str(), ..ReasonShown::default() };
    let at = |time: TimeRange| (Some(told(time.start, &all.zone)), Some(told(time.end, &all.zone)));
    match &reason.source {
        Source::Rule(rule) => ReasonShown { source: "rule", rule: Some(rule.as_str()), ..bare },
        Source::PutAside => ReasonShown { source: "resource", ..bare },
        Source::Week(day) => {
            let place = usize::from(day.to_monday_zero_offset().unsigned_abs());
            ReasonShown { source: "week", weekday: DAYS.get(place).copied(), ..bare }
        }
        Source::Exception(date) => ReasonShown { source: "exception", date: Some(date.to_string()), ..bare },
        Source::Closure(id) => ReasonShown {
            source: "closure",
            closure: Some(id.to_string()),
            name: all.closures.as_ref().and_then(|names| names.get(id)).cloned(),
            ..bare
        },
        Source::Appointment { id, time } => {
            let (start, end) = at(*time);
            ReasonShown { source: "appointment", appointment: Some(id.to_string()), start, end, ..bare }
        }
        Source::Hold { id, time, until } => {
            let (start, end) = at(*time);
            let held_until = Some(told(*until, &all.zone));
            ReasonShown { source: "hold", appointment: Some(id.to_string()), start, end, held_until, ..bare }
        }
        Source::Event { calendar, status, time } => {
            let Some(names) = &all.calendars else { return ReasonShown { source: "event", ..bare } };
            let (start, end) = at(*time);
            let known = calendar.as_ref().and_then(|id| id.parse::<CalendarId>().ok());
            ReasonShown {
                source: "event",
                name: known.as_ref().and_then(|id| names.get(id)).cloned(),
                calendar: known.map(|id| id.to_string()),
                status: Some(status.as_str()),
                start,
                end,
                ..bare
            }
        }
    }
}
