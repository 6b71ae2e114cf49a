//! Asks Twilio's REST API (protocols.md §1.5): is this account known, and end this call.
//!
//! Every request has a limit on its time, and none is made while a call's audio waits for it.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Settings;
use crate::domain::conversation::CallSid;

/// How long one request may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(8);
/// Twilio's code for a call that is in no state to be changed: it is over.
const CALL_IS_OVER: u32 = 21_220;

/// Why Twilio did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no token for the account.
    #[error("no auth token is configured for the account")]
    NoToken,
    /// Twilio does not accept the account and token.
    #[error("Twilio does not accept the account and its auth token")]
    Unauthorized,
    /// Twilio refused for another reason.
    #[error("Twilio refused: status {status}, code {code}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// Twilio's own code, 0 when it named none.
        code: u32,
    },
    /// Twilio could not be reached or did not answer in time.
    #[error("Twilio cannot be reached")]
    Away(#[source] reqwest::Error),
}

/// Twilio's REST API, cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    settings: Settings,
    client: reqwest::Client,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u32,
}

impl Rest {
    /// The API behind `settings`.
    ///
    /// # Errors
    /// [`Error::Away`] when no client can be made, such as for want of a TLS library.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder().timeout(ANSWER_WAIT_MAX).build().map_err(Error::Away)?;
        Ok(Self { settings: settings.clone(), client })
    }

    /// Asks whether the account and its token are accepted.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn check(&self, account_sid: &str) -> Result<(), Error> {
        self.ask(self.request(Method::GET, account_sid, &format!("{account_sid}.json"))?).await
    }

    /// Hangs up. A call that is over, or that Twilio does not know any more, is as good as hung up.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn hang_up(&self, account_sid: &str, call: &CallSid) -> Result<(), Error> {
        let path = format!("{account_sid}/Calls/{call}.json");
        let request = self.request(Method::POST, account_sid, &path)?.form(&[("Status", "completed")]);
        match self.ask(request).await {
            Err(Error::Refused { status: 404, .. } | Error::Refused { code: CALL_IS_OVER, .. }) => Ok(()),
            answer => answer,
        }
    }

    fn request(&self, method: Method, account_sid: &str, path: &str) -> Result<RequestBuilder, Error> {
        let token = self.settings.auth_token_of(account_sid).ok_or(Error::NoToken)?;
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        let url = format!("{base}/2010-04-01/Accounts/{path}");
        Ok(self.client.request(method, url).basic_auth(account_sid, Some(token.expose_secret())))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<(), Error> {
        let answer = request.send().await.map_err(|error| Error::Away(error.without_url()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(Error::Unauthorized);
        }
        let refusal: Refusal = answer.json().await.unwrap_or_default();
        Err(Error::Refused { status: status.as_u16(), code: refusal.code })
    }
}
