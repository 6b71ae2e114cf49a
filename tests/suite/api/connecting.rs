//! Connecting calendars: to a vendor's page of consent and back, and what keeps the access alive.

use std::{sync::Arc, time::Duration};

use frontdesk::{boot, platform::clock::Clock, telephony::PublicUrl};
use reqwest::{Client, Method, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::support::{
    consent_pages::Pages,
    house::House,
    office::{Answer, Asker, Office, sent},
    postgres,
};

const CONSOLE: &str = "https://console.example";

/// A server with both vendors, and the owner of a tenant on it.
struct Scene {
    pages: Pages,
    office: Office,
    owner: Asker,
    client: Client,
}

/// Where a browser is on its way to.
struct Way {
    url: String,
    cookie: String,
}

/// What a browser was told at the end.
struct Landed {
    status: u16,
    to: Option<String>,
    cookie: Option<String>,
    page: String,
}

impl Scene {
    async fn open() -> Self {
        Self::open_in(House::new().with("HTTP__CONSOLE_URL", CONSOLE)).await
    }

    async fn open_in(house: House) -> Self {
        let pages = Pages::open().await;
        let office = Office::open_in(pages.in_house(house)).await;
        let owner = office.owner("alpha").await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { pages, office, owner, client }
    }

    async fn set_out(&self, wanted: Value) -> Way {
        way(&self.owner.post("/api/calendars/connections", wanted).await)
    }

    /// A browser comes back, with or without its cookie.
    async fn land(&self, url: &str, cookie: Option<&str>) -> Landed {
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
    async fn through(&self, wanted: Value) -> Landed {
        let way = self.set_out(wanted).await;
        let back = self.pages.agree(&way.url).await;
        self.land(&back, Some(&way.cookie)).await
    }

    /// Connects Google; the connection as it is shown.
    async fn connected(&self) -> Value {
        let landed = self.through(json!({ "vendor": "google" })).await;
        self.show(&landed.connection()).await
    }

    async fn show(&self, connection: &str) -> Value {
        self.owner.get(&format!("/api/calendars/connections/{connection}")).await.well()
    }

    async fn test(&self, connection: &Value) -> Value {
        let id = connection["id"].as_str().unwrap();
        self.owner.post(&format!("/api/calendars/connections/{id}/test"), Value::Null).await.well()
    }

    /// The mails to an address that are in the outbox: subject and words.
    async fn mails_to(&self, address: &str) -> Vec<(String, String)> {
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

    async fn database(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.office.house.path("frontdesk.db").display());
        SqliteConnection::connect(&url).await.unwrap()
    }
}

impl Landed {
    #[track_caller]
    fn problem(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.page);
        self.to.as_ref().unwrap().strip_prefix(&format!("{CONSOLE}/calendars?problem=")).unwrap()
    }

    #[track_caller]
    fn connection(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.page);
        let to = self.to.as_ref().unwrap();
        to.strip_prefix(&format!("{CONSOLE}/calendars?connected="))
            .unwrap_or_else(|| panic!("{to}"))
            .to_owned()
    }
}

#[track_caller]
fn way(answer: &Answer) -> Way {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["__Host-frontdesk-consent=", "Max-Age=600", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{part} is missing in {cookie}");
    }
    let (pair, _) = cookie.split_once(';').unwrap();
    Way { url: text(&answer.body["url"]), cookie: pair.to_owned() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn id<'v>(connection: &'v Value, calendar: &str) -> &'v str {
    let calendars = connection["calendars"].as_array().unwrap();
    calendars.iter().find(|known| known["name"] == calendar).unwrap()["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_admin_connects_google_and_chooses_what_counts() {
    let scene = Scene::open().await;
    let before = scene.owner.get("/api/calendars").await.well();
    assert_eq!(before, json!({ "offered": ["google", "microsoft"], "connections": [] }));
    let landed = scene.through(json!({ "vendor": "google", "grant": "person" })).await;
    let connection = scene.show(&landed.connection()).await;
    assert!(landed.cookie.unwrap().contains("Max-Age=0"), "the browser is not bound any longer");
    assert_eq!(connection["account"], "owner@practice.example");
    assert_eq!((&connection["state"], &connection["problem"]), (&json!("connected"), &Value::Null));
    let access: Vec<(&Value, &Value)> = connection["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|calendar| (&calendar["name"], &calendar["access"]))
        .collect();
    assert_eq!(access.len(), 3);
    assert!(access.contains(&(&json!("Practice"), &json!("write"))));
    assert_eq!(
        scene.test(&connection).await,
        json!({
            "works": true,
            "list": { "works": true, "calendars": 3, "problem": null },
            "busy": { "works": true, "calendars": 3, "problem": null }
        })
    );
    let resource = scene.owner.post("/api/resources", json!({ "name": "Ada" })).await.well();
    let at = format!("/api/resources/{}/calendars", text(&resource["id"]));
    assert_eq!(scene.owner.get(&at).await.well(), json!({ "blocking": [], "target": null }));
    let (own, holidays) = (id(&connection, "Practice"), id(&connection, "Holidays"));
    let put = |body: Value| sent(scene.owner.request(Method::PUT, &at).json(&body));
    let chosen = put(json!({ "blocking": [holidays], "target": own })).await.well();
    assert_eq!(chosen["target"], own);
    let mut blocking: Vec<&str> =
        chosen["blocking"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let mut expected = vec![own, holidays];
    blocking.sort_unstable();
    expected.sort_unstable();
    assert_eq!(blocking, expected, "the target blocks, too");
    let refused = put(json!({ "blocking": [own, own, "cal_nobody"], "target": holidays })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/blocking/1", "/blocking/2", "/target"]));
    assert_eq!(scene.owner.get(&at).await.well(), chosen, "nothing is half chosen");
    scene.office.server.stop().await;
}

#[tokio::test]
async fn a_state_is_good_once_in_one_browser_for_one_vendor_and_ten_minutes() {
    let scene = Scene::open().await;
    let wanted = || json!({ "vendor": "google" });
    let way = scene.set_out(wanted()).await;
    let back = scene.pages.agree(&way.url).await;
    // Another browser may not even use it up.
    assert_eq!(scene.land(&back, None).await.problem(), "other_browser");
    let other = scene.set_out(wanted()).await;
    assert_eq!(scene.land(&back, Some(&other.cookie)).await.problem(), "other_browser");
    scene.land(&back, Some(&way.cookie)).await.connection();
    assert_eq!(scene.land(&back, Some(&way.cookie)).await.problem(), "stale", "it was used");
    assert_eq!(scene.pages.asked("authorization_code"), 1, "a code is exchanged once");

    let foreign = back.replace("state=", "state=x");
    assert_eq!(
        scene.land(&foreign, Some(&way.cookie)).await.problem(),
        "stale",
        "nobody has set out with it"
    );
    let (path, _) = back.split_once('?').unwrap();
    assert_eq!(scene.land(path, Some(&way.cookie)).await.problem(), "stale", "there is none");

    let elsewhere = scene.pages.agree(&other.url).await.replace("/google/", "/microsoft/");
    assert_eq!(scene.land(&elsewhere, Some(&other.cookie)).await.problem(), "other_vendor");
    let nowhere = elsewhere.replace("/microsoft/", "/apple/");
    assert_eq!(scene.land(&nowhere, Some(&other.cookie)).await.status, 404);

    let late = scene.set_out(wanted()).await;
    let back = scene.pages.agree(&late.url).await;
    let mut database = scene.database().await;
    sqlx::query("UPDATE calendar_consents SET expires_at = 1 WHERE used_at IS NULL")
        .execute(&mut database)
        .await
        .unwrap();
    assert_eq!(scene.land(&back, Some(&late.cookie)).await.problem(), "stale", "it took too long");
    assert_eq!(scene.pages.asked("authorization_code"), 1, "no other code was shown to anybody");
    scene.office.server.stop().await;
}

#[tokio::test]
async fn a_code_is_of_use_to_nobody_else() {
    let scene = Scene::open().await;
    let (first, second) = (
        scene.set_out(json!({ "vendor": "google" })).await,
        scene.set_out(json!({ "vendor": "google" })).await,
    );
    let stolen = scene.pages.agree(&first.url).await;
    let own = scene.pages.agree(&second.url).await;
    let code = |back: &str| {
        let url = url::Url::parse(back).unwrap();
        url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    };
    // Somebody puts another's code into a way of their own: the verifier is not that code's.
    let mixed = own.replace(&code(&own), &code(&stolen));
    assert_eq!(scene.land(&mixed, Some(&second.cookie)).await.problem(), "code");
    // The code is spent for whoever it was given to, and they are told to begin again.
    assert_eq!(scene.land(&stolen, Some(&first.cookie)).await.problem(), "code");
    let way = scene.set_out(json!({ "vendor": "google" })).await;
    let back = scene.pages.agree(&way.url).await;
    // A code of Microsoft's is none of Google's.
    let microsoft = scene.set_out(json!({ "vendor": "microsoft" })).await;
    let foreign = back.replace(&code(&back), &code(&scene.pages.agree(&microsoft.url).await));
    scene.pages.inside().instead.push_back((400, json!({ "error": "invalid_grant" })));
    assert_eq!(scene.land(&foreign, Some(&way.cookie)).await.problem(), "code");
    assert_eq!(scene.owner.get("/api/calendars").await.well()["connections"], json!([]));
    scene.office.server.stop().await;
}

#[tokio::test]
async fn who_refuses_or_unticks_is_told_in_plain_words() {
    let scene = Scene::open().await;
    scene.pages.inside().refuses = true;
    assert_eq!(scene.through(json!({ "vendor": "google" })).await.problem(), "refused");
    scene.pages.inside().refuses = false;
    scene.pages.inside().unticked = vec!["calendar.events.owned".to_owned(), "calendar.freebusy".to_owned()];
    let landed = scene.through(json!({ "vendor": "google" })).await;
    assert_eq!(landed.problem(), "withheld&missing=writing,free_busy");
    scene.pages.inside().unticked = vec!["Calendars.ReadWrite".to_owned()];
    assert_eq!(scene.through(json!({ "vendor": "microsoft" })).await.problem(), "withheld&missing=writing");
    assert_eq!(
        scene.owner.get("/api/calendars").await.well()["connections"],
        json!([]),
        "nothing is half connected"
    );
    assert_eq!(scene.pages.inside().revoked.len(), 0, "what else was agreed to stays");
    scene.office.server.stop().await;
}

#[tokio::test]
async fn without_a_console_a_plain_page_says_what_came_of_it() {
    let scene = Scene::open_in(House::new()).await;
    scene.pages.inside().unticked = vec!["calendar.events.owned".to_owned()];
    let landed = scene.through(json!({ "vendor": "google" })).await;
    assert_eq!((landed.status, landed.to), (400, None));
    assert!(landed.page.contains("Termine in Ihre Kalender einzutragen"), "{}", landed.page);
    scene.pages.inside().unticked.clear();
    let landed = scene.through(json!({ "vendor": "google" })).await;
    assert_eq!(landed.status, 200);
    assert!(
        landed.page.contains("<html lang=\"de\">") && landed.page.contains("verbunden"),
        "{}",
        landed.page
    );
    // Nothing of what comes from outside is shown.
    let url = format!("http://{}/calendars/google/callback", scene.office.server.addr);
    let landed = scene.land(&format!("{url}?state=%3Cb%3Ehello&error=%3Cscript%3E&code=hello"), None).await;
    assert!(landed.status == 400 && !landed.page.contains("hello") && !landed.page.contains("script"));
    scene.office.server.stop().await;
}

#[tokio::test]
async fn only_a_person_who_may_write_and_is_still_there_connects() {
    let scene = Scene::open().await;
    let wanted = || json!({ "vendor": "google" });
    for role in ["member", "viewer"] {
        let asker = scene.office.member(&scene.owner, "someone", role).await;
        assert_eq!(asker.post("/api/calendars/connections", wanted()).await.status, 403, "{role}");
        assert_eq!(asker.get("/api/calendars").await.status, 200, "{role} looks on");
    }
    let key = json!({ "name": "everything", "scopes": ["calendars:read", "calendars:write"] });
    let key = scene.owner.post("/api/api-keys", key).await.well();
    let program = scene.office.bearer(key["key"].as_str().unwrap());
    assert_eq!(
        program.post("/api/calendars/connections", wanted()).await.status,
        403,
        "a program has no browser"
    );
    assert_eq!(program.get("/api/calendars").await.status, 200);

    let admin = scene.office.member(&scene.owner, "anna", "admin").await;
    let way = way(&admin.post("/api/calendars/connections", wanted()).await);
    let back = scene.pages.agree(&way.url).await;
    scene.owner.delete(&format!("/api/members/{}", admin.user())).await.well();
    assert_eq!(scene.land(&back, Some(&way.cookie)).await.problem(), "not_allowed", "she has left meanwhile");
    assert_eq!(scene.pages.asked("authorization_code"), 0);
    scene.office.server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_connected_is_refused_before_anybody_sets_out() {
    let scene = Scene::open().await;
    let refused = |body: Value| async { scene.owner.post("/api/calendars/connections", body).await };
    let answer = refused(json!({ "vendor": "apple", "grant": "everybody", "connection": "1" })).await;
    assert_eq!((answer.status, answer.pointers()), (422, vec!["/vendor", "/grant", "/connection"]));
    let answer = refused(json!({ "vendor": "google", "grant": "organisation" })).await;
    assert_eq!((answer.status, answer.pointers()), (422, vec!["/grant"]));
    scene.office.server.stop().await;

    let office = Office::open_in(House::new()).await;
    let owner = office.owner("alpha").await;
    let answer = owner.post("/api/calendars/connections", json!({ "vendor": "google" })).await;
    assert_eq!(
        (answer.status, answer.pointers()),
        (422, vec!["/vendor"]),
        "nobody has registered an application"
    );
    office.server.stop().await;
    let house = House::new().with("GOOGLE__CLIENT_ID", "x").with("GOOGLE__CLIENT_SECRET", "x");
    let office = Office::open_in(house).await;
    let owner = office.owner("alpha").await;
    let answer = owner.post("/api/calendars/connections", json!({ "vendor": "google" })).await;
    assert_eq!(answer.status, 409, "there is no key to seal tokens with: {}", answer.body);
    office.server.stop().await;
}

#[tokio::test]
async fn tokens_are_sealed_and_nowhere_else() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    scene.pages.expire_access();
    assert_eq!(scene.test(&connection).await["works"], true);
    let audit = scene.owner.get("/api/audit?limit=200").await.well().to_string();
    let shown = scene.owner.get("/api/calendars").await.well().to_string();
    let secrets = scene.pages.inside().secrets.clone();
    assert!(secrets.len() >= 4, "a code, a refresh token, two access tokens");
    // Whole writes may still stand in the log of the database: both files are looked through.
    let mut bytes = std::fs::read(scene.office.house.path("frontdesk.db")).unwrap();
    bytes.extend(std::fs::read(scene.office.house.path("frontdesk.db-wal")).unwrap_or_default());
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "a token lies open in the database");
        assert!(!audit.contains(&secret) && !shown.contains(&secret), "a token is shown");
    }
    scene.office.server.stop().await;
}

#[tokio::test]
async fn an_expired_access_is_renewed_once_however_many_ask() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    scene.pages.expire_access();
    let gate = Arc::clone(&scene.pages.inside().gate);
    let closed = gate.lock().await;
    let asking = async {
        let all = (0..8).map(|_| scene.test(&connection));
        futures_util::future::join_all(all).await
    };
    let opening = async {
        // Everybody has been turned away before the one renewal is answered.
        wait(|| scene.pages.inside().turned_away == 8 && scene.pages.asked("refresh_token") == 1).await;
        drop(closed);
    };
    let (all, ()) = tokio::join!(asking, opening);
    assert!(all.iter().all(|tested| tested["works"] == true), "{all:?}");
    assert_eq!(scene.pages.asked("refresh_token"), 1);
    scene.office.server.stop().await;
}

#[tokio::test]
async fn two_servers_on_one_database_renew_an_access_once() {
    let url = postgres::fresh_url().await;
    let house = || House::new().with("HTTP__CONSOLE_URL", CONSOLE).with("DATABASE__URL", &url);
    let scene = Scene::open_in(house()).await;
    let other = Office::open_in(scene.pages.in_house(house())).await;
    let connection = scene.connected().await;
    let at = format!("/api/calendars/connections/{}/test", text(&connection["id"]));
    let there = other.bearer(scene.owner.token.as_ref().unwrap());
    let (renewals, gate) = (scene.pages.asked("refresh_token"), Arc::clone(&scene.pages.inside().gate));
    scene.pages.expire_access();
    let closed = gate.lock().await;
    let asking = async { tokio::join!(scene.owner.post(&at, Value::Null), there.post(&at, Value::Null)) };
    let opening = async {
        wait(|| scene.pages.inside().turned_away == 2 && scene.pages.asked("refresh_token") > renewals).await;
        drop(closed);
    };
    let ((here, there), ()) = tokio::join!(asking, opening);
    assert_eq!((here.well()["works"].clone(), there.well()["works"].clone()), (json!(true), json!(true)));
    assert_eq!(scene.pages.asked("refresh_token"), renewals + 1);
    scene.office.server.stop().await;
    other.server.stop().await;
}

#[tokio::test]
async fn a_withdrawn_consent_is_told_once_and_never_asked_about_again() {
    let scene = Scene::open().await;
    let admin = scene.office.member(&scene.owner, "anna", "admin").await;
    scene.office.member(&scene.owner, "ben", "viewer").await;
    let connection = scene.connected().await;
    let before = scene.mails_to("anna@admin.example").await.len();
    scene.pages.withdraw();
    let tests = (0..4).map(|_| scene.test(&connection));
    for tested in futures_util::future::join_all(tests).await {
        assert_eq!(tested["works"], false);
        assert_eq!(tested["list"]["problem"], "it must be connected again");
    }
    assert_eq!(scene.pages.asked("refresh_token"), 1, "the vendor was asked once");
    let turned_away = scene.pages.inside().turned_away;
    for _ in 0..3 {
        scene.test(&connection).await;
    }
    assert_eq!((scene.pages.asked("refresh_token"), scene.pages.inside().turned_away), (1, turned_away));
    let shown = scene.show(connection["id"].as_str().unwrap()).await;
    assert_eq!(shown["state"], "reconnect");
    assert!(text(&shown["problem"]).contains("withdrawn"), "{shown}");
    let told = scene.mails_to("anna@admin.example").await;
    assert_eq!(told.len(), before + 1, "one mail");
    let (subject, words) = told.last().unwrap();
    assert!(
        subject.contains("Google") && words.contains(&format!("{CONSOLE}/calendars")),
        "{subject}: {words}"
    );
    assert_eq!(scene.mails_to("owner@alpha.example").await.len(), 1);
    assert!(
        scene.mails_to("ben@viewer.example").await.iter().all(|(subject, _)| !subject.contains("Google"))
    );
    let audit = admin.get("/api/audit").await.well();
    let lost = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "calendar_connection.lost");
    assert_eq!(lost.count(), 1);
    scene.office.server.stop().await;
}

#[tokio::test]
async fn connecting_again_keeps_the_connection_its_calendars_and_every_choice() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    let resource = scene.owner.post("/api/resources", json!({ "name": "Ada" })).await.well();
    let at = format!("/api/resources/{}/calendars", text(&resource["id"]));
    let choice = json!({ "blocking": [id(&connection, "Rooms")], "target": id(&connection, "Practice") });
    let chosen = sent(scene.owner.request(Method::PUT, &at).json(&choice)).await.well();
    scene.pages.withdraw();
    scene.test(&connection).await;
    let again = json!({ "vendor": "google", "connection": connection["id"] });
    // Another account is not taken in its place.
    let own = scene.pages.inside().calendars.clone();
    scene.pages.inside().calendars = vec![
        json!({ "id": "other@practice.example", "summary": "Other", "primary": true, "accessRole": "owner" }),
    ];
    assert_eq!(scene.through(again.clone()).await.problem(), "other_account");
    assert_eq!(scene.show(connection["id"].as_str().unwrap()).await["state"], "reconnect");
    // The same one is, although one of its calendars has gone.
    scene.pages.inside().calendars = own[..2].to_vec();
    let landed = scene.through(again).await;
    assert_eq!(landed.connection(), connection["id"].as_str().unwrap());
    let shown = scene.show(&landed.connection()).await;
    assert_eq!((&shown["state"], &shown["problem"]), (&json!("connected"), &Value::Null));
    let ids = |of: &Value| -> Vec<String> {
        of["calendars"].as_array().unwrap().iter().map(|calendar| text(&calendar["id"])).collect()
    };
    assert_eq!(ids(&shown), ids(&connection));
    let there = |name: &str| {
        shown["calendars"].as_array().unwrap().iter().find(|known| known["name"] == name).unwrap()["there"]
            .clone()
    };
    assert_eq!((there("Practice"), there("Holidays")), (json!(true), json!(false)));
    assert_eq!(scene.owner.get(&at).await.well(), chosen);
    assert_eq!(scene.test(&connection).await["works"], true);
    // Whoever connects the same account as if it were new has it once.
    assert_eq!(scene.connected().await["id"], connection["id"]);
    // What vanishes cannot be chosen anew.
    let refused = json!({ "blocking": [id(&connection, "Holidays")], "target": null });
    let refused = sent(scene.owner.request(Method::PUT, &at).json(&refused)).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/blocking/0"]));
    // It comes back with the vendor's list.
    scene.pages.inside().calendars = own;
    let path = format!("/api/calendars/connections/{}/refresh", text(&connection["id"]));
    let refreshed = scene.owner.post(&path, Value::Null).await.well();
    assert!(refreshed["calendars"].as_array().unwrap().iter().all(|calendar| calendar["there"] == true));
    scene.office.server.stop().await;
}

#[tokio::test]
async fn disconnecting_gives_the_tokens_back_and_keeps_what_was_chosen() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    let resource = scene.owner.post("/api/resources", json!({ "name": "Ada" })).await.well();
    let at = format!("/api/resources/{}/calendars", text(&resource["id"]));
    let choice = json!({ "blocking": [], "target": id(&connection, "Practice") });
    let chosen = sent(scene.owner.request(Method::PUT, &at).json(&choice)).await.well();
    let path = format!("/api/calendars/connections/{}", text(&connection["id"]));
    let stale = scene.owner.request(Method::DELETE, &path).header("If-Match", "\"7\"");
    assert_eq!(sent(stale).await.status, 412);
    assert_eq!(scene.owner.delete(&path).await.status, 204);
    let given_back = scene.pages.inside().revoked.clone();
    assert!(given_back.len() == 1 && given_back[0].contains("refresh"), "{given_back:?}");
    assert_eq!(scene.owner.delete(&path).await.status, 204, "what is disconnected is disconnected");
    assert_eq!(scene.pages.inside().revoked.len(), 1);
    let shown = scene.owner.get(&path).await.well();
    assert_eq!((&shown["state"], shown["calendars"].as_array().unwrap().len()), (&json!("disconnected"), 3));
    assert_eq!(scene.owner.get(&at).await.well(), chosen);
    assert_eq!(scene.test(&connection).await["list"]["problem"], "it is disconnected");
    let mut database = scene.database().await;
    let kept = "SELECT COUNT(*) FROM calendar_connections WHERE refresh_token IS NOT NULL OR access_token IS NOT NULL";
    let (kept,): (i64,) = sqlx::query_as(kept).fetch_one(&mut database).await.unwrap();
    assert_eq!(kept, 0, "nothing that lets one in is kept");
    // The way back is to connect it again.
    let again = scene.through(json!({ "vendor": "google", "connection": connection["id"] })).await;
    assert_eq!(again.connection(), connection["id"].as_str().unwrap());
    assert_eq!(scene.owner.get(&at).await.well(), chosen);
    scene.office.server.stop().await;
}

#[tokio::test]
async fn an_account_that_others_have_connected_too_keeps_its_tokens() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    let other = scene.office.owner("beta").await;
    let way = way(&other.post("/api/calendars/connections", json!({ "vendor": "google" })).await);
    let back = scene.pages.agree(&way.url).await;
    let theirs = scene.land(&back, Some(&way.cookie)).await.connection();
    let path = format!("/api/calendars/connections/{}", text(&connection["id"]));
    scene.owner.delete(&path).await;
    assert!(scene.pages.inside().revoked.is_empty(), "Google would take both away");
    scene.pages.expire_access();
    let tested = other.post(&format!("/api/calendars/connections/{theirs}/test"), Value::Null).await.well();
    assert_eq!(tested["works"], true);
    scene.office.server.stop().await;
}

#[tokio::test]
async fn a_vendor_that_is_away_costs_nobody_their_consent() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    scene.pages.expire_access();
    scene.pages.inside().instead.push_back((503, json!({ "error": "temporarily_unavailable" })));
    let tested = scene.test(&connection).await;
    assert_eq!((&tested["works"], &tested["list"]["problem"]), (&json!(false), &json!("it does not answer")));
    let asked = scene.pages.asked("refresh_token");
    let tested = scene.test(&connection).await;
    assert_eq!(tested["list"]["problem"], "it is left alone for a while");
    assert_eq!(scene.pages.asked("refresh_token"), asked, "it is left alone for a while");
    assert_eq!(scene.show(connection["id"].as_str().unwrap()).await["state"], "connected");
    until_well(&scene, &connection).await;
    scene.office.server.stop().await;
}

#[tokio::test]
async fn an_application_that_is_not_accepted_is_the_operators_to_mend() {
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    scene.pages.expire_access();
    let expired = json!({ "error": "invalid_client", "error_description": "AADSTS7000222: expired" });
    scene.pages.inside().instead.push_back((401, expired));
    let tested = scene.test(&connection).await;
    assert!(text(&tested["list"]["problem"]).contains("secret has expired"), "{tested}");
    assert_eq!(scene.show(connection["id"].as_str().unwrap()).await["state"], "connected");
    assert!(scene.mails_to("owner@alpha.example").await.is_empty(), "the tenant can do nothing about it");
    scene.office.server.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_off_by_minutes_does_not_matter() {
    let pages = Pages::open().await;
    for minutes in [-4, 4] {
        let clock = Clock::showing(Clock::system().now().plus_minutes(minutes));
        let house = House::new()
            .with("HTTP__CONSOLE_URL", CONSOLE)
            .with("RATE_LIMITS__AUTHENTICATION", "1000")
            .with("RATE_LIMITS__STRANGERS", "1000");
        let office = Office::open_as_it_is(pages.in_house(house), clock).await;
        let owner = office.owner("alpha").await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let scene = Scene { pages: Pages::open().await, office, owner, client };
        let way = scene.set_out(json!({ "vendor": "google" })).await;
        let back = pages.agree(&way.url).await;
        let connection = scene.show(&scene.land(&back, Some(&way.cookie)).await.connection()).await;
        let before = pages.asked("refresh_token");
        assert_eq!(scene.test(&connection).await["works"], true);
        assert_eq!(pages.asked("refresh_token"), before, "the access is good as it is");
        scene.office.server.stop().await;
    }
}

/// Tests the connection until it works: a vendor that failed is left alone for seconds.
async fn until_well(scene: &Scene, connection: &Value) {
    let tried = tokio::time::timeout(Duration::from_secs(20), async {
        while scene.test(connection).await["works"] != true {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    tried.await.unwrap();
}

/// Waits for a condition, with a limit.
async fn wait(mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("what was waited for");
}
