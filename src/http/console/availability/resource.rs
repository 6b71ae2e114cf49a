//! `/console/availability/resources/{resource}`: who or what is booked with, when they are there, and that they are ill today.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use jiff::civil;

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        page::{Page, show_with},
        visitor::Reader,
    },
    FreeDay, PATH, closing, free, hours, must, named,
};
use crate::{
    app::{
        self, bookings,
        closures::{self, Until},
        resources, stranded,
    },
    domain::{
        availability::{LocalTime, local_time},
        booking::{Resource, Schedule},
        id::{ResourceId, ServiceId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
    },
    http::Doors,
    platform::ids,
};

#[derive(Template)]
#[template(path = "availability/resource.html", config = ".askama.toml")]
struct ResourcePage {
    page: Page,
    id: ResourceId,
    own: Form,
    hours: Form,
    days: Vec<(String, String)>,
    lines: Vec<Line>,
    ill: Form,
    closing: Vec<closing::Row>,
    services: Vec<(String, String)>,
    service: Option<String>,
    free: Vec<FreeDay>,
    may_write: bool,
    may_say_ill: bool,
    stranded: usize,
}

/// A line for a date on which other hours hold: its number, and its fields.
struct Line {
    n: usize,
    date: String,
    hours: String,
}

impl Line {
    fn of(place: usize) -> Self {
        Self { n: place + 1, date: format!("date-{place}"), hours: format!("hours-{place}") }
    }
}

fn id(text: &str) -> Result<ResourceId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

fn own(kept: &Revised<Resource>) -> Typed {
    let typed = Typed::default().with("name", &kept.item.name).with("seen", kept.revision);
    if kept.item.active { typed.with("active", "yes") } else { typed }
}

fn scheduled(schedule: &Schedule, revision: Revision) -> Typed {
    hours::typed(schedule).with("seen", revision)
}

#[derive(Default)]
struct Forms {
    own: Option<Form>,
    hours: Option<Form>,
    ill: Option<Form>,
}

async fn shown(
    doors: &Doors,
    reader: &Reader,
    id: &ResourceId,
    service: Option<ServiceId>,
    forms: Forms,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let kept = resources::get(&doors.store, &reader.by, id).await?;
    let scheduled_now = resources::schedule(&doors.store, &reader.by, id).await?;
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let serves: Vec<(String, String)> = catalogue
        .services
        .iter()
        .filter(|service| service.active && service.resources.contains(id))
        .map(|service| (service.id.to_string(), named(service, reader)))
        .collect();
    let plain = Page::new(reader, PATH, &kept.item.name, now);
    let today = plain.today();
    let service = service
        .filter(|service| serves.iter().any(|(id, _)| id == service.as_str()))
        .or_else(|| serves.first().and_then(|(id, _)| id.parse().ok()));
    let free = match &service {
        Some(service) => free(doors, reader, service, Some(id), today).await?,
        None => vec![],
    };
    let wanted = stranded::Wanted { resource: Some(id.clone()), closure: None, kept: false };
    let stranded = stranded::list(&doors.store, &reader.by, now, &wanted).await?;
    let language = reader.language;
    let own = forms.own.unwrap_or_else(|| Form::new(language, own(&kept)));
    let hours = forms.hours.unwrap_or_else(|| {
        Form::new(language, scheduled(&scheduled_now.item.schedule, scheduled_now.revision))
    });
    let ill = forms.ill.unwrap_or_else(|| Form::new(language, Typed::default().with("until", today)));
    let status = [&own, &hours, &ill].into_iter().map(|form| form.status).max_by_key(|s| s.as_u16());
    let days = app::resources::DAYS.iter().enumerate();
    let closing = closing::coming(doors, reader, &catalogue).await?;
    let shown = ResourcePage {
        page: plain.with_form(&own).with_form(&hours).with_form(&ill),
        id: id.clone(),
        days: days.map(|(place, name)| (format!("week-{name}"), hours::day(place, language))).collect(),
        lines: (0..hours::lines(hours.typed())).map(Line::of).collect(),
        closing: closing.into_iter().filter(|row| row.concerns(id)).collect(),
        services: serves,
        service: service.map(|service| service.to_string()),
        free,
        may_write: reader.may(Verb::Write, Subject::Resources),
        may_say_ill: reader.may(Verb::Write, Subject::Appointments),
        stranded: stranded.items.len(),
        own: own.prefixed("own-"),
        hours,
        ill: ill.prefixed("ill-"),
    };
    show_with(status.unwrap_or_default(), &shown)
}

pub(super) async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(resource): Path<String>,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let service = asked.get("service").parse().ok();
    shown(&doors, &reader, &id(&resource)?, service, Forms::default()).await
}

#[derive(Template)]
#[template(path = "availability/resource_new.html", config = ".askama.toml")]
struct NewPage {
    page: Page,
    form: Form,
    days: Vec<(String, String)>,
}

fn new_shown(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let page = Page::new(reader, PATH, reader.t("resource-new"), doors.clock.now()).with_form(&form);
    let days = app::resources::DAYS.iter().enumerate();
    let days = days.map(|(place, name)| (format!("week-{name}"), hours::day(place, reader.language)));
    let days = days.collect();
    show_with(form.status, &NewPage { page, form, days })
}

pub(super) async fn new_page(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    must(&reader, Subject::Resources)?;
    let mut typed = Typed::default();
    for day in &app::resources::DAYS[..5] {
        typed = typed.with(format!("week-{day}"), "9:00–12:00, 13:00–17:00");
    }
    new_shown(&doors, &reader, Form::new(reader.language, typed))
}

pub(super) async fn create(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Resources)?;
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed);
    let Some(schedule) = hours::schedule(&mut form, &Schedule::default()) else {
        return new_shown(&doors, &reader, form);
    };
    let wanted = Resource {
        id: ResourceId::of(ids::fresh(now)),
        name: form.typed().get("name").to_owned(),
        schedule,
        active: true,
    };
    match resources::create(&doors.store, &reader.by, now, wanted).await {
        Ok(made) => {
            let way = format!("{PATH}/resources/{}", made.item.id);
            Ok(reader.done(&way, &reader.t("resource-created").s("name", &made.item.name)))
        }
        Err(error) => new_shown(&doors, &reader, form.refused(error)?),
    }
}

pub(super) async fn rename(
    State(doors): State<Doors>,
    reader: Reader,
    Path(resource): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let (id, now) = (id(&resource)?, doors.clock.now());
    let form = Form::new(reader.language, typed);
    let (name, active) = (form.typed().get("name").to_owned(), form.typed().ticked("active"));
    let edited = resources::edit(&doors.store, &reader.by, now, &id, form.typed().seen(), |kept| {
        Ok(Resource { name, active, ..kept.clone() })
    });
    match edited.await {
        Ok(_) => Ok(reader.done(&format!("{PATH}/resources/{id}"), &reader.t("resource-saved"))),
        Err(error) => {
            let form = if matches!(error, app::Error::Stale) {
                form.stale(
                    own(&resources::get(&doors.store, &reader.by, &id).await?),
                    reader.faster(&doors, id.as_str()).await?,
                )
            } else {
                form.refused(error)?
            };
            shown(&doors, &reader, &id, None, Forms { own: Some(form), ..Forms::default() }).await
        }
    }
}

pub(super) async fn reschedule(
    State(doors): State<Doors>,
    reader: Reader,
    Path(resource): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Resources)?;
    let (id, now) = (id(&resource)?, doors.clock.now());
    let mut form = Form::new(reader.language, typed);
    let kept = resources::schedule(&doors.store, &reader.by, &id).await?;
    let Some(wanted) = hours::schedule(&mut form, &kept.item.schedule) else {
        return shown(&doors, &reader, &id, None, Forms { hours: Some(form), ..Forms::default() }).await;
    };
    let seen = form.typed().seen();
    match resources::reschedule(&doors.store, &reader.by, now, &id, seen, |_| Ok(wanted)).await {
        Ok(_) => {
            let wanted = stranded::Wanted { resource: Some(id.clone()), closure: None, kept: false };
            let found = stranded::list(&doors.store, &reader.by, now, &wanted).await?;
            Ok(saved(&reader, &format!("{PATH}/resources/{id}"), &format!("resource={id}"), &found))
        }
        Err(error) => {
            let form = if matches!(error, app::Error::Stale) {
                let fresh = resources::schedule(&doors.store, &reader.by, &id).await?;
                form.stale(
                    scheduled(&fresh.item.schedule, fresh.revision),
                    reader.faster(&doors, id.as_str()).await?,
                )
            } else {
                form.refused(error)?
            };
            shown(&doors, &reader, &id, None, Forms { hours: Some(form), ..Forms::default() }).await
        }
    }
}

/// On to where one was, or to what a change of hours has stranded.
pub(super) fn saved(reader: &Reader, way: &str, which: &str, found: &stranded::Found) -> Response {
    if found.items.is_empty() {
        return reader.done(way, &reader.t("hours-saved"));
    }
    let words = reader.t("hours-stranded").n("count", found.items.len());
    reader.done(&format!("/console/appointments/stranded?{which}"), &words)
}

#[derive(Template)]
#[template(path = "availability/ill.html", config = ".askama.toml")]
struct IllPage {
    page: Page,
    form: Form,
    resources: Vec<(String, String)>,
}

async fn ill_shown(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let active = catalogue.resources.iter().filter(|one| one.active);
    let resources = active.map(|one| (one.id.to_string(), one.name.clone())).collect();
    let page = Page::new(reader, PATH, reader.t("ill-title"), doors.clock.now()).with_form(&form);
    show_with(form.status, &IllPage { page, form, resources })
}

pub(super) async fn ill_page(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    must(&reader, Subject::Appointments)?;
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let today = reader.zone().wall(doors.clock.now()).date();
    ill_shown(&doors, &reader, Form::new(reader.language, asked.without(&["until"]).with("until", today)))
        .await
}

/// Somebody is away from this minute on.
pub(super) async fn ill(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Appointments)?;
    let (now, zone) = (doors.clock.now(), reader.zone());
    let mut form = Form::new(reader.language, typed);
    let resource = form.typed().get("resource").parse::<ResourceId>().ok();
    let date = form.typed().get("until").parse::<civil::Date>().ok();
    let time = form.typed().maybe("time").map(|text| text.parse::<civil::Time>());
    if resource.is_none() {
        let words = form.t("fault-resource");
        form.fault("resource", words);
    }
    if date.is_none() {
        let words = form.t("fault-date");
        form.fault("until", words);
    }
    let until = match (date, time) {
        (Some(date), None) => Some(Until::Date(date)),
        (Some(date), Some(Ok(time))) => Some(match local_time(date.to_datetime(time), &zone) {
            LocalTime::Once(at) | LocalTime::Twice(at, _) | LocalTime::Missing(at) => Until::At(at),
        }),
        (_, Some(Err(_))) => {
            let words = form.t("fault-time");
            form.fault("time", words);
            None
        }
        (None, _) => None,
    };
    let (Some(resource), Some(until), false) = (resource, until, form.is_wrong()) else {
        return ill_shown(&doors, &reader, form).await;
    };
    let name = form.typed().get("name").to_owned();
    match closures::absent(&doors.store, &reader.by, now, &resource, until, name).await {
        Ok(made) => {
            let closure = made.item.id;
            let hit = stranded::Wanted { resource: None, closure: Some(closure.clone()), kept: false };
            let found = stranded::list(&doors.store, &reader.by, now, &hit).await?;
            let words = reader.t("ill-done").n("count", found.items.len());
            let way = match found.items.is_empty() {
                true => format!("{PATH}/resources/{resource}"),
                false => format!("/console/appointments/stranded?closure={closure}"),
            };
            Ok(reader.done(&way, &words))
        }
        Err(error) => ill_shown(&doors, &reader, form.refused(error)?).await,
    }
}
