//! Tells a tenant's own programs what happens: where, what, and how that went.
//!
//! [`tell`] is called in the transaction that makes a fact true, and writes down what is to be told; a job tells it
//! ([`Webhooks::deliver`]), so nothing that happened waits for anybody's server, and nothing is told that did not
//! happen. What is told carries ids and plain facts, never a name, a number or a word of a conversation.

mod delivering;
mod events;
pub mod signature;

use std::{fmt, sync::Arc};

use secrecy::SecretString;
use serde_json::json;

pub use self::events::{Event, tell};
use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    keys::Keys,
};
use crate::{
    domain::{
        id::{DeliveryId, JobId, TenantId, WebhookId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
        webhook::{Attempt, Condition, Delivery, DeliveryState, Webhook},
    },
    platform::{clock::Clock, egress::Egress, ids, secrets::Place},
    store::{self, Page, Place as ListPlace, SealedColumn, SealedSecrets, Store, TenantTx, Work},
};

/// Webhooks of one tenant, at most.
pub const WEBHOOKS_MAX: u64 = 10;
/// Longest description, in characters.
pub const DESCRIPTION_LEN_MAX: usize = 200;
/// How long the secret before the present one is used beside it, in minutes: a day.
pub const FORMER_SECRET_MINUTES: i64 = 24 * 60;

/// A webhook as it stands, and how it fares.
pub type Kept = (Revised<Webhook>, Condition);

/// Webhooks, and the way out to them. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    store: Store,
    keys: Keys,
    egress: Egress,
    clock: Clock,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

impl Audited for Webhook {
    const KIND: &'static str = "webhook";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let host = url::Url::parse(&self.url).ok().map(|url| url.origin().ascii_serialization());
        // The rest of an address may be a secret.
        Parts::new()
            .with("host", host)
            .hiding("url", self.url.as_str())
            .with("description", self.description.as_str())
            .with("kinds", kinds)
            .with("active", self.active)
    }
}

impl Webhooks {
    /// Webhooks kept in `store`, their secrets sealed with `keys`, told through `egress`.
    pub fn new(store: Store, keys: Keys, egress: Egress, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, keys, egress, clock }))
    }

    /// The webhooks, in the order of their making.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
    pub async fn list(
        &self,
        by: &Actor,
        after: Option<&ListPlace>,
        count_max: u32,
    ) -> Result<Page<Kept>, Error> {
        by.must(Verb::Read, Subject::Webhooks)?;
        Ok(self.0.store.read(by.tenant()).await?.webhooks().page(after, count_max).await?)
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn get(&self, by: &Actor, id: &WebhookId) -> Result<Kept, Error> {
        by.must(Verb::Read, Subject::Webhooks)?;
        kept(&mut self.0.store.read(by.tenant()).await?, id).await
    }

    /// Makes a webhook, and the secret that signs what it is told: shown this once.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Invalid`]; [`Error::Limit`]; [`Error::Conflict`] when no key is configured to seal
    /// the secret with; [`Error::Unavailable`].
    pub async fn create(
        &self,
        by: &Actor,
        now: Timestamp,
        wanted: Webhook,
    ) -> Result<(Kept, SecretString), Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        self.check(&wanted)?;
        let (secret, sealed) = self.fresh_secret(by.tenant(), &wanted.id)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        if tx.webhooks().count().await? >= WEBHOOKS_MAX {
            return Err(Error::Limit { name: "webhooks", max: WEBHOOKS_MAX });
        }
        tx.webhooks().add(&wanted, &sealed, now).await?;
        audit::record(&mut tx, by, now, None, Some(&wanted)).await?;
        let made = kept(&mut tx, &wanted.id).await?;
        tx.commit().await?;
        Ok((made, secret))
    }

    /// Changes a webhook as `change` says, if it is still as the asker has seen it.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Unavailable`].
    pub async fn edit(
        &self,
        by: &Actor,
        now: Timestamp,
        id: &WebhookId,
        seen: Option<Revision>,
        change: impl FnOnce(&Webhook) -> Result<Webhook, Error>,
    ) -> Result<Kept, Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let (before, condition) = kept(&mut tx, id).await?;
        before.must_be(seen)?;
        let wanted = change(&before.item)?;
        self.check(&wanted)?;
        if wanted == before.item {
            return Ok((before, condition));
        }
        tx.webhooks().change(&wanted).await?;
        audit::record(&mut tx, by, now, Some(&before.item), Some(&wanted)).await?;
        // What waits is looked at by whoever carries it: it is tried, or given up, as the webhook stands.
        ask(&mut tx, id, now).await?;
        let after = kept(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes a webhook away, with all it was told.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Unavailable`].
    pub async fn remove(
        &self,
        by: &Actor,
        now: Timestamp,
        id: &WebhookId,
        seen: Option<Revision>,
    ) -> Result<(), Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let (before, _) = kept(&mut tx, id).await?;
        before.must_be(seen)?;
        tx.webhooks().remove(id).await?;
        audit::record(&mut tx, by, now, Some(&before.item), None).await?;
        Ok(tx.commit().await?)
    }

    /// Makes another secret: shown this once. The one before is used beside it for [`FORMER_SECRET_MINUTES`]; the one
    /// before that no more.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
    pub async fn rotate(
        &self,
        by: &Actor,
        now: Timestamp,
        id: &WebhookId,
        seen: Option<Revision>,
    ) -> Result<(Kept, SecretString), Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        let (tenant, keys) = (by.tenant(), &self.0.keys);
        // Opening may have to look for a key, which waits for another connection: so not while one is held.
        let sealed = self.0.store.read(tenant).await?.webhooks().secrets(id).await?;
        let sealed = sealed.ok_or(Error::NotFound("webhook"))?;
        let present = keys.open(place(tenant, SealedColumn::WebhookSecret, id), &sealed.secret).await?;
        let former = keys.seal(place(tenant, SealedColumn::FormerWebhookSecret, id), &present)?;
        let (secret, fresh) = self.fresh_secret(tenant, id)?;
        let until = now.plus_minutes(FORMER_SECRET_MINUTES);
        let mut tx = self.0.store.begin(tenant).await?;
        let (before, _) = kept(&mut tx, id).await?;
        before.must_be(seen)?;
        if tx.webhooks().secrets(id).await?.is_none_or(|kept| kept.secret != sealed.secret) {
            return Err(Error::Stale);
        }
        let secrets = SealedSecrets { secret: fresh, former: Some((former, until)) };
        tx.webhooks().rotate(id, &secrets).await?;
        let about = json!({ "secret": "…", "former_secret_until": until.to_string() });
        audit::tell(&mut tx, by, now, "webhook.secret_rotated", id.as_str(), about).await?;
        let after = kept(&mut tx, id).await?;
        tx.commit().await?;
        Ok((after, secret))
    }

    /// Tells a webhook something that did not happen, to see whether it works.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is not active; [`Error::Unavailable`].
    pub async fn test(&self, by: &Actor, now: Timestamp, id: &WebhookId) -> Result<Delivery, Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        must_be_active(&mut tx, id).await?;
        let delivery = events::test(&mut tx, id, now).await?;
        tx.webhooks().wake(id).await?;
        audit::tell(&mut tx, by, now, "webhook.tested", id.as_str(), json!({})).await?;
        tx.commit().await?;
        Ok(delivery)
    }

    /// What a webhook is and was told, latest first; with `state`, only what stands there.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn deliveries(
        &self,
        by: &Actor,
        webhook: &WebhookId,
        state: Option<DeliveryState>,
        after: Option<&ListPlace>,
        count_max: u32,
    ) -> Result<Page<Delivery>, Error> {
        by.must(Verb::Read, Subject::Webhooks)?;
        let mut tx = self.0.store.read(by.tenant()).await?;
        kept(&mut tx, webhook).await?;
        Ok(tx.deliveries().page(webhook, state, after, count_max).await?)
    }

    /// One delivery and the latest attempts at it, latest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
    pub async fn delivery(
        &self,
        by: &Actor,
        webhook: &WebhookId,
        id: &DeliveryId,
    ) -> Result<(Delivery, Vec<Attempt>), Error> {
        by.must(Verb::Read, Subject::Webhooks)?;
        let mut tx = self.0.store.read(by.tenant()).await?;
        let delivery = tx.deliveries().get(webhook, id).await?.ok_or(Error::NotFound("delivery"))?;
        let attempts = tx.deliveries().attempts(id).await?;
        Ok((delivery, attempts))
    }

    /// Has something told again that was given up or taken: the same event under the same id.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it is on its way, or the webhook is not
    /// active; [`Error::Unavailable`].
    pub async fn resend(
        &self,
        by: &Actor,
        now: Timestamp,
        webhook: &WebhookId,
        id: &DeliveryId,
    ) -> Result<Delivery, Error> {
        by.must(Verb::Write, Subject::Webhooks)?;
        let mut tx = self.0.store.begin(by.tenant()).await?;
        let delivery = tx.deliveries().get(webhook, id).await?.ok_or(Error::NotFound("delivery"))?;
        must_be_active(&mut tx, webhook).await?;
        if delivery.state == DeliveryState::Waiting {
            return Err(Error::Conflict("that delivery is on its way"));
        }
        tx.deliveries().again(id, now).await?;
        tx.webhooks().wake(webhook).await?;
        ask(&mut tx, webhook, now).await?;
        let about = json!({ "webhook": webhook.as_str() });
        audit::tell(&mut tx, by, now, "webhook_delivery.resent", id.as_str(), about).await?;
        let after = tx.deliveries().get(webhook, id).await?.ok_or(Error::NotFound("delivery"))?;
        tx.commit().await?;
        Ok(after)
    }

    /// Everything that must hold for a webhook, told at once.
    fn check(&self, wanted: &Webhook) -> Result<(), Error> {
        let mut faults = Faults::new();
        faults.take(self.0.egress.read(&wanted.url), "/url");
        faults.unless(
            wanted.description.chars().count() <= DESCRIPTION_LEN_MAX,
            "/description",
            format!("must be at most {DESCRIPTION_LEN_MAX} characters"),
        );
        faults.unless(!wanted.kinds.is_empty(), "/kinds", "must name at least one kind of event");
        let asked = wanted.kinds.iter().all(|kind| kind.can_be_asked_for());
        faults.unless(asked, "/kinds", "`webhook.test` is told when somebody asks for a test, and only then");
        faults.settle()
    }

    fn fresh_secret(&self, tenant: &TenantId, id: &WebhookId) -> Result<(SecretString, Vec<u8>), Error> {
        if !self.0.keys.lasting() {
            return Err(Error::Conflict("no secret can be kept: the operator must set `secrets.key` first"));
        }
        let secret = signature::secret_of(&ids::secret());
        let sealed = self.0.keys.seal(place(tenant, SealedColumn::WebhookSecret, id), &secret)?;
        Ok((secret, sealed))
    }
}

/// Where a webhook's secret is sealed for.
fn place<'p>(tenant: &'p TenantId, column: SealedColumn, id: &'p WebhookId) -> Place<'p> {
    Place { owner: Some(tenant), column: column.name(), row: id.as_str() }
}

async fn kept(tx: &mut TenantTx, id: &WebhookId) -> Result<Kept, Error> {
    tx.webhooks().get(id).await?.ok_or(Error::NotFound("webhook"))
}

async fn must_be_active(tx: &mut TenantTx, id: &WebhookId) -> Result<(), Error> {
    let (webhook, _) = kept(tx, id).await?;
    if webhook.item.active {
        Ok(())
    } else {
        Err(Error::Conflict("the webhook is not active; make it active first"))
    }
}

/// Has what waits for a webhook told as soon as can be.
async fn ask(tx: &mut TenantTx, id: &WebhookId, now: Timestamp) -> Result<(), store::Error> {
    let work = Work::TellWebhook { webhook: id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await
}
