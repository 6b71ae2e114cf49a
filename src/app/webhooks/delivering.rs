//! Tells a webhook what waits for it.
//!
//! One job for each webhook, so that one that hangs holds up nobody but itself. What was told may be told twice (a crash, an
//! answer that got lost), always under the same id. Never decides what is told.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::counter;
use secrecy::SecretString;
use tracing::{info, warn};

use super::{Webhooks, place, signature};
use crate::{
    app::Error,
    domain::{
        id::{TenantId, WebhookId},
        time::Timestamp,
        webhook::{self, Attempt, Condition, Delivery, DeliveryState, Webhook},
    },
    platform::{egress, ids, metrics::WEBHOOK_DELIVERIES_TOTAL},
    store::{SealedColumn, SealedSecrets},
};

/// What a webhook is told at once, at most.
pub const AT_ONCE_MAX: u32 = 4;
/// What an answer must be so that a webhook is never asked again.
const GONE: u16 = 410;
/// Why a delivery is given up that was never tried to the end.
const SWITCHED_OFF: &str = "the webhook is switched off";

impl Webhooks {
    /// Tells a webhook some of what is due; [`Error::Later`] says when there is more.
    ///
    /// # Errors
    /// [`Error::Later`]; [`Error::Unavailable`] when the database is away; [`Error::Internal`] when a secret cannot be
    /// opened.
    pub async fn deliver(&self, tenant: &TenantId, id: &WebhookId) -> Result<(), Error> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let mut tx = inner.store.read(tenant).await?;
        let Some((webhook, condition)) = tx.webhooks().get(id).await? else { return Ok(()) };
        if !webhook.item.active {
            drop(tx);
            let mut tx = inner.store.begin(tenant).await?;
            let dropped = tx.deliveries().drop_waiting(id, now, SWITCHED_OFF).await?;
            counter!(WEBHOOK_DELIVERIES_TOTAL, "result" => "dead").increment(dropped);
            return Ok(tx.commit().await?);
        }
        if let Some(until) = condition.resting_until.filter(|until| *until > now) {
            return Err(later(until, now));
        }
        let due = tx.deliveries().due(id, now, AT_ONCE_MAX).await?;
        let sealed = tx.webhooks().secrets(id).await?.ok_or(Error::NotFound("webhook"))?;
        drop(tx);
        if !due.is_empty() {
            let secrets = self.secrets(tenant, id, sealed, now).await?;
            let told = due.iter().map(|one| self.attempt(tenant, &webhook.item, &condition, &secrets, one));
            for noted in join_all(told).await {
                noted?;
            }
        }
        let mut tx = inner.store.read(tenant).await?;
        let Some(next) = tx.deliveries().next_due(id).await? else { return Ok(()) };
        let resting = tx.webhooks().get(id).await?.and_then(|(_, condition)| condition.resting_until);
        Err(later(next.max(resting.unwrap_or(next)), inner.clock.now()))
    }

    /// What is signed with: the present secret, and the one before while it is good.
    async fn secrets(
        &self,
        tenant: &TenantId,
        id: &WebhookId,
        sealed: SealedSecrets,
        now: Timestamp,
    ) -> Result<Vec<SecretString>, Error> {
        let keys = &self.0.keys;
        let present = keys.open(place(tenant, SealedColumn::WebhookSecret, id), &sealed.secret).await?;
        let mut all = vec![present];
        if let Some((former, _)) = sealed.former.filter(|(_, until)| *until > now) {
            all.push(keys.open(place(tenant, SealedColumn::FormerWebhookSecret, id), &former).await?);
        }
        Ok(all)
    }

    /// Tries one delivery and notes what came of it.
    async fn attempt(
        &self,
        tenant: &TenantId,
        webhook: &Webhook,
        condition: &Condition,
        secrets: &[SecretString],
        delivery: &Delivery,
    ) -> Result<(), Error> {
        let inner = &*self.0;
        let (began, watch) = (inner.clock.now(), inner.clock.stopwatch());
        let fields = signature::fields(secrets, &delivery.event, began, &delivery.payload);
        let answer = match inner.egress.read(&webhook.url) {
            Ok(url) => inner.egress.post(&url, &fields, delivery.payload.clone()).await,
            Err(refusal) => Err(refusal.into()),
        };
        let now = inner.clock.now();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let problem = problem(answer);
        let attempt = Attempt {
            at: began,
            took_ms: u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX),
            status,
            problem: problem.clone(),
        };
        let gone = status == Some(GONE);
        let after = stands_after(delivery, &attempt, now, gone, ids::share());
        let mut tx = inner.store.begin(tenant).await?;
        if !tx.deliveries().note(delivery, &after, &attempt).await? {
            // It was sent again or given up meanwhile: what came of this attempt counts no more.
            return Ok(());
        }
        match &problem {
            None => tx.webhooks().fares_well(&webhook.id).await?,
            Some(problem) if gone => {
                tx.webhooks().shut(&webhook.id, problem, now).await?;
            }
            Some(problem) => {
                let failing = now.millis_since(condition.failing_since.unwrap_or(now));
                let rest = webhook::rest(Duration::from_millis(failing.try_into().unwrap_or(0)));
                let until = now.plus_millis(i64::try_from(rest.as_millis()).unwrap_or(0));
                tx.webhooks().fails(&webhook.id, problem, now, until).await?;
            }
        }
        tx.commit().await?;
        let (kind, attempts) = (delivery.kind.as_str(), after.attempts);
        let result = match after.state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Waiting => "again",
            DeliveryState::Dead => "dead",
        };
        counter!(WEBHOOK_DELIVERIES_TOTAL, "result" => result).increment(1);
        if after.state == DeliveryState::Dead {
            warn!(delivery.id = %delivery.id, webhook.id = %webhook.id, kind, attempts, "a delivery is given up");
        } else {
            info!(delivery.id = %delivery.id, webhook.id = %webhook.id, kind, attempts, result, "a delivery was tried");
        }
        Ok(())
    }
}

/// What was wrong, in words for whoever looks after the webhook; `None` when it was taken.
fn problem(answer: Result<egress::Answer, egress::Error>) -> Option<String> {
    match answer {
        Ok(egress::Answer { status: 200..=299 }) => None,
        Ok(egress::Answer { status: GONE }) => {
            Some("it answered with status 410: it wants to be told nothing any more".to_owned())
        }
        Ok(egress::Answer { status: status @ 300..=399 }) => {
            Some(format!("it answered with status {status}: redirects are not followed"))
        }
        Ok(egress::Answer { status }) => Some(format!("it answered with status {status}")),
        Err(error) => Some(error.to_string()),
    }
}

/// Where a delivery stands after an attempt.
fn stands_after(delivery: &Delivery, attempt: &Attempt, now: Timestamp, gone: bool, chance: f64) -> Delivery {
    let attempts = delivery.attempts.saturating_add(1);
    let tried = Delivery {
        attempts,
        last_status: attempt.status,
        problem: attempt.problem.clone(),
        ..delivery.clone()
    };
    let ended = Some(now);
    if attempt.problem.is_none() {
        return Delivery { state: DeliveryState::Delivered, ended, ..tried };
    }
    match webhook::retry_after(attempts, chance).filter(|_| !gone) {
        Some(wait) => {
            Delivery { due: now.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)), ..tried }
        }
        None => Delivery { state: DeliveryState::Dead, ended, ..tried },
    }
}

fn later(at: Timestamp, now: Timestamp) -> Error {
    let wait = Duration::from_millis(at.millis_since(now).try_into().unwrap_or(0));
    Error::Later { wait, why: "what waits for the webhook is not due yet" }
}
