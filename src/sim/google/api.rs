//! Google Calendar's API v3, as far as frontdesk needs it (protocols.md §3.2).
//!
//! What Google would refuse is refused as it does; what a right client never sends is a fault besides.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request},
    response::{Html, IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Map, Value, json};

use super::{
    Exchanged, Kind, Role, Shared, Trouble,
    calendar::{Calendar, Window, etag},
    fields,
    writes::{delete, fresh_id, insert, patch, stop, watch},
};
use crate::domain::time::Timestamp;

/// Longest request that is read, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What every scope's name begins with.
const SCOPES: &str = "https://www.googleapis.com/auth/";
/// Calendars of one free/busy question.
const BUSY_MAX: usize = 50;

type Pairs = Vec<(String, String)>;

/// What is answered: a status and a body; null for none.
pub(super) struct Answer {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body, retry_after: None }
    }

    pub(super) fn done() -> Self {
        Self { status: 204, body: Value::Null, retry_after: None }
    }

    pub(super) fn problem(status: u16, reason: &str, message: &str) -> Self {
        let first = json!({ "domain": "global", "reason": reason, "message": message });
        let body = json!({ "error": { "code": status, "message": message, "errors": [first] } });
        Self { status, body, retry_after: None }
    }

    pub(super) fn not_found() -> Self {
        Self::problem(404, "notFound", "Not Found")
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::problem(400, "invalid", message)
    }
}

/// Who asks, and what they may.
pub(super) struct Who {
    account: String,
    scopes: BTreeSet<String>,
}

impl Who {
    fn has(&self, any: &[&str]) -> bool {
        any.iter().any(|name| self.scopes.contains(&format!("{SCOPES}{name}")))
    }
}

/// A request, taken apart.
pub(super) struct Asked<'r> {
    who: Who,
    path: Vec<&'r str>,
    query: &'r Pairs,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r Value,
}

impl Asked<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn at(&self, place: usize) -> &str {
        self.path.get(place).copied().unwrap_or_default()
    }
}

/// One request, whatever it asks for and whatever goes wrong with it.
pub(super) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(sent) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (path, segments) = path_of(&head);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some(kind) = Kind::of(&head.method, &segments) else {
        shared.faults.add(format!("API: {} {path} is not known", head.method));
        return shown(Answer::not_found());
    };
    shared.count(kind);
    let trouble = shared.befalls(kind);
    if let Some(answer) = trouble.and_then(refused) {
        return answer;
    }
    if let Some(Trouble::DoneLater(wait)) = trouble {
        let later = shared.clone();
        shared.tasks.spawn(async move {
            later.setup.clock.sleep(wait).await;
            done(&later, kind, &head, &sent, None).await
        });
        return broken();
    }
    done(&shared, kind, &head, &sent, trouble).await
}

fn path_of(head: &request::Parts) -> (String, Vec<String>) {
    let path = head.uri.path().trim_start_matches(super::API_PATH).trim_matches('/').to_owned();
    let segments = path.split('/').map(decoded).collect();
    (path, segments)
}

/// What is asked for is done, as far as trouble lets it be.
async fn done(
    shared: &Arc<Shared>,
    kind: Kind,
    head: &request::Parts,
    sent: &[u8],
    trouble: Option<Trouble>,
) -> Response {
    let (path, segments) = path_of(head);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = head.uri.query().unwrap_or_default();
    let query: Pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let body = serde_json::from_slice(sent).unwrap_or(Value::Null);
    let answer = match who(shared, &head.headers) {
        None => Answer::problem(401, "authError", "Invalid Credentials"),
        Some(who) => {
            let asked = Asked { who, path: segments, query: &query, headers: &head.headers, body: &body };
            let first = answer(shared, kind, &asked);
            if trouble == Some(Trouble::Twice) { answer(shared, kind, &asked) } else { first }
        }
    };
    shared.note(|| Exchanged {
        kind,
        method: head.method.to_string(),
        path: path.clone(),
        query: query.clone(),
        body: body.clone(),
        status: answer.status,
        answer: answer.body.clone(),
    });
    let wanted = query.iter().find(|(name, _)| name == "fields").filter(|_| answer.status == 200);
    let answer = match wanted {
        Some((_, wanted)) => match fields::partial(&answer.body, wanted) {
            Some(body) => Answer { body, ..answer },
            None => Answer::problem(400, "invalidParameter", "Invalid field selection"),
        },
        None => answer,
    };
    answered_late(shared, trouble, shown(answer)).await
}

/// The answer, as far as trouble lets it through after all was done.
pub(super) async fn answered_late(shared: &Shared, trouble: Option<Trouble>, answer: Response) -> Response {
    match trouble {
        Some(Trouble::AnswerLost) => broken(),
        Some(Trouble::Late(time)) => {
            shared.setup.clock.sleep(time).await;
            answer
        }
        _ => answer,
    }
}

/// A connection that ends where an answer should be.
pub(super) fn broken() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("lost")) });
    Body::from_stream(broken).into_response()
}

/// What goes wrong before anything is done.
fn refused(trouble: Trouble) -> Option<Response> {
    let answer = match trouble {
        Trouble::Unauthorized => Answer::problem(401, "authError", "Invalid Credentials"),
        Trouble::RateLimited(reason) => Answer::problem(403, reason, "Rate Limit Exceeded"),
        Trouble::Forbidden => Answer::problem(403, "forbidden", "Forbidden"),
        Trouble::TooMany(retry_after) => {
            Answer { retry_after, ..Answer::problem(429, "rateLimitExceeded", "Rate Limit Exceeded") }
        }
        Trouble::Broken(status) => Answer::problem(status, "backendError", "Backend Error"),
        Trouble::Refused(status, reason) => Answer::problem(status, reason, "Refused"),
        Trouble::Dropped => return Some(broken()),
        Trouble::Garbled => return Some(Html("<html><p>Sorry").into_response()),
        Trouble::Long(bytes) => return Some(format!("{{\"x\":\"{}\"}}", "x".repeat(bytes)).into_response()),
        Trouble::AnswerLost
        | Trouble::Twice
        | Trouble::DoneLater(_)
        | Trouble::Late(_)
        | Trouble::InvalidGrant => return None,
    };
    Some(shown(answer))
}

fn shown(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if answer.body.is_null() {
        status.into_response()
    } else {
        (status, axum::Json(answer.body)).into_response()
    };
    if let Some(seconds) = answer.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn who(shared: &Shared, headers: &HeaderMap) -> Option<Who> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let tokens = shared.tokens();
    let access = tokens.access.get(given).filter(|access| access.expires > shared.setup.clock.now())?;
    let grant = tokens.grants.get(&access.grant).filter(|grant| !grant.over)?;
    Some(Who { account: grant.account.clone(), scopes: grant.scopes.clone() })
}

fn decoded(segment: &str) -> String {
    // A plus sign is itself in a path, and a space in a form.
    let form = segment.replace('+', "%2B");
    form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn answer(shared: &Arc<Shared>, kind: Kind, asked: &Asked<'_>) -> Answer {
    let done = match kind {
        Kind::List => list(shared, asked),
        Kind::FreeBusy => free_busy(shared, asked),
        Kind::Events => events(shared, asked),
        Kind::Event => event(shared, asked),
        Kind::Insert => insert(shared, asked),
        Kind::Patch => patch(shared, asked),
        Kind::Delete => delete(shared, asked),
        Kind::Watch => watch(shared, asked),
        Kind::Stop => stop(shared, asked),
        Kind::Consent | Kind::Token | Kind::Revoke => Err(Answer::not_found()),
    };
    done.unwrap_or_else(|refusal| refusal)
}

fn scope_missing() -> Answer {
    let mut answer =
        Answer::problem(403, "insufficientPermissions", "Request had insufficient authentication scopes.");
    let detail = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com" });
    answer.body["error"]["details"] = json!([detail]);
    answer
}

fn list(shared: &Shared, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let scopes = ["calendar", "calendar.readonly", "calendar.calendarlist", "calendar.calendarlist.readonly"];
    if !asked.who.has(&scopes) {
        return Err(scope_missing());
    }
    let world = shared.world();
    let none = vec![];
    let all = world.accounts.get(&asked.who.account).unwrap_or(&none);
    let size = asked.get("maxResults").and_then(|size| size.parse().ok()).unwrap_or(100).min(250);
    let size = shared.page_size(size);
    let from: usize = asked.get("pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let items = all.iter().skip(from).take(size).filter_map(|(id, role)| {
        let calendar = world.calendars.get(id)?;
        let mut item = json!({ "kind": "calendar#calendarListEntry", "etag": etag(1), "id": id,
            "summary": calendar.name, "timeZone": calendar.zone, "accessRole": role.as_str(), "selected": true });
        if *id == asked.who.account {
            item["primary"] = true.into();
        }
        Some(item)
    });
    let items: Vec<Value> = items.collect();
    let mut body = json!({ "kind": "calendar#calendarList", "etag": etag(1), "items": items });
    match from + size < all.len() {
        true => body["nextPageToken"] = (from + size).to_string().into(),
        false => body["nextSyncToken"] = "list".into(),
    }
    Ok(Answer::ok(body))
}

fn instant(text: Option<&str>) -> Result<Option<i64>, Answer> {
    let Some(text) = text else { return Ok(None) };
    let at =
        text.parse::<jiff::Timestamp>().map_err(|_| Answer::problem(400, "badRequest", "Bad Request"))?;
    Ok(Some(at.as_microsecond()))
}

fn free_busy(shared: &Shared, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let scopes = ["calendar", "calendar.readonly", "calendar.freebusy", "calendar.events.freebusy"];
    if !asked.who.has(&scopes) {
        return Err(scope_missing());
    }
    let (min, max) = (instant(asked.body["timeMin"].as_str())?, instant(asked.body["timeMax"].as_str())?);
    let (Some(min), Some(max)) = (min, max) else {
        return Err(Answer::problem(400, "required", "Missing time range"));
    };
    if min >= max {
        return Err(Answer::problem(400, "timeRangeEmpty", "The specified time range is empty."));
    }
    let world = shared.world();
    let mut calendars = Map::new();
    let items = asked.body["items"].as_array().map_or(&[][..], Vec::as_slice);
    for id in items.iter().filter_map(|item| item["id"].as_str()) {
        let failed =
            |reason: &str| json!({ "errors": [{ "domain": "global", "reason": reason }], "busy": [] });
        let visible = world.role(&asked.who.account, id).is_some();
        let entry = match world.calendars.get(id).filter(|_| visible) {
            _ if items.len() > BUSY_MAX => failed("tooManyCalendarsRequested"),
            None => failed("notFound"),
            Some(_) if world.busy_errors.contains_key(id) => failed(&world.busy_errors[id]),
            Some(calendar) => json!({ "busy": busy(calendar, min, max) }),
        };
        calendars.insert(id.to_owned(), entry);
    }
    let body = json!({ "kind": "calendar#freeBusy", "timeMin": asked.body["timeMin"],
        "timeMax": asked.body["timeMax"], "calendars": calendars });
    Ok(Answer::ok(body))
}

/// What takes time between two instants, put together where it overlaps.
fn busy(calendar: &Calendar, min: i64, max: i64) -> Vec<Value> {
    let window = Window { min: Some(min), max: Some(max), single: true };
    let mut stretches: Vec<(i64, i64)> = calendar
        .page(window, None, usize::MAX)
        .0
        .iter()
        .filter(|event| {
            let declined = event["attendees"].as_array().is_some_and(|all| {
                all.iter().any(|one| one["self"] == true && one["responseStatus"] == "declined")
            });
            let free = ["workingLocation", "birthday"].iter().any(|kind| event["eventType"] == *kind);
            event["transparency"] != "transparent" && !declined && !free
        })
        .filter_map(|event| Some((calendar.told(&event["start"])?, calendar.told(&event["end"])?)))
        .map(|(start, end)| (start.max(min), end.min(max)))
        .filter(|(start, end)| start < end)
        .collect();
    stretches.sort_unstable();
    let mut merged: Vec<(i64, i64)> = vec![];
    for (start, end) in stretches {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let text = |at: i64| Timestamp(at).to_string();
    merged.into_iter().map(|(start, end)| json!({ "start": text(start), "end": text(end) })).collect()
}

/// Whether somebody may read or write events of a calendar.
pub(super) fn may(shared: &Shared, asked: &Asked<'_>, id: &str, write: bool) -> Result<(), Answer> {
    let all: &[&str] = if write {
        &["calendar", "calendar.events"]
    } else {
        &["calendar", "calendar.events", "calendar.readonly", "calendar.events.readonly"]
    };
    let owned: &[&str] = if write {
        &["calendar.events.owned"]
    } else {
        &["calendar.events.owned", "calendar.events.owned.readonly"]
    };
    if !asked.who.has(all) && !asked.who.has(owned) {
        return Err(scope_missing());
    }
    let Some(role) = shared.world().role(&asked.who.account, id) else { return Err(Answer::not_found()) };
    if role == Role::Owner || (asked.who.has(all) && role >= if write { Role::Writer } else { Role::Reader })
    {
        return Ok(());
    }
    let reason = if asked.who.has(all) { "forbidden" } else { "insufficientPermissions" };
    Err(Answer::problem(403, reason, "Insufficient Permission"))
}

/// Parts of a token, which nobody but Google can read.
fn sealed(parts: &[String]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(parts.join("\u{1f}"))
}

fn unsealed(token: &str) -> Option<Vec<String>> {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token).ok()?;
    Some(String::from_utf8(bytes).ok()?.split('\u{1f}').map(str::to_owned).collect())
}

fn events(shared: &Shared, asked: &Asked<'_>) -> Result<Answer, Answer> {
    const NOT_BESIDE: [&str; 8] = [
        "iCalUID",
        "orderBy",
        "privateExtendedProperty",
        "q",
        "sharedExtendedProperty",
        "timeMin",
        "timeMax",
        "updatedMin",
    ];
    let id = asked.at(1);
    may(shared, asked, id, false)?;
    let size = asked.get("maxResults").and_then(|size| size.parse().ok()).unwrap_or(250).clamp(1, 2_500);
    let size = shared.page_size(size);
    let single = asked.get("singleEvents") == Some("true");
    if asked.get("orderBy") == Some("startTime") && !single {
        return Err(Answer::problem(400, "badRequest", "The requested ordering is not available."));
    }
    let mut world = shared.world();
    let blank = world.blank_page();
    let calendar = world.calendars.get(id).ok_or_else(Answer::not_found)?;
    let mut body = json!({ "kind": "calendar#events", "etag": etag(calendar.changes), "summary": calendar.name,
        "timeZone": calendar.zone, "accessRole": "owner", "defaultReminders": [], "items": [] });
    let page =
        asked.get("pageToken").map(|token| unsealed(token).ok_or_else(|| Answer::invalid("pageToken")));
    let page = page.transpose()?;
    let number = |parts: &[String], at: usize| parts.get(at).and_then(|part| part.parse::<i64>().ok());
    if let Some(token) = asked.get("syncToken") {
        if NOT_BESIDE.iter().any(|name| asked.get(name).is_some()) {
            return Err(Answer::invalid("syncToken stands beside what it excludes"));
        }
        let parts = unsealed(token).filter(|parts| parts.first().is_some_and(|kind| kind == "sync"));
        let parts = parts.ok_or_else(|| Answer::invalid("syncToken"))?;
        let mine = parts.get(1).is_some_and(|calendar| calendar == id);
        let since = number(&parts, 3).and_then(|since| u64::try_from(since).ok()).filter(|_| mine);
        let since = since.ok_or_else(|| Answer::invalid("syncToken"))?;
        let single_before = parts.get(6).is_some_and(|single| single == "true");
        if number(&parts, 2).and_then(|epoch| u64::try_from(epoch).ok()) != Some(calendar.epoch) {
            let why = "Sync token is no longer valid, a full sync is required.";
            return Err(Answer::problem(410, "fullSyncRequired", why));
        }
        if single_before != single {
            return Err(Answer::invalid("singleEvents is not what it was"));
        }
        let window = Window { min: number(&parts, 4), max: number(&parts, 5), single };
        let after = match &page {
            Some(parts) => number(parts, 1).and_then(|after| u64::try_from(after).ok()).unwrap_or(since),
            None => since,
        };
        let sync = |since: u64| {
            let mut parts = parts.clone();
            parts[3] = since.to_string();
            sealed(&parts)
        };
        if blank {
            body["nextPageToken"] = sealed(&["change".to_owned(), after.to_string(), fresh_id()]).into();
            return Ok(Answer::ok(body));
        }
        let mut items = vec![];
        let mut last = after;
        let mut more = false;
        for (change, what) in calendar.by_change.range(after + 1..) {
            if items.len() >= size {
                more = true;
                break;
            }
            items.extend(calendar.told_of(what, window));
            last = *change;
        }
        body["items"] = items.into();
        match more {
            true => body["nextPageToken"] = sealed(&["change".to_owned(), last.to_string()]).into(),
            false => body["nextSyncToken"] = sync(calendar.changes).into(),
        }
        return Ok(Answer::ok(body));
    }
    let window = Window { min: instant(asked.get("timeMin"))?, max: instant(asked.get("timeMax"))?, single };
    if window.min.zip(window.max).is_some_and(|(min, max)| min >= max) {
        return Err(Answer::problem(400, "timeRangeEmpty", "The specified time range is empty."));
    }
    let shape = format!("{id}{window:?}");
    let (after, as_of) = match &page {
        None => (None, calendar.changes),
        Some(parts) if parts.first() == Some(&shape) => {
            let after = number(parts, 2).zip(parts.get(3).cloned());
            (after, number(parts, 1).and_then(|as_of| u64::try_from(as_of).ok()).unwrap_or(0))
        }
        Some(_) => {
            shared.faults.add("events: a pageToken with another question than its own");
            return Err(Answer::invalid("pageToken"));
        }
    };
    // No two tokens are alike: one that comes again would be a page that follows itself.
    let page_token = |after: Option<&(i64, String)>| {
        let (start, id) = after.map_or_else(Default::default, |(start, id)| (start.to_string(), id.clone()));
        sealed(&[shape.clone(), as_of.to_string(), start, id, fresh_id()])
    };
    if blank {
        body["nextPageToken"] = page_token(after.as_ref()).into();
        return Ok(Answer::ok(body));
    }
    let (items, next) = calendar.page(window, after.as_ref(), size);
    body["items"] = items.into();
    match next {
        Some(next) => body["nextPageToken"] = page_token(Some(&next)).into(),
        // Ordered answers have no sync token.
        None if asked.get("orderBy").is_some() => {}
        None => {
            let text = |at: Option<i64>| at.map_or_else(String::new, |at| at.to_string());
            let parts = [
                "sync".to_owned(),
                id.to_owned(),
                calendar.epoch.to_string(),
                as_of.to_string(),
                text(window.min),
                text(window.max),
                single.to_string(),
            ];
            body["nextSyncToken"] = sealed(&parts).into();
        }
    }
    Ok(Answer::ok(body))
}

fn event(shared: &Shared, asked: &Asked<'_>) -> Result<Answer, Answer> {
    may(shared, asked, asked.at(1), false)?;
    let world = shared.world();
    let calendar = world.calendars.get(asked.at(1)).ok_or_else(Answer::not_found)?;
    let id = asked.at(3);
    let occurrence = || {
        let (master, _) = id.rsplit_once('_')?;
        let all = calendar.occurrences(master, Window::default());
        all.into_iter().find(|(one, ..)| one == id).map(|(_, _, body)| body)
    };
    calendar.shown(id).or_else(occurrence).map(Answer::ok).ok_or_else(Answer::not_found)
}
