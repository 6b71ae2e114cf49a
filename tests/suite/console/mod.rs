//! The console, as people use it: without scripts over HTTP, and with a browser.

mod days;
mod entry;
mod words;
