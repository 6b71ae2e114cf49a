//! The console, as people use it: without scripts over HTTP, and with a browser.

mod assistants;
mod calls;
mod contacts;
mod days;
mod entry;
mod live;
mod messages;
mod outgoing;
mod record;
mod settings;
mod support;
mod test_call;
mod today;
mod walls;
mod words;
