//! A walk through a page by the keyboard alone.

use serde_json::{Value, json};

use super::{Browser, inspect::sentences};

/// More stops than a page may have.
const STOPS_MAX: usize = 400;

/// Goes through the page with the tabulator, and tells what a reader without a mouse would meet.
pub async fn walk(page: &Browser) -> Vec<String> {
    evaluate(page, include_str!("keyboard.js")).await;
    step(page, "begin").await;
    let mut found = vec![];
    for _ in 0..STOPS_MAX {
        // By DevTools' own words: WebDriver's keys and scripts take three times as long, and a walk has many.
        let tab = json!({ "type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
        page.command("Input.dispatchKeyEvent", tab).await;
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
    evaluate(page, &format!("walk({})", json!(step))).await
}

async fn evaluate(page: &Browser, expression: &str) -> Value {
    let asked = json!({ "expression": expression, "returnByValue": true });
    let mut answer = page.command("Runtime.evaluate", asked).await;
    assert!(answer.get("exceptionDetails").is_none(), "{answer}");
    answer["result"]["value"].take()
}
