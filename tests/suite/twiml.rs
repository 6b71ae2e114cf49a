//! What Twilio is told to do with a call.

use std::collections::BTreeMap;

use frontdesk::{
    domain::{assistant::Language, phone::E164, phrases::Phrase},
    telephony::{Settings, twiml},
};
use proptest::prelude::*;

fn settings() -> Settings {
    Settings {
        base_url: "https://api.twilio.com".parse().unwrap(),
        intelligence_base_url: "https://intelligence.twilio.com".parse().unwrap(),
        account_sid: String::new(),
        auth_token: String::new().into(),
        accounts: BTreeMap::new(),
        say_voices: BTreeMap::from([("de".to_owned(), "Polly.Vicki".to_owned())]),
        minute_prices: Default::default(),
        outbound_minute_prices: Default::default(),
    }
}

/// Somebody who is rung, with what they hear first or without.
fn dial(announcement_url: Option<&str>) -> twiml::Dial<'_> {
    static NUMBERS: std::sync::LazyLock<(E164, E164)> =
        std::sync::LazyLock::new(|| ("+493055501230".parse().unwrap(), "+4915112345678".parse().unwrap()));
    let (number, shown) = &*NUMBERS;
    twiml::Dial { number, shown, ended_url: "https://voice.example.com/ended", announcement_url }
}

#[test]
fn a_caller_hears_it_ring_until_whoever_is_rung_has_taken_the_call() {
    let filled = twiml::dial(&dial(Some("https://voice.example.com/announcement")));
    let document = roxmltree::Document::parse(&filled).unwrap();
    let verb = document.root_element().first_element_child().unwrap();
    assert_eq!(verb.attribute("answerOnBridge"), Some("true"), "else the caller hears nothing meanwhile");
    assert_eq!(verb.attribute("action"), Some("https://voice.example.com/ended"));
    assert_eq!(verb.attribute("callerId"), Some("+4915112345678"));
    let number = verb.first_element_child().unwrap();
    assert_eq!(number.attribute("url"), Some("https://voice.example.com/announcement"));
    assert_eq!(number.text(), Some("+493055501230"));
    assert!(!twiml::dial(&dial(None)).contains("url="));
}

#[test]
fn every_document_is_well_formed_before_and_after_it_is_filled() {
    for (name, text) in twiml::DOCUMENTS {
        let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(document.root_element().tag_name().name(), "Response", "{name}");
    }
    for language in Language::ALL {
        let settings = settings();
        for filled in [
            twiml::connect(
                &settings,
                language,
                "wss://voice.example.com/twilio/media",
                "https://voice.example.com/twilio/onward",
                "secret",
            ),
            twiml::unknown_number(&settings),
            twiml::refused(&settings, language),
            twiml::apology(&settings, language),
            twiml::dial(&dial(None)),
            twiml::dial(&dial(Some("https://voice.example.com/announcement"))),
            twiml::announcement(&settings, language, "A call.", "https://voice.example.com/taken"),
            twiml::taken(),
            twiml::hangup(),
            twiml::machine(&settings, language, "We tried to reach you."),
            twiml::voicemail(
                &settings,
                language,
                Phrase::Trouble,
                "https://voice.example.com/done",
                "https://voice.example.com/kept",
            ),
            twiml::voicemail_done(&settings, language),
        ] {
            let document = roxmltree::Document::parse(&filled).unwrap();
            assert!(!filled.contains("{{"), "{filled}");
            for element in document.descendants().filter(roxmltree::Node::is_element) {
                assert!(element.attributes().all(|attribute| !attribute.value().is_empty()), "{filled}");
                if element.has_tag_name("Say") {
                    assert!(!element.text().unwrap().trim().is_empty(), "{filled}");
                }
            }
        }
    }
}

#[test]
fn a_call_that_is_taken_is_connected_and_has_a_safety_net_behind_it() {
    let filled = twiml::connect(
        &settings(),
        Language::German,
        "wss://voice.example.com/twilio/media",
        "https://voice.example.com/twilio/onward",
        "t0ken",
    );
    let document = roxmltree::Document::parse(&filled).unwrap();
    let verbs: Vec<_> = document.root_element().children().filter(roxmltree::Node::is_element).collect();
    assert_eq!(
        verbs.iter().map(|verb| verb.tag_name().name()).collect::<Vec<_>>(),
        ["Connect", "Say", "Hangup"]
    );
    let stream = verbs[0].children().find(|child| child.has_tag_name("Stream")).unwrap();
    assert_eq!(stream.attribute("url"), Some("wss://voice.example.com/twilio/media"));
    let parameter = stream.children().find(|child| child.has_tag_name("Parameter")).unwrap();
    assert_eq!((parameter.attribute("name"), parameter.attribute("value")), (Some("token"), Some("t0ken")));
    assert_eq!(verbs[1].attribute("language"), Some("de-DE"));
    assert_eq!(verbs[1].attribute("voice"), Some("Polly.Vicki"));
    assert_eq!(verbs[1].text(), Some(Phrase::Apology.words(Language::German)));
}

#[test]
fn a_hostile_value_stays_a_value() {
    let hostile = r#""/><Hangup/><Say x='{{voice}}'>&amp;<![CDATA["#;
    let filled = twiml::connect(&settings(), Language::English, "wss://a/b", "https://a/c", hostile);
    let document = roxmltree::Document::parse(&filled).unwrap();
    let parameter = document.descendants().find(|node| node.has_tag_name("Parameter")).unwrap();
    assert_eq!(parameter.attribute("value"), Some(hostile));
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("Hangup")).count(), 1);
}

proptest! {
    #[test]
    fn whatever_is_filled_in_comes_out_as_it_was(value in "\\PC{0,40}") {
        let filled = twiml::fill("<a b=\"{{v}}\">{{v}}</a>", &[("v", &value)]);
        let document = roxmltree::Document::parse(&filled).unwrap();
        let element = document.root_element();
        prop_assert_eq!(element.attribute("b"), Some(value.as_str()));
        prop_assert_eq!(element.text().unwrap_or(""), value.as_str());
    }
}
