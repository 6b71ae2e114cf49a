//! `/api/webhooks`: programs of a tenant's that are told what happens.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, Patch, Seen, Tagged, id, instant, page};
use crate::{
    app::{self, Fault, Faults, webhooks::Kept},
    domain::{
        id::WebhookId,
        webhook::{Attempt, Delivery, DeliveryState, Webhook},
    },
    http::{Doors, api::form::PageAsked, auth::By, doc::MergePatch, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(delivery))
        .routes(routes!(resend))
}

/// A program of yours that is told what happens.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "url": "https://example.com/frontdesk", "description": "our patient files",
    "kinds": ["appointment.booked", "appointment.moved", "appointment.cancelled"]
}))]
struct WebhookWanted {
    /// Where it is told: `https://`, at a public address.
    url: String,
    /// What it is for, in your words.
    #[serde(default)]
    description: String,
    /// What it is told of: `call.started`, `call.ended`, `appointment.booked`, `appointment.moved`,
    /// `appointment.cancelled`, `call.summarised`, `message.taken`, `calendar.disconnected`, `opt_out.added`,
    /// `campaign.ended`, `erasure.requested`.
    kinds: Vec<String>,
    /// Whether it is told anything. What happens while it is not, it never learns.
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// A webhook and how it fares.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    webhook: WebhookWanted,
    /// Since when nothing has reached it; null while all is well.
    #[schema(required)]
    failing_since: Option<String>,
    /// What stands in the way.
    #[schema(required)]
    problem: Option<String>,
    /// Until when what it is told is signed with the secret before the present one, too.
    #[schema(required)]
    former_secret_until: Option<String>,
}

/// A webhook with the secret that signs what it is told. The secret is shown this once.
#[derive(Serialize, ToSchema)]
struct WebhookMade {
    #[serde(flatten)]
    webhook: WebhookShown,
    /// The secret: `whsec_` and base64.
    secret: String,
}

/// One event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryShown {
    /// Its id.
    id: String,
    /// To which webhook.
    webhook: String,
    /// Which event: its `webhook-id`. Told again, it is the same.
    event: String,
    /// Of what kind.
    kind: String,
    /// `waiting`, `delivered`, or `dead`: tried for a day and not taken.
    state: &'static str,
    /// How often it was tried since it was made or sent again.
    attempts: u32,
    /// When it was made.
    made_at: String,
    /// When it is tried next, while it waits.
    #[schema(required)]
    next_attempt_at: Option<String>,
    /// When it was taken, or given up.
    #[schema(required)]
    ended_at: Option<String>,
    /// The status the last attempt was answered with.
    #[schema(required)]
    last_status: Option<u16>,
    /// What was wrong with the last attempt.
    #[schema(required)]
    problem: Option<String>,
}

/// A delivery with what is told and the latest attempts, latest first.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryWhole {
    #[serde(flatten)]
    delivery: DeliveryShown,
    /// What is told: `type`, `timestamp`, `tenant`, and `data` with the facts.
    payload: Value,
    /// The latest attempts, at most a hundred.
    tries: Vec<TryShown>,
}

/// One attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
struct TryShown {
    /// When it began.
    at: String,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// The status it was answered with.
    #[schema(required)]
    status: Option<u16>,
    /// What was wrong; null when it was taken.
    #[schema(required)]
    problem: Option<String>,
}

/// Which deliveries are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveriesAsked {
    /// Only those that are `waiting`, `delivered` or `dead`.
    state: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl WebhookWanted {
    fn of(webhook: &Webhook) -> Self {
        Self {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            kinds: webhook.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            active: webhook.active,
        }
    }

    fn webhook(self, id: WebhookId) -> Result<Webhook, app::Error> {
        let mut faults = Faults::new();
        let kinds = self.kinds.iter().enumerate();
        let kinds =
            kinds.filter_map(|(at, word)| faults.take(word.parse(), format!("/kinds/{at}"))).collect();
        faults.settle()?;
        Ok(Webhook { id, url: self.url, description: self.description, kinds, active: self.active })
    }
}

fn shown((webhook, condition): &Kept) -> WebhookShown {
    WebhookShown {
        id: webhook.item.id.to_string(),
        webhook: WebhookWanted::of(&webhook.item),
        failing_since: condition.failing_since.map(instant),
        problem: condition.problem.clone(),
        former_secret_until: condition.former_secret_until.map(instant),
    }
}

fn tagged(kept: &Kept) -> Tagged<WebhookShown> {
    Tagged::shown(shown(kept), kept.0.revision)
}

fn made(kept: &Kept, secret: &SecretString) -> WebhookMade {
    WebhookMade { webhook: shown(kept), secret: secret.expose_secret().to_owned() }
}

fn delivery_shown(delivery: &Delivery) -> DeliveryShown {
    let waits = delivery.state == DeliveryState::Waiting;
    DeliveryShown {
        id: delivery.id.to_string(),
        webhook: delivery.webhook.to_string(),
        event: delivery.event.to_string(),
        kind: delivery.kind.as_str().to_owned(),
        state: delivery.state.as_str(),
        attempts: delivery.attempts,
        made_at: instant(delivery.made),
        next_attempt_at: waits.then(|| instant(delivery.due)),
        ended_at: delivery.ended.map(instant),
        last_status: delivery.last_status,
        problem: delivery.problem.clone(),
    }
}

fn try_shown(attempt: Attempt) -> TryShown {
    TryShown {
        at: instant(attempt.at),
        took_ms: attempt.took_ms,
        status: attempt.status,
        problem: attempt.problem,
    }
}

/// The webhooks, in the order of their making.
#[utoipa::path(get, path = "/api/webhooks", tag = "webhooks", params(PageAsked),
    responses((status = OK, body = Listed<WebhookShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<WebhookShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = doors.webhooks.list(&by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |kept| shown(&kept)))
}

/// Makes a webhook. Events are sent by POST as `{"type", "timestamp", "tenant", "data"}`, signed as Standard Webhooks says:
/// `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`. Answer with 2xx within 15 seconds; anything else is tried again
/// for a day, and 410 switches the webhook off. `data` holds: for `call.started` `call`, `assistant`, `rang_at`, `answered_at`;
/// for `call.ended` also `ended_at`, `outcome`; for `call.summarised` `call`, `outcome`; for `appointment.…` `appointment`,
/// `service`, `service_key`, `resources`, `contact`, `start`, `end`, `seats`, `status`, `by`, and where the time changed `previous_start`,
/// `previous_end`; for `message.taken` `message`, `call`, `left_at`; for `calendar.disconnected` `connection`, `vendor`,
/// `state`; for `opt_out.added` `opt_out`, `source`, `call`, `since`; for
/// `campaign.ended` `campaign`, `state`, `people`, `reached`, `ended_at`; for
/// `erasure.requested` `erasure`; for `webhook.test` `webhook`.
#[utoipa::path(post, path = "/api/webhooks", tag = "webhooks", request_body = WebhookWanted,
    responses((status = CREATED, body = WebhookMade)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<WebhookWanted>,
) -> Result<Tagged<WebhookMade>, Problem> {
    let now = doors.clock.now();
    let wanted = wanted.webhook(WebhookId::of(ids::fresh(now)))?;
    let (kept, secret) = doors.webhooks.create(&by, now, wanted).await?;
    let location = format!("/api/webhooks/{}", kept.0.item.id);
    Ok(Tagged::created(made(&kept, &secret), kept.0.revision, location))
}

/// One webhook.
#[utoipa::path(get, path = "/api/webhooks/{webhook}", tag = "webhooks", params(("webhook", description = "Its id.")),
    responses((status = OK, body = WebhookShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
) -> Result<Tagged<WebhookShown>, Problem> {
    Ok(tagged(&doors.webhooks.get(&by, &id(&webhook)?).await?))
}

/// Changes a webhook: a JSON merge patch.
#[utoipa::path(patch, path = "/api/webhooks/{webhook}", tag = "webhooks", params(("webhook", description = "Its id.")),
    request_body = MergePatch, responses((status = OK, body = WebhookShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<WebhookShown>, Problem> {
    let webhook = id(&webhook)?;
    let edited = doors.webhooks.edit(&by, doors.clock.now(), &webhook, seen, |kept| {
        patch.over(&WebhookWanted::of(kept))?.webhook(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes a webhook away, with all it was told.
#[utoipa::path(delete, path = "/api/webhooks/{webhook}", tag = "webhooks",
    params(("webhook", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    doors.webhooks.remove(&by, doors.clock.now(), &id(&webhook)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes another secret. For a day, what is told is signed with both.
#[utoipa::path(post, path = "/api/webhooks/{webhook}/rotate", tag = "webhooks",
    params(("webhook", description = "Its id.")), responses((status = OK, body = WebhookMade)))]
async fn rotate(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
    Seen(seen): Seen,
) -> Result<Tagged<WebhookMade>, Problem> {
    let (kept, secret) = doors.webhooks.rotate(&by, doors.clock.now(), &id(&webhook)?, seen).await?;
    Ok(Tagged::shown(made(&kept, &secret), kept.0.revision))
}

/// Tells the webhook `webhook.test`, whatever it asks for, to see whether it works.
#[utoipa::path(post, path = "/api/webhooks/{webhook}/test", tag = "webhooks",
    params(("webhook", description = "Its id.")), responses((status = ACCEPTED, body = DeliveryShown)))]
async fn test(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
) -> Result<(StatusCode, Json<DeliveryShown>), Problem> {
    let delivery = doors.webhooks.test(&by, doors.clock.now(), &id(&webhook)?).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery_shown(&delivery))))
}

/// What a webhook is and was told, latest first; kept for thirty days.
#[utoipa::path(get, path = "/api/webhooks/{webhook}/deliveries", tag = "webhooks",
    params(("webhook", description = "Its id."), DeliveriesAsked),
    responses((status = OK, body = Listed<DeliveryShown>)))]
async fn deliveries(
    State(doors): State<Doors>,
    By(by): By,
    Path(webhook): Path<String>,
    Asked(asked): Asked<DeliveriesAsked>,
) -> Result<Json<Listed<DeliveryShown>>, Problem> {
    let (count, after) = page(asked.limit, asked.cursor.as_deref())?;
    let state = asked.state.as_deref().map(str::parse).transpose();
    let state: Option<DeliveryState> =
        state.map_err(|error| Problem::Invalid(vec![Fault::new("?state", format!("{error}"))]))?;
    let page = doors.webhooks.deliveries(&by, &id(&webhook)?, state, after.as_ref(), count).await?;
    Ok(Listed::of(page, |delivery| delivery_shown(&delivery)))
}

/// One delivery, what it tells and how the attempts went.
#[utoipa::path(get, path = "/api/webhooks/{webhook}/deliveries/{delivery}", tag = "webhooks",
    params(("webhook", description = "The webhook's id."), ("delivery", description = "Its id.")),
    responses((status = OK, body = DeliveryWhole)))]
async fn delivery(
    State(doors): State<Doors>,
    By(by): By,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<Json<DeliveryWhole>, Problem> {
    let (delivery, attempts) = doors.webhooks.delivery(&by, &id(&webhook)?, &id(&delivery)?).await?;
    Ok(Json(DeliveryWhole {
        delivery: delivery_shown(&delivery),
        payload: serde_json::from_str(&delivery.payload).unwrap_or_default(),
        tries: attempts.into_iter().map(try_shown).collect(),
    }))
}

/// Tells it again: the same event under the same id. For what is `dead`, or was taken and got lost.
#[utoipa::path(post, path = "/api/webhooks/{webhook}/deliveries/{delivery}/resend", tag = "webhooks",
    params(("webhook", description = "The webhook's id."), ("delivery", description = "Its id.")),
    responses((status = ACCEPTED, body = DeliveryShown)))]
async fn resend(
    State(doors): State<Doors>,
    By(by): By,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<(StatusCode, Json<DeliveryShown>), Problem> {
    let now = doors.clock.now();
    let delivery = doors.webhooks.resend(&by, now, &id(&webhook)?, &id(&delivery)?).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery_shown(&delivery))))
}
