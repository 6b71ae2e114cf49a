//! What stands before the people of a tenant today: appointments with what they are and for whom, and calls in the air.

use std::collections::BTreeMap;

use super::{
    Error,
    access::Actor,
    appointments::{self, Bound, Wanted},
};
use crate::{
    domain::{
        booking::{Appointment, AppointmentStatus},
        conversation::{CallRecord, CallState},
        id::{ResourceId, ServiceId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    store::{CallFilter, Store},
};

/// Appointments of one day that are shown.
pub const APPOINTMENTS_MAX: u32 = 100;
/// Calls in the air that are shown.
pub const CALLS_MAX: u32 = 50;
/// Services and people that are looked up.
const NAMES_MAX: u32 = 200;
/// How long a call may last before it counts as over, whatever is known of it, in minutes.
const IN_AIR_MINUTES_MAX: i64 = 180;

/// An appointment with the names of what it is.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The appointment.
    pub appointment: Appointment,
    /// What the service is called in the language asked for.
    pub service: String,
    /// With whom or in which room.
    pub resource: String,
    /// For whom, when the asker may see it and somebody is known.
    pub contact: Option<String>,
}

/// Today's appointments in their order, without those that were given back; service names in the language of that code.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn appointments(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    language: &str,
) -> Result<Vec<Dated>, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let day = Bound::Date(zone.wall(now).date());
    let wanted = Wanted { from: Some(day), to: Some(day), ..Wanted::default() };
    drop(tx);
    let found = appointments::list(store, by, &wanted, None, APPOINTMENTS_MAX).await?;
    let mut tx = store.read(by.tenant()).await?;
    let services = tx.services().page(None, NAMES_MAX).await?.items.into_iter().map(|service| {
        let name = service.names.get(language).or_else(|| service.names.values().next()).cloned();
        (service.id, name.unwrap_or(service.key))
    });
    let services: BTreeMap<ServiceId, String> = services.collect();
    let resources = tx.resources().page(None, NAMES_MAX).await?.items.into_iter();
    let resources: BTreeMap<ResourceId, String> = resources.map(|one| (one.id, one.name)).collect();
    let sees_contacts = by.may(Verb::Read, Subject::Contacts);
    let mut dated = vec![];
    for appointment in found.items {
        if appointment.status == AppointmentStatus::Cancelled {
            continue;
        }
        let contact = match appointment.contact.as_ref().filter(|_| sees_contacts) {
            Some(id) => tx.contacts().get(id).await?.map(|contact| contact.name),
            None => None,
        };
        dated.push(Dated {
            service: services.get(&appointment.service).cloned().unwrap_or_default(),
            resource: resources.get(&appointment.resource).cloned().unwrap_or_default(),
            contact,
            appointment,
        });
    }
    dated.sort_by_key(|one| (one.appointment.time.start, one.appointment.id.clone()));
    Ok(dated)
}

/// Calls that ring or are in the air, on whichever server, the latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn in_air(store: &Store, by: &Actor, now: Timestamp) -> Result<Vec<CallRecord>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    let mut all = vec![];
    for state in [CallState::InProgress, CallState::Ringing] {
        let from = Some(now.plus_minutes(-IN_AIR_MINUTES_MAX));
        let filter = CallFilter { from, state: Some(state), ..CallFilter::default() };
        all.extend(tx.calls().page(&filter, None, CALLS_MAX).await?.items);
    }
    all.retain(|call| call.outcome.is_none());
    Ok(all)
}
