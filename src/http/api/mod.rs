//! The admin API: what people and programs of a tenant ask for, as JSON.
//!
//! One file per subject: wire types, and the way from a request to `app` and back. Decides nothing: who may do what,
//! and whether it makes sense, is said by `app`.

pub mod analytics;
mod appointments;
mod assistants;
mod audit;
pub mod availability;
mod calendars;
mod call_fields;
pub(super) mod calls;
mod campaigns;
mod clashes;
mod closures;
mod contacts;
mod drafts;
pub mod events;
mod forgetting;
pub mod form;
mod forwarding;
mod imports;
mod messages;
mod notices;
mod numbers;
mod outgoing;
mod pauses;
mod people;
mod remarks;
mod resources;
mod schedules;
mod search;
mod services;
mod shares;
mod stranded;
mod support;
mod tenants;
pub(in crate::http) mod test_calls;
mod transfer_targets;
mod twilio_account;
mod waiting_list;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use super::Doors;

/// Every operation of the API.
pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .merge(tenants::router())
        .merge(assistants::router())
        .merge(drafts::router())
        .merge(transfer_targets::router())
        .merge(services::router())
        .merge(availability::router())
        .merge(appointments::router())
        .merge(clashes::router())
        .merge(resources::router())
        .merge(schedules::router())
        .merge(closures::router())
        .merge(stranded::router())
        .merge(support::router())
        .merge(calendars::router())
        .merge(contacts::router())
        .merge(calls::router())
        .merge(shares::router())
        .merge(imports::router())
        .merge(test_calls::router())
        .merge(search::router())
        .merge(call_fields::router())
        .merge(events::router())
        .merge(analytics::router())
        .merge(messages::router())
        .merge(numbers::router())
        .merge(forwarding::router())
        .merge(pauses::router())
        .merge(notices::router())
        .merge(outgoing::router())
        .merge(campaigns::router())
        .merge(waiting_list::router())
        .merge(twilio_account::router())
        .merge(webhooks::router())
        .merge(audit::router())
        .merge(forgetting::router())
        .merge(people::router())
}
