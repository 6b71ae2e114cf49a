//! Figures about calls: over which days, compared with which, and how they are summed up.
//!
//! Pure: a sum of two stretches of days is the sum of their figures, and what a figure means is said here once. Knows no
//! call and nobody who calls; where figures are kept is the store's to know.

use std::collections::BTreeMap;

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};

use super::{
    conversation::{Direction, Outcome},
    money::MicroUsd,
    phone::E164,
    time::{Timestamp, Zone},
};

/// Upper edges of the buckets in which waiting times are counted, in milliseconds; what is longer is in one more.
pub const WAIT_EDGES_MS: [u64; 10] = [250, 500, 750, 1_000, 1_250, 1_500, 2_000, 3_000, 5_000, 10_000];
/// How many buckets there are.
pub const WAIT_BUCKETS: usize = WAIT_EDGES_MS.len() + 1;
/// Hours of a day.
pub const HOURS: usize = 24;

/// How long callers waited for replies: so many replies in each bucket of waiting times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits(pub [u64; WAIT_BUCKETS]);

impl Waits {
    /// Counts `replies` that were waited for so long, in milliseconds.
    pub fn note(&mut self, wait_ms: u64, replies: u64) {
        self.0[Self::bucket(wait_ms)] += replies;
    }

    /// In which bucket a waiting time is counted.
    pub fn bucket(wait_ms: u64) -> usize {
        WAIT_EDGES_MS.iter().position(|edge| wait_ms <= *edge).unwrap_or(WAIT_EDGES_MS.len())
    }

    /// How many replies were counted.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|bucket| self.0[bucket].saturating_add(other.0[bucket])))
    }

    /// What so many in a hundred replies were not waited longer for, in milliseconds: exact to within its bucket, in which
    /// replies are taken to be spread evenly. `None` of no replies.
    pub fn percentile(&self, hundredths: u64) -> Option<u64> {
        let total = self.total();
        let rank = (total * hundredths).div_ceil(100).max(1);
        let mut below = 0;
        for (bucket, count) in self.0.iter().enumerate().filter(|_| total > 0) {
            if below + count >= rank {
                let lower = if bucket == 0 { 0 } else { WAIT_EDGES_MS[bucket - 1] };
                // Nobody knows how much longer the longest were.
                let upper = WAIT_EDGES_MS.get(bucket).copied().unwrap_or(lower);
                return Some(lower + (upper - lower) * (rank - below) / count);
            }
            below += count;
        }
        None
    }
}

/// What was counted of some calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls that rang or were placed, whatever came of them.
    pub calls: u64,
    /// Of those, the ones we placed.
    pub outbound: u64,
    /// Of all, those that were answered.
    pub answered: u64,
    /// Calls of others that were not answered: refused, broken off, or hung up before anybody spoke.
    pub missed: u64,
    /// Calls of ours in which nobody was reached: no answer, engaged, or a machine.
    pub no_answer: u64,
    /// From answering to the end, over all calls, in milliseconds.
    pub talk_ms: u64,
    /// Begun minutes of telephone, as they are billed.
    pub minutes: u64,
    /// What engines cost.
    pub engine: MicroUsd,
    /// What the telephone cost.
    pub telephone: MicroUsd,
    /// Turns of agents that were heard.
    pub agent_turns: u64,
    /// Of those, the ones that callers cut off.
    pub interruptions: u64,
    /// How long callers waited for replies.
    pub waits: Waits,
    /// Times that a caller was passed on to somebody who took the call.
    pub transfers_taken: u64,
    /// Times that a caller was to be passed on, and nobody took the call.
    pub transfers_missed: u64,
    /// Appointments booked in calls.
    pub booked: u64,
    /// Appointments moved in calls.
    pub moved: u64,
    /// Appointments given back in calls.
    pub cancelled: u64,
    /// How calls ended.
    pub outcomes: BTreeMap<Outcome, u64>,
}

impl Figures {
    /// What was counted of calls of one direction that ended in one way.
    pub fn of_calls(direction: Direction, outcome: Outcome, calls: u64, answered: u64) -> Self {
        let (outbound, missed, no_answer) = match (direction, outcome) {
            // Whoever is blocked is not missed.
            (Direction::Inbound, Outcome::Blocked) => (0, 0, 0),
            (Direction::Inbound, _) => (0, calls.saturating_sub(answered), 0),
            (Direction::Outbound, Outcome::NotReached | Outcome::Machine) => (calls, 0, calls),
            (Direction::Outbound, _) => (calls, 0, 0),
        };
        let outcomes = if calls == 0 { BTreeMap::new() } else { BTreeMap::from([(outcome, calls)]) };
        Self { calls, outbound, answered, missed, no_answer, outcomes, ..Self::default() }
    }

    /// Takes others in.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.outbound += other.outbound;
        self.answered += other.answered;
        self.missed += other.missed;
        self.no_answer += other.no_answer;
        self.talk_ms += other.talk_ms;
        self.minutes += other.minutes;
        self.engine = self.engine + other.engine;
        self.telephone = self.telephone + other.telephone;
        self.agent_turns += other.agent_turns;
        self.interruptions += other.interruptions;
        self.waits = self.waits.and(&other.waits);
        self.transfers_taken += other.transfers_taken;
        self.transfers_missed += other.transfers_missed;
        self.booked += other.booked;
        self.moved += other.moved;
        self.cancelled += other.cancelled;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
    }

    /// What engines and telephone cost together.
    pub fn cost(&self) -> MicroUsd {
        self.engine + self.telephone
    }

    /// What a call cost on average; `None` of no calls.
    pub fn cost_per_call(&self) -> Option<MicroUsd> {
        i64::try_from(self.calls).ok().filter(|calls| *calls > 0).map(|calls| MicroUsd(self.cost().0 / calls))
    }

    /// How long an answered call lasted on average, in milliseconds; `None` of none.
    pub fn talk_ms_per_call(&self) -> Option<u64> {
        self.talk_ms.checked_div(self.answered)
    }

    /// Which part of the agent's turns was cut off, from 0 to 1; `None` of none.
    pub fn interrupted(&self) -> Option<f64> {
        (self.agent_turns > 0).then(|| self.interruptions as f64 / self.agent_turns as f64)
    }
}

/// By how much a figure has changed, as a part of what it was: 0.5 is half as much again. `None` when it was nothing.
pub fn change(before: u64, after: u64) -> Option<f64> {
    (before > 0).then(|| (after as f64 - before as f64) / before as f64)
}

/// Into what stretches days are laid together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Each by itself.
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    /// A month of the calendar.
    Month,
}

impl Grain {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word it is asked for by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The grain of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.as_str() == word)
    }

    /// The first day of the stretch that `day` is in.
    pub fn begins(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => day.saturating_sub(i64::from(day.weekday().since(Weekday::Monday)).days()),
            Self::Month => day.first_of_month(),
        }
    }

    /// The first day of the stretch after the one that begins at `first`.
    fn next(self, first: Date) -> Date {
        match self {
            Self::Day => first.saturating_add(1.day()),
            Self::Week => first.saturating_add(7.days()),
            Self::Month => first.saturating_add(1.month()),
        }
    }
}

/// Some days in a row: `from` is the first, `until` the first after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The first after the last.
    pub until: Date,
}

impl Days {
    /// The `count` days of which `last` is the last.
    pub fn ending(last: Date, count: u32) -> Self {
        let until = last.saturating_add(1.day());
        Self { from: until.saturating_sub(i64::from(count).days()), until }
    }

    /// How many they are.
    pub fn count(self) -> u32 {
        u32::try_from((self.until - self.from).get_days()).unwrap_or(0)
    }

    /// Their last.
    pub fn last(self) -> Date {
        self.until.saturating_sub(1.day())
    }

    /// Whether `day` is one of them.
    pub fn has(self, day: Date) -> bool {
        self.from <= day && day < self.until
    }

    /// The days to compare with: as many months when they are whole months, else as many days, right before.
    #[must_use]
    pub fn before(self) -> Self {
        let whole = self.from.day() == 1 && self.until.day() == 1 && self.from < self.until;
        let from = if whole {
            let months = i64::from(self.until.year() - self.from.year()) * 12
                + i64::from(self.until.month() - self.from.month());
            self.from.saturating_sub(months.months())
        } else {
            self.from.saturating_sub(i64::from(self.count()).days())
        };
        Self { from, until: self.from }
    }

    /// The stretches they are laid together into, each only as far as it is among them.
    pub fn stretches(self, grain: Grain) -> Vec<Self> {
        let mut stretches = vec![];
        let mut first = grain.begins(self.from);
        while first < self.until {
            let next = grain.next(first);
            stretches.push(Self { from: first.max(self.from), until: next.min(self.until) });
            // The calendar ends somewhere.
            if next <= first {
                break;
            }
            first = next;
        }
        stretches
    }
}

/// The day and the hour that the clock on the wall shows at `at`.
pub fn day_and_hour(at: Timestamp, zone: &Zone) -> (Date, u8) {
    let wall = zone.wall(at);
    (wall.date(), u8::try_from(wall.hour()).unwrap_or(0))
}

/// Begun minutes, as telephone calls are billed.
pub fn begun_minutes(talk_ms: u64) -> u64 {
    talk_ms.div_ceil(60_000)
}

/// The country a number belongs to: two capital letters (ISO 3166-1). `None` for what belongs to none.
pub fn country(number: &E164) -> Option<String> {
    let read = phonenumber::parse(None, number.as_str()).ok()?;
    read.country().id().map(|id| id.as_ref().to_owned())
}
