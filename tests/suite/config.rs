//! The configuration: defaults, a file, the environment; and what is said when they are wrong.

use std::net::SocketAddr;

use frontdesk::boot::config::{Config, DEFAULT};
use proptest::prelude::*;
use secrecy::ExposeSecret;

fn with_env(env: &[(&str, &str)]) -> Result<Config, String> {
    read(None, env)
}

fn with_file(text: &str) -> Result<Config, String> {
    read(Some(("desk.toml", text)), &[])
}

fn read(file: Option<(&str, &str)>, env: &[(&str, &str)]) -> Result<Config, String> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(file, env).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_a_whole_configuration_and_every_key_is_explained() {
    let config = with_env(&[]).unwrap();
    assert_eq!(config.http.public_url, None);
    assert!(!config.openai.has_key());
    assert!(config.openai.prices.contains_key(&config.openai.model), "the default model has prices");
    assert!(config.openai.transcription_prices.contains_key(&config.openai.transcription_model));

    let mut explained = false;
    for (number, line) in DEFAULT.lines().enumerate() {
        // A comment explains the keys that follow it up to the next empty line; a section's own comment, its table.
        explained = match line {
            "" => false,
            line if line.starts_with('#') => true,
            line if line.starts_with('[') => explained,
            _ => {
                assert!(explained, "line {} of the defaults has no comment: {line}", number + 1);
                true
            }
        };
    }
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = Some(("desk.toml", "[http]\nbind = \"127.0.0.1:1\"\n[limits]\ncalls_max = 7\n"));
    let env = [("FRONTDESK__HTTP__BIND", "0.0.0.0:2"), ("HOME", "/nowhere")];
    let config = read(file, &env).unwrap();
    assert_eq!(config.http.bind, "0.0.0.0:2".parse::<SocketAddr>().unwrap());
    assert_eq!(config.limits.calls_max, 7);
    assert_eq!(config.limits.proof_ms_max, with_env(&[]).unwrap().limits.proof_ms_max);
}

#[test]
fn the_usual_names_are_understood_and_the_longer_name_wins() {
    let usual = [
        ("DATABASE_URL", "postgres://a/b"),
        ("OPENAI_API_KEY", "k"),
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("TWILIO_AUTH_TOKEN", "t"),
    ];
    let config = with_env(&usual).unwrap();
    assert_eq!(config.database.url, "postgres://a/b");
    assert_eq!(config.openai.api_key.expose_secret(), "k");
    assert_eq!(config.twilio.account_sid, "AC1");
    assert_eq!(config.twilio.auth_token.expose_secret(), "t");
    let both = [("OPENAI_API_KEY", "usual"), ("FRONTDESK__OPENAI__API_KEY", "longer")];
    assert_eq!(with_env(&both).unwrap().openai.api_key.expose_secret(), "longer");
}

#[test]
fn a_secret_that_looks_like_a_number_stays_the_text_it_is() {
    for token in ["00000000000000000000000000000012", "1e5", "true", "0x10", " spaced ", "\"quoted\""] {
        let config = with_env(&[("TWILIO_AUTH_TOKEN", token)]).unwrap();
        assert_eq!(config.twilio.auth_token.expose_secret(), token);
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_key_that_was_meant() {
    assert_eq!(
        with_file("[http]\n\nbnd = \"127.0.0.1:1\"\n").unwrap_err(),
        "desk.toml, line 3: `http.bnd` is not a key; did you mean `http.bind`?"
    );
    assert_eq!(
        with_env(&[("FRONTDESK__LIMITS__CALL_MAX", "1")]).unwrap_err(),
        "environment, FRONTDESK__LIMITS__CALL_MAX: `limits.call_max` is not a key; did you mean `limits.calls_max`?"
    );
    let error = with_file("[audio]\nwhatever = 1\n").unwrap_err();
    assert_eq!(error, "desk.toml, line 2: `audio.whatever` is not a key; there are `detector`");
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_place_and_what_would_fit() {
    assert_eq!(
        with_file("[limits]\ncalls_max = \"many\"\n").unwrap_err(),
        "desk.toml, line 2: `limits.calls_max` must be a whole number"
    );
    assert_eq!(
        with_env(&[("FRONTDESK__LIMITS__CALLS_MAX", "many")]).unwrap_err(),
        "environment, FRONTDESK__LIMITS__CALLS_MAX: `limits.calls_max` must be a whole number"
    );
    let error = with_file("[http]\nbind = \"here\"\n").unwrap_err();
    assert_eq!(error, "desk.toml, line 2: `http.bind`: invalid socket address syntax");
    let error = with_env(&[("FRONTDESK__HTTP__PUBLIC_URL", "voice.example.com")]).unwrap_err();
    assert!(
        error.starts_with("environment, FRONTDESK__HTTP__PUBLIC_URL: `http.public_url`: not a public URL")
    );
    let error = with_file("[limits]\ncalls_max = -1\n").unwrap_err();
    assert!(error.starts_with("desk.toml, line 2: `limits.calls_max`: "), "{error}");
    let error = with_file("[log]\nformat = \"xml\"\n").unwrap_err();
    assert!(error.contains("line 2: `log.format`: ") && error.contains("`text` or `json`"), "{error}");
    let error = with_file("[http]\nbind = \n").unwrap_err();
    assert!(error.starts_with("desk.toml, line 2: "), "{error}");
    assert!(with_env(&[("FRONTDESK__HTTP", "x")]).unwrap_err().contains("`http` must be a section"));
    assert!(with_file("http = 1").unwrap_err().contains("`http` must be a section"));
}

#[test]
fn prices_of_a_model_nobody_heard_of_may_be_added() {
    let text = "[openai]\nmodel = \"gpt-next\"\n[openai.prices.\"gpt-next\"]\naudio_in = 1\naudio_cached = 0.5\n\
                audio_out = 2\ntext_in = 1\ntext_cached = 1\ntext_out = 1\n";
    let config = with_file(text).unwrap();
    assert_eq!(config.openai.prices["gpt-next"].audio_cached, 0.5);
    assert!(config.openai.prices.contains_key("gpt-realtime-2.1"), "the known ones stay");
    let wrong = text.replace("text_in = 1\n", "");
    assert!(with_file(&wrong).unwrap_err().contains("text_in"));
}

#[test]
fn a_tenants_own_account_has_its_own_token() {
    let file = Some(("desk.toml", "[twilio.accounts]\nAC2 = \"theirs\"\n"));
    let config = read(file, &[("TWILIO_ACCOUNT_SID", "AC1"), ("TWILIO_AUTH_TOKEN", "ours")]).unwrap();
    let token = |sid: &str| config.twilio.auth_token_of(sid).map(ExposeSecret::expose_secret);
    assert_eq!((token("AC1"), token("AC2"), token("AC3")), (Some("ours"), Some("theirs"), None));
    let unset = with_env(&[]).unwrap();
    assert!(unset.twilio.auth_token_of("").is_none(), "no account is not an account");
}

#[test]
fn the_engines_socket_is_derived_from_its_url() {
    for (base, socket) in [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"),
        ("http://127.0.0.1:4010/v1/", "ws://127.0.0.1:4010/v1/realtime?model=gpt-realtime-2.1"),
    ] {
        let config = with_env(&[("FRONTDESK__OPENAI__BASE_URL", base)]).unwrap();
        assert_eq!(config.openai.socket_url("gpt-realtime-2.1").as_str(), socket);
    }
    let config = with_env(&[]).unwrap();
    assert_eq!(config.openai.models_url().as_str(), "https://api.openai.com/v1/models");
}

#[test]
fn secrets_are_not_printed() {
    let secret = "sk-do-not-print";
    let env = [
        ("OPENAI_API_KEY", secret),
        ("TWILIO_AUTH_TOKEN", secret),
        ("FRONTDESK__SECRETS__KEY", secret),
        ("DATABASE_URL", "postgres://u:sk-do-not-print@h/d"),
    ];
    assert!(!format!("{:?}", with_env(&env).unwrap()).contains(secret));
}

proptest! {
    #[test]
    fn no_file_and_no_variable_makes_reading_panic(text in "\\PC{0,60}", name in "[A-Z_]{0,20}", value in "\\PC{0,20}") {
        let _ = with_file(&text);
        let _ = with_env(&[(&format!("FRONTDESK__{name}"), &value)]);
    }
}

#[test]
fn a_zone_that_is_none_is_told_where_it_was_written() {
    let error = with_env(&[("FRONTDESK__PEOPLE__ZONE", "Mars/Olympus")]).unwrap_err();
    assert!(error.contains("FRONTDESK__PEOPLE__ZONE") && error.contains("IANA"), "{error}");
}

#[test]
fn the_readme_explains_every_key() {
    let readme = include_str!("../../README.md");
    let defaults: toml::Table = DEFAULT.parse().unwrap();
    for (section, keys) in &defaults {
        for (key, value) in keys.as_table().unwrap() {
            let named =
                if value.is_table() { format!("{section}.{key}.") } else { format!("{section}.{key}`") };
            assert!(readme.contains(&named), "the README does not explain {section}.{key}");
        }
    }
}
