//! Recorded sound written down, out of band (protocols.md §5: `POST /v1/audio/transcriptions`).
//!
//! For what was spoken when nobody listened: never for a call in the air.

use std::time::Duration;

use reqwest::{StatusCode, header::CONTENT_TYPE};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Settings;
use crate::domain::assistant::Language;

/// How long the vendor may take to answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);
/// What stands between the parts of a request. Sound that holds it by chance is refused by the vendor, and by nobody else.
const BOUNDARY: &str = "frontdesk-5b1f0d1e9c2a4f7e8d6c3b2a1f0e9d8c";

/// Why nothing was written down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key or no model is configured for it.
    #[error("nobody is configured to write down what is said")]
    NotConfigured,
    /// The vendor refused.
    #[error("the vendor answered with status {0}")]
    Refused(u16),
    /// The vendor could not be reached, or what it said could not be read.
    #[error("the vendor cannot be asked")]
    Away(#[source] reqwest::Error),
}

#[derive(Deserialize)]
struct Written {
    text: String,
}

/// The words in `wav`, a WAV file in which `language` is spoken.
///
/// # Errors
/// [`Error`].
pub async fn transcribe(settings: &Settings, wav: &[u8], language: Language) -> Result<String, Error> {
    if !settings.has_key() || settings.transcription_model.is_empty() {
        return Err(Error::NotConfigured);
    }
    let away = |error: reqwest::Error| Error::Away(error.without_url());
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WAIT_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(away)?;
    let answer = client
        .post(settings.transcriptions_url())
        .bearer_auth(settings.api_key.expose_secret())
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(&settings.transcription_model, language, wav))
        .send()
        .await
        .map_err(away)?;
    match answer.status() {
        StatusCode::OK => Ok(answer.json::<Written>().await.map_err(away)?.text),
        status => Err(Error::Refused(status.as_u16())),
    }
}

/// RFC 7578: the file needs a name that says what it is.
fn form(model: &str, language: Language, wav: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(wav.len() + 1_024);
    for (name, value) in [("model", model), ("language", language.code()), ("response_format", "json")] {
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"message.wav\"\r\n\
         Content-Type: audio/wav\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(wav);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}
