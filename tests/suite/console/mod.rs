//! The console, as people use it: without scripts over HTTP, and with a browser.

mod calls;
mod days;
mod entry;
mod settings;
mod today;
mod walls;
mod words;
