//! `/calendars/{vendor}/callback`: where a browser comes back to from a vendor's page of consent.
//!
//! Whoever comes is nobody until what they bring says otherwise; nothing of it is shown again or put into a link. They
//! end on the console, or on a plain page where there is none.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use secrecy::SecretString;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Doors, client, limits::Kind, problem::Problem as Refusal};
use crate::{
    app::calendars::{
        consent::{Arrived, Problem, Returned, WAY_MINUTES},
        words,
    },
    domain::{assistant::Language, calendar::Vendor},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(callback))
}

/// The cookie that ties a browser to its consent. The prefix keeps other hosts from setting it.
const BINDING: &str = "__Host-frontdesk-consent";

/// The field that gives a browser what it must come back with.
pub(super) fn binding(value: &str) -> String {
    let seconds = WAY_MINUTES * 60;
    format!("{BINDING}={value}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// Says that whoever comes back set out from the console of this server.
const FROM_CONSOLE: &str = "__Host-frontdesk-consent-console";

/// The field that has somebody come back to the console they set out from.
pub(super) fn back_to_console() -> String {
    let seconds = WAY_MINUTES * 60;
    format!("{FROM_CONSOLE}=yes; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// Whether somebody set out from the console of this server.
fn from_console(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut names = cookies.flat_map(|field| field.split(';')).filter_map(|cookie| cookie.split('=').next());
    names.any(|name| name.trim() == FROM_CONSOLE)
}

/// The field that takes it away again.
const UNBOUND: &str = "__Host-frontdesk-consent=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax";

/// Ends a consent: the vendor sends the person's browser here.
#[utoipa::path(get, path = "/calendars/{vendor}/callback", tag = "calendars",
    params(("vendor", description = "`google` or `microsoft`.")),
    responses((status = SEE_OTHER, description = "On to the console."),
        (status = OK, description = "A page for a person, where there is no console.", content_type = "text/html")))]
async fn callback(State(doors): State<Doors>, Path(vendor): Path<String>, request: Request) -> Response {
    let headers = request.headers();
    if let Some(address) = client::address(request.extensions(), headers, &doors.trusted_proxies)
        && let Err((problem, _)) = doors.limits.count(Kind::Strangers, &address.to_string())
    {
        return problem.into_response();
    }
    let Ok(vendor) = vendor.parse::<Vendor>() else { return Refusal::NotFound.into_response() };
    let returned = read(request.uri().query().unwrap_or_default(), headers);
    let language = language(headers);
    let bound = returned.browser.is_some();
    let own_page = from_console(headers).then(|| "/console/calendars".to_owned());
    let arrived = doors.calendars.finish(vendor, returned).await;
    if let Ok(Arrived::Onward(url)) = &arrived {
        return see_other(url.as_str());
    }
    let mut response = match doors.calendars.console_page().or(own_page) {
        Some(page) => see_other(&match &arrived {
            Ok(Arrived::Connected(id)) => format!("{page}?connected={id}"),
            Ok(Arrived::Onward(url)) => url.as_str().to_owned(),
            Err(Problem::Withheld(missing)) => {
                let missing: Vec<&str> = missing.iter().map(|needed| needed.as_str()).collect();
                format!("{page}?problem=withheld&missing={}", missing.join(","))
            }
            Err(problem) => format!("{page}?problem={}", problem.as_str()),
        }),
        None => plain(language, arrived.as_ref().err()),
    };
    let over = !matches!(arrived, Err(Problem::OtherBrowser));
    if bound && over {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(UNBOUND));
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a browser brought. What is there twice is there once: the first.
fn read(query: &str, headers: &HeaderMap) -> Returned {
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let browser = cookies.flat_map(|field| field.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == BINDING).then(|| SecretString::from(value))
    });
    Returned {
        state: field("state").map(SecretString::from),
        code: field("code").map(SecretString::from),
        error: field("error"),
        directory: field("tenant"),
        browser,
    }
}

fn see_other(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => Refusal::Internal.into_response(),
    }
}

/// The language in which to speak to somebody of whom only their browser is known.
fn language(headers: &HeaderMap) -> Language {
    let told = headers.get(header::ACCEPT_LANGUAGE).and_then(|field| field.to_str().ok()).unwrap_or_default();
    let mut wished = told.split(',').filter_map(|part| {
        let tag = part.split(';').next()?.trim();
        tag.split('-').next()?.to_ascii_lowercase().parse::<Language>().ok()
    });
    wished.next().unwrap_or(Language::English)
}

/// A page of our own words and nothing else.
fn plain(language: Language, problem: Option<&Problem>) -> Response {
    let (title, text) = match problem {
        None => words::connected(language),
        Some(problem) => words::problem(language, problem),
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title></head>\n<body><main><h1>{title}</h1><p>{text}</p></main>\
         </body>\n</html>\n",
        language.code(),
    );
    let status = if problem.is_none() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Html(page)).into_response()
}
