//! Consent and tokens at the vendors: what is asked of people, and what becomes of the vendors' answers.

use std::collections::BTreeMap;

use frontdesk::{
    boot,
    calendars::oauth::{Begun, Error, Gone, Needed, Oauth, OperatorFault, Tokens, withheld},
    domain::{
        calendar::{Grant, Vendor},
        time::Timestamp,
    },
    platform::clock::Clock,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::support::{
    consent_pages::{CLIENT, DIRECTORY, PERSONAL, Pages, SECRET},
    house::House,
};

const NOW: Timestamp = Timestamp(1_772_434_800_000_000);
const BASE: &str = "https://voice.example.com";

fn oauth(pages: &Pages) -> Oauth {
    boot::install_tls();
    let config = pages.in_house(House::new()).config();
    Oauth::new(&config.google, &config.microsoft, BASE, Clock::showing(NOW)).unwrap()
}

fn asked(begun: &Begun) -> BTreeMap<String, String> {
    begun.url.query_pairs().into_owned().collect()
}

/// A person agrees; the code she comes back with.
async fn agreed(pages: &Pages, begun: &Begun) -> SecretString {
    let back = url::Url::parse(&pages.agree(begun.url.as_str()).await).unwrap();
    let fields: BTreeMap<String, String> = back.query_pairs().into_owned().collect();
    assert_eq!(fields["state"], begun.state.expose_secret());
    fields["code"].as_str().into()
}

async fn tokens(pages: &Pages, oauth: &Oauth, vendor: Vendor) -> Tokens {
    let begun = oauth.begin(vendor, Grant::Person, None).unwrap();
    let code = agreed(pages, &begun).await;
    oauth.redeem(vendor, None, &code, &begun.verifier).await.unwrap()
}

#[tokio::test]
async fn people_are_asked_for_the_least_and_come_back_to_the_registered_address() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    let google = asked(&oauth.begin(Vendor::Google, Grant::Person, Some("ada@practice.example")).unwrap());
    assert_eq!(google["redirect_uri"], "https://voice.example.com/calendars/google/callback");
    assert_eq!(google["login_hint"], "ada@practice.example");
    assert_eq!((google["access_type"].as_str(), google["prompt"].as_str()), ("offline", "consent"));
    assert_eq!(google["code_challenge_method"], "S256");
    let microsoft = oauth.begin(Vendor::Microsoft, Grant::Person, None).unwrap();
    assert!(microsoft.url.path().ends_with("/common/oauth2/v2.0/authorize"), "{}", microsoft.url);
    let microsoft = asked(&microsoft);
    assert_eq!(microsoft["redirect_uri"], "https://voice.example.com/calendars/microsoft/callback");
    assert_eq!(microsoft["scope"], "openid profile offline_access Calendars.ReadWrite User.Read");
    assert_eq!(microsoft["response_mode"], "query");
    let organisation = oauth.begin(Vendor::Microsoft, Grant::Organisation, None).unwrap();
    assert!(organisation.url.path().ends_with("/organizations/v2.0/adminconsent"), "{}", organisation.url);
    assert_eq!(asked(&organisation)["scope"], "https://graph.microsoft.com/.default");
    let none = oauth.begin(Vendor::Google, Grant::Organisation, None);
    assert!(matches!(none, Err(Error::NotOffered)), "Google's organisations are not connected");
    // Nothing that could be guessed, and nothing twice.
    let (one, other) = (
        oauth.begin(Vendor::Google, Grant::Person, None).unwrap(),
        oauth.begin(Vendor::Google, Grant::Person, None).unwrap(),
    );
    assert_ne!(one.state.expose_secret(), other.state.expose_secret());
    assert_ne!(one.verifier.expose_secret(), other.verifier.expose_secret());
    assert!(
        one.verifier.expose_secret().len() >= 43 && !one.url.as_str().contains(one.verifier.expose_secret())
    );
}

#[tokio::test]
async fn a_vendor_that_is_not_set_up_is_not_offered() {
    let config = House::new().config();
    boot::install_tls();
    let oauth = Oauth::new(&config.google, &config.microsoft, BASE, Clock::system()).unwrap();
    for vendor in Vendor::ALL {
        assert!(!oauth.offers(vendor));
        assert!(matches!(oauth.begin(vendor, Grant::Person, None), Err(Error::NotOffered)));
        let refreshed = oauth.refresh(vendor, &"a token".into()).await;
        assert!(matches!(refreshed, Err(Error::NotOffered)));
    }
}

#[tokio::test]
async fn codes_become_tokens_and_tokens_are_renewed() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    for vendor in Vendor::ALL {
        let first = tokens(&pages, &oauth, vendor).await;
        assert!(withheld(vendor, &first).is_empty(), "{vendor:?}");
        assert_eq!(
            first.access_expires.millis_since(NOW) / 60_000,
            55,
            "an hour, less what clocks differ by"
        );
        let refresh = first.refresh.unwrap();
        let renewed = oauth.refresh(vendor, &refresh).await.unwrap();
        assert_ne!(renewed.access.expose_secret(), first.access.expose_secret());
        // Google keeps the refresh token, Microsoft replaces it.
        assert_eq!(renewed.refresh.is_some(), vendor == Vendor::Microsoft);
    }
    let sent = pages.inside().asked.clone();
    assert!(sent.iter().all(|form| form["client_id"] == CLIENT && form["client_secret"] == SECRET));
    pages.inside().life = 120;
    let short = tokens(&pages, &oauth, Vendor::Google).await;
    assert_eq!(short.access_expires.millis_since(NOW) / 1_000, 60, "never more than half of its time");
}

#[tokio::test]
async fn microsoft_says_who_has_agreed() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    let identity = tokens(&pages, &oauth, Vendor::Microsoft).await.identity.unwrap();
    assert_eq!(identity.account.as_deref(), Some("owner@practice.example"));
    assert_eq!((identity.directory.as_str(), identity.personal), (DIRECTORY, false));
    pages.inside().directory = PERSONAL.to_owned();
    assert!(tokens(&pages, &oauth, Vendor::Microsoft).await.identity.unwrap().personal);
    pages.inside().directory = "../../another/path".to_owned();
    assert_eq!(tokens(&pages, &oauth, Vendor::Microsoft).await.identity, None);
}

#[tokio::test]
async fn an_organisation_is_entered_when_its_administrator_has_agreed() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    let refused = oauth.of_organisation(DIRECTORY).await;
    assert!(matches!(refused, Err(Error::Gone(Gone::Withdrawn))), "{refused:?}");
    pages.agree(oauth.begin(Vendor::Microsoft, Grant::Organisation, None).unwrap().url.as_str()).await;
    let entered = oauth.of_organisation(DIRECTORY).await.unwrap();
    assert!(entered.refresh.is_none() && entered.scopes.is_empty());
    for none in ["", "common", "../../oauth2", "aaaaaaaa00004000800000000000000x"] {
        assert!(matches!(oauth.of_organisation(none).await, Err(Error::Garbled(_))), "{none}");
        assert!(matches!(oauth.prove_organisation(none), Err(Error::Garbled(_))), "{none}");
    }
}

#[tokio::test]
async fn what_was_unticked_is_found() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    for (unticked, missing) in [
        ("calendar.events.owned", Needed::Writing),
        ("calendar.freebusy", Needed::FreeBusy),
        ("calendar.calendarlist.readonly", Needed::Listing),
    ] {
        pages.inside().unticked = vec![unticked.to_owned()];
        assert_eq!(withheld(Vendor::Google, &tokens(&pages, &oauth, Vendor::Google).await), [missing]);
    }
    // What was agreed to before may be more than what is asked for.
    let more = answer("https://www.googleapis.com/auth/calendar openid");
    pages.inside().unticked.clear();
    let begun = oauth.begin(Vendor::Google, Grant::Person, None).unwrap();
    let code = agreed(&pages, &begun).await;
    pages.inside().instead.push_back((200, more));
    let granted = oauth.redeem(Vendor::Google, None, &code, &begun.verifier).await.unwrap();
    assert!(withheld(Vendor::Google, &granted).is_empty());
    // A vendor that gives nothing to come back with lets us in for an hour.
    let mut passing = answer("https://www.googleapis.com/auth/calendar");
    passing.as_object_mut().unwrap().remove("refresh_token");
    pages.inside().instead.push_back((200, passing));
    let granted = oauth.refresh(Vendor::Google, &"a token".into()).await.unwrap();
    assert_eq!(withheld(Vendor::Google, &granted), [Needed::Lasting]);
}

fn answer(scope: &str) -> Value {
    json!({ "access_token": "ya29.x", "token_type": "bearer", "expires_in": 3600, "refresh_token": "1//x", "scope": scope })
}

#[tokio::test]
async fn every_refusal_of_the_vendors_is_understood() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    let refusals = [
        ("invalid_grant", "Token has been expired or revoked.", "gone withdrawn"),
        ("invalid_grant", "AADSTS70008: The refresh token has expired due to inactivity.", "gone lapsed"),
        ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.", "gone lapsed"),
        (
            "invalid_grant",
            "AADSTS50173: The provided grant has expired due to it being revoked.",
            "gone password",
        ),
        ("invalid_grant", "AADSTS65001: The user or administrator has not consented.", "gone missing"),
        ("invalid_grant", "AADSTS50076: you must use multi-factor authentication", "gone interaction"),
        ("interaction_required", "AADSTS50079: you must enroll", "gone interaction"),
        ("interaction_required", "", "gone interaction"),
        ("consent_required", "", "gone missing"),
        ("invalid_grant", "AADSTS90094: The grant requires admin permission.", "gone administrator"),
        ("admin_policy_enforced", "", "gone policy"),
        ("invalid_client", "The OAuth client was not found.", "operator client"),
        ("invalid_client", "AADSTS7000215: Invalid client secret provided.", "operator client"),
        ("invalid_client", "AADSTS7000222: The provided client secret keys are expired.", "operator secret"),
        ("unauthorized_client", "AADSTS700016: not found in the directory", "operator not authorised"),
        ("deleted_client", "", "operator client"),
        ("invalid_scope", "", "operator request"),
        ("invalid_request", "AADSTS9002313: malformed", "operator request"),
        ("temporarily_unavailable", "", "away"),
        ("something_new", "\u{7}<b>", "garbled"),
    ];
    for (error, description, expected) in refusals {
        let body = json!({ "error": error, "error_description": description, "error_codes": [1] });
        pages.inside().instead.push_back((400, body));
        let refused = oauth.refresh(Vendor::Microsoft, &"a token".into()).await.unwrap_err();
        let told = match &refused {
            Error::Gone(Gone::Withdrawn) => "gone withdrawn",
            Error::Gone(Gone::Lapsed) => "gone lapsed",
            Error::Gone(Gone::Password) => "gone password",
            Error::Gone(Gone::Interaction) => "gone interaction",
            Error::Gone(Gone::Administrator) => "gone administrator",
            Error::Gone(Gone::Policy) => "gone policy",
            Error::Gone(Gone::Missing) => "gone missing",
            Error::Operator(OperatorFault::Client) => "operator client",
            Error::Operator(OperatorFault::SecretExpired) => "operator secret",
            Error::Operator(OperatorFault::NotAuthorised) => "operator not authorised",
            Error::Operator(OperatorFault::Request) => "operator request",
            Error::NotOffered => "not offered",
            Error::Away(_) => "away",
            Error::Garbled(_) => "garbled",
        };
        assert_eq!(told, expected, "{error} {description}");
        assert!(!format!("{refused} {refused:?}").contains('\u{7}'), "nothing of the answer is repeated");
    }
}

#[tokio::test]
async fn answers_that_are_none_break_nothing_and_show_nothing() {
    let pages = Pages::open().await;
    let oauth = oauth(&pages);
    let long = "x".repeat(100_000);
    let answers = [
        (200, json!("ya29.secret")),
        (200, json!({ "token_type": "Bearer", "access_token": 7 })),
        (200, json!({ "token_type": "mac", "access_token": "ya29.secret" })),
        (200, json!({ "token_type": "Bearer", "access_token": "" })),
        (200, json!({ "token_type": "Bearer", "access_token": "ya29.secret\r\nX-Evil: 1" })),
        (200, json!({ "token_type": "Bearer", "access_token": "ya29.secret", "scope": long })),
        (200, json!({ "token_type": "Bearer", "access_token": "ya29.secret", "expires_in": -1 })),
        (201, json!({ "token_type": "Bearer", "access_token": "ya29.secret" })),
        (302, json!({ "token_type": "Bearer", "access_token": "ya29.secret" })),
        (400, json!(["ya29.secret"])),
        (404, json!({})),
    ];
    for (status, body) in answers {
        pages.inside().instead.push_back((status, body.clone()));
        let refused = oauth.refresh(Vendor::Google, &"a token".into()).await;
        assert!(matches!(refused, Err(Error::Garbled(_))), "{status} {body}: {refused:?}");
        assert!(!format!("{refused:?}").contains("secret"));
    }
    for status in [429, 500, 502, 503] {
        pages.inside().instead.push_back((status, json!({ "error": "invalid_grant" })));
        let refused = oauth.refresh(Vendor::Google, &"a token".into()).await;
        assert!(matches!(refused, Err(Error::Away(_))), "{status} is no word about the consent: {refused:?}");
    }
    // A life that is absurd is believed for a day; one that is not told, for minutes.
    for (life, minutes) in [(json!(u64::MAX), 24 * 60 - 5), (Value::Null, 5)] {
        let mut body = answer("x");
        body["expires_in"] = life;
        pages.inside().instead.push_back((200, body));
        let granted = oauth.refresh(Vendor::Google, &"a token".into()).await.unwrap();
        assert_eq!(granted.access_expires.millis_since(NOW) / 60_000, minutes);
        assert!(!format!("{granted:?}").contains("ya29"), "tokens are not shown");
    }
}

#[tokio::test]
async fn a_vendor_nobody_can_reach_is_away() {
    let pages = Pages::open().await;
    let config = pages.in_house(House::new()).with("GOOGLE__TOKEN_URL", "http://127.0.0.1:9/token");
    let config = config.with("GOOGLE__REVOKE_URL", "http://127.0.0.1:9/revoke").config();
    boot::install_tls();
    let oauth = Oauth::new(&config.google, &config.microsoft, BASE, Clock::system()).unwrap();
    let refused = oauth.refresh(Vendor::Google, &"ya29.secret".into()).await;
    assert!(matches!(&refused, Err(Error::Away(Some(_)))), "{refused:?}");
    assert!(!format!("{refused:?}").contains("ya29"));
    assert!(matches!(oauth.revoke(Vendor::Google, &"ya29.secret".into()).await, Err(Error::Away(Some(_)))));
    assert!(!oauth.revoke(Vendor::Microsoft, &"x".into()).await.unwrap(), "there is nowhere to give it back");
}
