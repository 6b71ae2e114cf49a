//! What differs between two states of an assistant, in words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{super::page::Page, may};
use crate::{
    app::drafts::Changed,
    domain::difference::{Fate, Piece},
};

/// What services and transfer targets are called, by their ids.
pub struct Names {
    /// The services.
    pub services: Vec<(String, String)>,
    /// The transfer targets.
    pub targets: Vec<(String, String)>,
}

/// A part that differs, for the page.
pub struct ChangeRow {
    /// Which part.
    pub part: String,
    /// How it is, where it is no text.
    pub before: String,
    /// How it is to be.
    pub after: String,
    /// Of a text, its pieces.
    pub pieces: Vec<PieceShown>,
}

/// A piece of a text.
pub struct PieceShown {
    /// `stays`, `goes` or `comes`.
    pub fate: &'static str,
    /// The words.
    pub text: String,
}

impl ChangeRow {
    /// The change in the page's language.
    pub fn of(page: &Page, names: &Names, change: Changed) -> Self {
        let part = part_of(&change.part);
        let words = |value: &Value| said(page, names, part, value);
        // A word that is chosen from a few is no text.
        let text = matches!(part, "instructions" | "description" | "name" | "opening-de" | "opening-en");
        let pieces = if text { change.pieces } else { Vec::new() };
        Self {
            part: page.t(format!("part-{part}")).to_string(),
            before: words(&change.before),
            after: words(&change.after),
            pieces: pieces.into_iter().map(PieceShown::of).collect(),
        }
    }
}

impl PieceShown {
    fn of(piece: Piece) -> Self {
        let fate = match piece.fate {
            Fate::Stays => "stays",
            Fate::Goes => "goes",
            Fate::Comes => "comes",
        };
        Self { fate, text: piece.text }
    }
}

/// The name of a part among the language's keys.
fn part_of(pointer: &str) -> &'static str {
    const PARTS: [&str; 25] = [
        "name",
        "description",
        "status",
        "language",
        "fallback",
        "voice",
        "model",
        "instructions",
        "opening-de",
        "opening-en",
        "policy-sensitivity",
        "policy-interruptible",
        "policy-min-speech-ms",
        "policy-false-interruption-ms",
        "policy-end-of-turn-ms",
        "policy-response-delay-ms",
        "policy-silence-first-ms",
        "policy-silence-second-ms",
        "policy-silence-goodbye-ms",
        "policy-max-duration-ms",
        "recording",
        "transcripts",
        "tools",
        "services",
        "transfers",
    ];
    let flat = pointer.trim_start_matches('/').replace(['/', '_'], "-");
    PARTS.into_iter().find(|part| *part == flat).unwrap_or("keypad")
}

/// A value in words.
fn said(page: &Page, names: &Names, part: &str, value: &Value) -> String {
    match value {
        Value::Null => page.t("change-nothing").to_string(),
        Value::Bool(true) => page.t("change-yes").to_string(),
        Value::Bool(false) => page.t("change-no").to_string(),
        Value::Number(number) => {
            let millis = number.as_u64().unwrap_or_default();
            match part {
                part if part.starts_with("policy-silence") || part == "policy-max-duration-ms" => {
                    page.duration(i64::try_from(millis).unwrap_or(i64::MAX))
                }
                _ => page.t("change-millis").n("ms", millis).to_string(),
            }
        }
        Value::String(text) => match (part, text.as_str()) {
            (_, "") => page.t("change-nothing").to_string(),
            ("status", status) => page.t(format!("assistant-status-{status}")).to_string(),
            ("policy-sensitivity", level) => page.t(format!("sensitivity-{level}")).to_string(),
            ("language" | "fallback", code) => {
                code.parse().map_or_else(|_| code.to_owned(), |code| super::language_name(code).to_owned())
            }
            (_, text) => text.to_owned(),
        },
        Value::Array(all) if all.is_empty() => page.t("change-nothing").to_string(),
        Value::Array(all) => {
            let known: BTreeMap<&str, &str> = names
                .services
                .iter()
                .chain(&names.targets)
                .map(|(id, name)| (id.as_str(), name.as_str()))
                .collect();
            let word = |one: &Value| {
                let one = one.as_str().unwrap_or_default();
                match part {
                    "tools" => may(page, one).to_string(),
                    _ => known
                        .get(one)
                        .map_or_else(|| page.t("change-gone").to_string(), |name| (*name).to_owned()),
                }
            };
            all.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        Value::Object(_) => String::new(),
    }
}
