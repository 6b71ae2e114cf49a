//! `/console/availability/closing`: closing days and absences, each one entry, and the public holidays that can be ticked.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use jiff::civil;

use super::{
    super::{
        failure::Failure,
        form::{Form, Typed},
        format,
        page::{Page, show_with},
        visitor::Reader,
    },
    PATH, must,
    resource::saved,
};
use crate::{
    app::{
        self,
        bookings::{self, Catalogue},
        closures, stranded,
    },
    domain::{
        booking::Window,
        closing::{Closure, ClosureKind, Part},
        holidays::Land,
        id::{ClosureId, ResourceId},
        people::{Subject, Verb},
        revision::Revised,
    },
    http::Doors,
    platform::ids,
};

/// Entries that are shown.
const SHOWN_MAX: u32 = 1_000;

/// An entry in a list.
pub(super) struct Row {
    pub id: String,
    pub when: String,
    pub name: String,
    pub who: String,
    pub yearly: bool,
    resource: Option<ResourceId>,
    next: civil::Date,
}

impl Row {
    /// Whether it keeps that resource away.
    pub(super) fn concerns(&self, resource: &ResourceId) -> bool {
        self.resource.as_ref().is_none_or(|own| own == resource)
    }
}

fn kind(closure: &Closure) -> &'static str {
    match closure.kind {
        ClosureKind::Closing => "closure-closing",
        ClosureKind::Holiday => "closure-holiday",
        ClosureKind::Absence => "closure-absence",
    }
}

/// When it is, from that date on.
fn when(reader: &Reader, closure: &Closure, from: civil::Date) -> Option<(civil::Date, String)> {
    let (first, last) = closure.next(from)?;
    let language = reader.language;
    let mut words = format::date(first, language);
    if last > first {
        words = format!("{words} – {}", format::date(last, language));
    }
    let clock = |at: civil::Time| if at == Window::DAY_END { civil::Time::midnight() } else { at };
    match closure.part {
        Part::Whole => {}
        Part::Daily { from, until } => {
            words = format!("{words}, {}", format::range_in_text(from, clock(until), language));
        }
        Part::Through { from, until } if first == last => {
            words = format!("{words}, {}", format::range_in_text(from, clock(until), language));
        }
        Part::Through { from, until } => {
            let until = if until == Window::DAY_END { "24:00".to_owned() } else { format::clock(until) };
            words = format!("{words}, {} – {until}", format::clock(from));
        }
    }
    Some((first, words))
}

/// What is to come, soonest first.
pub(super) async fn coming(
    doors: &Doors,
    reader: &Reader,
    catalogue: &Catalogue,
) -> Result<Vec<Row>, Failure> {
    let today = reader.zone().wall(doors.clock.now()).date();
    let all = closures::list(&doors.store, &reader.by, None, SHOWN_MAX).await?;
    let mut rows: Vec<Row> = all
        .items
        .into_iter()
        .filter_map(|kept| {
            let closure = kept.item;
            let (next, when) = when(reader, &closure, today)?;
            let who = closure.resource.as_ref();
            let who = who.and_then(|id| catalogue.resources.iter().find(|one| one.id == *id));
            Some(Row {
                id: closure.id.to_string(),
                when,
                name: match closure.name.is_empty() {
                    true => reader.t(kind(&closure)).to_string(),
                    false => closure.name.clone(),
                },
                who: who
                    .map_or_else(|| reader.t("appointments-everybody").to_string(), |one| one.name.clone()),
                yearly: closure.yearly,
                resource: closure.resource,
                next,
            })
        })
        .collect();
    rows.sort_by(|a, b| a.next.cmp(&b.next).then_with(|| a.name.cmp(&b.name)));
    Ok(rows)
}

#[derive(Template)]
#[template(path = "availability/closing.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    rows: Vec<Row>,
    may_write: bool,
}

pub(super) async fn list(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let shown = ListPage {
        rows: coming(&doors, &reader, &catalogue).await?,
        may_write: reader.may(Verb::Write, Subject::Resources),
        page: Page::new(&reader, PATH, reader.t("closing-title"), doors.clock.now()),
    };
    show_with(axum::http::StatusCode::OK, &shown)
}

#[derive(Template)]
#[template(path = "availability/closing_one.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    id: Option<String>,
    form: Form,
    remove: Form,
    resources: Vec<(String, String)>,
    kinds: Vec<(String, String)>,
    may_write: bool,
}

fn clock(at: civil::Time) -> String {
    if at == Window::DAY_END { String::new() } else { format::clock(at) }
}

fn typed(kept: &Revised<Closure>) -> Typed {
    let closure = &kept.item;
    let (from, until, through) = match closure.part {
        Part::Whole => (String::new(), String::new(), false),
        Part::Daily { from, until } => (format::clock(from), clock(until), false),
        Part::Through { from, until } => (format::clock(from), clock(until), true),
    };
    let mut typed = Typed::default()
        .with("name", &closure.name)
        .with("kind", closure.kind.as_str())
        .with("resource", closure.resource.as_ref().map_or("", ResourceId::as_str))
        .with("first", closure.first)
        .with("last", closure.last)
        .with("from", from)
        .with("until", until)
        .with("seen", kept.revision);
    if through {
        typed = typed.with("through", "yes");
    }
    if closure.yearly {
        typed = typed.with("yearly", "yes");
    }
    typed
}

/// The closure that a form says; what cannot be read is noted.
fn read(form: &mut Form, id: ClosureId) -> Option<Closure> {
    let typed = form.typed().clone();
    let date = |text: Option<&str>| text.map(|text| text.parse::<civil::Date>());
    let first = date(Some(typed.get("first"))).and_then(Result::ok);
    if first.is_none() {
        let words = form.t("fault-date");
        form.fault("first", words);
    }
    let last = match date(typed.maybe("last")) {
        None => first,
        Some(Ok(last)) => Some(last),
        Some(Err(_)) => {
            let words = form.t("fault-date");
            form.fault("last", words);
            None
        }
    };
    let mut time = |field: &str| {
        let read = typed.maybe(field).map(|text| text.parse::<civil::Time>());
        if matches!(read, Some(Err(_))) {
            let words = form.t("fault-time");
            form.fault(field, words);
        }
        read.and_then(Result::ok)
    };
    let (from, until) = (time("from"), time("until"));
    let part = match (from, until) {
        (None, None) => Part::Whole,
        (from, until) => {
            let from = from.unwrap_or(civil::Time::midnight());
            let until = until.filter(|at| *at != civil::Time::midnight()).unwrap_or(Window::DAY_END);
            match typed.ticked("through") {
                true => Part::Through { from, until },
                false => Part::Daily { from, until },
            }
        }
    };
    let (first, last) = (first?, last?);
    (!form.is_wrong()).then(|| Closure {
        id,
        resource: typed.get("resource").parse().ok(),
        kind: typed.get("kind").parse().unwrap_or(ClosureKind::Closing),
        name: typed.get("name").to_owned(),
        first,
        last,
        part,
        yearly: typed.ticked("yearly"),
    })
}

async fn one_shown(
    doors: &Doors,
    reader: &Reader,
    id: Option<&ClosureId>,
    form: Form,
) -> Result<Response, Failure> {
    let catalogue = bookings::catalogue(&doors.store, reader.by.tenant()).await?;
    let mut resources = vec![(String::new(), reader.t("appointments-everybody").to_string())];
    resources.extend(catalogue.resources.iter().map(|one| (one.id.to_string(), one.name.clone())));
    let kinds = ClosureKind::ALL.map(|kind| {
        let key = match kind {
            ClosureKind::Closing => "closing-kind-closing",
            ClosureKind::Holiday => "closing-kind-holiday",
            ClosureKind::Absence => "closing-kind-absence",
        };
        (kind.as_str().to_owned(), reader.t(key).to_string())
    });
    let title = if id.is_some() { "closing-edit" } else { "closing-new" };
    let page = Page::new(reader, PATH, reader.t(title), doors.clock.now()).with_form(&form);
    let seen = Typed::default().with("seen", form.typed().get("seen"));
    let is_absence = form.typed().get("kind") == ClosureKind::Absence.as_str();
    let away = is_absence && form.typed().maybe("resource").is_some();
    let shown = OnePage {
        id: id.map(ToString::to_string),
        remove: Form::new(reader.language, seen).prefixed("remove-"),
        resources,
        kinds: kinds.into(),
        // Whoever looks after callers may say that somebody is away, and nothing else.
        may_write: reader.may(Verb::Write, Subject::Resources)
            || (reader.may(Verb::Write, Subject::Appointments) && (id.is_none() || away)),
        page,
        form,
    };
    show_with(shown.form.status, &shown)
}

pub(super) async fn new_page(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    must(&reader, Subject::Resources)?;
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    one_shown(&doors, &reader, None, Form::new(reader.language, asked)).await
}

async fn done(doors: &Doors, reader: &Reader, closure: &ClosureId) -> Result<Response, Failure> {
    let hit = stranded::Wanted { resource: None, closure: Some(closure.clone()), kept: false };
    let found = stranded::list(&doors.store, &reader.by, doors.clock.now(), &hit).await?;
    Ok(saved(reader, &format!("{PATH}/closing"), &format!("closure={closure}"), &found))
}

pub(super) async fn create(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let mut form = Form::new(reader.language, typed);
    let Some(wanted) = read(&mut form, ClosureId::of(ids::fresh(now))) else {
        return one_shown(&doors, &reader, None, form).await;
    };
    match closures::create(&doors.store, &reader.by, now, wanted).await {
        Ok(made) => done(&doors, &reader, &made.item.id).await,
        Err(error) => one_shown(&doors, &reader, None, form.refused(error)?).await,
    }
}

fn id(text: &str) -> Result<ClosureId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

pub(super) async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(closure): Path<String>,
) -> Result<Response, Failure> {
    let id = id(&closure)?;
    let kept = closures::get(&doors.store, &reader.by, &id).await?;
    one_shown(&doors, &reader, Some(&id), Form::new(reader.language, typed(&kept))).await
}

pub(super) async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(closure): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let (id, now) = (id(&closure)?, doors.clock.now());
    let mut form = Form::new(reader.language, typed);
    let Some(wanted) = read(&mut form, id.clone()) else {
        return one_shown(&doors, &reader, Some(&id), form).await;
    };
    let seen = form.typed().seen();
    match closures::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(wanted)).await {
        Ok(_) => done(&doors, &reader, &id).await,
        Err(error) => {
            let form = if matches!(error, app::Error::Stale) {
                form.stale(
                    self::typed(&closures::get(&doors.store, &reader.by, &id).await?),
                    reader.faster(&doors, id.as_str()).await?,
                )
            } else {
                form.refused(error)?
            };
            one_shown(&doors, &reader, Some(&id), form).await
        }
    }
}

pub(super) async fn remove(
    State(doors): State<Doors>,
    reader: Reader,
    Path(closure): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = id(&closure)?;
    closures::remove(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen()).await?;
    Ok(reader.done(&format!("{PATH}/closing"), &reader.t("closing-removed")))
}

#[derive(Template)]
#[template(path = "availability/holidays.html", config = ".askama.toml")]
struct HolidaysPage {
    page: Page,
    form: Form,
    lands: Vec<(String, String)>,
    years: Vec<(String, String)>,
    land: String,
    year: i16,
    rows: Vec<HolidayRow>,
    may_write: bool,
}

struct HolidayRow {
    date: civil::Date,
    words: String,
    name: String,
    partly: bool,
    since: Option<i64>,
    closure: Option<String>,
}

pub(super) async fn holidays(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(asked): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(asked.unwrap_or_default().as_bytes());
    let now = doors.clock.now();
    let page = Page::new(&reader, PATH, reader.t("holidays-title"), now);
    let this = page.today().year();
    let year = asked.get("year").parse::<i16>().unwrap_or(this);
    let land = asked.get("region").parse::<Land>().ok();
    let mut rows = Vec::new();
    if let Some(land) = land {
        for proposed in closures::propose(&doors.store, &reader.by, land, year).await? {
            let holiday = proposed.holiday;
            rows.push(HolidayRow {
                date: holiday.date,
                words: format::date_in_text(holiday.date, reader.language),
                name: holiday.what.name(reader.language).to_owned(),
                partly: !holiday.everywhere,
                since: holiday.since.map(i64::from),
                closure: proposed.closure.map(|id| id.to_string()),
            });
        }
    }
    let code = land.map_or("", Land::code);
    let typed = Typed::default().with("region", code).with("year", year);
    let mut lands = vec![(String::new(), reader.t("holidays-choose").to_string())];
    lands.extend(Land::ALL.map(|land| (land.code().to_owned(), land.title().to_owned())));
    let shown = HolidaysPage {
        form: Form::new(reader.language, typed),
        lands,
        years: (this..=this + 2).map(|year| (year.to_string(), year.to_string())).collect(),
        land: code.to_owned(),
        year,
        rows,
        may_write: reader.may(Verb::Write, Subject::Resources),
        page,
    };
    show_with(axum::http::StatusCode::OK, &shown)
}

/// The holidays that are ticked become closing days of that one year.
pub(super) async fn tick(
    State(doors): State<Doors>,
    reader: Reader,
    typed: Typed,
) -> Result<Response, Failure> {
    must(&reader, Subject::Resources)?;
    let now = doors.clock.now();
    let land: Land = typed.get("region").parse().map_err(|_| Failure::NotFound)?;
    let year: i16 = typed.get("year").parse().map_err(|_| Failure::NotFound)?;
    let mut entered = 0_usize;
    for proposed in closures::propose(&doors.store, &reader.by, land, year).await? {
        let date = proposed.holiday.date;
        if proposed.closure.is_some() || !typed.holds("day", &date.to_string()) {
            continue;
        }
        let wanted = Closure {
            id: ClosureId::of(ids::fresh(now)),
            resource: None,
            kind: ClosureKind::Holiday,
            name: proposed.holiday.what.name(reader.language).to_owned(),
            first: date,
            last: date,
            part: Part::Whole,
            yearly: false,
        };
        closures::create(&doors.store, &reader.by, now, wanted).await?;
        entered += 1;
    }
    let found = stranded::list(&doors.store, &reader.by, now, &stranded::Wanted::default()).await?;
    if !found.items.is_empty() && entered > 0 {
        return Ok(saved(&reader, &format!("{PATH}/closing"), "", &found));
    }
    let words = reader.t("holidays-entered").n("count", entered);
    Ok(reader.done(&format!("{PATH}/closing"), &words))
}
