//! The document of what can be asked over HTTP: OpenAPI 3.1, made from the code that answers.
//!
//! What every operation has in common (who may ask, how a refusal looks, what is left of a quota) is said here once.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        ContentBuilder, Object, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use utoipa_swagger_ui::SwaggerUi;

use super::problem;

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

/// What the paths begin with that need a token.
const CLOSED: [&str; 2] = ["/api/", "/users/"];

/// Says of every operation what is true of all: who may ask and how it refuses.
pub(super) fn finish(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let closed = CLOSED.iter().any(|start| path.starts_with(start));
        let edited = path.ends_with('}');
        let operations = [
            (&mut item.get, false),
            (&mut item.post, false),
            (&mut item.put, edited),
            (&mut item.patch, edited),
            (&mut item.delete, edited),
        ];
        for (operation, changes) in operations {
            let Some(operation) = operation else { continue };
            name(path, operation);
            if changes && closed {
                operation.parameters.get_or_insert_default().push(RefOr::T(seen()));
            }
            if closed {
                let bearer = SecurityRequirement::new(BEARER, Vec::<String>::new());
                operation.security.get_or_insert_with(|| vec![bearer]);
            }
            for (status, answer) in &mut operation.responses.responses {
                if let RefOr::T(answer) = answer
                    && answer.description.is_empty()
                {
                    let status = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
                    let reason = status.and_then(|status| status.canonical_reason());
                    answer.description = reason.unwrap_or("An answer.").to_owned();
                }
            }
            let refusal = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let refusal = ResponseBuilder::new().description("Refused.").content(PROBLEM, refusal).build();
            operation.responses.responses.insert("default".to_owned(), RefOr::T(refusal));
        }
    }
}

/// Names an operation by what it is about and what it does: two subjects may do the same.
fn name(path: &str, operation: &mut Operation) {
    let subject = path.trim_start_matches("/api").split('/').nth(1).unwrap_or_default();
    let verb = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{}_{verb}", subject.replace('-', "_")));
}

/// `If-Match`, which whatever people edit understands.
fn seen() -> Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The `ETag` of the state you have seen: refused with 412 if it is another by then.",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

/// Where the document is, and where it can be read and tried out by a person.
pub(super) fn pages(document: utoipa::openapi::OpenApi) -> Router {
    // The page is Swagger's own: it styles itself from its script.
    const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                          frame-ancestors 'none'";
    let policy = async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    };
    Router::from(SwaggerUi::new("/docs").url("/openapi.json", document)).layer(middleware::from_fn(policy))
}
