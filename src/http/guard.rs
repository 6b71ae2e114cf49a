//! What holds for every request, whatever it asks for.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, Method,
        header::{self, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION, RETRY_AFTER},
    },
    middleware::Next,
    response::Response,
};
use tower_http::cors::CorsLayer;

use super::{Doors, client, limits::Left};

/// What the asker has left of a quota, noted where the asker becomes known and told in the answer's head.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<OnceLock<Left>>);

impl Told {
    /// Notes what is left. The first note counts.
    pub(super) fn note(&self, left: Left) {
        // A request counts once.
        let _ = self.0.set(left);
    }
}

/// Around every request to the API.
pub(super) async fn api(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    let told = Told::default();
    let from = client::address(request.extensions(), request.headers(), &doors.trusted_proxies);
    if let Some(address) = from {
        request.extensions_mut().insert(client::Client(address));
    }
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(left) = told.0.get() {
        left.tell(headers);
    }
    // What a tenant's people read is nobody else's to keep.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What tells a browser to be careful with whatever is answered.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    const ALWAYS: [(&str, &str); 5] = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in ALWAYS {
        // A page that needs more says so itself.
        let entry = response.headers_mut().entry(HeaderName::from_static(name));
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Closed, unless origins are named.
pub(super) fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let named = |names: &'static [&'static str]| names.iter().map(|name| HeaderName::from_static(name));
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        // A browser is given a cookie on its way to connect calendars, and must be let keep it.
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            [AUTHORIZATION, CONTENT_TYPE, IF_MATCH]
                .into_iter()
                .chain(named(&["idempotency-key"]))
                .collect::<Vec<_>>(),
        )
        .expose_headers(
            [ETAG, LOCATION, RETRY_AFTER]
                .into_iter()
                .chain(named(&["ratelimit", "ratelimit-policy"]))
                .collect::<Vec<_>>(),
        )
}
