//! `/api/closures` and `/api/holidays`: closing days and absences, and the public holidays that are proposed.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::{date, instant as read_instant},
    form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id},
    schedules::wall_time,
    stranded::{StrandedShown, shown},
};
use crate::{
    app::{
        self, Faults,
        closures::{self, Proposed, Until},
        stranded,
    },
    domain::{
        assistant::Language,
        booking::Window,
        closing::{Closure, ClosureKind, Part},
        holidays::Land,
        id::{ClosureId, ResourceId},
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(absence))
        .routes(routes!(propose))
}

/// A closing day or an absence. It is taken off the opening hours of one resource, or of all of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Betriebsferien", "first": "2027-07-26", "last": "2027-08-06" }))]
struct ClosureForm {
    /// The id of the resource that is not there; all of them when left out.
    resource: Option<String>,
    /// `closing`, `holiday` or `absence`.
    #[serde(default = "closing")]
    #[schema(default = "closing")]
    kind: String,
    /// What it is called. Callers are never told.
    #[serde(default)]
    name: String,
    /// Its first date.
    #[schema(format = Date)]
    first: String,
    /// Its last date, which belongs to it; the first when left out.
    #[schema(format = Date)]
    last: Option<String>,
    /// From which time of day on; from its beginning when left out.
    #[schema(example = "12:00")]
    from: Option<String>,
    /// Until which time of day; until its end, `24:00`, when left out.
    #[schema(example = "24:00")]
    until: Option<String>,
    /// Whether `from` and `until` hold on each date. Otherwise it lasts from `from` of the first date through to `until` of
    /// the last.
    #[serde(default = "yes")]
    #[schema(default = true)]
    daily: bool,
    /// Whether it comes again every year.
    #[serde(default)]
    yearly: bool,
}

fn closing() -> String {
    ClosureKind::Closing.as_str().to_owned()
}

fn yes() -> bool {
    true
}

/// A closing day or an absence.
#[derive(Serialize, ToSchema)]
pub(super) struct ClosureShown {
    /// Its id.
    id: String,
    /// The id of the resource that is not there; null for all of them.
    #[schema(required)]
    resource: Option<String>,
    /// `closing`, `holiday` or `absence`.
    kind: &'static str,
    name: String,
    #[schema(format = Date)]
    first: String,
    #[schema(format = Date)]
    last: String,
    #[schema(required)]
    from: Option<String>,
    #[schema(required)]
    until: Option<String>,
    daily: bool,
    yearly: bool,
}

fn clock(at: civil::Time) -> String {
    if at == Window::DAY_END { "24:00".to_owned() } else { at.strftime("%H:%M").to_string() }
}

impl ClosureForm {
    fn of(closure: &Closure) -> Self {
        let (from, until, daily) = match closure.part {
            Part::Whole => (None, None, true),
            Part::Daily { from, until } => (Some(clock(from)), Some(clock(until)), true),
            Part::Through { from, until } => (Some(clock(from)), Some(clock(until)), false),
        };
        Self {
            resource: closure.resource.as_ref().map(ToString::to_string),
            kind: closure.kind.as_str().to_owned(),
            name: closure.name.clone(),
            first: closure.first.to_string(),
            last: Some(closure.last.to_string()),
            from,
            until,
            daily,
            yearly: closure.yearly,
        }
    }

    fn closure(self, id: ClosureId) -> Result<Closure, app::Error> {
        let mut faults = Faults::new();
        let resource = self.resource.map(|text| {
            let none = "there is no such resource";
            faults.take(text.parse::<ResourceId>().map_err(|_| none), "/resource")
        });
        let kind = faults.take(self.kind.parse::<ClosureKind>(), "/kind");
        let first = faults.take(date(&self.first), "/first");
        let last = self.last.map_or(first, |text| faults.take(date(&text), "/last"));
        let from = self.from.as_ref().map(|text| faults.take(wall_time(text), "/from"));
        let until = self.until.as_ref().map(|text| match text.as_str() {
            "24:00" => Some(Window::DAY_END),
            text => faults.take(wall_time(text), "/until"),
        });
        let (Some(kind), Some(first), Some(last), true) = (kind, first, last, faults.is_empty()) else {
            return Err(faults.refusal());
        };
        let times =
            (from.flatten().unwrap_or(civil::Time::midnight()), until.flatten().unwrap_or(Window::DAY_END));
        let part = match times {
            _ if self.from.is_none() && self.until.is_none() => Part::Whole,
            (from, until) if self.daily => Part::Daily { from, until },
            (from, until) => Part::Through { from, until },
        };
        let resource = resource.flatten();
        Ok(Closure { id, resource, kind, name: self.name, first, last, part, yearly: self.yearly })
    }
}

fn show_one(closure: &Closure) -> ClosureShown {
    let form = ClosureForm::of(closure);
    ClosureShown {
        id: closure.id.to_string(),
        resource: form.resource,
        kind: closure.kind.as_str(),
        name: form.name,
        first: form.first,
        last: closure.last.to_string(),
        from: form.from,
        until: form.until,
        daily: form.daily,
        yearly: form.yearly,
    }
}

fn tagged(closure: &Revised<Closure>) -> Tagged<ClosureShown> {
    Tagged::shown(show_one(&closure.item), closure.revision)
}

/// The closing days and absences, in the order of their making.
#[utoipa::path(get, path = "/api/closures", tag = "schedules", params(PageAsked),
    responses((status = OK, body = Listed<ClosureShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<ClosureShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = closures::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |closure| show_one(&closure.item)))
}

/// Enters a closing day or an absence. What is booked in that time stays, and is listed by `GET /api/stranded`.
#[utoipa::path(post, path = "/api/closures", tag = "schedules", request_body = ClosureForm,
    responses((status = CREATED, body = ClosureShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<ClosureForm>,
) -> Result<Tagged<ClosureShown>, Problem> {
    let now = doors.clock.now();
    let wanted = wanted.closure(ClosureId::of(ids::fresh(now)))?;
    let made = closures::create(&doors.store, &by, now, wanted).await?;
    let location = format!("/api/closures/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One of them.
#[utoipa::path(get, path = "/api/closures/{closure}", tag = "schedules",
    params(("closure", description = "Its id.")), responses((status = OK, body = ClosureShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(closure): Path<String>,
) -> Result<Tagged<ClosureShown>, Problem> {
    Ok(tagged(&closures::get(&doors.store, &by, &id(&closure)?).await?))
}

/// Changes a closing day or an absence: a JSON merge patch.
#[utoipa::path(patch, path = "/api/closures/{closure}", tag = "schedules",
    params(("closure", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = ClosureShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(closure): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<ClosureShown>, Problem> {
    let closure = id(&closure)?;
    let edited = closures::edit(&doors.store, &by, doors.clock.now(), &closure, seen, |kept| {
        patch.over(&ClosureForm::of(kept))?.closure(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes a closing day or an absence away: the hours it took are open again.
#[utoipa::path(delete, path = "/api/closures/{closure}", tag = "schedules",
    params(("closure", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(closure): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    closures::remove(&doors.store, &by, doors.clock.now(), &id(&closure)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody is away from this minute on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "until": "2100-01-04" }))]
struct AbsenceWanted {
    /// Until when: a date, which belongs to it, or a time with an offset.
    until: String,
    /// What it is called. Callers are never told.
    #[serde(default)]
    name: String,
}

/// An absence, and what it hits.
#[derive(Serialize, ToSchema)]
struct AbsenceShown {
    /// The absence.
    closure: ClosureShown,
    /// The appointments that stand in it, soonest first.
    stranded: Vec<StrandedShown>,
    /// Whether there may be more than these.
    more: bool,
}

/// A resource is away from this minute on, such as somebody who is ill today: its time is closed at once. Answers with the
/// appointments this hits; what is to be done with them is decided by `POST /api/stranded`.
#[utoipa::path(post, path = "/api/resources/{resource}/absence", tag = "schedules",
    params(("resource", description = "The resource's id.")), request_body = AbsenceWanted,
    responses((status = CREATED, body = AbsenceShown)))]
async fn absence(
    State(doors): State<Doors>,
    By(by): By,
    Path(resource): Path<String>,
    Body(wanted): Body<AbsenceWanted>,
) -> Result<(StatusCode, Json<AbsenceShown>), Problem> {
    let resource = id(&resource)?;
    let until = date(&wanted.until).map(Until::Date).or_else(|_| read_instant(&wanted.until).map(Until::At));
    let until = until.map_err(|_| {
        app::Error::invalid("/until", "must be a date, such as 2027-01-13, or a time with an offset")
    })?;
    let now = doors.clock.now();
    let made = closures::absent(&doors.store, &by, now, &resource, until, wanted.name).await?;
    let hit = stranded::Wanted { resource: Some(resource), closure: Some(made.item.id.clone()), kept: false };
    let found = stranded::list(&doors.store, &by, now, &hit).await?;
    let stranded = found.items.iter().map(shown).collect();
    Ok((
        StatusCode::CREATED,
        Json(AbsenceShown { closure: show_one(&made.item), stranded, more: found.more }),
    ))
}

/// Which holidays are asked about.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HolidaysAsked {
    /// The country: `DE`.
    country: String,
    /// The federal state: `BW`, `BY`, `BE`, `BB`, `HB`, `HH`, `HE`, `MV`, `NI`, `NW`, `RP`, `SL`, `SN`, `ST`, `SH` or `TH`.
    region: String,
    /// The year, from 2000 to 2099.
    year: i16,
}

/// The public holidays of a year.
#[derive(Serialize, ToSchema)]
struct HolidaysShown {
    /// In order of their dates.
    items: Vec<HolidayShown>,
}

/// A public holiday that is proposed.
#[derive(Serialize, ToSchema)]
struct HolidayShown {
    #[schema(format = Date)]
    date: String,
    /// What it is called, per language.
    names: BTreeMap<&'static str, &'static str>,
    /// Whether it holds in the whole federal state, or in some of its communities only.
    everywhere: bool,
    /// Whether it is on the same date every year.
    fixed: bool,
    /// Since when it is one, where that is not longer ago than 2000.
    #[schema(required)]
    since: Option<i16>,
    /// The closing day that has been made of it, or closes everybody on its date anyway.
    #[schema(required)]
    closure: Option<String>,
}

/// The public holidays of a federal state in a year. They are proposals: each becomes a closing day when it is entered as
/// one, and never by itself.
#[utoipa::path(get, path = "/api/holidays", tag = "schedules", params(HolidaysAsked),
    responses((status = OK, body = HolidaysShown)))]
async fn propose(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<HolidaysAsked>,
) -> Result<Json<HolidaysShown>, Problem> {
    let mut faults = Faults::new();
    faults.unless(asked.country == "DE", "?country", "must be `DE`: of no other country are holidays known");
    let land = faults.take(asked.region.parse::<Land>(), "?region");
    let Some(land) = land.filter(|_| faults.is_empty()) else { return Err(faults.refusal().into()) };
    let proposed = closures::propose(&doors.store, &by, land, asked.year).await?;
    let items = proposed.into_iter().map(|Proposed { holiday, closure }| HolidayShown {
        date: holiday.date.to_string(),
        names: [Language::German, Language::English]
            .into_iter()
            .map(|language| (language.code(), holiday.what.name(language)))
            .collect(),
        everywhere: holiday.everywhere,
        fixed: holiday.fixed,
        since: holiday.since,
        closure: closure.map(|id| id.to_string()),
    });
    Ok(Json(HolidaysShown { items: items.collect() }))
}
