//! `/api/audit`: who changed what.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Listed, instant, page};
use crate::{
    app::{Fault, audit},
    http::{Doors, auth::By, problem::Problem},
    store::{AuditEntry, AuditFilter},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// One change.
#[derive(Serialize, ToSchema)]
struct EntryShown {
    /// Its place in the tenant's chain, from 1.
    ordinal: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who: the id of a person or an API key; `operator:` and an id; `system:` and a part of the system.
    actor: String,
    /// What was done, such as `service.changed`.
    action: String,
    /// To what: an id.
    subject: String,
    /// What was before and after, by name. What is a person's own or a secret is only said to have changed.
    #[schema(value_type = Object)]
    changes: Value,
    /// Over all of the above and the hash before.
    hash: String,
}

/// What became of verifying the chain.
#[derive(Serialize, ToSchema)]
struct Verified {
    /// Whether every entry is as it was written, and none is missing.
    intact: bool,
    /// How many entries there are, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<i64>,
    /// The first entry that was altered or is missing, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
}

/// Which entries, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only what was done to the thing with this id.
    subject: Option<String>,
    /// Only what this one did, named as in an entry.
    actor: Option<String>,
}

fn show_one(entry: AuditEntry) -> EntryShown {
    EntryShown {
        ordinal: entry.ordinal,
        at: instant(entry.at),
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        changes: serde_json::from_str(&entry.changes).unwrap_or(Value::Null),
        hash: entry.hash,
    }
}

/// The audit log, latest first.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(AuditAsked),
    responses((status = OK, body = Listed<EntryShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<AuditAsked>,
) -> Result<Json<Listed<EntryShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let filter = match (asked.subject, asked.actor) {
        (None, None) => AuditFilter::All,
        (Some(subject), None) => AuditFilter::Subject(subject),
        (None, Some(actor)) => AuditFilter::Actor(actor),
        (Some(_), Some(_)) => {
            return Err(Problem::Invalid(vec![Fault::new(
                "?actor",
                "cannot be asked together with `subject`",
            )]));
        }
    };
    let page = audit::list(&doors.store, &by, &filter, after.as_ref(), count).await?;
    Ok(Listed::of(page, show_one))
}

/// Computes every hash of the log again and tells whether it is intact.
#[utoipa::path(get, path = "/api/audit/verification", tag = "audit",
    responses((status = OK, body = Verified)))]
async fn verify(State(doors): State<Doors>, By(by): By) -> Result<Json<Verified>, Problem> {
    Ok(Json(match audit::verify(&doors.store, &by).await? {
        Ok(entries) => Verified { intact: true, entries: Some(entries), broken_at: None },
        Err(broken) => Verified { intact: false, entries: None, broken_at: Some(broken.ordinal) },
    }))
}
