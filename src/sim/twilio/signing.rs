//! Twilio's signature, worked out from its description (protocols.md §1.3) and from nothing else here.

use aws_lc_rs::hmac;

/// The `X-Twilio-Signature` of a request to `url` with these form parameters (none for a WebSocket).
pub fn signature(token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut pairs: Vec<&(String, String)> = form.iter().collect();
    pairs.sort();
    pairs.dedup();
    let mut text = url.to_owned();
    for (name, value) in pairs {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    base64_simd::STANDARD.encode_to_string(hmac::sign(&key, text.as_bytes()))
}
