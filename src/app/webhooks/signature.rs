//! How what is told is signed, so that whoever gets it can tell that it is ours: Standard Webhooks.
//!
//! The signature is HMAC-SHA256 over `ID.TIMESTAMP.BODY` under the secret's bytes, in base64 after `v1,`; with two secrets,
//! two of them with a space between. Keeps no secret and never prints one.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::{id::WebhookEventId, time::Timestamp};

/// What every secret begins with; base64 follows.
pub const SECRET_PREFIX: &str = "whsec_";
/// The event's id: told again, it is the same.
pub const ID: &str = "webhook-id";
/// When this was sent, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// The secret that consists of these bytes, as it is shown.
pub fn secret_of(bytes: &[u8]) -> SecretString {
    format!("{SECRET_PREFIX}{}", base64_simd::STANDARD.encode_to_string(bytes)).into()
}

/// One signature; `None` when the secret is none.
pub fn sign(secret: &SecretString, id: &str, seconds: i64, body: &str) -> Option<String> {
    let base64 = secret.expose_secret().strip_prefix(SECRET_PREFIX)?;
    let bytes = base64_simd::STANDARD.decode_to_vec(base64).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", base64_simd::STANDARD.encode_to_string(tag.as_ref())))
}

/// What stands in the head of a request that tells an event: signed with each of the secrets.
pub(super) fn fields(
    secrets: &[SecretString],
    id: &WebhookEventId,
    now: Timestamp,
    body: &str,
) -> [(&'static str, String); 3] {
    let seconds = now.0 / 1_000_000;
    let signatures: Vec<String> =
        secrets.iter().filter_map(|secret| sign(secret, id.as_str(), seconds, body)).collect();
    [(ID, id.to_string()), (TIMESTAMP, seconds.to_string()), (SIGNATURE, signatures.join(" "))]
}
