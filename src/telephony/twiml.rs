//! What Twilio is told to do with a call: the documents in `twiml/`, filled.
//!
//! A document is filled in one pass and every value is escaped, so a value can neither open an element nor
//! stand for another placeholder. Which document a call gets is not decided here.

use crate::domain::{assistant::Language, phone::E164, phrases::Phrase};

use super::Settings;

/// The content type of every answer made here.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The documents, by file name.
pub const DOCUMENTS: [(&str, &str); 13] = [
    ("connect.xml", CONNECT),
    ("unknown-number.xml", UNKNOWN_NUMBER),
    ("refused.xml", REFUSED),
    ("apology.xml", APOLOGY),
    ("dial.xml", DIAL),
    ("dial-announced.xml", DIAL_ANNOUNCED),
    ("announcement.xml", ANNOUNCEMENT),
    ("taken.xml", TAKEN),
    ("hangup.xml", HANGUP),
    ("voicemail.xml", VOICEMAIL),
    ("voicemail-done.xml", VOICEMAIL_DONE),
    ("machine.xml", MACHINE),
    ("back.xml", BACK),
];

const CONNECT: &str = include_str!("../../twiml/connect.xml");
const UNKNOWN_NUMBER: &str = include_str!("../../twiml/unknown-number.xml");
const REFUSED: &str = include_str!("../../twiml/refused.xml");
const DIAL: &str = include_str!("../../twiml/dial.xml");
const DIAL_ANNOUNCED: &str = include_str!("../../twiml/dial-announced.xml");
const ANNOUNCEMENT: &str = include_str!("../../twiml/announcement.xml");
const TAKEN: &str = include_str!("../../twiml/taken.xml");
const HANGUP: &str = include_str!("../../twiml/hangup.xml");
const VOICEMAIL: &str = include_str!("../../twiml/voicemail.xml");
const VOICEMAIL_DONE: &str = include_str!("../../twiml/voicemail-done.xml");
const MACHINE: &str = include_str!("../../twiml/machine.xml");
const BACK: &str = include_str!("../../twiml/back.xml");
/// The longest message that can be spoken, in seconds.
pub const MESSAGE_SECONDS_MAX: u32 = 120;
/// How much silence ends a message, in seconds.
pub const MESSAGE_SILENCE_SECONDS: u32 = 5;
/// How long a target is rung, in seconds: five or six rings.
pub const RING_SECONDS_MAX: u32 = 25;
/// How long a caller may be with a target, in seconds.
pub const TALK_SECONDS_MAX: u32 = 3_600;
/// How long a target has to press a key after the announcement, in seconds.
pub const KEY_SECONDS_MAX: u32 = 8;
const APOLOGY: &str = include_str!("../../twiml/apology.xml");

/// Take the call: its sound goes to `socket_url` (a `wss` URL without a query, which Twilio would drop), where
/// `token` proves whose call it is. What follows the stream is asked for at `onward_url`; an apology in `language` stands
/// behind it.
pub fn connect(
    settings: &Settings,
    language: Language,
    socket_url: &str,
    onward_url: &str,
    token: &str,
) -> String {
    let values = [
        ("socket_url", socket_url),
        ("onward_url", onward_url),
        ("token", token),
        ("apology", Phrase::Apology.words(language)),
    ];
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
    let values = [("words", Phrase::AllBusy.words(language))];
    fill(REFUSED, &[&said_in(settings, language)[..], &values].concat())
}

/// Whoever calls is not talked to.
pub fn not_taken(settings: &Settings, language: Language) -> String {
    let values = [("words", Phrase::NotTaken.words(language))];
    fill(REFUSED, &[&said_in(settings, language)[..], &values].concat())
}

/// Whoever took a test of a line's forwarding hears what it was.
pub fn line_tested(settings: &Settings, language: Language) -> String {
    let values = [("words", Phrase::LineTested.words(language))];
    fill(REFUSED, &[&said_in(settings, language)[..], &values].concat())
}

/// A test of a line's forwarding has come back.
pub fn back() -> String {
    BACK.to_owned()
}

/// Something is broken, and there is nobody to talk to.
pub fn apology(settings: &Settings, language: Language) -> String {
    let values = [("apology", Phrase::Apology.words(language))];
    fill(APOLOGY, &[&said_in(settings, language)[..], &values].concat())
}

/// Whom a caller is passed on to, and where Twilio asks about it.
#[derive(Clone, Debug)]
pub struct Dial<'d> {
    /// Where it rings.
    pub number: &'d E164,
    /// The number it sees.
    pub shown: &'d E164,
    /// Where what became of it is told.
    pub ended_url: &'d str,
    /// Where what it hears first is asked for, if it is to hear something.
    pub announcement_url: Option<&'d str>,
}

/// Ring a target for the caller.
pub fn dial(dial: &Dial<'_>) -> String {
    let (ring, talk) = (RING_SECONDS_MAX.to_string(), TALK_SECONDS_MAX.to_string());
    let values = [
        ("ended_url", dial.ended_url),
        ("announcement_url", dial.announcement_url.unwrap_or_default()),
        ("number", dial.number.as_str()),
        ("shown", dial.shown.as_str()),
        ("ring_seconds", &ring),
        ("talk_seconds", &talk),
    ];
    fill(if dial.announcement_url.is_some() { DIAL_ANNOUNCED } else { DIAL }, &values)
}

/// What a target hears before it is connected. A key takes it to `taken_url`.
pub fn announcement(settings: &Settings, language: Language, words: &str, taken_url: &str) -> String {
    let seconds = KEY_SECONDS_MAX.to_string();
    let values = [
        ("announcement", words),
        ("press_to_take", Phrase::PressToTake.words(language)),
        ("taken_url", taken_url),
        ("key_seconds", &seconds),
    ];
    fill(ANNOUNCEMENT, &[&said_in(settings, language)[..], &values].concat())
}

/// The target takes the call.
pub fn taken() -> String {
    TAKEN.to_owned()
}

/// Nobody is there to talk to, for the reason that `why` says: a message can be left. That it was is told at `kept_url`;
/// what follows is asked for at `done_url`.
pub fn voicemail(
    settings: &Settings,
    language: Language,
    why: Phrase,
    done_url: &str,
    kept_url: &str,
) -> String {
    let (longest, silence) = (MESSAGE_SECONDS_MAX.to_string(), MESSAGE_SILENCE_SECONDS.to_string());
    let values = [
        ("why", why.words(language)),
        ("leave_message", Phrase::LeaveMessage.words(language)),
        ("done_url", done_url),
        ("kept_url", kept_url),
        ("message_seconds", &longest),
        ("silence_seconds", &silence),
    ];
    fill(VOICEMAIL, &[&said_in(settings, language)[..], &values].concat())
}

/// The caller has left a message.
pub fn voicemail_done(settings: &Settings, language: Language) -> String {
    let values = [("thanks", Phrase::MessageThanks.words(language))];
    fill(VOICEMAIL_DONE, &[&said_in(settings, language)[..], &values].concat())
}

/// There is nothing more to do.
pub fn hangup() -> String {
    HANGUP.to_owned()
}

/// A machine answered: `message` is left with it.
pub fn machine(settings: &Settings, language: Language, message: &str) -> String {
    fill(MACHINE, &[&said_in(settings, language)[..], &[("message", message)]].concat())
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
