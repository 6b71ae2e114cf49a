//! Opening hours as people write them: "9:00–12:30, 14:00–18:00".
//!
//! What is written is read generously, and shown in one way. Says where it cannot be read; what makes no sense is said by
//! `app`.

use jiff::civil::{self, Weekday};

use super::super::{
    form::{Form, Typed},
    format,
};
use crate::{
    app::resources::DAYS,
    domain::{
        assistant::Language,
        booking::{Schedule, Window},
    },
};

/// Empty lines for dates on which other hours hold.
const EMPTY_LINES: usize = 2;
/// Lines for dates that are read from one form.
const LINES_MAX: usize = 1_000;

/// A time of day as it stands in a form; the day's end is 24:00.
fn written(at: civil::Time) -> String {
    if at == Window::DAY_END { "24:00".to_owned() } else { format!("{}:{:02}", at.hour(), at.minute()) }
}

/// Windows as they stand in a form.
pub(super) fn line(windows: &[Window]) -> String {
    let mut sorted = windows.to_vec();
    sorted.sort_unstable();
    let told = sorted.iter().map(|window| format!("{}–{}", written(window.opens), written(window.closes)));
    told.collect::<Vec<_>>().join(", ")
}

/// The days on which something opens, with their hours.
pub(super) fn week(schedule: &Schedule, language: Language) -> Vec<(String, String)> {
    let days = schedule.week.iter().enumerate().filter(|(_, windows)| !windows.is_empty());
    days.map(|(place, windows)| (day(place, language), line(windows))).collect()
}

/// The name of a weekday; Monday is 0.
pub(super) fn day(place: usize, language: Language) -> String {
    let day = i8::try_from(place).ok().and_then(|place| Weekday::from_monday_zero_offset(place).ok());
    day.map(|day| format::weekday(day, language).to_owned()).unwrap_or_default()
}

/// A time of day as somebody writes it: 9, 9:30, 09.30, 24:00.
fn time(text: &str) -> Option<civil::Time> {
    let text = text.trim().trim_end_matches("Uhr").trim();
    let (hour, minute) = text.split_once([':', '.', 'h']).unwrap_or((text, "0"));
    let minute = if minute.is_empty() { "0" } else { minute };
    let (hour, minute) = (hour.trim().parse::<i8>().ok()?, minute.trim().parse::<i8>().ok()?);
    if (hour, minute) == (24, 0) {
        return Some(Window::DAY_END);
    }
    civil::Time::new(hour, minute, 0, 0).ok()
}

/// Windows as somebody writes them; nothing written is closed.
pub(super) fn read(text: &str) -> Option<Vec<Window>> {
    let parts = text.split([',', ';', '/']).flat_map(|part| part.split(" und ")).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (opens, closes) = part.split_once(['–', '-', '—']).or_else(|| part.split_once(" bis "))?;
            let closes = match time(closes)? {
                // Midnight at the end of a day is its end.
                midnight if midnight == civil::Time::midnight() => Window::DAY_END,
                closes => closes,
            };
            Some(Window { opens: time(opens)?, closes })
        })
        .collect()
}

/// A schedule as it stands in a form.
pub(super) fn typed(schedule: &Schedule) -> Typed {
    let mut typed = Typed::default();
    for (day, windows) in DAYS.iter().zip(&schedule.week) {
        typed = typed.with(format!("week-{day}"), line(windows));
    }
    for (n, (date, windows)) in schedule.exceptions.iter().enumerate() {
        typed = typed.with(format!("date-{n}"), date).with(format!("hours-{n}"), line(windows));
    }
    typed
}

/// How many lines for dates a form shows.
pub(super) fn lines(typed: &Typed) -> usize {
    let used = (0..LINES_MAX).take_while(|n| typed.ticked(&format!("date-{n}")));
    let last = used.filter(|n| typed.maybe(&format!("date-{n}")).is_some()).last();
    last.map_or(0, |last| last + 1) + EMPTY_LINES
}

/// The schedule that a form says; what cannot be read is noted. What is closed besides stays as it is.
pub(super) fn schedule(form: &mut Form, kept: &Schedule) -> Option<Schedule> {
    let mut wanted = Schedule { closures: kept.closures.clone(), ..Schedule::default() };
    let typed = form.typed().clone();
    let mut faults: Vec<(String, String)> = Vec::new();
    for (place, name) in DAYS.iter().enumerate() {
        let field = format!("week-{name}");
        let windows = windows(form, typed.get(&field), &kept.week[place]);
        match windows {
            Ok(windows) => wanted.week[place] = windows,
            Err(words) => faults.push((field, words)),
        }
    }
    for n in (0..LINES_MAX).take_while(|n| typed.ticked(&format!("date-{n}"))) {
        let (field, hours) = (format!("date-{n}"), format!("hours-{n}"));
        let Some(text) = typed.maybe(&field) else { continue };
        let Ok(date) = text.parse::<civil::Date>() else {
            faults.push((field, form.t("fault-date").to_string()));
            continue;
        };
        let before = kept.exceptions.get(&date).map(Vec::as_slice).unwrap_or_default();
        match windows(form, typed.get(&hours), before) {
            Ok(windows) => drop(wanted.exceptions.insert(date, windows)),
            Err(words) => faults.push((hours, words)),
        }
    }
    let right = faults.is_empty();
    for (field, words) in faults {
        form.fault(&field, words);
    }
    right.then_some(wanted)
}

/// The windows of one day, or a sentence that says what would be right. Hours past midnight stay, and are not begun here.
fn windows(form: &Form, text: &str, kept: &[Window]) -> Result<Vec<Window>, String> {
    let Some(windows) = read(text) else { return Err(form.t("fault-hours").to_string()) };
    match windows.iter().find(|one| one.closes <= one.opens && !kept.contains(one)) {
        Some(backwards) => Err(form.t("fault-hours-end").s("from", written(backwards.opens)).to_string()),
        None => Ok(windows),
    }
}
