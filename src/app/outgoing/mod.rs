//! Calling out: what is to be called, whom a tenant may call, and who does not want to be.
//!
//! The wish is committed before Twilio is asked ([`dialling`]); what is heard of a call afterwards moves it forward
//! ([`news`]). Whether an attempt may be made is asked when it is made, whatever was true when it was planned
//! ([`rules`](crate::domain::outgoing::rules)). Reminders are derived from appointments ([`reminders`]); many who are called
//! for one reason are a campaign ([`campaigns`]); times that were given back are
//! offered to who waits ([`offers`]); whoever has an appointment that cannot take place is called to move it ([`moving`]). Nothing here knows HTTP or what is said in a call.

pub mod campaigns;
pub mod dialling;
pub mod moving;
pub mod news;
pub mod offers;
pub mod opt_outs;
pub mod reminders;

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, Language},
        booking::Appointment,
        contact::Contact,
        id::{AppointmentId, AssistantId, ContactId, NumberId, OutgoingId, ServiceId, TenantId},
        outgoing::{
            Ending, FROM_MIN, Kind, Origin, Outgoing, OutgoingSettings, OutgoingState, UNTIL_MIN, hours,
            number,
        },
        people::{Subject, Verb},
        phone::E164,
        revision::{Revised, Revision},
        time::{Timestamp, Zone},
    },
    platform::ids,
    store::{Page, Place, Store, TenantTx},
};

/// Longest purpose of a call, in characters.
pub const PURPOSE_CHARS_MAX: usize = 500;
/// Longest telling of where consent comes from, in characters.
pub const CONSENT_CHARS_MAX: usize = 500;
/// How far ahead a call can be asked for, in minutes: a year.
pub const AHEAD_MINUTES_MAX: i64 = 366 * 24 * 60;
/// How long after its time a call still makes sense when nothing else says so, in minutes: three days.
pub const WORTH_MINUTES: i64 = 3 * 24 * 60;
/// Calls that may be out at once at a tenant, whatever is set.
pub const AT_ONCE_MAX: u32 = 100;

/// A call somebody wants to have made. It carries a number, so it has no `Debug`.
#[derive(Clone)]
pub struct Wanted {
    /// Who is to be called, as people write numbers.
    pub to: String,
    /// Who is to speak.
    pub assistant: AssistantId,
    /// From which number; from one at which the assistant answers when left out.
    pub number: Option<NumberId>,
    /// In which language the call is opened; the number's when left out.
    pub language: Option<Language>,
    /// Why, in the tenant's words.
    pub purpose: String,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// Who is called, when they are known.
    pub contact: Option<ContactId>,
    /// Where the called person's clocks hang.
    pub zone: Option<Zone>,
    /// When; at once when left out.
    pub at: Option<Timestamp>,
}

/// What a call of ours is about, as it stands when somebody answers.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The attempt.
    pub outgoing: Outgoing,
    /// Who is called, when they are known.
    pub contact: Option<Contact>,
    /// The name they go by, when that is all that is known of them.
    pub name: Option<String>,
    /// The appointment it is about.
    pub appointment: Option<Appointment>,
    /// The time that is offered to them, of which service.
    pub offer: Option<(ServiceId, Timestamp)>,
    /// What they have booked and is still to come, the soonest first.
    pub upcoming: Vec<Appointment>,
}

impl Audited for OutgoingSettings {
    const KIND: &'static str = "outgoing_settings";

    fn id(&self) -> String {
        "outgoing".to_owned()
    }

    fn parts(&self) -> Parts {
        Parts::new()
            .with("consent", self.consent.as_deref())
            .with("countries", self.countries.clone())
            .with("from", self.from_min)
            .with("until", self.until_min)
            .with("number", self.number.as_ref().map(NumberId::as_str))
            .with("at_once", self.at_once_max)
            .with("voicemail", self.voicemail)
    }
}

/// Whom the tenant may call.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn settings(store: &Store, by: &Actor) -> Result<Revised<OutgoingSettings>, Error> {
    by.must(Verb::Read, Subject::Numbers)?;
    Ok(store.read(by.tenant()).await?.outgoing().settings().await?)
}

/// Changes whom the tenant may call, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn edit_settings(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    seen: Option<Revision>,
    change: impl FnOnce(&OutgoingSettings) -> Result<OutgoingSettings, Error>,
) -> Result<Revised<OutgoingSettings>, Error> {
    by.must(Verb::Write, Subject::Numbers)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.outgoing().settings().await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    check_settings(&mut tx, &wanted).await?;
    if wanted == before.item {
        return Ok(before);
    }
    tx.outgoing().set(&wanted).await?;
    audit::record(&mut tx, by, now, Some(&before.item), Some(&wanted)).await?;
    let after = tx.outgoing().settings().await?;
    tx.commit().await?;
    Ok(after)
}

async fn check_settings(tx: &mut TenantTx, wanted: &OutgoingSettings) -> Result<(), Error> {
    let mut faults = Faults::new();
    if let Some(consent) = &wanted.consent {
        faults.unless(
            !consent.trim().is_empty() && consent.chars().count() <= CONSENT_CHARS_MAX,
            "/consent",
            format!("must say where consent comes from, in 1 to {CONSENT_CHARS_MAX} characters"),
        );
    }
    for (at, country) in wanted.countries.iter().enumerate() {
        faults.unless(
            hours::country(country).is_some(),
            format!("/countries/{at}"),
            "must be the code of a country that can be called, such as `DE`",
        );
    }
    let (from, until) = (wanted.from_min, wanted.until_min);
    faults.unless(from >= FROM_MIN, "/from", "may not be before 09:00");
    faults.unless(until <= UNTIL_MIN, "/until", "may not be after 20:00");
    faults.unless(from < until, "/until", "must lie after `from`");
    faults.unless(wanted.at_once_max <= AT_ONCE_MAX, "/at_once", format!("must be at most {AT_ONCE_MAX}"));
    if let Some(number) = &wanted.number {
        let held = tx.numbers().revised(number).await?;
        let usable =
            held.is_some_and(|held| held.item.released.is_none() && held.item.number.assistant.is_some());
        faults.unless(usable, "/number", "must be a number at which an assistant answers");
    }
    faults.settle()
}

/// Writes down that somebody is to be called, in the transaction that makes it due; it is dialled by somebody else. The
/// same request under the same `key` is one call.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`], also for numbers that are never called; [`Error::Conflict`] when nobody may
/// be called, the person does not want to be, or the key was used for something else; [`Error::Unavailable`].
pub async fn place(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    key: Option<&str>,
    wanted: &Wanted,
) -> Result<Outgoing, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let key = key.map(|key| format!("{by}/{key}"));
    let mut tx = store.begin(by.tenant()).await?;
    if let Some(key) = &key
        && let Some(first) = tx.outgoing().by_key(key).await?
    {
        return same(first, wanted);
    }
    let one = check(store, &mut tx, now, wanted).await?;
    if !tx.outgoing().add(&one, key.as_deref(), &by.to_string()).await? {
        return Err(Error::Conflict("that Idempotency-Key was used for another call"));
    }
    let about = serde_json::json!({ "assistant": one.assistant.as_str(), "at": one.due.to_string() });
    audit::tell(&mut tx, by, now, "call.asked_for", one.id.as_str(), about).await?;
    tx.commit().await?;
    Ok(one)
}

/// The call that was asked for before under the same name, if the same was asked.
fn same(first: Outgoing, wanted: &Wanted) -> Result<Outgoing, Error> {
    let number = number::callable(&wanted.to, number::country(&first.to).ok());
    let same = number.is_ok_and(|callable| callable.number == first.to)
        && first.assistant == wanted.assistant
        && first.purpose == wanted.purpose.trim()
        && first.appointment == wanted.appointment;
    if same { Ok(first) } else { Err(Error::Conflict("that Idempotency-Key was used for another call")) }
}

/// Everything that must hold for a call that is asked for, told at once.
pub(super) async fn check(
    store: &Store,
    tx: &mut TenantTx,
    now: Timestamp,
    wanted: &Wanted,
) -> Result<Outgoing, Error> {
    let mut faults = Faults::new();
    let settings = tx.outgoing().settings().await?.item;
    let purpose = wanted.purpose.trim();
    faults.unless(
        (1..=PURPOSE_CHARS_MAX).contains(&purpose.chars().count()),
        "/purpose",
        format!("must be 1 to {PURPOSE_CHARS_MAX} characters"),
    );
    let assistant = tx.assistants().get(&wanted.assistant).await?;
    let assistant = assistant.filter(|one| one.status == AssistantStatus::Live);
    faults.unless(assistant.is_some(), "/assistant", "there is no such assistant, or it does not answer");
    let from = from_number(tx, wanted, assistant.as_ref(), &mut faults).await?;
    let home = from.as_ref().and_then(|(_, number, _)| number::country(number).ok());
    let to = faults.take(number::callable(&wanted.to, home), "/to");
    if let Some(to) = &to {
        let ours = store.across_tenants().number(&to.number).await?.is_some();
        faults.unless(!ours, "/to", "is a number that is answered here");
        let allowed = settings.consent.is_none() || settings.countries.iter().any(|code| code == to.country);
        faults.unless(allowed, "/to", "belongs to a country that is not among those that may be called");
    }
    let at = wanted.at.unwrap_or(now).max(now);
    faults.unless(at <= now.plus_minutes(AHEAD_MINUTES_MAX), "/at", "must lie within a year");
    let (mut contact, mut expires) = (wanted.contact.clone(), at.plus_minutes(WORTH_MINUTES));
    if let Some(contact) = &contact {
        let known = tx.contacts().get(contact).await?.is_some();
        faults.unless(known, "/contact", "there is no such contact");
    }
    if let Some(id) = &wanted.appointment {
        let found = tx.appointments().get(id).await?;
        match found.filter(|one| one.status.promised() && one.time.start > at) {
            None => {
                faults.unless(false, "/appointment", "there is no such appointment that is still to come")
            }
            Some(found) => {
                expires = expires.min(found.time.start);
                contact = contact.or(found.contact);
            }
        }
    }
    faults.settle()?;
    let (Some(to), Some((number, _, language))) = (to, from) else {
        return Err(Error::invalid("/number", "there is no number to call from"));
    };
    if settings.consent.is_none() {
        return Err(Error::Conflict(
            "nobody may be called before an admin has said where consent comes from (`PATCH /api/outgoing-settings`)",
        ));
    }
    if tx.opt_outs().of(&to.number).await?.is_some() {
        return Err(Error::Conflict("that person does not want to be called"));
    }
    Ok(Outgoing {
        purpose: purpose.to_owned(),
        appointment: wanted.appointment.clone(),
        // Only a reminder is an attempt among others of its kind.
        contact,
        zone: wanted.zone.clone(),
        due: at,
        expires: Some(expires),
        ..Outgoing::waiting(
            OutgoingId::of(ids::fresh(now)),
            Kind::Asked,
            to.number,
            Origin {
                number,
                assistant: wanted.assistant.clone(),
                language: wanted.language.unwrap_or(language),
            },
            now,
        )
    })
}

/// The number the call comes from, and in which language calls with it are opened.
async fn from_number(
    tx: &mut TenantTx,
    wanted: &Wanted,
    assistant: Option<&Assistant>,
    faults: &mut Faults,
) -> Result<Option<(NumberId, E164, Language)>, Error> {
    let numbers = tx.numbers().all().await?;
    let settings = tx.outgoing().settings().await?.item;
    let chosen = match &wanted.number {
        Some(id) => {
            let found = numbers.iter().find(|number| number.id == *id);
            faults.unless(found.is_some(), "/number", "there is no such number");
            found
        }
        None => numbers
            .iter()
            .find(|number| {
                assistant.is_some_and(|assistant| number.assistant.as_ref() == Some(&assistant.id))
            })
            .or_else(|| numbers.iter().find(|number| Some(&number.id) == settings.number.as_ref()))
            .or(numbers.first()),
    };
    let speaks = |language: &Language| {
        assistant
            .is_none_or(|assistant| assistant.language == *language || assistant.fallback == Some(*language))
    };
    if let Some(language) = &wanted.language {
        faults.unless(speaks(language), "/language", "is a language the assistant does not speak");
    }
    Ok(chosen.map(|number| {
        let own = assistant.map_or(number.language, |assistant| assistant.language);
        let language = if speaks(&number.language) { number.language } else { own };
        (number.id.clone(), number.number.clone(), language)
    }))
}

/// The calls that were to be made, those asked for last first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    by: &Actor,
    state: Option<OutgoingState>,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Outgoing>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    Ok(store.read(by.tenant()).await?.outgoing().page(state, after, count_max).await?)
}

/// The attempts to reach a contact, the latest first, at most `count_max`.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`].
pub async fn of_contact(
    store: &Store,
    by: &Actor,
    contact: &ContactId,
    count_max: u32,
) -> Result<Vec<Outgoing>, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    Ok(store.read(by.tenant()).await?.outgoing().of_contact(contact, count_max).await?)
}

/// One of them.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &OutgoingId) -> Result<Outgoing, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    kept(store, by.tenant(), id).await
}

/// Takes back a call that has not been dialled.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is too late for that; [`Error::Unavailable`].
pub async fn cancel(store: &Store, by: &Actor, now: Timestamp, id: &OutgoingId) -> Result<Outgoing, Error> {
    by.must(Verb::Write, Subject::Calls)?;
    let mut tx = store.begin(by.tenant()).await?;
    let one = tx.outgoing().get(id).await?.ok_or(Error::NotFound("call"))?;
    if one.state == OutgoingState::Dropped {
        return Ok(one);
    }
    if !tx.outgoing().cancel(id, now).await? {
        return Err(Error::Conflict("it has been dialled already; a call in the air can be ended"));
    }
    follow(&mut tx, &one, Ending::Cancelled, now).await?;
    audit::tell(&mut tx, by, now, "call.taken_back", id.as_str(), serde_json::json!({})).await?;
    let one = tx.outgoing().get(id).await?.ok_or(Error::NotFound("call"))?;
    tx.commit().await?;
    Ok(one)
}

/// What follows from the end of an attempt, in the transaction that notes it.
async fn follow(tx: &mut TenantTx, one: &Outgoing, ending: Ending, now: Timestamp) -> Result<(), Error> {
    match one.kind {
        Kind::Reminder { .. } | Kind::Move => reminders::follow(tx, one, ending, now).await,
        Kind::Campaign => campaigns::follow(tx, one, ending, now).await,
        Kind::Offer => offers::follow(tx, one, ending, now).await,
        Kind::Asked | Kind::CallBack | Kind::Test | Kind::Forwarding | Kind::Notice => Ok(()),
    }
}

async fn kept(store: &Store, tenant: &TenantId, id: &OutgoingId) -> Result<Outgoing, Error> {
    store.read(tenant).await?.outgoing().get(id).await?.ok_or(Error::NotFound("call"))
}
