//! Proof that a webhook or a media socket really comes from Twilio (protocols.md §1.3).
//!
//! The URL to check is the one Twilio was told, rebuilt from the configured public origin; never one made
//! from the request's own headers, which anybody can write. Comparison takes the same time wherever the
//! first difference lies.

use aws_lc_rs::{
    constant_time, digest,
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256},
};
use secrecy::{ExposeSecret, SecretString};

/// How a request was signed, as its `X-Twilio-Webhooks-Signature-Settings` header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA1 with the account's primary auth token: what is meant when the header is absent.
    #[default]
    AuthToken,
    /// HMAC-SHA256 with a SharedKey's secret.
    SharedKey,
}

impl Algorithm {
    /// What the header's value says; `None` when it names an algorithm we do not know.
    pub fn from_settings(header: Option<&str>) -> Option<Self> {
        let Some(header) = header else { return Some(Self::AuthToken) };
        let named = header.split(',').find_map(|part| part.trim().strip_prefix("algorithm="));
        match named {
            None | Some("HMAC_SHA1") => Some(Self::AuthToken),
            Some("HMAC_SHA256") => Some(Self::SharedKey),
            Some(_) => None,
        }
    }
}

/// Whether `signature`, the `X-Twilio-Signature` header, was made by the holder of `auth_token` over this
/// URL and these form parameters. `params` are decoded and all of them; none for a GET or a WebSocket, whose
/// URL keeps its query as sent and, for a WebSocket, its `wss` scheme.
pub fn verify(auth_token: &SecretString, url: &str, params: &[(String, String)], signature: &str) -> bool {
    verify_with(Algorithm::AuthToken, auth_token, url, params, signature)
}

/// The same with a named algorithm and its key.
pub fn verify_with(
    algorithm: Algorithm,
    key: &SecretString,
    url: &str,
    params: &[(String, String)],
    signature: &str,
) -> bool {
    let Ok(claimed) = base64_simd::STANDARD.decode_to_vec(signature) else { return false };
    let algorithm = match algorithm {
        Algorithm::AuthToken => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::SharedKey => HMAC_SHA256,
    };
    let key = hmac::Key::new(algorithm, key.expose_secret().as_bytes());
    let params = signed_params(params);
    // Every form is tried, so that how long it takes tells nothing about which one agreed.
    url_forms(url)
        .into_iter()
        .fold(false, |found, form| found | hmac::verify(&key, (form + &params).as_bytes(), &claimed).is_ok())
}

/// Whether a JSON request is Twilio's: the signature covers the URL alone, and the URL's `bodySHA256` is the
/// lower-case hexadecimal SHA-256 of the body as received.
pub fn verify_json(
    algorithm: Algorithm,
    key: &SecretString,
    url: &str,
    body: &[u8],
    signature: &str,
) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some(claimed) = query.split('&').find_map(|part| part.strip_prefix("bodySHA256=")) else {
        return false;
    };
    let digest = digest::digest(&digest::SHA256, body);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let agrees = constant_time::verify_slices_are_equal(hex.as_bytes(), claimed.as_bytes()).is_ok();
    verify_with(algorithm, key, url, &[], signature) & agrees
}

/// Keys in code-point order, each before each of its distinct values in order, nothing between them.
fn signed_params(params: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = params.iter().collect();
    pairs.sort();
    pairs.dedup();
    pairs.into_iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect()
}

/// The URL as it is, without its port, and with its scheme's default port: Twilio signs any of them. For
/// `wss` that port is 443, but Twilio's own libraries take 80, so both are tried.
fn url_forms(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let authority_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_ends);
    match port_begins(authority) {
        Some(at) => forms.push(format!("{scheme}://{}{path}", &authority[..at])),
        None => {
            let ports: &[&str] = match scheme {
                "https" => &["443"],
                "wss" => &["443", "80"],
                _ => &["80"],
            };
            forms.extend(ports.iter().map(|port| format!("{scheme}://{authority}:{port}{path}")));
        }
    }
    forms
}

/// Where `:port` begins; colons of a user's password or of an IPv6 address do not count.
fn port_begins(authority: &str) -> Option<usize> {
    let host_begins = authority.rfind('@').map_or(0, |at| at + 1);
    let after_address = authority.rfind(']').map_or(host_begins, |at| at + 1);
    authority[after_address..].rfind(':').map(|at| after_address + at)
}
