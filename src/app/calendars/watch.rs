//! Being told of changes in calendars: asked for, renewed in time, believed only from whoever knows the secret.
//!
//! What a vendor tells is only that something has changed; what it is, [`super::sync`] finds out. Telling is lossy, and
//! where a vendor cannot reach us there is none: a timer looks at every calendar that is in use all the same.

use secrecy::{ExposeSecret, SecretString};
use tracing::{info, warn};

use super::{Calendars, PATIENCE, Trouble};
use crate::{
    app::Error,
    calendars::{self, Watch, Watching},
    domain::{
        calendar::{CalendarAccess, ConnectionState, OutsideCalendar, Vendor},
        id::{CalendarId, JobId, TenantId},
        time::Timestamp,
    },
    platform::{ids, tokens},
    store::{KeptWatch, TenantTx, Work},
};

/// How long being told is asked for, in minutes: what Graph grants at most (protocols.md §4.2).
const WATCH_MINUTES: i64 = 10_080;
/// How long before its end it is asked for anew, in minutes.
const RENEW_MINUTES: i64 = 24 * 60;
/// How long to wait before asking again where a vendor would not tell, in minutes.
const REFUSED_MINUTES: i64 = 6 * 60;
/// Calendars that are found due at once.
const DUE_MAX: u32 = 200;
/// Appointments that are worked off at once when a calendar can be reached again.
const WAITING_MAX: u32 = 10_000;
/// For how long a calendar that was found due is not found again, in minutes: its job sets when it is due next.
const FOUND_MINUTES: i64 = 5;

/// Where Google tells of changes, below the public address.
pub const GOOGLE_PUSH: &str = "/calendars/google/push";
/// Where Microsoft tells of changes.
pub const MICROSOFT_PUSH: &str = "/calendars/microsoft/push";
/// Where Microsoft tells of its telling.
pub const MICROSOFT_LIFECYCLE: &str = "/calendars/microsoft/lifecycle";

/// What a vendor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something has changed, or may have.
    Changed,
    /// It will soon tell no more unless it is asked to.
    MustRenew,
    /// It tells no more.
    Ended,
}

impl Calendars {
    /// Sees to it that the calendar's vendor tells of changes: asks for it, or asks for longer.
    ///
    /// # Errors
    /// [`Error::Later`]; [`Error::Unavailable`].
    pub async fn watch(&self, tenant: &TenantId, id: &CalendarId) -> Result<(), Error> {
        let base = &self.parts.public_url;
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.read(tenant).await?;
        let Some(calendar) = tx.calendars().get(id).await? else { return Ok(()) };
        let Some(state) = tx.outside_events().state(id).await? else { return Ok(()) };
        let Some(connection) = tx.connections().get(&calendar.connection).await? else { return Ok(()) };
        drop(tx);
        let can = calendar.there && connection.state == ConnectionState::Connected;
        if !can || calendar.access < CalendarAccess::Read {
            return Ok(());
        }
        let until = now.plus_minutes(WATCH_MINUTES);
        let vendors = &self.parts.vendors;
        let running = state.watch.filter(|watch| watch.until > now);
        if let Some(kept) = &running {
            if kept.until > now.plus_minutes(RENEW_MINUTES) {
                return Ok(());
            }
            let known = &watching(kept);
            let renewed = self
                .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.renew(&who, known, until, PATIENCE).await
                })
                .await;
            match renewed {
                Ok(Some(renewed)) => {
                    let mut tx = self.parts.store.begin(tenant).await?;
                    tx.outside_events().prolonged(id, renewed.until).await?;
                    return Ok(tx.commit().await?);
                }
                Ok(None) | Err(Trouble::Vendor(calendars::Error::NotThere)) => {}
                Err(error) => return Err(error.waiting()),
            }
        }
        let secret = SecretString::from(ids::token());
        let lifecycle = format!("{base}{MICROSOFT_LIFECYCLE}");
        let wanted = &Watch {
            id: ids::fresh(now),
            address: match connection.vendor {
                Vendor::Google => format!("{base}{GOOGLE_PUSH}"),
                Vendor::Microsoft => format!("{base}{MICROSOFT_PUSH}"),
            },
            lifecycle_address: lifecycle,
            secret: secret.clone(),
            until,
        };
        let place = &calendar.place;
        let begun = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.watch(&who, place, wanted, PATIENCE).await
            })
            .await;
        let begun = match begun {
            Ok(begun) => begun,
            Err(Trouble::Vendor(
                error @ (calendars::Error::Refused { .. } | calendars::Error::Forbidden),
            )) => {
                // The timer looks at it all the same.
                info!(calendar.id = %id, error = &error as &dyn std::error::Error, "no changes are told");
                let mut tx = self.parts.store.begin(tenant).await?;
                tx.outside_events().ask_to_watch(id, now.plus_minutes(REFUSED_MINUTES)).await?;
                return Ok(tx.commit().await?);
            }
            Err(error) => return Err(error.waiting()),
        };
        let kept = KeptWatch { id: begun.id, resource: begun.resource, until: begun.until };
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.outside_events().watched(id, Some((&kept, &tokens::fingerprint(secret.expose_secret())))).await?;
        let renewal = begun.until.plus_minutes(-RENEW_MINUTES).max(now.plus_minutes(FOUND_MINUTES));
        tx.outside_events().ask_to_watch(id, renewal).await?;
        tx.commit().await?;
        if let Some(kept) = running {
            self.unwatch(tenant, &calendar, &kept).await;
        }
        Ok(())
    }

    /// Ends being told. That it does not end is no trouble: nobody believes what is told then.
    pub(super) async fn unwatch(&self, tenant: &TenantId, calendar: &OutsideCalendar, kept: &KeptWatch) {
        let (vendors, known) = (&self.parts.vendors, &watching(kept));
        let ended = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.unwatch(&who, known, PATIENCE).await
            })
            .await;
        if let Err(error) = ended {
            info!(calendar.id = %calendar.id, error = &error as &dyn std::error::Error, "telling was not ended");
        }
    }

    /// Believes what a vendor tells under the name of a watch, if it knows the secret; whether it does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away: the vendor should tell again.
    pub async fn told(&self, watch_id: &str, secret: &SecretString, what: Told) -> Result<bool, Error> {
        let found = self.parts.store.across_tenants().watched(watch_id).await?;
        let hash = tokens::fingerprint(secret.expose_secret());
        let Some((tenant, calendar, _)) = found.filter(|(_, _, known)| *known == hash) else {
            return Ok(false);
        };
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(&tenant).await?;
        match what {
            Told::Changed => self.look_now(&mut tx, &calendar, now).await?,
            Told::MustRenew => {
                tx.outside_events().prolonged(&calendar, now.plus_minutes(RENEW_MINUTES)).await?;
                let job = JobId::of(ids::fresh(now));
                tx.jobs().add(&job, &Work::WatchCalendar { calendar }, now).await?;
            }
            Told::Ended => {
                tx.outside_events().watched(&calendar, None).await?;
                self.look_now(&mut tx, &calendar, now).await?;
                let job = JobId::of(ids::fresh(now));
                tx.jobs().add(&job, &Work::WatchCalendar { calendar }, now).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Has a calendar looked at at once.
    async fn look_now(&self, tx: &mut TenantTx, calendar: &CalendarId, now: Timestamp) -> Result<(), Error> {
        let job = JobId::of(ids::fresh(now));
        Ok(tx.jobs().add(&job, &Work::SyncCalendar { calendar: calendar.clone() }, now).await?)
    }

    /// Has every calendar looked at that is due, and asks to be told where that is due; how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub async fn ask_for_due(&self) -> Result<usize, Error> {
        let now = self.parts.clock.now();
        let due = self.parts.store.across_tenants().calendars_due(now, DUE_MAX).await?;
        let count = due.len();
        for (tenant, calendar, watch_due) in due {
            let mut tx = self.parts.store.begin(&tenant).await?;
            self.look_now(&mut tx, &calendar, now).await?;
            tx.outside_events().look_at(&calendar, now.plus_minutes(FOUND_MINUTES)).await?;
            if watch_due {
                let job = JobId::of(ids::fresh(now));
                tx.outside_events().ask_to_watch(&calendar, now.plus_minutes(FOUND_MINUTES)).await?;
                tx.jobs().add(&job, &Work::WatchCalendar { calendar }, now).await?;
            }
            tx.commit().await?;
        }
        if count == DUE_MAX as usize {
            warn!(count, "more calendars are due than are looked at at once");
        }
        Ok(count)
    }

    /// Works off what has waited for calendars of the tenant: what was promised meanwhile, and what changed there.
    pub(super) async fn resume(&self, tx: &mut TenantTx, now: Timestamp) -> Result<(), Error> {
        for appointment in tx.appointments().waiting(WAITING_MAX).await? {
            let job = JobId::of(ids::fresh(now));
            tx.jobs().add(&job, &Work::SettleAppointment { appointment }, now).await?;
        }
        let mut calendars: Vec<CalendarId> =
            tx.outside_events().blocking().await?.into_iter().map(|one| one.calendar).collect();
        calendars.sort();
        calendars.dedup();
        for calendar in calendars {
            self.take_up(tx, &calendar, now).await?;
        }
        Ok(())
    }

    /// Has a calendar looked at from now on, and its vendor asked to tell of changes.
    pub(super) async fn take_up(
        &self,
        tx: &mut TenantTx,
        calendar: &CalendarId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.look_now(tx, calendar, now).await?;
        let job = JobId::of(ids::fresh(now));
        let work = Work::WatchCalendar { calendar: calendar.clone() };
        Ok(tx.jobs().add(&job, &work, now).await?)
    }

    /// Has everything that takes time of this tenant's resources looked at, unless that was done just before: somebody
    /// is about to ask.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub async fn freshen(&self, tenant: &TenantId) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let blocking = self.parts.store.read(tenant).await?.outside_events().blocking().await?;
        let stale = |synced: Timestamp| now.millis_since(synced) > FRESH_MS;
        let mut calendars: Vec<CalendarId> =
            blocking.into_iter().filter(|one| stale(one.synced)).map(|one| one.calendar).collect();
        calendars.sort();
        calendars.dedup();
        if calendars.is_empty() {
            return Ok(());
        }
        let mut tx = self.parts.store.begin(tenant).await?;
        for calendar in calendars {
            self.look_now(&mut tx, &calendar, now).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// How fresh what is known must be for nobody to look again when a call rings, in milliseconds.
const FRESH_MS: i64 = 20_000;

fn watching(kept: &KeptWatch) -> Watching {
    Watching { id: kept.id.clone(), resource: kept.resource.clone(), until: kept.until }
}
