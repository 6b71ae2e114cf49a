//! What a person, a call or a job may ask for, and who may ask it.
//!
//! One file per subject. Nothing here knows HTTP or holds a socket.

pub mod access;
pub mod accounts;
pub mod analytics;
pub mod appointments;
pub mod assistants;
pub mod audit;
pub mod availability;
pub mod bookings;
pub mod briefing;
pub mod calendars;
pub mod calls;
pub mod clashes;
pub mod clips;
pub mod closures;
pub mod contacts;
pub mod diary;
pub mod drafts;
pub mod findings;
pub mod forgetting;
pub mod forwarding;
pub mod health;
pub mod imports;
pub mod keys;
pub mod messages;
pub mod news;
pub mod notices;
pub mod notifications;
pub mod numbers;
pub mod operations;
pub mod outgoing;
pub mod pauses;
pub mod people;
pub mod pins;
pub mod provision;
pub mod receptions;
pub mod recordings;
pub mod remarks;
pub mod resources;
pub mod search;
pub mod services;
pub mod shares;
pub mod stranded;
pub mod summaries;
pub mod support;
pub mod tenants;
pub mod test_calls;
pub mod today;
pub mod tools;
pub mod transfer_targets;
pub mod transfers;
pub mod voicemail;
pub mod voices;
pub mod waiting_list;
pub mod webhooks;

use std::fmt;

use crate::{
    calendars as vendors,
    domain::{availability::Refusal, people::Scope},
    store,
};

/// Why the product says no. Written for the asker's next move, not for ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or belongs to somebody else, which is the same.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Somebody else has that time.
    #[error("that time has been taken")]
    Taken,
    /// A rule is against that time.
    #[error("that time cannot be booked: {}", .0.as_str())]
    Refused(Refusal),
    /// The time until which it could be changed has passed.
    #[error("it is too late to change that appointment")]
    TooLate,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// What was given makes no sense.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
    /// Nobody has proven to be who they say they are; what would be right.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The password is right; a code of the second factor is needed as well.
    #[error("a code of the second factor is needed as well")]
    SecondFactor,
    /// This is not open to anybody who asks.
    #[error("{0}")]
    Closed(&'static str),
    /// The asker may see it, but not do that.
    #[error("this needs the right `{0}`")]
    Forbidden(Scope),
    /// Only an operator may do that.
    #[error("only an operator sets {0}")]
    OperatorOnly(&'static str),
    /// Somebody else has changed it since the asker looked.
    #[error("it has been changed by somebody else in the meantime; look at it again")]
    Stale,
    /// There may be no more of these.
    #[error("there may be {max} {name} and no more")]
    Limit {
        /// Of what.
        name: &'static str,
        /// How many.
        max: u64,
    },
    /// Somebody else, on whom it depends, said no.
    #[error("{by} declined: {why}")]
    Declined {
        /// Who.
        by: &'static str,
        /// What they say.
        why: String,
    },
    /// It cannot be done yet; asked again after `wait`, it may be.
    #[error("{why}")]
    Later {
        /// How long, at least.
        wait: std::time::Duration,
        /// What it waits for.
        why: &'static str,
    },
    /// Something behind us does not answer; asking again shortly may do.
    #[error("{0} does not answer; try again shortly")]
    Unavailable(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something broke.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One thing that is wrong with what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer into what was given (RFC 6901), such as `/names/de`.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Fault {
    /// `problem`, at `pointer`.
    pub fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.problem)
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// One thing that is wrong with what was given.
    pub fn invalid(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(pointer, problem)])
    }
}

/// The error, or a conflict in these words when something refers to what was to go.
fn in_use(error: store::Error, words: &'static str) -> Error {
    if matches!(error, store::Error::Dangling(_)) { Error::Conflict(words) } else { error.into() }
}

/// The error, or what is wrong at `pointer` when another thing has that name.
fn not_unique(error: store::Error, pointer: &str, problem: &str) -> Error {
    if matches!(error, store::Error::NotUnique(_)) { Error::invalid(pointer, problem) } else { error.into() }
}

/// Collects what is wrong, so that everything is told at once.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes `problem` at `pointer` unless `right`.
    pub fn unless(&mut self, right: bool, pointer: impl Into<String>, problem: impl Into<String>) {
        if !right {
            self.0.push(Fault::new(pointer, problem));
        }
    }

    /// The value, or a note of what is wrong with it.
    pub fn take<T, E: fmt::Display>(&mut self, read: Result<T, E>, pointer: impl Into<String>) -> Option<T> {
        read.map_err(|error| self.0.push(Fault::new(pointer, error.to_string()))).ok()
    }

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on if nothing was wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that was noted.
    pub fn settle(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// Everything that was noted, as the error it is.
    pub fn refusal(self) -> Error {
        Error::Invalid(self.0)
    }
}

impl<T> crate::domain::revision::Revised<T> {
    /// Goes on if this is the state the asker has seen, or they do not say which.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn must_be(&self, seen: Option<crate::domain::revision::Revision>) -> Result<(), Error> {
        if seen.is_none_or(|seen| seen == self.revision) { Ok(()) } else { Err(Error::Stale) }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Taken => Self::Taken,
            store::Error::NotUnique(_) => Self::Conflict("that name is in use already"),
            store::Error::Dangling(_) => Self::Conflict("something it refers to does not exist"),
            store::Error::Busy(_) | store::Error::Away(_) => {
                Self::Unavailable("the database", Box::new(error))
            }
            store::Error::Damaged(_)
            | store::Error::Url
            | store::Error::Folder(_)
            | store::Error::Migration(_)
            | store::Error::Database(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<vendors::Error> for Error {
    fn from(error: vendors::Error) -> Self {
        Self::Unavailable("the calendar", Box::new(error))
    }
}

impl From<Refusal> for Error {
    /// What another appointment is in the way of is taken; everything else is a rule.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy | Refusal::Buffer | Refusal::Held => Self::Taken,
            Refusal::MissingTime
            | Refusal::NotQualified
            | Refusal::Horizon
            | Refusal::Notice
            | Refusal::Closed
            | Refusal::OutsideHours
            | Refusal::OffGrid
            | Refusal::Limit
            | Refusal::Capacity => Self::Refused(refusal),
        }
    }
}
