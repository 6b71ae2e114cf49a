//! Telling members by mail what needs them: at once, once a day, or not, each as she has chosen, and not in her quiet hours.
//!
//! What is told is counted from what is stored when it is told; what is remembered is only up to when. A mail says what
//! happened and how often, with a link to the page where it stands: never whom it is about. That a calendar is cut off is told by
//! text message, too, to who wants that.

use tracing::warn;

use super::{
    Error, Faults,
    access::Actor,
    notices::PLANNED_MINUTES,
    people::{People, letters},
};
use crate::{
    domain::{
        assistant::Language,
        id::{OutgoingId, UserId},
        notices::{Choice, DAY_MIN, EventKind, Preferences},
        outgoing::{Channel, Kind, Origin, Outgoing, hours, number},
        people::{Role, Subject, Verb},
        phone::E164,
        phrases,
        revision::{Revised, Revision},
        time::{Timestamp, Zone},
    },
    platform::ids,
    store::{DueMember, NotificationsKept, Store, TenantTx},
};

/// How often it is looked whether there is anything to tell at once, in minutes.
pub const LOOK_MINUTES: i64 = 2;
/// How old something may be to be told at once, in minutes: a day. Whoever turns it on is not told of last year.
const AT_ONCE_MINUTES_MAX: i64 = 24 * 60;
/// How close to its beginning an appointment was that is worth telling that it was given back, in minutes: a day.
const SHORT_NOTICE_MINUTES: i64 = 24 * 60;
/// How long such a mail is of use, in minutes: three days.
const LETTER_MINUTES: i64 = 3 * 24 * 60;
/// How long such a text message is of use, and no other follows it, in minutes: six hours.
const TEXT_MINUTES: i64 = 6 * 60;
/// Who has text messages sent, as it stands with attempts.
const BY: &str = "system:notifications";
/// Members looked at in one go.
const MEMBERS_AT_ONCE_MAX: u32 = 50;

/// How the asker wants to be told, with what is usual for her role where she has not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What counts for her, kind by kind; only what she may see.
    pub choices: Vec<(EventKind, Choice)>,
    /// What she has said.
    pub preferences: Preferences,
}

fn role(by: &Actor) -> Result<(&UserId, Role), Error> {
    match by.who() {
        super::access::Who::Member { user, role } => Ok((user, *role)),
        super::access::Who::Program { .. }
        | super::access::Who::Operator { .. }
        | super::access::Who::Support { .. }
        | super::access::Who::System(_) => Err(Error::Closed("this is for people who work at the tenant")),
    }
}

fn shown(preferences: Preferences, role: Role) -> Shown {
    let kinds = EventKind::ALL.iter().copied().filter(|kind| role.may(Verb::Read, kind.subject()));
    Shown { choices: kinds.map(|kind| (kind, preferences.choice(kind, role))).collect(), preferences }
}

/// How the asker wants to be told.
///
/// # Errors
/// [`Error::Closed`] to whoever is no member; [`Error::Unavailable`] when the database is away.
pub async fn get(store: &Store, by: &Actor) -> Result<Revised<Shown>, Error> {
    let (user, role) = role(by)?;
    let kept = store.read(by.tenant()).await?.notifications().of(user).await?;
    Ok(Revised { item: shown(kept.item.preferences, role), revision: kept.revision })
}

/// Changes how the asker wants to be told as `change` says, if it is still as she has seen it. What she is told is her own
/// affair: it does not stand in the log.
///
/// # Errors
/// [`Error::Closed`] to whoever is no member; [`Error::Invalid`]; [`Error::Stale`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    seen: Option<Revision>,
    change: impl FnOnce(&Shown) -> Result<Preferences, Error>,
) -> Result<Revised<Shown>, Error> {
    let (user, role) = role(by)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = tx.notifications().of(user).await?;
    before.must_be(seen)?;
    let before_shown = shown(before.item.preferences.clone(), role);
    let wanted = change(&before_shown)?;
    let mut faults = Faults::new();
    faults.unless(wanted.daily_min < DAY_MIN, "/daily_at", "must be a time of day, such as 07:30");
    faults.settle()?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    if let Some(sms) = wanted.sms.as_ref().filter(|sms| before.item.preferences.sms.as_ref() != Some(sms)) {
        if !role.may(Verb::Write, Subject::Calendars) {
            return Err(Error::invalid("/sms_number", "is for those who can connect the calendars again"));
        }
        check_sms(store, &mut tx, sms, &zone).await?;
    }
    let kept = NotificationsKept { preferences: wanted.clone(), ..before.item.clone() };
    // Whoever turns daily mails on is not sent one for the day that is half over already.
    let day = Some(zone.wall(now).date()).filter(|_| wanted.daily_due(now, &zone, None));
    tx.notifications().put(user, &wanted, next_look(&kept, role, now, &zone), day).await?;
    let after = tx.notifications().of(user).await?;
    tx.commit().await?;
    Ok(Revised { item: shown(after.item.preferences, role), revision: after.revision })
}

/// When somebody of that role is to be told at once that such a thing happened: from `now` on, or after her quiet hours; `None`
/// when she does not want to be told at once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn at_once(
    tx: &mut TenantTx,
    user: &UserId,
    role: Role,
    kind: EventKind,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    if !role.may(Verb::Read, kind.subject()) {
        return Ok(None);
    }
    let kept = tx.notifications().of(user).await?.item.preferences;
    if kept.choice(kind, role) != Choice::AtOnce {
        return Ok(None);
    }
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    Ok(Some(kept.quiet_until(now, &zone).unwrap_or(now)))
}

/// Where text messages may go: as everywhere, to no number of ours, and to countries the tenant may reach.
async fn check_sms(store: &Store, tx: &mut TenantTx, sms: &E164, zone: &Zone) -> Result<(), Error> {
    let country = number::country(sms).map_err(|error| Error::invalid("/sms_number", error.to_string()))?;
    let allowed = tx.outgoing().settings().await?.item.countries;
    let mut faults = Faults::new();
    faults.unless(
        hours::country_of(zone) == Some(country) || allowed.iter().any(|code| code == country),
        "/sms_number",
        "is in a country that messages of yours may not go to",
    );
    let ours = store.across_tenants().number(sms).await?.is_some();
    faults.unless(!ours, "/sms_number", "is answered here, where nobody reads text messages");
    faults.settle()
}

/// A number as people write it, where text messages go; `home` is the country of numbers without one.
///
/// # Errors
/// What is wrong with it.
pub fn sms_number(text: &str, home: Option<&str>) -> Result<E164, String> {
    number::callable(text, home).map(|callable| callable.number).map_err(|error| error.to_string())
}

/// Has a text message sent to a member, too, at `due`, that a calendar is cut off, if she wants that: in the transaction that
/// writes her mail. It goes out from the number that calls people, or any at which somebody answers; without one only the mail does.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn text_cut_off(
    tx: &mut TenantTx,
    user: &UserId,
    link: &str,
    now: Timestamp,
    due: Timestamp,
) -> Result<(), Error> {
    let Some(to) = tx.notifications().of(user).await?.item.preferences.sms else { return Ok(()) };
    // It says nothing of which: one tells of all that are cut off together, and however often that is.
    if tx.outgoing().noticed(&to, now.plus_minutes(-TEXT_MINUTES)).await? {
        return Ok(());
    }
    let Some(tenant) = tx.tenant().get().await? else { return Ok(()) };
    let chosen = tx.outgoing().settings().await?.item.number;
    let mut numbers = tx.numbers().all().await?;
    numbers.retain(|number| number.assistant.is_some());
    let from = numbers.iter().find(|number| Some(&number.id) == chosen.as_ref()).or(numbers.first());
    let Some((from, assistant)) = from.and_then(|from| Some((from.id.clone(), from.assistant.clone()?)))
    else {
        warn!("nobody can be told by text message: no number is answered");
        return Ok(());
    };
    let language = tx.users().get(user).await?.map_or(Language::English, |user| user.language);
    let one = Outgoing {
        purpose: phrases::cut_off_text(&tenant.name, link, language),
        channel: Channel::Sms,
        due,
        expires: Some(due.plus_minutes(TEXT_MINUTES)),
        ..Outgoing::waiting(
            OutgoingId::of(ids::fresh(now)),
            Kind::Notice,
            to,
            Origin { number: from, assistant, language },
            now,
        )
    };
    tx.outgoing().add(&one, None, BY).await?;
    Ok(())
}

/// Whether such a text message is still true: a calendar is cut off, and somebody wants to be told at that number.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub(super) async fn text_stands(tx: &mut TenantTx, to: &E164) -> Result<bool, Error> {
    let cut_off =
        tx.notices().cut_off(Timestamp::MIN).await? > 0 || !tx.notices().gone_calendars().await?.is_empty();
    Ok(cut_off && tx.notifications().texts_go_to(to).await?)
}

/// Tells every member it is time to tell, at most some in one go; how many were looked at. Safe to run twice, and by several
/// processes at once.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn tell_due(store: &Store, people: &People, now: Timestamp) -> Result<usize, Error> {
    let due = store.across_tenants().members_to_tell(now, MEMBERS_AT_ONCE_MAX).await?;
    for member in &due {
        let mut tx = store.begin(&member.tenant).await?;
        if tx.notifications().take(member, now.plus_minutes(LOOK_MINUTES)).await? {
            tell(&mut tx, people, member, now).await?;
            tx.commit().await?;
        }
    }
    Ok(due.len())
}

async fn tell(tx: &mut TenantTx, people: &People, due: &DueMember, now: Timestamp) -> Result<(), Error> {
    let Some(member) = tx.memberships().get(&due.user).await?.map(|member| member.item) else {
        return Ok(());
    };
    let Some(tenant) = tx.tenant().get().await? else { return Ok(()) };
    let language = tx.users().get(&due.user).await?.map_or(Language::English, |user| user.language);
    let mut kept = tx.notifications().of(&due.user).await?.item;
    let wanted = kept.preferences.clone();
    let kinds_of = |choice: Choice| {
        let all = EventKind::ALL.iter().copied();
        let may = all.filter(|kind| member.role.may(Verb::Read, kind.subject()));
        may.filter(|kind| wanted.choice(*kind, member.role) == choice).collect::<Vec<_>>()
    };
    // Whoever is told of urgent ones by themselves is not told of them twice.
    let apart = wanted.choice(EventKind::UrgentCall, member.role) != Choice::Never;
    let counted = async |tx: &mut TenantTx, kind, since, now| {
        let urgent = if apart && kind == EventKind::Message {
            count(tx, EventKind::UrgentCall, since, now).await?
        } else {
            0
        };
        Ok::<u64, Error>(count(tx, kind, since, now).await?.saturating_sub(urgent))
    };
    let until = now.plus_minutes(LETTER_MINUTES);
    let link = people.page("today");
    if wanted.quiet_until(now, &tenant.zone).is_none() {
        let mut news = vec![];
        for kind in kinds_of(Choice::AtOnce).into_iter().filter(|kind| !told_by_letter(*kind)) {
            let oldest = now.plus_minutes(-AT_ONCE_MINUTES_MAX);
            let since = kept.told.get(&kind).copied().unwrap_or(oldest).max(oldest);
            let count = counted(tx, kind, since, now).await?;
            if count > 0 {
                news.push((kind, count));
                kept.told.insert(kind, now);
            }
        }
        if !news.is_empty() {
            let letter = letters::news(language, &tenant.name, &news, false, &link);
            people.post(&mut tx.mails(), &member.email, &letter, now, until).await?;
        }
    }
    let daily = kinds_of(Choice::Daily);
    if !daily.is_empty() && wanted.daily_due(now, &tenant.zone, kept.daily_day) {
        let mut news = vec![];
        for kind in daily {
            // What is open stays in it until somebody has looked after it; what has only happened is told once.
            let since = match kind {
                EventKind::Cancellation | EventKind::Limit => now.plus_minutes(-AT_ONCE_MINUTES_MAX),
                EventKind::Message
                | EventKind::UrgentCall
                | EventKind::CalendarCutOff
                | EventKind::ReminderFailed
                | EventKind::Clash
                | EventKind::Webhook => Timestamp::MIN,
            };
            let count = counted(tx, kind, since, now).await?;
            if count > 0 {
                news.push((kind, count));
            }
        }
        kept.daily_day = Some(tenant.zone.wall(now).date());
        if !news.is_empty() {
            let letter = letters::news(language, &tenant.name, &news, true, &link);
            people.post(&mut tx.mails(), &member.email, &letter, now, until).await?;
        }
    }
    let next = next_look(&kept, member.role, now, &tenant.zone);
    Ok(tx.notifications().note(&due.user, &kept, next).await?)
}

/// Whether who is told of it at once gets a letter of its own, in the transaction in which it is found.
fn told_by_letter(kind: EventKind) -> bool {
    match kind {
        EventKind::CalendarCutOff | EventKind::Clash => true,
        EventKind::Message
        | EventKind::UrgentCall
        | EventKind::Cancellation
        | EventKind::ReminderFailed
        | EventKind::Limit
        | EventKind::Webhook => false,
    }
}

/// How often that has happened after `since` and still needs somebody.
async fn count(tx: &mut TenantTx, kind: EventKind, since: Timestamp, now: Timestamp) -> Result<u64, Error> {
    Ok(match kind {
        EventKind::Message => tx.notices().messages(since).await?.0,
        EventKind::UrgentCall => tx.notices().urgent_messages(since).await?.0,
        EventKind::Cancellation => tx.notices().cancelled(since, SHORT_NOTICE_MINUTES).await?,
        EventKind::CalendarCutOff => tx.notices().cut_off(since).await?,
        EventKind::ReminderFailed => {
            tx.notices().reminders_failed(since, now.plus_minutes(-PLANNED_MINUTES), now).await?.0
        }
        EventKind::Clash => tx.notices().clashes(since).await?.0,
        EventKind::Limit => tx.notices().refused(since).await?.0,
        EventKind::Webhook => tx.notices().dead(since).await?.iter().map(|(_, _, count, _)| count).sum(),
    })
}

/// When it is next looked whether there is anything to tell her; `None` for who wants nothing that is looked for.
fn next_look(kept: &NotificationsKept, role: Role, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    let wants = |choice: Choice, looked_for: bool| {
        EventKind::ALL.iter().any(|kind| {
            kept.preferences.choice(*kind, role) == choice && !(looked_for && told_by_letter(*kind))
        })
    };
    let soon = wants(Choice::AtOnce, true)
        .then(|| kept.preferences.quiet_until(now, zone).unwrap_or_else(|| now.plus_minutes(LOOK_MINUTES)));
    let daily = wants(Choice::Daily, false).then(|| {
        if kept.preferences.daily_due(now, zone, kept.daily_day) {
            now
        } else {
            kept.preferences.next_daily(now, zone)
        }
    });
    [soon, daily].into_iter().flatten().min()
}
