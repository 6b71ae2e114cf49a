//! Blobs in a bucket of S3 or of something that speaks the same.
//!
//! What is kept there is finished and sealed before it leaves. It waits for the network: call it from a blocking thread. It
//! never lists a bucket and never changes what it has kept.

use std::{
    fmt,
    fs::File,
    future::Future,
    io::{self, Read as _},
    path::Path as FilePath,
    sync::Arc,
};

use object_store::{
    ObjectStoreExt as _, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;

use super::blobs::{BlobName, Error, Settings, Shelf};

/// How much is sent at once, in bytes. What is longer is sent in parts.
pub const PART_LEN: usize = 8 * 1_024 * 1_024;

/// A bucket. `Debug` shows no key.
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    runtime: Handle,
}

impl Bucket {
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            // One by one: nothing more than the right to delete an object is needed.
            .with_disable_bulk_delete(true)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose_secret());
        if !settings.endpoint.is_empty() {
            // Who names an address says how it is to be spoken to.
            let plain = settings.endpoint.starts_with("http:");
            builder = builder.with_endpoint(&settings.endpoint).with_allow_http(plain);
        }
        let store = builder.build().map_err(wrong)?;
        let runtime = Handle::try_current().map_err(|error| Error::Bucket(Box::new(error)))?;
        Ok(Self { store: Arc::new(store), runtime })
    }

    fn wait<T>(&self, asked: impl Future<Output = Result<T, object_store::Error>>) -> Result<T, Error> {
        self.runtime.block_on(asked).map_err(wrong)
    }
}

impl Shelf for Bucket {
    fn keep(&self, name: &BlobName, draft: &FilePath) -> Result<(), Error> {
        let disk = |source| Error::Disk { doing: "read", path: draft.to_path_buf(), source };
        let mut file = File::open(draft).map_err(disk)?;
        let (place, first) = (place(name), part(&mut file).map_err(disk)?);
        if first.len() < PART_LEN {
            self.wait(self.store.put(&place, PutPayload::from(first)))?;
        } else {
            let mut upload = self.wait(self.store.put_multipart(&place))?;
            let mut next = first;
            let sent = loop {
                if next.is_empty() {
                    break self.wait(upload.complete()).map(drop);
                }
                if let Err(error) = self.wait(upload.put_part(PutPayload::from(next))) {
                    break Err(error);
                }
                next = match part(&mut file) {
                    Ok(next) => next,
                    Err(source) => break Err(disk(source)),
                };
            };
            if sent.is_err() {
                // What cannot be taken back lies about unseen; the recording itself is still in its folder.
                let _ = self.wait(upload.abort());
            }
            sent?;
        }
        std::fs::remove_file(draft).map_err(|source| Error::Disk {
            doing: "remove",
            path: draft.to_path_buf(),
            source,
        })
    }

    fn len(&self, name: &BlobName) -> Result<u64, Error> {
        Ok(self.wait(self.store.head(&place(name)))?.size)
    }

    fn read(&self, name: &BlobName, from: u64, count: usize) -> Result<Vec<u8>, Error> {
        let place = place(name);
        if count == usize::MAX {
            let whole = async { self.store.get(&place).await?.bytes().await };
            return Ok(self.wait(whole)?.to_vec());
        }
        let until = from.saturating_add(count as u64);
        Ok(self.wait(self.store.get_range(&place, from..until))?.to_vec())
    }

    fn delete(&self, name: &BlobName) -> Result<(), Error> {
        match self.wait(self.store.delete(&place(name))) {
            Err(Error::Missing) => Ok(()),
            deleted => deleted,
        }
    }
}

/// The next part of a file; empty at its end.
fn part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_LEN as u64).read_to_end(&mut part)?;
    Ok(part)
}

fn place(name: &BlobName) -> Path {
    Path::from(name.as_str())
}

fn wrong(error: object_store::Error) -> Error {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library may refuse in ways it has not yet")]
    match error {
        object_store::Error::NotFound { .. } => Error::Missing,
        error => Error::Bucket(Box::new(error)),
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bucket")
    }
}
