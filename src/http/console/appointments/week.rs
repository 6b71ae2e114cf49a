//! The week and the day as columns: appointments and holds, what calendars outside say, and closing days above the hours
//! they override.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use jiff::{ToSpan, civil};

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        format,
        page::{Page, show},
        visitor::Reader,
    },
    PATH,
};
use crate::{
    app::{
        clashes,
        diary::{self, Diary},
        stranded,
    },
    domain::{
        availability::{BusyKind, instant},
        booking::{Appointment, AppointmentStatus, Resource, Window},
        closing::ClosureKind,
        id::{CalendarId, ClosureId, ResourceId},
        people::{Subject, Verb},
        time::{TimeRange, Timestamp},
    },
    http::Doors,
};

/// Things side by side in one column, at most.
const LANES_MAX: usize = 6;
/// Minutes of a row.
const ROW_MIN: i64 = 15;
/// Minutes of a day.
const DAY_MIN: i64 = 24 * 60;
/// The hours that are shown when nothing is open.
const USUAL: (i64, i64) = (8 * 60, 18 * 60);
/// Conflicts that are counted.
const CLASHES_MAX: u32 = 50;

#[derive(Template)]
#[template(path = "appointments/week.html", config = ".askama.toml")]
struct WeekPage {
    page: Page,
    form: Form,
    resources: Vec<(String, String)>,
    span: String,
    earlier: String,
    later: String,
    today: String,
    other_view: String,
    by_day: bool,
    hours: Vec<String>,
    /// How many rows there are, and on which of them an hour begins.
    rows: i64,
    rules: Vec<i64>,
    columns: Vec<Column>,
    may_write: bool,
    new: String,
    stranded: usize,
    clashes: usize,
    empty: bool,
}

/// A date, or a resource on a date.
struct Column {
    heading: String,
    whole: String,
    way: Option<String>,
    today: bool,
    date: String,
    resource: Option<String>,
    closed: Vec<String>,
    from: i64,
    lanes: usize,
    entries: Vec<Entry>,
}

/// Something that takes time.
struct Entry {
    class: String,
    at: String,
    title: String,
    more: String,
    way: Option<String>,
    moving: Option<Moving>,
}

/// What a script needs to move it.
struct Moving {
    to: String,
    seen: String,
    resource: String,
}

/// The query for a view.
fn query(view: &str, date: civil::Date, resource: Option<&ResourceId>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("view", view).append_pair("date", &date.to_string());
    if let Some(resource) = resource {
        query.append_pair("resource", resource.as_str());
    }
    format!("{PATH}?{}", query.finish())
}

pub(super) async fn week(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let (now, zone, language) = (doors.clock.now(), reader.zone(), reader.language);
    let page = Page::new(&reader, PATH, reader.t("nav-appointments"), now).script("week.js");
    let typed = Typed::read(asked.unwrap_or_default().as_bytes());
    let by_day = typed.get("view") == "day";
    let date = typed.get("date").parse::<civil::Date>().unwrap_or(page.today());
    let only = typed.get("resource").parse::<ResourceId>().ok();
    let monday = date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
    let (first, days) = if by_day { (date, 1) } else { (monday, 7) };
    let dates: Vec<civil::Date> = (0..days).map(|day| first.saturating_add(i64::from(day).days())).collect();
    let last = dates.last().copied().unwrap_or(first);
    let begins = |date: civil::Date| instant(date, civil::Time::midnight(), &zone);
    let span = TimeRange { start: begins(first), end: begins(last.saturating_add(1.day())) };
    let diary = diary::look(&doors.store, &reader.by, now, span).await?;
    let shown: Vec<&Resource> =
        diary.resources.iter().filter(|one| only.as_ref().is_none_or(|only| *only == one.id)).collect();
    let booked = |one: &Resource| diary.appointments.iter().any(|booked| with(booked, &one.id));
    let shown: Vec<&Resource> = shown.into_iter().filter(|one| one.active || booked(one)).collect();
    let entries = Entries { reader: &reader, diary: &diary, now };
    let mut columns: Vec<Column> = if by_day && !shown.is_empty() {
        shown.iter().map(|one| entries.column(date, Some(one), only.as_ref(), &page)).collect()
    } else {
        dates.iter().map(|date| entries.column(*date, None, only.as_ref(), &page)).collect()
    };
    let (from, until) = hours(&shown, &dates, &columns);
    for column in &mut columns {
        column.from = from;
        lay_out(column, (from, until));
    }
    let step = |days: i64| {
        let to = date.saturating_add(days.days());
        query(if by_day { "day" } else { "week" }, to, only.as_ref())
    };
    let way = i64::from(days);
    let stranded = stranded::count(&doors.store, &reader.by, now).await?;
    let clashes = clashes::list(&doors.store, &reader.by, Some(true), None, CLASHES_MAX).await?.items.len();
    let mut choices = vec![(String::new(), reader.t("appointments-everybody").to_string())];
    choices.extend(diary.resources.iter().map(|one| (one.id.to_string(), one.name.clone())));
    let typed = Typed::default()
        .with("date", date)
        .with("view", if by_day { "day" } else { "week" })
        .with("resource", only.as_ref().map_or("", ResourceId::as_str));
    let span = match by_day {
        true => format::date_in_text(date, language),
        false => format!(
            "{} · {} – {}",
            format::week(first, language),
            format::date_in_list(first, language),
            format::date(last, language)
        ),
    };
    let shown = WeekPage {
        form: Form::new(language, typed),
        resources: choices,
        span,
        earlier: step(-way),
        later: step(way),
        today: query(if by_day { "day" } else { "week" }, page.today(), only.as_ref()),
        other_view: query(if by_day { "week" } else { "day" }, date, only.as_ref()),
        by_day,
        hours: (from / 60..until / 60).map(|hour| format!("{hour:02}:00")).collect(),
        rows: (until - from) / ROW_MIN,
        rules: (0..(until - from) / 60).map(|hour| hour * 60 / ROW_MIN).collect(),
        empty: columns.iter().all(|column| column.entries.is_empty()),
        columns,
        may_write: reader.may(Verb::Write, Subject::Appointments),
        new: format!("{PATH}/new?date={date}"),
        stranded,
        clashes,
        page,
    };
    show(&shown)
}

fn with(appointment: &Appointment, resource: &ResourceId) -> bool {
    appointment.resource == *resource || appointment.together.contains(resource)
}

/// From which minute of the day until which something is shown: whole hours.
fn hours(shown: &[&Resource], dates: &[civil::Date], columns: &[Column]) -> (i64, i64) {
    let minute = |at: civil::Time| i64::from(at.hour()) * 60 + i64::from(at.minute());
    let windows = shown.iter().flat_map(|one| dates.iter().flat_map(|date| one.schedule.windows(*date)));
    let open = windows.map(|window| {
        let late = window.closes == Window::DAY_END || window.past_midnight();
        (minute(window.opens), if late { DAY_MIN } else { minute(window.closes) })
    });
    let taken = columns.iter().flat_map(|column| column.entries.iter()).filter_map(Entry::minutes);
    // What takes a whole day says nothing about its hours.
    let all = open.chain(taken.filter(|(from, until)| until - from < DAY_MIN));
    let (from, until) = all.fold((DAY_MIN, 0), |(from, until), (f, u)| (from.min(f), until.max(u)));
    let (from, until) = if until <= from { USUAL } else { (from, until) };
    (from / 60 * 60, (until + 59) / 60 * 60)
}

/// Gives every entry of a column its place.
fn lay_out(column: &mut Column, (from, until): (i64, i64)) {
    column.entries.sort_by_key(Entry::minutes);
    let mut ends: Vec<i64> = Vec::new();
    for entry in &mut column.entries {
        let Some((begins, ends_at)) = entry.minutes() else { continue };
        let begins = begins.clamp(from, until - ROW_MIN);
        let ends_at = ends_at.clamp(begins + 1, until);
        let free = ends.iter().position(|end| *end <= begins);
        let lane = free.unwrap_or(ends.len()).min(LANES_MAX - 1);
        match ends.get_mut(lane) {
            Some(end) => *end = ends_at.max(*end),
            None => ends.push(ends_at),
        }
        let row = (begins - from) / ROW_MIN;
        let rows = ((ends_at - begins) + ROW_MIN - 1) / ROW_MIN;
        let kind = entry.class.split(' ').next().unwrap_or_default();
        entry.class = format!("{kind} f{row} l{} lane-{}", rows.clamp(1, 96), lane + 1);
    }
    column.lanes = ends.len().max(1);
}

impl Entry {
    /// From which minute of its day until which it lasts, while it is not laid out.
    fn minutes(&self) -> Option<(i64, i64)> {
        let mut parts = self.class.split(' ').skip(1);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// What becomes entries.
struct Entries<'d> {
    reader: &'d Reader,
    diary: &'d Diary,
    now: Timestamp,
}

impl Entries<'_> {
    fn column(
        &self,
        date: civil::Date,
        of: Option<&Resource>,
        only: Option<&ResourceId>,
        page: &Page,
    ) -> Column {
        let language = self.reader.language;
        let only = of.map(|one| &one.id).or(only);
        let mine = |id: &ResourceId| only.is_none_or(|only| only == id);
        let mut entries: Vec<Entry> = Vec::new();
        for booked in &self.diary.appointments {
            let its = std::iter::once(&booked.resource).chain(&booked.together);
            if its.into_iter().any(mine)
                && let Some(minutes) = self.minutes(booked.time, date)
            {
                entries.push(self.booked(booked, minutes, of.is_none()));
            }
        }
        for event in &self.diary.events {
            let its = event.resource.as_ref().is_none_or(mine);
            if let (true, Some(minutes)) = (its, self.minutes(event.time, date)) {
                entries.push(self.event(event, minutes, of.is_none()));
            }
        }
        let mut closed: BTreeMap<ClosureId, String> = BTreeMap::new();
        for resource in self.diary.resources.iter().filter(|one| mine(&one.id) && one.active) {
            for closure in resource.schedule.closures.iter().filter(|one| one.on(date).is_some()) {
                let kind = match closure.kind {
                    ClosureKind::Closing => "closure-closing",
                    ClosureKind::Holiday => "closure-holiday",
                    ClosureKind::Absence => "closure-absence",
                };
                let name = match closure.name.is_empty() {
                    true => self.reader.t(kind).to_string(),
                    false => closure.name.clone(),
                };
                let who = closure.resource.as_ref().filter(|_| of.is_none()).map(|_| &resource.name);
                closed.insert(closure.id.clone(), who.map_or(name.clone(), |who| format!("{who}: {name}")));
            }
        }
        let heading = match of {
            Some(resource) => resource.name.clone(),
            None => format::date_in_list(date, language),
        };
        Column {
            whole: match of {
                Some(resource) => resource.name.clone(),
                None => format::date_in_text(date, language),
            },
            way: of.is_none().then(|| query("day", date, only)),
            today: date == page.today(),
            date: date.to_string(),
            resource: of.map(|one| one.id.to_string()),
            closed: closed.into_values().collect(),
            heading,
            from: 0,
            lanes: 1,
            entries,
        }
    }

    /// From which minute of the date until which it lasts.
    fn minutes(&self, time: TimeRange, date: civil::Date) -> Option<(i64, i64)> {
        let zone = self.reader.zone();
        let (start, end) = (zone.wall(time.start).datetime(), zone.wall(time.end).datetime());
        let minute = |at: civil::DateTime| i64::from(at.hour()) * 60 + i64::from(at.minute());
        let from = if start.date() < date { 0 } else { minute(start) };
        let until = if end.date() > date { DAY_MIN } else { minute(end) };
        let there = start.date() <= date && date <= end.date() && (from < until || start == end);
        there.then_some((from, until.max(from + 1)))
    }

    fn range(&self, time: TimeRange) -> String {
        let zone = self.reader.zone();
        let (from, to) = (zone.wall(time.start), zone.wall(time.end));
        format!("{}–{}", format::clock(from.time()), format::clock(to.time()))
    }

    fn booked(&self, booked: &Appointment, (from, until): (i64, i64), named: bool) -> Entry {
        let language = self.reader.language;
        let zone = self.reader.zone();
        let held = booked.status == AppointmentStatus::Held;
        let name = booked.contact.as_ref().and_then(|id| self.diary.contacts.get(id));
        let title = match (name, booked.expires) {
            (Some(name), _) => name.clone(),
            (None, Some(expires)) => {
                let until = format::time_in_text(zone.wall(expires).time(), language);
                self.reader.t("appointments-held-until").s("until", until).to_string()
            }
            (None, None) => self.reader.t("appointments-somebody").to_string(),
        };
        let mut more = vec![self.diary.service(booked, language.code()).to_owned()];
        if named {
            let its = std::iter::once(&booked.resource).chain(&booked.together);
            let its = its.filter_map(|id| self.diary.resources.iter().find(|one| one.id == *id));
            more.extend(its.map(|one| one.name.clone()));
        }
        if booked.status == AppointmentStatus::Pending {
            more.push(self.reader.t("status-pending").to_string());
        }
        if booked.clashing {
            more.push(self.reader.t("appointments-clashing").to_string());
        }
        let kind = if held {
            "held"
        } else if booked.clashing {
            "bad"
        } else {
            "booked"
        };
        let movable = self.reader.may(Verb::Write, Subject::Appointments)
            && booked.status.promised()
            && booked.time.end > self.now;
        let seen = self.diary.revisions.get(&booked.id).filter(|_| movable);
        Entry {
            class: format!("{kind} {from} {until}"),
            at: self.range(booked.time),
            title,
            more: more.join(" · "),
            way: booked.status.promised().then(|| format!("{PATH}/{}", booked.id)),
            moving: seen.map(|seen| Moving {
                to: format!("{PATH}/{}/move", booked.id),
                seen: seen.to_string(),
                resource: booked.resource.to_string(),
            }),
        }
    }

    fn event(
        &self,
        event: &crate::domain::availability::Busy,
        (from, until): (i64, i64),
        named: bool,
    ) -> Entry {
        let calendar = match &event.kind {
            BusyKind::Event { calendar, .. } => calendar.as_ref(),
            BusyKind::Appointment { .. } | BusyKind::Hold { .. } => None,
        };
        let calendar = calendar.and_then(|id| id.parse::<CalendarId>().ok());
        let name = calendar.and_then(|id| self.diary.calendars.get(&id).cloned());
        let resource = event.resource.as_ref().filter(|_| named);
        let resource = resource.and_then(|id| self.diary.resources.iter().find(|one| one.id == *id));
        let title = match &name {
            Some(_) => self.reader.t("appointments-busy"),
            None => self.reader.t("appointments-unknown"),
        };
        let more: Vec<String> = name.into_iter().chain(resource.map(|one| one.name.clone())).collect();
        Entry {
            class: format!("event {from} {until}"),
            at: self.range(event.time),
            title: title.to_string(),
            more: more.join(" · "),
            way: None,
            moving: None,
        }
    }
}
