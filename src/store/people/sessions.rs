//! Sessions, from login to logout, and the tokens that prolong them.
//!
//! Only hashes of tokens are kept. Which use of a token is a second tab's and which a thief's is `app`'s to say.

use ipnet::IpNet;
use sqlx::FromRow;

use super::super::{Error, Sessions, on, rows, tenants, texts};
use crate::domain::{
    id::{SessionId, TenantId, UserId},
    people::Role,
    time::Timestamp,
};

texts! {
    BEGIN = "INSERT INTO sessions (id, user_id, at_tenant, began_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    GET = "SELECT id, user_id, at_tenant, began_at, expires_at, ended_at FROM sessions WHERE id = $1";
    STANDING = "SELECT s.id, s.user_id, s.at_tenant, s.began_at, s.expires_at, s.ended_at, u.operator, m.role,
            t.networks, (SELECT f.confirmed_at FROM second_factors f WHERE f.user_id = u.id) AS guarded_since,
            (SELECT a.until_at FROM support_access a WHERE a.tenant_id = s.at_tenant) AS support_until,
            (SELECT COUNT(*) FROM memberships x WHERE x.tenant_id = s.at_tenant) AS staff
        FROM sessions s JOIN users u ON u.id = s.user_id
            LEFT JOIN tenants t ON t.id = s.at_tenant
            LEFT JOIN memberships m ON m.tenant_id = s.at_tenant AND m.user_id = s.user_id
        WHERE s.id = $1";
    EXTEND = "UPDATE sessions SET expires_at = $2 WHERE id = $1";
    END = "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    END_ALL = "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";
    END_OTHERS = "UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL";
    END_AT = "UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND at_tenant = $2 AND ended_at IS NULL";
    ADD_TOKEN = "INSERT INTO refresh_tokens (hash, session_id, made_at) VALUES ($1, $2, $3)";
    USE_TOKEN = "UPDATE refresh_tokens SET used_at = COALESCE(used_at, $2), followers = followers + 1 WHERE hash = $1
        RETURNING session_id, used_at, followers";
    OF_TOKEN = "SELECT s.id, s.user_id, s.at_tenant, s.began_at, s.expires_at, s.ended_at
        FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id
        WHERE r.hash = $1 AND r.used_at IS NULL";
    FORGET_TOKENS = "DELETE FROM refresh_tokens WHERE session_id = $1 AND used_at <= $2";
    FORGET = "DELETE FROM sessions WHERE expires_at <= $1";
    ADD_RESET = "INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES ($1, $2, $3)";
    OPEN_RESETS = "SELECT COUNT(*) FROM password_resets WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2";
    USE_RESET = "UPDATE password_resets SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
        RETURNING user_id";
    USE_UP_RESETS = "UPDATE password_resets SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL";
    FORGET_RESETS = "DELETE FROM password_resets WHERE expires_at <= $1";
}

/// A person who has logged in, and where she acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, which every access token of the session carries.
    pub id: SessionId,
    /// Who.
    pub user: UserId,
    /// In which tenant; an operator may act in none.
    pub tenant: Option<TenantId>,
    /// Since when.
    pub began_at: Timestamp,
    /// Until when, unless it is prolonged.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// What holds of a session at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The session.
    pub session: Session,
    /// Whether the person runs the platform.
    pub operator: bool,
    /// Her role in the session's tenant, if she is a member.
    pub role: Option<Role>,
    /// The networks from which the tenant's people may ask; any when there is none.
    pub networks: Vec<IpNet>,
    /// Whether a second factor guards the person's account.
    pub guarded: bool,
    /// Whether anybody works at the session's tenant.
    pub staffed: bool,
    /// Until when the session's tenant lets those who run the platform in.
    pub support_until: Option<Timestamp>,
}

/// What using a refresh token shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// Whose token it is.
    pub session: SessionId,
    /// When it was used first.
    pub first_used_at: Timestamp,
    /// How often it has been used, this time included.
    pub uses: u32,
}

#[derive(FromRow)]
struct SessionRow {
    id: String,
    user_id: String,
    at_tenant: Option<String>,
    began_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

#[derive(FromRow)]
struct StandingRow {
    #[sqlx(flatten)]
    session: SessionRow,
    operator: bool,
    role: Option<String>,
    networks: Option<String>,
    guarded_since: Option<i64>,
    support_until: Option<i64>,
    staff: i64,
}

#[derive(FromRow)]
struct TokenRow {
    session_id: String,
    used_at: i64,
    followers: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "sessions.id")?,
            user: rows::text(&row.user_id, "sessions.user_id")?,
            tenant: rows::maybe(row.at_tenant.as_deref(), "sessions.at_tenant")?,
            began_at: Timestamp(row.began_at),
            expires_at: Timestamp(row.expires_at),
            ended_at: row.ended_at.map(Timestamp),
        })
    }
}

impl Sessions<'_> {
    /// Keeps a session that begins.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn begin(&mut self, session: &Session) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(BEGIN)
            .bind(session.id.as_str())
            .bind(session.user.as_str())
            .bind(session.tenant.as_ref().map(TenantId::as_str))
            .bind(session.began_at.0)
            .bind(session.expires_at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The session of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &SessionId) -> Result<Option<Session>, Error> {
        let row: Option<SessionRow> =
            on!(self.tx, db => sqlx::query_as(GET).bind(id.as_str()).fetch_optional(db).await?);
        row.map(Session::try_from).transpose()
    }

    /// The session of that id with the person's rights as they are. Her role is found in a transaction of the
    /// session's tenant.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn standing(&mut self, id: &SessionId) -> Result<Option<Standing>, Error> {
        let row: Option<StandingRow> =
            on!(self.tx, db => sqlx::query_as(STANDING).bind(id.as_str()).fetch_optional(db).await?);
        row.map(|row| {
            Ok(Standing {
                session: row.session.try_into()?,
                operator: row.operator,
                role: rows::maybe(row.role.as_deref(), "memberships.role")?,
                networks: row.networks.map_or(Ok(vec![]), |networks| tenants::networks(&networks))?,
                guarded: row.guarded_since.is_some(),
                staffed: row.staff > 0,
                support_until: row.support_until.map(Timestamp),
            })
        })
        .transpose()
    }

    /// The session that a token would prolong; `None` once the token was used.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_token(&mut self, hash: &str) -> Result<Option<Session>, Error> {
        let row: Option<SessionRow> =
            on!(self.tx, db => sqlx::query_as(OF_TOKEN).bind(hash).fetch_optional(db).await?);
        row.map(Session::try_from).transpose()
    }

    /// Prolongs a session.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn extend(&mut self, id: &SessionId, expires_at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(EXTEND)
            .bind(id.as_str())
            .bind(expires_at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Ends a session; whether it had not ended before.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn end(&mut self, id: &SessionId, now: Timestamp) -> Result<bool, Error> {
        let ended = on!(self.tx, db => sqlx::query(END).bind(id.as_str()).bind(now.0).execute(db).await?.rows_affected());
        Ok(ended == 1)
    }

    /// Ends every session of a person; how many.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn end_all(&mut self, user: &UserId, now: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(END_ALL)
            .bind(user.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected()))
    }

    /// Ends every session of a person but that one; how many.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn end_others(&mut self, user: &UserId, but: &SessionId, now: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(END_OTHERS)
            .bind(user.as_str())
            .bind(but.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected()))
    }

    /// Ends a person's sessions in one tenant; how many.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn end_at(&mut self, user: &UserId, tenant: &TenantId, now: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(END_AT)
            .bind(user.as_str())
            .bind(tenant.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected()))
    }

    /// Keeps a refresh token of a session.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add_token(&mut self, session: &SessionId, hash: &str, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD_TOKEN)
            .bind(hash)
            .bind(session.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that a refresh token was used, and tells which use it was. Two at once come one after the other.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn use_token(&mut self, hash: &str, now: Timestamp) -> Result<Option<TokenUse>, Error> {
        let row: Option<TokenRow> =
            on!(self.tx, db => sqlx::query_as(USE_TOKEN).bind(hash).bind(now.0).fetch_optional(db).await?);
        row.map(|row| {
            Ok(TokenUse {
                session: rows::text(&row.session_id, "refresh_tokens.session_id")?,
                first_used_at: Timestamp(row.used_at),
                uses: rows::whole(row.followers, "refresh_tokens.followers")?,
            })
        })
        .transpose()
    }

    /// Forgets the refresh tokens of a session that were used by `used`.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn forget_tokens(&mut self, session: &SessionId, used: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET_TOKENS)
            .bind(session.as_str())
            .bind(used.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets sessions that expired by `expired`, with their tokens; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, expired: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(FORGET).bind(expired.0).execute(db).await?.rows_affected()))
    }

    /// Keeps that a person may choose another password with this token until `expires_at`.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn add_reset(&mut self, user: &UserId, hash: &str, expires_at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD_RESET)
            .bind(hash)
            .bind(user.as_str())
            .bind(expires_at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many tokens for another password a person has that are good.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open_resets(&mut self, user: &UserId, now: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(OPEN_RESETS).bind(user.as_str()).bind(now.0).fetch_one(db).await?
        });
        rows::whole(count, "password_resets")
    }

    /// Uses a token for another password up; whose it was, if it was still good.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn use_reset(&mut self, hash: &str, now: Timestamp) -> Result<Option<UserId>, Error> {
        let row: Option<(String,)> =
            on!(self.tx, db => sqlx::query_as(USE_RESET).bind(hash).bind(now.0).fetch_optional(db).await?);
        row.map(|(user,)| rows::text(&user, "password_resets.user_id")).transpose()
    }

    /// Uses up every token with which a person could choose another password.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn use_up_resets(&mut self, user: &UserId, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(USE_UP_RESETS)
            .bind(user.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets tokens for another password that expired by `expired`; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_resets(&mut self, expired: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(FORGET_RESETS).bind(expired.0).execute(db).await?.rows_affected()))
    }
}
