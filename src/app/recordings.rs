//! Recordings of calls, once the call is over.

use super::Error;
use crate::{
    domain::id::{CallId, TenantId},
    platform::{
        archive,
        blobs::{self, BlobName, Blobs},
    },
    store::Store,
};

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
