//! People and programs: who they are, how they prove it, and who works where.
//!
//! [`People`] lets somebody in and knows them again; what members, invitations and API keys allow is kept by the
//! files beside it. A token only says who somebody was when it was made: what holds is read from the database with
//! every request, so that whatever ends here ends at once.

pub mod api_keys;
pub mod browsers;
pub mod entry;
pub mod invitations;
pub mod letters;
pub mod members;
pub mod operators;
pub mod outbox;
pub mod passwords;
pub mod second_factor;

use std::{fmt, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Error,
    access::{Actor, Operator, Who},
    keys::Keys,
};
use crate::{
    domain::{
        id::UserId,
        time::{Timestamp, Zone},
    },
    platform::{
        passwords::{self as hashing, Passwords},
        tokens::{self, Access, Rank, Signer},
    },
    store::{Session, Standing, Store},
};

/// What an API key begins with.
pub const API_KEY_PREFIX: &str = "fd_";
/// How often the use of an API key is noted, in milliseconds.
const USE_NOTED_EVERY_MS: i64 = 60_000;

/// `[people]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether anybody may register a tenant; otherwise only an operator makes one.
    pub registration: bool,
    /// Where the clocks of a tenant hang that registers without saying so.
    #[serde(deserialize_with = "zone")]
    pub zone: Zone,
    /// Whether an operator needs a second factor: without one she can only set one up.
    pub operators_second_factor: bool,
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// Lets people and programs in. Cheap to clone.
#[derive(Clone)]
pub struct People(Arc<Parts>);

/// What [`People`] is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Signs access tokens.
    pub signer: Signer,
    /// Seal the words of mails.
    pub keys: Keys,
    /// Where the console is, for the links in mails; without a slash at its end.
    pub console: String,
    /// Who may register.
    pub settings: Settings,
}

/// Somebody who has proven who they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// What they may, at which tenant. An operator, or a person without any tenant, may be at none.
    pub actor: Option<Actor>,
    /// The session, if it is a person.
    pub session: Option<Session>,
    /// Whether it is an operator, at a tenant or not.
    pub operator: bool,
    /// How many requests a minute a program may make, if it has a limit of its own.
    pub per_minute_max: Option<u32>,
    /// The networks from which they may ask; any when there is none.
    pub networks: Vec<IpNet>,
}

impl Proven {
    /// The person, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        self.session.as_ref().map(|session| &session.user)
    }

    /// The person's session.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs.
    pub fn person(&self) -> Result<&Session, Error> {
        self.session.as_ref().ok_or(Error::Closed("this is for people, not for programs"))
    }

    /// The actor.
    ///
    /// # Errors
    /// [`Error::Closed`] to somebody who is at no tenant.
    pub fn at_tenant(&self) -> Result<&Actor, Error> {
        self.actor.as_ref().ok_or(Error::Closed("choose a tenant first, by POST /auth/switch"))
    }

    /// The operator, if it is one.
    ///
    /// # Errors
    /// [`Error::Closed`] to everybody else.
    pub fn operator(&self) -> Result<Operator, Error> {
        let user = self.user().filter(|_| self.operator).cloned();
        user.map(Operator).ok_or(Error::Closed("this is for those who run the platform"))
    }
}

impl People {
    /// Made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether anybody may register a tenant.
    pub fn registration(&self) -> bool {
        self.0.settings.registration
    }

    /// Who the bearer of this token is.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Unavailable`] when the database is away.
    pub async fn know(&self, token: &str, now: Timestamp) -> Result<Proven, Error> {
        if token.starts_with(API_KEY_PREFIX) {
            return self.know_program(token, now).await;
        }
        let access = self.0.signer.read(token, now).map_err(|error| match error {
            tokens::Error::Expired => Error::Unauthenticated("The access token has expired; refresh it."),
            tokens::Error::NotOurs | tokens::Error::NotAKey => {
                Error::Unauthenticated("The access token is none of ours.")
            }
        })?;
        let standing = self.standing(&access).await?;
        let holds = standing.as_ref().is_some_and(|standing| {
            let session = &standing.session;
            session.ended_at.is_none()
                && session.expires_at > now
                && (&session.user, &session.tenant) == (&access.user, &access.tenant)
                && rank(standing) == access.rank
                && (session.tenant.is_none() || who(standing, now).is_some())
        });
        match standing {
            Some(standing) if holds => Ok(proven(standing, now)),
            _ => Err(Error::Unauthenticated("The access token holds no more; refresh it or log in again.")),
        }
    }

    /// What holds of the session of a token.
    async fn standing(&self, access: &Access) -> Result<Option<Standing>, Error> {
        let store = &self.0.store;
        let standing = match &access.tenant {
            Some(tenant) => store.read(tenant).await?.sessions().standing(&access.session).await?,
            None => store.read_platform().await?.sessions().standing(&access.session).await?,
        };
        Ok(standing.map(|standing| self.masked_standing(standing)))
    }

    /// The same, of which nothing of an operator is left while she lacks the second factor that is demanded of operators.
    fn masked_standing(&self, standing: Standing) -> Standing {
        let lacks = self.0.settings.operators_second_factor && !standing.guarded;
        Standing { operator: standing.operator && !lacks, ..standing }
    }

    async fn know_program(&self, token: &str, now: Timestamp) -> Result<Proven, Error> {
        let found = self.0.store.across_tenants().api_key(&tokens::fingerprint(token)).await?;
        let Some(found) = found.filter(|found| found.key.is_good(now)) else {
            return Err(Error::Unauthenticated("The API key is not known, or good no more."));
        };
        let (tenant, key) = (found.tenant, found.key);
        if key.last_used_at.is_none_or(|used| now.millis_since(used) >= USE_NOTED_EVERY_MS) {
            // Nobody is refused because it could not be noted when they came.
            if let Err(error) = self.note_use(&tenant, &key.id, now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the use of an API key is not noted"
                );
            }
        }
        Ok(Proven {
            actor: Some(Actor::new(tenant, Who::Program { key: key.id, scopes: key.scopes })),
            session: None,
            operator: false,
            per_minute_max: key.per_minute_max,
            networks: found.networks,
        })
    }

    async fn note_use(
        &self,
        tenant: &crate::domain::id::TenantId,
        key: &crate::domain::id::ApiKeyId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tx = self.0.store.begin(tenant).await?;
        tx.api_keys().used(key, now).await?;
        Ok(tx.commit().await?)
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// As what the person of a session comes.
fn rank(standing: &Standing) -> Rank {
    match standing.role {
        _ if standing.operator => Rank::Operator,
        Some(role) => Rank::Member(role),
        None => Rank::Nobody,
    }
}

/// As whom the person of a session acts at its tenant: as what she is there, or as an operator whom it has let in or in which
/// nobody works yet; `None` when she has no place there.
pub(in crate::app) fn who(standing: &Standing, now: Timestamp) -> Option<Who> {
    let user = standing.session.user.clone();
    match standing.role {
        Some(role) => Some(Who::Member { user, role }),
        None if !standing.operator => None,
        None if !standing.staffed => Some(Who::Operator { user }),
        None => standing.support_until.filter(|until| *until > now).map(|_| Who::Support { user }),
    }
}

fn proven(standing: Standing, now: Timestamp) -> Proven {
    let who = who(&standing, now);
    let tenant = standing.session.tenant.clone();
    Proven {
        actor: tenant.zip(who).map(|(tenant, who)| Actor::new(tenant, who)),
        session: Some(standing.session),
        operator: standing.operator,
        per_minute_max: None,
        // Whoever runs the platform helps from wherever they are.
        networks: if standing.operator { vec![] } else { standing.networks },
    }
}

impl From<hashing::Error> for Error {
    fn from(error: hashing::Error) -> Self {
        match error {
            hashing::Error::Busy => Self::Unavailable("the check of passwords", Box::new(error)),
            hashing::Error::Failed => Self::Internal(Box::new(error)),
        }
    }
}
