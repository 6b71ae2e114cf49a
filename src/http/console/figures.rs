//! `/console/figures`: what calls came to, in charts, tables and a file.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing::get,
};

use super::{
    charts::{Bars, Point},
    failure::Failure,
    form::{Form, Typed},
    format,
    page::{Page, show_with},
    visitor::Reader,
    words::Said,
};
use crate::{
    app::{
        analytics::{self, Report, Wanted},
        assistants, numbers,
    },
    domain::{
        assistant::Language,
        figures::{Days, Figures, Grain, change},
        money::MicroUsd,
        people::{Subject, Verb},
    },
    http::{Doors, api},
};

/// Assistants and numbers to choose from, at most.
const CHOICES_MAX: u32 = 200;

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/figures", get(figures)).route("/console/figures/file", get(file))
}

#[derive(Template)]
#[template(path = "figures/figures.html", config = ".askama.toml")]
struct FiguresPage {
    page: Page,
    form: Form,
    grains: Vec<(String, String)>,
    assistants: Vec<(String, String)>,
    numbers: Vec<(String, String)>,
    shown: Option<Shown>,
}

/// The figures of a report, as they are shown.
struct Shown {
    days: String,
    before: String,
    tiles: Vec<Tile>,
    calls: Bars,
    booked: Bars,
    hours: Bars,
    outcomes: Vec<(String, String)>,
    tables: Vec<Table>,
    file: String,
}

/// One figure with its change.
#[derive(Clone)]
pub(super) struct Tile {
    /// What it is.
    pub name: Said,
    /// The figure.
    pub value: String,
    /// By how much it has changed, in words; nothing where there is nothing to compare with.
    pub change: Option<Said>,
}

/// Figures laid together by something.
struct Table {
    id: &'static str,
    title: Said,
    of: Said,
    rows: Vec<TableRow>,
}

struct TableRow {
    of: String,
    calls: String,
    answered: String,
    minutes: String,
    cost: String,
}

/// A figure, and how it compares.
pub(super) fn tile(page: &Page, key: &'static str, value: String, before: u64, after: u64) -> Tile {
    let change = change(before, after).map(|by| {
        let percent = format::percent(by.abs(), page.language());
        if by > 0.0 {
            page.t("figures-more").s("percent", percent)
        } else if by < 0.0 {
            page.t("figures-less").s("percent", percent)
        } else {
            page.t("figures-same")
        }
    });
    Tile { name: page.t(key), value, change }
}

/// What stretches of days are called on an axis and in a table.
fn names(days: Days, grain: Grain, language: Language) -> (String, String) {
    match grain {
        Grain::Day => (format::date_in_list(days.from, language), format::date_in_text(days.from, language)),
        Grain::Week => {
            let week = format::week(days.from, language);
            let long = format!("{week} {}", format::date(days.from, language));
            (week, long)
        }
        Grain::Month => {
            let month = format::month(days.from.month(), language);
            (month.to_owned(), format!("{month} {}", days.from.year()))
        }
    }
}

fn cost(sum: MicroUsd, language: Language) -> String {
    format::dollars(sum, language)
}

/// What one typed to see some figures only.
fn wanted(form: &mut Form) -> Wanted {
    let typed = form.typed().clone();
    let mut wanted = Wanted::default();
    for name in ["from", "until"] {
        match typed.maybe(name).map(str::parse) {
            Some(Ok(date)) if name == "from" => wanted.from = Some(date),
            Some(Ok(date)) => wanted.until = Some(date),
            Some(Err(_)) => {
                let words = form.t("fault-date");
                form.fault(name, words);
            }
            None => {}
        }
    }
    wanted.grain = typed.maybe("by").and_then(Grain::parse).unwrap_or(Grain::Day);
    wanted.assistant = typed.maybe("assistant").and_then(|id| id.parse().ok());
    wanted.number = typed.maybe("number").and_then(|id| id.parse().ok());
    wanted
}

async fn figures(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let mut form = Form::new(reader.language, Typed::read(query.as_bytes()));
    let now = doors.clock.now();
    let wanted = wanted(&mut form);
    let named = assistants::list(&doors.store, &reader.by, None, CHOICES_MAX).await?.items;
    let named: Vec<(String, String)> = named.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
    let plain = Page::new(&reader, "/console/figures", reader.t("nav-figures"), now);
    let mut held = vec![];
    if reader.may(Verb::Read, Subject::Numbers) {
        let all = numbers::list(&doors.store, &reader.by, None, CHOICES_MAX).await?.items;
        held =
            all.into_iter().map(|one| (one.number.id.to_string(), plain.phone(&one.number.number))).collect();
    }
    let mut shown = None;
    if !form.is_wrong() {
        match analytics::report(&doors.store, &reader.by, now, &wanted).await {
            Ok(report) => shown = Some(show_report(&plain, &report, &named, &held, &query)),
            Err(error) => form = form.refused(error)?,
        }
    }
    let page = plain.with_form(&form);
    let any = |key: &str, choices: Vec<(String, String)>| {
        std::iter::once((String::new(), page.t(key).to_string())).chain(choices).collect::<Vec<_>>()
    };
    let grains = Grain::ALL
        .map(|one| (one.as_str().to_owned(), page.t(format!("grain-{}", one.as_str())).to_string()));
    let (assistants, numbers) = (any("figures-all", named), any("figures-all", held));
    let status = form.status;
    show_with(status, &FiguresPage { grains: grains.to_vec(), assistants, numbers, shown, form, page })
}

fn show_report(
    page: &Page,
    report: &Report,
    assistants: &[(String, String)],
    numbers: &[(String, String)],
    query: &str,
) -> Shown {
    let language = page.language();
    let (total, before) = (&report.total, &report.before);
    let span = |days: Days| {
        format!("{} – {}", format::date(days.from, language), format::date(days.last(), language))
    };
    let count = |key: &'static str, of: fn(&Figures) -> u64| {
        tile(page, key, page.number(of(total)), of(before), of(total))
    };
    let mut tiles = vec![
        count("figures-calls", |figures| figures.calls),
        count("figures-answered", |figures| figures.answered),
        count("figures-missed", |figures| figures.missed),
        count("figures-no-answer", |figures| figures.no_answer),
        count("figures-minutes", |figures| figures.minutes),
        count("figures-transfers-taken", |figures| figures.transfers_taken),
        count("figures-transfers-missed", |figures| figures.transfers_missed),
        count("figures-booked", |figures| figures.booked),
        count("figures-moved", |figures| figures.moved),
        count("figures-cancelled", |figures| figures.cancelled),
        count("figures-interruptions", |figures| figures.interruptions),
    ];
    let latency = |figures: &Figures| figures.waits.percentile(50).unwrap_or(0);
    if let Some(median) = total.waits.percentile(50) {
        let value = page.t("quality-latency-value").n("ms", median).to_string();
        tiles.push(tile(page, "figures-latency", value, latency(before), median));
    }
    let micro = |figures: &Figures| u64::try_from(figures.cost().0).unwrap_or(0);
    tiles.push(tile(page, "figures-cost", cost(total.cost(), language), micro(before), micro(total)));
    let points = |of: fn(&Figures) -> u64| {
        let points = report.stretches.iter().map(|(days, figures)| {
            let (short, label) = names(*days, report.grain, language);
            let value = of(figures);
            Point { short, label, value, shown: page.number(value) }
        });
        points.collect::<Vec<_>>()
    };
    let hours = report.hours.iter().enumerate().map(|(hour, calls)| Point {
        short: format!("{hour:02}:00"),
        label: format!("{hour:02}:00–{:02}:00", hour + 1),
        value: *calls,
        shown: page.number(*calls),
    });
    let bars = |id, title: &str, of: &str, how_many: &str, points| {
        Bars::new(language, id, page.t(title), page.t(of), page.t(how_many), points)
    };
    let outcomes = total.outcomes.iter().map(|(outcome, calls)| {
        let key = format!("outcome-{}", outcome.as_str().replace('_', "-"));
        (page.t(key).to_string(), page.number(*calls))
    });
    let known = |choices: &[(String, String)], id: &str| {
        choices
            .iter()
            .find(|(known, _)| known == id)
            .map_or_else(|| page.t("figures-removed").to_string(), |(_, name)| name.clone())
    };
    let row = |of: String, figures: &Figures| TableRow {
        of,
        calls: page.number(figures.calls),
        answered: page.number(figures.answered),
        minutes: page.number(figures.minutes),
        cost: cost(figures.cost(), language),
    };
    let country = |code: &str| {
        if code.is_empty() { page.t("withheld").to_string() } else { code.to_owned() }
    };
    let tables = vec![
        Table {
            id: "by-assistant",
            title: page.t("figures-by-assistant"),
            of: page.t("figures-assistant"),
            rows: report
                .assistants
                .iter()
                .map(|(id, figures)| row(known(assistants, id.as_str()), figures))
                .collect(),
        },
        Table {
            id: "by-number",
            title: page.t("figures-by-number"),
            of: page.t("figures-number"),
            rows: report
                .numbers
                .iter()
                .map(|(id, figures)| row(known(numbers, id.as_str()), figures))
                .collect(),
        },
        Table {
            id: "by-country",
            title: page.t("figures-by-country"),
            of: page.t("figures-country"),
            rows: report.countries.iter().map(|(code, figures)| row(country(code), figures)).collect(),
        },
    ];
    Shown {
        days: span(report.days),
        before: span(report.days_before),
        calls: bars("calls", "figures-chart-calls", "figures-days", "figures-calls", points(|one| one.calls)),
        booked: bars(
            "booked",
            "figures-chart-booked",
            "figures-days",
            "figures-booked",
            points(|one| one.booked),
        ),
        hours: bars("hours", "figures-chart-hours", "figures-hour", "figures-calls", hours.collect()),
        outcomes: outcomes.collect(),
        tables,
        tiles,
        file: format!("/console/figures/file?{query}"),
    }
}

/// The same as a file.
async fn file(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, Typed::read(query.unwrap_or_default().as_bytes()));
    let report = analytics::report(&doors.store, &reader.by, doors.clock.now(), &wanted(&mut form)).await?;
    Ok(api::analytics::summary_file(&report, reader.language))
}
