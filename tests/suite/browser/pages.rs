//! Every page of the console in a browser, with hostile words in every text there is: looked at with care, and nothing that was
//! stored is taken for markup or script.

use std::collections::BTreeMap;

use crate::support::{
    browser::{Browser, Manner, inspect},
    browsing::Browsing,
    neighbours::Neighbour,
    office::{Office, PASSWORD},
    served,
};

/// What somebody stored in every text there is.
const HOSTILE: &str = r#"<img src=x onerror="document.title='owned'"></p> "O'Neill" & Söhne"#;

/// What a path's name may stand for besides things with an id.
fn own_id<'a>(ids: &'a BTreeMap<&'static str, String>, name: &str) -> Option<&'a str> {
    let name = match name {
        "user" => "member",
        "wish" => "opt_out",
        name => name,
    };
    ids.get(name).map(String::as_str)
}

/// The pages among the served paths, as the reader finds them: with their own ids, and only what answers with a page there.
async fn pages(reader: &mut Browsing, ids: &BTreeMap<&'static str, String>) -> Vec<String> {
    let mut found = vec![];
    for path in served::paths() {
        // Sound, pictures and live news are no pages.
        if path.contains("{*") || path.contains("/assets/") || path.ends_with("events") {
            continue;
        }
        let mut filled = path.clone();
        for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            if let Some(id) = own_id(ids, name) {
                filled = filled.replace(&format!("{{{name}}}"), id);
            }
        }
        if filled.contains('{') {
            continue;
        }
        let page = reader.get(&filled).await;
        let html =
            page.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if page.status == 200 && html && page.path == filled {
            found.push(filled);
        }
    }
    found
}

/// Goes to each of these pages, and tells what is wrong with it.
async fn look_at_all(browser: &Browser, office: &Office, paths: &[String], found: &mut Vec<String>) {
    for path in paths {
        browser.go(&format!("http://localhost:{}{path}", office.server.addr.port())).await;
        let title = browser.ask("document.title").await;
        if title == "owned"
            || browser.ask("!!document.querySelector('img[src=x], main script')").await == true
        {
            found.push(format!("{path}: what was stored is taken for markup"));
        }
        let faults = inspect(browser).await.into_iter();
        // A browser complains of what it asked for itself and is not there.
        let faults = faults.filter(|fault| !fault.contains(&format!("{path} - Failed to load resource")));
        found.extend(faults.map(|fault| format!("{path}: {fault}")));
        let name: Vec<&str> = path
            .trim_start_matches("/console")
            .split(['/', '?', '&', '='])
            .map(|part| part.split('_').next().unwrap_or_default())
            .filter(|part| !part.is_empty())
            .collect();
        browser.pictures(&if name.is_empty() { "landing".to_owned() } else { name.join("-") }).await;
    }
}

async fn sign_in(browser: &Browser, office: &Office, email: &str) {
    browser.go(&format!("http://localhost:{}/console/entry/login", office.server.addr.port())).await;
    browser.fill("#email", email).await;
    browser.fill("#password", PASSWORD).await;
    browser.press("main form button").await;
    let inside = "location.pathname.startsWith('/console') && !location.pathname.includes('entry')";
    browser.until("signed in", inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_a_tenants_is_as_it_must_be_and_takes_nothing_that_was_stored_for_markup() {
    let Some(browser) = Browser::open(Manner::reading("de")).await else { return };
    let office = Office::open().await;
    let neighbour = Neighbour::settle(&office, "pages", HOSTILE, 1).await;
    let mut reader = Browsing::signed_in(&office, "owner@pages.example", "de").await;
    let paths = pages(&mut reader, &neighbour.ids).await;
    for sample in ["/console/today", "/console/contacts", "/console/settings", "/console/messages"] {
        assert!(paths.iter().any(|path| path == sample), "{sample} is no page: {paths:?}");
    }
    sign_in(&browser, &office, "owner@pages.example").await;
    let mut found = vec![];
    look_at_all(&browser, &office, &paths, &mut found).await;
    assert!(found.is_empty(), "{} things:\n{}", found.len(), found.join("\n"));
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_before_the_door_and_the_operators_are_as_they_must_be() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let office = Office::open().await;
    let mut found = vec![];
    let before: Vec<String> = [
        "/",
        "/console/entry/login",
        "/console/entry/register",
        "/console/entry/forgot",
        "/console/reset?token=unknown",
        "/console/invitation?token=unknown",
        "/console/nowhere",
    ]
    .map(str::to_owned)
    .into();
    look_at_all(&browser, &office, &before, &mut found).await;
    office.operator("ops").await;
    sign_in(&browser, &office, "ops@platform.example").await;
    look_at_all(&browser, &office, &["/console/operator".to_owned()], &mut found).await;
    assert!(found.is_empty(), "{} things:\n{}", found.len(), found.join("\n"));
    office.server.stop().await;
}
