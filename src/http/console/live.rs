//! A call in the air, passed on from its page to a person.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::post,
};

use super::{failure::Failure, form::Typed, visitor::Reader};
use crate::{
    app::{transfer_targets, transfers},
    domain::id::CallId,
    http::Doors,
    live::Asked as AskedOfCall,
};

/// Transfer targets to choose from, at most.
const TARGETS_MAX: u32 = 50;

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/calls/{call}/transfer", post(transfer))
}

/// To whom a caller can be passed on: ids and names.
pub(super) async fn targets(doors: &Doors, reader: &Reader) -> Result<Vec<(String, String)>, Failure> {
    let all = transfer_targets::list(&doors.store, &reader.by, None, TARGETS_MAX).await?.items;
    Ok(all.into_iter().filter(|one| one.active).map(|one| (one.id.to_string(), one.name)).collect())
}

async fn transfer(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let call: CallId = call.parse().map_err(|_| Failure::NotFound)?;
    let target = typed.get("target").parse().map_err(|_| Failure::NotFound)?;
    let in_air = doors.lines.carries(reader.by.tenant(), &call);
    let asked = transfers::Asked { target, announced: None, wish: String::new() };
    let transfer = transfers::ask(&doors.store, &reader.by, doors.clock.now(), &call, asked, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(reader.by.tenant(), &call, AskedOfCall::PassOn);
    Ok(reader.done(&format!("/console/calls/{call}"), &reader.t("live-passed-on").s("name", &transfer.name)))
}
