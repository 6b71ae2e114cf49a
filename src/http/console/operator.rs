//! `/console/operator`: for whoever runs the platform: whether it is well, what it carries, what was given up, and whose it is.

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, post},
};

use super::{
    failure::Failure,
    form::Typed,
    lists::{self, Next},
    page::{Page, show},
    visitor::OperatorReader,
    words::Said,
};
use crate::{
    app::{
        self,
        findings::{Finding, Verdict},
        operations,
    },
    domain::{id::JobId, time::Timestamp},
    http::Doors,
};

/// How long work may wait beyond its time before that is worth a word, in minutes.
const LATE_MINUTES: i64 = 5;
/// How long a page waits for what a doctor finds.
const LOOK_WAIT_MAX: Duration = Duration::from_secs(3);

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/operator", get(overview))
        .route("/console/operator/jobs/{job}/again", post(again))
        .route("/console/operator/second-factor", post(help_in))
        .route("/console/operator/doctor", post(look))
}

#[derive(Template)]
#[template(path = "operator/operator.html", config = ".askama.toml")]
struct OperatorPage {
    page: Page,
    version: &'static str,
    database: &'static str,
    migrations_pending: usize,
    checks: Vec<Checked>,
    looking: bool,
    looked: Option<Timestamp>,
    findings: Option<Vec<Finding>>,
    here: usize,
    calls_max: usize,
    everywhere: u64,
    mails_waiting: u64,
    mails_given_up: u64,
    queues: Vec<Queued>,
    given_up: Vec<GivenUp>,
    tenants: Vec<TenantRow>,
    next: Option<Next>,
}

/// One thing that was looked at.
struct Checked {
    name: Said,
    problem: Option<Said>,
}

struct Queued {
    name: Said,
    waiting: String,
    late: bool,
}

struct GivenUp {
    id: String,
    kind: String,
    tenant: String,
    attempts: String,
    problem: String,
}

struct TenantRow {
    name: String,
    slug: String,
    /// That the operator may go in, and until when.
    open: Option<String>,
    in_air: String,
    calls_max: String,
    seats_max: String,
    assistants_max: String,
    numbers_max: String,
}

async fn overview(
    State(doors): State<Doors>,
    reader: OperatorReader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let now = doors.clock.now();
    let after = lists::place(typed.get("after"));
    let stands = operations::overview(&doors.store, &doors.health, &reader.by, now, after.as_ref()).await?;
    let found = doors.doctor.found(&reader.by);
    let title = reader.visitor.t("nav-operator");
    let page = Page::new(&reader.visitor, "/console/operator", title, now);
    let slug = |id: &crate::domain::id::TenantId| {
        let known = stands.tenants.items.iter().find(|tenant| tenant.id == *id);
        known.map_or_else(|| id.to_string(), |tenant| tenant.slug.clone())
    };
    let given_up = stands.given_up.iter().map(|job| GivenUp {
        id: job.id.to_string(),
        kind: job.work.kind().replace('_', " "),
        tenant: slug(&job.tenant),
        attempts: page.number(job.attempts),
        problem: job.problem.clone().unwrap_or_default(),
    });
    let queues = stands.queues.iter().map(|queue| Queued {
        name: page.t(format!("queue-{}", queue.lane.as_str())),
        waiting: page.number(queue.waiting),
        late: queue.first.is_some_and(|first| first < now.plus_minutes(-LATE_MINUTES)),
    });
    let checks = stands.checks.iter().map(|check| Checked {
        name: page.t(format!("check-{}", check.name)),
        problem: check.problem.map(|_| page.t(format!("check-{}-problem", check.name))),
    });
    let tenants = stands.tenants.items.iter().map(|tenant| TenantRow {
        name: tenant.name.clone(),
        slug: tenant.slug.clone(),
        open: stands.open.get(&tenant.id).map(|until| match until {
            Some(until) => page.t("operator-open-until").s("until", page.moment_words(*until)).to_string(),
            None => page.t("operator-open-empty").to_string(),
        }),
        in_air: page.number(stands.in_air.get(&tenant.id).copied().unwrap_or(0)),
        calls_max: page.number(tenant.calls_max),
        seats_max: page.number(tenant.seats_max),
        assistants_max: page.number(tenant.assistants_max),
        numbers_max: page.number(tenant.numbers_max),
    });
    let shown = OperatorPage {
        version: stands.version,
        database: stands.database,
        migrations_pending: stands.migrations_pending,
        checks: checks.collect(),
        looking: found.looking,
        looked: found.last.as_ref().map(|(at, _)| *at),
        findings: found.last.and_then(|(_, findings)| findings),
        here: doors.lines.in_air(),
        calls_max: doors.lines.calls_max(),
        everywhere: stands.in_air.values().sum(),
        mails_waiting: stands.mails.0,
        mails_given_up: stands.mails.1,
        queues: queues.collect(),
        given_up: given_up.collect(),
        tenants: tenants.collect(),
        next: Next::of(stands.tenants.next.as_ref(), &typed),
        page,
    };
    show(&shown)
}

/// Has everything looked at that this server depends on. A page waits a little for what is found, and no longer.
async fn look(State(doors): State<Doors>, reader: OperatorReader) -> Result<Response, Failure> {
    doors.doctor.look(&reader.by);
    doors.doctor.wait(LOOK_WAIT_MAX).await;
    let key = if doors.doctor.found(&reader.by).looking { "doctor-looking" } else { "doctor-looked" };
    Ok(reader.visitor.done("/console/operator", &reader.visitor.t(key)))
}

/// Takes the second factor from somebody who is locked out.
async fn help_in(
    State(doors): State<Doors>,
    reader: OperatorReader,
    typed: Typed,
) -> Result<Response, Failure> {
    let said = match typed.get("email").parse() {
        Err(_) => reader.visitor.t("fault-email"),
        Ok(email) => match doors.people.help_anybody_in(&reader.by, &email, doors.clock.now()).await {
            Ok(()) => reader.visitor.t("members-factor-removed"),
            Err(app::Error::NotFound(_)) => reader.visitor.t("operator-factor-none"),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(reader.visitor.done("/console/operator", &said))
}

/// Has work that was given up tried again.
async fn again(
    State(doors): State<Doors>,
    reader: OperatorReader,
    Path(job): Path<String>,
) -> Result<Response, Failure> {
    let id: JobId = job.parse().map_err(|_| Failure::NotFound)?;
    operations::try_again(&doors.store, &reader.by, doors.clock.now(), &id).await?;
    Ok(reader.visitor.done("/console/operator", &reader.visitor.t("operator-again-done")))
}
