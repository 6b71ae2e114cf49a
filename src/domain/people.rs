//! Who works at a tenant, and what each may do.
//!
//! One table says it for everybody: a [`Role`] may [`Verb`] a [`Subject`] or not. A program has [`Scope`]s instead of
//! a role, never more than the person had who gave them. Knows nobody's name and checks no password.

use std::{fmt, str::FromStr};

/// What a person is in a tenant. Each may all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Looks after callers: contacts, appointments, messages.
    Member,
    /// Sets up everything: numbers, assistants, services, people.
    Admin,
    /// Also decides about the tenant itself and who else owns it.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether somebody of this role may do that. The only place that says so.
    pub fn may(self, verb: Verb, subject: Subject) -> bool {
        self >= match (subject, verb) {
            (
                Subject::Numbers
                | Subject::Assistants
                | Subject::Services
                | Subject::Resources
                | Subject::Contacts
                | Subject::Appointments
                | Subject::Calls
                | Subject::Messages
                | Subject::Calendars
                | Subject::Tenant,
                Verb::Read,
            ) => Self::Viewer,
            (Subject::Contacts | Subject::Appointments | Subject::Calls | Subject::Messages, Verb::Write)
            | (Subject::Members, Verb::Read) => Self::Member,
            (
                Subject::Numbers
                | Subject::Assistants
                | Subject::Services
                | Subject::Resources
                | Subject::Calendars
                | Subject::Members,
                Verb::Write,
            )
            | (Subject::ApiKeys | Subject::Webhooks | Subject::Privacy | Subject::Listening, _)
            | (Subject::Audit, Verb::Read) => Self::Admin,
            (Subject::Tenant | Subject::Audit, Verb::Write) => Self::Owner,
        }
    }
}

/// A text that names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a role: `viewer`, `member`, `admin` or `owner`")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(word: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(NotARole)
    }
}

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The tenant's own name, zone and settings.
    Tenant,
    /// Who works there, and who is invited to.
    Members,
    /// Programs' ways in.
    ApiKeys,
    /// Telephone numbers.
    Numbers,
    /// Who answers them.
    Assistants,
    /// What can be booked.
    Services,
    /// Who or what it is booked with, and their schedules.
    Resources,
    /// People who call or are called.
    Contacts,
    /// Times promised, and free times.
    Appointments,
    /// Calls, what was said in them, and their recordings.
    Calls,
    /// Messages taken.
    Messages,
    /// Calendars outside, and which of them count.
    Calendars,
    /// Programs that are told what happens.
    Webhooks,
    /// Who changed what.
    Audit,
    /// Copies of what is known of people, and forgetting them.
    Privacy,
    /// Calls in the air, listened in on.
    Listening,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 16] = [
        Self::Tenant,
        Self::Members,
        Self::ApiKeys,
        Self::Numbers,
        Self::Assistants,
        Self::Services,
        Self::Resources,
        Self::Contacts,
        Self::Appointments,
        Self::Calls,
        Self::Messages,
        Self::Calendars,
        Self::Webhooks,
        Self::Audit,
        Self::Privacy,
        Self::Listening,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Members => "members",
            Self::ApiKeys => "api-keys",
            Self::Numbers => "numbers",
            Self::Assistants => "assistants",
            Self::Services => "services",
            Self::Resources => "resources",
            Self::Contacts => "contacts",
            Self::Appointments => "appointments",
            Self::Calls => "calls",
            Self::Messages => "messages",
            Self::Calendars => "calendars",
            Self::Webhooks => "webhooks",
            Self::Audit => "audit",
            Self::Privacy => "privacy",
            Self::Listening => "listening",
        }
    }
}

/// What a right allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// To look.
    Read,
    /// To change.
    Write,
}

impl Verb {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One right of a program, written `appointments:write`. Writing does not include reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// What it is about.
    pub subject: Subject,
    /// What it allows.
    pub verb: Verb,
}

/// A text that names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: a subject and `read` or `write`, such as `appointments:read`")]
pub struct NotAScope;

impl Scope {
    /// Every scope there is, by subject.
    pub fn all() -> impl Iterator<Item = Self> {
        Subject::ALL
            .into_iter()
            .flat_map(|subject| [Verb::Read, Verb::Write].map(|verb| Self { subject, verb }))
    }
}

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        Self::all().find(|scope| scope.to_string() == text).ok_or(NotAScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.subject.as_str(), self.verb.as_str())
    }
}
