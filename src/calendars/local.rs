//! The tenant's own calendar in the database.
//!
//! Nothing happens in it but through the ledger, which writes it in the same transaction in which it promises: so
//! there is nothing to write afterwards, and nothing foreign to find.

use crate::domain::{availability::Busy, id::TenantId, time::TimeRange};

/// What takes time that the ledger does not know of: nothing ever does.
pub(super) fn busy(_tenant: &TenantId, _range: TimeRange) -> Vec<Busy> {
    Vec::new()
}
