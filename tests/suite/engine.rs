//! What the engine's events mean to a call, read from the wire.

use frontdesk::{
    call::port::{Input, Refusal, ReplyStatus},
    domain::money::MicroUsd,
    speech::{
        Prices,
        realtime::wire::{Names, Said, Tariff, Transcript, read},
    },
};
use serde_json::{Value, json};

fn tariff() -> Tariff {
    let tokens = Prices {
        audio_in: 32.0,
        audio_cached: 0.4,
        audio_out: 64.0,
        text_in: 4.0,
        text_cached: 0.4,
        text_out: 24.0,
    };
    Tariff { tokens: Some(tokens), transcription_per_minute: Some(0.0045) }
}

/// What an event meant, and what came with it.
fn meaning(event: &Value) -> (Said, Vec<Input>) {
    let (mut names, mut transcript, mut also) = (Names::default(), Transcript::default(), Vec::new());
    let said = read(&event.to_string(), &mut names, &mut transcript, &tariff(), &mut also);
    (said, also)
}

#[test]
fn a_reply_costs_its_fresh_cached_and_spoken_tokens_each_at_its_price() {
    let (said, _) = meaning(&json!({
        "type": "response.done",
        "response": { "status": "completed", "output": [], "usage": {
            "input_token_details": { "text_tokens": 1000, "audio_tokens": 200,
                "cached_tokens_details": { "text_tokens": 600, "audio_tokens": 50 } },
            "output_token_details": { "text_tokens": 30, "audio_tokens": 90 },
        } },
    }));
    // 400 × 4 + 600 × 0.4 + 150 × 32 + 50 × 0.4 + 30 × 24 + 90 × 64 millionths of a dollar.
    let cost = MicroUsd(1_600 + 240 + 4_800 + 20 + 720 + 5_760);
    assert_eq!(said, Said::Input(Input::ReplyEnded { status: ReplyStatus::Completed, tools: vec![], cost }));
}

#[test]
fn transcription_costs_its_time_whether_told_in_seconds_or_in_tokens() {
    for usage in [
        json!({ "type": "duration", "seconds": 12.0 }),
        json!({ "type": "tokens", "input_tokens": 120, "input_token_details": { "text_tokens": 0, "audio_tokens": 120 } }),
    ] {
        let (_, also) = meaning(&json!({
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1", "content_index": 0, "transcript": "hello", "usage": usage,
        }));
        assert_eq!(also, [Input::EngineBilled(MicroUsd(900))]);
    }
}

#[test]
fn a_tool_request_that_was_cut_short_is_not_run() {
    let item = |status: &str| json!({ "type": "function_call", "status": status, "name": "book", "call_id": "c1", "arguments": "{}" });
    for (status, requests) in [("completed", 1), ("incomplete", 0), ("in_progress", 0)] {
        let (said, _) = meaning(&json!({
            "type": "response.done", "response": { "status": "completed", "output": [item(status)], "usage": null },
        }));
        let Said::Input(Input::ReplyEnded { tools, .. }) = said else { panic!("{said:?}") };
        assert_eq!(tools.len(), requests, "{status}");
    }
}

#[test]
fn refusals_are_told_apart_by_their_code_and_by_what_of_ours_they_answer() {
    let refusal = |code: Option<&str>, ours: &str| {
        let (said, _) = meaning(&json!({
            "type": "error",
            "error": { "type": "invalid_request_error", "code": code, "message": "no", "param": null, "event_id": ours },
        }));
        said
    };
    let refused = |refusal| Said::Input(Input::EngineRefused(refusal));
    assert_eq!(
        refusal(Some("conversation_already_has_active_response"), "respond-7"),
        refused(Refusal::AlreadyReplying)
    );
    assert_eq!(refusal(Some("response_cancel_not_active"), ""), refused(Refusal::NothingToCancel));
    assert_eq!(refusal(Some("input_audio_buffer_commit_empty"), ""), refused(Refusal::NothingToCommit));
    assert_eq!(refusal(None, "truncate-3"), refused(Refusal::Item));
    assert_eq!(refusal(Some("something new"), "respond-9"), refused(Refusal::Other));
    assert!(matches!(refusal(Some("session_expired"), ""), Said::Gone(_)));
}

#[test]
fn what_cannot_be_read_or_is_not_known_breaks_nothing() {
    assert_eq!(meaning(&json!({ "type": "yet.to.be.invented", "delta": 7 })).0, Said::Malformed);
    assert_eq!(meaning(&json!({ "type": "yet.to.be.invented" })).0, Said::Unknown);
    assert_eq!(meaning(&json!({ "type": "rate_limits.updated", "rate_limits": [] })).0, Said::Nothing);
    assert_eq!(
        meaning(&json!({ "type": "response.output_audio.delta", "item_id": "i", "delta": "%" })).0,
        Said::Malformed
    );
    assert_eq!(meaning(&json!("no object")).0, Said::Malformed);
}
