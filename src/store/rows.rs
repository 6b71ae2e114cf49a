//! From column to value and back: what several tables have in common.
//!
//! JSON in a column is a promise to ourselves only; its shape is private to the store.

use std::str::FromStr;

use serde::{Serialize, de::DeserializeOwned};

use super::Error;

/// A text column as the value it was written from.
pub(super) fn text<T: FromStr>(column: &str, what: &'static str) -> Result<T, Error> {
    column.parse().map_err(|_| Error::Damaged(what))
}

/// The same for a column that may be empty.
pub(super) fn maybe<T: FromStr>(column: Option<&str>, what: &'static str) -> Result<Option<T>, Error> {
    column.map(|column| text(column, what)).transpose()
}

/// A whole-number column as a smaller or unsigned number.
pub(super) fn whole<T: TryFrom<i64>>(column: i64, what: &'static str) -> Result<T, Error> {
    column.try_into().map_err(|_| Error::Damaged(what))
}

/// A number on its way into a column; what no column can hold becomes the largest it can.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A JSON column as the value it was written from.
pub(super) fn json<T: DeserializeOwned>(column: &str, what: &'static str) -> Result<T, Error> {
    serde_json::from_str(column).map_err(|_| Error::Damaged(what))
}

/// A value on its way into a JSON column.
pub(super) fn to_json<T: Serialize>(value: &T, what: &'static str) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Damaged(what))
}
