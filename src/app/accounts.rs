//! Which Twilio account may speak of a number and of a call: their tenant's own, or the operator's.
//!
//! A tenant's account proves nothing about another tenant's numbers and calls.

use crate::{
    domain::{conversation::CallSid, org::Tenant, phone::E164},
    store::{self, Store},
};

/// Whether `account` may speak of this number and this call. What nobody here has, anybody may speak of: nothing
/// comes of it.
///
/// # Errors
/// When the database cannot answer.
pub async fn may_speak(
    store: &Store,
    operator: &str,
    account: &str,
    number: Option<&E164>,
    call: Option<&CallSid>,
) -> Result<bool, store::Error> {
    let of = |tenant: &Tenant| tenant.twilio_account_sid.as_deref().unwrap_or(operator) == account;
    if let Some(number) = number
        && let Some((tenant, _)) = store.across_tenants().number(number).await?
        && !of(&tenant)
    {
        return Ok(false);
    }
    if let Some(call) = call
        && let Some((tenant, _)) = store.across_tenants().call(call).await?
        && let Some(tenant) = store.read(&tenant).await?.tenant().get().await?
        && !of(&tenant)
    {
        return Ok(false);
    }
    Ok(true)
}
