//! One thing at a time, with everything that hangs on it: blobs first, rows after, all rows of it at once.

use super::{Forgetting, attempts, note};
use crate::{
    app::{
        Error, bookings,
        outgoing::offers,
        recordings::{self, blocking},
        voicemail,
        webhooks::{self, Event},
    },
    domain::{
        booking::{Appointment, AppointmentStatus, Step},
        forgetting::Counts,
        id::{AppointmentId, CallId, ErasureId, MessageId, TenantId},
    },
    platform::blobs::BlobName,
    store::{Root, TenantTx},
};

/// Who did it, in the history of appointments.
const BY: &str = "system:forgetting";

/// What became of a thing that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// It is gone.
    Gone,
    /// Somebody is at it: later.
    Busy,
}

impl Forgetting {
    /// Removes the sound of a call, whatever form it has, and what opens it. The call stays.
    pub(super) async fn recording(&self, tenant: &TenantId, call: &CallId) -> Result<Went, Error> {
        if let Went::Busy = self.remove_recording(tenant, call).await? {
            return Ok(Went::Busy);
        }
        let mut tx = self.store.begin(tenant).await?;
        tx.recordings().forget(call).await?;
        tx.calls().set_recording(call, None).await?;
        tx.commit().await?;
        note(&Counts::from([("recordings".to_owned(), 1)]));
        Ok(Went::Gone)
    }

    /// Removes the words of a call. The call stays.
    pub(super) async fn words(&self, tenant: &TenantId, call: &CallId) -> Result<Went, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin(tenant).await?;
        if tx.forgetting().being_worked_on(call.as_str(), now).await? {
            return Ok(Went::Busy);
        }
        let counts = tx.forgetting().forget_words(call).await?;
        tx.commit().await?;
        note(&counts);
        Ok(Went::Gone)
    }

    /// Removes the sound of a message. The message stays.
    pub(super) async fn sound(&self, tenant: &TenantId, message: &MessageId) -> Result<Went, Error> {
        if let Went::Busy = self.remove_sound(tenant, message).await? {
            return Ok(Went::Busy);
        }
        let mut tx = self.store.begin(tenant).await?;
        tx.forgetting().silence(message).await?;
        tx.commit().await?;
        note(&Counts::from([("sounds".to_owned(), 1)]));
        Ok(Went::Gone)
    }

    /// Removes a call and everything of it. What else was done in it only forgets it.
    pub(super) async fn call(
        &self,
        tenant: &TenantId,
        call: &CallId,
        receipt: Option<&ErasureId>,
    ) -> Result<Went, Error> {
        let found = self.store.read(tenant).await?.calls().get(call).await?;
        if found.is_some_and(|found| found.outcome.is_none()) {
            return Ok(Went::Busy);
        }
        if let Went::Busy = self.remove_recording(tenant, call).await? {
            return Ok(Went::Busy);
        }
        self.rows(tenant, Root::Call, call.as_str(), receipt).await
    }

    /// Removes a message and its sound. One whose sound still lies at Twilio's is fetched first, which erases it there.
    pub(super) async fn message(
        &self,
        tenant: &TenantId,
        message: &MessageId,
        receipt: Option<&ErasureId>,
        patient: bool,
    ) -> Result<Went, Error> {
        let found = self.store.read(tenant).await?.messages().revised(message).await?;
        let found = found.map(|found| found.item);
        let elsewhere = found.clone().and_then(|found| found.spoken).filter(|spoken| spoken.blob.is_none());
        if patient && elsewhere.is_some() {
            return Ok(Went::Busy);
        }
        if let Went::Busy = self.remove_sound(tenant, message).await? {
            return Ok(Went::Busy);
        }
        if let (Some(spoken), Some(found)) = (elsewhere, found) {
            // It is erased there when Twilio can be asked again, whatever becomes of the rest.
            let account = voicemail::account_of(&self.store, &self.accounts, tenant, &found).await?;
            let mut tx = self.store.begin(tenant).await?;
            tx.leftovers().add(&spoken.sid, &account, Some(tenant), self.clock.now()).await?;
            told(&mut tx, receipt, &Counts::from([("sounds_left".to_owned(), 1)])).await?;
            tx.commit().await?;
        }
        self.rows(tenant, Root::Message, message.as_str(), receipt).await
    }

    /// Gives an appointment back if it is still promised, takes its events back from the calendars outside and removes it.
    pub(super) async fn appointment(
        &self,
        tenant: &TenantId,
        id: &AppointmentId,
        receipt: Option<&ErasureId>,
        patient: bool,
    ) -> Result<Went, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin(tenant).await?;
        tx.appointments().lock(id).await?;
        let standing = tx.appointments().get(id).await?;
        if let Some(standing) = standing.filter(|standing| standing.status != AppointmentStatus::Cancelled) {
            let given_back = Appointment {
                status: AppointmentStatus::Cancelled,
                expires: None,
                clashing: false,
                ..standing.clone()
            };
            if !tx.appointments().update(&given_back, standing.status).await? {
                return Ok(Went::Busy);
            }
            tx.history().add(&given_back, Step::Cancelled, BY, now).await?;
            if standing.status.promised() && standing.time.start > now {
                let event = Event::Appointment {
                    step: Step::Cancelled,
                    before: Some(&standing),
                    after: &given_back,
                    by: BY,
                };
                webhooks::tell(&mut tx, now, event).await?;
            }
            offers::freed(&mut tx, &standing, &given_back, now).await?;
            tx.commit().await?;
            self.calendars.news().step(tenant, &given_back, Step::Cancelled, BY);
        } else {
            drop(tx);
        }
        let stands = !self.store.read(tenant).await?.written().of(id).await?.is_empty();
        if stands {
            if let Err(error) = self.calendars.settle(tenant, id).await {
                if patient {
                    return Err(error);
                }
                tracing::warn!(
                    appointment.id = %id,
                    error = &error as &dyn std::error::Error,
                    "what is written in a calendar outside could not be taken back"
                );
            }
            let left = self.store.read(tenant).await?.written().of(id).await?.len();
            if left > 0 && patient {
                return Ok(Went::Busy);
            }
            if left > 0 {
                let counts = Counts::from([("events_left".to_owned(), left as u64)]);
                let mut tx = self.store.begin(tenant).await?;
                told(&mut tx, receipt, &counts).await?;
                tx.commit().await?;
            }
        }
        bookings::free_clashing(&self.store, tenant, now).await;
        self.rows(tenant, Root::Appointment, id.as_str(), receipt).await
    }

    /// Removes the rows of a thing, and notes how many.
    pub(super) async fn rows(
        &self,
        tenant: &TenantId,
        root: Root,
        id: &str,
        receipt: Option<&ErasureId>,
    ) -> Result<Went, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin(tenant).await?;
        if tx.forgetting().being_worked_on(id, now).await? {
            return Ok(Went::Busy);
        }
        attempts::remember(&mut tx, &self.keys, root, id, now).await?;
        let counts = tx.forgetting().forget(root, id).await?;
        told(&mut tx, receipt, &counts).await?;
        tx.commit().await?;
        note(&counts);
        Ok(Went::Gone)
    }

    async fn remove_recording(&self, tenant: &TenantId, call: &CallId) -> Result<Went, Error> {
        let now = self.clock.now();
        let mut tx = self.store.read(tenant).await?;
        let record = tx.calls().get(call).await?;
        if tx.forgetting().being_worked_on(call.as_str(), now).await? {
            return Ok(Went::Busy);
        }
        drop(tx);
        let Some(name) = record.and_then(|record| record.recording) else { return Ok(Went::Gone) };
        self.remove(recordings::names(name)?).await?;
        Ok(Went::Gone)
    }

    async fn remove_sound(&self, tenant: &TenantId, message: &MessageId) -> Result<Went, Error> {
        let now = self.clock.now();
        let mut tx = self.store.read(tenant).await?;
        let found = tx.messages().revised(message).await?;
        if tx.forgetting().being_worked_on(message.as_str(), now).await? {
            return Ok(Went::Busy);
        }
        drop(tx);
        if found.is_some_and(|found| found.item.spoken.is_some()) {
            self.remove(vec![BlobName::new(format!("messages/{message}.wav")).map_err(internal)?]).await?;
        }
        Ok(Went::Gone)
    }

    /// Removes blobs; those that are gone already are gone.
    pub(super) async fn remove(&self, names: Vec<BlobName>) -> Result<(), Error> {
        let blobs = self.blobs.clone();
        let removed = blocking(move || names.iter().try_for_each(|name| blobs.delete(name))).await?;
        removed.map_err(|error| Error::Unavailable("where recordings are kept", Box::new(error)))
    }
}

/// Notes on the receipt how many of what went.
async fn told(tx: &mut TenantTx, receipt: Option<&ErasureId>, counts: &Counts) -> Result<(), Error> {
    if let Some(receipt) = receipt {
        tx.forgetting().count(receipt, counts).await?;
    }
    Ok(())
}

pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}
