//! `/api/messages`: what callers left for the business.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::instant as read_instant,
    calls::listened,
    form::{Asked, Body, Listed, Patch, Seen, Tagged, id, instant, page},
};
use crate::{
    app::{self, messages, voicemail},
    domain::revision::Revised,
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    store::Message,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, edit))
        .routes(routes!(recording))
        .routes(routes!(claim, release))
        .routes(routes!(not_reached, reached_after_all))
}

/// A message a caller left for the business.
#[derive(Serialize, ToSchema)]
struct MessageShown {
    /// Its id.
    id: String,
    /// The id of the call it was left in.
    #[schema(required)]
    call: Option<String>,
    /// Who left it, as they said; may be empty.
    name: String,
    /// Where they can be called back.
    #[schema(required)]
    number: Option<String>,
    /// What they want.
    text: String,
    /// Whether it was spoken to nobody, and can be listened to. `text` is then what was understood of it, and empty until that
    /// is known.
    recorded: bool,
    /// When it was left.
    #[schema(format = DateTime)]
    left_at: String,
    /// Whether somebody has looked after it.
    handled: bool,
    /// When somebody did.
    #[schema(required, format = DateTime)]
    handled_at: Option<String>,
    /// Who did, as in the audit log.
    #[schema(required)]
    handled_by: Option<String>,
    /// Whether it cannot wait.
    urgent: bool,
    /// Who calls back, as in the audit log; nobody else should meanwhile.
    #[schema(required)]
    claimed_by: Option<String>,
    /// Until when they do.
    #[schema(required, format = DateTime)]
    claimed_until: Option<String>,
    /// How often nobody was reached.
    tries: u32,
    /// When it is to be tried again.
    #[schema(required, format = DateTime)]
    again_at: Option<String>,
}

/// When it is to be tried again to reach somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"again_at": "2100-01-04T09:00:00Z"}))]
struct NotReached {
    #[schema(format = DateTime)]
    again_at: String,
}

/// What of a message can be changed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageWanted {
    handled: bool,
    urgent: bool,
}

/// Which messages, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MessagesAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that somebody has looked after, or that nobody has.
    handled: Option<bool>,
}

fn show_one(message: &Message) -> MessageShown {
    let handled = message.handled.as_ref();
    MessageShown {
        id: message.id.to_string(),
        call: message.call.as_ref().map(ToString::to_string),
        name: message.name.clone(),
        number: message.number.as_ref().map(ToString::to_string),
        text: message.text.clone(),
        recorded: message.spoken.as_ref().is_some_and(|spoken| spoken.blob.is_some()),
        left_at: instant(message.left),
        handled: handled.is_some(),
        handled_at: handled.map(|(at, _)| instant(*at)),
        handled_by: handled.map(|(_, by)| by.clone()),
        urgent: message.work.urgent,
        claimed_by: message.work.claim.as_ref().map(|(by, _)| by.clone()),
        claimed_until: message.work.claim.as_ref().map(|(_, until)| instant(*until)),
        tries: message.work.tries,
        again_at: message.work.again.map(instant),
    }
}

fn tagged(message: &Revised<Message>) -> Tagged<MessageShown> {
    Tagged::shown(show_one(&message.item), message.revision)
}

/// The messages, latest first.
#[utoipa::path(get, path = "/api/messages", tag = "messages", params(MessagesAsked),
    responses((status = OK, body = Listed<MessageShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<MessagesAsked>,
) -> Result<Json<Listed<MessageShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let page = messages::list(&doors.store, &by, asked.handled, after.as_ref(), count).await?;
    Ok(Listed::of(page, |message| show_one(&message)))
}

/// One message.
#[utoipa::path(get, path = "/api/messages/{message}", tag = "messages",
    params(("message", description = "Its id.")), responses((status = OK, body = MessageShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
) -> Result<Tagged<MessageShown>, Problem> {
    Ok(tagged(&messages::get(&doors.store, &by, &id(&message)?).await?))
}

/// The sound of a message that was spoken. A part of it can be asked for with `Range`.
#[utoipa::path(get, path = "/api/messages/{message}/recording", tag = "messages",
    params(("message", description = "Its id.")),
    responses((status = OK, content_type = "audio/wav", body = Vec<u8>),
        (status = PARTIAL_CONTENT, description = "The part that was asked for."),
        (status = RANGE_NOT_SATISFIABLE, description = "There is no such part.")))]
async fn recording(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let listening = voicemail::open(&doors.store, &doors.blobs, &doors.keys, &by, &id(&message)?).await?;
    Ok(listened(listening, &method, &asked))
}

/// Notes that a message was looked after, or that it was not after all, or that it cannot wait: `{"handled": true}`.
#[utoipa::path(patch, path = "/api/messages/{message}", tag = "messages",
    params(("message", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = MessageShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<MessageShown>, Problem> {
    let message = id(&message)?;
    let kept = messages::get(&doors.store, &by, &message).await?;
    let now = doors.clock.now();
    let standing = MessageWanted { handled: kept.item.handled.is_some(), urgent: kept.item.work.urgent };
    let wanted = patch.over(&standing)?;
    let wanted = messages::Wanted { handled: wanted.handled, urgent: wanted.urgent };
    Ok(tagged(&messages::edit(&doors.store, &by, now, &message, seen, wanted).await?))
}

/// Takes a message, with the others of the same caller, for ten minutes: whoever takes it calls back, and nobody else.
#[utoipa::path(post, path = "/api/messages/{message}/claim", tag = "messages",
    params(("message", description = "Its id.")), responses((status = OK, body = MessageShown)))]
async fn claim(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
) -> Result<Tagged<MessageShown>, Problem> {
    let message = id(&message)?;
    messages::claim(&doors.store, &by, doors.clock.now(), &message).await?;
    Ok(tagged(&messages::get(&doors.store, &by, &message).await?))
}

/// Lets a message go that was taken, with the others of the same caller.
#[utoipa::path(delete, path = "/api/messages/{message}/claim", tag = "messages",
    params(("message", description = "Its id.")), responses((status = NO_CONTENT, description = "Anybody may take it.")))]
async fn release(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
) -> Result<StatusCode, Problem> {
    messages::release(&doors.store, &by, doors.clock.now(), &id(&message)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that whoever left a message was called back and not reached, and when it is to be tried again.
#[utoipa::path(post, path = "/api/messages/{message}/not-reached", tag = "messages",
    params(("message", description = "Its id.")), request_body = NotReached,
    responses((status = OK, body = MessageShown)))]
async fn not_reached(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
    Body(wanted): Body<NotReached>,
) -> Result<Tagged<MessageShown>, Problem> {
    let message = id(&message)?;
    let again =
        read_instant(&wanted.again_at).map_err(|why| app::Error::invalid("/again_at", why.to_string()))?;
    messages::not_reached(&doors.store, &by, doors.clock.now(), &message, again).await?;
    Ok(tagged(&messages::get(&doors.store, &by, &message).await?))
}

/// Takes the last "not reached" back.
#[utoipa::path(delete, path = "/api/messages/{message}/not-reached", tag = "messages",
    params(("message", description = "Its id.")), responses((status = NO_CONTENT, description = "It is as if nobody had called.")))]
async fn reached_after_all(
    State(doors): State<Doors>,
    By(by): By,
    Path(message): Path<String>,
) -> Result<StatusCode, Problem> {
    messages::undo_not_reached(&doors.store, &by, doors.clock.now(), &id(&message)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
