//! Stand-ins for the outside world: a caller, Twilio, OpenAI Realtime, Google, Microsoft, a bucket of
//! S3, a mail server, a tenant's own program; and a throw-away PostgreSQL.
//!
//! They speak the real wire formats over real sockets, so that the program under them cannot tell, and they
//! check what they receive against the vendors' published shapes: whatever the vendor would refuse or warn
//! about becomes a [fault](Faults) that `frontdesk demo` and the tests read at the end. Only `cli` and the
//! tests use them; no part of the product leans on them. They never reach anything but loopback.

pub mod admin;
pub mod agenda;
pub mod caller;
pub mod chance;
pub mod ear;
pub mod google;
pub mod microsoft;
pub mod openai;
pub mod postgres;
pub mod receiver;
pub mod s3;
pub mod scenario;
pub mod smtp;
pub mod stage;
pub mod twilio;
pub mod voice;
pub mod week;

mod faults;
mod sound;

pub use faults::Faults;
