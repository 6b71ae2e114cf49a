//! The connections a tenant has, their calendars, and what resources do with them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tracing::{info, warn};

use super::{Calendars, Trouble, consent::named};
use crate::{
    app::{
        Error, Fault, Faults,
        access::Actor,
        audit,
        webhooks::{self, Event},
    },
    calendars::{Busy, Error as VendorError, Listed},
    domain::{
        calendar::{CalendarAccess, Connection, ConnectionState, Grant, OutsideCalendar, Place},
        email::Email,
        id::{CalendarId, ConnectionId, ResourceId, TenantId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::{TimeRange, Timestamp},
    },
    platform::{ids, secrets},
    store::{self, Choice, Chosen, SealedColumn, TenantTx},
};

/// How long listing calendars may take.
pub const LIST_PATIENCE: Duration = Duration::from_secs(8);
/// How long asking for busy times may take, in a test.
const BUSY_PATIENCE: Duration = Duration::from_secs(6);
/// How many calendars of one mailbox are kept, at most; the main one first.
pub const CALENDARS_LISTED_MAX: usize = 250;
/// How many calendars a connection may have, over all its mailboxes.
pub const CALENDARS_MAX: u64 = 2_000;
/// How many calendars may block one resource: as many as a vendor is asked about at once (protocols.md §3.2).
pub const BLOCKING_MAX: usize = 50;
/// Of how much time a test asks, in minutes: one day.
const TEST_MINUTES: i64 = 24 * 60;
/// How often giving a token back is tried.
const REVOKE_TRIES_MAX: u32 = 2;

/// A connection with its calendars.
#[derive(Clone, Debug, PartialEq)]
pub struct Connected {
    /// The connection.
    pub connection: Connection,
    /// Which state of it this is.
    pub revision: Revision,
    /// Its calendars.
    pub calendars: Vec<OutsideCalendar>,
}

/// What works of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// How many calendars its vendor lists, or why none.
    pub listed: Result<usize, String>,
    /// In how many of those it was asked about it is known what takes time, or why in none.
    pub busy: Result<Asked, String>,
}

/// How many calendars were asked about, and of how many there was an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Asked about.
    pub asked: usize,
    /// Known.
    pub known: usize,
}

impl Tested {
    /// Whether all of it works.
    pub fn works(&self) -> bool {
        self.listed.is_ok() && self.busy.as_ref().is_ok_and(|busy| busy.asked == busy.known)
    }
}

/// What a resource does with calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// What stands in these keeps others out of its time. The target is one of them.
    pub blocking: Vec<CalendarId>,
    /// Into this one its appointments are written.
    pub target: Option<CalendarId>,
}

impl Choices {
    fn of(chosen: &[Chosen]) -> Self {
        let blocking = chosen.iter().filter(|chosen| chosen.blocks).map(|chosen| chosen.calendar.id.clone());
        let target = chosen.iter().find(|chosen| chosen.target).map(|chosen| chosen.calendar.id.clone());
        Self { blocking: blocking.collect(), target }
    }
}

impl Calendars {
    /// The tenant's connections, the oldest first, each with its calendars.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Unavailable`].
    pub async fn list(&self, by: &Actor) -> Result<Vec<Connected>, Error> {
        by.must(Verb::Read, Subject::Calendars)?;
        let mut tx = self.parts.store.read(by.tenant()).await?;
        let connections = tx.connections().all_revised().await?;
        let mut calendars = tx.calendars().all().await?;
        let mut all = Vec::with_capacity(connections.len());
        for Revised { item: connection, revision } in connections {
            let own = calendars.extract_if(.., |calendar| calendar.connection == connection.id).collect();
            all.push(Connected { connection, revision, calendars: own });
        }
        Ok(all)
    }

    /// When all was last known of each of the tenant's calendars of which anything was.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Unavailable`].
    pub async fn synced(&self, by: &Actor) -> Result<BTreeMap<CalendarId, Timestamp>, Error> {
        by.must(Verb::Read, Subject::Calendars)?;
        let mut tx = self.parts.store.read(by.tenant()).await?;
        let mut all = BTreeMap::new();
        for calendar in tx.calendars().all().await? {
            let state = tx.outside_events().state(&calendar.id).await?;
            if let Some(state) = state.filter(|state| state.synced > Timestamp::MIN) {
                all.insert(calendar.id, state.synced);
            }
        }
        Ok(all)
    }

    /// The connection of that id, with its calendars.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn get(&self, by: &Actor, id: &ConnectionId) -> Result<Connected, Error> {
        by.must(Verb::Read, Subject::Calendars)?;
        self.connected(by, id).await
    }

    async fn connected(&self, by: &Actor, id: &ConnectionId) -> Result<Connected, Error> {
        let mut tx = self.parts.store.read(by.tenant()).await?;
        let kept = tx.connections().revised(id).await?.ok_or(Error::NotFound("connection"))?;
        let calendars = tx.calendars().of(id).await?;
        Ok(Connected { connection: kept.item, revision: kept.revision, calendars })
    }

    /// Tries what a connection is there for: which calendars there are, and when they are taken. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`] when the database is away. That a vendor does
    /// not answer is what the test is for, and told by it.
    pub async fn test(&self, by: &Actor, id: &ConnectionId) -> Result<Tested, Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let Connected { connection, calendars, .. } = self.connected(by, id).await?;
        let mailbox = calendars.iter().find_map(|calendar| calendar.place.mailbox.clone());
        if connection.grant == Grant::Organisation && mailbox.is_none() {
            // There is nothing to look into yet; whether the access can be had is told all the same.
            let access = self.ask(by.tenant(), id, LIST_PATIENCE, async |_| Ok(())).await;
            return tested(access.map(|()| 0), Ok(Asked { asked: 0, known: 0 }));
        }
        let listed = self.ask(by.tenant(), id, LIST_PATIENCE, async |access| {
            self.parts.vendors.list(&access, mailbox.as_deref(), LIST_PATIENCE).await
        });
        let listed = match listed.await {
            Ok(listed) => listed,
            Err(trouble) => return tested(Err(trouble), Ok(Asked { asked: 0, known: 0 })),
        };
        let mut places: Vec<&Place> =
            calendars.iter().filter(|known| known.there).map(|known| &known.place).collect();
        places.retain(|place| place.mailbox == mailbox);
        places.truncate(BLOCKING_MAX);
        let now = self.parts.clock.now();
        let range = TimeRange { start: now, end: now.plus_minutes(TEST_MINUTES) };
        let busy = self.ask(by.tenant(), id, BUSY_PATIENCE, async |access| {
            if places.is_empty() {
                return Ok(vec![]);
            }
            self.parts.vendors.busy(&access, &places, range, BUSY_PATIENCE).await
        });
        let busy = busy.await.map(|answers| Asked {
            asked: answers.len(),
            known: answers.iter().filter(|answer| matches!(answer, Busy::Known(_))).count(),
        });
        tested(Ok(listed.len()), busy)
    }

    /// Asks the vendor which calendars there are, in every mailbox that is known.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it must be connected again;
    /// [`Error::Unavailable`].
    pub async fn refresh_list(&self, by: &Actor, id: &ConnectionId) -> Result<Connected, Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let Connected { connection, calendars, .. } = self.connected(by, id).await?;
        let mut mailboxes: Vec<Option<String>> =
            calendars.into_iter().map(|calendar| calendar.place.mailbox).collect();
        if connection.grant == Grant::Person {
            mailboxes = vec![None];
        }
        mailboxes.sort();
        mailboxes.dedup();
        for mailbox in mailboxes {
            let listed = match self.listing(by, id, mailbox.as_deref()).await {
                Ok(listed) => listed,
                // The mailbox is gone, and its calendars with it.
                Err(trouble) if mailbox.is_some() && no_mailbox(&trouble) => vec![],
                Err(trouble) => return Err(trouble.into()),
            };
            let now = self.parts.clock.now();
            let mut tx = self.parts.store.begin(by.tenant()).await?;
            self.keep_listing(&mut tx, id, mailbox.as_deref(), &listed, now).await?;
            tx.commit().await?;
        }
        self.connected(by, id).await
    }

    /// Adds the calendars of a mailbox, or of a room, to an organisation's connection.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] when there is no such mailbox, or it may not be
    /// looked into; [`Error::Conflict`]; [`Error::Limit`]; [`Error::Unavailable`].
    pub async fn add_mailbox(
        &self,
        by: &Actor,
        id: &ConnectionId,
        address: &Email,
    ) -> Result<Connected, Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let Connected { connection, .. } = self.connected(by, id).await?;
        if connection.grant != Grant::Organisation {
            return Err(Error::Conflict("a person's connection has no further mailboxes"));
        }
        let mailbox = Some(address.as_str());
        let listed = match self.listing(by, id, mailbox).await {
            Ok(listed) => listed,
            Err(trouble) if no_mailbox(&trouble) => {
                return Err(Error::invalid("/address", "there is no mailbox with calendars of that address"));
            }
            Err(Trouble::Vendor(VendorError::Forbidden)) => {
                return Err(Error::invalid(
                    "/address",
                    "the organisation does not let us look into that mailbox",
                ));
            }
            Err(trouble) => return Err(trouble.into()),
        };
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(by.tenant()).await?;
        let count = tx.calendars().count_of(id).await?;
        if count.saturating_add(u64::try_from(listed.len()).unwrap_or(u64::MAX)) > CALENDARS_MAX {
            return Err(Error::Limit { name: "calendars of one connection", max: CALENDARS_MAX });
        }
        self.keep_listing(&mut tx, id, mailbox, &listed, now).await?;
        // Whose mailbox it is stays out of the log, which nobody can be forgotten from.
        let about = json!({ "calendars": listed.len() });
        audit::tell(&mut tx, by, now, "calendar_connection.mailbox_added", id.as_str(), about).await?;
        tx.commit().await?;
        self.connected(by, id).await
    }

    async fn listing(
        &self,
        by: &Actor,
        id: &ConnectionId,
        mailbox: Option<&str>,
    ) -> Result<Vec<Listed>, Trouble> {
        let listed = self.ask(by.tenant(), id, LIST_PATIENCE, async |access| {
            self.parts.vendors.list(&access, mailbox, LIST_PATIENCE).await
        });
        listed.await
    }

    /// Keeps what a vendor lists of one mailbox: what is listed no more is marked as not there.
    pub(super) async fn keep_listing(
        &self,
        tx: &mut TenantTx,
        id: &ConnectionId,
        mailbox: Option<&str>,
        listed: &[Listed],
        now: Timestamp,
    ) -> Result<(), store::Error> {
        tx.calendars().absent(id, mailbox).await?;
        let mut listed: Vec<&Listed> = listed.iter().collect();
        listed.sort_by_key(|calendar| !calendar.primary);
        if listed.len() > CALENDARS_LISTED_MAX {
            warn!(connection = %id, listed = listed.len(), kept = CALENDARS_LISTED_MAX, "too many calendars are listed");
        }
        for calendar in listed.into_iter().take(CALENDARS_LISTED_MAX) {
            let place = Place { mailbox: mailbox.map(ToOwned::to_owned), ..calendar.place.clone() };
            let kept = OutsideCalendar {
                id: CalendarId::of(ids::fresh(now)),
                connection: id.clone(),
                place,
                name: named(&calendar.name),
                primary: calendar.primary,
                access: calendar.access,
                there: true,
            };
            tx.calendars().put(&kept, now).await?;
        }
        Ok(())
    }

    /// What a resource does with calendars.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn choices(&self, by: &Actor, resource: &ResourceId) -> Result<Choices, Error> {
        by.must(Verb::Read, Subject::Calendars)?;
        let mut tx = self.parts.store.read(by.tenant()).await?;
        tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
        Ok(Choices::of(&tx.calendars().of_resource(resource).await?))
    }

    /// Chooses what a resource does with calendars, in place of what it did. The target blocks, too.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] with all that is wrong; [`Error::Unavailable`].
    pub async fn choose(
        &self,
        by: &Actor,
        resource: &ResourceId,
        wanted: &Choices,
    ) -> Result<Choices, Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(by.tenant()).await?;
        tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
        let before = tx.calendars().of_resource(resource).await?;
        let mut faults = Faults::new();
        faults.unless(
            wanted.blocking.len() <= BLOCKING_MAX,
            "/blocking",
            format!("must not be more than {BLOCKING_MAX}"),
        );
        faults.settle()?;
        let mut faults = Faults::new();
        let mut choices: Vec<Choice> = Vec::new();
        for (n, calendar) in wanted.blocking.iter().enumerate() {
            let pointer = format!("/blocking/{n}");
            let twice = choices.iter().any(|choice| choice.calendar == *calendar);
            faults.unless(!twice, pointer.as_str(), "is named twice");
            if let Some(fault) = self.unfit(&mut tx, calendar, &before, false, &pointer).await? {
                faults.unless(false, fault.pointer, fault.problem);
            }
            if !twice {
                choices.push(Choice { calendar: calendar.clone(), blocks: true, target: false });
            }
        }
        if let Some(target) = &wanted.target {
            if let Some(fault) = self.unfit(&mut tx, target, &before, true, "/target").await? {
                faults.unless(false, fault.pointer, fault.problem);
            }
            match choices.iter_mut().find(|choice| choice.calendar == *target) {
                Some(choice) => choice.target = true,
                None => choices.push(Choice { calendar: target.clone(), blocks: true, target: true }),
            }
        }
        faults.settle()?;
        let chosen = tx.calendars().choose(resource, &choices).await;
        if matches!(chosen, Err(store::Error::NotUnique(_))) {
            return Err(Error::Conflict("somebody else is choosing for the same resource; look at it again"));
        }
        chosen?;
        for choice in
            choices.iter().filter(|choice| before.iter().all(|was| was.calendar.id != choice.calendar))
        {
            self.take_up(&mut tx, &choice.calendar, now).await?;
        }
        let before = Choices::of(&before);
        let after = Choices::of(&tx.calendars().of_resource(resource).await?);
        if before != after {
            let ids = |choices: &Choices| {
                let blocking: Vec<&str> = choices.blocking.iter().map(CalendarId::as_str).collect();
                json!({ "blocking": blocking, "target": choices.target.as_ref().map(CalendarId::as_str) })
            };
            let about = json!({ "calendars": { "before": ids(&before), "after": ids(&after) } });
            audit::tell(&mut tx, by, now, "resource.calendars_chosen", resource.as_str(), about).await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    /// What keeps a calendar from being chosen, if something does. What was chosen before may stay although it cannot be
    /// used for the time being.
    async fn unfit(
        &self,
        tx: &mut TenantTx,
        calendar: &CalendarId,
        before: &[Chosen],
        target: bool,
        pointer: &str,
    ) -> Result<Option<Fault>, Error> {
        let Some(kept) = tx.calendars().get(calendar).await? else {
            return Ok(Some(Fault::new(pointer, "there is no such calendar")));
        };
        if target && kept.access != CalendarAccess::Write {
            return Ok(Some(Fault::new(pointer, "must be a calendar that may be written into")));
        }
        if before.iter().any(|chosen| chosen.calendar.id == *calendar && chosen.target >= target) {
            return Ok(None);
        }
        if !kept.there {
            return Ok(Some(Fault::new(
                pointer,
                "its vendor has that calendar no more, or shows it no more",
            )));
        }
        let connection = tx.connections().get(&kept.connection).await?;
        let given_up = connection.is_none_or(|of| of.state == ConnectionState::Disconnected);
        Ok(given_up.then(|| Fault::new(pointer, "its calendars are disconnected; connect them first")))
    }

    /// Gives a connection up: its tokens are given back where the vendor takes them, and forgotten. Its calendars, what
    /// was chosen, and every appointment stay.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
    pub async fn disconnect(
        &self,
        by: &Actor,
        id: &ConnectionId,
        seen: Option<Revision>,
    ) -> Result<(), Error> {
        by.must(Verb::Write, Subject::Calendars)?;
        let (store, tenant) = (&self.parts.store, by.tenant());
        let now = self.parts.clock.now();
        // While the vendor still lets us in.
        self.unwatch_all(tenant, id, seen).await?;
        let mut tx = store.begin(tenant).await?;
        let kept = tx.connections().revised(id).await?.ok_or(Error::NotFound("connection"))?;
        kept.must_be(seen)?;
        let kept = kept.item;
        let way = tx.connections().way(id).await?;
        if !tx.connections().give_up(id, now).await? {
            return Ok(());
        }
        for calendar in tx.calendars().of(id).await? {
            tx.outside_events().watched(&calendar.id, None).await?;
        }
        let about = json!({ "vendor": kept.vendor.as_str(), "grant": kept.grant.as_str() });
        audit::tell(&mut tx, by, now, "calendar_connection.disconnected", id.as_str(), about).await?;
        let (vendor, state) = (kept.vendor, ConnectionState::Disconnected);
        webhooks::tell(&mut tx, now, Event::CalendarDisconnected { connection: id, vendor, state }).await?;
        // What waited for these calendars waits for them no more.
        self.resume(&mut tx, now).await?;
        tx.commit().await?;
        // A token that is given back takes every other of the same account with it (protocols.md §3.1).
        let others = store.across_tenants().connected_account(kept.vendor, &kept.account).await?;
        let refresh = way.and_then(|way| way.refresh).filter(|_| others == 0);
        let Some(sealed) = refresh else { return Ok(()) };
        let place = secrets::Place {
            owner: Some(tenant),
            column: SealedColumn::RefreshToken.name(),
            row: id.as_str(),
        };
        let Ok(token) = self.parts.keys.open(place, &sealed).await else { return Ok(()) };
        for _ in 0..REVOKE_TRIES_MAX {
            match self.parts.oauth.revoke(kept.vendor, &token).await {
                Ok(taken) => {
                    info!(connection = %id, vendor = kept.vendor.as_str(), taken, "calendars are disconnected");
                    return Ok(());
                }
                Err(error) => warn!(
                    connection = %id,
                    error = &error as &dyn std::error::Error,
                    "a token could not be given back; it is forgotten here"
                ),
            }
        }
        Ok(())
    }

    /// Has the vendor tell no more of what changes in a connection's calendars, as far as it can be asked.
    async fn unwatch_all(
        &self,
        tenant: &TenantId,
        id: &ConnectionId,
        seen: Option<Revision>,
    ) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.read(tenant).await?;
        let kept = tx.connections().revised(id).await?.ok_or(Error::NotFound("connection"))?;
        kept.must_be(seen)?;
        if kept.item.state != ConnectionState::Connected {
            return Ok(());
        }
        let mut running = Vec::new();
        for calendar in tx.calendars().of(id).await? {
            let watch = tx.outside_events().state(&calendar.id).await?.and_then(|state| state.watch);
            running.extend(watch.filter(|watch| watch.until > now).map(|watch| (calendar, watch)));
        }
        drop(tx);
        let ending = running.iter().map(|(calendar, watch)| self.unwatch(tenant, calendar, watch));
        futures_util::future::join_all(ending).await;
        Ok(())
    }
}

/// Whether there is no such mailbox, or none that has calendars: Graph says both in a 404 of its own.
fn no_mailbox(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Vendor(VendorError::NotThere | VendorError::Refused { status: 404, .. }))
}

/// What a test has found, told in words where something does not work.
fn tested(listed: Result<usize, Trouble>, busy: Result<Asked, Trouble>) -> Result<Tested, Error> {
    let told = |trouble: Trouble| match trouble {
        Trouble::Store(error) => Err(Error::from(error)),
        Trouble::Apart(ConnectionState::Disconnected) => Ok("it is disconnected".to_owned()),
        Trouble::Apart(ConnectionState::Connected | ConnectionState::Reconnect) => {
            Ok("it must be connected again".to_owned())
        }
        Trouble::Vendor(error) => Ok(error.to_string()),
    };
    let listed = match listed {
        Ok(count) => Ok(count),
        Err(trouble) => Err(told(trouble)?),
    };
    let busy = match (&listed, busy) {
        (Err(_), _) => Err("was not asked".to_owned()),
        (Ok(_), Ok(asked)) => Ok(asked),
        (Ok(_), Err(trouble)) => Err(told(trouble)?),
    };
    Ok(Tested { listed, busy })
}
