//! `/api/assistants/{assistant}/draft`: changes that only test calls hear, until they are made live.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    assistants::{AssistantShown, AssistantWanted, tagged},
    form::{Patch, Seen, Tagged, id, instant},
};
use crate::{
    app::drafts::{self, Changed},
    domain::{assistant::AssistantDraft, difference::Piece},
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(show_draft, edit_draft, discard_draft))
        .routes(routes!(publish))
        .routes(routes!(difference))
}

/// An assistant as it is to be.
#[derive(Serialize, ToSchema)]
struct DraftShown {
    /// Which state of the draft; also its `ETag`.
    draft: i64,
    /// The version it was begun from.
    base: i64,
    /// When it was changed last.
    #[schema(format = DateTime)]
    changed_at: String,
    /// Who changed it last, as in the audit log.
    changed_by: String,
    /// The assistant as it is to be.
    assistant: AssistantWanted,
}

/// What would change if a draft were made live.
#[derive(Serialize, ToSchema)]
struct DifferenceShown {
    /// The version callers hear.
    live: i64,
    /// The version the draft was begun from. Another one than `live`: the assistant was changed meanwhile, and making the
    /// draft live takes that back.
    base: i64,
    /// Which state of the draft.
    draft: i64,
    /// What differs, part by part; nothing when the draft says what callers hear.
    changes: Vec<ChangeShown>,
}

/// A part that differs.
#[derive(Serialize, ToSchema)]
struct ChangeShown {
    /// Which, as a JSON pointer into the assistant, such as `/policy/end_of_turn_ms`.
    part: String,
    /// How it is; null when it is not there.
    #[schema(required)]
    before: Value,
    /// How it is to be.
    #[schema(required)]
    after: Value,
    /// Of a text, of which pieces both are made.
    pieces: Vec<PieceShown>,
}

/// A piece of a text.
#[derive(Serialize, ToSchema)]
struct PieceShown {
    /// `stays`, `goes` or `comes`.
    fate: &'static str,
    text: String,
}

fn shown(draft: &AssistantDraft) -> Tagged<DraftShown> {
    let shown = DraftShown {
        draft: draft.number.0,
        base: draft.base.0,
        changed_at: instant(draft.changed),
        changed_by: draft.by.clone(),
        assistant: AssistantWanted::of(&draft.assistant),
    };
    Tagged::shown(shown, draft.number)
}

fn show_change(change: Changed) -> ChangeShown {
    let piece = |piece: Piece| PieceShown { fate: piece.fate.as_str(), text: piece.text };
    ChangeShown {
        part: change.part,
        before: change.before,
        after: change.after,
        pieces: change.pieces.into_iter().map(piece).collect(),
    }
}

/// The draft of an assistant. There is none until one is begun with a change.
#[utoipa::path(get, path = "/api/assistants/{assistant}/draft", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = OK, body = DraftShown)))]
async fn show_draft(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
) -> Result<Tagged<DraftShown>, Problem> {
    Ok(shown(&drafts::get(&doors.store, &by, &id(&assistant)?).await?))
}

/// Changes the draft of an assistant: a JSON merge patch. Without a draft, one begins as the assistant is; `If-Match`
/// then names the assistant's version.
#[utoipa::path(patch, path = "/api/assistants/{assistant}/draft", tag = "assistants",
    params(("assistant", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = DraftShown)))]
async fn edit_draft(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<DraftShown>, Problem> {
    let assistant = id(&assistant)?;
    let edited = drafts::edit(&doors.store, &by, doors.clock.now(), &assistant, seen, |kept| {
        patch.over(&AssistantWanted::of(kept))?.assistant(kept.id.clone())
    });
    Ok(shown(&edited.await?))
}

/// Gives the draft of an assistant up.
#[utoipa::path(delete, path = "/api/assistants/{assistant}/draft", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn discard_draft(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    drafts::discard(&doors.store, &by, doors.clock.now(), &id(&assistant)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the draft of an assistant what callers hear, as another version. `If-Match` names the state of the draft.
#[utoipa::path(post, path = "/api/assistants/{assistant}/publish", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = OK, body = AssistantShown)))]
async fn publish(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Seen(seen): Seen,
) -> Result<Tagged<AssistantShown>, Problem> {
    Ok(tagged(&drafts::publish(&doors.store, &by, doors.clock.now(), &id(&assistant)?, seen).await?))
}

/// What would change if the draft of an assistant were made live.
#[utoipa::path(get, path = "/api/assistants/{assistant}/difference", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = OK, body = DifferenceShown)))]
async fn difference(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
) -> Result<Json<DifferenceShown>, Problem> {
    let differs = drafts::difference(&doors.store, &by, &id(&assistant)?).await?;
    Ok(Json(DifferenceShown {
        live: differs.live.0,
        base: differs.base.0,
        draft: differs.draft.0,
        changes: differs.changes.into_iter().map(show_change).collect(),
    }))
}
