//! Appointments and availability in a browser: looked at with care, and an appointment that is dragged.

use frontdesk::platform::clock::Clock;
use serde_json::json;

use crate::support::{
    browser::{Browser, DESK, Manner, inspect},
    office::{Office, PASSWORD},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_appointments_and_availability_are_as_they_must_be() {
    let Some(browser) = Browser::open(Manner::reading("de")).await else { return };
    let office = Office::open().await;
    let owner = office.owner("browsed").await;
    let path = format!("/api/tenants/{}", owner.tenant());
    owner.patch(&path, json!({ "zone": "UTC" })).await.well();
    let hours = json!([["08:00", "18:00"]]);
    let week = json!({ "mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours, "sat": hours, "sun": hours });
    let anna = json!({ "name": "Dr. Anna Weber", "schedule": { "week": week } });
    let anna = owner.post("/api/resources", anna).await.well()["id"].as_str().unwrap().to_owned();
    let service = json!({
        "key": "checkup", "names": { "de": "Kontrolle", "en": "check-up" }, "duration": 30, "resources": [anna]
    });
    let service = owner.post("/api/services", service).await.well()["id"].as_str().unwrap().to_owned();
    let contact = json!({ "name": "Erika Beispiel", "number": "+493012345678" });
    let contact = owner.post("/api/contacts", contact).await.well()["id"].as_str().unwrap().to_owned();
    let tomorrow =
        Clock::system().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let booked = json!({ "service": service, "contact": contact, "start": format!("{tomorrow}T10:00:00Z") });
    let booked = owner.post("/api/appointments", booked).await.well()["id"].as_str().unwrap().to_owned();
    let closing = json!({ "name": "Fortbildung", "first": tomorrow.to_string(), "from": "16:00" });
    owner.post("/api/closures", closing).await.well();
    let at = |path: &str| format!("http://localhost:{}{path}", office.server.addr.port());
    browser.go(&at("/console/entry/login")).await;
    browser.fill("#email", "owner@browsed.example").await;
    browser.fill("#password", PASSWORD).await;
    browser.press("main form button").await;
    browser
        .until(
            "signed in",
            "location.pathname.startsWith('/console') && !location.pathname.includes('entry')",
        )
        .await;
    let mut found = vec![];
    for (name, path) in [
        ("week", format!("/console/appointments?date={tomorrow}")),
        ("day", format!("/console/appointments?view=day&date={tomorrow}")),
        ("appointment", format!("/console/appointments/{booked}")),
        ("new appointment", "/console/appointments/new".to_owned()),
        ("availability", "/console/availability".to_owned()),
        ("resource", format!("/console/availability/resources/{anna}")),
        ("service", format!("/console/availability/services/{service}")),
        ("closing", "/console/availability/closing".to_owned()),
        ("closing day", "/console/availability/closing/new".to_owned()),
        ("holidays", "/console/availability/closing/holidays?region=BY&year=2027".to_owned()),
        ("why", format!("/console/availability/why?service={service}&date={tomorrow}&time=10:10")),
        ("ill", "/console/availability/ill".to_owned()),
        ("calendars", "/console/calendars".to_owned()),
    ] {
        browser.go(&at(&path)).await;
        found.extend(inspect(&browser).await.into_iter().map(|fault| format!("{name}: {fault}")));
        browser.pictures(name).await;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // Dragged from ten to two hours later.
    browser.size(DESK).await;
    browser.go(&at(&format!("/console/appointments?date={tomorrow}"))).await;
    let dragged = "
        const entry = document.querySelector('.entry[data-move]');
        const day = entry.closest('.track');
        const hours = [...day.querySelectorAll('.rule')].map((rule) => rule.getBoundingClientRect().top);
        const from = entry.getBoundingClientRect();
        const data = new DataTransfer();
        const at = (kind, target, y) => target.dispatchEvent(new DragEvent(kind,
            { bubbles: true, cancelable: true, dataTransfer: data, clientX: from.left + 5, clientY: y }));
        at('dragstart', entry, from.top + 3);
        at('dragover', day, hours[4] + 3);
        at('drop', day, hours[4] + 3);";
    browser.run(dragged, vec![]).await;
    browser.until("it was moved", &format!("location.pathname === '/console/appointments/{booked}'")).await;
    let moved = owner.get(&format!("/api/appointments/{booked}")).await.well();
    assert_eq!(moved["start"], format!("{tomorrow}T12:00:00Z"));
    office.server.stop().await;
}
