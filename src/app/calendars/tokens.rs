//! The access to a connection's calendars, renewed before or when it expires.
//!
//! An access is renewed by one at a time: in this process whoever comes later waits and takes what came of it, and among
//! processes one takes the turn in the database. What the vendor replaces is kept before it is used. When the vendor says
//! that the consent is gone, the connection is marked, the people are told once, and nobody asks again until somebody
//! consents anew. A renewal goes on although nobody waits for it any more: what it brings must not be lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::json;
use tracing::{error, info, warn};

use super::{Calendars, words};
use crate::{
    app::{
        access::{Actor, Who},
        audit, keys, notifications,
        people::letters::{self, LostCalendar},
        webhooks::{self, Event},
    },
    calendars::{
        Access, Error as VendorError,
        oauth::{Error as OauthError, Gone, Tokens},
    },
    domain::{
        assistant::Language,
        calendar::{ConnectionState, Grant},
        id::{ConnectionId, TenantId},
        notices::EventKind,
        time::Timestamp,
    },
    platform::secrets::Place,
    store::{self, SealedColumn, SealedTokens, TenantTx, Way},
};

/// How long the turn to renew is kept from others, at most: longer than any renewal takes.
const TURN_MILLIS: i64 = 30_000;
/// How often it is looked whether another process has renewed.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How often a renewal is looked after, at most: longer than any turn lasts.
const LOOKS_MAX: u32 = 400;
/// How long a vendor's token service is left alone after a first failure; each further one doubles it.
const REST: Duration = Duration::from_secs(2);
/// How long it is left alone at most.
const REST_MAX: Duration = Duration::from_secs(300);
/// How soon after a renewal the next one makes no sense, in milliseconds: what the vendor says is expired then, is
/// refused for another reason.
const FRESH_MILLIS: i64 = 30_000;
/// How often fresh tokens are tried to be kept.
const KEEP_TRIES_MAX: u32 = 5;
/// Connections that are remembered; those known for longest are forgotten first.
const REMEMBERED_MAX: usize = 10_000;
/// People who are written to about one connection, at most.
const LETTERS_MAX: usize = 50;
/// How many members are looked at in one step.
const MEMBERS_PER_PAGE: u32 = 100;
/// How long a mail about a lost connection is of use, in minutes: fourteen days.
const LETTER_MINUTES: i64 = 14 * 24 * 60;

/// Why a question to a connection's vendor has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The connection is not one that can be asked: somebody must connect it again. Nobody was asked.
    #[error("the calendar is not connected: {}", .0.as_str())]
    Apart(ConnectionState),
    /// The vendor did not do it.
    #[error("the vendor did not do it")]
    Vendor(#[source] VendorError),
    /// The database did not answer.
    #[error("the database did not answer")]
    Store(#[from] store::Error),
}

impl From<keys::Error> for Trouble {
    fn from(error: keys::Error) -> Self {
        match error {
            keys::Error::Store(error) => Self::Store(error),
            // What opens no more is the operator's doing, and may open again once the right key is configured: nothing is
            // thrown away for it.
            keys::Error::Secrets(_) | keys::Error::OtherKey => {
                Self::Vendor(VendorError::Garbled("our own tokens cannot be opened"))
            }
        }
    }
}

impl From<Trouble> for crate::app::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Apart(ConnectionState::Connected | ConnectionState::Reconnect) => {
                Self::Conflict("the calendars must be connected again first")
            }
            Trouble::Apart(ConnectionState::Disconnected) => Self::Conflict("the calendars are disconnected"),
            Trouble::Vendor(VendorError::Forbidden) => Self::Conflict("the vendor does not allow that"),
            Trouble::Vendor(VendorError::NotThere) => Self::Conflict("the vendor has no such calendar"),
            Trouble::Vendor(VendorError::Refused { status, code }) => {
                Self::Declined { by: "the calendars' vendor", why: format!("status {status}, {code}") }
            }
            Trouble::Vendor(error) => error.into(),
            Trouble::Store(error) => error.into(),
        }
    }
}

/// What this process knows of connections.
#[derive(Default)]
pub(super) struct Known(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    slots: HashMap<ConnectionId, Arc<Slot>>,
    order: VecDeque<ConnectionId>,
}

#[derive(Default)]
struct Slot {
    /// Held by whoever renews.
    renewing: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// An opened access token, and which it is.
    access: Option<(i64, SecretString)>,
    /// When this process renewed it.
    renewed: Option<Timestamp>,
    /// Until when nobody is asked to renew, and how often that failed in a row.
    rest: Option<(Timestamp, u32)>,
}

impl Known {
    fn slot(&self, id: &ConnectionId) -> Arc<Slot> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.slots.get(id) {
            return Arc::clone(slot);
        }
        if known.slots.len() >= REMEMBERED_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.slots.remove(&oldest);
        }
        let slot = Arc::<Slot>::default();
        known.order.push_back(id.clone());
        known.slots.insert(id.clone(), Arc::clone(&slot));
        slot
    }
}

impl Slot {
    fn held<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn resting(&self, now: Timestamp) -> Result<(), Trouble> {
        let left = self.held(|held| held.rest.map_or(0, |(until, _)| until.millis_since(now)));
        match u64::try_from(left) {
            Ok(left) if left > 0 => {
                Err(Trouble::Vendor(VendorError::Resting { wait: Duration::from_millis(left) }))
            }
            _ => Ok(()),
        }
    }

    fn rest(&self, now: Timestamp) {
        self.held(|held| {
            let failures = held.rest.map_or(0, |(_, failures)| failures);
            let rest = REST.saturating_mul(1 << failures.min(10)).min(REST_MAX);
            let until = now.plus_millis(i64::try_from(rest.as_millis()).unwrap_or(i64::MAX));
            held.rest = Some((until, failures + 1));
        });
    }
}

/// What may be asked with, and which tokens it is of.
struct Usable {
    access: Access,
    generation: i64,
}

impl Calendars {
    /// Asks a connection's vendor. The access is renewed when it is due, and once more when the vendor does not accept it;
    /// then the question is asked once more. `patience` is for the access; how long the question itself may take is its
    /// own.
    ///
    /// # Errors
    /// [`Trouble`]; with [`Trouble::Apart`] nobody was asked, and asking again does not help until somebody has
    /// connected it anew.
    pub async fn ask<T, F: Future<Output = Result<T, VendorError>> + Send>(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        patience: Duration,
        mut question: impl FnMut(Access) -> F + Send,
    ) -> Result<T, Trouble> {
        let watch = self.parts.clock.stopwatch();
        let mut usable = self.usable(tenant, connection, None, patience).await?;
        let mut answer = question(usable.access.clone()).await;
        if matches!(answer, Err(VendorError::Expired)) {
            let left = patience.saturating_sub(watch.elapsed());
            usable = self.usable(tenant, connection, Some(usable.generation), left).await?;
            answer = question(usable.access.clone()).await;
        }
        match answer {
            Ok(answer) => Ok(answer),
            Err(VendorError::ConsentGone(_)) => {
                self.lose(tenant, connection, usable.generation, Gone::Missing).await?;
                Err(Trouble::Apart(ConnectionState::Reconnect))
            }
            Err(error) => Err(Trouble::Vendor(error)),
        }
    }

    /// An access that may be asked with, other than that of the tokens of `expired`.
    async fn usable(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        expired: Option<i64>,
        patience: Duration,
    ) -> Result<Usable, Trouble> {
        let slot = self.known.slot(connection);
        let found = self.parts.clock.within(patience, async {
            let way = self.way(tenant, connection).await?;
            if let Some(usable) = self.kept(tenant, connection, &slot, &way, expired).await? {
                return Ok(usable);
            }
            // Whoever waits may give up; the renewal must not.
            let (own, slot) = (self.clone(), Arc::clone(&slot));
            let (tenant, connection) = (tenant.clone(), connection.clone());
            let renewal = self.parts.tasks.spawn(async move {
                let _turn = slot.renewing.lock().await;
                own.renew(&tenant, &connection, &slot, expired).await
            });
            renewal.await.unwrap_or(Err(Trouble::Vendor(VendorError::Away(None))))
        });
        found.await.unwrap_or(Err(Trouble::Vendor(VendorError::Away(None))))
    }

    /// The access that is kept, if it may still be used.
    async fn kept(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        slot: &Slot,
        way: &Way,
        expired: Option<i64>,
    ) -> Result<Option<Usable>, Trouble> {
        let live = way.access_expires > self.parts.clock.now() && expired != Some(way.generation);
        let Some(sealed) = way.access.as_deref().filter(|_| live) else { return Ok(None) };
        let known = slot.held(|held| held.access.clone());
        let token = match known {
            Some((generation, token)) if generation == way.generation => token,
            _ => {
                let opened =
                    self.parts.keys.open(place(tenant, SealedColumn::AccessToken, connection), sealed);
                let token = opened.await?;
                slot.held(|held| held.access = Some((way.generation, token.clone())));
                token
            }
        };
        Ok(Some(usable(connection, way, token)))
    }

    /// How the connection lets one in, if it does.
    async fn way(&self, tenant: &TenantId, connection: &ConnectionId) -> Result<Way, Trouble> {
        let way = self.parts.store.read(tenant).await?.connections().way(connection).await?;
        let way = way.ok_or(Trouble::Apart(ConnectionState::Disconnected))?;
        match way.state {
            ConnectionState::Connected => Ok(way),
            state @ (ConnectionState::Reconnect | ConnectionState::Disconnected) => {
                Err(Trouble::Apart(state))
            }
        }
    }

    /// Renews the access, unless another has done so meanwhile. One at a time in this process.
    async fn renew(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        slot: &Slot,
        expired: Option<i64>,
    ) -> Result<Usable, Trouble> {
        let (store, clock) = (&self.parts.store, self.parts.clock);
        for _ in 0..LOOKS_MAX {
            // One look for both: what is renewed must be what was found to be due.
            let way = self.way(tenant, connection).await?;
            if let Some(usable) = self.kept(tenant, connection, slot, &way, expired).await? {
                return Ok(usable);
            }
            let now = clock.now();
            slot.resting(now)?;
            let fresh = slot.held(|held| held.renewed).is_some_and(|at| now.millis_since(at) < FRESH_MILLIS);
            if fresh && expired == Some(way.generation) {
                return Err(Trouble::Vendor(VendorError::Expired));
            }
            let mut tx = store.begin(tenant).await?;
            let until = now.plus_millis(TURN_MILLIS);
            let taken = tx.connections().take_turn(connection, way.generation, now, until).await?;
            tx.commit().await?;
            if !taken {
                clock.sleep(LOOK_PERIOD).await;
                continue;
            }
            let tokens = match self.fetch(tenant, connection, &way).await {
                Ok(Ok(tokens)) => tokens,
                Ok(Err(error)) => return Err(self.failed(tenant, connection, &way, slot, error).await?),
                Err(trouble) => {
                    self.leave_turn(tenant, connection, way.generation).await?;
                    return Err(trouble);
                }
            };
            if self.keep(tenant, connection, &way, &tokens).await? {
                let generation = way.generation + 1;
                slot.held(|held| {
                    held.access = Some((generation, tokens.access.clone()));
                    held.renewed = Some(clock.now());
                    held.rest = None;
                });
                let renewed = Way { generation, ..way };
                return Ok(usable(connection, &renewed, tokens.access));
            }
        }
        Err(Trouble::Vendor(VendorError::Away(None)))
    }

    /// Asks the vendor for a further access.
    async fn fetch(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        way: &Way,
    ) -> Result<Result<Tokens, OauthError>, Trouble> {
        Ok(match (way.grant, &way.directory, &way.refresh) {
            (Grant::Organisation, Some(directory), _) => self.parts.oauth.of_organisation(directory).await,
            (Grant::Person, _, Some(sealed)) => {
                let place = place(tenant, SealedColumn::RefreshToken, connection);
                let refresh = self.parts.keys.open(place, sealed).await?;
                self.parts.oauth.refresh(way.vendor, &refresh).await
            }
            (Grant::Organisation, None, _) | (Grant::Person, _, None) => Err(OauthError::Gone(Gone::Missing)),
        })
    }

    /// Keeps fresh tokens; whether those they replace were still there. Tried more than once: the vendor may accept the
    /// former ones no more.
    async fn keep(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        way: &Way,
        tokens: &Tokens,
    ) -> Result<bool, Trouble> {
        let sealed = self.sealed(tenant, connection, tokens)?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.keep_once(tenant, connection, way.generation, &sealed).await {
                Err(store::Error::Busy(_) | store::Error::Away(_)) if tries < KEEP_TRIES_MAX => {
                    self.parts.clock.sleep(LOOK_PERIOD).await;
                }
                kept => return Ok(kept?),
            }
        }
    }

    async fn keep_once(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        generation: i64,
        sealed: &SealedTokens,
    ) -> Result<bool, store::Error> {
        let mut tx = self.parts.store.begin(tenant).await?;
        let kept = tx.connections().renewed(connection, generation, sealed).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Seals tokens for their connection.
    pub(super) fn sealed(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        tokens: &Tokens,
    ) -> Result<SealedTokens, keys::Error> {
        let seal =
            |column, token: &SecretString| self.parts.keys.seal(place(tenant, column, connection), token);
        Ok(SealedTokens {
            refresh: tokens
                .refresh
                .as_ref()
                .map(|token| seal(SealedColumn::RefreshToken, token))
                .transpose()?,
            access: Some(seal(SealedColumn::AccessToken, &tokens.access)?),
            access_expires: tokens.access_expires,
        })
    }

    /// What is to be made of a renewal that failed.
    async fn failed(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        way: &Way,
        slot: &Slot,
        error: OauthError,
    ) -> Result<Trouble, Trouble> {
        if let OauthError::Gone(gone) = error {
            self.lose(tenant, connection, way.generation, gone).await?;
            return Ok(Trouble::Apart(ConnectionState::Reconnect));
        }
        self.leave_turn(tenant, connection, way.generation).await?;
        slot.rest(self.parts.clock.now());
        let vendor = way.vendor.as_str();
        Ok(Trouble::Vendor(match error {
            OauthError::Operator(fault) => {
                error!(vendor, reason = fault.as_str(), "calendars cannot be reached: the operator must act");
                VendorError::Refused { status: 400, code: fault.as_str().to_owned() }
            }
            OauthError::NotOffered => {
                error!(vendor, "calendars cannot be reached: the vendor is not set up here any more");
                VendorError::Refused { status: 400, code: "not set up here".to_owned() }
            }
            OauthError::Away(source) => {
                warn!(vendor, %connection, "an access could not be renewed: the vendor does not answer");
                VendorError::Away(source)
            }
            OauthError::Garbled(what) => {
                warn!(vendor, %connection, reason = what, "an access could not be renewed");
                VendorError::Garbled(what)
            }
            OauthError::Gone(_) => VendorError::ConsentGone("it was withdrawn"),
        }))
    }

    async fn leave_turn(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        generation: i64,
    ) -> Result<(), Trouble> {
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.connections().leave_turn(connection, generation).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps that the tokens of `generation` let one in no more, and tells whoever can help: once.
    async fn lose(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        generation: i64,
        gone: Gone,
    ) -> Result<(), Trouble> {
        let told = self.mark_lost(tenant, connection, generation, gone, true).await;
        match told {
            Err(crate::app::Error::Internal(error)) => {
                error!(error = &*error as &dyn std::error::Error, "nobody can be told of a lost connection");
                // That it is lost counts all the same: otherwise the vendor would be asked for ever.
                let marked = self.mark_lost(tenant, connection, generation, gone, false).await;
                marked.map_err(|_| Trouble::Store(store::Error::Busy(None)))
            }
            told => told.map_err(|_| Trouble::Store(store::Error::Busy(None))),
        }
    }

    async fn mark_lost(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        generation: i64,
        gone: Gone,
        tell: bool,
    ) -> Result<(), crate::app::Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        let Some(kept) = tx.connections().get(connection).await? else { return Ok(()) };
        let problem = words::lost(Language::English, kept.vendor, gone);
        if !tx.connections().lost(connection, generation, &problem, now).await? {
            return Ok(());
        }
        if tell {
            self.tell_people(&mut tx, &kept, gone, now).await?;
        }
        let (vendor, state) = (kept.vendor, ConnectionState::Reconnect);
        webhooks::tell(&mut tx, now, Event::CalendarDisconnected { connection, vendor, state }).await?;
        tx.commit().await?;
        info!(%connection, vendor = kept.vendor.as_str(), reason = gone.as_str(), "a calendar must be connected again");
        Ok(())
    }

    /// Tells the log, and writes to every owner and admin, each in her language, that a connection is lost.
    async fn tell_people(
        &self,
        tx: &mut TenantTx,
        lost: &crate::domain::calendar::Connection,
        gone: Gone,
        now: Timestamp,
    ) -> Result<(), crate::app::Error> {
        let by = Actor::new(tx.tenant_id().clone(), Who::System("calendars"));
        let about = json!({ "vendor": lost.vendor.as_str(), "reason": gone.as_str() });
        audit::tell(tx, &by, now, "calendar_connection.lost", lost.id.as_str(), about).await?;
        let tenant = tx.tenant().get().await?.map(|tenant| tenant.name).unwrap_or_default();
        let (mut after, mut written) = (None, 0);
        loop {
            let page = tx.memberships().page(after.as_ref(), MEMBERS_PER_PAGE).await?;
            for member in &page.items {
                let (id, role) = (&member.item.user, member.item.role);
                let due = notifications::at_once(tx, id, role, EventKind::CalendarCutOff, now).await?;
                let Some(due) = due.filter(|_| written < LETTERS_MAX) else { continue };
                let user = tx.users().get(&member.item.user).await?;
                let language = user.map_or(Language::English, |user| user.language);
                let why = words::lost(language, lost.vendor, gone);
                let about = LostCalendar {
                    tenant: &tenant,
                    vendor: lost.vendor.title(),
                    account: &lost.account,
                    why: &why,
                };
                let letter = letters::calendar_lost(language, &about, &self.console("calendars"));
                let until = now.plus_minutes(LETTER_MINUTES);
                let (people, to) = (&self.parts.people, &member.item.email);
                people.post_later(&mut tx.mails(), to, &letter, now, due, until).await?;
                notifications::text_cut_off(tx, id, &self.console("calendars"), now, due).await?;
                written += 1;
            }
            match page.next {
                Some(next) if written < LETTERS_MAX => after = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

/// Where a connection's token is sealed for.
fn place<'p>(tenant: &'p TenantId, column: SealedColumn, connection: &'p ConnectionId) -> Place<'p> {
    Place { owner: Some(tenant), column: column.name(), row: connection.as_str() }
}

fn usable(connection: &ConnectionId, way: &Way, token: SecretString) -> Usable {
    let access = Access { connection: connection.clone(), vendor: way.vendor, token, personal: way.personal };
    Usable { access, generation: way.generation }
}
