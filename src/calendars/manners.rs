//! How vendors are asked: few at a time, not again and again, and not at all for a while after they failed.
//!
//! At most so many requests of one mailbox are in the air as is configured (Graph allows four of all servers together,
//! protocols.md §4.2; one too many is told, and obeyed as any 429). What may be
//! repeated is repeated within the asker's patience, with waits that double and vary by chance; `Retry-After` is obeyed. A
//! connection that keeps failing, and a vendor that keeps failing for several connections, rest: until then nobody asks.
//! It knows nothing of what is asked.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::{Access, Error};
use crate::{
    domain::{calendar::Vendor, id::ConnectionId, time::Timestamp},
    platform::{clock::Clock, ids, metrics as figures},
};

/// Failures in a row after which a connection rests.
pub const FAILURES_MAX: u32 = 5;
/// Failures in a row, of several connections, after which a vendor rests.
pub const VENDOR_FAILURES_MAX: u32 = 20;
/// How long a first rest lasts; each further one lasts twice as long.
pub const REST: Duration = Duration::from_secs(5);
/// How long a rest lasts at most.
pub const REST_MAX: Duration = Duration::from_secs(300);
/// Wait before the first repetition; each further one waits twice as long. Half of it is by chance.
pub const REPEAT_WAIT: Duration = Duration::from_millis(250);
/// Mailboxes and connections that are remembered; those unused for longest are forgotten first.
const REMEMBERED_MAX: usize = 10_000;

/// Whether a request may be made again when nobody knows what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Asking again does no harm.
    Safely,
    /// Who asked decides.
    Never,
}

/// How every vendor is asked. Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Manners {
    clock: Clock,
    at_once: NonZeroUsize,
    mailboxes: Arc<Mutex<Remembered<String, Arc<Semaphore>>>>,
    circuits: Arc<Mutex<Circuits>>,
}

#[derive(Debug, Default)]
struct Circuits {
    vendors: HashMap<Vendor, Circuit>,
    connections: Remembered<ConnectionId, Circuit>,
}

/// How somebody has answered lately.
#[derive(Clone, Debug, Default)]
struct Circuit {
    failures: u32,
    rests: u32,
    until: Option<Timestamp>,
    /// Whose request failed last; a vendor fails only when several do.
    last: Option<ConnectionId>,
    several: bool,
}

impl Circuit {
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let left = self.until?.millis_since(now);
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }

    fn rest(&mut self, now: Timestamp, told: Option<Duration>) {
        let doubled = REST.saturating_mul(1 << self.rests.min(10)).min(REST_MAX);
        let rest = told.unwrap_or(doubled).min(REST_MAX);
        self.rests += 1;
        self.failures = 0;
        let until = now.plus_millis(i64::try_from(rest.as_millis()).unwrap_or(i64::MAX));
        self.until = Some(self.until.map_or(until, |known| known.max(until)));
    }
}

impl Manners {
    /// Nobody has been asked yet. At most `at_once` requests of one mailbox are in the air.
    pub fn new(clock: Clock, at_once: NonZeroUsize) -> Self {
        Self { clock, at_once, mailboxes: Arc::default(), circuits: Arc::default() }
    }

    /// Has `ask` ask, when it is its turn, and again where that is allowed and may help, all within `patience`.
    ///
    /// # Errors
    /// What `ask` answered last; [`Error::Resting`] without asking; [`Error::Away`] when it took too long.
    pub async fn ask<T, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        who: &Access,
        mailbox: Option<&str>,
        patience: Duration,
        repeat: Repeat,
        mut ask: impl FnMut() -> F + Send,
    ) -> Result<T, Error> {
        let watch = self.clock.stopwatch();
        let asked = self.clock.within(patience, async {
            let mut wait = REPEAT_WAIT;
            loop {
                self.rested(who)?;
                let turn = self.turn(who, mailbox).await;
                // While it waited for its turn, others may have found out that asking is of no use.
                self.rested(who)?;
                let answer = ask().await;
                drop(turn);
                self.note(who, answer.as_ref().err());
                let again = match &answer {
                    Err(Error::TooMany { retry_after }) => Some(retry_after.unwrap_or(wait)),
                    Err(Error::Away(_)) if repeat == Repeat::Safely => Some(wait),
                    _ => None,
                };
                let Some(again) = again.map(varied) else { return answer };
                if watch.elapsed() + again >= patience {
                    return answer;
                }
                self.clock.sleep(again).await;
                wait = wait.saturating_mul(2);
            }
        });
        match asked.await {
            Some(answer) => answer,
            None => {
                let late = Error::Away(None);
                self.note(who, Some(&late));
                Err(late)
            }
        }
    }

    async fn turn(&self, who: &Access, mailbox: Option<&str>) -> Option<OwnedSemaphorePermit> {
        let name = format!("{}/{}", who.connection, mailbox.unwrap_or_default());
        let places = {
            let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(mailboxes.entry(&name, || Arc::new(Semaphore::new(self.at_once.get()))))
        };
        places.acquire_owned().await.ok()
    }

    /// Goes on unless the connection or its vendor rests.
    fn rested(&self, who: &Access) -> Result<(), Error> {
        let now = self.clock.now();
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let vendor = circuits.vendors.get(&who.vendor).and_then(|circuit| circuit.wait(now));
        let own = circuits.connections.get(&who.connection).and_then(|circuit| circuit.wait(now));
        match vendor.max(own) {
            Some(wait) => Err(Error::Resting { wait }),
            None => Ok(()),
        }
    }

    /// Learns from an answer.
    fn note(&self, who: &Access, error: Option<&Error>) {
        let now = self.clock.now();
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let circuits = &mut *circuits;
        match error {
            Some(Error::TooMany { retry_after }) => {
                let own = circuits.connections.entry(&who.connection, Circuit::default);
                own.failures += 1;
                if retry_after.is_some() || own.failures >= FAILURES_MAX {
                    own.rest(now, *retry_after);
                    count(who.vendor, "connection");
                }
            }
            Some(Error::Away(_)) => {
                let own = circuits.connections.entry(&who.connection, Circuit::default);
                own.failures += 1;
                if own.failures >= FAILURES_MAX {
                    own.rest(now, None);
                    count(who.vendor, "connection");
                }
                let vendor = circuits.vendors.entry(who.vendor).or_default();
                vendor.failures += 1;
                vendor.several |= vendor.last.as_ref().is_some_and(|last| *last != who.connection);
                vendor.last = Some(who.connection.clone());
                if vendor.several && vendor.failures >= VENDOR_FAILURES_MAX {
                    vendor.rest(now, None);
                    count(who.vendor, "vendor");
                }
            }
            // It was not asked.
            Some(Error::Resting { .. }) => {}
            // Whatever it said, it answered.
            _ => {
                if let Some(own) = circuits.connections.get_mut(&who.connection) {
                    *own = Circuit::default();
                }
                circuits.vendors.remove(&who.vendor);
            }
        }
    }
}

fn count(vendor: Vendor, whose: &'static str) {
    warn!(vendor = vendor.as_str(), whose, "a calendar is left alone for a while");
    counter!(figures::CALENDAR_RESTS_TOTAL, "vendor" => vendor.as_str(), "whose" => whose).increment(1);
}

/// Between half of `wait` and one and a half of it, by chance.
fn varied(wait: Duration) -> Duration {
    let chance = u32::from(ids::secret()[0]);
    wait / 2 + wait * chance / 255
}

/// A map that forgets what was not used for longest once it has too much.
#[derive(Debug)]
struct Remembered<K, V> {
    known: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V> Remembered<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.known.get_mut(key)
    }

    /// What is known of `key`, which may be forgotten in the order in which it came to be known.
    fn entry(&mut self, key: &K, fresh: impl FnOnce() -> V) -> &mut V {
        if !self.known.contains_key(key) {
            if self.known.len() >= REMEMBERED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        self.known.entry(key.clone()).or_insert_with(fresh)
    }
}
