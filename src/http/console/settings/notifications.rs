//! `/console/settings/notifications`: about what somebody gets mails, and when none.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use jiff::civil::Time;

use crate::{
    app::{
        self,
        notifications::{self, Shown},
    },
    domain::{
        notices::{Choice, EventKind, Preferences, time_of},
        outgoing::hours,
        revision::Revised,
    },
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, SEEN, Typed},
            page::{Page, show_with},
            visitor::Reader,
        },
    },
};

pub(super) fn router() -> Router<Doors> {
    Router::new().route("/console/settings/notifications", get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings/notifications.html", config = ".askama.toml")]
struct NotificationsPage {
    page: Page,
    form: Form,
    kinds: Vec<(String, String)>,
    choices: Vec<(String, String)>,
}

fn field(kind: EventKind) -> String {
    format!("about-{}", kind.as_str().replace('_', "-"))
}

fn clock(minute: u32) -> String {
    time_of(minute).strftime("%H:%M").to_string()
}

/// The form as it stands with what is kept.
fn typed(kept: &Revised<Shown>) -> Typed {
    let preferences = &kept.item.preferences;
    let mut typed = Typed::default()
        .with(SEEN, kept.revision)
        .with("quiet-from", preferences.quiet.map(|(from, _)| clock(from)).unwrap_or_default())
        .with("quiet-until", preferences.quiet.map(|(_, until)| clock(until)).unwrap_or_default())
        .with("daily-at", clock(preferences.daily_min))
        .with("sms-number", preferences.sms.as_ref().map(ToString::to_string).unwrap_or_default());
    for (kind, choice) in &kept.item.choices {
        typed = typed.with(field(*kind), choice.as_str());
    }
    typed
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let kept = notifications::get(&doors.store, &reader.by).await?;
    shown(&doors, &reader, &kept.item, Form::new(reader.language, typed(&kept)))
}

fn shown(doors: &Doors, reader: &Reader, kept: &Shown, form: Form) -> Result<Response, Failure> {
    let page = super::page(reader, "settings-notifications", doors.clock.now()).with_form(&form);
    let kinds = kept.choices.iter().map(|(kind, _)| {
        (field(*kind), page.t(format!("event-{}", kind.as_str().replace('_', "-"))).to_string())
    });
    let choices = Choice::ALL.iter().map(|choice| {
        let key = format!("choice-{}", choice.as_str().replace('_', "-"));
        (choice.as_str().to_owned(), page.t(key).to_string())
    });
    let (kinds, choices) = (kinds.collect(), choices.collect());
    show_with(form.status, &NotificationsPage { kinds, choices, form, page })
}

fn minute(form: &mut Form, name: &'static str) -> Option<u32> {
    let text = form.typed().maybe(name)?.to_owned();
    // Browsers send seconds where somebody has set them.
    let read = Time::strptime("%H:%M", text.get(..5).unwrap_or(&text));
    match read {
        Ok(time) => u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok(),
        Err(_) => {
            let words = form.t("fault-time");
            form.fault(name, words);
            None
        }
    }
}

async fn save(State(doors): State<Doors>, reader: Reader, sent: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, sent.clone());
    let (from, until) = (minute(&mut form, "quiet-from"), minute(&mut form, "quiet-until"));
    let daily = minute(&mut form, "daily-at");
    let home = hours::country_of(&reader.zone());
    let sms = match form.typed().maybe("sms-number").map(|text| notifications::sms_number(text, home)) {
        Some(Err(_)) => {
            let words = form.t("fault-sms-number");
            form.fault("sms-number", words);
            None
        }
        Some(Ok(number)) => Some(number),
        None => None,
    };
    if !form.is_wrong() && from.is_some() != until.is_some() {
        let missing = if from.is_some() { "quiet-until" } else { "quiet-from" };
        let words = form.t("fault-quiet-both");
        form.fault(missing, words);
    }
    let before = notifications::get(&doors.store, &reader.by).await?;
    if form.is_wrong() {
        return shown(&doors, &reader, &before.item, form);
    }
    let change = |kept: &Shown| {
        let mut choices = kept.preferences.choices.clone();
        for (kind, usual) in &kept.choices {
            if let Ok(choice) = sent.get(&field(*kind)).parse::<Choice>()
                && choice != *usual
            {
                choices.insert(*kind, choice);
            }
        }
        let daily_min = daily.unwrap_or(kept.preferences.daily_min);
        Ok(Preferences { choices, quiet: from.zip(until), daily_min, sms: sms.clone() })
    };
    match notifications::edit(&doors.store, &reader.by, doors.clock.now(), sent.seen(), change).await {
        Ok(_) => Ok(reader.done("/console/settings/notifications", &reader.t("notifications-done"))),
        Err(app::Error::Stale) => {
            let theirs = notifications::get(&doors.store, &reader.by).await?;
            let form = form.stale(typed(&theirs), reader.t("stale"));
            shown(&doors, &reader, &theirs.item, form)
        }
        Err(error) => {
            let form = form.refused(error)?;
            shown(&doors, &reader, &before.item, form)
        }
    }
}
