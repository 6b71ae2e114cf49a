//! `PATCH /api/calls/{call}`: what a team writes on a call.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::{
    calls::{CallWhole, whole},
    form::{Patch, Seen, Tagged, id},
};
use crate::{
    app::{Faults, calls, remarks},
    domain::{
        id::CallId,
        remarks::{Remarks, Tag},
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

/// What of a call can be changed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RemarksWanted {
    #[serde(default)]
    note: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// Changes what the team has written on a call: `{"note": "Rings again on Friday.", "tags": ["bill"]}`.
#[utoipa::path(patch, path = "/api/calls/{call}", tag = "calls", params(("call", description = "Its id.")),
    request_body = MergePatch, responses((status = OK, body = CallWhole)))]
pub(super) async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(call): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<CallWhole>, Problem> {
    let call: CallId = id(&call)?;
    let now = doors.clock.now();
    remarks::edit(&doors.store, &by, now, &call, seen, |standing| {
        let wanted: RemarksWanted = patch.over(&RemarksWanted {
            note: standing.note.clone(),
            tags: standing.tags.iter().map(Tag::to_string).collect(),
        })?;
        let mut faults = Faults::new();
        let tags = wanted.tags.iter().enumerate();
        let tags = tags.filter_map(|(i, text)| faults.take(text.parse(), format!("/tags/{i}"))).collect();
        faults.settle()?;
        Ok(Remarks { note: wanted.note, tags })
    })
    .await?;
    Ok(whole(calls::show(&doors.store, &by, &call).await?))
}
