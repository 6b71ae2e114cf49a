//! `/`: what this is, in one screen, with a call to listen to; and `/console`, which leads to where the reader begins.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use super::{
    failure::Failure,
    page::{Page, show},
    start,
    visitor::{Reader, Visitor},
};
use crate::http::Doors;

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/", get(landing)).route("/console", get(begin))
}

#[derive(Template)]
#[template(path = "landing.html", config = ".askama.toml")]
struct LandingPage {
    page: Page,
    registration: bool,
}

async fn landing(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let page = Page::new(&visitor, "/", visitor.t("landing-title"), doors.clock.now());
    show(&LandingPage { page, registration: doors.people.registration() })
}

/// Where somebody begins who says nothing else.
async fn begin(
    State(doors): State<Doors>,
    visitor: Visitor,
    reader: Result<Reader, Failure>,
) -> Result<Response, Failure> {
    let reader = match reader {
        Ok(reader) => reader,
        // Whoever runs the platform need not work anywhere.
        Err(Failure::Nowhere) if visitor.inside.as_ref().is_some_and(|inside| inside.proven.operator) => {
            return Ok(Redirect::to("/console/operator").into_response());
        }
        // Who lacks the second factor that is demanded of operators sets one up first.
        Err(Failure::Nowhere) => {
            let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
            if doors.people.factor(&inside.proven).await?.demanded {
                return Ok(Redirect::to("/console/account").into_response());
            }
            return Err(Failure::Nowhere);
        }
        Err(failure) => return Err(failure),
    };
    let to = if start::unfinished(&doors, &reader).await? { "/console/start" } else { "/console/today" };
    Ok(Redirect::to(to).into_response())
}
