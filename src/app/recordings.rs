//! Recordings of calls: the key each gets when it begins, listening to it, and its small form.
//!
//! A recording is sealed under a key of its own, which lies sealed in the database: whoever forgets the key has forgotten
//! the recording, wherever copies of it lie.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{Error, access::Actor, audit, keys::Keys};
use crate::{
    domain::{
        conversation::Silence,
        id::{CallId, JobId, TenantId},
        people::{Subject, Verb},
        time::{CallTime, Timestamp},
    },
    platform::{
        archive,
        blobs::{self, BlobName, Blobs},
        ids,
        sealed::{self, Key},
        secrets::{self, Place},
        tape::{self, Tape},
    },
    store::{Consent, SealedColumn, Store, Taped, Work},
};

/// How long ago a recording may have begun whose process ended, and still be looked after, in minutes.
const BEGUN_MINUTES_MAX: i64 = 24 * 60;
/// How long after its call was given up for lost, in minutes.
const ENDED_MINUTES_MAX: i64 = 10;

/// What a recording that may begin is called, and what it will be sealed under. `Debug` shows no key.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its blob.
    pub blob: String,
    /// Its key, in base64.
    pub key: SecretString,
    /// The same, sealed.
    pub sealed: Vec<u8>,
}

/// A recording, ready to be listened to.
#[derive(Debug)]
pub struct Listening {
    /// The sound, to be read from wherever the listener wants.
    pub tape: Tape,
    /// Its name: another form of it has another.
    pub name: BlobName,
}

/// A key and a name for a call's recording.
///
/// # Errors
/// [`Error::Internal`], which no key of ours causes.
pub fn prepare(keys: &Keys, tenant: &TenantId, call: &CallId) -> Result<Prepared, Error> {
    let key = secrets::fresh_key();
    let sealed = keys.seal(place(tenant, call), &key)?;
    Ok(Prepared { blob: format!("recordings/{call}.{}", tape::LARGE), key, sealed })
}

/// Notes that a call's recording began, and the caller's yes to it: what there is of it is found whatever becomes of us.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn begun(
    store: &Store,
    tenant: &TenantId,
    call: &CallId,
    prepared: &Prepared,
    began: CallTime,
    consent: &(Timestamp, String),
) -> Result<(), Error> {
    let taped = Taped {
        blob: prepared.blob.clone(),
        key: Some(prepared.sealed.clone()),
        begun: consent.0,
        began,
        millis: None,
        complete: false,
        silences: vec![],
    };
    let yes = Consent { at: consent.0, wording: consent.1.clone() };
    let mut tx = store.begin(tenant).await?;
    tx.recordings().begin(call, &taped, &yes).await?;
    Ok(tx.commit().await?)
}

/// Opens a call's recording for somebody who wants to listen.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when there is no such call, or no recording of it; [`Error::Internal`] when it
/// does not open; [`Error::Unavailable`] when the database is away.
pub async fn open(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    by: &Actor,
    call: &CallId,
) -> Result<Listening, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let (tape, name) =
        tape(store, blobs, keys, by.tenant(), call).await?.ok_or(Error::NotFound("recording"))?;
    Ok(Listening { tape, name })
}

/// Writes a call's recording to a file that any player understands; the file's name, or `None` when there is no recording.
///
/// # Errors
/// As [`open`], without the question who asks.
pub async fn export(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    tenant: &TenantId,
    call: &CallId,
    folder: &Path,
) -> Result<Option<PathBuf>, Error> {
    let Some((mut tape, name)) = tape(store, blobs, keys, tenant, call).await? else { return Ok(None) };
    let ending = name.as_str().rsplit('.').next().unwrap_or_default();
    let path = folder.join(format!("recording.{ending}"));
    let to = path.clone();
    let written: io::Result<u64> = blocking(move || io::copy(&mut tape, &mut File::create(to)?)).await?;
    written.map_err(|error| Error::Internal(Box::new(error)))?;
    Ok(Some(path))
}

/// Turns a call's recording into its small form and notes where it lies; whether there was anything to do. Of one whose
/// process ended before it, what there is. Safe to run twice.
///
/// # Errors
/// [`Error::NotFound`] when the recording is gone; [`Error::Internal`] when it cannot be archived, in which case it
/// stays as it was; [`Error::Unavailable`] when the database is away, or where recordings are kept: run again, it goes on.
pub async fn archive(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    tenant: &TenantId,
    call: &CallId,
) -> Result<bool, Error> {
    let Some(found) = find(store, keys, tenant, call).await.or_else(none)? else { return Ok(false) };
    let large = found.name.with_ending(tape::LARGE).map_err(|error| Error::Internal(Box::new(error)))?;
    if found.name.with_ending(archive::ENDING).is_ok_and(|small| small == found.name) {
        // Whoever made it small may have been stopped before they removed the large one.
        discard(blobs, large).await?;
        return Ok(false);
    }
    let complete = found.complete;
    let disk = blobs.clone();
    let archived = blocking(move || {
        archive::archive(&disk, &found.name, found.key.as_ref(), found.complete, &found.silences)
    })
    .await?
    .map_err(|error| {
        let gone = matches!(error, archive::Error::Blobs(blobs::Error::Missing));
        if gone { Error::NotFound("recording") } else { Error::Internal(Box::new(error)) }
    })?;
    let mut tx = store.begin(tenant).await?;
    tx.calls().set_recording(call, Some(archived.name.as_str())).await?;
    tx.recordings().archived(call, archived.millis, complete && archived.whole).await?;
    tx.commit().await?;
    // Only now: whoever asks for the recording meanwhile finds it under one of its names.
    discard(blobs, large).await?;
    Ok(true)
}

/// Removes what lies under a name, if anything does.
async fn discard(blobs: &Blobs, name: BlobName) -> Result<(), Error> {
    let blobs = blobs.clone();
    let removed = blocking(move || blobs.delete(&name)).await?;
    removed.map_err(|error| Error::Unavailable("where recordings are kept", Box::new(error)))
}

/// Has recordings looked after whose process ended before they did; how many.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn salvage(store: &Store, now: Timestamp) -> Result<usize, Error> {
    let (begun, ended) = (now.plus_minutes(-BEGUN_MINUTES_MAX), now.plus_minutes(-ENDED_MINUTES_MAX));
    let left = store.across_tenants().unfinished_recordings(begun, ended).await?;
    for (tenant, call) in &left {
        let mut tx = store.begin(tenant).await?;
        let work = Work::ArchiveRecording { call: call.clone() };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
        tx.commit().await?;
    }
    Ok(left.len())
}

/// Removes a call's recording, whatever form it has, and what opens it; with `words` also what was said. The call stays, and
/// what was booked in it; links to the recording go with it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when there is no such call, or nothing of it to remove; [`Error::Conflict`] while
/// the call is not over or somebody works on it; [`Error::Unavailable`], after which it can be removed again.
pub async fn remove(
    store: &Store,
    blobs: &Blobs,
    by: &Actor,
    now: Timestamp,
    call: &CallId,
    words: bool,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Privacy)?;
    let mut tx = store.read(by.tenant()).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    let said = words && !tx.calls().turns(call).await?.is_empty();
    let busy = tx.forgetting().being_worked_on(call.as_str(), now).await?;
    drop(tx);
    if record.recording.is_none() && !said {
        return Err(Error::NotFound("recording"));
    }
    if record.outcome.is_none() {
        return Err(Error::Conflict("that call is not over"));
    }
    if busy {
        return Err(Error::Conflict("that recording is being worked on"));
    }
    if let Some(name) = record.recording {
        let names = names(name)?;
        let blobs = blobs.clone();
        let removed = blocking(move || names.iter().try_for_each(|name| blobs.delete(name))).await?;
        removed.map_err(|error| Error::Unavailable("where recordings are kept", Box::new(error)))?;
    }
    let mut tx = store.begin(by.tenant()).await?;
    tx.recordings().forget(call).await?;
    tx.calls().set_recording(call, None).await?;
    if words {
        tx.forgetting().forget_words(call).await?;
    }
    let about = serde_json::json!({ "transcript": words });
    audit::tell(&mut tx, by, now, "call.recording_removed", call.as_str(), about).await?;
    Ok(tx.commit().await?)
}

/// Every name under which a recording may lie: whoever made it small may have been stopped before they said so, or before
/// they removed the large one.
pub(super) fn names(name: String) -> Result<Vec<BlobName>, Error> {
    let internal = |error: blobs::Error| Error::Internal(Box::new(error));
    let name = BlobName::new(name).map_err(internal)?;
    let mut names = vec![name.clone()];
    for ending in [tape::LARGE, archive::ENDING] {
        names.push(name.with_ending(ending).map_err(internal)?);
    }
    Ok(names)
}

/// A recording that is there to be opened.
struct Found {
    name: BlobName,
    key: Option<Key>,
    complete: bool,
    silences: Vec<Silence>,
}

/// Opens a recording. One that is being turned into its small form meanwhile has another name then.
pub(super) async fn tape(
    store: &Store,
    blobs: &Blobs,
    keys: &Keys,
    tenant: &TenantId,
    call: &CallId,
) -> Result<Option<(Tape, BlobName)>, Error> {
    let mut missing = None;
    loop {
        let Some(found) = find(store, keys, tenant, call).await? else { return Ok(None) };
        if missing.replace(found.name.clone()).is_some_and(|missing| missing == found.name) {
            return Err(Error::NotFound("recording"));
        }
        let blobs = blobs.clone();
        let opened = blocking(move || {
            let tape = Tape::open(&blobs, &found.name, found.key.as_ref(), found.complete, &found.silences);
            tape.map(|tape| (tape, found.name))
        });
        match opened.await? {
            Err(sealed::Error::Blobs(blobs::Error::Missing)) => {}
            Err(error) => return Err(Error::Internal(Box::new(error))),
            Ok(opened) => return Ok(Some(opened)),
        }
    }
}

async fn find(store: &Store, keys: &Keys, tenant: &TenantId, call: &CallId) -> Result<Option<Found>, Error> {
    let mut tx = store.read(tenant).await?;
    let record = tx.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    let taped = tx.recordings().get(call).await?;
    drop(tx);
    let Some(name) = record.recording else { return Ok(None) };
    let name = BlobName::new(name).map_err(|error| Error::Internal(Box::new(error)))?;
    let key = match taped.as_ref().and_then(|taped| taped.key.as_deref()) {
        Some(sealed) => {
            let key = keys.open(place(tenant, call), sealed).await?;
            Some(Key::new(&key).map_err(|error| Error::Internal(Box::new(error)))?)
        }
        None => None,
    };
    Ok(Some(Found {
        name,
        key,
        complete: taped.as_ref().is_none_or(|taped| taped.complete),
        silences: taped.map(|taped| taped.silences).unwrap_or_default(),
    }))
}

/// A call that was erased meanwhile has no recording.
fn none(error: Error) -> Result<Option<Found>, Error> {
    if matches!(error, Error::NotFound("call")) { Ok(None) } else { Err(error) }
}

fn place<'p>(tenant: &'p TenantId, call: &'p CallId) -> Place<'p> {
    Place { owner: Some(tenant), column: SealedColumn::RecordingKey.name(), row: call.as_str() }
}

/// Waits for the disk on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|panicked| Error::Internal(Box::new(panicked)))
}
