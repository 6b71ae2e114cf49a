//! The console, as people use it: without scripts over HTTP, and with a browser.

mod calls;
mod days;
mod entry;
mod settings;
mod walls;
mod today;
mod words;
