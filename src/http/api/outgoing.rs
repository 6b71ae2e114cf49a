//! Calling out: `POST /api/calls`, what became of it, whom a tenant may call, who does not want to be, and reminders.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::instant as read_instant,
    form::{Asked, Body, Listed, PageAsked, Patch, RequestKey, Seen, Tagged, id, instant, page},
};
use crate::{
    app::{
        self, Faults,
        outgoing::{self, Wanted, opt_outs, reminders},
    },
    domain::{
        id::ServiceId,
        outgoing::{Cause, Ending, Kind, Outgoing, OutgoingSettings, OutgoingState, ReminderRule, Said},
        revision::{Revised, Revision},
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    store::OptOut,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(settings, edit_settings))
        .routes(routes!(list_opt_outs, add_opt_out))
        .routes(routes!(remove_opt_out))
        .routes(routes!(show_reminders, set_reminders))
}

/// A call that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to": "+4915112345678", "assistant": "ast_0190", "purpose": "Ask whether the new insurance card has arrived."
}))]
pub(super) struct CallWanted {
    /// Who is to be called: a telephone number. Premium, satellite, short and emergency numbers are refused.
    to: String,
    /// Who is to speak, by its id.
    assistant: String,
    /// Why, for the assistant.
    purpose: String,
    /// The number the call comes from, by its id; one at which the assistant answers when left out.
    number: Option<String>,
    /// The language in which the call is opened: `de` or `en`.
    language: Option<String>,
    /// The appointment it is about, by its id. When that is no more, the call is not made.
    appointment: Option<String>,
    /// Who is called, by the contact's id.
    contact: Option<String>,
    /// The time zone of the person, such as `Europe/Berlin`; by the number's country when left out.
    zone: Option<String>,
    /// When it is to be made; at once when left out. Quiet hours are kept in any case.
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl CallWanted {
    fn wanted(self) -> Result<Wanted, app::Error> {
        let mut faults = Faults::new();
        let number = self.number.and_then(|text| faults.take(text.parse(), "/number"));
        let language = self.language.and_then(|text| faults.take(text.parse(), "/language"));
        let appointment = self.appointment.and_then(|text| faults.take(text.parse(), "/appointment"));
        let contact = self.contact.and_then(|text| faults.take(text.parse(), "/contact"));
        let zone = self.zone.and_then(|text| faults.take(text.parse(), "/zone"));
        let at = self.at.and_then(|text| faults.take(read_instant(&text), "/at"));
        let assistant = faults.take(self.assistant.parse(), "/assistant");
        match (faults.is_empty(), assistant) {
            (true, Some(assistant)) => Ok(Wanted {
                to: self.to,
                assistant,
                number,
                language,
                purpose: self.purpose,
                appointment,
                contact,
                zone,
                at,
            }),
            _ => Err(faults.refusal()),
        }
    }
}

/// An attempt to reach somebody.
#[derive(Serialize, ToSchema)]
pub(super) struct OutgoingShown {
    /// Its id.
    id: String,
    /// Who is called.
    to: String,
    /// The number the call comes from, by its id.
    number: String,
    /// The assistant's id.
    assistant: String,
    language: &'static str,
    /// Why, for the assistant.
    purpose: String,
    /// What brings it about: `asked`, `reminder`, `call_back`, `campaign`, `offer`, `move` (an appointment that
    /// cannot take place as it stands), `test` (a test call), `forwarding` (a test whether a line is forwarded) or `notice` (a text message to a member).
    kind: &'static str,
    /// How many minutes before the appointment a reminder is due.
    #[schema(required)]
    lead: Option<u32>,
    /// The campaign it belongs to, by its id.
    #[schema(required)]
    campaign: Option<String>,
    /// `call` or `sms`.
    channel: &'static str,
    /// Which attempt it is, from 1.
    attempt: u32,
    #[schema(required)]
    appointment: Option<String>,
    #[schema(required)]
    contact: Option<String>,
    /// When it is made, at the earliest.
    #[schema(format = DateTime)]
    due_at: String,
    /// `waiting`, `dialling`, `placed`, `over` or `dropped`.
    state: &'static str,
    /// How it ended or why it was never made: `answered`, `machine`, `busy`, `no_answer`, `failed`, `sent`, `cancelled`,
    /// `no_consent`, `opted_out`, `number`, `country`, `appointment_gone`, `too_late`, `declined` or `unknown`.
    #[schema(required)]
    ended_as: Option<&'static str>,
    /// What the person answered: `confirmed`, `moved`, `cancelled`, `later`, `stop`, or to an offer `taken` or `declined`.
    #[schema(required)]
    answer: Option<&'static str>,
    /// What keeps it from being made.
    #[schema(required)]
    problem: Option<String>,
    /// The call it became, by its id.
    #[schema(required)]
    call: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

pub(super) fn show_one(one: &Outgoing) -> OutgoingShown {
    let (kind, lead) = match one.kind {
        Kind::Asked => ("asked", None),
        Kind::Reminder { lead_min } => ("reminder", Some(lead_min)),
        Kind::CallBack => ("call_back", None),
        Kind::Campaign => ("campaign", None),
        Kind::Offer => ("offer", None),
        Kind::Move => ("move", None),
        Kind::Test => ("test", None),
        Kind::Forwarding => ("forwarding", None),
        Kind::Notice => ("notice", None),
    };
    OutgoingShown {
        id: one.id.to_string(),
        to: one.to.to_string(),
        number: one.number.to_string(),
        assistant: one.assistant.to_string(),
        language: one.language.code(),
        purpose: one.purpose.clone(),
        kind,
        lead,
        campaign: match &one.cause {
            Some(Cause::Campaign(campaign, _)) => Some(campaign.to_string()),
            Some(Cause::Offer(..)) | None => None,
        },
        channel: one.channel.as_str(),
        attempt: one.attempt,
        appointment: one.appointment.as_ref().map(ToString::to_string),
        contact: one.contact.as_ref().map(ToString::to_string),
        due_at: instant(one.due),
        state: one.state.as_str(),
        ended_as: one.ended.map(Ending::as_str),
        answer: one.said.map(Said::as_str),
        problem: one.problem.clone(),
        call: one.call.as_ref().map(ToString::to_string),
        created_at: instant(one.created),
        ended_at: one.over.map(instant),
    }
}

/// Has somebody called. It is written down and answered at once; it is dialled when its time has come, if it may be
/// made then: see `GET /api/outgoing-calls/{outgoing}`.
#[utoipa::path(post, path = "/api/calls", tag = "outgoing", request_body = CallWanted,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: made again, it is one call.")),
    responses((status = CREATED, body = OutgoingShown)))]
pub(super) async fn place(
    State(doors): State<Doors>,
    By(by): By,
    RequestKey(key): RequestKey,
    Body(wanted): Body<CallWanted>,
) -> Result<Tagged<OutgoingShown>, Problem> {
    let wanted = wanted.wanted()?;
    let made = outgoing::place(&doors.store, &by, doors.clock.now(), key.as_deref(), &wanted).await?;
    let location = format!("/api/outgoing-calls/{}", made.id);
    Ok(Tagged::created(show_one(&made), Revision(1), location))
}

/// Which of them, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OutgoingAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that stand so.
    state: Option<String>,
}

/// The attempts to reach somebody, those asked for last first.
#[utoipa::path(get, path = "/api/outgoing-calls", tag = "outgoing", params(OutgoingAsked),
    responses((status = OK, body = Listed<OutgoingShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<OutgoingAsked>,
) -> Result<Json<Listed<OutgoingShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let mut faults = Faults::new();
    let state: Option<OutgoingState> =
        asked.state.as_ref().and_then(|word| faults.take(word.parse(), "?state"));
    faults.settle()?;
    let page = outgoing::list(&doors.store, &by, state, after.as_ref(), count).await?;
    Ok(Listed::of(page, |one| show_one(&one)))
}

/// One attempt.
#[utoipa::path(get, path = "/api/outgoing-calls/{outgoing}", tag = "outgoing",
    params(("outgoing", description = "Its id.")), responses((status = OK, body = OutgoingShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(outgoing): Path<String>,
) -> Result<Json<OutgoingShown>, Problem> {
    Ok(Json(show_one(&outgoing::get(&doors.store, &by, &id(&outgoing)?).await?)))
}

/// Takes back an attempt that has not been dialled.
#[utoipa::path(post, path = "/api/outgoing-calls/{outgoing}/cancel", tag = "outgoing",
    params(("outgoing", description = "Its id.")), responses((status = OK, body = OutgoingShown)))]
async fn cancel(
    State(doors): State<Doors>,
    By(by): By,
    Path(outgoing): Path<String>,
) -> Result<Json<OutgoingShown>, Problem> {
    let cancelled = outgoing::cancel(&doors.store, &by, doors.clock.now(), &id(&outgoing)?).await?;
    Ok(Json(show_one(&cancelled)))
}

/// Whom the tenant may call, and when.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsShown {
    /// Where the consent of those who are called comes from, in your words. Nobody is called before it is said.
    consent: Option<String>,
    /// The countries that may be called, such as `DE`.
    #[serde(default)]
    countries: Vec<String>,
    /// When calls may begin where the called person is, as `HH:MM`; not before 09:00.
    from: String,
    /// From when on none may begin, as `HH:MM`; not after 20:00.
    until: String,
    /// The number reminders come from, by its id: one at which an assistant answers.
    number: Option<String>,
    /// How many calls may be out at once.
    at_once: u32,
    /// Whether a machine that answers is left a message.
    voicemail: bool,
}

pub(super) fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

pub(super) fn minutes(text: &str) -> Result<u32, &'static str> {
    const WRONG: &str = "must be a time of day such as `09:00`";
    let (hours, minutes) = text.split_once(':').ok_or(WRONG)?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.len() == 2);
    match (number(hours), number(minutes)) {
        (Some(hours @ 0..=24), Some(minutes @ 0..=59)) => Ok(hours * 60 + minutes),
        _ => Err(WRONG),
    }
}

impl SettingsShown {
    fn of(settings: &OutgoingSettings) -> Self {
        Self {
            consent: settings.consent.clone(),
            countries: settings.countries.clone(),
            from: clock(settings.from_min),
            until: clock(settings.until_min),
            number: settings.number.as_ref().map(ToString::to_string),
            at_once: settings.at_once_max,
            voicemail: settings.voicemail,
        }
    }

    fn settings(self) -> Result<OutgoingSettings, app::Error> {
        let mut faults = Faults::new();
        let from = faults.take(minutes(&self.from), "/from").unwrap_or_default();
        let until = faults.take(minutes(&self.until), "/until").unwrap_or_default();
        let number = self.number.and_then(|text| faults.take(text.parse(), "/number"));
        faults.settle()?;
        Ok(OutgoingSettings {
            consent: self.consent,
            countries: self.countries,
            from_min: from,
            until_min: until,
            number,
            at_once_max: self.at_once,
            voicemail: self.voicemail,
        })
    }
}

fn tagged(settings: &Revised<OutgoingSettings>) -> Tagged<SettingsShown> {
    Tagged::shown(SettingsShown::of(&settings.item), settings.revision)
}

/// Whom the tenant may call, and when.
#[utoipa::path(get, path = "/api/outgoing-settings", tag = "outgoing", responses((status = OK, body = SettingsShown)))]
async fn settings(State(doors): State<Doors>, By(by): By) -> Result<Tagged<SettingsShown>, Problem> {
    Ok(tagged(&outgoing::settings(&doors.store, &by).await?))
}

/// Changes whom the tenant may call: a JSON merge patch.
#[utoipa::path(patch, path = "/api/outgoing-settings", tag = "outgoing", request_body = MergePatch,
    responses((status = OK, body = SettingsShown)))]
async fn edit_settings(
    State(doors): State<Doors>,
    By(by): By,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<SettingsShown>, Problem> {
    let edited = outgoing::edit_settings(&doors.store, &by, doors.clock.now(), seen, |kept| {
        patch.over(&SettingsShown::of(kept))?.settings()
    });
    Ok(tagged(&edited.await?))
}

/// Somebody's wish not to be called.
#[derive(Serialize, ToSchema)]
struct OptOutShown {
    /// Its id.
    id: String,
    /// Who is not called.
    number: String,
    /// How they said so: `staff`, `key` or `voice`.
    source: &'static str,
    /// In which call, by its id.
    #[schema(required)]
    call: Option<String>,
    #[schema(format = DateTime)]
    since: String,
}

/// Who is not to be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "number": "+4915112345678" }))]
struct OptOutWanted {
    /// Their telephone number.
    number: String,
}

fn show_opt_out(one: &OptOut) -> OptOutShown {
    OptOutShown {
        id: one.id.to_string(),
        number: one.number.to_string(),
        source: one.source.as_str(),
        call: one.call.as_ref().map(ToString::to_string),
        since: instant(one.since),
    }
}

/// Who does not want to be called.
#[utoipa::path(get, path = "/api/opt-outs", tag = "outgoing", params(PageAsked),
    responses((status = OK, body = Listed<OptOutShown>)))]
async fn list_opt_outs(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<OptOutShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = opt_outs::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |one| show_opt_out(&one)))
}

/// Notes that somebody does not want to be called: effective at once.
#[utoipa::path(post, path = "/api/opt-outs", tag = "outgoing", request_body = OptOutWanted,
    responses((status = CREATED, body = OptOutShown)))]
async fn add_opt_out(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<OptOutWanted>,
) -> Result<(StatusCode, Json<OptOutShown>), Problem> {
    let kept = opt_outs::add(&doors.store, &by, doors.clock.now(), &wanted.number).await?;
    Ok((StatusCode::CREATED, Json(show_opt_out(&kept))))
}

/// Forgets that somebody does not want to be called, because they have said so.
#[utoipa::path(delete, path = "/api/opt-outs/{opt_out}", tag = "outgoing",
    params(("opt_out", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove_opt_out(
    State(doors): State<Doors>,
    By(by): By,
    Path(opt_out): Path<String>,
) -> Result<StatusCode, Problem> {
    opt_outs::remove(&doors.store, &by, doors.clock.now(), &id(&opt_out)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How somebody is reminded of an appointment.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReminderShown {
    /// How many minutes before the appointment: from 120.
    lead: u32,
    /// `call` or `sms`.
    channel: String,
    /// How many calls may be tried, on different days.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 3, default = 1)]
    attempts: u32,
    /// Whether a text message follows when no call has reached the person.
    #[serde(default)]
    sms_after: bool,
    /// What the assistant is to tell besides, or what stands in the message, per language: `de`, `en`. No advertising.
    #[serde(default)]
    wording: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}

impl ReminderShown {
    fn of(rule: &ReminderRule) -> Self {
        Self {
            lead: rule.lead_min,
            channel: rule.channel.as_str().to_owned(),
            attempts: rule.attempts_max,
            sms_after: rule.sms_after,
            wording: rule
                .wording
                .iter()
                .map(|(language, words)| (language.code().to_owned(), words.clone()))
                .collect(),
        }
    }
}

fn rules(wanted: Vec<ReminderShown>, service: &ServiceId) -> Result<Vec<ReminderRule>, app::Error> {
    let mut faults = Faults::new();
    let mut rules = Vec::with_capacity(wanted.len());
    for (at, one) in wanted.into_iter().enumerate() {
        let channel = faults.take(one.channel.parse(), format!("/{at}/channel"));
        let mut wording = BTreeMap::new();
        for (language, words) in one.wording {
            let place = format!("/{at}/wording/{language}");
            wording.extend(faults.take(language.parse(), place).map(|language| (language, words)));
        }
        rules.extend(channel.map(|channel| ReminderRule {
            service: service.clone(),
            lead_min: one.lead,
            channel,
            attempts_max: one.attempts,
            sms_after: one.sms_after,
            wording,
        }));
    }
    faults.settle()?;
    Ok(rules)
}

/// How people are reminded of a service's appointments, the latest reminder first.
#[utoipa::path(get, path = "/api/services/{service}/reminders", tag = "outgoing",
    params(("service", description = "Its id.")), responses((status = OK, body = Vec<ReminderShown>)))]
async fn show_reminders(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
) -> Result<Json<Vec<ReminderShown>>, Problem> {
    let rules = reminders::rules(&doors.store, &by, &id(&service)?).await?;
    Ok(Json(rules.iter().map(ReminderShown::of).collect()))
}

/// Says how people are reminded of a service's appointments, in place of what was said before.
#[utoipa::path(put, path = "/api/services/{service}/reminders", tag = "outgoing",
    params(("service", description = "Its id.")), request_body = Vec<ReminderShown>,
    responses((status = OK, body = Vec<ReminderShown>)))]
async fn set_reminders(
    State(doors): State<Doors>,
    By(by): By,
    Path(service): Path<String>,
    Body(wanted): Body<Vec<ReminderShown>>,
) -> Result<Json<Vec<ReminderShown>>, Problem> {
    let service = id(&service)?;
    let wanted = rules(wanted, &service)?;
    let kept = reminders::set_rules(&doors.store, &by, doors.clock.now(), &service, &wanted).await?;
    Ok(Json(kept.iter().map(ReminderShown::of).collect()))
}
