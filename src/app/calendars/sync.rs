//! Learns what stands in a calendar outside, and what has changed there.
//!
//! A round tells everything, page by page; after it, only what changes is told. Each page is kept in a transaction of its
//! own, with the mark behind it and the work it sets in motion: an event of ours that was moved or deleted there is
//! settled with its appointment ([`super::settle`]). No more than one page is in memory. What happens in a calendar's
//! events besides their time is not looked at.

use std::{collections::HashMap, time::Duration};

use tracing::{info, warn};

use super::{Calendars, PATIENCE, Trouble};
use crate::{
    app::Error,
    calendars::{self, Changes, Next, Since},
    domain::{
        availability::EventStatus,
        calendar::{
            CalendarAccess, Clash, ClashKind, ConnectionState, EventChange, EventId, OutsideCalendar,
            OutsideEvent,
        },
        id::{AppointmentId, CalendarId, ClashId, JobId, ResourceId, TenantId},
        time::{TimeRange, Timestamp},
    },
    platform::ids,
    store::{self, SyncState, TenantTx, Work, Written},
};

/// How long one job works on pages before it lets others have their turn.
const WORK_TIME: Duration = Duration::from_secs(12);
/// How often a calendar is looked at whose vendor tells of changes; telling is lossy.
const WATCHED_MINUTES: i64 = 10;
/// How often another calendar is looked at.
const UNWATCHED_MINUTES: i64 = 1;
/// How far back is looked, in minutes.
const BACK_MINUTES: i64 = 24 * 60;
/// How far ahead is looked at least, and at most, in days; in between, as far as services may be booked.
const AHEAD_DAYS: (i64, i64) = (60, 740);
/// How much further than must be known a round reaches, in days: the next round is due when that is used up.
const SPARE_DAYS: i64 = 30;
/// How much of a calendar of which only free and busy is known is asked for at once, in days.
const BUSY_DAYS: i64 = 60;
/// Events that may still be on their way into one calendar, and are looked out for.
const ON_THE_WAY_MAX: u32 = 200;
/// Clashes of one calendar that are told.
const CLASHES_MAX: u32 = 500;
/// A day, in minutes.
const DAY_MINUTES: i64 = 24 * 60;

/// What is left to do.
enum Left {
    Nothing,
    More,
}

impl Calendars {
    /// Brings what is known of a calendar up to date.
    ///
    /// # Errors
    /// [`Error::Later`] when there is more to learn, or the vendor wants to be left alone; [`Error::Unavailable`].
    pub async fn sync(&self, tenant: &TenantId, id: &CalendarId) -> Result<(), Error> {
        let watch = self.parts.clock.stopwatch();
        loop {
            let Some((calendar, state)) = self.next_page(tenant, id).await? else { return Ok(()) };
            match self.page(tenant, &calendar, &state).await {
                Ok(Left::Nothing) => return Ok(()),
                Ok(Left::More) if watch.elapsed() >= WORK_TIME => {
                    return Err(Error::Later { wait: Duration::ZERO, why: "there is more to learn" });
                }
                Ok(Left::More) => {}
                Err(Trouble::Vendor(calendars::Error::BeginAnew)) => {
                    info!(calendar.id = %id, "a calendar is learnt anew");
                    let now = self.parts.clock.now();
                    let mut tx = self.parts.store.begin(tenant).await?;
                    let window = window(&mut tx, now).await?;
                    tx.outside_events().begin_round(id, window).await?;
                    tx.commit().await?;
                }
                Err(Trouble::Vendor(error @ (calendars::Error::NotThere | calendars::Error::Forbidden))) => {
                    warn!(calendar.id = %id, error = &error as &dyn std::error::Error, "a calendar is gone");
                    return self.vanished(tenant, id).await;
                }
                Err(error) => return Err(error.waiting()),
            }
        }
    }

    /// The calendar and where its next page begins; `None` when it is not to be looked at.
    async fn next_page(
        &self,
        tenant: &TenantId,
        id: &CalendarId,
    ) -> Result<Option<(OutsideCalendar, SyncState)>, Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        let Some(calendar) = tx.calendars().get(id).await?.filter(|calendar| calendar.there) else {
            return Ok(None);
        };
        let connection = tx.connections().get(&calendar.connection).await?;
        if connection.is_none_or(|connection| connection.state != ConnectionState::Connected) {
            // Whoever connects it again has it looked at.
            return Ok(None);
        }
        let Some(mut state) = tx.outside_events().state(id).await? else { return Ok(None) };
        let needed = needed(&mut tx, now).await?;
        let done = state.round_done == state.round;
        // A calendar of which only free and busy is known tells everything each time.
        let begin = match calendar.access {
            CalendarAccess::FreeBusy => done,
            CalendarAccess::Read | CalendarAccess::Write => state.reaches.end < needed,
        };
        if begin || state.round == 0 {
            let window = window(&mut tx, now).await?;
            tx.outside_events().begin_round(id, window).await?;
            state = tx.outside_events().state(id).await?.unwrap_or(state);
        }
        tx.commit().await?;
        Ok(Some((calendar, state)))
    }

    async fn page(
        &self,
        tenant: &TenantId,
        calendar: &OutsideCalendar,
        state: &SyncState,
    ) -> Result<Left, Trouble> {
        let changes = match calendar.access {
            CalendarAccess::FreeBusy => self.busy_page(tenant, calendar, state).await?,
            CalendarAccess::Read | CalendarAccess::Write => {
                let since = &Since { window: state.reaches, mark: state.mark.clone() };
                let (vendors, place) = (&self.parts.vendors, &calendar.place);
                self.ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                    vendors.changes(&who, place, since, PATIENCE).await
                })
                .await?
            }
        };
        self.keep_page(tenant, calendar, state, changes).await
    }

    /// A page of a calendar of which only free and busy is known: what takes time in the next weeks of the round.
    async fn busy_page(
        &self,
        tenant: &TenantId,
        calendar: &OutsideCalendar,
        state: &SyncState,
    ) -> Result<Changes, Trouble> {
        let from = state.mark.as_ref().and_then(|mark| mark.parse().ok().map(Timestamp));
        let from = from.unwrap_or(state.reaches.start).max(state.reaches.start);
        let end = from.plus_minutes(BUSY_DAYS * DAY_MINUTES).min(state.reaches.end);
        let range = TimeRange { start: from, end };
        let (vendors, place) = (&self.parts.vendors, &calendar.place);
        let said = self
            .ask(tenant, &calendar.connection, PATIENCE, |who| async move {
                vendors.busy(&who, &[place], range, PATIENCE).await
            })
            .await?;
        let known = match said.into_iter().next() {
            Some(calendars::Busy::Known(known)) => known,
            Some(calendars::Busy::Unknown(calendars::Unknown::NotThere)) => {
                return Err(Trouble::Vendor(calendars::Error::NotThere));
            }
            Some(calendars::Busy::Unknown(calendars::Unknown::NotSaid)) | None => {
                return Err(Trouble::Vendor(calendars::Error::Garbled("it does not say what takes time")));
            }
        };
        let changes = known
            .into_iter()
            .map(|taken| {
                let id = format!("{}/{}/{}", taken.time.start.0, taken.time.end.0, taken.status.as_str());
                EventChange::Is(OutsideEvent {
                    id: EventId(id),
                    time: taken.time,
                    status: taken.status,
                    etag: None,
                    made: None,
                    appointment: None,
                })
            })
            .collect();
        let next =
            if end < state.reaches.end { Next::More(end.0.to_string()) } else { Next::Later(String::new()) };
        Ok(Changes { changes, next })
    }

    /// Keeps a page, and asks for what it sets in motion.
    async fn keep_page(
        &self,
        tenant: &TenantId,
        calendar: &OutsideCalendar,
        state: &SyncState,
        page: Changes,
    ) -> Result<Left, Trouble> {
        let now = self.parts.clock.now();
        let (mark, over) = match &page.next {
            Next::More(mark) => (mark, false),
            Next::Later(mark) => (mark, true),
        };
        let first_end = over && state.round_done < state.round;
        let mut tx = self.parts.store.begin(tenant).await?;
        let (mut unsettled, mut clashes) = (Vec::<AppointmentId>::new(), Vec::new());
        let given_up = given_up(&mut tx, &calendar.id).await?;
        for change in &page.changes {
            let (event, time) = match change {
                EventChange::Is(event) => (&event.id, Some(event.time)),
                EventChange::Gone(id) => (id, None),
            };
            if let Some(ours) = tx.written().of_event(&calendar.id, event).await?
                && ours.written.is_some()
                && time != Some(ours.time)
            {
                unsettled.push(ours.appointment);
            }
            if let EventChange::Is(event) = change {
                // Whether it is one of them is found out where they are taken back: not every vendor tells marks here.
                let its = given_up.iter().filter(|one| one.time.overlaps(event.time));
                unsettled.extend(its.map(|one| one.appointment.clone()));
            }
            match change {
                EventChange::Is(event) if event.status == EventStatus::Cancelled => {
                    tx.outside_events().forget(&calendar.id, &event.id).await?;
                }
                EventChange::Is(event) => {
                    tx.outside_events().keep(&calendar.id, state.round, event).await?;
                }
                EventChange::Gone(id) => tx.outside_events().forget(&calendar.id, id).await?,
            }
        }
        if first_end {
            if calendar.access > CalendarAccess::FreeBusy {
                let untold =
                    tx.outside_events().ours_untold(&calendar.id, state.round, state.reaches).await?;
                unsettled.extend(untold);
            }
            tx.outside_events().forget_untold(&calendar.id, state.round).await?;
        }
        if !tx.outside_events().advance(&calendar.id, state.round, mark, over, now).await? {
            // Somebody has begun another round meanwhile; theirs counts.
            return Ok(Left::More);
        }
        unsettled.sort();
        unsettled.dedup();
        for appointment in unsettled {
            let job = JobId::of(ids::fresh(now));
            tx.jobs().add(&job, &Work::SettleAppointment { appointment }, now).await?;
        }
        if over {
            let watched = state.watch.as_ref().is_some_and(|watch| watch.until > now);
            let minutes = if watched { WATCHED_MINUTES } else { UNWATCHED_MINUTES };
            tx.outside_events().look_at(&calendar.id, now.plus_minutes(minutes)).await?;
            clashes = note_clashes(&mut tx, &calendar.id, now).await?;
            for clash in &clashes {
                self.tell_clash(&mut tx, clash, now).await.map_err(broken)?;
            }
        }
        tx.commit().await?;
        for clash in &clashes {
            self.parts.news.clash(tenant, clash);
        }
        Ok(if over { Left::Nothing } else { Left::More })
    }

    /// Notes that a calendar's vendor does not have it, or does not show it, and tells who can do something about it.
    pub(super) async fn vanished(&self, tenant: &TenantId, id: &CalendarId) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let mut tx = self.parts.store.begin(tenant).await?;
        let Some(calendar) = tx.calendars().get(id).await?.filter(|calendar| calendar.there) else {
            return Ok(());
        };
        tx.outside_events().vanished(id).await?;
        self.tell_vanished(&mut tx, &calendar, now).await?;
        Ok(tx.commit().await?)
    }
}

/// What may still be on its way into a calendar although its appointment is promised no more, or elsewhere: somebody gave
/// up waiting for it, and found nothing to take back.
async fn given_up(tx: &mut TenantTx, calendar: &CalendarId) -> Result<Vec<Written>, Trouble> {
    let mut given_up = tx.written().on_the_way(calendar, ON_THE_WAY_MAX).await?;
    if given_up.is_empty() {
        return Ok(given_up);
    }
    let targets = tx.outside_events().targets().await?;
    let targets: Vec<ResourceId> =
        targets.into_iter().filter(|(_, target)| target == calendar).map(|(resource, _)| resource).collect();
    for at in (0..given_up.len()).rev() {
        let standing = tx.appointments().get(&given_up[at].appointment).await?;
        if standing.filter(|it| it.status.promised()).is_some_and(|it| {
            std::iter::once(&it.resource).chain(&it.together).any(|resource| targets.contains(resource))
        }) {
            // It belongs here, and somebody is about to keep that it was written.
            given_up.swap_remove(at);
        }
    }
    Ok(given_up)
}

/// Notes which foreign events have come over appointments, and which have gone again; those that are to be told of.
async fn note_clashes(
    tx: &mut TenantTx,
    calendar: &CalendarId,
    now: Timestamp,
) -> Result<Vec<Clash>, Trouble> {
    let what = ClashKind::EventOverAppointment;
    let over = tx.outside_events().over_appointments(calendar, now, CLASHES_MAX).await?;
    let mut blocking = HashMap::new();
    let mut standing = Vec::new();
    for over in over {
        if !blocking.contains_key(&over.service) {
            let service = tx.services().get(&over.service).await?;
            blocking.insert(over.service.clone(), service.map(|service| service.blocking));
        }
        let blocks = blocking.get(&over.service).and_then(Option::as_ref);
        if blocks.is_some_and(|statuses| statuses.contains(&over.status)) {
            standing.push((over.appointment, over.event));
        }
    }
    for open in tx.clashes().open_in(calendar, what).await? {
        let still = open.event.as_ref().is_some_and(|event| {
            standing.iter().any(|(appointment, other)| *appointment == open.appointment && other == event)
        });
        if !still {
            tx.clashes().settle(&open, now).await?;
        }
    }
    let mut found = Vec::new();
    for (appointment, event) in standing {
        let clash = Clash {
            id: ClashId::of(ids::fresh(now)),
            appointment,
            calendar: Some(calendar.clone()),
            event: Some(event),
            what,
            found: now,
            settled: None,
        };
        if tx.clashes().add(&clash).await? {
            warn!(calendar.id = %calendar, "an event has come over an appointment");
            found.push(clash);
        }
    }
    Ok(found)
}

/// Whoever could not be told is told when the page is learnt again.
fn broken(error: Error) -> Trouble {
    warn!(error = &error as &dyn std::error::Error, "nobody could be told of a clash");
    Trouble::Store(store::Error::Busy(None))
}

/// Until when calendars must be known.
async fn needed(tx: &mut TenantTx, now: Timestamp) -> Result<Timestamp, Error> {
    let services = tx.services().all().await?;
    let furthest = services.iter().map(|service| i64::from(service.horizon_days)).max().unwrap_or(0);
    let (least, most) = AHEAD_DAYS;
    Ok(now.plus_minutes((furthest + 2).clamp(least, most) * DAY_MINUTES))
}

/// The time a round that begins is about.
async fn window(tx: &mut TenantTx, now: Timestamp) -> Result<TimeRange, Error> {
    let end = needed(tx, now).await?.plus_minutes(SPARE_DAYS * DAY_MINUTES);
    Ok(TimeRange { start: now.plus_minutes(-BACK_MINUTES), end })
}
