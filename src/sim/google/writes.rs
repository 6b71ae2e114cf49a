//! What changes something at Google: events written, changed and taken back, channels opened and closed.
//!
//! Everybody who watches the calendar is told of it.

use std::sync::Arc;

use axum::http::header;
use serde_json::{Map, Value, json};

use super::{
    Shared,
    api::{Answer, Asked, may},
    calendar::{Calendar, Stored, etag},
    push,
};
use crate::{domain::time::Timestamp, platform::ids};

/// Refuses what Google would refuse of an event's body, and notes what it does not know.
fn checked(shared: &Shared, calendar: &Calendar, body: &Map<String, Value>) -> Result<(), Answer> {
    const KNOWN: [&str; 20] = [
        "id",
        "status",
        "summary",
        "description",
        "location",
        "start",
        "end",
        "attendees",
        "extendedProperties",
        "recurrence",
        "transparency",
        "visibility",
        "eventType",
        "reminders",
        "colorId",
        "source",
        "guestsCanInviteOthers",
        "guestsCanModify",
        "guestsCanSeeOtherGuests",
        "sequence",
    ];
    for name in body.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        shared.faults.add(format!("event: nobody writes {name}"));
    }
    let mut told = vec![];
    for name in ["start", "end"] {
        let Some(moment) = body.get(name).filter(|moment| moment.is_object()) else {
            return Err(Answer::problem(400, "required", &format!("Missing {name} time.")));
        };
        let both = !moment["date"].is_null() && !moment["dateTime"].is_null();
        let at = calendar.told(moment).filter(|_| !both);
        told.push(at.ok_or_else(|| Answer::invalid("Invalid start or end time."))?);
    }
    if told[1] < told[0] {
        return Err(Answer::problem(400, "timeRangeEmpty", "The specified time range is empty."));
    }
    Ok(())
}

pub(super) fn insert(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let id = asked.at(1);
    may(shared, asked, id, true)?;
    let Value::Object(body) = asked.body else {
        return Err(Answer::problem(400, "parseError", "Parse Error"));
    };
    let now = shared.setup.clock.now().0;
    let shown = {
        let mut world = shared.world();
        let calendar = world.calendars.get_mut(id).ok_or_else(Answer::not_found)?;
        let name = match body.get("id").and_then(Value::as_str) {
            Some(name) => {
                let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'v').contains(&b);
                if !(5..=1_024).contains(&name.len()) || !name.bytes().all(plain) {
                    return Err(Answer::invalid("Invalid resource id value."));
                }
                name.to_owned()
            }
            None => fresh_id(),
        };
        checked(shared, calendar, body)?;
        // Also one that was deleted keeps its name.
        if calendar.get(&name).is_some() {
            return Err(Answer::problem(409, "duplicate", "The requested identifier already exists."));
        }
        calendar.put(&name, body.clone(), now);
        calendar.shown(&name).unwrap_or_default()
    };
    push::tell(shared, id, None, "exists");
    Ok(Answer::ok(shown))
}

/// An event's name of Google's own making.
pub(super) fn fresh_id() -> String {
    ids::token()[..26].to_owned()
}

fn stale(asked: &Asked<'_>, stored: &Stored) -> Result<(), Answer> {
    let seen = asked.headers.get(header::IF_MATCH).and_then(|seen| seen.to_str().ok());
    match seen.is_some_and(|seen| seen != "*" && seen != etag(stored.change)) {
        true => Err(Answer::problem(412, "conditionNotMet", "Precondition Failed")),
        false => Ok(()),
    }
}

pub(super) fn patch(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let id = asked.at(1);
    may(shared, asked, id, true)?;
    let now = shared.setup.clock.now().0;
    let shown = {
        let mut world = shared.world();
        let calendar = world.calendars.get_mut(id).ok_or_else(Answer::not_found)?;
        let name = asked.at(3);
        let stored = calendar.get(name).ok_or_else(Answer::not_found)?;
        stale(asked, stored)?;
        let mut body = Value::Object(stored.more.clone());
        if stored.cancelled {
            body["status"] = "cancelled".into();
        }
        merge(&mut body, asked.body);
        let Value::Object(body) = body else {
            return Err(Answer::problem(400, "parseError", "Parse Error"));
        };
        checked(shared, calendar, &body)?;
        calendar.put(name, body, now);
        calendar.shown(name).unwrap_or_default()
    };
    push::tell(shared, id, None, "exists");
    Ok(Answer::ok(shown))
}

/// A change by example: what is named is replaced, null takes away, lists are replaced whole.
pub(super) fn merge(value: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *value = change.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (name, change) in change {
        if let Some(object) = value.as_object_mut() {
            if change.is_null() {
                object.remove(name);
            } else {
                merge(object.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

pub(super) fn delete(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let id = asked.at(1);
    may(shared, asked, id, true)?;
    let now = shared.setup.clock.now().0;
    {
        let mut world = shared.world();
        let calendar = world.calendars.get_mut(id).ok_or_else(Answer::not_found)?;
        stale(asked, calendar.get(asked.at(3)).ok_or_else(Answer::not_found)?)?;
        if !calendar.delete(asked.at(3), now) {
            return Err(Answer::problem(410, "deleted", "Resource has been deleted"));
        }
    }
    push::tell(shared, id, None, "exists");
    Ok(Answer::done())
}

pub(super) fn watch(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let calendar = asked.at(1);
    may(shared, asked, calendar, false)?;
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default();
    if text("type") != "web_hook" || text("id").is_empty() || text("token").len() > 256 {
        return Err(Answer::invalid("Invalid channel"));
    }
    if !push::fits(text("address")) {
        return Err(Answer::problem(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS"));
    }
    let wished = text("expiration").parse::<i64>().ok().map(|millis| Timestamp(millis.saturating_mul(1_000)));
    let until = push::until(wished, &shared.setup.clock);
    let resource =
        format!("res-{:x}", calendar.bytes().fold(7_u64, |sum, b| sum.wrapping_mul(31) + u64::from(b)));
    let id = text("id").to_owned();
    {
        let mut channels = shared.channels();
        if channels.contains_key(&id) {
            return Err(Answer::problem(400, "channelIdNotUnique", "Channel id not unique"));
        }
        let mut channel = push::Channel::new(&id, calendar, &resource);
        channel.address = text("address").to_owned();
        channel.token = text("token").to_owned();
        channel.until = until;
        channels.insert(id.clone(), channel);
    }
    push::tell(shared, calendar, Some(&id), "sync");
    Ok(Answer::ok(json!({ "kind": "api#channel", "id": id, "resourceId": resource,
        "resourceUri": push::resource_uri(shared, calendar), "token": asked.body["token"],
        "expiration": (until.0 / 1_000).to_string() })))
}

pub(super) fn stop(shared: &Shared, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default();
    let mut channels = shared.channels();
    let known = channels.get(text("id")).is_some_and(|channel| channel.resource == text("resourceId"));
    if !known {
        return Err(Answer::problem(404, "notFound", "Channel not found"));
    }
    channels.remove(text("id"));
    Ok(Answer::done())
}
