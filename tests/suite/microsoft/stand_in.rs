//! The stand-in for Microsoft, asked through the same door as Microsoft.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::Query, routing::any};
use frontdesk::{
    boot,
    calendars::{Access, Busy, Calendars, Error, Next, Since, Unknown, oauth::Oauth},
    domain::{
        calendar::{CalendarAccess, EventChange, EventId, Grant, Place, Vendor},
        time::TimeRange,
    },
    platform::clock::Clock,
    sim::{
        Faults,
        chance::Mix,
        microsoft::{Choice, Microsoft, PERSONAL_DIRECTORY, Setup, Trouble},
    },
};
use secrecy::SecretString;
use serde_json::json;

use super::{PATIENCE, at, draft, no_google, range, settings, watch};

const ADA: &str = "ada@practice.example";
const ROOM: &str = "room@practice.example";
const DIRECTORY: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const NINE: &str = "2026-11-20T09:00:00Z";
const TEN: &str = "2026-11-20T10:00:00Z";
const ELEVEN: &str = "2026-11-20T11:00:00Z";

/// Ada's calendar, to which she has let us in.
struct Scene {
    microsoft: Microsoft,
    faults: Faults,
    calendars: Calendars,
    who: Access,
    place: Place,
}

impl Scene {
    async fn open() -> Self {
        Self::of(DIRECTORY, Grant::Person).await
    }

    async fn of(directory: &str, grant: Grant) -> Self {
        boot::install_tls();
        let faults = Faults::default();
        let setup = Setup {
            clock: Clock::system(),
            client_id: "an-application".to_owned(),
            client_secret: "its-secret".to_owned(),
            redirect_uri: String::new(),
            faults: faults.clone(),
        };
        let base = "http://127.0.0.1:9";
        let known = Oauth::new(&no_google(), &settings(base, base), base, Clock::system()).unwrap();
        let redirect_uri = known.redirect_uri(Vendor::Microsoft);
        let microsoft = Microsoft::start(Setup { redirect_uri, ..setup }).await.unwrap();
        let main = microsoft.add_mailbox(ADA, directory, "W. Europe Standard Time");
        microsoft.add_mailbox(ROOM, directory, "Europe/Berlin");
        let own = settings(&microsoft.login_url(), &microsoft.api_url());
        let oauth = Oauth::new(&no_google(), &own, base, Clock::system()).unwrap();
        let begun = oauth.begin(Vendor::Microsoft, grant, None).unwrap();
        let back = microsoft.consent(begun.url.as_str(), &Choice::all(ADA)).await.unwrap();
        let back: url::Url = back.parse().unwrap();
        let token = match grant {
            Grant::Person => {
                let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
                let code = SecretString::from(code);
                oauth.redeem(Vendor::Microsoft, None, &code, &begun.verifier).await.unwrap().access
            }
            Grant::Organisation => {
                let tenant = back.query_pairs().find(|(name, _)| name == "tenant").unwrap().1.into_owned();
                oauth.of_organisation(&tenant).await.unwrap().access
            }
        };
        let calendars = Calendars::new(&no_google(), &own, Clock::system()).unwrap();
        let personal = directory == PERSONAL_DIRECTORY;
        let connection = "cnx_ada".parse().unwrap();
        let who = Access { connection, vendor: Vendor::Microsoft, token, personal };
        let mailbox = (grant == Grant::Organisation).then(|| ADA.to_owned());
        let place = Place { mailbox, calendar: main, zone: "Europe/Berlin".parse().unwrap() };
        Self { microsoft, faults, calendars, who, place }
    }

    /// Everything that has changed behind a mark, page after page, and the mark to go on from.
    async fn told(&self, mut mark: Option<String>) -> Result<(Vec<EventChange>, String, usize), Error> {
        let (mut told, mut pages) = (vec![], 0);
        loop {
            let since = Since { window: range("2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"), mark };
            let page = self.calendars.changes(&self.who, &self.place, &since, PATIENCE).await?;
            told.extend(page.changes);
            pages += 1;
            match page.next {
                Next::More(next) => mark = Some(next),
                Next::Later(next) => return Ok((told, next, pages)),
            }
        }
    }

    async fn busy(&self, time: TimeRange) -> Vec<Busy> {
        self.calendars.busy(&self.who, &[&self.place], time, PATIENCE).await.unwrap()
    }

    fn standing(&self) -> usize {
        self.microsoft.events(ADA, &self.place.calendar).len()
    }

    fn over(self) {
        assert_eq!(self.faults.all(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_appointment_is_written_moved_and_taken_back_and_each_is_seen_in_the_calendar() {
    for (directory, grant) in
        [(DIRECTORY, Grant::Person), (PERSONAL_DIRECTORY, Grant::Person), (DIRECTORY, Grant::Organisation)]
    {
        let scene = Scene::of(directory, grant).await;
        let (calendars, who, place) = (&scene.calendars, &scene.who, &scene.place);
        let first = draft(1, NINE, TEN);
        let made = calendars.create(who, place, &first, PATIENCE).await.unwrap();
        assert_eq!((made.time, &made.appointment), (range(NINE, TEN), &Some("apt_1".parse().unwrap())));
        let seen = calendars.event(who, place, &made.id, PATIENCE).await.unwrap().unwrap();
        assert_eq!(seen, made);
        let day = range("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        let events = calendars.events(who, place, day, PATIENCE).await.unwrap();
        assert_eq!((events.events, events.complete), (vec![made.clone()], true));
        let [Busy::Known(taken)] = &scene.busy(day).await[..] else { panic!("it is known") };
        assert_eq!(taken[0].time, range(NINE, TEN));

        let second = draft(1, TEN, ELEVEN);
        let etag = made.etag.as_deref();
        let moved = calendars.change(who, place, &made.id, etag, &second, PATIENCE).await.unwrap();
        assert_eq!((moved.time, &moved.id), (range(TEN, ELEVEN), &made.id));
        let stale = calendars.change(who, place, &made.id, etag, &first, PATIENCE).await;
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
        assert_eq!(scene.busy(range(NINE, TEN)).await, [Busy::Known(vec![])]);

        for _ in 0..2 {
            calendars.remove(who, place, &made.id, false, PATIENCE).await.unwrap();
        }
        assert_eq!(calendars.event(who, place, &made.id, PATIENCE).await.unwrap(), None);
        let gone = calendars.change(who, place, &made.id, None, &first, PATIENCE).await;
        assert!(matches!(gone, Err(Error::NotThere)), "{gone:?}");
        scene.over();
    }
}

#[tokio::test]
async fn an_appointment_whose_answer_was_lost_is_written_again_and_stands_there_once() {
    let scene = Scene::open().await;
    let draft = draft(1, NINE, TEN);
    for trouble in [Trouble::AnswerLost, Trouble::Broken(500), Trouble::Dropped, Trouble::Garbled] {
        scene.microsoft.trouble([trouble]);
        let lost = scene.calendars.create(&scene.who, &scene.place, &draft, PATIENCE).await;
        assert!(matches!(lost, Err(Error::Away(_) | Error::Garbled(_))), "{trouble:?}: {lost:?}");
    }
    let first = scene.calendars.create(&scene.who, &scene.place, &draft, PATIENCE).await.unwrap();
    let again = scene.calendars.create(&scene.who, &scene.place, &draft, PATIENCE).await.unwrap();
    assert_eq!((first.id, scene.standing()), (again.id, 1));
    scene.over();
}

#[tokio::test]
async fn under_every_kind_of_trouble_by_chance_each_appointment_stands_there_once() {
    let scene = Scene::open().await;
    let kinds = [
        Trouble::AnswerLost,
        Trouble::Twice,
        Trouble::Late(Duration::from_millis(20)),
        Trouble::Broken(502),
        Trouble::Dropped,
        Trouble::Garbled,
    ];
    let storm = |seed| Some(Mix::new(seed, kinds.map(|kind| (kind, 0.1))));
    let mut failed = 0;
    scene.microsoft.trouble_by_chance(storm(failed));
    for key in 1..=20 {
        let draft = draft(key, NINE, TEN);
        while scene.calendars.create(&scene.who, &scene.place, &draft, PATIENCE).await.is_err() {
            failed += 1;
            assert!(failed < 200, "it is never written");
            // An answer in between, so that nobody is left alone for failing too often.
            scene.microsoft.trouble_by_chance(None);
            scene.busy(range(NINE, TEN)).await;
            scene.microsoft.trouble_by_chance(storm(failed));
        }
    }
    assert!(failed > 0, "something went wrong");
    scene.microsoft.trouble_by_chance(None);
    assert_eq!(scene.standing(), 20);
}

#[tokio::test]
async fn changes_are_told_once_page_after_page_and_anew_when_the_mark_is_forgotten() {
    let scene = Scene::open().await;
    let calendar = &scene.place.calendar;
    let times = |n: u32| {
        let start = at(NINE).plus_minutes(i64::from(n) * 60);
        TimeRange { start, end: start.plus_minutes(30) }
    };
    let ids: Vec<_> = (0..600).map(|n| scene.microsoft.put_busy(ADA, calendar, times(n), at(NINE))).collect();
    let (told, mark, pages) = scene.told(None).await.unwrap();
    assert_eq!((told.len(), pages), (600, 3));
    let (told, mark, _) = scene.told(Some(mark)).await.unwrap();
    assert_eq!(told, []);

    scene.microsoft.move_event(ADA, calendar, &ids[0], times(1_000));
    scene.microsoft.delete_event(ADA, calendar, &ids[1]);
    scene.microsoft.put_busy(ADA, calendar, times(1_500), at(NINE));
    let (told, mark, _) = scene.told(Some(mark)).await.unwrap();
    assert_eq!(told.len(), 3);
    assert!(told.contains(&EventChange::Gone(EventId(ids[1].clone()))));
    let moved = told.iter().find_map(|change| match change {
        EventChange::Is(event) if event.id.0 == ids[0] => Some(event.time),
        _ => None,
    });
    assert_eq!(moved, Some(times(1_000)));

    scene.microsoft.forget_marks();
    let forgotten = scene.told(Some(mark)).await;
    assert!(matches!(forgotten, Err(Error::BeginAnew)), "{forgotten:?}");
    assert_eq!(scene.told(None).await.unwrap().0.len(), 600);
    scene.over();
}

#[tokio::test]
async fn of_a_calendar_with_more_than_is_listed_it_is_said_that_there_is_more() {
    let scene = Scene::open().await;
    for _ in 0..600 {
        scene.microsoft.put_busy(ADA, &scene.place.calendar, range(NINE, TEN), at(NINE));
    }
    let day = range("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let events = scene.calendars.events(&scene.who, &scene.place, day, PATIENCE).await.unwrap();
    assert_eq!((events.events.len(), events.complete), (500, false));
    let [Busy::Known(taken)] = &scene.busy(day).await[..] else { panic!("it is known") };
    assert_eq!(taken.len(), 600);
    scene.over();
}

#[tokio::test]
async fn calendars_are_listed_in_the_zone_of_their_mailbox_and_one_that_vanishes_is_not_free() {
    let scene = Scene::open().await;
    let shared = scene.microsoft.add_calendar(ADA, "Team", false);
    let listed = scene.calendars.list(&scene.who, None, PATIENCE).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|one| (one.place.calendar.as_str(), one.place.zone.name(), one.primary, one.access))
        .collect();
    let main = scene.place.calendar.as_str();
    let expected = [
        (main, "Europe/Berlin", true, CalendarAccess::Write),
        (shared.as_str(), "Europe/Berlin", false, CalendarAccess::Read),
    ];
    assert_eq!(listed, expected);
    let place = Place { calendar: shared.clone(), ..scene.place.clone() };
    let written = scene.calendars.create(&scene.who, &place, &draft(1, NINE, TEN), PATIENCE).await;
    assert!(matches!(written, Err(Error::Forbidden)), "{written:?}");
    scene.microsoft.remove_calendar(ADA, &shared);
    let asked = [&scene.place, &place];
    let busy = scene.calendars.busy(&scene.who, &asked, range(NINE, TEN), PATIENCE).await.unwrap();
    assert_eq!(busy, [Busy::Known(vec![]), Busy::Unknown(Unknown::NotThere)]);
    scene.over();
}

#[tokio::test]
async fn an_organisation_lists_each_of_its_mailboxes_and_no_others() {
    let scene = Scene::of(DIRECTORY, Grant::Organisation).await;
    let listed = scene.calendars.list(&scene.who, Some(ROOM), PATIENCE).await.unwrap();
    assert_eq!(listed[0].place.mailbox.as_deref(), Some(ROOM));
    let other = scene.calendars.list(&scene.who, Some("who@elsewhere.example"), PATIENCE).await;
    assert!(matches!(other, Err(Error::Refused { status: 404, .. })), "{other:?}");
    scene.over();
}

#[tokio::test]
async fn of_twenty_questions_at_once_four_are_asked_at_a_time() {
    let scene = Scene::open().await;
    scene.microsoft.trouble([Trouble::Late(Duration::from_millis(20)); 20]);
    let places = vec![&scene.place; 20];
    let busy = scene.calendars.busy(&scene.who, &places, range(NINE, TEN), PATIENCE).await.unwrap();
    assert_eq!(busy, vec![Busy::Known(vec![]); 20]);
    // The stand-in finds fault with a fifth one.
    scene.over();
}

#[tokio::test]
async fn an_access_that_has_expired_is_told_from_everything_else() {
    let scene = Scene::open().await;
    scene.microsoft.expire_access();
    let said = scene.calendars.busy(&scene.who, &[&scene.place], range(NINE, TEN), PATIENCE).await;
    assert!(matches!(said, Err(Error::Expired)), "{said:?}");
}

/// Somebody who gives back what proves that the address is right.
async fn listener() -> SocketAddr {
    let echo = |Query(query): Query<Vec<(String, String)>>| async move {
        let token = query.into_iter().find(|(name, _)| name == "validationToken");
        token.map(|(_, token)| token).unwrap_or_default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stand-in that ends with its test")]
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(echo))).await });
    addr
}

#[tokio::test]
async fn changes_are_watched_as_long_as_microsoft_allows_and_longer_when_asked_again() {
    let scene = Scene::open().await;
    let (calendars, who) = (&scene.calendars, &scene.who);
    let wish = Clock::system().now().plus_minutes(10_080);
    let watch = watch(&format!("http://{}/push", listener().await), wish);
    let watching = calendars.watch(who, &scene.place, &watch, PATIENCE).await.unwrap();
    assert!(watching.until < wish && watching.until > wish.plus_minutes(-120));
    let renewed = calendars.renew(who, &watching, wish.plus_minutes(30), PATIENCE).await.unwrap().unwrap();
    assert!(renewed.until > watching.until);
    for _ in 0..2 {
        calendars.unwatch(who, &watching, PATIENCE).await.unwrap();
    }
    assert_eq!(scene.microsoft.watchers(), 0);
    let gone = calendars.renew(who, &watching, wish, PATIENCE).await;
    assert!(matches!(gone, Err(Error::NotThere)), "{gone:?}");
    scene.over();
}

#[tokio::test]
async fn what_staff_have_made_of_an_event_does_not_keep_it_from_being_moved() {
    let scene = Scene::open().await;
    let made =
        scene.calendars.create(&scene.who, &scene.place, &draft(1, NINE, TEN), PATIENCE).await.unwrap();
    scene.microsoft.move_event(ADA, &scene.place.calendar, &made.id.0, range(TEN, ELEVEN));
    let etag = made.etag.as_deref();
    let stale = scene
        .calendars
        .change(&scene.who, &scene.place, &made.id, etag, &draft(1, NINE, TEN), PATIENCE)
        .await;
    assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    let seen = scene.calendars.event(&scene.who, &scene.place, &made.id, PATIENCE).await.unwrap().unwrap();
    assert_eq!((seen.time, &seen.appointment), (range(TEN, ELEVEN), &Some("apt_1".parse().unwrap())));
    let etag = seen.etag.as_deref();
    let back = scene
        .calendars
        .change(&scene.who, &scene.place, &made.id, etag, &draft(1, NINE, TEN), PATIENCE)
        .await;
    assert_eq!(back.unwrap().time, range(NINE, TEN));
    let all_day = json!({ "isAllDay": true, "start": { "dateTime": "2026-11-20T00:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-11-21T00:00:00", "timeZone": "UTC" } });
    let id = scene.microsoft.put(ADA, &scene.place.calendar, all_day);
    let seen =
        scene.calendars.event(&scene.who, &scene.place, &EventId(id), PATIENCE).await.unwrap().unwrap();
    assert_eq!(seen.time, range("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"));
    scene.over();
}
