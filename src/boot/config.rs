//! The configuration: every key with its default, overridden by a file, then by the environment.
//!
//! `config/default.toml` is embedded and is the list of all keys: what does not stand there is refused, with
//! the place it was written and the key that was probably meant. Secrets are taken as text whatever they look
//! like, and are never printed.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use axum::http::HeaderValue;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use crate::{
    app::people,
    audio::vad::Detector,
    calendars, http,
    live::Limits,
    mail,
    platform::{blobs, egress, hints},
    speech, store,
    telephony::{self, PublicUrl},
};

/// Every key with its default and a comment.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// The usual names some keys have in the environment.
const USUAL_NAMES: [(&str, &str); 4] = [
    ("DATABASE_URL", "database.url"),
    ("OPENAI_API_KEY", "openai.api_key"),
    ("TWILIO_ACCOUNT_SID", "twilio.account_sid"),
    ("TWILIO_AUTH_TOKEN", "twilio.auth_token"),
];

/// What a key's name in the environment begins with.
const ENV_PREFIX: &str = "FRONTDESK__";

/// Tables whose keys are anybody's choice: names of models, accounts and languages.
const OPEN_TABLES: [&str; 5] = [
    "openai.prices",
    "openai.transcription_prices",
    "twilio.accounts",
    "twilio.say_voices",
    "twilio.outbound_minute_prices",
];

/// The whole configuration, one part per section of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server.
    pub http: Http,
    /// The database.
    pub database: store::Settings,
    /// Who may come in.
    pub people: people::Settings,
    /// The mail server.
    pub mail: mail::Settings,
    /// What seals secrets at rest.
    pub secrets: Secrets,
    /// The engine.
    pub openai: speech::Settings,
    /// The telephone.
    pub twilio: telephony::Settings,
    /// Google's calendars.
    pub google: calendars::google::Settings,
    /// Microsoft's calendars.
    pub microsoft: calendars::microsoft::Settings,
    /// The way out to addresses that tenants choose.
    pub egress: egress::Settings,
    /// Limits, each with its unit.
    pub limits: Limits,
    /// How often somebody may ask.
    pub rate_limits: http::limits::Settings,
    /// Sound.
    pub audio: Audio,
    /// Recordings.
    pub blobs: blobs::Settings,
    /// Threads.
    pub runtime: Runtime,
    /// What is written about what happens.
    pub log: Log,
}

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub bind: SocketAddr,
    /// Where Twilio reaches this server.
    #[serde(deserialize_with = "unless_empty")]
    pub public_url: Option<PublicUrl>,
    /// Longest time an ordinary request may take, in milliseconds.
    pub request_ms_max: u64,
    /// Largest body of a webhook, in bytes.
    pub webhook_body_bytes_max: usize,
    /// Largest body of a request to the API, in bytes.
    pub api_body_bytes_max: usize,
    /// Networks of the proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may use the API.
    pub cors_origins: Vec<Origin>,
    /// Where the console is, for the links in mails.
    #[serde(deserialize_with = "unless_empty")]
    pub console_url: Option<url::Url>,
}

/// The origin of a page: `https://` and a host, with a port where it is unusual.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(pub HeaderValue);

impl TryFrom<String> for Origin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = url::Url::parse(&text).map_err(|_| "an origin is written https://HOST")?;
        if url.origin().ascii_serialization() != text {
            return Err("an origin is written https://HOST, without a path and without a slash at its end");
        }
        HeaderValue::from_str(&text).map(Self).map_err(|_| "an origin is written https://HOST")
    }
}

/// `[secrets]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// 32 bytes in base64; empty when none is configured.
    pub key: SecretString,
    /// The key before this one, while there is something that only it opens; empty otherwise.
    pub previous_key: SecretString,
}

/// `[audio]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// What finds speech in the caller's sound.
    pub detector: Detector,
}

/// `[runtime]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Threads that carry calls and requests; 0 for one per processor.
    pub worker_threads: usize,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For whom it is written.
    pub format: LogFormat,
    /// What is written, as `tracing` filters understand it.
    pub level: String,
}

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Text,
    /// Machines.
    Json,
}

/// Why a configuration cannot be used: where it was written, which key, what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {reason}")]
pub struct ConfigError {
    /// The file and line, or the name in the environment.
    pub origin: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl Config {
    /// The defaults, overridden by a file (its name and text), overridden by the environment. Of `env` only
    /// names that begin with `FRONTDESK__` and the usual ones are looked at.
    ///
    /// # Errors
    /// [`ConfigError`] names the first key that is unknown or whose value does not fit, and where it stands.
    pub fn read(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::of_defaults()?;
        if let Some((name, text)) = file {
            layers.lay_file(name, text)?;
        }
        let env: BTreeMap<String, String> = env.into_iter().collect();
        for (name, key) in USUAL_NAMES {
            if let Some(text) = env.get(name) {
                layers.lay_env(name, key, text)?;
            }
        }
        for (name, text) in env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
            let key = name[ENV_PREFIX.len()..].split("__").collect::<Vec<_>>().join(".").to_lowercase();
            layers.lay_env(name, &key, text)?;
        }
        layers.finish()
    }
}

/// The merged table and, for every key that was overridden, where.
struct Layers {
    merged: Table,
    origins: BTreeMap<String, String>,
}

impl Layers {
    fn of_defaults() -> Result<Self, ConfigError> {
        let merged = DEFAULT.parse().map_err(|error: toml::de::Error| ConfigError {
            origin: "config/default.toml".to_owned(),
            reason: error.message().to_owned(),
        })?;
        Ok(Self { merged, origins: BTreeMap::new() })
    }

    fn lay_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let at = |offset: usize| format!("{name}, line {}", hints::line(text, offset));
        let parsed = DeTable::parse(text).map_err(|error| ConfigError {
            origin: at(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        // The same text twice: once for where things stand, once for what they are.
        let said: Table = text.parse().map_err(|error: toml::de::Error| ConfigError {
            origin: at(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        lay_table(parsed.get_ref(), said, &mut self.merged, "", &at, &mut self.origins)
    }

    fn lay_env(&mut self, name: &str, key: &str, text: &str) -> Result<(), ConfigError> {
        let wrong = |reason: String| ConfigError { origin: format!("environment, {name}"), reason };
        lay_text(&mut self.merged, "", key, text).map_err(wrong)?;
        self.origins.insert(key.to_owned(), format!("environment, {name}"));
        Ok(())
    }

    fn finish(self) -> Result<Config, ConfigError> {
        Value::Table(self.merged).try_into().map_err(|error: toml::de::Error| {
            // The key stands on the last line of the error's text; it has no other way out.
            let text = error.to_string();
            let key = text.lines().last().and_then(|line| line.strip_prefix("in `")?.strip_suffix('`'));
            let origin = key.and_then(|key| self.origins.get(key)).cloned();
            ConfigError {
                origin: origin.unwrap_or_else(|| "configuration".to_owned()),
                reason: key.map_or_else(
                    || error.message().to_owned(),
                    |key| format!("`{key}`: {}", error.message()),
                ),
            }
        })
    }
}

/// Lays what a file says over what is there, refusing keys and kinds that are not.
fn lay_table(
    places: &DeTable<'_>,
    mut said: Table,
    over: &mut Table,
    path: &str,
    at: &dyn Fn(usize) -> String,
    origins: &mut BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    for (key, place) in places {
        let name = key.get_ref().as_ref();
        let full = join(path, name);
        let origin = at(key.span().start);
        let wrong = |reason: String| ConfigError { origin: origin.clone(), reason };
        let Some(value) = said.remove(name) else { continue };
        if !over.contains_key(name) {
            if !OPEN_TABLES.contains(&path) {
                return Err(wrong(unknown(name, path, over)));
            }
            over.insert(name.to_owned(), value);
            origins.insert(full, origin);
            continue;
        }
        let Some(slot) = over.get_mut(name) else { continue };
        match (slot, value, place.get_ref()) {
            (Value::Table(below), Value::Table(value), DeValue::Table(places)) => {
                lay_table(places, value, below, &full, at, origins)?;
            }
            (slot, value, _) => {
                *slot = fitting(slot, value)
                    .ok_or_else(|| wrong(format!("`{full}` must be {}", a_kind(slot))))?;
                origins.insert(full, origin);
            }
        }
    }
    Ok(())
}

/// Lays the text of one key, named from `path` on, over what is there.
fn lay_text(over: &mut Table, path: &str, key: &str, text: &str) -> Result<(), String> {
    let (name, rest) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    if !over.contains_key(name) {
        return Err(unknown(name, path, over));
    }
    let full = join(path, name);
    match (over.get_mut(name), rest) {
        (Some(Value::Table(below)), Some(rest)) => lay_text(below, &full, rest, text),
        (Some(slot), None) => {
            *slot = like(slot, text).ok_or_else(|| format!("`{full}` must be {}", a_kind(slot)))?;
            Ok(())
        }
        _ => Err(format!("`{full}` has no keys of its own")),
    }
}

/// `value`, if it is of the same kind as what it replaces. A whole number will do for a decimal one.
fn fitting(replaced: &Value, value: Value) -> Option<Value> {
    match (replaced, value) {
        (Value::Float(_), Value::Integer(whole)) => Some(Value::Float(whole as f64)),
        (replaced, value) => replaced.same_type(&value).then_some(value),
    }
}

/// What `text` says, read as the kind of value it replaces. Where a text is wanted, any text is one.
fn like(replaced: &Value, text: &str) -> Option<Value> {
    match replaced {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Float(_) => text.trim().parse().ok().map(Value::Float),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn a_kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Datetime(_) => "a date or time",
        Value::Table(_) => "a section",
    }
}

fn unknown(name: &str, path: &str, known: &Table) -> String {
    let key = join(path, name);
    match hints::nearest(name, known.keys().map(String::as_str)) {
        Some(near) => format!("`{key}` is not a key; did you mean `{}`?", join(path, near)),
        None => {
            let keys: Vec<_> = known.keys().map(|key| format!("`{key}`")).collect();
            format!("`{key}` is not a key; there are {}", keys.join(", "))
        }
    }
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

/// Reads a text as `T`; the empty text stands for "not set".
fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}
