//! `/api/calls`: what rang, what was said, what came of it.

use std::io;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::instant as read_instant,
    form::{Asked, Body as JsonBody, Listed, Tagged, id, instant, page},
    imports,
};
use crate::{
    app::{
        Faults,
        access::Actor,
        calls::{self, Kept, Steer},
        recordings::{self, Listening},
        tools::WISH_CHARS_MAX,
        transfers,
    },
    domain::{
        conversation::{CallRecord, CallState, Outcome, Silence, Turn},
        id::CallId,
        money::MicroUsd,
        participants::{Participant, participants},
        quality::{self, Component, Measures},
        summary::Promise,
        transfer::Transfer,
    },
    http::{Doors, auth::By, problem::Problem},
    live::Asked as AskedOfCall,
    platform::tape::Tape,
    store::{CallFilter, CallsOf, Summarised, Taped, ToolCall},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, super::outgoing::place))
        .routes(routes!(show, super::remarks::edit))
        .routes(routes!(recording, super::shares::remove_recording))
        .routes(routes!(end))
        .routes(routes!(transfer))
        .routes(routes!(take_over))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(mute))
        .routes(routes!(unmute))
}

/// A call.
#[derive(Serialize, ToSchema)]
struct CallShown {
    /// Its id.
    id: String,
    /// Twilio's name for it.
    sid: String,
    /// `ringing`, `in-progress`, `completed` or `failed`.
    state: &'static str,
    /// How it ended, once it has: `caller_left`, `agent_left`, `silence`, `max_duration`, `degraded`, `drained`,
    /// `dismissed`, `transferred`, `refused`, `lost`, `not_reached`, `machine`, `paused` or `blocked`.
    #[schema(required)]
    outcome: Option<&'static str>,
    /// `inbound` when somebody rang here, `outbound` when we rang them.
    direction: &'static str,
    /// The assistant's id.
    assistant: String,
    /// In which of its versions.
    #[schema(required)]
    assistant_version: Option<i64>,
    /// In which state of its draft; of a test call only.
    #[schema(required)]
    assistant_draft: Option<i64>,
    /// Whether it is a test call, from a browser or at the telephone of somebody at the business.
    test: bool,
    /// Who called; null when the network did not say.
    #[schema(required)]
    from: Option<String>,
    /// The number that was called; null for a test call, which comes in at none.
    #[schema(required)]
    to: Option<String>,
    /// Whether the network vouches for the calling number.
    attested: bool,
    #[schema(format = DateTime)]
    rang_at: String,
    #[schema(required, format = DateTime)]
    answered_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// What the engine cost, in US dollars.
    cost_usd: String,
    /// Whether there is a recording to listen to.
    recorded: bool,
    /// What the team finds it by.
    tags: Vec<String>,
    /// `answered` when the caller was passed on to somebody who took the call, `not_answered` when nobody did; null when the
    /// caller was not passed on, or is being.
    #[schema(required)]
    transfer: Option<&'static str>,
}

/// A call with everything that was kept of it.
#[derive(Serialize, ToSchema)]
pub(super) struct CallWhole {
    #[serde(flatten)]
    call: CallShown,
    /// What the team has written on it.
    note: String,
    /// What was said, in order. Empty when the assistant keeps no transcripts.
    turns: Vec<TurnShown>,
    /// What the model asked for, in order.
    tool_calls: Vec<ToolCallShown>,
    /// Ids of the appointments that were made or held in it.
    appointments: Vec<String>,
    /// Ids of the messages that were left in it.
    messages: Vec<String>,
    /// The caller's yes to being recorded.
    #[schema(required)]
    consent: Option<ConsentShown>,
    /// The caller and the agent, summed up.
    participants: Vec<ParticipantShown>,
    /// Null when there is none.
    #[schema(required)]
    recording: Option<RecordingShown>,
    /// Null until the call is over.
    #[schema(required)]
    quality: Option<QualityShown>,
    /// Null until it is made, and when it cannot be: without transcripts, without a key, or with a model that was away for long.
    #[schema(required)]
    summary: Option<SummaryShown>,
    /// When the caller was passed on to a person, or was to be.
    transfers: Vec<TransferShown>,
    /// What Twilio's Conversation Intelligence wrote down of it; null unless somebody has asked for that.
    #[schema(required)]
    imported_transcript: Option<imports::ImportShown>,
}

/// One time that the caller was passed on.
#[derive(Serialize, ToSchema)]
struct TransferShown {
    /// Its id.
    id: String,
    /// The transfer target's id; null where a colleague took the call over, and where the fallback number was rung.
    #[schema(required)]
    target: Option<String>,
    /// What the target was called; who took the call over.
    name: String,
    /// Whether the target was told first who calls and why.
    announced: bool,
    /// Who asked for it: `assistant`, or somebody as in the audit log.
    by: String,
    /// `asked`, `ringing`, `connected`, `busy`, `no-answer`, `declined`, `failed` or `cancelled`.
    state: &'static str,
    #[schema(format = DateTime)]
    asked_at: String,
    /// When the target took the call.
    #[schema(required, format = DateTime)]
    connected_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

/// To whom a call is to be passed on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"target": "tgt_…", "announced": true, "wish": "Wants to speak about a bill."}))]
struct TransferWanted {
    /// The transfer target's id.
    target: String,
    /// Whether the target is told first who calls and why, and takes the call by a key; as the target is set up, when
    /// left out.
    announced: Option<bool>,
    /// What the target is told of what the caller wants.
    #[serde(default)]
    wish: String,
}

/// Where whoever takes a call over is rung.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"telephone": "+4915112345678", "keep": true}))]
struct TakeOverWanted {
    /// The number of her own telephone, none that is answered here; the number that is kept for her, when left out.
    telephone: Option<String>,
    /// Whether that number is kept for her, for the next time.
    #[serde(default)]
    keep: bool,
}

/// One side holding the floor.
#[derive(Serialize, ToSchema)]
struct TurnShown {
    /// Its place in the call, from 0.
    ordinal: u32,
    /// `caller` or `agent`.
    speaker: &'static str,
    /// When it began, since the call was answered.
    began_ms: u64,
    /// When it ended.
    ended_ms: u64,
    /// What the caller was understood to say, or what the agent generated.
    text: String,
    /// What of it was heard by the other side: played to the caller, as far as Twilio's marks tell.
    heard: String,
    /// Sound that was generated for it.
    generated_ms: u64,
    /// Sound of it that was played.
    heard_ms: u64,
    /// Whether the other side cut it off.
    interrupted: bool,
    /// From the end of the caller's turn to the first sound of this one.
    #[schema(required)]
    latency_ms: Option<u64>,
    /// How sure the engine is of the caller's words, from 0 to 1; null where it does not say.
    #[schema(required)]
    confidence: Option<f64>,
}

/// One side of a call, summed up. Of the agent only what was heard counts.
#[derive(Serialize, ToSchema)]
struct ParticipantShown {
    /// `caller` or `agent`.
    speaker: &'static str,
    /// How often they held the floor.
    turns: u32,
    words: u64,
    speaking_ms: u64,
}

/// What is known of a recording.
#[derive(Serialize, ToSchema)]
struct RecordingShown {
    /// When it began, on the same clock as the turns: a turn is heard in it at `began_ms` less this.
    began_ms: u64,
    /// How long it is; null while it is being made, and when the server that made it was killed until somebody looked after it.
    #[schema(required)]
    length_ms: Option<u64>,
    /// Whether nothing is missing.
    complete: bool,
    /// Where nothing is to be heard, since something was said or keyed in that is nobody's to keep.
    silences: Vec<SilenceShown>,
}

/// A stretch of a recording, since its beginning.
#[derive(Serialize, ToSchema)]
struct SilenceShown {
    from_ms: u64,
    until_ms: u64,
}

/// How well the call went.
#[derive(Serialize, ToSchema)]
struct QualityShown {
    /// From 0 to 100: 100 less what the components took off. Null when the agent was never heard.
    #[schema(required)]
    score: Option<u32>,
    /// What it is made of.
    components: Vec<ComponentShown>,
    /// Replies whose wait was measured.
    replies: u32,
    /// What the caller waited for a reply, of which one in twenty was longer.
    latency_p95_ms: u64,
}

/// What the call came to, as a model summed it up afterwards.
#[derive(Serialize, ToSchema)]
struct SummaryShown {
    text: String,
    /// `booked`, `moved`, `cancelled`, `informed`, `message`, `transferred`, `abandoned` or `other`. The first three are
    /// believed only when the books have it.
    outcome: &'static str,
    /// What the caller wanted.
    wishes: Vec<String>,
    /// `positive`, `neutral` or `negative`.
    sentiment: &'static str,
    /// What is wanted of each call (`/api/call-fields`), when it was found and fits the schema.
    #[schema(required, value_type = Option<Object>)]
    fields: Option<Value>,
    /// Why there are none although some are wanted.
    #[schema(required)]
    fields_problem: Option<String>,
    /// What the agent said was done.
    promises: Vec<PromiseShown>,
    /// Whether the books have all of that.
    promises_kept: bool,
    /// Which model summed it up.
    model: String,
    /// What that cost, in US dollars; it is part of the call's cost.
    cost_usd: String,
    #[schema(format = DateTime)]
    made_at: String,
}

/// Something the agent said was done.
#[derive(Serialize, ToSchema)]
struct PromiseShown {
    /// In which turn, by its ordinal.
    turn: u32,
    /// `booked`, `moved` or `cancelled`.
    deed: &'static str,
    /// Whether the books have it.
    kept: bool,
}

/// Something a score is made of.
#[derive(Serialize, ToSchema)]
struct ComponentShown {
    /// `latency_ms` (the median wait for a reply: a point for each 100 ms beyond a second), `interruptions` (replies the caller
    /// cut off: 40 points times their share), `cuts` (turns of the caller into which the agent spoke: 5 points each),
    /// `silence_ms` (nobody spoke, beyond pauses of 3 s: a point for each 2 s) or `repeats` (sentences said twice: 3 points each).
    kind: &'static str,
    /// The figure.
    value: u64,
    /// How many points it took off.
    took_off: u32,
    /// How many it can take off.
    at_most: u32,
}

/// A request of the model for a tool, and its answer.
#[derive(Serialize, ToSchema)]
struct ToolCallShown {
    /// Its id.
    id: String,
    /// The tool.
    name: String,
    /// What the model gave along.
    #[schema(value_type = Object)]
    arguments: Value,
    /// `running`, `answered` or `failed`.
    status: &'static str,
    /// What the model was told.
    #[schema(required, value_type = Option<Object>)]
    output: Option<Value>,
    #[schema(format = DateTime)]
    began_at: String,
    #[schema(required)]
    took_ms: Option<u64>,
}

/// The caller's yes to being recorded.
#[derive(Serialize, ToSchema)]
struct ConsentShown {
    #[schema(format = DateTime)]
    at: String,
    /// What had been asked.
    wording: String,
}

/// Which calls, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CallsAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that rang at this instant or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only those that rang before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only those this assistant answered, by its id.
    assistant: Option<String>,
    /// Only those that rang at this number, by its id.
    number: Option<String>,
    /// Only those from this number, such as `+491701234567`.
    caller: Option<String>,
    /// Only those that stand so.
    state: Option<String>,
    /// Only those that ended so.
    outcome: Option<String>,
    /// Only those that were passed on to somebody who took the call (`answered`), or to nobody who did (`not_answered`).
    transfer: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
}

impl CallsAsked {
    fn filter(&self) -> Result<CallFilter, Problem> {
        let mut faults = Faults::new();
        let mut of = vec![];
        if let Some(text) = &self.assistant {
            of.extend(faults.take(text.parse(), "?assistant").map(CallsOf::Assistant));
        }
        if let Some(text) = &self.number {
            of.extend(faults.take(text.parse(), "?number").map(CallsOf::Number));
        }
        if let Some(text) = &self.caller {
            of.extend(faults.take(text.parse(), "?caller").map(CallsOf::Caller));
        }
        faults.unless(
            of.len() < 2,
            "?assistant",
            "of `assistant`, `number` and `caller` only one can be asked",
        );
        let when = |text: &Option<String>, at: &str, faults: &mut Faults| {
            text.as_ref().and_then(|text| faults.take(read_instant(text), at))
        };
        let from = when(&self.from, "?from", &mut faults);
        let until = when(&self.until, "?until", &mut faults);
        let state = self
            .state
            .as_ref()
            .and_then(|word| faults.take(CallState::parse(word).ok_or("is no state of a call"), "?state"));
        let outcome = self
            .outcome
            .as_ref()
            .and_then(|word| faults.take(Outcome::parse(word).ok_or("is no outcome of a call"), "?outcome"));
        let passed_on = self.transfer.as_deref().and_then(|word| {
            faults.take(passed_on(word).ok_or("must be `answered` or `not_answered`"), "?transfer")
        });
        let tag = self.tag.as_deref().and_then(|text| faults.take(text.parse(), "?tag"));
        faults.settle()?;
        Ok(CallFilter { of: of.pop(), from, until, state, outcome, passed_on, tag })
    }
}

/// Whether somebody took a call that was passed on, by the word for it.
pub(in crate::http) fn passed_on(word: &str) -> Option<bool> {
    [true, false].into_iter().find(|taken| passed_on_word(*taken) == word)
}

/// The word for whether somebody took a call that was passed on.
pub(in crate::http) fn passed_on_word(taken: bool) -> &'static str {
    if taken { "answered" } else { "not_answered" }
}

fn show_one(call: &CallRecord) -> CallShown {
    CallShown {
        id: call.id.to_string(),
        sid: call.sid.to_string(),
        state: call.state.as_str(),
        outcome: call.outcome.map(Outcome::as_str),
        direction: call.direction.as_str(),
        assistant: call.assistant.to_string(),
        assistant_version: call.assistant_version.map(|version| version.0),
        assistant_draft: call.test.and_then(|test| test.draft).map(|draft| draft.0),
        test: call.test.is_some(),
        from: call.from.as_ref().map(ToString::to_string),
        to: call.test.is_none().then(|| call.to.to_string()),
        attested: call.attested,
        rang_at: instant(call.rang),
        answered_at: call.answered.map(instant),
        ended_at: call.ended.map(instant),
        cost_usd: dollars(call.cost),
        recorded: call.recording.is_some(),
        tags: call.tags.iter().map(ToString::to_string).collect(),
        transfer: call.passed_on.map(passed_on_word),
    }
}

/// A sum to the millionth, so that sums of it stay exact.
pub(super) fn dollars(cost: MicroUsd) -> String {
    format!("{}.{:06}", cost.0.div_euclid(1_000_000), cost.0.rem_euclid(1_000_000))
}

fn show_turn(turn: &Turn) -> TurnShown {
    TurnShown {
        ordinal: turn.ordinal,
        speaker: turn.speaker.as_str(),
        began_ms: turn.began.0,
        ended_ms: turn.ended.0,
        text: turn.text.clone(),
        heard: turn.heard_text.clone(),
        generated_ms: turn.generated_ms,
        heard_ms: turn.heard_ms,
        interrupted: turn.interrupted,
        latency_ms: turn.first_audio_ms,
        confidence: turn.confidence,
    }
}

fn show_participant(one: Participant) -> ParticipantShown {
    ParticipantShown {
        speaker: one.speaker.as_str(),
        turns: one.turns,
        words: one.words,
        speaking_ms: one.speaking_ms,
    }
}

fn show_recording(taped: Taped) -> RecordingShown {
    let silence = |gap: &Silence| SilenceShown { from_ms: gap.from_ms, until_ms: gap.until_ms };
    RecordingShown {
        began_ms: taped.began.0,
        length_ms: taped.millis,
        complete: taped.complete,
        silences: taped.silences.iter().map(silence).collect(),
    }
}

fn show_summary(made: Summarised) -> SummaryShown {
    let Summarised { summary, made } = made;
    let promise = |one: &Promise| PromiseShown { turn: one.ordinal, deed: one.deed.as_str(), kept: one.kept };
    SummaryShown {
        text: summary.text,
        outcome: summary.upshot.as_str(),
        wishes: summary.wishes,
        sentiment: summary.sentiment.as_str(),
        fields: summary.fields.as_deref().map(json_or_text),
        fields_problem: summary.fields_problem,
        promises: summary.promises.iter().map(promise).collect(),
        promises_kept: summary.promises.iter().all(|promise| promise.kept),
        model: summary.model,
        cost_usd: dollars(summary.cost),
        made_at: instant(made),
    }
}

fn show_quality(measures: &Measures) -> QualityShown {
    let score = quality::judge(measures);
    let component = |one: &Component| ComponentShown {
        kind: one.kind.as_str(),
        value: one.value,
        took_off: one.took_off,
        at_most: one.at_most,
    };
    QualityShown {
        score: score.as_ref().map(|score| score.points),
        components: score.iter().flat_map(|score| &score.components).map(component).collect(),
        replies: measures.replies,
        latency_p95_ms: measures.latency_p95_ms,
    }
}

/// What the model wrote is shown as JSON where it is, and as text where it is not.
fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn show_tool(tool: &ToolCall) -> ToolCallShown {
    ToolCallShown {
        id: tool.id.to_string(),
        name: tool.name.clone(),
        arguments: json_or_text(&tool.arguments),
        status: tool.status.as_str(),
        output: tool.output.as_deref().map(json_or_text),
        began_at: instant(tool.began),
        took_ms: tool.took_ms,
    }
}

fn show_transfer(transfer: &Transfer) -> TransferShown {
    TransferShown {
        id: transfer.id.to_string(),
        target: transfer.listed().map(ToString::to_string),
        name: transfer.name.clone(),
        announced: transfer.announced,
        by: transfer.by.clone(),
        state: transfer.state.as_str(),
        asked_at: instant(transfer.asked),
        connected_at: transfer.connected.map(instant),
        ended_at: transfer.ended.map(instant),
    }
}

/// The calls, latest first.
#[utoipa::path(get, path = "/api/calls", tag = "calls", params(CallsAsked),
    responses((status = OK, body = Listed<CallShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<CallsAsked>,
) -> Result<Json<Listed<CallShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let page = calls::list(&doors.store, &by, &asked.filter()?, after.as_ref(), count).await?;
    Ok(Listed::of(page, |call| show_one(&call)))
}

/// One call with everything that was kept of it.
#[utoipa::path(get, path = "/api/calls/{call}", tag = "calls", params(("call", description = "Its id.")),
    responses((status = OK, body = CallWhole)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<Tagged<CallWhole>, Problem> {
    Ok(whole(calls::show(&doors.store, &by, &id(&call)?).await?))
}

/// A call with everything that was kept of it; its state is that of what the team has written on it.
pub(super) fn whole(kept: Kept) -> Tagged<CallWhole> {
    let revision = kept.remarks.revision;
    let shown = CallWhole {
        note: kept.remarks.item.note.clone(),
        call: show_one(&kept.record),
        turns: kept.turns.iter().map(show_turn).collect(),
        tool_calls: kept.tool_calls.iter().map(show_tool).collect(),
        appointments: kept.appointments.iter().map(|appointment| appointment.id.to_string()).collect(),
        messages: kept.messages.iter().map(|message| message.id.to_string()).collect(),
        transfers: kept.transfers.iter().map(show_transfer).collect(),
        consent: kept.consent.map(|yes| ConsentShown { at: instant(yes.at), wording: yes.wording }),
        participants: participants(&kept.turns).map(show_participant).into(),
        recording: kept.taped.map(show_recording),
        quality: kept.measures.as_ref().map(show_quality),
        summary: kept.summary.map(show_summary),
        imported_transcript: kept.import.as_ref().map(imports::show),
    };
    Tagged::shown(shown, revision)
}

/// Ends a call that is in the air, with a goodbye.
#[utoipa::path(post, path = "/api/calls/{call}/end", tag = "calls", params(("call", description = "Its id.")),
    responses((status = ACCEPTED, description = "The caller is told goodbye.")))]
async fn end(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    let call: CallId = id(&call)?;
    let in_air = doors.lines.carries(by.tenant(), &call);
    calls::end(&doors.store, &by, doors.clock.now(), &call, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(by.tenant(), &call, AskedOfCall::Dismiss);
    Ok(StatusCode::ACCEPTED)
}

/// Passes a call in the air on to a person. The caller hears so first.
#[utoipa::path(post, path = "/api/calls/{call}/transfer", tag = "calls", params(("call", description = "Its id.")),
    request_body = TransferWanted, responses((status = ACCEPTED, body = TransferShown)))]
async fn transfer(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    JsonBody(wanted): JsonBody<TransferWanted>,
) -> Result<(StatusCode, Json<TransferShown>), Problem> {
    let call: CallId = id(&call)?;
    let mut faults = Faults::new();
    let target = faults.take(wanted.target.parse(), "/target");
    faults.unless(
        wanted.wish.chars().count() <= WISH_CHARS_MAX && !wanted.wish.chars().any(char::is_control),
        "/wish",
        format!("must be one line of at most {WISH_CHARS_MAX} characters"),
    );
    let Some(target) = target else { return Err(faults.refusal().into()) };
    faults.settle()?;
    let in_air = doors.lines.carries(by.tenant(), &call);
    let asked = transfers::Asked { target, announced: wanted.announced, wish: wanted.wish };
    let transfer = transfers::ask(&doors.store, &by, doors.clock.now(), &call, asked, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(by.tenant(), &call, AskedOfCall::PassOn);
    Ok((StatusCode::ACCEPTED, Json(show_transfer(&transfer))))
}

/// Takes a call in the air over: the asker's own telephone is rung, she hears who calls and takes the call with the key 1. If
/// nobody takes it, or when her line ends and the caller is still there, the agent is back and says so. Not for programs.
#[utoipa::path(post, path = "/api/calls/{call}/take-over", tag = "calls", params(("call", description = "Its id.")),
    request_body = TakeOverWanted, responses((status = ACCEPTED, body = TransferShown)))]
async fn take_over(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    JsonBody(wanted): JsonBody<TakeOverWanted>,
) -> Result<(StatusCode, Json<TransferShown>), Problem> {
    let call: CallId = id(&call)?;
    let in_air = doors.lines.carries(by.tenant(), &call);
    let wanted = transfers::TakeOver { telephone: wanted.telephone.as_deref(), keep: wanted.keep };
    let transfer = transfers::take_over(&doors.store, &by, doors.clock.now(), &call, wanted, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(by.tenant(), &call, AskedOfCall::PassOn);
    Ok((StatusCode::ACCEPTED, Json(show_transfer(&transfer))))
}

/// Puts a caller on hold: the agent neither speaks nor listens, and the caller hears so.
#[utoipa::path(post, path = "/api/calls/{call}/hold", tag = "calls", params(("call", description = "Its id.")),
    responses((status = ACCEPTED, description = "The call is told.")))]
async fn hold(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    steer(&doors, &by, &call, Steer::Hold, AskedOfCall::Hold).await
}

/// Takes a caller back who is on hold.
#[utoipa::path(post, path = "/api/calls/{call}/resume", tag = "calls", params(("call", description = "Its id.")),
    responses((status = ACCEPTED, description = "The call is told.")))]
async fn resume(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    steer(&doors, &by, &call, Steer::Resume, AskedOfCall::Resume).await
}

/// Silences the agent: it says nothing, and what the caller says is heard and written down all the same. Let go of, or by itself
/// after two minutes, it answers that.
#[utoipa::path(post, path = "/api/calls/{call}/mute", tag = "calls", params(("call", description = "Its id.")),
    responses((status = ACCEPTED, description = "The call is told.")))]
async fn mute(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    steer(&doors, &by, &call, Steer::Mute, AskedOfCall::Mute).await
}

/// Lets the agent speak again.
#[utoipa::path(post, path = "/api/calls/{call}/unmute", tag = "calls", params(("call", description = "Its id.")),
    responses((status = ACCEPTED, description = "The call is told.")))]
async fn unmute(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    steer(&doors, &by, &call, Steer::Unmute, AskedOfCall::Unmute).await
}

async fn steer(
    doors: &Doors,
    by: &Actor,
    call: &str,
    what: Steer,
    asked: AskedOfCall,
) -> Result<StatusCode, Problem> {
    let call: CallId = id(call)?;
    let in_air = doors.lines.carries(by.tenant(), &call);
    calls::steer(&doors.store, by, doors.clock.now(), &call, what, in_air).await?;
    // One that has ended meanwhile has ended.
    doors.lines.ask(by.tenant(), &call, asked);
    Ok(StatusCode::ACCEPTED)
}

/// A call's recording. A part of it can be asked for with `Range`.
#[utoipa::path(get, path = "/api/calls/{call}/recording", tag = "calls", params(("call", description = "Its id.")),
    responses((status = OK, content_type = "audio/ogg", body = Vec<u8>),
        (status = PARTIAL_CONTENT, description = "The part that was asked for."),
        (status = RANGE_NOT_SATISFIABLE, description = "There is no such part.")))]
async fn recording(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let listening = recordings::open(&doors.store, &doors.blobs, &doors.keys, &by, &id(&call)?).await?;
    Ok(listened(listening, &method, &asked))
}

/// The answer to somebody who wants to listen, to all of it or to a part.
pub(in crate::http) fn listened(
    Listening { tape, name }: Listening,
    method: &Method,
    asked: &HeaderMap,
) -> Response {
    let (name, length) = (name.as_str(), tape.len());
    let kind = match name.rsplit('.').next() {
        Some("ogg") => "audio/ogg",
        Some("tar") => "application/x-tar",
        _ => "audio/wav",
    };
    // A blob is written once, and one that is being written only grows: its name and length say which it is.
    let tag = format!("\"{}-{length}\"", name.rsplit(['/']).next().unwrap_or(name));
    // RFC 9110 §14.2: only GET knows parts.
    let range = asked.get(header::RANGE).filter(|_| *method == Method::GET);
    let range = range.and_then(|range| range.to_str().ok());
    let same = asked.get(header::IF_RANGE).is_none_or(|wanted| wanted.as_bytes() == tag.as_bytes());
    let part = match range.filter(|_| same).map(|range| part(range, length)) {
        Some(Part::Nowhere) => {
            let length = format!("bytes */{length}");
            return ([(header::CONTENT_RANGE, length)], Problem::NoSuchPart).into_response();
        }
        Some(Part::From(from, until)) => Some((from, until)),
        Some(Part::Whole) | None => None,
    };
    let (from, until) = part.unwrap_or((0, length));
    let mut response = Response::new(Body::from_stream(pieces(tape, from, until)));
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, kind);
    put(header::ACCEPT_RANGES, "bytes");
    put(header::ETAG, &tag);
    put(header::CONTENT_LENGTH, &(until - from).to_string());
    if part.is_some() {
        // RFC 9110 §14.4: the last byte is named, not the one behind it.
        put(header::CONTENT_RANGE, &format!("bytes {from}-{}/{length}", until - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// A part of a recording, opened piece by piece as it is taken, on a thread that may wait.
fn pieces(tape: Tape, from: u64, until: u64) -> impl Stream<Item = io::Result<Vec<u8>>> {
    stream::try_unfold((tape, from), move |(mut tape, at)| async move {
        let wanted = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX);
        if wanted == 0 {
            return Ok(None);
        }
        let read = move || (tape.read_at(at, wanted), tape);
        let (piece, tape) = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?;
        let piece = piece.inspect_err(|error| {
            warn!(error = error as &dyn std::error::Error, "a recording does not open");
        })?;
        let at = at + piece.len() as u64;
        Ok((!piece.is_empty()).then_some((piece, (tape, at))))
    })
}

/// Which part of something is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// All of it: what is asked cannot be read, or is several parts, which may be answered with the whole.
    Whole,
    /// From the one byte to before the other.
    From(u64, u64),
    /// None that there is.
    Nowhere,
}

/// RFC 9110 §14.1.2, one range of bytes.
fn part(range: &str, length: u64) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        (_, last) if last.contains(',') => Part::Whole,
        ("", last) => match number(last) {
            None => Part::Whole,
            Some(0) => Part::Nowhere,
            Some(_) if length == 0 => Part::Nowhere,
            Some(count) => Part::From(length.saturating_sub(count), length),
        },
        (first, last) => match (number(first), last, number(last)) {
            (Some(first), _, Some(last)) if last < first => Part::Whole,
            (Some(first), "", _) | (Some(first), _, Some(_)) if first >= length => Part::Nowhere,
            (Some(first), "", _) => Part::From(first, length),
            (Some(first), _, Some(last)) => Part::From(first, length.min(last.saturating_add(1))),
            _ => Part::Whole,
        },
    }
}
