//! The admin API: what people and programs of a tenant ask for, as JSON.
//!
//! One file per subject: wire types, and the way from a request to `app` and back. Decides nothing: who may do what,
//! and whether it makes sense, is said by `app`.

mod doc;
pub mod form;
mod services;

use axum::Router;
use utoipa::{OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

use super::Doors;

/// Every operation there is, with its place in the document.
fn operations() -> OpenApiRouter<Doors> {
    OpenApiRouter::with_openapi(doc::Document::openapi()).merge(services::router())
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
