//! Files that are too large for the database: recordings.
//!
//! A blob appears whole or not at all: it is written beside its place and renamed into it. Names are made by
//! the server and checked, so no name leads out of the folder. Everything here waits for the disk; call it
//! from a blocking thread, never from a task that carries a call.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

/// `[blobs]`: where the files are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder for recordings.
    pub folder: PathBuf,
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
    /// What was read back is not what was written.
    #[error("{} does not keep what is written to it", .0.display())]
    Forgetful(PathBuf),
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

/// The folder of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: Arc<Path>,
}

impl Blobs {
    /// Opens the folder, making it when it is not there.
    ///
    /// # Errors
    /// [`Error::Disk`], when it cannot be made.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let folder: Arc<Path> = Arc::from(settings.folder.as_path());
        make_folder(&folder)?;
        Ok(Self { folder })
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
        let path = self.path(name);
        make_folder(path.parent().unwrap_or(&self.folder))?;
        let mut draft = path.clone().into_os_string();
        draft.push(DRAFT);
        let draft = PathBuf::from(draft);
        let file = private().read(true).write(true).create(true).truncate(true).open(&draft);
        let file = file.map_err(|source| Error::Disk { doing: "create", path: draft.clone(), source })?;
        Ok(Draft { file, draft, path, finished: false })
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn get(&self, name: &BlobName) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.read(name)?.read_to_end(&mut bytes);
        read.map_err(|source| Error::Disk { doing: "read", path: self.path(name), source })?;
        Ok(bytes)
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Disk`].
    pub fn read(&self, name: &BlobName) -> Result<File, Error> {
        let path = self.path(name);
        File::open(&path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                Error::Missing
            } else {
                Error::Disk { doing: "open", path, source }
            }
        })
    }

    /// Where a blob is, or would be.
    pub fn path(&self, name: &BlobName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// Removes a blob; one that is not there is gone already.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn delete(&self, name: &BlobName) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Disk { doing: "remove", path, source })
            }
            _ => Ok(()),
        }
    }

    /// Writes a blob, reads it back and removes it: whether this folder can be relied on.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::Forgetful`].
    pub fn check(&self) -> Result<(), Error> {
        let name = BlobName::new(format!("check-{}.txt", std::process::id()))?;
        let words = b"frontdesk keeps recordings here";
        self.put(&name, words)?;
        let back = self.get(&name)?;
        self.delete(&name)?;
        if back == words { Ok(()) } else { Err(Error::Forgetful(self.folder.to_path_buf())) }
    }
}

/// A blob that is being written. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    file: File,
    draft: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Draft {
    /// Everything is written: from here on the blob has its name.
    ///
    /// # Errors
    /// [`Error::Disk`]; nothing is left behind then.
    pub fn finish(mut self) -> Result<(), Error> {
        self.file.sync_all().map_err(|source| self.failed("write", source))?;
        fs::rename(&self.draft, &self.path).map_err(|source| self.failed("rename", source))?;
        self.finished = true;
        Ok(())
    }

    /// Another handle of the file, for what wants to own one. It shares the place in the file.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|source| self.failed("open", source))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Disk { doing, path: self.draft.clone(), source }
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

impl Read for Draft {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for Draft {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing can be done about a file that does not go; it is never taken for a blob.
            let _ = fs::remove_file(&self.draft);
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
