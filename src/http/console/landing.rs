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
    visitor::Visitor,
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
async fn begin(visitor: Visitor) -> Result<Response, Failure> {
    let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
    if inside.tenant.is_none() {
        return Err(Failure::Nowhere);
    }
    Ok(Redirect::to("/console/calls").into_response())
}
