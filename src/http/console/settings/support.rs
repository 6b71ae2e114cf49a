//! `/console/settings/support`: letting those who run the platform in, for a time, and ending it.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};

use crate::{
    app::{self, access::Who, support},
    domain::people::{Subject, Verb},
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, Typed},
            page::{Page, show_with},
            visitor::Reader,
        },
    },
    store::Support,
};

const PATH: &str = "/console/settings/support";
/// For how long somebody may be let in, in hours.
const HOURS: [i64; 5] = [1, 4, 24, 72, 168];

pub(super) fn router() -> Router<Doors> {
    Router::new().route(PATH, get(show).post(grant)).route("/console/settings/support/end", post(end))
}

#[derive(Template)]
#[template(path = "settings/support.html", config = ".askama.toml")]
struct SupportPage {
    page: Page,
    form: Form,
    support: Option<Support>,
    hours: Vec<(String, String)>,
    may_grant: bool,
    may_end: bool,
}

async fn page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let support = support::get(&doors.store, &reader.by, now).await?;
    let page = super::page(reader, "settings-support", now).with_form(&form);
    let hours = HOURS.map(|hours| (hours.to_string(), page.t("support-hours").n("hours", hours).to_string()));
    let helps = matches!(reader.by.who(), Who::Support { .. });
    let may_grant = !reader.by.operates() && reader.may(Verb::Write, Subject::Members);
    let (status, hours) = (form.status, hours.into());
    show_with(status, &SupportPage { page, form, support, hours, may_grant, may_end: may_grant || helps })
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default().with("for-hours", 4));
    page(&doors, &reader, form).await
}

async fn grant(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(reader.language, typed);
    let hours = form.typed().get("for-hours").parse::<i64>().ok().filter(|hours| HOURS.contains(hours));
    let granted = match hours {
        Some(hours) => support::grant(&doors.store, &reader.by, doors.clock.now(), hours * 60).await,
        None => Err(app::Error::invalid("/for_hours", "must be one of those that are offered")),
    };
    match granted {
        Ok(_) => Ok(reader.done(PATH, &reader.t("support-granted"))),
        Err(error) => page(&doors, &reader, form.refused(error)?).await,
    }
}

async fn end(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let to = if reader.by.operates() { "/console/operator" } else { PATH };
    match support::end(&doors.store, &reader.by, doors.clock.now()).await {
        // What is over already is what was wanted.
        Ok(()) | Err(app::Error::NotFound(_)) => Ok(reader.done(to, &reader.t("support-over"))),
        Err(error) => Err(error.into()),
    }
}
