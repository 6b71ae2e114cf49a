//! A tenant's own Twilio account, its auth token sealed.

use std::fmt;

use sqlx::FromRow;

use super::{Error, TwilioAccounts, on, rows, texts};
use crate::domain::{id::TenantId, time::Timestamp};

macro_rules! columns {
    () => {
        "tenant_id, account_sid, auth_token, hint, set_at"
    };
}

pub(super) use columns;

texts! {
    GET = concat!("SELECT ", columns!(), " FROM twilio_accounts WHERE tenant_id = $1");
    PUT = concat!("INSERT INTO twilio_accounts (", columns!(), ") VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id) DO UPDATE SET account_sid = excluded.account_sid,
            auth_token = excluded.auth_token, hint = excluded.hint, set_at = excluded.set_at");
    REMOVE = "DELETE FROM twilio_accounts WHERE tenant_id = $1";
}
/// A tenant's own Twilio account. `Debug` shows no token, not even sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct TwilioAccount {
    /// Whose it is.
    pub tenant: TenantId,
    /// The account (`AC…`).
    pub account_sid: String,
    /// Its auth token, sealed.
    pub auth_token: Vec<u8>,
    /// What may be shown of the token.
    pub hint: String,
    /// When it was set.
    pub set: Timestamp,
}

impl fmt::Debug for TwilioAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioAccount").field("account_sid", &self.account_sid).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
pub(super) struct AccountRow {
    tenant_id: String,
    account_sid: String,
    auth_token: Vec<u8>,
    hint: String,
    set_at: i64,
}

impl TryFrom<AccountRow> for TwilioAccount {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self, Error> {
        Ok(Self {
            tenant: rows::text(&row.tenant_id, "twilio_accounts.tenant_id")?,
            account_sid: row.account_sid,
            auth_token: row.auth_token,
            hint: row.hint,
            set: Timestamp(row.set_at),
        })
    }
}

impl TwilioAccounts<'_> {
    /// The tenant's own account, if it has one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self) -> Result<Option<TwilioAccount>, Error> {
        let row: Option<AccountRow> = on!(self.tx, db => {
            sqlx::query_as(GET).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        row.map(TwilioAccount::try_from).transpose()
    }

    /// Keeps the tenant's own account in the place of any it had.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is another tenant's.
    pub async fn put(&mut self, wanted: &TwilioAccount) -> Result<(), Error> {
        if wanted.tenant != *self.tenant {
            return Err(Error::Damaged("an account is kept at its own tenant"));
        }
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(wanted.account_sid.as_str())
            .bind(wanted.auth_token.as_slice())
            .bind(wanted.hint.as_str())
            .bind(wanted.set.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Takes the tenant's own account away; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self) -> Result<bool, Error> {
        let gone = on!(self.tx, db => {
            sqlx::query(REMOVE).bind(self.tenant.as_str()).execute(db).await?.rows_affected()
        });
        Ok(gone == 1)
    }
}
