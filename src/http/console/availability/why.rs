//! `/console/availability/why`: every reason against a time, each with the way to where it is changed.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use jiff::civil;

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        format,
        page::{Page, show_with},
        visitor::Reader,
    },
    PATH, services,
};
use crate::{
    app::{
        availability::{self, Start, WhyAsked, WhyTold},
        bookings::{self, Catalogue},
    },
    domain::{
        availability::{Reason, Refusal, Rule, Source},
        id::{AppointmentId, CalendarId, ResourceId, ServiceId},
        time::TimeRange,
    },
    http::Doors,
};

#[derive(Template)]
#[template(path = "availability/why.html", config = ".askama.toml")]
struct WhyPage {
    page: Page,
    form: Form,
    services: Vec<(String, String)>,
    resources: Vec<(String, String)>,
    answer: Option<Answer>,
}

/// What is said of the time.
struct Answer {
    when: String,
    free: bool,
    words: String,
    book: Option<String>,
    weighed: Vec<Weighed>,
}

struct Weighed {
    name: String,
    free: bool,
    reasons: Vec<ReasonShown>,
}

/// One reason, and the way to where it is changed.
struct ReasonShown {
    words: String,
    way: Option<String>,
    label: String,
}

pub(super) async fn why(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let (now, zone) = (doors.clock.now(), reader.zone());
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let given = asked.maybe("date").is_some() || asked.maybe("time").is_some();
    let typed = match given {
        true => asked,
        false => asked.without(&["date", "time"]).with("date", zone.wall(now).date()),
    };
    let mut form = Form::new(reader.language, typed);
    let service = form.typed().get("service").parse::<ServiceId>().ok();
    let date = form.typed().get("date").parse::<civil::Date>().ok();
    let time = form.typed().get("time").parse::<civil::Time>().ok();
    if given && form.typed().maybe("time").is_some() && (date.is_none() || time.is_none()) {
        let (field, key) = if date.is_none() { ("date", "fault-date") } else { ("time", "fault-time") };
        let words = form.t(key);
        form.fault(field, words);
    }
    let answer = match (service, date, time) {
        (Some(service), Some(date), Some(time)) => {
            let asked = WhyAsked {
                service: service.clone(),
                at: Start::Wall(date.to_datetime(time)),
                resource: form.typed().get("resource").parse::<ResourceId>().ok(),
                seats: 1,
                moving: form.typed().get("appointment").parse::<AppointmentId>().ok(),
            };
            let told = availability::why(&doors.store, &reader.by, now, &asked).await?;
            let when = format::moment_in_text(
                &date.to_datetime(time).to_zoned(zone.rules().clone()).map_err(|_| Failure::NotFound)?,
                reader.language,
            );
            Some(answer(&reader, &catalogue, &told, &service, when, (date, time)))
        }
        _ => None,
    };
    let mut resources = vec![(String::new(), reader.t("appointments-everybody").to_string())];
    resources.extend(catalogue.resources.iter().map(|one| (one.id.to_string(), one.name.clone())));
    let page = Page::new(&reader, PATH, reader.t("why-title"), now).with_form(&form);
    let services = services(&catalogue, &reader);
    show_with(form.status, &WhyPage { page, form, services, resources, answer })
}

fn answer(
    reader: &Reader,
    catalogue: &Catalogue,
    told: &WhyTold,
    service: &ServiceId,
    when: String,
    (date, time): (civil::Date, civil::Time),
) -> Answer {
    let Ok(why) = &told.why else {
        let words = reader.t("why-missing").to_string();
        return Answer { when, free: false, words, book: None, weighed: vec![] };
    };
    let weighed = why.resources.iter().map(|one| {
        let known = catalogue.resources.iter().find(|known| known.id == one.resource);
        Weighed {
            name: known.map_or_else(|| reader.t("why-nobody").to_string(), |known| known.name.clone()),
            free: one.reasons.is_empty(),
            reasons: one
                .reasons
                .iter()
                .map(|reason| shown(reader, told, service, &one.resource, reason))
                .collect(),
        }
    });
    let free = why.verdict.is_ok();
    let words = match (free, why.resources.is_empty()) {
        (true, _) => reader.t("why-free"),
        (false, true) => reader.t("why-served-by-nobody"),
        (false, false) => reader.t("why-not"),
    };
    let clock = format::clock(time);
    Answer {
        when,
        free,
        words: words.to_string(),
        book: free.then(|| format!("/console/appointments/new?service={service}&date={date}&time={clock}")),
        weighed: weighed.collect(),
    }
}

fn shown(
    reader: &Reader,
    told: &WhyTold,
    service: &ServiceId,
    resource: &ResourceId,
    reason: &Reason,
) -> ReasonShown {
    let language = reader.language;
    let range = |time: TimeRange| {
        let (from, to) = (told.zone.wall(time.start), told.zone.wall(time.end));
        match from.date() == to.date() {
            true => format::range_in_text(from.time(), to.time(), language),
            false => format!(
                "{} – {}",
                format::moment_in_text(&from, language),
                format::moment_in_text(&to, language)
            ),
        }
    };
    let buffer = reason.refusal == Refusal::Buffer;
    let near = |at: &'static str, close: &'static str| if buffer { close } else { at };
    let of_service = |field: &str| Some(format!("{PATH}/services/{service}#{field}"));
    let (words, way, label) = match &reason.source {
        Source::Rule(rule) => {
            let (key, field) = match rule {
                Rule::Active => ("why-rule-active", "active-yes"),
                Rule::Resources => ("why-rule-resources", "resources"),
                Rule::Horizon => ("why-rule-horizon", "horizon-days"),
                Rule::Notice => ("why-rule-notice", "minimum-notice"),
                Rule::Interval => ("why-rule-interval", "interval"),
                Rule::PerDay => ("why-rule-per-day", "max-per-day"),
                Rule::PerWeek => ("why-rule-per-week", "max-per-week"),
                Rule::PerMonth => ("why-rule-per-month", "max-per-month"),
                Rule::MinutesPerDay => ("why-rule-minutes", "max-per-day"),
                Rule::Capacity => ("why-rule-capacity", "capacity"),
                Rule::Buffers => ("why-rule-buffers", "buffer-before"),
            };
            (reader.t(key).to_string(), of_service(field), "why-to-service")
        }
        Source::PutAside => (
            reader.t("why-put-aside").to_string(),
            Some(format!("{PATH}/resources/{resource}")),
            "why-to-resource",
        ),
        Source::Week(day) => (
            reader.t("why-week").s("day", format::weekday(*day, language)).to_string(),
            Some(format!("{PATH}/resources/{resource}#hours")),
            "why-to-hours",
        ),
        Source::Exception(date) => (
            reader.t("why-exception").s("date", format::date(*date, language)).to_string(),
            Some(format!("{PATH}/resources/{resource}#dates")),
            "why-to-hours",
        ),
        Source::Closure(id) => {
            let name = told.closures.as_ref().and_then(|names| names.get(id)).filter(|name| !name.is_empty());
            let words = match name {
                Some(name) => reader.t("why-closure-named").s("name", name),
                None => reader.t("why-closure"),
            };
            (words.to_string(), Some(format!("{PATH}/closing/{id}")), "why-to-closing")
        }
        Source::Appointment { id, time } => (
            reader.t(near("why-appointment", "why-appointment-near")).s("when", range(*time)).to_string(),
            Some(format!("/console/appointments/{id}")),
            "why-to-appointment",
        ),
        Source::Hold { time, until, .. } => {
            let until = format::time_in_text(told.zone.wall(*until).time(), language);
            let key = near("why-hold", "why-hold-near");
            (reader.t(key).s("when", range(*time)).s("until", until).to_string(), None, "")
        }
        Source::Event { calendar, time, .. } => match &told.calendars {
            None => (reader.t("why-event-hidden").to_string(), None, ""),
            Some(names) => {
                let id = calendar.as_ref().and_then(|id| id.parse::<CalendarId>().ok());
                match id.and_then(|id| names.get(&id)) {
                    Some(name) => {
                        let key = near("why-event", "why-event-near");
                        let words = reader.t(key).s("calendar", name).s("when", range(*time));
                        (words.to_string(), Some("/console/calendars".to_owned()), "why-to-calendars")
                    }
                    None => (
                        reader.t("why-event-unknown").to_string(),
                        Some("/console/calendars".to_owned()),
                        "why-to-calendars",
                    ),
                }
            }
        },
    };
    let label = if label.is_empty() { String::new() } else { reader.t(label).to_string() };
    ReasonShown { words, way, label }
}
