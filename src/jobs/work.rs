//! Who does which work: one arm per kind, each a question to `app`.

use std::sync::Arc;

use super::Handler;
use crate::{
    app::{
        self, accounts::Accounts, calendars::Calendars, clips, forgetting::Forgetting, imports, keys::Keys,
        numbers, recordings, summaries, voicemail, webhooks::Webhooks,
    },
    platform::{blobs::Blobs, clock::Clock},
    speech,
    store::{Job, Store, Work},
};

/// What the work is done with.
#[derive(Clone)]
pub struct Hands {
    /// The database.
    pub store: Store,
    /// Recordings and clips.
    pub blobs: Blobs,
    /// What opens and seals.
    pub keys: Keys,
    /// The engine that speaks clips.
    pub speech: speech::Settings,
    /// Twilio, and who asks it.
    pub accounts: Accounts,
    /// Calendars outside.
    pub calendars: Calendars,
    /// Programs of tenants that are told what happens.
    pub webhooks: Webhooks,
    /// The clock.
    pub clock: Clock,
}

impl Hands {
    /// What the runner has run.
    pub fn handler(self) -> Handler {
        let hands = Arc::new(self);
        Arc::new(move |job| {
            let hands = Arc::clone(&hands);
            Box::pin(async move { hands.carry_out(job).await })
        })
    }

    async fn carry_out(&self, job: Job) -> Result<(), app::Error> {
        match job.work {
            Work::ArchiveRecording { call } => {
                recordings::archive(&self.store, &self.blobs, &self.keys, &job.tenant, &call).await?;
            }
            Work::SummariseCall { call } => {
                summaries::make(&self.store, &self.speech, &job.tenant, &call, self.clock).await?;
            }
            Work::ImportTranscript { call } => {
                let now = self.clock.now();
                imports::fetch(&self.store, &self.accounts, &job.tenant, &call, job.attempts, now).await?;
            }
            Work::FetchMessage { message } => {
                let (store, blobs, keys) = (&self.store, &self.blobs, &self.keys);
                let (accounts, speech) = (&self.accounts, &self.speech);
                voicemail::fetch(store, blobs, keys, accounts, speech, &job.tenant, &message).await?;
            }
            Work::OpeningClip { assistant, language } => {
                let mut tx = self.store.read(&job.tenant).await?;
                let assistant = tx.assistants().get(&assistant).await?;
                let assistant = assistant.ok_or(app::Error::NotFound("assistant"))?;
                // Only who calls somebody needs words for it.
                let calls = tx.outgoing().settings().await?.item.consent.is_some();
                let tenant = tx.tenant().get().await?.ok_or(app::Error::NotFound("tenant"))?;
                drop(tx);
                let (blobs, speech) = (&self.blobs, &self.speech);
                clips::make(blobs, speech, &tenant, &assistant, language, calls, self.clock).await?;
            }
            Work::BuyNumber { order } => {
                let now = self.clock.now();
                numbers::carry_on(&self.store, &self.accounts, &job.tenant, &order, now).await?;
            }
            Work::SetUpNumber { number } => {
                numbers::set_up(&self.store, &self.accounts, &job.tenant, &number).await?;
            }
            Work::SettleAppointment { appointment } => {
                self.calendars.settle(&job.tenant, &appointment).await?;
            }
            Work::SyncCalendar { calendar } => self.calendars.sync(&job.tenant, &calendar).await?,
            Work::WatchCalendar { calendar } => self.calendars.watch(&job.tenant, &calendar).await?,
            Work::Purge => self.forgetting().purge(&job.tenant).await?,
            Work::Erase { erasure } => self.forgetting().erase(&job.tenant, &erasure, job.attempts).await?,
            Work::Export { export } => self.forgetting().export(&job.tenant, &export).await?,
            Work::EraseTenant { erasure } => {
                self.forgetting().erase_tenant(&job.tenant, &erasure, job.attempts).await?;
            }
            Work::TellWebhook { webhook } => self.webhooks.deliver(&job.tenant, &webhook).await?,
        }
        Ok(())
    }

    fn forgetting(&self) -> Forgetting {
        Forgetting {
            store: self.store.clone(),
            blobs: self.blobs.clone(),
            keys: self.keys.clone(),
            calendars: self.calendars.clone(),
            accounts: self.accounts.clone(),
            speech: self.speech.clone(),
            clock: self.clock,
        }
    }
}
