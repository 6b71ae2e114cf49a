//! Twilio's accounts: the operator's, those of the configuration, and tenants' own.
//!
//! [`Accounts`] knows which account a tenant's numbers belong to, with which token it is asked and its webhooks are
//! checked, and how Twilio is told where to ask. Nothing is remembered from one question to the next, so a changed
//! token counts at once. A tenant's account proves nothing about another tenant's numbers and calls. Tokens of
//! tenants are sealed at rest and never come back.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tracing::warn;

use super::{Error, Faults, access::Actor, audit, keys::Keys};
use crate::{
    domain::{
        conversation::CallSid,
        id::{OutgoingId, TenantId},
        org::{HeldNumber, Tenant},
        people::{Subject, Verb},
        phone::E164,
        time::Timestamp,
    },
    platform::secrets::Place,
    store::{self, SealedColumn, Store, TwilioAccount},
    telephony::{
        self, PublicUrl,
        rest::{self, Credentials, Rest, Setup},
    },
};

/// Longest auth token, in bytes.
const TOKEN_LEN_MAX: usize = 128;
/// How many characters of a token may be shown.
const HINT_LEN: usize = 4;
/// Hexadecimal digits after the two letters of a SID.
const SID_DIGITS: usize = 32;

/// Twilio's accounts, and the way to Twilio. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Parts>);

/// What [`Accounts`] is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Seal tenants' tokens, if they last.
    pub keys: Keys,
    /// The operator's account, and those of the configuration.
    pub settings: telephony::Settings,
    /// Twilio's API.
    pub rest: Rest,
    /// Where Twilio reaches this server, when somebody has said so.
    pub public_url: Option<PublicUrl>,
}

/// The account a tenant buys its numbers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The account (`AC…`); empty when none is configured.
    pub account_sid: String,
    /// Whether it is the tenant's own.
    pub own: bool,
    /// What may be shown of the token that was set here.
    pub hint: Option<String>,
    /// When it was set, if it was set here.
    pub set: Option<Timestamp>,
}

/// Where Twilio asks and tells about a call of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingUrls {
    /// What to do when somebody answers.
    pub answered: String,
    /// How the call goes on.
    pub status: String,
    /// Whether a machine has answered.
    pub machine: String,
}

/// Why there is nobody in whose name Twilio could be asked, or Twilio refused.
impl From<rest::Error> for Error {
    fn from(error: rest::Error) -> Self {
        match error {
            rest::Error::NoToken => Self::Conflict("no auth token is known for the Twilio account"),
            rest::Error::Unauthorized => {
                Self::Conflict("Twilio does not accept the account and its auth token; set the right ones")
            }
            rest::Error::NotFound => Self::NotFound("number"),
            rest::Error::NotAvailable => Self::Declined {
                by: "Twilio",
                why: "that number is not to be had; search again and choose another".to_owned(),
            },
            rest::Error::Refused { status, code, reason } => {
                Self::Declined { by: "Twilio", why: format!("{reason} (status {status}, code {code})") }
            }
            rest::Error::TooMany { .. } | rest::Error::Away(_) | rest::Error::Garbled(_) => {
                Self::Unavailable("Twilio", Box::new(error))
            }
        }
    }
}

impl Accounts {
    /// Made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Twilio's API.
    pub fn rest(&self) -> &Rest {
        &self.0.rest
    }

    /// Where Twilio is to ask when a number rings.
    ///
    /// # Errors
    /// [`Error::Conflict`] when nobody has said where Twilio reaches this server.
    pub fn setup(&self) -> Result<Setup, Error> {
        let public = self.0.public_url.as_ref().ok_or(Error::Conflict(
            "Twilio cannot be told where to ask: the operator must set `http.public_url` first",
        ))?;
        let voice = public.webhook(telephony::VOICE);
        // The fallback is asked when the first try failed; the same call again is the same call.
        Ok(Setup {
            fallback_url: voice.clone(),
            voice_url: voice,
            status_url: public.webhook(telephony::STATUS),
        })
    }

    /// Where Twilio asks and tells about a call of ours.
    ///
    /// # Errors
    /// [`Error::Conflict`] when nobody has said where Twilio reaches this server.
    pub fn outgoing_urls(&self, id: &OutgoingId) -> Result<OutgoingUrls, Error> {
        let public = self.0.public_url.as_ref().ok_or(Error::Conflict(
            "Twilio cannot be told where to ask: the operator must set `http.public_url` first",
        ))?;
        let below = |what: &str| public.webhook(&format!("{}/{id}{what}", telephony::OUTGOING));
        Ok(OutgoingUrls { answered: below(""), status: below("/status"), machine: below("/machine") })
    }

    /// The account that a number's calls are made in the name of.
    pub fn account_of(&self, tenant: &Tenant, held: &HeldNumber) -> String {
        let named = held.account_sid.as_ref().or(tenant.twilio_account_sid.as_ref());
        named.unwrap_or(&self.0.settings.account_sid).clone()
    }

    /// What opens and seals.
    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Whether that account is the tenant's own, so that nobody else's calls are in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_own(&self, tenant: &TenantId, account_sid: &str) -> Result<bool, Error> {
        let own = self.0.store.read(tenant).await?.twilio_account().get().await?;
        Ok(own.is_some_and(|own| own.account_sid == account_sid))
    }

    /// Whether that is the operator's account, or another one that the operator pays.
    pub fn is_operators(&self, account_sid: &str) -> bool {
        account_sid == self.0.settings.account_sid
    }

    /// The account whose name the tenant's numbers are bought in.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is no account, or no token for it; [`Error::Unavailable`].
    pub async fn of_tenant(&self, tenant: &TenantId) -> Result<Credentials, Error> {
        let kept = self.0.store.read(tenant).await?.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let account = kept.twilio_account_sid.as_deref().unwrap_or(&self.0.settings.account_sid);
        if account.is_empty() {
            return Err(Error::Conflict(
                "there is no Twilio account: the operator must configure one, or the tenant set its own",
            ));
        }
        self.credentials(tenant, account).await
    }

    /// The account the tenant uses, without its token.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub(super) async fn used_by(&self, tenant: &TenantId) -> Result<String, Error> {
        let kept = self.0.store.read(tenant).await?.tenant().get().await?;
        let own = kept.and_then(|kept| kept.twilio_account_sid);
        Ok(own.unwrap_or_else(|| self.0.settings.account_sid.clone()))
    }

    /// The account by name, of a tenant that may be gone.
    ///
    /// # Errors
    /// [`Error::Conflict`] when no token is known for it; [`Error::Unavailable`].
    pub(super) async fn of_leftover(
        &self,
        whose: Option<&TenantId>,
        account_sid: &str,
    ) -> Result<Credentials, Error> {
        if let Some(tenant) = whose {
            return self.credentials(tenant, account_sid).await;
        }
        if let Ok(who) = self.0.settings.credentials_of(account_sid) {
            return Ok(who);
        }
        let own = self.0.store.across_tenants().twilio_account(account_sid).await?;
        let own = own.ok_or(rest::Error::NoToken)?;
        let auth_token = self.opened(&own).await.ok_or(rest::Error::NoToken)?;
        Ok(Credentials { account_sid: own.account_sid, auth_token })
    }

    /// The account by name, as the tenant knows it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when no token is known for it; [`Error::Unavailable`].
    pub async fn credentials(&self, tenant: &TenantId, account_sid: &str) -> Result<Credentials, Error> {
        let own = self.0.store.read(tenant).await?.twilio_account().get().await?;
        if let Some(own) = own.filter(|own| own.account_sid == account_sid) {
            let auth_token = self.opened(&own).await.ok_or(Error::Conflict(
                "the auth token of the Twilio account cannot be opened any more; set it again",
            ))?;
            return Ok(Credentials { account_sid: own.account_sid, auth_token });
        }
        Ok(self.0.settings.credentials_of(account_sid)?)
    }

    /// Hangs up a call in the name of the account that announced it.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn hang_up(&self, tenant: &TenantId, account_sid: &str, call: &CallSid) -> Result<(), Error> {
        let who = self.credentials(tenant, account_sid).await?;
        Ok(self.0.rest.hang_up(&who, call).await?)
    }

    /// The token with which Twilio must have signed what it says, in the name of `account`, of this number and this
    /// call; `None` when there is none, or the account may not speak of them. What nobody here has, anybody may speak
    /// of: nothing comes of it.
    pub async fn auth_token(
        &self,
        account: &str,
        number: Option<&E164>,
        call: Option<&CallSid>,
    ) -> Option<SecretString> {
        match self.speaker(account, number, call).await {
            Ok(token) => token,
            Err(error) => {
                // Nothing can be read or kept, so nobody's wall is at stake; the caller should hear an apology.
                warn!(error = &error as &dyn std::error::Error, "an account's rights could not be looked up");
                self.0.settings.auth_token_of(account).cloned()
            }
        }
    }

    async fn speaker(
        &self,
        account: &str,
        number: Option<&E164>,
        call: Option<&CallSid>,
    ) -> Result<Option<SecretString>, store::Error> {
        let (store, settings) = (&self.0.store, &self.0.settings);
        let mut whose: Option<TenantId> = None;
        if let Some(call) = call
            && let Some((tenant, announced)) = store.across_tenants().call_account(call).await?
        {
            if announced != account {
                return Ok(None);
            }
            whose = Some(tenant);
        }
        if let Some(number) = number
            && let Some((tenant, held)) = store.across_tenants().number(number).await?
        {
            let owner = held.account_sid.as_deref().or(tenant.twilio_account_sid.as_deref());
            if owner.unwrap_or(&settings.account_sid) != account {
                return Ok(None);
            }
            whose = Some(tenant.id);
        }
        // The operator's account is nobody else's, whatever a tenant has set.
        if self.is_operators(account) {
            return Ok(settings.auth_token_of(account).cloned());
        }
        let own = match whose {
            Some(tenant) => store.read(&tenant).await?.twilio_account().get().await?,
            None => store.across_tenants().twilio_account(account).await?,
        };
        let own = own.filter(|own| own.account_sid == account);
        Ok(match own {
            Some(own) => self.opened(&own).await,
            None => settings.auth_token_of(account).cloned(),
        })
    }

    async fn opened(&self, own: &TwilioAccount) -> Option<SecretString> {
        let opened = self.0.keys.open(token_of(&own.tenant), &own.auth_token).await;
        opened
            .inspect_err(|error| {
                warn!(tenant = %own.tenant, error = error as &dyn std::error::Error, "a sealed token stays shut");
            })
            .ok()
    }

    /// The account the asker's tenant buys its numbers with.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn used(&self, by: &Actor) -> Result<Used, Error> {
        by.must(Verb::Read, Subject::Tenant)?;
        let mut tx = self.0.store.read(by.tenant()).await?;
        let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let own = tx.twilio_account().get().await?;
        let Some(account_sid) = tenant.twilio_account_sid else {
            let account_sid = self.0.settings.account_sid.clone();
            return Ok(Used { account_sid, own: false, hint: None, set: None });
        };
        let own = own.filter(|own| own.account_sid == account_sid);
        let set = own.as_ref().map(|own| own.set);
        Ok(Used { account_sid, own: true, hint: own.map(|own| own.hint), set })
    }

    /// Lets the asker's tenant use a Twilio account of its own: for what it buys from then on. Numbers it has stay
    /// where they are. Twilio is asked whether it accepts the two.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Invalid`], also when Twilio does not accept them; [`Error::Conflict`] when no
    /// key is configured to seal the token with, or numbers belong to the account that would be forgotten;
    /// [`Error::Unavailable`].
    pub async fn set(
        &self,
        by: &Actor,
        now: Timestamp,
        account_sid: &str,
        auth_token: &SecretString,
    ) -> Result<Used, Error> {
        by.must(Verb::Write, Subject::Tenant)?;
        let mut faults = Faults::new();
        faults.unless(is_sid(account_sid, "AC"), "/account_sid", "must be `AC` and 32 hexadecimal digits");
        faults.unless(
            !self.is_operators(account_sid),
            "/account_sid",
            "is the operator's account, which is used when no other is set",
        );
        let token = auth_token.expose_secret();
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        faults.unless(
            plain && (1..=TOKEN_LEN_MAX).contains(&token.len()),
            "/auth_token",
            format!("must be 1 to {TOKEN_LEN_MAX} letters and digits"),
        );
        faults.settle()?;
        if !self.0.keys.lasting() {
            return Err(Error::Conflict("no token can be kept: the operator must set `secrets.key` first"));
        }
        let who = Credentials { account_sid: account_sid.to_owned(), auth_token: auth_token.clone() };
        self.0.rest.check(&who).await.map_err(|error| {
            if matches!(error, rest::Error::Unauthorized | rest::Error::NotFound) {
                Error::invalid("/auth_token", "is not accepted by Twilio for this account")
            } else {
                error.into()
            }
        })?;
        let sealed = self.0.keys.seal(token_of(by.tenant()), auth_token);
        let wanted = TwilioAccount {
            tenant: by.tenant().clone(),
            account_sid: account_sid.to_owned(),
            auth_token: sealed?,
            hint: hint(token),
            set: now,
        };
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let mut tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let before = tenant.twilio_account_sid.replace(wanted.account_sid.clone());
        self.leave(&mut tx, before.as_deref(), account_sid).await?;
        tx.twilio_account().put(&wanted).await?;
        tx.tenant().put(&tenant).await?;
        let about = json!({ "account_sid": { "before": before, "after": account_sid }, "auth_token": "…" });
        audit::tell(&mut tx, by, now, "twilio_account.set", by.tenant().as_str(), about).await?;
        tx.commit().await?;
        let hint = Some(wanted.hint);
        Ok(Used { account_sid: wanted.account_sid, own: true, hint, set: Some(now) })
    }

    /// Lets the asker's tenant use the operator's account again, and forgets the token of its own.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`] when it has none of its own; [`Error::Conflict`] when numbers belong
    /// to it; [`Error::Unavailable`].
    pub async fn remove(&self, by: &Actor, now: Timestamp) -> Result<(), Error> {
        by.must(Verb::Write, Subject::Tenant)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let mut tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let Some(before) = tenant.twilio_account_sid.take() else {
            return Err(Error::NotFound("Twilio account"));
        };
        self.leave(&mut tx, Some(&before), "").await?;
        tx.twilio_account().remove().await?;
        tx.tenant().put(&tenant).await?;
        let about = json!({ "account_sid": { "before": before, "after": null } });
        audit::tell(&mut tx, by, now, "twilio_account.removed", by.tenant().as_str(), about).await?;
        Ok(tx.commit().await?)
    }

    /// Leaves the account `before` for `after`: numbers whose account nobody has noted are those of the one that was
    /// used so far, and an own account whose numbers are still there is not left.
    async fn leave(&self, tx: &mut store::TenantTx, before: Option<&str>, after: &str) -> Result<(), Error> {
        let used = before.unwrap_or(&self.0.settings.account_sid);
        if used == after {
            return Ok(());
        }
        if !used.is_empty() {
            tx.numbers().pin(used).await?;
        }
        if tx.orders().count_open().await? > 0 {
            return Err(Error::Conflict(
                "a number is being bought with that account; try again when it is done",
            ));
        }
        let forgotten = before.is_some() && self.0.settings.auth_token_of(used).is_none();
        if forgotten && tx.numbers().count_of_account(used).await? > 0 {
            return Err(Error::Conflict(
                "numbers belong to the Twilio account that would be forgotten; release them first",
            ));
        }
        Ok(())
    }
}

/// Where a tenant's token is sealed for.
fn token_of(tenant: &TenantId) -> Place<'_> {
    Place { owner: Some(tenant), column: SealedColumn::TwilioToken.name(), row: tenant.as_str() }
}

/// Whether a text is a SID of that kind.
pub fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|digits| digits.len() == SID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The end of a token, where it is long enough that this tells nobody the rest.
fn hint(token: &str) -> String {
    let shown = if token.len() >= 4 * HINT_LEN { &token[token.len() - HINT_LEN..] } else { "" };
    format!("…{shown}")
}
