//! The console, as people use it: without scripts over HTTP, and with a browser.

mod calls;
mod contacts;
mod days;
mod entry;
mod messages;
mod outgoing;
mod settings;
mod today;
mod walls;
mod words;
