//! The console, as people use it: without scripts over HTTP, and with a browser.

mod entry;
mod words;
