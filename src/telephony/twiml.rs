//! What Twilio is told to do with a call: the documents in `twiml/`, filled.
//!
//! A document is filled in one pass and every value is escaped, so a value can neither open an element nor
//! stand for another placeholder. Which document a call gets is not decided here.

use crate::domain::{assistant::Language, phrases::Phrase};

use super::Settings;

/// The content type of every answer made here.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The documents, by file name.
pub const DOCUMENTS: [(&str, &str); 4] = [
    ("connect.xml", CONNECT),
    ("unknown-number.xml", UNKNOWN_NUMBER),
    ("refused.xml", REFUSED),
    ("apology.xml", APOLOGY),
];

const CONNECT: &str = include_str!("../../twiml/connect.xml");
const UNKNOWN_NUMBER: &str = include_str!("../../twiml/unknown-number.xml");
const REFUSED: &str = include_str!("../../twiml/refused.xml");
const APOLOGY: &str = include_str!("../../twiml/apology.xml");

/// Take the call: its sound goes to `socket_url` (a `wss` URL without a query, which Twilio would drop), where
/// `token` proves whose call it is. An apology in `language` follows, should the socket close on its own.
pub fn connect(settings: &Settings, language: Language, socket_url: &str, token: &str) -> String {
    let values = [("socket_url", socket_url), ("token", token), ("apology", Phrase::Apology.words(language))];
    fill(CONNECT, &[&said_in(settings, language)[..], &values].concat())
}

/// Nobody here answers that number.
pub fn unknown_number(settings: &Settings) -> String {
    let words = |language| Phrase::UnknownNumber.words(language);
    fill(
        UNKNOWN_NUMBER,
        &[
            ("voice_de", settings.say_voice(Language::German)),
            ("language_de", Language::German.tag()),
            ("unknown_number_de", words(Language::German)),
            ("voice_en", settings.say_voice(Language::English)),
            ("language_en", Language::English.tag()),
            ("unknown_number_en", words(Language::English)),
        ],
    )
}

/// All lines are busy.
pub fn refused(settings: &Settings, language: Language) -> String {
    let values = [("all_busy", Phrase::AllBusy.words(language))];
    fill(REFUSED, &[&said_in(settings, language)[..], &values].concat())
}

/// Something is broken, and there is nobody to talk to.
pub fn apology(settings: &Settings, language: Language) -> String {
    let values = [("apology", Phrase::Apology.words(language))];
    fill(APOLOGY, &[&said_in(settings, language)[..], &values].concat())
}

fn said_in(settings: &Settings, language: Language) -> [(&'static str, &str); 2] {
    [("voice", settings.say_voice(language)), ("language", language.tag())]
}

/// The document with each `{{name}}` replaced by its value, escaped. A name without a value leaves nothing.
pub fn fill(document: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(document.len() + 256);
    let mut rest = document;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (name, tail) = after.split_once("}}").unwrap_or((after, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name.trim()) {
            escape(value, &mut filled);
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// Writes `text` so that it means itself, in an element as well as in an attribute. Characters that XML 1.0
/// cannot carry are left out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
}
