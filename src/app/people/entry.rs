//! In and out: register, log in, refresh, switch the tenant, log out.
//!
//! Whether an address is known is not told to whoever tries: the answer and the work are the same. A refresh token is
//! good once; used again, after the seconds that two tabs need, it ends the session.

use std::fmt;

use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tracing::warn;

use super::{People, Proven, rank, second_factor::Credentials};
use crate::{
    app::{
        Error, Faults,
        access::{Actor, Who},
        audit, support,
    },
    domain::{
        assistant::Language,
        email::Email,
        id::{SessionId, TenantId, UserId},
        org::Tenant,
        password,
        people::Role,
        time::{Timestamp, Zone},
    },
    platform::{
        ids,
        metrics::SECURITY_TOTAL,
        passwords::Verdict,
        tokens::{self, Access},
    },
    store::{self, Membership, Session, Standing, TenantTx, User},
};

/// How long a session lasts without being refreshed, in minutes: thirty days.
pub const SESSION_MINUTES: i64 = 30 * 24 * 60;
/// How long a session lasts at most, in minutes: half a year.
pub const SESSION_MINUTES_MAX: i64 = 183 * 24 * 60;
/// How long after its first use a refresh token may be used by another tab, in milliseconds.
pub const GRACE_MS: i64 = 10_000;
/// How often a refresh token may be used within that time.
pub const GRACE_USES_MAX: u32 = 8;
/// How long a used refresh token is remembered, in minutes: a week. Used again within it, it ends the session; later it
/// is one that nobody knows.
pub const USED_KEPT_MINUTES: i64 = 7 * 24 * 60;
/// Longest name of a tenant, in characters.
pub const NAME_LEN_MAX: usize = 100;
/// Longest slug, in characters; as long as in a tenant's file.
const SLUG_LEN_MAX: usize = 40;
/// How many businesses of one name find a slug that can be read.
const SLUGS_TRIED_MAX: u32 = 20;
/// How many calls a tenant that registers may have in the air.
const CALLS_MAX: u32 = 10;

/// Why somebody cannot register.
const KNOWN: &str = "that address has an account already; use its password";

/// What somebody is given who was let in.
pub struct Grant {
    /// Says who they are, for a quarter of an hour.
    pub access_token: SecretString,
    /// Gets them the next pair.
    pub refresh_token: SecretString,
    /// Who they are.
    pub user: User,
    /// Where they act.
    pub at: Option<At>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// A tenant at which somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Its id.
    pub tenant: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// As what; an operator need have no role.
    pub role: Option<Role>,
}

impl From<Membership> for At {
    fn from(membership: Membership) -> Self {
        let Membership { tenant, slug, name, role } = membership;
        Self { tenant, slug, name, role: Some(role) }
    }
}

/// Longest name of a person, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// What somebody registers with.
pub struct Registration {
    /// The name of the business.
    pub tenant: String,
    /// Where mail reaches its owner.
    pub email: Email,
    /// What those she works with call her; empty when she does not say. An account that she has keeps its name.
    pub name: String,
    /// Her password, or the one of the account she has already.
    pub password: SecretString,
    /// A code of the second factor of that account, if it has one.
    pub code: Option<SecretString>,
    /// The language she is written to in.
    pub language: Language,
    /// Where the business's clocks hang.
    pub zone: Option<Zone>,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}

/// Who somebody is, and where they may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Me {
    /// The person.
    pub user: User,
    /// Where she acts.
    pub at: Option<At>,
    /// Where she works.
    pub memberships: Vec<Membership>,
}

impl People {
    /// Makes a tenant and its owner, and lets her in. Somebody who has an account already proves it with its password.
    ///
    /// # Errors
    /// [`Error::Closed`] when nobody may register; [`Error::Invalid`]; [`Error::Conflict`] when the address has an
    /// account with another password; [`Error::Unavailable`].
    pub async fn register(&self, wanted: Registration, now: Timestamp) -> Result<Grant, Error> {
        if !self.0.settings.registration {
            return Err(Error::Closed("nobody may register here; ask whoever runs this server for a tenant"));
        }
        let name = wanted.tenant.trim();
        let mut faults = Faults::new();
        faults.unless(
            !name.is_empty() && name.chars().count() <= NAME_LEN_MAX && !name.chars().any(char::is_control),
            "/tenant",
            format!("must be a name of 1 to {NAME_LEN_MAX} characters"),
        );
        let good = password::check(wanted.password.expose_secret(), &wanted.email, &[name]);
        let known = self.0.store.read_platform().await?.users().by_email(&wanted.email).await?;
        if known.is_none() {
            faults.take(good, "/password");
        }
        check_name(&wanted.name, &mut faults);
        faults.settle()?;
        let (user, is_new) = match known {
            Some(user) => {
                let verdict = self.0.passwords.verify(&wanted.password, Some(&user.password_hash)).await?;
                if verdict == Verdict::Wrong {
                    return Err(Error::Conflict(KNOWN));
                }
                self.prove_again(&user, wanted.code.as_ref(), now).await?;
                (self.masked(user).await?, false)
            }
            None => {
                let password_hash = self.0.passwords.hash(&wanted.password).await?;
                let user = new_user(wanted.email, password_hash, wanted.language, now);
                (User { name: wanted.name.trim().to_owned(), ..user }, true)
            }
        };
        let tenant = Tenant {
            id: TenantId::of(ids::fresh(now)),
            slug: self.free_slug(name).await?,
            name: name.to_owned(),
            zone: wanted.zone.unwrap_or_else(|| self.0.settings.zone.clone()),
            twilio_account_sid: None,
            calls_max: CALLS_MAX,
            seats_max: Tenant::SEATS,
            assistants_max: Tenant::ASSISTANTS,
            numbers_max: Tenant::NUMBERS,
            networks: vec![],
            listening_in: false,
        };
        let by = Actor::new(tenant.id.clone(), Who::Member { user: user.id.clone(), role: Role::Owner });
        let mut tx = self.0.store.begin(&tenant.id).await?;
        tx.tenant().put(&tenant).await?;
        if is_new {
            tx.users().add(&user).await.map_err(|error| known_already(error, KNOWN))?;
        }
        tx.memberships().add(&user.id, Role::Owner, now).await?;
        audit::record(&mut tx, &by, now, None, Some(&tenant)).await?;
        let at = At { tenant: tenant.id, slug: tenant.slug, name: tenant.name, role: Some(Role::Owner) };
        let (session, refresh) = begin(&mut tx, &user, &at, now).await?;
        tx.commit().await?;
        self.grant(user, Some(at), &session, refresh, now)
    }

    /// Lets somebody in who has an account: at the tenant they ask for (its id or slug), or where they have been
    /// working longest.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], the same for an unknown address and a wrong password, and for a wrong code;
    /// [`Error::SecondFactor`] when a code is needed as well; [`Error::Later`] after too many wrong ones;
    /// [`Error::Unavailable`].
    pub async fn login(
        &self,
        email: &Email,
        shown: impl Into<Credentials<'_>>,
        tenant: Option<&str>,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let shown = shown.into();
        let user = self.prove(email, shown.password).await?;
        self.prove_again(&user, shown.code, now).await?;
        let at = self.place(&user, tenant, now).await?;
        self.enter(user, at, now).await
    }

    /// The next pair of tokens for a refresh token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Unavailable`].
    pub async fn refresh(&self, token: &SecretString, now: Timestamp) -> Result<Grant, Error> {
        const OVER: Error = Error::Unauthenticated("The session is over; log in again.");
        let fresh = SecretString::from(ids::token());
        let mut tx = self.0.store.begin_platform().await?;
        let used = tx.sessions().use_token(&tokens::fingerprint(token.expose_secret()), now).await?;
        let Some(used) = used else { return Err(OVER) };
        let session = tx.sessions().get(&used.session).await?.ok_or(OVER)?;
        if session.ended_at.is_some() || session.expires_at <= now {
            return Err(OVER);
        }
        let late = now.millis_since(used.first_used_at) > GRACE_MS;
        if used.uses > 1 && (late || used.uses > GRACE_USES_MAX) {
            tx.sessions().end(&session.id, now).await?;
            tx.commit().await?;
            counter!(SECURITY_TOTAL, "event" => "refresh_token_reuse").increment(1);
            warn!(session.id = %session.id, "a refresh token was used again; its session is ended");
            return Err(OVER);
        }
        tx.sessions().add_token(&session.id, &tokens::fingerprint(fresh.expose_secret()), now).await?;
        tx.sessions().forget_tokens(&session.id, now.plus_minutes(-USED_KEPT_MINUTES)).await?;
        let latest = session.began_at.plus_minutes(SESSION_MINUTES_MAX);
        tx.sessions().extend(&session.id, now.plus_minutes(SESSION_MINUTES).min(latest)).await?;
        let user = tx.users().get(&session.user).await?.ok_or(OVER)?;
        tx.commit().await?;
        let user = self.masked(user).await?;
        let at = match &session.tenant {
            Some(tenant) => Some(self.at(tenant, &user, Some(now)).await?.ok_or(OVER)?),
            None => None,
        };
        self.grant(user, at, &session, fresh, now)
    }

    /// Ends the session of whoever asks; every token of it ends with it.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Unavailable`].
    pub async fn logout(&self, by: &Proven, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.0.store.begin_platform().await?;
        tx.sessions().end(&by.person()?.id, now).await?;
        Ok(tx.commit().await?)
    }

    /// Lets whoever asks in at another tenant (its id or slug), in a session of its own. An operator may go where the tenant
    /// lets her in, and where nobody works yet; the tenant's audit log tells it.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::NotFound`] where she does not work; [`Error::Unavailable`].
    pub async fn switch(&self, by: &Proven, tenant: &str, now: Timestamp) -> Result<Grant, Error> {
        let user = self.user(&by.person()?.user).await?;
        let at = self.place(&user, Some(tenant), now).await?;
        self.enter(user, at, now).await
    }

    /// Lets an operator out of the tenant she has entered, in a session of its own.
    ///
    /// # Errors
    /// [`Error::Closed`] to everybody else; [`Error::Unavailable`].
    pub async fn leave(&self, by: &Proven, now: Timestamp) -> Result<Grant, Error> {
        let user = self.user(&by.operator()?.0).await?;
        self.enter(user, None, now).await
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Unavailable`].
    pub async fn me(&self, by: &Proven) -> Result<Me, Error> {
        let session = by.person()?;
        let user = self.user(&session.user).await?;
        let memberships = self.0.store.across_tenants().memberships(&user.id).await?;
        let at = match &session.tenant {
            Some(tenant) => self.at(tenant, &user, None).await?,
            None => None,
        };
        Ok(Me { user, at, memberships })
    }

    /// Keeps in which language whoever asks is written to.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Unavailable`].
    pub async fn set_language(&self, by: &Proven, language: Language) -> Result<(), Error> {
        let mut tx = self.0.store.begin_platform().await?;
        tx.users().set_language(&by.person()?.user, language).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps what those somebody works with call her; nothing takes it away.
    ///
    /// # Errors
    /// [`Error::Closed`] to programs; [`Error::Invalid`]; [`Error::Unavailable`] when the database is away.
    pub async fn set_name(&self, by: &Proven, name: &str) -> Result<(), Error> {
        let user = &by.person()?.user;
        let mut faults = Faults::new();
        check_name(name, &mut faults);
        faults.settle()?;
        let mut tx = self.0.store.begin_platform().await?;
        tx.users().set_name(user, name.trim()).await?;
        Ok(tx.commit().await?)
    }

    /// The person of that address and password, whose hash is made anew if it is of an older kind.
    pub(super) async fn prove(&self, email: &Email, password: &SecretString) -> Result<User, Error> {
        let user = self.0.store.read_platform().await?.users().by_email(email).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let verdict = self.0.passwords.verify(password, hash).await?;
        match user {
            Some(user) if verdict == Verdict::Right => self.masked(user).await,
            Some(user) if verdict == Verdict::RightButOutdated => {
                let hash = self.0.passwords.hash(password).await?;
                let mut tx = self.0.store.begin_platform().await?;
                tx.users().rehash(&user.id, &user.password_hash, &hash).await?;
                tx.commit().await?;
                self.masked(user).await
            }
            _ => {
                counter!(SECURITY_TOTAL, "event" => "login_refused").increment(1);
                Err(Error::Unauthenticated("The address or the password is not right."))
            }
        }
    }

    /// The person of that id.
    pub(super) async fn user(&self, id: &UserId) -> Result<User, Error> {
        let user = self.0.store.read_platform().await?.users().get(id).await?;
        self.masked(user.ok_or(Error::Unauthenticated("The account is gone."))?).await
    }

    /// Begins a session at `at`, and gives its tokens.
    pub(super) async fn enter(&self, user: User, at: Option<At>, now: Timestamp) -> Result<Grant, Error> {
        let Some(at) = at else {
            let (session, refresh) = new_session(&user, None, now);
            let mut tx = self.0.store.begin_platform().await?;
            tx.sessions().begin(&session).await?;
            tx.sessions().add_token(&session.id, &tokens::fingerprint(refresh.expose_secret()), now).await?;
            tx.commit().await?;
            return self.grant(user, None, &session, refresh, now);
        };
        let mut tx = self.0.store.begin(&at.tenant).await?;
        let (session, refresh) = begin(&mut tx, &user, &at, now).await?;
        tx.commit().await?;
        self.grant(user, Some(at), &session, refresh, now)
    }

    /// Signs what a session gives.
    pub(super) fn grant(
        &self,
        user: User,
        at: Option<At>,
        session: &Session,
        refresh_token: SecretString,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let standing = Standing {
            session: session.clone(),
            operator: user.operator,
            role: at.as_ref().and_then(|at| at.role),
            networks: vec![],
            guarded: false,
            staffed: false,
            support_until: None,
        };
        let access = Access {
            user: user.id.clone(),
            session: session.id.clone(),
            tenant: session.tenant.clone(),
            rank: rank(&standing),
            made_at: now,
        };
        let signed = self.0.signer.sign(&access).map_err(|error| Error::Internal(Box::new(error)))?;
        Ok(Grant { access_token: SecretString::from(signed), refresh_token, user, at })
    }

    /// Where a person is let in: at the tenant she names, or where she has been working longest.
    pub(super) async fn place(
        &self,
        user: &User,
        wanted: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<At>, Error> {
        let memberships = self.0.store.across_tenants().memberships(&user.id).await?;
        let Some(wanted) = wanted else { return Ok(memberships.into_iter().next().map(At::from)) };
        let named =
            |membership: &Membership| membership.slug == wanted || membership.tenant.as_str() == wanted;
        if let Some(membership) = memberships.into_iter().find(named) {
            return Ok(Some(membership.into()));
        }
        let tenant = if user.operator { self.tenant(wanted).await? } else { None };
        let tenant = tenant.ok_or(Error::NotFound("tenant"))?;
        support::must_be_open(&self.0.store, &tenant.id, now).await?;
        Ok(Some(At { tenant: tenant.id, slug: tenant.slug, name: tenant.name, role: None }))
    }

    /// The tenant of that slug or id.
    async fn tenant(&self, wanted: &str) -> Result<Option<Tenant>, Error> {
        if let Ok(id) = wanted.parse::<TenantId>()
            && let Some(tenant) = self.0.store.read(&id).await?.tenant().get().await?
        {
            return Ok(Some(tenant));
        }
        Ok(self.0.store.across_tenants().tenant(wanted).await?)
    }

    /// A person at a tenant: as a member, or as an operator whom it lets in at `now`, if that is asked.
    pub(super) async fn at(
        &self,
        tenant: &TenantId,
        user: &User,
        now: Option<Timestamp>,
    ) -> Result<Option<At>, Error> {
        let mut tx = self.0.store.read(tenant).await?;
        let role = tx.memberships().get(&user.id).await?.map(|member| member.item.role);
        if let Some(now) = now
            && role.is_none()
            && !tx.support_access().lets_in(now).await?
        {
            return Ok(None);
        }
        let Some(tenant) = tx.tenant().get().await? else { return Ok(None) };
        let at = At { tenant: tenant.id, slug: tenant.slug, name: tenant.name, role };
        Ok(Some(at).filter(|at| user.operator || at.role.is_some()))
    }

    /// A slug for a business of that name that nobody has.
    async fn free_slug(&self, name: &str) -> Result<String, Error> {
        let plain = slug(name);
        for n in 1..=SLUGS_TRIED_MAX {
            let tried = if n == 1 { plain.clone() } else { numbered(&plain, &n.to_string()) };
            if self.0.store.across_tenants().tenant(&tried).await?.is_none() {
                return Ok(tried);
            }
        }
        Ok(numbered(&plain, &ids::token()[..8]))
    }
}

/// The error, or a conflict in these words when somebody is known already.
pub(super) fn known_already(error: store::Error, words: &'static str) -> Error {
    if matches!(error, store::Error::NotUnique(_)) { Error::Conflict(words) } else { error.into() }
}

/// Whether a person may be called that: in one line, and without marks that are not seen.
pub(super) fn check_name(name: &str, faults: &mut Faults) {
    let unseen = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    let right =
        name.trim().chars().count() <= NAME_CHARS_MAX && !name.chars().any(|c| c.is_control() || unseen(c));
    faults.unless(right, "/name", format!("must be at most {NAME_CHARS_MAX} characters in one line"));
}

/// A person nobody knew.
pub(super) fn new_user(email: Email, password_hash: String, language: Language, now: Timestamp) -> User {
    let name = String::new();
    User {
        id: UserId::of(ids::fresh(now)),
        email,
        name,
        password_hash,
        language,
        operator: false,
        created_at: now,
    }
}

/// Begins a session at a tenant. An operator's coming is told to the tenant.
pub(super) async fn begin(
    tx: &mut TenantTx,
    user: &User,
    at: &At,
    now: Timestamp,
) -> Result<(Session, SecretString), Error> {
    let (session, refresh) = new_session(user, Some(at.tenant.clone()), now);
    tx.sessions().begin(&session).await?;
    tx.sessions().add_token(&session.id, &tokens::fingerprint(refresh.expose_secret()), now).await?;
    if user.operator && at.role.is_none() {
        let by = Actor::new(at.tenant.clone(), Who::Operator { user: user.id.clone() });
        audit::tell(tx, &by, now, "operator.entered", at.tenant.as_str(), json!({})).await?;
    }
    Ok((session, refresh))
}

fn new_session(user: &User, tenant: Option<TenantId>, now: Timestamp) -> (Session, SecretString) {
    let session = Session {
        id: SessionId::of(ids::fresh(now)),
        user: user.id.clone(),
        tenant,
        began_at: now,
        expires_at: now.plus_minutes(SESSION_MINUTES),
        ended_at: None,
    };
    (session, SecretString::from(ids::token()))
}

/// A name as a slug: small letters, digits and single hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => slug.push_str("ae"),
            'ö' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            'é' | 'è' | 'ê' | 'ë' => slug.push('e'),
            'á' | 'à' | 'â' | 'å' => slug.push('a'),
            'ó' | 'ò' | 'ô' | 'ø' => slug.push('o'),
            'ç' => slug.push('c'),
            'ñ' => slug.push('n'),
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(SLUG_LEN_MAX);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "tenant".to_owned() } else { slug.to_owned() }
}

fn numbered(slug: &str, number: &str) -> String {
    let room = SLUG_LEN_MAX.saturating_sub(number.len() + 1);
    format!("{}-{number}", slug.get(..room).unwrap_or(slug).trim_end_matches('-'))
}
