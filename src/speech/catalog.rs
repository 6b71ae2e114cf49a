//! Asks the vendor which models there are and when they end (protocols.md §0).

use std::time::Duration;

use jiff::civil::Date;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Settings;

/// How long the vendor may take to answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(8);

/// A model the key may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Model {
    /// Its name.
    pub id: String,
    #[serde(default)]
    shutdown_date: Option<String>,
}

impl Model {
    /// The day it ends, once the vendor has announced one.
    pub fn ends(&self) -> Option<Date> {
        self.shutdown_date.as_deref()?.parse().ok()
    }
}

/// Why the vendor's list could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vendor does not accept the key.
    #[error("the vendor does not accept the key")]
    Unauthorized,
    /// The vendor answered something else than its list.
    #[error("the vendor answered with status {0}")]
    Refused(u16),
    /// The vendor could not be reached, or what it said could not be read.
    #[error("the vendor cannot be asked")]
    Away(#[source] reqwest::Error),
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

/// Every model the configured key may use.
///
/// # Errors
/// Whatever stands in the way.
pub async fn models(settings: &Settings) -> Result<Vec<Model>, Error> {
    let away = |error: reqwest::Error| Error::Away(error.without_url());
    let client = reqwest::Client::builder().timeout(ANSWER_WAIT_MAX).build().map_err(away)?;
    let request = client.get(settings.models_url()).bearer_auth(settings.api_key.expose_secret());
    let answer = request.send().await.map_err(away)?;
    match answer.status() {
        StatusCode::OK => Ok(answer.json::<List>().await.map_err(away)?.data),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Error::Unauthorized),
        status => Err(Error::Refused(status.as_u16())),
    }
}
