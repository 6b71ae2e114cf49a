//! `/console/campaigns`: many people called for one reason: made, begun, paused, gone on with, cancelled, and how far each is.

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{get, post},
};
use jiff::{ToSpan, civil::Date};

use super::{
    failure::Failure,
    form::{Form, SEEN, Typed},
    lists::{self, Next},
    outgoing::{clock, minutes},
    page::{Page, show, show_with},
    visitor::Reader,
};
use crate::{
    app::{
        assistants,
        outgoing::{
            self,
            campaigns::{self, Person, Shown, Wanted},
        },
    },
    domain::{
        assistant::AssistantStatus,
        campaign::{Campaign, CampaignState, Entry, Retry},
        id::CampaignId,
        outgoing::Ending,
        people::{Subject, Verb},
        revision::Revised,
    },
    http::Doors,
};

/// Campaigns, and people of one, on a page.
const ON_PAGE: u32 = 50;
/// Assistants to choose from, at most.
const ASSISTANTS_MAX: u32 = 200;
/// How many days a campaign lasts unless somebody says otherwise.
const DAYS: i64 = 14;
/// After which endings people are tried again.
const RETRIED: [Ending; 3] = [Ending::NoAnswer, Ending::Busy, Ending::Machine];

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/campaigns", get(list).post(create))
        .route("/console/campaigns/new", get(fresh))
        .route("/console/campaigns/{campaign}", get(one))
        .route("/console/campaigns/{campaign}/people", post(add))
        .route("/console/campaigns/{campaign}/edit", get(change).post(edit))
        .route("/console/campaigns/{campaign}/{act}", post(act))
}

#[derive(Template)]
#[template(path = "outgoing/campaigns.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    rows: Vec<Shown>,
    next: Option<Next>,
    allowed: bool,
    may_write: bool,
}

async fn list(
    State(doors): State<Doors>,
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    let after = lists::place(typed.get("after"));
    let found = campaigns::list(&doors.store, &reader.by, after.as_ref(), ON_PAGE).await?;
    let next = Next::of(found.next.as_ref(), &typed);
    let allowed = outgoing::settings(&doors.store, &reader.by).await?.item.consent.is_some();
    let page = Page::new(&reader, "/console/outgoing", reader.t("campaigns-title"), doors.clock.now());
    let may_write = reader.may(Verb::Write, Subject::Calls);
    show(&ListPage { page, rows: found.items, next, allowed, may_write })
}

#[derive(Template)]
#[template(path = "outgoing/campaign-new.html", config = ".askama.toml")]
struct NewPage {
    page: Page,
    form: Form,
    assistants: Vec<(String, String)>,
}

async fn fresh(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let settings = outgoing::settings(&doors.store, &reader.by).await?.item;
    let now = doors.clock.now();
    let last = reader.zone().wall(now).date().saturating_add(DAYS.days());
    let typed = Typed::default()
        .with("last-day", last)
        .with("from", clock(settings.from_min))
        .with("until", clock(settings.until_min))
        .with("attempts", 2)
        .with("retry-hours", 24)
        .with("at-once", 1);
    new_page(&doors, &reader, Form::new(reader.language, typed)).await
}

async fn new_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let page =
        Page::new(reader, "/console/outgoing", reader.t("campaign-new"), doors.clock.now()).with_form(&form);
    let assistants = live(doors, reader).await?;
    let status = form.status;
    show_with(status, &NewPage { page, form, assistants })
}

/// The assistants that can speak: ids and names.
async fn live(doors: &Doors, reader: &Reader) -> Result<Vec<(String, String)>, Failure> {
    let found = assistants::list(&doors.store, &reader.by, None, ASSISTANTS_MAX).await?.items;
    let live = found.into_iter().filter(|one| one.status == AssistantStatus::Live);
    Ok(live.map(|one| (one.id.to_string(), one.name)).collect())
}

/// People as they are typed: one on a line, a number and, behind a comma or semicolon, a name.
fn people(text: &str) -> Vec<Person> {
    let person = |line: &str| {
        let (number, name) = line.split_once([',', ';']).unwrap_or((line, ""));
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Person { number: Some(number.trim().to_owned()), contact: None, name }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(person).collect()
}

/// What the form says is wanted; its faults are noted in it when it cannot be read. What it does not ask about stays as in
/// `standing`.
fn read(form: &mut Form, standing: Option<&Campaign>) -> Option<Wanted> {
    let typed = form.typed().clone();
    let assistant = typed.get("assistant").parse().ok();
    let last_day = typed.get("last-day").parse::<Date>().ok();
    let first_day = typed.maybe("first-day").map(str::parse::<Date>);
    let (from, until) = (minutes(typed.get("from")), minutes(typed.get("until")));
    let attempts: Option<u32> = typed.get("attempts").parse().ok();
    let hours: Option<u32> = typed.get("retry-hours").parse().ok();
    let at_once: Option<u32> = typed.get("at-once").parse().ok();
    for (field, right) in [
        ("assistant", assistant.is_some()),
        ("first-day", !matches!(first_day, Some(Err(_)))),
        ("last-day", last_day.is_some()),
        ("from", from.is_some()),
        ("until", until.is_some()),
        ("attempts", attempts.is_some()),
        ("retry-hours", hours.is_some()),
        ("at-once", at_once.is_some()),
    ] {
        if !right {
            let words = form.t(format!("fault-campaign-{field}"));
            form.fault(field, words);
        }
    }
    if form.is_wrong() {
        return None;
    }
    let (attempts_max, after_min, at_once_max) = (attempts?, hours?.saturating_mul(60), at_once?);
    let assistant = assistant?;
    // Another assistant may answer at other numbers, in another language.
    let same = standing.filter(|standing| standing.assistant == assistant);
    let endings = standing.map_or_else(|| RETRIED.to_vec(), |standing| standing.retry.endings.clone());
    Some(Wanted {
        name: typed.get("name").to_owned(),
        assistant,
        number: same.map(|standing| standing.number.clone()),
        language: same.map(|standing| standing.language),
        purpose: typed.get("purpose").to_owned(),
        first_day: first_day.and_then(Result::ok),
        last_day: last_day?,
        from_min: from,
        until_min: until,
        retry: Retry { attempts_max, after_min, endings },
        at_once_max,
        starts: standing.and_then(|standing| standing.starts),
    })
}

async fn create(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let Some(wanted) = read(&mut form, None) else { return new_page(&doors, &reader, form).await };
    let named = people(form.typed().get("people"));
    let now = doors.clock.now();
    match campaigns::create(&doors.store, &reader.by, now, None, &wanted, &named).await {
        Ok((shown, named)) => {
            let refused = named.iter().filter(|one| one.entry.refused.is_some()).count();
            let told = reader.t("campaign-told-made").n("count", named.len() - refused).n("refused", refused);
            Ok(reader.done(&format!("/console/campaigns/{}", shown.campaign.item.id), &told))
        }
        Err(error) => {
            let form = refused(form, error)?;
            new_page(&doors, &reader, form).await
        }
    }
}

#[derive(Template)]
#[template(path = "outgoing/campaign-edit.html", config = ".askama.toml")]
struct EditPage {
    page: Page,
    form: Form,
    campaign: CampaignId,
    assistants: Vec<(String, String)>,
}

/// A campaign as its form holds it.
fn typed_of(standing: &Revised<Campaign>) -> Typed {
    let campaign = &standing.item;
    let typed = Typed::default()
        .with(SEEN, standing.revision)
        .with("name", &campaign.name)
        .with("assistant", &campaign.assistant)
        .with("purpose", &campaign.purpose)
        .with("last-day", campaign.window.last_day)
        .with("from", clock(campaign.window.from_min))
        .with("until", clock(campaign.window.until_min))
        .with("attempts", campaign.retry.attempts_max)
        .with("retry-hours", campaign.retry.after_min.div_ceil(60))
        .with("at-once", campaign.at_once_max);
    match campaign.window.first_day {
        Some(first) => typed.with("first-day", first),
        None => typed,
    }
}

/// Whether a campaign can be changed: nobody is called for it.
fn editable(state: CampaignState) -> bool {
    match state {
        CampaignState::Draft | CampaignState::Paused => true,
        CampaignState::Running | CampaignState::Ended | CampaignState::Cancelled => false,
    }
}

async fn change(
    State(doors): State<Doors>,
    reader: Reader,
    Path(campaign): Path<String>,
) -> Result<Response, Failure> {
    reader.by.must(Verb::Write, Subject::Calls)?;
    let id: CampaignId = campaign.parse().map_err(|_| Failure::NotFound)?;
    let standing = campaigns::get(&doors.store, &reader.by, &id).await?.campaign;
    if !editable(standing.item.state) {
        return Err(Failure::NotFound);
    }
    let form = Form::new(reader.language, typed_of(&standing));
    edit_page(&doors, &reader, id, form).await
}

async fn edit_page(
    doors: &Doors,
    reader: &Reader,
    campaign: CampaignId,
    form: Form,
) -> Result<Response, Failure> {
    let title = reader.t("campaign-edit");
    let page = Page::new(reader, "/console/outgoing", title, doors.clock.now()).with_form(&form);
    let assistants = live(doors, reader).await?;
    let status = form.status;
    show_with(status, &EditPage { page, form, campaign, assistants })
}

async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(campaign): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: CampaignId = campaign.parse().map_err(|_| Failure::NotFound)?;
    let standing = campaigns::get(&doors.store, &reader.by, &id).await?.campaign;
    let mut form = Form::new(reader.language, typed);
    let Some(wanted) = read(&mut form, Some(&standing.item)) else {
        return edit_page(&doors, &reader, id, form).await;
    };
    let (now, seen) = (doors.clock.now(), form.typed().seen());
    match campaigns::edit(&doors.store, &reader.by, now, &id, seen, |_| Ok(wanted)).await {
        Ok(_) => Ok(reader.done(&format!("/console/campaigns/{id}"), &reader.t("campaign-told-edit"))),
        Err(crate::app::Error::Stale) => {
            let theirs = campaigns::get(&doors.store, &reader.by, &id).await?.campaign;
            let form = form.stale(typed_of(&theirs), reader.faster(&doors, id.as_str()).await?);
            edit_page(&doors, &reader, id, form).await
        }
        Err(error) => {
            let form = refused(form, error)?;
            edit_page(&doors, &reader, id, form).await
        }
    }
}

/// The form with what `app` says, at the fields of this form.
fn refused(mut form: Form, error: crate::app::Error) -> Result<Form, Failure> {
    let crate::app::Error::Invalid(faults) = &error else { return form.refused(error) };
    for fault in faults {
        let field = match fault.pointer.as_str() {
            "/window/first_day" => "first-day",
            "/window/last_day" => "last-day",
            "/window/from" => "from",
            "/window/until" => "until",
            "/retry/attempts" => "attempts",
            "/retry/after" => "retry-hours",
            "/at_once" => "at-once",
            pointer if pointer.starts_with("/contacts") => "people",
            pointer => pointer.trim_start_matches('/'),
        };
        let words = form.t(format!("fault-campaign-{field}"));
        let words =
            words.known().unwrap_or_else(|| form.t("fault-other").s("problem", &fault.problem).to_string());
        let field = field.to_owned();
        form.fault(&field, words);
    }
    Ok(form)
}

#[derive(Template)]
#[template(path = "outgoing/campaign.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    form: Form,
    shown: Shown,
    assistant: String,
    people: Vec<Entry>,
    next: Option<Next>,
    from: String,
    until: String,
    may_write: bool,
    editable: bool,
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(campaign): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let id: CampaignId = campaign.parse().map_err(|_| Failure::NotFound)?;
    let typed = Typed::read(query.unwrap_or_default().as_bytes());
    one_page(&doors, &reader, &id, Form::new(reader.language, typed)).await
}

async fn one_page(doors: &Doors, reader: &Reader, id: &CampaignId, form: Form) -> Result<Response, Failure> {
    let shown = campaigns::get(&doors.store, &reader.by, id).await?;
    let after = lists::place(form.typed().get("after"));
    let found = campaigns::people(&doors.store, &reader.by, id, None, after.as_ref(), ON_PAGE).await?;
    let next = Next::of(found.next.as_ref(), form.typed());
    let campaign = &shown.campaign.item;
    let assistant = match assistants::get(&doors.store, &reader.by, &campaign.assistant).await {
        Ok(revised) => revised.item.name,
        Err(crate::app::Error::NotFound(_) | crate::app::Error::Forbidden(_)) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let (from, until) = (clock(campaign.window.from_min), clock(campaign.window.until_min));
    let page = Page::new(reader, "/console/outgoing", &campaign.name, doors.clock.now()).with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::Calls);
    let status = form.status;
    let people = found.items;
    let editable = may_write && editable(campaign.state);
    show_with(
        status,
        &OnePage { page, form, shown, assistant, people, next, from, until, may_write, editable },
    )
}

async fn add(
    State(doors): State<Doors>,
    reader: Reader,
    Path(campaign): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id: CampaignId = campaign.parse().map_err(|_| Failure::NotFound)?;
    let mut form = Form::new(reader.language, typed);
    let named = people(form.typed().get("people"));
    if named.is_empty() {
        let words = form.t("fault-campaign-people");
        form.fault("people", words);
        return one_page(&doors, &reader, &id, form).await;
    }
    match campaigns::add_people(&doors.store, &reader.by, doors.clock.now(), &id, &named).await {
        Ok(named) => {
            let fresh = named.iter().filter(|one| !one.before);
            let refused = fresh.clone().filter(|one| one.entry.refused.is_some()).count();
            let told =
                reader.t("campaign-told-people").n("count", fresh.count() - refused).n("refused", refused);
            Ok(reader.done(&format!("/console/campaigns/{id}"), &told))
        }
        Err(error) => {
            let form = refused(form, error)?;
            one_page(&doors, &reader, &id, form).await
        }
    }
}

async fn act(
    State(doors): State<Doors>,
    reader: Reader,
    Path((campaign, act)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id: CampaignId = campaign.parse().map_err(|_| Failure::NotFound)?;
    let (store, by, now) = (&doors.store, &reader.by, doors.clock.now());
    match act.as_str() {
        "begin" | "resume" => campaigns::resume(store, by, now, &id).await?,
        "pause" => campaigns::pause(store, by, now, &id).await?,
        "cancel" => campaigns::cancel(store, by, now, &id).await?,
        _ => return Err(Failure::NotFound),
    };
    Ok(reader.done(&format!("/console/campaigns/{id}"), &reader.t(format!("campaign-told-{act}"))))
}
