//! Drafts of assistants: what only test calls hear, until somebody makes it live.

use frontdesk::domain::difference::{Fate, Piece, pieces};
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    house::House,
    neighbours::Neighbour,
    office::{Answer, Asker, Office, sent},
};

/// The tag of the first state of a draft.
const DRAFT: &str = "\"1000001\"";

async fn office() -> (Office, Asker, String) {
    let office = Office::open_in(House::new().ready_for_calls()).await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let path = format!("/api/assistants/{}", own.ids["assistant"]);
    (office, own.owner, path)
}

async fn tagged(asker: &Asker, method: Method, path: &str, tag: &str, body: Value) -> Answer {
    sent(asker.request(method, path).header("If-Match", tag).json(&body)).await
}

#[tokio::test]
async fn a_draft_is_heard_by_test_calls_alone_until_it_is_made_live() {
    let (office, owner, path) = office().await;
    let live = owner.get(&path).await;
    let draft = format!("{path}/draft");
    assert_eq!(owner.get(&draft).await.status, 404, "there is none until something is changed");
    assert_eq!(owner.post(&format!("{path}/publish"), Value::Null).await.status, 404);

    let words = "Be brief. Never promise a time that nobody has looked up.";
    let change = json!({ "instructions": words, "policy": { "end_of_turn_ms": 700 } });
    let drafted = owner.patch(&draft, change).await;
    assert_eq!((drafted.status, drafted.header("etag")), (200, Some(DRAFT)));
    assert_eq!(drafted.body["assistant"]["instructions"], words);
    assert_eq!(owner.get(&path).await.body, live.body, "callers hear nothing of it");

    let assistant = live.body["id"].clone();
    let tested = owner.post("/api/test-calls", json!({ "assistant": assistant })).await.well();
    assert_eq!((&tested["assistant_version"], &tested["assistant_draft"]), (&json!(1), &json!(1_000_001)));
    let call = owner.get(&format!("/api/calls/{}", tested["call"].as_str().unwrap())).await.well();
    assert_eq!(call["assistant_draft"], 1_000_001, "a call names what it ran");

    let published = tagged(&owner, Method::POST, &format!("{path}/publish"), DRAFT, Value::Null).await;
    assert_eq!((published.status, published.header("etag")), (200, Some("\"2\"")));
    assert_eq!(owner.get(&path).await.body["policy"]["end_of_turn_ms"], 700);
    assert_eq!(owner.get(&draft).await.status, 404, "it is a draft no more");
    let again = owner.patch(&draft, json!({ "description": "x" })).await;
    assert_eq!(again.header("etag"), Some("\"1000002\""), "no two states of drafts have one number");
    office.server.stop().await;
}

#[tokio::test]
async fn what_a_draft_changes_is_told_part_by_part() {
    let (office, owner, path) = office().await;
    owner.patch(&path, json!({ "instructions": "Be brief. Always smile.", "tools": ["book"] })).await.well();
    let change = json!({ "instructions": "Be very brief. Smile.", "policy": { "silence_first_ms": 9000 }, "tools": [] });
    owner.patch(&format!("{path}/draft"), change).await.well();
    let differs = owner.get(&format!("{path}/difference")).await.well();
    assert_eq!(
        (&differs["live"], &differs["base"], &differs["draft"]),
        (&json!(2), &json!(2), &json!(1_000_001))
    );
    let changes = differs["changes"].as_array().unwrap();
    let parts: Vec<&str> = changes.iter().map(|change| change["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["/instructions", "/policy/silence_first_ms", "/tools"]);
    assert_eq!((&changes[1]["before"], &changes[1]["after"]), (&json!(8000), &json!(9000)));
    let told: String = changes[0]["pieces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| match piece["fate"].as_str().unwrap() {
            "goes" => format!("[-{}]", piece["text"].as_str().unwrap()),
            "comes" => format!("[+{}]", piece["text"].as_str().unwrap()),
            _ => piece["text"].as_str().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(told, "Be [+very ]brief. [-Always smile.][+Smile.]");
    owner.patch(&path, json!({ "name": "Somebody else" })).await.well();
    let differs = owner.get(&format!("{path}/difference")).await.well();
    assert_eq!((&differs["live"], &differs["base"]), (&json!(3), &json!(2)), "somebody was at it meanwhile");
    office.server.stop().await;
}

#[tokio::test]
async fn of_two_who_change_a_draft_the_second_is_told_and_a_draft_is_checked_like_the_rest() {
    let (office, owner, path) = office().await;
    let draft = format!("{path}/draft");
    let change = json!({ "description": "one" });
    assert_eq!(
        tagged(&owner, Method::PATCH, &draft, "\"1\"", change.clone()).await.status,
        200,
        "begun from version 1"
    );
    let late = tagged(&owner, Method::PATCH, &draft, "\"1\"", change).await;
    assert_eq!((late.status, late.problem()), (412, "stale"));
    let wrong = owner.patch(&draft, json!({ "policy": { "end_of_turn_ms": 1 } })).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/policy/end_of_turn_ms"]));
    assert_eq!(tagged(&owner, Method::DELETE, &draft, "\"7\"", Value::Null).await.status, 412);
    assert_eq!(owner.delete(&draft).await.status, 204);
    assert_eq!(owner.get(&draft).await.status, 404);
    let viewer = office.member(&owner, "somebody", "viewer").await;
    assert_eq!(viewer.patch(&draft, json!({ "description": "x" })).await.status, 403);
    let told = owner.get("/api/audit?limit=50").await.well().to_string();
    assert!(told.contains("assistant.drafted") && told.contains("assistant.draft_discarded"), "{told}");
    office.server.stop().await;
}

#[test]
fn a_text_that_stays_is_one_piece() {
    assert_eq!(pieces("as it is", "as it is"), [Piece { fate: Fate::Stays, text: "as it is".to_owned() }]);
    assert_eq!(pieces("", ""), []);
}

proptest! {
    #[test]
    fn both_texts_can_be_read_from_their_pieces(before in "([a-c]{1,2}[ \n]?){0,12}", after in "([a-c]{1,2}[ \n]?){0,12}") {
        let told = pieces(&before, &after);
        let without = |fate: Fate| -> String {
            told.iter().filter(|piece| piece.fate != fate).map(|piece| piece.text.as_str()).collect()
        };
        prop_assert_eq!(without(Fate::Comes), before);
        prop_assert_eq!(without(Fate::Goes), after);
        prop_assert!(told.windows(2).all(|pair| pair[0].fate != pair[1].fate), "{:?}", told);
    }
}
