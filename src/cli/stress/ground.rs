//! What a stress stands on: a database, a folder, and the configuration of everybody who uses them.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;

use crate::{
    boot::config::Config,
    platform::ids,
    sim::{
        postgres::{self, Postgres, USER},
        stage,
    },
    store::Store,
};

/// Which database is used.
#[derive(Clone, Debug, Default)]
pub(super) enum Database {
    /// An embedded one.
    #[default]
    Embedded,
    /// A PostgreSQL that is made for it and goes with it.
    Fresh,
    /// A PostgreSQL that is there: as whom to work in it, and who owns its tables.
    Given(String, String),
}

impl Database {
    /// The one at `url`, or `otherwise`.
    pub(super) fn of(url: Option<String>, owner_url: Option<String>, otherwise: Self) -> Self {
        url.map_or(otherwise, |url| Self::Given(url, owner_url.unwrap_or_default()))
    }
}

/// A database with its tables, a folder, and the settings that go with them.
pub(super) struct Ground {
    /// Where everything is kept that is no row.
    pub folder: PathBuf,
    /// What every server there has in its environment.
    pub settings: Vec<(String, String)>,
    /// Kept for as long as anybody uses it.
    _postgres: Option<Arc<Postgres>>,
}

impl Ground {
    /// Prepares one.
    pub(super) async fn prepare(database: Database) -> anyhow::Result<Self> {
        let folder = stage::fresh_folder(&std::env::temp_dir());
        std::fs::create_dir_all(&folder).context("there is no folder for the stress")?;
        let mut fresh = None;
        let (url, owner_url) = match database {
            Database::Embedded => {
                (format!("sqlite://{}", folder.join("frontdesk.db").display()), String::new())
            }
            Database::Fresh => {
                let server = tokio::task::spawn_blocking(Postgres::start).await??;
                server.run("CREATE DATABASE stress".to_owned()).await?;
                server.run(format!("CREATE ROLE {USER} LOGIN")).await?;
                let url = server.url("stress");
                fresh = Some(Arc::new(server));
                (url.clone(), postgres::as_owner(&url))
            }
            Database::Given(url, owner_url) => (url, owner_url),
        };
        let key = base64_simd::STANDARD.encode_to_string(ids::secret());
        let many = "4000000000".to_owned();
        let settings = [
            ("DATABASE__URL", url),
            ("DATABASE__OWNER_URL", owner_url),
            ("DATABASE__CONNECTIONS_MAX", "20".to_owned()),
            ("BLOBS__FOLDER", folder.join("blobs").display().to_string()),
            ("SECRETS__KEY", key),
            ("RATE_LIMITS__AUTHENTICATION", many.clone()),
            ("RATE_LIMITS__REQUESTS", many.clone()),
            ("RATE_LIMITS__STRANGERS", many),
            ("LOG__LEVEL", std::env::var("FRONTDESK__LOG__LEVEL").unwrap_or_else(|_| "warn".to_owned())),
        ];
        let settings: Vec<_> =
            settings.into_iter().map(|(name, value)| (format!("FRONTDESK__{name}"), value)).collect();
        let ground = Self { folder, settings, _postgres: fresh };
        let store = Store::open(&ground.config(&[])?.database).await?;
        store.migrate().await?;
        store.close().await;
        Ok(ground)
    }

    /// The configuration everybody here has, with some of their own.
    pub(super) fn config(&self, own: &[(String, String)]) -> anyhow::Result<Config> {
        Ok(Config::read(None, self.settings.iter().chain(own).cloned())?)
    }

    /// The database.
    pub(super) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&self.config(&[])?.database).await?)
    }

    /// Takes the folder away.
    pub(super) fn clear(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "a folder was left behind");
        }
    }
}
