//! What a tenant's own programs are told, and where.
//!
//! Knows no wire format and sends nothing.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use super::{
    id::{DeliveryId, WebhookEventId, WebhookId},
    time::Timestamp,
};

/// What may happen that a tenant's programs are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A call is being answered.
    CallStarted,
    /// A call is over.
    CallEnded,
    /// It was found out what a call came to.
    CallSummarised,
    /// An appointment was promised.
    AppointmentBooked,
    /// An appointment was given another time or another resource.
    AppointmentMoved,
    /// An appointment was given back.
    AppointmentCancelled,
    /// A caller left a message.
    MessageTaken,
    /// A way into calendars outside is lost or was given up.
    CalendarDisconnected,
    /// Somebody does not want to be called.
    OptOutAdded,
    /// A campaign has called everybody it was to, or is over for another reason.
    CampaignEnded,
    /// A caller wants to be forgotten, and somebody has to agree.
    ErasureRequested,
    /// Somebody wants to see whether a webhook works. Told whatever the webhook asks for.
    WebhookTest,
}

impl EventKind {
    /// Each of them.
    pub const ALL: [Self; 12] = [
        Self::CallStarted,
        Self::CallEnded,
        Self::CallSummarised,
        Self::AppointmentBooked,
        Self::AppointmentMoved,
        Self::AppointmentCancelled,
        Self::MessageTaken,
        Self::CalendarDisconnected,
        Self::OptOutAdded,
        Self::CampaignEnded,
        Self::ErasureRequested,
        Self::WebhookTest,
    ];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallStarted => "call.started",
            Self::CallEnded => "call.ended",
            Self::CallSummarised => "call.summarised",
            Self::AppointmentBooked => "appointment.booked",
            Self::AppointmentMoved => "appointment.moved",
            Self::AppointmentCancelled => "appointment.cancelled",
            Self::MessageTaken => "message.taken",
            Self::CalendarDisconnected => "calendar.disconnected",
            Self::OptOutAdded => "opt_out.added",
            Self::CampaignEnded => "campaign.ended",
            Self::ErasureRequested => "erasure.requested",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// Whether a webhook can ask for it.
    pub fn can_be_asked_for(self) -> bool {
        self != Self::WebhookTest
    }
}

/// A text that names no kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of event; there are {}", words().join(", "))]
pub struct NotAKind;

fn words() -> Vec<String> {
    let asked = EventKind::ALL.into_iter().filter(|kind| kind.can_be_asked_for());
    asked.map(|kind| format!("`{}`", kind.as_str())).collect()
}

impl FromStr for EventKind {
    type Err = NotAKind;

    fn from_str(word: &str) -> Result<Self, NotAKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(NotAKind)
    }
}

/// A program of a tenant's that is told what happens. `Debug` shows no address: it may carry a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is told.
    pub url: String,
    /// What it is for, in the tenant's words.
    pub description: String,
    /// What it is told of.
    pub kinds: BTreeSet<EventKind>,
    /// Whether it is told anything. What happens while it is not, it never learns.
    pub active: bool,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("kinds", &self.kinds)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// How a webhook fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Since when nothing has reached it; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// What stands in the way.
    pub problem: Option<String>,
    /// Until when it is left alone because it failed.
    pub resting_until: Option<Timestamp>,
    /// Until when the secret before the present one is used beside it.
    pub former_secret_until: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is on its way.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was tried as often as it is, and not taken; or it never will be.
    Dead,
}

impl DeliveryState {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// A text that names no state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `waiting`, `delivered` or `dead`")]
pub struct NotADeliveryState;

impl FromStr for DeliveryState {
    type Err = NotADeliveryState;

    fn from_str(word: &str) -> Result<Self, NotADeliveryState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NotADeliveryState)
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Which event. Told to several webhooks, or again, it is the same.
    pub event: WebhookEventId,
    /// Of what kind.
    pub kind: EventKind,
    /// What is told: the body as it is sent, JSON.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried since it was made or sent again.
    pub attempts: u32,
    /// When it was made.
    pub made: Timestamp,
    /// When it is tried next, while it waits.
    pub due: Timestamp,
    /// When it was taken, or given up.
    pub ended: Option<Timestamp>,
    /// What the last attempt was answered with.
    pub last_status: Option<u16>,
    /// What was wrong with the last attempt.
    pub problem: Option<String>,
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What it was answered with, if it was.
    pub status: Option<u16>,
    /// What was wrong; `None` when it was taken.
    pub problem: Option<String>,
}

/// How long it is waited after each failed attempt, in seconds, before chance adds its share: a day altogether.
pub const RETRY_SECONDS: [u32; 8] = [5, 60, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 8 * 3_600, 8 * 3_600];
/// How often a delivery is tried before it is given up.
pub const ATTEMPTS_MAX: u32 = RETRY_SECONDS.len() as u32 + 1;
/// What chance adds to a wait at most, as a share of it: what failed together is not tried again together.
pub const JITTER_SHARE: f64 = 0.2;

/// How long to wait after so many failed attempts; `None` when that was the last. `chance` is from 0 to 1.
pub fn retry_after(attempts: u32, chance: f64) -> Option<Duration> {
    let at = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let wait = Duration::from_secs(u64::from(*RETRY_SECONDS.get(at)?));
    Some(wait.mul_f64(1.0 + JITTER_SHARE * chance.clamp(0.0, 1.0)))
}

/// Shortest time a webhook is left alone after a failed attempt.
pub const REST_MIN: Duration = Duration::from_secs(5);
/// Longest time.
pub const REST_MAX: Duration = Duration::from_secs(5 * 60);

/// How long a webhook that has failed for `failing` is left alone, whatever waits for it: the longer it fails, the less
/// often it takes the place of those that answer.
pub fn rest(failing: Duration) -> Duration {
    (failing / 4).clamp(REST_MIN, REST_MAX)
}
