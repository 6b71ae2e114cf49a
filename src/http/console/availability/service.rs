//! `/console/availability/services/{service}`: what can be booked, how long it takes, and the rules it is offered under.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    super::{
        failure::{Failure, slug},
        form::{Form, Typed},
        page::{Page, show_with},
        visitor::Reader,
    },
    FreeDay, PATH, free, must, named,
};
use crate::{
    app::{self, bookings, services},
    domain::{
        availability::EventStatus,
        booking::{Selection, Service},
        id::{ResourceId, ServiceId},
        people::{Subject, Verb},
        revision::Revised,
    },
    http::Doors,
    platform::ids,
};

/// How far ahead is booked when nobody says so, in days.
const HORIZON_DAYS: u32 = 60;
/// How long it takes when nobody says so, in minutes.
const DURATION_MIN: u32 = 30;

#[derive(Template)]
#[template(path = "availability/service.html", config = ".askama.toml")]
struct ServicePage {
    page: Page,
    id: Option<ServiceId>,
    form: Form,
    resources: Vec<(String, String)>,
    selections: Vec<(String, String)>,
    free: Vec<FreeDay>,
    may_write: bool,
}

fn typed(service: &Service) -> Typed {
    let optional = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut typed = Typed::default();
    for language in ["de", "en"] {
        let name = service.names.get(language).map_or("", String::as_str);
        typed = typed.with(format!("names-{language}"), name);
    }
    typed = typed
        .with("duration", service.duration_min)
        .with("interval", service.interval_min)
        .with("buffer-before", service.buffer_before_min)
        .with("buffer-after", service.buffer_after_min)
        .with("minimum-notice", service.notice_min)
        .with("horizon-days", service.horizon_days)
        .with("max-per-day", optional(service.per_day_max))
        .with("max-per-week", optional(service.per_week_max))
        .with("max-per-month", optional(service.per_month_max))
        .with("capacity", service.capacity)
        .with("cancel-cutoff", service.cancel_cutoff_min)
        .with("selection", service.selection.as_str())
        .with("price", service.price.as_deref().unwrap_or_default());
    for resource in &service.resources {
        typed = typed.with("resources", resource);
    }
    for (name, on) in
        [("invites", service.invites), ("sensitive", service.sensitive), ("active", service.active)]
    {
        if on {
            typed = typed.with(name, "yes");
        }
    }
    typed
}

/// A service as it is when nobody has said anything about it.
fn fresh(id: ServiceId) -> Service {
    Service {
        id,
        key: String::new(),
        names: BTreeMap::new(),
        duration_min: DURATION_MIN,
        interval_min: DURATION_MIN,
        grid_offset_min: 0,
        buffer_before_min: 0,
        buffer_after_min: 0,
        notice_min: 0,
        horizon_days: HORIZON_DAYS,
        per_day_max: None,
        per_week_max: None,
        per_month_max: None,
        minutes_per_day_max: None,
        capacity: 1,
        selection: Selection::default(),
        blocking: EventStatus::BLOCKING.into(),
        conflict_calendars: None,
        cancel_cutoff_min: 0,
        invites: false,
        sensitive: false,
        price: None,
        resources: Vec::new(),
        active: true,
    }
}

/// The whole number in a field; empty is `usual`. What is none is noted.
fn whole<T: Clone>(form: &mut Form, field: &str, usual: T, of: impl Fn(u32) -> T) -> T {
    let Some(text) = form.typed().maybe(field).map(str::to_owned) else { return usual };
    match text.parse::<u32>() {
        Ok(number) => of(number),
        Err(_) => {
            let words = form.t("fault-whole");
            form.fault(field, words);
            usual
        }
    }
}

/// The service that a form says, over what is kept of it.
fn read(form: &mut Form, kept: &Service) -> Service {
    let typed = form.typed().clone();
    let mut names = kept.names.clone();
    for language in ["de", "en"] {
        match typed.maybe(&format!("names-{language}")) {
            Some(name) => drop(names.insert(language.to_owned(), name.to_owned())),
            None => drop(names.remove(language)),
        }
    }
    let duration_min = whole(form, "duration", kept.duration_min, |n| n);
    // Whoever sees the boxes ticks those that are meant; an order that was chosen elsewhere is kept.
    let ticked: Vec<ResourceId> = typed.all("resources").filter_map(|id| id.parse().ok()).collect();
    let mut resources: Vec<ResourceId> =
        kept.resources.iter().filter(|id| ticked.contains(id)).cloned().collect();
    resources.extend(ticked.into_iter().filter(|id| !kept.resources.contains(id)));
    Service {
        names,
        duration_min,
        interval_min: whole(form, "interval", duration_min, |n| n),
        buffer_before_min: whole(form, "buffer-before", 0, |n| n),
        buffer_after_min: whole(form, "buffer-after", 0, |n| n),
        notice_min: whole(form, "minimum-notice", 0, |n| n),
        horizon_days: whole(form, "horizon-days", kept.horizon_days, |n| n),
        per_day_max: whole(form, "max-per-day", None, Some),
        per_week_max: whole(form, "max-per-week", None, Some),
        per_month_max: whole(form, "max-per-month", None, Some),
        capacity: whole(form, "capacity", 1, |n| n),
        cancel_cutoff_min: whole(form, "cancel-cutoff", 0, |n| n),
        selection: typed.get("selection").parse().unwrap_or(kept.selection),
        invites: typed.ticked("invites"),
        sensitive: typed.ticked("sensitive"),
        price: typed.maybe("price").map(str::to_owned),
        active: typed.ticked("active"),
        resources,
        ..kept.clone()
    }
}

async fn shown(
    doors: &Doors,
    reader: &Reader,
    kept: Option<&Revised<Service>>,
    form: Form,
) -> Result<Response, Failure> {
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let title = match kept {
        Some(kept) => named(&kept.item, reader),
        None => reader.t("service-new").to_string(),
    };
    let page = Page::new(reader, PATH, title, doors.clock.now()).with_form(&form);
    let free = match kept.filter(|kept| kept.item.active) {
        Some(kept) => free(doors, reader, &kept.item.id, None, page.today()).await?,
        None => vec![],
    };
    let shown = ServicePage {
        id: kept.map(|kept| kept.item.id.clone()),
        resources: catalogue.resources.iter().map(|one| (one.id.to_string(), one.name.clone())).collect(),
        selections: Selection::ALL
            .iter()
            .map(|one| {
                let key = match one {
                    Selection::Any => "selection-any",
                    Selection::RoundRobin => "selection-round-robin",
                    Selection::All => "selection-all",
                };
                (one.as_str().to_owned(), reader.t(key).to_string())
            })
            .collect(),
        free,
        may_write: reader.may(Verb::Write, Subject::Services),
        page,
        form,
    };
    show_with(shown.form.status, &shown)
}

fn form_of(reader: &Reader, kept: &Revised<Service>) -> Form {
    Form::new(reader.language, typed(&kept.item).with("seen", kept.revision))
}

pub(super) async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(service): Path<String>,
) -> Result<Response, Failure> {
    let id: ServiceId = service.parse().map_err(|_| Failure::NotFound)?;
    let kept = services::get(&doors.store, &reader.by, &id).await?;
    let form = form_of(&reader, &kept);
    shown(&doors, &reader, Some(&kept), form).await
}

pub(super) async fn new_page(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    must(&reader, Subject::Services)?;
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let active = catalogue.resources.iter().filter(|one| one.active).map(|one| one.id.clone());
    let usual =
        Service { resources: active.collect(), ..fresh(ServiceId::of(ids::fresh(doors.clock.now()))) };
    shown(&doors, &reader, None, Form::new(reader.language, typed(&usual))).await
}

pub(super) async fn create(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Services)?;
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed);
    let mut wanted = read(&mut form, &fresh(ServiceId::of(ids::fresh(now))));
    if form.is_wrong() {
        return shown(&doors, &reader, None, form).await;
    }
    // A short name of its own, made of what it is called; where that is taken, of its id.
    let name = wanted.names.get("en").or_else(|| wanted.names.values().next()).cloned().unwrap_or_default();
    wanted.key = slug(&name).chars().take(40).collect();
    let taken = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    if wanted.key.is_empty() || taken.services.iter().any(|other| other.key == wanted.key) {
        wanted.key = wanted.id.as_str().replace('_', "-");
    }
    match services::create(&doors.store, &reader.by, now, wanted).await {
        Ok(made) => {
            let way = format!("{PATH}/services/{}", made.item.id);
            Ok(reader.done(&way, &reader.t("service-created").s("name", named(&made.item, &reader))))
        }
        Err(error) => shown(&doors, &reader, None, form.refused(error)?).await,
    }
}

pub(super) async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(service): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Services)?;
    let id: ServiceId = service.parse().map_err(|_| Failure::NotFound)?;
    let now = doors.clock.now();
    let kept = services::get(&doors.store, &reader.by, &id).await?;
    let mut form = Form::new(reader.language, typed);
    let wanted = read(&mut form, &kept.item);
    if form.is_wrong() {
        return shown(&doors, &reader, Some(&kept), form).await;
    }
    let seen = form.typed().seen();
    match services::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(wanted)).await {
        Ok(saved) => {
            let words = reader.t("service-saved").s("name", named(&saved.item, &reader));
            Ok(reader.done(&format!("{PATH}/services/{id}"), &words))
        }
        Err(app::Error::Stale) => {
            let fresh = services::get(&doors.store, &reader.by, &id).await?;
            let theirs = self::typed(&fresh.item).with("seen", fresh.revision);
            shown(
                &doors,
                &reader,
                Some(&fresh),
                form.stale(theirs, reader.faster(&doors, id.as_str()).await?),
            )
            .await
        }
        Err(error) => shown(&doors, &reader, Some(&kept), form.refused(error)?).await,
    }
}
