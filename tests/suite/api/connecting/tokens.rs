//! What keeps the access alive once somebody has agreed, and what becomes of its tokens.

use std::{sync::Arc, time::Duration};

use frontdesk::{
    domain::outgoing::{Channel, Kind},
    platform::clock::Clock,
};
use reqwest::{Client, Method, redirect::Policy};
use serde_json::{Value, json};

use super::{CONSOLE, Scene, id, text};
use crate::support::{
    consent_pages::{Pages, SECRET},
    house::House,
    log::{self, Log},
    office::{Office, sent},
    postgres,
    practice::Practice,
};

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

/// One thread, so that whatever is logged on it is seen.
#[tokio::test]
async fn the_log_learns_no_token_no_code_and_no_secret() {
    if !log::alone(concat!(module_path!(), "::the_log_learns_no_token_no_code_and_no_secret")) {
        return;
    }
    let (log, _guard) = Log::keep();
    let scene = Scene::open().await;
    let connection = scene.connected().await;
    scene.pages.expire_access();
    assert_eq!(scene.test(&connection).await["works"], true, "with a new token");
    let resource = scene.owner.post("/api/resources", json!({ "name": "Ada" })).await.well();
    let at = format!("/api/resources/{}/calendars", text(&resource["id"]));
    let choice = json!({ "blocking": [id(&connection, "Rooms")], "target": id(&connection, "Practice") });
    sent(scene.owner.request(Method::PUT, &at).json(&choice)).await.well();
    scene.pages.withdraw();
    assert_eq!(scene.test(&connection).await["works"], false);
    let again = scene.connected().await;
    let at = format!("/api/calendars/connections/{}", text(&again["id"]));
    sent(scene.owner.request(Method::DELETE, &at)).await.well();
    scene.office.server.stop().await;
    let known: Vec<String> = scene.pages.inside().secrets.clone();
    assert!(known.len() >= 4, "{known:?}");
    log.has_none_of(known.iter().map(String::as_str).chain([SECRET]));
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
    let store = &scene.office.server.store;
    let tenant = scene.owner.tenant().parse().unwrap();
    let mut practice = Practice::named("ruf");
    practice.tenant = store.read(&tenant).await.unwrap().tenant().get().await.unwrap().unwrap();
    practice.keep(store).await;
    let mobile = json!({ "sms_number": "+4915112345678" });
    admin.patch("/users/me/notifications", mobile).await.well();
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
    let listed = scene.owner.get("/api/outgoing-calls").await.well();
    assert_eq!(listed["items"], json!([]), "her number is her own");
    let now = Clock::system().now().plus_minutes(1);
    let mut tx = store.read(&tenant).await.unwrap();
    let sent = tx.outgoing().next(now).await.unwrap().expect("a text message, to whoever wants one");
    assert_eq!((sent.kind, sent.channel), (Kind::Notice, Channel::Sms));
    assert_eq!((sent.to.as_str(), &sent.number), ("+4915112345678", &practice.number.id));
    assert!(
        tx.outgoing().noticed(&sent.to, now.plus_minutes(-60)).await.unwrap(),
        "and no other for some hours"
    );
    drop(tx);
    let words = sent.purpose;
    assert!(words.contains(&format!("{CONSOLE}/calendars")) && words.len() < 320, "{words}");
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
