//! What has been kept for long enough goes, in bounded batches.

use std::time::Duration;

use super::{Forgetting, note, pieces::Went};
use crate::{
    app::Error,
    domain::{
        forgetting::{Counts, Kept},
        id::TenantId,
        outgoing::rules,
        time::Timestamp,
    },
    store::Root,
};

/// How many things are looked up at once.
const BATCH: u32 = 100;
/// How many things go in one go of the job; what is left goes in the next.
const THINGS_AT_ONCE_MAX: u64 = 20_000;
/// For how long attempts to reach somebody are kept, whatever is set: longer than they are counted for.
const ATTEMPTS_KEPT_MINUTES: i64 = 9 * 24 * 60;
/// How long until then.
const NEXT_GO: Duration = Duration::from_secs(1);

/// What is looked for: a kind, or the sound of messages.
#[derive(Clone, Copy)]
enum Old {
    Kind(Kept),
    Sounds,
}

impl Forgetting {
    /// Removes what a tenant has kept for long enough. Safe to run twice, and to be stopped anywhere.
    ///
    /// # Errors
    /// [`Error::Later`] when there is more; [`Error::Unavailable`] when the database or the blobs are away.
    pub async fn purge(&self, tenant: &TenantId) -> Result<(), Error> {
        let now = self.clock.now();
        let kept = self.store.read(tenant).await?.forgetting().retention().await?.item;
        let mut gone = 0;
        for kind in Kept::ALL {
            let before = kept.cutoff(kind, now);
            gone += self.purge_old(tenant, Old::Kind(kind), before).await?;
            match kind {
                Kept::Transcripts => gone += self.purge_old(tenant, Old::Sounds, before).await?,
                Kept::Calls | Kept::Appointments => gone += self.purge_planned(tenant, kind, before).await?,
                Kept::Recordings | Kept::Messages | Kept::Contacts => {}
            }
            if gone >= THINGS_AT_ONCE_MAX {
                return Err(Error::Later { wait: NEXT_GO, why: "there is more to forget" });
            }
        }
        let mut tx = self.store.begin(tenant).await?;
        tx.forgetting().forget_remembered(now.plus_minutes(-rules::WEEK_MIN)).await?;
        tx.commit().await?;
        if gone > 0 {
            tracing::info!(tenant.id = %tenant, gone, "what was kept for long enough is forgotten");
            if self.store.embedded() {
                self.store.tidy(false).await?;
            }
        }
        Ok(())
    }

    async fn purge_old(&self, tenant: &TenantId, old: Old, before: Timestamp) -> Result<u64, Error> {
        let mut gone = 0;
        while gone < THINGS_AT_ONCE_MAX {
            let mut tx = self.store.read(tenant).await?;
            let found = match old {
                Old::Kind(kind) => tx.forgetting().old(kind, before, BATCH).await?,
                Old::Sounds => tx.forgetting().old_sounds(before, BATCH).await?,
            };
            drop(tx);
            let mut went = 0;
            for id in &found {
                went += u64::from(self.purge_one(tenant, old, id).await? == Went::Gone);
            }
            // What somebody is at goes the next time.
            if went == 0 {
                break;
            }
            gone += went;
        }
        Ok(gone)
    }

    async fn purge_one(&self, tenant: &TenantId, old: Old, id: &str) -> Result<Went, Error> {
        let damaged = |_| Error::NotFound("thing of that id");
        match old {
            Old::Kind(Kept::Recordings) => self.recording(tenant, &id.parse().map_err(damaged)?).await,
            Old::Kind(Kept::Transcripts) => self.words(tenant, &id.parse().map_err(damaged)?).await,
            Old::Sounds => self.sound(tenant, &id.parse().map_err(damaged)?).await,
            Old::Kind(Kept::Messages) => {
                self.message(tenant, &id.parse().map_err(damaged)?, None, false).await
            }
            Old::Kind(Kept::Calls) => self.call(tenant, &id.parse().map_err(damaged)?, None).await,
            // What stands in a calendar outside is for those who keep it.
            Old::Kind(Kept::Appointments) => self.rows(tenant, Root::Appointment, id, None).await,
            Old::Kind(Kept::Contacts) => self.rows(tenant, Root::Contact, id, None).await,
        }
    }

    /// With calls, attempts at them and whom campaigns called; with appointments, who waited for one.
    async fn purge_planned(&self, tenant: &TenantId, kind: Kept, before: Timestamp) -> Result<u64, Error> {
        let waiting = kind == Kept::Appointments;
        let mut gone = 0;
        while gone < THINGS_AT_ONCE_MAX {
            let mut tx = self.store.begin(tenant).await?;
            let went = if waiting {
                tx.forgetting().forget_old_waiting(before).await?
            } else {
                // How often somebody was called lately is asked before they are called again.
                let lately = self.clock.now().plus_minutes(-ATTEMPTS_KEPT_MINUTES);
                tx.forgetting().forget_old_attempts(before.min(lately)).await?
            };
            tx.commit().await?;
            if went == 0 {
                break;
            }
            gone += went;
        }
        let what = if waiting { "waiting_list" } else { "outgoing_calls" };
        note(&Counts::from([(what.to_owned(), gone)]));
        Ok(gone)
    }
}
