//! Asks the calendars themselves, just before a time is promised.
//!
//! What is known of a calendar may be minutes old. Of the one time that is about to be promised, every calendar that
//! keeps others out of it is asked again. What one of them does not say is not free: who asks is told that it is not
//! known.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use tracing::info;

use super::{Calendars, Trouble};
use crate::{
    app::Error,
    calendars::{self, Busy as Said, Unknown},
    domain::{
        availability::{Busy, BusyKind},
        calendar::{CalendarAccess, OutsideCalendar},
        id::{CalendarId, ConnectionId, ResourceId, TenantId},
        time::TimeRange,
    },
};

/// How long a caller waits for calendars to say whether a time is free.
pub const CALL_PATIENCE: Duration = Duration::from_millis(2_500);

/// What calendars have said of a time.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::app) enum Answer {
    /// All that takes it, besides what the ledger knows of.
    Known(Vec<Busy>),
    /// One of them did not say.
    NotSaid,
    /// The vendor has this one no more, or shows it no more.
    Gone(CalendarId),
}

/// A calendar to be asked, and whose time it takes.
struct Asked {
    calendar: OutsideCalendar,
    resources: Vec<ResourceId>,
    /// Whether something of ours stands there at that time: then its events are looked at one by one.
    ours: bool,
}

impl Calendars {
    /// Asks what takes the time of these resources in `range`.
    ///
    /// # Errors
    /// When the database cannot answer. That a calendar does not is no error.
    pub(in crate::app) async fn ask_now(
        &self,
        tenant: &TenantId,
        resources: &[ResourceId],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Answer, Error> {
        let mut by_connection: BTreeMap<ConnectionId, Vec<Asked>> = BTreeMap::new();
        for asked in self.to_be_asked(tenant, resources, range).await? {
            by_connection.entry(asked.calendar.connection.clone()).or_default().push(asked);
        }
        let answers = by_connection
            .iter()
            .map(|(connection, asked)| self.ask_connection(tenant, connection, asked, range, patience));
        let mut taken = Vec::new();
        for answer in join_all(answers).await {
            match answer {
                Ok(Answer::Known(busy)) => taken.extend(busy),
                Ok(other @ (Answer::NotSaid | Answer::Gone(_))) => return Ok(other),
                Err(Trouble::Store(error)) => return Err(error.into()),
                Err(error @ (Trouble::Apart(_) | Trouble::Vendor(_))) => {
                    info!(error = &error as &dyn std::error::Error, "a calendar does not say what is free");
                    return Ok(Answer::NotSaid);
                }
            }
        }
        Ok(Answer::Known(taken))
    }

    async fn to_be_asked(
        &self,
        tenant: &TenantId,
        resources: &[ResourceId],
        range: TimeRange,
    ) -> Result<Vec<Asked>, Error> {
        let mut tx = self.parts.store.read(tenant).await?;
        let mut asked: Vec<Asked> = Vec::new();
        for blocking in tx.outside_events().blocking().await? {
            if !resources.contains(&blocking.resource) {
                continue;
            }
            if let Some(known) = asked.iter_mut().find(|asked| asked.calendar.id == blocking.calendar) {
                known.resources.push(blocking.resource);
                continue;
            }
            let Some(calendar) = tx.calendars().get(&blocking.calendar).await? else { continue };
            let ours = tx.written().any_in(&calendar.id, range).await?;
            asked.push(Asked { ours, calendar, resources: vec![blocking.resource] });
        }
        Ok(asked)
    }

    async fn ask_connection(
        &self,
        tenant: &TenantId,
        connection: &ConnectionId,
        asked: &[Asked],
        range: TimeRange,
        patience: Duration,
    ) -> Result<Answer, Trouble> {
        if asked.iter().any(|asked| !asked.calendar.there) {
            return Ok(Answer::NotSaid);
        }
        let (singly, together): (Vec<&Asked>, Vec<&Asked>) =
            asked.iter().partition(|asked| asked.ours && asked.calendar.access >= CalendarAccess::Read);
        let mut taken = Vec::new();
        if !together.is_empty() {
            let places: Vec<_> = together.iter().map(|asked| &asked.calendar.place).collect();
            let (vendors, places) = (&self.parts.vendors, &places);
            let said = self
                .ask(tenant, connection, patience, |who| async move {
                    vendors.busy(&who, places, range, patience).await
                })
                .await?;
            for (asked, said) in together.iter().zip(said) {
                match said {
                    Said::Known(known) => {
                        taken.extend(known.iter().flat_map(|one| of(asked, one.time, one.status)));
                    }
                    Said::Unknown(Unknown::NotThere) => return Ok(Answer::Gone(asked.calendar.id.clone())),
                    Said::Unknown(Unknown::NotSaid) => return Ok(Answer::NotSaid),
                }
            }
        }
        for asked in singly {
            let (vendors, place) = (&self.parts.vendors, &asked.calendar.place);
            let events = self
                .ask(tenant, connection, patience, |who| async move {
                    vendors.events(&who, place, range, patience).await
                })
                .await;
            let events = match events {
                Err(Trouble::Vendor(calendars::Error::NotThere)) => {
                    return Ok(Answer::Gone(asked.calendar.id.clone()));
                }
                events => events?,
            };
            if !events.complete {
                return Ok(Answer::NotSaid);
            }
            let mut tx = self.parts.store.read(tenant).await?;
            for event in events.events {
                // One of ours whose name nobody has kept is known by its mark.
                let marked = match &event.appointment {
                    Some(marked) => tx.appointments().get(marked).await?.is_some(),
                    None => false,
                };
                if !marked && tx.written().of_event(&asked.calendar.id, &event.id).await?.is_none() {
                    taken.extend(of(asked, event.time, event.status));
                }
            }
        }
        Ok(Answer::Known(taken))
    }
}

/// An event, once for each resource whose time it takes.
fn of(
    asked: &Asked,
    time: TimeRange,
    status: crate::domain::availability::EventStatus,
) -> impl Iterator<Item = Busy> + '_ {
    asked.resources.iter().map(move |resource| Busy {
        time,
        resource: Some(resource.clone()),
        kind: BusyKind::Event { status, calendar: Some(asked.calendar.id.to_string()) },
    })
}
