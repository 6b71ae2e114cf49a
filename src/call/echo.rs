//! The agent's own voice, as it comes back from the caller's telephone.
//!
//! Only loudness is compared, so no sample is needed. An echo rises and falls as the agent did, softer and a moment
//! later, and stops when the agent stops. While all of a sound can be an echo, it is no evidence that somebody
//! speaks ([`Echo::may_be`]). Once it has stopped as echoes do, the echo is known ([`Echo::learn`]): what is no
//! louder is not taken for the caller, until the echo is no longer heard. Nothing here decides who has the floor.
//!
//! Both sides are laid out in call time: what the agent says when it is let out, what the caller's side sounds like
//! when it was spoken. However late a frame comes, it keeps its place. What was said is kept by steps of 5 ms, each
//! with the loudness of the 20 ms that end there: an echo keeps to no frames.

use std::ops::RangeInclusive;

use super::playback::FRAME_MS;
use crate::{
    audio::{g711, vad::Voice},
    domain::time::CallTime,
};

/// A step, in milliseconds, and in samples.
const STEP_MS: u64 = 5;
const STEP_SAMPLES: usize = 40;
/// How many steps a frame has.
const FRAME: u64 = FRAME_MS / STEP_MS;
/// How many steps of what the agent said are remembered: 3.8 s, for what was heard, the longest delay and what is
/// ahead of the ear.
const SAID: usize = 768;
/// How many frames of what the caller's side sounded like are remembered: 2.5 s.
const HEARD: usize = 128;
/// The delays that are looked for, in steps: 40 to 700 ms.
const LAGS: RangeInclusive<u64> = 8..=140;
/// What came so long before a sound was noticed belongs to it, in frames.
const BEFORE: u64 = 6;
/// How many frames must fit before a sound is an echo.
const FIT_FRAMES_MIN: usize = 6;
/// How far so few frames may be from what the echo would be, in the mean, in dB; and each more of them. A room and
/// a loudspeaker colour what comes back; a few frames resemble each other by chance.
const FIT_DB: f32 = 0.3;
const FIT_DB_EACH: f32 = 0.05;
const FIT_DB_MAX: f32 = 2.5;
/// How much the agent's loudness must have varied meanwhile, in dB: steady sounds resemble each other by chance.
const FIT_RANGE_DB_MIN: f32 = 8.0;
/// The loudest echo there is, against what was said, in dB.
const GAIN_DB_MAX: f32 = -3.0;
/// How fast a room swallows sound, in dB a step: 250 dB a second, so that 240 ms after it little is left.
const TAIL_DB: f32 = 1.25;
/// How much louder than the echo a sound must be to be somebody else's, in dB.
const ABOVE_DB: f32 = 4.0;
/// How much softer than the echo a frame must be for the echo not to be in it, in dB.
const BELOW_DB: f32 = 8.0;
/// One frame in so many may be other than the echo would be: lost on its way, or torn.
const ODD_ONE_IN: usize = 8;
/// How exactly an echo keeps its delay, in steps: while it is looked for, and from then on.
const JITTER: u64 = 4;
const DRIFT: u64 = 8;
/// How much of what it was sent the agent's telephone may not have come to when the agent falls silent, and how long
/// it may go on, in steps.
const STOP_EARLY: u64 = 40;
const STOP_LATE: u64 = 20;
/// From which loudness on an echo is to be heard at all, in dB below full scale.
const AUDIBLE_DB: f32 = -50.0;
/// Loudness that counts as nothing, in dB below full scale.
const NOTHING_DB: f32 = -55.0;
/// How far a frame must stand out of the line's noise to be a sound, in dB.
const STANDS_OUT_DB: f32 = 5.0;
/// An echo that was not heard in so many more frames than it was heard in is there no longer.
const MISSED_MAX: u8 = 15;

/// Loudness by steps or frames of call time, for as long as it is remembered.
#[derive(Debug)]
struct Levels<const N: usize>([Level; N]);

#[derive(Clone, Copy, Debug)]
struct Level {
    at: u64,
    db: f32,
    /// The same with what a room leaves of what was louder before.
    tail_db: f32,
    /// Whether it was taken back before its time came.
    taken_back: bool,
}

impl Level {
    const fn nothing(at: u64) -> Self {
        Self { at, db: Voice::QUIETEST_DB, tail_db: Voice::QUIETEST_DB, taken_back: false }
    }
}

impl<const N: usize> Default for Levels<N> {
    fn default() -> Self {
        Self([Level::nothing(u64::MAX); N])
    }
}

impl<const N: usize> Levels<N> {
    fn put(&mut self, at: u64, db: f32) {
        let before = at.checked_sub(1).map_or(Voice::QUIETEST_DB, |before| self.get(before).tail_db);
        let tail_db = db.max(before - TAIL_DB);
        self.0[(at % N as u64) as usize] = Level { at, db, tail_db, taken_back: false };
    }

    fn take_back(&mut self, from: u64) {
        for level in self.0.iter_mut().filter(|level| level.at >= from) {
            level.taken_back = true;
        }
    }

    fn get(&self, at: u64) -> Level {
        let level = self.0[(at % N as u64) as usize];
        if level.at == at { level } else { Level::nothing(at) }
    }
}

/// An echo: how many steps later, and how loud against what was said.
#[derive(Clone, Copy, Debug)]
struct Met {
    lag: u64,
    gain_db: f32,
}

/// See the module's own words.
#[derive(Debug, Default)]
pub(super) struct Echo {
    /// What was let out, by steps.
    said: Levels<SAID>,
    /// The step after the last that was let out, and the power of the last ones.
    next: u64,
    powers: [f32; FRAME as usize],
    /// What the caller's side sounded like, by frames.
    heard: Levels<HEARD>,
    /// The last frame that was heard.
    latest: u64,
    met: Option<Met>,
    /// In how many frames the echo that was met should have been heard and was not.
    missed: u8,
}

impl Echo {
    /// The agent is let out: `sound` in whole frames, which the ear comes to at `at`.
    pub(super) fn says(&mut self, sound: &[u8], at: CallTime) {
        let first = at.0 / STEP_MS;
        if first != self.next {
            self.powers = Default::default();
        }
        let pieces = sound.as_chunks::<STEP_SAMPLES>().0;
        for (step, piece) in (first..).zip(pieces) {
            self.powers.rotate_left(1);
            self.powers[FRAME as usize - 1] = power(piece);
            self.said.put(step, level_db(self.powers.iter().sum::<f32>() / FRAME as f32));
        }
        self.next = first + pieces.len() as u64;
    }

    /// The agent fell silent: what was let out after `now` is not heard.
    pub(super) fn falls_silent(&mut self, now: CallTime) {
        self.said.take_back(now.0 / STEP_MS);
    }

    /// Takes in a frame of the caller's side. Returns whether it is no more than the echo.
    pub(super) fn hears(&mut self, voice: &Voice, spoken: CallTime) -> bool {
        let frame = spoken.0 / FRAME_MS;
        self.heard.put(frame, voice.level_db);
        self.latest = self.latest.max(frame);
        let Some(met) = self.met else { return false };
        let (softest, loudest) = self.echo(frame, met, DRIFT, false);
        if softest >= AUDIBLE_DB {
            self.missed = match voice.level_db < softest - BELOW_DB {
                true => self.missed + 1,
                false => self.missed.saturating_sub(1),
            };
        }
        if self.missed > MISSED_MAX {
            (self.met, self.missed) = (None, 0);
            return false;
        }
        loudest > NOTHING_DB && voice.level_db <= loudest + ABOVE_DB
    }

    /// What the agent said `lag` steps before a frame.
    fn said_before(&self, frame: u64, lag: u64) -> Level {
        (frame * FRAME).checked_sub(lag).map_or(Level::nothing(0), |step| self.said.get(step))
    }

    /// How soft and how loud the echo of what the agent said can be in a frame, if it comes up to `about` steps
    /// sooner or later. What was taken back need not be in it; it may be, if the telephone goes on with it.
    fn echo(&self, frame: u64, met: Met, about: u64, goes_on: bool) -> (f32, f32) {
        let lags = (met.lag - about..=met.lag + about).step_by(if about > 2 { 2 } else { 1 });
        let (mut softest, mut loudest) = (f32::INFINITY, f32::NEG_INFINITY);
        for level in lags.map(|lag| self.said_before(frame, lag)) {
            let heard = !level.taken_back;
            softest = softest.min(if heard { level.db } else { Voice::QUIETEST_DB });
            loudest = loudest.max(if heard || goes_on { level.tail_db } else { Voice::QUIETEST_DB });
        }
        (softest + met.gain_db, loudest + met.gain_db)
    }

    /// Whether all that was heard of a sound that began at `since`, and for which the agent fell silent at `silent`,
    /// can be the agent's own voice, and goes on no longer than that would.
    pub(super) fn may_be(&self, since: CallTime, silent: CallTime) -> bool {
        let window = self.window(since);
        let silent = silent.0 / STEP_MS;
        let nothing_db = self.nothing_db(&window);
        let Some(last) = self.last_sound(&window, nothing_db) else { return false };
        LAGS.filter(|lag| last <= silent + lag + STOP_LATE)
            .any(|lag| self.fit(lag, &window, nothing_db).is_some())
    }

    /// A sound that began at `since`, and for which the agent fell silent at `silent`, is over: was it the agent's
    /// own voice? Then it will be known.
    pub(super) fn learn(&mut self, since: CallTime, silent: CallTime) -> bool {
        let window = self.window(since);
        let silent = silent.0 / STEP_MS;
        let nothing_db = self.nothing_db(&window);
        let Some(last) = self.last_sound(&window, nothing_db) else { return false };
        let stopped = |lag: &u64| {
            let due = silent + lag;
            (due.saturating_sub(STOP_EARLY)..=due + STOP_LATE).contains(&last)
        };
        let fits = LAGS.filter(stopped).filter_map(|lag| self.fit(lag, &window, nothing_db));
        let Some((_, met)) = fits.min_by(|one, other| one.0.total_cmp(&other.0)) else { return false };
        (self.met, self.missed) = (Some(met), 0);
        true
    }

    /// The frames of a sound that began at `since`, as far as they are remembered.
    fn window(&self, since: CallTime) -> RangeInclusive<u64> {
        let remembered = self.latest.saturating_sub(HEARD as u64 - 1);
        (since.0 / FRAME_MS).saturating_sub(BEFORE).max(remembered)..=self.latest
    }

    /// The step at which the last frame begins in which there is more to be heard than the line.
    fn last_sound(&self, window: &RangeInclusive<u64>, nothing_db: f32) -> Option<u64> {
        let last = window.clone().rev().find(|frame| self.heard.get(*frame).db > nothing_db);
        last.map(|frame| frame * FRAME)
    }

    /// Up to which loudness there is nothing to be heard in `window` but the line.
    fn nothing_db(&self, window: &RangeInclusive<u64>) -> f32 {
        let levels = window.clone().map(|frame| self.heard.get(frame).db);
        let softest = levels.filter(|level| *level > Voice::QUIETEST_DB).fold(f32::INFINITY, f32::min);
        if softest.is_finite() { NOTHING_DB.max(softest + STANDS_OUT_DB) } else { NOTHING_DB }
    }

    /// The sound in `window` as an echo that comes back `lag` steps later, and how far it is from being one, in dB.
    fn fit(&self, lag: u64, window: &RangeInclusive<u64>, nothing_db: f32) -> Option<(f32, Met)> {
        let said = |frame: u64| match self.said_before(frame, lag) {
            level if level.taken_back => Voice::QUIETEST_DB,
            level => level.db,
        };
        let heard = |frame: u64| self.heard.get(frame).db;
        let both = || window.clone().filter(|frame| said(*frame) > NOTHING_DB && heard(*frame) > nothing_db);
        let mut gains = [0.0; HEARD];
        let mut count = 0;
        for (gain, frame) in gains.iter_mut().zip(both()) {
            *gain = heard(frame) - said(frame);
            count += 1;
        }
        let softest = both().map(said).fold(f32::INFINITY, f32::min);
        let loudest = both().map(said).fold(f32::NEG_INFINITY, f32::max);
        if count < FIT_FRAMES_MIN || loudest - softest < FIT_RANGE_DB_MIN {
            return None;
        }
        let (_, gain_db, _) = gains[..count].select_nth_unstable_by(count / 2, f32::total_cmp);
        let met = Met { lag, gain_db: *gain_db };
        // Where the echo may come a step sooner or later.
        let apart = both().map(|frame| {
            let (softest, loudest) = self.echo(frame, met, 1, true);
            (softest - heard(frame)).max(heard(frame) - loudest).clamp(0.0, BELOW_DB)
        });
        let apart_db = apart.sum::<f32>() / count as f32;
        let most_db = (FIT_DB + FIT_DB_EACH * (count - FIT_FRAMES_MIN) as f32).min(FIT_DB_MAX);
        if apart_db > most_db || met.gain_db > GAIN_DB_MAX {
            return None;
        }
        // All of it is to be the echo, and all of the echo is to be there.
        let odd = |frame: &u64| {
            let heard = heard(*frame);
            let (softest, loudest) = self.echo(*frame, met, JITTER, true);
            let more = heard > nothing_db && heard > loudest + ABOVE_DB;
            let less = softest >= AUDIBLE_DB.max(nothing_db) && heard < softest - BELOW_DB;
            more || less
        };
        let odd = window.clone().filter(odd).count();
        (odd <= 1 + count / ODD_ONE_IN).then_some((apart_db, met))
    }
}

/// Mean power of a step, full scale being 1.
fn power(piece: &[u8; STEP_SAMPLES]) -> f32 {
    let sum: f32 = piece.iter().map(|byte| (f32::from(g711::decode(*byte)) / 32_768.0).powi(2)).sum();
    sum / STEP_SAMPLES as f32
}

fn level_db(power: f32) -> f32 {
    (10.0 * power.max(1e-10).log10()).max(Voice::QUIETEST_DB)
}
