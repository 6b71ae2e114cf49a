//! `/api/search`: words in what was said.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::instant as read_instant,
    form::{Asked, Listed, instant, page},
};
use crate::{
    app::{
        Faults,
        search::{self, Found},
    },
    domain::search::Piece,
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(calls))
}

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchAsked {
    /// Words that must all have been heard in one turn: at most eight. Endings, accents and case do not matter.
    #[param(max_length = 200)]
    q: String,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only in calls that rang at this instant or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only in calls that rang before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
}

/// A turn in which it was said.
#[derive(Serialize, ToSchema)]
struct HitShown {
    /// The call's id.
    call: String,
    #[schema(format = DateTime)]
    rang_at: String,
    /// The turn's place in the call.
    ordinal: u32,
    /// `caller` or `agent`.
    speaker: &'static str,
    /// When the turn began, since the call was answered; of an imported one, since Twilio's recording began.
    began_ms: u64,
    /// Whether it stands in the call's `imported_transcript` and not among its `turns`.
    imported: bool,
    /// The words around what was found, piece by piece.
    snippet: Vec<PieceShown>,
}

/// A piece of a snippet.
#[derive(Serialize, ToSchema)]
struct PieceShown {
    text: String,
    /// Whether it is what was looked for.
    found: bool,
}

fn show(found: Found) -> HitShown {
    let piece = |piece: Piece| PieceShown { text: piece.text, found: piece.found };
    HitShown {
        call: found.hit.call.to_string(),
        rang_at: instant(found.hit.rang),
        ordinal: found.hit.ordinal,
        speaker: found.hit.speaker.as_str(),
        began_ms: found.hit.began.0,
        imported: found.hit.imported,
        snippet: found.snippet.into_iter().map(piece).collect(),
    }
}

/// Turns of calls in which all those words were heard, those kept last first.
#[utoipa::path(get, path = "/api/search/calls", tag = "calls", params(SearchAsked),
    responses((status = OK, body = Listed<HitShown>)))]
async fn calls(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<SearchAsked>,
) -> Result<Json<Listed<HitShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let mut faults = Faults::new();
    let mut when =
        |text: &Option<String>, at: &str| text.as_ref().and_then(|text| faults.take(read_instant(text), at));
    let within = (when(&asked.from, "?from"), when(&asked.until, "?until"));
    faults.settle()?;
    let page = search::calls(&doors.store, &by, &asked.q, within, after.as_ref(), count).await?;
    Ok(Listed::of(page, show))
}
