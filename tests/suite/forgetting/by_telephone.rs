//! "Delete my data", said in a call: taken only from a number that is surely the caller's, answered as it is.

use std::sync::Arc;

use frontdesk::{
    app::tools::{CallContext, Request, Toolbox},
    domain::{assistant::Language, phone::E164},
    platform::clock::Clock,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ground::{CANARY, Ground, NUMBER},
    on_both_grounds,
};
use crate::support::office::sent;

struct Line {
    toolbox: Toolbox,
    asked: u32,
}

impl Line {
    async fn ring(ground: &Ground, n: u32, caller: Option<&str>, attested: bool) -> Self {
        let (store, practice) = (&ground.office.server.store, &ground.practice);
        let context = CallContext {
            tenant: practice.tenant.clone(),
            call: practice.call(store, n).await,
            assistant: Arc::new(practice.assistant.clone()),
            language: Language::English,
            caller: caller.map(|number| number.parse::<E164>().unwrap()),
            attested,
        };
        Self { toolbox: Toolbox::new(context, store, Clock::system()), asked: 0 }
    }

    async fn ask(&mut self, arguments: Value) -> Value {
        self.asked += 1;
        let request = Request {
            id: self.asked.to_string(),
            name: "forget_me".to_owned(),
            arguments: arguments.to_string(),
        };
        serde_json::from_str(&self.toolbox.run(request).await.output).unwrap()
    }
}

on_both_grounds! {
    async fn a_caller_asks_is_asked_back_and_somebody_agrees(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        let mut line = Line::ring(&ground, 50, Some(NUMBER), true).await;
        let first = line.ask(json!({ "confirmed": true })).await;
        assert_eq!(first["status"], "confirm", "a model that says yes for the caller changes nothing");
        assert_eq!(owner.get("/api/erasures").await.well()["items"], json!([]));
        let noted = line.ask(json!({ "confirmed": true })).await;
        assert_eq!(noted["status"], "requested");
        assert_eq!(noted["say"], "I have noted your wish. Nothing is deleted yet: somebody here looks at it first.");
        let again = line.ask(json!({ "confirmed": true })).await;
        assert_eq!(again["status"], "requested");
        let listed = owner.get("/api/erasures").await.well();
        let [erasure] = &listed["items"].as_array().unwrap()[..] else { panic!("one wish: {listed}") };
        assert_eq!((&erasure["state"], &erasure["asked_by"]), (&json!("requested"), &json!("caller")));
        let path = format!("/api/erasures/{}", erasure["id"].as_str().unwrap());
        assert_eq!(owner.get("/api/contacts/con_somebody").await.status, 200);
        assert_eq!(sent(owner.request(Method::POST, &format!("{path}/approve"))).await.status, 202);
        assert_eq!(sent(owner.request(Method::POST, &format!("{path}/approve"))).await.status, 409, "once is enough");
        let receipt = ground.done(owner, &path).await;
        assert_eq!(receipt["approved_by"], owner.user());
        assert_eq!(ground.found(&[CANARY, NUMBER], &[]).await.len(), 0);
        ground.office.server.stop().await;
    }

    async fn a_wish_may_be_declined_and_nobody_is_forgotten(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        let mut line = Line::ring(&ground, 50, Some(NUMBER), true).await;
        line.ask(json!({})).await;
        line.ask(json!({ "confirmed": true })).await;
        let listed = owner.get("/api/erasures").await.well();
        let path = format!("/api/erasures/{}", listed["items"][0]["id"].as_str().unwrap());
        assert_eq!(owner.delete(&path).await.status, 204);
        assert_eq!(owner.delete(&path).await.status, 409);
        let declined = owner.get(&path).await.well();
        assert_eq!((&declined["state"], &declined["approved_by"]), (&json!("declined"), &json!(owner.user())));
        assert_eq!(owner.get("/api/contacts/con_somebody").await.status, 200);
        ground.office.server.stop().await;
    }

    async fn where_nobody_has_to_agree_it_is_done_after_the_call(ground: Ground) {
        let now = Clock::system().now();
        ground.somebody("somebody", CANARY, NUMBER, 1, now.plus_minutes(-600)).await;
        let owner = &ground.owner;
        owner.patch("/api/retention", json!({ "by_caller": "at_once" })).await.well();
        let mut line = Line::ring(&ground, 50, Some(NUMBER), true).await;
        line.ask(json!({})).await;
        assert_eq!(line.ask(json!({ "confirmed": true })).await["status"], "after_the_call");
        let listed = owner.get("/api/erasures").await.well();
        ground.done(owner, &format!("/api/erasures/{}", listed["items"][0]["id"].as_str().unwrap())).await;
        assert_eq!(ground.found(&[CANARY, NUMBER], &[]).await.len(), 0);
        ground.office.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_anybody_could_show_is_forgotten_by_nobodys_word() {
    let ground = Ground::on_sqlite().await;
    for (n, caller, attested) in [(50, None, true), (51, Some(NUMBER), false)] {
        let mut line = Line::ring(&ground, n, caller, attested).await;
        for _ in 0..2 {
            assert_eq!(line.ask(json!({ "confirmed": true })).await["status"], "unknown_number");
        }
    }
    assert_eq!(ground.owner.get("/api/erasures").await.well()["items"], json!([]));
    ground.office.server.stop().await;
}
