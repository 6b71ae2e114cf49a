//! Events as nobody would write them, and as Google has them nonetheless.

use frontdesk::{
    calendars::Error,
    domain::{
        availability::EventStatus,
        calendar::EventId,
        time::{TimeRange, Timestamp},
    },
};
use serde_json::{Value, json};

use super::{ANNA, PATIENCE, Scene, range};

#[tokio::test]
async fn an_odd_time_is_never_silently_free() {
    let day = |start: &str, end: &str| json!({ "start": { "date": start }, "end": { "date": end } });
    let time = |start: &str, end: &str| json!({ "start": { "dateTime": start }, "end": { "dateTime": end } });
    let nine = "2027-03-01T09:00:00+01:00";
    let rest = range("2027-03-01T08:00:00Z", "2027-03-01T23:00:00Z");
    let table: [(Value, TimeRange); 10] = [
        (day("2027-03-01", "2027-03-02"), range("2027-02-28T23:00:00Z", "2027-03-01T23:00:00Z")),
        (day("2027-03-28", "2027-03-29"), range("2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z")),
        (json!({ "start": { "dateTime": nine } }), rest),
        (time(nine, "2027-03-01T08:00:00+01:00"), rest),
        (time(nine, "soon"), rest),
        (time(nine, nine), range("2027-03-01T08:00:00Z", "2027-03-01T08:01:00Z")),
        (time("soon", "2027-03-01T10:00:00+01:00"), range("2027-02-28T23:00:00Z", "2027-03-01T09:00:00Z")),
        (
            time("1500-01-01T00:00:00Z", "2900-01-01T00:00:00Z"),
            TimeRange { start: Timestamp::MIN, end: super::at("2900-01-01T00:00:00Z") },
        ),
        (
            json!({ "start": { "dateTime": "2027-03-01T09:00:00", "timeZone": "Mars/Olympus" },
                "end": { "dateTime": "2027-03-01T10:00:00", "timeZone": "Mars/Olympus" } }),
            range("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z"),
        ),
        (
            json!({ "start": { "dateTime": "2027-03-01T09:00:00", "timeZone": "Asia/Tokyo" },
                "end": { "dateTime": "2027-03-01T10:00:00", "timeZone": "Asia/Tokyo" } }),
            range("2027-03-01T00:00:00Z", "2027-03-01T01:00:00Z"),
        ),
    ];
    let scene = Scene::open().await;
    for (body, wanted) in table {
        let id = EventId(scene.google.put(ANNA, body.clone()));
        let event = scene.calendars.event(&scene.who, &scene.place, &id, PATIENCE).await.unwrap().unwrap();
        assert_eq!(event.time, wanted, "{body}");
    }
    let id = EventId(scene.google.put(ANNA, json!({ "summary": "<b>\u{0}when?</b>" })));
    let never = scene.calendars.event(&scene.who, &scene.place, &id, PATIENCE).await;
    assert!(matches!(never, Err(Error::Garbled(_))), "{never:?}");
}

#[tokio::test]
async fn each_kind_of_event_says_what_it_takes() {
    let guest =
        |answer: &str| json!({ "attendees": [{ "email": ANNA, "self": true, "responseStatus": answer }] });
    let table = [
        (json!({}), EventStatus::Busy),
        (json!({ "status": "tentative" }), EventStatus::Tentative),
        (json!({ "transparency": "transparent" }), EventStatus::Free),
        (json!({ "eventType": "outOfOffice" }), EventStatus::OutOfOffice),
        (json!({ "eventType": "focusTime" }), EventStatus::Busy),
        (json!({ "eventType": "workingLocation" }), EventStatus::Free),
        (json!({ "eventType": "birthday" }), EventStatus::Free),
        (json!({ "eventType": "somethingElse" }), EventStatus::Busy),
        (guest("declined"), EventStatus::Declined),
        (guest("tentative"), EventStatus::Tentative),
        (guest("needsAction"), EventStatus::Busy),
    ];
    let scene = Scene::open().await;
    for (more, wanted) in table {
        let id = scene.google.insert(ANNA, super::morning(), "Something");
        assert!(scene.google.edit(ANNA, &id, &more));
        let event = scene.calendars.event(&scene.who, &scene.place, &EventId(id), PATIENCE).await.unwrap();
        assert_eq!(event.unwrap().status, wanted, "{more}");
    }
}
