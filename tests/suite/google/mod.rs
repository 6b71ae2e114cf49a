//! Google's calendars: what we ask, what we make of the answers, and whether both have the published shapes.

mod adapter;
mod consent;
mod manners;
mod oddities;
mod shapes;

use std::{num::NonZeroUsize, time::Duration};

use frontdesk::{
    calendars::{Access, Calendars, Draft, microsoft},
    domain::{
        calendar::{Place, Vendor},
        time::{TimeRange, Timestamp},
    },
    platform::{clock::Clock, ids},
    sim::{
        Faults,
        google::{Google, Role, Setup},
    },
};

const ANNA: &str = "anna@example.com";
const SHARED: &str = "team#1@group.calendar.example.com";
const SCOPES: [&str; 3] = ["calendar.events.owned", "calendar.freebusy", "calendar.calendarlist.readonly"];
const PATIENCE: Duration = Duration::from_secs(5);

/// A stand-in with an account, and somebody who asks it.
struct Scene {
    google: Google,
    calendars: Calendars,
    who: Access,
    place: Place,
}

impl Scene {
    async fn open() -> Self {
        let google = Google::start(Setup {
            clock: Clock::system(),
            client_id: "client".to_owned(),
            client_secret: "secret&+".to_owned(),
            redirect_uri: "http://127.0.0.1:9/back".to_owned(),
            faults: Faults::default(),
            keep_log: true,
        })
        .await
        .unwrap();
        google.account(ANNA, "Europe/Berlin");
        google.calendar(SHARED, "Team", "Nowhere/At-all", ANNA, Role::Writer);
        let settings = google.settings().unwrap();
        let calendars = Calendars::new(&settings, &nowhere(), Clock::system()).unwrap();
        let who = access(&google.access_token(ANNA, &SCOPES));
        Self { google, calendars, who, place: place(ANNA) }
    }
}

fn access(token: &str) -> Access {
    Access {
        connection: "cnx_google".parse().unwrap(),
        vendor: Vendor::Google,
        token: token.to_owned().into(),
        personal: false,
    }
}

fn nowhere() -> microsoft::Settings {
    microsoft::Settings {
        client_id: String::new(),
        client_secret: String::new().into(),
        directory: "common".to_owned(),
        login_url: "http://127.0.0.1:9".parse().unwrap(),
        api_url: "http://127.0.0.1:9".parse().unwrap(),
        requests_at_once: NonZeroUsize::new(4).unwrap(),
    }
}

fn place(calendar: &str) -> Place {
    Place { mailbox: None, calendar: calendar.to_owned(), zone: "Europe/Berlin".parse().unwrap() }
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn range(start: &str, end: &str) -> TimeRange {
    TimeRange { start: at(start), end: at(end) }
}

fn morning() -> TimeRange {
    range("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z")
}

fn draft(name: &str, time: TimeRange) -> Draft {
    Draft {
        key: ids::derived(&["draft", name]),
        appointment: format!("apt_{name}").parse().unwrap(),
        time,
        zone: "Europe/Berlin".parse().unwrap(),
        title: format!("Check-up\u{7}: {name}"),
        text: "Caller <b>Ada</b>\nNote\u{202e}".to_owned(),
        attendee: None,
    }
}
