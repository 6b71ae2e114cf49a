//! Messages that are spoken when nobody is there to talk to: kept, fetched, written down, listened to.
//!
//! Twilio records, we fetch: the sound lies with the tenant's recordings and is erased at Twilio's. Whoever left it is not
//! spoken with here.

use std::io::{self, Read, Write};

use super::{
    Error,
    access::Actor,
    accounts::Accounts,
    calls,
    keys::Keys,
    recordings::{Listening, blocking},
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
        blobs::{self, BlobName, Blobs},
        ids,
        sealed::{self, Key},
        secrets::{self, Place},
        tape::Tape,
    },
    speech::{self, transcription},
    store::{Message, SealedColumn, Spoken, Store, Work},
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
        spoken: Some(Spoken { sid: recording.as_str().to_owned(), blob: None, key: None }),
    };
    tx.messages().add(&message).await?;
    webhooks::tell(&mut tx, now, Event::MessageTaken(&message)).await?;
    let work = Work::FetchMessage { message: message.id };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    Ok(tx.commit().await?)
}

/// Fetches a spoken message, keeps it sealed under a key of its own, erases it at Twilio's, and has it written down where
/// there is somebody to. Safe to run twice.
///
/// # Errors
/// Whatever stands in the way; what was done stays done.
pub async fn fetch(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
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
    let (_, account) =
        store.across_tenants().call_account(&record.sid).await?.ok_or(Error::NotFound("call"))?;
    let who = accounts.credentials(tenant, &account).await?;
    let sid = RecordingSid::new(&spoken.sid).ok_or(Error::NotFound("recording"))?;
    let sound = if spoken.blob.is_some() {
        let mut tape = tape(blobs, keys, tenant, id, &spoken).await?.tape;
        blocking(move || {
            let mut sound = vec![];
            tape.read_to_end(&mut sound).map(|_| sound)
        })
        .await?
        .map_err(|error| Error::Internal(Box::new(error)))?
    } else {
        let sound = accounts.rest().recording(&who, &sid).await?;
        keep(store, blobs, keys, tenant, id, &sound).await?;
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
pub async fn open(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    by: &Actor,
    id: &MessageId,
) -> Result<Listening, Error> {
    by.must(Verb::Read, Subject::Messages)?;
    let message =
        store.read(by.tenant()).await?.messages().revised(id).await?.ok_or(Error::NotFound("message"))?;
    let spoken = message.item.spoken.ok_or(Error::NotFound("recording"))?;
    tape(blobs, keys, by.tenant(), id, &spoken).await
}

pub(super) async fn tape(
    blobs: &Blobs,
    keys: &Keys,
    tenant: &TenantId,
    id: &MessageId,
    spoken: &Spoken,
) -> Result<Listening, Error> {
    let (Some(name), Some(key)) = (&spoken.blob, &spoken.key) else {
        return Err(Error::NotFound("recording"));
    };
    let key = keys.open(place(tenant, id), key).await?;
    let key = Key::new(&key).map_err(|error| Error::Internal(Box::new(error)))?;
    let name = BlobName::new(name).map_err(|error| Error::Internal(Box::new(error)))?;
    let blobs = blobs.clone();
    let opened = blocking(move || Tape::of_whole(&blobs, &name, &key).map(|tape| Listening { tape, name }));
    opened.await?.map_err(|error| {
        let missing = matches!(error, sealed::Error::Blobs(blobs::Error::Missing));
        if missing { Error::NotFound("recording") } else { Error::Internal(Box::new(error)) }
    })
}

/// Keeps a message's sound. Its key is kept only once it lies there whole: tried again, it has another.
async fn keep(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    tenant: &TenantId,
    id: &MessageId,
    sound: &[u8],
) -> Result<(), Error> {
    let fresh = secrets::fresh_key();
    let sealed = keys.seal(place(tenant, id), &fresh)?;
    let key = Key::new(&fresh).map_err(|error| Error::Internal(Box::new(error)))?;
    let name =
        BlobName::new(format!("messages/{id}.wav")).map_err(|error| Error::Internal(Box::new(error)))?;
    let (to, blobs, sound) = (name.clone(), blobs.clone(), sound.to_vec());
    let written = blocking(move || {
        let mut draft = blobs.begin(&to).map_err(sealed::Error::from)?;
        let mut writer = sealed::Writer::new(&mut draft, &key)?;
        writer.write_all(&sound)?;
        writer.finish()?;
        draft.finish().map_err(sealed::Error::from)?;
        Ok::<_, io::Error>(())
    });
    written.await?.map_err(|error| Error::Internal(Box::new(error)))?;
    let mut tx = store.begin(tenant).await?;
    tx.messages().fetched(id, name.as_str(), &sealed).await?;
    Ok(tx.commit().await?)
}

fn place<'p>(tenant: &'p TenantId, id: &'p MessageId) -> Place<'p> {
    Place { owner: Some(tenant), column: SealedColumn::MessageKey.name(), row: id.as_str() }
}
