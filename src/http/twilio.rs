//! Twilio's doors: a call rings, its sound comes, its state changes.
//!
//! Who knocks is known by the signature over the configured public URL, never by what the request says of
//! its own address. A call is always answered with a document: refused or broken, the caller hears a sentence.

mod outgoing;

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use metrics::counter;
use tracing::{error, info, warn};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Doors, onward, problem::Problem, sockets};
pub use crate::telephony::{ONWARD, STATUS, VOICE};
use crate::{
    app::calls::{self, Ring, Rung},
    domain::{
        assistant::Language,
        conversation::{CallSid, CallState, Outcome},
    },
    live::Refused,
    platform::metrics::SECURITY_TOTAL,
    telephony::{
        signature::{self, Algorithm},
        twiml,
    },
};

/// Where Twilio opens a call's media socket.
pub const MEDIA: &str = "/twilio/media";

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(voice))
        .routes(routes!(media))
        .routes(routes!(status))
        .merge(outgoing::router())
}

const SIGNATURE: &str = "x-twilio-signature";
const SIGNATURE_SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// `POST /twilio/voice`: a call rings.
#[utoipa::path(post, path = "/twilio/voice", tag = "twilio",
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = OK, description = "What Twilio is to do.", content_type = "text/xml", body = String)))]
async fn voice(State(doors): State<Doors>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = match signed_form(&doors, &uri, &headers, &body).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let twilio = &doors.twilio;
    let ring = match ring(&form) {
        Ok(ring) => ring,
        Err(problem) => return problem.into_response(),
    };
    let account_sid = ring.account_sid.clone();
    match calls::ring(&doors.store, doors.clock.now(), ring).await {
        Ok(Rung::Answer(answer)) => {
            let language = answer.number.language;
            let (tenant, call) = (answer.tenant.id.clone(), answer.record.id.clone());
            match doors.lines.expect(*answer, account_sid).await {
                Ok(token) => document(connected(&doors, language, &token)),
                Err(refused) => {
                    info!(reason = %refused, call.id = %call, "a call is not taken");
                    if let Err(error) = calls::refused(&doors.store, &tenant, &call, doors.clock.now()).await
                    {
                        warn!(error = &error as &dyn std::error::Error, "a refused call could not be kept");
                    }
                    document(match refused {
                        Refused::NoEngine => twiml::apology(twilio, language),
                        Refused::ServerFull | Refused::TenantFull | Refused::TestsFull | Refused::Leaving => {
                            twiml::refused(twilio, language)
                        }
                    })
                }
            }
        }
        Ok(Rung::SteppedBack(stepped)) => {
            info!(call.id = %stepped.call, "the assistant has stepped back");
            document(onward::stepped_back(&doors, &stepped))
        }
        Ok(Rung::Blocked { call, language }) => {
            info!(call.id = %call, "a caller is blocked");
            document(twiml::not_taken(twilio, language))
        }
        Ok(Rung::ForwardingTest { tenant, call, .. }) => {
            info!(call.id = %call, "a test of a line's forwarding has come back");
            doors.lines.tell_ended(&tenant, &call, Outcome::ForwardingTest);
            document(twiml::back())
        }
        Ok(Rung::UnknownNumber) => {
            info!("a call for a number nobody here has");
            document(twiml::unknown_number(twilio))
        }
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "a call could not be taken");
            document(twiml::apology(twilio, Language::English))
        }
    }
}

/// `POST /twilio/status`: how a call goes on. States only move forward.
#[utoipa::path(post, path = "/twilio/status", tag = "twilio",
    request_body(content_type = "application/x-www-form-urlencoded", content = Object),
    responses((status = NO_CONTENT, description = "Noted.")))]
async fn status(State(doors): State<Doors>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = match signed_form(&doors, &uri, &headers, &body).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let (Some(sid), Some(word)) = (form.get("CallSid"), form.get("CallStatus")) else {
        return Problem::Malformed("CallSid and CallStatus are needed".to_owned()).into_response();
    };
    let Ok(sid) = sid.parse::<CallSid>() else {
        return Problem::Malformed("CallSid is not a call SID".to_owned()).into_response();
    };
    let state = match word.as_str() {
        "queued" | "initiated" | "ringing" => CallState::Ringing,
        "in-progress" => CallState::InProgress,
        "completed" => CallState::Completed,
        "busy" | "failed" | "no-answer" | "canceled" => CallState::Failed,
        _ => return StatusCode::NO_CONTENT.into_response(), // A state that is yet to be invented says nothing to us.
    };
    match calls::status(&doors.store, doors.clock.now(), &sid, state).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "a call's state could not be kept");
            Problem::Unavailable("The state could not be kept.").into_response()
        }
    }
}

/// `GET /twilio/media`: a call's media socket. It is let through here by its form alone; whose call it is, it
/// must prove with its first words.
#[utoipa::path(get, path = "/twilio/media", tag = "twilio",
    responses((status = SWITCHING_PROTOCOLS, description = "A WebSocket.")))]
async fn media(State(doors): State<Doors>, request: Request) -> Response {
    sockets::open(doors, request)
}

/// The form of a request that Twilio signed with the token of the account it is about.
pub(super) async fn signed_form(
    doors: &Doors,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<BTreeMap<String, String>, Problem> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    // A name that comes twice means its last value, here as in everything that follows.
    let form: BTreeMap<String, String> = pairs.iter().cloned().collect();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let path = uri.path_and_query().map_or(uri.path(), |path| path.as_str());
    let url = doors.public_url.webhook(path);
    let signed = match (header(SIGNATURE), Algorithm::from_settings(header(SIGNATURE_SETTINGS))) {
        (Some(signature), Some(algorithm)) => {
            let token = doors.auth_token(&form).await;
            token.is_some_and(|token| signature::verify_with(algorithm, &token, &url, &pairs, signature))
        }
        _ => false,
    };
    if !signed {
        counter!(SECURITY_TOTAL, "event" => "webhook_signature").increment(1);
        warn!("a webhook was not signed as it must be");
        return Err(Problem::Unsigned);
    }
    Ok(form)
}

pub(super) fn ring(form: &BTreeMap<String, String>) -> Result<Ring, Problem> {
    let need = |name: &str| form.get(name).ok_or_else(|| Problem::Malformed(format!("{name} is needed")));
    Ok(Ring {
        sid: need("CallSid")?
            .parse()
            .map_err(|_| Problem::Malformed("CallSid is not a call SID".to_owned()))?,
        account_sid: need("AccountSid")?.clone(),
        // "anonymous", "unknown" and their like are no numbers: the caller is then nobody we know.
        from: form.get("From").and_then(|number| number.parse().ok()),
        to: need("To")?.parse().map_err(|_| Problem::Malformed("To is not a phone number".to_owned()))?,
        // Only a passed attestation of level A proves the calling number (protocols.md §1.4).
        attested: form
            .get("StirVerstat")
            .is_some_and(|verdict| verdict.starts_with("TN-Validation-Passed-A")),
        forwarded: form.get("ForwardedFrom").and_then(|number| number.parse().ok()),
    })
}

/// The document that connects a call's sound.
pub(super) fn connected(doors: &Doors, language: Language, token: &str) -> String {
    let (socket, onward) = (doors.public_url.socket(MEDIA), doors.public_url.webhook(ONWARD));
    twiml::connect(&doors.twilio, language, &socket, &onward, token)
}

pub(super) fn document(twiml: String) -> Response {
    ([(header::CONTENT_TYPE, twiml::CONTENT_TYPE)], twiml).into_response()
}
