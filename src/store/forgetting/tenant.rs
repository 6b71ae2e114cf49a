//! A tenant that goes, with everything that is its own: first nothing comes in any more, then table after table, then the
//! tenant itself.

use super::{
    super::{Across, Error, Forgetting, Open, Store, on, texts},
    HOLDINGS, ROWS_AT_ONCE_MAX,
};
use crate::domain::{id::TenantId, time::Timestamp};

texts! {
    RELEASE_NUMBERS = "UPDATE numbers SET released_at = $2, assistant_id = NULL WHERE tenant_id = $1 AND released_at IS NULL";
    STOP_CALLING = "UPDATE outgoing_settings SET consent = NULL WHERE tenant_id = $1";
    STOP_TELLING = "UPDATE webhooks SET active = FALSE WHERE tenant_id = $1";
    LOCK_OUT_PROGRAMS = "UPDATE api_keys SET revoked_at = $2 WHERE tenant_id = $1 AND revoked_at IS NULL";
    DROP_ATTEMPTS = "UPDATE outgoing_calls SET state = 'dropped', why = 'cancelled', ended_at = $2
        WHERE tenant_id = $1 AND state = 'waiting'";
    DROP_WORK = "DELETE FROM jobs WHERE tenant_id = $1 AND kind <> 'erase_tenant' AND leased_until <= $2";
    UNDER_WAY = "SELECT (SELECT COUNT(*) FROM jobs WHERE tenant_id = $1 AND kind <> 'erase_tenant')
        + (SELECT COUNT(*) FROM calls WHERE tenant_id = $1 AND outcome IS NULL)";
    RECORDED = "SELECT id FROM calls WHERE tenant_id = $1 AND recording IS NOT NULL AND id > $2 ORDER BY id LIMIT $3";
    SPOKEN = "SELECT id FROM messages WHERE tenant_id = $1 AND recording IS NOT NULL AND id > $2 ORDER BY id LIMIT $3";
    UNFETCHED = "SELECT id FROM messages WHERE tenant_id = $1 AND recording_sid IS NOT NULL AND recording IS NULL
        AND id > $2 ORDER BY id LIMIT $3";
    LOG_OUT = "DELETE FROM sessions WHERE at_tenant = $1";
    MEMBERS = "SELECT m.user_id FROM memberships m WHERE m.tenant_id = $1";
    STAYS = "SELECT COUNT(*) FROM users u WHERE u.id = $1 AND (u.operator OR EXISTS (
        SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.tenant_id <> $2))";
    LEAVE = "DELETE FROM memberships WHERE tenant_id = $2 AND user_id = $1";
    FORGET_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
    FORGET_RESETS = "DELETE FROM password_resets WHERE user_id = $1";
    FORGET_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
    FORGET_FACTOR = "DELETE FROM second_factors WHERE user_id = $1";
    FORGET_MAILS = "DELETE FROM mails WHERE recipient = (SELECT email FROM users WHERE id = $1)";
    FORGET_USER = "DELETE FROM users WHERE id = $1";
    INVITED = "SELECT email FROM invitations WHERE tenant_id = $1";
    FORGET_MAILS_TO = "DELETE FROM mails WHERE recipient = $1 AND NOT EXISTS (SELECT 1 FROM users WHERE email = $1)";
    FORGET_JOBS = "DELETE FROM jobs WHERE tenant_id = $1";
    UNNAME = "UPDATE tenants SET name = '-' WHERE id = $1";
    FORGET_TENANT = "DELETE FROM tenants WHERE id = $1";
}

/// What waits until nothing else of the tenant's is worked on.
const LAST: &str = "jobs";

impl Forgetting<'_> {
    /// Lets nothing in any more: no call, no program, no work.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn close(&mut self, now: Timestamp) -> Result<(), Error> {
        for text in [RELEASE_NUMBERS, LOCK_OUT_PROGRAMS, DROP_ATTEMPTS, DROP_WORK] {
            on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(now.0)
                .execute(db).await.map(drop)?);
        }
        for text in [STOP_CALLING, STOP_TELLING, LOG_OUT] {
            on!(self.tx, db => sqlx::query(text).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        }
        Ok(())
    }

    /// How many calls are in the air, and how much work is being done or waits.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn under_way(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(UNDER_WAY).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Calls that were recorded, by id, those after one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn recorded(&mut self, after: &str, count_max: u32) -> Result<Vec<String>, Error> {
        self.after(RECORDED, after, count_max).await
    }

    /// Messages that were spoken, by id, those after one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn spoken(&mut self, after: &str, count_max: u32) -> Result<Vec<String>, Error> {
        self.after(SPOKEN, after, count_max).await
    }

    /// Messages whose sound still lies at Twilio's, by id, those after one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unfetched(&mut self, after: &str, count_max: u32) -> Result<Vec<String>, Error> {
        self.after(UNFETCHED, after, count_max).await
    }

    async fn after(&mut self, text: &'static str, after: &str, count_max: u32) -> Result<Vec<String>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(after)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Removes some rows of the first table that has any; which, and how many. `None` when all are empty.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn sweep(&mut self) -> Result<Option<(&'static str, u64)>, Error> {
        for holding in HOLDINGS.iter().filter(|holding| holding.table != LAST) {
            let text = match &self.tx.open {
                Open::Sqlite(..) => holding.sweep_sqlite,
                Open::Postgres(_) => holding.sweep_postgres,
            };
            let gone = on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(i64::from(ROWS_AT_ONCE_MAX))
                .execute(db).await?.rows_affected());
            if gone > 0 {
                return Ok(Some((holding.table, gone)));
            }
        }
        Ok(None)
    }

    /// Forgets what the tenant is called.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unname(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(UNNAME).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }

    /// Removes the tenant itself, and the work of forgetting it.
    ///
    /// # Errors
    /// [`Error::Dangling`] when anything of it is left.
    pub async fn vanish(&mut self) -> Result<(), Error> {
        for text in [LOG_OUT, FORGET_JOBS, FORGET_TENANT] {
            on!(self.tx, db => sqlx::query(text).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        }
        Ok(())
    }
}

impl Across<'_> {
    /// Forgets those who work at a tenant and nowhere else, and letters to them and to whoever was invited; how many people.
    ///
    /// # Errors
    /// When the database cannot answer; then nobody is forgotten.
    pub async fn forget_staff(self, tenant: &TenantId) -> Result<u64, Error> {
        let mut tx = Store::begin_any(self.store).await?;
        let invited: Vec<(String,)> =
            on!(tx, db => sqlx::query_as(INVITED).bind(tenant.as_str()).fetch_all(db).await?);
        let members: Vec<(String,)> =
            on!(tx, db => sqlx::query_as(MEMBERS).bind(tenant.as_str()).fetch_all(db).await?);
        let mut gone = 0;
        for (user,) in &members {
            let (stays,): (i64,) = on!(tx, db => sqlx::query_as(STAYS)
                .bind(user.as_str())
                .bind(tenant.as_str())
                .fetch_one(db).await?);
            on!(tx, db => sqlx::query(LEAVE)
                .bind(user.as_str())
                .bind(tenant.as_str())
                .execute(db).await.map(drop)?);
            if stays > 0 {
                continue;
            }
            for text in
                [FORGET_SESSIONS, FORGET_RESETS, FORGET_CODES, FORGET_FACTOR, FORGET_MAILS, FORGET_USER]
            {
                on!(tx, db => sqlx::query(text).bind(user.as_str()).execute(db).await.map(drop)?);
            }
            gone += 1;
        }
        for (email,) in &invited {
            on!(tx, db => sqlx::query(FORGET_MAILS_TO).bind(email.as_str()).execute(db).await.map(drop)?);
        }
        tx.commit().await?;
        Ok(gone)
    }
}
