//! The console by keyboard alone: nothing here is clicked.

use fantoccini::key::Key;
use frontdesk::platform::clock::Clock;
use serde_json::json;

use crate::support::{
    browser::{Browser, Manner},
    office::{Office, PASSWORD},
};

/// Stops on the way to something, at most.
const STOPS_MAX: usize = 80;

/// Goes on with Tab until what fits the selector has the focus.
async fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..STOPS_MAX {
        if browser.ask(&format!("!!document.activeElement?.matches({})", json!(css))).await == true {
            return;
        }
        browser.key(Key::Tab).await;
    }
    panic!("{css} cannot be reached by keyboard at {}", browser.place().await);
}

/// Presses Enter and waits for the page that comes of it.
async fn enter(browser: &Browser) {
    let before = browser.ask("performance.timeOrigin").await;
    browser.key(Key::Enter).await;
    browser.until("another page came", &format!("performance.timeOrigin !== {before}")).await;
    browser.until("it is there", "document.readyState === 'complete'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_searches_and_books_by_keyboard_alone() {
    let Some(browser) = Browser::open(Manner::reading("en")).await else { return };
    let office = Office::open().await;
    let owner = office.owner("keys").await;
    owner.patch(&format!("/api/tenants/{}", owner.tenant()), json!({ "zone": "UTC" })).await.well();
    let hours = json!([["08:00", "18:00"]]);
    let week = json!({ "mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours, "sat": hours, "sun": hours });
    let anna = json!({ "name": "Dr. Anna Weber", "schedule": { "week": week } });
    let anna = owner.post("/api/resources", anna).await.well()["id"].as_str().unwrap().to_owned();
    let service = json!({
        "key": "checkup", "names": { "de": "Kontrolle", "en": "check-up" }, "duration": 30, "resources": [anna]
    });
    owner.post("/api/services", service).await.well();
    let contact = json!({ "name": "Erika Beispiel", "number": "+493012345678" });
    owner.post("/api/contacts", contact).await.well();

    browser.go(&format!("http://localhost:{}/console/entry/login", office.server.addr.port())).await;
    tab_to(&browser, "#email").await;
    browser.write("owner@keys.example").await;
    tab_to(&browser, "#password").await;
    browser.write(PASSWORD).await;
    enter(&browser).await;
    browser.until("signed in", "!location.pathname.includes('entry')").await;

    // What is reached first leads past what every page begins with.
    browser.key(Key::Tab).await;
    assert_eq!(browser.ask("document.activeElement.className").await, "skip");
    browser.key(Key::Enter).await;
    browser.until("the main part has the focus", "document.activeElement.id === 'main'").await;

    // A key asks which keys there are, Escape closes the list, and the focus is where it was.
    browser.write("?").await;
    browser.until("the keys are listed", "document.querySelector('#keys').open").await;
    browser.key(Key::Escape).await;
    browser.until("the list is closed", "!document.querySelector('#keys').open").await;
    assert_eq!(browser.ask("document.activeElement.id").await, "main");

    // Another one leads into the field that searches everything.
    browser.write("/").await;
    browser.until("the search has the focus", "document.activeElement.id === 'find'").await;
    browser.write("erika").await;
    enter(&browser).await;
    tab_to(&browser, "main a[href^='/console/contacts/']").await;
    enter(&browser).await;
    browser.until_says("Erika Beispiel").await;

    let tomorrow =
        Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    tab_to(&browser, "nav a[href='/console/appointments']").await;
    enter(&browser).await;
    tab_to(&browser, "main a[href^='/console/appointments/new']").await;
    enter(&browser).await;
    tab_to(&browser, "#date").await;
    browser.write(&tomorrow.strftime("%m%d%Y").to_string()).await;
    tab_to(&browser, "#time").await;
    browser.write("1000AM").await;
    tab_to(&browser, "#name").await;
    browser.write("Paula Probe").await;
    enter(&browser).await;
    browser.until_says("Paula Probe").await;
    let booked = owner.get("/api/appointments").await.well();
    assert_eq!(booked["items"][0]["start"], format!("{tomorrow}T10:00:00Z"), "{booked}");
    office.server.stop().await;
}
