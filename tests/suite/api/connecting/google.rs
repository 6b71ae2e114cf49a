//! Connecting Google: setting out, coming back, connecting again, and parting.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, id, text, way};
use crate::support::{
    house::House,
    office::{Office, sent},
};

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
