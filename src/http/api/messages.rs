//! `/api/messages`: what callers left for the business.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, Method},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    calls::listened,
    form::{Asked, Listed, Patch, Seen, Tagged, id, instant, page},
};
use crate::{
    app::{messages, voicemail},
    domain::revision::Revised,
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    store::Message,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, edit)).routes(routes!(recording))
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
}

/// What of a message can be changed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageWanted {
    handled: bool,
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

/// Notes that a message was looked after, or that it was not after all: `{"handled": true}`.
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
    let wanted = patch.over(&MessageWanted { handled: kept.item.handled.is_some() })?;
    let now = doors.clock.now();
    Ok(tagged(&messages::handle(&doors.store, &by, now, &message, seen, wanted.handled).await?))
}
