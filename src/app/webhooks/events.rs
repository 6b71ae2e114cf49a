//! What is told of what happens, written down in the transaction in which it happens.
//!
//! Another kind of event is a kind in [`crate::domain::webhook`], an [`Event`] and its facts here. Facts are ids, times,
//! states and a service's key; whoever wants more asks the API, where it is known who asks.

use serde_json::{Value, json};

use super::ask;
use crate::{
    app::Error,
    domain::{
        booking::{Appointment, Step},
        calendar::{ConnectionState, Vendor},
        campaign::{Campaign, Progress},
        conversation::CallRecord,
        id::{CallId, ConnectionId, ContactId, DeliveryId, ErasureId, ResourceId, WebhookEventId, WebhookId},
        summary::Upshot,
        time::Timestamp,
        webhook::{Delivery, DeliveryState, EventKind},
    },
    platform::ids,
    store::{Message, OptOut, TenantTx},
};

/// Something that happened.
#[derive(Clone, Copy)]
pub enum Event<'e> {
    /// A call is being answered; the call as it stands then.
    CallStarted(&'e CallRecord),
    /// A call is over; the call as it stands then.
    CallEnded(&'e CallRecord),
    /// It was found out what a call came to.
    CallSummarised {
        /// Which.
        call: &'e CallId,
        /// What to.
        upshot: Upshot,
    },
    /// An appointment took a step. Not every step is told.
    Appointment {
        /// Which step.
        step: Step,
        /// How it stood before, if it did.
        before: Option<&'e Appointment>,
        /// How it stands after.
        after: &'e Appointment,
        /// Who had it take the step, as in its history.
        by: &'e str,
    },
    /// A caller left a message.
    MessageTaken(&'e Message),
    /// A way into calendars outside is lost or was given up.
    CalendarDisconnected {
        /// Which.
        connection: &'e ConnectionId,
        /// Whose calendars.
        vendor: Vendor,
        /// What it takes to have it back.
        state: ConnectionState,
    },
    /// Somebody does not want to be called.
    OptOutAdded(&'e OptOut),
    /// A campaign is over; how it stands then.
    CampaignEnded {
        /// Which.
        campaign: &'e Campaign,
        /// How far it came.
        progress: &'e Progress,
    },
    /// A caller wants to be forgotten, and somebody has to agree.
    ErasureRequested(&'e ErasureId),
}

impl Event<'_> {
    fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::CallStarted(_) => EventKind::CallStarted,
            Self::CallEnded(_) => EventKind::CallEnded,
            Self::CallSummarised { .. } => EventKind::CallSummarised,
            Self::Appointment { step, after, .. } => match step {
                Step::Booked => EventKind::AppointmentBooked,
                Step::Moved => EventKind::AppointmentMoved,
                Step::Cancelled => EventKind::AppointmentCancelled,
                // That it made room may mean either.
                Step::Undone if after.status.promised() => EventKind::AppointmentMoved,
                Step::Undone => EventKind::AppointmentCancelled,
                Step::Confirmed => return None,
            },
            Self::MessageTaken(_) => EventKind::MessageTaken,
            Self::CalendarDisconnected { .. } => EventKind::CalendarDisconnected,
            Self::OptOutAdded(_) => EventKind::OptOutAdded,
            Self::CampaignEnded { .. } => EventKind::CampaignEnded,
            Self::ErasureRequested(_) => EventKind::ErasureRequested,
        })
    }

    async fn facts(&self, tx: &mut TenantTx) -> Result<Value, Error> {
        Ok(match self {
            Self::CallStarted(call) => json!({
                "call": call.id.as_str(),
                "assistant": call.assistant.as_str(),
                "rang_at": instant(call.rang),
                "answered_at": call.answered.map(instant),
            }),
            Self::CallEnded(call) => json!({
                "call": call.id.as_str(),
                "assistant": call.assistant.as_str(),
                "rang_at": instant(call.rang),
                "answered_at": call.answered.map(instant),
                "ended_at": call.ended.map(instant),
                "outcome": call.outcome.map(|outcome| outcome.as_str()),
            }),
            Self::Appointment { step, before, after, by } => {
                let service = tx.services().get(&after.service).await?;
                let resources: Vec<&str> =
                    std::iter::once(&after.resource).chain(&after.together).map(ResourceId::as_str).collect();
                let mut facts = json!({
                    "appointment": after.id.as_str(),
                    "service": after.service.as_str(),
                    "service_key": service.map(|service| service.key),
                    "resources": resources,
                    "contact": after.contact.as_ref().map(ContactId::as_str),
                    "start": instant(after.time.start),
                    "end": instant(after.time.end),
                    "seats": after.seats,
                    "status": after.status.as_str(),
                    "by": by,
                });
                let moved = before.filter(|before| *step != Step::Booked && before.time != after.time);
                if let Some(before) = moved {
                    facts["previous_start"] = instant(before.time.start).into();
                    facts["previous_end"] = instant(before.time.end).into();
                }
                facts
            }
            Self::CallSummarised { call, upshot } => {
                json!({ "call": call.as_str(), "outcome": upshot.as_str() })
            }
            Self::MessageTaken(message) => json!({
                "message": message.id.as_str(),
                "call": message.call.as_ref().map(CallId::as_str),
                "left_at": instant(message.left),
            }),
            Self::CalendarDisconnected { connection, vendor, state } => json!({
                "connection": connection.as_str(),
                "vendor": vendor.as_str(),
                "state": state.as_str(),
            }),
            Self::OptOutAdded(opt_out) => json!({
                "opt_out": opt_out.id.as_str(),
                "source": opt_out.source.as_str(),
                "call": opt_out.call.as_ref().map(CallId::as_str),
                "since": instant(opt_out.since),
            }),
            Self::CampaignEnded { campaign, progress } => json!({
                "campaign": campaign.id.as_str(),
                "state": campaign.state.as_str(),
                "people": progress.all(),
                "reached": progress.reached,
                "ended_at": campaign.ended.map(instant),
            }),
            Self::ErasureRequested(erasure) => json!({ "erasure": erasure.as_str() }),
        })
    }
}

/// Writes down, in the transaction in which it happens, that an event is to be told to every active webhook that asks for
/// its kind. Costs one look where there is none.
///
/// # Errors
/// When the database cannot keep it; what happened has not happened either, then.
pub async fn tell(tx: &mut TenantTx, now: Timestamp, event: Event<'_>) -> Result<(), Error> {
    let Some(kind) = event.kind() else { return Ok(()) };
    let webhooks = tx.webhooks().told_of(kind).await?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let facts = event.facts(tx).await?;
    let id = WebhookEventId::of(ids::fresh(now));
    let payload = payload(tx, kind, now, &facts);
    for webhook in webhooks {
        send(tx, &webhook, &id, kind, &payload, now).await?;
    }
    Ok(())
}

/// The same of a test, to one webhook.
pub(super) async fn test(tx: &mut TenantTx, webhook: &WebhookId, now: Timestamp) -> Result<Delivery, Error> {
    let kind = EventKind::WebhookTest;
    let payload = payload(tx, kind, now, &json!({ "webhook": webhook.as_str() }));
    send(tx, webhook, &WebhookEventId::of(ids::fresh(now)), kind, &payload, now).await
}

fn payload(tx: &TenantTx, kind: EventKind, now: Timestamp, facts: &Value) -> String {
    let tenant = tx.tenant_id().as_str();
    json!({ "type": kind.as_str(), "timestamp": instant(now), "tenant": tenant, "data": facts }).to_string()
}

async fn send(
    tx: &mut TenantTx,
    webhook: &WebhookId,
    event: &WebhookEventId,
    kind: EventKind,
    payload: &str,
    now: Timestamp,
) -> Result<Delivery, Error> {
    let delivery = Delivery {
        id: DeliveryId::of(ids::fresh(now)),
        webhook: webhook.clone(),
        event: event.clone(),
        kind,
        payload: payload.to_owned(),
        state: DeliveryState::Waiting,
        attempts: 0,
        made: now,
        due: now,
        ended: None,
        last_status: None,
        problem: None,
    };
    tx.deliveries().add(&delivery).await?;
    ask(tx, webhook, now).await?;
    Ok(delivery)
}

fn instant(at: Timestamp) -> String {
    at.to_string()
}
