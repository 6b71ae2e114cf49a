//! `/console/appointments/{appointment}`: one appointment, what became of it step by step, and what can be done with it.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        format,
        page::{Page, show_with},
        visitor::Reader,
    },
    PATH, moment,
};
use crate::{
    app::{self, appointments, bookings, contacts},
    domain::{
        booking::{Appointment, AppointmentStatus, Service, Step},
        contact::Contact,
        id::{AppointmentId, ResourceId},
        people::{Subject, Verb},
        revision::Revised,
        time::Timestamp,
    },
    http::Doors,
    platform::ids,
};

/// Free times that are offered in place of one that is taken.
const OFFERED_MAX: usize = 4;
/// How many days further they are looked for.
const OFFERED_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "appointments/one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    at: AppointmentId,
    when: String,
    service: String,
    with: String,
    contact: Option<Contact>,
    status: String,
    look: &'static str,
    seats: u32,
    steps: Vec<StepShown>,
    moving: Form,
    note: Form,
    cancel: Form,
    resources: Vec<(String, String)>,
    offered: Vec<Offered>,
    may_change: bool,
    noted: String,
    why: String,
}

struct StepShown {
    at: Timestamp,
    what: String,
    by: String,
    call: Option<String>,
    when: String,
    with: String,
}

/// A free time in place of one that is not.
pub(super) struct Offered {
    pub words: String,
    pub way: String,
}

/// The next free times of a service, each with the way to a page on which it is filled in.
pub(super) async fn offered(
    doors: &Doors,
    reader: &Reader,
    service: &crate::domain::id::ServiceId,
    from: Timestamp,
    moving: Option<&AppointmentId>,
    way: impl Fn(&str, &str) -> String,
) -> Result<Vec<Offered>, Failure> {
    let (now, zone) = (doors.clock.now(), reader.zone());
    let date = zone.wall(from.max(now)).date();
    let search = bookings::Search {
        service: service.clone(),
        from: date,
        to: date.saturating_add(jiff::Span::new().days(OFFERED_DAYS)),
        resource: None,
        moving: moving.cloned(),
        count_max: 200,
    };
    let free = match bookings::find(&doors.store, reader.by.tenant(), now, &search).await {
        Ok(free) => free,
        Err(app::Error::NotFound(_)) => return Ok(vec![]),
        Err(error) => return Err(error.into()),
    };
    let mut nearest: Vec<_> = free.into_iter().filter(|slot| slot.time.start >= from).collect();
    nearest.truncate(OFFERED_MAX);
    Ok(nearest
        .into_iter()
        .map(|slot| {
            let wall = zone.wall(slot.time.start);
            Offered {
                words: format::moment(slot.time.start, now, &zone, reader.language),
                way: way(&wall.date().to_string(), &format::clock(wall.time())),
            }
        })
        .collect())
}

fn id(text: &str) -> Result<AppointmentId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

/// What is known around an appointment.
struct Around {
    kept: Revised<Appointment>,
    service: Option<Service>,
    resources: Vec<(String, String)>,
}

async fn around(doors: &Doors, reader: &Reader, id: &AppointmentId) -> Result<Around, Failure> {
    let kept = appointments::get(&doors.store, &reader.by, id).await?;
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let service = catalogue.services.into_iter().find(|service| service.id == kept.item.service);
    let qualified = |id: &ResourceId| service.as_ref().is_none_or(|service| service.resources.contains(id));
    let resources = catalogue
        .resources
        .iter()
        .filter(|one| (one.active && qualified(&one.id)) || one.id == kept.item.resource)
        .map(|one| (one.id.to_string(), one.name.clone()))
        .collect();
    Ok(Around { kept, service, resources })
}

/// The form that moves it, as it stands.
fn as_it_stands(reader: &Reader, kept: &Revised<Appointment>) -> Typed {
    let wall = reader.zone().wall(kept.item.time.start);
    Typed::default()
        .with("date", wall.date())
        .with("time", format::clock(wall.time()))
        .with("resource", &kept.item.resource)
        .with("seen", kept.revision)
}

fn noted(kept: &Revised<Appointment>) -> Typed {
    Typed::default().with("note", &kept.item.note).with("seen", kept.revision)
}

fn plain(kept: &Revised<Appointment>) -> Typed {
    Typed::default().with("seen", kept.revision).with("key", ids::token())
}

/// What of the page differs from one way to come to it to another.
#[derive(Default)]
struct Forms {
    moving: Option<Form>,
    note: Option<Form>,
    cancel: Option<Form>,
    offered: Vec<Offered>,
}

async fn shown(doors: &Doors, reader: &Reader, around: Around, forms: Forms) -> Result<Response, Failure> {
    let (now, zone, language) = (doors.clock.now(), reader.zone(), reader.language);
    let Around { kept, service, resources } = around;
    let booked = &kept.item;
    let contact = match &booked.contact {
        Some(contact) if reader.may(Verb::Read, Subject::Contacts) => {
            match contacts::get(&doors.store, &reader.by, contact).await {
                Ok(known) => Some(known.item),
                Err(app::Error::NotFound(_)) => None,
                Err(error) => return Err(error.into()),
            }
        }
        Some(_) | None => None,
    };
    let name = |id: &ResourceId| {
        let known = resources.iter().find(|(known, _)| known == id.as_str());
        known.map_or_else(String::new, |(_, name)| name.clone())
    };
    let with: Vec<String> = std::iter::once(&booked.resource).chain(&booked.together).map(name).collect();
    let wall = zone.wall(booked.time.start);
    let end = zone.wall(booked.time.end);
    let when = format!(
        "{}, {}",
        format::date_in_text(wall.date(), language),
        format::range_in_text(wall.time(), end.time(), language)
    );
    let history = appointments::history(&doors.store, &reader.by, &booked.id).await?;
    let steps = history.into_iter().map(|step| {
        let wall = zone.wall(step.time.start);
        let by = match step.who.split_once('_').map_or(step.who.as_str(), |(kind, _)| kind) {
            "usr" if reader.by.user().is_some_and(|user| user.as_str() == step.who) => "by-you",
            "usr" => "by-team",
            "call" => "by-call",
            "key" => "by-program",
            "cal" => "by-calendar",
            word if word.starts_with("operator:") => "by-operator",
            _ => "by-system",
        };
        let what = match step.what {
            Step::Booked => "step-booked",
            Step::Confirmed => "step-confirmed",
            Step::Moved => "step-moved",
            Step::Cancelled => "step-cancelled",
            Step::Undone => "step-undone",
        };
        StepShown {
            at: step.at,
            what: reader.t(what).to_string(),
            by: reader.t(by).to_string(),
            call: (by == "by-call").then(|| format!("/console/calls/{}", step.who)),
            when: format::moment_in_text(&wall, language),
            with: name(&step.resource),
        }
    });
    let (status, look) = match booked.status {
        AppointmentStatus::Held => ("status-held", "warn"),
        AppointmentStatus::Pending => ("status-pending", "warn"),
        AppointmentStatus::Confirmed => ("status-confirmed", "good"),
        AppointmentStatus::Cancelled => ("status-cancelled", ""),
    };
    let who = contact.as_ref().map(|contact| contact.name.clone());
    let title = match who {
        Some(who) => reader.t("appointment-title").s("who", who),
        None => reader.t("appointment-title-nobody"),
    };
    let moving = forms.moving.unwrap_or_else(|| Form::new(language, as_it_stands(reader, &kept)));
    let note = forms.note.unwrap_or_else(|| Form::new(language, noted(&kept)));
    let cancel = forms.cancel.unwrap_or_else(|| Form::new(language, plain(&kept)));
    let status_code =
        [&moving, &note, &cancel].into_iter().map(|form| form.status).max_by_key(|s| s.as_u16());
    let page = Page::new(reader, PATH, title, now).with_form(&moving).with_form(&note).with_form(&cancel);
    let names = service.as_ref().map(|service| &service.names);
    let shown = OnePage {
        at: booked.id.clone(),
        when,
        service: names
            .and_then(|names| names.get(language.code()).or_else(|| names.values().next()).cloned())
            .unwrap_or_default(),
        with: with.join(", "),
        contact,
        status: reader.t(status).to_string(),
        look,
        seats: booked.seats,
        steps: steps.collect(),
        resources: if resources.len() > 1 { resources.clone() } else { vec![] },
        offered: forms.offered,
        may_change: reader.may(Verb::Write, Subject::Appointments) && booked.status.promised(),
        noted: booked.note.clone(),
        why: format!("/console/availability/why?service={}&appointment={}", booked.service, booked.id),
        moving: moving.prefixed("move-"),
        note: note.prefixed("note-"),
        cancel: cancel.prefixed("cancel-"),
        page,
    };
    show_with(status_code.unwrap_or_default(), &shown)
}

pub(super) async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(appointment): Path<String>,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let around = around(&doors, &reader, &id(&appointment)?).await?;
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    // A free time that was offered is filled in.
    let mut forms = Forms::default();
    if let (Some(date), Some(time)) = (asked.maybe("date"), asked.maybe("time")) {
        let typed = as_it_stands(&reader, &around.kept).without(&["date", "time"]);
        forms.moving = Some(Form::new(reader.language, typed.with("date", date).with("time", time)));
    }
    shown(&doors, &reader, around, forms).await
}

pub(super) async fn move_to(
    State(doors): State<Doors>,
    reader: Reader,
    Path(appointment): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let (id, now, zone) = (id(&appointment)?, doors.clock.now(), reader.zone());
    let mut form = Form::new(reader.language, typed);
    let start = moment(&mut form, &zone);
    let resource = form.typed().maybe("resource").and_then(|text| text.parse::<ResourceId>().ok());
    let seen = form.typed().seen();
    let Some(start) = start.filter(|_| !form.is_wrong()) else {
        let around = around(&doors, &reader, &id).await?;
        return shown(&doors, &reader, around, Forms { moving: Some(form), ..Forms::default() }).await;
    };
    let moved = appointments::move_to(&doors.ledger, &reader.by, now, None, &id, seen, (start, resource));
    match moved.await {
        Ok(moved) => {
            let when = format::moment(moved.item.time.start, now, &zone, reader.language);
            Ok(reader.done(&format!("{PATH}/{id}"), &reader.t("appointment-moved").s("when", when)))
        }
        Err(error) => {
            let around = around(&doors, &reader, &id).await?;
            let mut forms = Forms::default();
            if matches!(error, app::Error::Taken | app::Error::Refused(_)) {
                let way = |date: &str, time: &str| format!("{PATH}/{id}?date={date}&time={time}#move");
                let service = &around.kept.item.service;
                forms.offered = offered(&doors, &reader, service, start, Some(&id), way).await?;
            }
            forms.moving = Some(if matches!(error, app::Error::Stale) {
                form.stale(as_it_stands(&reader, &around.kept), reader.faster(&doors, id.as_str()).await?)
            } else {
                form.refused(error)?
            });
            shown(&doors, &reader, around, forms).await
        }
    }
}

pub(super) async fn note(
    State(doors): State<Doors>,
    reader: Reader,
    Path(appointment): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let (id, now) = (id(&appointment)?, doors.clock.now());
    let form = Form::new(reader.language, typed);
    let (seen, text) = (form.typed().seen(), form.typed().get("note").to_owned());
    match appointments::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(text)).await {
        Ok(_) => Ok(reader.done(&format!("{PATH}/{id}"), &reader.t("appointment-noted"))),
        Err(error) => {
            let around = around(&doors, &reader, &id).await?;
            let stale = matches!(error, app::Error::Stale);
            let form = if stale {
                form.stale(noted(&around.kept), reader.faster(&doors, id.as_str()).await?)
            } else {
                form.refused(error)?
            };
            shown(&doors, &reader, around, Forms { note: Some(form), ..Forms::default() }).await
        }
    }
}

pub(super) async fn cancel(
    State(doors): State<Doors>,
    reader: Reader,
    Path(appointment): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let (id, now) = (id(&appointment)?, doors.clock.now());
    let form = Form::new(reader.language, typed);
    let (seen, key) = (form.typed().seen(), form.typed().maybe("key").map(str::to_owned));
    match appointments::cancel(&doors.ledger, &reader.by, now, key.as_deref(), &id, seen).await {
        Ok(_) => Ok(reader.done(&format!("{PATH}/{id}"), &reader.t("appointment-cancelled"))),
        Err(error) => {
            let around = around(&doors, &reader, &id).await?;
            let stale = matches!(error, app::Error::Stale);
            let form = if stale {
                form.stale(plain(&around.kept), reader.faster(&doors, id.as_str()).await?)
            } else {
                form.refused(error)?
            };
            shown(&doors, &reader, around, Forms { cancel: Some(form), ..Forms::default() }).await
        }
    }
}
