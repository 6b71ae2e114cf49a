//! `/api/notices` and `/users/me/notifications`: what needs somebody, and how members want to be told.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Patch, Seen, Tagged, instant};
use crate::{
    app::{
        self, Faults, notices,
        notifications::{self, Shown},
    },
    domain::{
        notices::{Choice, EventKind, Notice, NoticeKind, Preferences, time_of},
        revision::Revised,
    },
    http::{
        Doors,
        auth::{By, Person},
        doc::MergePatch,
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, edit))
}

/// Something that needs somebody.
#[derive(Serialize, ToSchema)]
struct NoticeShown {
    /// What: `calendar_cut_off`, `calendar_gone`, `clashes`, `limit_reached` (calls were refused within a day), `limit_near`,
    /// `reminders_failed`, `number_without_assistant`, `number_not_set_up`, `messages`, `webhook_dead`.
    kind: &'static str,
    /// The id of the connection, calendar, number or webhook it is about; null where it is about no single thing.
    #[schema(required)]
    about: Option<String>,
    /// What that is called.
    #[schema(required)]
    name: Option<String>,
    /// Since when; null where nobody knows.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// How many: messages, clashes, calls, appointments, deliveries.
    count: u64,
    /// How many appointments wait to be written into a calendar that is cut off.
    waiting: u64,
    /// What callers are told meanwhile: `confirmation_follows` while a calendar is cut off; null when nothing is different for
    /// them.
    #[schema(required)]
    callers_hear: Option<&'static str>,
}

/// What needs somebody.
#[derive(Serialize, ToSchema)]
struct NoticesShown {
    /// The most urgent first.
    items: Vec<NoticeShown>,
}

fn show_one(notice: Notice) -> NoticeShown {
    NoticeShown {
        kind: notice.kind.as_str(),
        about: notice.about,
        name: notice.name,
        since: notice.since.map(instant),
        count: notice.count,
        waiting: notice.waiting,
        callers_hear: (notice.kind == NoticeKind::CalendarCutOff).then_some("confirmation_follows"),
    }
}

/// What needs somebody, as far as the asker may see it; the most urgent first. It is gone when its cause is.
#[utoipa::path(get, path = "/api/notices", tag = "notices", responses((status = OK, body = NoticesShown)))]
async fn list(State(doors): State<Doors>, By(by): By) -> Result<Json<NoticesShown>, Problem> {
    let notices = notices::list(&doors.store, &by, doors.clock.now()).await?;
    Ok(Json(NoticesShown { items: notices.into_iter().map(show_one).collect() }))
}

/// How a member wants to be told what.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NotificationsShown {
    /// For each kind of what happens (`message`, `urgent_call`, `cancellation` within a day, `calendar_cut_off`, `reminder_failed`, `clash`,
    /// `limit`, `webhook`): `at_once`, `daily` or `never`.
    choices: BTreeMap<String, String>,
    /// From when nothing comes at once, such as `20:00`, where the tenant is; null for no quiet hours.
    #[schema(required)]
    quiet_from: Option<String>,
    /// Until when.
    #[schema(required)]
    quiet_until: Option<String>,
    /// When the daily mail goes, such as `07:30`.
    daily_at: String,
    /// Where a text message goes, too, when a calendar is cut off and that is told at once, in E.164 form; null for
    /// none. It comes from a number of the tenant's, which must be one that can send them.
    #[schema(required)]
    sms_number: Option<String>,
}

fn show_preferences(shown: &Shown) -> NotificationsShown {
    let choices =
        shown.choices.iter().map(|(kind, choice)| (kind.as_str().to_owned(), choice.as_str().to_owned()));
    NotificationsShown {
        choices: choices.collect(),
        quiet_from: shown.preferences.quiet.map(|(from, _)| show_time(from)),
        quiet_until: shown.preferences.quiet.map(|(_, until)| show_time(until)),
        daily_at: show_time(shown.preferences.daily_min),
        sms_number: shown.preferences.sms.as_ref().map(ToString::to_string),
    }
}

fn show_time(minute: u32) -> String {
    time_of(minute).strftime("%H:%M").to_string()
}

/// Minutes since midnight.
fn read_time(text: &str) -> Result<u32, &'static str> {
    let read = Time::strptime("%H:%M", text).map_err(|_| "must be a time of day, such as 20:00")?;
    Ok(u32::try_from(i32::from(read.hour()) * 60 + i32::from(read.minute())).unwrap_or(0))
}

fn read_preferences(kept: &Shown, wanted: &NotificationsShown) -> Result<Preferences, app::Error> {
    let mut faults = Faults::new();
    let mut choices = kept.preferences.choices.clone();
    for (kind, choice) in &wanted.choices {
        let at = format!("/choices/{kind}");
        let read =
            (faults.take(kind.parse::<EventKind>(), at.as_str()), faults.take(choice.parse::<Choice>(), at));
        if let (Some(kind), Some(choice)) = read {
            // What is as usual for the role follows the role.
            let usual = kept.choices.iter().find(|(one, _)| *one == kind).map(|(_, usual)| *usual);
            if usual != Some(choice) {
                choices.insert(kind, choice);
            }
        }
    }
    let quiet = match (&wanted.quiet_from, &wanted.quiet_until) {
        (None, None) => None,
        (Some(from), Some(until)) => {
            let from = faults.take(read_time(from), "/quiet_from");
            from.zip(faults.take(read_time(until), "/quiet_until"))
        }
        (from, _) => {
            let missing = if from.is_some() { "/quiet_until" } else { "/quiet_from" };
            faults.unless(false, missing, "must be given where the other is");
            None
        }
    };
    let daily = faults.take(read_time(&wanted.daily_at), "/daily_at");
    let sms = wanted
        .sms_number
        .as_ref()
        .map(|text| faults.take(notifications::sms_number(text, None), "/sms_number"));
    faults.settle()?;
    Ok(Preferences {
        choices,
        quiet,
        daily_min: daily.unwrap_or(kept.preferences.daily_min),
        sms: sms.flatten(),
    })
}

fn tagged(shown: &Revised<Shown>) -> Tagged<NotificationsShown> {
    Tagged::shown(show_preferences(&shown.item), shown.revision)
}

/// How whoever asks wants to be told, at the tenant where they act.
#[utoipa::path(get, path = "/users/me/notifications", tag = "notices",
    responses((status = OK, body = NotificationsShown)))]
async fn show(State(doors): State<Doors>, Person(by): Person) -> Result<Tagged<NotificationsShown>, Problem> {
    Ok(tagged(&notifications::get(&doors.store, by.at_tenant()?).await?))
}

/// Changes how whoever asks wants to be told, at the tenant where they act: a JSON merge patch. Mails say what happened and how
/// often, with a link; never whom it is about.
#[utoipa::path(patch, path = "/users/me/notifications", tag = "notices", request_body = MergePatch,
    responses((status = OK, body = NotificationsShown)))]
async fn edit(
    State(doors): State<Doors>,
    Person(by): Person,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<NotificationsShown>, Problem> {
    let edited = notifications::edit(&doors.store, by.at_tenant()?, doors.clock.now(), seen, |kept| {
        read_preferences(kept, &patch.over(&show_preferences(kept))?)
    });
    Ok(tagged(&edited.await?))
}
