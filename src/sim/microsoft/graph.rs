//! Microsoft Graph: who is let in, what is asked, what is answered (protocols.md §4.2).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request},
    response::{IntoResponse, Response},
};
use jiff::Timestamp as Instant;
use serde_json::{Map, Value, json};

use super::{
    Holder, Pass, Shared, Subscription, World,
    listing::{calendars, delta, view},
    mailbox::{self, Folder, moment},
    trouble::Trouble,
};
use crate::platform::ids;

/// Largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;
/// Requests of one mailbox at a time.
const IN_AIR_MAX: usize = 4;
/// How long a subscription lasts at most, in microseconds: 10,080 minutes.
const SUBSCRIPTION_MICROS: i64 = 10_080 * 60 * 1_000_000;
/// How many items a page has when nobody says otherwise.
const PAGE: usize = 10;
/// How long an address may take to prove that it is right.
const VALIDATION_WAIT: Duration = Duration::from_secs(10);
/// Largest page there is.
const PAGE_MAX: usize = 999;

/// One request, taken apart.
pub(super) struct Asked<'a> {
    method: Method,
    /// Below `v1.0/me` or `v1.0/users/{address}`.
    path: Vec<&'a str>,
    pub(super) query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: Value,
    /// How the way to here is written, to be written again in links.
    pub(super) base: String,
}

impl Asked<'_> {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn prefers(&self, what: &str) -> Option<String> {
        let all = self.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let mut each = all.flat_map(|value| value.split(',')).map(str::trim);
        each.find_map(|one| Some(one.strip_prefix(what)?.strip_prefix('=')?.trim_matches('"').to_owned()))
    }

    pub(super) fn page_size(&self) -> usize {
        let top = self.field("$top").and_then(|top| top.parse().ok());
        let preferred = self.prefers("odata.maxpagesize").and_then(|size| size.parse().ok());
        preferred.or(top).unwrap_or(PAGE).clamp(1, PAGE_MAX)
    }

    pub(super) fn range(&self) -> Option<(i64, i64)> {
        let instant = |name: &str| -> Option<i64> {
            let text = self.field(name)?;
            let at = text.parse::<Instant>().or_else(|_| format!("{text}Z").parse());
            at.ok().map(Instant::as_microsecond)
        };
        Some((instant("startDateTime")?, instant("endDateTime")?)).filter(|(from, until)| from < until)
    }
}

/// A request in the air. It lands when it is answered, and also when nobody waits for its answer any more.
struct InAir {
    count: Arc<AtomicUsize>,
    /// How many were there before it.
    ahead: usize,
}

impl InAir {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        Self { count: Arc::clone(count), ahead: count.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for InAir {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn error(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "error": { "code": code, "message": "The request did not succeed.", "innerError": {
        "date": "2026-11-20T09:00:00", "request-id": ids::token()[..32], "client-request-id": ids::token()[..32],
    } } });
    (status, Json(body)).into_response()
}

fn waiting(status: u16, code: &str, seconds: Option<u64>) -> Response {
    let mut response = error(status, code);
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// An answer that never comes: the connection ends.
fn cut_off() -> Response {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut off")) });
    Response::new(axum::body::Body::from_stream(broken))
}

/// Everything that is asked of Graph.
pub(super) async fn asked(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else { return error(413, "RequestTooLarge") };
    let makes = parts.method == Method::POST && parts.uri.path().ends_with("/events");
    let removes = parts.method == Method::DELETE && parts.uri.path().contains("/events/");
    let trouble = shared.world().troubles.befalls(makes, removes);
    if let Some(Trouble::DoneLater(wait)) = trouble {
        let later = shared.clone();
        shared.tasks.spawn(async move {
            later.setup.clock.sleep(wait).await;
            done(&later, parts, &body, None).await
        });
        return cut_off();
    }
    done(&shared, parts, &body, trouble).await
}

/// What is asked for is done, as far as trouble lets it be.
async fn done(shared: &Shared, parts: request::Parts, body: &[u8], trouble: Option<Trouble>) -> Response {
    let whole: Vec<String> = parts
        .uri
        .path()
        .trim_matches('/')
        .split('/')
        .map(|part| percent(part).unwrap_or_else(|| part.to_owned()))
        .collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let ["v1.0", below @ ..] = whole.as_slice() else { return error(404, "ResourceNotFound") };
    let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let pass = token.and_then(|token| shared.world().access.get(token.strip_prefix("Bearer ")?).cloned());
    let now = shared.now();
    let pass = pass.filter(|pass| pass.expires > now);
    match trouble {
        Some(Trouble::Unauthorized) => return error(401, "InvalidAuthenticationToken"),
        Some(Trouble::Refused(status, code)) => return error(status, code),
        Some(Trouble::TooMany(seconds)) => return waiting(429, "TooManyRequests", seconds),
        Some(Trouble::Unavailable(seconds)) => return waiting(503, "serviceNotAvailable", Some(seconds)),
        Some(Trouble::Broken(status)) => return error(status, "generalException"),
        Some(Trouble::Dropped) => return cut_off(),
        Some(Trouble::Garbled) => return "<!doctype html><p>We are sorry.".into_response(),
        Some(Trouble::Long(bytes)) => return "x".repeat(bytes).into_response(),
        Some(Trouble::AnswerLost | Trouble::Twice | Trouble::DoneLater(_) | Trouble::Late(_)) | None => {}
    }
    let Some(Pass { holder, scopes, .. }) = pass else { return error(401, "InvalidAuthenticationToken") };
    let (account, path): (String, &[&str]) = match (below, &holder) {
        (["me", path @ ..], Holder::Person(account)) => (account.clone(), path),
        (["users", address, path @ ..], Holder::Organisation(directory)) => {
            let of = shared.world().mailboxes.get(*address).map(|mailbox| mailbox.directory.clone());
            if of.as_ref() != Some(directory) {
                return error(404, "MailboxNotEnabledForRESTAPI");
            }
            ((*address).to_owned(), path)
        }
        (["subscriptions", ..], Holder::Person(account)) => (account.clone(), below),
        (["subscriptions", ..], Holder::Organisation(_)) => (String::new(), below),
        _ => return error(403, "ErrorAccessDenied"),
    };
    let needed = match path {
        [] => "User.Read",
        ["mailboxSettings"] => "MailboxSettings.Read",
        _ => "Calendars.ReadWrite",
    };
    if scopes.is_some_and(|scopes| !scopes.split(' ').any(|scope| scope == needed)) {
        return error(403, "ErrorAccessDenied");
    }
    let body =
        if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap_or(Value::Null) };
    let query =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        method: parts.method,
        path: path.to_vec(),
        query,
        headers: &parts.headers,
        body,
        base: format!("http://{}{}", shared.address, parts.uri.path()),
    };
    if asked.prefers("IdType").as_deref() != Some("ImmutableId") {
        shared.faults.add(format!("{} {} does not ask for immutable ids", asked.method, parts.uri.path()));
    }
    if !asked.headers.contains_key("client-request-id") {
        shared.faults.add(format!("{} {} has no client-request-id", asked.method, parts.uri.path()));
    }
    let in_air = shared.world().mailboxes.get(&account).map(|mailbox| InAir::enter(&mailbox.in_air));
    let answer = if in_air.as_ref().is_some_and(|in_air| in_air.ahead >= IN_AIR_MAX) {
        shared.faults.add("more than four requests of one mailbox were in the air");
        waiting(429, "MailboxConcurrency", Some(1))
    } else {
        match path.first() {
            Some(&"subscriptions") => subscriptions(shared, &holder, &asked).await,
            _ => {
                let first = of_mailbox(shared, &account, &asked);
                if trouble == Some(Trouble::Twice) { of_mailbox(shared, &account, &asked) } else { first }
            }
        }
    };
    if let Some(Trouble::Late(time)) = trouble {
        shared.setup.clock.sleep(time).await;
    }
    drop(in_air);
    if trouble == Some(Trouble::AnswerLost) { cut_off() } else { answer }
}

fn percent(text: &str) -> Option<String> {
    let query = format!("x={}", text.replace('+', "%2B"));
    form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned())
}

fn of_mailbox(shared: &Shared, account: &str, asked: &Asked<'_>) -> Response {
    let mut world = shared.world();
    let closed = world.mailboxes.get(account).is_some_and(|mailbox| mailbox.closed);
    if closed && !matches!(asked.path.as_slice(), [] | ["calendar", "getSchedule"]) {
        return error(403, "ErrorAccessDenied");
    }
    let mut count = |kind: &'static str| *world.counts.entry(kind).or_default() += 1;
    match (asked.method.as_str(), asked.path.as_slice()) {
        ("GET", []) => {
            Json(json!({ "id": account, "userPrincipalName": account, "mail": account })).into_response()
        }
        ("GET", ["mailboxSettings"]) => {
            let zone = world.mailboxes.get(account).map_or("UTC", |mailbox| mailbox.zone.as_str());
            Json(json!({ "timeZone": zone })).into_response()
        }
        ("GET", ["calendars"]) => {
            count("calendars");
            calendars(&world, account, asked)
        }
        ("GET", ["calendars", id, "calendarView"]) => {
            count("view");
            view(&mut world, account, id, asked)
        }
        ("GET", ["calendar", "calendarView"] | ["calendarView"]) => {
            count("view");
            view(&mut world, account, "", asked)
        }
        ("GET", ["calendars", id, "calendarView", "delta" | "delta()"]) => {
            count("delta");
            delta(&mut world, account, id, asked)
        }
        ("POST", ["calendars", id, "events"]) => {
            count("create");
            create(shared, &mut world, account, id, asked)
        }
        ("GET", ["events", id]) => {
            count("event");
            match found(&mut world, account, id) {
                Some(folder) => folder.shown(id, expands(asked)).map_or_else(gone, tagged),
                None => gone(),
            }
        }
        ("PATCH", ["events", id]) => {
            count("change");
            change(shared, &mut world, account, id, asked)
        }
        ("DELETE", ["events", id]) => {
            count("delete");
            let Some(folder) = found(&mut world, account, id) else { return gone() };
            let calendar = folder.id.clone();
            folder.delete(id, shared.now());
            shared.tell(&world, account, &calendar, id, "deleted");
            StatusCode::NO_CONTENT.into_response()
        }
        ("POST", ["calendar", "getSchedule"]) => {
            count("schedule");
            schedule(shared, &mut world, account, asked)
        }
        (method, path) => {
            shared.faults.add(format!("Graph knows no {method} {}", path.join("/")));
            error(400, "BadRequest")
        }
    }
}

pub(super) fn gone() -> Response {
    error(404, "ErrorItemNotFound")
}

fn tagged(event: Value) -> Response {
    Json(event).into_response()
}

pub(super) fn expands(asked: &Asked<'_>) -> bool {
    asked.field("$expand").is_some_and(|what| what.starts_with("singleValueExtendedProperties"))
}

/// The calendar in which an event stands.
fn found<'w>(world: &'w mut World, account: &str, id: &str) -> Option<&'w mut Folder> {
    let mailbox = world.mailboxes.get_mut(account)?;
    mailbox.folders.iter_mut().find(|folder| folder.has(id))
}

/// What may stand in an event that is written.
const FIELDS: [&str; 14] = [
    "subject",
    "body",
    "start",
    "end",
    "isAllDay",
    "showAs",
    "transactionId",
    "attendees",
    "isReminderOn",
    "categories",
    "singleValueExtendedProperties",
    "location",
    "allowNewTimeProposals",
    "sensitivity",
];

fn fields(shared: &Shared, body: &Value) -> Option<Map<String, Value>> {
    let fields = body.as_object()?.clone();
    for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        shared.faults.add(format!("an event was sent with {name}"));
    }
    for name in ["start", "end"] {
        let Some(value) = fields.get(name) else { continue };
        let text = value.get("dateTime").and_then(Value::as_str).unwrap_or_default();
        if text.ends_with('Z')
            || !text.contains('T')
            || value.get("timeZone").is_none()
            || moment(value).is_none()
        {
            shared.faults.add(format!("an event was sent whose {name} is none"));
            return None;
        }
    }
    Some(fields)
}

fn create(shared: &Shared, world: &mut World, account: &str, calendar: &str, asked: &Asked<'_>) -> Response {
    let Some(fields) = fields(shared, &asked.body) else { return error(400, "ErrorInvalidRequest") };
    let now = shared.now();
    let Some(folder) = world.mailboxes.get_mut(account).and_then(|mailbox| mailbox.folder(calendar)) else {
        return gone();
    };
    if !folder.can_edit {
        return error(403, "ErrorAccessDenied");
    }
    let transaction = fields.get("transactionId").and_then(Value::as_str);
    if let Some(known) = transaction.and_then(|transaction| folder.by_transaction(transaction)).cloned() {
        // The same request made again makes no second event.
        let shown = folder.shown(&known, expands(asked)).unwrap_or_default();
        return (StatusCode::CREATED, Json(shown)).into_response();
    }
    let id = format!("AAkAL-{}", &ids::token()[..24]);
    folder.put(&id, fields, now);
    let shown = folder.shown(&id, expands(asked)).unwrap_or_default();
    shared.tell(world, account, calendar, &id, "created");
    (StatusCode::CREATED, Json(shown)).into_response()
}

fn change(shared: &Shared, world: &mut World, account: &str, id: &str, asked: &Asked<'_>) -> Response {
    let Some(fields) = fields(shared, &asked.body) else { return error(400, "ErrorInvalidRequest") };
    let now = shared.now();
    let Some(folder) = found(world, account, id) else { return gone() };
    let seen = asked.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    if seen.is_some_and(|seen| folder.etag(id).as_deref() != Some(seen)) {
        return error(412, "ErrorIrresolvableConflict");
    }
    folder.change_fields(id, fields, now);
    let (calendar, shown) = (folder.id.clone(), folder.shown(id, expands(asked)).unwrap_or_default());
    shared.tell(world, account, &calendar, id, "updated");
    tagged(shown)
}

fn schedule(shared: &Shared, world: &mut World, account: &str, asked: &Asked<'_>) -> Response {
    if world.mailboxes.get(account).is_some_and(|mailbox| mailbox.personal) {
        return error(400, "ErrorInvalidRequest");
    }
    let bound = |name: &str| {
        asked.body.get(name).filter(|value| {
            let text = value.get("dateTime").and_then(Value::as_str).unwrap_or_default();
            text.contains('T') && !text.ends_with('Z') && !text[10.min(text.len())..].contains(['+', '-'])
        })
    };
    let (Some(from), Some(until)) = (bound("startTime").and_then(moment), bound("endTime").and_then(moment))
    else {
        shared.faults.add("a schedule was asked for with a time that is none");
        return error(400, "ErrorInvalidRequest");
    };
    let wanted: Vec<String> =
        serde_json::from_value(asked.body.get("schedules").cloned().unwrap_or_default()).unwrap_or_default();
    let value: Vec<Value> = wanted
        .iter()
        .map(|address| {
            if let Some(code) = world.mailboxes.get(address).and_then(|mailbox| mailbox.unsaid.as_deref()) {
                return json!({ "scheduleId": address, "availabilityView": "", "scheduleItems": [],
                    "error": { "responseCode": code, "message": "it cannot be told" } });
            }
            let zone = world.mailboxes.get(address).map(|mailbox| mailbox.zone.clone());
            let Some(folder) = world.mailboxes.get_mut(address).and_then(|mailbox| mailbox.folder("")) else {
                return json!({ "scheduleId": address, "availabilityView": "", "scheduleItems": [],
                    "error": { "responseCode": "ErrorMailRecipientNotFound", "message": "not found" } });
            };
            let items: Vec<Value> = folder
                .items(from, until)
                .iter()
                .filter_map(|id| {
                    let shown = folder.shown(id, false)?;
                    Some(json!({ "status": shown["showAs"], "start": shown["start"], "end": shown["end"] }))
                })
                .collect();
            json!({ "scheduleId": address, "availabilityView": "", "scheduleItems": items, "workingHours": {
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "startTime": "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": { "name": zone },
            } })
        })
        .collect();
    Json(json!({ "value": value })).into_response()
}

async fn subscriptions(shared: &Shared, holder: &Holder, asked: &Asked<'_>) -> Response {
    let now = shared.now();
    let text = |name: &str| asked.body.get(name).and_then(Value::as_str);
    let until =
        text("expirationDateTime").and_then(|text| text.parse::<Instant>().ok()).map(Instant::as_microsecond);
    match (asked.method.as_str(), asked.path.as_slice()) {
        ("POST", ["subscriptions"]) => {
            *shared.world().counts.entry("subscribe").or_default() += 1;
            let (Some(address), Some(resource), Some(until)) =
                (text("notificationUrl"), text("resource"), until)
            else {
                return error(400, "InvalidRequest");
            };
            if until - now > SUBSCRIPTION_MICROS || text("changeType") != Some("created,updated,deleted") {
                shared.faults.add("a subscription was asked for too long, or for other changes");
                return error(400, "InvalidRequest");
            }
            let state = text("clientState").unwrap_or_default();
            let parts: Vec<&str> = resource.trim_matches('/').split('/').collect();
            let (account, folder) = match (parts.as_slice(), holder) {
                (["me", "events"], Holder::Person(account)) => (account.clone(), String::new()),
                (["me", "calendars", id, "events"], Holder::Person(account)) => {
                    (account.clone(), (*id).to_owned())
                }
                (["users", address, "calendars", id, "events"], Holder::Organisation(_)) => {
                    ((*address).to_owned(), (*id).to_owned())
                }
                _ => return error(400, "InvalidRequest"),
            };
            let lifecycle = text("lifecycleNotificationUrl");
            for url in std::iter::once(address).chain(lifecycle) {
                if !validates(shared, url).await {
                    return error(400, "ValidationError");
                }
            }
            let id = ids::fresh(shared.setup.clock.now()).to_string();
            let kept = Subscription {
                account,
                folder,
                address: address.to_owned(),
                lifecycle: lifecycle.map(str::to_owned),
                state: state.to_owned(),
                expires: until,
            };
            let mut world = shared.world();
            world.subscriptions.insert(id.clone(), kept);
            let shown = json!({ "id": id, "resource": resource, "changeType": "created,updated,deleted",
                "notificationUrl": address, "clientState": state, "expirationDateTime": mailbox::instant(until) });
            (StatusCode::CREATED, Json(shown)).into_response()
        }
        ("PATCH", ["subscriptions", id]) => {
            let mut world = shared.world();
            *world.counts.entry("renew").or_default() += 1;
            let Some(until) = until.filter(|until| until - now <= SUBSCRIPTION_MICROS) else {
                return error(400, "InvalidRequest");
            };
            let Some(known) = world.subscriptions.get_mut(*id) else { return error(404, "ResourceNotFound") };
            known.expires = until;
            Json(json!({ "id": id, "expirationDateTime": mailbox::instant(until) })).into_response()
        }
        ("DELETE", ["subscriptions", id]) => {
            let mut world = shared.world();
            *world.counts.entry("unsubscribe").or_default() += 1;
            match world.subscriptions.remove(*id) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => error(404, "ResourceNotFound"),
            }
        }
        _ => error(404, "ResourceNotFound"),
    }
}

/// Whether whoever listens at an address gives back what it is given there.
async fn validates(shared: &Shared, address: &str) -> bool {
    let token = format!("Validation: {} & more", &ids::token()[..16]);
    let Ok(mut url) = url::Url::parse(address) else { return false };
    url.query_pairs_mut().append_pair("validationToken", &token);
    let request = shared.client.post(url.as_str()).header(header::CONTENT_TYPE, "text/plain").send();
    let Some(Ok(answer)) = shared.setup.clock.within(VALIDATION_WAIT, request).await else { return false };
    let plain = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let right = answer.status() == StatusCode::OK && plain.is_some_and(|kind| kind.starts_with("text/plain"));
    right && answer.text().await.is_ok_and(|given| given == token)
}
