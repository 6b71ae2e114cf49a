//! The walls between tenants, as PostgreSQL holds them beneath every query.
//!
//! A transaction says for which tenant it was begun, and sees no other's rows, whatever its queries forget. That holds
//! only while the role that asks is neither superuser nor owner of the tables nor exempt from row-level security:
//! [`Store::walls`] looks.

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Transaction, postgres::PgConnectOptions,
};

use super::{Error, Pool, Store, texts};
use crate::domain::id::TenantId;

/// Whose rows a transaction may see.
#[derive(Clone, Copy)]
pub(super) enum Within<'t> {
    /// One tenant's.
    Tenant(&'t TenantId),
    /// None: what belongs to no tenant.
    Platform,
    /// Everybody's.
    All,
}

texts! {
    @postgres WITHIN_TENANT = "SELECT set_config('app.tenant', $1, true)";
    @postgres WITHIN_ALL = "SELECT set_config('app.across', 'yes', true)";
    /// What a role must not be, and how many tables of tenants are without a wall.
    @postgres LOOK = "SELECT r.rolsuper, r.rolbypassrls,
        EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
            AND c.relkind IN ('r', 'p', 'v', 'm') AND pg_has_role(r.oid, c.relowner, 'MEMBER')),
        (SELECT count(*) FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND (c.relname = 'tenants' OR EXISTS (
                SELECT 1 FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)))
    FROM pg_roles r WHERE r.rolname = current_user";
    /// What is seen without any transaction that says for whom.
    @postgres SEEN_BY_NOBODY = "SELECT count(*) FROM tenants";
    @postgres BEGUN = "SELECT to_regclass($1) IS NOT NULL";
    /// Two that admit somebody at once would stumble over each other in the catalogue. Ends with the connection.
    @postgres ALONE = "SELECT pg_advisory_lock(hashtext('frontdesk admits a user'))::text";
    @postgres IS_OWN = "SELECT current_user = $1";
    @postgres QUOTED = "SELECT format($1, $2::text, current_schema()::text)";
}

/// What is wrong with the walls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Nothing holds a superuser.
    #[error("the database's user is a superuser, whom row-level security does not hold")]
    Superuser,
    /// It is exempt.
    #[error("the database's user has BYPASSRLS")]
    Exempt,
    /// It could take the walls away.
    #[error("the database's user owns the tables and could take their walls away")]
    Owner,
    /// Some tables have none.
    #[error("{0} tables of tenants are without row-level security")]
    Unguarded(i64),
    /// They do not hold.
    #[error("whoever asks for no tenant sees tenants' rows")]
    Open,
}

pub(super) async fn raise(tx: &mut Transaction<'static, Postgres>, within: Within<'_>) -> Result<(), Error> {
    match within {
        Within::Tenant(tenant) => {
            sqlx::query(WITHIN_TENANT).bind(tenant.as_str()).execute(&mut **tx).await?;
        }
        Within::All => {
            sqlx::query(WITHIN_ALL).execute(&mut **tx).await?;
        }
        Within::Platform => {}
    }
    Ok(())
}

impl Store {
    /// Looks whether the walls hold for this store's user. SQLite has none to look at.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn walls(&self) -> Result<Result<(), Breach>, Error> {
        let Pool::Postgres(pool) = &self.pool else { return Ok(Ok(())) };
        let (superuser, exempt, owner, unguarded): (bool, bool, bool, i64) =
            sqlx::query_as(LOOK).fetch_one(pool).await?;
        let told = match (superuser, exempt, owner, unguarded) {
            (true, ..) => Err(Breach::Superuser),
            (_, true, ..) => Err(Breach::Exempt),
            (_, _, true, _) => Err(Breach::Owner),
            (.., 1..) => Err(Breach::Unguarded(unguarded)),
            _ => Ok(()),
        };
        if told.is_err() {
            return Ok(told);
        }
        let (seen,): (i64,) = sqlx::query_as(SEEN_BY_NOBODY).fetch_one(pool).await?;
        Ok(if seen == 0 { Ok(()) } else { Err(Breach::Open) })
    }
}

/// Whether there is such a table: who works with the tables may not make any.
pub(super) async fn begun(db: &mut PgConnection, table: &str) -> Result<bool, Error> {
    let (begun,): (bool,) = sqlx::query_as(BEGUN).bind(table).fetch_one(db).await?;
    Ok(begun)
}

/// A connection as the owner of the tables, who may change them. What a migration changes is every tenant's.
pub(super) async fn owner(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    Ok(PgConnection::connect_with(&options.clone().options([("app.across", "yes")])).await?)
}

/// Lets `user`, who owns nothing, work with the tables. What has happened stays: the log can be added to, not
/// changed, and goes only with all of its tenant (a policy of the table's).
pub(super) async fn admit(db: &mut PgConnection, user: &str) -> Result<(), Error> {
    const GRANTS: [&str; 4] = [
        "GRANT USAGE ON SCHEMA %2$I TO %1$I",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %2$I TO %1$I",
        "REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM %1$I",
        "REVOKE UPDATE ON audit_entries FROM %1$I",
    ];
    let (own,): (bool,) = sqlx::query_as(IS_OWN).bind(user).fetch_one(&mut *db).await?;
    if own {
        return Ok(());
    }
    sqlx::query(ALONE).execute(&mut *db).await?;
    for grant in GRANTS {
        // The database itself quotes the names.
        let (text,): (String,) = sqlx::query_as(QUOTED).bind(grant).bind(user).fetch_one(&mut *db).await?;
        db.execute(AssertSqlSafe(text)).await?;
    }
    Ok(())
}
