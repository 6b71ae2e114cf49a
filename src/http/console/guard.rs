//! What holds for every page: where a change may come from, who is signed in, what a browser may load, how a failure looks.
//!
//! A form that is sent after its session ended is not lost: whoever sent it shows their password, and it is carried out.
//! Every form of a page carries the tenant it was made for. Sent while its sender is at another, which she went to in another
//! tab, it does nothing there: she is asked whether to go back and send it where it belongs.

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
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
use crate::{
    app::people::second_factor::Credentials,
    http::{Doors, client},
};

/// What a page may load: our own things and nothing else, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The fields with which somebody signs in again while a form waits.
const AGAIN_EMAIL: &str = "again-email";
const AGAIN_PASSWORD: &str = "again-password";
const AGAIN_CODE: &str = "again-code";

/// The field that says for which tenant a form was made.
const MADE_FOR: &str = "made-for";
/// The field with which somebody goes back to that tenant to send what waits.
const GO_BACK: &str = "go-back";
/// How the names of fields end whose values no page repeats.
const SECRETS: [&str; 4] = ["password", "token", "secret", "pin"];
/// The field of a second factor's code, which none repeats either.
const CODE: &str = "code";

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

/// A form was made for another tenant than the one its sender is at.
#[derive(Template)]
#[template(path = "elsewhere.html", config = ".askama.toml")]
struct ElsewherePage {
    page: Page,
    /// The name of the tenant it was made for, where its sender works there.
    tenant: Option<String>,
    back: String,
    to: String,
    waiting: Vec<(String, String)>,
}

impl ElsewherePage {
    /// The name of the tenant at which its sender is.
    fn here(&self) -> &str {
        self.page.tenant().map_or("frontdesk", |tenant| &tenant.name)
    }
}

/// Around every page for people who are signed in.
pub(super) async fn inside(
    State(doors): State<Doors>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    if visitor::only_looks(request.method()) {
        return match visitor.inside {
            Some(_) => run(&visitor, request, next).await,
            None => Failure::SignIn.into_response(),
        };
    }
    match sent(&doors, visitor, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

/// What was sent: carried out by somebody who is signed in, at the tenant it was made for.
async fn sent(doors: &Doors, visitor: Visitor, request: Request, next: Next) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        if visitor.inside.is_none() {
            return Err(Failure::SignIn);
        }
        return Ok(run(&visitor, Request::from_parts(parts, body), next).await);
    }
    let body = axum::body::to_bytes(body, doors.api_body_bytes_max).await.map_err(|_| Failure::TooLarge)?;
    let typed = Typed::read(&body);
    if visitor.inside.is_none() {
        return again(doors, &visitor, parts, typed, next).await;
    }
    at_its_tenant(doors, visitor, parts, typed, next).await
}

/// What waits in a form, without what no page repeats.
fn waiting(typed: &Typed, without: &[&str]) -> Vec<(String, String)> {
    let kept = typed.iter().filter(|(name, _)| {
        !without.contains(name) && *name != CODE && !SECRETS.iter().any(|secret| name.ends_with(secret))
    });
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Carries out what was sent, if its sender is at the tenant it was made for or goes back there.
async fn at_its_tenant(
    doors: &Doors,
    visitor: Visitor,
    mut parts: Parts,
    typed: Typed,
    next: Next,
) -> Result<Response, Failure> {
    let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
    let at = inside.tenant.as_ref().map(|tenant| tenant.id.as_str());
    let wanted = typed.maybe(GO_BACK).or(typed.maybe(MADE_FOR)).unwrap_or_default().to_owned();
    if wanted.is_empty() || at == Some(wanted.as_str()) {
        let request = filled(parts, &typed.without(&[GO_BACK]));
        return Ok(run(&visitor, request, next).await);
    }
    if typed.ticked(GO_BACK) {
        let now = doors.clock.now();
        let grant = doors.people.switch(&inside.proven, &wanted, now).await?;
        doors.people.logout(&inside.proven, now).await?;
        let visitor = visitor.entered(doors, &grant).await?;
        parts.extensions.insert(visitor.clone());
        let request = filled(parts, &typed.without(&[GO_BACK, MADE_FOR]));
        let mut response = run(&visitor, request, next).await;
        visitor::keep_session(&mut response, &grant);
        return Ok(response);
    }
    let belongs = inside.me.memberships.iter().find(|membership| membership.tenant.as_str() == wanted);
    let page = Page::new(&visitor, "", visitor.t("elsewhere-title"), doors.clock.now());
    let shown = ElsewherePage {
        page,
        tenant: belongs.map(|membership| membership.name.clone()),
        back: wanted,
        to: visitor.asked.clone(),
        waiting: waiting(&typed, &[MADE_FOR]),
    };
    show_with(StatusCode::CONFLICT, &shown)
}

/// A request that carries these fields.
fn filled(mut parts: Parts, typed: &Typed) -> Request {
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(typed.iter()).finish();
    parts.headers.remove(header::CONTENT_LENGTH);
    Request::from_parts(parts, Body::from(Bytes::from(body)))
}

/// Runs what was asked for; every form of the page that comes of it carries the tenant it is made for.
async fn run(visitor: &Visitor, request: Request, next: Next) -> Response {
    let whole = request.method() != Method::HEAD;
    let response = next.run(request).await;
    let tenant = visitor.inside.as_ref().and_then(|inside| inside.tenant.as_ref());
    let Some(tenant) = tenant.filter(|_| whole && is_page(&response)) else { return response };
    let (mut parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let stamped = stamped(&String::from_utf8_lossy(&body), tenant.id.as_str());
    Response::from_parts(parts, Body::from(stamped))
}

/// A page each of whose forms that change something says for which tenant it was made.
fn stamped(page: &str, tenant: &str) -> String {
    let mut whole = String::with_capacity(page.len() + 1_024);
    let mut rest = page;
    while let Some(at) = rest.find("<form") {
        // Whatever is not ours is escaped: a tag ends at the first bracket.
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        whole.push_str(&rest[..end]);
        if rest[at..end].contains("method=\"post\"") {
            whole.push_str(&format!("<input type=\"hidden\" name=\"{MADE_FOR}\" value=\"{tenant}\">"));
        }
        rest = &rest[end..];
    }
    whole.push_str(rest);
    whole
}

/// What was sent by somebody whose session is over: carried out once they have shown their password.
async fn again(
    doors: &Doors,
    visitor: &Visitor,
    mut parts: Parts,
    typed: Typed,
    next: Next,
) -> Result<Response, Failure> {
    let mut form = Form::new(visitor.language, typed.clone());
    if typed.ticked(AGAIN_PASSWORD) {
        let password = SecretString::from(typed.raw(AGAIN_PASSWORD));
        let at = typed.maybe(MADE_FOR).or(visitor.was_at.as_deref());
        let code = typed.maybe(AGAIN_CODE).map(SecretString::from);
        let shown = Credentials { password: &password, code: code.as_ref() };
        match entry::let_in(doors, visitor, typed.get(AGAIN_EMAIL), shown, at).await {
            Ok(grant) if at.is_some() && grant.at.as_ref().map(|at| at.tenant.as_str()) != at => {
                // What waits was meant for a tenant at which she works no more.
                let mut response = Redirect::to("/console").into_response();
                visitor::keep_session(&mut response, &grant);
                return Ok(response);
            }
            Ok(grant) => {
                let visitor = visitor.entered(doors, &grant).await?;
                parts.extensions.insert(visitor.clone());
                let typed = typed.without(&[AGAIN_EMAIL, AGAIN_PASSWORD, AGAIN_CODE]);
                let mut response = at_its_tenant(doors, visitor, parts, typed, next).await?;
                visitor::keep_session(&mut response, &grant);
                return Ok(response);
            }
            Err(error) => form = entry::unlet(form, error, AGAIN_EMAIL, AGAIN_CODE)?,
        }
    }
    let waiting = waiting(&typed, &[AGAIN_EMAIL, AGAIN_CODE]);
    let page = Page::new(visitor, "", visitor.t("again-title"), doors.clock.now()).with_form(&form);
    let status = if form.is_wrong() { form.status } else { StatusCode::UNAUTHORIZED };
    show_with(status, &AgainPage { page, form, to: visitor.asked.clone(), waiting })
}
