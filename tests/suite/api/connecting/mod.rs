//! Connecting calendars: to a vendor's page of consent and back, and what keeps the access alive.

mod google;
mod microsoft;
mod tokens;

use frontdesk::{boot, platform::clock::Clock, telephony::PublicUrl};
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::{
    consent_pages::Pages,
    house::House,
    office::{Answer, Asker, Office},
};

pub(super) const CONSOLE: &str = "https://console.example";

/// A server with both vendors, and the owner of a tenant on it.
pub(super) struct Scene {
    pub(super) pages: Pages,
    pub(super) office: Office,
    pub(super) owner: Asker,
    pub(super) client: Client,
}

/// Where a browser is on its way to.
pub(super) struct Way {
    pub(super) url: String,
    pub(super) cookie: String,
}

/// What a browser was told at the end.
pub(super) struct Landed {
    pub(super) status: u16,
    pub(super) to: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) page: String,
}

impl Scene {
    pub(super) async fn open() -> Self {
        Self::open_in(House::new().with("HTTP__CONSOLE_URL", CONSOLE)).await
    }

    pub(super) async fn open_in(house: House) -> Self {
        let pages = Pages::open().await;
        let office = Office::open_in(pages.in_house(house)).await;
        let owner = office.owner("alpha").await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { pages, office, owner, client }
    }

    pub(super) async fn set_out(&self, wanted: Value) -> Way {
        way(&self.owner.post("/api/calendars/connections", wanted).await)
    }

    /// A browser comes back, with or without its cookie.
    pub(super) async fn land(&self, url: &str, cookie: Option<&str>) -> Landed {
        let mut request = self.client.get(url).header("accept-language", "de-DE,de;q=0.9,en;q=0.5");
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("other=1; {cookie}"));
        }
        let answer = request.send().await.unwrap();
        let field = |name: &str| answer.headers().get(name).map(|field| field.to_str().unwrap().to_owned());
        Landed {
            status: answer.status().as_u16(),
            to: field("location"),
            cookie: field("set-cookie"),
            page: answer.text().await.unwrap(),
        }
    }

    /// All the way there and back; what the browser was told.
    pub(super) async fn through(&self, wanted: Value) -> Landed {
        let way = self.set_out(wanted).await;
        let back = self.pages.agree(&way.url).await;
        self.land(&back, Some(&way.cookie)).await
    }

    /// Connects Google; the connection as it is shown.
    pub(super) async fn connected(&self) -> Value {
        let landed = self.through(json!({ "vendor": "google" })).await;
        self.show(&landed.connection()).await
    }

    pub(super) async fn show(&self, connection: &str) -> Value {
        self.owner.get(&format!("/api/calendars/connections/{connection}")).await.well()
    }

    pub(super) async fn test(&self, connection: &Value) -> Value {
        let id = connection["id"].as_str().unwrap();
        self.owner.post(&format!("/api/calendars/connections/{id}/test"), Value::Null).await.well()
    }

    /// The mails to an address that are in the outbox: subject and words.
    pub(super) async fn mails_to(&self, address: &str) -> Vec<(String, String)> {
        let (config, store) = (self.office.house.config(), &self.office.server.store);
        let keys = boot::keys(&config, store, Clock::system()).await.unwrap();
        let public = PublicUrl::local(self.office.server.addr);
        let people = boot::people(&config, store, &public, &keys).unwrap();
        let mails = people.mails(None, 200).await.unwrap().items.into_iter();
        mails
            .filter(|opened| opened.mail.recipient.as_str() == address)
            .map(|opened| (opened.mail.subject, opened.body.unwrap()))
            .collect()
    }

    pub(super) async fn database(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.office.house.path("frontdesk.db").display());
        SqliteConnection::connect(&url).await.unwrap()
    }
}

impl Landed {
    #[track_caller]
    pub(super) fn problem(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.page);
        self.to.as_ref().unwrap().strip_prefix(&format!("{CONSOLE}/calendars?problem=")).unwrap()
    }

    #[track_caller]
    pub(super) fn connection(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.page);
        let to = self.to.as_ref().unwrap();
        to.strip_prefix(&format!("{CONSOLE}/calendars?connected="))
            .unwrap_or_else(|| panic!("{to}"))
            .to_owned()
    }
}

#[track_caller]
pub(super) fn way(answer: &Answer) -> Way {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["__Host-frontdesk-consent=", "Max-Age=600", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{part} is missing in {cookie}");
    }
    let (pair, _) = cookie.split_once(';').unwrap();
    Way { url: text(&answer.body["url"]), cookie: pair.to_owned() }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

pub(super) fn id<'v>(connection: &'v Value, calendar: &str) -> &'v str {
    let calendars = connection["calendars"].as_array().unwrap();
    calendars.iter().find(|known| known["name"] == calendar).unwrap()["id"].as_str().unwrap()
}
