//! `/console/shared/…`: one call, for whoever has been given a link to it. Nobody is signed in here, and nothing is shown but
//! the recording and what was said.

use std::net::IpAddr;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::map_response,
    response::Response,
    routing::get,
};

use crate::{
    app::shares,
    domain::conversation::{Speaker, Turn},
    http::{
        Doors, api,
        console::{
            failure::Failure,
            format,
            page::{Page, show},
            visitor::Visitor,
        },
        limits::Kind,
    },
};

pub(in crate::http::console) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/shared/{secret}", get(page))
        .route("/console/shared/{secret}/recording", get(recording))
        .layer(map_response(unlisted))
}

/// Where the link with that secret leads.
pub(in crate::http) fn path(secret: &str) -> String {
    format!("/console/shared/{secret}")
}

/// Nobody is to find it who was not given it.
async fn unlisted(mut response: Response) -> Response {
    let told = HeaderValue::from_static("noindex, nofollow, noarchive");
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), told);
    response
}

#[derive(Template)]
#[template(path = "calls/shared.html", config = ".askama.toml")]
struct SharedPage {
    page: Page,
    business: String,
    when: String,
    until: String,
    /// Where the recording is, if there is one.
    sound: Option<String>,
    lines: Vec<Line>,
}

struct Line {
    turn: Turn,
    at: String,
    from_ms: Option<u64>,
}

/// Whoever asks has proven nothing: what they may ask for is counted by where they ask from.
fn count(doors: &Doors, from: Option<IpAddr>) -> Result<(), Failure> {
    let Some(address) = from else { return Ok(()) };
    doors
        .limits
        .count(Kind::Strangers, &address.to_string())
        .map_err(|(problem, _)| Failure::from(problem))?;
    Ok(())
}

async fn page(
    State(doors): State<Doors>,
    visitor: Visitor,
    Path(secret): Path<String>,
) -> Result<Response, Failure> {
    count(&doors, visitor.address)?;
    let now = doors.clock.now();
    let opened = shares::open(&doors.store, now, &secret).await?;
    let (zone, language) = (&opened.tenant.zone, visitor.language);
    let began = opened.recorded.map(|began| began.0);
    let line = |turn: Turn| Line {
        at: format::position(turn.began.0),
        from_ms: began.and_then(|began| turn.began.0.checked_sub(began)),
        turn,
    };
    let page = Page::new(&visitor, "", visitor.t("shared-title"), now).script("player.js");
    show(&SharedPage {
        page,
        business: opened.tenant.name.clone(),
        when: format::moment_in_text(&zone.wall(opened.rang), language),
        until: format::moment_in_text(&zone.wall(opened.share.expires), language),
        sound: opened.recorded.map(|_| format!("{}/recording", path(&secret))),
        lines: opened.turns.into_iter().map(line).collect(),
    })
}

async fn recording(
    State(doors): State<Doors>,
    visitor: Visitor,
    Path(secret): Path<String>,
    method: Method,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    count(&doors, visitor.address)?;
    let now = doors.clock.now();
    let listening = shares::listen(&doors.store, &doors.blobs, &doors.keys, now, &secret).await?;
    Ok(api::calls::listened(listening, &method, &asked))
}
