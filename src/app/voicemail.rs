//! Messages that are spoken when nobody is there to talk to: kept, fetched, written down, listened to.
//!
//! Twilio records, we fetch: the sound lies with the tenant's recordings and is erased at Twilio's. Whoever left it is not
//! spoken with here.

use super::{
    Error,
    access::Actor,
    accounts::Accounts,
    calls,
    recordings::{self, Listening},
    webhooks::{self, Event},
};
use crate::{
    domain::{
        conversation::CallSid,
        id::{JobId, MessageId, TenantId},
        people::{Subject, Verb},
        time::Timestamp,
    },
    platform::{
        blobs::{BlobName, Blobs},
        ids,
    },
    speech::{self, transcription},
    store::{Message, Spoken, Store, Work},
    telephony::rest::RecordingSid,
};

/// Keeps that a message was spoken, and has it fetched. Told twice, it is one message.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn left(
    store: &Store,
    now: Timestamp,
    call: &CallSid,
    recording: &RecordingSid,
) -> Result<(), Error> {
    let Some((tenant, call)) = store.across_tenants().call(call).await? else { return Ok(()) };
    let mut tx = store.begin(&tenant).await?;
    if tx.messages().by_recording(recording.as_str()).await?.is_some() {
        return Ok(());
    }
    let record = tx.calls().get(&call).await?.ok_or(Error::NotFound("call"))?;
    let message = Message {
        id: MessageId::of(ids::fresh(now)),
        call: Some(call),
        name: String::new(),
        number: record.from,
        text: String::new(),
        left: now,
        handled: None,
        spoken: Some(Spoken { sid: recording.as_str().to_owned(), blob: None }),
    };
    tx.messages().add(&message).await?;
    webhooks::tell(&mut tx, now, Event::MessageTaken(&message)).await?;
    let work = Work::FetchMessage { message: message.id };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    Ok(tx.commit().await?)
}

/// Fetches a spoken message, keeps it, erases it at Twilio's, and has it written down where there is somebody to. Safe to
/// run twice.
///
/// # Errors
/// Whatever stands in the way; what was done stays done.
pub async fn fetch(
    store: &Store,
    blobs: &Blobs,
    accounts: &Accounts,
    speech: &speech::Settings,
    tenant: &TenantId,
    id: &MessageId,
) -> Result<(), Error> {
    let mut tx = store.read(tenant).await?;
    let Some(message) = tx.messages().revised(id).await?.map(|message| message.item) else { return Ok(()) };
    let Some(spoken) = message.spoken.clone() else { return Ok(()) };
    let call = message.call.clone().ok_or(Error::NotFound("call"))?;
    let record = tx.calls().get(&call).await?.ok_or(Error::NotFound("call"))?;
    let assistant = tx.assistants().get(&record.assistant).await?;
    drop(tx);
    let name =
        BlobName::new(format!("messages/{id}.wav")).map_err(|error| Error::Internal(Box::new(error)))?;
    let (_, account) =
        store.across_tenants().call_account(&record.sid).await?.ok_or(Error::NotFound("call"))?;
    let who = accounts.credentials(tenant, &account).await?;
    let sid = RecordingSid::new(&spoken.sid).ok_or(Error::NotFound("recording"))?;
    let sound = if spoken.blob.is_some() {
        read(blobs, &name).await?
    } else {
        let sound = accounts.rest().recording(&who, &sid).await?;
        write(blobs, &name, sound.clone()).await?;
        let mut tx = store.begin(tenant).await?;
        tx.messages().fetched(id, name.as_str()).await?;
        tx.commit().await?;
        sound
    };
    accounts.rest().erase_recording(&who, &sid).await?;
    let wanted = assistant.is_some_and(|assistant| assistant.transcripts) && message.text.is_empty();
    if !wanted {
        return Ok(());
    }
    let language = calls::language(store, &record).await?;
    match transcription::transcribe(speech, &sound, language).await {
        Ok(text) => {
            let text = super::tools::tidied(&text);
            let mut tx = store.begin(tenant).await?;
            tx.messages().written_down(id, &text).await?;
            Ok(tx.commit().await?)
        }
        Err(transcription::Error::NotConfigured) => Ok(()),
        Err(error) => Err(Error::Unavailable("the engine", Box::new(error))),
    }
}

/// Opens a spoken message for somebody who wants to listen.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when there is no such message, or nothing to listen to;
/// [`Error::Unavailable`] when the database is away.
pub async fn open(store: &Store, blobs: &Blobs, by: &Actor, id: &MessageId) -> Result<Listening, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    let message =
        store.read(by.tenant()).await?.messages().revised(id).await?.ok_or(Error::NotFound("message"))?;
    let blob = message.item.spoken.and_then(|spoken| spoken.blob).ok_or(Error::NotFound("recording"))?;
    recordings::listen(blobs, blob).await
}

async fn read(blobs: &Blobs, name: &BlobName) -> Result<Vec<u8>, Error> {
    let (blobs, name) = (blobs.clone(), name.clone());
    let read = tokio::task::spawn_blocking(move || blobs.get(&name)).await;
    let read = read.map_err(|panicked| Error::Internal(Box::new(panicked)))?;
    read.map_err(|error| Error::Internal(Box::new(error)))
}

async fn write(blobs: &Blobs, name: &BlobName, sound: Vec<u8>) -> Result<(), Error> {
    let (blobs, name) = (blobs.clone(), name.clone());
    let written = tokio::task::spawn_blocking(move || blobs.put(&name, &sound)).await;
    let written = written.map_err(|panicked| Error::Internal(Box::new(panicked)))?;
    written.map(drop).map_err(|error| Error::Internal(Box::new(error)))
}
