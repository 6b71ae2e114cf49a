//! What holds for every page: where a change may come from, who is signed in, what a browser may load, how a failure looks.
//!
//! A form that is sent after its session ended is not lost: whoever sent it shows their password, and it is carried out.

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;

use super::{
    entry,
    failure::Failure,
    form::{Form, Typed},
    page::{Page, show_with},
    visitor::{self, Visitor},
};
use crate::http::{Doors, client};

/// What a page may load: our own things and nothing else, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The fields with which somebody signs in again while a form waits.
const AGAIN_EMAIL: &str = "again-email";
const AGAIN_PASSWORD: &str = "again-password";

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "failure.html", config = ".askama.toml")]
struct FailurePage {
    page: Page,
    words: String,
    sign_in: bool,
}

/// Somebody must sign in again before what they sent is carried out.
#[derive(Template)]
#[template(path = "again.html", config = ".askama.toml")]
struct AgainPage {
    page: Page,
    form: Form,
    to: String,
    waiting: Vec<(String, String)>,
}

/// Around every request to the console.
pub(super) async fn around(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    let address = client::address(request.extensions(), request.headers(), &doors.trusted_proxies);
    if let Some(address) = address {
        request.extensions_mut().insert(client::Client(address));
    }
    let looks = visitor::only_looks(request.method());
    let (visitor, mut response) = match Visitor::of(&doors, request.headers(), request.uri(), address).await {
        Err((visitor, failure)) => (visitor, failure.into_response()),
        Ok(visitor) if !looks && !from_us(&doors, request.headers()) => {
            (visitor, Failure::Foreign.into_response())
        }
        Ok(visitor) => {
            request.extensions_mut().insert(visitor.clone());
            (visitor, next.run(request).await)
        }
    };
    if let Some(failure) = response.extensions().get::<Failure>().cloned() {
        response = if failure == Failure::SignIn && looks {
            let next: String = form_urlencoded::byte_serialize(visitor.asked.as_bytes()).collect();
            Redirect::to(&format!("/console/entry/login?next={next}")).into_response()
        } else {
            let mut page = failed(&doors, &visitor, &failure);
            // Whoever was let in on the way here stays in.
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                page.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            page
        };
    }
    let shown = response.status() != StatusCode::SEE_OTHER;
    if shown && looks && is_page(&response) {
        visitor.forget_done(&mut response);
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static(POLICY));
    let microphone = headers.entry(HeaderName::from_static("permissions-policy"));
    microphone.or_insert(HeaderValue::from_static("microphone=(), camera=(), geolocation=()"));
    response
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// A failure as a page.
fn failed(doors: &Doors, visitor: &Visitor, failure: &Failure) -> Response {
    let title = visitor.t(format!("{}-title", failure.key()));
    let page = Page::new(visitor, "", title, doors.clock.now());
    let sign_in = *failure == Failure::SignIn;
    let shown = FailurePage { page, words: failure.words(visitor.language), sign_in };
    show_with(failure.status(), &shown).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Whether a change comes from a page of ours: by what the browser says of its site, or else of its origin.
pub(super) fn from_us(doors: &Doors, headers: &HeaderMap) -> bool {
    let field = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = field(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = field(header::ORIGIN).and_then(|origin| url::Url::parse(origin).ok()) else {
        return false;
    };
    let named = |authority: &str| {
        url::Url::parse(&format!("{}://{authority}", origin.scheme()))
            .is_ok_and(|ours| ours.origin() == origin.origin())
    };
    let public = url::Url::parse(&doors.public_url.to_string()).map(|ours| ours.origin());
    field(header::HOST).is_some_and(named) || public.is_ok_and(|ours| ours == origin.origin())
}

/// Around every page for people who are signed in.
pub(super) async fn inside(
    State(doors): State<Doors>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    if visitor.inside.is_some() {
        return next.run(request).await;
    }
    if visitor::only_looks(request.method()) {
        return Failure::SignIn.into_response();
    }
    match again(&doors, &visitor, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

/// What was sent by somebody whose session is over: carried out once they have shown their password.
async fn again(doors: &Doors, visitor: &Visitor, request: Request, next: Next) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(Failure::SignIn);
    }
    let body = axum::body::to_bytes(body, doors.api_body_bytes_max).await.map_err(|_| Failure::TooLarge)?;
    let typed = Typed::read(&body);
    let mut form = Form::new(visitor.language, typed.clone());
    if typed.ticked(AGAIN_PASSWORD) {
        let password = SecretString::from(typed.raw(AGAIN_PASSWORD));
        let at = visitor.was_at.as_deref();
        match entry::let_in(doors, visitor, typed.get(AGAIN_EMAIL), &password, at).await {
            Ok(grant) if at.is_some() && grant.at.as_ref().map(|at| at.tenant.as_str()) != at => {
                // What waits was meant for a tenant at which she works no more.
                let mut response = Redirect::to("/console").into_response();
                visitor::keep_session(&mut response, &grant);
                return Ok(response);
            }
            Ok(grant) => {
                let waiting = typed.without(&[AGAIN_EMAIL, AGAIN_PASSWORD]);
                let body: String =
                    form_urlencoded::Serializer::new(String::new()).extend_pairs(waiting.iter()).finish();
                parts.headers.remove(header::CONTENT_LENGTH);
                parts.extensions.insert(visitor.entered(doors, &grant).await?);
                let request = Request::from_parts(parts, Body::from(Bytes::from(body)));
                let mut response = next.run(request).await;
                visitor::keep_session(&mut response, &grant);
                return Ok(response);
            }
            Err(error) => form = entry::unlet(form, error, AGAIN_EMAIL)?,
        }
    }
    let waiting = typed.without(&[AGAIN_EMAIL, AGAIN_PASSWORD]);
    let waiting = waiting.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let page = Page::new(visitor, "", visitor.t("again-title"), doors.clock.now()).with_form(&form);
    let status = if form.is_wrong() { form.status } else { StatusCode::UNAUTHORIZED };
    show_with(status, &AgainPage { page, form, to: visitor.asked.clone(), waiting })
}
