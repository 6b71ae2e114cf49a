//! Campaigns: made, filled with people, begun, paused, cancelled; and whom each calls next.
//!
//! A campaign writes down few attempts at a time, each like any other call of ours: whether it may be made is asked when
//! it is dialled, and a campaign that is paused or over by then makes none. What an attempt came to decides whether the
//! person is tried again ([`follow`]). Nothing here dials.

mod planning;

use jiff::{ToSpan, civil};
use metrics::counter;
use serde_json::json;

pub(super) use self::planning::{Bears, bears, follow};
pub use self::planning::{PLAN_EVERY_MS, plan, plan_due};

use crate::{
    app::{
        Error, Faults,
        access::Actor,
        audit::{self, Audited, Parts},
        webhooks::{self, Event},
    },
    domain::{
        assistant::{AssistantStatus, Language},
        campaign::{CallWindow, Campaign, CampaignState, Entry, EntryState, Progress, Refusal, Retry},
        id::{AssistantId, CampaignEntryId, CampaignId, ContactId, NumberId},
        org::Tenant,
        outgoing::{Ending, OutgoingSettings, number},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    platform::{ids, metrics as figures},
    store::{Page, Place, Store, TenantTx},
};

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// People one campaign may have.
pub const PEOPLE_MAX: u64 = 10_000;
/// People that can be named in one request.
pub const PEOPLE_PER_REQUEST_MAX: usize = 1_000;
/// How often one person may be tried.
pub const ATTEMPTS_MAX: u32 = 5;
/// Shortest time between two attempts, in minutes.
pub const RETRY_MINUTES_MIN: u32 = 60;
/// Longest time between two attempts, in minutes: thirty days.
pub const RETRY_MINUTES_MAX: u32 = 30 * 24 * 60;
/// Longest window, in days.
pub const WINDOW_DAYS_MAX: i64 = 366;
/// Longest name of a person, in characters.
const PERSON_CHARS_MAX: usize = 100;
/// Longest text that is kept of a number that is none, in characters.
const NUMBER_CHARS_MAX: usize = 40;

/// A campaign somebody wants. `Debug` is not for words of a tenant's.
#[derive(Clone)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// Who speaks.
    pub assistant: AssistantId,
    /// From which number; from one at which the assistant answers when left out.
    pub number: Option<NumberId>,
    /// In which language the calls are opened; the number's when left out.
    pub language: Option<Language>,
    /// Why, for the assistant.
    pub purpose: String,
    /// The first day; any when left out.
    pub first_day: Option<civil::Date>,
    /// The last day.
    pub last_day: civil::Date,
    /// When calls may begin, in minutes since midnight; as the tenant's when left out.
    pub from_min: Option<u32>,
    /// From when on none may begin, in minutes since midnight; as the tenant's when left out.
    pub until_min: Option<u32>,
    /// How often each is tried.
    pub retry: Retry,
    /// How many of its calls may be out at once.
    pub at_once_max: u32,
    /// When it begins by itself; when somebody says so, when left out.
    pub starts: Option<Timestamp>,
}

/// Somebody who is to be called.
#[derive(Clone, Default)]
pub struct Person {
    /// Their number, as people write numbers; the contact's when left out.
    pub number: Option<String>,
    /// Who they are, when they are known.
    pub contact: Option<ContactId>,
    /// Their name, when they are not.
    pub name: Option<String>,
}

/// What became of one who was named to a campaign.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where they stand.
    pub entry: Entry,
    /// Whether they stood there before, or were named before in the same request.
    pub before: bool,
}

/// A campaign and how far it is.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The campaign.
    pub campaign: Revised<Campaign>,
    /// How far it is.
    pub progress: Progress,
}

impl Audited for Campaign {
    const KIND: &'static str = "campaign";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let retried: Vec<&str> = self.retry.endings.iter().map(|ending| ending.as_str()).collect();
        Parts::new()
            .with("name", self.name.as_str())
            .with("assistant", self.assistant.as_str())
            .with("number", self.number.as_str())
            .with("language", self.language.code())
            .with("purpose", self.purpose.as_str())
            .with("first_day", self.window.first_day.map(|day| day.to_string()))
            .with("last_day", self.window.last_day.to_string())
            .with("from", self.window.from_min)
            .with("until", self.window.until_min)
            .with("attempts", self.retry.attempts_max)
            .with("retry_after", self.retry.after_min)
            .with("retried", retried)
            .with("at_once", self.at_once_max)
            .with("starts_at", self.starts.map(|at| at.to_string()))
            .with("state", self.state.as_str())
    }
}

/// The campaigns, the latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Shown>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    let page = tx.campaigns().page(after, count_max).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for campaign in page.items {
        let progress = tx.campaigns().progress(&campaign.item.id).await?;
        items.push(Shown { campaign, progress });
    }
    Ok(Page { items, next: page.next })
}

/// One campaign.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &CampaignId) -> Result<Shown, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    shown(&mut store.read(by.tenant()).await?, id).await
}

async fn kept(tx: &mut TenantTx, id: &CampaignId) -> Result<Revised<Campaign>, Error> {
    tx.campaigns().revised(id).await?.ok_or(Error::NotFound("campaign"))
}

async fn shown(tx: &mut TenantTx, id: &CampaignId) -> Result<Shown, Error> {
    let campaign = kept(tx, id).await?;
    let progress = tx.campaigns().progress(id).await?;
    Ok(Shown { campaign, progress })
}

/// A campaign's people in the order in which they were named.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn people(
    store: &Store,
    by: &Actor,
    id: &CampaignId,
    state: Option<EntryState>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Entry>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    kept(&mut tx, id).await?;
    Ok(tx.campaigns().entries(id, state, after, count_max).await?)
}

/// Makes a campaign with its first people. The same request under the same `key` is one campaign.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Conflict`] when it is to begin and nobody may be
/// called, the key was used for another, or the campaign is over and people are named who do not stand in it;
/// [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    wanted: &Wanted,
    people: &[Person],
) -> Result<(Shown, Vec<Named>), Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let key = key.map(|key| format!("{by}/{key}"));
    let mut tx = store.begin(by.tenant()).await?;
    // Whoever ends it, or is about to dial for it, has decided before, or decides after.
    tx.outgoing().lock().await?;
    let first = match &key {
        Some(key) => tx.campaigns().by_key(key).await?,
        None => None,
    };
    if let Some(first) = &first
        && (first.item.name != wanted.name.trim() || first.item.assistant != wanted.assistant)
    {
        return Err(Error::Conflict("that Idempotency-Key was used for another campaign"));
    }
    let campaign = match first {
        Some(first) => first.item,
        None => {
            let state = if wanted.starts.is_some() { CampaignState::Running } else { CampaignState::Draft };
            let id = CampaignId::of(ids::fresh(now));
            let campaign = check(&mut tx, now, wanted, (id, state, now)).await?;
            if state == CampaignState::Running {
                may_begin(&mut tx).await?;
            }
            if !tx.campaigns().add(&campaign, key.as_deref(), &by.to_string()).await? {
                return Err(Error::Conflict("that Idempotency-Key was used for another campaign"));
            }
            audit::record(&mut tx, by, now, None, Some(&campaign)).await?;
            campaign
        }
    };
    let named = name(store, &mut tx, by, now, &campaign, people, "/contacts").await?;
    if campaign.state == CampaignState::Running {
        tx.campaigns().planned(&campaign.id, now).await?;
    }
    let shown = shown(&mut tx, &campaign.id).await?;
    tx.commit().await?;
    Ok((shown, named))
}

/// Names more people to a campaign. One who stands in it already stands in it once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Conflict`] when it is over;
/// [`Error::Unavailable`].
pub async fn add_people(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &CampaignId,
    people: &[Person],
) -> Result<Vec<Named>, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.outgoing().lock().await?;
    let campaign = kept(&mut tx, id).await?.item;
    if campaign.state.over() {
        return Err(Error::Conflict("that campaign is over"));
    }
    let named = name(store, &mut tx, by, now, &campaign, people, "/contacts").await?;
    tx.campaigns().planned(id, now).await?;
    tx.commit().await?;
    Ok(named)
}

/// Keeps people of a campaign's, those too who are not called, and says what became of each.
async fn name(
    store: &Store,
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    campaign: &Campaign,
    people: &[Person],
    pointer: &str,
) -> Result<Vec<Named>, Error> {
    let mut faults = Faults::new();
    faults.unless(
        people.len() <= PEOPLE_PER_REQUEST_MAX,
        pointer,
        format!("must be at most {PEOPLE_PER_REQUEST_MAX}; more can be added"),
    );
    for (at, person) in people.iter().enumerate() {
        faults.unless(
            person.name.as_ref().is_none_or(|name| name.chars().count() <= PERSON_CHARS_MAX),
            format!("{pointer}/{at}/name"),
            format!("must be at most {PERSON_CHARS_MAX} characters"),
        );
        if let Some(contact) = &person.contact {
            let known = tx.contacts().get(contact).await?.is_some();
            faults.unless(known, format!("{pointer}/{at}/contact"), "there is no such contact");
        }
        faults.unless(
            person.number.is_some() || person.contact.is_some(),
            format!("{pointer}/{at}"),
            "must have a `number` or a `contact`",
        );
    }
    faults.settle()?;
    let settings = tx.outgoing().settings().await?.item;
    let from = tx.numbers().revised(&campaign.number).await?.ok_or(Error::NotFound("number"))?;
    let home = number::country(&from.item.number.number).ok();
    let mut size = tx.campaigns().size(&campaign.id).await?;
    let (mut named, mut added, mut refused) = (Vec::with_capacity(people.len()), 0_u64, 0_u64);
    for person in people {
        let entry = entry(store, tx, now, campaign, person, &settings, home, size + 1).await?;
        if let Some(standing) = tx.campaigns().entry_of(&campaign.id, &entry.number).await? {
            named.push(Named { entry: standing, before: true });
            continue;
        }
        if campaign.state.over() {
            // Whoever joined it would wait for ever.
            return Err(Error::Conflict("that campaign is over"));
        }
        if size >= PEOPLE_MAX {
            counter!(figures::LIMIT_REACHED_TOTAL, "limit" => "campaign_people").increment(1);
            return Err(Error::Limit { name: "people in a campaign", max: PEOPLE_MAX });
        }
        tx.campaigns().add_entry(&entry).await?;
        size += 1;
        added += u64::from(entry.refused.is_none());
        refused += u64::from(entry.refused.is_some());
        named.push(Named { entry, before: false });
    }
    if added + refused > 0 {
        let about = json!({ "accepted": added, "refused": refused });
        audit::tell(tx, by, now, "campaign.people_added", campaign.id.as_str(), about).await?;
    }
    Ok(named)
}

/// A person as one of a campaign's, refused where that is known already.
#[expect(clippy::too_many_arguments, reason = "each is one fact about where the person stands")]
async fn entry(
    store: &Store,
    tx: &mut TenantTx,
    now: Timestamp,
    campaign: &Campaign,
    person: &Person,
    settings: &OutgoingSettings,
    home: Option<&str>,
    position: u64,
) -> Result<Entry, Error> {
    let mut contact = match &person.contact {
        Some(contact) => tx.contacts().get(contact).await?,
        None => None,
    };
    let given = person
        .number
        .clone()
        .or_else(|| contact.as_ref().and_then(|contact| contact.number.as_ref().map(ToString::to_string)));
    let (number, refused) = match given {
        // Nobody else has that text for a number, so that several without one can stand beside one another.
        None => (format!("-{position}"), Some(Refusal::NoNumber)),
        Some(given) => match number::callable(&given, home) {
            Err(why) => {
                let given = given.trim().chars().filter(|one| !one.is_control());
                (given.take(NUMBER_CHARS_MAX).collect(), Some(Refusal::Number(why)))
            }
            Ok(callable) => {
                let refused = if store.across_tenants().number(&callable.number).await?.is_some() {
                    Some(Refusal::Ours)
                } else if settings.consent.is_some()
                    && !settings.countries.iter().any(|code| code == callable.country)
                {
                    Some(Refusal::NotAllowed)
                } else if tx.opt_outs().of(&callable.number).await?.is_some() {
                    Some(Refusal::OptedOut)
                } else {
                    None
                };
                if contact.is_none() {
                    // Whoever alone has that number is who is called.
                    let mut known = tx.contacts().by_number(&callable.number).await?;
                    contact = if known.len() == 1 { known.pop() } else { None };
                }
                (callable.number.to_string(), refused)
            }
        },
    };
    let name = person.name.as_deref().unwrap_or_default().trim();
    Ok(Entry {
        id: CampaignEntryId::of(ids::fresh(now)),
        campaign: campaign.id.clone(),
        position,
        number,
        name: name.chars().filter(|one| !one.is_control()).collect(),
        contact: contact.map(|contact| contact.id),
        state: if refused.is_some() { EntryState::Refused } else { EntryState::Waiting },
        ended: None,
        refused,
        attempts: 0,
        next: now,
        outgoing: None,
        call: None,
        said: None,
        over: refused.map(|_| now),
    })
}

/// Changes a campaign that is not under way, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Conflict`] while it is
/// running or when it is over; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &CampaignId,
    seen: Option<Revision>,
    change: impl FnOnce(&Campaign) -> Result<Wanted, Error>,
) -> Result<Shown, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.outgoing().lock().await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    match before.item.state {
        CampaignState::Draft | CampaignState::Paused => {}
        CampaignState::Running => return Err(Error::Conflict("pause the campaign before you change it")),
        CampaignState::Ended | CampaignState::Cancelled => {
            return Err(Error::Conflict("that campaign is over"));
        }
    }
    let wanted = change(&before.item)?;
    let base = (id.clone(), before.item.state, before.item.created);
    let mut after = check(&mut tx, now, &wanted, base).await?;
    if after.state == CampaignState::Draft && after.starts.is_some() {
        may_begin(&mut tx).await?;
        after.state = CampaignState::Running;
    }
    if after != before.item {
        tx.campaigns().set(&after).await?;
        // What was written down was so by what was wanted before: it is written anew.
        tx.campaigns().unplan(id).await?;
        audit::record(&mut tx, by, now, Some(&before.item), Some(&after)).await?;
    }
    let shown = shown(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Nobody more is called until somebody goes on; what Twilio has is not cut off.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it has not begun or is over;
/// [`Error::Unavailable`].
pub async fn pause(store: &Store, by: &Actor, now: Timestamp, id: &CampaignId) -> Result<Shown, Error> {
    turn(store, by, now, id, CampaignState::Paused).await
}

/// Begins a campaign, or goes on with it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is over, or nobody may be called;
/// [`Error::Unavailable`].
pub async fn resume(store: &Store, by: &Actor, now: Timestamp, id: &CampaignId) -> Result<Shown, Error> {
    turn(store, by, now, id, CampaignState::Running).await
}

/// Gives a campaign up: who was not called is not. What Twilio has is not cut off.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it has ended; [`Error::Unavailable`].
pub async fn cancel(store: &Store, by: &Actor, now: Timestamp, id: &CampaignId) -> Result<Shown, Error> {
    turn(store, by, now, id, CampaignState::Cancelled).await
}

async fn turn(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &CampaignId,
    to: CampaignState,
) -> Result<Shown, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    // Whoever is about to dial for this tenant has decided before, or decides after.
    tx.outgoing().lock().await?;
    let before = kept(&mut tx, id).await?.item;
    if before.state == to {
        return shown(&mut tx, id).await;
    }
    if before.state.over() {
        return Err(Error::Conflict("that campaign is over"));
    }
    let mut after = Campaign { state: to, ..before.clone() };
    match to {
        CampaignState::Running => {
            may_begin(&mut tx).await?;
            tx.campaigns().hold_back(id, now, None).await?;
        }
        CampaignState::Paused => {
            if before.state == CampaignState::Draft {
                return Err(Error::Conflict("that campaign has not begun"));
            }
            tx.campaigns().hold_back(id, Timestamp::MAX, Some("its campaign is paused")).await?;
        }
        CampaignState::Cancelled => {
            after.ended = Some(now);
            tx.campaigns().drop_waiting(id, Ending::Cancelled, now).await?;
            tx.campaigns().close(id, Ending::Cancelled, now).await?;
        }
        CampaignState::Draft | CampaignState::Ended => {
            return Err(Error::Conflict("nobody makes a campaign that"));
        }
    }
    tx.campaigns().set(&after).await?;
    audit::record(&mut tx, by, now, Some(&before), Some(&after)).await?;
    if to == CampaignState::Cancelled {
        tell_ended(&mut tx, &after, now).await?;
    }
    let shown = shown(&mut tx, id).await?;
    tx.commit().await?;
    Ok(shown)
}

async fn may_begin(tx: &mut TenantTx) -> Result<(), Error> {
    if tx.outgoing().settings().await?.item.consent.is_none() {
        return Err(Error::Conflict(
            "nobody may be called before an admin has said where consent comes from (`PATCH /api/outgoing-settings`)",
        ));
    }
    Ok(())
}

async fn tell_ended(tx: &mut TenantTx, campaign: &Campaign, now: Timestamp) -> Result<(), Error> {
    let progress = tx.campaigns().progress(&campaign.id).await?;
    webhooks::tell(tx, now, Event::CampaignEnded { campaign, progress: &progress }).await
}

/// Everything that must hold for a campaign, told at once.
async fn check(
    tx: &mut TenantTx,
    now: Timestamp,
    wanted: &Wanted,
    (id, state, created): (CampaignId, CampaignState, Timestamp),
) -> Result<Campaign, Error> {
    let mut faults = Faults::new();
    let business = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let settings = tx.outgoing().settings().await?.item;
    let name = wanted.name.trim();
    let named = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    faults.unless(named, "/name", format!("must be 1 to {NAME_CHARS_MAX} characters"));
    let purpose = wanted.purpose.trim();
    faults.unless(
        (1..=super::PURPOSE_CHARS_MAX).contains(&purpose.chars().count()),
        "/purpose",
        format!("must be 1 to {} characters", super::PURPOSE_CHARS_MAX),
    );
    let assistant = tx.assistants().get(&wanted.assistant).await?;
    let assistant = assistant.filter(|one| one.status == AssistantStatus::Live);
    faults.unless(assistant.is_some(), "/assistant", "there is no such assistant, or it does not answer");
    let call = super::Wanted {
        to: String::new(),
        assistant: wanted.assistant.clone(),
        number: wanted.number.clone(),
        language: wanted.language,
        purpose: String::new(),
        appointment: None,
        contact: None,
        zone: None,
        at: None,
    };
    let from = super::from_number(tx, &call, assistant.as_ref(), &mut faults).await?;
    let window = window(wanted, &settings, &business, now, &mut faults);
    let retry = &wanted.retry;
    faults.unless(
        (1..=ATTEMPTS_MAX).contains(&retry.attempts_max),
        "/retry/attempts",
        format!("must be from 1 to {ATTEMPTS_MAX}"),
    );
    faults.unless(
        (RETRY_MINUTES_MIN..=RETRY_MINUTES_MAX).contains(&retry.after_min),
        "/retry/after",
        format!("must be from {RETRY_MINUTES_MIN} to {RETRY_MINUTES_MAX} minutes"),
    );
    for (at, ending) in retry.endings.iter().enumerate() {
        faults.unless(
            ending.not_reached(),
            format!("/retry/endings/{at}"),
            "must be `machine`, `busy`, `no_answer`, `failed` or `unknown`",
        );
    }
    faults.unless(
        (1..=super::AT_ONCE_MAX).contains(&wanted.at_once_max),
        "/at_once",
        format!("must be from 1 to {}", super::AT_ONCE_MAX),
    );
    faults.settle()?;
    let Some((number, _, language)) = from else {
        return Err(Error::invalid("/number", "there is no number to call from"));
    };
    Ok(Campaign {
        id,
        name: name.to_owned(),
        assistant: wanted.assistant.clone(),
        number,
        language: wanted.language.unwrap_or(language),
        purpose: purpose.to_owned(),
        window,
        retry: retry.clone(),
        at_once_max: wanted.at_once_max,
        starts: wanted.starts,
        state,
        created,
        ended: None,
    })
}

fn window(
    wanted: &Wanted,
    settings: &OutgoingSettings,
    business: &Tenant,
    now: Timestamp,
    faults: &mut Faults,
) -> CallWindow {
    let today = business.zone.wall(now).date();
    let (from_min, until_min) =
        (wanted.from_min.unwrap_or(settings.from_min), wanted.until_min.unwrap_or(settings.until_min));
    faults.unless(
        from_min >= settings.from_min,
        "/window/from",
        "may not be before calls may begin (`GET /api/outgoing-settings`)",
    );
    faults.unless(
        until_min <= settings.until_min,
        "/window/until",
        "may not be after calls may begin (`GET /api/outgoing-settings`)",
    );
    faults.unless(from_min < until_min, "/window/until", "must lie after `from`");
    faults.unless(wanted.last_day >= today, "/window/last_day", "has passed");
    let first = wanted.first_day.unwrap_or(today).max(today);
    faults.unless(wanted.last_day >= first, "/window/last_day", "must not lie before the first day");
    let furthest = today.saturating_add(WINDOW_DAYS_MAX.days());
    faults.unless(wanted.last_day <= furthest, "/window/last_day", "must lie within a year");
    CallWindow { first_day: wanted.first_day, last_day: wanted.last_day, from_min, until_min }
}
