//! What several of these doors show and read.

use std::str::FromStr;

use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{
        self,
        people::entry::{At, Grant, Me},
    },
    domain::{assistant::Language, people::Role},
    platform::tokens::ACCESS_MINUTES,
    store::{Membership, User},
};

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserShown {
    /// Her id.
    id: String,
    /// Where mail reaches her.
    email: String,
    /// What those she works with call her; empty when she has not said.
    name: String,
    /// The language she is written to in: `de`, `en`.
    language: &'static str,
    /// Whether she runs the platform.
    operator: bool,
}

impl UserShown {
    pub(super) fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.clone(),
            language: user.language.code(),
            operator: user.operator,
        }
    }
}

/// A tenant and what somebody is there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Place)]
pub(super) struct AtShown {
    /// The tenant's id.
    id: String,
    /// Its short name.
    slug: String,
    /// Its name.
    name: String,
    /// As what: `owner`, `admin`, `member`, `viewer`; null for an operator who does not work there.
    #[schema(required)]
    role: Option<&'static str>,
}

impl AtShown {
    pub(super) fn of(at: &At) -> Self {
        let At { tenant, slug, name, role } = at;
        Self { id: tenant.to_string(), slug: slug.clone(), name: name.clone(), role: role.map(Role::as_str) }
    }

    fn of_membership(membership: &Membership) -> Self {
        Self::of(&membership.clone().into())
    }
}

/// What somebody is given who was let in. The access token goes into `Authorization: Bearer …`; the refresh token
/// gets the next pair, once.
#[derive(Serialize, ToSchema)]
#[schema(as = Grant)]
pub(super) struct GrantShown {
    /// Says who somebody is.
    access_token: String,
    /// Gets the next pair, once.
    refresh_token: String,
    /// How the access token is shown: `bearer`.
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    expires_in: i64,
    /// Who was let in.
    user: UserShown,
    /// Where; null for somebody who belongs to no tenant.
    #[schema(required)]
    tenant: Option<AtShown>,
}

impl GrantShown {
    pub(super) fn of(grant: &Grant) -> Self {
        Self {
            access_token: grant.access_token.expose_secret().to_owned(),
            refresh_token: grant.refresh_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: ACCESS_MINUTES * 60,
            user: UserShown::of(&grant.user),
            tenant: grant.at.as_ref().map(AtShown::of),
        }
    }
}

/// Who asks, and where they may.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeShown {
    #[serde(flatten)]
    user: UserShown,
    /// Where she acts.
    #[schema(required)]
    tenant: Option<AtShown>,
    /// Where she works.
    memberships: Vec<AtShown>,
}

impl MeShown {
    pub(super) fn of(me: &Me) -> Self {
        Self {
            user: UserShown::of(&me.user),
            tenant: me.at.as_ref().map(AtShown::of),
            memberships: me.memberships.iter().map(AtShown::of_membership).collect(),
        }
    }
}

/// A value of the body as what it must be.
pub(super) fn taken<T: FromStr<Err: std::fmt::Display>>(text: &str, pointer: &str) -> Result<T, app::Error> {
    text.parse().map_err(|error: T::Err| app::Error::invalid(pointer, error.to_string()))
}

/// The language somebody asks for, or the first of what their browser asks for that we can write.
pub(super) fn language(asked: Option<&str>, accepted: Option<&str>) -> Result<Language, app::Error> {
    if let Some(asked) = asked {
        return taken(asked, "/language");
    }
    let accepted = accepted.unwrap_or_default().split(',');
    let tags = accepted.filter_map(|tag| tag.trim().get(..2)?.to_ascii_lowercase().parse().ok());
    Ok(tags.into_iter().next().unwrap_or(Language::English))
}
