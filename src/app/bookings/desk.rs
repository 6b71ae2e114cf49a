//! Everything that decides about one service's times, gathered.

use jiff::civil;

use super::{MONTH_MINUTES, Wish, around, utc_midnight};
use crate::{
    app::Error,
    domain::{
        availability::{self, Availability, Busy, Rules},
        booking::{Appointment, Resource, Selection, Service},
        id::{AppointmentId, ResourceId, ServiceId, TenantId},
        time::{TimeRange, Timestamp, Zone},
    },
    platform::ids,
    store::{Store, TenantTx},
};

/// Everything that decides about one service's times, as the database has it.
pub(in crate::app) struct Desk {
    zone: Zone,
    service: Service,
    resources: Vec<Resource>,
    busy: Vec<Busy>,
    /// The appointments and holds among them, as they stand.
    standing: Vec<Appointment>,
}

impl Desk {
    /// What decides about the times of some local dates. To be read only: nothing keeps it from changing.
    pub(in crate::app) async fn of_dates(
        store: &Store,
        tenant: &TenantId,
        service: &ServiceId,
        (from, to): (civil::Date, civil::Date),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let range = around(TimeRange { start: utc_midnight(from), end: utc_midnight(to) });
        Self::open(&mut store.read(tenant).await?, service, range, now, Vec::new()).await
    }

    /// The same for the times around a span.
    pub(in crate::app) async fn of_span(
        store: &Store,
        tenant: &TenantId,
        service: &ServiceId,
        span: TimeRange,
        now: Timestamp,
    ) -> Result<Self, Error> {
        Self::open(&mut store.read(tenant).await?, service, around(span), now, Vec::new()).await
    }

    /// Who else could have an appointment at the time it has. None where it takes several together.
    pub(in crate::app) fn instead_of(&self, standing: &Appointment, now: Timestamp) -> Vec<ResourceId> {
        if self.together() {
            return Vec::new();
        }
        let as_of = promised_since(&self.service, standing.time.start, now);
        let free = self.ask(as_of, standing.seats, std::slice::from_ref(&standing.id));
        let slot = free.check(standing.time.start, None);
        let others = slot.map(|slot| slot.resources).unwrap_or_default();
        others.into_iter().filter(|other| *other != standing.resource).collect()
    }

    /// `said` is what calendars outside have just said, besides what is known of them.
    pub(super) async fn open(
        tx: &mut TenantTx,
        service: &ServiceId,
        range: TimeRange,
        now: Timestamp,
        said: Vec<Busy>,
    ) -> Result<Self, Error> {
        let service = tx.services().get(service).await?.ok_or(Error::NotFound("service"))?;
        let further = if service.per_month_max.is_some() { MONTH_MINUTES } else { 0 };
        let range =
            TimeRange { start: range.start.plus_minutes(-further), end: range.end.plus_minutes(further) };
        let standing = tx.appointments().busy(range, now).await?;
        let resources = tx.resources().of_service(&service.id).await?;
        let mut busy = said;
        let whose: Vec<ResourceId> = resources.iter().map(|resource| resource.id.clone()).collect();
        busy.extend(tx.outside_events().busy(&whose, range).await?);
        busy.extend(standing.iter().flat_map(Busy::of));
        Ok(Self {
            zone: tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone,
            resources,
            service,
            busy,
            standing,
        })
    }

    pub(in crate::app) fn ask(
        &self,
        now: Timestamp,
        seats: u32,
        ignoring: &[AppointmentId],
    ) -> Availability<'_> {
        let (service, resources) = (&self.service, &self.resources);
        let rules = Rules { zone: &self.zone, service, resources, seats, loads: None };
        Availability::new(rules, &self.busy, now, ignoring)
    }

    /// What is booked.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Whether it takes all its resources together.
    pub(super) fn together(&self) -> bool {
        self.service.selection == Selection::All
    }

    /// Where the wish would take place, with the best resource that is free.
    pub(super) fn check(
        &self,
        now: Timestamp,
        wish: &Wish,
        ignoring: &[AppointmentId],
    ) -> Result<Place, Error> {
        let slot = self.ask(now, wish.seats, ignoring).check(wish.start, wish.resource.as_ref())?;
        let mut resources = slot.resources.into_iter();
        let resource = resources.next().ok_or(Error::Taken)?;
        let together = self.service.selection == Selection::All;
        Ok(Place {
            session: self.session(wish.start, &resource, now, ignoring),
            resource,
            together: if together { resources.collect() } else { Vec::new() },
            time: slot.time,
            blocked: availability::blocked(&self.service, wish.start),
        })
    }

    /// The session of this service that starts then with that resource, or a fresh one. A session is never taken
    /// along by who leaves it: its name stays with those who stay.
    fn session(
        &self,
        start: Timestamp,
        resource: &ResourceId,
        now: Timestamp,
        ignoring: &[AppointmentId],
    ) -> String {
        let running = self.standing.iter().find(|other| {
            self.service.capacity > 1
                && other.service == self.service.id
                && other.time.start == start
                && (other.resource == *resource || other.together.contains(resource))
                && !ignoring.contains(&other.id)
        });
        match running {
            Some(other) => other.session.clone().unwrap_or_else(|| other.id.to_string()),
            None => ids::fresh(now).simple().to_string(),
        }
    }
}

/// As of when an appointment is judged that stays at its time and only changes hands: the notice it was booked with is
/// met, however close the time has come.
pub(super) fn promised_since(service: &Service, start: Timestamp, now: Timestamp) -> Timestamp {
    now.min(start.plus_minutes(-i64::from(service.notice_min)))
}

/// A free place in the ledger.
pub(super) struct Place {
    pub resource: ResourceId,
    pub together: Vec<ResourceId>,
    pub session: String,
    pub time: TimeRange,
    pub blocked: TimeRange,
}
