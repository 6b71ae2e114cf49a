//! Which times are free, and why the others are not: of a service that is kept, or of rules somebody tries out.
//!
//! Both ask the one function that decides, [`domain::availability`](crate::domain::availability). [`preview`] is the
//! engine's own front door: it is handed everything it needs and stores nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan, civil};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{Error, access::Actor, bookings::Desk, services::RESOURCES_MAX};
use crate::{
    domain::{
        availability::{
            Availability, Busy, BusyKind, EventStatus, LocalTime, Refusal, Rules, Slot, Why, local_time,
        },
        booking::{Resource, Schedule, Selection, Service},
        id::{AppointmentId, CalendarId, ClosureId, NotAnId, ResourceId, ServiceId},
        people::{Subject, Verb},
        time::{TimeRange, Timestamp, Zone},
    },
    store::Store,
};

/// Things that take time, in one preview.
pub const BUSY_MAX: usize = 5_000;
/// Local dates one preview can ask about.
pub const PREVIEW_DAYS_MAX: i64 = 366;
/// Local dates of a service that can be asked about at once.
pub const DAYS_MAX: i64 = 62;
/// Starts that are looked at in one answer, counted once for each resource.
pub const STARTS_MAX: i64 = 2_000_000;
/// Slots in one answer.
pub const SLOTS_MAX: usize = 20_000;
/// Longest duration, interval or buffer of a preview, in minutes.
pub const PREVIEW_MINUTES_MAX: u32 = 7 * 24 * 60;
/// Answers that are worked out at once; who comes later waits. They take a core each, beside the calls.
pub const AT_ONCE_MAX: usize = 2;
/// Minutes of a date, at most.
const DATE_MIN: i64 = 25 * 60;

static AT_ONCE: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// Works something out that may take a while, away from the threads that carry sound.
///
/// # Errors
/// What `work` says; [`Error::Internal`] when it broke.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let turn = AT_ONCE.acquire().await.map_err(|error| Error::Internal(error.into()))?;
    // The turn lasts until it is done, whoever still waits for it.
    let done = spawn_blocking(move || {
        let _held = turn;
        work()
    });
    done.await.map_err(|error| Error::Internal(error.into()))?
}

/// Rules, what is taken, and a question about them. Things go by the names the asker gave them.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Where the clocks hang.
    pub zone: Zone,
    /// What time it is taken to be.
    pub now: Timestamp,
    /// The rules.
    pub rules: PreviewRules,
    /// Who or what there is; without any there is one, unnamed, whom everything that is taken concerns.
    pub resources: Vec<Candidate>,
    /// What is taken, in any order.
    pub busy: Vec<Taken>,
    /// What is asked.
    pub question: Question,
}

/// The rules of a service that need not be kept anywhere.
#[derive(Clone, Debug)]
pub struct PreviewRules {
    /// How long it takes, in minutes.
    pub duration_min: u32,
    /// Distance between two offered starts, in minutes.
    pub interval_min: u32,
    /// Shift of the grid from a window's start, in minutes.
    pub grid_offset_min: u32,
    /// When it is open.
    pub schedule: Schedule,
    /// Time kept free before it, in minutes.
    pub buffer_before_min: u32,
    /// Time kept free after it, in minutes.
    pub buffer_after_min: u32,
    /// Elapsed time a booking must lie ahead, in minutes.
    pub notice_min: u32,
    /// How many local dates ahead may be booked; as far as anybody asks when it is not said.
    pub horizon_days: Option<u32>,
    /// Appointments per local day.
    pub per_day_max: Option<u32>,
    /// Appointments per ISO week.
    pub per_week_max: Option<u32>,
    /// Appointments per calendar month.
    pub per_month_max: Option<u32>,
    /// Minutes of appointments per local day.
    pub minutes_per_day_max: Option<u32>,
    /// Seats of one session.
    pub capacity: u32,
    /// Elapsed time before the start after which a caller may no longer cancel, in minutes.
    pub cancel_cutoff_min: u32,
    /// Which events block.
    pub blocking: BTreeSet<EventStatus>,
    /// Whose events are looked at; everybody's when none are named.
    pub conflict_calendars: Option<BTreeSet<String>>,
    /// Which of the resources an appointment is with.
    pub selection: Selection,
}

/// Somebody or something that may be booked with.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is called.
    pub key: String,
    /// What it does; everything when it is not said.
    pub services: Option<BTreeSet<String>>,
    /// How much it has to do.
    pub load: u32,
    /// When it is open.
    pub schedule: Schedule,
}

/// Something that takes time.
#[derive(Clone, Debug)]
pub struct Taken {
    /// When.
    pub time: TimeRange,
    /// Whose; everybody's when none is named.
    pub resource: Option<String>,
    /// What it is.
    pub kind: TakenKind,
}

/// What takes time.
#[derive(Clone, Debug)]
pub enum TakenKind {
    /// An appointment or a hold.
    Promise {
        /// Of which service; of the one that is asked about when none is named.
        service: Option<String>,
        /// Its buffer before, in minutes.
        buffer_before_min: u32,
        /// Its buffer after, in minutes.
        buffer_after_min: u32,
        /// How many seats.
        seats: u32,
        /// Whether it is only held, and until when.
        held_until: Option<Timestamp>,
    },
    /// An event of another calendar.
    Event {
        /// What its calendar says of the time.
        status: EventStatus,
        /// Which calendar.
        calendar: Option<String>,
    },
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// The free times of some local dates.
    Slots {
        /// The first.
        from: civil::Date,
        /// The last.
        to: civil::Date,
        /// With whom.
        resource: Option<String>,
        /// Of which service.
        service: Option<String>,
        /// For how many.
        seats: u32,
    },
    /// Whether one time may be booked.
    CanBook {
        /// Which.
        start: Start,
        /// With whom.
        resource: Option<String>,
        /// Of which service.
        service: Option<String>,
        /// For how many.
        seats: u32,
    },
    /// What a wall time means.
    Resolve(civil::DateTime),
}

/// When something would start.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// At that instant.
    At(Timestamp),
    /// When the clock on the wall shows that; the first of the two, if it comes twice.
    Wall(civil::DateTime),
}

/// A free time with the names of the resources that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// When.
    pub time: TimeRange,
    /// With whom, best first; nobody where the one there is has no name.
    pub resources: Vec<String>,
}

/// What a preview answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The free times.
    Slots(Vec<Offer>),
    /// Whether it may be booked.
    Verdict(Result<Offer, Refusal>),
    /// What the wall time means.
    Time(LocalTime),
}

/// What the rules mean for what is asked. Stores nothing and reads nothing.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] where a limit is passed, or a resource is there twice.
pub fn preview(by: &Actor, asked: &Preview) -> Result<Answer, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    check(asked)?;
    let (service_name, resource, seats) = match &asked.question {
        Question::Resolve(wall) => return Ok(Answer::Time(local_time(*wall, &asked.zone))),
        Question::Slots { service, resource, seats, .. }
        | Question::CanBook { service, resource, seats, .. } => {
            (service.as_deref(), resource.as_deref(), *seats)
        }
    };
    let cast = Cast::of(asked, service_name).map_err(|error| Error::Internal(error.into()))?;
    let rules = Rules {
        zone: &asked.zone,
        service: &cast.service,
        resources: &cast.resources,
        seats,
        loads: Some(&cast.loads),
    };
    let engine = Availability::new(rules, &cast.busy, asked.now, &[]);
    let with = resource.map(|key| cast.id(key));
    Ok(match &asked.question {
        Question::Slots { from, to, .. } => {
            let slots: Vec<Offer> =
                engine.slots(*from, *to, with).take(SLOTS_MAX + 1).map(|slot| cast.offer(&slot)).collect();
            if slots.len() > SLOTS_MAX {
                return Err(too_many_slots("/query/to"));
            }
            Answer::Slots(slots)
        }
        Question::CanBook { start, .. } => {
            let verdict = match start {
                Start::At(start) => engine.check(*start, with),
                Start::Wall(wall) => engine.check_wall(*wall, with),
            };
            Answer::Verdict(verdict.map(|slot| cast.offer(&slot)))
        }
        Question::Resolve(wall) => Answer::Time(local_time(*wall, &asked.zone)),
    })
}

fn too_many_slots(pointer: &str) -> Error {
    Error::invalid(pointer, format!("there are more than {SLOTS_MAX} slots; ask about fewer dates"))
}

fn check(asked: &Preview) -> Result<(), Error> {
    let most = |count: usize, max: usize, pointer: &str| {
        if count <= max { Ok(()) } else { Err(Error::invalid(pointer, format!("must be at most {max}"))) }
    };
    most(asked.busy.len(), BUSY_MAX, "/busy")?;
    most(asked.resources.len(), RESOURCES_MAX, "/resources")?;
    let mut known = BTreeSet::new();
    for (at, candidate) in asked.resources.iter().enumerate() {
        if !known.insert(&candidate.key) {
            return Err(Error::invalid(format!("/resources/{at}/key"), "is there twice"));
        }
    }
    if let Question::Slots { from, to, .. } = asked.question {
        within(from, to, PREVIEW_DAYS_MAX, "/query/to")?;
        let interval = i64::from(asked.rules.interval_min.max(1));
        let days = i64::from((to - from).get_days()) + 1;
        let resources = i64::try_from(asked.resources.len().max(1)).unwrap_or(i64::MAX);
        if days.saturating_mul(resources).saturating_mul(DATE_MIN / interval + 1) > STARTS_MAX {
            let told = "asks about more than {} starts; ask about fewer dates or resources";
            return Err(Error::invalid("/query/to", told.replace("{}", &STARTS_MAX.to_string())));
        }
    }
    Ok(())
}

/// Goes on if `from` to `to` are dates in order and not too many.
fn within(from: civil::Date, to: civil::Date, days_max: i64, pointer: &str) -> Result<(), Error> {
    if to < from {
        return Err(Error::invalid(pointer, "lies before `from`"));
    }
    if to > from.saturating_add((days_max - 1).days()) {
        return Err(Error::invalid(pointer, format!("must be at most {days_max} dates, the first included")));
    }
    Ok(())
}

/// The asker's names, cast as what the engine knows.
struct Cast {
    service: Service,
    resources: Vec<Resource>,
    loads: BTreeMap<ResourceId, u32>,
    busy: Vec<Busy>,
    /// Names by id; none where the one there is has no name.
    names: BTreeMap<ResourceId, String>,
    ids: BTreeMap<String, ResourceId>,
    /// Whom nobody here is.
    nobody: ResourceId,
}

impl Cast {
    fn of(asked: &Preview, service_name: Option<&str>) -> Result<Self, NotAnId> {
        let nobody: ResourceId = "res_nobody".parse()?;
        let unnamed: ResourceId = "res_unnamed".parse()?;
        // Ids in the order of the keys, so that the engine's order is the asker's.
        let keys: BTreeSet<&String> = asked.resources.iter().map(|candidate| &candidate.key).collect();
        let mut ids = BTreeMap::new();
        for (rank, key) in keys.into_iter().enumerate() {
            ids.insert(key.clone(), format!("res_{rank:08}").parse::<ResourceId>()?);
        }
        let (mut resources, mut loads, mut qualified) = (Vec::new(), BTreeMap::new(), Vec::new());
        let resource = |id: &ResourceId, schedule: &Schedule| Resource {
            id: id.clone(),
            name: String::new(),
            schedule: schedule.clone(),
            active: true,
        };
        for candidate in &asked.resources {
            let id = ids.get(&candidate.key).unwrap_or(&nobody);
            resources.push(resource(id, &candidate.schedule));
            loads.insert(id.clone(), candidate.load);
            let does = |name: &str| candidate.services.as_ref().is_none_or(|all| all.contains(name));
            if service_name.is_none_or(does) {
                qualified.push(id.clone());
            }
        }
        if asked.resources.is_empty() {
            resources.push(resource(&unnamed, &asked.rules.schedule));
            qualified.push(unnamed);
        }
        let service = service(&asked.rules, "svc_asked".parse()?, qualified);
        let mut cast = Self {
            resources,
            loads,
            busy: Vec::with_capacity(asked.busy.len()),
            names: ids.iter().map(|(key, id)| (id.clone(), key.clone())).collect(),
            ids,
            nobody,
            service,
        };
        let other: ServiceId = "svc_other".parse()?;
        for (n, taken) in asked.busy.iter().enumerate() {
            let id = format!("apt_{n}").parse()?;
            let busy = cast.busy(taken, id, service_name, &other);
            cast.busy.push(busy);
        }
        Ok(cast)
    }

    fn busy(&self, taken: &Taken, id: AppointmentId, asked: Option<&str>, other: &ServiceId) -> Busy {
        // Where there is only one, whatever takes time takes its time.
        let resource = taken.resource.as_deref().filter(|_| !self.ids.is_empty());
        let kind = match &taken.kind {
            TakenKind::Event { status, calendar } => {
                BusyKind::Event { status: *status, calendar: calendar.clone() }
            }
            TakenKind::Promise { service, buffer_before_min, buffer_after_min, seats, held_until } => {
                let same = service.as_deref().is_none_or(|own| asked.is_none_or(|asked| asked == own));
                let service = if same { self.service.id.clone() } else { other.clone() };
                let blocked = TimeRange {
                    start: taken.time.start.plus_minutes(-i64::from(*buffer_before_min)),
                    end: taken.time.end.plus_minutes(i64::from(*buffer_after_min)),
                };
                match held_until {
                    Some(expires) => {
                        BusyKind::Hold { id, service, blocked, seats: *seats, expires: *expires }
                    }
                    None => BusyKind::Appointment { id, service, blocked, seats: *seats },
                }
            }
        };
        Busy { time: taken.time, resource: resource.map(|key| self.id(key).clone()), kind }
    }

    /// The resource of that name, or one that nobody is.
    fn id(&self, key: &str) -> &ResourceId {
        self.ids.get(key).unwrap_or(&self.nobody)
    }

    fn offer(&self, slot: &Slot) -> Offer {
        let resources = slot.resources.iter().filter_map(|id| self.names.get(id)).cloned().collect();
        Offer { time: slot.time, resources }
    }
}

fn service(rules: &PreviewRules, id: ServiceId, resources: Vec<ResourceId>) -> Service {
    Service {
        id,
        key: String::new(),
        names: BTreeMap::new(),
        duration_min: rules.duration_min,
        interval_min: rules.interval_min,
        grid_offset_min: rules.grid_offset_min,
        buffer_before_min: rules.buffer_before_min,
        buffer_after_min: rules.buffer_after_min,
        notice_min: rules.notice_min,
        horizon_days: rules.horizon_days.unwrap_or(u32::MAX),
        per_day_max: rules.per_day_max,
        per_week_max: rules.per_week_max,
        per_month_max: rules.per_month_max,
        minutes_per_day_max: rules.minutes_per_day_max,
        capacity: rules.capacity,
        selection: rules.selection,
        blocking: rules.blocking.clone(),
        conflict_calendars: rules.conflict_calendars.clone(),
        cancel_cutoff_min: rules.cancel_cutoff_min,
        invites: false,
        sensitive: false,
        price: None,
        resources,
        active: true,
    }
}

/// Times of a service that somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimesWanted {
    /// Which service.
    pub service: ServiceId,
    /// With whom; with anybody when none is named.
    pub resource: Option<ResourceId>,
    /// The first local date; today when none is named.
    pub from: Option<civil::Date>,
    /// The last local date; the first when none is named.
    pub to: Option<civil::Date>,
    /// For how many.
    pub seats: u32,
    /// Whether the times that are not offered are told too, each with its reason.
    pub explain: bool,
}

/// The times of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// Where the clocks hang.
    pub zone: Zone,
    /// Those that are free.
    pub slots: Vec<Slot>,
    /// The other starts of the grid, each with the rule that refuses it; `None` when nobody asked.
    pub refused: Option<Vec<(Timestamp, Refusal)>>,
}

/// The free times of a service, and why the others are not.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] for a service or resource that is not; [`Error::Invalid`] for too many
/// dates; [`Error::Unavailable`].
pub async fn times(store: &Store, by: &Actor, now: Timestamp, wanted: &TimesWanted) -> Result<Times, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    let mut tx = store.read(by.tenant()).await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    if let Some(resource) = &wanted.resource {
        tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
    }
    drop(tx);
    let from = wanted.from.unwrap_or_else(|| tenant.zone.wall(now).date());
    let to = wanted.to.unwrap_or(from);
    within(from, to, DAYS_MAX, "?to")?;
    if wanted.seats == 0 {
        return Err(Error::invalid("?seats", "must be at least 1"));
    }
    let desk = Desk::of_dates(store, by.tenant(), &wanted.service, (from, to), now).await?;
    let wanted = wanted.clone();
    aside(move || {
        let engine = desk.ask(now, wanted.seats, &[]);
        let (mut slots, mut refused) = (Vec::new(), Vec::new());
        for (start, verdict) in engine.starts(from, to, wanted.resource.as_ref()) {
            match verdict {
                Ok(slot) => slots.push(slot),
                Err(refusal) => refused.push((start, refusal)),
            }
            if slots.len() + refused.len() > SLOTS_MAX {
                return Err(too_many_slots("?to"));
            }
        }
        Ok(Times { zone: tenant.zone, slots, refused: wanted.explain.then_some(refused) })
    })
    .await
}

/// One time of a service that somebody asks about.
#[derive(Clone, Debug)]
pub struct WhyAsked {
    /// Which service.
    pub service: ServiceId,
    /// When it would start.
    pub at: Start,
    /// With whom; with anybody when none is named.
    pub resource: Option<ResourceId>,
    /// For how many.
    pub seats: u32,
    /// The appointment that would be moved: it does not stand in its own way.
    pub moving: Option<AppointmentId>,
}

/// What is to be said of a time, with the names the asker may see.
#[derive(Clone, Debug)]
pub struct WhyTold {
    /// Where the clocks hang.
    pub zone: Zone,
    /// Everything that is against it; of a time the clocks skip, the first instant after the gap.
    pub why: Result<Why, Timestamp>,
    /// The calendars outside by name; `None` when the asker may not see them, nor when their events are.
    pub calendars: Option<BTreeMap<CalendarId, String>>,
    /// The closing days and absences by name; `None` when the asker may not see them.
    pub closures: Option<BTreeMap<ClosureId, String>>,
}

/// Why a time of a service is not offered: every reason, for each resource that could serve. The same function that
/// makes the list of free times says it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] for a service, resource or appointment that is not; [`Error::Invalid`];
/// [`Error::Unavailable`].
pub async fn why(store: &Store, by: &Actor, now: Timestamp, asked: &WhyAsked) -> Result<WhyTold, Error> {
    by.must(Verb::Read, Subject::Appointments)?;
    if asked.seats == 0 {
        return Err(Error::invalid("?seats", "must be at least 1"));
    }
    let mut tx = store.read(by.tenant()).await?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    if let Some(resource) = &asked.resource {
        tx.resources().get(resource).await?.ok_or(Error::NotFound("resource"))?;
    }
    if let Some(moving) = &asked.moving {
        tx.appointments().get(moving).await?.ok_or(Error::NotFound("appointment"))?;
    }
    let closures = match by.may(Verb::Read, Subject::Resources) {
        true => Some(tx.closures().all().await?.into_iter().map(|one| (one.id, one.name)).collect()),
        false => None,
    };
    let calendars = match by.may(Verb::Read, Subject::Calendars) {
        true => Some(tx.calendars().all().await?.into_iter().map(|one| (one.id, one.name)).collect()),
        false => None,
    };
    drop(tx);
    let at = match asked.at {
        Start::At(at) => Ok(at),
        Start::Wall(wall) => match local_time(wall, &zone) {
            LocalTime::Once(at) | LocalTime::Twice(at, _) => Ok(at),
            LocalTime::Missing(after) => Err(after),
        },
    };
    let why = match at {
        Err(after) => Err(after),
        Ok(at) => {
            let span = TimeRange { start: at, end: at };
            let desk = Desk::of_span(store, by.tenant(), &asked.service, span, now).await?;
            let engine = desk.ask(now, asked.seats, asked.moving.as_slice());
            Ok(engine.why(at, asked.resource.as_ref()))
        }
    };
    Ok(WhyTold { zone, why, calendars, closures })
}
