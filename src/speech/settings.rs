//! What must be known to reach the engine: the `[openai]` part of the configuration.

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// Where the engine is, which model speaks with which voice, and what it costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the REST API answers, such as `https://api.openai.com/v1`. The WebSocket's URL is derived.
    pub base_url: Url,
    /// The key; empty when none is configured.
    pub api_key: SecretString,
    /// The model that hears and speaks.
    pub model: String,
    /// The model that writes down what the caller said; empty for none.
    pub transcription_model: String,
    /// Whether it is asked how sure it is of that.
    pub transcription_confidence: bool,
    /// The voice, unless the assistant names another.
    pub voice: String,
    /// What kind of microphone the engine filters noise for.
    pub noise_reduction: NoiseReduction,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Prices by model, in US dollars per million tokens.
    pub prices: BTreeMap<String, Prices>,
    /// Prices of transcription by model, in US dollars per minute.
    pub transcription_prices: BTreeMap<String, f64>,
}

/// What kind of microphone the engine filters noise for (protocols.md §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseReduction {
    /// No filter.
    Off,
    /// A handset near the mouth.
    NearField,
    /// A microphone across a room.
    FarField,
}

/// Prices of one model in US dollars per million tokens, which is the same as millionths of a dollar per token.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Sound heard.
    pub audio_in: f64,
    /// Sound heard that the vendor had kept from an earlier response.
    pub audio_cached: f64,
    /// Sound spoken.
    pub audio_out: f64,
    /// Text read.
    pub text_in: f64,
    /// Text read that the vendor had kept from an earlier response.
    pub text_cached: f64,
    /// Text written.
    pub text_out: f64,
}

impl Settings {
    /// Whether there is a key to ask the engine with.
    pub fn has_key(&self) -> bool {
        !self.api_key.expose_secret().is_empty()
    }

    /// The URL of a realtime session with `model`: http becomes ws, https becomes wss (protocols.md §2.1).
    pub fn socket_url(&self, model: &str) -> Url {
        let mut url = self.endpoint("realtime");
        let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
        // Refused only for a URL without a host, which reading the configuration has ruled out.
        let _ = url.set_scheme(scheme);
        url.query_pairs_mut().append_pair("model", model);
        url
    }

    /// The URL that lists the vendor's models.
    pub fn models_url(&self) -> Url {
        self.endpoint("models")
    }

    /// The URL that writes down recorded sound.
    pub fn transcriptions_url(&self) -> Url {
        self.endpoint("audio/transcriptions")
    }

    /// How long connecting may take.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    fn endpoint(&self, last: &str) -> Url {
        let mut url = self.base_url.clone();
        let path = format!("{}/{last}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }
}
