//! `/console/appointments/stranded`: appointments that stand where nobody is, and what is to be done with each, or with all.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    super::{
        failure::Failure,
        form::Typed,
        format,
        page::{Page, show},
        visitor::Reader,
    },
    PATH,
};
use crate::{
    app::{
        bookings::{self, Catalogue},
        contacts,
        stranded::{self, Decision, Done, Remedy, Stranded, Undone, Wanted},
    },
    domain::{
        availability::Source,
        id::{AppointmentId, ResourceId},
        outgoing::OutgoingState,
        people::{Subject, Verb},
        revision::Revision,
    },
    http::Doors,
};

/// What is to be done with those nothing is chosen for.
const ALL: &str = "all";

#[derive(Template)]
#[template(path = "appointments/stranded.html", config = ".askama.toml")]
struct StrandedPage {
    page: Page,
    rows: Vec<Row>,
    told: Vec<Told>,
    team: usize,
    more: bool,
    may_write: bool,
    asked: Vec<(String, String)>,
}

/// One of them.
struct Row {
    id: AppointmentId,
    seen: Revision,
    when: String,
    who: String,
    number: Option<crate::domain::phone::E164>,
    what: String,
    cause: String,
    colleagues: Vec<(String, String)>,
    call: Option<String>,
    not_rung: Option<String>,
}

/// What came of a decision.
struct Told {
    when: String,
    words: String,
    done: bool,
}

fn wanted(typed: &Typed) -> Wanted {
    Wanted {
        resource: typed.maybe("resource").and_then(|id| id.parse().ok()),
        closure: typed.maybe("closure").and_then(|id| id.parse().ok()),
        kept: false,
    }
}

fn when(reader: &Reader, one: &Stranded) -> String {
    let zone = reader.zone();
    let (from, to) = (zone.wall(one.appointment.item.time.start), zone.wall(one.appointment.item.time.end));
    let date = format::date_in_list(from.date(), reader.language);
    format!("{date} {}", format::range_in_text(from.time(), to.time(), reader.language))
}

async fn shown(doors: &Doors, reader: &Reader, asked: &Typed, told: Vec<Told>) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let found = stranded::list(&doors.store, &reader.by, now, &wanted(asked)).await?;
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for one in &found.items {
        rows.push(row(doors, reader, &catalogue, one).await?);
    }
    let kept =
        asked.iter().filter(|(name, value)| ["resource", "closure"].contains(name) && !value.is_empty());
    let page = StrandedPage {
        team: rows.iter().filter(|row| row.not_rung.is_some()).count(),
        asked: kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        more: found.more,
        may_write: reader.may(Verb::Write, Subject::Appointments),
        rows,
        told,
        page: Page::new(reader, PATH, reader.t("stranded-title"), now),
    };
    show(&page)
}

async fn row(doors: &Doors, reader: &Reader, catalogue: &Catalogue, one: &Stranded) -> Result<Row, Failure> {
    let booked = &one.appointment.item;
    let name = |id: &ResourceId| {
        let known = catalogue.resources.iter().find(|known| known.id == *id);
        known.map_or_else(String::new, |known| known.name.clone())
    };
    let contact = match &booked.contact {
        Some(contact) if reader.may(Verb::Read, Subject::Contacts) => {
            contacts::get(&doors.store, &reader.by, contact).await.ok().map(|kept| kept.item)
        }
        Some(_) | None => None,
    };
    let service = catalogue.services.iter().find(|known| known.id == booked.service);
    let service = service.and_then(|known| {
        known.names.get(reader.language.code()).or_else(|| known.names.values().next()).cloned()
    });
    let closures: Vec<_> = catalogue.resources.iter().flat_map(|known| &known.schedule.closures).collect();
    let mut causes: Vec<String> = Vec::new();
    for (who, source) in &one.causes {
        let why = match source {
            Source::Closure(id) => {
                let named = closures.iter().find(|known| known.id == *id).map(|known| known.name.clone());
                let named = named.filter(|named| !named.is_empty());
                named.unwrap_or_else(|| reader.t("stranded-away").to_string())
            }
            Source::Exception(_)
            | Source::Week(_)
            | Source::Rule(_)
            | Source::PutAside
            | Source::Appointment { .. }
            | Source::Hold { .. }
            | Source::Event { .. } => reader.t("stranded-hours").to_string(),
        };
        let words = format!("{}: {why}", name(who));
        if !causes.contains(&words) {
            causes.push(words);
        }
    }
    let call = one.call.as_ref().map(|call| {
        let at = format::moment(call.due, doors.clock.now(), &reader.zone(), reader.language);
        match call.state {
            OutgoingState::Waiting => reader.t("stranded-call-waits").s("at", at).to_string(),
            OutgoingState::Dialling | OutgoingState::Placed => reader.t("stranded-call-out").to_string(),
            OutgoingState::Over | OutgoingState::Dropped => reader.t("stranded-call-over").to_string(),
        }
    });
    Ok(Row {
        id: booked.id.clone(),
        seen: one.appointment.revision,
        when: when(reader, one),
        who: contact
            .as_ref()
            .map_or_else(|| reader.t("appointments-somebody").to_string(), |contact| contact.name.clone()),
        number: contact.and_then(|contact| contact.number),
        what: service.unwrap_or_default(),
        cause: causes.join(" · "),
        colleagues: one.colleagues.iter().map(|id| (id.to_string(), name(id))).collect(),
        call,
        not_rung: one.not_rung.map(|why| not_rung(reader, why.as_str())),
    })
}

fn not_rung(reader: &Reader, word: &str) -> String {
    reader.t(format!("not-rung-{}", word.replace('_', "-"))).to_string()
}

pub(super) async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    shown(&doors, &reader, &Typed::read(asked.unwrap_or_default().as_bytes()), vec![]).await
}

/// A choice as the form sends it: `keep`, `ring`, `cancel`, or `colleague` with an id behind a colon.
fn remedy(choice: &str) -> Option<Remedy> {
    match choice.split_once(':') {
        Some(("colleague", id)) => Some(Remedy::Colleague(Some(id.parse().ok()?))),
        _ => match choice {
            "keep" => Some(Remedy::Keep),
            "colleague" => Some(Remedy::Colleague(None)),
            "ring" => Some(Remedy::Ring),
            "cancel" => Some(Remedy::Cancel),
            _ => None,
        },
    }
}

pub(super) async fn decide(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let found = stranded::list(&doors.store, &reader.by, now, &wanted(&typed)).await?;
    let for_all = remedy(typed.get(ALL));
    let mut decisions = Vec::new();
    for (field, _) in typed.iter().filter(|(field, _)| field.starts_with("seen-")) {
        let Ok(id) = field["seen-".len()..].parse::<AppointmentId>() else { continue };
        let own = remedy(typed.get(&format!("do-{id}")));
        let Some(remedy) = own.or_else(|| for_all.clone()) else { continue };
        let seen = typed.get(field).parse().ok().map(Revision);
        decisions.push(Decision { appointment: id, seen, remedy });
    }
    if decisions.is_empty() {
        let told = Told { when: String::new(), words: reader.t("stranded-nothing").to_string(), done: false };
        return shown(&doors, &reader, &typed, vec![told]).await;
    }
    let outcomes = stranded::decide(&doors.ledger, &reader.by, now, &decisions).await?;
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let told = outcomes.into_iter().map(|outcome| {
        let was = found.items.iter().find(|one| one.appointment.item.id == outcome.appointment);
        let (words, done) = match outcome.done {
            Ok(Done::Kept) => (reader.t("stranded-done-kept").to_string(), true),
            Ok(Done::Cancelled) => (reader.t("stranded-done-cancelled").to_string(), true),
            Ok(Done::Given(to)) => {
                let name = catalogue.resources.iter().find(|one| one.id == to).map(|one| one.name.clone());
                (reader.t("stranded-done-given").s("name", name.unwrap_or_default()).to_string(), true)
            }
            Ok(Done::Rings(_, at)) => {
                let at = format::moment(at, now, &reader.zone(), reader.language);
                (reader.t("stranded-done-rings").s("at", at).to_string(), true)
            }
            Err(Undone::NotRung(why)) => (not_rung(&reader, why.as_str()), false),
            Err(Undone::NobodyElse) => (reader.t("stranded-nobody-else").to_string(), false),
            Err(Undone::Refused(error)) => (Failure::from(error).words(reader.language), false),
        };
        Told { when: was.map(|one| when(&reader, one)).unwrap_or_default(), words, done }
    });
    let told = told.collect();
    shown(&doors, &reader, &typed, told).await
}
