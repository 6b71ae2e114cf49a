//! `/console/availability`: who is there when, what can be booked, closing days, and beside it the free times that result.

mod closing;
mod hours;
mod resource;
mod service;
mod why;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing::{get, post},
};
use jiff::{ToSpan, civil};

use super::{
    failure::Failure,
    form::{Form, Typed},
    format,
    page::{Page, show},
    visitor::Reader,
};
use crate::{
    app::{
        self,
        availability::{self, TimesWanted},
        bookings::{self, Catalogue},
    },
    domain::{
        booking::Service,
        id::{ResourceId, ServiceId},
        people::{Subject, Verb},
    },
    http::Doors,
};

/// Where these pages are.
pub(super) const PATH: &str = "/console/availability";
/// Days of free times that are shown.
const DAYS_SHOWN: i64 = 7;
/// Free times of one day that are shown.
const SLOTS_SHOWN: usize = 24;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route(PATH, get(overview))
        .route("/console/availability/why", get(why::why))
        .route("/console/availability/ill", get(resource::ill_page).post(resource::ill))
        .route("/console/availability/resources/new", get(resource::new_page).post(resource::create))
        .route("/console/availability/resources/{resource}", get(resource::one).post(resource::rename))
        .route("/console/availability/resources/{resource}/hours", post(resource::reschedule))
        .route("/console/availability/services/new", get(service::new_page).post(service::create))
        .route("/console/availability/services/{service}", get(service::one).post(service::edit))
        .route("/console/availability/closing", get(closing::list))
        .route("/console/availability/closing/new", get(closing::new_page).post(closing::create))
        .route("/console/availability/closing/holidays", get(closing::holidays).post(closing::tick))
        .route("/console/availability/closing/{closure}", get(closing::one).post(closing::edit))
        .route("/console/availability/closing/{closure}/remove", post(closing::remove))
}

/// What a service is called.
pub(super) fn named(service: &Service, reader: &Reader) -> String {
    let name = service.names.get(reader.language.code()).or_else(|| service.names.values().next());
    name.cloned().unwrap_or_else(|| service.key.clone())
}

/// The services that can be chosen, by id and name.
fn services(catalogue: &Catalogue, reader: &Reader) -> Vec<(String, String)> {
    let active = catalogue.services.iter().filter(|service| service.active);
    active.map(|service| (service.id.to_string(), named(service, reader))).collect()
}

/// A day of free times.
struct FreeDay {
    words: String,
    slots: Vec<FreeTime>,
    more: usize,
}

/// A free time, and the way to book it.
struct FreeTime {
    clock: String,
    way: String,
}

/// The free times of a service for some days from `from` on.
async fn free(
    doors: &Doors,
    reader: &Reader,
    service: &ServiceId,
    resource: Option<&ResourceId>,
    from: civil::Date,
) -> Result<Vec<FreeDay>, Failure> {
    let wanted = TimesWanted {
        service: service.clone(),
        resource: resource.cloned(),
        from: Some(from),
        to: Some(from.saturating_add((DAYS_SHOWN - 1).days())),
        seats: 1,
        explain: false,
    };
    let times = availability::times(&doors.store, &reader.by, doors.clock.now(), &wanted).await?;
    let mut days: Vec<FreeDay> = Vec::new();
    for day in 0..DAYS_SHOWN {
        let date = from.saturating_add(day.days());
        let of_day = times.slots.iter().map(|slot| times.zone.wall(slot.time.start));
        let mut slots: Vec<FreeTime> = of_day
            .filter(|wall| wall.date() == date)
            .map(|wall| {
                let clock = format::clock(wall.time());
                let with = resource.map(|id| format!("&resource={id}")).unwrap_or_default();
                let way =
                    format!("/console/appointments/new?service={service}&date={date}&time={clock}{with}");
                FreeTime { clock, way }
            })
            .collect();
        let more = slots.len().saturating_sub(SLOTS_SHOWN);
        slots.truncate(SLOTS_SHOWN);
        days.push(FreeDay { words: format::date_in_list(date, reader.language), slots, more });
    }
    Ok(days)
}

#[derive(Template)]
#[template(path = "availability/overview.html", config = ".askama.toml")]
struct OverviewPage {
    page: Page,
    form: Form,
    services: Vec<(String, String)>,
    choices: Vec<(String, String)>,
    days: Option<Vec<FreeDay>>,
    resources: Vec<ResourceRow>,
    offered: Vec<ServiceRow>,
    closing: Vec<closing::Row>,
    may_write: bool,
    may_book: bool,
}

struct ResourceRow {
    id: String,
    name: String,
    active: bool,
    hours: Vec<(String, String)>,
    away: Option<String>,
}

struct ServiceRow {
    id: String,
    name: String,
    minutes: i64,
    active: bool,
    nobody: bool,
}

async fn overview(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let page = Page::new(&reader, PATH, reader.t("nav-availability"), now);
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let services = services(&catalogue, &reader);
    let chosen = asked.get("service").parse::<ServiceId>().ok();
    let chosen = chosen.or_else(|| services.first().and_then(|(id, _)| id.parse().ok()));
    let with = asked.get("resource").parse::<ResourceId>().ok();
    let date = asked.get("date").parse::<civil::Date>().unwrap_or(page.today());
    let days = match &chosen {
        None => None,
        Some(service) => match free(&doors, &reader, service, with.as_ref(), date).await {
            Ok(days) => Some(days),
            Err(Failure::NotFound) => None,
            Err(failure) => return Err(failure),
        },
    };
    let today = page.today();
    let resources = catalogue.resources.iter().map(|one| ResourceRow {
        id: one.id.to_string(),
        name: one.name.clone(),
        active: one.active,
        hours: hours::week(&one.schedule, reader.language),
        away: one.schedule.closures.iter().filter(|closure| closure.resource.is_some()).find_map(|closure| {
            closure.on(today)?;
            Some(format::date_near(closure.next(today)?.1, today, reader.language))
        }),
    });
    let offered = catalogue.services.iter().map(|service| ServiceRow {
        id: service.id.to_string(),
        name: named(service, &reader),
        minutes: i64::from(service.duration_min),
        active: service.active,
        nobody: service.resources.is_empty(),
    });
    let mut choices = vec![(String::new(), reader.t("appointments-everybody").to_string())];
    choices.extend(
        catalogue.resources.iter().filter(|one| one.active).map(|one| (one.id.to_string(), one.name.clone())),
    );
    let typed = Typed::default()
        .with("service", chosen.as_ref().map_or("", ServiceId::as_str))
        .with("date", date)
        .with("resource", with.as_ref().map_or("", ResourceId::as_str));
    let shown = OverviewPage {
        form: Form::new(reader.language, typed),
        services,
        choices,
        days,
        resources: resources.collect(),
        offered: offered.collect(),
        closing: closing::coming(&doors, &reader, &catalogue).await?,
        may_write: reader.may(Verb::Write, Subject::Resources),
        may_book: reader.may(Verb::Write, Subject::Appointments),
        page,
    };
    show(&shown)
}

/// What a form is told when somebody may look and not change.
fn must(reader: &Reader, subject: Subject) -> Result<(), Failure> {
    reader.by.must(Verb::Write, subject).map_err(|error: app::Error| error.into())
}
