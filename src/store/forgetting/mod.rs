//! What is kept for how long, what is known of somebody, and how it goes.
//!
//! [`HOLDINGS`] is the one list of tables; everything here walks it. Rows only: blobs are removed by whoever asks, before
//! the rows that say where they lie.

mod attempts;
mod copies;
mod holdings;
mod keeping;
mod records;
mod tenant;
mod tidy;

use self::keeping::ROWS_AT_ONCE_MAX;
pub(super) use self::{
    attempts::TEXTS as ATTEMPTS, copies::TEXTS as COPIES, holdings::TEXTS as HELD, keeping::TEXTS,
    records::TEXTS as RECORDS, tenant::TEXTS as TENANT, tidy::TEXTS as TIDY,
};
pub use self::{
    copies::Copied,
    holdings::{ELSEWHERE, HOLDINGS, Holding, Root},
    keeping::Known,
};
