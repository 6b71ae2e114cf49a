//! `/api/calls/{call}/transcript-import`: what Twilio's Conversation Intelligence wrote down of a call.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Body as JsonBody, id, instant};
use crate::{
    app::imports::{self, Wanted},
    domain::import::{Import, ImportedTurn},
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(ask))
}

/// Which transcript is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"transcript": "GT0123456789abcdef0123456789abcdef"}))]
struct ImportWanted {
    /// Twilio's name for it, in the account the call came from: `GT` and 32 hexadecimal digits.
    transcript: String,
    /// On which of its channels the caller is, 1 or 2; as the transcript's participants say when left out, else 2, as Twilio
    /// takes it to be.
    #[schema(minimum = 1, maximum = 2)]
    caller_channel: Option<u32>,
}

/// What Twilio wrote down of a call, or is to.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportShown {
    /// Twilio's name for it.
    transcript: String,
    /// `waiting`, `done` or `failed`. It is waited for about an hour.
    state: &'static str,
    /// Why it could not be fetched.
    #[schema(required)]
    problem: Option<String>,
    /// Who asked for it, as in the audit log.
    asked_by: String,
    #[schema(format = DateTime)]
    asked_at: String,
    /// When it was fetched, or given up.
    #[schema(required, format = DateTime)]
    done_at: Option<String>,
    /// What it says, in order.
    turns: Vec<ImportedTurnShown>,
}

/// A sentence of it.
#[derive(Serialize, ToSchema)]
struct ImportedTurnShown {
    /// Its place, from 0.
    ordinal: u32,
    /// `caller`, or `agent` for everybody else.
    speaker: &'static str,
    /// The channel of the recording it was heard on, as Twilio counts them.
    channel: u32,
    /// When it began, since Twilio's recording did: not on the clock of `turns`.
    began_ms: u64,
    ended_ms: u64,
    text: String,
    /// How sure Twilio is of the words, from 0 to 1; null where it does not say.
    #[schema(required)]
    confidence: Option<f64>,
}

pub(super) fn show((import, turns): &(Import, Vec<ImportedTurn>)) -> ImportShown {
    let turn = |turn: &ImportedTurn| ImportedTurnShown {
        ordinal: turn.ordinal,
        speaker: turn.speaker.as_str(),
        channel: turn.channel,
        began_ms: turn.began_ms,
        ended_ms: turn.ended_ms,
        text: turn.text.clone(),
        confidence: turn.confidence,
    };
    ImportShown {
        transcript: import.transcript.clone(),
        state: import.state.as_str(),
        problem: import.problem.clone(),
        asked_by: import.asked_by.clone(),
        asked_at: instant(import.asked),
        done_at: import.done.map(instant),
        turns: turns.iter().map(turn).collect(),
    }
}

/// Has a transcript fetched that Twilio's Conversation Intelligence made of a call. What was fetched before goes.
#[utoipa::path(post, path = "/api/calls/{call}/transcript-import", tag = "calls",
    params(("call", description = "Its id.")), request_body = ImportWanted,
    responses((status = ACCEPTED, body = ImportShown)))]
async fn ask(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    JsonBody(wanted): JsonBody<ImportWanted>,
) -> Result<(StatusCode, Json<ImportShown>), Problem> {
    let wanted = Wanted { transcript: wanted.transcript, caller_channel: wanted.caller_channel };
    let import = imports::ask(&doors.store, &by, doors.clock.now(), &id(&call)?, &wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(show(&(import, vec![])))))
}
