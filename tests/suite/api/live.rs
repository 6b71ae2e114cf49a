//! Calls in the air, taken over by somebody at the business.

use frontdesk::domain::{assistant::Language, phrases::Phrase};
use reqwest::Method;
use serde_json::json;

use super::calls::{Stream, owners_at, stage};
use crate::support::office::sent;

#[tokio::test]
async fn a_member_takes_a_call_over_at_her_own_telephone_and_the_agent_is_back_when_her_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage("silent", folder.path()).await;
    let (elsewhere, owner) = owners_at(&stage).await;
    let key = json!({ "name": "screen", "scopes": ["calls:read", "calls:write"] });
    let key = owner.post("/api/api-keys", key).await.well();
    let program = owner.clone().with(json!({ "access_token": key["key"] }));
    // The caller says nothing; the agent is to wait for all that is asked meanwhile.
    let assistant = owner.get("/api/assistants").await.well()["items"][0]["id"].as_str().unwrap().to_owned();
    let patience = json!({
        "policy": { "silence_first_ms": 40_000, "silence_second_ms": 80_000, "silence_goodbye_ms": 120_000 },
    });
    owner.patch(&format!("/api/assistants/{assistant}"), patience).await.well();
    let mut stream = Stream::open(&owner, "/api/events").await;
    let own = stage.dial.to.clone();
    let taking_over = async {
        let ringing = stream.until("ringing").await;
        let call = ringing[0]["call"].as_str().unwrap().to_owned();
        let path = format!("/api/calls/{call}/take-over");
        stream.until("speaking").await;
        let hers = json!({ "telephone": "0151 23456789", "keep": true });
        assert_eq!(elsewhere.post(&path, hers.clone()).await.status, 404, "it is none of theirs");
        assert_eq!(program.post(&path, hers.clone()).await.status, 403, "a program has no telephone");
        for wrong in ["110", "+49900123456", own.as_str(), &stage.dial.from, "at home"] {
            let refused = owner.post(&path, json!({ "telephone": wrong })).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/telephone"]), "{wrong}");
        }
        let abroad = owner.post(&path, json!({ "telephone": "+881 6 3141 5926" })).await;
        assert_eq!((abroad.status, abroad.pointers()), (422, vec!["/telephone"]), "{}", abroad.body);
        let abroad = owner.post(&path, json!({ "telephone": "+33 6 12 34 56 78" })).await;
        assert_eq!((abroad.status, abroad.pointers()), (422, vec!["/telephone"]), "{}", abroad.body);
        let unknown = owner.post(&path, json!({})).await;
        assert_eq!(unknown.pointers(), ["/telephone"], "none of hers is kept");
        let asked = owner.post(&path, hers).await;
        assert_eq!((asked.status, &asked.body["state"]), (202, &json!("asked")), "{}", asked.body);
        assert_eq!((&asked.body["target"], &asked.body["name"]), (&json!(null), &json!("eve@example.com")));
        stream.until("passed_on").await;
        // She has spoken with the caller, and hung up.
        stream.until("answered").await;
        stream.until("turn").await;
        assert_eq!(owner.post(&path, json!({})).await.status, 202, "the number is kept");
        stream.until("answered").await;
        stream.until("speaking").await;
        assert_eq!(sent(owner.request(Method::POST, &format!("/api/calls/{call}/end"))).await.status, 202);
        let last = stream.until("ended").await.pop().unwrap();
        assert_eq!(last["outcome"], "dismissed", "the call went on with the agent");
        assert_eq!(owner.post(&path, json!({})).await.status, 409, "it is over");
        call
    };
    let (played, call) = tokio::join!(stage.play(), taking_over);
    let played = played.unwrap();
    let rung: Vec<&str> = played.report.rung.iter().map(|rung| rung.number.as_str()).collect();
    assert_eq!(rung, ["+4915123456789"; 2]);
    assert!(
        played.report.rung.iter().all(|rung| rung.bridged && !rung.heard.is_empty()),
        "she hears who calls"
    );
    let gone = Phrase::ColleagueGone.words(Language::English);
    let heard: Vec<&str> = played.turns.iter().map(|turn| turn.heard_text.as_str()).collect();
    assert!(heard.contains(&gone), "{heard:?}");
    let detail = owner.get(&format!("/api/calls/{call}")).await.well();
    let states: Vec<_> = detail["transfers"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["connected"; 2]);
    let entries = owner.get(&format!("/api/audit?subject={call}")).await.well();
    let actions: Vec<_> =
        entries["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["call.dismissed", "call.taken_over", "call.taken_over"]);
    tokio::join!(stage.strike(), async { assert_eq!(stream.next().await, None) });
}
