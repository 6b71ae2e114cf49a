//! `/api/api-keys`: programs' ways in.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        self, Faults,
        people::api_keys::{self, Wanted},
    },
    domain::{revision::Revised, time::Timestamp},
    http::{
        Doors,
        api::form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id},
        auth::By,
        doc::MergePatch,
        problem::Problem,
    },
    store::ApiKey,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit, revoke))
}

/// What is wanted of a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "booking page", "scopes": ["services:read", "appointments:write"] }))]
struct ApiKeyWanted {
    /// What people call it.
    name: String,
    /// What it may, such as `appointments:write`; never more than you may. Writing does not include reading.
    scopes: Vec<String>,
    /// How many requests a minute it may make, if other than usual.
    per_minute: Option<u32>,
    /// Until when it is good (RFC 3339); for ever, when left out.
    expires_at: Option<String>,
}

/// A key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyShown {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// What of it may be shown.
    mask: String,
    /// What it may.
    scopes: Vec<String>,
    /// How many requests a minute it may make, if other than usual.
    #[schema(required)]
    per_minute: Option<u32>,
    /// Since when it is there.
    created_at: String,
    /// Until when it is good.
    #[schema(required)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(required)]
    last_used_at: Option<String>,
    /// When it was taken back.
    #[schema(required)]
    revoked_at: Option<String>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyMade)]
struct ApiKeyMade {
    /// The key itself. It is shown this once and cannot be had again.
    key: String,
    #[serde(flatten)]
    shown: ApiKeyShown,
}

impl ApiKeyWanted {
    fn of(key: &ApiKey) -> Self {
        Self {
            name: key.name.clone(),
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            per_minute: key.per_minute_max,
            expires_at: key.expires_at.map(|at| at.to_string()),
        }
    }

    fn wanted(self) -> Result<Wanted, app::Error> {
        let mut faults = Faults::new();
        let scopes: BTreeSet<_> = (0_usize..)
            .zip(&self.scopes)
            .filter_map(|(at, scope)| faults.take(scope.parse(), format!("/scopes/{at}")))
            .collect();
        let expires_at = self.expires_at.and_then(|at| {
            let at = at.parse::<jiff::Timestamp>().map_err(|_| "must be a time such as 2027-01-31T12:00:00Z");
            faults.take(at, "/expires_at").map(Timestamp::from)
        });
        faults.settle()?;
        Ok(Wanted { name: self.name.trim().to_owned(), scopes, per_minute_max: self.per_minute, expires_at })
    }
}

fn show_one(key: &ApiKey) -> ApiKeyShown {
    let told = |at: Option<Timestamp>| at.map(|at| at.to_string());
    ApiKeyShown {
        id: key.id.to_string(),
        name: key.name.clone(),
        mask: key.mask.clone(),
        scopes: key.scopes.iter().map(ToString::to_string).collect(),
        per_minute: key.per_minute_max,
        created_at: key.created_at.to_string(),
        expires_at: told(key.expires_at),
        last_used_at: told(key.last_used_at),
        revoked_at: told(key.revoked_at),
    }
}

fn tagged(key: &Revised<ApiKey>) -> Tagged<ApiKeyShown> {
    Tagged::shown(show_one(&key.item), key.revision)
}

/// Every key there was, in the order of their making.
#[utoipa::path(get, path = "/api/api-keys", tag = "api-keys", params(PageAsked),
    responses((status = OK, body = Listed<ApiKeyShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ApiKeyShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = api_keys::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |key| show_one(&key.item)))
}

/// Makes a key. It is shown once, in this answer.
#[utoipa::path(post, path = "/api/api-keys", tag = "api-keys", request_body = ApiKeyWanted,
    responses((status = CREATED, body = ApiKeyMade)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ApiKeyWanted>,
) -> Result<Tagged<ApiKeyMade>, Problem> {
    let made = api_keys::create(&doors.store, &by, doors.clock.now(), wanted.wanted()?).await?;
    let shown = show_one(&made.key.item);
    let location = format!("/api/api-keys/{}", shown.id);
    let whole = ApiKeyMade { key: made.text.expose_secret().to_owned(), shown };
    Ok(Tagged::created(whole, made.key.revision, location))
}

/// One key.
#[utoipa::path(get, path = "/api/api-keys/{key}", tag = "api-keys", params(("key", description = "Its id.")),
    responses((status = OK, body = ApiKeyShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(key): Path<String>,
) -> Result<Tagged<ApiKeyShown>, Problem> {
    Ok(tagged(&api_keys::get(&doors.store, &by, &id(&key)?).await?))
}

/// Changes a key's name, rights, limit or end: a JSON merge patch.
#[utoipa::path(patch, path = "/api/api-keys/{key}", tag = "api-keys", params(("key", description = "Its id.")),
    request_body = MergePatch, responses((status = OK, body = ApiKeyShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(key): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ApiKeyShown>, Problem> {
    let key = id(&key)?;
    let edited = api_keys::edit(&doors.store, &by, doors.clock.now(), &key, seen, |kept| {
        patch.over(&ApiKeyWanted::of(kept))?.wanted()
    });
    Ok(tagged(&edited.await?))
}

/// Takes a key back: it opens nothing from here on, and stays in the list.
#[utoipa::path(delete, path = "/api/api-keys/{key}", tag = "api-keys", params(("key", description = "Its id.")),
    responses((status = NO_CONTENT)))]
async fn revoke(
    State(doors): State<Doors>,
    By(by): By,
    Path(key): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    api_keys::revoke(&doors.store, &by, doors.clock.now(), &id(&key)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
