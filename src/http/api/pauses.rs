//! `/api/pause`: the assistant steps back everywhere. At one number: `/api/numbers/{number}`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Patch, Seen, Tagged, instant};
use crate::{
    app::{self, Faults, pauses},
    domain::{
        pause::{Pause, UNTIL_TAKEN_BACK},
        revision::Revised,
        time::Timestamp,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(show, edit))
}

/// What can be changed of a pause.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PauseWanted {
    paused_until: Option<String>,
    fallback_number: Option<String>,
}

/// Whether the assistant steps back everywhere.
#[derive(Serialize, ToSchema)]
struct PauseShown {
    /// Until when, or `until_taken_back`; null when it does not.
    #[schema(required)]
    paused_until: Option<String>,
    /// Where callers go who ring at a number without a fallback of its own; null when they can only leave a message.
    #[schema(required)]
    fallback_number: Option<String>,
}

/// Until when somebody steps back, as it is shown.
pub(super) fn show_until(until: Timestamp) -> String {
    if until == UNTIL_TAKEN_BACK { pauses::TAKEN_BACK.to_owned() } else { instant(until) }
}

/// The pause that is wanted in place of `kept`; everything that is wrong is told at once.
pub(super) fn read_pause(
    kept: &Pause,
    until: Option<&str>,
    fallback: Option<&str>,
) -> Result<Pause, app::Error> {
    let mut faults = Faults::new();
    let until = until.map(|text| {
        if text == pauses::TAKEN_BACK {
            return Some(UNTIL_TAKEN_BACK);
        }
        let read = text.parse::<jiff::Timestamp>().map(Timestamp::from);
        let read =
            read.map_err(|_| "must be an instant such as 2026-11-21T14:30:00+01:00, or `until_taken_back`");
        faults.take(read, "/paused_until")
    });
    let fallback = fallback.map(|text| match &kept.fallback {
        // What stands there was right when it was set.
        Some(number) if number.as_str() == text => Some(number.clone()),
        Some(_) | None => faults.take(pauses::fallback(text, None), "/fallback_number"),
    });
    faults.settle()?;
    Ok(Pause { until: until.flatten(), fallback: fallback.flatten() })
}

fn tagged(pause: &Revised<Pause>) -> Tagged<PauseShown> {
    let shown = PauseShown {
        paused_until: pause.item.until.map(show_until),
        fallback_number: pause.item.fallback.as_ref().map(ToString::to_string),
    };
    Tagged::shown(shown, pause.revision)
}

/// Whether the assistant steps back everywhere.
#[utoipa::path(get, path = "/api/pause", tag = "numbers", responses((status = OK, body = PauseShown)))]
async fn show(State(doors): State<Doors>, By(by): By) -> Result<Tagged<PauseShown>, Problem> {
    Ok(tagged(&pauses::get(&doors.store, &by).await?))
}

/// Has the assistant step back everywhere, or takes that back: a JSON merge patch. Callers go to the fallback number of the
/// number they rang at, else to the one named here, else they can leave a message. Reminders and other calls from here go on.
#[utoipa::path(patch, path = "/api/pause", tag = "numbers", request_body = MergePatch,
    responses((status = OK, body = PauseShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<PauseShown>, Problem> {
    let edited = pauses::edit(&doors.store, &by, doors.clock.now(), seen, |kept| {
        let form = PauseWanted {
            paused_until: kept.until.map(show_until),
            fallback_number: kept.fallback.as_ref().map(ToString::to_string),
        };
        let wanted: PauseWanted = patch.over(&form)?;
        read_pause(kept, wanted.paused_until.as_deref(), wanted.fallback_number.as_deref())
    });
    Ok(tagged(&edited.await?))
}
