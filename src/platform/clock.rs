//! What time it is, and waiting.
//!
//! One [`Clock`] is made at the start and handed down. It never jumps for a waiter: waiting is by the
//! monotonic clock, only [`Clock::now`] looks at the wall. A clock may run faster than the world's
//! ([`Clock::hurried`]); everything that waits by it then hurries alike, which is how the demo and the
//! tests have a whole conversation in seconds over real sockets.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::{CallTime, Timestamp};

/// A clock, cheap to clone. Clones agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    wall_began: jiff::Timestamp,
    pace: u32,
    /// Whether it shows what the machine's wall clock shows.
    follows_wall: bool,
}

impl Clock {
    /// The world's clock.
    pub fn system() -> Self {
        Self::hurried(1)
    }

    /// A clock that starts right and runs `pace` times as fast as the world's; 1 is the world's own.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn hurried(pace: u32) -> Self {
        let pace = pace.max(1);
        Self { began: Instant::now(), wall_began: jiff::Timestamp::now(), pace, follows_wall: pace == 1 }
    }

    /// A clock that shows `at` and runs as fast as the world's: for what must happen on a certain day.
    pub fn showing(at: Timestamp) -> Self {
        Self { wall_began: at.to_jiff(), follows_wall: false, ..Self::system() }
    }

    /// A clock that shows `at` and runs `pace` times as fast as the world's.
    pub fn hurried_from(at: Timestamp, pace: u32) -> Self {
        Self { wall_began: at.to_jiff(), follows_wall: false, ..Self::hurried(pace) }
    }

    /// How many times as fast as the world's clock this one runs.
    pub fn pace(&self) -> u32 {
        self.pace
    }

    /// What time it is. Follows the machine's wall clock, unless this clock is hurried.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn now(&self) -> Timestamp {
        if self.follows_wall {
            return jiff::Timestamp::now().into();
        }
        let passed = self.began.elapsed().saturating_mul(self.pace);
        Timestamp::from(self.wall_began).plus_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }

    /// Starts a stopwatch that runs at this clock's pace.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch { began: Instant::now(), pace: self.pace }
    }

    /// Waits for `time` on this clock.
    pub async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time / self.pace).await;
    }

    /// The future's answer, or `None` when it took longer than `limit` on this clock.
    pub async fn within<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit / self.pace, future).await.ok()
    }
}

/// Measures how long something has been going on.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
    pace: u32,
}

impl Stopwatch {
    /// Time since the start, on the clock that started it.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_mul(self.pace)
    }

    /// The same as a call's time: whole milliseconds.
    pub fn call_time(&self) -> CallTime {
        CallTime(u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment of the runtime's clock at which this stopwatch will show `at`.
    pub fn moment(&self, at: CallTime) -> Instant {
        // A pace above one divides; rounding up keeps a timer from firing before its time.
        self.began
            + (Duration::from_millis(at.0) + Duration::from_nanos(u64::from(self.pace - 1))) / self.pace
    }
}
