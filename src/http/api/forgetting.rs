//! `/api/retention`, `/api/erasures`, `/api/exports`: what is kept for how long, who is forgotten, copies of what is known.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    calls::listened,
    form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id, instant},
    tenants::at,
};
use crate::{
    app::{
        self, Faults,
        forgetting::{self, erasures, exports, tenants},
    },
    domain::{
        forgetting::{Erasure, Export, ExportOf, Person, Retention, TenantErasure},
        revision::Revised,
    },
    http::{
        Doors,
        auth::{self, By, ByOperator},
        doc::MergePatch,
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(retention, edit_retention))
        .routes(routes!(list_erasures, erase))
        .routes(routes!(show_erasure, decline))
        .routes(routes!(approve))
        .routes(routes!(list_exports, export))
        .routes(routes!(show_export, remove_export))
        .routes(routes!(fetch_export))
        .routes(routes!(erase_tenant))
        .routes(routes!(list_tenant_erasures))
}

/// For how many days what is kept.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetentionShown {
    /// The sound of calls; not longer than `calls`.
    recordings: u32,
    /// The words of calls: transcripts, summaries, what the assistant looked up; and the sound of spoken messages. Not longer
    /// than `calls`.
    transcripts: u32,
    /// Messages, handled or not.
    messages: u32,
    /// That there was a call, with whom and when; attempts to reach somebody.
    calls: u32,
    /// Appointments, from their end on.
    appointments: u32,
    /// People of whom nothing else is kept.
    contacts: u32,
    /// What becomes of a caller's own wish to be forgotten: `approve` has somebody who works here agree first, `at_once` does it
    /// after the call, unless some service is `sensitive`: then somebody agrees first all the same.
    by_caller: String,
}

impl RetentionShown {
    fn of(kept: &Retention) -> Self {
        Self {
            recordings: kept.recordings,
            transcripts: kept.transcripts,
            messages: kept.messages,
            calls: kept.calls,
            appointments: kept.appointments,
            contacts: kept.contacts,
            by_caller: kept.by_caller.as_str().to_owned(),
        }
    }

    fn retention(self) -> Result<Retention, app::Error> {
        let mut faults = Faults::new();
        let by_caller = faults.take(self.by_caller.parse(), "/by_caller").unwrap_or_default();
        faults.settle()?;
        Ok(Retention {
            recordings: self.recordings,
            transcripts: self.transcripts,
            messages: self.messages,
            calls: self.calls,
            appointments: self.appointments,
            contacts: self.contacts,
            by_caller,
        })
    }
}

fn tagged(kept: &Revised<Retention>) -> Tagged<RetentionShown> {
    Tagged::shown(RetentionShown::of(&kept.item), kept.revision)
}

/// For how many days what is kept.
#[utoipa::path(get, path = "/api/retention", tag = "forgetting", responses((status = OK, body = RetentionShown)))]
async fn retention(State(doors): State<Doors>, By(by): By) -> Result<Tagged<RetentionShown>, Problem> {
    Ok(tagged(&forgetting::retention(&doors.store, &by).await?))
}

/// Changes for how many days what is kept: a JSON merge patch. What is older goes within an hour or so, for good.
#[utoipa::path(patch, path = "/api/retention", tag = "forgetting", request_body = MergePatch,
    responses((status = OK, body = RetentionShown)))]
async fn edit_retention(
    State(doors): State<Doors>,
    By(by): By,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<RetentionShown>, Problem> {
    let edited = forgetting::edit_retention(&doors.store, &by, doors.clock.now(), seen, |kept| {
        patch.over(&RetentionShown::of(kept))?.retention()
    });
    Ok(tagged(&edited.await?))
}

/// Who is meant: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+4915112345678"}))]
struct WhomWanted {
    /// Whoever has that telephone number.
    number: Option<String>,
    /// The contact of that id, and everything that belongs to its number.
    contact: Option<String>,
}

impl WhomWanted {
    fn whom(self) -> Result<erasures::Whom, app::Error> {
        match (self.number, self.contact) {
            (Some(number), None) => Ok(erasures::Whom::Number(number)),
            (None, Some(contact)) => Ok(erasures::Whom::Contact(contact)),
            _ => Err(app::Error::invalid("", "must name either a `number` or a `contact`")),
        }
    }
}

/// Somebody who is to be forgotten, and the receipt once they are. It does not say who.
#[derive(Serialize, ToSchema)]
struct ErasureShown {
    /// Its id.
    id: String,
    /// `requested` by a caller and not agreed to, `running`, `done` or `declined`.
    state: &'static str,
    /// The last two digits of the number; null without one.
    #[schema(required)]
    digits: Option<String>,
    /// Who asked: an id, or `caller`.
    asked_by: String,
    #[schema(format = DateTime)]
    asked_at: String,
    /// Who agreed or declined, when a caller had asked.
    #[schema(required)]
    approved_by: Option<String>,
    /// When nothing was left, or it was declined.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// How many rows went, by table. `events_left` counts events that a calendar outside did not give
    /// back, `sounds_left` spoken messages that Twilio did not.
    counts: BTreeMap<String, u64>,
}

fn show(erasure: Erasure) -> ErasureShown {
    ErasureShown {
        id: erasure.id.to_string(),
        state: erasure.state.as_str(),
        digits: Some(erasure.digits).filter(|digits| !digits.is_empty()),
        asked_by: erasure.asked_by,
        asked_at: instant(erasure.asked),
        approved_by: erasure.approved_by,
        ended_at: erasure.ended.map(instant),
        counts: erasure.counts,
    }
}

/// People who were forgotten, or are to be, in the order of their asking.
#[utoipa::path(get, path = "/api/erasures", tag = "forgetting", params(PageAsked),
    responses((status = OK, body = Listed<ErasureShown>)))]
async fn list_erasures(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ErasureShown>>, Problem> {
    let (count, after) = asked.page()?;
    Ok(Listed::of(erasures::list(&doors.store, &by, after.as_ref(), count).await?, show))
}

/// Has everything about somebody forgotten, for good: who they are, calls and what was said in them, recordings, messages,
/// appointments, of which coming ones are cancelled, and their events in calendars outside. That they do not want to be called
/// is not forgotten.
#[utoipa::path(post, path = "/api/erasures", tag = "forgetting", request_body = WhomWanted,
    responses((status = ACCEPTED, body = ErasureShown)))]
async fn erase(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<WhomWanted>,
) -> Result<(StatusCode, Json<ErasureShown>), Problem> {
    let erasure = erasures::ask(&doors.store, &by, doors.clock.now(), &wanted.whom()?).await?;
    Ok((StatusCode::ACCEPTED, Json(show(erasure))))
}

/// One of them: the receipt.
#[utoipa::path(get, path = "/api/erasures/{erasure}", tag = "forgetting", params(("erasure", description = "Its id.")),
    responses((status = OK, body = ErasureShown)))]
async fn show_erasure(
    State(doors): State<Doors>,
    By(by): By,
    Path(erasure): Path<String>,
) -> Result<Json<ErasureShown>, Problem> {
    Ok(Json(show(erasures::get(&doors.store, &by, &id(&erasure)?).await?)))
}

/// Agrees to what a caller has asked for.
#[utoipa::path(post, path = "/api/erasures/{erasure}/approve", tag = "forgetting",
    params(("erasure", description = "Its id.")), responses((status = ACCEPTED, body = ErasureShown)))]
async fn approve(
    State(doors): State<Doors>,
    By(by): By,
    Path(erasure): Path<String>,
) -> Result<(StatusCode, Json<ErasureShown>), Problem> {
    let approved = erasures::approve(&doors.store, &by, doors.clock.now(), &id(&erasure)?).await?;
    Ok((StatusCode::ACCEPTED, Json(show(approved))))
}

/// Declines what a caller has asked for. They may have to be told why.
#[utoipa::path(delete, path = "/api/erasures/{erasure}", tag = "forgetting",
    params(("erasure", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn decline(
    State(doors): State<Doors>,
    By(by): By,
    Path(erasure): Path<String>,
) -> Result<StatusCode, Problem> {
    erasures::decline(&doors.store, &by, doors.clock.now(), &id(&erasure)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is to be copied: what is known of somebody, or everything.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+4915112345678"}))]
struct ExportWanted {
    /// Whoever has that telephone number.
    number: Option<String>,
    /// The contact of that id, and everything that belongs to its number.
    contact: Option<String>,
    /// True for everything of the tenant's. Owners only.
    #[serde(default)]
    everything: bool,
}

/// A copy of what is known.
#[derive(Serialize, ToSchema)]
struct ExportShown {
    /// Its id.
    id: String,
    /// `number`, `contact` or `everything`.
    of: &'static str,
    /// `running` or `done`.
    state: &'static str,
    /// Who asked.
    asked_by: String,
    #[schema(format = DateTime)]
    asked_at: String,
    /// When it is gone.
    #[schema(format = DateTime)]
    expires_at: String,
    /// How long it is, in bytes; 0 until it is done.
    length: u64,
    /// How many of what it holds.
    counts: BTreeMap<String, u64>,
}

fn show_copy(export: Export) -> ExportShown {
    ExportShown {
        id: export.id.to_string(),
        of: match export.of {
            ExportOf::Person(Person::Number(_)) => "number",
            ExportOf::Person(Person::Contact(_)) => "contact",
            ExportOf::Tenant => "everything",
        },
        state: if export.done.is_some() { "done" } else { "running" },
        asked_by: export.asked_by,
        asked_at: instant(export.asked),
        expires_at: instant(export.expires),
        length: export.length,
        counts: export.counts,
    }
}

/// The copies, in the order of their asking.
#[utoipa::path(get, path = "/api/exports", tag = "forgetting", params(PageAsked),
    responses((status = OK, body = Listed<ExportShown>)))]
async fn list_exports(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ExportShown>>, Problem> {
    let (count, after) = asked.page()?;
    Ok(Listed::of(exports::list(&doors.store, &by, after.as_ref(), count).await?, show_copy))
}

/// Has a copy made of what is known of somebody, or of everything. It can be fetched for seven days.
#[utoipa::path(post, path = "/api/exports", tag = "forgetting", request_body = ExportWanted,
    responses((status = ACCEPTED, body = ExportShown)))]
async fn export(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ExportWanted>,
) -> Result<(StatusCode, Json<ExportShown>), Problem> {
    let ExportWanted { number, contact, everything } = wanted;
    let whom = match (everything, number, contact) {
        (true, None, None) => None,
        (true, ..) => return Err(app::Error::invalid("/everything", "leaves nobody to be named").into()),
        (false, number, contact) => Some(WhomWanted { number, contact }.whom()?),
    };
    let export = exports::ask(&doors.store, &by, doors.clock.now(), whom.as_ref()).await?;
    Ok((StatusCode::ACCEPTED, Json(show_copy(export))))
}

/// One of them.
#[utoipa::path(get, path = "/api/exports/{export}", tag = "forgetting", params(("export", description = "Its id.")),
    responses((status = OK, body = ExportShown)))]
async fn show_export(
    State(doors): State<Doors>,
    By(by): By,
    Path(export): Path<String>,
) -> Result<Json<ExportShown>, Problem> {
    Ok(Json(show_copy(exports::get(&doors.store, &by, &id(&export)?).await?)))
}

/// The copy itself: a tar archive with JSON lines and sound, and a `manifest.json` that says what is in it. A part of it can be
/// asked for with `Range`. That it was fetched stands in the audit log.
#[utoipa::path(get, path = "/api/exports/{export}/content", tag = "forgetting",
    params(("export", description = "Its id.")),
    responses((status = OK, content_type = "application/x-tar", body = Vec<u8>),
        (status = PARTIAL_CONTENT, description = "The part that was asked for."),
        (status = RANGE_NOT_SATISFIABLE, description = "There is no such part.")))]
async fn fetch_export(
    State(doors): State<Doors>,
    By(by): By,
    Path(export): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let export = id(&export)?;
    let now = doors.clock.now();
    let copy = exports::open(&doors.store, &doors.blobs, &doors.keys, &by, now, &export).await?;
    let mut response = listened(copy, &method, &asked);
    let kept = format!("attachment; filename=\"{export}.tar\"");
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
    }
    Ok(response)
}

/// Removes a copy before its time.
#[utoipa::path(delete, path = "/api/exports/{export}", tag = "forgetting",
    params(("export", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove_export(
    State(doors): State<Doors>,
    By(by): By,
    Path(export): Path<String>,
) -> Result<StatusCode, Problem> {
    exports::remove(&doors.store, &doors.blobs, &by, doors.clock.now(), &id(&export)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What it takes to forget a tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantErasureWanted {
    /// Its slug, so that nobody does this by accident.
    slug: String,
}

/// A tenant that is to be forgotten, and the receipt once it is.
#[derive(Serialize, ToSchema)]
struct TenantErasureShown {
    /// Its id.
    id: String,
    /// The tenant's id.
    tenant: String,
    /// `running` or `done`.
    state: &'static str,
    /// Who asked.
    asked_by: String,
    #[schema(format = DateTime)]
    asked_at: String,
    /// When nothing was left.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// How many rows went, by table.
    counts: BTreeMap<String, u64>,
}

fn show_tenant(erasure: TenantErasure) -> TenantErasureShown {
    TenantErasureShown {
        id: erasure.id.to_string(),
        tenant: erasure.tenant.to_string(),
        state: if erasure.ended.is_some() { "done" } else { "running" },
        asked_by: erasure.asked_by,
        asked_at: instant(erasure.asked),
        ended_at: erasure.ended.map(instant),
        counts: erasure.counts,
    }
}

/// Has a tenant and everything of it forgotten, for good, as soon as no call is in the air. From here on nobody is let in and no
/// call is taken. Its owner or an operator may; the receipt is the operator's.
#[utoipa::path(post, path = "/api/tenants/{tenant}/erasure", tag = "tenants",
    params(("tenant", description = "Its id.")), request_body = TenantErasureWanted,
    responses((status = ACCEPTED, body = TenantErasureShown)))]
async fn erase_tenant(
    State(doors): State<Doors>,
    auth::Person(proven): auth::Person,
    Path(tenant): Path<String>,
    Body(wanted): Body<TenantErasureWanted>,
) -> Result<(StatusCode, Json<TenantErasureShown>), Problem> {
    let by = at(&proven, &tenant)?;
    let erasure = tenants::ask(&doors.store, &by, doors.clock.now(), &wanted.slug).await?;
    Ok((StatusCode::ACCEPTED, Json(show_tenant(erasure))))
}

/// Tenants that were forgotten, or are to be, in the order of their asking. For operators.
#[utoipa::path(get, path = "/api/tenant-erasures", tag = "tenants", params(PageAsked),
    responses((status = OK, body = Listed<TenantErasureShown>)))]
async fn list_tenant_erasures(
    State(doors): State<Doors>,
    ByOperator(by): ByOperator,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<TenantErasureShown>>, Problem> {
    let (count, after) = asked.page()?;
    Ok(Listed::of(tenants::list(&doors.store, &by, after.as_ref(), count).await?, show_tenant))
}
