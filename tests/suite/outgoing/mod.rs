//! Calling out: who may be called and when, what Twilio is asked, what is heard of it, and who is reminded.

mod campaigns;
mod dialling;
mod doors;
mod forwarding;
mod ground;
mod keys;
mod moving;
mod offers;
mod reminders;
mod rules;
