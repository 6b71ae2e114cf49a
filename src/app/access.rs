//! Who asks, and what they may.
//!
//! An [`Actor`] is made where somebody has proven who they are and is handed to every function that serves a
//! person or a program. It belongs to one tenant; there is no actor that sees two at once.

use std::{collections::BTreeSet, fmt};

use super::Error;
use crate::domain::{
    id::{ApiKeyId, TenantId, UserId},
    people::{Role, Scope, Subject, Verb},
};

/// Who asks for something, at which tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    tenant: TenantId,
    who: Who,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person who works at the tenant.
    Member {
        /// Which person.
        user: UserId,
        /// What they are there.
        role: Role,
    },
    /// A program with a key of the tenant's.
    Program {
        /// Which key.
        key: ApiKeyId,
        /// What it may.
        scopes: BTreeSet<Scope>,
    },
    /// An operator who makes the tenant and sets its limits, or sets one up in which nobody works yet.
    Operator {
        /// Which person.
        user: UserId,
    },
    /// An operator whom the tenant has let in for a time, to help.
    Support {
        /// Which person.
        user: UserId,
    },
    /// A part of the system that acts by itself, such as the command line.
    System(&'static str),
}

impl Actor {
    /// `who`, at `tenant`.
    pub fn new(tenant: TenantId, who: Who) -> Self {
        Self { tenant, who }
    }

    /// At which tenant. Whatever belongs to another does not exist for this actor.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The person, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match &self.who {
            Who::Member { user, .. } | Who::Operator { user } | Who::Support { user } => Some(user),
            Who::Program { .. } | Who::System(_) => None,
        }
    }

    /// Whether it is an operator or the system itself.
    pub fn operates(&self) -> bool {
        matches!(self.who, Who::Operator { .. } | Who::Support { .. } | Who::System(_))
    }

    /// Whether it may do that.
    pub fn may(&self, verb: Verb, subject: Subject) -> bool {
        match &self.who {
            Who::Member { role, .. } => role.may(verb, subject),
            Who::Program { scopes, .. } => scopes.contains(&Scope { subject, verb }),
            Who::Operator { .. } | Who::System(_) => true,
            Who::Support { .. } => helps(verb, subject),
        }
    }

    /// Goes on only if it may do that.
    ///
    /// # Errors
    /// [`Error::Forbidden`], saying what would be needed.
    pub fn must(&self, verb: Verb, subject: Subject) -> Result<(), Error> {
        if self.may(verb, subject) { Ok(()) } else { Err(Error::Forbidden(Scope { subject, verb })) }
    }
}

/// Whether somebody who was let in to help may do that. Nothing that would outlast the time she was let in for: who works there,
/// what programs may and are told, and what the tenant decides about itself; no copies of what is known of people, and no
/// ear in a call.
fn helps(verb: Verb, subject: Subject) -> bool {
    match subject {
        Subject::Privacy | Subject::Listening => false,
        Subject::Tenant
        | Subject::Members
        | Subject::ApiKeys
        | Subject::Webhooks
        | Subject::Calendars
        | Subject::Audit => verb == Verb::Read,
        Subject::Numbers
        | Subject::Assistants
        | Subject::Services
        | Subject::Resources
        | Subject::Contacts
        | Subject::Appointments
        | Subject::Calls
        | Subject::Messages => true,
    }
}

/// Somebody who runs the platform, at no tenant in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(pub UserId);

impl Operator {
    /// The operator, looking after one tenant.
    pub fn at(&self, tenant: TenantId) -> Actor {
        Actor::new(tenant, Who::Operator { user: self.0.clone() })
    }
}

/// The name under which it stands in the audit log: an id, or `system:` and a word.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Member { user, .. } => user.fmt(f),
            Who::Program { key, .. } => key.fmt(f),
            Who::Operator { user } | Who::Support { user } => write!(f, "operator:{user}"),
            Who::System(part) => write!(f, "system:{part}"),
        }
    }
}
