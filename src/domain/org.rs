//! Businesses and their telephone numbers.

use ipnet::IpNet;

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
    /// How many people may work there, those who are invited counted in.
    pub seats_max: u32,
    /// How many assistants it may have.
    pub assistants_max: u32,
    /// The networks from which its people and programs may ask; any when there is none.
    pub networks: Vec<IpNet>,
}

impl Tenant {
    /// How many calls may be in the air at a tenant of which nobody said otherwise.
    pub const CALLS: u32 = 10;
    /// How many people may work at a tenant of which nobody said otherwise.
    pub const SEATS: u32 = 2;
    /// How many assistants a tenant may have of which nobody said otherwise.
    pub const ASSISTANTS: u32 = 20;
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
