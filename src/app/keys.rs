//! The keys that seal what is secret in the database, and how they are changed.
//!
//! Secrets are sealed under keys that lie in the database, themselves sealed under the configured one. A fresh key can so
//! be made while servers are serving ([`Keys::rotate`]): they learn of it by looking now and then, and at once where they
//! meet something sealed under a key they do not know. Keys are never taken away, so nothing that is sealed is lost.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;
use tracing::{info, warn};

use crate::{
    domain::time::Timestamp,
    platform::{
        clock::Clock,
        secrets::{self, Place, Ring, Sealer},
        tasks::Tasks,
    },
    store::{self, DataKey, SealedColumn, SealedValue, Store},
};

/// What the seal of a key is bound to.
const KEY_COLUMN: &str = "data_keys.key";
/// How often a server looks for fresh keys.
pub const LOOK_PERIOD: Duration = Duration::from_secs(5);
/// How long it takes until every server seals under a fresh key, with some time to spare.
pub const SETTLE: Duration = Duration::from_secs(12);
/// How many values are sealed anew in one transaction.
const AT_ONCE_MAX: u32 = 100;
/// How often the first key is tried to be made while others try the same.
const TRIES_MAX: u32 = 4;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] store::Error),
    /// The configured key, or what was sealed under it.
    #[error("{0}")]
    Secrets(#[from] secrets::Error),
    /// Another key was configured when they were made.
    #[error(
        "the keys in the database were sealed under another `secrets.key`; set that one as `secrets.previous_key`"
    )]
    OtherKey,
}

impl From<Error> for super::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Secrets(_) | Error::OtherKey => Self::Internal(Box::new(error)),
        }
    }
}

/// The keys. Cheap to clone; clones know the same.
#[derive(Clone)]
pub struct Keys(Arc<Parts>);

struct Parts {
    store: Store,
    ring: Ring,
    /// What the keys themselves are sealed under; `None` when none is configured.
    masters: Option<Masters>,
}

struct Masters {
    present: Sealer,
    previous: Option<Sealer>,
}

/// What became of sealing everything anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many secrets were sealed under the newest key.
    pub resealed: u64,
    /// How many open under no key that is known; they stay as they are.
    pub shut: u64,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("newest", &self.0.ring.newest()).finish_non_exhaustive()
    }
}

impl Keys {
    /// A key that ends with this process and is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Secrets`], which no key of ours causes.
    pub fn passing(store: &Store) -> Result<Self, Error> {
        let keys = Self(Arc::new(Parts { store: store.clone(), ring: Ring::default(), masters: None }));
        keys.0.ring.learn(Sealer::new(&secrets::fresh_key())?);
        Ok(keys)
    }

    /// The keys in the database, opened with the configured one; the first is made where there is none. Those that only
    /// `previous` opens are sealed under the configured one.
    ///
    /// # Errors
    /// [`Error::Secrets`] when a configured key is none; [`Error::OtherKey`]; [`Error::Store`].
    pub async fn load(
        store: &Store,
        configured: &SecretString,
        previous: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let previous = previous.map(Sealer::new).transpose()?;
        let masters = Masters { present: Sealer::new(configured)?, previous };
        let keys =
            Self(Arc::new(Parts { store: store.clone(), ring: Ring::default(), masters: Some(masters) }));
        for _ in 0..TRIES_MAX {
            keys.learn(0).await?;
            if keys.0.ring.newest().is_some() {
                return Ok(keys);
            }
            keys.make(now).await?;
        }
        Err(Error::Store(store::Error::Busy(None)))
    }

    /// Whether what they seal can be opened after this process has ended.
    pub fn lasting(&self) -> bool {
        self.0.masters.is_some()
    }

    /// Seals `secret` for one place.
    ///
    /// # Errors
    /// [`Error::Secrets`], which no text of ours causes.
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, Error> {
        Ok(self.0.ring.seal(place, secret)?)
    }

    /// Opens what was sealed for the same place. A key that is not known is looked for.
    ///
    /// # Errors
    /// [`Error::Secrets`] when it does not open; [`Error::Store`]; [`Error::OtherKey`].
    pub async fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, Error> {
        match self.0.ring.open(place, sealed) {
            Err(secrets::Error::OtherKey) if self.lasting() => {
                self.learn(0).await?;
                Ok(self.0.ring.open(place, sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Looks for fresh keys now and then, until somebody asks to leave.
    pub async fn keep_up(self, tasks: Tasks, clock: Clock) {
        while self.lasting() && !tasks.is_leaving() {
            tokio::select! {
                () = clock.sleep(LOOK_PERIOD) => {}
                () = tasks.leaving() => return,
            }
            if let Err(error) = self.look().await {
                warn!(error = &error as &dyn std::error::Error, "fresh keys could not be looked for");
            }
        }
    }

    /// Looks for fresh keys.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::OtherKey`].
    pub async fn look(&self) -> Result<(), Error> {
        self.learn(self.0.ring.newest().unwrap_or(0)).await
    }

    /// Makes a fresh key and seals everything under it; the key's number. Servers that do not know it yet may still seal
    /// under the one before: after [`SETTLE`] somebody should [`reseal`](Self::reseal) once more.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::OtherKey`], also when no key is configured.
    pub async fn rotate(&self, now: Timestamp) -> Result<(u32, Resealed), Error> {
        self.look().await?;
        self.make(now).await?;
        self.look().await?;
        let id = self.0.ring.newest().ok_or(Error::OtherKey)?;
        info!(key.id = id, "a fresh key seals from here on");
        Ok((id, self.reseal().await?))
    }

    /// Seals whatever is sealed under an older key under the newest, a bounded number at a time. What changes meanwhile
    /// is left to whoever changed it.
    ///
    /// # Errors
    /// [`Error::Store`]; what was sealed anew until then stays so, and doing it again does the rest.
    pub async fn reseal(&self) -> Result<Resealed, Error> {
        self.look().await?;
        let newest = self.0.ring.newest();
        let mut done = Resealed::default();
        for column in SealedColumn::ALL {
            let mut after = String::new();
            loop {
                let values = self.0.store.across_tenants().sealed(column, &after, AT_ONCE_MAX).await?;
                let Some(last) = values.last() else { break };
                after.clone_from(&last.row);
                let mut changed = Vec::with_capacity(values.len());
                for value in values {
                    if secrets::key_id(&value.sealed).ok() == newest {
                        continue;
                    }
                    match self.anew(column, &value).await {
                        Ok(sealed) => changed.push((value, sealed)),
                        Err(Error::Secrets(error)) => {
                            warn!(
                                column = column.name(),
                                row = value.row,
                                error = &error as &dyn std::error::Error,
                                "a sealed secret stays shut"
                            );
                            done.shut += 1;
                        }
                        Err(error) => return Err(error),
                    }
                }
                if !changed.is_empty() {
                    done.resealed += self.0.store.across_tenants().reseal(column, &changed).await?;
                }
            }
        }
        Ok(done)
    }

    async fn anew(&self, column: SealedColumn, value: &SealedValue) -> Result<Vec<u8>, Error> {
        let place = Place { owner: value.owner.as_ref(), column: column.name(), row: &value.row };
        let secret = self.open(place, &value.sealed).await?;
        self.seal(place, &secret)
    }

    /// Adds a key, unless somebody else has just added one.
    async fn make(&self, now: Timestamp) -> Result<(), Error> {
        let masters = self.0.masters.as_ref().ok_or(Error::OtherKey)?;
        let id = self.0.ring.newest().unwrap_or(0) + 1;
        let sealed = masters.present.seal(key_of(&id.to_string()), &secrets::fresh_key())?;
        let mut tx = self.0.store.begin_platform().await?;
        match tx.data_keys().add(&DataKey { id, sealed, made: now }).await {
            Ok(()) => Ok(tx.commit().await?),
            Err(store::Error::NotUnique(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes on the keys with greater numbers.
    async fn learn(&self, after: u32) -> Result<(), Error> {
        let Some(masters) = &self.0.masters else { return Ok(()) };
        let kept = self.0.store.read_platform().await?.data_keys().after(after).await?;
        for kept in kept {
            let name = kept.id.to_string();
            let key = match (masters.present.open(key_of(&name), &kept.sealed), &masters.previous) {
                (Err(secrets::Error::OtherKey), Some(previous)) => {
                    let opened = previous.open(key_of(&name), &kept.sealed);
                    let key = opened.map_err(|_| Error::OtherKey)?;
                    let sealed = masters.present.seal(key_of(&name), &key)?;
                    let mut tx = self.0.store.begin_platform().await?;
                    tx.data_keys().replace(&kept, &sealed).await?;
                    tx.commit().await?;
                    info!(key.id = kept.id, "a key was sealed under the configured one");
                    key
                }
                (Err(secrets::Error::OtherKey), None) => return Err(Error::OtherKey),
                (opened, _) => opened?,
            };
            self.0.ring.learn(Sealer::numbered(kept.id, &key)?);
        }
        Ok(())
    }
}

fn key_of(name: &str) -> Place<'_> {
    Place { owner: None, column: KEY_COLUMN, row: name }
}
