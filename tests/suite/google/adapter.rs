//! Each question, and each class of answers.

use std::time::Duration;

use frontdesk::{
    calendars::{Busy, Error, Next, Since, Unknown, Watch, manners},
    domain::{
        availability::EventStatus,
        calendar::{CalendarAccess, EventChange, EventId},
    },
    platform::ids,
    sim::google::{Kind, Trouble},
};
use serde_json::json;

use super::{ANNA, PATIENCE, SCOPES, SHARED, Scene, access, at, draft, morning, place, range};

#[tokio::test]
async fn only_what_is_owned_can_be_read_and_written() {
    let scene = Scene::open().await;
    scene.google.pages(1, false);
    let listed = scene.calendars.list(&scene.who, None, PATIENCE).await.unwrap();
    let seen: Vec<_> =
        listed.iter().map(|one| (one.place.calendar.as_str(), one.primary, one.access)).collect();
    assert_eq!(seen, [(ANNA, true, CalendarAccess::Write), (SHARED, false, CalendarAccess::FreeBusy)]);
    assert_eq!(listed[0].place.zone.name(), "Europe/Berlin");
    assert_eq!(listed[1].place.zone.name(), "UTC", "an absurd zone");
    let not_ours = scene.calendars.events(&scene.who, &place(SHARED), morning(), PATIENCE).await;
    assert!(matches!(not_ours, Err(Error::Forbidden)), "{not_ours:?}");
}

#[tokio::test]
async fn what_cannot_be_said_is_not_free() {
    let scene = Scene::open().await;
    scene.google.insert(ANNA, morning(), "Meeting");
    scene.google.busy_error(SHARED, Some("internalError"));
    let (anna, team, gone) = (place(ANNA), place(SHARED), place("gone@example.com"));
    let day = range("2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z");
    let busy = scene.calendars.busy(&scene.who, &[&anna, &team, &gone, &anna], day, PATIENCE).await.unwrap();
    let Busy::Known(taken) = &busy[0] else { panic!("{busy:?}") };
    assert_eq!(taken.iter().map(|one| one.time).collect::<Vec<_>>(), [morning()]);
    assert_eq!(busy[1], Busy::Unknown(Unknown::NotSaid));
    assert_eq!(busy[2], Busy::Unknown(Unknown::NotThere));
    assert_eq!(busy[3], busy[0]);
    let year = range("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    let busy = scene.calendars.busy(&scene.who, &[&anna], year, PATIENCE).await.unwrap();
    assert!(matches!(&busy[0], Busy::Known(taken) if taken.len() == 1));
}

#[tokio::test]
async fn an_event_is_written_once_moved_and_taken_back() {
    let scene = Scene::open().await;
    let one = draft("one", morning());
    scene.google.trouble([Trouble::AnswerLost]);
    let lost = scene.calendars.create(&scene.who, &scene.place, &one, PATIENCE).await;
    assert!(matches!(lost, Err(Error::Away(_))), "{lost:?}");
    let made = scene.calendars.create(&scene.who, &scene.place, &one, PATIENCE).await.unwrap();
    assert_eq!((made.time, made.status), (morning(), EventStatus::Busy));
    assert_eq!(made.appointment, Some(one.appointment.clone()));
    assert!(made.made.is_some());
    let stored = &scene.google.events(ANNA)[0];
    assert_eq!(scene.google.event_count(ANNA), 1);
    assert_eq!(stored["summary"], "Check-up : one");
    assert_eq!(stored["description"], "Caller ‹b›Ada‹/b›\nNote");
    assert_eq!(stored["start"]["dateTime"], "2027-03-01T09:00:00+01:00");

    let later = range("2027-03-01T10:00:00Z", "2027-03-01T11:00:00Z");
    let two = draft("one", later);
    let seen = made.etag.as_deref();
    let whole_day = json!({ "start": { "dateTime": null, "date": "2027-03-01" }, "end": { "dateTime": null, "date": "2027-03-02" } });
    assert!(scene.google.edit(ANNA, &made.id.0, &whole_day));
    let stale = scene.calendars.change(&scene.who, &scene.place, &made.id, seen, &two, PATIENCE).await;
    assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    let moved =
        scene.calendars.change(&scene.who, &scene.place, &made.id, None, &two, PATIENCE).await.unwrap();
    assert_eq!((moved.id.clone(), moved.time), (made.id.clone(), later));

    for _ in 0..2 {
        scene.calendars.remove(&scene.who, &scene.place, &made.id, false, PATIENCE).await.unwrap();
    }
    let unknown = EventId("neverthere".to_owned());
    scene.calendars.remove(&scene.who, &scene.place, &unknown, true, PATIENCE).await.unwrap();
    assert_eq!(scene.calendars.event(&scene.who, &scene.place, &made.id, PATIENCE).await.unwrap(), None);
    let spent = scene.calendars.create(&scene.who, &scene.place, &one, PATIENCE).await;
    assert!(matches!(spent, Err(Error::NotThere)), "its name is never free again: {spent:?}");
    assert!(scene.google.faults().none(), "{:?}", scene.google.faults().all());
}

#[tokio::test]
async fn an_event_of_somebody_else_under_our_name_is_not_ours() {
    let scene = Scene::open().await;
    let ours =
        scene.calendars.create(&scene.who, &scene.place, &draft("one", morning()), PATIENCE).await.unwrap();
    let other = json!({ "extendedProperties": { "private": { "frontdesk_appointment": "apt_other" } } });
    assert!(scene.google.edit(ANNA, &ours.id.0, &other));
    let again = scene.calendars.create(&scene.who, &scene.place, &draft("one", morning()), PATIENCE).await;
    assert!(matches!(again, Err(Error::NotOurs)), "{again:?}");
}

/// Applies changes page after page; the events that are known then and the mark behind them.
pub(super) async fn follow(
    scene: &Scene,
    mark: Option<String>,
    known: &mut Vec<String>,
) -> Result<String, Error> {
    let mut since = Since { window: range("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"), mark };
    loop {
        let page = scene.calendars.changes(&scene.who, &scene.place, &since, PATIENCE).await?;
        for change in page.changes {
            match change {
                EventChange::Is(event) => {
                    known.retain(|id| *id != event.id.0);
                    known.push(event.id.0);
                }
                EventChange::Gone(id) => known.retain(|known| *known != id.0),
            }
        }
        match page.next {
            Next::More(mark) => since.mark = Some(mark),
            Next::Later(mark) => return Ok(mark),
        }
    }
}

#[tokio::test]
async fn changes_tell_all_there_is_then_only_what_changed_over_short_and_empty_pages() {
    let scene = Scene::open().await;
    scene.google.pages(3, true);
    let ids: Vec<String> = (0..10).map(|n| scene.google.insert(ANNA, morning(), &n.to_string())).collect();
    scene.google.insert(ANNA, range("2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z"), "before the window");
    let recurring = scene.google.put(
        ANNA,
        json!({ "start": { "dateTime": "2027-03-20T09:00:00+01:00", "timeZone": "Europe/Berlin" },
            "end": { "dateTime": "2027-03-20T10:00:00+01:00", "timeZone": "Europe/Berlin" },
            "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"] }),
    );
    let mut known = vec![];
    let mark = follow(&scene, None, &mut known).await.unwrap();
    assert_eq!(known.len(), 13);
    assert!(scene.google.delete(ANNA, &ids[0]));
    assert!(scene.google.delete(ANNA, &recurring));
    let added = scene.google.insert(ANNA, morning(), "added");
    let mark = follow(&scene, Some(mark), &mut known).await.unwrap();
    let mut wanted: Vec<String> = ids[1..].to_vec();
    wanted.push(added);
    wanted.sort();
    known.sort();
    assert_eq!(known, wanted);
    scene.google.forget_marks(ANNA);
    let forgotten = follow(&scene, Some(mark), &mut known).await;
    assert!(matches!(forgotten, Err(Error::BeginAnew)), "{forgotten:?}");
    let absurd = follow(&scene, Some("sync:absurd".to_owned()), &mut known).await;
    assert!(matches!(absurd, Err(Error::BeginAnew)), "{absurd:?}");
    assert!(scene.google.faults().none(), "{:?}", scene.google.faults().all());
}

#[tokio::test]
async fn events_of_a_range_come_with_their_occurrences_and_say_when_they_are_not_all() {
    let scene = Scene::open().await;
    scene.google.insert(ANNA, morning(), "one");
    scene.google.insert(ANNA, range("2027-03-01T09:00:00Z", "2027-03-01T10:00:00Z"), "behind it");
    let found = scene.calendars.events(&scene.who, &scene.place, morning(), PATIENCE).await.unwrap();
    assert_eq!((found.events.len(), found.complete), (1, true));
    scene.google.fill(ANNA, std::iter::repeat_n(morning(), 5_000));
    let found = scene.calendars.events(&scene.who, &scene.place, morning(), PATIENCE).await.unwrap();
    assert_eq!((found.events.len(), found.complete), (500, false));
}

#[tokio::test]
async fn each_class_of_answers_has_its_meaning() {
    type Check = fn(&Error) -> bool;
    let table: [(Trouble, Check); 19] = [
        (Trouble::Unauthorized, |error| matches!(error, Error::Expired)),
        (Trouble::Refused(401, "push.webhookUrlUnauthorized"), |error| {
            matches!(error, Error::Refused { .. })
        }),
        (Trouble::RateLimited("rateLimitExceeded"), |error| matches!(error, Error::TooMany { .. })),
        (Trouble::RateLimited("userRateLimitExceeded"), |error| matches!(error, Error::TooMany { .. })),
        (Trouble::RateLimited("quotaExceeded"), |error| matches!(error, Error::TooMany { .. })),
        (Trouble::Forbidden, |error| matches!(error, Error::Forbidden)),
        (Trouble::Refused(403, "insufficientPermissions"), |error| matches!(error, Error::Forbidden)),
        (
            Trouble::Refused(403, "accessNotConfigured"),
            |error| matches!(error, Error::Refused { status: 403, code } if code == "accessNotConfigured"),
        ),
        (Trouble::Refused(404, "notFound"), |error| matches!(error, Error::NotThere)),
        (Trouble::Refused(410, "deleted"), |error| matches!(error, Error::NotThere)),
        (Trouble::Refused(410, "fullSyncRequired"), |error| matches!(error, Error::BeginAnew)),
        (Trouble::Refused(410, "updatedMinTooLongAgo"), |error| matches!(error, Error::BeginAnew)),
        (Trouble::Refused(412, "conditionNotMet"), |error| matches!(error, Error::Stale)),
        (
            Trouble::TooMany(Some(7)),
            |error| matches!(error, Error::TooMany { retry_after: Some(time) } if *time == Duration::from_secs(7)),
        ),
        (Trouble::Broken(500), |error| matches!(error, Error::Away(None))),
        (Trouble::Broken(503), |error| matches!(error, Error::Away(None))),
        (Trouble::Dropped, |error| matches!(error, Error::Away(Some(_)))),
        (Trouble::Garbled, |error| matches!(error, Error::Garbled(_))),
        (Trouble::Long(9 * 1024 * 1024), |error| matches!(error, Error::Garbled("its answer is too long"))),
    ];
    for (trouble, fits) in table {
        // Each with manners of its own, so that none rests for another.
        let scene = Scene::open().await;
        // What is asked again is answered alike until there is no time left for that.
        let again = matches!(
            trouble,
            Trouble::RateLimited(_) | Trouble::TooMany(_) | Trouble::Broken(_) | Trouble::Dropped
        );
        let (times, patience) = if again { (8, 3 * manners::REPEAT_WAIT) } else { (1, PATIENCE) };
        scene.google.trouble(std::iter::repeat_n(trouble, times));
        let answer = scene.calendars.events(&scene.who, &scene.place, morning(), patience).await;
        let error = answer.expect_err("it went wrong");
        assert!(fits(&error), "{trouble:?} became {error:?}");
        assert!(!format!("{error:?}").contains(ANNA), "the address is somebody's name");
    }
}

#[tokio::test]
async fn a_scope_that_was_not_granted_means_that_the_consent_is_gone() {
    let scene = Scene::open().await;
    let who = access(&scene.google.access_token(ANNA, &SCOPES[1..]));
    let answer = scene.calendars.events(&who, &scene.place, morning(), PATIENCE).await;
    assert!(matches!(answer, Err(Error::ConsentGone(_))), "{answer:?}");
    scene.google.revoke(ANNA);
    let answer = scene.calendars.events(&scene.who, &scene.place, morning(), PATIENCE).await;
    assert!(matches!(answer, Err(Error::Expired)), "{answer:?}");
}

#[tokio::test]
async fn reading_is_repeated_and_writing_is_not() {
    let scene = Scene::open().await;
    scene.google.trouble([Trouble::Broken(500)]);
    scene.calendars.events(&scene.who, &scene.place, morning(), PATIENCE).await.unwrap();
    assert_eq!(scene.google.count(Kind::Events), 2);
    scene.google.trouble([Trouble::Broken(500)]);
    let answer = scene.calendars.create(&scene.who, &scene.place, &draft("one", morning()), PATIENCE).await;
    assert!(matches!(answer, Err(Error::Away(_))), "{answer:?}");
    assert_eq!((scene.google.count(Kind::Insert), scene.google.event_count(ANNA)), (1, 0));
}

#[tokio::test]
async fn a_channel_is_opened_and_closed_again() {
    let scene = Scene::open().await;
    let mut watch = Watch {
        id: ids::derived(&["channel"]),
        address: "http://127.0.0.1:9/hooks".to_owned(),
        lifecycle_address: String::new(),
        secret: "proof".to_owned().into(),
        until: at("2100-01-01T00:00:00Z"),
    };
    let watching = scene.calendars.watch(&scene.who, &scene.place, &watch, PATIENCE).await.unwrap();
    assert!(watching.until < watch.until, "less than wished for");
    assert_eq!(scene.google.channels(), 1);
    assert_eq!(scene.calendars.renew(&scene.who, &watching, watch.until, PATIENCE).await.unwrap(), None);
    for _ in 0..2 {
        scene.calendars.unwatch(&scene.who, &watching, PATIENCE).await.unwrap();
    }
    assert_eq!(scene.google.channels(), 0);
    watch.address = "http://example.com/hooks".to_owned();
    let refused = scene.calendars.watch(&scene.who, &scene.place, &watch, PATIENCE).await;
    assert!(matches!(refused, Err(Error::Refused { status: 400, .. })), "{refused:?}");
}
