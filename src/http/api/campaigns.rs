//! `/api/campaigns`: many people called for one reason, and what became of each.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    availability::instant as read_instant,
    form::{Asked, Body, Listed, PageAsked, Patch, RequestKey, Seen, Tagged, id, instant, page},
    outgoing::{clock, minutes},
};
use crate::{
    app::{
        self, Faults,
        outgoing::campaigns::{self, Named, Person, Shown, Wanted},
    },
    domain::{
        campaign::{Campaign, Entry, EntryState, Refusal, Retry},
        outgoing::{Ending, Said},
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit))
        .routes(routes!(people, add_people))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
}

/// When a campaign's people are called.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WindowShown {
    /// The first day, such as `2026-03-02`, where the business is; any when left out.
    #[schema(format = Date)]
    first_day: Option<String>,
    /// The last day.
    #[schema(format = Date)]
    last_day: String,
    /// When calls may begin where the called person is, as `HH:MM`; as in the settings for outgoing calls when left out.
    from: Option<String>,
    /// From when on none may begin, as `HH:MM`; as in the settings when left out.
    until: Option<String>,
}

/// How often a person is tried.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryShown {
    /// How often, at most.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 5, default = 1)]
    attempts: u32,
    /// How many minutes there are at least between two attempts. Nobody is called twice on one day in any case.
    #[serde(default = "day")]
    #[schema(minimum = 60, default = 1440)]
    after: u32,
    /// After which endings: `machine`, `busy`, `no_answer`, `failed`, `unknown`.
    #[serde(default = "not_reached")]
    endings: Vec<String>,
}

fn one() -> u32 {
    1
}

fn day() -> u32 {
    24 * 60
}

fn not_reached() -> Vec<String> {
    let all = Ending::ALL.iter().filter(|ending| ending.not_reached());
    all.map(|ending| ending.as_str().to_owned()).collect()
}

impl Default for RetryShown {
    fn default() -> Self {
        Self { attempts: one(), after: day(), endings: not_reached() }
    }
}

/// Somebody who is to be called: by `number` or `contact`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonWanted {
    /// Their telephone number; the contact's when left out.
    number: Option<String>,
    /// Who they are, by the contact's id; whoever alone has that number when left out.
    contact: Option<String>,
    /// Their name, for the assistant.
    name: Option<String>,
}

fn persons(wanted: Vec<PersonWanted>, faults: &mut Faults) -> Vec<Person> {
    let mut persons = Vec::with_capacity(wanted.len());
    for (at, one) in wanted.into_iter().enumerate() {
        let place = format!("/contacts/{at}/contact");
        let contact = one.contact.and_then(|text| faults.take(text.parse(), place));
        persons.push(Person { number: one.number, contact, name: one.name });
    }
    persons
}

/// A campaign.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "New cards", "assistant": "ast_0190", "purpose": "Ask whether the new insurance card has arrived.",
    "window": {"last_day": "2026-12-18", "from": "10:00", "until": "17:00"}, "retry": {"attempts": 2},
    "contacts": [{"number": "+4915112345678", "name": "Frau Beispiel"}]
}))]
struct CampaignWanted {
    /// What it is called.
    name: String,
    /// Who is to speak, by its id.
    assistant: String,
    /// The number the calls come from, by its id; one at which the assistant answers when left out.
    number: Option<String>,
    /// Why, for the assistant.
    purpose: String,
    /// The language in which the calls are opened: `de` or `en`.
    language: Option<String>,
    /// When its people are called.
    window: WindowShown,
    /// How often each is tried.
    #[serde(default)]
    retry: RetryShown,
    /// How many of its calls may be out at once.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    at_once: u32,
    /// When it begins by itself; with `resume` when left out.
    #[schema(format = DateTime)]
    start_at: Option<String>,
    /// Whom it calls, at most 1000 in one request.
    #[serde(default, skip_serializing)]
    #[schema(write_only)]
    contacts: Vec<PersonWanted>,
}

impl CampaignWanted {
    fn of(campaign: &Campaign) -> Self {
        let window = &campaign.window;
        Self {
            name: campaign.name.clone(),
            assistant: campaign.assistant.to_string(),
            number: Some(campaign.number.to_string()),
            purpose: campaign.purpose.clone(),
            language: Some(campaign.language.code().to_owned()),
            window: WindowShown {
                first_day: window.first_day.map(|day| day.to_string()),
                last_day: window.last_day.to_string(),
                from: Some(clock(window.from_min)),
                until: Some(clock(window.until_min)),
            },
            retry: RetryShown {
                attempts: campaign.retry.attempts_max,
                after: campaign.retry.after_min,
                endings: campaign.retry.endings.iter().map(|one| one.as_str().to_owned()).collect(),
            },
            at_once: campaign.at_once_max,
            start_at: campaign.starts.map(instant),
            contacts: Vec::new(),
        }
    }

    fn wanted(self) -> Result<(Wanted, Vec<Person>), app::Error> {
        let mut faults = Faults::new();
        let assistant = faults.take(self.assistant.parse(), "/assistant");
        let number = self.number.and_then(|text| faults.take(text.parse(), "/number"));
        let language = self.language.and_then(|text| faults.take(text.parse(), "/language"));
        let window = self.window;
        let first_day = window.first_day.and_then(|text| faults.take(date(&text), "/window/first_day"));
        let last_day = faults.take(date(&window.last_day), "/window/last_day");
        let from_min = window.from.and_then(|text| faults.take(minutes(&text), "/window/from"));
        let until_min = window.until.and_then(|text| faults.take(minutes(&text), "/window/until"));
        let starts = self.start_at.and_then(|text| faults.take(read_instant(&text), "/start_at"));
        let mut endings = Vec::new();
        for (at, word) in self.retry.endings.iter().enumerate() {
            endings.extend(faults.take(word.parse::<Ending>(), format!("/retry/endings/{at}")));
        }
        let people = persons(self.contacts, &mut faults);
        match (faults.is_empty(), assistant, last_day) {
            (true, Some(assistant), Some(last_day)) => Ok((
                Wanted {
                    name: self.name,
                    assistant,
                    number,
                    language,
                    purpose: self.purpose,
                    first_day,
                    last_day,
                    from_min,
                    until_min,
                    retry: Retry { attempts_max: self.retry.attempts, after_min: self.retry.after, endings },
                    at_once_max: self.at_once,
                    starts,
                },
                people,
            )),
            _ => Err(faults.refusal()),
        }
    }
}

fn date(text: &str) -> Result<civil::Date, &'static str> {
    text.parse().map_err(|_| "must be a date such as `2026-03-02`")
}

/// How far a campaign is: how many of its people stand where.
#[derive(Serialize, ToSchema)]
struct ProgressShown {
    /// All of them.
    all: u64,
    /// To be called, for the first time or again.
    waiting: u64,
    /// An attempt is under way.
    dialling: u64,
    /// Reached.
    reached: u64,
    /// A machine answered.
    machine: u64,
    /// Not reached, however often it was tried.
    not_reached: u64,
    /// They do not want to be called.
    opted_out: u64,
    /// The campaign was cancelled before.
    cancelled: u64,
    /// Not called, by the reason.
    refused: BTreeMap<&'static str, u64>,
    /// With whom nothing more is tried.
    done: u64,
}

/// A campaign and how far it is.
#[derive(Serialize, ToSchema)]
struct CampaignShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    campaign: CampaignWanted,
    /// `draft`, `running`, `paused`, `ended` or `cancelled`.
    state: &'static str,
    progress: ProgressShown,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

fn show_one(shown: &Shown) -> CampaignShown {
    let (campaign, progress) = (&shown.campaign.item, &shown.progress);
    CampaignShown {
        id: campaign.id.to_string(),
        campaign: CampaignWanted::of(campaign),
        state: campaign.state.as_str(),
        progress: ProgressShown {
            all: progress.all(),
            waiting: progress.waiting,
            dialling: progress.calling,
            reached: progress.reached,
            machine: progress.machine,
            not_reached: progress.not_reached,
            opted_out: progress.opted_out,
            cancelled: progress.cancelled,
            refused: progress.refused.clone(),
            done: progress.done(),
        },
        created_at: instant(campaign.created),
        ended_at: campaign.ended.map(instant),
    }
}

fn tagged(shown: &Shown) -> Tagged<CampaignShown> {
    Tagged::shown(show_one(shown), shown.campaign.revision)
}

/// What became of one who was named.
#[derive(Serialize, ToSchema)]
struct NamedShown {
    /// The id of their entry.
    id: String,
    /// Their number as it is called, or as it was given when it is not.
    number: String,
    /// Whether they are called.
    accepted: bool,
    /// Why not: `not_a_number`, `emergency`, `short`, `premium`, `satellite`, `no_person`, `country_unknown`, `country`,
    /// `answered_here`, `opted_out` or `no_number`.
    #[schema(required)]
    reason: Option<&'static str>,
    /// Whether they stood in the campaign before: they are called once all the same.
    before: bool,
}

fn show_named(named: &Named) -> NamedShown {
    NamedShown {
        id: named.entry.id.to_string(),
        number: named.entry.number.clone(),
        accepted: named.entry.refused.is_none(),
        reason: named.entry.refused.map(Refusal::as_str),
        before: named.before,
    }
}

/// A campaign that was made, and what became of those who were named.
#[derive(Serialize, ToSchema)]
struct CampaignMade {
    #[serde(flatten)]
    campaign: CampaignShown,
    /// In the order in which they were named.
    contacts: Vec<NamedShown>,
}

/// The campaigns, the latest first.
#[utoipa::path(get, path = "/api/campaigns", tag = "campaigns", params(PageAsked),
    responses((status = OK, body = Listed<CampaignShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<CampaignShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = campaigns::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |one| show_one(&one)))
}

/// Makes a campaign. Numbers that are not called are told with the reason, and called by nobody.
#[utoipa::path(post, path = "/api/campaigns", tag = "campaigns", request_body = CampaignWanted,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Names the request: made again, it is one campaign.")),
    responses((status = CREATED, body = CampaignMade)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    RequestKey(key): RequestKey,
    Body(wanted): Body<CampaignWanted>,
) -> Result<Tagged<CampaignMade>, Problem> {
    let (wanted, people) = wanted.wanted()?;
    let now = doors.clock.now();
    let made = campaigns::create(&doors.store, &by, now, key.as_deref(), &wanted, &people).await?;
    let (shown, named) = made;
    let (revision, location) =
        (shown.campaign.revision, format!("/api/campaigns/{}", shown.campaign.item.id));
    let made = CampaignMade { campaign: show_one(&shown), contacts: named.iter().map(show_named).collect() };
    Ok(Tagged::created(made, revision, location))
}

/// One campaign and how far it is.
#[utoipa::path(get, path = "/api/campaigns/{campaign}", tag = "campaigns",
    params(("campaign", description = "Its id.")), responses((status = OK, body = CampaignShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
) -> Result<Tagged<CampaignShown>, Problem> {
    Ok(tagged(&campaigns::get(&doors.store, &by, &id(&campaign)?).await?))
}

/// Changes a campaign that has not begun or is paused: a JSON merge patch.
#[utoipa::path(patch, path = "/api/campaigns/{campaign}", tag = "campaigns",
    params(("campaign", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = CampaignShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<CampaignShown>, Problem> {
    let campaign = id(&campaign)?;
    let edited = campaigns::edit(&doors.store, &by, doors.clock.now(), &campaign, seen, |kept| {
        let (wanted, people) = patch.over(&CampaignWanted::of(kept))?.wanted()?;
        if people.is_empty() {
            Ok(wanted)
        } else {
            Err(app::Error::invalid("/contacts", "are added with `POST /api/campaigns/{campaign}/contacts`"))
        }
    });
    Ok(tagged(&edited.await?))
}

/// One of a campaign's people, and what became of them.
#[derive(Serialize, ToSchema)]
struct EntryShown {
    /// Its id.
    id: String,
    /// Their number as it is called, or as it was given when it is not.
    number: String,
    /// Their name, as it was given.
    name: String,
    /// Who they are, by the contact's id.
    #[schema(required)]
    contact: Option<String>,
    /// `waiting`, `calling`, `done` or `refused`.
    state: &'static str,
    /// How it ended, as for `GET /api/outgoing-calls/{outgoing}`; while they wait, how the last attempt did.
    #[schema(required)]
    ended_as: Option<&'static str>,
    /// Why they are not called.
    #[schema(required)]
    reason: Option<&'static str>,
    /// How many attempts there were.
    attempts: u32,
    /// The last of them, by its id.
    #[schema(required)]
    outgoing: Option<String>,
    /// The call it became, by its id.
    #[schema(required)]
    call: Option<String>,
    /// What they answered: `later` or `stop`.
    #[schema(required)]
    answer: Option<&'static str>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

fn show_entry(entry: &Entry) -> EntryShown {
    EntryShown {
        id: entry.id.to_string(),
        number: entry.number.clone(),
        name: entry.name.clone(),
        contact: entry.contact.as_ref().map(ToString::to_string),
        state: entry.state.as_str(),
        ended_as: entry.ended.map(Ending::as_str),
        reason: entry.refused.map(Refusal::as_str),
        attempts: entry.attempts,
        outgoing: entry.outgoing.as_ref().map(ToString::to_string),
        call: entry.call.as_ref().map(ToString::to_string),
        answer: entry.said.map(Said::as_str),
        ended_at: entry.over.map(instant),
    }
}

/// Which of them, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeopleAsked {
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those that stand so: `waiting`, `calling`, `done` or `refused`.
    state: Option<String>,
}

/// A campaign's people in the order in which they were named, and what became of each.
#[utoipa::path(get, path = "/api/campaigns/{campaign}/contacts", tag = "campaigns",
    params(("campaign", description = "Its id."), PeopleAsked),
    responses((status = OK, body = Listed<EntryShown>)))]
async fn people(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
    Asked(asked): Asked<PeopleAsked>,
) -> Result<Json<Listed<EntryShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let mut faults = Faults::new();
    let state: Option<EntryState> = asked.state.as_ref().and_then(|word| faults.take(word.parse(), "?state"));
    faults.settle()?;
    let page = campaigns::people(&doors.store, &by, &id(&campaign)?, state, after.as_ref(), count).await?;
    Ok(Listed::of(page, |one| show_entry(&one)))
}

/// More people for a campaign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"contacts": [{"number": "+4915112345678", "name": "Frau Beispiel"}]}))]
struct PeopleWanted {
    /// Whom it calls, at most 1000 in one request.
    contacts: Vec<PersonWanted>,
}

/// What became of those who were named.
#[derive(Serialize, ToSchema)]
struct PeopleNamed {
    /// In the order in which they were named.
    contacts: Vec<NamedShown>,
}

/// Names more people to a campaign that is not over. Who stands in it already is called once all the same.
#[utoipa::path(post, path = "/api/campaigns/{campaign}/contacts", tag = "campaigns",
    params(("campaign", description = "Its id.")), request_body = PeopleWanted,
    responses((status = OK, body = PeopleNamed)))]
async fn add_people(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
    Body(wanted): Body<PeopleWanted>,
) -> Result<Json<PeopleNamed>, Problem> {
    let mut faults = Faults::new();
    let people = persons(wanted.contacts, &mut faults);
    faults.settle()?;
    let now = doors.clock.now();
    let named = campaigns::add_people(&doors.store, &by, now, &id(&campaign)?, &people).await?;
    Ok(Json(PeopleNamed { contacts: named.iter().map(show_named).collect() }))
}

/// Pauses a campaign: whoever is not dialled is not called until it goes on.
#[utoipa::path(post, path = "/api/campaigns/{campaign}/pause", tag = "campaigns",
    params(("campaign", description = "Its id.")), responses((status = OK, body = CampaignShown)))]
async fn pause(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
) -> Result<Tagged<CampaignShown>, Problem> {
    Ok(tagged(&campaigns::pause(&doors.store, &by, doors.clock.now(), &id(&campaign)?).await?))
}

/// Begins a campaign that nothing else begins, or goes on with one that is paused.
#[utoipa::path(post, path = "/api/campaigns/{campaign}/resume", tag = "campaigns",
    params(("campaign", description = "Its id.")), responses((status = OK, body = CampaignShown)))]
async fn resume(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
) -> Result<Tagged<CampaignShown>, Problem> {
    Ok(tagged(&campaigns::resume(&doors.store, &by, doors.clock.now(), &id(&campaign)?).await?))
}

/// Gives a campaign up: whoever is not dialled is not called.
#[utoipa::path(post, path = "/api/campaigns/{campaign}/cancel", tag = "campaigns",
    params(("campaign", description = "Its id.")), responses((status = OK, body = CampaignShown)))]
async fn cancel(
    State(doors): State<Doors>,
    By(by): By,
    Path(campaign): Path<String>,
) -> Result<Tagged<CampaignShown>, Problem> {
    Ok(tagged(&campaigns::cancel(&doors.store, &by, doors.clock.now(), &id(&campaign)?).await?))
}
