//! What is too large for the database: recordings, as files or in a bucket.
//!
//! A blob appears whole or not at all: it is written beside its place and renamed into it. Names are made by
//! the server and checked, so no name leads out of the folder. Everything here waits for the disk; call it
//! from a blocking thread, never from a task that carries a call.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;
use serde::Deserialize;

use super::bucket::Bucket;

/// `[blobs]`: where they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder for recordings; with a bucket, for those that are being made.
    pub folder: PathBuf,
    /// The bucket in which finished ones are kept; empty for none.
    pub bucket: String,
    /// Where the bucket's API answers; empty for AWS.
    pub endpoint: String,
    /// In which region the bucket is.
    pub region: String,
    /// Who we are to it.
    pub access_key_id: String,
    /// How we prove that.
    pub secret_access_key: SecretString,
}

impl Settings {
    /// Everything in a folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            bucket: String::new(),
            endpoint: String::new(),
            region: String::new(),
            access_key_id: String::new(),
            secret_access_key: SecretString::default(),
        }
    }
}

/// Why a blob could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is not one the server makes.
    #[error("not the name of a blob")]
    BadName,
    /// There is no such blob.
    #[error("no such blob")]
    Missing,
    /// The disk refused.
    #[error("cannot {doing} {}", path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bucket refused, or cannot be reached.
    #[error("the bucket cannot be used")]
    Bucket(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was read back is not what was written.
    #[error("what is written there is not kept")]
    Forgetful,
}

/// Longest name of a blob, in bytes.
const NAME_LEN_MAX: usize = 200;
/// How the file is called while it is being written, after its name.
const DRAFT: &str = ".part";

/// The name of a blob: one or more parts of small letters, digits, `_` and `-` joined by `/`, the last with an
/// ending.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName(String);

impl BlobName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// [`Error::BadName`].
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let plain = |part: &str| {
            let known =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
            !part.is_empty() && part.bytes().all(known)
        };
        let (stem, ending) = name.rsplit_once('.').ok_or(Error::BadName)?;
        let good = name.len() <= NAME_LEN_MAX && plain(ending) && stem.split('/').all(plain);
        if good { Ok(Self(name)) } else { Err(Error::BadName) }
    }

    /// The same name with another ending: `a/b.wav` to `a/b.ogg`.
    ///
    /// # Errors
    /// [`Error::BadName`], when `ending` is not one.
    pub fn with_ending(&self, ending: &str) -> Result<Self, Error> {
        let stem = self.0.rsplit_once('.').map_or(self.0.as_str(), |(stem, _)| stem);
        Self::new(format!("{stem}.{ending}"))
    }

    /// The name as text, the way it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where finished blobs lie. The one below is a folder; what else keeps bytes under a name can be another.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// Takes over the finished file `draft` under `name`, replacing what was there; the file goes.
    ///
    /// # Errors
    /// When it cannot be kept; then what was there stays.
    fn keep(&self, name: &BlobName, draft: &Path) -> Result<(), Error>;

    /// How long a blob is, in bytes.
    ///
    /// # Errors
    /// [`Error::Missing`], or when it cannot be told.
    fn len(&self, name: &BlobName) -> Result<u64, Error>;

    /// What is in a blob from the byte `from` on: `count` bytes, fewer at its end.
    ///
    /// # Errors
    /// [`Error::Missing`], or when it cannot be read.
    fn read(&self, name: &BlobName, from: u64, count: usize) -> Result<Vec<u8>, Error>;

    /// Removes a blob; one that is not there is gone already.
    ///
    /// # Errors
    /// When it may still be there.
    fn delete(&self, name: &BlobName) -> Result<(), Error>;
}

/// Blobs as files.
#[derive(Debug)]
struct Folder(Arc<Path>);

impl Shelf for Folder {
    fn keep(&self, name: &BlobName, draft: &Path) -> Result<(), Error> {
        let path = self.0.join(name.as_str());
        fs::rename(draft, &path).map_err(|source| Error::Disk { doing: "rename", path: draft.into(), source })
    }

    fn len(&self, name: &BlobName) -> Result<u64, Error> {
        let path = self.0.join(name.as_str());
        Ok(open_file(&path)?.metadata().map_err(|source| Error::Disk { doing: "read", path, source })?.len())
    }

    fn read(&self, name: &BlobName, from: u64, count: usize) -> Result<Vec<u8>, Error> {
        let path = self.0.join(name.as_str());
        let mut file = open_file(&path)?;
        read_part(&mut file, from, count).map_err(|source| Error::Disk { doing: "read", path, source })
    }

    fn delete(&self, name: &BlobName) -> Result<(), Error> {
        remove(self.0.join(name.as_str()))
    }
}

/// The blobs. Clones share them. What is being written lies in the folder, wherever it goes when it is finished.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: Arc<Path>,
    shelf: Arc<dyn Shelf>,
}

impl Blobs {
    /// Opens the folder, making it when it is not there; and the bucket, where one is configured, which needs a runtime.
    ///
    /// # Errors
    /// [`Error::Disk`], when the folder cannot be made; [`Error::Bucket`].
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let folder: Arc<Path> = Arc::from(settings.folder.as_path());
        make_folder(&folder)?;
        let shelf: Arc<dyn Shelf> = match settings.bucket.as_str() {
            "" => Arc::new(Folder(Arc::clone(&folder))),
            _ => Arc::new(Bucket::open(settings)?),
        };
        Ok(Self { folder, shelf })
    }

    /// Keeps `bytes` under `name`, replacing what was there.
    ///
    /// # Errors
    /// [`Error::Disk`]; nothing is left behind then.
    pub fn put(&self, name: &BlobName, bytes: &[u8]) -> Result<(), Error> {
        let mut draft = self.begin(name)?;
        draft.write_all(bytes).map_err(|source| draft.failed("write", source))?;
        draft.finish()
    }

    /// Begins a blob that is written piece by piece. It has its name once [`Draft::finish`] was called; until
    /// then it can be dropped without a trace.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn begin(&self, name: &BlobName) -> Result<Draft, Error> {
        let path = self.draft(name);
        make_folder(path.parent().unwrap_or(&self.folder))?;
        let file = private().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|source| Error::Disk { doing: "create", path: path.clone(), source })?;
        Ok(Draft { file, path, name: name.clone(), shelf: Arc::clone(&self.shelf), finished: false })
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn get(&self, name: &BlobName) -> Result<Vec<u8>, Error> {
        self.shelf.read(name, 0, usize::MAX)
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn read(&self, name: &BlobName) -> Result<Blob, Error> {
        let len = self.shelf.len(name)?;
        Ok(Blob::of(Lies::Shelf(Arc::clone(&self.shelf), name.clone()), len))
    }

    /// Opens what there is so far of a blob that is being written, or was when its process ended.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn read_draft(&self, name: &BlobName) -> Result<Blob, Error> {
        let path = self.draft(name);
        let len = open_file(&path)?.metadata().map(|about| about.len());
        let len = len.map_err(|source| Error::Disk { doing: "read", path: path.clone(), source })?;
        Ok(Blob::of(Lies::Draft(path.into()), len))
    }

    /// Whether there is a blob of that name.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn has(&self, name: &BlobName) -> Result<bool, Error> {
        match self.shelf.len(name) {
            Ok(_) => Ok(true),
            Err(Error::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where a blob is, or would be, when blobs are files.
    pub fn path(&self, name: &BlobName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// Removes a blob and what was begun of it; one that is not there is gone already.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn delete(&self, name: &BlobName) -> Result<(), Error> {
        remove(self.draft(name))?;
        self.shelf.delete(name)
    }

    /// Writes a blob, reads it back and removes it: whether what is kept here can be relied on.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::Forgetful`].
    pub fn check(&self) -> Result<(), Error> {
        let name = BlobName::new(format!("check-{}.txt", std::process::id()))?;
        let words = b"frontdesk keeps recordings here";
        self.put(&name, words)?;
        let back = self.get(&name)?;
        self.delete(&name)?;
        if back == words { Ok(()) } else { Err(Error::Forgetful) }
    }

    fn draft(&self, name: &BlobName) -> PathBuf {
        let mut draft = self.path(name).into_os_string();
        draft.push(DRAFT);
        PathBuf::from(draft)
    }
}

/// A blob that is there, to be read from wherever somebody wants.
pub struct Blob {
    lies: Lies,
    len: u64,
    at: u64,
    /// What was read last, and where it begins: whoever reads on mostly finds it here.
    window: (u64, Vec<u8>),
}

/// How much is read at once, in bytes.
const WINDOW_LEN: usize = 256 * 1_024;

#[derive(Clone, Debug)]
enum Lies {
    Shelf(Arc<dyn Shelf>, BlobName),
    Draft(Arc<Path>),
}

impl Blob {
    fn of(lies: Lies, len: u64) -> Self {
        Self { lies, len, at: 0, window: (0, Vec::new()) }
    }

    /// How long it was when it was opened, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is in it from the byte `from` on: `count` bytes, fewer at its end.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn read_at(&mut self, from: u64, count: usize) -> Result<&[u8], Error> {
        let left = usize::try_from(self.len.saturating_sub(from)).unwrap_or(usize::MAX);
        let count = count.min(left);
        let (begins, window) = &self.window;
        let ends = begins + window.len() as u64;
        if count > 0 && (from < *begins || from.saturating_add(count as u64) > ends) {
            self.window = (from, self.fetch(from, count.max(WINDOW_LEN).min(left))?);
        }
        let (begins, window) = &self.window;
        let within = usize::try_from(from.saturating_sub(*begins)).unwrap_or(usize::MAX).min(window.len());
        Ok(&window[within..within.saturating_add(count).min(window.len())])
    }

    fn fetch(&self, from: u64, count: usize) -> Result<Vec<u8>, Error> {
        match &self.lies {
            Lies::Shelf(shelf, name) => shelf.read(name, from, count),
            Lies::Draft(path) => {
                let read = read_part(&mut open_file(path)?, from, count);
                read.map_err(|source| Error::Disk { doing: "read", path: path.to_path_buf(), source })
            }
        }
    }

    /// The same once more, from the beginning.
    pub fn again(&self) -> Self {
        Self::of(self.lies.clone(), self.len)
    }
}

/// What was said is not for logs.
impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("lies", &self.lies).field("len", &self.len).finish_non_exhaustive()
    }
}

impl Read for Blob {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let found = self.read_at(self.at, bytes.len()).map_err(io::Error::other)?;
        let count = found.len();
        bytes[..count].copy_from_slice(found);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Blob {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = moved(self.at, self.len, to)?;
        Ok(self.at)
    }
}

/// A blob that is being written. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    file: File,
    path: PathBuf,
    name: BlobName,
    shelf: Arc<dyn Shelf>,
    finished: bool,
}

impl Draft {
    /// Everything is written: from here on the blob has its name.
    ///
    /// # Errors
    /// [`Error::Disk`]; nothing is left behind then.
    pub fn finish(mut self) -> Result<(), Error> {
        self.file.sync_all().map_err(|source| self.failed("write", source))?;
        self.shelf.keep(&self.name, &self.path)?;
        self.finished = true;
        Ok(())
    }

    /// What has been written so far, to be read from its beginning.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn written(&self) -> Result<Blob, Error> {
        let about = self.file.metadata().map_err(|source| self.failed("read", source))?;
        Ok(Blob::of(Lies::Draft(self.path.as_path().into()), about.len()))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Disk { doing, path: self.path.clone(), source }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing can be done about a file that does not go; it is never taken for a blob.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Recordings are for nobody else on the machine.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder);
    made.map_err(|source| Error::Disk { doing: "make the folder", path: folder.to_path_buf(), source })
}

fn open_file(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| {
        let missing = source.kind() == io::ErrorKind::NotFound;
        if missing { Error::Missing } else { Error::Disk { doing: "open", path: path.to_path_buf(), source } }
    })
}

fn read_part(file: &mut File, from: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where somebody is who stood at `at` in something `len` long and goes `to`.
pub(super) fn moved(at: u64, len: u64, to: SeekFrom) -> io::Result<u64> {
    let moved = match to {
        SeekFrom::Start(to) => Some(to),
        SeekFrom::End(by) => len.checked_add_signed(by),
        SeekFrom::Current(by) => at.checked_add_signed(by),
    };
    moved.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

fn remove(path: PathBuf) -> Result<(), Error> {
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Disk { doing: "remove", path, source })
        }
        _ => Ok(()),
    }
}
