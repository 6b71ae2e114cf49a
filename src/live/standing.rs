//! What people at the business may see and hear of a call in the air: whether it is held, whether its agent is silenced, who
//! listens, and the sound for those who do.
//!
//! The call hands its sound over and goes on: it waits for nobody, and whoever is too slow misses some. Nobody listens to a
//! call that did not begin with the words that a colleague may, or whose caller has not heard them to their end.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use metrics::counter;
use tokio::sync::mpsc;

use super::notice::{Notices, What};
use crate::platform::metrics::LIMIT_REACHED_TOTAL;

/// How many may listen to a call at a time.
pub const LISTENERS_MAX: usize = 4;
/// How many pieces of sound a listener may be behind before some are lost: two seconds of both sides.
const BEHIND_MAX: usize = 200;

/// What a listener hears: μ-law at 8 kHz, as it goes over the telephone.
#[derive(Clone)]
pub enum Heard {
    /// The caller said this.
    Caller(Arc<[u8]>),
    /// The agent is to be heard with this, after what came before.
    Agent(Arc<[u8]>),
    /// What the agent was to be heard with, and was not yet, is given up.
    Clear,
}

/// How a call in the air stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aired {
    /// Whether the caller is on hold.
    pub held: bool,
    /// Whether the agent is silenced.
    pub muted: bool,
    /// Whether it may be listened to: it began with the words that a colleague may.
    pub open: bool,
    /// Who listens, as they are known here.
    pub listeners: Vec<String>,
}

/// Why somebody does not get to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The call is not in the air here, or its caller has not heard that a colleague may listen.
    Closed,
    /// As many listen as may.
    Full,
}

/// One who listens.
struct Ear {
    id: u64,
    who: String,
    sound: mpsc::Sender<Heard>,
}

/// See the module's own words. Shared by the call's driver and whoever asks.
#[derive(Default)]
pub(super) struct Standing {
    held: AtomicBool,
    muted: AtomicBool,
    open: bool,
    /// Whether the caller has heard the words with which it began.
    told: AtomicBool,
    /// How many listen.
    count: AtomicUsize,
    ears: Mutex<Vec<Ear>>,
    next: AtomicU64,
}

impl Standing {
    /// A call that has just come in; `open` says whether it may be listened to.
    pub(super) fn new(open: bool) -> Arc<Self> {
        Arc::new(Self { open, ..Self::default() })
    }

    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(super) fn mute(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// The caller has heard the first words.
    pub(super) fn told(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// Whether anybody listens.
    pub(super) fn heard(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Hands a piece of sound to all who listen, as far as they have room for it.
    pub(super) fn tell(&self, piece: &Heard) {
        let ears = match self.ears.try_lock() {
            Ok(ears) => ears,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return, // Somebody comes or goes: a piece is lost, the call is not.
        };
        for ear in ears.iter() {
            if let Err(mpsc::error::TrySendError::Full(_)) = ear.sound.try_send(piece.clone()) {
                counter!(LIMIT_REACHED_TOTAL, "limit" => "behind_max").increment(1);
            }
        }
    }

    pub(super) fn shown(&self) -> Aired {
        Aired {
            held: self.held.load(Ordering::Relaxed),
            muted: self.muted.load(Ordering::Relaxed),
            open: self.open,
            listeners: self.ears().iter().map(|ear| ear.who.clone()).collect(),
        }
    }

    /// Lets somebody listen from here on.
    pub(super) fn listen(self: &Arc<Self>, who: String, notices: Notices) -> Result<Listening, Unheard> {
        if !self.open || !self.told.load(Ordering::Relaxed) {
            return Err(Unheard::Closed);
        }
        let mut ears = self.ears();
        if ears.len() >= LISTENERS_MAX {
            counter!(LIMIT_REACHED_TOTAL, "limit" => "listeners_max").increment(1);
            return Err(Unheard::Full);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, sound) = mpsc::channel(BEHIND_MAX);
        ears.push(Ear { id, who, sound: sender });
        self.count.store(ears.len(), Ordering::Relaxed);
        drop(ears);
        notices.tell(Default::default(), What::Listening(true));
        Ok(Listening { standing: self.clone(), id, sound, notices })
    }

    /// The call is over: nobody hears more of it.
    pub(super) fn close(&self) {
        self.ears().clear();
        self.count.store(0, Ordering::Relaxed);
    }

    fn leave(&self, id: u64) {
        let mut ears = self.ears();
        ears.retain(|ear| ear.id != id);
        self.count.store(ears.len(), Ordering::Relaxed);
    }

    fn ears(&self) -> MutexGuard<'_, Vec<Ear>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who listens to a call, until this is dropped.
pub struct Listening {
    standing: Arc<Standing>,
    id: u64,
    sound: mpsc::Receiver<Heard>,
    notices: Notices,
}

impl Listening {
    /// The next piece of sound; `None` once the call is over.
    pub async fn next(&mut self) -> Option<Heard> {
        self.sound.recv().await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.standing.leave(self.id);
        self.notices.tell(Default::default(), What::Listening(false));
    }
}
