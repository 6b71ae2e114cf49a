//! Turns passwords into hashes, and tells whether one fits.
//!
//! Argon2id, on threads that may block, a few at a time: whoever logs in never takes the time of a call. Somebody who
//! is not known costs the same work as somebody who is. Which passwords are good enough is [`crate::domain::password`]'s
//! to say.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::metrics::LIMIT_REACHED_TOTAL;

/// Memory one hash takes, in KiB. This and the two after it are what OWASP's Password Storage Cheat Sheet recommends
/// for Argon2id. A password whose hash was made with others is hashed anew at the next login.
pub const MEMORY_KIB: u32 = 19_456;
/// How often that memory is gone over.
pub const PASSES: u32 = 2;
/// How many threads one hash keeps busy.
pub const LANES: u32 = 1;
/// How many may wait for their turn; further ones are refused at once.
pub const WAITING_MAX: usize = 64;

/// A hash of nothing with our parameters: what the password of somebody unknown is compared with. The salt and the
/// hash are made up; finding that out costs as much as with any other.
fn decoy() -> String {
    format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$\
         bm9ib2R5J3Mgc2FsdCBhdCBhbGw$bm9ib2R5J3MgaGFzaCwgbm8gcGFzc3dvcmQgZml0cyE"
    )
}

/// How a password compares with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash should be made anew: the parameters have changed.
    RightButOutdated,
}

/// Why a password was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many others wait.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The arithmetic refused, or its thread fell.
    #[error("the password could not be hashed")]
    Failed,
}

/// Whoever hashes passwords. Clones share the turns.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    made: Arc<AtomicU64>,
}

impl Passwords {
    /// One that uses half of the processors at most, and always one.
    pub fn new() -> Self {
        let at_once = thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            room: Arc::new(Semaphore::new(at_once + WAITING_MAX)),
            made: Arc::default(),
        }
    }

    /// How many hashes have been computed: what logging in costs, whoever it was.
    pub fn computed(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// The hash of a password, as text that names its own parameters and salt.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Failed`].
    pub async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let password = password.clone();
        self.in_turn(move || {
            let hash: PasswordHash =
                hasher()?.hash_password(password.expose_secret().as_bytes()).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one of `hash`. Without a hash it is wrong, and costs the same.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Failed`].
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<Verdict, Error> {
        let password = password.clone();
        let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
        self.in_turn(move || {
            let decoy = PasswordHash::new(&decoy()).map_err(failed)?;
            let hash = known.as_ref().unwrap_or(&decoy);
            let fits = hasher()?.verify_password(password.expose_secret().as_bytes(), hash).is_ok();
            Ok(match known {
                Some(hash) if fits && is_current(&hash) => Verdict::Right,
                Some(_) if fits => Verdict::RightButOutdated,
                _ => Verdict::Wrong,
            })
        })
        .await
    }

    /// Runs the arithmetic beside, when it is its turn. Its turn lasts until it is done, whoever still waits for it.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            counter!(LIMIT_REACHED_TOTAL, "limit" => "passwords_waiting_max").increment(1);
            return Err(Error::Busy);
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(failed)?;
        let made = Arc::clone(&self.made);
        let done = spawn_blocking(move || {
            let _held = (place, turn);
            made.fetch_add(1, Ordering::Relaxed);
            work()
        });
        done.await.map_err(failed)?
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("computed", &self.computed()).finish_non_exhaustive()
    }
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_current(hash: &PasswordHash) -> bool {
    hash.algorithm.as_str() == "argon2id"
        && Params::try_from(hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
        })
}

/// What exactly failed would tell of the password.
fn failed<E>(_: E) -> Error {
    Error::Failed
}
