//! A tenant by file: `frontdesk apply`.

mod document;
mod reader;

pub use document::Document;
pub use reader::{Fault, Faults};
