//! Which Twilio account speaks for a number: its tenant's own, or the operator's.
//!
//! A tenant's account proves nothing about another tenant's numbers.

use crate::{
    domain::phone::E164,
    store::{self, Store},
};

/// Whose account owns a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The account of that name, which is its tenant's own.
    Account(String),
    /// The operator's account.
    Operator,
    /// Nobody here has the number.
    Nobody,
}

/// Whose account owns `number`.
///
/// # Errors
/// When the database cannot answer.
pub async fn owner(store: &Store, number: &E164) -> Result<Owner, store::Error> {
    Ok(match store.across_tenants().number(number).await? {
        Some((tenant, _)) => tenant.twilio_account_sid.map_or(Owner::Operator, Owner::Account),
        None => Owner::Nobody,
    })
}
