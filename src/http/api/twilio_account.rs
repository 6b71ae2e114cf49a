//! `/api/tenants/{tenant}/twilio`: the Twilio account a tenant's numbers belong to.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Body, instant},
    tenants::at,
};
use crate::{
    app::{access::Actor, accounts::Used, people::Proven, support},
    http::{Doors, auth::Person, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(show_twilio, set_twilio, forget_twilio))
}

/// A Twilio account of the tenant's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": "fedcba9876543210fedcba9876543210"
}))]
struct AccountWanted {
    /// The account: `AC` and 32 hexadecimal digits.
    account_sid: String,
    /// Its primary auth token. It is kept sealed and never shown.
    #[schema(value_type = String, write_only)]
    auth_token: SecretString,
}

/// The Twilio account that numbers are bought with.
#[derive(Debug, Serialize, ToSchema)]
struct AccountShown {
    /// Whether it is the tenant's own; otherwise the operator's is used.
    own: bool,
    /// The account, when it is the tenant's own.
    #[schema(required)]
    account_sid: Option<String>,
    /// The end of its auth token, such as `…a1b2`; null when the token was not set here.
    #[schema(required)]
    auth_token: Option<String>,
    /// When the token was set.
    #[schema(required)]
    set_at: Option<String>,
}

impl From<Used> for AccountShown {
    fn from(used: Used) -> Self {
        Self {
            own: used.own,
            account_sid: Some(used.account_sid).filter(|_| used.own),
            auth_token: used.hint,
            set_at: used.set.map(instant),
        }
    }
}

/// Which account it is.
#[utoipa::path(get, path = "/api/tenants/{tenant}/twilio", tag = "tenants",
    params(("tenant", description = "The tenant's id.")),
    responses((status = OK, body = AccountShown)))]
async fn show_twilio(
    State(doors): State<Doors>,
    Person(proven): Person,
    Path(tenant): Path<String>,
) -> Result<Json<AccountShown>, Problem> {
    Ok(Json(doors.accounts.used(&inside(&doors, &proven, &tenant).await?).await?.into()))
}

/// Lets the tenant use an account of its own, or a new token of it. Twilio is asked whether it accepts them. Numbers
/// that are there stay where they are.
#[utoipa::path(put, path = "/api/tenants/{tenant}/twilio", tag = "tenants",
    params(("tenant", description = "The tenant's id.")), request_body = AccountWanted,
    responses((status = OK, body = AccountShown)))]
async fn set_twilio(
    State(doors): State<Doors>,
    Person(proven): Person,
    Path(tenant): Path<String>,
    Body(wanted): Body<AccountWanted>,
) -> Result<Json<AccountShown>, Problem> {
    let (by, now) = (inside(&doors, &proven, &tenant).await?, doors.clock.now());
    let used = doors.accounts.set(&by, now, &wanted.account_sid, &wanted.auth_token).await?;
    Ok(Json(used.into()))
}

/// Lets the tenant use the operator's account again, and forgets its own.
#[utoipa::path(delete, path = "/api/tenants/{tenant}/twilio", tag = "tenants",
    params(("tenant", description = "The tenant's id.")), responses((status = NO_CONTENT)))]
async fn forget_twilio(
    State(doors): State<Doors>,
    Person(proven): Person,
    Path(tenant): Path<String>,
) -> Result<StatusCode, Problem> {
    doors.accounts.remove(&inside(&doors, &proven, &tenant).await?, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The asker at that tenant; an operator only where she is let in.
async fn inside(doors: &Doors, proven: &Proven, tenant: &str) -> Result<Actor, Problem> {
    let by = at(proven, tenant)?;
    if proven.operator().is_ok() {
        support::must_be_open(&doors.store, by.tenant(), doors.clock.now()).await?;
    }
    Ok(by)
}
