//! `/api/numbers/{number}/forwarding-tests`: is the business's own line forwarded to its number here?

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Body, Listed, id, instant};
use crate::{
    app::forwarding::{self, Tested},
    domain::{
        forwarding::{Found, Through},
        outgoing::Ending,
    },
    http::{Doors, auth::By, problem::Problem},
    store::Page,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(forwarding_tests, test_forwarding))
}

/// A line to test.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"line": "+49301234567"}))]
struct TestWanted {
    /// The number of the business's own line, which is to be forwarded to the number here, as people write it.
    line: String,
}

/// A test whether a line is forwarded.
#[derive(Serialize, ToSchema)]
struct TestShown {
    /// The id of the attempt to ring the line, as in `/api/outgoing-calls`.
    id: String,
    /// The line, in E.164 form.
    line: String,
    /// `ringing`; `works`: the call came back; `circle`: it came back, and callers who are passed on to that line come back,
    /// too; `elsewhere`: it came back at another number of the tenant's; `not_arrived`; `not_rung`.
    #[schema(pattern = "^(ringing|works|circle|elsewhere|not_arrived|not_rung)$")]
    found: &'static str,
    /// How the call ended at the line, or why it was not rung, in the words of `/api/outgoing-calls`.
    #[schema(required)]
    ended_as: Option<&'static str>,
    /// What leads to the line, in a circle: `fallback` or `target`.
    #[schema(required)]
    through: Option<&'static str>,
    /// The name of that transfer target.
    #[schema(required)]
    target: Option<String>,
    /// The id of the number at which the call came back.
    #[schema(required)]
    arrived_at_number: Option<String>,
    #[schema(format = DateTime)]
    asked_at: String,
    #[schema(required, format = DateTime)]
    arrived_at: Option<String>,
}

fn show_one((test, found): Tested) -> TestShown {
    let ended = |ending: &Ending| Some(ending.as_str());
    let (word, ended_as, through, target) = match &found {
        Found::Ringing => ("ringing", None, None, None),
        Found::Works => ("works", None, None, None),
        Found::Circle(Through::Fallback) => ("circle", None, Some("fallback"), None),
        Found::Circle(Through::Target(name)) => ("circle", None, Some("target"), Some(name.clone())),
        Found::Elsewhere(_) => ("elsewhere", None, None, None),
        Found::NotArrived(ending) => ("not_arrived", ended(ending), None, None),
        Found::NotRung(ending) => ("not_rung", ended(ending), None, None),
    };
    TestShown {
        id: test.id.to_string(),
        line: test.line.to_string(),
        found: word,
        ended_as,
        through,
        target,
        arrived_at_number: test.arrived.as_ref().map(|(_, number)| number.to_string()),
        asked_at: instant(test.asked),
        arrived_at: test.arrived.map(|(at, _)| instant(at)),
    }
}

/// What the last tests with a number have found, one for each line, the latest first; at most five.
#[utoipa::path(get, path = "/api/numbers/{number}/forwarding-tests", tag = "numbers",
    params(("number", description = "Its id.")), responses((status = OK, body = Listed<TestShown>)))]
async fn forwarding_tests(
    State(doors): State<Doors>,
    By(by): By,
    Path(number): Path<String>,
) -> Result<Json<Listed<TestShown>>, Problem> {
    let items = forwarding::list(&doors.store, &by, doors.clock.now(), &id(&number)?).await?;
    Ok(Listed::of(Page { items, next: None }, show_one))
}

/// Rings the business's own line once, from its number here, and watches for that call to come back: at most ten times an hour,
/// and six times a day the same line, one after the other, by day, in the tenant's country or one that its outgoing calls may go to.
/// What comes back is refused as busy, so it costs nothing; whoever takes the call at the line hears that it was a test. People
/// only, not programs.
#[utoipa::path(post, path = "/api/numbers/{number}/forwarding-tests", tag = "numbers",
    params(("number", description = "Its id.")), request_body = TestWanted,
    responses((status = ACCEPTED, body = TestShown)))]
async fn test_forwarding(
    State(doors): State<Doors>,
    By(by): By,
    Path(number): Path<String>,
    Body(wanted): Body<TestWanted>,
) -> Result<(StatusCode, Json<TestShown>), Problem> {
    let tested = forwarding::test(&doors.store, &by, doors.clock.now(), &id(&number)?, &wanted.line).await?;
    Ok((StatusCode::ACCEPTED, Json(show_one(tested))))
}
