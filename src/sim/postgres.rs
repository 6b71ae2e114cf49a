//! A throw-away PostgreSQL: the machine's own server programs, in a folder of its own.
//!
//! It listens on a Unix socket, keeps nothing, and is gone when whoever started it is, even when they were killed: a
//! watcher holds the other end of a pipe. What is in it is the asker's.

use std::{
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use crate::platform::ids;

/// Who owns the tables.
pub const OWNER: &str = "frontdesk";
/// Who works with them.
pub const USER: &str = "frontdesk_app";

/// Longest folder for temporary files that is used: a socket's path has room for about a hundred bytes.
const FOLDER_LEN_MAX: usize = 60;

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server programs are not installed.
    #[error(
        "PostgreSQL's server programs (initdb, pg_ctl, postgres) are needed and were not found in PATH or \
         /usr/lib/postgresql: install the package `postgresql`, or run `sh tests/run.sh`, which does"
    )]
    NotInstalled,
    /// It did not start.
    #[error("PostgreSQL did not start:\n{0}")]
    NotStarted(String),
    /// It did not do what it was told.
    #[error("PostgreSQL refuses")]
    Refused(#[from] sqlx::Error),
    /// A folder or a process.
    #[error("PostgreSQL needs a folder and a process")]
    Machine(#[from] io::Error),
}

/// A running server. It goes with this.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    watcher: Child,
}

impl Postgres {
    /// Starts one; waits until it answers.
    ///
    /// # Errors
    /// [`Error`].
    pub fn start() -> Result<Self, Error> {
        let programs = programs().ok_or(Error::NotInstalled)?;
        let parent = Some(std::env::temp_dir()).filter(|dir| dir.as_os_str().len() < FOLDER_LEN_MAX);
        let parent = parent.unwrap_or_else(|| PathBuf::from("/tmp"));
        let folder = parent.join(format!("frontdesk-pg-{}", &ids::token()[..12]));
        std::fs::create_dir(&folder)?;
        let mut watcher = Command::new("sh")
            .args(["-c", include_str!("postgres_watcher.sh"), "watcher"])
            .arg(&folder)
            .arg(&programs)
            .arg(unprivileged()?.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut word = String::new();
        if let Some(said) = watcher.stdout.take() {
            BufReader::new(said).read_line(&mut word)?;
        }
        if word.trim() != "ready" {
            let log = std::fs::read_to_string(folder.join("start.log"));
            return Err(Error::NotStarted(log.unwrap_or_default()));
        }
        Ok(Self { folder, watcher })
    }

    /// Has the server do something that stands in no database of ours.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn run(&self, sql: String) -> Result<(), Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .username(OWNER)
            .database("postgres")
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute(AssertSqlSafe(sql)).await?;
        Ok(connection.close().await?)
    }

    /// The address of a database on it, for whoever works with the tables.
    pub fn url(&self, database: &str) -> String {
        let host = self.folder.to_string_lossy();
        let host: String = form_urlencoded::byte_serialize(host.as_bytes()).collect();
        format!("postgres://{USER}@localhost/{database}?host={host}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // It takes everything away; without it, nothing is left to do.
        let _ = self.watcher.wait();
    }
}

/// The same database, as the owner of its tables.
pub fn as_owner(url: &str) -> String {
    url.replacen(USER, OWNER, 1)
}

/// The user to run the server as: PostgreSQL refuses to be run by root.
fn unprivileged() -> io::Result<Option<&'static str>> {
    let id = |args: &[&str]| Command::new("id").args(args).output();
    if id(&["-u"])?.stdout.trim_ascii() != b"0" {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        if id(&["-u", user])?.status.success() {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// The folder that holds the newest server's programs.
fn programs() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|p| dir.join(p).exists());
    let in_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).find(complete))
        // A link elsewhere would hide the folder the programs look for each other in.
        .and_then(|dir| dir.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf));
    let installed = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<_> = versions
            .filter_map(|entry| {
                let version: u32 = entry.as_ref().ok()?.file_name().to_str()?.parse().ok()?;
                Some((version, entry.ok()?.path().join("bin")))
            })
            .collect();
        folders.sort();
        folders.into_iter().rev().map(|(_, folder)| folder).find(complete)
    };
    in_path.or_else(installed)
}
