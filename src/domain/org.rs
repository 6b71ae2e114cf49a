//! Businesses and their telephone numbers.

use super::{
    assistant::Language,
    id::{AssistantId, NumberId, TenantId},
    phone::E164,
    time::Zone,
};

/// A business whose telephone is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// A short name that never changes: lower-case letters, digits and hyphens. `frontdesk apply` finds it by this.
    pub slug: String,
    /// What it is called when the telephone is answered.
    pub name: String,
    /// Where its clocks hang on the wall.
    pub zone: Zone,
    /// The Twilio account its numbers belong to (`AC…`), when it is not the operator's.
    pub twilio_account_sid: Option<String>,
    /// How many calls may be in the air at once.
    pub calls_max: u32,
}

/// A telephone number of a tenant and the assistant that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// The number itself.
    pub number: E164,
    /// Who answers.
    pub assistant: AssistantId,
    /// The language in which the call is opened.
    pub language: Language,
}
