//! Consent and tokens at both vendors: OAuth 2.0 with PKCE (protocols.md §3.1, §4.1).
//!
//! [`Oauth`] says where a person goes to agree ([`Oauth::begin`]), turns what she comes back with into tokens
//! ([`Oauth::redeem`]), renews them and gives them back. Each question is asked once: codes are good for one use, and who
//! renews a token knows whether it may be asked again. It keeps nothing and decides nothing about who may connect what.

use std::{collections::BTreeSet, fmt, pin::Pin, time::Duration};

use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{google, microsoft};
use crate::{
    domain::{
        calendar::{Grant, Vendor},
        time::Timestamp,
    },
    platform::clock::Clock,
};

/// Longest time one request may take.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much earlier than its vendor says an access token counts as expired, at most: clocks differ. Never more than half
/// of its time.
pub const EXPIRY_MARGIN: Duration = Duration::from_secs(5 * 60);
/// How long an access token is taken to be good for when its vendor does not say.
const UNSAID_LIFE: Duration = Duration::from_secs(10 * 60);
/// Longest time an access token is believed to be good for.
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);

/// What is asked of people at Google; the least that does it (protocols.md §3.1).
const GOOGLE_SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/calendar.events.owned",
    "https://www.googleapis.com/auth/calendar.freebusy",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
];
/// What is asked of people at Microsoft (protocols.md §4.1).
const MICROSOFT_SCOPES: [&str; 5] =
    ["openid", "profile", "offline_access", "Calendars.ReadWrite", "User.Read"];
/// What an organisation's administrator is asked for: all that the application's registration names.
const ORGANISATION_SCOPE: &str = "https://graph.microsoft.com/.default";
/// The organisation of all personal Microsoft accounts.
const PERSONAL_DIRECTORY: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Where somebody is sent to agree. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Begun {
    /// The vendor's page.
    pub url: Url,
    /// What they must come back with.
    pub state: SecretString,
    /// What proves that the code they come back with is ours.
    pub verifier: SecretString,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

/// What a vendor lets one in with. `Debug` shows no token.
#[derive(Clone)]
pub struct Tokens {
    /// The access token.
    pub access: SecretString,
    /// Until when it is to be used: earlier than its vendor says, by the asker's clock.
    pub access_expires: Timestamp,
    /// What renews it, where the vendor gave one; otherwise the one before stays good.
    pub refresh: Option<SecretString>,
    /// What was agreed to, in the vendor's words.
    pub scopes: BTreeSet<String>,
    /// Who agreed, where the vendor says so (Microsoft).
    pub identity: Option<Identity>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("access_expires", &self.access_expires).finish_non_exhaustive()
    }
}

/// Who has agreed, in Microsoft's words. `Debug` shows no name.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name the account is known by, usually an address.
    pub account: Option<String>,
    /// The organisation's id.
    pub directory: String,
    /// Whether it is a personal account.
    pub personal: bool,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("personal", &self.personal).finish_non_exhaustive()
    }
}

/// Why a consent is good no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was withdrawn, or the vendor does not say why.
    Withdrawn,
    /// It lapsed: unused for too long, or good for a time only.
    Lapsed,
    /// The account's password was changed.
    Password,
    /// The vendor wants to see the person again, such as for a second factor.
    Interaction,
    /// The organisation's administrator must agree first.
    Administrator,
    /// The organisation's rules are against it.
    Policy,
    /// What is needed was never agreed to.
    Missing,
}

impl Gone {
    /// In a few words, for a log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawn => "it was withdrawn",
            Self::Lapsed => "it has lapsed",
            Self::Password => "the password was changed",
            Self::Interaction => "the account's owner must sign in again",
            Self::Administrator => "an administrator must agree",
            Self::Policy => "the organisation's rules are against it",
            Self::Missing => "what is needed was not agreed to",
        }
    }
}

/// What of our own is wrong: only the operator can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorFault {
    /// The application, or its secret, is not accepted.
    Client,
    /// The application's secret has expired.
    SecretExpired,
    /// The application may not do this.
    NotAuthorised,
    /// What we ask for is not understood or not allowed.
    Request,
}

impl OperatorFault {
    /// In a few words, for the operator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "the application's id or its secret is not accepted",
            Self::SecretExpired => "the application's secret has expired",
            Self::NotAuthorised => "the application is not allowed to do this",
            Self::Request => "the request is not accepted as it is configured",
        }
    }
}

/// Why there are no tokens. Never carries what was sent or received.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The consent, or the code that stands for it, is good no more. Asking again does not help.
    #[error("the consent is gone: {}", .0.as_str())]
    Gone(Gone),
    /// Our own application is not accepted: the operator must act.
    #[error("our application is not accepted: {}", .0.as_str())]
    Operator(OperatorFault),
    /// This vendor is not set up here.
    #[error("it is not set up here")]
    NotOffered,
    /// It could not be reached, is broken, or did not answer in time.
    #[error("it does not answer")]
    Away(#[source] Option<reqwest::Error>),
    /// It answered with something else than it promises.
    #[error("it did not answer as it promises: {0}")]
    Garbled(&'static str),
}

/// The way to consent and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Oauth {
    google: google::Settings,
    microsoft: microsoft::Settings,
    base: String,
    client: reqwest::Client,
    clock: Clock,
}

impl fmt::Debug for Oauth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oauth").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The client as the library knows it, with all it needs to ask for tokens.
type Client = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<Extra, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    oauth2::EndpointSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;
type Answer = StandardTokenResponse<Extra, BasicTokenType>;

/// What Microsoft says beside the tokens.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Extra {
    #[serde(default)]
    id_token: Option<IdToken>,
}

impl ExtraTokenFields for Extra {}

/// Who somebody is, as a token. It came from the vendor itself, so its signature need not be looked at (OpenID Connect
/// Core, 3.1.3.7).
#[derive(Clone, Deserialize, Serialize)]
struct IdToken(String);

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken")
    }
}

#[derive(Deserialize)]
struct Claims {
    tid: String,
    #[serde(default)]
    preferred_username: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

impl IdToken {
    fn identity(&self) -> Option<Identity> {
        let payload = self.0.split('.').nth(1)?;
        let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let personal = claims.tid.eq_ignore_ascii_case(PERSONAL_DIRECTORY);
        is_directory(&claims.tid).then_some(())?;
        let account = claims.preferred_username.or(claims.email).filter(|name| !name.trim().is_empty());
        Some(Identity { account, directory: claims.tid.to_lowercase(), personal })
    }
}

/// Why one request for tokens has no answer, in the library's terms.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It could not be reached, is broken, or did not answer in time.
    #[error("it does not answer")]
    Away(#[source] Option<reqwest::Error>),
    /// It answered with something else than it promises.
    #[error("it did not answer as it promises: {0}")]
    Garbled(&'static str),
}

impl Oauth {
    /// The way to both vendors. `base` is where people's browsers reach this server, without a slash at its end.
    ///
    /// # Errors
    /// [`Error::Away`] when no client can be made, such as for want of a TLS library.
    pub fn new(
        google: &google::Settings,
        microsoft: &microsoft::Settings,
        base: &str,
        clock: Clock,
    ) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(REQUEST_TIME_MAX)
            // A redirect would carry the secret elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Error::Away(Some(error)))?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { google: google.clone(), microsoft: microsoft.clone(), base, client, clock })
    }

    /// Whether the operator has set this vendor up.
    pub fn offers(&self, vendor: Vendor) -> bool {
        let (id, secret) = match vendor {
            Vendor::Google => (&self.google.client_id, &self.google.client_secret),
            Vendor::Microsoft => (&self.microsoft.client_id, &self.microsoft.client_secret),
        };
        !id.is_empty() && !secret.expose_secret().is_empty()
    }

    /// Where people come back to: exactly as it must be registered at the vendor.
    pub fn redirect_uri(&self, vendor: Vendor) -> String {
        format!("{}/calendars/{}/callback", self.base, vendor.as_str())
    }

    /// Where somebody goes to agree; who they probably are may be hinted at.
    ///
    /// # Errors
    /// [`Error::NotOffered`], also for organisations at Google.
    pub fn begin(&self, vendor: Vendor, grant: Grant, login_hint: Option<&str>) -> Result<Begun, Error> {
        match (vendor, grant) {
            (Vendor::Google, Grant::Person) => self.begin_google(login_hint),
            (Vendor::Google, Grant::Organisation) => Err(Error::NotOffered),
            (Vendor::Microsoft, Grant::Person) => {
                self.begin_microsoft(&self.microsoft.directory, &MICROSOFT_SCOPES, None, login_hint)
            }
            (Vendor::Microsoft, Grant::Organisation) => self.begin_organisation(),
        }
    }

    /// Where an administrator goes to prove that she belongs to the organisation for which she has just agreed: what a
    /// browser says of that proves nothing.
    ///
    /// # Errors
    /// [`Error::NotOffered`]; [`Error::Garbled`] when that is no organisation's id.
    pub fn prove_organisation(&self, directory: &str) -> Result<Begun, Error> {
        if !is_directory(directory) {
            return Err(Error::Garbled("not an organisation's id"));
        }
        self.begin_microsoft(directory, &["openid", "profile"], Some("select_account"), None)
    }

    /// Turns the code somebody came back with into tokens: at the organisation at which they signed in, where it was a
    /// certain one. A code is good for one try.
    ///
    /// # Errors
    /// [`Error::Gone`] when the code is not good; whatever else stands in the way.
    pub async fn redeem(
        &self,
        vendor: Vendor,
        directory: Option<&str>,
        code: &SecretString,
        verifier: &SecretString,
    ) -> Result<Tokens, Error> {
        let client = self.client_of(vendor, directory.unwrap_or(&self.microsoft.directory))?;
        let asked = self.clock.now();
        let answer = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
            .request_async(self)
            .await;
        tokens(answer, asked)
    }

    /// Renews an access. Microsoft replaces the refresh token with each renewal: keep the new one before using it.
    ///
    /// # Errors
    /// [`Error::Gone`]; whatever else stands in the way: it may have been renewed although this fails.
    pub async fn refresh(&self, vendor: Vendor, refresh_token: &SecretString) -> Result<Tokens, Error> {
        let client = self.client_of(vendor, &self.microsoft.directory)?;
        let asked = self.clock.now();
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let answer = client.exchange_refresh_token(&token).request_async(self).await;
        tokens(answer, asked)
    }

    /// An access to the mailboxes of an organisation whose administrator has agreed.
    ///
    /// # Errors
    /// [`Error::Gone`] when the organisation does not know our application; whatever else stands in the way.
    pub async fn of_organisation(&self, directory: &str) -> Result<Tokens, Error> {
        if !is_directory(directory) {
            return Err(Error::Garbled("not an organisation's id"));
        }
        let client = self.client_of(Vendor::Microsoft, directory)?;
        let asked = self.clock.now();
        let answer = client
            .exchange_client_credentials()
            .add_scope(Scope::new(ORGANISATION_SCOPE.to_owned()))
            .request_async(self)
            .await;
        match answer {
            // The application is unknown there, or switched off: that is the organisation's doing, not ours.
            Err(RequestTokenError::ServerResponse(told))
                if [700_016, 7_000_229, 7_000_112, 90_002]
                    .iter()
                    .any(|known| aadsts(&told) == Some(*known)) =>
            {
                Err(Error::Gone(Gone::Withdrawn))
            }
            answer => tokens(answer, asked),
        }
    }

    /// Gives a token back, where the vendor takes it: whether it does. One that is good no more is given back.
    ///
    /// # Errors
    /// [`Error::Away`]; [`Error::Garbled`].
    pub async fn revoke(&self, vendor: Vendor, token: &SecretString) -> Result<bool, Error> {
        let url = match vendor {
            Vendor::Google => self.google.revoke_url.clone(),
            // There is nowhere to give a token back (protocols.md §4.1).
            Vendor::Microsoft => return Ok(false),
        };
        let form = [("token", token.expose_secret())];
        let sent = self.client.post(url).form(&form).send();
        let sent = self.clock.within(REQUEST_TIME_MAX, sent).await;
        let answer =
            sent.ok_or(Error::Away(None))?.map_err(|error| Error::Away(Some(error.without_url())))?;
        match answer.status().as_u16() {
            // 400 is said of a token that is good no more.
            200..=299 | 400 => Ok(true),
            429 | 500.. => Err(Error::Away(None)),
            _ => Err(Error::Garbled("an unexpected status")),
        }
    }

    fn begin_google(&self, login_hint: Option<&str>) -> Result<Begun, Error> {
        let client = self.client_of(Vendor::Google, "")?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(GOOGLE_SCOPES.map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .add_extra_param("include_granted_scopes", "true")
            .set_pkce_challenge(challenge);
        if let Some(hint) = login_hint {
            request = request.add_extra_param("login_hint", hint.to_owned());
        }
        Ok(begun(request.url(), &verifier))
    }

    fn begin_microsoft(
        &self,
        directory: &str,
        scopes: &[&str],
        prompt: Option<&'static str>,
        login_hint: Option<&str>,
    ) -> Result<Begun, Error> {
        let client = self.client_of(Vendor::Microsoft, directory)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .add_extra_param("response_mode", "query")
            .set_pkce_challenge(challenge);
        if let Some(prompt) = prompt {
            request = request.add_extra_param("prompt", prompt);
        }
        if let Some(hint) = login_hint {
            request = request.add_extra_param("login_hint", hint.to_owned());
        }
        Ok(begun(request.url(), &verifier))
    }

    fn begin_organisation(&self) -> Result<Begun, Error> {
        if !self.offers(Vendor::Microsoft) {
            return Err(Error::NotOffered);
        }
        // Personal accounts have no administrator: `common` is `organizations` here.
        let directory = match self.microsoft.directory.as_str() {
            "common" | "consumers" => "organizations",
            directory => directory,
        };
        let mut url = self.login(directory, &["v2.0", "adminconsent"])?;
        let state = CsrfToken::new_random();
        url.query_pairs_mut()
            .append_pair("client_id", &self.microsoft.client_id)
            .append_pair("scope", ORGANISATION_SCOPE)
            .append_pair("redirect_uri", &self.redirect_uri(Vendor::Microsoft))
            .append_pair("state", state.secret());
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        Ok(begun((url, state), &verifier))
    }

    fn client_of(&self, vendor: Vendor, directory: &str) -> Result<Client, Error> {
        if !self.offers(vendor) {
            return Err(Error::NotOffered);
        }
        let (id, secret, authorize, token) = match vendor {
            Vendor::Google => (
                &self.google.client_id,
                &self.google.client_secret,
                self.google.authorize_url.clone(),
                self.google.token_url.clone(),
            ),
            Vendor::Microsoft => (
                &self.microsoft.client_id,
                &self.microsoft.client_secret,
                self.login(directory, &["oauth2", "v2.0", "authorize"])?,
                self.login(directory, &["oauth2", "v2.0", "token"])?,
            ),
        };
        let redirect = RedirectUrl::new(self.redirect_uri(vendor));
        let redirect = redirect.map_err(|_| Error::Garbled("our own address is none"))?;
        Ok(oauth2::Client::new(ClientId::new(id.clone()))
            .set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(authorize))
            .set_token_uri(TokenUrl::from_url(token))
            .set_redirect_uri(redirect))
    }

    /// A page of Microsoft's, in a directory.
    fn login(&self, directory: &str, path: &[&str]) -> Result<Url, Error> {
        let mut url = self.microsoft.login_url.clone();
        {
            let mut segments =
                url.path_segments_mut().map_err(|()| Error::Garbled("`microsoft.login_url` is none"))?;
            segments.pop_if_empty().push(directory).extend(path);
        }
        Ok(url)
    }

    /// Asks for tokens, once.
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Failed> {
        let away = |error: reqwest::Error| Failed::Away(Some(error.without_url()));
        let request = request.try_into().map_err(|_| Failed::Garbled("a request cannot be made"))?;
        let asked = self.clock.within(REQUEST_TIME_MAX, async {
            let mut answer = self.client.execute(request).await.map_err(away)?;
            let status = answer.status();
            if status.as_u16() == 429 || status.is_server_error() {
                return Err(Failed::Away(None));
            }
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await.map_err(away)? {
                if body.len() + piece.len() > ANSWER_BYTES_MAX {
                    return Err(Failed::Garbled("an answer that is too long"));
                }
                body.extend_from_slice(&piece);
            }
            let mut told = oauth2::http::Response::builder().status(status);
            if let Some(kind) = answer.headers().get(reqwest::header::CONTENT_TYPE) {
                told = told.header(reqwest::header::CONTENT_TYPE, kind);
            }
            told.body(body).map_err(|_| Failed::Garbled("an answer that is none"))
        });
        asked.await.unwrap_or(Err(Failed::Away(None)))
    }
}

impl<'c> AsyncHttpClient<'c> for Oauth {
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether a text can be the id of an organisation: what is put into an address must be nothing else.
fn is_directory(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok() && text.len() == 36
}

fn begun((url, state): (Url, CsrfToken), verifier: &PkceCodeVerifier) -> Begun {
    let [state, verifier] = [state.secret(), verifier.secret()].map(|text| SecretString::from(text.as_str()));
    Begun { url, state, verifier }
}

/// What an answer to a request for tokens means.
fn tokens(
    answer: Result<Answer, RequestTokenError<Failed, BasicErrorResponse>>,
    asked: Timestamp,
) -> Result<Tokens, Error> {
    let answer = answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(told) => refusal(&told),
        RequestTokenError::Request(Failed::Away(error)) => Error::Away(error),
        RequestTokenError::Request(Failed::Garbled(what)) => Error::Garbled(what),
        // What could not be understood may hold tokens: it goes no further.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Error::Garbled("its answer is not understood")
        }
    })?;
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(Error::Garbled("a token of an unknown type"));
    }
    let access = usable(answer.access_token())?;
    let life = answer.expires_in().unwrap_or(UNSAID_LIFE).min(LIFE_MAX);
    let used = life - EXPIRY_MARGIN.min(life / 2);
    let scopes = answer.scopes().into_iter().flatten().map(|scope| scope.to_string()).collect();
    Ok(Tokens {
        access,
        access_expires: asked.plus_millis(i64::try_from(used.as_millis()).unwrap_or(0)),
        refresh: answer.refresh_token().map(|token| SecretString::from(token.secret().as_str())),
        scopes,
        identity: answer.extra_fields().id_token.as_ref().and_then(IdToken::identity),
    })
}

/// An access token that can stand in a header.
fn usable(token: &AccessToken) -> Result<SecretString, Error> {
    let token = token.secret();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Garbled("an access token that is none"));
    }
    Ok(SecretString::from(token.as_str()))
}

/// The number of Microsoft's own error, which stands before its description (`AADSTS70008: …`).
fn aadsts(told: &BasicErrorResponse) -> Option<u32> {
    let (_, rest) = told.error_description()?.split_once("AADSTS")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// What a refusal means (protocols.md §3.1, §4.1).
fn refusal(told: &BasicErrorResponse) -> Error {
    if let Some(code) = aadsts(told) {
        let known = match code {
            70_008 | 700_082 | 70_043 | 700_081 => Some(Error::Gone(Gone::Lapsed)),
            50_173 | 50_133 => Some(Error::Gone(Gone::Password)),
            50_076 | 50_078 | 50_079 | 50_074 => Some(Error::Gone(Gone::Interaction)),
            65_001 | 65_004 => Some(Error::Gone(Gone::Missing)),
            90_094 | 90_095 => Some(Error::Gone(Gone::Administrator)),
            53_000..=53_004 | 530_000..=530_999 => Some(Error::Gone(Gone::Policy)),
            7_000_222 => Some(Error::Operator(OperatorFault::SecretExpired)),
            7_000_215 | 7_000_218 => Some(Error::Operator(OperatorFault::Client)),
            _ => None,
        };
        if let Some(known) = known {
            return known;
        }
    }
    match told.error() {
        BasicErrorResponseType::InvalidGrant => Error::Gone(Gone::Withdrawn),
        BasicErrorResponseType::InvalidClient => Error::Operator(OperatorFault::Client),
        BasicErrorResponseType::UnauthorizedClient => Error::Operator(OperatorFault::NotAuthorised),
        BasicErrorResponseType::InvalidRequest
        | BasicErrorResponseType::InvalidScope
        | BasicErrorResponseType::UnsupportedGrantType => Error::Operator(OperatorFault::Request),
        BasicErrorResponseType::Extension(word) => match word.as_str() {
            "interaction_required" | "login_required" => Error::Gone(Gone::Interaction),
            "consent_required" => Error::Gone(Gone::Missing),
            "admin_policy_enforced" | "org_internal" | "access_denied" => Error::Gone(Gone::Policy),
            "deleted_client" | "disabled_client" => Error::Operator(OperatorFault::Client),
            "redirect_uri_mismatch" => Error::Operator(OperatorFault::Request),
            "temporarily_unavailable" | "server_error" | "rate_limit_exceeded" | "internal_failure" => {
                Error::Away(None)
            }
            _ => Error::Garbled("it refused for a reason of its own"),
        },
    }
}

/// Something that must be agreed to, so that appointments can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// To write into the calendars one owns.
    Writing,
    /// To know when calendars are taken.
    FreeBusy,
    /// To know which calendars there are.
    Listing,
    /// To be let in while nobody is there.
    Lasting,
}

impl Needed {
    /// The right, for the person who has withheld it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::FreeBusy => "free_busy",
            Self::Listing => "listing",
            Self::Lasting => "lasting",
        }
    }
}

/// What a person has withheld of what is needed: people can untick what they are asked for (protocols.md §3.1).
pub fn withheld(vendor: Vendor, tokens: &Tokens) -> Vec<Needed> {
    let has = |names: &[&str]| {
        tokens.scopes.iter().any(|scope| {
            let name = scope.rsplit('/').next().unwrap_or(scope);
            names.iter().any(|known| known.eq_ignore_ascii_case(name))
        })
    };
    let mut missing = Vec::new();
    match vendor {
        Vendor::Google => {
            // What was agreed to earlier may be more than what is asked for.
            if !has(&["calendar", "calendar.events", "calendar.events.owned"]) {
                missing.push(Needed::Writing);
            }
            if !has(&["calendar", "calendar.readonly", "calendar.freebusy", "calendar.events.freebusy"]) {
                missing.push(Needed::FreeBusy);
            }
            if !has(&[
                "calendar",
                "calendar.readonly",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
            ]) {
                missing.push(Needed::Listing);
            }
        }
        Vendor::Microsoft => {
            if !has(&["Calendars.ReadWrite", "Calendars.ReadWrite.Shared"]) {
                missing.push(Needed::Writing);
            }
        }
    }
    if tokens.refresh.is_none() {
        missing.push(Needed::Lasting);
    }
    missing
}
