//! A tenant that goes with everything of it. What is left is the operator's receipt.

use std::time::Duration;

use super::{
    Forgetting, note, nothing,
    pieces::{Went, internal},
};
use crate::{
    app::{
        Error,
        access::{Actor, Operator},
        audit, clips, voicemail,
    },
    domain::{
        assistant::Language,
        forgetting::{Counts, TenantErasure},
        id::{JobId, MessageId, TenantErasureId, TenantId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::ids,
    store::{self, Page, Place, Store, Work},
};

/// How long to wait for a call that is in the air, or for work somebody is at.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// How long to wait for a Twilio that does not do what it is asked.
const TWILIO_WAIT: Duration = Duration::from_secs(60);
/// From which taking of the job on it is not waited for any more: what is left there stands on the receipt.
const PATIENT_ATTEMPTS: u32 = 5;
/// Recordings looked up at once.
const BATCH: u32 = 100;

/// Has the asker's tenant forgotten, if they say its slug: from here on nobody is let in, and no call is taken.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when it is another slug; [`Error::Conflict`] when it is being forgotten;
/// [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn ask(store: &Store, by: &Actor, now: Timestamp, slug: &str) -> Result<TenantErasure, Error> {
    by.must(Verb::Write, Subject::Tenant)?;
    if !by.operates() && by.user().is_none() {
        // A program may decide much; not that there is nothing left to decide about.
        return Err(Error::OperatorOnly("whether a tenant is forgotten, unless its owner does"));
    }
    let mut tx = store.begin(by.tenant()).await?;
    let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
    if slug != tenant.slug {
        return Err(Error::invalid(
            "/slug",
            "must be the slug of the tenant that is to be forgotten, for good",
        ));
    }
    let erasure = TenantErasure {
        id: TenantErasureId::of(ids::fresh(now)),
        tenant: tenant.id,
        asked_by: by.to_string(),
        asked: now,
        ended: None,
        counts: Counts::new(),
    };
    tx.tenant_erasures().add(&erasure).await.map_err(|error| {
        if matches!(error, store::Error::NotUnique(_)) {
            Error::Conflict("it is being forgotten already")
        } else {
            error.into()
        }
    })?;
    audit::tell(&mut tx, by, now, "tenant.erasure_asked", erasure.id.as_str(), nothing()).await?;
    let work = Work::EraseTenant { erasure: erasure.id.clone() };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    tx.commit().await?;
    Ok(erasure)
}

/// The receipts, in the order of their asking. For operators.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(
    store: &Store,
    _by: &Operator,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<TenantErasure>, Error> {
    Ok(store.read_platform().await?.tenant_erasures().page(after, count_max).await?)
}

impl Forgetting {
    /// Forgets a tenant. Goes on where it stopped.
    ///
    /// # Errors
    /// [`Error::Later`] while a call is in the air, work is being done or Twilio has messages and does not answer;
    /// [`Error::Unavailable`].
    pub async fn erase_tenant(
        &self,
        tenant: &TenantId,
        id: &TenantErasureId,
        attempts: u32,
    ) -> Result<(), Error> {
        let mut tx = self.store.begin(tenant).await?;
        if tx.tenant_erasures().get(id).await?.is_none_or(|erasure| erasure.ended.is_some()) {
            return Ok(());
        }
        tx.forgetting().close(self.clock.now()).await?;
        let under_way = tx.forgetting().under_way().await?;
        tx.commit().await?;
        if under_way > 0 {
            return Err(Error::Later { wait: BUSY_WAIT, why: "calls are in the air, or work is being done" });
        }
        self.remove_blobs(tenant).await?;
        self.erase_unfetched(tenant, id, attempts).await?;
        let staff = self.store.across_tenants().forget_staff(tenant).await?;
        self.told(tenant, id, Counts::from([("users".to_owned(), staff)])).await?;
        loop {
            let mut tx = self.store.begin(tenant).await?;
            let Some((table, gone)) = tx.forgetting().sweep().await? else { break };
            let counts = Counts::from([(table.to_owned(), gone)]);
            tx.tenant_erasures().count(id, &counts).await?;
            tx.commit().await?;
            note(&counts);
        }
        // Done is told when the files hold nothing any more but that there was a tenant.
        let mut tx = self.store.begin(tenant).await?;
        tx.forgetting().unname().await?;
        tx.commit().await?;
        self.tidy(true).await?;
        let mut tx = self.store.begin(tenant).await?;
        tx.forgetting().vanish().await?;
        tx.tenant_erasures().end(id, self.clock.now()).await?;
        tx.commit().await?;
        tracing::info!(tenant.id = %tenant, "a tenant is forgotten");
        self.tidy(true).await
    }

    /// Erases messages at Twilio's that were never fetched: with the tenant goes what could be asked with.
    async fn erase_unfetched(
        &self,
        tenant: &TenantId,
        id: &TenantErasureId,
        attempts: u32,
    ) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let messages = self.store.read(tenant).await?.forgetting().unfetched(&after, BATCH).await?;
            let Some(last) = messages.last() else { return Ok(()) };
            after.clone_from(last);
            for message in messages {
                let message: MessageId = message.parse().map_err(internal)?;
                let found = self.store.read(tenant).await?.messages().revised(&message).await?;
                let Some(found) = found.map(|found| found.item) else { continue };
                let erased = voicemail::erase_unfetched(&self.store, &self.accounts, tenant, &found).await;
                let mut tx = self.store.begin(tenant).await?;
                if let Err(error) = erased {
                    tracing::warn!(
                        tenant.id = %tenant,
                        error = &error as &dyn std::error::Error,
                        "a message of a tenant that is forgotten is still at Twilio"
                    );
                    if attempts < PATIENT_ATTEMPTS {
                        return Err(Error::Later { wait: TWILIO_WAIT, why: "Twilio still has messages" });
                    }
                    // The operator's account is asked on when the tenant is gone.
                    let account = voicemail::account_of(&self.store, &self.accounts, tenant, &found).await?;
                    if let Some(spoken) = &found.spoken {
                        tx.leftovers().add(&spoken.sid, &account, None, self.clock.now()).await?;
                    }
                    let left = Counts::from([("sounds_left".to_owned(), 1)]);
                    tx.tenant_erasures().count(id, &left).await?;
                }
                tx.forgetting().silence(&message).await?;
                tx.commit().await?;
            }
        }
    }

    async fn told(&self, tenant: &TenantId, id: &TenantErasureId, counts: Counts) -> Result<(), Error> {
        let mut tx = self.store.begin(tenant).await?;
        tx.tenant_erasures().count(id, &counts).await?;
        Ok(tx.commit().await?)
    }

    async fn remove_blobs(&self, tenant: &TenantId) -> Result<(), Error> {
        let busy = || Error::Later { wait: BUSY_WAIT, why: "somebody is at a recording" };
        for copy in self.store.read(tenant).await?.forgetting().exports_holding(None).await? {
            self.drop_copy(tenant, &copy).await?;
        }
        loop {
            let calls = self.store.read(tenant).await?.forgetting().recorded("", BATCH).await?;
            if calls.is_empty() {
                break;
            }
            for call in calls {
                if self.recording(tenant, &call.parse().map_err(internal)?).await? == Went::Busy {
                    return Err(busy());
                }
            }
        }
        loop {
            let messages = self.store.read(tenant).await?.forgetting().spoken("", BATCH).await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                if self.sound(tenant, &message.parse().map_err(internal)?).await? == Went::Busy {
                    return Err(busy());
                }
            }
        }
        let mut tx = self.store.read(tenant).await?;
        let assistants = tx.assistants().all().await?;
        let business = tx.tenant().get().await?;
        drop(tx);
        let mut opening = vec![];
        if let Some(business) = &business {
            for assistant in &assistants {
                for language in Language::ALL {
                    opening.extend(clips::openings(&self.speech, business, assistant, language));
                }
            }
        }
        self.remove(opening).await
    }
}
