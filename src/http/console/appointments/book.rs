//! `/console/appointments/new`: a time for somebody, by the same ledger as a caller's.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        format, lists,
        page::{Page, show_with},
        visitor::Reader,
    },
    PATH, moment,
    one::{Offered, offered},
};
use crate::{
    app::{self, appointments, bookings, contacts},
    domain::{
        contact::Contact,
        id::{ContactId, ResourceId, ServiceId},
        outgoing::hours,
        phone::E164,
        time::Timestamp,
    },
    http::Doors,
    platform::ids,
    store::ContactFilter,
};

/// People of one number who are told apart by name.
const SHARING_MAX: u32 = 20;

#[derive(Template)]
#[template(path = "appointments/new.html", config = ".askama.toml")]
struct NewPage {
    page: Page,
    form: Form,
    services: Vec<(String, String)>,
    resources: Vec<(String, String)>,
    known: Option<String>,
    offered: Vec<Offered>,
    why: String,
}

async fn shown(
    doors: &Doors,
    reader: &Reader,
    form: Form,
    offered: Vec<Offered>,
) -> Result<Response, Failure> {
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let code = reader.language.code();
    let services: Vec<(String, String)> = catalogue
        .services
        .iter()
        .filter(|service| service.active)
        .map(|service| {
            let name = service.names.get(code).or_else(|| service.names.values().next());
            (service.id.to_string(), name.cloned().unwrap_or_else(|| service.key.clone()))
        })
        .collect();
    let mut resources = vec![(String::new(), reader.t("appointments-anybody").to_string())];
    resources.extend(
        catalogue.resources.iter().filter(|one| one.active).map(|one| (one.id.to_string(), one.name.clone())),
    );
    let known = match form.typed().get("contact").parse::<ContactId>() {
        Ok(id) => Some(contacts::get(&doors.store, &reader.by, &id).await?.item.name),
        Err(_) => None,
    };
    let page = Page::new(reader, PATH, reader.t("appointments-new"), doors.clock.now()).with_form(&form);
    let typed = form.typed();
    let first = services.first().map_or("", |(id, _)| id.as_str());
    let why = format!(
        "/console/availability/why?service={}&date={}&time={}",
        typed.maybe("service").unwrap_or(first),
        typed.get("date"),
        typed.get("time")
    );
    let status = form.status;
    show_with(status, &NewPage { page, form, services, resources, known, offered, why })
}

pub(super) async fn page(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let today = reader.zone().wall(doors.clock.now()).date().to_string();
    let date = asked.maybe("date").map_or(today, str::to_owned);
    let typed = asked.without(&["date", "key"]).with("date", date).with("key", ids::token());
    shown(&doors, &reader, Form::new(reader.language, typed), vec![]).await
}

pub(super) async fn book(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    let (now, zone) = (doors.clock.now(), reader.zone());
    let mut form = Form::new(reader.language, typed);
    let start = moment(&mut form, &zone);
    let service = form.typed().get("service").parse::<ServiceId>().ok();
    if service.is_none() {
        let words = form.t("fault-service");
        form.fault("service", words);
    }
    let resource = form.typed().get("resource").parse::<ResourceId>().ok();
    let name = form.typed().get("name").to_owned();
    let known = form.typed().get("contact").parse::<ContactId>().ok();
    let number = match form.typed().maybe("number") {
        None => None,
        Some(text) => match lists::number(text, hours::country_of(&zone)) {
            Some(number) => Some(number),
            None => {
                let words = form.t("fault-number");
                form.fault("number", words);
                None
            }
        },
    };
    if known.is_none() && name.is_empty() {
        let words = form.t("fault-name");
        form.fault("name", words);
    }
    let (Some(start), Some(service), false) = (start, service, form.is_wrong()) else {
        return shown(&doors, &reader, form, vec![]).await;
    };
    let contact = match known {
        Some(known) => known,
        None => contact(&doors, &reader, now, name, number).await?,
    };
    let wanted = appointments::Booking {
        service: service.clone(),
        start,
        resource,
        contact: contact.clone(),
        seats: 1,
        note: form.typed().get("note").to_owned(),
    };
    let key = form.typed().maybe("key").map(str::to_owned);
    match appointments::create(&doors.ledger, &reader.by, now, key.as_deref(), &wanted).await {
        Ok(made) => {
            let when = format::moment(made.item.time.start, now, &zone, reader.language);
            let way = format!("{PATH}/{}", made.item.id);
            Ok(reader.done(&way, &reader.t("appointment-booked").s("when", when)))
        }
        Err(error) => {
            let taken = matches!(error, app::Error::Taken | app::Error::Refused(_));
            // Whoever was entered is known by now, and not entered twice.
            let typed = form.typed().clone().without(&["contact"]).with("contact", &contact);
            let form = Form::new(reader.language, typed).refused(error)?;
            let free = match taken {
                false => vec![],
                true => {
                    let typed = form.typed().clone();
                    let way =
                        |date: &str, time: &str| {
                            let mut query = form_urlencoded::Serializer::new(String::new());
                            query.extend_pairs(typed.iter().filter(|(name, _)| {
                                ["service", "resource", "contact", "note"].contains(name)
                            }));
                            query.append_pair("date", date).append_pair("time", time);
                            format!("{PATH}/new?{}", query.finish())
                        };
                    offered(&doors, &reader, &service, start, None, way).await?
                }
            };
            shown(&doors, &reader, form, free).await
        }
    }
}

/// Somebody of that name and number who is known, or who is entered. Several people behind one number are normal.
async fn contact(
    doors: &Doors,
    reader: &Reader,
    now: Timestamp,
    name: String,
    number: Option<E164>,
) -> Result<ContactId, Failure> {
    let filter = match &number {
        Some(number) => ContactFilter::Number(number.clone()),
        None => ContactFilter::NameBegins(name.clone()),
    };
    let found = contacts::list(&doors.store, &reader.by, &filter, None, SHARING_MAX).await?;
    let same = found
        .items
        .into_iter()
        .find(|one| one.number == number && one.name.to_lowercase() == name.to_lowercase());
    if let Some(same) = same {
        return Ok(same.id);
    }
    let wanted = Contact {
        id: ContactId::of(ids::fresh(now)),
        name,
        number,
        email: None,
        born: None,
        note: String::new(),
    };
    Ok(contacts::create(&doors.store, &reader.by, now, wanted).await?.item.id)
}
