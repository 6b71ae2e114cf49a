//! Takes over what somebody has done in a calendar, and gives way to what was there first.

use std::time::Duration;

use tracing::{info, warn};

use super::{Case, Done, OURSELVES, unchanged, written_as};
use crate::{
    app::{
        Error,
        access::{Actor, Who},
        audit,
        bookings::{free_clashing, in_anothers_place},
        calendars::Calendars,
        outgoing::offers,
        webhooks::{self, Event},
    },
    domain::{
        availability,
        booking::{Appointment, AppointmentStatus, Step},
        calendar::{Clash, ClashKind, EventId, OutsideCalendar, OutsideEvent},
        id::{AppointmentId, CalendarId, ClashId, JobId, TenantId},
        time::{TimeRange, Timestamp},
    },
    platform::ids,
    store::{TenantTx, Work, Written},
};

impl Calendars {
    /// Takes over what somebody has done with the event in its calendar.
    pub(super) async fn look(
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
        tell_step(&mut tx, Step::Moved, &standing, &moved, calendar.id.as_str(), now).await?;
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
        free_clashing(&self.parts.store, tenant, now).await;
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
        free_clashing(&self.parts.store, tenant, now).await;
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
        tell_step(tx, step, standing, &given_back, who, now).await?;
        for what in [ClashKind::MovedOntoAnother, ClashKind::EventOverAppointment] {
            tx.clashes().settle_of(&standing.id, what, now).await?;
        }
        audit::record(tx, &calendars_actor(tenant), now, Some(standing), Some(&given_back)).await
    }

    /// Makes room for something foreign that was there first: moves the appointment back to where it came from, or gives
    /// it back, and tells.
    pub(super) async fn yield_to(
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
                tell_step(&mut tx, Step::Undone, &standing, &back, who, now).await?;
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
        free_clashing(&self.parts.store, tenant, now).await;
        self.parts.news.step(tenant, &standing, Step::Undone, who);
        self.parts.news.clash(tenant, &clash);
        warn!(appointment.id = %standing.id, "an appointment has made room for an event that was first");
        Ok(())
    }

    pub(super) async fn note_clash(
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

/// Tells the tenant's programs of a step that an appointment took.
async fn tell_step(
    tx: &mut TenantTx,
    step: Step,
    before: &Appointment,
    after: &Appointment,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    offers::freed(tx, before, after, now).await?;
    webhooks::tell(tx, now, Event::Appointment { step, before: Some(before), after, by }).await
}

/// As whom changes that come from calendars stand in the audit log.
fn calendars_actor(tenant: &TenantId) -> Actor {
    Actor::new(tenant.clone(), Who::System("calendars"))
}
