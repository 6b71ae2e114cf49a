//! Twilio: what it sends us, what we answer it, and how we know that it is Twilio.
//!
//! Wire formats of Twilio live here and nowhere else. Nothing here decides whether a call is taken, or what
//! is said in one.

pub mod media_stream;
pub mod rest;
pub mod signature;
pub mod twiml;

use std::{collections::BTreeMap, fmt, str::FromStr};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::{assistant::Language, conversation::Direction, money::MicroUsd};

/// Where Twilio announces a call.
pub const VOICE: &str = "/twilio/voice";
/// Where Twilio tells how a call goes on.
pub const STATUS: &str = "/twilio/status";
/// Below which Twilio asks what to do in a call of ours and tells how it goes on, followed by our name for it.
pub const OUTGOING: &str = "/twilio/outgoing";

/// Where Twilio asks what follows a call's media stream.
pub const ONWARD: &str = "/twilio/onward";
/// Where Twilio asks what follows a message that was spoken; the language's code stands behind it.
pub const MESSAGE_DONE: &str = "/twilio/messages/done";
/// Where Twilio tells that a message was recorded.
pub const MESSAGE_KEPT: &str = "/twilio/messages/kept";
/// Below which Twilio asks about passing a caller on.
pub const TRANSFERS: &str = "/twilio/transfers";

/// What must be known to work with Twilio: the `[twilio]` part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where Twilio's REST API answers.
    pub base_url: url::Url,
    /// Where Conversation Intelligence answers, which has what Twilio wrote down of calls.
    pub intelligence_base_url: url::Url,
    /// The operator's account (`AC…`); empty when none is configured.
    pub account_sid: String,
    /// The primary auth token of that account; empty when none is configured.
    pub auth_token: SecretString,
    /// Further accounts (`AC…`) that own numbers, such as a tenant's own, and their primary auth tokens.
    pub accounts: BTreeMap<String, SecretString>,
    /// The voice that speaks TwiML sentences, per language code.
    pub say_voices: BTreeMap<String, String>,
    /// What a begun minute costs.
    pub minute_prices: BasePrices,
    /// What a begun minute of a call of ours costs, by the country that is called, where it is not the usual price.
    pub outbound_minute_prices: BTreeMap<String, f64>,
}

/// What a begun minute of a call costs, in US dollars; 0 where nobody has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasePrices {
    /// Of a call of somebody else's.
    pub inbound: f64,
    /// Of a call of ours, or of one passed on.
    pub outbound: f64,
    /// Of the sound that is streamed to us and back, on top of either.
    pub media: f64,
}

/// What the telephone costs.
#[derive(Clone, Debug, PartialEq)]
pub struct MinutePrices {
    base: BasePrices,
    outbound: BTreeMap<String, f64>,
}

impl MinutePrices {
    /// What so many begun minutes of a call cost. `country` is where the person at the other end is: two capital letters,
    /// or nothing.
    pub fn call(&self, direction: Direction, country: &str, minutes: u64) -> MicroUsd {
        let line = match direction {
            Direction::Inbound => self.base.inbound,
            Direction::Outbound => self.outbound(country),
        };
        cost(line + self.base.media, minutes)
    }

    /// What so many begun minutes with somebody cost who was rung for a caller.
    pub fn onward(&self, country: &str, minutes: u64) -> MicroUsd {
        cost(self.outbound(country), minutes)
    }

    fn outbound(&self, country: &str) -> f64 {
        self.outbound.get(country).copied().unwrap_or(self.base.outbound)
    }
}

fn cost(per_minute: f64, minutes: u64) -> MicroUsd {
    MicroUsd((per_minute * 1e6 * minutes as f64).round() as i64)
}

impl Settings {
    /// What the telephone costs.
    pub fn prices(&self) -> MinutePrices {
        MinutePrices { base: self.minute_prices, outbound: self.outbound_minute_prices.clone() }
    }

    /// The primary auth token of an account, if we know it. Twilio signs with the token of the account that owns
    /// the number that was called (protocols.md §1.3).
    pub fn auth_token_of(&self, account_sid: &str) -> Option<&SecretString> {
        let token = if account_sid == self.account_sid {
            Some(&self.auth_token)
        } else {
            self.accounts.get(account_sid)
        };
        token.filter(|token| !account_sid.is_empty() && !token.expose_secret().is_empty())
    }

    /// The voice that speaks TwiML sentences in `language`; Twilio's word for its default where none is set.
    pub fn say_voice(&self, language: Language) -> &str {
        self.say_voices.get(language.code()).map_or("woman", String::as_str)
    }
}

/// Where the world reaches this server, such as `https://voice.example.com`: the origin, and the path
/// before ours if a proxy adds one. Signatures are checked against it and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text that cannot be the public URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public URL such as https://voice.example.com: {0}")]
pub struct NotAPublicUrl(&'static str);

impl PublicUrl {
    /// The URL of a server that only this machine reaches.
    pub fn local(addr: std::net::SocketAddr) -> Self {
        Self(format!("http://{addr}"))
    }

    /// The URL at which Twilio requests `path` (which begins with a slash).
    pub fn webhook(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The URL at which Twilio opens a WebSocket: the same with `wss` for `https`.
    pub fn socket(&self, path: &str) -> String {
        // The scheme is http or https, checked when it was read: only the four first letters change.
        format!("ws{}{path}", &self.0["http".len()..])
    }

    /// Whether it is encrypted, which Twilio insists on for media.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let url = url::Url::parse(text).map_err(|_| NotAPublicUrl("it does not read as a URL"))?;
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(NotAPublicUrl("it must begin with https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(NotAPublicUrl("a query or fragment has no place in it"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotAPublicUrl("a user or password has no place in it"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
