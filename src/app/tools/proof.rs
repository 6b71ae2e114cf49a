//! A caller proves who they are by a secret number on the keypad.
//!
//! The model never learns a digit of it: it asks for the PIN, the call takes it off the keypad, and the model is told what came
//! of it. "None", "wrong" and "no more" sound the same.

use super::{State, Toolbox, Trouble};
use crate::{
    app::{keys::Keys, pins},
    domain::{contact::Pin, id::AppointmentId},
    platform::metrics as figures,
};

/// What came of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// What the model is to know.
    pub fact: &'static str,
    /// Whether what is typed next is a PIN, too.
    pub again: bool,
}

/// Wrong PINs that a call takes.
pub const PINS_PER_CALL_MAX: u32 = 3;

const RIGHT: &str =
    "[The caller has typed their PIN, and it is right. Call the tool again that asked for it.]";
const WRONG: &str =
    "[What the caller has typed is not their PIN. They may type it again, or leave a message.]";
const ENOUGH: &str = "[What the caller has typed is not their PIN, and it cannot be tried again in this call. Offer to take a \
                      message.]";
const STOP: &str =
    "[The caller pressed 9: they do not want to be called. Call do_not_call to hear what to say.]";
const BROKEN: &str = "[The PIN cannot be checked at the moment. Offer to take a message.]";

impl Toolbox {
    /// The tools of a call whose callers can prove who they are.
    #[must_use]
    pub fn proving_with(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Whether an appointment is nobody's business who has not typed their PIN.
    pub(super) async fn guards(&self, state: &State, id: &AppointmentId) -> Result<bool, Trouble> {
        if state.proven {
            return Ok(false);
        }
        let mut tx = self.store.read(&self.context.tenant.id).await?;
        let Some(appointment) = tx.appointments().get(id).await? else { return Ok(false) };
        let service = tx.services().get(&appointment.service).await?;
        Ok(service.is_some_and(|service| service.sensitive))
    }

    /// Looks at what the caller typed for their PIN. In a call of ours, 9 alone still stops all calls.
    pub async fn typed_pin(&self, typed: &str) -> LookedAt {
        let last = |fact| LookedAt { fact, again: false };
        let typed = typed.trim_end_matches('#');
        if typed == "9" && self.takes_keys() {
            self.keyed('9').await;
            return last(STOP);
        }
        let mut state = self.state.lock().await;
        let (Some(contact), Some(keys)) = (state.contact.clone(), &self.keys) else { return last(WRONG) };
        if state.wrong_pins >= PINS_PER_CALL_MAX {
            return last(ENOUGH);
        }
        let right = match typed.parse::<Pin>() {
            Ok(_) => {
                let now = self.clock.now();
                pins::check(&self.store, keys, &self.context.tenant.id, &contact, typed, now).await
            }
            Err(_) => Ok(false),
        };
        match right {
            Ok(true) => {
                state.proven = true;
                last(RIGHT)
            }
            Ok(false) => {
                state.wrong_pins += 1;
                metrics::counter!(figures::SECURITY_TOTAL, "event" => "wrong_pin").increment(1);
                let again = state.wrong_pins < PINS_PER_CALL_MAX;
                LookedAt { fact: if again { WRONG } else { ENOUGH }, again }
            }
            Err(error) => {
                tracing::warn!(call.id = %self.context.call, error = &error as &dyn std::error::Error,
                    "a PIN could not be checked");
                last(BROKEN)
            }
        }
    }
}
