//! A webhook is believed only when Twilio signed it.

use frontdesk::telephony::{
    PublicUrl,
    signature::{Algorithm, verify, verify_json, verify_with},
};
use secrecy::SecretString;
use serde_json::Value;

/// Twilio's own validators' answers for 27 requests.
const VECTORS: &str = include_str!("data/twilio-signature-vectors.json");

#[test]
fn every_request_is_judged_as_twilios_own_validators_judge_it() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 27);
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        // Twilio's libraries know no port 443 for wss. Twilio may well sign with it, so we do.
        let expected = vector["official_validator_accepts"].as_bool().unwrap() || id == "wss-port-443";
        assert_eq!(judged(vector), expected, "{id}: {}", vector["note"]);
    }
}

fn judged(vector: &Value) -> bool {
    let key = SecretString::from(vector["auth_token"].as_str().unwrap());
    let url = vector["url_seen_by_server"].as_str().unwrap();
    let signature = vector["x_twilio_signature"].as_str().unwrap();
    let header = vector.get("signature_settings_header").and_then(Value::as_str);
    let algorithm = Algorithm::from_settings(header).unwrap();
    if let Some(body) = vector.get("json_body").and_then(Value::as_str) {
        return verify_json(algorithm, &key, url, body.as_bytes(), signature);
    }
    let sent = vector["form_body"].as_str().unwrap();
    let params: Vec<(String, String)> = form_urlencoded::parse(sent.as_bytes()).into_owned().collect();
    verify_with(algorithm, &key, url, &params, signature)
}

#[test]
fn the_order_in_which_parameters_arrive_does_not_matter() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = &file["vectors"][0];
    let sent = vector["form_body"].as_str().unwrap();
    let mut params: Vec<(String, String)> = form_urlencoded::parse(sent.as_bytes()).into_owned().collect();
    params.reverse();
    let url = vector["url_seen_by_server"].as_str().unwrap();
    let signature = vector["x_twilio_signature"].as_str().unwrap();
    assert!(verify(&SecretString::from("12345"), url, &params, signature));
    assert!(!verify(&SecretString::from("12346"), url, &params, signature));
}

#[test]
fn a_signature_or_a_url_that_is_nonsense_is_refused_without_a_panic() {
    let token = SecretString::from("12345");
    for signature in ["", "=", "not base64!", "AAAA", "🙂", &"A".repeat(4096)] {
        for url in
            ["", "://", "https://", "https://[::1", "https://a:b@c:d@:e/", "ü://ü:ü/ü", "https://h:443"]
        {
            assert!(!verify(&token, url, &[], signature), "{url} {signature}");
            assert!(!verify_json(Algorithm::AuthToken, &token, url, b"{}", signature));
        }
    }
}

#[test]
fn an_unknown_algorithm_is_not_taken_for_a_known_one() {
    assert_eq!(Algorithm::from_settings(None), Some(Algorithm::AuthToken));
    assert_eq!(Algorithm::from_settings(Some("key=k, algorithm=HMAC_SHA256")), Some(Algorithm::SharedKey));
    assert_eq!(Algorithm::from_settings(Some("key=k,algorithm=NONE")), None);
}

#[test]
fn the_public_url_says_where_webhooks_and_sockets_are_found() {
    let url: PublicUrl = "https://voice.example.com/desk/".parse().unwrap();
    assert_eq!(url.webhook("/twilio/voice"), "https://voice.example.com/desk/twilio/voice");
    assert_eq!(url.socket("/twilio/media"), "wss://voice.example.com/desk/twilio/media");
    let local: PublicUrl = "http://127.0.0.1:8080".parse().unwrap();
    assert_eq!(local.socket("/m"), "ws://127.0.0.1:8080/m");
    assert!(url.is_encrypted() && !local.is_encrypted());
    for wrong in
        ["", "voice.example.com", "ftp://a", "https://", "https://a/?q=1", "https://u:p@a", "wss://a"]
    {
        assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
    }
}
