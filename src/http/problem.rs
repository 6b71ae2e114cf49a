//! A refusal as a client reads it: RFC 9457 problem details.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::app::{self, Fault};

/// Why a request was refused. The only place where a refusal gets its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing here, or nothing the asker may know of.
    NotFound,
    /// It is there, but not with this method.
    MethodNotAllowed,
    /// The asker has not proven who they are: no token, or one that is not or no more good. What would be right.
    Unauthenticated(&'static str),
    /// The password is right; a code of the second factor is needed as well.
    SecondFactor,
    /// The webhook is not signed as it must be.
    Unsigned,
    /// The asker is known, but may not do that; what it would need.
    Forbidden(String),
    /// The request does not say what it must; what would be right.
    Malformed(String),
    /// The body is in no form that is understood here.
    UnsupportedMediaType,
    /// What the request says makes no sense, part by part.
    Invalid(Vec<Fault>),
    /// It contradicts what is there. The word tells the kinds apart.
    Conflict(&'static str, String),
    /// It has been changed since the asker looked.
    Stale,
    /// The body is larger than it may be.
    TooLarge,
    /// What is asked for a part of has no such part.
    NoSuchPart,
    /// The asker asks too often; when to come again, in seconds.
    TooMany(u64),
    /// It took too long.
    TimedOut,
    /// It cannot be served at the moment.
    Unavailable(&'static str),
    /// Something broke on our side. What, is in the log and not in the answer.
    Internal,
}

/// How an asker proves who they are (RFC 6750 §3).
const CHALLENGE: &str = "Bearer realm=\"frontdesk\"";
/// Seconds after which something that does not answer may be asked again.
const UNAVAILABLE_RETRY_SECONDS: u64 = 2;

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is nothing here."),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "It is there, but not with this method.",
            ),
            Self::Unauthenticated(detail) => (StatusCode::UNAUTHORIZED, "unauthenticated", detail),
            Self::SecondFactor => (
                StatusCode::UNAUTHORIZED,
                "second-factor",
                "A second factor guards the account: send its `code` as well.",
            ),
            Self::Unsigned => (StatusCode::FORBIDDEN, "unsigned", "The request is not signed as it must be."),
            Self::Forbidden(detail) => (StatusCode::FORBIDDEN, "forbidden", detail),
            Self::Malformed(detail) => (StatusCode::BAD_REQUEST, "malformed", detail),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be JSON and say so: `Content-Type: application/json`.",
            ),
            Self::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "Something in the request makes no sense; `errors` says where.",
            ),
            Self::Conflict(kind, detail) => (StatusCode::CONFLICT, kind, detail),
            Self::Stale => (
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "It has been changed since you looked. Look at it again, then decide.",
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is larger than it may be.")
            }
            Self::NoSuchPart => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                "no-such-part",
                "It is shorter than that; see Content-Range.",
            ),
            Self::TooMany(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests. Try again later.")
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

    /// When to come again, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::TimedOut | Self::Unavailable(_) => Some(UNAVAILABLE_RETRY_SECONDS),
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::Unauthenticated(_)
            | Self::SecondFactor
            | Self::Unsigned
            | Self::Forbidden(_)
            | Self::Malformed(_)
            | Self::UnsupportedMediaType
            | Self::Invalid(_)
            | Self::Conflict(..)
            | Self::Stale
            | Self::TooLarge
            | Self::NoSuchPart
            | Self::Internal => None,
        }
    }
}

impl From<app::Error> for Problem {
    /// From what the product says to what HTTP says; what broke is logged here, once.
    fn from(refusal: app::Error) -> Self {
        match refusal {
            app::Error::NotFound(_) => Self::NotFound,
            app::Error::Taken => Self::Conflict("taken", "That time has been taken.".to_owned()),
            app::Error::Refused(rule) => {
                Self::Conflict("refused", format!("That time cannot be booked: {}.", rule.as_str()))
            }
            app::Error::TooLate => {
                Self::Conflict("too-late", "It is too late to change that appointment.".to_owned())
            }
            app::Error::Conflict(what) => Self::Conflict("conflict", sentence(what)),
            app::Error::Declined { .. } => Self::Conflict("declined", sentence(&refusal.to_string())),
            app::Error::Limit { .. } => Self::Conflict("limit-reached", sentence(&refusal.to_string())),
            app::Error::Invalid(faults) => Self::Invalid(faults),
            app::Error::Forbidden(_) | app::Error::OperatorOnly(_) => {
                Self::Forbidden(sentence(&refusal.to_string()))
            }
            app::Error::Unauthenticated(what) => Self::Unauthenticated(what),
            app::Error::SecondFactor => Self::SecondFactor,
            app::Error::Closed(what) => Self::Forbidden(sentence(what)),
            app::Error::Stale => Self::Stale,
            app::Error::Unavailable(..) => {
                error!(error = &refusal as &dyn std::error::Error, "a request could not be served");
                Self::Unavailable("Something behind us does not answer. Try again shortly.")
            }
            app::Error::Later { wait, .. } => Self::TooMany(wait.as_secs().max(1)),
            app::Error::Internal(_) => {
                error!(error = &refusal as &dyn std::error::Error, "a request broke");
                Self::Internal
            }
        }
    }
}

/// A refusal as it is written.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Shown {
    /// Tells the kinds of refusals apart, and stays the same, such as `urn:frontdesk:problem:invalid`.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, in a sentence.
    detail: String,
    /// What is wrong, part by part.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FaultShown>>,
}

/// One thing that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
pub(super) struct FaultShown {
    /// Where in the body: a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Or which parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// What is wrong with it and what would be right.
    detail: String,
}

impl FaultShown {
    /// A pointer that begins with a question mark is none: it names a parameter of the query.
    fn of(fault: &Fault) -> Self {
        let (pointer, parameter) = match fault.pointer.strip_prefix('?') {
            Some(parameter) => (None, Some(parameter.to_owned())),
            None => (Some(fault.pointer.clone()), None),
        };
        Self { pointer, parameter, detail: fault.problem.clone() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, detail) = self.parts();
        let errors = if let Self::Invalid(faults) = &self {
            Some(faults.iter().map(FaultShown::of).collect())
        } else {
            None
        };
        let body = Shown {
            kind: format!("urn:frontdesk:problem:{kind}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.to_owned(),
            errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unauthenticated(_)) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        let end = if text.ends_with('.') { "" } else { "." };
        first.to_uppercase().chain(letters).collect::<String>() + end
    })
}
