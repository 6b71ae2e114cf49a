//! Calling out: who is called, why, when, and what came of it.
//!
//! An [`Outgoing`] is one attempt to reach somebody. Whether and when it may be made is decided by [`rules`], a pure
//! function over what is known at the moment of dialling; numbers that are never called are told apart by [`number`],
//! quiet hours by [`hours`]. Nothing here dials, waits or knows a carrier.

pub mod hours;
pub mod number;
pub mod rules;

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{
    assistant::Language,
    conversation::CallSid,
    id::{
        AppointmentId, AssistantId, CallId, CampaignEntryId, CampaignId, ContactId, NumberId, OfferId,
        OutgoingId, ServiceId, WaitingId,
    },
    phone::E164,
    time::{Timestamp, Zone},
};

/// Whom a tenant may call, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingSettings {
    /// Where the consent of those who are called comes from, in the tenant's words. Without it nobody is called.
    pub consent: Option<String>,
    /// The countries that may be called: two capital letters each (ISO 3166-1).
    pub countries: Vec<String>,
    /// When calls may begin, in minutes since midnight where the called person is.
    pub from_min: u32,
    /// From when on none may begin, in minutes since midnight where the called person is.
    pub until_min: u32,
    /// The number reminders come from.
    pub number: Option<NumberId>,
    /// How many calls may be out at once.
    pub at_once_max: u32,
    /// Whether a machine that answers is left a message.
    pub voicemail: bool,
}

/// The earliest a call may begin, in minutes since midnight.
pub const FROM_MIN: u32 = 9 * 60;
/// From when on no call may begin, in minutes since midnight.
pub const UNTIL_MIN: u32 = 20 * 60;

impl Default for OutgoingSettings {
    fn default() -> Self {
        Self {
            consent: None,
            countries: Vec::new(),
            from_min: FROM_MIN,
            until_min: UNTIL_MIN,
            number: None,
            at_once_max: 2,
            voicemail: true,
        }
    }
}

/// One attempt to reach somebody. `Debug` shows neither number nor purpose.
#[derive(Clone, PartialEq)]
pub struct Outgoing {
    /// Its id.
    pub id: OutgoingId,
    /// Who is called.
    pub to: E164,
    /// From which of the tenant's numbers.
    pub number: NumberId,
    /// Who speaks.
    pub assistant: AssistantId,
    /// In which language the call is opened.
    pub language: Language,
    /// Why, in the tenant's words: for the assistant, or the text of a message.
    pub purpose: String,
    /// What brings it about.
    pub kind: Kind,
    /// Of what it is an attempt, when it is one of several to the same end.
    pub cause: Option<Cause>,
    /// How the person is reached.
    pub channel: Channel,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// How many attempts there may be.
    pub attempts_max: u32,
    /// Whether a text message follows when no call has reached the person.
    pub sms_after: bool,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// When that appointment began when this was planned: moved since, it is about another time.
    pub for_start: Option<Timestamp>,
    /// Who is called, when they are known.
    pub contact: Option<ContactId>,
    /// Where the called person's clocks hang, when somebody has said so.
    pub zone: Option<Zone>,
    /// When it is to be made, at the earliest.
    pub due: Timestamp,
    /// From when on it makes no sense any more.
    pub expires: Option<Timestamp>,
    /// Where it stands.
    pub state: OutgoingState,
    /// How it ended, once it has.
    pub ended: Option<Ending>,
    /// What the person answered, when it was a reminder.
    pub said: Option<Said>,
    /// What kept it from being made, in words.
    pub problem: Option<String>,
    /// How often Twilio was asked to dial.
    pub asks: u32,
    /// When Twilio was last asked to dial: from then on it may have.
    pub asked: Option<Timestamp>,
    /// The Twilio account that dials.
    pub account_sid: Option<String>,
    /// Twilio's name for the call.
    pub sid: Option<CallSid>,
    /// The call it became.
    pub call: Option<CallId>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub over: Option<Timestamp>,
}

/// With which of the tenant's numbers somebody is called, and who speaks in which language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The number.
    pub number: NumberId,
    /// Who speaks.
    pub assistant: AssistantId,
    /// In which language the call is opened.
    pub language: Language,
}

impl Outgoing {
    /// One call, the only attempt, due at once, about nothing in particular and not begun.
    pub fn waiting(id: OutgoingId, kind: Kind, to: E164, origin: Origin, now: Timestamp) -> Self {
        let Origin { number, assistant, language } = origin;
        Self {
            id,
            to,
            number,
            assistant,
            language,
            purpose: String::new(),
            kind,
            cause: None,
            channel: Channel::Call,
            attempt: 1,
            attempts_max: 1,
            sms_after: false,
            appointment: None,
            for_start: None,
            contact: None,
            zone: None,
            due: now,
            expires: None,
            state: OutgoingState::Waiting,
            ended: None,
            said: None,
            problem: None,
            asks: 0,
            asked: None,
            account_sid: None,
            sid: None,
            call: None,
            created: now,
            over: None,
        }
    }

    /// The attempt after this one, to the same end and not begun, due at once.
    #[must_use]
    pub fn next(&self, id: OutgoingId, now: Timestamp) -> Self {
        let Self { number, assistant, language, .. } = self;
        let origin = Origin { number: number.clone(), assistant: assistant.clone(), language: *language };
        Self {
            purpose: self.purpose.clone(),
            cause: self.cause.clone(),
            channel: self.channel,
            attempt: self.attempt + 1,
            attempts_max: self.attempts_max,
            sms_after: self.sms_after,
            appointment: self.appointment.clone(),
            for_start: self.for_start,
            contact: self.contact.clone(),
            zone: self.zone.clone(),
            expires: self.expires,
            ..Self::waiting(id, self.kind, self.to.clone(), origin, now)
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What brings a call about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody at the business, or a program of theirs.
    Asked,
    /// An appointment that comes closer: so many minutes before it.
    Reminder {
        /// How long before.
        lead_min: u32,
    },
    /// The called person, who asked in a call to be called later.
    CallBack,
    /// A campaign.
    Campaign,
    /// A time that was given back, and that the person waits for.
    Offer,
    /// An appointment that cannot take place as it stands: the person is called so that it is moved.
    Move,
    /// Somebody at the business, who tries an assistant out at her own telephone.
    Test,
    /// The business's own line, which is rung to see whether it is forwarded here.
    Forwarding,
    /// A member, who wants to be told by text message what needs somebody.
    Notice,
}

/// Of what an attempt is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Of a campaign's, to reach one of its people.
    Campaign(CampaignId, CampaignEntryId),
    /// Of an offer's, to ask one of those who wait.
    Offer(OfferId, WaitingId),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked"),
            Self::Reminder { lead_min } => write!(f, "reminder/{lead_min}"),
            Self::CallBack => f.write_str("call_back"),
            Self::Campaign => f.write_str("campaign"),
            Self::Offer => f.write_str("offer"),
            Self::Move => f.write_str("move"),
            Self::Test => f.write_str("test"),
            Self::Forwarding => f.write_str("forwarding"),
            Self::Notice => f.write_str("notice"),
        }
    }
}

/// A text that names nothing that brings a call about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing that brings a call about")]
pub struct NotAKind;

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(word: &str) -> Result<Self, NotAKind> {
        match (word, word.strip_prefix("reminder/")) {
            ("asked", _) => Ok(Self::Asked),
            ("call_back", _) => Ok(Self::CallBack),
            ("campaign", _) => Ok(Self::Campaign),
            ("offer", _) => Ok(Self::Offer),
            ("move", _) => Ok(Self::Move),
            ("test", _) => Ok(Self::Test),
            ("forwarding", _) => Ok(Self::Forwarding),
            ("notice", _) => Ok(Self::Notice),
            (_, Some(lead)) => Ok(Self::Reminder { lead_min: lead.parse().map_err(|_| NotAKind)? }),
            _ => Err(NotAKind),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $error:ident = $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        #[doc = concat!("A text that is none of the words for ", $what, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error("must be one of: {}", [$($word),*].join(", "))]
        pub struct $error;

        impl $name {
            /// Each of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word it is stored and shown as.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(word: &str) -> Result<Self, $error> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or($error)
            }
        }
    )*};
}

words! {
    /// How a person is reached.
    Channel, NotAChannel = "a way to reach somebody" {
        /// By a call.
        Call = "call",
        /// By a text message.
        Sms = "sms",
    }

    /// Where an attempt stands. It only moves down this list.
    OutgoingState, NotAnOutgoingState = "where an attempt stands" {
        /// It is not yet time.
        Waiting = "waiting",
        /// Twilio may have been asked to dial.
        Dialling = "dialling",
        /// Twilio has it.
        Placed = "placed",
        /// It is over.
        Over = "over",
        /// It was never made.
        Dropped = "dropped",
    }

    /// How an attempt ended, or why it was never made.
    Ending, NotAnEnding = "how an attempt ended" {
        /// Somebody answered.
        Answered = "answered",
        /// A machine answered.
        Machine = "machine",
        /// The line was engaged.
        Busy = "busy",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// The call did not get through.
        Failed = "failed",
        /// The text message was handed over.
        Sent = "sent",
        /// Somebody at the business did not want it any more.
        Cancelled = "cancelled",
        /// The tenant has not said where consent comes from.
        NoConsent = "no_consent",
        /// The person does not want to be called.
        OptedOut = "opted_out",
        /// The number is one that is never called.
        Number = "number",
        /// The number's country is not among those that may be called.
        Country = "country",
        /// The appointment is no more, or at another time.
        AppointmentGone = "appointment_gone",
        /// There was no moment at which it could have been made before it made no sense any more.
        TooLate = "too_late",
        /// Twilio would not do it.
        Declined = "declined",
        /// Twilio did not say whether it dialled, and does not know of it.
        Unknown = "unknown",
    }

    /// What a person who was called answered.
    Said, NotSaid = "what a person answered" {
        /// They will come.
        Confirmed = "confirmed",
        /// They moved the appointment.
        Moved = "moved",
        /// They gave it back.
        Cancelled = "cancelled",
        /// They want to be called later.
        Later = "later",
        /// They do not want to be called.
        Stop = "stop",
        /// They took the time that was offered.
        Taken = "taken",
        /// They did not want the time that was offered.
        Declined = "declined",
    }

    /// How somebody said that they do not want to be called.
    OptOutSource, NotAnOptOutSource = "how somebody said so" {
        /// Somebody at the business has noted it, or a program of theirs.
        Staff = "staff",
        /// By key, in a call.
        Key = "key",
        /// In words, in a call.
        Voice = "voice",
    }
}

impl Ending {
    /// Whether the person may be tried again: they were not reached.
    pub fn not_reached(self) -> bool {
        match self {
            Self::Machine | Self::Busy | Self::NoAnswer | Self::Failed | Self::Unknown => true,
            Self::Answered
            | Self::Sent
            | Self::Cancelled
            | Self::NoConsent
            | Self::OptedOut
            | Self::Number
            | Self::Country
            | Self::AppointmentGone
            | Self::TooLate
            | Self::Declined => false,
        }
    }
}

/// Of what people are reminded, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ReminderRule {
    /// Of which service's appointments.
    pub service: ServiceId,
    /// How long before the start, in minutes.
    pub lead_min: u32,
    /// How.
    pub channel: Channel,
    /// How many calls may be tried.
    pub attempts_max: u32,
    /// Whether a text message follows when no call has reached the person.
    pub sms_after: bool,
    /// What the assistant is to tell besides, or the text of the message, per language.
    pub wording: BTreeMap<Language, String>,
}

/// How long before its start an appointment is reminded of at the latest, in minutes.
pub const REMINDER_LATEST_MIN: i64 = 60;
