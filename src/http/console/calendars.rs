//! `/console/calendars`: the calendars people already use: connected, chosen for who is booked with, and when they were last
//! asked.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderValue, header},
    response::Response,
    routing::{get, post},
};
use secrecy::ExposeSecret;

use super::{
    failure::Failure,
    form::{Form, Typed},
    page::{Page, show, show_with},
    visitor::Reader,
};
use crate::{
    app::{
        calendars::{
            connections::{Choices, Connected},
            consent::Wanted,
        },
        resources,
    },
    domain::{
        calendar::{CalendarAccess, ConnectionState, Grant, Vendor},
        id::{CalendarId, ConnectionId, ResourceId},
        people::{Subject, Verb},
        revision::Revision,
        time::Timestamp,
    },
    http::{Doors, calendars as consent},
};

/// Where this page is.
const PATH: &str = "/console/calendars";
/// The field that carries the choice a form was made from.
const WAS: &str = "was";
/// People and rooms that are shown.
const RESOURCES_MAX: u32 = 200;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route(PATH, get(list))
        .route("/console/calendars/connect", post(connect))
        .route("/console/calendars/choose/{resource}", post(choose))
        .route("/console/calendars/{connection}/refresh", post(refresh))
        .route("/console/calendars/{connection}/test", post(test))
        .route("/console/calendars/{connection}/disconnect", post(disconnect))
}

#[derive(Template)]
#[template(path = "calendars/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    problem: Option<String>,
    offered: Vec<Offer>,
    rows: Vec<Row>,
    choosers: Vec<Chooser>,
    may_write: bool,
    any: bool,
}

/// A way to connect calendars.
struct Offer {
    vendor: &'static str,
    grant: &'static str,
    words: String,
}

/// A connection.
struct Row {
    id: ConnectionId,
    seen: Revision,
    vendor: &'static str,
    vendor_word: &'static str,
    grant_word: &'static str,
    account: String,
    state: String,
    look: &'static str,
    problem: Option<String>,
    since: Timestamp,
    lost: bool,
    gone: bool,
    calendars: Vec<Known>,
}

/// A calendar of a connection.
struct Known {
    name: String,
    synced: Option<Timestamp>,
    there: bool,
    used: bool,
}

/// What one person or room does with calendars.
struct Chooser {
    id: ResourceId,
    name: String,
    form: Form,
    blocking: Vec<(String, String)>,
    targets: Vec<(String, String)>,
    /// What is chosen by now, when somebody else was faster.
    theirs: Option<String>,
}

/// The choice in one line, by which it is known again.
fn in_one(choices: &Choices) -> String {
    let mut ids: Vec<&str> = choices.blocking.iter().map(CalendarId::as_str).collect();
    ids.sort_unstable();
    format!("{}|{}", ids.join(","), choices.target.as_ref().map_or("", CalendarId::as_str))
}

fn as_chosen(choices: &Choices) -> Typed {
    let mut typed = Typed::default().with("target", choices.target.as_ref().map_or("", CalendarId::as_str));
    for calendar in &choices.blocking {
        typed = typed.with("blocking", calendar);
    }
    typed.with(WAS, in_one(choices))
}

async fn shown(
    doors: &Doors,
    reader: &Reader,
    problem: Option<String>,
    wrong: Option<(ResourceId, Form)>,
) -> Result<Response, Failure> {
    let all = doors.calendars.list(&reader.by).await?;
    let synced = doors.calendars.synced(&reader.by).await?;
    let people = resources::list(&doors.store, &reader.by, None, RESOURCES_MAX).await?;
    let mut choosers = Vec::new();
    let mut used: Vec<CalendarId> = Vec::new();
    let mut status = axum::http::StatusCode::OK;
    for resource in people.items {
        let choices = doors.calendars.choices(&reader.by, &resource.id).await?;
        used.extend(choices.blocking.iter().cloned());
        if !resource.active && choices.blocking.is_empty() {
            continue;
        }
        let mut blocking = Vec::new();
        let mut targets = vec![(String::new(), reader.t("calendars-no-target").to_string())];
        for connected in &all {
            let apart = connected.connection.state == ConnectionState::Disconnected;
            for calendar in &connected.calendars {
                let chosen = choices.blocking.contains(&calendar.id);
                if (apart || !calendar.there) && !chosen {
                    continue;
                }
                let words = format!("{} ({})", calendar.name, connected.connection.account);
                if calendar.access == CalendarAccess::Write {
                    targets.push((calendar.id.to_string(), words.clone()));
                }
                blocking.push((calendar.id.to_string(), words));
            }
        }
        let form = match &wrong {
            Some((id, form)) if *id == resource.id => {
                status = form.status;
                form.clone()
            }
            Some(_) | None => Form::new(reader.language, as_chosen(&choices)),
        };
        let theirs = (form.is_wrong() && form.typed().get(WAS) == in_one(&choices)).then(|| {
            let name = |id: &CalendarId| blocking.iter().find(|(known, _)| known == id.as_str());
            let names = choices.blocking.iter().filter_map(name).map(|(_, words)| words.clone());
            let names: Vec<String> = names.collect();
            match names.is_empty() {
                true => reader.t("calendars-no-target").to_string(),
                false => names.join(", "),
            }
        });
        choosers.push(Chooser { id: resource.id, name: resource.name, form, blocking, targets, theirs });
    }
    let rows: Vec<Row> = all.iter().map(|one| row(reader, one, &synced, &used)).collect();
    let offered = doors.calendars.offered().flat_map(|vendor| {
        let grants: &[Grant] = match vendor {
            Vendor::Google => &[Grant::Person],
            Vendor::Microsoft => &[Grant::Person, Grant::Organisation],
        };
        grants.iter().map(move |grant| (vendor, *grant))
    });
    let offered = offered.map(|(vendor, grant)| Offer {
        vendor: vendor.as_str(),
        grant: grant.as_str(),
        words: reader
            .t(match (vendor, grant) {
                (Vendor::Google, _) => "calendars-connect-google",
                (Vendor::Microsoft, Grant::Person) => "calendars-connect-microsoft",
                (Vendor::Microsoft, Grant::Organisation) => "calendars-connect-organisation",
            })
            .to_string(),
    });
    let page = Page::new(reader, PATH, reader.t("nav-calendars"), doors.clock.now());
    let shown = ListPage {
        any: rows.iter().any(|row| !row.gone),
        may_write: reader.may(Verb::Write, Subject::Calendars),
        offered: offered.collect(),
        page,
        problem,
        rows,
        choosers,
    };
    show_with(status, &shown)
}

fn row(
    reader: &Reader,
    one: &Connected,
    synced: &BTreeMap<CalendarId, Timestamp>,
    used: &[CalendarId],
) -> Row {
    let connection = &one.connection;
    let (state, look) = match connection.state {
        ConnectionState::Connected => ("calendars-connected", "good"),
        ConnectionState::Reconnect => ("calendars-reconnect", "bad"),
        ConnectionState::Disconnected => ("calendars-disconnected", ""),
    };
    Row {
        id: connection.id.clone(),
        seen: one.revision,
        vendor: connection.vendor.title(),
        vendor_word: connection.vendor.as_str(),
        grant_word: connection.grant.as_str(),
        account: connection.account.clone(),
        state: reader.t(state).to_string(),
        look,
        problem: connection.problem.clone(),
        since: connection.since,
        lost: connection.state == ConnectionState::Reconnect,
        gone: connection.state == ConnectionState::Disconnected,
        calendars: one
            .calendars
            .iter()
            .map(|calendar| Known {
                name: calendar.name.clone(),
                synced: synced.get(&calendar.id).copied(),
                there: calendar.there,
                used: used.contains(&calendar.id),
            })
            .collect(),
    }
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    if asked.get("connected").parse::<ConnectionId>().is_ok() {
        return Ok(reader.done(PATH, &reader.t("calendars-now-connected")));
    }
    // Words of ours for a word of ours: nothing that stands in a link is shown.
    let problem = asked.maybe("problem").map(|word| {
        let own = reader.t(format!("calendar-problem-{}", word.replace('_', "-"))).known();
        own.unwrap_or_else(|| reader.t("calendar-problem-internal").to_string())
    });
    shown(&doors, &reader, problem, None).await
}

#[derive(Template)]
#[template(path = "calendars/connect.html", config = ".askama.toml")]
struct ConnectPage {
    page: Page,
    vendor: &'static str,
    way: String,
}

/// Somebody sets out to a vendor's page. It is a link there, since a form of ours leads nowhere else.
async fn connect(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let session = reader.proven()?.person()?;
    let vendor: Vendor = typed.get("vendor").parse().map_err(|_| Failure::NotFound)?;
    let grant: Grant = typed.get("grant").parse().map_err(|_| Failure::NotFound)?;
    let wanted = Wanted { vendor, grant, connection: typed.get("connection").parse().ok() };
    let set_out = doors.calendars.begin(&reader.by, session, &wanted).await?;
    let title = reader.t("calendars-connect-title").s("vendor", vendor.title());
    let page = ConnectPage {
        page: Page::new(&reader, PATH, title, doors.clock.now()),
        vendor: vendor.title(),
        way: set_out.url.into(),
    };
    let mut response = show(&page)?;
    for cookie in [consent::binding(set_out.browser.expose_secret()), consent::back_to_console()] {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

async fn choose(
    State(doors): State<Doors>,
    reader: Reader,
    Path(resource): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let resource: ResourceId = resource.parse().map_err(|_| Failure::NotFound)?;
    let blocking = typed.all("blocking").filter_map(|id| id.parse::<CalendarId>().ok()).collect();
    let wanted = Choices { blocking, target: typed.get("target").parse().ok() };
    let standing = in_one(&doors.calendars.choices(&reader.by, &resource).await?);
    if typed.ticked(WAS) && typed.get(WAS) != standing {
        // Saved once more, hers counts.
        let form = Form::new(reader.language, typed.without(&[WAS]).with(WAS, standing));
        let form = form.stale(Typed::default(), reader.faster(&doors, resource.as_str()).await?);
        return shown(&doors, &reader, None, Some((resource, form))).await;
    }
    match doors.calendars.choose(&reader.by, &resource, &wanted).await {
        Ok(_) => Ok(reader.done(&format!("{PATH}#resource-{resource}"), &reader.t("calendars-chosen"))),
        Err(error) => {
            let form = Form::new(reader.language, typed).refused(error)?;
            shown(&doors, &reader, None, Some((resource, form))).await
        }
    }
}

fn id(text: &str) -> Result<ConnectionId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

async fn refresh(
    State(doors): State<Doors>,
    reader: Reader,
    Path(connection): Path<String>,
) -> Result<Response, Failure> {
    let connected = doors.calendars.refresh_list(&reader.by, &id(&connection)?).await?;
    let words = reader.t("calendars-refreshed").n("count", connected.calendars.len());
    Ok(reader.done(PATH, &words))
}

async fn test(
    State(doors): State<Doors>,
    reader: Reader,
    Path(connection): Path<String>,
) -> Result<Response, Failure> {
    let tested = doors.calendars.test(&reader.by, &id(&connection)?).await?;
    let key = if tested.works() { "calendars-works" } else { "calendars-works-not" };
    Ok(reader.done(PATH, &reader.t(key)))
}

async fn disconnect(
    State(doors): State<Doors>,
    reader: Reader,
    Path(connection): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    doors.calendars.disconnect(&reader.by, &id(&connection)?, typed.seen()).await?;
    Ok(reader.done(PATH, &reader.t("calendars-given-up")))
}
