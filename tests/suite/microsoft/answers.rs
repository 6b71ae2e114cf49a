//! A Graph that answers by hand: every kind of refusal, the oddest events, and what each request looks like.

use frontdesk::{
    calendars::{
        Busy, Error, Next, Since, Unknown, Watching,
        microsoft::zones::{WINDOWS_ZONES, calendar_zone},
    },
    domain::{
        availability::EventStatus,
        calendar::{CalendarAccess, EventChange, EventId, OutsideEvent, Place},
        time::Timestamp,
    },
};
use serde_json::{Value, json};

use super::{CALENDAR, Graph, PATIENCE, access, at, draft, invited, place, range, watch};
use crate::support::specs::{errors, spec};

const NINE: &str = "2026-11-20T09:00:00Z";
const TEN: &str = "2026-11-20T10:00:00Z";

#[tokio::test]
async fn each_refusal_of_graph_is_understood_as_what_it_is() {
    let table = [
        (401, None, "InvalidAuthenticationToken", "Expired"),
        (403, None, "ErrorAccessDenied", "Forbidden"),
        (403, None, "Authorization_RequestDenied", "Forbidden"),
        (403, Some(30), "ApplicationThrottled", "TooMany { retry_after: Some(30s) }"),
        (404, None, "ErrorItemNotFound", "NotThere"),
        (404, None, "ErrorCalendarFolderIsInvalidForCalendarView", "NotThere"),
        (
            404,
            None,
            "MailboxNotEnabledForRESTAPI",
            "Refused { status: 404, code: \"MailboxNotEnabledForRESTAPI\" }",
        ),
        (409, None, "Conflict", "Refused { status: 409, code: \"Conflict\" }"),
        (409, None, "ErrorIrresolvableConflict", "Stale"),
        (410, None, "anything", "BeginAnew"),
        (400, None, "SyncStateInvalid", "BeginAnew"),
        (404, None, "syncStateNotFound", "BeginAnew"),
        (412, None, "ErrorIrresolvableConflict", "Stale"),
        (429, Some(30), "TooManyRequests", "TooMany { retry_after: Some(30s) }"),
        (429, Some(30), "MailboxConcurrency", "TooMany { retry_after: Some(30s) }"),
        (503, Some(30), "serviceNotAvailable", "TooMany { retry_after: Some(30s) }"),
        (503, None, "serviceNotAvailable", "Away(None)"),
        (500, None, "generalException", "Away(None)"),
        (504, None, "", "Away(None)"),
        (408, None, "", "Away(None)"),
        (
            400,
            None,
            "Error<b>\n Invalid\u{202e}Request",
            "Refused { status: 400, code: \"ErrorbInvalidRequest\" }",
        ),
        (302, None, "", "Refused { status: 302, code: \"\" }"),
    ];
    for (status, retry_after, code, means) in table {
        let graph = Graph::silent().await;
        let body = json!({ "error": { "code": code, "message": "no", "innerError": { "date": "now" } } });
        graph.answers.lock().unwrap().push_back((status, retry_after, body.to_string()));
        let (calendars, who, wish) = (graph.calendars(), access("t"), watch("http://127.0.0.1:9", at(TEN)));
        let said = calendars.watch(&who, &place("UTC"), &wish, PATIENCE).await;
        let said = format!("{:?}", said.unwrap_err());
        assert_eq!(said, means, "{status} {code}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_neither_free_nor_a_panic() {
    let huge = "x".repeat(9 * 1024 * 1024);
    for body in ["", "null", "[]", "<!doctype html>", "{\"value\": 7}", huge.as_str()] {
        let graph = Graph::silent().await;
        graph.answers.lock().unwrap().push_back((200, None, body.to_owned()));
        let (calendars, place) = (graph.calendars(), place("UTC"));
        let events = calendars.events(&access("t"), &place, range(NINE, TEN), PATIENCE).await;
        assert!(matches!(events, Err(Error::Garbled(_))), "{events:?}");
        let busy = calendars.busy(&access("t"), &[&place], range(NINE, TEN), PATIENCE).await.unwrap();
        assert_eq!(busy, [Busy::Unknown(Unknown::NotSaid)]);
    }
}

/// What becomes of an event, in a calendar in that zone.
async fn read(zone: &str, mut event: Value) -> Result<Option<OutsideEvent>, Error> {
    if event.get("id").is_none() {
        event["id"] = "one".into();
    }
    let graph = Graph::saying([(200, event)]).await;
    graph.calendars().event(&access("t"), &place(zone), &EventId("one".to_owned()), PATIENCE).await
}

fn moment(text: &str, zone: &str) -> Value {
    json!({ "dateTime": text, "timeZone": zone })
}

#[tokio::test]
async fn an_event_takes_the_time_it_says_and_never_less() {
    let utc = |text: &str| moment(text, "UTC");
    let all_day = |start: Value, end: Value| json!({ "isAllDay": true, "start": start, "end": end });
    let custom = "tzone://Microsoft/Custom";
    let table = [
        (
            "plain",
            json!({ "start": utc("2026-11-20T09:00:00.0000000"), "end": utc("2026-11-20T10:00:00.0000000") }),
            (NINE, TEN),
        ),
        (
            "in a zone by Windows' name",
            json!({ "start": moment("2026-11-20T10:00:00.0000000", "W. Europe Standard Time"),
                "end": moment("2026-11-20T11:00:00.0000000", "Europe/Berlin") }),
            (NINE, TEN),
        ),
        (
            "in a zone nobody knows",
            json!({ "start": moment("2026-11-20T12:00:00", custom), "end": moment("2026-11-20T13:00:00", custom) }),
            ("2026-11-19T22:00:00Z", "2026-11-21T03:00:00Z"),
        ),
        (
            "while the clock shows the hour twice",
            json!({ "start": moment("2026-10-25T02:00:00", "Europe/Berlin"),
                "end": moment("2026-10-25T02:30:00", "Europe/Berlin") }),
            ("2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z"),
        ),
        ("without an end", json!({ "start": utc("2026-11-20T09:00:00") }), (NINE, "2026-11-20T23:00:00Z")),
        (
            "ending before it begins",
            json!({ "start": utc("2026-11-20T09:00:00"), "end": utc("2026-11-20T08:00:00") }),
            (NINE, "2026-11-20T23:00:00Z"),
        ),
        ("without a start", json!({ "end": utc("2026-11-20T09:00:00") }), ("2026-11-19T23:00:00Z", NINE)),
        (
            "a whole day",
            all_day(utc("2026-11-20T00:00:00.0000000"), utc("2026-11-21T00:00:00.0000000")),
            ("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"),
        ),
        (
            "a whole day, told by its instants",
            all_day(utc("2026-11-19T23:00:00.0000000"), utc("2026-11-20T23:00:00.0000000")),
            ("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"),
        ),
        (
            "a whole day without an end",
            all_day(utc("2026-11-20T00:00:00"), Value::Null),
            ("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"),
        ),
        (
            "a whole day of 25 hours",
            all_day(utc("2026-10-25T00:00:00"), utc("2026-10-26T00:00:00")),
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ),
        (
            "for thousands of years",
            json!({ "start": utc("0926-11-20T09:00:00"), "end": utc("9999-12-31T23:59:59.9999999") }),
            ("1970-01-01T00:00:00Z", "9999-12-30T21:59:59.999999Z"),
        ),
    ];
    for (what, event, (start, end)) in table {
        let event = read("Europe/Berlin", event).await.unwrap().unwrap();
        let end = if end.starts_with("9999") { Timestamp::MAX } else { at(end) };
        assert_eq!((event.time.start, event.time.end), (at(start), end), "{what}: {:?}", event.time);
    }
}

#[tokio::test]
async fn a_whole_day_in_a_calendar_whose_zone_could_not_be_had_is_also_the_day_of_whoever_wrote_it() {
    let event = json!({ "isAllDay": true, "originalStartTimeZone": "W. Europe Standard Time",
        "start": moment("2026-11-20T00:00:00", "UTC"), "end": moment("2026-11-21T00:00:00", "UTC") });
    for zone in ["UTC", "Etc/UTC"] {
        let event = read(zone, event.clone()).await.unwrap().unwrap();
        assert_eq!(event.time, range("2026-11-19T23:00:00Z", "2026-11-21T00:00:00Z"));
    }
}

#[tokio::test]
async fn an_event_says_of_its_time_what_outlook_shows_and_what_is_not_known_is_busy() {
    let table = [
        (json!({ "showAs": "free" }), EventStatus::Free),
        (json!({ "showAs": "tentative" }), EventStatus::Tentative),
        (json!({ "showAs": "busy" }), EventStatus::Busy),
        (json!({ "showAs": "oof" }), EventStatus::OutOfOffice),
        (json!({ "showAs": "workingElsewhere" }), EventStatus::WorkingElsewhere),
        (json!({ "showAs": "unknown" }), EventStatus::Busy),
        (json!({ "showAs": "somethingElse" }), EventStatus::Busy),
        (json!({}), EventStatus::Busy),
        (json!({ "showAs": "busy", "responseStatus": { "response": "declined" } }), EventStatus::Declined),
        (json!({ "showAs": "busy", "responseStatus": { "response": "accepted" } }), EventStatus::Busy),
        (json!({ "showAs": null, "responseStatus": null, "subject": "<script>\u{0}" }), EventStatus::Busy),
    ];
    for (mut event, status) in table {
        event["start"] = moment("2026-11-20T09:00:00", "UTC");
        event["end"] = moment("2026-11-20T10:00:00", "UTC");
        let read = read("UTC", event.clone()).await.unwrap().unwrap();
        assert_eq!(read.status, status, "{event}");
    }
}

#[tokio::test]
async fn what_does_not_take_place_is_not_there_and_what_makes_no_sense_is_an_error() {
    let mut event = json!({ "isCancelled": true, "start": moment("2026-11-20T09:00:00", "UTC") });
    assert_eq!(read("UTC", event.clone()).await.unwrap(), None);
    event["isCancelled"] = false.into();
    event["start"] = moment("the day after tomorrow", "UTC");
    assert!(matches!(read("UTC", event.clone()).await, Err(Error::Garbled(_))));
    event["id"] = "".into();
    assert!(matches!(read("UTC", event).await, Err(Error::Garbled(_))));
    let graph = Graph::saying([(404, json!({ "error": { "code": "ErrorItemNotFound" } }))]).await;
    let gone = graph.calendars().event(&access("t"), &place("UTC"), &EventId("x".into()), PATIENCE).await;
    assert_eq!(gone.unwrap(), None);
}

fn since(mark: Option<&str>) -> Since {
    Since { window: range("2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"), mark: mark.map(str::to_owned) }
}

#[tokio::test]
async fn no_page_and_no_mark_leads_a_token_anywhere_but_to_graph() {
    let graph = Graph::silent().await;
    let elsewhere = [
        "https://graph.example/v1.0/me/calendarView".to_owned(),
        graph.address.replace("127.0.0.1", "127.0.0.2") + "/me",
        graph.address.replace("http://", "http://user:word@") + "/me",
        graph.address.replace("v1.0", "v1.00/me"),
        format!("{}/../elsewhere", graph.address),
        "/v1.0/me".to_owned(),
        "not an address".to_owned(),
    ];
    for link in elsewhere {
        let pages = ["@odata.nextLink", "@odata.deltaLink"];
        for page in pages {
            graph.answers.lock().unwrap().clear();
            graph.answers.lock().unwrap().push_back((
                200,
                None,
                json!({ "value": [], page: link }).to_string(),
            ));
            let said = graph.calendars().changes(&access("t"), &place("UTC"), &since(None), PATIENCE).await;
            assert!(matches!(said, Err(Error::Garbled(_))), "{link}: {said:?}");
        }
        let before = graph.sent().len();
        let said =
            graph.calendars().changes(&access("t"), &place("UTC"), &since(Some(&link)), PATIENCE).await;
        assert!(matches!(said, Err(Error::BeginAnew)), "{link}: {said:?}");
        assert_eq!(graph.sent().len(), before, "nobody is asked");
    }
}

#[tokio::test]
async fn a_page_without_a_next_one_or_followed_by_itself_is_no_page() {
    let graph = Graph::saying([(200, json!({ "value": [] }))]).await;
    let said = graph.calendars().changes(&access("t"), &place("UTC"), &since(None), PATIENCE).await;
    assert!(matches!(said, Err(Error::Garbled(_))), "{said:?}");
    let own = format!("{}/me/calendars/x/calendarView/delta?$skiptoken=1", graph.address);
    graph.answers.lock().unwrap()[0].2 = json!({ "value": [], "@odata.nextLink": own }).to_string();
    let said = graph.calendars().changes(&access("t"), &place("UTC"), &since(Some(&own)), PATIENCE).await;
    assert!(matches!(said, Err(Error::Garbled(_))), "{said:?}");
}

#[tokio::test]
async fn an_occurrence_says_what_its_series_says_and_the_series_itself_takes_no_time() {
    let (start, end) = (moment("2026-11-20T09:00:00", "UTC"), moment("2026-11-20T10:00:00", "UTC"));
    let graph = Graph::silent().await;
    let page = json!({ "@odata.deltaLink": format!("{}/me/x?$deltatoken=1", graph.address), "value": [
        { "id": "series", "type": "seriesMaster", "showAs": "free", "start": start, "end": end },
        { "id": "one", "type": "occurrence", "seriesMasterId": "series", "start": start, "end": end },
        { "id": "two", "type": "occurrence", "seriesMasterId": "another", "start": start, "end": end },
        { "id": "gone", "@removed": { "reason": "deleted" } },
    ] });
    graph.answers.lock().unwrap().push_back((200, None, page.to_string()));
    let said = graph.calendars().changes(&access("t"), &place("UTC"), &since(None), PATIENCE).await.unwrap();
    assert!(matches!(said.next, Next::Later(_)));
    let told: Vec<_> = said
        .changes
        .iter()
        .map(|change| match change {
            EventChange::Is(event) => (event.id.0.as_str(), Some(event.status)),
            EventChange::Gone(id) => (id.0.as_str(), None),
        })
        .collect();
    let (free, busy) = (Some(EventStatus::Free), Some(EventStatus::Busy));
    assert_eq!(told, [("series", None), ("one", free), ("two", busy), ("gone", None)]);
}

#[tokio::test]
async fn an_event_that_answers_to_our_name_and_is_anothers_is_not_ours() {
    let key = uuid::Uuid::from_u128(1).to_string();
    let mark = "String {6D1F2C0E-8A43-4B9E-9D57-3F0C5B7E2A91} Name frontdesk_appointment";
    let marked = |whose: &str| json!([{ "id": mark, "value": whose }]);
    let (start, end) = (moment("2026-11-20T09:00:00", "UTC"), moment("2026-11-20T10:00:00", "UTC"));
    let event = |name: &str, whose: &str| {
        json!({ "id": "one", "transactionId": name, "start": start, "end": end,
            "singleValueExtendedProperties": marked(whose) })
    };
    for (said, ours) in [
        (vec![(201, event(&key, "apt_1"))], true),
        (vec![(201, event(&key.to_uppercase(), "apt_1"))], true),
        (vec![(201, event(&key, "apt_2"))], false),
        (vec![(201, event("another", "apt_1"))], false),
        (
            vec![(409, json!({})), (200, json!({ "value": [event("x", "apt_1"), event(&key, "apt_1")] }))],
            true,
        ),
        (vec![(409, json!({})), (200, json!({ "value": [event("x", "apt_1")] }))], false),
        (vec![(409, json!({})), (200, json!({ "value": [] }))], false),
    ] {
        let graph = Graph::saying(said).await;
        let made =
            graph.calendars().create(&access("t"), &place("UTC"), &draft(1, NINE, TEN), PATIENCE).await;
        match made {
            Ok(event) => assert!(ours && event.appointment == Some("apt_1".parse().unwrap())),
            Err(Error::NotOurs) => assert!(!ours),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_way_into_a_meeting_online_is_not_overwritten_when_it_is_moved() {
    for online in [true, false] {
        let (start, end) = (moment("2026-11-20T09:00:00", "UTC"), moment("2026-11-20T10:00:00", "UTC"));
        let event = json!({ "id": "one", "isOnlineMeeting": online, "start": start, "end": end });
        let graph = Graph::saying([(200, event)]).await;
        let (id, draft) = (EventId("one".to_owned()), invited(draft(1, NINE, TEN)));
        graph.calendars().change(&access("t"), &place("UTC"), &id, None, &draft, PATIENCE).await.unwrap();
        let sent = graph.sent().pop().unwrap();
        assert_eq!((sent.method.as_str(), sent.body.get("body").is_none()), ("PATCH", online));
        assert!(sent.body.get("attendees").is_none(), "nobody whom staff have invited is taken off");
    }
}

#[tokio::test]
async fn calendars_are_listed_with_what_may_be_done_and_the_zone_of_the_mailbox_or_of_its_working_hours() {
    let list = json!({ "value": [
        { "id": "a", "name": "Calendar\n\u{202e}", "canEdit": true, "isDefaultCalendar": true,
            "owner": { "address": "ada@example.com" } },
        { "id": "b", "name": null, "canEdit": false },
        { "name": "none" },
    ] });
    let hidden = (403, json!({ "error": { "code": "ErrorAccessDenied" } }));
    let hours = json!({ "value": [{ "scheduleItems": [], "workingHours": { "timeZone": { "name": "Tokyo Standard Time" } } }] });
    for (answers, zone) in [
        (vec![(200, json!({ "timeZone": "Pacific Standard Time" }))], "America/Los_Angeles"),
        (vec![hidden.clone(), (200, hours)], "Asia/Tokyo"),
        (vec![(200, json!({ "timeZone": "Customized Time Zone" })), hidden.clone()], "UTC"),
        (vec![hidden.clone(), (200, json!({ "value": [] }))], "UTC"),
    ] {
        let graph = Graph::saying([vec![(200, list.clone())], answers].concat()).await;
        let listed = graph.calendars().list(&access("t"), None, PATIENCE).await.unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|one| {
                (
                    one.place.calendar.as_str(),
                    one.name.as_str(),
                    one.primary,
                    one.access,
                    one.place.zone.name(),
                )
            })
            .collect();
        let expected = [
            ("a", "Calendar", true, CalendarAccess::Write, zone),
            ("b", "", false, CalendarAccess::Read, zone),
        ];
        assert_eq!(listed, expected);
    }
}

#[tokio::test]
async fn a_room_that_shows_no_calendar_is_known_by_when_it_is_taken_and_silence_is_not_free() {
    let hidden = (403, json!({ "error": { "code": "ErrorAccessDenied" } }));
    let item = json!({ "status": "busy", "start": moment("2026-11-20T09:00:00.0000000", "UTC"),
        "end": moment("2026-11-20T10:00:00.0000000", "UTC") });
    let free = json!({ "status": "free", "start": moment("2026-11-20T12:00:00.0000000", "UTC"),
        "end": moment("2026-11-20T13:00:00.0000000", "UTC") });
    let open = json!({ "value": [{ "scheduleItems": [item, free] }] });
    let graph = Graph::saying([hidden, (200, open.clone())]).await;
    let listed = graph.calendars().list(&access("t"), Some("room@example.com"), PATIENCE).await.unwrap();
    let [room] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((room.primary, room.access), (true, CalendarAccess::FreeBusy));
    let failed =
        |code: &str| json!({ "value": [{ "scheduleItems": [], "error": { "responseCode": code } }] });
    for (said, means) in [
        (open, None),
        (failed("ErrorMailRecipientNotFound"), Some(Unknown::NotThere)),
        (failed("ErrorNoFreeBusyAccess"), Some(Unknown::NotSaid)),
        (json!({ "value": [] }), Some(Unknown::NotSaid)),
        (json!({ "value": [{ "scheduleId": "room@example.com" }] }), Some(Unknown::NotSaid)),
        (json!({ "value": [{ "scheduleItems": [{ "status": "free" }] }] }), Some(Unknown::NotSaid)),
    ] {
        let graph = Graph::saying([(200, said.clone())]).await;
        let calendars = graph.calendars();
        let day = range("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        let busy = calendars.busy(&access("t"), &[&room.place], day, PATIENCE).await.unwrap();
        match (&busy[0], means) {
            (Busy::Known(taken), None) => assert_eq!((taken.len(), taken[0].time), (1, range(NINE, TEN))),
            (Busy::Unknown(why), Some(means)) => assert_eq!(*why, means, "{said}"),
            (busy, _) => panic!("{said}: {busy:?}"),
        }
    }
}

/// Everything that is asked, once each way, of a Graph whose answers fit all of it.
async fn everything(mailbox: Option<&str>) -> Graph {
    let graph = Graph::silent().await;
    let answer = json!({
        "id": "one", "start": moment("2026-11-20T09:00:00", "UTC"), "end": moment("2026-11-20T10:00:00", "UTC"),
        "expirationDateTime": "2026-11-27T09:00:00Z", "value": [], "timeZone": "no zone at all",
        "@odata.deltaLink": format!("{}/me/calendars/x/calendarView/delta?$deltatoken=1", graph.address),
    });
    graph.answers.lock().unwrap().push_back((200, None, answer.to_string()));
    let (calendars, who) = (graph.calendars(), access("a-token"));
    let place = Place { mailbox: mailbox.map(str::to_owned), ..place("Europe/Berlin") };
    let (id, day) = (EventId("one".to_owned()), range(NINE, TEN));
    let watching = Watching { id: "w".to_owned(), resource: None, until: at(TEN) };
    calendars.list(&who, mailbox, PATIENCE).await.unwrap();
    calendars.busy(&who, &[&place], day, PATIENCE).await.unwrap();
    calendars.events(&who, &place, day, PATIENCE).await.unwrap();
    calendars.event(&who, &place, &id, PATIENCE).await.unwrap();
    calendars.changes(&who, &place, &since(None), PATIENCE).await.unwrap();
    calendars.create(&who, &place, &draft(1, NINE, TEN), PATIENCE).await.unwrap();
    calendars.create(&who, &place, &invited(draft(2, NINE, TEN)), PATIENCE).await.unwrap();
    calendars.change(&who, &place, &id, Some("W/\"1\""), &draft(1, NINE, TEN), PATIENCE).await.unwrap();
    calendars.remove(&who, &place, &id, true, PATIENCE).await.unwrap();
    calendars.watch(&who, &place, &watch("https://desk.example/push", at(TEN)), PATIENCE).await.unwrap();
    calendars.renew(&who, &watching, at(TEN), PATIENCE).await.unwrap();
    calendars.unwatch(&who, &watching, PATIENCE).await.unwrap();
    graph
}

#[tokio::test]
async fn every_request_is_one_that_microsofts_description_knows() {
    let Some(spec) = spec("microsoft-graph-calendar.openapi.json") else { return };
    for mailbox in [None, Some("room+1@example.com")] {
        for sent in everything(mailbox).await.sent() {
            let path = sent.path.strip_prefix("/v1.0").unwrap().replace(CALENDAR, "{calendar-id}");
            let path =
                path.replace("users/room+1@example.com", "me").replace("/events/one", "/events/{event-id}");
            let path = path.replace("/subscriptions/w", "/subscriptions/{subscription-id}");
            let path = path.replace("/delta", "/delta()");
            let described = &spec["paths"][&path][sent.method.to_lowercase()];
            assert!(described.is_object(), "{} {path}", sent.method);
            let known: Vec<&str> = described["parameters"]
                .as_array()
                .map(|all| all.iter().filter_map(|one| one["name"].as_str()).collect())
                .unwrap_or_default();
            for (name, _) in &sent.query {
                // The description was made by hand; that a single event can be expanded is in the documentation.
                let expanded = name == "$expand" && path == "/me/events/{event-id}";
                assert!(expanded || known.contains(&name.as_str()), "{} {path} knows no {name}", sent.method);
            }
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            if let Some(schema) = schema["$ref"].as_str() {
                let schema = json!({ "$ref": schema, "components": spec["components"] });
                let wrong = errors(&jsonschema::draft202012::new(&schema).unwrap(), &sent.body);
                assert!(wrong.is_empty(), "{} {path}: {wrong:?}", sent.method);
            }
            let header = |name: &str| sent.headers.get(name).map_or("", |value| value.to_str().unwrap());
            assert!(
                header("prefer").starts_with(r#"IdType="ImmutableId", outlook.timezone="UTC""#),
                "{path}"
            );
            assert!(header("client-request-id").parse::<uuid::Uuid>().is_ok(), "{path}");
            assert_eq!(header("authorization"), "Bearer a-token");
        }
    }
}

#[tokio::test]
async fn what_is_written_says_when_and_what_in_plain_text_and_invites_only_who_is_to_be_invited() {
    let sent = everything(None).await.sent();
    let created: Vec<_> =
        sent.iter().filter(|one| one.method == "POST" && one.path.ends_with("/events")).collect();
    let [alone, invited] = created.as_slice() else { panic!("{created:?}") };
    assert_eq!(
        alone.body,
        json!({
            "transactionId": uuid::Uuid::from_u128(1).to_string(), "subject": "Check-up: Ada  Example",
            "body": { "contentType": "text", "content": "Ada Example\n<b>+49 30 1234567</b>" },
            "start": { "dateTime": "2026-11-20T09:00:00", "timeZone": "UTC" },
            "end": { "dateTime": "2026-11-20T10:00:00", "timeZone": "UTC" },
            "isAllDay": false, "showAs": "busy", "isReminderOn": false,
            "singleValueExtendedProperties": [
                { "id": "String {6d1f2c0e-8a43-4b9e-9d57-3f0c5b7e2a91} Name frontdesk_appointment", "value": "apt_1" }
            ],
        })
    );
    assert_eq!(
        invited.body["attendees"],
        json!([{ "type": "required", "emailAddress": { "address": "ada@example.com", "name": "Ada Example" } }])
    );
    let changed = sent.iter().find(|one| one.method == "PATCH" && one.path.ends_with("/events/one")).unwrap();
    assert_eq!(changed.headers["if-match"], "W/\"1\"");
    let watched = sent.iter().find(|one| one.path.ends_with("/subscriptions")).unwrap();
    assert_eq!(watched.body["resource"], format!("me/calendars/{CALENDAR}/events"));
}

#[test]
fn every_time_zone_of_windows_is_one_whose_rules_we_know() {
    assert!(WINDOWS_ZONES.len() > 130, "the table is whole");
    for (windows, iana) in WINDOWS_ZONES {
        assert!(calendar_zone(windows).is_some(), "{windows} is {iana}, which has no rules");
    }
    assert!(WINDOWS_ZONES.is_sorted_by(|one, next| one.0 < next.0), "it can be searched");
}

#[test]
fn a_time_zone_is_known_by_windows_name_and_by_the_worlds() {
    for (name, means) in [
        ("W. Europe Standard Time", Some("Europe/Berlin")),
        ("Europe/Berlin", Some("Europe/Berlin")),
        (" Pacific Standard Time ", Some("America/Los_Angeles")),
        ("UTC", Some("Etc/UTC")),
        ("", None),
        ("tzone://Microsoft/Custom", None),
        ("Customized Time Zone", None),
        ("Etc/Unknown", None),
        ("../etc/passwd\0", None),
    ] {
        let zone = calendar_zone(name);
        assert_eq!(zone.as_ref().map(frontdesk::domain::time::Zone::name), means, "{name}");
    }
}
