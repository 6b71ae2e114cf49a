//! Telephone numbers: bought once, set up, answered, given back.

mod accounts;
mod desk;
mod pages;

use frontdesk::{
    app::numbers::{self, ORDER_MINUTES_MAX},
    jobs::Hands,
    platform::clock::Clock,
    sim::twilio::numbers::Mishap,
    store::{Lane, Work},
};
use reqwest::Method;
use serde_json::{Value, json};

use self::desk::{Desk, OFFERED, OPERATOR, PUBLIC};
use crate::support::{
    house::House,
    office::{Asker, sent},
    postgres,
};

async fn only(by: &Asker) -> Value {
    let list = by.get("/api/numbers").await.well();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

async fn none(by: &Asker) {
    assert_eq!(by.get("/api/numbers").await.well()["items"], json!([]));
}

#[tokio::test]
async fn what_twilio_has_to_sell_is_shown_as_it_is_looked_for() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let found = owner.get("/api/numbers/available?country=DE&contains=*1002&limit=5").await.well();
    assert_eq!(found["next_cursor"], Value::Null);
    assert_eq!(
        found["items"],
        json!([{
            "number": OFFERED[1], "country": "DE", "region": "Berlin", "locality": "Berlin", "voice": true,
            "address": "none", "beta": false
        }])
    );
    for kind in ["local", "mobile", "toll-free"] {
        let path = format!("/api/numbers/available?country=DE&kind={kind}&area_code=30");
        assert_eq!(owner.get(&path).await.well()["items"].as_array().unwrap().len(), 3, "{kind}");
    }
    let nowhere = owner.get("/api/numbers/available?country=XX").await.well();
    assert_eq!(nowhere["items"], json!([]), "in no such country nothing is to be had");
    for wrong in
        ["", "?country=de", "?country=DE&kind=fax", "?country=DE&limit=51", "?country=DE&area_code=x"]
    {
        let answer = owner.get(&format!("/api/numbers/available{wrong}")).await;
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{wrong}");
    }
    desk.close().await;
}

async fn bought_once(house: House) {
    let desk = Desk::open_in(house).await;
    let owner = desk.office.owner("sommer").await;
    let wanted = json!({ "number": OFFERED[0], "language": "de" });
    desk.exchange.go_wrong([Mishap::AnswerLost]);
    let lost = desk.buy(&owner, "mine", wanted.clone()).await;
    assert_eq!((lost.status, lost.problem()), (503, "unavailable"));
    assert!(lost.header("retry-after").is_some());
    let other = desk.buy(&owner, "mine", json!({ "number": OFFERED[1], "language": "de" })).await;
    assert_eq!((other.status, other.problem()), (409, "conflict"), "the key belongs to another order");

    let bought = desk.buy(&owner, "mine", wanted.clone()).await;
    assert_eq!(bought.status, 201, "{}", bought.body);
    let again = desk.buy(&owner, "mine", wanted.clone()).await;
    assert_eq!((again.status, &again.body), (201, &bought.body), "the same request has the same answer");
    assert_eq!(again.header("location"), bought.header("location"));
    assert_eq!(desk.exchange.purchases(), 1, "it was looked for before it was asked for again");
    assert_eq!(desk.exchange.owned().len(), 1);
    assert_eq!(only(&owner).await, bought.body);
    assert_eq!(bought.body["setup"], json!({ "state": "done", "problem": null }));
    let held = &desk.exchange.owned()[0];
    assert_eq!(held.setting("VoiceUrl"), format!("{PUBLIC}/twilio/voice"));
    assert_eq!(held.setting("VoiceFallbackUrl"), format!("{PUBLIC}/twilio/voice"));
    assert_eq!(held.setting("StatusCallback"), format!("{PUBLIC}/twilio/status"));

    let unkeyed = owner.post("/api/numbers", wanted).await;
    assert_eq!((unkeyed.status, unkeyed.problem()), (409, "conflict"), "she has it already");
    let actions = owner.get("/api/audit").await.well();
    let actions: Vec<&str> =
        actions["items"].as_array().unwrap().iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert!(actions.contains(&"number.ordered") && actions.contains(&"number.created"), "{actions:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_bought_once_although_the_answer_was_lost_on_sqlite() {
    bought_once(House::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_bought_once_although_the_answer_was_lost_on_postgres() {
    let url = postgres::fresh_url().await;
    bought_once(House::new().with("DATABASE__URL", &url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_of_the_same_order_at_once_buy_one_number() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let wanted = json!({ "number": OFFERED[0], "language": "de" });
    let answers = (0..10).map(|_| desk.buy(&owner, "mine", wanted.clone()));
    let answers = futures_util::future::join_all(answers).await;
    for answer in &answers {
        assert!(matches!(answer.status, 201 | 503), "{} {}", answer.status, answer.body);
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    let last = desk.buy(&owner, "mine", wanted).await;
    assert_eq!((last.status, &last.body), (201, &only(&owner).await));
    assert_eq!((desk.exchange.purchases(), desk.exchange.owned().len()), (1, 1));
    desk.close().await;
}

#[tokio::test]
async fn an_order_that_its_request_left_behind_is_finished_by_a_job_that_looks_first() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let store = &desk.office.server.store;
    let tenant = owner.tenant().parse().unwrap();
    desk.exchange.go_wrong([Mishap::AnswerLost]);
    let lost = desk.buy(&owner, "mine", json!({ "number": OFFERED[0], "language": "en" })).await;
    assert_eq!(lost.status, 503);
    none(&owner).await;
    let order = store.read(&tenant).await.unwrap().orders().by_key("mine").await.unwrap().unwrap();
    let later = order.created.plus_minutes(2);
    let jobs = store.across_tenants().take_jobs(later, later.plus_minutes(1), 10, Lane::Slow).await.unwrap();
    let wanted = Work::BuyNumber { order: order.id.clone() };
    let job = jobs.into_iter().find(|job| job.work == wanted).unwrap();
    let accounts = desk.accounts().await;
    desk.exchange.go_wrong([Mishap::Unauthorized]);
    let blind = numbers::carry_on(store, &accounts, &tenant, &order.id, later).await;
    assert!(blind.is_err(), "while nobody can look, nobody knows, and the order stays open");
    let hands = Hands {
        store: store.clone(),
        blobs: desk.office.server.blobs.clone(),
        keys: desk.office.server.keys.clone(),
        speech: desk.office.house.config().openai,
        accounts,
        calendars: desk.office.server.calendars.clone(),
        webhooks: desk.office.server.webhooks.clone(),
        clock: Clock::system(),
    };
    let handler = hands.handler();
    handler(job.clone()).await.unwrap();
    handler(job).await.unwrap();
    assert_eq!(only(&owner).await["number"], OFFERED[0]);
    assert_eq!((desk.exchange.purchases(), desk.exchange.owned().len()), (1, 1));

    // Of an order that broke before Twilio was told, nothing is left.
    desk.exchange.go_wrong([Mishap::TooMany(7)]);
    let busy = desk.buy(&owner, "second", json!({ "number": OFFERED[1], "language": "en" })).await;
    assert_eq!(busy.status, 503);
    let forgotten = store.read(&tenant).await.unwrap().orders().by_key("second").await.unwrap();
    assert_eq!(forgotten, None, "Twilio was never told, so there is nothing to go on with");
    desk.close().await;
}

#[tokio::test]
async fn an_order_nobody_can_fill_is_given_up_after_an_hour() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let store = &desk.office.server.store;
    let tenant = owner.tenant().parse().unwrap();
    desk.exchange.go_wrong([Mishap::AnswerLost]);
    let wanted = json!({ "number": OFFERED[0], "language": "en" });
    assert_eq!(desk.buy(&owner, "mine", wanted.clone()).await.status, 503);
    let order = store.read(&tenant).await.unwrap().orders().by_key("mine").await.unwrap().unwrap();
    desk.exchange.go_wrong([Mishap::Broken]);
    let late = order.created.plus_minutes(ORDER_MINUTES_MAX);
    numbers::carry_on(store, &desk.accounts().await, &tenant, &order.id, late).await.unwrap();
    let told = desk.buy(&owner, "mine", wanted).await;
    assert_eq!((told.status, told.problem()), (409, "declined"));
    desk.close().await;
}

#[tokio::test]
async fn what_twilio_refuses_is_told_and_the_number_stays_free_for_others() {
    let desk = Desk::open().await;
    let (sommer, winter) = (desk.office.owner("sommer").await, desk.office.owner("winter").await);
    let wanted = json!({ "number": OFFERED[0], "language": "de" });
    desk.exchange.go_wrong([Mishap::Taken]);
    let taken = desk.buy(&sommer, "a", wanted.clone()).await;
    assert_eq!((taken.status, taken.problem()), (409, "declined"));
    let again = desk.buy(&sommer, "a", wanted.clone()).await;
    assert_eq!(again.body, taken.body, "the same request has the same answer");
    desk.exchange.go_wrong([Mishap::Unauthorized]);
    let refused = desk.buy(&sommer, "b", wanted.clone()).await;
    assert_eq!((refused.status, refused.problem()), (409, "conflict"));
    none(&sommer).await;
    let nobody = desk.buy(&sommer, "c", json!({ "number": "+493099999999", "language": "de" })).await;
    assert_eq!((nobody.status, nobody.problem()), (409, "declined"), "it is not for sale");
    desk.buy(&winter, "d", wanted.clone()).await.well();
    let late = desk.buy(&sommer, "e", wanted).await;
    assert_eq!((late.status, late.problem()), (409, "conflict"), "somebody has it");
    let wrong = json!({ "number": "030", "language": "fr", "assistant": "x", "bundle_sid": "y" });
    let wrong = desk.buy(&sommer, "f", wrong).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/number", "/assistant", "/language"]));
    let papers = json!({ "number": OFFERED[1], "language": "de", "bundle_sid": "y" });
    assert_eq!(desk.buy(&sommer, "g", papers).await.pointers(), ["/bundle_sid"]);
    let mute = desk.buy(&sommer, "h", json!({ "number": OFFERED[1] })).await;
    assert_eq!(mute.pointers(), ["/language"], "nobody answers, so nobody knows the language");
    desk.close().await;
}

#[tokio::test]
async fn a_number_that_was_assigned_is_answered_and_one_that_was_not_says_a_sentence() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let bought = desk.buy(&owner, "a", json!({ "number": OFFERED[0], "language": "de" })).await;
    let (path, first) =
        (bought.header("location").unwrap().to_owned(), bought.header("etag").unwrap().to_owned());
    assert_eq!(bought.body["assistant"], Value::Null);
    assert_eq!(
        desk.ring(OPERATOR, 1, OFFERED[0]).await,
        (200, vec!["Say".into(), "Say".into(), "Hangup".into()])
    );

    let assistant = desk.assistant(&owner).await;
    let assigned = owner.patch(&path, json!({ "assistant": assistant })).await;
    assert_eq!((assigned.status, &assigned.body["assistant"]), (200, &json!(assistant)));
    let (status, verbs) = desk.ring(OPERATOR, 2, OFFERED[0]).await;
    assert_eq!((status, verbs[0].as_str()), (200, "Connect"));
    assert_eq!(desk.ring((OPERATOR.0, "wrong"), 3, OFFERED[0]).await.0, 403);

    let blind =
        owner.request(Method::PATCH, &path).header("If-Match", first).json(&json!({ "language": "de" }));
    assert_eq!(sent(blind).await.status, 412, "somebody else has changed it");
    let foreign = owner.patch(&path, json!({ "language": "en" })).await;
    assert_eq!(foreign.pointers(), ["/language"], "the assistant cannot open a call in it");
    let number = owner.patch(&path, json!({ "number": OFFERED[1] })).await;
    assert_eq!(number.pointers(), ["/number"], "a number is what it is");
    let archive = owner.patch(&format!("/api/assistants/{assistant}"), json!({ "status": "draft" })).await;
    assert_eq!((archive.status, archive.problem()), (409, "conflict"), "a number rings at it");

    owner.patch(&path, json!({ "assistant": null })).await.well();
    assert_eq!(desk.ring(OPERATOR, 4, OFFERED[0]).await.1, ["Say", "Say", "Hangup"]);
    owner.patch(&format!("/api/assistants/{assistant}"), json!({ "status": "draft" })).await.well();
    let draft = owner.patch(&path, json!({ "assistant": assistant })).await;
    assert_eq!(draft.pointers(), ["/assistant"], "only who is live is put on the telephone");
    desk.close().await;
}

#[tokio::test]
async fn a_number_that_was_released_can_be_bought_by_others_and_its_calls_stay() {
    let desk = Desk::open().await;
    let (sommer, winter) = (desk.office.owner("sommer").await, desk.office.owner("winter").await);
    let assistant = desk.assistant(&sommer).await;
    let wanted = json!({ "number": OFFERED[0], "assistant": assistant });
    let bought = desk.buy(&sommer, "a", wanted.clone()).await;
    let path = bought.header("location").unwrap().to_owned();
    assert_eq!(bought.body["language"], "de", "the assistant's language");
    assert_eq!(desk.ring(OPERATOR, 1, OFFERED[0]).await.1[0], "Connect");
    assert_eq!(winter.get(&path).await.status, 404, "it is another tenant's");
    assert_eq!(winter.delete(&path).await.status, 404);

    desk.exchange.go_wrong([Mishap::Broken]);
    assert_eq!(sommer.delete(&path).await.status, 503);
    assert_eq!(sommer.get(&path).await.status, 200, "what Twilio did not take back is still there");
    assert_eq!(sommer.delete(&path).await.status, 204);
    assert_eq!(sommer.get(&path).await.status, 404);
    none(&sommer).await;
    assert!(desk.exchange.owned().is_empty());
    let again = desk.buy(&sommer, "a", wanted).await;
    assert_eq!((again.status, again.problem()), (409, "conflict"), "what it bought has been released since");
    assert_eq!(desk.ring(OPERATOR, 2, OFFERED[0]).await.1, ["Say", "Say", "Hangup"]);

    desk.buy(&winter, "a", json!({ "number": OFFERED[0], "language": "de" })).await.well();
    assert_eq!(only(&winter).await["number"], OFFERED[0]);
    let tenant = sommer.tenant().parse().unwrap();
    let calls = desk.office.server.store.read(&tenant).await.unwrap().calls().latest(10).await.unwrap();
    assert_eq!((calls.len(), calls[0].to.as_str()), (1, OFFERED[0]));
    sommer.patch(&format!("/api/assistants/{assistant}"), json!({ "status": "archived" })).await.well();

    // What Twilio does not know any more is as good as given back.
    let path = format!("/api/numbers/{}", only(&winter).await["id"].as_str().unwrap());
    desk.exchange.disown(OFFERED[0]);
    assert_eq!(winter.delete(&path).await.status, 204);
    // What is only taken out of here stays with Twilio's account.
    let kept = desk.buy(&winter, "b", json!({ "number": OFFERED[1], "language": "de" })).await;
    let path = format!("{}?keep=true", kept.header("location").unwrap());
    assert_eq!(winter.delete(&path).await.status, 204);
    assert_eq!(desk.exchange.owned().len(), 1);
    desk.close().await;
}

#[tokio::test]
async fn what_twilio_cannot_be_told_where_to_ask_is_not_bought() {
    let desk = Desk::open_in(House::new()).await;
    let house = House::new().with("TWILIO__BASE_URL", &desk.exchange.base_url());
    let house = house.with("TWILIO__ACCOUNT_SID", OPERATOR.0).with("TWILIO__AUTH_TOKEN", OPERATOR.1);
    let office = crate::support::office::Office::open_in(house).await;
    let owner = office.owner("sommer").await;
    let refused = owner.post("/api/numbers", json!({ "number": OFFERED[0], "language": "de" })).await;
    assert_eq!((refused.status, refused.problem()), (409, "conflict"));
    assert!(refused.body["detail"].as_str().unwrap().contains("http.public_url"), "{}", refused.body);
    assert_eq!(desk.exchange.purchases(), 0);
    office.server.stop().await;
    desk.close().await;
}

#[tokio::test]
async fn a_number_that_could_not_be_set_up_says_so_until_it_is() {
    let desk = Desk::open().await;
    let owner = desk.office.owner("sommer").await;
    let root = desk.office.operator("root").await;
    owner.put("/api/support-access", json!({ "minutes": 60 })).await.well();
    let inside = desk.office.granted(root.post("/auth/switch", json!({ "tenant": "sommer" })).await.well());
    let elsewhere =
        [("VoiceApplicationSid", "AP00000000000000000000000000000001"), ("VoiceUrl", "https://old.example")];
    desk.exchange.own(OPERATOR.0, "+493055502001", &elsewhere);
    let wanted = json!({ "number": "+493055502001", "language": "de" });
    let grab = owner.post("/api/numbers/import", wanted.clone()).await;
    assert_eq!(grab.status, 403, "what lies in the operator's account is nobody's for the taking");
    let bought = desk.buy(&owner, "a", wanted.clone()).await;
    assert_eq!((bought.status, bought.problem()), (409, "conflict"), "it is owned already: {}", bought.body);

    desk.exchange.go_wrong([Mishap::UrlRefused]);
    let imported = inside.post("/api/numbers/import", wanted.clone()).await;
    assert_eq!(imported.status, 201, "{}", imported.body);
    assert_eq!(imported.body["setup"]["state"], "failed");
    assert!(imported.body["setup"]["problem"].as_str().unwrap().contains("21502"), "{}", imported.body);
    desk.exchange.go_wrong([Mishap::Broken]);
    // The first thing that is asked is whether it is owned.
    assert_eq!(owner.post("/api/numbers/import", wanted.clone()).await.status, 503);
    let again = owner.post("/api/numbers/import", wanted).await.well();
    assert_eq!((&again["setup"]["state"], &again["id"]), (&json!("done"), &imported.body["id"]));
    let held = &desk.exchange.owned()[0];
    assert_eq!(held.setting("VoiceUrl"), format!("{PUBLIC}/twilio/voice"));
    assert_eq!(held.setting("VoiceApplicationSid"), "", "it would be asked instead");

    // What waits is set up by a job.
    let (store, tenant) = (&desk.office.server.store, owner.tenant().parse().unwrap());
    let id = again["id"].as_str().unwrap().parse().unwrap();
    desk.exchange.go_wrong([Mishap::TooMany(3)]);
    let accounts = desk.accounts().await;
    assert!(numbers::set_up(store, &accounts, &tenant, &id).await.is_err());
    assert_eq!(only(&owner).await["setup"]["state"], "waiting");
    let now = Clock::system().now().plus_minutes(2);
    let jobs = store.across_tenants().take_jobs(now, now.plus_minutes(1), 10, Lane::Slow).await.unwrap();
    assert!(jobs.iter().any(|job| job.work == Work::SetUpNumber { number: id.clone() }), "{jobs:?}");
    numbers::set_up(store, &accounts, &tenant, &id).await.unwrap();
    assert_eq!(only(&owner).await["setup"], json!({ "state": "done", "problem": null }));
    desk.close().await;
}
