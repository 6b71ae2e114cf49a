//! What Graph's answers mean before anybody reads them: which are answers, which are refusals and of what kind.
//!
//! The kinds are those of protocols.md §4.2: a status alone does not tell them apart, the code does.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use tracing::debug;

use super::super::{ANSWER_BYTES_MAX, Error};

/// Longest refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// Longest word for a refusal that is handed on, in characters.
const CODE_LEN_MAX: usize = 64;

/// Codes that say only that too much was asked, whatever the status.
const TOO_OFTEN: [&str; 4] =
    ["MailboxConcurrency", "ApplicationThrottled", "TooManyRequests", "ErrorTooManyObjectsOpened"];
/// Codes that are about the mark behind which changes were asked for, whatever the status.
const BEGIN_ANEW: [&str; 6] = [
    "syncStateNotFound",
    "syncStateInvalid",
    "ErrorInvalidSyncStateData",
    "resyncRequired",
    "resyncChangesApplyDifferences",
    "resyncChangesUploadDifferences",
];
/// Codes of a 404 that is about the whole mailbox: it has no calendars that could be reached this way.
const NO_MAILBOX: [&str; 2] = ["MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI"];
/// Code of a refusal because somebody else has changed the event, whatever the status.
const CHANGED_MEANWHILE: &str = "ErrorIrresolvableConflict";

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Problem,
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
}

/// What Graph's answer says.
pub(super) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let answer = answered(request).await?;
    let body = body(answer, ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|_| Error::Garbled("its answer cannot be read"))
}

/// Has something done that Graph answers with nothing. Whatever else comes with a success is not its word: a gateway's page says
/// nothing of what was done, and neither does an answer that breaks off.
pub(super) async fn done(request: RequestBuilder) -> Result<(), Error> {
    let answer = answered(request).await?;
    let nothing = body(answer, REFUSAL_BYTES_MAX).await?.is_empty();
    if nothing { Ok(()) } else { Err(Error::Garbled("something came where nothing is answered")) }
}

/// Graph's answer, if it is one that does what was asked. A 409 is [`Error::Refused`] like any other.
async fn answered(request: RequestBuilder) -> Result<Response, Error> {
    let answer = request.send().await.map_err(away)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(header::RETRY_AFTER.as_str()).and_then(|value| value.trim().parse().ok());
    // By this name Microsoft's support finds the request again.
    let name = plain(header("request-id").unwrap_or_default());
    let refusal: Refusal = match body(answer, REFUSAL_BYTES_MAX).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err(_) => Refusal::default(),
    };
    let code = plain(&refusal.error.code);
    debug!(
        http.status = status.as_u16(),
        code,
        request.id = name,
        "Microsoft Graph did not do what was asked"
    );
    Err(meaning(status, code, retry_after.map(Duration::from_secs)))
}

fn meaning(status: StatusCode, code: String, retry_after: Option<Duration>) -> Error {
    let is = |known: &str| code.eq_ignore_ascii_case(known);
    let among = |codes: &[&str]| codes.iter().any(|known| is(known));
    if among(&TOO_OFTEN) {
        return Error::TooMany { retry_after };
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS => Error::TooMany { retry_after },
        // Who says when to come back has done nothing.
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => Error::TooMany { retry_after },
        // It may have been done all the same.
        StatusCode::REQUEST_TIMEOUT => Error::Away(None),
        status if status.is_server_error() => Error::Away(None),
        StatusCode::UNAUTHORIZED => Error::Expired,
        StatusCode::GONE => Error::BeginAnew,
        _ if among(&BEGIN_ANEW) => Error::BeginAnew,
        StatusCode::PRECONDITION_FAILED => Error::Stale,
        _ if is(CHANGED_MEANWHILE) => Error::Stale,
        StatusCode::FORBIDDEN => Error::Forbidden,
        StatusCode::NOT_FOUND if !among(&NO_MAILBOX) => Error::NotThere,
        _ => Error::Refused { status: status.as_u16(), code },
    }
}

/// What may be shown and logged of somebody else's word.
fn plain(word: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    word.chars().filter(plain).take(CODE_LEN_MAX).collect()
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
