//! Asks Twilio's REST API (protocols.md §1.5): is this account known, make and end calls, which numbers are there.
//!
//! Every request has a limit on its time, and none is made while a call's audio waits for it. What changes anything
//! is never repeated here: only who asked knows whether repeating does harm.

pub mod calls;
pub mod intelligence;
mod numbers;
mod recordings;

use std::{fmt, time::Duration};

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

pub use self::{
    numbers::{Kind, NextPage, Offered, Order, Owned, Search, Setup},
    recordings::{RECORDING_BYTES_MAX, RecordingSid},
};
use super::Settings;
use crate::domain::conversation::CallSid;

/// How long one request may take.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(8);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest reason of Twilio's that is handed on, in characters.
const REASON_LEN_MAX: usize = 300;

/// Twilio's code for a call that is in no state to be changed: it is over.
const CALL_IS_OVER: u32 = 21_220;
/// Twilio's code for an account and token that do not fit.
const NOT_AUTHENTICATED: u32 = 20_003;
/// Twilio's code for what does not exist.
const NOT_FOUND: u32 = 20_404;
/// Twilio's code for too many requests.
const TOO_MANY: u32 = 20_429;
/// Twilio's codes for a number that cannot be had: taken by somebody else, or none there at all.
const NOT_TO_BE_HAD: [u32; 2] = [21_422, 21_452];

/// Why Twilio did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no token for the account.
    #[error("no auth token is known for the account")]
    NoToken,
    /// Twilio does not accept the account and token (20003).
    #[error("Twilio does not accept the account and its auth token")]
    Unauthorized,
    /// What it is about does not exist at Twilio (20404).
    #[error("Twilio does not know it")]
    NotFound,
    /// Too much is asked of Twilio at once (429, 20429). Nothing was done.
    #[error("Twilio is asked too often")]
    TooMany {
        /// How long Twilio wants to be left alone, in seconds, when it says.
        retry_after: Option<u64>,
    },
    /// The number is not to be had: somebody else was faster, or there is none (21422, 21452).
    #[error("the number is not to be had")]
    NotAvailable,
    /// Twilio refused for another reason.
    #[error("Twilio refused: status {status}, code {code}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// Twilio's own code, 0 when it named none.
        code: u32,
        /// Twilio's reason, in its words; may be empty.
        reason: String,
    },
    /// Twilio could not be reached or did not answer in time. What was asked may have been done.
    #[error("Twilio cannot be reached")]
    Away(#[source] reqwest::Error),
    /// Twilio broke, or answered with something else than it promises. What was asked may have been done.
    #[error("Twilio did not answer as it promises: {0}")]
    Garbled(&'static str),
}

/// An account and its auth token: who asks. `Debug` shows only the account.
#[derive(Clone)]
pub struct Credentials {
    /// The account (`AC…`).
    pub account_sid: String,
    /// Its primary auth token.
    pub auth_token: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("account_sid", &self.account_sid).finish_non_exhaustive()
    }
}

impl Settings {
    /// Who asks in the name of an account of the configuration.
    ///
    /// # Errors
    /// [`Error::NoToken`].
    pub fn credentials_of(&self, account_sid: &str) -> Result<Credentials, Error> {
        let auth_token = self.auth_token_of(account_sid).ok_or(Error::NoToken)?.clone();
        Ok(Credentials { account_sid: account_sid.to_owned(), auth_token })
    }
}

impl Error {
    /// Whether what was asked has certainly not been done, so that asking again does no harm.
    pub fn nothing_done(&self) -> bool {
        match self {
            Self::NoToken
            | Self::Unauthorized
            | Self::NotFound
            | Self::TooMany { .. }
            | Self::NotAvailable
            | Self::Refused { .. } => true,
            Self::Away(error) => error.is_connect(),
            Self::Garbled(_) => false,
        }
    }
}

/// Twilio's REST API, cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    base_url: String,
    intelligence_url: String,
    client: reqwest::Client,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
}

impl Rest {
    /// The API behind `settings`.
    ///
    /// # Errors
    /// [`Error::Away`] when no client can be made, such as for want of a TLS library.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WAIT_MAX)
            // A redirect could take the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // What changes anything is repeated by those who know whether it may be, and by nobody else.
            .retry(reqwest::retry::never())
            .build()
            .map_err(Error::Away)?;
        let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let (base_url, intelligence_url) = (url(&settings.base_url), url(&settings.intelligence_base_url));
        Ok(Self { base_url, intelligence_url, client })
    }

    /// Asks whether the account and its token are accepted.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn check(&self, who: &Credentials) -> Result<(), Error> {
        let sid = &who.account_sid;
        answered(self.request(Method::GET, who, &format!("{sid}.json"))).await.map(drop)
    }

    /// Hangs up. A call that is over, or that Twilio does not know any more, is as good as hung up.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn hang_up(&self, who: &Credentials, call: &CallSid) -> Result<(), Error> {
        let path = format!("{}/Calls/{call}.json", who.account_sid);
        let request = self.request(Method::POST, who, &path).form(&[("Status", "completed")]);
        match answered(request).await {
            Err(Error::NotFound | Error::Refused { code: CALL_IS_OVER, .. }) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// A request for what lies at `path` below the accounts.
    fn request(&self, method: Method, who: &Credentials, path: &str) -> RequestBuilder {
        let url = format!("{}/2010-04-01/Accounts/{path}", self.base_url);
        self.request_at(method, who, &url)
    }

    /// A request for what lies at a URL of Twilio's.
    fn request_at(&self, method: Method, who: &Credentials, url: &str) -> RequestBuilder {
        self.client.request(method, url).basic_auth(&who.account_sid, Some(who.auth_token.expose_secret()))
    }
}

/// Twilio's answer, if it is one that does what was asked.
async fn answered(request: RequestBuilder) -> Result<Response, Error> {
    let answer = request.send().await.map_err(|error| Error::Away(error.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status.is_server_error() {
        return Err(Error::Garbled("it broke"));
    }
    let retry_after = answer.headers().get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let refusal: Refusal = answer.json().await.unwrap_or_default();
    Err(match (status, refusal.code) {
        (StatusCode::UNAUTHORIZED, _) | (_, NOT_AUTHENTICATED) => Error::Unauthorized,
        (StatusCode::TOO_MANY_REQUESTS, _) | (_, TOO_MANY) => Error::TooMany { retry_after },
        (StatusCode::NOT_FOUND, _) | (_, NOT_FOUND) => Error::NotFound,
        (_, code) if NOT_TO_BE_HAD.contains(&code) => Error::NotAvailable,
        (status, code) => Error::Refused {
            status: status.as_u16(),
            code,
            reason: refusal.message.chars().filter(|c| !c.is_control()).take(REASON_LEN_MAX).collect(),
        },
    })
}

/// What Twilio's answer says.
async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let mut answer = answered(request).await?;
    let mut body = vec![];
    // What an answer says of its length is not believed.
    while let Some(piece) = answer.chunk().await.map_err(|error| Error::Away(error.without_url()))? {
        if (body.len() + piece.len()) as u64 > ANSWER_BYTES_MAX {
            return Err(Error::Garbled("its answer is too long"));
        }
        body.extend_from_slice(&piece);
    }
    serde_json::from_slice(&body).map_err(|_| Error::Garbled("its answer cannot be read"))
}
