//! The doors: requests in, questions to `app` and `live`, answers out.
//!
//! Never touches the store or a calendar. Every refusal is a [`Problem`](problem::Problem).

pub mod listener;
pub mod metrics;
pub mod problem;
