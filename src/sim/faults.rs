//! What a stand-in found wrong with what it was sent.

use std::sync::{Arc, Mutex, PoisonError};

/// The faults a stand-in kept before it stopped keeping more.
const FAULTS_MAX: usize = 100;

/// Everything a stand-in was sent that its vendor would refuse or warn about. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<String>>>);

impl Faults {
    /// Adds one, in words that name the message and what is wrong with it.
    pub fn add(&self, fault: impl Into<String>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < FAULTS_MAX {
            list.push(fault.into());
        }
    }

    /// All of them so far, oldest first.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing was wrong.
    pub fn none(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
