//! `/console/events`: what happens at the tenant, for pages that are open; the API's stream, for browsers.

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{failure::Failure, visitor::Reader};
use crate::{
    domain::id::CallId,
    http::{Doors, api::events},
};

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/events", get(of_tenant)).route("/console/calls/{call}/events", get(of_call))
}

async fn of_tenant(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    stream(doors, &reader, None).await
}

async fn of_call(
    State(doors): State<Doors>,
    reader: Reader,
    Path(call): Path<String>,
) -> Result<Response, Failure> {
    let call = call.parse().map_err(|_| Failure::NotFound)?;
    stream(doors, &reader, Some(call)).await
}

async fn stream(doors: Doors, reader: &Reader, call: Option<CallId>) -> Result<Response, Failure> {
    let proof = reader.proof().ok_or(Failure::SignIn)?;
    Ok(events::watch(doors, reader.by.clone(), proof, call).await?.into_response())
}
