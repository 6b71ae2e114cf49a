//! What a person, a call or a job may ask for, and who may ask it.
//!
//! One file per subject. Nothing here knows HTTP or holds a socket.

pub mod accounts;
pub mod bookings;
pub mod briefing;
pub mod calls;
pub mod clips;
pub mod health;
pub mod provision;
pub mod recordings;
pub mod tools;

use crate::{calendars, domain::availability::Refusal, store};

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
    #[error("{field}: {problem}")]
    Invalid {
        /// Which part of it.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Something behind us does not answer; asking again shortly may do.
    #[error("{0} does not answer; try again shortly")]
    Unavailable(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something broke.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
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

impl From<calendars::Error> for Error {
    fn from(error: calendars::Error) -> Self {
        match error {
            calendars::Error::Away => Self::Unavailable("the calendar", Box::new(error)),
        }
    }
}

impl From<Refusal> for Error {
    /// What another appointment is in the way of is taken; everything else is a rule.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy | Refusal::Buffer | Refusal::Held => Self::Taken,
            Refusal::NotQualified
            | Refusal::Horizon
            | Refusal::Notice
            | Refusal::Closed
            | Refusal::OutsideHours
            | Refusal::OffGrid
            | Refusal::Limit => Self::Refused(refusal),
        }
    }
}
