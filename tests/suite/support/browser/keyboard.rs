//! A walk through a page by the keyboard alone.

use fantoccini::key::Key;
use serde_json::{Value, json};

use super::{Browser, inspect::sentences};

/// More stops than a page may have.
const STOPS_MAX: usize = 400;

/// Goes through the page with the tabulator, and tells what a reader without a mouse would meet.
pub async fn walk(page: &Browser) -> Vec<String> {
    step(page, "begin").await;
    let mut found = vec![];
    for _ in 0..STOPS_MAX {
        page.key(Key::Tab).await;
        let here = step(page, "here").await;
        found.extend(sentences(&here["found"]));
        if here["over"] == json!(true) {
            break;
        }
    }
    found.extend(sentences(&step(page, "end").await));
    found
}

async fn step(page: &Browser, step: &str) -> Value {
    page.run(include_str!("keyboard.js"), vec![json!(step)]).await
}
