//! Connecting calendars at Microsoft: a person's own, and a whole organisation's.

use frontdesk::{
    platform::clock::Clock,
    sim::{
        Faults,
        microsoft::{Choice, Microsoft, PERSONAL_DIRECTORY, Setup},
    },
};
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};

use crate::support::{
    house::{House, KEY},
    office::{Asker, Office},
};

/// Where the world believes the server to be.
const PUBLIC: &str = "https://voice.example.com";
const CONSOLE: &str = "https://console.example";
const PRACTICE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const NEIGHBOURS: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const ANNA: &str = "anna@practice.example";
const ROOM: &str = "room1@practice.example";

/// A server, Microsoft, and the owner of a tenant.
struct Scene {
    microsoft: Microsoft,
    faults: Faults,
    office: Office,
    owner: Asker,
    client: Client,
}

impl Scene {
    async fn open() -> Self {
        let faults = Faults::default();
        let setup = Setup {
            clock: Clock::system(),
            client_id: "an-application".to_owned(),
            client_secret: "its-secret".to_owned(),
            redirect_uri: format!("{PUBLIC}/calendars/microsoft/callback"),
            faults: faults.clone(),
        };
        let microsoft = Microsoft::start(setup).await.unwrap();
        microsoft.add_mailbox(ANNA, PRACTICE, "W. Europe Standard Time");
        let house = House::new()
            .with("HTTP__PUBLIC_URL", PUBLIC)
            .with("HTTP__CONSOLE_URL", CONSOLE)
            .with("SECRETS__KEY", KEY)
            .with("MICROSOFT__CLIENT_ID", "an-application")
            .with("MICROSOFT__CLIENT_SECRET", "its-secret")
            .with("MICROSOFT__LOGIN_URL", &microsoft.login_url())
            .with("MICROSOFT__API_URL", &microsoft.api_url());
        let office = Office::open_in(house).await;
        let owner = office.owner("alpha").await;
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { microsoft, faults, office, owner, client }
    }

    async fn set_out(&self, by: &Asker, wanted: Value) -> (String, String) {
        let answer = by.post("/api/calendars/connections", wanted).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let (cookie, _) = answer.header("set-cookie").unwrap().split_once(';').unwrap();
        (text(&answer.body["url"]), cookie.to_owned())
    }

    /// The browser goes where Microsoft sends it; where it is sent on to.
    async fn land(&self, back: &str, cookie: &str) -> String {
        let own = format!("http://{}", self.office.server.addr);
        let here = back.replacen(PUBLIC, &own, 1);
        let answer = self.client.get(here).header("cookie", cookie).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "{back}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn through(&self, wanted: Value, choice: &Choice) -> String {
        let (page, cookie) = self.set_out(&self.owner, wanted).await;
        let back = self.microsoft.consent(&page, choice).await.unwrap();
        self.land(&back, &cookie).await
    }

    async fn show(&self, landed: &str) -> Value {
        let id = landed
            .strip_prefix(&format!("{CONSOLE}/calendars?connected="))
            .unwrap_or_else(|| panic!("{landed}"));
        self.owner.get(&format!("/api/calendars/connections/{id}")).await.well()
    }

    async fn ask(&self, connection: &Value, what: &str, body: Value) -> crate::support::office::Answer {
        let id = text(&connection["id"]);
        self.owner.post(&format!("/api/calendars/connections/{id}/{what}"), body).await
    }

    /// An administrator agrees and signs in; where her browser ends.
    async fn administrator(&self, by: &Asker, account: &str) -> String {
        let (page, cookie) = self.set_out(by, organisation()).await;
        let back =
            self.microsoft.consent(&format!("{page}&as={account}"), &Choice::all(account)).await.unwrap();
        let onward = self.land(&back, &cookie).await;
        assert!(onward.starts_with(&self.microsoft.login_url()), "she is sent on to sign in: {onward}");
        let back = self.microsoft.consent(&onward, &Choice::all(account)).await.unwrap();
        self.land(&back, &cookie).await
    }

    async fn leave(self) {
        assert_eq!(self.faults.all(), Vec::<String>::new(), "Microsoft was asked as it wants to be asked");
        self.office.server.stop().await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn person() -> Value {
    json!({ "vendor": "microsoft" })
}

fn organisation() -> Value {
    json!({ "vendor": "microsoft", "grant": "organisation" })
}

fn problem(landed: &str) -> &str {
    landed.strip_prefix(&format!("{CONSOLE}/calendars?problem=")).unwrap_or_else(|| panic!("{landed}"))
}

#[tokio::test]
async fn a_person_connects_her_calendars_at_work_and_at_home() {
    let scene = Scene::open().await;
    scene.microsoft.add_calendar(ANNA, "Holidays", false);
    scene.microsoft.add_mailbox("anna@outlook.example", PERSONAL_DIRECTORY, "Europe/Berlin");
    for (account, calendars) in [(ANNA, 2), ("anna@outlook.example", 1)] {
        let connection = scene.show(&scene.through(person(), &Choice::all(account)).await).await;
        assert_eq!(connection["account"], account);
        assert_eq!(connection["calendars"].as_array().unwrap().len(), calendars);
        let tested = scene.ask(&connection, "test", Value::Null).await.well();
        assert_eq!(tested["works"], true, "{account}: {tested}");
    }
    let all = scene.owner.get("/api/calendars").await.well();
    assert_eq!(all["connections"].as_array().unwrap().len(), 2);
    scene.leave().await;
}

#[tokio::test]
async fn who_refuses_or_unticks_at_microsoft_connects_nothing() {
    let scene = Scene::open().await;
    let refused = Choice { deny: true, ..Choice::all(ANNA) };
    assert_eq!(problem(&scene.through(person(), &refused).await), "refused");
    let unticked = Choice { untick: vec!["Calendars.ReadWrite".to_owned()], ..Choice::all(ANNA) };
    assert_eq!(problem(&scene.through(person(), &unticked).await), "withheld&missing=writing");
    let passing = Choice { untick: vec!["offline_access".to_owned()], ..Choice::all(ANNA) };
    assert_eq!(problem(&scene.through(person(), &passing).await), "withheld&missing=lasting");
    assert_eq!(scene.owner.get("/api/calendars").await.well()["connections"], json!([]));
    scene.leave().await;
}

#[tokio::test]
async fn an_access_at_microsoft_is_renewed_until_it_is_taken_back() {
    let scene = Scene::open().await;
    let connection = scene.show(&scene.through(person(), &Choice::all(ANNA)).await).await;
    scene.microsoft.expire_access();
    assert_eq!(scene.ask(&connection, "test", Value::Null).await.well()["works"], true);
    let other = scene.show(&scene.through(person(), &Choice::all(ANNA)).await).await;
    assert_eq!(other["id"], connection["id"], "the same account is the same connection");
    scene.office.server.stop().await;

    let scene = Scene::open().await;
    let connection = scene.show(&scene.through(person(), &Choice::all(ANNA)).await).await;
    scene.microsoft.revoke(ANNA);
    assert_eq!(scene.ask(&connection, "test", Value::Null).await.well()["works"], false);
    let shown = scene.owner.get("/api/calendars").await.well();
    assert_eq!(shown["connections"][0]["state"], "reconnect");
    assert!(text(&shown["connections"][0]["problem"]).contains("lapsed"), "{shown}");
    // Somebody else's account does not take its place; her own does.
    scene.microsoft.add_mailbox("ben@practice.example", PRACTICE, "Europe/Berlin");
    let again = json!({ "vendor": "microsoft", "connection": connection["id"] });
    let other = scene.through(again.clone(), &Choice::all("ben@practice.example")).await;
    assert_eq!(problem(&other), "other_account");
    let own = scene.show(&scene.through(again, &Choice::all(ANNA)).await).await;
    assert_eq!((&own["id"], &own["state"]), (&connection["id"], &json!("connected")));
    assert_eq!(own["calendars"], connection["calendars"]);
    scene.leave().await;
}

#[tokio::test]
async fn an_administrator_connects_her_organisation_room_by_room() {
    let scene = Scene::open().await;
    scene.microsoft.add_mailbox(ROOM, PRACTICE, "Europe/Berlin");
    scene.microsoft.add_mailbox("ada@neighbours.example", NEIGHBOURS, "Europe/Berlin");
    let landed = scene.administrator(&scene.owner, ANNA).await;
    let connection = scene.show(&landed).await;
    assert_eq!(
        (&connection["grant"], &connection["account"]),
        (&json!("organisation"), &json!("practice.example"))
    );
    assert_eq!(connection["calendars"], json!([]), "mailboxes are named one by one");
    assert_eq!(scene.ask(&connection, "test", Value::Null).await.well()["works"], true);
    let shown = scene.ask(&connection, "mailboxes", json!({ "address": ROOM })).await.well();
    let room = &shown["calendars"][0];
    assert_eq!((&room["mailbox"], &room["access"]), (&json!(ROOM), &json!("write")));
    let shown = scene.ask(&connection, "mailboxes", json!({ "address": ANNA })).await.well();
    assert_eq!(shown["calendars"].as_array().unwrap().len(), 2);
    for stranger in ["nobody@practice.example", "ada@neighbours.example", "no address"] {
        let refused = scene.ask(&connection, "mailboxes", json!({ "address": stranger })).await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/address"]),
            "{stranger}: {}",
            refused.body
        );
    }
    assert_eq!(scene.ask(&connection, "test", Value::Null).await.well()["works"], true);
    let refreshed = scene.ask(&connection, "refresh", Value::Null).await.well();
    assert_eq!(refreshed["calendars"].as_array().unwrap().len(), 2);
    // Her own connection has no rooms.
    let own = scene.show(&scene.through(person(), &Choice::all(ANNA)).await).await;
    assert_eq!(scene.ask(&own, "mailboxes", json!({ "address": ROOM })).await.status, 409);
    // Connected once more, it is the same, with its rooms.
    let again = scene.show(&scene.administrator(&scene.owner, ANNA).await).await;
    assert_eq!((&again["id"], &again["calendars"]), (&connection["id"], &refreshed["calendars"]));
    // It is nobody else's.
    let other = scene.office.owner("beta").await;
    assert_eq!(problem(&scene.administrator(&other, ANNA).await), "other_tenant");
    scene.leave().await;
}

#[tokio::test]
async fn nobody_connects_an_organisation_that_is_not_theirs() {
    let scene = Scene::open().await;
    scene.microsoft.add_mailbox("eve@elsewhere.example", NEIGHBOURS, "Europe/Berlin");
    // The practice's administrator has agreed to the application once, at whatever tenant.
    let before = scene.set_out(&scene.owner, organisation()).await;
    scene.microsoft.consent(&format!("{}&as={ANNA}", before.0), &Choice::all(ANNA)).await.unwrap();
    // Somebody else says that she is the practice's.
    let eve = scene.office.owner("eve").await;
    let (page, cookie) = scene.set_out(&eve, organisation()).await;
    let account = "eve@elsewhere.example";
    let back = scene.microsoft.consent(&format!("{page}&as={account}"), &Choice::all(account)).await.unwrap();
    let forged = back.replace(NEIGHBOURS, PRACTICE);
    assert_ne!(forged, back);
    let onward = scene.land(&forged, &cookie).await;
    assert!(onward.contains(PRACTICE));
    // She signs in as who she is.
    let back = scene.microsoft.consent(&onward, &Choice::all(account)).await.unwrap();
    assert_eq!(problem(&scene.land(&back, &cookie).await), "other_account");
    // And what is no organisation's id goes nowhere.
    let (page, cookie) = scene.set_out(&eve, organisation()).await;
    let back = scene.microsoft.consent(&format!("{page}&as={account}"), &Choice::all(account)).await.unwrap();
    for none in ["common", "..%2F..%2Fadmin", "", "evil.example"] {
        let forged = back.replace(NEIGHBOURS, none);
        let landed = scene.land(&forged, &cookie).await;
        assert!(["code", "stale"].contains(&problem(&landed)), "{none}: {landed}");
    }
    assert_eq!(eve.get("/api/calendars").await.well()["connections"], json!([]));
    scene.leave().await;
}
