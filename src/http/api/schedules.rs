//! `/api/schedules`: when resources are open. One schedule for each resource, under the resource's id.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id};
use crate::{
    app::{
        self, Faults,
        resources::{self, DAYS},
    },
    domain::{
        booking::{Resource, Schedule, Window},
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, replace, edit))
}

/// A window as it is written: two wall times, such as `["09:00", "12:00"]`. The day's end is `24:00`; one that closes
/// before it opens reaches into the next day.
pub(super) type WindowForm = (String, String);

/// Opening hours, in the tenant's zone.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({
    "week": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "thu": [["09:00", "12:00"]]},
    "exceptions": {"2027-12-24": [], "2027-12-27": [["10:00", "14:00"]]}
}))]
pub(super) struct Hours {
    /// Windows per weekday: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. A break is two windows.
    #[schema(value_type = BTreeMap<String, Vec<Vec<String>>>)]
    week: BTreeMap<String, Vec<WindowForm>>,
    /// Dates on which other windows hold, which may open a closed day; no windows means closed.
    #[schema(value_type = BTreeMap<String, Vec<Vec<String>>>)]
    exceptions: BTreeMap<String, Vec<WindowForm>>,
}

impl Hours {
    /// As it is shown.
    pub(super) fn of(schedule: &Schedule) -> Self {
        let week = DAYS.iter().zip(&schedule.week).filter(|(_, hours)| !hours.is_empty());
        Self {
            week: week.map(|(day, hours)| ((*day).to_owned(), forms(hours))).collect(),
            exceptions: schedule
                .exceptions
                .iter()
                .map(|(date, hours)| (date.to_string(), forms(hours)))
                .collect(),
        }
    }

    /// The schedule, which lies at `at` in the body.
    pub(super) fn schedule(self, at: &str) -> Result<Schedule, app::Error> {
        let mut faults = Faults::new();
        let mut schedule = Schedule::default();
        for (day, forms) in self.week {
            let place = DAYS.iter().position(|known| *known == day);
            let days = DAYS.join(", ");
            faults.unless(
                place.is_some(),
                format!("{at}/week/{day}"),
                format!("is no day; there are {days}"),
            );
            if let Some(hours) = place.and_then(|place| schedule.week.get_mut(place)) {
                *hours = windows(forms, &format!("{at}/week/{day}"), &mut faults);
            }
        }
        for (date, forms) in self.exceptions {
            let at = format!("{at}/exceptions/{date}");
            let read = date.parse::<civil::Date>().map_err(|_| "is no date, such as 2027-12-24");
            if let Some(date) = faults.take(read, &at) {
                schedule.exceptions.insert(date, windows(forms, &at, &mut faults));
            }
        }
        faults.settle()?;
        Ok(schedule)
    }
}

fn forms(hours: &[Window]) -> Vec<WindowForm> {
    let time = |at: civil::Time| {
        if at == Window::DAY_END { "24:00".to_owned() } else { at.strftime("%H:%M").to_string() }
    };
    hours.iter().map(|window| (time(window.opens), time(window.closes))).collect()
}

pub(super) fn windows(forms: Vec<WindowForm>, at: &str, faults: &mut Faults) -> Vec<Window> {
    let read: Vec<Window> = forms
        .into_iter()
        .enumerate()
        .filter_map(|(index, (opens, closes))| {
            let opens = faults.take(wall_time(&opens), format!("{at}/{index}/0"));
            let closes = match closes.as_str() {
                "24:00" => Some(Window::DAY_END),
                closes => faults.take(wall_time(closes), format!("{at}/{index}/1")),
            };
            Some(Window { opens: opens?, closes: closes? })
        })
        .collect();
    read
}

pub(super) fn wall_time(text: &str) -> Result<civil::Time, &'static str> {
    const WRONG: &str = "is no time of day, such as 09:30";
    let (hours, minutes) = text.split_once(':').ok_or(WRONG)?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<i8>().ok()).flatten().ok_or(WRONG)
    };
    civil::Time::new(two(hours)?, two(minutes)?, 0, 0).map_err(|_| WRONG)
}

/// The opening hours of a resource.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleShown {
    /// The resource's id.
    resource: String,
    #[serde(flatten)]
    hours: Hours,
}

fn show_one(resource: &Resource) -> ScheduleShown {
    ScheduleShown { resource: resource.id.to_string(), hours: Hours::of(&resource.schedule) }
}

fn tagged(resource: &Revised<Resource>) -> Tagged<ScheduleShown> {
    Tagged::shown(show_one(&resource.item), resource.revision)
}

/// The schedules, in the order in which their resources were made.
#[utoipa::path(get, path = "/api/schedules", tag = "schedules", params(PageAsked),
    responses((status = OK, body = Listed<ScheduleShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ScheduleShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = resources::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |resource| show_one(&resource)))
}

/// The schedule of one resource.
#[utoipa::path(get, path = "/api/schedules/{resource}", tag = "schedules",
    params(("resource", description = "The resource's id.")), responses((status = OK, body = ScheduleShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
) -> Result<Tagged<ScheduleShown>, Problem> {
    Ok(tagged(&resources::schedule(&doors.store, &by, &id(&resource)?).await?))
}

/// Gives a resource another schedule.
#[utoipa::path(put, path = "/api/schedules/{resource}", tag = "schedules",
    params(("resource", description = "The resource's id.")), request_body = Hours,
    responses((status = OK, body = ScheduleShown)))]
async fn replace(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Seen(seen): Seen,
    Body(hours): Body<Hours>,
) -> Result<Tagged<ScheduleShown>, Problem> {
    let resource = id(&resource)?;
    let now = doors.clock.now();
    let changed = resources::reschedule(&doors.store, &by, now, &resource, seen, |_| hours.schedule(""));
    Ok(tagged(&changed.await?))
}

/// Changes a schedule: a JSON merge patch, such as one more exception.
#[utoipa::path(patch, path = "/api/schedules/{resource}", tag = "schedules",
    params(("resource", description = "The resource's id.")), request_body = MergePatch,
    responses((status = OK, body = ScheduleShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ScheduleShown>, Problem> {
    let resource = id(&resource)?;
    let now = doors.clock.now();
    let changed = resources::reschedule(&doors.store, &by, now, &resource, seen, |kept| {
        patch.over(&Hours::of(kept))?.schedule("")
    });
    Ok(tagged(&changed.await?))
}
