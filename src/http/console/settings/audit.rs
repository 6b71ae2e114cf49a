//! `/console/settings/audit`: who changed what, and whether the log is as it was written.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use crate::{
    app::{audit, people::members},
    domain::people::{Subject, Verb},
    http::{
        Doors,
        console::{
            failure::Failure,
            form::Typed,
            lists::{self, Next},
            page::{Page, show as answer},
            visitor::Reader,
        },
    },
    store::{AuditEntry, AuditFilter},
};

const ON_PAGE: u32 = 50;
/// Members whose addresses are shown in place of their ids.
const MEMBERS_MAX: u32 = 200;
const PATH: &str = "/console/settings/audit";

pub(super) fn router() -> Router<Doors> {
    Router::new().route(PATH, get(show)).route("/console/settings/audit/verify", post(verify))
}

#[derive(Template)]
#[template(path = "settings/audit.html", config = ".askama.toml")]
struct AuditPage {
    page: Page,
    rows: Vec<Row>,
    next: Option<Next>,
}

/// A change as it is shown.
struct Row {
    entry: AuditEntry,
    who: String,
    by_operator: bool,
    changes: Vec<(String, String, String)>,
}

async fn show(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(query.unwrap_or_default().as_bytes());
    let after = lists::place(asked.get("after"));
    let filter = asked.maybe("subject").map_or(AuditFilter::All, |id| AuditFilter::Subject(id.to_owned()));
    let log = audit::list(&doors.store, &reader.by, &filter, after.as_ref(), ON_PAGE).await?;
    let known: BTreeMap<String, String> = if reader.may(Verb::Read, Subject::Members) {
        let members = members::list(&doors.store, &reader.by, None, MEMBERS_MAX).await?;
        let named = |member: crate::store::Member| {
            // A name is what somebody says; the address is what she signs in with.
            let who = match member.name.as_str() {
                "" => member.email.to_string(),
                name => format!("{name} ({})", member.email),
            };
            (member.user.to_string(), who)
        };
        members.items.into_iter().map(|member| named(member.item)).collect()
    } else {
        BTreeMap::new()
    };
    let page = super::page(&reader, "settings-audit", doors.clock.now());
    let rows = log
        .items
        .into_iter()
        .map(|entry| Row {
            by_operator: entry.actor.starts_with("operator:"),
            who: known.get(&entry.actor).cloned().unwrap_or_else(|| entry.actor.clone()),
            changes: changes(&entry.changes),
            entry,
        })
        .collect();
    answer(&AuditPage { page, rows, next: Next::of(log.next.as_ref(), &asked) })
}

/// What was before and after, part by part.
fn changes(text: &str) -> Vec<(String, String, String)> {
    let Ok(Value::Object(parts)) = serde_json::from_str(text) else { return vec![] };
    let plain = |value: Option<&Value>| match value.filter(|value| !value.is_null()) {
        None => "–".to_owned(),
        Some(value) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    parts
        .iter()
        .map(|(name, value)| {
            let change = value.as_object();
            match change.filter(|change| change.contains_key("before") || change.contains_key("after")) {
                Some(change) => (name.clone(), plain(change.get("before")), plain(change.get("after"))),
                None => (name.clone(), String::new(), plain(Some(value))),
            }
        })
        .collect()
}

async fn verify(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let said = match audit::verify(&doors.store, &reader.by).await? {
        Ok(count) => reader.t("audit-intact").n("count", count),
        Err(broken) => reader.t("audit-broken").n("ordinal", broken.ordinal),
    };
    Ok(reader.done(PATH, &said))
}
