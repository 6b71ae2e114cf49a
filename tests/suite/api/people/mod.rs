//! Who may come in, over HTTP.

mod entry;
mod keys;
mod members;
