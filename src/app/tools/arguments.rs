//! What the model passes to a tool: parsed with care, bounded in length, never believed.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::domain::{assistant::Language, cards, phone::E164};

/// The longest JSON text of arguments that is read, in bytes.
pub const ARGUMENTS_LEN_MAX: usize = 8 * 1024;
/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 80;
/// The longest note for the staff, in characters.
pub const NOTE_CHARS_MAX: usize = 500;
/// The longest message, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct FindSlots {
    #[serde(default, deserialize_with = "text")]
    pub service: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub when: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub with: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub appointment: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HoldSlot {
    #[serde(default, deserialize_with = "text")]
    pub slot: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Book {
    #[serde(default, deserialize_with = "text")]
    pub slot: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub notes: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct MyAppointments {
    #[serde(default)]
    pub more: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub date_of_birth: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MoveAppointment {
    #[serde(default, deserialize_with = "text")]
    pub appointment: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub slot: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CancelAppointment {
    #[serde(default, deserialize_with = "text")]
    pub appointment: Option<String>,
    #[serde(default)]
    pub confirmed: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ForgetMe {
    #[serde(default)]
    pub confirmed: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct TakeMessage {
    #[serde(default)]
    pub urgent: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub number: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Transfer {
    #[serde(default, deserialize_with = "text")]
    pub to: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub wish: Option<String>,
    #[serde(default)]
    pub confirmed: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallLater {
    #[serde(default, deserialize_with = "text")]
    pub when: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct JoinWaitingList {
    #[serde(default, deserialize_with = "text")]
    pub service: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub when: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub with: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub appointment: Option<String>,
}

/// Why arguments could not be read, in words for the model.
#[derive(Debug)]
pub(super) struct Unreadable(pub String);

/// Reads the arguments of a tool. Fields nobody asked for are passed over; no text at all means no arguments.
pub(super) fn read<T: DeserializeOwned>(arguments: &str) -> Result<T, Unreadable> {
    if arguments.len() > ARGUMENTS_LEN_MAX {
        return Err(Unreadable(format!("The arguments are longer than {ARGUMENTS_LEN_MAX} bytes.")));
    }
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    if !arguments.trim_start().starts_with('{') {
        return Err(Unreadable("The arguments are not a JSON object.".to_owned()));
    }
    serde_json::from_str(arguments)
        .map_err(|error| Unreadable(format!("The arguments are not as described: {error}.")))
}

/// The language the caller is said to speak.
pub(super) fn language(arguments: &str) -> Option<Language> {
    #[derive(Deserialize)]
    struct Spoken {
        #[serde(default, deserialize_with = "text")]
        language: Option<String>,
    }
    read::<Spoken>(arguments).ok()?.language?.parse().ok()
}

/// What is kept of arguments for the record.
pub(super) fn cut(arguments: &str) -> String {
    let mut end = arguments.len().min(ARGUMENTS_LEN_MAX);
    while !arguments.is_char_boundary(end) {
        end -= 1;
    }
    without_cards(&arguments[..end].replace('\0', ""))
}

/// The text without control characters and surplus spaces, cut at `chars_max`; payment cards are blanked.
pub(super) fn tidy(text: &str, chars_max: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let spaced = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    without_cards(&spaced).chars().take(chars_max).collect()
}

/// A telephone number as it was dictated: spaces, hyphens and brackets are passed over.
pub(super) fn number(text: &str) -> Option<E164> {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/' | '.')).collect();
    bare.strip_prefix("00").map_or_else(|| bare.parse(), |rest| format!("+{rest}").parse()).ok()
}

fn without_cards(text: &str) -> String {
    cards::blanked(text).unwrap_or_else(|| text.to_owned())
}

/// A text; `null` and blank are none.
fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}
