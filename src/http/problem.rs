//! A refusal as a client reads it: RFC 9457 problem details.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a request was refused. The only place where a refusal gets its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing here, or nothing the asker may know of.
    NotFound,
    /// It is there, but not with this method.
    MethodNotAllowed,
    /// The asker has not proven who they are.
    Forbidden,
    /// The request does not say what it must; what would be right.
    Malformed(String),
    /// The body is larger than it may be.
    TooLarge,
    /// It took too long.
    TimedOut,
    /// It cannot be served at the moment.
    Unavailable(&'static str),
    /// Something broke on our side. What, is in the log and not in the answer.
    Internal,
}

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is nothing here."),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "It is there, but not with this method.",
            ),
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, "forbidden", "The request is not signed as it must be.")
            }
            Self::Malformed(detail) => (StatusCode::BAD_REQUEST, "malformed", detail),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is larger than it may be.")
            }
            Self::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "timed-out", "It took too long. Try again."),
            Self::Unavailable(detail) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke on our side."),
        }
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.parts().0
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, detail) = self.parts();
        let body = json!({
            "type": format!("urn:frontdesk:problem:{kind}"),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
        });
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
