//! A caller proves who they are by a secret number on the keypad.
//!
//! The model never learns a digit of it: it asks for the PIN, the call takes it off the keypad, and the model is told what came
//! of it. "None", "wrong" and "no more" sound the same.

use super::Toolbox;
use crate::{
    app::{keys::Keys, pins},
    domain::contact::Pin,
    platform::metrics as figures,
};

/// Wrong PINs that a call takes.
pub const PINS_PER_CALL_MAX: u32 = 3;

const RIGHT: &str = "[The caller has typed their PIN, and it is right. Call my_appointments again.]";
const WRONG: &str = "[What the caller has typed is not their PIN. If they want to try again, call my_appointments again with `more` \
                     set to true; else offer to take a message.]";
const ENOUGH: &str = "[What the caller has typed is not their PIN, and it cannot be tried again in this call. Offer to take a \
                      message.]";
const BROKEN: &str = "[The PIN cannot be checked at the moment. Offer to take a message.]";

impl Toolbox {
    /// The tools of a call whose callers can prove who they are.
    #[must_use]
    pub fn proving_with(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Looks at what the caller typed for their PIN; what the model is to know of it.
    pub async fn typed_pin(&self, typed: &str) -> &'static str {
        let mut state = self.state.lock().await;
        let (Some(contact), Some(keys)) = (state.contact.clone(), &self.keys) else { return WRONG };
        if state.wrong_pins >= PINS_PER_CALL_MAX {
            return ENOUGH;
        }
        let typed = typed.trim_end_matches('#');
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
                RIGHT
            }
            Ok(false) => {
                state.wrong_pins += 1;
                metrics::counter!(figures::SECURITY_TOTAL, "event" => "wrong_pin").increment(1);
                if state.wrong_pins < PINS_PER_CALL_MAX { WRONG } else { ENOUGH }
            }
            Err(error) => {
                tracing::warn!(call.id = %self.context.call, error = &error as &dyn std::error::Error,
                    "a PIN could not be checked");
                BROKEN
            }
        }
    }
}
