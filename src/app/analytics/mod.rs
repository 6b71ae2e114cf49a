//! Figures about calls: counted once each, and shown to those who may see calls.
//!
//! What is shown is read from the sums that counting keeps ([`count_due`]), never from the calls themselves: it costs the same
//! however many calls there were, and stays when they are forgotten.

mod counting;

use std::collections::BTreeMap;

use jiff::civil::Date;

pub use self::counting::{COUNT_AT_ONCE_MAX, count_due};
use super::{Error, Faults, access::Actor};
use crate::{
    domain::{
        conversation::{CallState, Direction},
        figures::{Days, Figures, Grain, HOURS},
        id::{AssistantId, NumberId},
        people::{Subject, Verb},
        time::{Timestamp, Zone},
    },
    store::{CallGroup, FiguresAsked, Store},
};

/// How many days can be asked for at once: a year and a day.
pub const DAYS_MAX: u32 = 366;
/// How many days are shown when nobody says which.
pub const DAYS_USUAL: u32 = 30;
/// How long a call may last before it counts as over, whatever is known of it, in minutes.
const IN_AIR_MINUTES_MAX: i64 = 180;

/// Which figures somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The first day; the usual number of days before `until` when that is not said.
    pub from: Option<Date>,
    /// The last day; today when that is not said.
    pub until: Option<Date>,
    /// Laid together by what.
    pub grain: Grain,
    /// Only of one assistant's calls.
    pub assistant: Option<AssistantId>,
    /// Only of calls at one number.
    pub number: Option<NumberId>,
    /// Only of calls of others, or of ours.
    pub direction: Option<Direction>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { from: None, until: None, grain: Grain::Day, assistant: None, number: None, direction: None }
    }
}

/// Figures, and those to compare them with.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Where the tenant's clocks hang: days are its days.
    pub zone: Zone,
    /// Of which days.
    pub days: Days,
    /// Laid together by what.
    pub grain: Grain,
    /// Of all of them.
    pub total: Figures,
    /// The days they are compared with.
    pub days_before: Days,
    /// Of those.
    pub before: Figures,
    /// Stretch by stretch.
    pub stretches: Vec<(Days, Figures)>,
    /// Calls by hour of the day.
    pub hours: [u64; HOURS],
    /// By assistant.
    pub assistants: Vec<(AssistantId, Figures)>,
    /// By number.
    pub numbers: Vec<(NumberId, Figures)>,
    /// By the country of whoever called or was called, most calls first; nothing where it is not known.
    pub countries: Vec<(String, Figures)>,
}

/// What is happening.
#[derive(Clone, Debug, PartialEq)]
pub struct AtPresent {
    /// As of when.
    pub at: Timestamp,
    /// Calls that ring.
    pub ringing: u64,
    /// Calls that were answered and are not over.
    pub in_progress: u64,
    /// Of both, the ones we placed.
    pub outbound: u64,
    /// How many there may be.
    pub calls_max: u32,
    /// Today so far, where the tenant is.
    pub today: Figures,
    /// The whole day before.
    pub yesterday: Figures,
}

/// The figures of some days, and of those before.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Unavailable`] when the database is away.
pub async fn report(store: &Store, by: &Actor, now: Timestamp, wanted: &Wanted) -> Result<Report, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    let zone = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?.zone;
    let days = days(wanted, zone.wall(now).date())?;
    let days_before = days.before();
    let asked = FiguresAsked {
        days,
        assistant: wanted.assistant.clone(),
        number: wanted.number.clone(),
        direction: wanted.direction,
    };
    let both = FiguresAsked { days: Days { from: days_before.from, until: days.until }, ..asked.clone() };
    let found = tx.figures().by_day(&both).await?;
    let groups = tx.figures().by_group(&asked).await?;
    let hours = tx.figures().by_hour(&asked).await?;
    drop(tx);
    let sum = |days: Days| {
        let mut sum = Figures::default();
        found.iter().filter(|(day, _)| days.has(*day)).for_each(|(_, figures)| sum.add(figures));
        sum
    };
    let stretches = days.stretches(wanted.grain).into_iter().map(|stretch| (stretch, sum(stretch)));
    let by_count = |figures: &Figures| std::cmp::Reverse(figures.calls);
    let mut countries = laid_together(&groups, |group| group.country.clone());
    countries.sort_by_key(|(_, figures)| by_count(figures));
    Ok(Report {
        days,
        grain: wanted.grain,
        total: sum(days),
        days_before,
        before: sum(days_before),
        stretches: stretches.collect(),
        hours,
        assistants: laid_together(&groups, |group| group.assistant.clone()),
        numbers: laid_together(&groups, |group| group.number.clone()),
        countries,
        zone,
    })
}

/// What is happening, and how today compares.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn at_present(store: &Store, by: &Actor, now: Timestamp) -> Result<AtPresent, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let mut tx = store.read(by.tenant()).await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    let today = tenant.zone.wall(now).date();
    let two = Days::ending(today, 2);
    let asked = FiguresAsked { days: two, assistant: None, number: None, direction: None };
    let found = tx.figures().by_day(&asked).await?;
    let of = |day: Date| {
        found.iter().find(|(found, _)| *found == day).map(|(_, figures)| figures.clone()).unwrap_or_default()
    };
    let (mut ringing, mut in_progress, mut outbound) = (0, 0, 0);
    for (state, direction, calls) in tx.figures().in_air(now.plus_minutes(-IN_AIR_MINUTES_MAX).0).await? {
        match CallState::parse(&state) {
            Some(CallState::Ringing) => ringing += calls,
            Some(CallState::InProgress) => in_progress += calls,
            // What Twilio says is over has only not been told of yet.
            Some(CallState::Completed | CallState::Failed) | None => continue,
        }
        if direction == Direction::Outbound {
            outbound += calls;
        }
    }
    Ok(AtPresent {
        at: now,
        ringing,
        in_progress,
        outbound,
        calls_max: tenant.calls_max,
        today: of(today),
        yesterday: of(two.from),
    })
}

/// Which days are wanted, when it is `today`.
fn days(wanted: &Wanted, today: Date) -> Result<Days, Error> {
    let last = wanted.until.unwrap_or(today);
    let usual = Days::ending(last, DAYS_USUAL);
    let days = Days { from: wanted.from.unwrap_or(usual.from), until: usual.until };
    let mut faults = Faults::new();
    faults.unless(days.from < days.until, "?until", "must not be before `from`");
    faults.unless(
        days.from >= days.until || days.count() <= DAYS_MAX,
        "?from",
        format!("must be at most {DAYS_MAX} days before `until`"),
    );
    faults.settle()?;
    Ok(days)
}

fn laid_together<K: Ord>(groups: &[CallGroup], key: impl Fn(&CallGroup) -> K) -> Vec<(K, Figures)> {
    let mut laid: BTreeMap<K, Figures> = BTreeMap::new();
    for group in groups {
        laid.entry(key(group)).or_default().add(&group.figures);
    }
    laid.into_iter().collect()
}
