//! A throw-away PostgreSQL of this test process: one server, a database per test.
//!
//! It listens on a Unix socket in a folder of its own, keeps nothing, and is gone when this process is, even when
//! it was killed: a watcher holds the other end of a pipe. Without the server programs a test fails and says what
//! to install; it never passes by not running.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use frontdesk::store::Store;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use super::databases::settings;

/// What to do when there is no server.
const INSTALL: &str = "PostgreSQL's server programs (initdb, pg_ctl, postgres) are needed and were not found in PATH \
    or /usr/lib/postgresql: install the package `postgresql`, or run `sh tests/run.sh`, which does";

const TEMPLATE: &str = "frontdesk_template";

/// Who owns the tables, and who works with them.
const OWNER: &str = "frontdesk";
const USER: &str = "frontdesk_app";

/// The address of a fresh database on this process's server, its tables up to date.
pub async fn fresh_url() -> String {
    static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let folder = server();
    TEMPLATE_MADE
        .get_or_init(|| async {
            run(folder, format!("CREATE DATABASE {TEMPLATE}")).await;
            user_made(folder).await;
            let store = Store::open(&settings(&url(folder, TEMPLATE))).await.unwrap();
            store.migrate().await.unwrap();
            store.close().await;
        })
        .await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    run(folder, format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
    url(folder, &name)
}

/// The address of a fresh database without any tables.
pub async fn bare_url() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("bare_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    run(server(), format!("CREATE DATABASE {name}")).await;
    user_made(server()).await;
    url(server(), &name)
}

/// Makes whoever works with the tables, once.
async fn user_made(folder: &Path) {
    static USER_MADE: OnceCell<()> = OnceCell::const_new();
    USER_MADE.get_or_init(|| run(folder, format!("CREATE ROLE {USER} LOGIN"))).await;
}

async fn run(folder: &Path, sql: String) {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .username("frontdesk")
        .database("postgres")
        .disable_statement_logging();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

fn url(folder: &Path, database: &str) -> String {
    let host: String = url::form_urlencoded::byte_serialize(folder.to_str().unwrap().as_bytes()).collect();
    format!("postgres://{USER}@localhost/{database}?host={host}")
}

/// The same database, as the owner of its tables.
pub fn as_owner(url: &str) -> String {
    url.replacen(USER, OWNER, 1)
}

/// The folder of this process's server, which is started when it is first asked for.
fn server() -> &'static Path {
    static SERVER: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (folder, _watcher) = SERVER.get_or_init(|| {
        let programs = programs().expect(INSTALL);
        // A socket's path has room for about a hundred bytes, which some machines' folder for temporary files
        // exceeds by itself.
        let parent = Some(std::env::temp_dir()).filter(|dir| dir.as_os_str().len() < 60);
        let folder = tempfile::Builder::new()
            .prefix("frontdesk-pg-")
            .tempdir_in(parent.unwrap_or_else(|| PathBuf::from("/tmp")))
            .unwrap()
            .keep();
        let mut watcher = Command::new("sh")
            .args(["-c", include_str!("postgres_watcher.sh"), "watcher"])
            .arg(&folder)
            .arg(&programs)
            .arg(unprivileged().unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut word = String::new();
        BufReader::new(watcher.stdout.take().unwrap()).read_line(&mut word).unwrap();
        assert!(
            word.trim() == "ready",
            "PostgreSQL did not start:\n{}",
            std::fs::read_to_string(folder.join("start.log")).unwrap_or_default()
        );
        (folder, watcher)
    });
    folder
}

/// The user to run the server as: PostgreSQL refuses to be run by root.
fn unprivileged() -> Option<&'static str> {
    let ids = |args: &[&str]| Command::new("id").args(args).output().unwrap();
    if ids(&["-u"]).stdout.trim_ascii() != b"0" {
        return None;
    }
    Some(["postgres", "nobody"].into_iter().find(|user| ids(&["-u", user]).status.success()).unwrap())
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
