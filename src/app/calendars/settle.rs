//! Makes an appointment and the calendars it is written to agree.
//!
//! Three things are compared: what the ledger says, what was written, and, where it matters, what stands in the calendar.
//! What changed here is written there; what changed there is taken over here; where both changed, the ledger's word
//! counts, and that is told. Whatever fails in between, asking again goes on from what is true then: events have names
//! that are known before they are written, so that nothing is written twice.
//!
//! After writing, the time is looked at once more. Something foreign that was there first means that the appointment is
//! given back, or moved back where it came from, and that somebody is told; something that came later is told as a clash.

use std::time::Duration;

use tracing::{info, warn};

use super::{Calendars, PATIENCE, Trouble, live::Answer, text};
use crate::{
    app::{
        Error,
        access::{Actor, Who},
        audit,
        bookings::in_anothers_place,
    },
    calendars::{self, Draft},
    domain::{
        assistant::Language,
        availability::{self, BusyKind, EventStatus},
        booking::{Appointment, AppointmentStatus, Resource, Service, Step},
        calendar::{
            CalendarAccess, Clash, ClashKind, Connection, ConnectionState, EventId, OutsideCalendar,
            OutsideEvent,
        },
        contact::Contact,
        id::{AppointmentId, CalendarId, ClashId, JobId, ResourceId, TenantId},
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

    /// Takes back an event from a calendar the appointment does not belong in (any more).
    async fn take_back(&self, tenant: &TenantId, case: &Case, written: &Written) -> Result<(), Error> {
        let mut tx = self.parts.store.read(tenant).await?;
        let reached = reached(&mut tx, &written.calendar).await?;
        drop(tx);
        if let Some((calendar, connection)) = reached
            && calendar.there
        {
            match connection.state {
                ConnectionState::Connected => self.remove_event(tenant, case, &calendar, written).await?,
                ConnectionState::Reconnect => {
                    let why = "somebody must let us into the calendar again";
                    return Err(Error::Later { wait: GONE_WAIT, why });
                }
                // Whoever disconnected keeps what stands there.
                ConnectionState::Disconnected => {}
            }
        }
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.written().remove(&written.appointment, &written.calendar).await?;
        if let Some(event) = &written.event {
            tx.outside_events().forget(&written.calendar, event).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn remove_event(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<(), Error> {
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let notify = text::invites(&case.service, case.contact.as_ref());
        let mut events: Vec<EventId> = written.event.iter().cloned().collect();
        // Whoever was stopped while writing cannot know the name of what they wrote: it is looked for by its mark.
        if written.written.is_none() {
            let listed = self
                .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.events(&who, place, written.time, PATIENCE).await
                })
                .await;
            let listed = match listed {
                Err(Trouble::Vendor(calendars::Error::NotThere)) => None,
                listed => Some(listed.map_err(Trouble::waiting)?),
            };
            let marked = listed.into_iter().flat_map(|listed| listed.events);
            events.extend(
                marked
                    .filter(|event| event.appointment.as_ref() == Some(&written.appointment))
                    .map(|event| event.id),
            );
        }
        for event in &events {
            let removed = self
                .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.remove(&who, place, event, notify, PATIENCE).await
                })
                .await;
            match removed {
                Ok(()) | Err(Trouble::Vendor(calendars::Error::NotThere)) => {}
                Err(error) => return Err(error.waiting()),
            }
        }
        Ok(())
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
                self.look(tenant, case, calendar, written).await
            }
            Some(written) if written.written.is_some() => self.rewrite(tenant, case, calendar, written).await,
            unwritten => self.write(tenant, case, calendar, unwritten.map_or(0, |it| it.naming)).await,
        }
    }

    /// Writes an event that is not there yet, or of which nobody knows whether it is.
    async fn write(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        first_name: i64,
    ) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        for naming in first_name..first_name + NAMES_MAX {
            let planned = Written {
                appointment: appointment.id.clone(),
                calendar: calendar.id.clone(),
                naming,
                event: None,
                etag: None,
                time: appointment.time,
                written: None,
            };
            let mut tx = self.parts.store.begin(tenant).await?;
            tx.written().put(&planned).await?;
            tx.commit().await?;
            let draft = &self.draft(tenant, case, calendar, naming);
            let (vendors, place) = (&self.parts.vendors, &calendar.place);
            let made = self
                .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.create(&who, place, draft, PATIENCE).await
                })
                .await;
            match made {
                Ok(event) if event.time == appointment.time => {
                    return self.written(tenant, case, calendar, &planned, event, None).await;
                }
                // It was written before, and stands elsewhere since: by us or by somebody.
                Ok(event) => {
                    let elsewhere = Written { time: event.time, ..written_as(&planned, &event, None) };
                    return self.rewrite(tenant, case, calendar, &elsewhere).await;
                }
                Err(Trouble::Vendor(calendars::Error::NotOurs)) => {}
                Err(Trouble::Vendor(calendars::Error::NotThere)) => {
                    if !self.is_there(tenant, calendar).await? {
                        self.vanished(tenant, &calendar.id).await?;
                        return Err(Error::Later {
                            wait: GONE_WAIT,
                            why: "the calendar is not there any more",
                        });
                    }
                }
                Err(Trouble::Vendor(calendars::Error::Forbidden)) => {
                    return Err(Error::Later { wait: GONE_WAIT, why: "the calendar may not be written to" });
                }
                Err(error) => return Err(error.waiting()),
            }
        }
        Err(Error::Later { wait: GONE_WAIT, why: "no name for the event is free" })
    }

    /// Gives an event that is there the appointment's time.
    async fn rewrite(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        let Some(event) = &written.event else {
            return Box::pin(self.write(tenant, case, calendar, written.naming)).await;
        };
        let (draft, began) = (&self.draft(tenant, case, calendar, written.naming), self.parts.clock.now());
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let mut seen = written.etag.clone();
        let mut moved_there = false;
        for _ in 0..NAMES_MAX {
            let standing = seen.as_deref();
            let changed = self
                .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.change(&who, place, event, standing, draft, PATIENCE).await
                })
                .await;
            match changed {
                Ok(changed) => {
                    if moved_there {
                        self.note_clash(tenant, case, calendar, Some(event), ClashKind::MovedTwice).await?;
                    }
                    return self.written(tenant, case, calendar, written, changed, Some(began)).await;
                }
                Err(Trouble::Vendor(calendars::Error::Stale)) => {
                    let Some(standing) = self.event(tenant, calendar, event).await? else {
                        self.note_clash(tenant, case, calendar, Some(event), ClashKind::MovedTwice).await?;
                        return Box::pin(self.write(tenant, case, calendar, written.naming + 1)).await;
                    };
                    moved_there = standing.time != written.time && standing.time != appointment.time;
                    seen = standing.etag;
                }
                Err(Trouble::Vendor(calendars::Error::NotThere)) => {
                    if !self.is_there(tenant, calendar).await? {
                        self.vanished(tenant, &calendar.id).await?;
                        return Err(Error::Later {
                            wait: GONE_WAIT,
                            why: "the calendar is not there any more",
                        });
                    }
                    // Deleted there while it was moved here: whoever was promised the time keeps it.
                    self.note_clash(tenant, case, calendar, Some(event), ClashKind::MovedTwice).await?;
                    return Box::pin(self.write(tenant, case, calendar, written.naming + 1)).await;
                }
                Err(Trouble::Vendor(calendars::Error::Forbidden)) => {
                    return Err(Error::Later { wait: GONE_WAIT, why: "the calendar may not be written to" });
                }
                Err(error) => return Err(error.waiting()),
            }
        }
        Err(Error::Later { wait: NOT_SAID_WAIT, why: "it keeps being changed" })
    }

    /// Keeps that an event was written, and looks once more at its time. `began` is when it was moved there, if it was.
    async fn written(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        planned: &Written,
        event: OutsideEvent,
        began: Option<Timestamp>,
    ) -> Result<Done, Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.written().put(&written_as(planned, &event, Some(now))).await?;
        tx.outside_events().claim(&calendar.id, &event.id, &planned.appointment).await?;
        tx.commit().await?;
        self.verify(tenant, case, calendar, &event, began.or(event.made)).await
    }

    /// Looks whether something foreign stands in an appointment's time, and whether it stands there once. What was made
    /// until `since` was there first.
    async fn verify(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        own: &OutsideEvent,
        since: Option<Timestamp>,
    ) -> Result<Done, Error> {
        if calendar.access < CalendarAccess::Read {
            return Ok(Done::Agrees);
        }
        let appointment = &case.appointment.item;
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let listed = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.events(&who, place, appointment.time, PATIENCE).await
            })
            .await
            .map_err(Trouble::waiting)?;
        for event in listed.events.iter().filter(|event| event.id != own.id) {
            if event.appointment.as_ref() == Some(&appointment.id) {
                warn!(appointment.id = %appointment.id, "an appointment stood in its calendar twice");
                let (twin, notify) = (&event.id, false);
                self.ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.remove(&who, place, twin, notify, PATIENCE).await
                })
                .await
                .map_err(Trouble::waiting)?;
                continue;
            }
            let mut tx = self.parts.store.read(tenant).await?;
            let ours = tx.written().of_event(&calendar.id, &event.id).await?.is_some();
            // One of ours whose name is not known yet is known by its mark, if it is this tenant's.
            let marked = match &event.appointment {
                Some(marked) => tx.appointments().get(marked).await?.is_some(),
                None => false,
            };
            drop(tx);
            if ours || marked || !case.service.blocking.contains(&event.status) {
                continue;
            }
            let first = match (event.made, since) {
                (Some(theirs), Some(since)) => theirs <= since,
                _ => false,
            };
            if first {
                self.yield_to(tenant, case, Some(calendar.id.clone()), Some(&event.id)).await?;
                return Ok(Done::Changed);
            }
            let kind = ClashKind::EventOverAppointment;
            self.note_clash(tenant, case, calendar, Some(&event.id), kind).await?;
        }
        Ok(Done::Agrees)
    }

    /// Takes over what somebody has done with the event in its calendar.
    async fn look(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<Done, Error> {
        let Some(id) = &written.event else { return Ok(Done::Agrees) };
        match self.event(tenant, calendar, id).await? {
            Some(event) if event.time == written.time => {
                if event.etag != written.etag {
                    let mut tx = self.parts.store.begin(tenant).await?;
                    tx.written().put(&Written { etag: event.etag.clone(), ..written.clone() }).await?;
                    tx.commit().await?;
                }
                if case.appointment.item.status == AppointmentStatus::Pending {
                    // Somebody was stopped after writing it and before looking once more.
                    return self.verify(tenant, case, calendar, &event, event.made).await;
                }
                Ok(Done::Agrees)
            }
            Some(event) => self.follow_move(tenant, case, calendar, written, event).await,
            None if !self.is_there(tenant, calendar).await? => {
                self.vanished(tenant, &calendar.id).await?;
                Ok(Done::Agrees)
            }
            None => self.follow_deletion(tenant, case, calendar, written).await,
        }
    }

    async fn follow_move(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
        event: OutsideEvent,
    ) -> Result<Done, Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.resources().lock_of_service(&case.service.id).await?;
        let Some(standing) = unchanged(&mut tx, case).await? else { return Ok(Done::Changed) };
        let buffers = availability::blocked(&case.service, event.time.start);
        let after = i64::from(case.service.buffer_after_min);
        let mut moved = Appointment {
            time: event.time,
            blocked: TimeRange { start: buffers.start, end: event.time.end.plus_minutes(after) },
            session: Some(ids::fresh(now).simple().to_string()),
            ..standing.clone()
        };
        moved.clashing = in_anothers_place(&mut tx, &moved, now).await?;
        if !tx.appointments().update(&moved, standing.status).await? {
            return Ok(Done::Changed);
        }
        tx.written().put(&written_as(written, &event, Some(now))).await?;
        tx.outside_events().claim(&calendar.id, &event.id, &standing.id).await?;
        tx.history().add(&moved, Step::Moved, calendar.id.as_str(), now).await?;
        audit::record(&mut tx, &calendars_actor(tenant), now, Some(&standing), Some(&moved)).await?;
        let what = ClashKind::MovedOntoAnother;
        let clash = moved.clashing.then(|| clash(&moved.id, Some(&calendar.id), None, what, now));
        match &clash {
            Some(clash) => {
                tx.clashes().add(clash).await?;
                self.tell_clash(&mut tx, clash, now).await?;
            }
            None => tx.clashes().settle_of(&moved.id, what, now).await?,
        }
        tx.commit().await?;
        self.parts.news.step(tenant, &moved, Step::Moved, calendar.id.as_str());
        if let Some(clash) = &clash {
            self.parts.news.clash(tenant, clash);
        }
        info!(appointment.id = %moved.id, clashing = moved.clashing, "an appointment was moved in its calendar");
        Ok(Done::Changed)
    }

    async fn follow_deletion(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<Done, Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.resources().lock_of_service(&case.service.id).await?;
        let Some(standing) = unchanged(&mut tx, case).await? else { return Ok(Done::Changed) };
        tx.written().remove(&written.appointment, &written.calendar).await?;
        self.give_back(&mut tx, tenant, &standing, Step::Cancelled, calendar.id.as_str(), now).await?;
        tx.commit().await?;
        self.parts.news.step(tenant, &standing, Step::Cancelled, calendar.id.as_str());
        info!(appointment.id = %standing.id, "an appointment was deleted in its calendar");
        Ok(Done::Changed)
    }

    /// Cancels in the ledger what a calendar does not have, or cannot have.
    async fn give_back(
        &self,
        tx: &mut TenantTx,
        tenant: &TenantId,
        standing: &Appointment,
        step: Step,
        who: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let given_back = Appointment {
            status: AppointmentStatus::Cancelled,
            expires: None,
            clashing: false,
            ..standing.clone()
        };
        if !tx.appointments().update(&given_back, standing.status).await? {
            return Err(Error::Later { wait: Duration::ZERO, why: "it has been changed meanwhile" });
        }
        tx.history().add(&given_back, step, who, now).await?;
        for what in [ClashKind::MovedOntoAnother, ClashKind::EventOverAppointment] {
            tx.clashes().settle_of(&standing.id, what, now).await?;
        }
        audit::record(tx, &calendars_actor(tenant), now, Some(standing), Some(&given_back)).await
    }

    /// Makes room for something foreign that was there first: moves the appointment back to where it came from, or gives
    /// it back, and tells.
    async fn yield_to(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: Option<CalendarId>,
        event: Option<&EventId>,
    ) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        tx.resources().lock_of_service(&case.service.id).await?;
        let Some(standing) = unchanged(&mut tx, case).await? else { return Ok(()) };
        let who = calendar.as_ref().map_or(OURSELVES, CalendarId::as_str);
        let before = tx.history().of(&standing.id).await?;
        let stood = before.iter().rev().find(|step| step.what == Step::Confirmed);
        let mut back =
            stood.filter(|stood| stood.time != standing.time && stood.time.start > now).map(|stood| {
                let blocked = availability::blocked(&case.service, stood.time.start);
                Appointment {
                    time: stood.time,
                    resource: stood.resource.clone(),
                    blocked,
                    session: Some(ids::fresh(now).simple().to_string()),
                    status: AppointmentStatus::Pending,
                    ..standing.clone()
                }
            });
        if let Some(wanted) = &back
            && in_anothers_place(&mut tx, wanted, now).await?
        {
            back = None;
        }
        match back {
            Some(back) => {
                if !tx.appointments().update(&back, standing.status).await? {
                    return Ok(());
                }
                tx.appointments().note_asked(&back.id, Some(now)).await?;
                tx.history().add(&back, Step::Undone, who, now).await?;
                audit::record(&mut tx, &calendars_actor(tenant), now, Some(&standing), Some(&back)).await?;
                let job = JobId::of(ids::fresh(now));
                let work = Work::SettleAppointment { appointment: back.id.clone() };
                tx.jobs().add(&job, &work, now).await?;
            }
            None => self.give_back(&mut tx, tenant, &standing, Step::Undone, who, now).await?,
        }
        let clash = clash(&standing.id, calendar.as_ref(), event, ClashKind::EventWasFirst, now);
        tx.clashes().add(&clash).await?;
        self.tell_clash(&mut tx, &clash, now).await?;
        tx.commit().await?;
        self.parts.news.step(tenant, &standing, Step::Undone, who);
        self.parts.news.clash(tenant, &clash);
        warn!(appointment.id = %standing.id, "an appointment has made room for an event that was first");
        Ok(())
    }

    async fn note_clash(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        event: Option<&EventId>,
        what: ClashKind,
    ) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let clash = clash(&case.appointment.item.id, Some(&calendar.id), event, what, now);
        let mut tx = self.parts.store.begin(tenant).await?;
        let added = tx.clashes().add(&clash).await?;
        if added {
            self.tell_clash(&mut tx, &clash, now).await?;
        }
        tx.commit().await?;
        if added {
            self.parts.news.clash(tenant, &clash);
        }
        Ok(())
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

    fn draft(&self, tenant: &TenantId, case: &Case, calendar: &OutsideCalendar, naming: i64) -> Draft {
        let appointment = &case.appointment.item;
        let name = naming.to_string();
        let key =
            ids::derived(&[tenant.as_str(), appointment.id.as_str(), calendar.id.as_str(), name.as_str()]);
        let page = self.console("appointments");
        let about = text::About {
            language: case.language,
            appointment,
            service: &case.service,
            resource: case.resource.as_ref(),
            contact: case.contact.as_ref(),
            page: &page,
        };
        Draft {
            key,
            appointment: appointment.id.clone(),
            time: appointment.time,
            zone: case.tenant.zone.clone(),
            title: text::title(&about),
            text: text::text(&about),
            attendee: text::attendee(&about),
        }
    }
}

impl Trouble {
    /// What a job is told that has met it: nothing is given up because a calendar cannot be asked.
    pub(super) fn waiting(self) -> Error {
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

fn clash(
    appointment: &AppointmentId,
    calendar: Option<&CalendarId>,
    event: Option<&EventId>,
    what: ClashKind,
    now: Timestamp,
) -> Clash {
    Clash {
        id: ClashId::of(ids::fresh(now)),
        appointment: appointment.clone(),
        calendar: calendar.cloned(),
        event: event.cloned(),
        what,
        found: now,
        settled: None,
    }
}

/// As whom changes that come from calendars stand in the audit log.
fn calendars_actor(tenant: &TenantId) -> Actor {
    Actor::new(tenant.clone(), Who::System("calendars"))
}
