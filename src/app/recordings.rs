//! Recordings of calls, once the call is over.

use std::fs::File;

use super::{Error, access::Actor};
use crate::{
    domain::{
        id::{CallId, TenantId},
        people::{Subject, Verb},
    },
    platform::{
        archive,
        blobs::{self, BlobName, Blobs},
    },
    store::Store,
};

/// A recording, ready to be listened to.
#[derive(Debug)]
pub struct Listening {
    /// The sound, to be read from wherever the listener wants.
    pub file: File,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Its name: another form of it has another.
    pub name: BlobName,
}

/// Opens a call's recording for somebody who wants to listen.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when there is no such call, or no recording of it;
/// [`Error::Unavailable`] when the database is away.
pub async fn open(store: &Store, blobs: &Blobs, by: &Actor, call: &CallId) -> Result<Listening, Error> {
    by.must(Verb::Read, Subject::Calls)?;
    let record = store.read(by.tenant()).await?.calls().get(call).await?.ok_or(Error::NotFound("call"))?;
    listen(blobs, record.recording.ok_or(Error::NotFound("recording"))?).await
}

/// Opens a blob of that name for somebody who may listen.
pub(super) async fn listen(blobs: &Blobs, name: String) -> Result<Listening, Error> {
    let name = BlobName::new(name).map_err(|error| Error::Internal(Box::new(error)))?;
    let blobs = blobs.clone();
    tokio::task::spawn_blocking(move || {
        let file = blobs.read(&name)?;
        let bytes = file.metadata().map_err(|source| blobs::Error::Disk {
            doing: "read",
            path: blobs.path(&name),
            source,
        })?;
        Ok(Listening { bytes: bytes.len(), file, name })
    })
    .await
    .map_err(|panicked| Error::Internal(Box::new(panicked)))?
    .map_err(|error: blobs::Error| {
        if matches!(error, blobs::Error::Missing) {
            Error::NotFound("recording")
        } else {
            Error::Internal(Box::new(error))
        }
    })
}

/// Turns a call's recording into its small form and notes where it lies; whether there was anything to do. Safe to
/// run twice.
///
/// # Errors
/// [`Error::NotFound`] when the recording is gone; [`Error::Internal`] when it cannot be archived, in which case it
/// stays as it was; [`Error::Unavailable`] when the database is away.
pub async fn archive(store: &Store, blobs: &Blobs, tenant: &TenantId, call: &CallId) -> Result<bool, Error> {
    let record = store.read(tenant).await?.calls().get(call).await?;
    let Some(kept) = record.and_then(|record| record.recording) else { return Ok(false) };
    let name = BlobName::new(kept.as_str()).map_err(|error| Error::Internal(Box::new(error)))?;
    if name.with_ending(archive::ENDING).is_ok_and(|small| small == name) {
        return Ok(false);
    }
    let blobs = blobs.clone();
    let archived = tokio::task::spawn_blocking(move || archive::archive(&blobs, &name))
        .await
        .map_err(|panicked| Error::Internal(Box::new(panicked)))?
        .map_err(|error| {
            let gone = matches!(error, archive::Error::Blobs(blobs::Error::Missing));
            if gone { Error::NotFound("recording") } else { Error::Internal(Box::new(error)) }
        })?;
    let mut tx = store.begin(tenant).await?;
    tx.calls().set_recording(call, Some(archived.name.as_str())).await?;
    tx.commit().await?;
    Ok(true)
}
