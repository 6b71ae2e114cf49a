//! Twilio's doors behind a call's media stream: what follows it, and how passing a caller on goes.
//!
//! What a door answers was decided before and stands in the database; who knocks is known by the signature, and speaks only
//! of calls of the account that signs. A caller always hears something: a person, the agent who is back, or an apology.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tracing::{error, warn};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Doors,
    problem::Problem,
    twilio::{connected, document, signed_form},
};
use crate::{
    app::{
        pauses::SteppedBack,
        transfers::{self, After, Announcement, Onward, Rang},
        voicemail as spoken_messages,
    },
    domain::{
        assistant::Language,
        conversation::CallSid,
        id::TransferId,
        phone::E164,
        phrases::Phrase,
        spoken,
        transfer::{Transfer, TransferState},
    },
    telephony::{
        MESSAGE_DONE, MESSAGE_KEPT, TRANSFERS,
        rest::RecordingSid,
        twiml::{self, Dial},
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(onward))
        .routes(routes!(announcement))
        .routes(routes!(taken))
        .routes(routes!(ended))
        .routes(routes!(message_done))
        .routes(routes!(message_kept))
}

type Form = BTreeMap<String, String>;

/// `POST /twilio/onward`: a call's media stream has ended; what follows?
#[utoipa::path(post, path = "/twilio/onward", tag = "twilio",
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn onward(State(doors): State<Doors>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = match signed_form(&doors, &uri, &headers, &body).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let Some(sid) = form.get("CallSid").and_then(|sid| sid.parse::<CallSid>().ok()) else {
        return Problem::Malformed("CallSid is not a call SID".to_owned()).into_response();
    };
    let twilio = &doors.twilio;
    document(match transfers::onward(&doors.store, doors.clock.now(), &sid).await {
        Ok(Onward::Ring { tenant, transfer, shown, language: _ }) => {
            doors.lines.tell_transfer(&tenant, &transfer.call, TransferState::Ringing, false);
            dialled(&doors, &transfer, &shown)
        }
        Ok(Onward::Over) => twiml::hangup(),
        Ok(Onward::Broken(language)) => voicemail(&doors, language, Phrase::Trouble),
        Ok(Onward::Unknown) => twiml::hangup(),
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "what follows a stream could not be looked up");
            twiml::apology(twilio, Language::English)
        }
    })
}

/// `POST /twilio/transfers/{transfer}/announcement`: the target has answered; what does it hear before it is connected?
#[utoipa::path(post, path = "/twilio/transfers/{transfer}/announcement", tag = "twilio",
    params(("transfer", description = "The transfer's id.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn announcement(
    State(doors): State<Doors>,
    Path(transfer): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (id, account, _) = match asked(&doors, &transfer, &uri, &headers, &body).await {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    document(match transfers::announcement(&doors.store, &id, &account).await {
        Ok(Some(told)) => {
            let taken = doors.public_url.webhook(&format!("{TRANSFERS}/{id}/taken"));
            twiml::announcement(&doors.twilio, told.language, &words(&told), &taken)
        }
        Ok(None) => twiml::hangup(),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "a call could not be announced");
            twiml::hangup()
        }
    })
}

/// `POST /twilio/transfers/{transfer}/taken`: the target has pressed a key.
#[utoipa::path(post, path = "/twilio/transfers/{transfer}/taken", tag = "twilio",
    params(("transfer", description = "The transfer's id.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn taken(
    State(doors): State<Doors>,
    Path(transfer): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (id, account, form) = match asked(&doors, &transfer, &uri, &headers, &body).await {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    if form.get("Digits").map(String::as_str) != Some(TAKE_KEY) {
        return document(twiml::hangup());
    }
    document(match transfers::taken(&doors.store, doors.clock.now(), &id, &account).await {
        Ok(Some((tenant, transfer))) => {
            doors.lines.tell_transfer(&tenant, &transfer.call, TransferState::Connected, false);
            twiml::taken()
        }
        Ok(None) => twiml::hangup(),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "it could not be kept that a call was taken");
            twiml::hangup()
        }
    })
}

/// `POST /twilio/transfers/{transfer}/ended`: ringing the target is over; what follows for the caller?
#[utoipa::path(post, path = "/twilio/transfers/{transfer}/ended", tag = "twilio",
    params(("transfer", description = "The transfer's id.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn ended(
    State(doors): State<Doors>,
    Path(transfer): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (id, account, form) = match asked(&doors, &transfer, &uri, &headers, &body).await {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    // protocols.md §1.2, `<Dial>`.
    let rang = match form.get("DialCallStatus").map(String::as_str) {
        Some("completed" | "answered") => Rang::Answered,
        Some("busy") => Rang::Busy,
        Some("no-answer") => Rang::NoAnswer,
        Some("canceled") => Rang::Cancelled,
        Some(_) | None => Rang::Failed,
    };
    let bridged = form.get("DialBridged").map(|bridged| bridged == "true");
    let now = doors.clock.now();
    // A caller who has hung up is told by the state of their own leg.
    let left = form.get("CallStatus").is_some_and(|state| state != "in-progress");
    let after = transfers::ended(&doors.store, now, &id, &account, rang, bridged, left).await;
    document(match after {
        Ok(After::Over { tenant, call, state }) => {
            doors.lines.tell_transfer(&tenant, &call, state, true);
            twiml::hangup()
        }
        Ok(After::Back { state, answer }) => {
            let language = answer.number.language;
            doors.lines.tell_transfer(&answer.tenant.id, &answer.record.id, state, false);
            match doors.lines.expect(*answer, account).await {
                Ok(token) => connected(&doors, language, &token),
                Err(refused) => {
                    warn!(reason = %refused, "a caller who was passed on cannot come back");
                    voicemail(&doors, language, Phrase::NobodyHere)
                }
            }
        }
        Ok(After::Message { tenant, call, state, language }) => {
            doors.lines.tell_transfer(&tenant, &call, state, false);
            voicemail(&doors, language, Phrase::NobodyHere)
        }
        Ok(After::Unknown) => twiml::hangup(),
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "what follows a transfer could not be looked up"
            );
            twiml::apology(&doors.twilio, Language::English)
        }
    })
}

/// `POST /twilio/messages/done/{language}`: the caller has spoken a message; what follows?
#[utoipa::path(post, path = "/twilio/messages/done/{language}", tag = "twilio",
    params(("language", description = "The call's language.")),
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn message_done(
    State(doors): State<Doors>,
    Path(language): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(problem) = signed_form(&doors, &uri, &headers, &body).await {
        return problem.into_response();
    }
    document(twiml::voicemail_done(&doors.twilio, language.parse().unwrap_or(Language::English)))
}

/// `POST /twilio/messages/kept`: a message was recorded. It is fetched by whoever works for us, not by this request.
#[utoipa::path(post, path = "/twilio/messages/kept", tag = "twilio",
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = NO_CONTENT, description = "Noted.")))]
async fn message_kept(State(doors): State<Doors>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = match signed_form(&doors, &uri, &headers, &body).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let sid = form.get("CallSid").and_then(|sid| sid.parse::<CallSid>().ok());
    let recording = form.get("RecordingSid").and_then(|sid| RecordingSid::new(sid));
    let (Some(sid), Some(recording)) = (sid, recording) else {
        return Problem::Malformed("CallSid and RecordingSid are needed".to_owned()).into_response();
    };
    if form.get("RecordingStatus").is_some_and(|status| status != "completed") {
        return StatusCode::NO_CONTENT.into_response();
    }
    // The account whose token has signed this.
    let account = form.get("AccountSid").map_or("", String::as_str);
    match spoken_messages::left(&doors.store, doors.clock.now(), account, &sid, &recording).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "a message could not be kept");
            Problem::Unavailable("The message could not be kept.").into_response()
        }
    }
}

/// The document for a call in which the assistant has stepped back: somebody at the business is rung, or a message can be
/// left.
pub(super) fn stepped_back(doors: &Doors, stepped: &SteppedBack) -> String {
    match &stepped.rung {
        Some((transfer, shown)) => dialled(doors, transfer, shown),
        None => voicemail(doors, stepped.language, Phrase::NobodyHere),
    }
}

/// The document that rings somebody for the caller.
fn dialled(doors: &Doors, transfer: &Transfer, shown: &E164) -> String {
    let at = |what: &str| doors.public_url.webhook(&format!("{TRANSFERS}/{}/{what}", transfer.id));
    let (ended, announcement) = (at("ended"), at("announcement"));
    twiml::dial(&Dial {
        number: &transfer.number,
        shown,
        ended_url: &ended,
        announcement_url: transfer.announced.then_some(announcement.as_str()),
    })
}

/// The document that takes a message, for the reason that `why` says.
fn voicemail(doors: &Doors, language: Language, why: Phrase) -> String {
    let done = doors.public_url.webhook(&format!("{MESSAGE_DONE}/{language}"));
    let kept = doors.public_url.webhook(MESSAGE_KEPT);
    twiml::voicemail(&doors.twilio, language, why, &done, &kept)
}

/// By which key a target takes a call.
const TAKE_KEY: &str = "1";

async fn asked(
    doors: &Doors,
    transfer: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(TransferId, String, Form), Problem> {
    let form = signed_form(doors, uri, headers, body).await?;
    let id = transfer.parse().map_err(|_| Problem::Malformed("that is no transfer".to_owned()))?;
    let account = form.get("AccountSid").cloned().unwrap_or_default();
    Ok((id, account, form))
}

/// What the target hears: who calls, about which service, with which wish. Facts the server knows, and one sentence of the
/// model's.
fn words(told: &Announcement) -> String {
    spoken::announcement(told.caller.as_deref(), told.service.as_deref(), &told.transfer.wish, told.language)
}
