//! Makes an appointment and the calendars it is written to agree.
//!
//! Three things are compared: what the ledger says, what was written, and, where it matters, what stands in the calendar.
//! What changed here is written there; what changed there is taken over here; where both changed, the ledger's word
//! counts, and that is told. Whatever fails in between, asking again goes on from what is true then: events have names
//! that are known before they are written, so that nothing is written twice.
//!
//! After writing, the time is looked at once more. Something foreign that was there first means that the appointment is
//! given back, or moved back where it came from, and that somebody is told; something that came later is told as a clash.

mod following;
mod writing;

use std::time::Duration;

use super::{Calendars, PATIENCE, Trouble, live::Answer, text};
use crate::{
    app::Error,
    calendars,
    domain::{
        assistant::Language,
        availability::{BusyKind, EventStatus},
        booking::{Appointment, AppointmentStatus, Resource, Service, Step},
        calendar::{Connection, ConnectionState, EventId, OutsideCalendar, OutsideEvent},
        contact::Contact,
        id::{AppointmentId, CalendarId, JobId, ResourceId, TenantId},
        org::Tenant,
        revision::{Revised, Revision},
        time::{TimeRange, Timestamp},
    },
    platform::ids,
    store::{TenantTx, Work, Written},
};

/// For how long it counts that calendars were asked about a time, in milliseconds.
const ASKED_MS: i64 = 30_000;
/// How often an event is given another name within one settling, because an earlier one is used up.
const NAMES_MAX: i64 = 4;
/// Who does what calendars have brought about.
const OURSELVES: &str = "system:calendars";
/// How long to wait before calendars are asked again that did not say whether a time is free.
const NOT_SAID_WAIT: Duration = Duration::from_secs(5);
/// How long to wait for a calendar that is not there, or that nobody may write to: until somebody does something.
const GONE_WAIT: Duration = Duration::from_secs(15 * 60);

/// Everything that is known of an appointment that is to be settled.
struct Case {
    tenant: Tenant,
    /// The language of the tenant's assistants.
    language: Language,
    appointment: Revised<Appointment>,
    asked: Option<Timestamp>,
    coming: bool,
    service: Service,
    resource: Option<Resource>,
    contact: Option<Contact>,
    /// The calendars it belongs in.
    wanted: Vec<(OutsideCalendar, Connection)>,
    written: Vec<Written>,
}

/// What became of one calendar.
enum Done {
    /// It says what the ledger says.
    Agrees,
    /// The ledger was changed: what is known is known no more.
    Changed,
}

impl Calendars {
    /// Makes the calendars and the appointment agree.
    ///
    /// # Errors
    /// [`Error::Later`] when something has to be waited for; [`Error::Unavailable`].
    pub async fn settle(&self, tenant: &TenantId, id: &AppointmentId) -> Result<(), Error> {
        // Each time round, the ledger has changed; it changes because a calendar did, which ends.
        for _ in 0..NAMES_MAX {
            let Some(case) = self.case(tenant, id).await? else { return Ok(()) };
            match self.settle_once(tenant, &case).await? {
                Done::Agrees => return Ok(()),
                Done::Changed => {}
            }
        }
        Err(Error::Later { wait: NOT_SAID_WAIT, why: "it keeps being changed" })
    }

    async fn case(&self, tenant: &TenantId, id: &AppointmentId) -> Result<Option<Case>, Error> {
        let mut tx = self.parts.store.read(tenant).await?;
        let Some(appointment) = tx.appointments().revised(id).await? else { return Ok(None) };
        let standing = &appointment.item;
        let service = tx.services().get(&standing.service).await?.ok_or(Error::NotFound("service"))?;
        let mut wanted: Vec<(OutsideCalendar, Connection)> = Vec::new();
        if standing.status.promised() {
            for (resource, calendar) in tx.outside_events().targets().await? {
                let its = resource == standing.resource || standing.together.contains(&resource);
                if !its || wanted.iter().any(|(known, _)| known.id == calendar) {
                    continue;
                }
                wanted.extend(reached(&mut tx, &calendar).await?);
            }
        }
        let contact = match &standing.contact {
            Some(contact) => tx.contacts().get(contact).await?,
            None => None,
        };
        Ok(Some(Case {
            language: tx.assistants().all().await?.first().map_or(Language::German, |one| one.language),
            tenant: tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?,
            asked: tx.appointments().asked(id).await?,
            coming: tx.appointments().coming(id).await?,
            resource: tx.resources().get(&standing.resource).await?,
            written: tx.written().of(id).await?,
            service,
            contact,
            wanted,
            appointment,
        }))
    }

    async fn settle_once(&self, tenant: &TenantId, case: &Case) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        if appointment.status == AppointmentStatus::Held {
            return Ok(Done::Agrees);
        }
        let now = self.parts.clock.now();
        if appointment.status == AppointmentStatus::Pending
            && case.asked.is_none_or(|asked| now.millis_since(asked) > ASKED_MS)
            && let Done::Changed = self.ask_again(tenant, case).await?
        {
            return Ok(Done::Changed);
        }
        for written in &case.written {
            if case.wanted.iter().all(|(calendar, _)| calendar.id != written.calendar) {
                self.take_back(tenant, case, written).await?;
            }
        }
        for (calendar, connection) in &case.wanted {
            match connection.state {
                ConnectionState::Connected => {}
                ConnectionState::Reconnect => {
                    let why = "somebody must let us into the calendar again";
                    return Err(Error::Later { wait: GONE_WAIT, why });
                }
                ConnectionState::Disconnected => continue,
            }
            if !calendar.there {
                return Err(Error::Later { wait: GONE_WAIT, why: "the calendar is not there any more" });
            }
            if let Done::Changed = self.settle_in(tenant, case, calendar).await? {
                return Ok(Done::Changed);
            }
        }
        if appointment.status == AppointmentStatus::Pending {
            let mut tx = self.parts.store.begin(tenant).await?;
            if !tx.appointments().settled(&appointment.id, case.appointment.revision).await? {
                return Ok(Done::Changed);
            }
            let confirmed = Appointment { status: AppointmentStatus::Confirmed, ..appointment.clone() };
            tx.history().add(&confirmed, Step::Confirmed, OURSELVES, now).await?;
            tx.commit().await?;
            self.parts.news.step(tenant, &confirmed, Step::Confirmed, OURSELVES);
        }
        Ok(Done::Agrees)
    }

    /// Asks the calendars about the time of an appointment that was promised without their word.
    async fn ask_again(&self, tenant: &TenantId, case: &Case) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        let resources: Vec<ResourceId> =
            std::iter::once(&appointment.resource).chain(&appointment.together).cloned().collect();
        match self.ask_now(tenant, &resources, appointment.blocked, PATIENCE).await? {
            Answer::Gone(calendar) => {
                // Whoever looks at all of it finds out whether it is gone for good, and tells.
                let now = self.parts.clock.now();
                let mut tx = self.parts.store.begin(tenant).await?;
                let job = JobId::of(ids::fresh(now));
                tx.jobs().add(&job, &Work::SyncCalendar { calendar }, now).await?;
                tx.commit().await?;
                Err(Error::Later { wait: NOT_SAID_WAIT, why: "a calendar is not there any more" })
            }
            Answer::NotSaid => {
                let why = "a calendar does not say whether the time is free";
                Err(Error::Later { wait: NOT_SAID_WAIT, why })
            }
            Answer::Known(busy) => {
                let first = busy.iter().find(|busy| {
                    busy.time.overlaps(appointment.blocked) && blocks(&case.service, &busy.kind)
                });
                if let Some(first) = first {
                    let calendar = match &first.kind {
                        BusyKind::Event { calendar, .. } => calendar.as_ref().and_then(|id| id.parse().ok()),
                        BusyKind::Appointment { .. } | BusyKind::Hold { .. } => None,
                    };
                    self.yield_to(tenant, case, calendar, None).await?;
                    return Ok(Done::Changed);
                }
                let mut tx = self.parts.store.begin(tenant).await?;
                tx.appointments().note_asked(&appointment.id, Some(self.parts.clock.now())).await?;
                tx.commit().await?;
                Ok(Done::Agrees)
            }
        }
    }

    async fn settle_in(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
    ) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        let known = case.written.iter().find(|written| written.calendar == calendar.id);
        match known {
            Some(written) if written.written.is_some() && written.time == appointment.time => {
                let looked = self.look(tenant, case, calendar, written).await?;
                if matches!(looked, Done::Agrees) && !self.says_so(tenant, case, calendar, written) {
                    return self.rewrite(tenant, case, calendar, written).await;
                }
                Ok(looked)
            }
            Some(written) if written.written.is_some() => self.rewrite(tenant, case, calendar, written).await,
            None => self.write(tenant, case, calendar, 0, appointment.time).await,
            // What was tried before may stand there yet, at the time it had then.
            Some(tried) => {
                let time = TimeRange {
                    start: tried.time.start.min(appointment.time.start),
                    end: tried.time.end.max(appointment.time.end),
                };
                self.write(tenant, case, calendar, tried.naming, time).await
            }
        }
    }

    /// Whether an event says what it is to say, as far as is known of what we wrote.
    fn says_so(&self, tenant: &TenantId, case: &Case, calendar: &OutsideCalendar, written: &Written) -> bool {
        let wanted = text::digest(&self.draft(tenant, case, calendar, written.naming));
        written.content.as_ref().is_none_or(|content| *content == wanted)
    }

    async fn event(
        &self,
        tenant: &TenantId,
        calendar: &OutsideCalendar,
        id: &EventId,
    ) -> Result<Option<OutsideEvent>, Error> {
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let event = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.event(&who, place, id, PATIENCE).await
            })
            .await;
        match event {
            Err(Trouble::Vendor(calendars::Error::NotThere)) => Ok(None),
            Ok(event) => Ok(event.filter(|event| event.status != EventStatus::Cancelled)),
            Err(error) => Err(error.waiting()),
        }
    }

    /// Whether the vendor still has the calendar: an event may be missing because all of it is.
    async fn is_there(&self, tenant: &TenantId, calendar: &OutsideCalendar) -> Result<bool, Error> {
        let now = self.parts.clock.now();
        let range = TimeRange { start: now, end: now.plus_minutes(1) };
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let listed = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.events(&who, place, range, PATIENCE).await
            })
            .await;
        match listed {
            Ok(_) => Ok(true),
            Err(Trouble::Vendor(calendars::Error::NotThere)) => Ok(false),
            Err(error) => Err(error.waiting()),
        }
    }
}

impl Trouble {
    /// What a job is told that has met it: nothing is given up because a calendar cannot be asked.
    pub(in crate::app::calendars) fn waiting(self) -> Error {
        match self {
            Self::Apart(_) | Self::Vendor(calendars::Error::ConsentGone(_)) => {
                Error::Later { wait: GONE_WAIT, why: "somebody must let us into the calendar again" }
            }
            Self::Vendor(calendars::Error::TooMany { retry_after }) => {
                let wait = retry_after.unwrap_or(NOT_SAID_WAIT);
                Error::Later { wait, why: "too much was asked of the calendar" }
            }
            Self::Vendor(calendars::Error::Resting { wait }) => {
                Error::Later { wait, why: "the calendar is left alone for a while" }
            }
            Self::Vendor(error) => Error::Unavailable("the calendar", Box::new(error)),
            Self::Store(error) => error.into(),
        }
    }
}

/// A calendar and the connection it is reached by.
async fn reached(tx: &mut TenantTx, id: &CalendarId) -> Result<Option<(OutsideCalendar, Connection)>, Error> {
    let Some(calendar) = tx.calendars().get(id).await? else { return Ok(None) };
    let connection = tx.connections().get(&calendar.connection).await?;
    Ok(connection.map(|connection| (calendar, connection)))
}

/// The appointment, if it is as it was when the case was gathered.
async fn unchanged(tx: &mut TenantTx, case: &Case) -> Result<Option<Appointment>, Error> {
    tx.appointments().lock(&case.appointment.item.id).await?;
    let standing = tx.appointments().revised(&case.appointment.item.id).await?;
    let seen: Revision = case.appointment.revision;
    Ok(standing.filter(|standing| standing.revision == seen).map(|standing| standing.item))
}

fn blocks(service: &Service, kind: &BusyKind) -> bool {
    match kind {
        BusyKind::Event { status, calendar } => {
            let looked_at = match (calendar, &service.conflict_calendars) {
                (Some(calendar), Some(selected)) => selected.contains(calendar),
                _ => true,
            };
            looked_at && service.blocking.contains(status)
        }
        BusyKind::Appointment { .. } | BusyKind::Hold { .. } => false,
    }
}

fn written_as(planned: &Written, event: &OutsideEvent, written: Option<Timestamp>) -> Written {
    Written {
        event: Some(event.id.clone()),
        etag: event.etag.clone(),
        time: event.time,
        written,
        ..planned.clone()
    }
}
