//! To a vendor's page of consent and back.
//!
//! Whoever sets out carries a state that is tied to their session, their tenant, the vendor and the browser; it is good
//! once, for ten minutes. What comes back is believed in nothing but that: the code is exchanged once, what was granted
//! is compared with what is needed, and whose account it is, the vendor is asked. Connecting an account that is connected
//! already keeps its connection, its calendars and every choice.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tracing::{error, info, warn};
use url::Url;

use super::{Calendars, connections::LIST_PATIENCE};
use crate::{
    app::{self, Faults, access::Actor, audit, keys, people},
    calendars::{
        Access, Error as VendorError, Listed,
        oauth::{self, Begun, Error as OauthError, Gone, Needed, Tokens},
    },
    domain::{
        calendar::{Connection, ConnectionState, Grant, Vendor},
        id::{ConnectionId, ConsentId, TenantId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::{ids, secrets::Place, tokens::fingerprint},
    store::{self, SealedColumn, Session, Underway},
};

/// How long somebody may be on the way, in minutes.
pub const WAY_MINUTES: i64 = 10;
/// How many of a tenant's people may be on the way.
pub const UNDERWAY_MAX: u64 = 50;
/// How many connections a tenant may have, those that were given up included.
pub const CONNECTIONS_MAX: u64 = 200;
/// Longest text that is read of what comes back, in bytes.
const RETURNED_LEN_MAX: usize = 8 * 1024;
/// Longest name of an account, in characters.
const ACCOUNT_LEN_MAX: usize = 320;

/// What somebody wants to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose calendars.
    pub vendor: Vendor,
    /// Who is to agree.
    pub grant: Grant,
    /// Which connection is to be made anew, if it is one that is there.
    pub connection: Option<ConnectionId>,
}

/// Where somebody is to go. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SetOut {
    /// The vendor's page.
    pub url: Url,
    /// Until when they may come back.
    pub expires: Timestamp,
    /// What their browser must bring back with them.
    pub browser: SecretString,
}

impl fmt::Debug for SetOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOut").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What somebody came back with, as their browser says. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct Returned {
    /// What they set out with.
    pub state: Option<SecretString>,
    /// What stands for the consent.
    pub code: Option<SecretString>,
    /// The vendor's word for why there is none.
    pub error: Option<String>,
    /// The organisation for which an administrator says she has agreed.
    pub directory: Option<String>,
    /// What their browser brought.
    pub browser: Option<SecretString>,
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").finish_non_exhaustive()
    }
}

/// How far somebody has come.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// The calendars are connected.
    Connected(ConnectionId),
    /// There is one more page to go to.
    Onward(Url),
}

/// Why nothing was connected. Each has a word, for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nobody has set out with that state, it was used, or it took too long.
    Stale,
    /// They set out in another browser.
    OtherBrowser,
    /// They set out to another vendor.
    OtherVendor,
    /// Whoever set out may not connect calendars any more, or has logged out.
    NotAllowed,
    /// They did not agree.
    Refused,
    /// They agreed, but not to all that is needed.
    Withheld(Vec<Needed>),
    /// Their administrator, or the rules of their organisation, must agree first.
    Administrator,
    /// The code they came back with is not good, or was used.
    Code,
    /// Another account than the one that was to be connected again.
    OtherAccount,
    /// The organisation belongs to another tenant here.
    OtherTenant,
    /// The account has no calendars.
    NoCalendars,
    /// There may be no more connections.
    TooMany,
    /// Our own application is not accepted there: the operator must act.
    Operator,
    /// The vendor does not answer.
    Away,
    /// Something broke on our side.
    Internal,
}

impl Problem {
    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::OtherBrowser => "other_browser",
            Self::OtherVendor => "other_vendor",
            Self::NotAllowed => "not_allowed",
            Self::Refused => "refused",
            Self::Withheld(_) => "withheld",
            Self::Administrator => "administrator",
            Self::Code => "code",
            Self::OtherAccount => "other_account",
            Self::OtherTenant => "other_tenant",
            Self::NoCalendars => "no_calendars",
            Self::TooMany => "too_many",
            Self::Operator => "operator",
            Self::Away => "away",
            Self::Internal => "internal",
        }
    }

    fn broke(error: &(dyn std::error::Error + 'static)) -> Self {
        error!(error, "a consent could not be finished");
        Self::Internal
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::broke(&error)
    }
}

impl From<keys::Error> for Problem {
    fn from(error: keys::Error) -> Self {
        Self::broke(&error)
    }
}

impl From<OauthError> for Problem {
    fn from(error: OauthError) -> Self {
        match error {
            OauthError::Gone(Gone::Administrator | Gone::Policy) => Self::Administrator,
            OauthError::Gone(_) => Self::Code,
            OauthError::Operator(fault) => {
                error!(reason = fault.as_str(), "calendars cannot be connected: the operator must act");
                Self::Operator
            }
            OauthError::NotOffered => Self::Operator,
            OauthError::Away(_) => Self::Away,
            OauthError::Garbled(reason) => {
                warn!(reason, "a vendor's answer to a consent is not understood");
                Self::Away
            }
        }
    }
}

impl From<VendorError> for Problem {
    fn from(error: VendorError) -> Self {
        warn!(error = &error as &dyn std::error::Error, "the calendars of a fresh consent cannot be listed");
        match error {
            // Graph's word for an account without a mailbox is a 404 of its own.
            VendorError::NotThere | VendorError::Forbidden | VendorError::Refused { status: 404, .. } => {
                Self::NoCalendars
            }
            VendorError::ConsentGone(_) | VendorError::Expired => Self::Withheld(vec![Needed::Listing]),
            VendorError::Stale
            | VendorError::BeginAnew
            | VendorError::NotOurs
            | VendorError::TooMany { .. }
            | VendorError::Resting { .. }
            | VendorError::Away(_)
            | VendorError::Garbled(_)
            | VendorError::Refused { .. } => Self::Away,
        }
    }
}

/// Whose calendars were agreed to.
struct Agreed {
    account: String,
    directory: Option<String>,
    personal: bool,
    tokens: Tokens,
    listed: Vec<Listed>,
}

impl Calendars {
    /// Sends somebody to a vendor's page of consent.
    ///
    /// # Errors
    /// [`app::Error::Forbidden`]; [`app::Error::Invalid`]; [`app::Error::Conflict`] when no key is configured to seal
    /// tokens with; [`app::Error::Limit`]; [`app::Error::Unavailable`].
    pub async fn begin(&self, by: &Actor, session: &Session, wanted: &Wanted) -> Result<SetOut, app::Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let now = self.parts.clock.now();
        let mut faults = Faults::new();
        faults.unless(
            self.parts.oauth.offers(wanted.vendor),
            "/vendor",
            "is not set up on this server: its operator must register an application first",
        );
        faults.unless(
            (wanted.vendor, wanted.grant) != (Vendor::Google, Grant::Organisation),
            "/grant",
            "must be `person` at Google",
        );
        faults.settle()?;
        if !self.parts.keys.lasting() {
            return Err(app::Error::Conflict(
                "no calendar can be connected: the operator must set `secrets.key` first",
            ));
        }
        let mut tx = self.parts.store.begin(by.tenant()).await?;
        let before = match &wanted.connection {
            None => None,
            Some(id) => tx.connections().get(id).await?,
        };
        if wanted.connection.is_some() {
            let same = before.as_ref().map(|kept| (kept.vendor, kept.grant));
            if same != Some((wanted.vendor, wanted.grant)) {
                return Err(app::Error::invalid(
                    "/connection",
                    "there is no such connection of that vendor and grant",
                ));
            }
        } else if tx.connections().count().await? >= CONNECTIONS_MAX {
            return Err(app::Error::Limit { name: "connections", max: CONNECTIONS_MAX });
        }
        if tx.consents().count_open(now).await? >= UNDERWAY_MAX {
            return Err(app::Error::Limit {
                name: "people on their way to connect calendars",
                max: UNDERWAY_MAX,
            });
        }
        let hint =
            before.as_ref().map(|kept| kept.account.as_str()).filter(|_| wanted.grant == Grant::Person);
        let begun = self.parts.oauth.begin(wanted.vendor, wanted.grant, hint);
        let begun = begun.map_err(|error| app::Error::Internal(Box::new(error)))?;
        let browser = SecretString::from(ids::token());
        let underway = Underway {
            id: ConsentId::of(ids::fresh(now)),
            browser_hash: fingerprint(browser.expose_secret()),
            verifier: vec![],
            vendor: wanted.vendor,
            grant: wanted.grant,
            directory: None,
            session: session.id.clone(),
            user: session.user.clone(),
            connection: wanted.connection.clone(),
            created: now,
            expires: now.plus_minutes(WAY_MINUTES),
            used: None,
        };
        let set_out = self.set_out(&mut tx, underway, begun).await?;
        tx.commit().await?;
        Ok(SetOut { url: set_out.0, expires: set_out.1, browser })
    }

    /// Keeps that somebody sets out; where to, and until when they may come back.
    async fn set_out(
        &self,
        tx: &mut store::TenantTx,
        underway: Underway,
        begun: Begun,
    ) -> Result<(Url, Timestamp), app::Error> {
        let tenant = tx.tenant_id().clone();
        let verifier = self.parts.keys.seal(verifier_of(&tenant, &underway.id), &begun.verifier)?;
        let underway = Underway { verifier, ..underway };
        tx.consents().add(&underway, &fingerprint(begun.state.expose_secret())).await?;
        Ok((begun.url, underway.expires))
    }

    /// Somebody comes back from `vendor`'s page. Goes on although they do not wait for it.
    ///
    /// # Errors
    /// [`Problem`]; nothing was connected then.
    pub async fn finish(&self, vendor: Vendor, returned: Returned) -> Result<Arrived, Problem> {
        let own = self.clone();
        let finished = self.parts.tasks.spawn(async move { own.arrive(vendor, &returned).await });
        finished.await.unwrap_or(Err(Problem::Internal))
    }

    async fn arrive(&self, vendor: Vendor, returned: &Returned) -> Result<Arrived, Problem> {
        let now = self.parts.clock.now();
        let state = returned.state.as_ref().filter(|state| state.expose_secret().len() <= RETURNED_LEN_MAX);
        let state = fingerprint(state.ok_or(Problem::Stale)?.expose_secret());
        let found = self.parts.store.across_tenants().underway(&state).await?;
        let (tenant, underway) = found.ok_or(Problem::Stale)?;
        let browser = returned.browser.as_ref().map(|brought| fingerprint(brought.expose_secret()));
        // Whoever brings another browser's state may not even use it up.
        if browser.as_ref() != Some(&underway.browser_hash) {
            return Err(Problem::OtherBrowser);
        }
        if underway.used.is_some() || underway.expires <= now {
            return Err(Problem::Stale);
        }
        let by = self.whoever(&tenant, &underway, now).await?;
        let mut tx = self.parts.store.begin(&tenant).await?;
        if !tx.consents().use_up(&underway.id, now).await? {
            return Err(Problem::Stale);
        }
        tx.commit().await?;
        if underway.vendor != vendor {
            return Err(Problem::OtherVendor);
        }
        if let Some(word) = &returned.error {
            return Err(refusal(word));
        }
        let code = returned.code.as_ref().filter(|code| code.expose_secret().len() <= RETURNED_LEN_MAX);
        let agreed = match (underway.grant, code) {
            (Grant::Person, Some(code)) => self.of_person(&tenant, &underway, code).await?,
            (Grant::Organisation, Some(code)) => self.of_organisation(&tenant, &underway, code).await?,
            (Grant::Organisation, None) => return self.onward(&tenant, underway, returned).await,
            (Grant::Person, None) => return Err(Problem::Code),
        };
        let connected = self.connect(&by, &underway, agreed, now).await?;
        info!(connection = %connected, vendor = vendor.as_str(), "calendars are connected");
        Ok(Arrived::Connected(connected))
    }

    /// Whoever set out, if they are still logged in and may still connect calendars.
    async fn whoever(
        &self,
        tenant: &TenantId,
        underway: &Underway,
        now: Timestamp,
    ) -> Result<Actor, Problem> {
        let standing = self.parts.store.read(tenant).await?.sessions().standing(&underway.session).await?;
        let standing = standing.ok_or(Problem::NotAllowed)?;
        let session = &standing.session;
        let holds = session.ended_at.is_none()
            && session.expires_at > now
            && session.user == underway.user
            && session.tenant.as_ref() == Some(tenant);
        let by = Actor::new(tenant.clone(), people::who(&standing, now).ok_or(Problem::NotAllowed)?);
        if holds && by.may(Verb::Write, Subject::Calendars) { Ok(by) } else { Err(Problem::NotAllowed) }
    }

    /// An administrator says she has agreed: she is sent on to prove that she is one of that organisation. What a browser
    /// says of it proves nothing, and another's organisation may have agreed long ago.
    async fn onward(
        &self,
        tenant: &TenantId,
        underway: Underway,
        returned: &Returned,
    ) -> Result<Arrived, Problem> {
        let now = self.parts.clock.now();
        let directory = returned.directory.as_deref().ok_or(Problem::Code)?;
        let begun = self.parts.oauth.prove_organisation(directory).map_err(|_| Problem::Code)?;
        let underway = Underway {
            id: ConsentId::of(ids::fresh(now)),
            directory: Some(directory.to_owned()),
            created: now,
            expires: now.plus_minutes(WAY_MINUTES),
            used: None,
            ..underway
        };
        let mut tx = self.parts.store.begin(tenant).await?;
        let set_out = self.set_out(&mut tx, underway, begun).await.map_err(|error| Problem::broke(&error))?;
        tx.commit().await?;
        Ok(Arrived::Onward(set_out.0))
    }

    /// Exchanges the code: once, since it is good for no more.
    async fn redeem(
        &self,
        tenant: &TenantId,
        underway: &Underway,
        code: &SecretString,
    ) -> Result<Tokens, Problem> {
        let verifier = self.parts.keys.open(verifier_of(tenant, &underway.id), &underway.verifier).await?;
        let directory = underway.directory.as_deref();
        Ok(self.parts.oauth.redeem(underway.vendor, directory, code, &verifier).await?)
    }

    async fn of_person(
        &self,
        tenant: &TenantId,
        underway: &Underway,
        code: &SecretString,
    ) -> Result<Agreed, Problem> {
        let tokens = self.redeem(tenant, underway, code).await?;
        let missing = oauth::withheld(underway.vendor, &tokens);
        if !missing.is_empty() {
            return Err(Problem::Withheld(missing));
        }
        let identity = tokens.identity.clone();
        let personal = identity.as_ref().is_some_and(|identity| identity.personal);
        let now = self.parts.clock.now();
        let access = Access {
            // Its requests are nobody's yet: another's troubles are not to be its own.
            connection: ConnectionId::of(ids::fresh(now)),
            vendor: underway.vendor,
            token: tokens.access.clone(),
            personal,
        };
        let listed = self.parts.vendors.list(&access, None, LIST_PATIENCE).await?;
        if listed.is_empty() {
            return Err(Problem::NoCalendars);
        }
        let primary = listed.iter().find(|calendar| calendar.primary);
        let account = match underway.vendor {
            // Google calls the main calendar by the account's address.
            Vendor::Google => primary.map(|calendar| calendar.place.calendar.clone()),
            Vendor::Microsoft => identity.and_then(|identity| identity.account),
        };
        let account = account.or_else(|| primary.map(|calendar| calendar.name.clone()));
        let account = named(&account.ok_or(Problem::NoCalendars)?);
        Ok(Agreed { account, directory: None, personal, tokens, listed })
    }

    async fn of_organisation(
        &self,
        tenant: &TenantId,
        underway: &Underway,
        code: &SecretString,
    ) -> Result<Agreed, Problem> {
        let identity = self.redeem(tenant, underway, code).await?.identity;
        let identity = identity.filter(|identity| !identity.personal).ok_or(Problem::Administrator)?;
        let directory = identity.directory;
        if underway.directory.as_deref().is_none_or(|expected| !expected.eq_ignore_ascii_case(&directory)) {
            return Err(Problem::OtherAccount);
        }
        let others = self.parts.store.across_tenants().connected_directory(&directory).await?;
        if others.iter().any(|other| other != tenant) {
            return Err(Problem::OtherTenant);
        }
        let tokens = match self.parts.oauth.of_organisation(&directory).await {
            Ok(tokens) => tokens,
            Err(OauthError::Gone(_)) => return Err(Problem::Administrator),
            Err(error) => return Err(error.into()),
        };
        let domain = identity.account.as_deref().and_then(|account| account.rsplit_once('@'));
        let account = named(domain.map_or(directory.as_str(), |(_, domain)| domain));
        Ok(Agreed { account, directory: Some(directory), personal: false, tokens, listed: vec![] })
    }

    /// Keeps what was agreed to: as the connection it was meant for, the one the account has already, or a new one.
    async fn connect(
        &self,
        by: &Actor,
        underway: &Underway,
        agreed: Agreed,
        now: Timestamp,
    ) -> Result<ConnectionId, Problem> {
        let tenant = by.tenant();
        let mut tx = self.parts.store.begin(tenant).await?;
        let mut before = None;
        for kept in tx.connections().all().await? {
            let kind = (kept.vendor, kept.grant) == (underway.vendor, underway.grant);
            let wanted = underway.connection.as_ref().is_none_or(|wanted| *wanted == kept.id);
            if kind && wanted && self.same(&mut tx, &kept, &agreed).await? {
                before = Some(kept);
                break;
            }
        }
        if before.is_none() && underway.connection.is_some() {
            return Err(Problem::OtherAccount);
        }
        if before.is_none() && tx.connections().count().await? >= CONNECTIONS_MAX {
            return Err(Problem::TooMany);
        }
        let id = before.as_ref().map_or_else(|| ConnectionId::of(ids::fresh(now)), |kept| kept.id.clone());
        let made = Connection {
            id: id.clone(),
            vendor: underway.vendor,
            grant: underway.grant,
            account: agreed.account,
            directory: agreed.directory,
            personal: agreed.personal,
            state: ConnectionState::Connected,
            problem: None,
            connected: now,
            since: now,
        };
        let sealed = self.sealed(tenant, &id, &agreed.tokens)?;
        let scopes = &agreed.tokens.scopes;
        let who = by.to_string();
        let action = match &before {
            None => {
                tx.connections().add(&made, scopes, &sealed, &who).await?;
                "calendar_connection.created"
            }
            Some(_) => {
                tx.connections().again(&made, scopes, &sealed, &who).await?;
                "calendar_connection.reconnected"
            }
        };
        if made.grant == Grant::Person {
            self.keep_listing(&mut tx, &id, None, &agreed.listed, now).await?;
        }
        let about = json!({ "vendor": made.vendor.as_str(), "grant": made.grant.as_str() });
        let told = audit::tell(&mut tx, by, now, action, id.as_str(), about).await;
        told.map_err(|error| Problem::broke(&error))?;
        if before.is_some() {
            let resumed = self.resume(&mut tx, now).await;
            resumed.map_err(|error| Problem::broke(&error))?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Whether the connection is of the account that has agreed: by its name, or by its main calendar, since people and
    /// addresses are renamed.
    async fn same(
        &self,
        tx: &mut store::TenantTx,
        kept: &Connection,
        agreed: &Agreed,
    ) -> Result<bool, store::Error> {
        if kept.grant == Grant::Organisation {
            return Ok(kept.directory == agreed.directory);
        }
        if kept.account.eq_ignore_ascii_case(&agreed.account) {
            return Ok(true);
        }
        let Some(primary) = agreed.listed.iter().find(|calendar| calendar.primary) else { return Ok(false) };
        let known = tx.calendars().of(&kept.id).await?;
        Ok(known.iter().any(|known| known.primary && known.place.calendar == primary.place.calendar))
    }
}

/// Where a verifier is sealed for.
fn verifier_of<'p>(tenant: &'p TenantId, id: &'p ConsentId) -> Place<'p> {
    Place { owner: Some(tenant), column: SealedColumn::Verifier.name(), row: id.as_str() }
}

/// A name as it may be kept: one line, not endless.
pub(super) fn named(name: &str) -> String {
    let line = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(ACCOUNT_LEN_MAX).collect::<String>().trim().to_owned()
}

/// What it means that a vendor sends somebody back without a code.
fn refusal(word: &str) -> Problem {
    match word {
        "access_denied" | "consent_declined" | "user_cancelled" => Problem::Refused,
        "admin_policy_enforced" | "org_internal" | "consent_required" | "interaction_required" => {
            Problem::Administrator
        }
        "server_error" | "temporarily_unavailable" => Problem::Away,
        "invalid_client"
        | "unauthorized_client"
        | "invalid_request"
        | "invalid_scope"
        | "unsupported_response_type"
        | "redirect_uri_mismatch"
        | "invalid_resource" => Problem::Operator,
        _ => Problem::Refused,
    }
}
