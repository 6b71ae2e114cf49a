//! The calendars tenants already use: connected, listed, chosen, and asked in their name.
//!
//! [`Calendars`] takes people to a vendor's page of consent and back ([`consent`]), shows and changes what came of it
//! ([`connections`]), and lets the rest of the house ask a connection's vendor ([`tokens`], [`Calendars::ask`]). What
//! stands in a calendar, and what is written there, is not decided here. No vendor is asked inside a transaction.

pub mod connections;
pub mod consent;
mod live;
mod settle;
mod sync;
mod tell;
mod text;
pub mod tokens;
mod watch;
pub mod words;

use std::{fmt, sync::Arc, time::Duration};

use self::tokens::Known;
use super::{keys::Keys, news::News, people::People};
use crate::{
    calendars::{self as vendors, oauth::Oauth},
    domain::calendar::Vendor,
    platform::{clock::Clock, tasks::Tasks},
    store::Store,
};

pub(in crate::app) use self::live::Answer;
pub use self::{
    live::CALL_PATIENCE,
    tokens::Trouble,
    watch::{GOOGLE_PUSH, MICROSOFT_LIFECYCLE, MICROSOFT_PUSH, Told},
};

/// How long a job waits for one answer of a vendor's, repetitions counted in.
const PATIENCE: Duration = Duration::from_secs(10);

/// The calendars outside. Cheap to clone; clones know the same.
#[derive(Clone)]
pub struct Calendars {
    parts: Arc<Parts>,
    known: Arc<Known>,
}

/// What [`Calendars`] is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Seal tokens.
    pub keys: Keys,
    /// Writes mails.
    pub people: People,
    /// The vendors.
    pub vendors: vendors::Calendars,
    /// The way to consent and tokens.
    pub oauth: Oauth,
    /// Who watches what becomes of appointments.
    pub news: News,
    /// What time it is.
    pub clock: Clock,
    /// What runs beside: a renewal goes on although nobody waits for it any more.
    pub tasks: Tasks,
    /// Where the console is, when somebody has said so; without a slash at its end.
    pub console: Option<String>,
    /// Where this server is reached by browsers; without a slash at its end.
    pub public_url: String,
}

impl Calendars {
    /// Made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), known: Arc::default() }
    }

    /// Tells what becomes of appointments.
    pub fn news(&self) -> &News {
        &self.parts.news
    }

    /// The vendors, to be asked with the access that [`ask`](Self::ask) hands out.
    pub fn vendors(&self) -> &vendors::Calendars {
        &self.parts.vendors
    }

    /// The vendors that are set up here.
    pub fn offered(&self) -> impl Iterator<Item = Vendor> {
        Vendor::ALL.into_iter().filter(|vendor| self.parts.oauth.offers(*vendor))
    }

    /// The console's page of calendars, if there is a console.
    pub fn console_page(&self) -> Option<String> {
        self.parts.console.as_ref().map(|console| format!("{console}/calendars"))
    }

    /// A page of the console.
    fn console(&self, name: &str) -> String {
        match &self.parts.console {
            Some(console) => format!("{console}/{name}"),
            None => format!("{}/console/{name}", self.parts.public_url),
        }
    }
}

impl fmt::Debug for Calendars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendars").finish_non_exhaustive()
    }
}
