//! Addresses of mail, which is how a person is known here.
//!
//! An address is checked once, here, and never printed whole by accident. Nothing looks up whether it exists.

use std::{fmt, str::FromStr};

/// Longest address, in characters (RFC 5321 §4.5.3.1.3, less the angle brackets).
pub const EMAIL_LEN_MAX: usize = 254;
/// Longest part before the `@`, in characters (RFC 5321 §4.5.3.1.1).
const LOCAL_LEN_MAX: usize = 64;
/// Longest label of a domain, in characters (RFC 1035 §2.3.4).
const LABEL_LEN_MAX: usize = 63;

/// An address of mail in small letters, such as `ada@example.com`: two that differ only in case are one person's.
/// `Display` shows it whole; `Debug`, which reaches the logs, only its domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// A text that is not an address we can write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address of mail such as ada@example.com")]
pub struct NotAnEmail;

impl Email {
    /// The address in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        if text.len() > EMAIL_LEN_MAX {
            return Err(NotAnEmail);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        // Unquoted atoms joined by dots, as every real mailbox has them (RFC 5322 §3.2.3).
        let atom = |atom: &str| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        let label = |label: &str| {
            (1..=LABEL_LEN_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fits = local.len() <= LOCAL_LEN_MAX && local.split('.').all(atom);
        let labels: Vec<_> = domain.split('.').collect();
        let named = labels.iter().all(|part| label(part))
            && (labels.len() > 1 || domain.eq_ignore_ascii_case("localhost"))
            && labels.last().is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
        if fits && named { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotAnEmail) }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email(..@{})", self.domain())
    }
}
