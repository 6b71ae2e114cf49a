//! The stand-in's OAuth: what Google would accept, and what it would not.

use frontdesk::sim::google::{Choice, Google};
use serde_json::Value;

use super::Scene;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of that verifier (RFC 7636, appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://127.0.0.1:9/back";

fn authorize(google: &Google, redirect_uri: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", "client"),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", "https://www.googleapis.com/auth/calendar.freebusy https://www.googleapis.com/auth/calendar.events.owned"),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("state", "st"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    format!("{}?{query}", google.authorize_url())
}

fn part(url: &str, name: &str) -> Option<String> {
    let url: url::Url = url.parse().unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

async fn token(google: &Google, form: &[(&str, &str)]) -> (u16, Value) {
    let client = [("client_id", "client"), ("client_secret", "secret&+")];
    let form: Vec<_> = form.iter().chain(&client).collect();
    let answer = reqwest::Client::new().post(google.token_url()).form(&form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn code_form<'f>(code: &'f str, verifier: &'f str) -> [(&'f str, &'f str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
    ]
}

#[tokio::test]
async fn a_code_becomes_tokens_once_and_used_twice_takes_them_away() {
    let Scene { google, .. } = Scene::open().await;
    let choice = Choice { untick: vec!["calendar.freebusy".to_owned()], ..Choice::default() };
    let back = google.consent(&authorize(&google, BACK), &choice).await.unwrap().unwrap();
    assert_eq!(part(&back, "state").as_deref(), Some("st"));
    let code = part(&back, "code").unwrap();
    assert_eq!(token(&google, &code_form(&code, "wrong")).await.1["error"], "invalid_grant");
    let (status, tokens) = token(&google, &code_form(&code, VERIFIER)).await;
    assert_eq!(
        (status, &tokens["scope"]),
        (200, &"https://www.googleapis.com/auth/calendar.events.owned".into())
    );
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let renew = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let (status, renewed) = token(&google, &renew).await;
    assert_eq!((status, renewed.get("refresh_token")), (200, None), "the old one is kept");
    assert_eq!(token(&google, &code_form(&code, VERIFIER)).await.1["error"], "invalid_grant");
    let (status, refused) = token(&google, &renew).await;
    assert_eq!((status, &refused["error"]), (400, &"invalid_grant".into()));
    assert!(google.faults().none());
}

#[tokio::test]
async fn refusing_and_strange_addresses_lead_to_no_code() {
    let Scene { google, .. } = Scene::open().await;
    let denied = Choice { deny: true, ..Choice::default() };
    let back = google.consent(&authorize(&google, BACK), &denied).await.unwrap().unwrap();
    assert_eq!(part(&back, "error").as_deref(), Some("access_denied"));
    let strange = authorize(&google, "http://127.0.0.1:9/back/");
    assert_eq!(google.consent(&strange, &Choice::default()).await.unwrap(), None);
}
