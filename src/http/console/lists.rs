//! What every list does: pages, days as filters, numbers in any spelling.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::form::Typed;
use crate::{
    domain::{
        outgoing::number::callable,
        phone::E164,
        time::{Timestamp, Zone},
    },
    store::Place,
};

/// The way to the next page of a list.
pub struct Next {
    /// What to ask for, behind the path.
    pub query: String,
}

impl Next {
    /// The page behind that place, with everything else as it was asked.
    pub fn of(place: Option<&Place>, typed: &Typed) -> Option<Self> {
        let place = place?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(typed.iter().filter(|(name, value)| *name != "after" && !value.is_empty()));
        let mut after = String::new();
        let _ = write!(after, "{}:{}", place.at, place.id);
        query.append_pair("after", &after);
        Some(Self { query: query.finish() })
    }
}

/// The place a list goes on behind; the beginning when there is none such.
pub fn place(text: &str) -> Option<Place> {
    let (at, id) = text.split_once(':')?;
    Some(Place { at: at.parse().ok()?, id: id.to_owned() })
}

/// When a day begins where the tenant is.
pub fn begins(date: Date, zone: &Zone) -> Option<Timestamp> {
    let start = date.to_zoned(zone.rules().clone()).ok()?;
    Some(start.timestamp().into())
}

/// Whether somebody means a telephone number by this.
pub fn looks_like_number(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '(' | ')' | '/' | '-' | '.' | '\u{a0}'))
}

/// A telephone number in any spelling; without a country it is one of `home` (two capital letters).
pub fn number(text: &str, home: Option<&str>) -> Option<E164> {
    text.parse().ok().or_else(|| callable(text, home).ok().map(|callable| callable.number))
}
