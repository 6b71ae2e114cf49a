//! Looks at a page as the most careful of its readers would: with a magnifier, a keyboard, a screen reader, a small
//! telephone, in the dark, and with an eye on what it loads.
//!
//! It tells everything it finds in sentences and changes nothing on the page; the browser it leaves as it was.

use serde_json::{Value, json};

use super::{Browser, DESK, PHONE, Scheme, keyboard};

/// What a page may weigh with everything it loads but sound, in bytes.
const BYTES_MAX: u64 = 100_000;
/// The windows a page must fit into without being moved sideways, in CSS pixels.
const WINDOWS: [(u32, u32); 4] = [(320, 640), (360, 740), (390, 844), (640, 320)];
/// What a reader's letters are usually high, in pixels, and those of a fixed width.
const LETTERS: (u32, u32) = (16, 13);

/// Everything that is wrong with the page the browser is at, in sentences; nothing, if it is as it must be.
///
/// What the browser complained about and what was loaded is that since the page was gone to.
pub async fn inspect(page: &Browser) -> Vec<String> {
    let mut found = vec![];
    let mut tell =
        |part: &str, more: Vec<String>| found.extend(more.iter().map(|it| format!("{part}: {it}")));
    tell("browser log", page.complaints().await);
    tell("bytes", look(page, "bytes", json!({ "bytesMax": BYTES_MAX })).await);
    tell("structure", look(page, "structure", json!({ "language": page.language() })).await);
    tell("names", nameless(page).await);
    for scheme in [Scheme::Light, Scheme::Dark] {
        page.scheme(scheme).await;
        tell(&format!("contrast, {}", scheme.as_str()), look(page, "contrast", json!({})).await);
    }
    page.scheme(Scheme::Light).await;
    tell("fields", look(page, "fields", json!({})).await);
    tell("targets", look(page, "targets", json!({ "touched": false })).await);
    tell("keyboard", keyboard::walk(page).await);

    for window in WINDOWS {
        page.size(window).await;
        tell("reflow", look(page, "reflow", json!({})).await);
    }
    page.size(PHONE).await;
    page.touched(true).await;
    tell("targets on a telephone", look(page, "targets", json!({ "touched": true })).await);
    page.touched(false).await;
    tell("keyboard on a telephone", keyboard::walk(page).await);
    page.size(DESK).await;

    tell("text", large_text(page).await);
    look(page, "space", json!({})).await;
    tell("text, spaced", look(page, "cut", json!({})).await);
    look(page, "unspace", json!({})).await;

    look(page, "lengthen", json!({})).await;
    for window in [WINDOWS[0], DESK] {
        page.size(window).await;
        tell("text, longer", look(page, "cut", json!({})).await);
        tell("text, longer", look(page, "reflow", json!({})).await);
    }
    look(page, "unlengthen", json!({})).await;

    page.still().await;
    tell("motion", look(page, "motion", json!({})).await);
    page.scheme(Scheme::Light).await;
    tell("browser log, after looking", page.complaints().await);
    found
}

/// The sentences of a script's answer.
pub fn sentences(answer: &Value) -> Vec<String> {
    let all = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
}

async fn look(page: &Browser, look: &str, known: Value) -> Vec<String> {
    sentences(&page.run(include_str!("page.js"), vec![json!(look), known]).await)
}

/// What a screen reader could only call by its kind.
async fn nameless(page: &Browser) -> Vec<String> {
    const ROLES: [&str; 15] = [
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "listbox",
        "checkbox",
        "radio",
        "slider",
        "spinbutton",
        "switch",
        "tab",
        "menuitem",
        "dialog",
        "form",
    ];
    let tree = page.command("Accessibility.getFullAXTree", json!({})).await;
    let mut found = vec![];
    for node in tree["nodes"].as_array().unwrap() {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        let name = node["name"]["value"].as_str().unwrap_or_default();
        // What a player or a field is made of inside has no element of the page's.
        let Some(element) = node["backendDOMNodeId"].as_i64() else { continue };
        if node["ignored"] == json!(true) || !ROLES.contains(&role) || !name.trim().is_empty() {
            continue;
        }
        let told = page.command("DOM.describeNode", json!({ "backendNodeId": element })).await;
        let (tag, attributes) = (&told["node"]["localName"], &told["node"]["attributes"]);
        // A form is a landmark only when it has a name.
        if role == "form" && tag == "form" {
            continue;
        }
        found.push(format!("a {role} has no name: <{}> {attributes}", tag.as_str().unwrap_or_default()));
    }
    found
}

/// What happens to those who read letters twice as large.
async fn large_text(page: &Browser) -> Vec<String> {
    let sized = async |by: u32| {
        let sizes = json!({ "standard": LETTERS.0 * by, "fixed": LETTERS.1 * by });
        page.command("Page.setFontSizes", json!({ "fontSizes": sizes })).await;
    };
    let letters = async || {
        page.run(include_str!("page.js"), vec![json!("textSize"), json!({})]).await.as_f64().unwrap()
    };
    sized(1).await;
    let before = letters().await;
    sized(2).await;
    let after = letters().await;
    let mut found = vec![];
    if after < before * 1.99 {
        found.push(format!(
            "letters grow from {before} to {after} pixels for those who read them twice as large"
        ));
    }
    found.extend(look(page, "cut", json!({})).await);
    page.size(PHONE).await;
    found.extend(look(page, "cut", json!({})).await);
    found.extend(look(page, "reflow", json!({})).await);
    page.size(DESK).await;
    sized(1).await;
    found
}
