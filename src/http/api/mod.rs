//! The admin API: what people and programs of a tenant ask for, as JSON.
//!
//! One file per subject: wire types, and the way from a request to `app` and back. Decides nothing: who may do what,
//! and whether it makes sense, is said by `app`.

mod assistants;
mod audit;
mod contacts;
mod doc;
pub mod form;
mod messages;
mod resources;
mod schedules;
mod services;

use axum::Router;
use utoipa::{OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

use super::Doors;

/// Every operation there is, with its place in the document.
fn operations() -> OpenApiRouter<Doors> {
    OpenApiRouter::with_openapi(doc::Document::openapi())
        .merge(assistants::router())
        .merge(services::router())
        .merge(resources::router())
        .merge(schedules::router())
        .merge(contacts::router())
        .merge(messages::router())
        .merge(audit::router())
}

/// The API's doors.
pub(super) fn router() -> Router<Doors> {
    operations().split_for_parts().0
}

/// The API's document: OpenAPI 3.1.
pub fn document() -> openapi::OpenApi {
    let mut document = operations().into_openapi();
    doc::finish(&mut document, |path| path.starts_with("/auth/"));
    document
}
