//! What Google's answers mean before anybody reads them: which are answers, which are refusals and of what kind.
//!
//! The kinds are those of protocols.md §3.2: a status alone does not tell them apart, the reason does.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};

use super::super::{ANSWER_BYTES_MAX, Error};

/// Longest refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// Longest word for a refusal that is handed on, in characters.
const CODE_LEN_MAX: usize = 64;

/// Reasons of a 403 that says only that too much was asked.
const TOO_OFTEN: [&str; 4] =
    ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"];
/// Reasons of a 410 that is about the mark and not about the event.
const BEGIN_ANEW: [&str; 2] = ["fullSyncRequired", "updatedMinTooLongAgo"];
/// Reason of a 403 about the application: its project may not use the API.
const NOT_CONFIGURED: &str = "accessNotConfigured";
/// What says that the consent does not reach far enough, and not only for this calendar.
const SCOPE_MISSING: &str = "ACCESS_TOKEN_SCOPE_INSUFFICIENT";

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Problem,
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    errors: Vec<Reason>,
    #[serde(default)]
    details: Vec<Reason>,
}

#[derive(Default, Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

/// What Google's answer says.
pub(super) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let answer = answered(request).await?;
    let body = body(answer, ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|_| Error::Garbled("its answer cannot be read"))
}

/// Has something done that Google answers with nothing. Whatever else comes with a success is not its word: a gateway's page says
/// nothing of what was done, and neither does an answer that breaks off.
pub(super) async fn done(request: RequestBuilder) -> Result<(), Error> {
    let answer = answered(request).await?;
    let nothing = body(answer, REFUSAL_BYTES_MAX).await?.is_empty();
    if nothing { Ok(()) } else { Err(Error::Garbled("something came where nothing is answered")) }
}

/// Google's answer, if it is one that does what was asked. A 409 is [`Error::Refused`] like any other.
async fn answered(request: RequestBuilder) -> Result<Response, Error> {
    let answer = request.send().await.map_err(away)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    // It may have been done all the same.
    if status.is_server_error() {
        return Err(Error::Away(None));
    }
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
    let scope_missing =
        header(header::WWW_AUTHENTICATE).is_some_and(|value| value.contains("insufficient_scope"));
    let refusal: Refusal = match body(answer, REFUSAL_BYTES_MAX).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err(_) => Refusal::default(),
    };
    let retry_after = retry_after.map(Duration::from_secs);
    Err(meaning(status, &refusal.error, retry_after, scope_missing))
}

fn meaning(
    status: StatusCode,
    problem: &Problem,
    retry_after: Option<Duration>,
    scope_missing: bool,
) -> Error {
    let reason = problem.errors.first().map_or("", |first| first.reason.as_str());
    let scope_missing = scope_missing || problem.details.iter().any(|one| one.reason == SCOPE_MISSING);
    match status {
        // The push channel's address was not accepted, the access was.
        StatusCode::UNAUTHORIZED if reason.to_ascii_lowercase().contains("webhook") => {
            refused(status, reason)
        }
        StatusCode::UNAUTHORIZED => Error::Expired,
        StatusCode::FORBIDDEN if TOO_OFTEN.contains(&reason) => Error::TooMany { retry_after },
        StatusCode::FORBIDDEN if scope_missing => Error::ConsentGone("it does not cover calendars"),
        StatusCode::FORBIDDEN if reason == NOT_CONFIGURED => refused(status, reason),
        StatusCode::FORBIDDEN => Error::Forbidden,
        StatusCode::NOT_FOUND => Error::NotThere,
        StatusCode::GONE if BEGIN_ANEW.contains(&reason) => Error::BeginAnew,
        StatusCode::GONE => Error::NotThere,
        StatusCode::PRECONDITION_FAILED => Error::Stale,
        StatusCode::TOO_MANY_REQUESTS => Error::TooMany { retry_after },
        _ => refused(status, reason),
    }
}

fn refused(status: StatusCode, reason: &str) -> Error {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let code = reason.chars().filter(plain).take(CODE_LEN_MAX).collect();
    Error::Refused { status: status.as_u16(), code }
}

/// The whole body, unless it is longer than `bytes_max`.
async fn body(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = vec![];
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::Garbled("its answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The address is left out: it names somebody's calendar.
fn away(error: reqwest::Error) -> Error {
    Error::Away(Some(error.without_url()))
}
