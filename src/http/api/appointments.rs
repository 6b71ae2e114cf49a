//! `/api/appointments`: times promised.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::{date, instant as read_instant},
    form::{Asked, Body, Listed, Patch, RequestKey, Seen, Tagged, id, instant, page},
};
use crate::{
    app::{
        self, Fault, Faults,
        appointments::{self, Booking, Bound, Wanted},
    },
    domain::{
        booking::{Appointment, AppointmentStatus},
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit))
        .routes(routes!(move_to))
        .routes(routes!(cancel))
        .routes(routes!(history))
}

/// A time for a contact. It must be one that `GET /api/availability` offers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "service": "svc_019cad58bd8073678b006988b03d48bf", "contact": "con_019cad58bd8070bfa4b7a714b927e240",
    "start": "2027-01-13T09:00:00+01:00", "note": "first visit"
}))]
struct AppointmentWanted {
    /// The service's id.
    service: String,
    /// The contact's id.
    contact: String,
    /// When it starts, with an offset.
    #[schema(format = DateTime)]
    start: String,
    /// A resource's id; as the service selects when left out.
    resource: Option<String>,
    /// For how many; 1 when left out.
    #[schema(minimum = 1)]
    seats: Option<u32>,
    /// What staff should know.
    #[serde(default)]
    note: String,
}

impl AppointmentWanted {
    fn booking(self) -> Result<Booking, app::Error> {
        let mut faults = Faults::new();
        let service = faults.take(self.service.parse(), "/service");
        let contact = faults.take(self.contact.parse(), "/contact");
        let start = faults.take(read_instant(&self.start), "/start");
        let resource = self.resource.map(|resource| faults.take(resource.parse(), "/resource"));
        match (service, contact, start) {
            (Some(service), Some(contact), Some(start)) if faults.is_empty() => Ok(Booking {
                service,
                start,
                resource: resource.flatten(),
                contact,
                seats: self.seats.unwrap_or(1),
                note: self.note,
            }),
            _ => Err(faults.refusal()),
        }
    }
}

/// An appointment.
#[derive(Serialize, ToSchema)]
struct AppointmentShown {
    /// Its id.
    id: String,
    /// The service's id.
    service: String,
    /// Ids of the resources: more than one where they are booked together.
    resources: Vec<String>,
    /// The contact's id; null while only held.
    #[schema(required)]
    contact: Option<String>,
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
    seats: u32,
    /// `held`, `pending` (promised, and its calendar has not answered yet), `confirmed` or `cancelled`.
    status: &'static str,
    /// When a hold lapses; null otherwise.
    #[schema(required, format = DateTime)]
    expires: Option<String>,
    /// What staff should know.
    note: String,
}

/// A step in what became of an appointment.
#[derive(Serialize, ToSchema)]
struct StepShown {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// `booked`, `confirmed` (its calendar has it), `moved`, `cancelled`, or `undone` (its calendar had something else
    /// there first).
    what: &'static str,
    /// Who: the id of a call, a person, an API key or a calendar; `operator:` and an id; `system:` and a part of it.
    by: String,
    /// When it takes place, after that.
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
    /// With whom, after that.
    resource: String,
}

/// All steps of an appointment.
#[derive(Serialize, ToSchema)]
struct HistoryShown {
    /// First to last.
    items: Vec<StepShown>,
}

/// What of an appointment can be written over. Its time is moved, it is cancelled, by operations of their own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    #[serde(default)]
    note: String,
}

/// Where an appointment is to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"start": "2027-01-14T10:00:00+01:00"}))]
struct MoveWanted {
    /// When it is to start, with an offset.
    #[schema(format = DateTime)]
    start: String,
    /// A resource's id; the one it is with when left out.
    resource: Option<String>,
}

fn show_one(appointment: &Appointment) -> AppointmentShown {
    let resources = std::iter::once(&appointment.resource).chain(&appointment.together);
    AppointmentShown {
        id: appointment.id.to_string(),
        service: appointment.service.to_string(),
        resources: resources.map(ToString::to_string).collect(),
        contact: appointment.contact.as_ref().map(ToString::to_string),
        start: instant(appointment.time.start),
        end: instant(appointment.time.end),
        seats: appointment.seats,
        status: appointment.status.as_str(),
        expires: appointment.expires.map(instant),
        note: appointment.note.clone(),
    }
}

fn tagged(appointment: &Revised<Appointment>) -> Tagged<AppointmentShown> {
    Tagged::shown(show_one(&appointment.item), appointment.revision)
}

/// Which appointments, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AppointmentsAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that start then or later: a time with an offset, or a date in the tenant's zone.
    from: Option<String>,
    /// Only those that start before that time, or on that date or before.
    to: Option<String>,
    /// Only those with that resource.
    resource: Option<String>,
    /// Only those of that contact.
    contact: Option<String>,
    /// Only those that are `held`, `confirmed` or `cancelled`.
    status: Option<String>,
}

impl AppointmentsAsked {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let wrong =
            |name: &str, problem: &str| Problem::Invalid(vec![Fault::new(format!("?{name}"), problem)]);
        let bound = |text: &Option<String>, name: &str| {
            let told = "must be a date, such as 2027-01-13, or a time with an offset";
            let read = text.as_ref().map(|text| {
                let at = date(text).map(Bound::Date).or_else(|_| read_instant(text).map(Bound::At));
                at.map_err(|_| wrong(name, told))
            });
            read.transpose()
        };
        let status = self.status.as_ref().map(|word| {
            AppointmentStatus::parse(word)
                .ok_or_else(|| wrong("status", "must be `held`, `confirmed` or `cancelled`"))
        });
        let resource = self.resource.as_ref().map(|text| {
            text.parse().map_err(|error: crate::domain::id::NotAnId| wrong("resource", &error.to_string()))
        });
        let contact = self.contact.as_ref().map(|text| {
            text.parse().map_err(|error: crate::domain::id::NotAnId| wrong("contact", &error.to_string()))
        });
        Ok(Wanted {
            from: bound(&self.from, "from")?,
            to: bound(&self.to, "to")?,
            resource: resource.transpose()?,
            contact: contact.transpose()?,
            status: status.transpose()?,
        })
    }
}

/// The appointments, in order of their start.
#[utoipa::path(get, path = "/api/appointments", tag = "appointments", params(AppointmentsAsked),
    responses((status = OK, body = Listed<AppointmentShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<AppointmentsAsked>,
) -> Result<Json<Listed<AppointmentShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let page = appointments::list(&doors.store, &by, &asked.wanted()?, after.as_ref(), count).await?;
    Ok(Listed::of(page, |appointment| show_one(&appointment)))
}

/// Makes an appointment. With an `Idempotency-Key` the same request made again makes no second one.
#[utoipa::path(post, path = "/api/appointments", tag = "appointments", request_body = AppointmentWanted,
    params(("Idempotency-Key" = Option<String>, Header, description = "Your name for the request.")),
    responses((status = CREATED, body = AppointmentShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    RequestKey(key): RequestKey,
    Body(wanted): Body<AppointmentWanted>,
) -> Result<Tagged<AppointmentShown>, Problem> {
    let (now, wanted) = (doors.clock.now(), wanted.booking()?);
    let made = appointments::create(&doors.ledger, &by, now, key.as_deref(), &wanted).await?;
    let location = format!("/api/appointments/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One appointment.
#[utoipa::path(get, path = "/api/appointments/{appointment}", tag = "appointments",
    params(("appointment", description = "Its id.")), responses((status = OK, body = AppointmentShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(appointment): Path<String>,
) -> Result<Tagged<AppointmentShown>, Problem> {
    Ok(tagged(&appointments::get(&doors.store, &by, &id(&appointment)?).await?))
}

/// Changes an appointment's note: a JSON merge patch.
#[utoipa::path(patch, path = "/api/appointments/{appointment}", tag = "appointments",
    params(("appointment", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = AppointmentShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(appointment): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<AppointmentShown>, Problem> {
    let appointment = id(&appointment)?;
    let edited = appointments::edit(&doors.store, &by, doors.clock.now(), &appointment, seen, |kept| {
        Ok(patch.over(&Note { note: kept.note.clone() })?.note)
    });
    Ok(tagged(&edited.await?))
}

/// Moves an appointment to another time. At every moment it stands at the old time or at the new one.
#[utoipa::path(post, path = "/api/appointments/{appointment}/move", tag = "appointments",
    params(("appointment", description = "Its id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for the request.")),
    request_body = MoveWanted, responses((status = OK, body = AppointmentShown)))]
async fn move_to(
    State(doors): State<Doors>,
    By(by): By,
    Path(appointment): Path<String>,
    RequestKey(key): RequestKey,
    Seen(seen): Seen,
    Body(wanted): Body<MoveWanted>,
) -> Result<Tagged<AppointmentShown>, Problem> {
    let mut faults = Faults::new();
    let start = faults.take(read_instant(&wanted.start), "/start");
    let resource = wanted.resource.map(|resource| faults.take(resource.parse(), "/resource"));
    let Some(start) = start.filter(|_| faults.is_empty()) else { return Err(faults.refusal().into()) };
    let (now, to) = (doors.clock.now(), (start, resource.flatten()));
    let appointment = id(&appointment)?;
    let moved = appointments::move_to(&doors.ledger, &by, now, key.as_deref(), &appointment, seen, to);
    Ok(tagged(&moved.await?))
}

/// Gives an appointment back.
#[utoipa::path(post, path = "/api/appointments/{appointment}/cancel", tag = "appointments",
    params(("appointment", description = "Its id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for the request.")),
    responses((status = OK, body = AppointmentShown)))]
async fn cancel(
    State(doors): State<Doors>,
    By(by): By,
    Path(appointment): Path<String>,
    RequestKey(key): RequestKey,
    Seen(seen): Seen,
) -> Result<Tagged<AppointmentShown>, Problem> {
    let (now, appointment) = (doors.clock.now(), id(&appointment)?);
    let cancelled = appointments::cancel(&doors.ledger, &by, now, key.as_deref(), &appointment, seen);
    Ok(tagged(&cancelled.await?))
}

/// What became of an appointment, step by step: booked, confirmed by its calendar, moved or deleted there.
#[utoipa::path(get, path = "/api/appointments/{appointment}/history", tag = "appointments",
    params(("appointment", description = "Its id.")), responses((status = OK, body = HistoryShown)))]
async fn history(
    State(doors): State<Doors>,
    By(by): By,
    Path(appointment): Path<String>,
) -> Result<Json<HistoryShown>, Problem> {
    let steps = appointments::history(&doors.store, &by, &id(&appointment)?).await?;
    let items = steps.into_iter().map(|step| StepShown {
        at: instant(step.at),
        what: step.what.as_str(),
        by: step.who,
        start: instant(step.time.start),
        end: instant(step.time.end),
        resource: step.resource.to_string(),
    });
    Ok(Json(HistoryShown { items: items.collect() }))
}
