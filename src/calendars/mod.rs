//! The calendar a tenant's appointments live in.
//!
//! One port, [`Calendar`], whatever keeps the calendar: what else takes time there is asked before a time is
//! promised. It decides nothing about what may be booked and never sees another tenant's time. Google and Microsoft
//! 365 have their places here, each a file and a variant; writing to them is then a job in the transaction that
//! promises the time, because no network call is made inside one.

mod local;

use crate::domain::{availability::Busy, id::TenantId, time::TimeRange};

/// Where a tenant's appointments live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// The tenant's own calendar, in the database: the ledger is the calendar.
    Local,
}

/// Why a calendar could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not answer.
    #[error("the calendar does not answer")]
    Away,
}

impl Calendar {
    /// What takes time in `range` that the ledger does not know of.
    ///
    /// # Errors
    /// [`Error::Away`]; then nothing is known, and nothing may be promised.
    pub async fn busy(self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Busy>, Error> {
        match self {
            Self::Local => Ok(local::busy(tenant, range)),
        }
    }
}
