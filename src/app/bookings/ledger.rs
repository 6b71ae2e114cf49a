//! The ledger together with the calendars outside that are asked before it promises a time.
//!
//! What the calendars are known to say is in the database, and read in the transaction that promises. Of the one time
//! that is wanted they are asked again before that transaction begins, since none waits for a calendar. A time they have
//! not spoken of can be promised all the same: it is pending, and they are asked until they answer.

use std::time::Duration;

use tracing::warn;

use super::{Asker, Desk, Taken, Wish, around_start};
use crate::{
    app::{
        Error,
        calendars::{Answer, CALL_PATIENCE, Calendars},
    },
    domain::{
        availability::{self, Busy},
        booking::{Appointment, AppointmentStatus},
        calendar::ClashKind,
        id::{AppointmentId, JobId, ResourceId, TenantId},
        time::Timestamp,
    },
    platform::{clock::Clock, ids},
    store::{Asked, Kept, Store, TenantTx, Work},
};

/// How long a caller waits for a calendar to confirm what was promised.
pub const CONFIRM_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked meanwhile.
const LOOK_PERIOD: Duration = Duration::from_millis(40);
/// Resources whose calendars are asked about one time.
const ASKED_MAX: usize = 5;
/// Appointments in others' places that are looked at after a change.
const CLASHING_MAX: u32 = 20;

/// The ledger. Made of a store alone, it asks nobody outside: calendars that keep others out are asked later.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) store: Store,
    calendars: Option<Calendars>,
}

impl Ledger {
    /// The ledger of this store, which asks these calendars.
    pub fn new(store: Store, calendars: Calendars) -> Self {
        Self { store, calendars: Some(calendars) }
    }

    /// Where it is kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Has what takes time looked at afresh: somebody is about to ask.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub async fn freshen(&self, tenant: &TenantId) -> Result<(), Error> {
        match &self.calendars {
            Some(calendars) => calendars.freshen(tenant).await,
            None => Ok(()),
        }
    }

    /// Tells whoever watches that an appointment took a step.
    pub(super) fn tell(&self, by: &Asker, appointment: &Appointment, step: &Taken) {
        if let Some(calendars) = &self.calendars {
            calendars.news().step(&by.tenant, appointment, step.what, &step.by);
        }
    }

    /// Waits until the calendars have answered about an appointment that is pending; as it stands then, or when
    /// `patience` is at its end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn settled(
        &self,
        tenant: &TenantId,
        appointment: Appointment,
        clock: Clock,
        patience: Duration,
    ) -> Result<Appointment, Error> {
        let watch = clock.stopwatch();
        let mut standing = appointment;
        while standing.status == AppointmentStatus::Pending && watch.elapsed() < patience {
            clock.sleep(LOOK_PERIOD).await;
            let found = self.store.read(tenant).await?.appointments().get(&standing.id).await?;
            standing = found.ok_or(Error::NotFound("appointment"))?;
        }
        Ok(standing)
    }

    /// What the calendars outside say of the time that is wanted, of those who could have it.
    pub(super) async fn ask(
        &self,
        by: &Asker,
        now: Timestamp,
        wish: &Wish,
        asked: &str,
        ignoring: &[AppointmentId],
    ) -> Result<Said, Error> {
        let Some(calendars) = &self.calendars else { return Ok(Said::default()) };
        let mut tx = self.store.read(&by.tenant).await?;
        if tx.outside_events().blocking().await?.is_empty() {
            return Ok(Said::default());
        }
        if let Some(key) = &by.key
            && tx.appointments().answer_to(Asked { key, content: asked }).await? != Kept::Nothing
        {
            return Ok(Said::default());
        }
        let desk = Desk::open(&mut tx, &wish.service, around_start(wish.start), now, Vec::new()).await?;
        drop(tx);
        let slot = match desk.ask(now, wish.seats, ignoring).check(wish.start, wish.resource.as_ref()) {
            Ok(slot) => slot,
            // What is refused anyway need not be asked about. Somebody who stands or holds nothing is told so at once, so
            // that the many who want one time do not queue for its resources.
            Err(refusal) if ignoring.is_empty() => return Err(refusal.into()),
            // Of others more is known in the transaction.
            Err(_) => return Ok(Said::default()),
        };
        let together = desk.together();
        let count = if together { slot.resources.len() } else { ASKED_MAX };
        let resources: Vec<ResourceId> = slot.resources.into_iter().take(count).collect();
        let range = availability::blocked(desk.service(), wish.start);
        Ok(match calendars.ask_now(&by.tenant, &resources, range, CALL_PATIENCE).await? {
            Answer::Known(busy) => Said { busy, resources },
            Answer::NotSaid | Answer::Gone(_) => Said::default(),
        })
    }
}

impl From<&Self> for Ledger {
    fn from(ledger: &Self) -> Self {
        ledger.clone()
    }
}

impl From<&Store> for Ledger {
    fn from(store: &Store) -> Self {
        Self { store: store.clone(), calendars: None }
    }
}

/// What calendars have said of a time.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What takes it.
    pub busy: Vec<Busy>,
    /// Whose calendars have spoken.
    pub resources: Vec<ResourceId>,
}

/// Has the calendars outside written to, or asked, where that is called for: notes in the transaction of the change
/// itself what is to be done, and says where the appointment stands until it is.
pub(super) async fn sent_out(
    tx: &mut TenantTx,
    appointment: Appointment,
    said: &[ResourceId],
    now: Timestamp,
) -> Result<(Appointment, Option<Timestamp>), Error> {
    let its: Vec<&ResourceId> = std::iter::once(&appointment.resource).chain(&appointment.together).collect();
    let targets = tx.outside_events().targets().await?;
    let blocking = tx.outside_events().blocking().await?;
    let written = targets.iter().any(|(resource, _)| its.contains(&resource));
    let spoken = its.iter().all(|resource| said.contains(resource));
    let unsaid = !spoken && blocking.iter().any(|one| its.contains(&&one.resource));
    let stands = tx.written().of(&appointment.id).await?;
    if !written && !unsaid && stands.is_empty() {
        return Ok((appointment, None));
    }
    let job = JobId::of(ids::fresh(now));
    tx.jobs().add(&job, &Work::SettleAppointment { appointment: appointment.id.clone() }, now).await?;
    let mut sent = appointment;
    if sent.status == AppointmentStatus::Confirmed && (written || unsaid) {
        sent.status = AppointmentStatus::Pending;
    }
    Ok((sent, spoken.then_some(now)))
}

/// Whether an appointment would stand in another's place. To be asked with its resources locked.
pub(in crate::app) async fn in_anothers_place(
    tx: &mut TenantTx,
    wanted: &Appointment,
    now: Timestamp,
) -> Result<bool, Error> {
    let takes = |one: &Appointment, resource: &ResourceId| {
        one.resource == *resource || one.together.contains(resource)
    };
    let others = tx.appointments().busy(wanted.blocked, now).await?;
    Ok(others.iter().any(|other| {
        let own = std::iter::once(&wanted.resource).chain(&wanted.together);
        other.id != wanted.id
            && other.blocked.overlaps(wanted.blocked)
            && (other.session.is_none() || other.session != wanted.session)
            && own.into_iter().any(|resource| takes(other, resource))
    }))
}

/// After a change of an appointment: whatever stood in its way is over.
pub(super) async fn clash_no_more(
    tx: &mut TenantTx,
    changed: &AppointmentId,
    now: Timestamp,
) -> Result<(), Error> {
    for what in [ClashKind::MovedOntoAnother, ClashKind::EventOverAppointment] {
        tx.clashes().settle_of(changed, what, now).await?;
    }
    Ok(())
}

/// After a change that may have given time back: appointments that stood in others' places and do so no more are told of
/// as such. Each in a transaction of its own, with its own resources locked. What fails is found at the next change.
pub(in crate::app) async fn free_clashing(store: &Store, tenant: &TenantId, now: Timestamp) {
    if let Err(error) = try_to_free(store, tenant, now).await {
        warn!(error = &error as &dyn std::error::Error, "it was not looked whether clashes are over");
    }
}

async fn try_to_free(store: &Store, tenant: &TenantId, now: Timestamp) -> Result<(), Error> {
    for id in store.read(tenant).await?.appointments().clashing(CLASHING_MAX).await? {
        let mut tx = store.begin(tenant).await?;
        let Some(found) = tx.appointments().get(&id).await? else { continue };
        tx.resources().lock_of_service(&found.service).await?;
        tx.appointments().lock(&id).await?;
        let standing = tx.appointments().get(&id).await?;
        let Some(standing) = standing.filter(|standing| standing.service == found.service) else { continue };
        if !standing.clashing
            || !standing.status.promised()
            || in_anothers_place(&mut tx, &standing, now).await?
        {
            continue;
        }
        let freed = Appointment { clashing: false, ..standing.clone() };
        if tx.appointments().update(&freed, standing.status).await? {
            tx.clashes().settle_of(&id, ClashKind::MovedOntoAnother, now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
