//! Twilio's REST API, as far as a call needs it (protocols.md §1.5).
//!
//! Asks, and tells what came of it; whether to ask again is not decided here.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Settings;
use crate::domain::conversation::CallSid;

/// How long a request may take, in seconds: connecting and the answer.
const REQUEST_SECONDS_MAX: u64 = 15;
const CONNECT_SECONDS_MAX: u64 = 5;
/// "Call is not in a state to be changed": it is over already.
const CALL_IS_OVER: u32 = 21220;

/// What went wrong between us and Twilio.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no account to ask with.
    #[error("no Twilio account is configured")]
    NoAccount,
    /// It could not be reached, or did not answer as expected.
    #[error("Twilio could not be reached")]
    Unreachable(#[from] reqwest::Error),
    /// It refused.
    #[error("Twilio refused with status {status} and code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Twilio's own code; 0 when it gave none.
        code: u32,
    },
}

#[derive(Deserialize)]
struct Problem {
    code: Option<u32>,
}

/// An account at Twilio that requests are made for.
#[derive(Clone, Debug)]
pub struct Rest {
    client: reqwest::Client,
    base_url: url::Url,
    account_sid: String,
    auth_token: SecretString,
}

impl Rest {
    /// The operator's account.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(REQUEST_SECONDS_MAX))
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .build()?;
        Ok(Self {
            client,
            base_url: settings.base_url.clone(),
            account_sid: settings.account_sid.clone(),
            auth_token: settings.auth_token.clone(),
        })
    }

    /// Ends a call in progress. A call that is over already, or gone, counts as ended.
    pub async fn hang_up(&self, call: &CallSid) -> Result<(), Error> {
        if self.account_sid.is_empty() || self.auth_token.expose_secret().is_empty() {
            return Err(Error::NoAccount);
        }
        let mut url = self.base_url.clone();
        url.set_path(&format!("/2010-04-01/Accounts/{}/Calls/{call}.json", self.account_sid));
        let answer = self
            .client
            .post(url)
            .basic_auth(&self.account_sid, Some(self.auth_token.expose_secret()))
            .form(&[("Status", "completed")])
            .send()
            .await?;
        let status = answer.status();
        if status.is_success() || status == reqwest::StatusCode::NOT_FOUND {
            return Ok(());
        }
        let code = answer.json::<Problem>().await.ok().and_then(|problem| problem.code).unwrap_or(0);
        if code == CALL_IS_OVER {
            return Ok(());
        }
        Err(Error::Refused { status: status.as_u16(), code })
    }
}
