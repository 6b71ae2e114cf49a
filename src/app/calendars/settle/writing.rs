//! Writes appointments into calendars, changes and removes what was written, and looks once more at what came of it.

use tracing::warn;

use super::{Case, Done, GONE_WAIT, NAMES_MAX, NOT_SAID_WAIT, reached, written_as};
use crate::{
    app::{
        Error,
        calendars::{Calendars, PATIENCE, Trouble, text},
    },
    calendars::{self, Draft},
    domain::{
        calendar::{CalendarAccess, ClashKind, ConnectionState, EventId, OutsideCalendar, OutsideEvent},
        id::TenantId,
        time::{TimeRange, Timestamp},
    },
    platform::ids,
    store::Written,
};
impl Calendars {
    /// Takes back an event from a calendar the appointment does not belong in (any more).
    pub(super) async fn take_back(
        &self,
        tenant: &TenantId,
        case: &Case,
        written: &Written,
    ) -> Result<(), Error> {
        let mut tx = self.parts.store.read(tenant).await?;
        let reached = reached(&mut tx, &written.calendar).await?;
        drop(tx);
        if let Some((calendar, connection)) = reached
            && calendar.there
        {
            match connection.state {
                ConnectionState::Connected => {
                    let found = self.remove_event(tenant, case, &calendar, written).await?;
                    if !found && written.written.is_none() {
                        // It may still be on its way. What is kept tells that it is ours when it comes (`sync`).
                        return Ok(());
                    }
                }
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

    /// Removes what stands of it in the calendar; whether anything may have.
    async fn remove_event(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<bool, Error> {
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
        Ok(!events.is_empty())
    }

    /// Writes an event that is not there yet, or of which nobody knows whether it is: then it stands within `around`.
    pub(super) async fn write(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        first_name: i64,
        around: TimeRange,
    ) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        for naming in first_name..first_name + NAMES_MAX {
            let planned = Written {
                appointment: appointment.id.clone(),
                calendar: calendar.id.clone(),
                naming,
                event: None,
                etag: None,
                time: around,
                written: None,
                content: Some(text::digest(&self.draft(tenant, case, calendar, naming))),
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
    pub(super) async fn rewrite(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        written: &Written,
    ) -> Result<Done, Error> {
        let appointment = &case.appointment.item;
        let Some(event) = &written.event else {
            return Box::pin(self.write(tenant, case, calendar, written.naming, appointment.time)).await;
        };
        let (draft, began) = (&self.draft(tenant, case, calendar, written.naming), self.parts.clock.now());
        let planned = &Written { content: Some(text::digest(draft)), ..written.clone() };
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
                    return self.written(tenant, case, calendar, planned, changed, Some(began)).await;
                }
                Err(Trouble::Vendor(calendars::Error::Stale)) => {
                    let Some(standing) = self.event(tenant, calendar, event).await? else {
                        self.note_clash(tenant, case, calendar, Some(event), ClashKind::MovedTwice).await?;
                        return Box::pin(self.write(
                            tenant,
                            case,
                            calendar,
                            written.naming + 1,
                            appointment.time,
                        ))
                        .await;
                    };
                    moved_there = standing.time != written.time && standing.time != appointment.time;
                    if moved_there && written.time == appointment.time {
                        // Only what it says was to be changed: what somebody has done with it comes first.
                        return Ok(Done::Changed);
                    }
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
                    return Box::pin(self.write(
                        tenant,
                        case,
                        calendar,
                        written.naming + 1,
                        appointment.time,
                    ))
                    .await;
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
    pub(super) async fn verify(
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

    pub(super) fn draft(
        &self,
        tenant: &TenantId,
        case: &Case,
        calendar: &OutsideCalendar,
        naming: i64,
    ) -> Draft {
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
            coming: case.coming,
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
