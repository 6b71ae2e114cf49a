//! The API's document: OpenAPI 3.1, made from the code that answers.
//!
//! What every operation has in common (who may ask, how a refusal looks, what is left of a quota) is said here once.

use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder, SecurityRequirement,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::http::problem;

/// A JSON merge patch (RFC 7396): what is to change, by name; null takes a value away.
#[derive(ToSchema)]
#[expect(dead_code, reason = "says what a body looks like; it is read as what it is laid over")]
pub struct MergePatch(serde_json::Map<String, serde_json::Value>);

#[derive(OpenApi)]
#[openapi(
    info(title = "frontdesk", description = "The admin API: people, numbers, assistants, what can be booked, \
        what was booked, and what was said. Every answer is JSON, every refusal a problem (RFC 9457). Lists are \
        paged by cursor. What people edit carries an `ETag`; a change with `If-Match` is refused with 412 when \
        somebody else was faster."),
    components(schemas(problem::Shown, problem::FaultShown)),
    modifiers(&Common),
)]
pub(super) struct Document;

const BEARER: &str = "bearer";
const PROBLEM: &str = "application/problem+json";

struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token of `POST /auth/login`, or an API key."))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}

/// Says of every operation what is true of all: who may ask and how it refuses. `open` are the paths that need no
/// token.
pub(super) fn finish(document: &mut utoipa::openapi::OpenApi, open: impl Fn(&str) -> bool) {
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            common(operation, open(path));
        }
    }
}

fn common(operation: &mut Operation, open: bool) {
    if !open {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    }
    let refusal = ResponseBuilder::new()
        .description("Refused: a problem.")
        .content(PROBLEM, ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build())
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(refusal));
}
