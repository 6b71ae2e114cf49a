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
    /// They have typed their PIN besides: what the tenant calls sensitive.
    Proven,
}

/// A secret number that a contact types to prove who they are. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Pin(String);

/// A text that is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {} to {} digits, not all the same", Pin::DIGITS.start(), Pin::DIGITS.end())]
pub struct NotAPin;

impl Pin {
    /// How many digits it has.
    pub const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let first = text.as_bytes().first();
        let varied = text.bytes().any(|byte| Some(&byte) != first);
        if digits && varied && Self::DIGITS.contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAPin)
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}
