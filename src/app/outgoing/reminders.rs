//! Reminders: which appointments somebody is to be reminded of, and what follows when they were not reached.
//!
//! A reminder is derived when it is due, from the appointments as they stand then, so what is booked, moved or cancelled
//! needs no plan changed. It is unique by appointment, kind, start and attempt, in the database.

use crate::{
    app::{Error, Faults, access::Actor, audit},
    domain::{
        id::{OutgoingId, ServiceId, TenantId},
        outgoing::{Channel, Ending, Kind, Origin, Outgoing, REMINDER_LATEST_MIN, ReminderRule},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::ids,
    store::{Store, TenantTx},
};

/// How often it is looked which reminders are due, in milliseconds.
pub const PLAN_EVERY_MS: i64 = 15_000;
/// How far behind the last look is looked again, in minutes: for what was being written then.
const OVERLAP_MINUTES: i64 = 10;
/// Reminders of one rule that are planned at a time.
const PLAN_COUNT_MAX: u32 = 1_000;
/// How long after an attempt that reached nobody the next one is made, in minutes; not on the same day.
const RETRY_MINUTES: i64 = 120;
/// Reminders of one service.
pub const RULES_MAX: usize = 5;
/// Shortest lead, in minutes: twice the latest moment.
pub const LEAD_MINUTES_MIN: u32 = 120;
/// Longest lead, in minutes: sixty days.
pub const LEAD_MINUTES_MAX: u32 = 60 * 24 * 60;
/// Calls of one reminder.
pub const ATTEMPTS_MAX: u32 = 3;
/// Longest wording, in characters.
pub const WORDING_CHARS_MAX: usize = 300;
/// Who plans reminders, in the records.
const PLANNER: &str = "system:reminders";

/// Of what a service's people are reminded.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn rules(store: &Store, by: &Actor, service: &ServiceId) -> Result<Vec<ReminderRule>, Error> {
    by.must(Verb::Read, Subject::Services)?;
    let mut tx = store.read(by.tenant()).await?;
    tx.services().get(service).await?.ok_or(Error::NotFound("service"))?;
    Ok(tx.reminders().of_service(service).await?)
}

/// Makes these the reminders of a service.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn set_rules(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    service: &ServiceId,
    wanted: &[ReminderRule],
) -> Result<Vec<ReminderRule>, Error> {
    by.must(Verb::Write, Subject::Services)?;
    let mut tx = store.begin(by.tenant()).await?;
    tx.services().get(service).await?.ok_or(Error::NotFound("service"))?;
    check(wanted)?;
    let before = tx.reminders().of_service(service).await?;
    tx.reminders().set(service, wanted, now).await?;
    let after = tx.reminders().of_service(service).await?;
    if before != after {
        let told = |rules: &[ReminderRule]| {
            let rules = rules.iter().map(|rule| format!("{} min, {}", rule.lead_min, rule.channel.as_str()));
            rules.collect::<Vec<_>>()
        };
        let about = serde_json::json!({ "reminders": { "before": told(&before), "after": told(&after) } });
        audit::tell(&mut tx, by, now, "service.reminders_set", service.as_str(), about).await?;
    }
    tx.commit().await?;
    Ok(after)
}

fn check(wanted: &[ReminderRule]) -> Result<(), Error> {
    let mut faults = Faults::new();
    faults.unless(wanted.len() <= RULES_MAX, "", format!("must be at most {RULES_MAX} reminders"));
    for (at, rule) in wanted.iter().enumerate().take(RULES_MAX) {
        let place = |name: &str| format!("/{at}/{name}");
        faults.unless(
            (LEAD_MINUTES_MIN..=LEAD_MINUTES_MAX).contains(&rule.lead_min),
            place("lead"),
            format!("must be from {LEAD_MINUTES_MIN} to {LEAD_MINUTES_MAX} minutes"),
        );
        let twice = wanted[..at].iter().any(|other| other.lead_min == rule.lead_min);
        faults.unless(!twice, place("lead"), "is there twice");
        faults.unless(
            (1..=ATTEMPTS_MAX).contains(&rule.attempts_max),
            place("attempts"),
            format!("must be from 1 to {ATTEMPTS_MAX}"),
        );
        for (language, words) in &rule.wording {
            faults.unless(
                words.chars().count() <= WORDING_CHARS_MAX,
                format!("/{at}/wording/{language}"),
                format!("must be at most {WORDING_CHARS_MAX} characters"),
            );
        }
    }
    faults.settle()
}

/// Writes down the reminders of a tenant's that are due; how many were new. Safe to run twice, and by two at once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan(store: &Store, tenant: &TenantId, now: Timestamp) -> Result<usize, Error> {
    let mut tx = store.begin(tenant).await?;
    tx.outgoing().planned(now.plus_millis(PLAN_EVERY_MS)).await?;
    let settings = tx.outgoing().settings().await?.item;
    let number = match &settings.number {
        Some(number) => tx.numbers().revised(number).await?.map(|held| held.item),
        None => None,
    };
    let from = number.filter(|held| held.released.is_none()).map(|held| held.number);
    let Some((from, assistant)) =
        from.and_then(|from| from.assistant.clone().map(|assistant| (from, assistant)))
    else {
        tx.commit().await?;
        return Ok(0);
    };
    let mut planned = 0;
    for (rule, looked_until) in tx.reminders().all().await? {
        let lead = i64::from(rule.lead_min);
        // Those that begin so soon that nobody is reminded of them any more are passed over.
        let worth = now.plus_minutes(REMINDER_LATEST_MIN - lead);
        let since = looked_until.plus_minutes(-OVERLAP_MINUTES).max(worth);
        let due = tx.reminders().due(&rule, since, now, PLAN_COUNT_MAX).await?;
        let full = due.len() >= usize::try_from(PLAN_COUNT_MAX).unwrap_or(usize::MAX);
        let until = if full { due.last().map(|last| last.start.plus_minutes(-lead)) } else { Some(now) };
        for one in due {
            let new = Outgoing {
                purpose: rule.wording.get(&from.language).cloned().unwrap_or_default(),
                channel: rule.channel,
                attempts_max: if rule.channel == Channel::Call { rule.attempts_max } else { 1 },
                sms_after: rule.sms_after && rule.channel == Channel::Call,
                appointment: Some(one.appointment),
                for_start: Some(one.start),
                contact: Some(one.contact),
                due: one.start.plus_minutes(-lead),
                expires: Some(one.start.plus_minutes(-REMINDER_LATEST_MIN)),
                ..Outgoing::waiting(
                    OutgoingId::of(ids::fresh(now)),
                    Kind::Reminder { lead_min: rule.lead_min },
                    one.number,
                    Origin { number: from.id.clone(), assistant: assistant.clone(), language: from.language },
                    now,
                )
            };
            planned += usize::from(tx.outgoing().add(&new, None, PLANNER).await?);
        }
        // More of them may be due at the same moment as the last: the overlap finds those.
        tx.reminders().planned(&rule, until.unwrap_or(now)).await?;
        if full {
            tx.outgoing().planned(now).await?;
        }
    }
    tx.commit().await?;
    Ok(planned)
}

/// Plans the reminders of every tenant of which it is time to look, at most `count_max` tenants; how many are new.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn plan_due(store: &Store, now: Timestamp, count_max: u32) -> Result<usize, Error> {
    let mut planned = 0;
    for tenant in store.across_tenants().reminders_to_plan(now, count_max).await? {
        planned += plan(store, &tenant, now).await?;
    }
    Ok(planned)
}

/// Plans what follows when an attempt to remind somebody, or to have them move, has ended: the next attempt, or a text message.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn follow(
    tx: &mut TenantTx,
    one: &Outgoing,
    ending: Ending,
    now: Timestamp,
) -> Result<(), Error> {
    let again = matches!(one.kind, Kind::Reminder { .. } | Kind::Move);
    if !again || one.channel != Channel::Call || !(ending.not_reached() || ending == Ending::TooLate) {
        return Ok(());
    }
    let mut next =
        Outgoing { due: now.plus_minutes(RETRY_MINUTES), ..one.next(OutgoingId::of(ids::fresh(now)), now) };
    if ending == Ending::TooLate || one.attempt >= one.attempts_max {
        if !one.sms_after {
            return Ok(());
        }
        next.channel = Channel::Sms;
        next.due = now;
        // A message still makes sense when a call would not, until the appointment itself.
        next.expires = one.for_start;
    }
    tx.outgoing().add(&next, None, PLANNER).await?;
    Ok(())
}
