//! Programs of a tenant's that are told what happens, and what is on its way to them.

use std::{collections::BTreeSet, fmt};

use sqlx::FromRow;

use super::{
    Deliveries, Error, Webhooks, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    id::{DeliveryId, WebhookId},
    revision::{Revised, Revision},
    time::Timestamp,
    webhook::{Attempt, Condition, Delivery, DeliveryState, EventKind, Webhook},
};

macro_rules! columns {
    () => {
        "id, url, description, kinds, active, failing_since, problem, resting_until, former_until, revision"
    };
}

macro_rules! delivery {
    () => {
        "id, webhook_id, event_id, kind, payload, state, attempts, made_at, due_at, ended_at, last_status, problem"
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant_id = $1 AND id = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM webhooks WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM webhooks WHERE tenant_id = $1";
    ACTIVE = "SELECT id, kinds FROM webhooks WHERE tenant_id = $1 AND active ORDER BY id";
    ADD = "INSERT INTO webhooks (tenant_id, id, url, description, kinds, active, secret, made_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    CHANGE = "UPDATE webhooks SET url = $3, description = $4, kinds = $5, active = $6, failing_since = NULL,
            problem = NULL, resting_until = 0, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    REMOVE = "DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2";
    SECRETS = "SELECT secret, former_secret, former_until FROM webhooks WHERE tenant_id = $1 AND id = $2";
    ROTATE = "UPDATE webhooks SET secret = $3, former_secret = $4, former_until = $5, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    FAILS = "UPDATE webhooks SET failing_since = COALESCE(failing_since, $3), problem = $4, resting_until = $5
        WHERE tenant_id = $1 AND id = $2";
    FARES_WELL = "UPDATE webhooks SET failing_since = NULL, problem = NULL, resting_until = 0
        WHERE tenant_id = $1 AND id = $2 AND (failing_since IS NOT NULL OR resting_until > 0)";
    WAKE = "UPDATE webhooks SET resting_until = 0 WHERE tenant_id = $1 AND id = $2";
    SHUT = "UPDATE webhooks SET active = $4, failing_since = COALESCE(failing_since, $3), problem = $5,
            resting_until = 0, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND active";
    ADD_DELIVERY = concat!("INSERT INTO webhook_deliveries (tenant_id, ", delivery!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
    DELIVERY = concat!("SELECT ", delivery!(), " FROM webhook_deliveries
        WHERE tenant_id = $1 AND id = $2 AND webhook_id = $3");
    PAGE_OF = concat!("SELECT ", delivery!(), " FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2
        AND (made_at, id) < ($3, $4) ORDER BY made_at DESC, id DESC LIMIT $5");
    PAGE_IN = concat!("SELECT ", delivery!(), " FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2
        AND (made_at, id) < ($3, $4) AND state = $6 ORDER BY made_at DESC, id DESC LIMIT $5");
    DUE = concat!("SELECT ", delivery!(), " FROM webhook_deliveries
        WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting' AND due_at <= $3 ORDER BY due_at, id LIMIT $4");
    NEXT_DUE = "SELECT MIN(due_at) FROM webhook_deliveries
        WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'";
    NOTE = "UPDATE webhook_deliveries SET state = $4, attempts = $5, due_at = $6, ended_at = $7, last_status = $8,
            problem = $9
        WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'waiting'";
    AGAIN = "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, due_at = $3, ended_at = NULL
        WHERE tenant_id = $1 AND id = $2";
    DROP_WAITING = "UPDATE webhook_deliveries SET state = 'dead', ended_at = $3, problem = $4
        WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'";
    ADD_ATTEMPT = "INSERT INTO webhook_attempts (tenant_id, delivery_id, ordinal, at, took_ms, status, problem)
        SELECT $1, $2, COALESCE(MAX(ordinal), 0) + 1, $3, $4, $5, $6 FROM webhook_attempts
        WHERE tenant_id = $1 AND delivery_id = $2";
    ATTEMPTS = "SELECT at, took_ms, status, problem FROM webhook_attempts
        WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY ordinal DESC LIMIT 100";
}

/// What a webhook's deliveries are signed with, sealed. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecrets {
    /// The present one.
    pub secret: Vec<u8>,
    /// The one before, and until when it is used beside it.
    pub former: Option<(Vec<u8>, Timestamp)>,
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets").finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct SecretsRow {
    secret: Vec<u8>,
    former_secret: Option<Vec<u8>>,
    former_until: Option<i64>,
}

#[derive(FromRow)]
struct WebhookRow {
    id: String,
    url: String,
    description: String,
    kinds: String,
    active: bool,
    failing_since: Option<i64>,
    problem: Option<String>,
    resting_until: i64,
    former_until: Option<i64>,
    revision: i64,
}

impl TryFrom<WebhookRow> for (Revised<Webhook>, Condition) {
    type Error = Error;

    fn try_from(row: WebhookRow) -> Result<Self, Error> {
        let webhook = Webhook {
            id: rows::text(&row.id, "webhooks.id")?,
            url: row.url,
            description: row.description,
            kinds: kinds(&row.kinds)?,
            active: row.active,
        };
        let condition = Condition {
            failing_since: row.failing_since.map(Timestamp),
            problem: row.problem,
            resting_until: Some(row.resting_until).filter(|at| *at > 0).map(Timestamp),
            former_secret_until: row.former_until.map(Timestamp),
        };
        Ok((Revised { item: webhook, revision: Revision(row.revision) }, condition))
    }
}

fn kinds(column: &str) -> Result<BTreeSet<EventKind>, Error> {
    const WHAT: &str = "webhooks.kinds";
    let words: Vec<String> = rows::json(column, WHAT)?;
    words.iter().map(|word| rows::text(word, WHAT)).collect()
}

fn column(kinds: &BTreeSet<EventKind>) -> Result<String, Error> {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    rows::to_json(&words, "webhooks.kinds")
}

impl Webhooks<'_> {
    /// The webhook of that id, and how it fares.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &WebhookId) -> Result<Option<(Revised<Webhook>, Condition)>, Error> {
        let row: Option<WebhookRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
    }

    /// The webhooks in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<(Revised<Webhook>, Condition)>, Error> {
        let rows: Vec<WebhookRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |(webhook, _): &(Revised<Webhook>, Condition)| {
            Place::of_id(webhook.item.id.as_str())
        })
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(count, "webhooks")
    }

    /// The active ones that are told of that kind of event.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn told_of(&mut self, kind: EventKind) -> Result<Vec<WebhookId>, Error> {
        let rows: Vec<(String, String)> =
            on!(self.tx, db => sqlx::query_as(ACTIVE).bind(self.tenant.as_str()).fetch_all(db).await?);
        let mut told = vec![];
        for (id, words) in rows {
            if kinds(&words)?.contains(&kind) {
                told.push(rows::text(&id, "webhooks.id")?);
            }
        }
        Ok(told)
    }

    /// Keeps a new webhook.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(&mut self, new: &Webhook, secret: &[u8], now: Timestamp) -> Result<(), Error> {
        let kinds = column(&new.kinds)?;
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.url.as_str())
            .bind(new.description.as_str())
            .bind(kinds.as_str())
            .bind(new.active)
            .bind(secret)
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Changes a webhook. Whatever stood in its way counts as seen to.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn change(&mut self, wanted: &Webhook) -> Result<(), Error> {
        let kinds = column(&wanted.kinds)?;
        on!(self.tx, db => sqlx::query(CHANGE)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.url.as_str())
            .bind(wanted.description.as_str())
            .bind(kinds.as_str())
            .bind(wanted.active)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Takes a webhook away with everything it was told; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, id: &WebhookId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// What its deliveries are signed with.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn secrets(&mut self, id: &WebhookId) -> Result<Option<SealedSecrets>, Error> {
        let row: Option<SecretsRow> = on!(self.tx, db => sqlx::query_as(SECRETS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.map(|row| SealedSecrets {
            secret: row.secret,
            former: row.former_secret.zip(row.former_until.map(Timestamp)),
        }))
    }

    /// Keeps other secrets.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn rotate(&mut self, id: &WebhookId, secrets: &SealedSecrets) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ROTATE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(secrets.secret.as_slice())
            .bind(secrets.former.as_ref().map(|(former, _)| former.as_slice()))
            .bind(secrets.former.as_ref().map(|(_, until)| until.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that nothing reaches it, why, and until when it is left alone.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn fails(
        &mut self,
        id: &WebhookId,
        problem: &str,
        now: Timestamp,
        resting_until: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FAILS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(problem)
            .bind(resting_until.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that something has reached it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn fares_well(&mut self, id: &WebhookId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FARES_WELL)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that it is left alone no longer: somebody wants to see what becomes of it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn wake(&mut self, id: &WebhookId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(WAKE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Switches it off, and says why; whether it was on.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn shut(&mut self, id: &WebhookId, problem: &str, now: Timestamp) -> Result<bool, Error> {
        let shut = on!(self.tx, db => sqlx::query(SHUT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(false)
            .bind(problem)
            .execute(db).await?.rows_affected());
        Ok(shut == 1)
    }
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    webhook_id: String,
    event_id: String,
    kind: String,
    payload: String,
    state: String,
    attempts: i64,
    made_at: i64,
    due_at: i64,
    ended_at: Option<i64>,
    last_status: Option<i64>,
    problem: Option<String>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Error;

    fn try_from(row: DeliveryRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "webhook_deliveries.id")?,
            webhook: rows::text(&row.webhook_id, "webhook_deliveries.webhook_id")?,
            event: rows::text(&row.event_id, "webhook_deliveries.event_id")?,
            kind: rows::text(&row.kind, "webhook_deliveries.kind")?,
            payload: row.payload,
            state: rows::text(&row.state, "webhook_deliveries.state")?,
            attempts: rows::whole(row.attempts, "webhook_deliveries.attempts")?,
            made: Timestamp(row.made_at),
            due: Timestamp(row.due_at),
            ended: row.ended_at.map(Timestamp),
            last_status: status(row.last_status, "webhook_deliveries.last_status")?,
            problem: row.problem,
        })
    }
}

fn status(column: Option<i64>, what: &'static str) -> Result<Option<u16>, Error> {
    column.map(|status| rows::whole(status, what)).transpose()
}

#[derive(FromRow)]
struct AttemptRow {
    at: i64,
    took_ms: i64,
    status: Option<i64>,
    problem: Option<String>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self, Error> {
        Ok(Self {
            at: Timestamp(row.at),
            took_ms: rows::whole(row.took_ms, "webhook_attempts.took_ms")?,
            status: status(row.status, "webhook_attempts.status")?,
            problem: row.problem,
        })
    }
}

impl Deliveries<'_> {
    /// Keeps a new delivery.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such webhook.
    pub async fn add(&mut self, new: &Delivery) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD_DELIVERY)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.webhook.as_str())
            .bind(new.event.as_str())
            .bind(new.kind.as_str())
            .bind(new.payload.as_str())
            .bind(new.state.as_str())
            .bind(i64::from(new.attempts))
            .bind(new.made.0)
            .bind(new.due.0)
            .bind(new.ended.map(|at| at.0))
            .bind(new.last_status.map(i64::from))
            .bind(new.problem.as_deref())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The delivery of that id to that webhook.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<Delivery>, Error> {
        let row: Option<DeliveryRow> = on!(self.tx, db => sqlx::query_as(DELIVERY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(webhook.as_str())
            .fetch_optional(db).await?);
        row.map(Delivery::try_from).transpose()
    }

    /// What a webhook is and was told, latest first, a page at a time; with `state`, only what stands there.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        webhook: &WebhookId,
        state: Option<DeliveryState>,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Delivery>, Error> {
        let (at, id) = page::before(after);
        let rows: Vec<DeliveryRow> = match state {
            None => on!(self.tx, db => sqlx::query_as(PAGE_OF)
                .bind(self.tenant.as_str())
                .bind(webhook.as_str())
                .bind(at)
                .bind(id)
                .bind(page::fetch(count_max))
                .fetch_all(db).await?),
            Some(state) => on!(self.tx, db => sqlx::query_as(PAGE_IN)
                .bind(self.tenant.as_str())
                .bind(webhook.as_str())
                .bind(at)
                .bind(id)
                .bind(page::fetch(count_max))
                .bind(state.as_str())
                .fetch_all(db).await?),
        };
        page::of(rows, count_max, |delivery: &Delivery| Place {
            at: delivery.made.0,
            id: delivery.id.to_string(),
        })
    }

    /// What is due by `now`, at most `count_max`, first what has waited longest.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn due(
        &mut self,
        webhook: &WebhookId,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<Delivery>, Error> {
        let rows: Vec<DeliveryRow> = on!(self.tx, db => sqlx::query_as(DUE)
            .bind(self.tenant.as_str())
            .bind(webhook.as_str())
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(Delivery::try_from).collect()
    }

    /// When the next one that waits is due.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn next_due(&mut self, webhook: &WebhookId) -> Result<Option<Timestamp>, Error> {
        let (at,): (Option<i64>,) = on!(self.tx, db => sqlx::query_as(NEXT_DUE)
            .bind(self.tenant.as_str())
            .bind(webhook.as_str())
            .fetch_one(db).await?);
        Ok(at.map(Timestamp))
    }

    /// Notes an attempt and where the delivery stands after it; whether it had stood as in `before`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn note(
        &mut self,
        before: &Delivery,
        after: &Delivery,
        attempt: &Attempt,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(NOTE)
            .bind(self.tenant.as_str())
            .bind(before.id.as_str())
            .bind(i64::from(before.attempts))
            .bind(after.state.as_str())
            .bind(i64::from(after.attempts))
            .bind(after.due.0)
            .bind(after.ended.map(|at| at.0))
            .bind(after.last_status.map(i64::from))
            .bind(after.problem.as_deref())
            .execute(db).await?.rows_affected());
        if kept == 0 {
            return Ok(false);
        }
        on!(self.tx, db => sqlx::query(ADD_ATTEMPT)
            .bind(self.tenant.as_str())
            .bind(before.id.as_str())
            .bind(attempt.at.0)
            .bind(rows::column(attempt.took_ms))
            .bind(attempt.status.map(i64::from))
            .bind(attempt.problem.as_deref())
            .execute(db).await.map(drop)?);
        Ok(true)
    }

    /// Has a delivery tried again from `due` on, as often as a fresh one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn again(&mut self, id: &DeliveryId, due: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(AGAIN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(due.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives up what waits for a webhook; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn drop_waiting(
        &mut self,
        webhook: &WebhookId,
        now: Timestamp,
        problem: &str,
    ) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(DROP_WAITING)
            .bind(self.tenant.as_str())
            .bind(webhook.as_str())
            .bind(now.0)
            .bind(problem)
            .execute(db).await?.rows_affected()))
    }

    /// The latest attempts to deliver, latest first, at most a hundred.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn attempts(&mut self, id: &DeliveryId) -> Result<Vec<Attempt>, Error> {
        let rows: Vec<AttemptRow> = on!(self.tx, db => sqlx::query_as(ATTEMPTS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Attempt::try_from).collect()
    }
}
