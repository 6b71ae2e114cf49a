//! What stands in a span of time, as staff see it on one page: appointments and holds, what calendars outside say, and
//! who and what it is all about.
//!
//! Reads and decides nothing. Names of contacts are there for who may see contacts; of other calendars' events nothing is
//! known but when they are.

use std::collections::BTreeMap;

use super::{Error, access::Actor};
use crate::{
    domain::{
        availability::Busy,
        booking::{Appointment, Resource, Service},
        id::{AppointmentId, CalendarId, ContactId},
        people::{Subject, Verb},
        revision::Revision,
        time::{TimeRange, Timestamp},
    },
    store::Store,
};

/// What stands in a span of time.
#[derive(Clone, Debug)]
pub struct Diary {
    /// Appointments and live holds that take place in it, in order of their start.
    pub appointments: Vec<Appointment>,
    /// Which state of each this is.
    pub revisions: BTreeMap<AppointmentId, Revision>,
    /// What stands in calendars that keep others out.
    pub events: Vec<Busy>,
    /// Everybody and everything that can be booked with, by name.
    pub resources: Vec<Resource>,
    /// What can be booked.
    pub services: Vec<Service>,
    /// The names of those the appointments are with.
    pub contacts: BTreeMap<ContactId, String>,
    /// The names of the calendars.
    pub calendars: BTreeMap<CalendarId, String>,
}

impl Diary {
    /// What the service is called in that language, or in another one.
    pub fn service(&self, of: &Appointment, language: &str) -> &str {
        let service = self.services.iter().find(|service| service.id == of.service);
        let names = service.map(|service| &service.names);
        names
            .and_then(|names| names.get(language).or_else(|| names.values().next()))
            .map_or("", String::as_str)
    }
}

/// What stands in a span of time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn look(store: &Store, by: &Actor, now: Timestamp, span: TimeRange) -> Result<Diary, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    let mut appointments = tx.appointments().busy(span, now).await?;
    appointments.retain(|one| one.time.overlaps(span));
    let resources = tx.resources().all().await?;
    let ids: Vec<_> = resources.iter().map(|resource| resource.id.clone()).collect();
    let mut events = tx.outside_events().busy(&ids, span).await?;
    events.retain(|event| event.time.overlaps(span));
    let contacts = match by.may(Verb::Read, Subject::Contacts) {
        true => tx.contacts().booked_in(span).await?,
        false => BTreeMap::new(),
    };
    let calendars = match by.may(Verb::Read, Subject::Calendars) {
        true => tx.calendars().all().await?.into_iter().map(|one| (one.id, one.name)).collect(),
        false => BTreeMap::new(),
    };
    Ok(Diary {
        appointments,
        revisions: tx.appointments().revisions_in(span).await?,
        events,
        resources,
        services: tx.services().all().await?,
        contacts,
        calendars,
    })
}
