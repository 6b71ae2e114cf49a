//! Names for things we store: a readable prefix and a time-ordered unique part.
//!
//! An id says what it names, so two kinds cannot be swapped by mistake. It never carries meaning beyond
//! that: nothing is parsed out of an id.

use std::{fmt, str::FromStr};

/// A text that should have been an id of one kind and was not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id that begins with `{prefix}`")]
pub struct NotAnId {
    /// What an id of the wanted kind begins with.
    pub prefix: &'static str,
}

/// How long an id may be, prefix included. Longer texts are refused unread.
pub const ID_LEN_MAX: usize = 64;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id made of this kind's prefix and `unique`.
            pub fn of(unique: uuid::Uuid) -> Self {
                Self(format!("{}{}", $prefix, unique.simple()))
            }

            /// The whole id as text, the way it is stored and shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let tail = text.strip_prefix($prefix).ok_or(NotAnId { prefix: $prefix })?;
                let plain = tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if tail.is_empty() || text.len() > ID_LEN_MAX || !plain {
                    return Err(NotAnId { prefix: $prefix });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A business whose telephone is answered. Every row we store belongs to exactly one.
    TenantId = "ten_";
    /// A telephone number of a tenant.
    NumberId = "num_";
    /// Prompt, voice, language, opening words and turn policy under one name.
    AssistantId = "ast_";
    /// Something that can be booked.
    ServiceId = "svc_";
    /// Who or what a service is booked with.
    ResourceId = "res_";
    /// A person who calls or is called.
    ContactId = "con_";
    /// A time promised to a contact, or held for one.
    AppointmentId = "apt_";
    /// One phone call, from ring to hang-up.
    CallId = "call_";
    /// One request of the model for a tool.
    ToolCallId = "tlc_";
    /// A message a caller left for the business.
    MessageId = "msg_";
    /// A piece of work in the queue.
    JobId = "job_";
    /// A person who can log in.
    UserId = "usr_";
    /// A login and what came of renewing it.
    SessionId = "ses_";
    /// A place in a tenant, offered to somebody by mail.
    InvitationId = "inv_";
    /// A program's way in.
    ApiKeyId = "key_";
    /// A mail that was written.
    MailId = "mail_";
    /// The wish to buy or take over a telephone number.
    OrderId = "ord_";
    /// A way into the calendars of a person or an organisation, granted by them.
    ConnectionId = "cnx_";
    /// A calendar of a connection.
    CalendarId = "cal_";
    /// Somebody on their way to a vendor's page of consent and back.
    ConsentId = "cst_";
    /// Two things that want the same time.
    ClashId = "cls_";
    /// Some time at which nobody is there, or somebody is not.
    ClosureId = "clo_";
    /// Somebody a caller may be passed on to.
    TransferTargetId = "tgt_";
    /// A link by which others may hear a call.
    ShareId = "shr_";
    /// One time that a caller was passed on.
    TransferId = "trf_";
    /// A program of a tenant's that is told what happens.
    WebhookId = "whk_";
    /// Something that happened, of which webhooks are told.
    WebhookEventId = "evt_";
    /// One event on its way to one webhook.
    DeliveryId = "dlv_";
    /// One attempt to reach somebody.
    OutgoingId = "out_";
    /// Somebody's wish not to be called.
    OptOutId = "opt_";
    /// Many people who are called for one reason.
    CampaignId = "cmp_";
    /// One of them, in one campaign.
    CampaignEntryId = "cen_";
    /// Somebody's place on the waiting list.
    WaitingId = "wtl_";
    /// A time that was given back and is offered to who waits.
    OfferId = "ofr_";
    /// Somebody who is to be forgotten.
    ErasureId = "era_";
    /// A copy of what is known.
    ExportId = "exp_";
    /// A tenant that is to be forgotten.
    TenantErasureId = "ter_";
}
