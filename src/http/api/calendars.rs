//! `/api/calendars`: the calendars people already use, connected, and chosen for resources.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Body, Seen, Tagged, id, instant};
use crate::{
    app::{
        self, Faults,
        calendars::{
            connections::{Choices, Connected, Tested},
            consent::Wanted,
        },
    },
    domain::{
        calendar::{Grant, OutsideCalendar, Vendor},
        email::Email,
        id::{CalendarId, ConnectionId},
    },
    http::{
        Doors,
        auth::{By, Person},
        calendars::binding,
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(connect))
        .routes(routes!(show, disconnect))
        .routes(routes!(test))
        .routes(routes!(refresh))
        .routes(routes!(add_mailbox))
        .routes(routes!(chosen, choose))
}

/// Calendars to connect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "vendor": "google", "grant": "person" }))]
struct ConnectionWanted {
    /// Whose: `google` or `microsoft`.
    vendor: String,
    /// Who agrees: `person`, for her own calendars, or `organisation`, whose administrator agrees for every mailbox and
    /// room; `microsoft` only.
    #[serde(default = "person")]
    grant: String,
    /// The id of a connection that is to be connected again, by the same account. It keeps its id, its calendars and
    /// everything that was chosen.
    connection: Option<String>,
}

fn person() -> String {
    Grant::Person.as_str().to_owned()
}

/// Where somebody goes to agree.
#[derive(Debug, Serialize, ToSchema)]
struct WayShown {
    /// The vendor's page. To be opened in the browser that has asked for it, with the cookie it was given.
    url: String,
    /// Until when they must be back.
    expires_at: String,
}

/// A calendar that somebody has let us see.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarShown {
    /// Its id.
    id: String,
    /// What it is called there.
    name: String,
    /// Whose mailbox it is in, where an organisation agreed.
    #[schema(required)]
    mailbox: Option<String>,
    /// Whether it is the main one of its account.
    primary: bool,
    /// What may be done with it: `free_busy`, to know when it is taken; `read`; `write`, which appointments need.
    #[schema(pattern = "^(free_busy|read|write)$")]
    access: &'static str,
    /// Whether its vendor still has it.
    there: bool,
    /// Its time zone, where its whole days begin and end.
    time_zone: String,
}

/// A way into somebody's calendars.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectionShown {
    /// Its id.
    id: String,
    /// Whose calendars.
    #[schema(pattern = "^(google|microsoft)$")]
    vendor: &'static str,
    /// Who agreed.
    #[schema(pattern = "^(person|organisation)$")]
    grant: &'static str,
    /// The address or the name it is known by.
    account: String,
    /// `connected`; `reconnect` when the vendor lets us in no more, and somebody must consent again; `disconnected`.
    #[schema(pattern = "^(connected|reconnect|disconnected)$")]
    state: &'static str,
    /// What is wrong with it.
    #[schema(required)]
    problem: Option<String>,
    /// When it was connected, the last time.
    connected_at: String,
    /// Since when it is in its state.
    since: String,
    /// Its calendars.
    calendars: Vec<CalendarShown>,
}

/// All connections of the tenant.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarsShown {
    /// The vendors that are set up on this server.
    offered: Vec<&'static str>,
    /// The connections, the oldest first.
    connections: Vec<ConnectionShown>,
}

/// What works of a connection.
#[derive(Debug, Serialize, ToSchema)]
struct TestShown {
    /// Whether all of it works.
    works: bool,
    /// Whether its calendars can be listed.
    list: CheckShown,
    /// Whether it is known when they are taken.
    busy: CheckShown,
}

/// Whether one thing works.
#[derive(Debug, Serialize, ToSchema)]
struct CheckShown {
    /// Whether it works.
    works: bool,
    /// For how many calendars.
    calendars: usize,
    /// What is wrong.
    #[schema(required)]
    problem: Option<String>,
}

/// A mailbox, or a room, of an organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "address": "room1@practice.example" }))]
struct MailboxWanted {
    /// Its address.
    address: String,
}

/// What a resource does with calendars.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "blocking": [], "target": null }))]
struct ChoicesWanted {
    /// The ids of the calendars that keep others out of its time.
    blocking: Vec<String>,
    /// The id of the calendar into which its appointments are written. It blocks, too.
    target: Option<String>,
}

/// What a resource does with calendars.
#[derive(Debug, Serialize, ToSchema)]
struct ChoicesShown {
    /// The ids of the calendars that keep others out of its time, the target included.
    blocking: Vec<String>,
    /// The id of the calendar into which its appointments are written.
    #[schema(required)]
    target: Option<String>,
}

fn show_calendar(calendar: &OutsideCalendar) -> CalendarShown {
    CalendarShown {
        id: calendar.id.to_string(),
        name: calendar.name.clone(),
        mailbox: calendar.place.mailbox.clone(),
        primary: calendar.primary,
        access: calendar.access.as_str(),
        there: calendar.there,
        time_zone: calendar.place.zone.name().to_owned(),
    }
}

fn show_one(connected: &Connected) -> ConnectionShown {
    let connection = &connected.connection;
    ConnectionShown {
        id: connection.id.to_string(),
        vendor: connection.vendor.as_str(),
        grant: connection.grant.as_str(),
        account: connection.account.clone(),
        state: connection.state.as_str(),
        problem: connection.problem.clone(),
        connected_at: instant(connection.connected),
        since: instant(connection.since),
        calendars: connected.calendars.iter().map(show_calendar).collect(),
    }
}

fn tagged(connected: &Connected) -> Tagged<ConnectionShown> {
    Tagged::shown(show_one(connected), connected.revision)
}

fn show_test(tested: Tested) -> TestShown {
    let works = tested.works();
    let list = match tested.listed {
        Ok(calendars) => CheckShown { works: true, calendars, problem: None },
        Err(problem) => CheckShown { works: false, calendars: 0, problem: Some(problem) },
    };
    let busy = match tested.busy {
        Ok(busy) => CheckShown {
            works: busy.asked == busy.known,
            calendars: busy.known,
            problem: (busy.asked != busy.known)
                .then(|| format!("of {} calendars, {} are not known", busy.asked, busy.asked - busy.known)),
        },
        Err(problem) => CheckShown { works: false, calendars: 0, problem: Some(problem) },
    };
    TestShown { works, list, busy }
}

fn show_choices(choices: &Choices) -> ChoicesShown {
    ChoicesShown {
        blocking: choices.blocking.iter().map(ToString::to_string).collect(),
        target: choices.target.as_ref().map(ToString::to_string),
    }
}

/// The connections, and their calendars.
#[utoipa::path(get, path = "/api/calendars", tag = "calendars",
    responses((status = OK, body = CalendarsShown)))]
async fn list(State(doors): State<Doors>, By(by): By) -> Result<Json<CalendarsShown>, Problem> {
    let all = doors.calendars.list(&by).await?;
    Ok(Json(CalendarsShown {
        offered: doors.calendars.offered().map(Vendor::as_str).collect(),
        connections: all.iter().map(show_one).collect(),
    }))
}

/// Begins to connect calendars: where the person goes to agree. A browser must ask with credentials, since it is given a
/// cookie that it must come back with.
#[utoipa::path(post, path = "/api/calendars/connections", tag = "calendars", request_body = ConnectionWanted,
    responses((status = CREATED, body = WayShown)))]
async fn connect(
    State(doors): State<Doors>,
    Person(proven): Person,
    Body(wanted): Body<ConnectionWanted>,
) -> Result<Response, Problem> {
    let (by, session) = (proven.at_tenant()?, proven.person()?);
    let mut faults = Faults::new();
    let vendor = faults.take(wanted.vendor.parse::<Vendor>(), "/vendor");
    let grant = faults.take(wanted.grant.parse::<Grant>(), "/grant");
    let connection = wanted.connection.map(|id| {
        let none = "there is no such connection of that vendor and grant";
        faults.take(id.parse::<ConnectionId>().map_err(|_| none), "/connection")
    });
    let (Some(vendor), Some(grant), true) = (vendor, grant, faults.is_empty()) else {
        return Err(faults.refusal().into());
    };
    let wanted = Wanted { vendor, grant, connection: connection.flatten() };
    let set_out = doors.calendars.begin(by, session, &wanted).await?;
    let shown = WayShown { url: set_out.url.into(), expires_at: instant(set_out.expires) };
    let cookie = [(header::SET_COOKIE, binding(set_out.browser.expose_secret()))];
    Ok((StatusCode::CREATED, cookie, Json(shown)).into_response())
}

/// One connection.
#[utoipa::path(get, path = "/api/calendars/connections/{connection}", tag = "calendars",
    params(("connection", description = "Its id.")), responses((status = OK, body = ConnectionShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(connection): Path<String>,
) -> Result<Tagged<ConnectionShown>, Problem> {
    Ok(tagged(&doors.calendars.get(&by, &id(&connection)?).await?))
}

/// Disconnects: the vendor is told where it wants to know, and what lets us in is forgotten. Calendars, what was chosen,
/// and appointments stay as they are.
#[utoipa::path(delete, path = "/api/calendars/connections/{connection}", tag = "calendars",
    params(("connection", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn disconnect(
    State(doors): State<Doors>,
    By(by): By,
    Path(connection): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    doors.calendars.disconnect(&by, &id(&connection)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a connection: which calendars there are, and when they are taken. Nothing is changed.
#[utoipa::path(post, path = "/api/calendars/connections/{connection}/test", tag = "calendars",
    params(("connection", description = "Its id.")), responses((status = OK, body = TestShown)))]
async fn test(
    State(doors): State<Doors>,
    By(by): By,
    Path(connection): Path<String>,
) -> Result<Json<TestShown>, Problem> {
    Ok(Json(show_test(doors.calendars.test(&by, &id(&connection)?).await?)))
}

/// Asks the vendor anew which calendars there are.
#[utoipa::path(post, path = "/api/calendars/connections/{connection}/refresh", tag = "calendars",
    params(("connection", description = "Its id.")), responses((status = OK, body = ConnectionShown)))]
async fn refresh(
    State(doors): State<Doors>,
    By(by): By,
    Path(connection): Path<String>,
) -> Result<Tagged<ConnectionShown>, Problem> {
    Ok(tagged(&doors.calendars.refresh_list(&by, &id(&connection)?).await?))
}

/// Adds the calendars of a mailbox or a room to an organisation's connection.
#[utoipa::path(post, path = "/api/calendars/connections/{connection}/mailboxes", tag = "calendars",
    params(("connection", description = "Its id.")), request_body = MailboxWanted,
    responses((status = OK, body = ConnectionShown)))]
async fn add_mailbox(
    State(doors): State<Doors>,
    By(by): By,
    Path(connection): Path<String>,
    Body(wanted): Body<MailboxWanted>,
) -> Result<Tagged<ConnectionShown>, Problem> {
    let connection = id(&connection)?;
    let address = wanted.address.parse::<Email>();
    let address = address.map_err(|error| app::Error::invalid("/address", error.to_string()))?;
    Ok(tagged(&doors.calendars.add_mailbox(&by, &connection, &address).await?))
}

/// What a resource does with calendars.
#[utoipa::path(get, path = "/api/resources/{resource}/calendars", tag = "calendars",
    params(("resource", description = "The resource's id.")), responses((status = OK, body = ChoicesShown)))]
async fn chosen(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
) -> Result<Json<ChoicesShown>, Problem> {
    Ok(Json(show_choices(&doors.calendars.choices(&by, &id(&resource)?).await?)))
}

/// Chooses what a resource does with calendars, in place of what it did.
#[utoipa::path(put, path = "/api/resources/{resource}/calendars", tag = "calendars",
    params(("resource", description = "The resource's id.")), request_body = ChoicesWanted,
    responses((status = OK, body = ChoicesShown)))]
async fn choose(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Body(wanted): Body<ChoicesWanted>,
) -> Result<Json<ChoicesShown>, Problem> {
    let resource = id(&resource)?;
    let mut faults = Faults::new();
    let mut read = |text: &str, pointer: String| {
        faults.take(text.parse::<CalendarId>().map_err(|_| "there is no such calendar"), pointer)
    };
    let blocking: Vec<_> = wanted
        .blocking
        .iter()
        .enumerate()
        .filter_map(|(n, text)| read(text, format!("/blocking/{n}")))
        .collect();
    let target = wanted.target.as_deref().and_then(|text| read(text, "/target".to_owned()));
    faults.settle()?;
    let choices = doors.calendars.choose(&by, &resource, &Choices { blocking, target }).await?;
    Ok(Json(show_choices(&choices)))
}
