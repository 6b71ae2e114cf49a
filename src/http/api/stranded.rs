//! `/api/stranded`: appointments that stand where nobody is, and what is done about each.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, id, instant};
use crate::{
    app::{
        self, Faults,
        stranded::{self, Decision, Done, Outcome, Remedy, Stranded, Undone, Wanted},
    },
    domain::{
        availability::Source,
        id::{AppointmentId, ResourceId},
        outgoing::Ending,
        revision::Revision,
    },
    http::{Doors, auth::By, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, decide))
}

/// An appointment that stands where nobody is.
#[derive(Serialize, ToSchema)]
#[schema(as = Stranded)]
pub(super) struct StrandedShown {
    /// The appointment's id.
    appointment: String,
    /// Which state of it this is; to be given with a decision, so that nobody decides about another one.
    revision: String,
    service: String,
    /// Ids of the resources it is with.
    resources: Vec<String>,
    #[schema(required)]
    contact: Option<String>,
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
    /// What it stands in or outside of.
    causes: Vec<CauseShown>,
    /// Whether somebody has said that it stands all the same.
    kept: bool,
    /// Ids of the resources that could have it at the same time.
    colleagues: Vec<String>,
    /// The last call that was asked for to move it.
    #[schema(required)]
    call: Option<MovingShown>,
    /// Why whoever has it may not be called to move it: `no_number`, `nobody_to_call` (no assistant answers at a number to
    /// call from), `under_way`, or as an outgoing call's `ended_as`. Null when they may.
    #[schema(required)]
    not_rung: Option<&'static str>,
}

/// Why an appointment is stranded.
#[derive(Serialize, ToSchema)]
struct CauseShown {
    /// The id of the resource that is not there.
    resource: String,
    /// `closure`, `exception` or `week`.
    source: &'static str,
    /// The closing day's or absence's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    closure: Option<String>,
}

/// A call that was asked for to move an appointment.
#[derive(Serialize, ToSchema)]
struct MovingShown {
    /// Its id.
    id: String,
    /// As an outgoing call's.
    state: &'static str,
    /// As an outgoing call's.
    #[schema(required)]
    ended_as: Option<&'static str>,
    /// When it is made, at the earliest.
    #[schema(format = DateTime)]
    due_at: String,
}

pub(super) fn shown(one: &Stranded) -> StrandedShown {
    let appointment = &one.appointment.item;
    let causes = one.causes.iter().map(|(resource, source)| CauseShown {
        resource: resource.to_string(),
        source: match source {
            Source::Closure(_) => "closure",
            Source::Exception(_) => "exception",
            Source::Week(_)
            | Source::Rule(_)
            | Source::PutAside
            | Source::Appointment { .. }
            | Source::Hold { .. }
            | Source::Event { .. } => "week",
        },
        closure: if let Source::Closure(id) = source { Some(id.to_string()) } else { None },
    });
    StrandedShown {
        appointment: appointment.id.to_string(),
        revision: one.appointment.revision.to_string(),
        service: appointment.service.to_string(),
        resources: std::iter::once(&appointment.resource)
            .chain(&appointment.together)
            .map(ToString::to_string)
            .collect(),
        contact: appointment.contact.as_ref().map(ToString::to_string),
        start: instant(appointment.time.start),
        end: instant(appointment.time.end),
        causes: causes.collect(),
        kept: one.kept,
        colleagues: one.colleagues.iter().map(ToString::to_string).collect(),
        call: one.call.as_ref().map(|call| MovingShown {
            id: call.id.to_string(),
            state: call.state.as_str(),
            ended_as: call.ended.map(Ending::as_str),
            due_at: instant(call.due),
        }),
        not_rung: one.not_rung.map(|why| why.as_str()),
    }
}

/// Which stranded appointments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StrandedAsked {
    /// Only those with that resource.
    resource: Option<String>,
    /// Only those in that closing day or absence.
    closure: Option<String>,
    /// Those of which somebody has said that they stand all the same, too.
    kept: Option<bool>,
}

/// Appointments that stand where nobody is.
#[derive(Serialize, ToSchema)]
struct StrandedList {
    /// Soonest first.
    items: Vec<StrandedShown>,
    /// Whether there may be more than these.
    more: bool,
}

/// The appointments that stand outside of the hours of those they are with, or in a closing day or an absence: whatever
/// brought that about. What is decided about each with `POST /api/stranded` takes it off this list.
#[utoipa::path(get, path = "/api/stranded", tag = "appointments", params(StrandedAsked),
    responses((status = OK, body = StrandedList)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<StrandedAsked>,
) -> Result<Json<StrandedList>, Problem> {
    let wanted = Wanted {
        resource: asked.resource.as_deref().map(id).transpose()?,
        closure: asked.closure.as_deref().map(id).transpose()?,
        kept: asked.kept.unwrap_or(false),
    };
    let found = stranded::list(&doors.store, &by, doors.clock.now(), &wanted).await?;
    Ok(Json(StrandedList { items: found.items.iter().map(shown).collect(), more: found.more }))
}

/// What is to be done about stranded appointments.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "decisions": [
    { "appointment": "apt_019cad58bd8070bfa4b7a714b927e240", "do": "ring", "revision": "1" }
] }))]
struct DecisionsWanted {
    /// One for each appointment.
    #[schema(min_items = 1, max_items = 200)]
    decisions: Vec<DecisionWanted>,
}

/// What is to be done about one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionWanted {
    /// The appointment's id.
    appointment: String,
    /// `keep` (it stands all the same), `colleague` (somebody else has it at the same time), `ring` (the assistant calls
    /// and moves it) or `cancel`.
    r#do: String,
    /// For `colleague`: the id of a resource; the first that can when left out.
    resource: Option<String>,
    /// The state of it that was decided about.
    revision: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
struct OutcomesShown {
    /// One for each decision, in their order.
    items: Vec<OutcomeShown>,
}

/// What was done about one appointment.
#[derive(Default, Serialize, ToSchema)]
struct OutcomeShown {
    /// The appointment's id.
    appointment: String,
    /// Whether what was decided is done; a call is asked for, not made.
    done: bool,
    /// Why it is not: `not_rung`, `nobody_else`, `taken`, `stale`, `not_found` or `refused`.
    #[schema(required)]
    problem: Option<&'static str>,
    /// The same in words, or the reason why nobody is called.
    #[schema(required)]
    detail: Option<String>,
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The call that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// When it is made, at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    due_at: Option<String>,
}

/// Does something about stranded appointments. What cannot be done about one keeps nothing from the others.
#[utoipa::path(post, path = "/api/stranded", tag = "appointments", request_body = DecisionsWanted,
    responses((status = OK, body = OutcomesShown)))]
async fn decide(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<DecisionsWanted>,
) -> Result<Json<OutcomesShown>, Problem> {
    let mut faults = Faults::new();
    let decisions: Vec<Decision> = wanted
        .decisions
        .iter()
        .enumerate()
        .filter_map(|(at, wanted)| decision(wanted, &format!("/decisions/{at}"), &mut faults))
        .collect();
    faults.settle()?;
    let outcomes = stranded::decide(&doors.ledger, &by, doors.clock.now(), &decisions).await?;
    Ok(Json(OutcomesShown { items: outcomes.into_iter().map(outcome).collect() }))
}

fn decision(wanted: &DecisionWanted, at: &str, faults: &mut Faults) -> Option<Decision> {
    let none = |what: &'static str| move |_| what;
    let appointment =
        wanted.appointment.parse::<AppointmentId>().map_err(none("there is no such appointment"));
    let appointment = faults.take(appointment, format!("{at}/appointment"));
    let resource = wanted.resource.as_ref().map(|text| {
        let read = text.parse::<ResourceId>().map_err(none("there is no such resource"));
        faults.take(read, format!("{at}/resource"))
    });
    let seen = wanted.revision.as_ref().map(|text| {
        let read = text.parse::<i64>().map_err(|_| "must be the `revision` of a stranded appointment");
        faults.take(read, format!("{at}/revision")).map(Revision)
    });
    let remedy = match wanted.r#do.as_str() {
        "keep" => Some(Remedy::Keep),
        "colleague" => Some(Remedy::Colleague(resource.clone().flatten())),
        "ring" => Some(Remedy::Ring),
        "cancel" => Some(Remedy::Cancel),
        _ => None,
    };
    let told = "must be `keep`, `colleague`, `ring` or `cancel`";
    faults.unless(remedy.is_some(), format!("{at}/do"), told);
    let fits = resource.is_none() || matches!(remedy, Some(Remedy::Colleague(_)));
    faults.unless(fits, format!("{at}/resource"), "belongs to `colleague` only");
    Some(Decision { appointment: appointment?, seen: seen.flatten(), remedy: remedy? })
}

fn outcome(outcome: Outcome) -> OutcomeShown {
    let bare = OutcomeShown { appointment: outcome.appointment.to_string(), ..OutcomeShown::default() };
    let not = |problem, detail: String| OutcomeShown {
        appointment: outcome.appointment.to_string(),
        problem: Some(problem),
        detail: Some(detail),
        ..OutcomeShown::default()
    };
    match outcome.done {
        Ok(Done::Kept | Done::Cancelled) => OutcomeShown { done: true, ..bare },
        Ok(Done::Given(resource)) => {
            OutcomeShown { done: true, resource: Some(resource.to_string()), ..bare }
        }
        Ok(Done::Rings(call, due)) => {
            OutcomeShown { done: true, call: Some(call.to_string()), due_at: Some(instant(due)), ..bare }
        }
        Err(Undone::NotRung(why)) => not("not_rung", why.as_str().to_owned()),
        Err(Undone::NobodyElse) => not("nobody_else", "nobody else is free at that time".to_owned()),
        Err(Undone::Refused(error)) => {
            let problem = if matches!(error, app::Error::Taken) {
                "taken"
            } else if matches!(error, app::Error::Stale) {
                "stale"
            } else if matches!(error, app::Error::NotFound(_)) {
                "not_found"
            } else {
                "refused"
            };
            not(problem, error.to_string())
        }
    }
}
