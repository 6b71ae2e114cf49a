//! `/console/appointments`: the week and the day, one appointment with its history, and what needs a decision.

mod book;
mod conflicts;
mod one;
mod stranded;
mod week;

use axum::{
    Router,
    routing::{get, post},
};
use jiff::civil;

use super::form::Form;
use crate::{
    domain::{
        availability::{LocalTime, local_time},
        time::{Timestamp, Zone},
    },
    http::Doors,
};

/// Where these pages are.
pub(super) const PATH: &str = "/console/appointments";

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route(PATH, get(week::week))
        .route("/console/appointments/new", get(book::page).post(book::book))
        .route("/console/appointments/stranded", get(stranded::list).post(stranded::decide))
        .route("/console/appointments/conflicts", get(conflicts::list))
        .route("/console/appointments/conflicts/{clash}", post(conflicts::settle))
        .route("/console/appointments/{appointment}", get(one::one))
        .route("/console/appointments/{appointment}/move", post(one::move_to))
        .route("/console/appointments/{appointment}/note", post(one::note))
        .route("/console/appointments/{appointment}/cancel", post(one::cancel))
}

/// The moment that a form's fields `date` and `time` say, of a time that comes twice the first; what is wrong with them is
/// noted.
pub(super) fn moment(form: &mut Form, zone: &Zone) -> Option<Timestamp> {
    let date = form.typed().get("date").parse::<civil::Date>().ok();
    let time = form.typed().get("time").parse::<civil::Time>().ok();
    if date.is_none() {
        let words = form.t("fault-date");
        form.fault("date", words);
    }
    if time.is_none() {
        let words = form.t("fault-time");
        form.fault("time", words);
    }
    match local_time(date?.to_datetime(time?), zone) {
        LocalTime::Once(at) | LocalTime::Twice(at, _) => Some(at),
        LocalTime::Missing(_) => {
            let words = form.t("refused-missing-time");
            form.fault("time", words);
            None
        }
    }
}
