//! The machine below: its clock, its chance, its disk, its secrets.
//!
//! The only place that asks the time or draws a random number. It knows no vendor and no rule of the product.

pub mod archive;
pub mod blobs;
pub mod bucket;
pub mod clock;
pub mod egress;
pub mod hints;
pub mod ids;
pub mod metrics;
pub mod passwords;
pub mod sealed;
pub mod secrets;
pub mod tape;
pub mod tasks;
pub mod tokens;
pub mod totp;
