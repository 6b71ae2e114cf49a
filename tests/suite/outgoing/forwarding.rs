//! Is the practice's own line forwarded here: its line is rung once, and it is seen whether that call comes back.

use frontdesk::sim::{
    caller::Caller,
    twilio::{
        Dial,
        calling::{Called, Placed, Telling},
    },
};
use serde_json::{Value, json};

use super::doors::Desk;
use crate::support::{browsing::Browsing, practice::at};

/// The practice's own line.
const LINE: &str = "+49301234567";
/// How a line's network names who calls when it sends a call on.
#[derive(Clone, Copy)]
enum Shown {
    /// As it was.
    Caller,
    /// The line in place of the caller.
    Line,
}

impl Desk {
    fn tests(&self) -> String {
        format!("/api/numbers/{}/forwarding-tests", self.practice.number.id)
    }

    async fn asked(&self) -> (Value, Placed) {
        let asked = self.owner.post(&self.tests(), json!({ "line": "030 1234567" })).await;
        assert_eq!((asked.status, &asked.body["found"]), (202, &json!("ringing")), "{}", asked.body);
        let placed = self.exchange.next_placed().await;
        assert_eq!(placed.asked("To"), LINE);
        assert_eq!(placed.asked("From"), self.practice.number.number.as_str());
        assert_eq!(placed.asked("Timeout"), "60", "a line may send a call on only after a while");
        self.until(asked.body["id"].as_str().unwrap(), "placed").await;
        (asked.body, placed)
    }

    fn onward(&self, shown: Shown) -> Dial {
        let own = self.practice.number.number.to_string();
        let (from, forwarded) = match shown {
            Shown::Caller => (own, None),
            Shown::Line => (LINE.to_owned(), None),
        };
        Dial { from, forwarded, ..self.dial() }
    }

    /// The line's network sends the call on.
    async fn sent_on(&self, placed: &Placed, shown: Shown) {
        let onward = self.onward(shown);
        let mut nobody = Caller::new([], 1_000);
        let called = Called::SentOn(&onward, &mut nobody);
        self.dial().ring_up(placed, called, Telling::Prompt, &self.faults).await.unwrap();
    }

    async fn found(&self) -> Value {
        self.owner.get(&self.tests()).await.well()["items"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_comes_back_shows_that_the_line_is_forwarded_and_nobody_takes_it() {
    for shown in [Shown::Caller, Shown::Line] {
        let desk = Desk::open().await;
        let (asked, placed) = desk.asked().await;
        let again = desk.owner.post(&desk.tests(), json!({ "line": LINE })).await;
        assert_eq!(again.status, 409, "one test at a time: {}", again.body);
        desk.sent_on(&placed, shown).await;
        let over = desk.until(asked["id"].as_str().unwrap(), "over").await;
        assert_eq!((&over["kind"], &over["ended_as"]), (&json!("forwarding"), &json!("busy")));
        let found = desk.found().await;
        assert_eq!((&found["found"], &found["line"]), (&json!("works"), &json!(LINE)), "{found}");
        assert_eq!(found["arrived_at_number"], desk.practice.number.id.as_str());
        let calls = desk.owner.get("/api/calls").await.well();
        let calls = calls["items"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "every ring has one row: {calls:?}");
        assert!(calls.iter().all(|call| call["test"] == true && call["outcome"] == "forwarding_test"));
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_line_does_instead_is_told() {
    for (ends, ended_as) in [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")] {
        let desk = Desk::open().await;
        let (asked, placed) = desk.asked().await;
        desk.dial().ring_up(&placed, Called::Ends(ends), Telling::Prompt, &desk.faults).await.unwrap();
        desk.until(asked["id"].as_str().unwrap(), "over").await;
        let found = desk.found().await;
        assert_eq!((&found["found"], &found["ended_as"]), (&json!("not_arrived"), &json!(ended_as)));
        desk.close().await;
    }
    let desk = Desk::open().await;
    let (asked, placed) = desk.asked().await;
    let mut somebody = Caller::new([], 1_000);
    let called = Called::Answers(&mut somebody);
    let report = desk.dial().ring_up(&placed, called, Telling::Prompt, &desk.faults).await.unwrap();
    assert!(report.stream_end.is_none(), "no engine is opened");
    assert!(report.said[0].words.contains("Test der Rufumleitung"), "{:?}", report.said);
    let over = desk.until(asked["id"].as_str().unwrap(), "over").await;
    assert_eq!(over["ended_as"], "answered");
    assert_eq!(desk.found().await["found"], "not_arrived");
    let call = desk.owner.get(&format!("/api/calls/{}", over["call"].as_str().unwrap())).await.well();
    assert_eq!((&call["test"], &call["outcome"]), (&json!(true), &json!("forwarding_test")));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_ring_while_a_line_is_tested_are_answered_like_any_other() {
    let desk = Desk::open().await;
    let (_, placed) = desk.asked().await;
    let stranger =
        Dial { from: "+4915199887766".to_owned(), forwarded: Some(LINE.to_owned()), ..desk.dial() };
    let form = stranger.form("CA00000000000000000000000000000077", "ringing");
    let answer = stranger.post(&stranger.voice_url, &form).await.unwrap();
    assert!(!answer.body.contains("<Reject"), "{}", answer.body);
    assert_eq!(desk.found().await["found"], "works", "that the line has sent it on shows as much");
    drop(placed);
    let desk = Desk::open().await;
    let (_, placed) = desk.asked().await;
    let other = Dial { forwarded: Some("+49307654321".to_owned()), ..desk.onward(Shown::Caller) };
    let form = other.form("CA00000000000000000000000000000079", "ringing");
    let answer = other.post(&other.voice_url, &form).await.unwrap();
    assert!(!answer.body.contains("<Reject"), "another line has sent that on: {}", answer.body);
    desk.sent_on(&placed, Shown::Line).await;
    assert_eq!(desk.found().await["found"], "works");
    // What has come back once does not come back a second time.
    let late = desk.onward(Shown::Line);
    let form = late.form("CA00000000000000000000000000000078", "ringing");
    let answer = late.post(&late.voice_url, &form).await.unwrap();
    assert!(!answer.body.contains("<Reject"), "the practice itself may ring its assistant: {}", answer.body);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_forwarded_here_is_no_fallback_number_and_as_a_target_it_is_named() {
    let desk = Desk::open().await;
    let fallback = json!({ "fallback_number": LINE });
    desk.owner.patch("/api/pause", fallback.clone()).await.well();
    let (_, placed) = desk.asked().await;
    desk.sent_on(&placed, Shown::Caller).await;
    let found = desk.found().await;
    assert_eq!((&found["found"], &found["through"]), (&json!("circle"), &json!("fallback")), "{found}");
    desk.owner.patch("/api/pause", json!({ "fallback_number": null })).await.well();
    assert_eq!(desk.found().await["found"], "works", "what is mended is mended");
    let refused = desk.owner.patch("/api/pause", fallback).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/fallback_number"]));
    let target = json!({ "name": "Front desk", "number": LINE, "description": "For people." });
    desk.owner.post("/api/transfer-targets", target).await.well();
    let found = desk.found().await;
    assert_eq!((&found["found"], &found["target"]), (&json!("circle"), &json!("Front desk")), "{found}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_never_rung_are_refused_with_the_reason_and_nobody_is_rung_at_night_or_all_day_long() {
    let desk = Desk::open().await;
    let own = desk.practice.number.number.to_string();
    for wrong in ["112", "+1 212 555 0123", "nonsense", own.as_str()] {
        let refused = desk.owner.post(&desk.tests(), json!({ "line": wrong })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/line"]), "{wrong}: {}", refused.body);
    }
    for _ in 0..6 {
        let (asked, placed) = desk.asked().await;
        desk.dial().ring_up(&placed, Called::Ends("busy"), Telling::Prompt, &desk.faults).await.unwrap();
        desk.until(asked["id"].as_str().unwrap(), "over").await;
    }
    let refused = desk.owner.post(&desk.tests(), json!({ "line": LINE })).await;
    assert_eq!((refused.status, refused.problem()), (409, "limit-reached"), "{}", refused.body);
    let key = json!({ "name": "a program", "scopes": ["numbers:write", "calls:write"] });
    let key = desk.owner.post("/api/api-keys", key).await.well();
    let program = desk.office.bearer(key["key"].as_str().unwrap());
    let refused = program.post(&desk.tests(), json!({ "line": LINE })).await;
    assert_eq!(refused.status, 403, "a program has no line: {}", refused.body);
    desk.close().await;
    let night = Desk::open_at(at(14 * 60)).await;
    let late = night.owner.post(&night.tests(), json!({ "line": LINE })).await;
    assert_eq!(late.status, 409, "{}", late.body);
    night.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_tests_her_line_in_the_console_and_sees_what_came_of_it() {
    let desk = Desk::open().await;
    let mut ada = Browsing::signed_in(&desk.office, "owner@ruf.example", "de").await;
    let number = format!("/console/numbers/{}", desk.practice.number.id);
    let page = ada.get(&number).await;
    let refused = ada.submit(&page, "#test-forwarding", &[("line", "110")]).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.wrongs()[0].starts_with("Geben Sie die Rufnummer Ihres eigenen"),
        "{:?}",
        refused.wrongs()
    );
    assert!(ada.get("/console/start").await.text.contains(&format!("{number}#forwarding")));
    let rings = ada.submit(&refused, "#test-forwarding", &[("line", "030 1234567")]).await;
    assert!(rings.told().starts_with("Ihr Anschluss wird angerufen"), "{}", rings.told());
    assert_eq!(rings.one("#tested .badge"), "klingelt");
    let placed = desk.exchange.next_placed().await;
    desk.sent_on(&placed, Shown::Caller).await;
    let page = ada.get(&number).await;
    assert_eq!(page.one("#tested .badge"), "funktioniert");
    assert!(page.one("#tested").contains("030 1234567"), "{}", page.one("#tested"));
    let calls = ada.get("/console/calls").await;
    assert!(calls.text.contains("Rufumleitung geprüft"));
    desk.close().await;
}
