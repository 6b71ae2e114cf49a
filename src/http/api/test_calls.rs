//! `/api/test-calls`: an assistant is tried out, from a browser or a program.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Body, id},
    outgoing::{OutgoingShown, show_one as show_outgoing},
};
use crate::{
    app::{
        Faults, calls,
        test_calls::{self, BROWSER, CallMe},
    },
    domain::{assistant::Language, id::AssistantId},
    http::{Doors, auth::By, problem::Problem, test_calls::MEDIA},
    live::Refused,
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(keep)).routes(routes!(call_me))
}

/// Whom to talk to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"assistant": "ast_…", "language": "en"}))]
struct TestCallWanted {
    /// The assistant's id. Its draft answers, if it has one.
    assistant: String,
    /// The language in which the call is opened; the assistant's first when left out.
    language: Option<String>,
}

/// A test call that begins. Open a WebSocket at `url` and send `start` with these names.
#[derive(Serialize, ToSchema)]
struct TestCallShown {
    /// Its id.
    call: String,
    /// Where its media socket is.
    url: String,
    /// Goes into `start.customParameters.token`. Good once, and not for long.
    token: String,
    /// Goes into `start.accountSid`.
    account_sid: String,
    /// Goes into `start.callSid`.
    call_sid: String,
    /// Goes into `start.streamSid`, and is in whatever comes back.
    stream_sid: String,
    /// Goes into `start.mediaFormat`.
    media_format: FormatShown,
    /// The language in which it is opened.
    language: String,
    /// In which of the assistant's versions.
    #[schema(required)]
    assistant_version: Option<i64>,
    /// In which state of its draft, if it has one.
    #[schema(required)]
    assistant_draft: Option<i64>,
    /// How long it may last.
    ends_after_ms: u64,
}

/// What sound is like on a media socket.
#[derive(Serialize, ToSchema)]
struct FormatShown {
    encoding: &'static str,
    #[serde(rename = "sampleRate")]
    sample_rate: u32,
    channels: u32,
}

/// Begins a test call of an assistant. It hears the draft, if there is one; figures, reminders and webhooks know
/// nothing of it, and what it makes goes when it is over, unless it is kept.
#[utoipa::path(post, path = "/api/test-calls", tag = "calls", request_body = TestCallWanted,
    responses((status = CREATED, body = TestCallShown)))]
async fn begin(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<TestCallWanted>,
) -> Result<(StatusCode, Json<TestCallShown>), Problem> {
    let mut faults = Faults::new();
    let assistant = faults.take(wanted.assistant.parse::<AssistantId>(), "/assistant");
    let language = wanted.language.map(|code| faults.take(code.parse::<Language>(), "/language"));
    let Some(assistant) = assistant else { return Err(faults.refusal().into()) };
    faults.settle()?;
    let now = doors.clock.now();
    let answer = test_calls::begin(&doors.store, &by, now, &assistant, language.flatten()).await?;
    let record = answer.record.clone();
    let (language, ends_after_ms) = (answer.number.language, answer.assistant.policy.max_duration_ms);
    let token = match doors.lines.expect(answer, BROWSER.to_owned()).await {
        Ok(token) => token,
        Err(refused) => {
            info!(reason = %refused, call.id = %record.id, "a test call is not taken");
            if let Err(error) = calls::refused(&doors.store, by.tenant(), &record.id, now).await {
                warn!(error = &error as &dyn std::error::Error, "a refused call could not be kept");
            }
            return Err(why(refused));
        }
    };
    let shown = TestCallShown {
        call: record.id.to_string(),
        url: doors.public_url.socket(MEDIA),
        token,
        account_sid: BROWSER.to_owned(),
        call_sid: record.sid.to_string(),
        stream_sid: format!("MZ{}", &ids::token()[..32]),
        media_format: FormatShown { encoding: "audio/x-mulaw", sample_rate: 8_000, channels: 1 },
        language: language.to_string(),
        assistant_version: record.assistant_version.map(|version| version.0),
        assistant_draft: record.test.and_then(|test| test.draft).map(|draft| draft.0),
        ends_after_ms,
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Where whoever tries an assistant out is rung.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"telephone": "+4915112345678", "keep": true}))]
struct CallMeWanted {
    /// The number of her own telephone, none that is answered here; the number that is kept for her, when left out.
    telephone: Option<String>,
    /// Whether that number is kept for her, for the next time.
    #[serde(default)]
    keep: bool,
}

/// Has an assistant ring the asker at her own telephone, by the same rules as every call of the tenant's. It is a test call: the
/// draft speaks, if there is one, and what it makes goes when it is over, unless it is kept. Rung at once or not at all: see
/// `GET /api/outgoing-calls/{outgoing}`. Not for programs.
#[utoipa::path(post, path = "/api/assistants/{assistant}/call-me", tag = "calls",
    params(("assistant", description = "Its id.")), request_body = CallMeWanted,
    responses((status = ACCEPTED, body = OutgoingShown)))]
async fn call_me(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Body(wanted): Body<CallMeWanted>,
) -> Result<(StatusCode, Json<OutgoingShown>), Problem> {
    let wanted = CallMe { telephone: wanted.telephone.as_deref(), keep: wanted.keep };
    let one = test_calls::call_me(&doors.store, &by, doors.clock.now(), &id(&assistant)?, wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(show_outgoing(&one))))
}

/// Says that what a test call makes is to stay: its appointments are written into calendars and told like any other's.
#[utoipa::path(post, path = "/api/calls/{call}/keep", tag = "calls", params(("call", description = "Its id.")),
    responses((status = NO_CONTENT, description = "It stays.")))]
async fn keep(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    test_calls::keep(&doors.store, &by, doors.clock.now(), &id(&call)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a test call is not taken.
pub(in crate::http) fn why(refused: Refused) -> Problem {
    match refused {
        Refused::NoEngine => {
            Problem::Unavailable("No key for the engine is configured: nobody could answer.")
        }
        Refused::Leaving => Problem::Unavailable("The server is leaving. Try again shortly."),
        Refused::ServerFull | Refused::TenantFull | Refused::TestsFull => {
            Problem::Conflict("limit-reached", format!("This call cannot begin: {refused}."))
        }
    }
}
