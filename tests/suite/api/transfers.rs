//! Whom callers may be passed on to, as a tenant sets it up.

use serde_json::json;

use crate::support::{neighbours::Neighbour, office::Office};

#[tokio::test]
async fn a_transfer_target_is_made_shown_changed_and_taken_away() {
    let office = Office::open().await;
    let owner = office.owner("alpha").await;
    let wanted = json!({
        "name": "Dr. Winter", "number": "+493055501230",
        "hours": { "week": { "mon": [["09:00", "12:00"]] }, "exceptions": { "2027-12-27": [] } },
    });
    let made = owner.post("/api/transfer-targets", wanted).await;
    assert_eq!((made.status, &made.body["announced"]), (201, &json!(true)), "{}", made.body);
    let path = made.header("location").unwrap().to_owned();
    let shown = owner.get(&path).await;
    assert_eq!(shown.body, made.body);
    assert_eq!(shown.body["hours"]["week"], json!({ "mon": [["09:00", "12:00"]] }));
    let edited = owner.patch(&path, json!({ "hours": null, "announced": false })).await;
    assert_eq!((&edited.body["hours"], edited.header("etag")), (&json!(null), Some("\"2\"")));
    let listed = owner.get("/api/transfer-targets").await.well();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.status, 404);
    let told = owner.get("/api/audit").await.well().to_string();
    assert!(told.contains("transfer-target.created") && !told.contains("+493055501230"), "{told}");
    office.server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_rung_is_no_transfer_target() {
    let office = Office::open().await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let answered_here = own.owner.get(&format!("/api/numbers/{}", own.ids["number"])).await.well();
    for (number, pointer) in [("110", "/number"), ("030 5550", "/number"), ("", "/number")] {
        let wanted = json!({ "name": "Boss", "number": number });
        let answer = own.owner.post("/api/transfer-targets", wanted).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{number}");
    }
    let circle = json!({ "name": "Boss", "number": answered_here["number"] });
    assert_eq!(own.owner.post("/api/transfer-targets", circle).await.pointers(), ["/number"]);
    let wanted = json!({ "name": " ", "number": "+493055501230", "hours": { "week": { "mon": [["09:00", "09:00"]] } } });
    let answer = own.owner.post("/api/transfer-targets", wanted).await;
    assert_eq!(answer.pointers(), ["/name", "/hours/week/mon"]);
    let twice = json!({ "name": "plain", "number": "+493055501230" });
    assert_eq!(own.owner.post("/api/transfer-targets", twice).await.pointers(), ["/name"]);
    office.server.stop().await;
}

#[tokio::test]
async fn keys_mean_what_the_tenant_says() {
    let office = Office::open().await;
    let owner = office.owner("alpha").await;
    let desk = |keypad: serde_json::Value| json!({ "name": "Desk", "language": "de", "opening": { "de": "Guten Tag!" }, "keypad": keypad });
    let wrong = owner.post("/api/assistants", desk(json!({ "22": "two", "#": "hash", "1": " " }))).await;
    assert_eq!(wrong.pointers(), ["/keypad/22"]);
    let wrong = owner.post("/api/assistants", desk(json!({ "#": "hash", "1": " " }))).await;
    assert_eq!(wrong.pointers(), ["/keypad/#", "/keypad/1"]);
    let made = owner.post("/api/assistants", desk(json!({ "2": "wants an appointment" }))).await;
    assert_eq!((made.status, &made.body["keypad"]), (201, &json!({ "2": "wants an appointment" })));
    let path = made.header("location").unwrap();
    assert_eq!(owner.get(path).await.body["keypad"], made.body["keypad"]);
    let first = owner.get(&format!("{path}/versions/1")).await.well();
    assert_eq!(first["assistant"]["keypad"], made.body["keypad"], "a version knows its keys");
    office.server.stop().await;
}

#[tokio::test]
async fn a_target_an_assistant_may_use_stays_and_can_be_put_aside_instead() {
    let office = Office::open().await;
    let own = Neighbour::settle(&office, "alpha", "plain", 1).await;
    let (assistant, target) = (&own.ids["assistant"], &own.ids["target"]);
    let path = format!("/api/assistants/{assistant}");
    let kept = own.owner.patch(&path, json!({ "transfers": [target] })).await.well();
    assert_eq!(kept["transfers"], json!([target]));
    let twice = own.owner.patch(&path, json!({ "transfers": [target, target] })).await;
    assert_eq!(twice.pointers(), ["/transfers/1"]);
    let gone = own.owner.delete(&format!("/api/transfer-targets/{target}")).await;
    assert_eq!((gone.status, gone.problem()), (409, "conflict"));
    own.owner.patch(&format!("/api/transfer-targets/{target}"), json!({ "active": false })).await.well();
    let version = own.owner.get(&format!("{path}/versions/{}", 2)).await.well();
    assert_eq!(version["assistant"]["transfers"], json!([target]), "a version knows its targets");
    own.owner.patch(&path, json!({ "transfers": [] })).await.well();
    assert_eq!(own.owner.delete(&format!("/api/transfer-targets/{target}")).await.status, 204);
    office.server.stop().await;
}
