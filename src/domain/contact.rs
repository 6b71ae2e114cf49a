//! People who call or are called, and how sure we are who they are.

use std::fmt;

use super::{email::Email, id::ContactId, phone::E164};

/// A person who calls or is called. `Debug` shows neither name nor number.
#[derive(Clone, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The person's name, as given.
    pub name: String,
    /// The number the person calls from.
    pub number: Option<E164>,
    /// Where mails reach the person.
    pub email: Option<Email>,
    /// Date of birth, when known.
    pub born: Option<jiff::civil::Date>,
    /// What staff want to remember.
    pub note: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How sure we are who is calling. Caller ID suggests, it does not prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityLevel {
    /// Anybody: free slots, a new appointment, business information.
    #[default]
    Anybody,
    /// The number matches a contact and name or date of birth agree, or the number is attested
    /// (STIR/SHAKEN level A): one's own future appointments.
    Known,
}
