//! What hears and speaks: engines, one session per call.

mod settings;

pub use settings::{NoiseReduction, Prices, Settings};
