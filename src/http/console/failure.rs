//! A page that cannot be shown, and why: what happened, what was kept, what to do now.
//!
//! A handler gives a [`Failure`] and knows no language; the page is made where the reader is known, in [`super::guard`].

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tracing::error;

use super::words::Said;
use crate::{app, domain::assistant::Language, http::problem::Problem, platform::ids};

/// How many characters of chance a reference has.
const REFERENCE_LEN: usize = 6;

/// Why a page cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is nothing here, or nothing the reader may know of.
    NotFound,
    /// The reader is not signed in.
    SignIn,
    /// The reader is signed in, but works at no tenant.
    Nowhere,
    /// The reader may not see or do this.
    Forbidden,
    /// The request did not come from one of our pages.
    Foreign,
    /// What was sent is larger than it may be.
    TooLarge,
    /// Too often; when to come again, in seconds.
    TooMany(u64),
    /// It contradicts what is there: the words of `app`, from which the reader's are found.
    Conflict(String),
    /// Somebody else has changed it since.
    Stale,
    /// The time is somebody else's.
    Taken,
    /// It is too late to change that.
    TooLate,
    /// A time that cannot be booked, by which rule.
    Refused(&'static str),
    /// There may be no more of these.
    Limit(u64),
    /// Somebody on whom it depends said no: what they say.
    Declined(String),
    /// Something behind us does not answer; under this reference the log tells what.
    Unavailable(String),
    /// Something broke; under this reference the log tells what.
    Ours(String),
}

impl Failure {
    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::Nowhere | Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_)
            | Self::Stale
            | Self::Taken
            | Self::TooLate
            | Self::Refused(_)
            | Self::Limit(_)
            | Self::Declined(_) => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Ours(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What it is called in the language's files.
    pub fn key(&self) -> &'static str {
        match self {
            Self::NotFound => "failure-not-found",
            Self::SignIn => "failure-sign-in",
            Self::Nowhere => "failure-nowhere",
            Self::Forbidden => "failure-forbidden",
            Self::Foreign => "failure-foreign",
            Self::TooLarge => "failure-too-large",
            Self::TooMany(_) => "failure-too-many",
            Self::Conflict(_) => "failure-conflict",
            Self::Stale => "failure-stale",
            Self::Taken => "failure-taken",
            Self::TooLate => "failure-too-late",
            Self::Refused(_) => "failure-refused",
            Self::Limit(_) => "failure-limit",
            Self::Declined(_) => "failure-declined",
            Self::Unavailable(_) => "failure-unavailable",
            Self::Ours(_) => "failure-ours",
        }
    }

    /// What to say, in a sentence or two.
    pub fn words(&self, language: Language) -> String {
        let said = Said::new(language, self.key());
        match self {
            Self::Conflict(words) => {
                let own = Said::new(language, format!("conflict-{}", slug(words))).known();
                return own.unwrap_or_else(|| match language {
                    Language::English => said.s("problem", words).to_string(),
                    // What `app` says is English.
                    Language::German => Said::new(language, "failure-conflict-plain").to_string(),
                });
            }
            Self::Refused(rule) => {
                let own = Said::new(language, format!("refused-{}", rule.replace('_', "-"))).known();
                return own.unwrap_or_else(|| said.s("problem", rule).to_string());
            }
            Self::Declined(words) => {
                let own = Said::new(language, format!("declined-{}", slug(words))).known();
                return own.unwrap_or_else(|| said.s("problem", words).to_string());
            }
            Self::Limit(max) => said.n("max", *max),
            Self::TooMany(seconds) => said.n("seconds", *seconds),
            Self::Unavailable(reference) | Self::Ours(reference) => said.s("reference", reference),
            Self::NotFound
            | Self::SignIn
            | Self::Nowhere
            | Self::Forbidden
            | Self::Foreign
            | Self::TooLarge
            | Self::Stale
            | Self::Taken
            | Self::TooLate => said,
        }
        .to_string()
    }
}

/// A sentence of `app` as the end of a key: its letters, joined by hyphens.
pub fn slug(words: &str) -> String {
    let mut slug = String::new();
    for c in words.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Something to find a line of the log by, short enough to read out on the telephone.
fn reference() -> String {
    ids::token()[..REFERENCE_LEN].to_ascii_uppercase()
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::NotFound(_) => Self::NotFound,
            app::Error::Taken => Self::Taken,
            app::Error::Refused(rule) => Self::Refused(rule.as_str()),
            app::Error::TooLate => Self::TooLate,
            app::Error::Conflict(what) => Self::Conflict(what.to_owned()),
            app::Error::Invalid(faults) => {
                Self::Conflict(faults.first().map(|fault| fault.problem.clone()).unwrap_or_default())
            }
            app::Error::Unauthenticated(_) | app::Error::SecondFactor => Self::SignIn,
            app::Error::Closed(_) | app::Error::Forbidden(_) | app::Error::OperatorOnly(_) => Self::Forbidden,
            app::Error::Stale => Self::Stale,
            app::Error::Limit { max, .. } => Self::Limit(max),
            app::Error::Declined { why, .. } => Self::Declined(why),
            app::Error::Later { wait, .. } => Self::TooMany(wait.as_secs().max(1)),
            app::Error::Unavailable(..) => {
                let reference = reference();
                error!(reference, error = &error as &dyn std::error::Error, "a page could not be served");
                Self::Unavailable(reference)
            }
            app::Error::Internal(_) => {
                let reference = reference();
                error!(reference, error = &error as &dyn std::error::Error, "a page broke");
                Self::Ours(reference)
            }
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::NotFound | Problem::MethodNotAllowed | Problem::NoSuchPart => Self::NotFound,
            Problem::Unauthenticated(_) | Problem::SecondFactor => Self::SignIn,
            Problem::Unsigned | Problem::Forbidden(_) => Self::Forbidden,
            Problem::TooLarge => Self::TooLarge,
            Problem::TooMany(seconds) => Self::TooMany(seconds),
            Problem::Malformed(words) | Problem::Conflict(_, words) => Self::Conflict(words),
            Problem::Invalid(faults) => {
                Self::Conflict(faults.first().map(|fault| fault.problem.clone()).unwrap_or_default())
            }
            Problem::UnsupportedMediaType => Self::Conflict("the form could not be read".to_owned()),
            Problem::Stale => Self::Stale,
            Problem::TimedOut | Problem::Unavailable(_) => Self::Unavailable(reference()),
            Problem::Internal => Self::Ours(reference()),
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        let reference = reference();
        error!(reference, error = &error as &dyn std::error::Error, "a page could not be written");
        Self::Ours(reference)
    }
}

impl IntoResponse for Failure {
    /// The status and the failure itself, which becomes a page on its way out.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
