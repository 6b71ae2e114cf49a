//! The few questions that are asked before the tenant is known, or of all of them at once.
//!
//! Whose number is this? Whose call is that? Who is called so in a file? Which job is next? And what must be swept
//! up everywhere. Everything else names its tenant first.

use sqlx::FromRow;
use tracing::error;

use super::{
    Error, Job, Lane, Store,
    jobs::JobRow,
    numbers::{self, NumberRow},
    on,
    page::{self, Page, Place},
    people::{Membership, OwnedKey, api_keys, invitations, memberships},
    rows,
    tenants::{TenantRow, columns},
    texts,
    twilio_accounts::{self, AccountRow, TwilioAccount},
};
use crate::domain::{
    conversation::CallSid,
    id::{CalendarId, CallId, CampaignId, InvitationId, OfferId, OutgoingId, TenantId, TransferId, UserId},
    org::{HeldNumber, Tenant},
    phone::E164,
    time::Timestamp,
};

texts! {
    TENANTS = concat!("SELECT ", columns!(), " FROM tenants ORDER BY slug");
    TENANTS_PAGE = concat!("SELECT ", columns!(), " FROM tenants WHERE id > $1 ORDER BY id LIMIT $2");
    TENANT = concat!("SELECT ", columns!(), " FROM tenants WHERE slug = $1");
    TENANT_OF_NUMBER = concat!("SELECT ", columns!(t), "
        FROM tenants t JOIN numbers n ON n.tenant_id = t.id WHERE n.number = $1 AND n.released_at IS NULL");
    NUMBER = concat!("SELECT ", numbers::columns!(), " FROM numbers WHERE number = $1 AND released_at IS NULL");
    CALL = "SELECT tenant_id, id, account_sid FROM calls WHERE sid = $1";
    TWILIO_ACCOUNT = concat!("SELECT ", twilio_accounts::columns!(), " FROM twilio_accounts WHERE account_sid = $1
        ORDER BY set_at DESC LIMIT 1");
    @sqlite TAKE_ON_SQLITE = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1
        WHERE state = 'waiting' AND lane = $4 AND due_at <= $1 AND leased_until <= $1 AND (tenant_id, id) IN (
            SELECT tenant_id, id FROM jobs WHERE state = 'waiting' AND lane = $4 AND due_at <= $1
                AND leased_until <= $1 ORDER BY due_at, id LIMIT $3)
        RETURNING tenant_id, id, kind, subject, attempts, problem, asked";
    @postgres TAKE_ON_POSTGRES = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1
        WHERE state = 'waiting' AND lane = $4 AND due_at <= $1 AND leased_until <= $1 AND (tenant_id, id) IN (
            SELECT tenant_id, id FROM jobs WHERE state = 'waiting' AND lane = $4 AND due_at <= $1
                AND leased_until <= $1 ORDER BY due_at, id LIMIT $3
            FOR UPDATE SKIP LOCKED)
        RETURNING tenant_id, id, kind, subject, attempts, problem, asked";
    CALENDARS_DUE = "SELECT c.tenant_id, c.id, c.access <> 'free_busy' AND c.watch_due_at <= $1
        FROM calendars c JOIN calendar_connections n ON n.tenant_id = c.tenant_id AND n.id = c.connection_id
            AND n.state = 'connected'
        WHERE c.sync_due_at <= $1 AND c.there AND EXISTS (SELECT 1 FROM resource_calendars r
            WHERE r.tenant_id = c.tenant_id AND r.calendar_id = c.id)
        ORDER BY c.sync_due_at LIMIT $2";
    WATCHED = "SELECT tenant_id, id, watch_secret_hash FROM calendars WHERE watch_id = $1";
    NEXT_DUE = "SELECT MIN(CASE WHEN leased_until > due_at THEN leased_until ELSE due_at END) FROM jobs
        WHERE state = 'waiting'";
    CLEAR_LAPSED = "DELETE FROM appointments WHERE status = 'held' AND expires_at <= $1";
    LOST = "SELECT tenant_id, id FROM calls WHERE outcome IS NULL AND rang_at <= $1 ORDER BY rang_at LIMIT $2";
    FORGET_DELIVERIES = "DELETE FROM webhook_deliveries WHERE ended_at <= $1";
    UNFINISHED_RECORDINGS = "SELECT r.tenant_id, r.call_id FROM recordings r
        JOIN calls c ON c.tenant_id = r.tenant_id AND c.id = r.call_id
        WHERE r.length_ms IS NULL AND r.begun_at >= $1 AND c.ended_at >= $2 AND c.outcome IS NOT NULL
        ORDER BY r.begun_at LIMIT 100";
    TRANSFER = "SELECT t.tenant_id, c.account_sid FROM transfers t
        JOIN calls c ON c.tenant_id = t.tenant_id AND c.id = t.call_id WHERE t.id = $1";
    OUTGOING = "SELECT tenant_id FROM outgoing_calls WHERE id = $1";
    OUTGOING_DUE = "SELECT DISTINCT tenant_id FROM outgoing_calls WHERE state IN ('waiting', 'dialling')
        AND due_at <= $1 AND busy_until <= $1 AND tenant_id > $2 ORDER BY tenant_id LIMIT $3";
    /// What may happen next to an attempt, of whichever tenant.
    OUTGOING_NEXT = "SELECT MIN(at) FROM (
        SELECT MIN(CASE WHEN busy_until > due_at THEN busy_until ELSE due_at END) AS at FROM outgoing_calls
            WHERE state IN ('waiting', 'dialling')
        UNION ALL SELECT MIN(check_at) FROM outgoing_calls WHERE state = 'placed') AS next";
    OUTGOING_TO_CHECK = "SELECT tenant_id, id FROM outgoing_calls WHERE state = 'placed' AND check_at <= $1
        ORDER BY check_at LIMIT $2";
    REMINDERS_TO_PLAN = "SELECT tenant_id FROM outgoing_settings WHERE plan_at <= $1 AND consent IS NOT NULL
        ORDER BY plan_at LIMIT $2";
    CAMPAIGNS_TO_PLAN = "SELECT tenant_id, id FROM campaigns WHERE state = 'running' AND plan_at <= $1
        ORDER BY plan_at LIMIT $2";
    OFFERS_DUE = "SELECT tenant_id, id FROM offers WHERE state = 'open' AND look_at <= $1 ORDER BY look_at LIMIT $2";
    FORGET_REQUESTS = "DELETE FROM booking_requests WHERE made_at <= $1";
}

/// The door to rows of whichever tenant they belong to.
#[derive(Clone, Copy, Debug)]
pub struct Across<'s> {
    pub(super) store: &'s Store,
}

#[derive(FromRow)]
struct CallRow {
    tenant_id: String,
    id: String,
    account_sid: String,
}

impl Across<'_> {
    /// Every tenant, by slug.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn tenants(self) -> Result<Vec<Tenant>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<TenantRow> = on!(tx, db => sqlx::query_as(TENANTS).fetch_all(db).await?);
        rows.into_iter().map(Tenant::try_from).collect()
    }

    /// The tenants in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn tenants_page(self, after: Option<&Place>, count_max: u32) -> Result<Page<Tenant>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<TenantRow> = on!(tx, db => sqlx::query_as(TENANTS_PAGE)
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |tenant: &Tenant| Place::of_id(tenant.id.as_str()))
    }

    /// The tenant of that slug.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn tenant(self, slug: &str) -> Result<Option<Tenant>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<TenantRow> =
            on!(tx, db => sqlx::query_as(TENANT).bind(slug).fetch_optional(db).await?);
        row.map(Tenant::try_from).transpose()
    }

    /// Whose telephone rings at that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn number(self, number: &E164) -> Result<Option<(Tenant, HeldNumber)>, Error> {
        let mut tx = self.store.read_any().await?;
        let tenant: Option<TenantRow> = on!(tx, db => {
            sqlx::query_as(TENANT_OF_NUMBER).bind(number.as_str()).fetch_optional(db).await?
        });
        let row: Option<NumberRow> = on!(tx, db => {
            sqlx::query_as(NUMBER).bind(number.as_str()).fetch_optional(db).await?
        });
        match (tenant, row) {
            (Some(tenant), Some(number)) => Ok(Some((tenant.try_into()?, number.try_into()?))),
            _ => Ok(None),
        }
    }

    /// Whose call that is, and our id for it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn call(self, sid: &CallSid) -> Result<Option<(TenantId, CallId)>, Error> {
        let Some(row) = self.call_row(sid).await? else { return Ok(None) };
        Ok(Some((rows::text(&row.tenant_id, "calls.tenant_id")?, rows::text(&row.id, "calls.id")?)))
    }

    /// Whose call that is, and which Twilio account announced it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn call_account(self, sid: &CallSid) -> Result<Option<(TenantId, String)>, Error> {
        let Some(row) = self.call_row(sid).await? else { return Ok(None) };
        Ok(Some((rows::text(&row.tenant_id, "calls.tenant_id")?, row.account_sid)))
    }

    async fn call_row(self, sid: &CallSid) -> Result<Option<CallRow>, Error> {
        let mut tx = self.store.read_any().await?;
        Ok(on!(tx, db => sqlx::query_as(CALL).bind(sid.as_str()).fetch_optional(db).await?))
    }

    /// Whose transfer that is, and which Twilio account announced its call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn transfer(self, id: &TransferId) -> Result<Option<(TenantId, String)>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<(String, String)> =
            on!(tx, db => sqlx::query_as(TRANSFER).bind(id.as_str()).fetch_optional(db).await?);
        row.map(|(tenant, account)| Ok((rows::text(&tenant, "transfers.tenant_id")?, account))).transpose()
    }

    /// A tenant's own Twilio account of that name; where several tenants share one, the one set last.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn twilio_account(self, account_sid: &str) -> Result<Option<TwilioAccount>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<AccountRow> = on!(tx, db => {
            sqlx::query_as(TWILIO_ACCOUNT).bind(account_sid).fetch_optional(db).await?
        });
        row.map(TwilioAccount::try_from).transpose()
    }

    /// Where a person works, the longest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn memberships(self, user: &UserId) -> Result<Vec<Membership>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<memberships::MembershipRow> = on!(tx, db => {
            sqlx::query_as(memberships::OF_USER).bind(user.as_str()).fetch_all(db).await?
        });
        rows.into_iter().map(Membership::try_from).collect()
    }

    /// Whose invitation has the token of this hash.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn invitation(self, token_hash: &str) -> Result<Option<(TenantId, InvitationId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<invitations::TokenRow> = on!(tx, db => {
            sqlx::query_as(invitations::BY_TOKEN).bind(token_hash).fetch_optional(db).await?
        });
        row.map(TryFrom::try_from).transpose()
    }

    /// Whose API key has this hash, and what it may.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn api_key(self, hash: &str) -> Result<Option<OwnedKey>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<api_keys::OwnedRow> = on!(tx, db => {
            sqlx::query_as(api_keys::BY_HASH).bind(hash).fetch_optional(db).await?
        });
        row.map(TryFrom::try_from).transpose()
    }

    /// Takes up to `count_max` jobs that are due. Nobody else gets them before `until`; a job that has not ended by
    /// then is anybody's again.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take_jobs(
        self,
        now: Timestamp,
        until: Timestamp,
        count_max: u32,
        lane: Lane,
    ) -> Result<Vec<Job>, Error> {
        let mut tx = self.store.begin_any().await?;
        let text = if self.store.embedded() { TAKE_ON_SQLITE } else { TAKE_ON_POSTGRES };
        let rows: Vec<JobRow> = on!(tx, db => sqlx::query_as(text)
            .bind(now.0)
            .bind(until.0)
            .bind(i64::from(count_max))
            .bind(lane.as_str())
            .fetch_all(db).await?);
        tx.commit().await?;
        // One that cannot be read, such as of a later version, keeps nobody from the others.
        let readable = |row: JobRow| {
            let (id, kind) = (row.id.clone(), row.kind.clone());
            Job::try_from(row)
                .inspect_err(|error| error!(job.id = id, kind, %error, "a job cannot be read, and waits"))
                .ok()
        };
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    /// Calendars in use that are to be looked at by `now`, at most `count_max`; and of each, whether its vendor is to be
    /// asked to tell of changes.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn calendars_due(
        self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<(TenantId, CalendarId, bool)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String, bool)> = on!(tx, db => sqlx::query_as(CALENDARS_DUE)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(tenant, id, watch)| {
                Ok((rows::text(&tenant, "calendars.tenant_id")?, rows::text(&id, "calendars.id")?, watch))
            })
            .collect()
    }

    /// Of which calendar a vendor tells under that name, and the SHA-256 of what it proves itself with.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn watched(self, watch: &str) -> Result<Option<(TenantId, CalendarId, String)>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<(String, String, Option<String>)> =
            on!(tx, db => sqlx::query_as(WATCHED).bind(watch).fetch_optional(db).await?);
        let Some((tenant, id, Some(hash))) = row else { return Ok(None) };
        Ok(Some((rows::text(&tenant, "calendars.tenant_id")?, rows::text(&id, "calendars.id")?, hash)))
    }

    /// Whose attempt to reach somebody that is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn outgoing(self, id: &OutgoingId) -> Result<Option<TenantId>, Error> {
        let mut tx = self.store.read_any().await?;
        let row: Option<(String,)> =
            on!(tx, db => sqlx::query_as(OUTGOING).bind(id.as_str()).fetch_optional(db).await?);
        row.map(|(tenant,)| rows::text(&tenant, "outgoing_calls.tenant_id")).transpose()
    }

    /// Tenants with calls that are due, in the order of their ids behind `after`, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn outgoing_due(
        self,
        now: Timestamp,
        after: Option<&TenantId>,
        count_max: u32,
    ) -> Result<Vec<TenantId>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String,)> = on!(tx, db => sqlx::query_as(OUTGOING_DUE)
            .bind(now.0)
            .bind(after.map_or("", TenantId::as_str))
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter().map(|(tenant,)| rows::text(tenant, "outgoing_calls.tenant_id")).collect()
    }

    /// When something may next happen to an attempt; `None` when nothing waits.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn outgoing_next(self) -> Result<Option<Timestamp>, Error> {
        let mut tx = self.store.read_any().await?;
        let (at,): (Option<i64>,) = on!(tx, db => sqlx::query_as(OUTGOING_NEXT).fetch_one(db).await?);
        Ok(at.map(Timestamp))
    }

    /// Calls that are out and of which Twilio is to be asked by `now`, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn outgoing_to_check(
        self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<(TenantId, OutgoingId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> = on!(tx, db => sqlx::query_as(OUTGOING_TO_CHECK)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter()
            .map(|(tenant, id)| {
                Ok((rows::text(tenant, "outgoing_calls.tenant_id")?, rows::text(id, "outgoing_calls.id")?))
            })
            .collect()
    }

    /// Tenants of which it is to be looked by `now` which reminders are due, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn reminders_to_plan(self, now: Timestamp, count_max: u32) -> Result<Vec<TenantId>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String,)> = on!(tx, db => sqlx::query_as(REMINDERS_TO_PLAN)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter().map(|(tenant,)| rows::text(tenant, "outgoing_settings.tenant_id")).collect()
    }

    /// Campaigns of which it is to be looked by `now` whom they call next, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn campaigns_to_plan(
        self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<(TenantId, CampaignId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> = on!(tx, db => sqlx::query_as(CAMPAIGNS_TO_PLAN)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter()
            .map(|(tenant, id)| {
                Ok((rows::text(tenant, "campaigns.tenant_id")?, rows::text(id, "campaigns.id")?))
            })
            .collect()
    }

    /// Offers of which it is to be looked by `now` whom to ask, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn offers_due(self, now: Timestamp, count_max: u32) -> Result<Vec<(TenantId, OfferId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> = on!(tx, db => sqlx::query_as(OFFERS_DUE)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter()
            .map(|(tenant, id)| Ok((rows::text(tenant, "offers.tenant_id")?, rows::text(id, "offers.id")?)))
            .collect()
    }

    /// When the next job is due, if one waits.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn next_due(self) -> Result<Option<Timestamp>, Error> {
        let mut tx = self.store.read_any().await?;
        let (due,): (Option<i64>,) = on!(tx, db => sqlx::query_as(NEXT_DUE).fetch_one(db).await?);
        Ok(due.map(Timestamp))
    }

    /// Forgets every hold that has lapsed by `now`; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn clear_lapsed(self, now: Timestamp) -> Result<u64, Error> {
        let mut tx = self.store.begin_any().await?;
        let gone = on!(tx, db => sqlx::query(CLEAR_LAPSED).bind(now.0).execute(db).await?.rows_affected());
        tx.commit().await?;
        Ok(gone)
    }

    /// Calls that rang by `rang` and whose end nobody has told, at most `count_max`, the oldest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn lost_calls(self, rang: Timestamp, count_max: u32) -> Result<Vec<(TenantId, CallId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> = on!(tx, db => sqlx::query_as(LOST)
            .bind(rang.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(tenant, id)| Ok((rows::text(&tenant, "calls.tenant_id")?, rows::text(&id, "calls.id")?)))
            .collect()
    }

    /// Recordings begun since `begun` of calls that ended since `ended`, of which nobody has told how long they are: at most a
    /// hundred.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unfinished_recordings(
        self,
        begun: Timestamp,
        ended: Timestamp,
    ) -> Result<Vec<(TenantId, CallId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> = on!(tx, db => sqlx::query_as(UNFINISHED_RECORDINGS)
            .bind(begun.0)
            .bind(ended.0)
            .fetch_all(db).await?);
        rows.into_iter()
            .map(|(tenant, call)| {
                Ok((rows::text(&tenant, "recordings.tenant_id")?, rows::text(&call, "recordings.call_id")?))
            })
            .collect()
    }

    /// Forgets which bookings were asked for by `made` under which key; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_requests(self, made: Timestamp) -> Result<u64, Error> {
        let mut tx = self.store.begin_any().await?;
        let gone =
            on!(tx, db => sqlx::query(FORGET_REQUESTS).bind(made.0).execute(db).await?.rows_affected());
        tx.commit().await?;
        Ok(gone)
    }

    /// Forgets deliveries that ended before that; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_deliveries(self, ended: Timestamp) -> Result<u64, Error> {
        let mut tx = self.store.begin_any().await?;
        let gone =
            on!(tx, db => sqlx::query(FORGET_DELIVERIES).bind(ended.0).execute(db).await?.rows_affected());
        tx.commit().await?;
        Ok(gone)
    }
}
