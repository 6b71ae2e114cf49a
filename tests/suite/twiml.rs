//! What Twilio is told to do with a call.

use std::collections::BTreeMap;

use frontdesk::{
    domain::{assistant::Language, phrases::Phrase},
    telephony::{Settings, twiml},
};
use proptest::prelude::*;

fn settings() -> Settings {
    Settings {
        base_url: "https://api.twilio.com".parse().unwrap(),
        account_sid: String::new(),
        auth_token: String::new().into(),
        accounts: BTreeMap::new(),
        say_voices: BTreeMap::from([("de".to_owned(), "Polly.Vicki".to_owned())]),
    }
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
            twiml::connect(&settings, language, "wss://voice.example.com/twilio/media", "secret"),
            twiml::unknown_number(&settings),
            twiml::refused(&settings, language),
            twiml::apology(&settings, language),
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
    let filled =
        twiml::connect(&settings(), Language::German, "wss://voice.example.com/twilio/media", "t0ken");
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
    let filled = twiml::connect(&settings(), Language::English, "wss://a/b", hostile);
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
