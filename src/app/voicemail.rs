//! Messages that are spoken when nobody is there to talk to: kept, fetched, written down, listened to.
//!
//! Twilio records, we fetch: the sound lies with the tenant's recordings and is erased at Twilio's. Whoever left it is not
//! spoken with here.

use std::io::{self, Read, Write};

use tracing::{error, warn};

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
    store::{Leftover, Message, MessageWork, SealedColumn, Spoken, Store, Work},
    telephony::rest::RecordingSid,
};

/// How much is erased at Twilio's in one go.
pub const LEFTOVERS_AT_ONCE_MAX: u32 = 20;
/// How often it is tried before somebody has to do it by hand.
const LEFTOVER_ATTEMPTS_MAX: u32 = 40;
/// How long after the first attempt the second is made, in minutes; each further wait is twice as long.
const LEFTOVER_MINUTES: i64 = 1;
/// The longest wait, in minutes: a day.
const LEFTOVER_MINUTES_MAX: i64 = 24 * 60;

/// Keeps that a message was spoken, and has it fetched. Told twice, it is one message. Only whose call is known is asked to
/// leave one: when it is not known any more, they were forgotten while they spoke, and their sound is erased at Twilio's, in
/// the account that tells of it.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn left(
    store: &Store,
    now: Timestamp,
    account_sid: &str,
    call: &CallSid,
    recording: &RecordingSid,
) -> Result<(), Error> {
    let known = store.across_tenants().call(call).await?;
    let Some((tenant, call)) = known else { return leave(store, now, account_sid, None, recording).await };
    let mut tx = store.begin(&tenant).await?;
    if tx.messages().by_recording(recording.as_str()).await?.is_some() {
        return Ok(());
    }
    let Some(record) = tx.calls().get(&call).await? else {
        drop(tx);
        return leave(store, now, account_sid, Some(&tenant), recording).await;
    };
    let message = Message {
        id: MessageId::of(ids::fresh(now)),
        call: Some(call),
        name: String::new(),
        number: record.from,
        text: String::new(),
        left: now,
        handled: None,
        spoken: Some(Spoken { sid: recording.as_str().to_owned(), blob: None, key: None }),
        work: MessageWork::default(),
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

/// Notes that a sound is to be erased at Twilio's.
async fn leave(
    store: &Store,
    now: Timestamp,
    account_sid: &str,
    whose: Option<&TenantId>,
    recording: &RecordingSid,
) -> Result<(), Error> {
    let mut tx = store.begin_platform().await?;
    tx.leftovers().add(recording.as_str(), account_sid, whose, now).await?;
    Ok(tx.commit().await?)
}

/// Erases at Twilio's what belongs to nobody here any more and is to be tried by `now`, at most [`LEFTOVERS_AT_ONCE_MAX`];
/// how much went. What cannot be erased is tried again, less and less often, for about a month.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn erase_leftovers(store: &Store, accounts: &Accounts, now: Timestamp) -> Result<u64, Error> {
    let due = store.read_platform().await?.leftovers().due(now, LEFTOVERS_AT_ONCE_MAX).await?;
    let mut gone = 0;
    for left in due {
        let erased = erase_leftover(accounts, &left).await;
        let mut tx = store.begin_platform().await?;
        match erased {
            Ok(()) => {
                tx.leftovers().remove(&left.sid).await?;
                gone += 1;
            }
            Err(error) if left.attempts >= LEFTOVER_ATTEMPTS_MAX => {
                error!(
                    recording = left.sid,
                    account = left.account_sid,
                    error = &error as &dyn std::error::Error,
                    "a forgotten message stays at Twilio: erase it there"
                );
                tx.leftovers().remove(&left.sid).await?;
            }
            Err(error) => {
                warn!(
                    recording = left.sid,
                    error = &error as &dyn std::error::Error,
                    "a forgotten message is still at Twilio"
                );
                let wait = (LEFTOVER_MINUTES << left.attempts.min(20)).min(LEFTOVER_MINUTES_MAX);
                tx.leftovers().later(&left.sid, now.plus_minutes(wait)).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(gone)
}

async fn erase_leftover(accounts: &Accounts, left: &Leftover) -> Result<(), Error> {
    let sid = RecordingSid::new(&left.sid).ok_or(Error::NotFound("recording"))?;
    let who = accounts.of_leftover(left.whose.as_ref(), &left.account_sid).await?;
    Ok(accounts.rest().erase_recording(&who, &sid).await?)
}

/// In which account a message's sound lies: that of its call, and the one the tenant uses where the call is gone.
///
/// # Errors
/// [`Error::Unavailable`].
pub(super) async fn account_of(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    message: &Message,
) -> Result<String, Error> {
    let mut tx = store.read(tenant).await?;
    let record = match &message.call {
        Some(call) => tx.calls().get(call).await?,
        None => None,
    };
    drop(tx);
    if let Some(record) = record
        && let Some((_, account)) = store.across_tenants().call_account(&record.sid).await?
    {
        return Ok(account);
    }
    accounts.used_by(tenant).await
}

/// Erases a message's sound at Twilio's where it was not fetched.
///
/// # Errors
/// Whatever stands in the way; asking again does no harm.
pub(super) async fn erase_unfetched(
    store: &Store,
    accounts: &Accounts,
    tenant: &TenantId,
    message: &Message,
) -> Result<(), Error> {
    let Some(sid) = message.spoken.as_ref().and_then(|spoken| RecordingSid::new(&spoken.sid)) else {
        return Ok(());
    };
    let account = account_of(store, accounts, tenant, message).await?;
    let who = accounts.credentials(tenant, &account).await?;
    Ok(accounts.rest().erase_recording(&who, &sid).await?)
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
