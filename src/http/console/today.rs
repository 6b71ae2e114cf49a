//! `/console/today`: what is happening, what needs somebody, today's appointments, and how yesterday went; and the switch with
//! which the assistant steps back.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use jiff::{ToSpan, civil::Time};

use super::{
    charts::Spark,
    failure::Failure,
    figures::{Tile, tile},
    form::{Form, Typed},
    format,
    page::{Moment, Page, show_with},
    visitor::Reader,
    words::Said,
};
use crate::{
    app::{
        analytics::{self, Wanted},
        notices, numbers,
        numbers::Edit,
        pauses, today,
    },
    domain::{
        availability::instant,
        booking::AppointmentStatus,
        conversation::CallState,
        figures::{Days, Figures},
        id::{CallId, NumberId},
        notices::{Notice, NoticeKind},
        pause::{Pause, UNTIL_TAKEN_BACK},
        people::{Subject, Verb},
        time::Timestamp,
    },
    http::Doors,
};

/// Days in the line beside yesterday's figures.
const LINE_DAYS: u32 = 14;
/// Numbers to choose from, at most.
const NUMBERS_MAX: u32 = 200;
/// For how long the assistant can be asked to step back.
const PAUSES: [&str; 4] = ["hour", "day", "morning", "open"];
/// When a pause until the next morning ends.
const MORNING: Time = Time::constant(8, 0, 0, 0);

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/today", get(show))
        .route("/console/today/pause", post(pause))
        .route("/console/today/resume", post(resume))
}

#[derive(Template)]
#[template(path = "today/today.html", config = ".askama.toml")]
struct TodayPage {
    page: Page,
    form: Form,
    date: String,
    live: Vec<Live>,
    ringing: u64,
    in_progress: u64,
    calls_max: u32,
    notices: Vec<Needs>,
    dated: Vec<Dated>,
    dated_seen: bool,
    yesterday: String,
    tiles: Vec<Tile>,
    line: Option<Spark>,
    may_pause: bool,
    may_close: bool,
    paused: Vec<PausedAt>,
    pause_for: Vec<(String, String)>,
    numbers: Vec<(String, String)>,
}

/// A call in the air.
struct Live {
    call: CallId,
    who: String,
    state: Said,
    since: Moment,
}

/// Something that needs somebody.
struct Needs {
    words: Said,
    act: Option<(&'static str, Said)>,
    urgent: bool,
}

/// An appointment in the day's line.
struct Dated {
    times: String,
    start: String,
    service: String,
    resource: String,
    contact: Option<String>,
    mark: Option<(Said, &'static str)>,
    over: bool,
    now: bool,
}

/// Where the assistant has stepped back.
struct PausedAt {
    number: String,
    name: String,
    until: String,
}

/// Until when the assistant steps back, in words.
pub(super) fn until_words(page: &Page, until: Timestamp) -> String {
    if until == UNTIL_TAKEN_BACK {
        return page.t("pause-open-end").to_string();
    }
    page.t("pause-until")
        .s("when", format::moment(until, page.now(), &page.zone(), page.language()))
        .to_string()
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default().with("for", "hour"));
    shown(&doors, &reader, form.prefixed("pause-")).await
}

async fn shown(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let (store, by, now) = (&doors.store, &reader.by, doors.clock.now());
    let page = Page::new(reader, "/console/today", reader.t("nav-today"), now).with_form(&form);
    let language = page.language();
    let present = analytics::at_present(store, by, now).await?;
    let live = today::in_air(store, by, now).await?.into_iter().map(|call| Live {
        who: call.person().map_or_else(|| page.t("withheld").to_string(), |number| page.phone(number)),
        state: match call.state {
            CallState::Ringing => page.t("calls-ringing"),
            CallState::InProgress => page.t("calls-now"),
            CallState::Completed | CallState::Failed => page.t("calls-over"),
        },
        since: page.clock(call.answered.unwrap_or(call.rang)),
        call: call.id,
    });
    let live = live.collect();
    let notices = notices::list(store, by, now).await?;
    let notices = notices.into_iter().map(|notice| needs(&page, notice)).collect();
    let dated_seen = reader.may(Verb::Read, Subject::Appointments);
    let dated = if dated_seen { today::appointments(store, by, now, language.code()).await? } else { vec![] };
    let dated = dated.into_iter().map(|one| dated_row(&page, one, now)).collect();

    let line_days = Days::ending(page.today().saturating_sub(1.day()), LINE_DAYS);
    let wanted = Wanted { from: Some(line_days.from), until: Some(line_days.last()), ..Wanted::default() };
    let report = analytics::report(store, by, now, &wanted).await?;
    let none = Figures::default();
    let of = |back: usize| report.stretches.iter().rev().nth(back).map_or(&none, |(_, figures)| figures);
    let (yesterday, before) = (of(0), of(1));
    let count = |key: &'static str, of: fn(&Figures) -> u64| {
        tile(&page, key, page.number(of(yesterday)), of(before), of(yesterday))
    };
    let tiles = vec![
        count("figures-calls", |figures| figures.calls),
        count("figures-answered", |figures| figures.answered),
        count("figures-missed", |figures| figures.missed),
        count("figures-booked", |figures| figures.booked),
        count("figures-minutes", |figures| figures.minutes),
    ];
    let values: Vec<u64> = report.stretches.iter().map(|(_, figures)| figures.calls).collect();
    let said = values.iter().map(|calls| page.number(*calls)).collect::<Vec<_>>().join(", ");
    let title = page.t("today-line").n("days", u64::from(LINE_DAYS)).s("calls", said);
    let line = values.iter().any(|calls| *calls > 0).then(|| Spark::new("line", title, &values));

    let may_pause = reader.may(Verb::Write, Subject::Numbers);
    let mut paused = vec![];
    let mut choices = vec![(String::new(), page.t("pause-everywhere").to_string())];
    if reader.may(Verb::Read, Subject::Numbers) {
        let everywhere = pauses::get(store, by).await?.item;
        if let Some(until) = everywhere.until.filter(|_| everywhere.holds(now)) {
            let name = page.t("pause-everywhere").to_string();
            paused.push(PausedAt { number: String::new(), name, until: until_words(&page, until) });
        }
        let own = pauses::of_numbers(store, by).await?;
        for held in numbers::list(store, by, None, NUMBERS_MAX).await?.items {
            let (id, name) = (held.number.id.to_string(), page.phone(&held.number.number));
            let pause = own.get(&held.number.id).filter(|pause| pause.holds(now));
            if let Some(until) = pause.and_then(|pause| pause.until) {
                paused.push(PausedAt {
                    number: id.clone(),
                    name: name.clone(),
                    until: until_words(&page, until),
                });
            }
            choices.push((id, name));
        }
    }
    let pause_for = PAUSES.map(|word| (word.to_owned(), page.t(format!("pause-for-{word}")).to_string()));
    let status = form.status;
    let shown = TodayPage {
        date: format::date_in_text(page.today(), language),
        live,
        ringing: present.ringing,
        in_progress: present.in_progress,
        calls_max: present.calls_max,
        notices,
        dated,
        dated_seen,
        yesterday: format::date_in_text(line_days.last(), language),
        tiles,
        line,
        may_pause,
        may_close: reader.may(Verb::Write, Subject::Appointments),
        paused,
        pause_for: pause_for.to_vec(),
        numbers: choices,
        form,
        page,
    };
    show_with(status, &shown)
}

fn needs(page: &Page, notice: Notice) -> Needs {
    let key = notice.kind.as_str().replace('_', "-");
    let name = notice.name.unwrap_or_default();
    let name = name.parse().map(|number| page.phone(&number)).unwrap_or(name);
    let since = notice.since.map(|since| format::moment(since, page.now(), &page.zone(), page.language()));
    let words = page
        .t(format!("notice-{key}"))
        .s("name", name)
        .n("count", notice.count)
        .n("waiting", notice.waiting)
        .s("since", since.unwrap_or_default());
    // A way is shown where there is a page behind it.
    let way = match notice.kind {
        NoticeKind::LimitReached | NoticeKind::LimitNear => Some("/console/calls"),
        NoticeKind::CalendarCutOff | NoticeKind::CalendarGone => Some("/console/calendars"),
        NoticeKind::Clashes | NoticeKind::RemindersFailed => Some("/console/appointments"),
        NoticeKind::NumberWithoutAssistant | NoticeKind::NumberNotSetUp => Some("/console/numbers"),
        NoticeKind::Messages => Some("/console/messages"),
        NoticeKind::WebhookDead => Some("/console/settings/webhooks"),
    };
    let way = way.filter(|path| super::page::leads_somewhere(path));
    let urgent = matches!(
        notice.kind,
        NoticeKind::CalendarCutOff
            | NoticeKind::CalendarGone
            | NoticeKind::Clashes
            | NoticeKind::LimitReached
    );
    Needs { words, act: way.map(|path| (path, page.t(format!("notice-act-{key}")))), urgent }
}

fn dated_row(page: &Page, one: today::Dated, now: Timestamp) -> Dated {
    let zone = page.zone();
    let (start, end) = (zone.wall(one.appointment.time.start), zone.wall(one.appointment.time.end));
    let stands = match one.appointment.status {
        AppointmentStatus::Held => Some((page.t("today-held"), "warn")),
        AppointmentStatus::Pending => Some((page.t("today-pending"), "warn")),
        AppointmentStatus::Confirmed | AppointmentStatus::Cancelled => None,
    };
    let mark = if one.appointment.clashing { Some((page.t("today-clashing"), "bad")) } else { stands };
    Dated {
        times: format::range_in_text(start.time(), end.time(), page.language()),
        start: start.timestamp().to_string(),
        service: one.service,
        resource: one.resource,
        contact: one.contact,
        mark,
        over: one.appointment.time.end <= now,
        now: one.appointment.time.start <= now && now < one.appointment.time.end,
    }
}

/// Has the assistant step back.
async fn pause(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed.clone()).prefixed("pause-");
    let until = match typed.get("for") {
        "hour" => Some(now.plus_minutes(60)),
        "day" => Some(tomorrow_at(&reader, now, Time::midnight())),
        "morning" => Some(tomorrow_at(&reader, now, MORNING)),
        "open" => Some(UNTIL_TAKEN_BACK),
        _ => {
            let words = form.t("fault-for");
            form.fault("for", words);
            None
        }
    };
    let home = crate::domain::outgoing::hours::country_of(&reader.zone());
    let fallback = match typed.maybe("fallback-number").map(|text| pauses::fallback(text, home)) {
        Some(Err(_)) => {
            let words = form.t("fault-number");
            form.fault("fallback-number", words);
            None
        }
        Some(Ok(number)) => Some(number),
        None => None,
    };
    if form.is_wrong() {
        return shown(&doors, &reader, form).await;
    }
    // A number that is not given stays as it is.
    let change = |kept: &Pause| Pause { until, fallback: fallback.clone().or_else(|| kept.fallback.clone()) };
    match set(&doors, &reader, now, &typed, change).await {
        Ok(()) => {
            let page = Page::new(&reader, "/console/today", "", now);
            let end = until_words(&page, until.unwrap_or(UNTIL_TAKEN_BACK));
            Ok(reader.done("/console/today", &reader.t("pause-done").s("until", end)))
        }
        Err(error) => {
            let form = form.refused(error)?;
            shown(&doors, &reader, form).await
        }
    }
}

/// Takes that back.
async fn resume(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let change = |kept: &Pause| Pause { until: None, ..kept.clone() };
    set(&doors, &reader, doors.clock.now(), &typed, change).await?;
    Ok(reader.done("/console/today", &reader.t("pause-over")))
}

/// Changes the pause of the number that is named, or of all.
async fn set(
    doors: &Doors,
    reader: &Reader,
    now: Timestamp,
    typed: &Typed,
    change: impl Fn(&Pause) -> Pause,
) -> Result<(), crate::app::Error> {
    let (store, by) = (&doors.store, &reader.by);
    match typed.maybe("number") {
        None => pauses::edit(store, by, now, None, |kept| Ok(change(kept))).await.map(drop),
        Some(number) => {
            let id: NumberId = number.parse().map_err(|_| crate::app::Error::NotFound("number"))?;
            let edited = numbers::edit_with_pause(store, by, now, &id, None, |number, kept| {
                Ok((Edit { assistant: number.assistant.clone(), language: number.language }, change(kept)))
            });
            edited.await.map(drop)
        }
    }
}

fn tomorrow_at(reader: &Reader, now: Timestamp, time: Time) -> Timestamp {
    let zone = reader.zone();
    instant(zone.wall(now).date().saturating_add(1.day()), time, &zone)
}
