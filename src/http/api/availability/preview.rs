//! `POST /api/availability/preview`: the engine's own front door. Everything it needs is in the body, nothing is
//! stored. A key that is left out, or null, has its default.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::schedules::{WindowForm, windows},
    SlotShown, date, instant, told,
};
use crate::{
    app::{
        self, Faults,
        access::Actor,
        availability::{
            self, Answer, Candidate, Offer, PREVIEW_MINUTES_MAX, Preview, PreviewRules, Question, Start,
            Taken, TakenKind,
        },
        resources::{DAYS, EXCEPTIONS_MAX, WINDOWS_MAX},
    },
    domain::{
        availability::{EventStatus, LocalTime, all_day},
        booking::{Schedule, Selection, Window},
        time::{TimeRange, Timestamp, Zone},
    },
};

/// Longest name of a resource, a service or a calendar, in characters.
const NAME_LEN_MAX: usize = 100;

/// Rules, what is taken, and a question about them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "zone": "Europe/Berlin", "now": "2027-01-01T00:00:00Z",
    "rules": {
        "duration": 60, "interval": 30, "working_hours": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]},
        "overrides": {"2027-12-24": []}, "buffer_after": 15, "minimum_notice": 120, "horizon_days": 60
    },
    "busy": [{"kind": "event", "status": "busy", "start": "2027-01-11T09:00:00+01:00",
              "end": "2027-01-11T10:00:00+01:00"}],
    "query": {"op": "slots", "from": "2027-01-11"}
}))]
pub struct PreviewWanted {
    /// Where the clocks hang: an IANA zone.
    zone: String,
    /// What time it is taken to be.
    #[schema(format = DateTime)]
    now: String,
    rules: RulesWanted,
    /// Who or what there is; without any there is one, unnamed.
    resources: Option<Vec<ResourceWanted>>,
    /// What is taken, in any order.
    busy: Option<Vec<BusyWanted>>,
    query: QueryWanted,
}

/// The rules of a service. Durations are whole minutes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewRules)]
struct RulesWanted {
    /// How long it takes.
    #[schema(minimum = 1)]
    duration: u32,
    /// Distance between two offered starts; the duration when left out.
    interval: Option<u32>,
    /// Shift of the grid from a window's start.
    grid_offset: Option<u32>,
    /// Windows per weekday: `mon` to `sun`. Those that touch or overlap are one.
    #[schema(value_type = BTreeMap<String, Vec<Vec<String>>>)]
    working_hours: BTreeMap<String, Vec<WindowForm>>,
    /// Dates on which other windows hold; no windows means closed.
    #[schema(value_type = Option<BTreeMap<String, Vec<Vec<String>>>>)]
    overrides: Option<BTreeMap<String, Vec<WindowForm>>>,
    /// Time kept free before it.
    buffer_before: Option<u32>,
    /// Time kept free after it.
    buffer_after: Option<u32>,
    /// Elapsed time a booking must lie ahead.
    minimum_notice: Option<u32>,
    /// How many local dates ahead may be booked, the last one included; any when left out.
    horizon_days: Option<u32>,
    /// Appointments per local day.
    max_per_day: Option<u32>,
    /// Appointments per ISO week.
    max_per_week: Option<u32>,
    /// Appointments per calendar month.
    max_per_month: Option<u32>,
    /// Minutes of appointments per local day.
    max_minutes_per_day: Option<u32>,
    /// Seats of one session; 1 when left out.
    #[schema(minimum = 1)]
    capacity: Option<u32>,
    /// Time before the start after which a caller may no longer move or cancel.
    cancel_cutoff: Option<u32>,
    /// Which events block; `busy`, `tentative` and `out_of_office` when left out.
    blocking: Option<Vec<String>>,
    /// The calendars whose events count; all when left out. An event that names no calendar always counts.
    conflict_calendars: Option<Vec<String>>,
    /// `any`, `round_robin` (least `load` first, then key) or `all` (together); `any` when left out.
    selection: Option<String>,
}

/// Somebody or something that may be booked with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewResource)]
struct ResourceWanted {
    /// What it is called.
    key: String,
    /// What it does; everything when left out.
    services: Option<Vec<String>>,
    /// How much it has to do; 0 when left out.
    load: Option<u32>,
    /// Its own hours; those of the rules when left out.
    #[schema(value_type = Option<BTreeMap<String, Vec<Vec<String>>>>)]
    working_hours: Option<BTreeMap<String, Vec<WindowForm>>>,
    /// Its own overrides, date by date before those of the rules.
    #[schema(value_type = Option<BTreeMap<String, Vec<Vec<String>>>>)]
    overrides: Option<BTreeMap<String, Vec<WindowForm>>>,
}

/// Something that takes time: an appointment, a hold, or an event of another calendar.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewBusy)]
struct BusyWanted {
    /// `appointment`, `hold` or `event`.
    kind: String,
    /// Of an appointment: `confirmed` (when left out), `pending`, `cancelled`. Of an event: `busy` (when left out),
    /// `tentative`, `out_of_office`, `working_elsewhere`, `free`, `declined`, `cancelled`.
    status: Option<String>,
    #[schema(format = DateTime)]
    start: Option<String>,
    #[schema(format = DateTime)]
    end: Option<String>,
    /// Whose time it takes; everybody's when left out.
    resource: Option<String>,
    /// Of which service it is (not of an event); of the one asked about when left out.
    service: Option<String>,
    /// Its own buffer before (not of an event).
    buffer_before: Option<u32>,
    /// Its own buffer after (not of an event).
    buffer_after: Option<u32>,
    /// Seats it takes in its session (not of an event); 1 when left out.
    seats: Option<u32>,
    /// Of a hold: the first instant at which it counts for nothing; never when left out.
    #[schema(format = DateTime)]
    expires: Option<String>,
    /// Of an event: which calendar it is in.
    calendar: Option<String>,
    /// Of an event: whether it is dates, not times.
    all_day: Option<bool>,
    /// Of an all-day event: its first date.
    #[schema(format = Date)]
    date: Option<String>,
    /// Of an all-day event: the first date after it; the day after `date` when left out.
    #[schema(format = Date)]
    end_date: Option<String>,
    /// Of an all-day event: its calendar's zone; that of the question when left out.
    zone: Option<String>,
}

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewQuery)]
struct QueryWanted {
    /// `slots`, `can_book` or `resolve_local_time`.
    op: String,
    /// Of `slots`: the first local date.
    #[schema(format = Date)]
    from: Option<String>,
    /// Of `slots`: the last local date; `from` when left out.
    #[schema(format = Date)]
    to: Option<String>,
    /// Of `can_book`: an instant, or a wall time without an offset (of one that comes twice, the first).
    start: Option<String>,
    /// Of `resolve_local_time`: a wall time without an offset.
    local: Option<String>,
    /// With whom; with anybody when left out.
    resource: Option<String>,
    /// Which service.
    service: Option<String>,
    /// For how many; 1 when left out.
    seats: Option<u32>,
    /// The zone in whose offsets the answer is told; that of the question when left out.
    viewer_zone: Option<String>,
}

/// The free times, a verdict, or what a wall time means.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PreviewShown {
    /// Of `slots`.
    Slots {
        /// The free times, in order.
        slots: Vec<SlotShown>,
    },
    /// Of `can_book`, when it can.
    Ok {
        /// `ok`.
        verdict: &'static str,
        /// When it would end.
        end: String,
        /// With whom it would be; null for the one without a name.
        #[schema(required)]
        resource: Option<String>,
    },
    /// Of `can_book`, when it cannot.
    Refused {
        /// `refused`.
        verdict: &'static str,
        /// `outside_hours`, `closed`, `off_grid`, `buffer`, `notice`, `horizon`, `limit`, `busy`, `held`, `capacity`,
        /// `not_qualified` or `missing_time`.
        reason: &'static str,
    },
    /// Of `resolve_local_time`.
    Time {
        /// `ok`, `missing` or `ambiguous`.
        verdict: &'static str,
        /// The instants it may mean; of a missing time the first one after the gap.
        candidates: Vec<String>,
    },
}

/// What the rules mean for what is asked.
///
/// # Errors
/// [`app::Error::Invalid`] with a pointer to everything that makes no sense; [`app::Error::Forbidden`].
pub fn preview(by: &Actor, wanted: PreviewWanted) -> Result<PreviewShown, app::Error> {
    let mut faults = Faults::new();
    let read = Reader { faults: &mut faults }.preview(wanted);
    let (asked, viewer) = match read {
        Some(read) if faults.is_empty() => read,
        _ => return Err(faults.refusal()),
    };
    let time = |at: Timestamp| told(at, &viewer);
    Ok(match availability::preview(by, &asked)? {
        Answer::Slots(slots) => {
            PreviewShown::Slots { slots: slots.into_iter().map(|slot| shown(slot, &viewer)).collect() }
        }
        Answer::Verdict(Ok(offer)) => PreviewShown::Ok {
            verdict: "ok",
            end: time(offer.time.end),
            resource: offer.resources.into_iter().next(),
        },
        Answer::Verdict(Err(refusal)) => {
            PreviewShown::Refused { verdict: "refused", reason: refusal.as_str() }
        }
        Answer::Time(meant) => {
            let (verdict, candidates) = match meant {
                LocalTime::Once(at) => ("ok", vec![time(at)]),
                LocalTime::Missing(after) => ("missing", vec![time(after)]),
                LocalTime::Twice(first, second) => ("ambiguous", vec![time(first), time(second)]),
            };
            PreviewShown::Time { verdict, candidates }
        }
    })
}

fn shown(offer: Offer, zone: &Zone) -> SlotShown {
    SlotShown {
        start: told(offer.time.start, zone),
        end: told(offer.time.end, zone),
        resources: offer.resources,
    }
}

/// Reads what a person or program wrote, and notes everything that is wrong with it.
struct Reader<'f> {
    faults: &'f mut Faults,
}

impl Reader<'_> {
    fn preview(&mut self, wanted: PreviewWanted) -> Option<(Preview, Zone)> {
        let zone = self.zone(&wanted.zone, "/zone");
        let now = self.instant(&wanted.now, "/now");
        let utc = Zone::utc();
        let (rules, viewer) = (self.rules(wanted.rules), wanted.query.viewer_zone.clone());
        let resources: Vec<Option<Candidate>> = match &rules {
            Some(rules) => {
                let all = wanted.resources.unwrap_or_default().into_iter().enumerate();
                all.map(|(at, wanted)| self.resource(wanted, at, &rules.schedule)).collect()
            }
            None => Vec::new(),
        };
        let busy = wanted.busy.unwrap_or_default().into_iter().enumerate();
        let busy: Vec<Taken> = busy
            .filter_map(|(at, wanted)| {
                self.busy(wanted, &format!("/busy/{at}"), zone.as_ref().unwrap_or(&utc))
            })
            .flatten()
            .collect();
        let question = self.query(wanted.query);
        let viewer = viewer.map(|name| self.zone(&name, "/query/viewer_zone"));
        let (zone, resources) = (zone?, resources.into_iter().collect::<Option<_>>()?);
        let viewer = viewer.unwrap_or_else(|| Some(zone.clone()))?;
        let (rules, question) = (rules?, question?);
        Some((Preview { zone, now: now?, rules, resources, busy, question }, viewer))
    }

    fn rules(&mut self, wanted: RulesWanted) -> Option<PreviewRules> {
        let minutes = [
            ("/rules/duration", Some(wanted.duration), 1),
            ("/rules/interval", wanted.interval, 1),
            ("/rules/grid_offset", wanted.grid_offset, 0),
            ("/rules/buffer_before", wanted.buffer_before, 0),
            ("/rules/buffer_after", wanted.buffer_after, 0),
        ];
        for (at, value, least) in minutes {
            let right = value.is_none_or(|value| (least..=PREVIEW_MINUTES_MAX).contains(&value));
            self.faults.unless(right, at, format!("must be from {least} to {PREVIEW_MINUTES_MAX} minutes"));
        }
        self.faults.unless(wanted.capacity != Some(0), "/rules/capacity", "must be at least 1");
        let schedule =
            self.schedule(&Schedule::default(), Some(wanted.working_hours), wanted.overrides, "/rules");
        let blocking = wanted.blocking.map(|words| {
            let words = words.iter().enumerate();
            words
                .filter_map(|(at, word)| self.faults.take(word.parse(), format!("/rules/blocking/{at}")))
                .collect::<BTreeSet<EventStatus>>()
        });
        let selection = match &wanted.selection {
            None => Some(Selection::default()),
            Some(word) => self.faults.take(word.parse(), "/rules/selection"),
        };
        for (at, name) in wanted.conflict_calendars.iter().flatten().enumerate() {
            self.name(name, format!("/rules/conflict_calendars/{at}"));
        }
        Some(PreviewRules {
            duration_min: wanted.duration,
            interval_min: wanted.interval.unwrap_or(wanted.duration),
            grid_offset_min: wanted.grid_offset.unwrap_or(0),
            schedule,
            buffer_before_min: wanted.buffer_before.unwrap_or(0),
            buffer_after_min: wanted.buffer_after.unwrap_or(0),
            notice_min: wanted.minimum_notice.unwrap_or(0),
            horizon_days: wanted.horizon_days,
            per_day_max: wanted.max_per_day,
            per_week_max: wanted.max_per_week,
            per_month_max: wanted.max_per_month,
            minutes_per_day_max: wanted.max_minutes_per_day,
            capacity: wanted.capacity.unwrap_or(1),
            cancel_cutoff_min: wanted.cancel_cutoff.unwrap_or(0),
            blocking: blocking.unwrap_or_else(|| EventStatus::BLOCKING.into()),
            conflict_calendars: wanted.conflict_calendars.map(|names| names.into_iter().collect()),
            selection: selection?,
        })
    }

    fn resource(&mut self, wanted: ResourceWanted, at: usize, usual: &Schedule) -> Option<Candidate> {
        let at = format!("/resources/{at}");
        self.name(&wanted.key, format!("{at}/key"));
        Some(Candidate {
            key: wanted.key,
            services: wanted.services.map(|names| names.into_iter().collect()),
            load: wanted.load.unwrap_or(0),
            schedule: self.schedule(usual, wanted.working_hours, wanted.overrides, &at),
        })
    }

    /// The usual hours, with others in their place where they are given.
    fn schedule(
        &mut self,
        usual: &Schedule,
        week: Option<BTreeMap<String, Vec<WindowForm>>>,
        overrides: Option<BTreeMap<String, Vec<WindowForm>>>,
        at: &str,
    ) -> Schedule {
        let mut schedule = usual.clone();
        if let Some(week) = week {
            schedule.week = Default::default();
            for (day, forms) in week {
                let at = format!("{at}/working_hours/{}", escaped(&day));
                let place = DAYS.iter().position(|known| *known == day);
                let days = DAYS.join(", ");
                self.faults.unless(place.is_some(), &at, format!("is no day; there are {days}"));
                let hours = self.windows(forms, &at);
                if let Some(kept) = place.and_then(|place| schedule.week.get_mut(place)) {
                    *kept = hours;
                }
            }
        }
        let overrides = overrides.unwrap_or_default();
        self.faults.unless(
            overrides.len() <= EXCEPTIONS_MAX,
            format!("{at}/overrides"),
            format!("must be at most {EXCEPTIONS_MAX}"),
        );
        for (date, forms) in overrides.into_iter().take(EXCEPTIONS_MAX) {
            let at = format!("{at}/overrides/{}", escaped(&date));
            let hours = self.windows(forms, &at);
            if let Some(date) = self.date(&date, &at) {
                schedule.exceptions.insert(date, hours);
            }
        }
        schedule
    }

    fn windows(&mut self, forms: Vec<WindowForm>, at: &str) -> Vec<Window> {
        self.faults.unless(forms.len() <= WINDOWS_MAX, at, format!("must be at most {WINDOWS_MAX} windows"));
        let read = windows(forms, at, self.faults);
        for (index, window) in read.iter().enumerate() {
            let told = "opens and closes at the same time; the whole day is written 00:00 to 24:00";
            self.faults.unless(window.opens != window.closes, format!("{at}/{index}"), told);
        }
        read
    }

    /// What takes time; nothing where it is cancelled, `None` where it makes no sense.
    fn busy(&mut self, wanted: BusyWanted, at: &str, zone: &Zone) -> Option<Option<Taken>> {
        let kind = wanted.kind.as_str();
        let (promise, hold, event) = (kind != "event", kind == "hold", kind == "event");
        if !["appointment", "hold", "event"].contains(&kind) {
            let told = "must be `appointment`, `hold` or `event`";
            self.faults.unless(false, format!("{at}/kind"), told);
            return None;
        }
        let keys = [
            ("status", wanted.status.is_some(), !hold),
            ("service", wanted.service.is_some(), promise),
            ("buffer_before", wanted.buffer_before.is_some(), promise),
            ("buffer_after", wanted.buffer_after.is_some(), promise),
            ("seats", wanted.seats.is_some(), promise),
            ("expires", wanted.expires.is_some(), hold),
            ("calendar", wanted.calendar.is_some(), event),
            ("all_day", wanted.all_day.is_some(), event),
            ("date", wanted.date.is_some(), event),
            ("end_date", wanted.end_date.is_some(), event),
            ("zone", wanted.zone.is_some(), event),
        ];
        for (key, given, known) in keys {
            self.faults.unless(!given || known, format!("{at}/{key}"), format!("is no key of kind `{kind}`"));
        }
        let dated = wanted.all_day.unwrap_or(wanted.date.is_some() && wanted.start.is_none());
        let time = if event && dated { self.dates(&wanted, at, zone) } else { self.times(&wanted, at) };
        let resource = wanted.resource;
        if event {
            let status = wanted.status.map_or(Some(EventStatus::Busy), |word| {
                self.faults.take(word.parse(), format!("{at}/status"))
            });
            let kind = TakenKind::Event { status: status?, calendar: wanted.calendar };
            return Some(Some(Taken { time: time?, resource, kind }));
        }
        let status = wanted.status.as_deref().unwrap_or("confirmed");
        let known = ["confirmed", "pending", "cancelled"].contains(&status);
        let told = "must be `confirmed`, `pending` or `cancelled`";
        self.faults.unless(known || hold, format!("{at}/status"), told);
        self.faults.unless(wanted.seats != Some(0), format!("{at}/seats"), "must be at least 1");
        for (key, value) in [("buffer_before", wanted.buffer_before), ("buffer_after", wanted.buffer_after)] {
            let right = value.is_none_or(|value| value <= PREVIEW_MINUTES_MAX);
            let told = format!("must be at most {PREVIEW_MINUTES_MAX} minutes");
            self.faults.unless(right, format!("{at}/{key}"), told);
        }
        let expires = wanted.expires.map(|text| self.instant(&text, &format!("{at}/expires")));
        // A hold whose end nobody tells holds.
        let expires = expires.unwrap_or(Some(Timestamp(i64::MAX)));
        let kind = TakenKind::Promise {
            service: wanted.service,
            buffer_before_min: wanted.buffer_before.unwrap_or(0),
            buffer_after_min: wanted.buffer_after.unwrap_or(0),
            seats: wanted.seats.unwrap_or(1),
            held_until: if hold { Some(expires?) } else { None },
        };
        let taken = Taken { time: time?, resource, kind };
        Some(Some(taken).filter(|_| status != "cancelled"))
    }

    fn times(&mut self, wanted: &BusyWanted, at: &str) -> Option<TimeRange> {
        for (key, given) in [("date", &wanted.date), ("end_date", &wanted.end_date)] {
            self.faults.unless(given.is_none(), format!("{at}/{key}"), "belongs to an all-day event");
        }
        let mut read = |text: &Option<String>, key: &str| match text {
            Some(text) => self.instant(text, &format!("{at}/{key}")),
            None => {
                self.faults.unless(false, format!("{at}/{key}"), format!("missing field `{key}`"));
                None
            }
        };
        let (start, end) = (read(&wanted.start, "start"), read(&wanted.end, "end"));
        let (start, end) = (start?, end?);
        self.faults.unless(start <= end, format!("{at}/end"), "lies before `start`");
        Some(TimeRange { start, end })
    }

    fn dates(&mut self, wanted: &BusyWanted, at: &str, zone: &Zone) -> Option<TimeRange> {
        for (key, given) in [("start", &wanted.start), ("end", &wanted.end)] {
            self.faults.unless(
                given.is_none(),
                format!("{at}/{key}"),
                "an all-day event has dates, no times",
            );
        }
        let zone = match &wanted.zone {
            Some(name) => self.zone(name, &format!("{at}/zone")),
            None => Some(zone.clone()),
        };
        self.faults.unless(wanted.date.is_some(), format!("{at}/date"), "missing field `date`");
        let from = wanted.date.as_ref().and_then(|date| self.date(date, &format!("{at}/date")));
        let until = match &wanted.end_date {
            Some(date) => self.date(date, &format!("{at}/end_date")),
            None => from.and_then(|date| date.tomorrow().ok()),
        };
        let (from, until) = (from?, until?);
        self.faults.unless(from < until, format!("{at}/end_date"), "must lie after `date`: it is excluded");
        Some(all_day(from, until, &zone?))
    }

    fn query(&mut self, wanted: QueryWanted) -> Option<Question> {
        let op = wanted.op.as_str();
        let (slots, check, resolve) = (op == "slots", op == "can_book", op == "resolve_local_time");
        if !slots && !check && !resolve {
            let told = "must be `slots`, `can_book` or `resolve_local_time`";
            self.faults.unless(false, "/query/op", told);
            return None;
        }
        let keys = [
            ("from", wanted.from.is_some(), slots, slots),
            ("to", wanted.to.is_some(), slots, false),
            ("start", wanted.start.is_some(), check, check),
            ("local", wanted.local.is_some(), resolve, resolve),
            ("resource", wanted.resource.is_some(), !resolve, false),
            ("service", wanted.service.is_some(), !resolve, false),
            ("seats", wanted.seats.is_some(), !resolve, false),
        ];
        for (key, given, known, needed) in keys {
            self.faults.unless(!given || known, format!("/query/{key}"), format!("is no key of op `{op}`"));
            self.faults.unless(given || !needed, format!("/query/{key}"), format!("missing field `{key}`"));
        }
        self.faults.unless(wanted.seats != Some(0), "/query/seats", "must be at least 1");
        let (resource, service, seats) = (wanted.resource, wanted.service, wanted.seats.unwrap_or(1));
        if resolve {
            let told = "must be a wall time without an offset, such as 2027-03-28T02:30";
            return self.faults.take(wall(&wanted.local?).ok_or(told), "/query/local").map(Question::Resolve);
        }
        if check {
            let text = wanted.start?;
            let start = match wall(&text) {
                Some(wall) => Start::Wall(wall),
                None => Start::At(self.instant(&text, "/query/start")?),
            };
            return Some(Question::CanBook { start, resource, service, seats });
        }
        let from = self.date(&wanted.from?, "/query/from")?;
        let to = wanted.to.map_or(Some(from), |to| self.date(&to, "/query/to"))?;
        Some(Question::Slots { from, to, resource, service, seats })
    }

    fn name(&mut self, name: &str, at: String) {
        let right = (1..=NAME_LEN_MAX).contains(&name.chars().count());
        self.faults.unless(right, at, format!("must be 1 to {NAME_LEN_MAX} characters"));
    }

    fn zone(&mut self, name: &str, at: &str) -> Option<Zone> {
        self.faults.take(name.parse(), at)
    }

    fn instant(&mut self, text: &str, at: &str) -> Option<Timestamp> {
        self.faults.take(instant(text), at)
    }

    fn date(&mut self, text: &str, at: &str) -> Option<civil::Date> {
        self.faults.take(date(text), at)
    }
}

/// A wall time, such as `2027-03-28T02:30` or with seconds.
pub(super) fn wall(text: &str) -> Option<civil::DateTime> {
    let (date_part, time) = text.split_once(['T', 't', ' '])?;
    let plain = (5..=18).contains(&time.len())
        && time.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.')
        && time.as_bytes().get(2) == Some(&b':');
    let time: civil::Time = plain.then(|| time.parse().ok()).flatten()?;
    Some(date(date_part).ok()?.to_datetime(time))
}

/// As it stands in a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
