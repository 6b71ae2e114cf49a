//! The throw-away PostgreSQL of this test process: one server, a database per test.
//!
//! Without the server programs a test fails and says what to install; it never passes by not running.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use frontdesk::{
    sim::postgres::{Postgres, USER},
    store::Store,
};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::databases::settings;

pub use frontdesk::sim::postgres::as_owner;

const TEMPLATE: &str = "frontdesk_template";

/// The address of a fresh database on this process's server, its tables up to date.
pub async fn fresh_url() -> String {
    static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let server = server();
    TEMPLATE_MADE
        .get_or_init(|| async {
            server.run(format!("CREATE DATABASE {TEMPLATE}")).await.unwrap();
            user_made(server).await;
            let store = Store::open(&settings(&server.url(TEMPLATE))).await.unwrap();
            store.migrate().await.unwrap();
            store.close().await;
        })
        .await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server.run(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await.unwrap();
    server.url(&name)
}

/// The address of a fresh database without any tables.
pub async fn bare_url() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("bare_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server().run(format!("CREATE DATABASE {name}")).await.unwrap();
    user_made(server()).await;
    server().url(&name)
}

/// Makes whoever works with the tables, once.
async fn user_made(server: &Postgres) {
    static USER_MADE: OnceCell<()> = OnceCell::const_new();
    USER_MADE.get_or_init(|| async { server.run(format!("CREATE ROLE {USER} LOGIN")).await.unwrap() }).await;
}

/// This process's server, which is started when it is first asked for. It ends with the process.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::start().unwrap_or_else(|error| panic!("{error}")))
}

/// The folder of a database's files, once everything that went is vacuumed away and written down.
pub async fn files_of(url: &str) -> std::path::PathBuf {
    let mut db = PgConnection::connect(&as_owner(url)).await.unwrap();
    db.execute("VACUUM FULL").await.unwrap();
    db.execute("CHECKPOINT").await.unwrap();
    let asked = "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database WHERE datname = current_database()";
    let (folder,): (String,) = sqlx::query_as(asked).fetch_one(&mut db).await.unwrap();
    folder.into()
}
