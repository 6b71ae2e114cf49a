//! `/console/outgoing`: what goes out to people, when and to whom, and what came of it; whom one may call at all; reminders.
//!
//! Many who are called for one reason are in [`super::campaigns`].

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, post},
};

use super::{
    failure::Failure,
    form::{Form, Typed},
    lists::{self, Next},
    page::{Page, show, show_with},
    visitor::Reader,
};
use crate::{
    app::{
        self, contacts, numbers,
        outgoing::{
            self, opt_outs,
            reminders::{self, RULES_MAX},
        },
        services,
    },
    domain::{
        assistant::Language,
        booking::Service,
        id::{OptOutId, OutgoingId, ServiceId},
        outgoing::{Channel, Kind, Outgoing, OutgoingSettings, OutgoingState, ReminderRule, hours},
        people::{Subject, Verb},
        revision::Revised,
    },
    http::Doors,
    store::OptOut,
};

/// Attempts and wishes on a page.
const ON_PAGE: u32 = 50;
/// Services and numbers to choose from, at most.
const CHOICES_MAX: u32 = 200;
/// Empty rows in the form of a service's reminders, beside those there are.
const MORE_ROWS: usize = 2;
/// Minutes in an hour, and in a day.
const HOUR: u32 = 60;
const DAY: u32 = 24 * 60;

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/outgoing", get(list))
        .route("/console/outgoing/{outgoing}/cancel", post(cancel))
        .route("/console/outgoing/settings", get(settings).post(set))
        .route("/console/outgoing/reminders", get(all_reminders))
        .route("/console/outgoing/reminders/{service}", get(service_reminders).post(set_reminders))
        .route("/console/outgoing/opt-outs", get(wishes).post(add_wish))
        .route("/console/outgoing/opt-outs/{wish}/remove", post(remove_wish))
}

#[derive(Template)]
#[template(path = "outgoing/list.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    states: Vec<(String, String)>,
    rows: Vec<Row>,
    next: Option<Next>,
    /// Whether somebody has said where consent comes from: without it nobody is called.
    allowed: bool,
    may_write: bool,
}

/// An attempt to reach somebody.
struct Row {
    one: Outgoing,
    who: Option<String>,
    why: String,
}

/// What brings an attempt about, in a word.
pub(super) fn kind_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Asked => "outgoing-kind-asked",
        Kind::Reminder { .. } => "outgoing-kind-reminder",
        Kind::CallBack => "outgoing-kind-call-back",
        Kind::Campaign => "outgoing-kind-campaign",
        Kind::Offer => "outgoing-kind-offer",
        Kind::Move => "outgoing-kind-move",
        Kind::Test => "outgoing-kind-test",
        Kind::Forwarding => "outgoing-kind-forwarding",
        Kind::Notice => "outgoing-kind-notice",
    }
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let form = Form::new(reader.language, typed);
    let state: Option<OutgoingState> = form.typed().maybe("state").and_then(|word| word.parse().ok());
    let after = lists::place(form.typed().get("after"));
    let found = outgoing::list(&doors.store, &reader.by, state, after.as_ref(), ON_PAGE).await?;
    let next = Next::of(found.next.as_ref(), form.typed());
    let mut rows = vec![];
    for one in found.items {
        let who = match &one.contact {
            Some(id) if reader.may(Verb::Read, Subject::Contacts) => {
                match contacts::get(&doors.store, &reader.by, id).await {
                    Ok(contact) => Some(contact.item.name),
                    Err(app::Error::NotFound(_)) => None,
                    Err(error) => return Err(error.into()),
                }
            }
            Some(_) | None => None,
        };
        rows.push(Row { who, why: kind_key(one.kind).to_owned(), one });
    }
    let mut states = vec![(String::new(), reader.t("outgoing-any").to_string())];
    states.extend(OutgoingState::ALL.iter().map(|state| {
        (state.as_str().to_owned(), reader.t(format!("outgoing-{}", state.as_str())).to_string())
    }));
    let allowed = outgoing::settings(&doors.store, &reader.by).await?.item.consent.is_some();
    let page = Page::new(&reader, "/console/outgoing", reader.t("nav-outgoing"), doors.clock.now());
    let may_write = reader.may(Verb::Write, Subject::Calls);
    show(&ListPage { page, form, states, rows, next, allowed, may_write })
}

async fn cancel(
    State(doors): State<Doors>,
    reader: Reader,
    Path(one): Path<String>,
) -> Result<Response, Failure> {
    let id: OutgoingId = one.parse().map_err(|_| Failure::NotFound)?;
    outgoing::cancel(&doors.store, &reader.by, doors.clock.now(), &id).await?;
    Ok(reader.done("/console/outgoing", &reader.t("outgoing-told-cancel")))
}

#[derive(Template)]
#[template(path = "outgoing/settings.html", config = ".askama.toml")]
struct SettingsPage {
    page: Page,
    form: Form,
    numbers: Vec<(String, String)>,
    may_write: bool,
}

/// Minutes since midnight as a field holds them.
pub(super) fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / HOUR, minutes % HOUR)
}

/// What a field of a time holds, in minutes since midnight.
pub(super) fn minutes(text: &str) -> Option<u32> {
    let (hours, rest) = text.split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, rest.get(..2)?.parse().ok()?);
    (hours <= 24 && minutes < HOUR).then_some(hours * HOUR + minutes)
}

fn typed_settings(kept: &Revised<OutgoingSettings>) -> Typed {
    let settings = &kept.item;
    let typed = Typed::default()
        .with("consent", settings.consent.as_deref().unwrap_or_default())
        .with("countries", settings.countries.join(", "))
        .with("from", clock(settings.from_min))
        .with("until", clock(settings.until_min))
        .with("number", settings.number.as_ref().map(|id| id.as_str()).unwrap_or_default())
        .with("at-once", settings.at_once_max)
        .with("seen", kept.revision.0);
    if settings.voicemail { typed.with("voicemail", "yes") } else { typed }
}

async fn settings(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let kept = outgoing::settings(&doors.store, &reader.by).await?;
    settings_page(&doors, &reader, Form::new(reader.language, typed_settings(&kept))).await
}

async fn settings_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let page = Page::new(reader, "/console/outgoing", reader.t("outgoing-settings"), doors.clock.now())
        .with_form(&form);
    let held = numbers::list(&doors.store, &reader.by, None, CHOICES_MAX).await?.items;
    let held = held.into_iter().filter(|held| held.released.is_none() && held.number.assistant.is_some());
    let mut choices = vec![(String::new(), reader.t("outgoing-no-number").to_string())];
    choices.extend(held.map(|held| (held.number.id.to_string(), page.phone(&held.number.number))));
    let may_write = reader.may(Verb::Write, Subject::Numbers);
    let status = form.status;
    show_with(status, &SettingsPage { page, form, numbers: choices, may_write })
}

async fn set(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let typed = form.typed().clone();
    let (from, until) = (minutes(typed.get("from")), minutes(typed.get("until")));
    let at_once: Option<u32> = typed.get("at-once").parse().ok();
    let number = typed.maybe("number").map(str::parse);
    for (field, right) in [
        ("from", from.is_some()),
        ("until", until.is_some()),
        ("at-once", at_once.is_some()),
        ("number", !matches!(number, Some(Err(_)))),
    ] {
        if !right {
            let words = form.t(format!("fault-outgoing-{field}"));
            form.fault(field, words);
        }
    }
    let (Some(from_min), Some(until_min), Some(at_once_max)) = (from, until, at_once) else {
        return settings_page(&doors, &reader, form).await;
    };
    let wanted = OutgoingSettings {
        consent: typed.maybe("consent").map(str::to_owned),
        countries: typed
            .get("countries")
            .split([',', ' ', ';'])
            .filter(|code| !code.is_empty())
            .map(str::to_uppercase)
            .collect(),
        from_min,
        until_min,
        number: number.and_then(Result::ok),
        at_once_max,
        voicemail: typed.ticked("voicemail"),
    };
    let seen = typed.seen();
    match outgoing::edit_settings(&doors.store, &reader.by, doors.clock.now(), seen, |_| Ok(wanted)).await {
        Ok(_) => Ok(reader.done("/console/outgoing/settings", &reader.t("outgoing-told-settings"))),
        Err(app::Error::Stale) => {
            let theirs = outgoing::settings(&doors.store, &reader.by).await?;
            settings_page(
                &doors,
                &reader,
                form.stale(typed_settings(&theirs), reader.faster(&doors, "outgoing").await?),
            )
            .await
        }
        Err(error) => {
            let form = refused(form, error)?;
            settings_page(&doors, &reader, form).await
        }
    }
}

/// The form with what `app` says, in the words of these pages: its fields' names are those of other forms, too.
fn refused(mut form: Form, error: app::Error) -> Result<Form, Failure> {
    let app::Error::Invalid(faults) = &error else { return form.refused(error) };
    for fault in faults {
        let field = fault.pointer.trim_start_matches('/').replace(['/', '_'], "-");
        let field = field.split_once("-0").map_or(field.as_str(), |(head, _)| head).to_owned();
        let field = if field.starts_with("countries") { "countries".to_owned() } else { field };
        let words = form.t(format!("fault-outgoing-{field}"));
        let words =
            words.known().unwrap_or_else(|| form.t("fault-other").s("problem", &fault.problem).to_string());
        form.fault(&field, words);
    }
    Ok(form)
}

#[derive(Template)]
#[template(path = "outgoing/reminders.html", config = ".askama.toml")]
struct RemindersPage {
    page: Page,
    rows: Vec<(String, String, Vec<RuleShown>)>,
    allowed: bool,
}

/// A reminder in a line.
struct RuleShown {
    before: String,
    channel: &'static str,
    attempts: u32,
    sms_after: bool,
}

fn service_name(service: &Service, language: Language) -> String {
    let name = service.names.get(language.code()).or_else(|| service.names.values().next());
    name.cloned().unwrap_or_else(|| service.key.clone())
}

fn shown(reader: &Reader, rule: &ReminderRule) -> RuleShown {
    let before = if rule.lead_min.is_multiple_of(DAY) {
        reader.t("reminder-days").n("count", rule.lead_min / DAY)
    } else if rule.lead_min.is_multiple_of(HOUR) {
        reader.t("reminder-hours").n("count", rule.lead_min / HOUR)
    } else {
        reader.t("reminder-minutes").n("count", rule.lead_min)
    };
    RuleShown {
        before: before.to_string(),
        channel: rule.channel.as_str(),
        attempts: rule.attempts_max,
        sms_after: rule.sms_after,
    }
}

async fn all_reminders(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let mut rows = vec![];
    for service in services::list(&doors.store, &reader.by, None, CHOICES_MAX).await?.items {
        let rules = reminders::rules(&doors.store, &reader.by, &service.id).await?;
        let rules = rules.iter().map(|rule| shown(&reader, rule)).collect();
        rows.push((service.id.to_string(), service_name(&service, reader.language), rules));
    }
    let allowed = outgoing::settings(&doors.store, &reader.by).await?.item.consent.is_some();
    let page = Page::new(&reader, "/console/outgoing", reader.t("reminders-title"), doors.clock.now());
    show(&RemindersPage { page, rows, allowed })
}

#[derive(Template)]
#[template(path = "outgoing/service.html", config = ".askama.toml")]
struct ServicePage {
    page: Page,
    form: Form,
    service: String,
    rows: Vec<RowNames>,
    may_write: bool,
}

/// What the fields of a row are called.
struct RowNames {
    nth: usize,
    lead: String,
    unit: String,
    channel: String,
    attempts: String,
    sms: String,
    words_de: String,
    words_en: String,
}

impl RowNames {
    fn of(at: usize) -> Self {
        let name = |field: &str| format!("{field}-{at}");
        Self {
            nth: at + 1,
            lead: name("lead"),
            unit: name("unit"),
            channel: name("channel"),
            attempts: name("attempts"),
            sms: name("sms"),
            words_de: name("words-de"),
            words_en: name("words-en"),
        }
    }
}

fn typed_rules(rules: &[ReminderRule]) -> Typed {
    let mut typed = Typed::default();
    for (at, rule) in rules.iter().enumerate() {
        let (lead, unit) = if rule.lead_min.is_multiple_of(DAY) {
            (rule.lead_min / DAY, "days")
        } else {
            (rule.lead_min / HOUR, "hours")
        };
        typed = typed
            .with(format!("lead-{at}"), lead)
            .with(format!("unit-{at}"), unit)
            .with(format!("channel-{at}"), rule.channel.as_str())
            .with(format!("attempts-{at}"), rule.attempts_max);
        if rule.sms_after {
            typed = typed.with(format!("sms-{at}"), "yes");
        }
        for (language, words) in &rule.wording {
            typed = typed.with(format!("words-{}-{at}", language.code()), words);
        }
    }
    typed.with("rows", (rules.len() + MORE_ROWS).min(RULES_MAX))
}

async fn service_reminders(
    State(doors): State<Doors>,
    reader: Reader,
    Path(service): Path<String>,
) -> Result<Response, Failure> {
    let id: ServiceId = service.parse().map_err(|_| Failure::NotFound)?;
    let rules = reminders::rules(&doors.store, &reader.by, &id).await?;
    service_page(&doors, &reader, &id, Form::new(reader.language, typed_rules(&rules))).await
}

async fn service_page(
    doors: &Doors,
    reader: &Reader,
    id: &ServiceId,
    form: Form,
) -> Result<Response, Failure> {
    let service = services::get(&doors.store, &reader.by, id).await?.item;
    let title = reader.t("reminders-of").s("service", service_name(&service, reader.language));
    let page = Page::new(reader, "/console/outgoing", title, doors.clock.now()).with_form(&form);
    let rows =
        (0..form.typed().get("rows").parse().unwrap_or(RULES_MAX).min(RULES_MAX)).map(RowNames::of).collect();
    let may_write = reader.may(Verb::Write, Subject::Services);
    let status = form.status;
    show_with(status, &ServicePage { page, form, service: id.to_string(), rows, may_write })
}

async fn set_reminders(
    State(doors): State<Doors>,
    reader: Reader,
    Path(service): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: ServiceId = service.parse().map_err(|_| Failure::NotFound)?;
    let mut form = Form::new(reader.language, typed);
    let typed = form.typed().clone();
    let (mut wanted, mut places) = (vec![], vec![]);
    for at in 0..RULES_MAX {
        let field = |name: &str| format!("{name}-{at}");
        // A row without a time is none.
        let Some(lead) = typed.maybe(&field("lead")) else { continue };
        let unit = if typed.get(&field("unit")) == "hours" { HOUR } else { DAY };
        let lead = lead.parse::<u32>().ok().and_then(|lead| lead.checked_mul(unit));
        let attempts = typed.get(&field("attempts")).parse::<u32>().ok();
        let channel = typed.get(&field("channel")).parse::<Channel>().ok();
        for (name, right) in [("lead", lead.is_some()), ("attempts", attempts.is_some())] {
            if !right {
                let words = form.t(format!("fault-reminder-{name}"));
                form.fault(&field(name), words);
            }
        }
        let (Some(lead_min), Some(attempts_max), Some(channel)) = (lead, attempts, channel) else { continue };
        let words = |language: Language| {
            let words = typed.maybe(&format!("words-{}-{at}", language.code()))?;
            Some((language, words.to_owned()))
        };
        wanted.push(ReminderRule {
            service: id.clone(),
            lead_min,
            channel,
            attempts_max,
            sms_after: typed.ticked(&field("sms")),
            wording: Language::ALL.into_iter().filter_map(words).collect::<BTreeMap<_, _>>(),
        });
        places.push(at);
    }
    if form.is_wrong() {
        return service_page(&doors, &reader, &id, form).await;
    }
    let now = doors.clock.now();
    match reminders::set_rules(&doors.store, &reader.by, now, &id, &wanted).await {
        Ok(_) => Ok(reader.done("/console/outgoing/reminders", &reader.t("outgoing-told-reminders"))),
        Err(app::Error::Invalid(faults)) => {
            for fault in faults {
                // `/1/lead` is about the second of the rules, which may stand in a later row.
                let mut parts = fault.pointer.trim_start_matches('/').splitn(2, '/');
                let row = parts.next().and_then(|at| at.parse::<usize>().ok()).and_then(|at| places.get(at));
                let name = parts.next().unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
                let words = form.t(format!("fault-reminder-{name}"));
                let words = words
                    .known()
                    .unwrap_or_else(|| form.t("fault-other").s("problem", &fault.problem).to_string());
                let field = row.map_or_else(String::new, |row| format!("{name}-{row}"));
                form.fault(&field, words);
            }
            service_page(&doors, &reader, &id, form).await
        }
        Err(error) => service_page(&doors, &reader, &id, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "outgoing/wishes.html", config = ".askama.toml")]
struct WishesPage {
    page: Page,
    form: Form,
    wishes: Vec<OptOut>,
    next: Option<Next>,
    may_write: bool,
}

async fn wishes(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    wishes_page(&doors, &reader, Form::new(reader.language, typed)).await
}

async fn wishes_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let after = lists::place(form.typed().get("after"));
    let found = opt_outs::list(&doors.store, &reader.by, after.as_ref(), ON_PAGE).await?;
    let next = Next::of(found.next.as_ref(), form.typed());
    let page = Page::new(reader, "/console/outgoing", reader.t("opt-outs-title"), doors.clock.now())
        .with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::Contacts);
    let status = form.status;
    show_with(status, &WishesPage { page, form, wishes: found.items, next, may_write })
}

async fn add_wish(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let home = hours::country_of(&reader.zone());
    let Some(number) = lists::number(form.typed().get("number"), home) else {
        let words = form.t("fault-number");
        form.fault("number", words);
        return wishes_page(&doors, &reader, form).await;
    };
    match opt_outs::add(&doors.store, &reader.by, doors.clock.now(), number.as_str()).await {
        Ok(_) => Ok(reader.done("/console/outgoing/opt-outs", &reader.t("opt-outs-told-add"))),
        Err(error) => wishes_page(&doors, &reader, form.refused(error)?).await,
    }
}

async fn remove_wish(
    State(doors): State<Doors>,
    reader: Reader,
    Path(wish): Path<String>,
) -> Result<Response, Failure> {
    let id: OptOutId = wish.parse().map_err(|_| Failure::NotFound)?;
    opt_outs::remove(&doors.store, &reader.by, doors.clock.now(), &id).await?;
    Ok(reader.done("/console/outgoing/opt-outs", &reader.t("opt-outs-told-remove")))
}
