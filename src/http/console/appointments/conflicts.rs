//! `/console/appointments/conflicts`: two things that want the same time.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    super::{
        failure::Failure,
        format,
        page::{Page, show},
        visitor::Reader,
    },
    PATH,
};
use crate::{
    app::{self, appointments, clashes},
    domain::{
        calendar::{Clash, ClashKind},
        id::ClashId,
        people::{Subject, Verb},
    },
    http::Doors,
};

/// Conflicts on a page.
const ON_PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "appointments/conflicts.html", config = ".askama.toml")]
struct ConflictsPage {
    page: Page,
    rows: Vec<Row>,
    may_write: bool,
}

struct Row {
    clash: Clash,
    what: String,
    when: String,
    way: String,
}

pub(super) async fn list(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let open = clashes::list(&doors.store, &reader.by, Some(true), None, ON_PAGE).await?;
    let mut times = BTreeMap::new();
    for clash in &open.items {
        match appointments::get(&doors.store, &reader.by, &clash.appointment).await {
            Ok(kept) => {
                let wall = reader.zone().wall(kept.item.time.start);
                times.insert(clash.id.to_string(), format::moment_in_text(&wall, reader.language));
            }
            Err(app::Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let rows = open.items.into_iter().map(|clash| Row {
        what: reader
            .t(match clash.what {
                ClashKind::EventOverAppointment => "clash-event-over",
                ClashKind::MovedOntoAnother => "clash-moved-onto",
                ClashKind::EventWasFirst => "clash-event-first",
                ClashKind::MovedTwice => "clash-moved-twice",
            })
            .to_string(),
        when: times.remove(clash.id.as_str()).unwrap_or_default(),
        way: format!("{PATH}/{}", clash.appointment),
        clash,
    });
    let shown = ConflictsPage {
        rows: rows.collect(),
        may_write: reader.may(Verb::Write, Subject::Appointments),
        page: Page::new(&reader, PATH, reader.t("conflicts-title"), doors.clock.now()),
    };
    show(&shown)
}

pub(super) async fn settle(
    State(doors): State<Doors>,
    reader: Reader,
    Path(clash): Path<String>,
) -> Result<Response, Failure> {
    let id: ClashId = clash.parse().map_err(|_| Failure::NotFound)?;
    clashes::settle(&doors.store, &reader.by, doors.clock.now(), &id).await?;
    Ok(reader.done("/console/appointments/conflicts", &reader.t("conflicts-settled")))
}
