//! What needs somebody: derived from what is stored, every time it is asked for, so that it is gone when its cause is.

use super::{Error, access::Actor};
use crate::{
    domain::{
        calendar::ConnectionState,
        notices::{Notice, NoticeKind},
        org::NumberSetup,
        people::Verb,
        time::Timestamp,
    },
    store::{Store, TenantTx},
};

/// How long refused calls need somebody, in minutes: a day.
const REFUSED_MINUTES: i64 = 24 * 60;
/// How long before now failed reminders were planned at the earliest, in minutes: two weeks.
pub(super) const PLANNED_MINUTES: i64 = 14 * 24 * 60;
/// For how long before now a call may have been in the air, in minutes.
const IN_AIR_MINUTES_MAX: i64 = 180;
/// How full is almost full, in percent.
const NEAR_PERCENT: u64 = 80;
/// How many numbers are looked at.
const NUMBERS_MAX: u32 = 200;

/// What needs somebody, as far as the asker may see it; the most urgent first.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn list(store: &Store, by: &Actor, now: Timestamp) -> Result<Vec<Notice>, Error> {
    let mut tx = store.read(by.tenant()).await?;
    let mut notices = vec![];
    for kind in NoticeKind::ALL.iter().copied().filter(|kind| by.may(Verb::Read, kind.subject())) {
        match kind {
            NoticeKind::CalendarCutOff => notices.extend(cut_off(&mut tx).await?),
            NoticeKind::CalendarGone => {
                let gone = tx.notices().gone_calendars().await?.into_iter();
                notices.extend(gone.map(|(id, name, seen)| Notice {
                    about: Some(id.to_string()),
                    name: Some(name),
                    since: Some(seen),
                    ..notice(kind, 1)
                }));
            }
            NoticeKind::Clashes => notices.extend(some(kind, tx.notices().clashes(Timestamp::MIN).await?)),
            NoticeKind::LimitReached => {
                let since = now.plus_minutes(-REFUSED_MINUTES);
                notices.extend(some(kind, tx.notices().refused(since).await?));
            }
            NoticeKind::LimitNear => notices.extend(near(&mut tx, now).await?),
            NoticeKind::RemindersFailed => {
                let planned = now.plus_minutes(-PLANNED_MINUTES);
                notices.extend(some(kind, tx.notices().reminders_failed(planned, planned, now).await?));
            }
            NoticeKind::NumberWithoutAssistant => {
                for held in tx.numbers().page(None, NUMBERS_MAX).await?.items {
                    if held.number.assistant.is_none() {
                        notices.push(of_number(kind, &held.number));
                    }
                }
            }
            NoticeKind::NumberNotSetUp => {
                for held in tx.numbers().page(None, NUMBERS_MAX).await?.items {
                    if held.setup == NumberSetup::Failed {
                        notices.push(of_number(kind, &held.number));
                    }
                }
            }
            NoticeKind::Messages => {
                notices.extend(some(kind, tx.notices().messages(Timestamp::MIN).await?));
            }
            NoticeKind::WebhookDead => {
                let dead = tx.notices().dead(Timestamp::MIN).await?.into_iter();
                notices.extend(dead.map(|(id, name, count, since)| Notice {
                    about: Some(id.to_string()),
                    name: Some(name).filter(|name| !name.is_empty()),
                    since,
                    ..notice(kind, count)
                }));
            }
        }
    }
    Ok(notices)
}

/// Calendars that let us in no more, and what waits for them.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn calendars_cut_off(store: &Store, by: &Actor) -> Result<Vec<Notice>, Error> {
    if !by.may(Verb::Read, NoticeKind::CalendarCutOff.subject()) {
        return Ok(vec![]);
    }
    cut_off(&mut store.read(by.tenant()).await?).await
}

async fn cut_off(tx: &mut TenantTx) -> Result<Vec<Notice>, Error> {
    let mut lost = tx.connections().all().await?;
    lost.retain(|connection| connection.state == ConnectionState::Reconnect);
    if lost.is_empty() {
        return Ok(vec![]);
    }
    let pending = tx.notices().pending().await?;
    let notices = lost.into_iter().map(|connection| Notice {
        waiting: pending.get(&connection.id).copied().unwrap_or(0),
        about: Some(connection.id.to_string()),
        since: Some(connection.since),
        name: Some(connection.account),
        ..notice(NoticeKind::CalendarCutOff, 1)
    });
    Ok(notices.collect())
}

async fn near(tx: &mut TenantTx, now: Timestamp) -> Result<Option<Notice>, Error> {
    let Some(tenant) = tx.tenant().get().await? else { return Ok(None) };
    let in_air = tx.figures().in_air(now.plus_minutes(-IN_AIR_MINUTES_MAX).0).await?;
    let calls: u64 = in_air.iter().map(|(_, _, calls)| calls).sum();
    let near = calls > 0 && calls * 100 >= u64::from(tenant.calls_max) * NEAR_PERCENT;
    Ok(near.then(|| notice(NoticeKind::LimitNear, calls)))
}

fn of_number(kind: NoticeKind, number: &crate::domain::org::Number) -> Notice {
    Notice { about: Some(number.id.to_string()), name: Some(number.number.to_string()), ..notice(kind, 1) }
}

fn some(kind: NoticeKind, (count, since): (u64, Option<Timestamp>)) -> Option<Notice> {
    (count > 0).then(|| Notice { since, ..notice(kind, count) })
}

fn notice(kind: NoticeKind, count: u64) -> Notice {
    Notice { kind, about: None, name: None, since: None, count, waiting: 0 }
}

/// What every page tells, whatever it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urgent {
    /// Calendars that let us in no more.
    pub cut_off: Vec<Notice>,
    /// Until when the assistant has stepped back everywhere.
    pub paused: Option<Timestamp>,
    /// At how many numbers it has stepped back, when not everywhere.
    pub paused_numbers: u64,
    /// Until when those who run the platform are let in.
    pub support: Option<Timestamp>,
}

/// What every page tells, as far as the asker may see it.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn urgent(store: &Store, by: &Actor, now: Timestamp) -> Result<Urgent, Error> {
    let mut tx = store.read(by.tenant()).await?;
    let support = tx.support_access().get().await?.map(|support| support.until);
    let mut urgent = Urgent { support: support.filter(|until| *until > now), ..Urgent::default() };
    if by.may(Verb::Read, NoticeKind::CalendarCutOff.subject()) {
        urgent.cut_off = cut_off(&mut tx).await?;
    }
    if by.may(Verb::Read, NoticeKind::NumberWithoutAssistant.subject()) {
        let everywhere = tx.pauses().everywhere().await?.item;
        urgent.paused = everywhere.until.filter(|_| everywhere.holds(now));
        let paused = tx.pauses().of_numbers().await?.into_values().filter(|pause| pause.holds(now)).count();
        urgent.paused_numbers = if urgent.paused.is_some() { 0 } else { paused as u64 };
    }
    Ok(urgent)
}
