//! How often somebody may ask.
//!
//! Each kind of request has a quota for each asker, refilled evenly. What is left is told in the `RateLimit` and
//! `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-10); an asker past its quota is told when to come
//! again. Quotas are kept in this process.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use metrics::counter;
use serde::Deserialize;
use tracing::warn;

use super::problem::Problem;
use crate::platform::metrics::LIMIT_REACHED_TOTAL;

/// `[rate_limits]` of the configuration: requests per minute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Attempts to log in, register, refresh or reset a password, for each address and for each account.
    pub authentication: NonZeroU32,
    /// Assistants made, for each tenant.
    pub assistants: NonZeroU32,
    /// Everything else, for each person or program.
    pub requests: NonZeroU32,
    /// Requests without a valid token, for each address.
    pub strangers: NonZeroU32,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To be let in.
    Authentication,
    /// For an assistant to be made.
    Assistants,
    /// For anything, by somebody who is known.
    Requests,
    /// For anything, by somebody who is not.
    Strangers,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Assistants => "assistants",
            Self::Requests => "requests",
            Self::Strangers => "strangers",
        }
    }
}

type Keyed = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Requests after which quotas that are full again are forgotten.
const TIDY_EVERY: u64 = 4_096;

/// The quotas of everybody. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Limits(Arc<Kept>);

struct Kept {
    authentication: Quotas,
    assistants: Quotas,
    requests: Quotas,
    strangers: Quotas,
    /// Those of programs with a quota of their own, by its size.
    own: Mutex<Vec<(NonZeroU32, Arc<Quotas>)>>,
    asked: AtomicU64,
}

struct Quotas {
    per_minute: NonZeroU32,
    keyed: Keyed,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    kind: Kind,
    per_minute: NonZeroU32,
    remaining: u32,
    /// Seconds until there is more.
    seconds: u64,
}

impl Left {
    /// How long until there is more.
    pub fn wait(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Tells it in an answer's head.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let name = self.kind.as_str();
        let policy = format!("\"{name}\";q={};w=60", self.per_minute);
        let state = format!("\"{name}\";r={};t={}", self.remaining, self.seconds);
        for (field, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(field, value);
            }
        }
    }
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(settings: &Settings) -> Self {
        Self(Arc::new(Kept {
            authentication: Quotas::new(settings.authentication),
            assistants: Quotas::new(settings.assistants),
            requests: Quotas::new(settings.requests),
            strangers: Quotas::new(settings.strangers),
            own: Mutex::default(),
            asked: AtomicU64::new(0),
        }))
    }

    /// Counts one request of `asker`; what is left of the quota.
    ///
    /// # Errors
    /// [`Problem::TooMany`] past the quota.
    pub fn count(&self, kind: Kind, asker: &str) -> Result<Left, (Problem, Left)> {
        self.tidy();
        let quotas = match kind {
            Kind::Authentication => &self.0.authentication,
            Kind::Assistants => &self.0.assistants,
            Kind::Requests => &self.0.requests,
            Kind::Strangers => &self.0.strangers,
        };
        quotas.count(kind, asker)
    }

    /// The same for a program with a quota of its own.
    ///
    /// # Errors
    /// [`Problem::TooMany`] past the quota.
    pub fn count_own(&self, asker: &str, per_minute: NonZeroU32) -> Result<Left, (Problem, Left)> {
        self.tidy();
        let quotas = {
            let mut own = self.0.own.lock().unwrap_or_else(PoisonError::into_inner);
            match own.iter().find(|(size, _)| *size == per_minute) {
                Some((_, quotas)) => quotas.clone(),
                None => {
                    let quotas = Arc::new(Quotas::new(per_minute));
                    own.push((per_minute, quotas.clone()));
                    quotas
                }
            }
        };
        quotas.count(Kind::Requests, asker)
    }

    fn tidy(&self) {
        if self.0.asked.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            for quotas in [&self.0.authentication, &self.0.assistants, &self.0.requests, &self.0.strangers] {
                quotas.keyed.retain_recent();
            }
            self.0.own.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, quotas)| {
                quotas.keyed.retain_recent();
                !quotas.keyed.is_empty()
            });
        }
    }
}

impl Quotas {
    fn new(per_minute: NonZeroU32) -> Self {
        let keyed = RateLimiter::keyed(Quota::per_minute(per_minute));
        Self { per_minute, keyed: keyed.with_middleware() }
    }

    fn count(&self, kind: Kind, asker: &str) -> Result<Left, (Problem, Left)> {
        let left = |remaining, seconds| Left { kind, per_minute: self.per_minute, remaining, seconds };
        match self.keyed.check_key(&asker.to_owned()) {
            Ok(state) => Ok(left(state.remaining_burst_capacity(), 60 / u64::from(self.per_minute.get()))),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                let seconds = wait.as_secs() + u64::from(wait > Duration::from_secs(wait.as_secs()));
                counter!(LIMIT_REACHED_TOTAL, "limit" => kind.as_str()).increment(1);
                warn!(limit = kind.as_str(), "somebody asks too often");
                Err((Problem::TooMany(seconds.max(1)), left(0, seconds.max(1))))
            }
        }
    }
}
