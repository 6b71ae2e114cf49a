//! Every test of the store runs on both databases, each time on a fresh one.

use frontdesk::store::{Settings, Store};

use super::postgres;

/// Enough for tests in which many want something at once.
pub const CONNECTIONS_MAX: u32 = 12;

/// A fresh database with its tables; an embedded one lies in a folder that goes when this does.
pub struct Fresh {
    /// The database.
    pub store: Store,
    _folder: Option<tempfile::TempDir>,
}

/// A fresh embedded database.
pub async fn on_sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("frontdesk.db").display());
    let store = open(&url).await;
    store.migrate().await.unwrap();
    Fresh { store, _folder: Some(folder) }
}

/// A fresh database on this process's PostgreSQL.
pub async fn on_postgres() -> Fresh {
    Fresh { store: open(&postgres::fresh_url().await).await, _folder: None }
}

/// The settings of a store on the database at `url`.
pub fn settings(url: &str) -> Settings {
    let owner_url = if url.starts_with("postgres") { postgres::as_owner(url) } else { String::new() };
    Settings { url: url.to_owned(), connections_max: CONNECTIONS_MAX, owner_url, trust_any_user: false }
}

/// A store on the database at `url`.
pub async fn open(url: &str) -> Store {
    Store::open(&settings(url)).await.unwrap()
}

/// Runs each test on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($fresh:ident: Fresh) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn promise($fresh: $crate::support::databases::Fresh) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                promise($crate::support::databases::on_sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                promise($crate::support::databases::on_postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both;
