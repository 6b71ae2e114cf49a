//! Who asks: from a token to an [`Actor`].
//!
//! The only place where a request's credentials are looked at, and where an asker's quota is counted. A token comes in
//! the `Authorization` field and nowhere else: never in a URL, where it would be logged.

use std::{net::IpAddr, num::NonZeroU32};

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use secrecy::SecretString;

use super::{
    Doors,
    client::Client,
    guard::Told,
    limits::{Kind, Left},
    problem::Problem,
};
use crate::app::{
    access::{self, Actor},
    people::Proven,
};

/// Longest token that is looked at, in bytes.
const TOKEN_LEN_MAX: usize = 4_096;

/// Whoever asks, proven, at a tenant.
pub struct By(pub Actor);

/// An operator, at a tenant or not.
pub struct ByOperator(pub access::Operator);

/// Whoever asks, proven, at a tenant or not.
pub struct Person(pub Proven);

/// What a long answer needs to look again whether its asker may still have it.
pub struct Token {
    proof: Proof,
    address: Option<IpAddr>,
}

/// What shows who somebody is.
enum Proof {
    /// An access token or an API key.
    Bearer(String),
    /// What a browser keeps.
    Browser(SecretString),
}

impl Token {
    /// What a browser shows that asks from there.
    pub(super) fn of_browser(token: SecretString, address: Option<IpAddr>) -> Self {
        Self { proof: Proof::Browser(token), address }
    }

    /// Whether it still proves that this actor asks.
    pub async fn holds(&self, doors: &Doors, by: &Actor) -> bool {
        let now = doors.clock.now();
        let proven = match &self.proof {
            Proof::Bearer(token) => doors.people.know(token, now).await,
            Proof::Browser(token) => doors.people.know_browser(token, now).await,
        };
        // While the database is away nobody's rights have changed that we know of.
        proven.map_or_else(
            |error| matches!(error, crate::app::Error::Unavailable(..)),
            |proven| proven.actor.as_ref() == Some(by) && allowed(&proven, self.address),
        )
    }
}

impl FromRequestParts<Doors> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Doors) -> Result<Self, Problem> {
        Ok(Self { proof: Proof::Bearer(token(parts)?.to_owned()), address: address(parts) })
    }
}

/// Somebody who asks to be let in. Counted by address here; by account with [`Stranger::count`].
pub struct Stranger {
    doors: Doors,
    told: Option<Told>,
}

impl Stranger {
    /// Counts an attempt at the account of that name.
    ///
    /// # Errors
    /// [`Problem::TooMany`].
    pub fn count(&self, account: &str) -> Result<(), Problem> {
        let counted = self.doors.limits.count(Kind::Authentication, &format!("account {account}"));
        settle(counted, self.told.as_ref())
    }
}

impl FromRequestParts<Doors> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        Ok(Self(prove(parts, doors).await?.at_tenant()?.clone()))
    }
}

impl FromRequestParts<Doors> for ByOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        Ok(Self(prove(parts, doors).await?.operator()?))
    }
}

impl FromRequestParts<Doors> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        Ok(Self(prove(parts, doors).await?))
    }
}

impl FromRequestParts<Doors> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        let told = parts.extensions.get::<Told>().cloned();
        if let Some(address) = address(parts) {
            let counted = doors.limits.count(Kind::Authentication, &format!("address {address}"));
            settle(counted, told.as_ref())?;
        }
        Ok(Self { doors: doors.clone(), told })
    }
}

/// Somebody who shows a token in the body instead of an attempt to guess one. Counted by address, generously.
pub struct Bearer;

impl FromRequestParts<Doors> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        count_stranger(parts, doors)?;
        Ok(Self)
    }
}

/// Who the bearer of the request's token is.
async fn prove(parts: &Parts, doors: &Doors) -> Result<Proven, Problem> {
    let proven = match token(parts) {
        Ok(token) => doors.people.know(token, doors.clock.now()).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let proven = match proven {
        Err(problem @ Problem::Unauthenticated(_)) => {
            count_stranger(parts, doors)?;
            return Err(problem);
        }
        proven => proven?,
    };
    if !allowed(&proven, address(parts)) {
        return Err(Problem::Forbidden("Nobody may ask for this tenant from this network.".to_owned()));
    }
    count(parts, doors, &proven)?;
    Ok(proven)
}

/// Whether the tenant lets itself be asked from there.
pub(super) fn allowed(proven: &Proven, address: Option<IpAddr>) -> bool {
    let networks = &proven.networks;
    networks.is_empty()
        || address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
}

fn token(parts: &Parts) -> Result<&str, Problem> {
    let needed =
        Problem::Unauthenticated("An access token or an API key is needed: `Authorization: Bearer …`.");
    let mut fields = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return Err(needed) };
    let told = field.to_str().ok().and_then(|field| field.split_once(' '));
    match told {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_LEN_MAX => {
            Ok(token.trim())
        }
        _ => Err(needed),
    }
}

/// Counts a request of somebody who is known.
fn count(parts: &Parts, doors: &Doors, proven: &Proven) -> Result<(), Problem> {
    let asker = match (proven.user(), &proven.actor) {
        (Some(user), _) => user.to_string(),
        (None, Some(actor)) => actor.to_string(),
        (None, None) => return Err(Problem::Internal),
    };
    let counted = match proven.per_minute_max.and_then(NonZeroU32::new) {
        Some(own) => doors.limits.count_own(&asker, own),
        None => doors.limits.count(Kind::Requests, &asker),
    };
    settle(counted, parts.extensions.get())
}

fn count_stranger(parts: &Parts, doors: &Doors) -> Result<(), Problem> {
    let Some(address) = address(parts) else { return Ok(()) };
    settle(doors.limits.count(Kind::Strangers, &address.to_string()), parts.extensions.get())
}

/// Tells what is left of a quota, and goes on unless it is used up.
fn settle(counted: Result<Left, (Problem, Left)>, told: Option<&Told>) -> Result<(), Problem> {
    let (left, settled) = match counted {
        Ok(left) => (left, Ok(())),
        Err((problem, left)) => (left, Err(problem)),
    };
    if let Some(told) = told {
        told.note(left);
    }
    settled
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<Client>().map(|client| client.0)
}
