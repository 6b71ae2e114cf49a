//! Who looks at the console: language, colours, session, and what they have to be told.
//!
//! Found out once for each request, before any page; handlers ask for a [`Visitor`], or for a [`Reader`] where somebody
//! must be signed in. Never decides what somebody may: that is `app`'s.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::{ExposeSecret, SecretString};

use super::{failure::Failure, format, words::Said};
use crate::{
    app::{
        access::{Actor, Operator},
        audit::{self, Changer},
        notices::{self, Urgent},
        people::{
            Proven,
            entry::{Grant, Me},
        },
        tenants,
    },
    domain::{
        assistant::Language,
        org::Tenant,
        people::{Subject, Verb},
        time::Zone,
    },
    http::{Doors, auth, limits::Kind},
};

/// Keeps a session. The prefix keeps other hosts from setting it.
const SESSION: &str = "__Host-frontdesk";
/// Keeps which language a browser wants that nobody is signed in at, or that was switched.
const LANGUAGE: &str = "__Host-frontdesk-language";
/// Keeps whether pages are light or dark, when it is not left to the machine.
const COLOURS: &str = "__Host-frontdesk-colours";
/// Carries what was done to the next page.
const DONE: &str = "__Host-frontdesk-done";
/// Remembers at which tenant a browser was, for when its session is over.
const AT: &str = "__Host-frontdesk-at";

/// How long a choice is remembered, in seconds: a year.
const CHOICE_SECONDS: u64 = 365 * 24 * 3_600;
/// How long what was done waits to be told, in seconds.
const DONE_SECONDS: u64 = 60;
/// Longest text that tells what was done, in bytes.
const DONE_BYTES_MAX: usize = 600;

/// Whether pages are light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// As the machine is set.
    Machine,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Colours {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Machine, Self::Light, Self::Dark];

    /// The word it is kept as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The choice of that word; the machine's when there is none such.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|colours| colours.as_str() == word).unwrap_or(Self::Machine)
    }
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Inside {
    /// What they have proven.
    pub proven: Proven,
    /// Who they are, and where they work.
    pub me: Me,
    /// The tenant at which they act; an operator may act at none.
    pub tenant: Option<Tenant>,
    /// What every page tells of it.
    pub urgent: Urgent,
}

/// Whoever looks.
#[derive(Clone, Debug)]
pub struct Visitor(Arc<Known>);

/// What is known of a visitor.
#[derive(Debug)]
pub struct Known {
    /// The language they read.
    pub language: Language,
    /// The colours they want.
    pub colours: Colours,
    /// Who they are, if they are signed in.
    pub inside: Option<Inside>,
    /// What their browser keeps of the session.
    token: Option<SecretString>,
    /// What was done by the page before.
    pub done: Option<String>,
    /// Where they ask from.
    pub address: Option<IpAddr>,
    /// What they ask for: path and query.
    pub asked: String,
    /// At which tenant their browser was last.
    pub was_at: Option<String>,
}

impl Deref for Visitor {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl Visitor {
    /// Whoever makes this request.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the database is away; [`Failure::TooMany`]; [`Failure::Forbidden`] from a network
    /// from which the tenant's people may not ask.
    pub(super) async fn of(
        doors: &Doors,
        headers: &HeaderMap,
        uri: &Uri,
        address: Option<IpAddr>,
    ) -> Result<Self, (Self, Failure)> {
        let token = cookie(headers, SESSION).map(SecretString::from);
        let chosen = cookie(headers, LANGUAGE).and_then(|code| code.parse().ok());
        let mut visitor = Known {
            language: chosen.unwrap_or_else(|| accepted(headers)),
            colours: cookie(headers, COLOURS).map_or(Colours::Machine, |word| Colours::of(&word)),
            inside: None,
            token: None,
            done: cookie(headers, DONE).and_then(|text| percent_decoded(&text)),
            address,
            asked: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            was_at: cookie(headers, AT),
        };
        let Some(token) = token else { return Ok(Self(Arc::new(visitor))) };
        match inside(doors, &token, address).await {
            Ok(inside) => {
                if chosen.is_none() {
                    visitor.language = inside.me.user.language;
                }
                visitor.inside = Some(inside);
                visitor.token = Some(token);
                Ok(Self(Arc::new(visitor)))
            }
            Err(Failure::SignIn) => Ok(Self(Arc::new(visitor))),
            Err(failure) => Err((Self(Arc::new(visitor)), failure)),
        }
    }

    /// The same visitor, who has just been let in.
    pub(super) async fn entered(&self, doors: &Doors, grant: &Grant) -> Result<Self, Failure> {
        let inside = inside(doors, &grant.refresh_token, self.address).await?;
        Ok(Self(Arc::new(Known {
            language: self.language,
            colours: self.colours,
            inside: Some(inside),
            token: Some(grant.refresh_token.clone()),
            done: None,
            address: self.address,
            asked: self.asked.clone(),
            was_at: self.was_at.clone(),
        })))
    }

    /// The words of that key, in the visitor's language.
    pub fn t(&self, key: impl AsRef<str>) -> Said {
        Said::new(self.language, key.as_ref())
    }

    /// Where the tenant's clocks hang; nowhere in particular without one.
    pub fn zone(&self) -> Zone {
        let tenant = self.inside.as_ref().and_then(|inside| inside.tenant.as_ref());
        tenant.map_or_else(Zone::utc, |tenant| tenant.zone.clone())
    }

    /// What proves the session again later, for answers that last.
    pub(super) fn proof(&self) -> Option<auth::Token> {
        self.token.clone().map(|token| auth::Token::of_browser(token, self.address))
    }

    /// On to another page, which tells what was done.
    pub fn done(&self, to: &str, what: &Said) -> Response {
        let mut text = what.to_string();
        while text.len() > DONE_BYTES_MAX {
            text.pop();
        }
        let mut response = Redirect::to(to).into_response();
        set(&mut response, &keep(DONE, &percent_encoded(&text), Some(DONE_SECONDS)));
        response
    }

    /// Takes away what was told.
    pub(super) fn forget_done(&self, response: &mut Response) {
        if self.done.is_some() {
            set(response, &keep(DONE, "", Some(0)));
        }
    }
}

/// Somebody who is signed in at a tenant.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Who asks.
    pub by: Actor,
    visitor: Visitor,
}

impl Deref for Reader {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

impl Reader {
    /// Whether they may do that.
    pub fn may(&self, verb: Verb, subject: Subject) -> bool {
        self.by.may(verb, subject)
    }

    /// Says that somebody was faster with the thing of that id: who, where she works here too, and when.
    ///
    /// # Errors
    /// [`Failure`] when the database is away.
    pub async fn faster(&self, doors: &Doors, subject: &str) -> Result<Said, Failure> {
        let last = audit::last_change(&doors.store, &self.by, subject).await?;
        let Some((who, at)) = last else { return Ok(self.t("stale")) };
        let at = format::moment(at, doors.clock.now(), &self.zone(), self.language);
        Ok(match who {
            Changer::Oneself => self.t("stale-own").s("at", at),
            Changer::Member(name) => self.t("stale-by").s("who", name).s("at", at),
            Changer::Other => self.t("stale"),
        })
    }

    /// What they have proven.
    ///
    /// # Errors
    /// [`Failure::SignIn`] when they are signed in no more.
    pub fn proven(&self) -> Result<&Proven, Failure> {
        Ok(&self.visitor.inside.as_ref().ok_or(Failure::SignIn)?.proven)
    }
}

/// An operator, at a tenant or not.
pub struct OperatorReader {
    /// Who asks.
    pub by: Operator,
    /// How they look.
    pub visitor: Visitor,
}

impl FromRequestParts<Doors> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Doors) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or(Failure::NotFound)
    }
}

impl FromRequestParts<Doors> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Failure> {
        let visitor = Visitor::from_request_parts(parts, doors).await?;
        let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
        // Somebody who works nowhere has only the page that says so.
        let by = inside.proven.actor.clone().ok_or(Failure::Nowhere)?;
        Ok(Self { by, visitor })
    }
}

impl FromRequestParts<Doors> for OperatorReader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Failure> {
        let visitor = Visitor::from_request_parts(parts, doors).await?;
        let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
        // Whoever is none does not learn that there is such a page.
        let by = inside.proven.operator().map_err(|_| Failure::NotFound)?;
        Ok(Self { by, visitor })
    }
}

/// Who shows this token, if they may from there; counted.
async fn inside(doors: &Doors, token: &SecretString, address: Option<IpAddr>) -> Result<Inside, Failure> {
    let now = doors.clock.now();
    let proven = doors.people.know_browser(token, now).await?;
    if !auth::allowed(&proven, address) {
        return Err(Failure::Forbidden);
    }
    if let Some(user) = proven.user() {
        doors
            .limits
            .count(Kind::Requests, &user.to_string())
            .map_err(|(problem, _)| Failure::from(problem))?;
    }
    let me = doors.people.me(&proven).await?;
    let tenant = match &proven.actor {
        Some(by) => Some(tenants::get(&doors.store, by).await?.item),
        None => None,
    };
    let urgent = match &proven.actor {
        Some(by) => notices::urgent(&doors.store, by, now).await?,
        None => Urgent::default(),
    };
    Ok(Inside { proven, me, tenant, urgent })
}

/// Lets a browser keep a session.
pub(super) fn keep_session(response: &mut Response, grant: &Grant) {
    set(response, &keep(SESSION, grant.refresh_token.expose_secret(), Some(CHOICE_SECONDS)));
    if let Some(at) = &grant.at {
        set(response, &keep(AT, at.tenant.as_str(), Some(CHOICE_SECONDS)));
    }
}

/// Lets a browser forget its session.
pub(super) fn forget_session(response: &mut Response) {
    set(response, &keep(SESSION, "", Some(0)));
    set(response, &keep(AT, "", Some(0)));
}

/// Lets a browser keep which language it wants.
pub(super) fn keep_language(response: &mut Response, language: Language) {
    set(response, &keep(LANGUAGE, language.code(), Some(CHOICE_SECONDS)));
}

/// Lets a browser keep which colours it wants.
pub(super) fn keep_colours(response: &mut Response, colours: Colours) {
    set(response, &keep(COLOURS, colours.as_str(), Some(CHOICE_SECONDS)));
}

/// Where to go after signing in: a page of ours, or none.
pub(super) fn onward(next: &str) -> &str {
    let ours = next.starts_with("/console")
        && !next.starts_with("/console/entry")
        && !next.contains(['\\', '\n', '\r']);
    if ours { next } else { "/console" }
}

/// Whether a request changes nothing.
pub(super) fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn keep(name: &str, value: &str, seconds: Option<u64>) -> String {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    format!("{name}={value}{age}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The value of a cookie; the first, when there are several of that name.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(';')).find_map(|cookie| {
        let (found, value) = cookie.trim().split_once('=')?;
        (found == name && !value.is_empty()).then(|| value.to_owned())
    })
}

/// The language a browser asks for first that we speak.
fn accepted(headers: &HeaderMap) -> Language {
    let told = headers.get(header::ACCEPT_LANGUAGE).and_then(|field| field.to_str().ok()).unwrap_or_default();
    let mut wished = told.split(',').filter_map(|part| {
        let tag = part.split(';').next()?.trim();
        tag.split('-').next()?.to_ascii_lowercase().parse::<Language>().ok()
    });
    wished.next().unwrap_or(Language::English)
}

fn percent_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = format!("t={text}");
    let (_, value) = form_urlencoded::parse(bytes.as_bytes()).next()?;
    Some(value.into_owned()).filter(|text| text.len() <= DONE_BYTES_MAX)
}
