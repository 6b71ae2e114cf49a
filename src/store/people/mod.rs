//! Those who may come in: people, their sessions and memberships, invitations, programs' keys, and the mails to them.

pub(super) mod api_keys;
pub(super) mod invitations;
pub(super) mod mails;
pub(super) mod memberships;
pub(super) mod second_factors;
pub(super) mod sessions;
pub(super) mod users;

pub use self::{
    api_keys::{ApiKey, OwnedKey},
    invitations::Invitation,
    mails::{Mail, MailState, MailTimes},
    memberships::{Member, Membership},
    sessions::{Session, Standing, TokenUse},
    users::User,
};
