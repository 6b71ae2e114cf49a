//! A week of calls that have been: the scenarios, played one after the other on the days behind us, in the folder of a stage
//! that is set afterwards. And somebody who may look at what came of it.

use std::path::Path;

use jiff::{ToSpan, civil::Weekday};

use super::{
    scenario,
    stage::{self, Stage, Wanted, ZONE},
};
use crate::{
    app::{
        self,
        access::{Actor, Who},
        people::People,
    },
    domain::{
        assistant::Language,
        email::Email,
        id::TenantId,
        people::Role,
        time::{Timestamp, Zone},
    },
    platform::clock::Clock,
    store::Place,
};

/// How many times as fast as life these calls are.
const PACE: u32 = 6;
/// Mails that are looked through for an invitation, on a page.
const MAILS_ON_PAGE: u32 = 200;

/// One call of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// So many working days ago.
    pub days_ago: u32,
    /// At which time of day, where the practice is.
    pub hour: i8,
    /// And minute.
    pub minute: i8,
    /// What happened.
    pub scenario: &'static str,
    /// In which language.
    pub language: Language,
    /// Who rang: the end of a mobile number.
    pub caller: &'static str,
}

const fn past(
    days_ago: u32,
    hour: i8,
    minute: i8,
    scenario: &'static str,
    language: Language,
    caller: &'static str,
) -> Past {
    Past { days_ago, hour, minute, scenario, language, caller }
}

/// The week of the demo.
pub const WEEK: [Past; 10] = [
    past(5, 9, 12, "book", Language::German, "12345001"),
    past(5, 15, 40, "transfer", Language::German, "12345002"),
    past(4, 10, 5, "move", Language::German, "12345678"),
    past(4, 14, 22, "silent", Language::English, "12345004"),
    past(3, 11, 30, "book", Language::English, "12345005"),
    past(3, 16, 55, "transfer-no-answer", Language::German, "12345006"),
    past(2, 9, 48, "cancel", Language::German, "12345678"),
    past(2, 13, 15, "book", Language::German, "12345008"),
    past(1, 10, 40, "reminder", Language::German, "12345678"),
    past(1, 17, 5, "no-free-time", Language::English, "12345010"),
];

/// When that was: on a working day before `now`.
fn moment(past: Past, now: Timestamp) -> Option<Timestamp> {
    let zone: Zone = ZONE.parse().ok()?;
    let mut day = zone.wall(now).date();
    let mut left = past.days_ago;
    while left > 0 {
        day = day.checked_sub(1.day()).ok()?;
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    let at = day.at(past.hour, past.minute, 0, 0).to_zoned(zone.rules().clone()).ok()?;
    Some(at.timestamp().into())
}

/// Plays one of these calls in that folder.
///
/// # Errors
/// As a stage; a call that did not come to what it had to is no error: it has been, all the same.
pub async fn play(past: Past, folder: &Path, now: Timestamp) -> Result<(), stage::Error> {
    let Some(scenario) = scenario::named(past.scenario, past.language) else { return Ok(()) };
    let Some(at) = moment(past, now) else { return Ok(()) };
    let mut stage = Stage::set(scenario, Wanted::plain(Clock::hurried_from(at, PACE), folder)).await?;
    if stage.scenario.patient.is_none() {
        stage.dial.from = format!("+49151{}", past.caller);
    }
    let played = stage.play().await;
    stage.strike().await;
    played.map(drop)
}

/// Makes somebody the tenant's owner, the way people come in: invited by mail, accepted with the token in it.
///
/// # Errors
/// Whatever `app` says; [`app::Error::NotFound`] when the mail is not there.
pub async fn owner(
    people: &People,
    tenant: &TenantId,
    email: &Email,
    password: &str,
    language: Language,
    now: Timestamp,
) -> Result<(), app::Error> {
    let by = Actor::new(tenant.clone(), Who::System("demo"));
    people.invite(&by, email, Role::Owner, Some(language), now).await?;
    let mut after: Option<Place> = None;
    let token = loop {
        let page = people.mails(after.as_ref(), MAILS_ON_PAGE).await?;
        let ours =
            page.items.iter().filter(|mail| mail.mail.recipient == *email).find_map(|mail| mail.link());
        if let Some((_, token)) = ours.and_then(|link| link.split_once("#token=")) {
            break token.to_owned();
        }
        after = page.next;
        if after.is_none() {
            return Err(app::Error::NotFound("invitation"));
        }
    };
    people
        .accept(&token.into(), &secrecy::SecretString::from(password.to_owned()), "Aylin Kaya", language, now)
        .await
        .map(drop)
}
