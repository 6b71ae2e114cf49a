//! Twilio's doors for calls of ours: somebody answers, the call goes on, a machine was heard.
//!
//! Each names our own id of the call, so that what Twilio tells is understood even when its answer to the request to
//! dial never came. What is told is signed like everything else.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tracing::{error, info, warn};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{connected, document, ring, signed_form};
use crate::{
    app::{
        calls::{self, Rung},
        outgoing::news::{self, AnsweredBy},
    },
    domain::{
        conversation::{CallSid, Outcome},
        id::OutgoingId,
    },
    http::{Doors, api::form::id, problem::Problem},
    live::Refused,
    telephony::{rest::calls::Progress, twiml},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(outgoing_answered))
        .routes(routes!(outgoing_status))
        .routes(routes!(outgoing_machine))
}

/// `POST /twilio/outgoing/{outgoing}`: somebody has answered a call of ours.
#[utoipa::path(post, path = "/twilio/outgoing/{outgoing}", tag = "twilio",
    params(("outgoing", description = "Our name for it.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn outgoing_answered(
    State(doors): State<Doors>,
    Path(outgoing): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = async {
        let form = signed_form(&doors, &uri, &headers, &body).await?;
        Ok::<_, Problem>((id::<OutgoingId>(&outgoing)?, ring(&form)?))
    };
    let (outgoing, ring) = match asked.await {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    match news::answered(&doors.store, doors.clock.now(), &outgoing, &ring).await {
        Ok(Rung::Answer(answer)) => {
            let (tenant, call) = (answer.tenant.id.clone(), answer.record.id.clone());
            let language = answer.number.language;
            match doors.lines.expect(*answer, ring.account_sid).await {
                Ok(token) => document(connected(&doors, language, &token)),
                Err(refused) => {
                    info!(reason = %refused, call.id = %call, "a call of ours cannot be carried");
                    if let Err(error) = calls::refused(&doors.store, &tenant, &call, doors.clock.now()).await
                    {
                        warn!(error = &error as &dyn std::error::Error, "a refused call could not be kept");
                    }
                    match refused {
                        Refused::NoEngine
                        | Refused::ServerFull
                        | Refused::TenantFull
                        | Refused::TestsFull
                        | Refused::Leaving => document(twiml::apology(&doors.twilio, language)),
                    }
                }
            }
        }
        Ok(Rung::ForwardingTest { tenant, call, language }) => {
            info!(call.id = %call, "somebody took a test of a line's forwarding");
            doors.lines.tell_ended(&tenant, &call, Outcome::ForwardingTest);
            document(twiml::line_tested(&doors.twilio, language))
        }
        Ok(Rung::UnknownNumber | Rung::SteppedBack(_) | Rung::Blocked { .. }) => document(twiml::hangup()),
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "a call of ours could not be carried");
            document(twiml::hangup())
        }
    }
}

/// `POST /twilio/outgoing/{outgoing}/status`: how a call of ours goes on. States only move forward.
#[utoipa::path(post, path = "/twilio/outgoing/{outgoing}/status", tag = "twilio",
    params(("outgoing", description = "Our name for it.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = NO_CONTENT, description = "Noted.")))]
async fn outgoing_status(
    State(doors): State<Doors>,
    Path(outgoing): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let form = signed_form(&doors, &uri, &headers, &body).await?;
    let (outgoing, sid) = (id::<OutgoingId>(&outgoing)?, sid(&form)?);
    // A state that is yet to be invented says nothing to us.
    let Some(progress) = form.get("CallStatus").and_then(|word| Progress::of(word)) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let store = &doors.store;
    let Some(tenant) = store.across_tenants().outgoing(&outgoing).await.map_err(crate::app::Error::from)?
    else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let ended = news::told(store, &tenant, &outgoing, &sid, progress, doors.clock.now()).await?;
    if let Some((call, outcome)) = ended {
        doors.lines.tell_ended(&tenant, &call, outcome);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /twilio/outgoing/{outgoing}/machine`: what was found to have answered.
#[utoipa::path(post, path = "/twilio/outgoing/{outgoing}/machine", tag = "twilio",
    params(("outgoing", description = "Our name for it.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = NO_CONTENT, description = "Noted.")))]
async fn outgoing_machine(
    State(doors): State<Doors>,
    Path(outgoing): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let form = signed_form(&doors, &uri, &headers, &body).await?;
    let (outgoing, sid) = (id::<OutgoingId>(&outgoing)?, sid(&form)?);
    let answered_by = AnsweredBy::of(form.get("AnsweredBy").map_or("", String::as_str));
    news::machine(&doors.store, &doors.accounts, &doors.twilio, &outgoing, &sid, answered_by).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn sid(form: &BTreeMap<String, String>) -> Result<CallSid, Problem> {
    let sid = form.get("CallSid").ok_or_else(|| Problem::Malformed("CallSid is needed".to_owned()))?;
    sid.parse().map_err(|_| Problem::Malformed("CallSid is not a call SID".to_owned()))
}
