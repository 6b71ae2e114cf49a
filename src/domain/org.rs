//! Businesses and their telephone numbers.

use ipnet::IpNet;

use super::{
    assistant::Language,
    id::{AssistantId, NumberId, TenantId},
    phone::E164,
    time::{Timestamp, Zone},
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
    /// How many people may work there besides its owner, those who are invited counted in.
    pub seats_max: u32,
    /// How many assistants it may have.
    pub assistants_max: u32,
    /// How many telephone numbers it may have on the operator's Twilio account.
    pub numbers_max: u32,
    /// The networks from which its people and programs may ask; any when there is none.
    pub networks: Vec<IpNet>,
    /// Whether its people may listen in on calls; callers are told so with the first words.
    pub listening_in: bool,
}

impl Tenant {
    /// How many calls may be in the air at a tenant of which nobody said otherwise.
    pub const CALLS: u32 = 10;
    /// How many people may work at a tenant of which nobody said otherwise.
    pub const SEATS: u32 = 2;
    /// How many numbers a tenant may have on the operator's account of which nobody said otherwise.
    pub const NUMBERS: u32 = 2;
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
    /// Who answers; `None` when nobody does.
    pub assistant: Option<AssistantId>,
    /// The language in which the call is opened.
    pub language: Language,
}

/// A number and how it is held at Twilio.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldNumber {
    /// The number.
    pub number: Number,
    /// The account that owns it (`AC…`), when it was bought or taken over here.
    pub account_sid: Option<String>,
    /// Twilio's name for it (`PN…`), when it was bought or taken over here.
    pub sid: Option<String>,
    /// Whether Twilio knows where to ask when it rings.
    pub setup: NumberSetup,
    /// What kept it from being set up the last time.
    pub setup_problem: Option<String>,
    /// When it was given back, if it was.
    pub released: Option<Timestamp>,
}

/// Whether Twilio knows where to ask when a number rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberSetup {
    /// Somebody else sees to it: the number was named in a file.
    Elsewhere,
    /// It is to be told.
    Waiting,
    /// It has been told.
    Done,
    /// It refused to be told.
    Failed,
}

impl NumberSetup {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Elsewhere, Self::Waiting, Self::Done, Self::Failed]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}
