//! The ways into tenants' calendars: who agreed, how it stands, and the tokens, sealed.
//!
//! Tokens are counted (`generation`): whoever renews them says which ones they renew, so that what another has renewed
//! meanwhile is never overwritten. Nothing here can open a token.

use std::{collections::BTreeSet, fmt};

use sqlx::FromRow;

use super::{Across, Connections, Error, on, rows, texts};
use crate::domain::{
    calendar::{Connection, ConnectionState, Grant, Vendor},
    id::{ConnectionId, TenantId},
    revision::{Revised, Revision},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, vendor, consent, account, directory, personal, state, problem, connected_at, since, revision"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM calendar_connections WHERE tenant_id = $1 ORDER BY id");
    GET = concat!("SELECT ", columns!(), " FROM calendar_connections WHERE tenant_id = $1 AND id = $2");
    COUNT = "SELECT COUNT(*) FROM calendar_connections WHERE tenant_id = $1";
    TOKENS = "SELECT vendor, consent, directory, personal, state, scopes, refresh_token, access_token,
            access_expires_at, generation
        FROM calendar_connections WHERE tenant_id = $1 AND id = $2";
    ADD = "INSERT INTO calendar_connections (tenant_id, id, vendor, consent, account, directory, personal, state, scopes,
            refresh_token, access_token, access_expires_at, generation, connected_by, connected_at, since)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'connected', $8, $9, $10, $11, 1, $12, $13, $13)";
    AGAIN = "UPDATE calendar_connections SET account = $3, directory = $4, personal = $5, state = 'connected',
            problem = NULL, scopes = $6, refresh_token = $7, access_token = $8, access_expires_at = $9,
            generation = generation + 1, renewing_until = 0, connected_by = $10, connected_at = $11, since = $11,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    /// A turn that reaches past `$6` was given by a clock that is far ahead of this one: it is worth nothing.
    TAKE_TURN = "UPDATE calendar_connections SET renewing_until = $5
        WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND state = 'connected'
            AND (renewing_until <= $4 OR renewing_until > $6)";
    LEAVE_TURN = "UPDATE calendar_connections SET renewing_until = 0
        WHERE tenant_id = $1 AND id = $2 AND generation = $3";
    RENEWED = "UPDATE calendar_connections SET refresh_token = COALESCE($4, refresh_token), access_token = $5,
            access_expires_at = $6, generation = generation + 1, renewing_until = 0
        WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND state = 'connected'";
    LOST = "UPDATE calendar_connections SET state = 'reconnect', problem = $4, since = $5, refresh_token = NULL,
            access_token = NULL, access_expires_at = 0, generation = generation + 1, renewing_until = 0,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND state = 'connected'";
    OF_DIRECTORY = "SELECT DISTINCT tenant_id FROM calendar_connections
        WHERE directory = $1 AND consent = 'organisation' AND state <> 'disconnected'";
    OF_ACCOUNT = "SELECT COUNT(*) FROM calendar_connections WHERE vendor = $1 AND account = $2 AND state = 'connected'";
    GIVE_UP = "UPDATE calendar_connections SET state = 'disconnected', problem = NULL, since = $3, refresh_token = NULL,
            access_token = NULL, access_expires_at = 0, generation = generation + 1, renewing_until = 0,
            revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND state <> 'disconnected'";
}

/// The tokens of a connection, sealed. `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// What lets one ask for further access; an organisation has none.
    pub refresh: Option<Vec<u8>>,
    /// What lets one in.
    pub access: Option<Vec<u8>>,
    /// Until when it may be used.
    pub access_expires: Timestamp,
}

impl fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedTokens").field("access_expires", &self.access_expires).finish_non_exhaustive()
    }
}

/// How a connection lets one in. `Debug` shows no token.
#[derive(Clone, PartialEq)]
pub struct Way {
    /// Where it stands.
    pub state: ConnectionState,
    /// At whom.
    pub vendor: Vendor,
    /// Who agreed.
    pub grant: Grant,
    /// Microsoft's id of the organisation.
    pub directory: Option<String>,
    /// Whether it is a personal Microsoft account.
    pub personal: bool,
    /// What was agreed to, in the vendor's words.
    pub scopes: BTreeSet<String>,
    /// The sealed refresh token.
    pub refresh: Option<Vec<u8>>,
    /// The sealed access token.
    pub access: Option<Vec<u8>>,
    /// Until when it may be used.
    pub access_expires: Timestamp,
    /// Which tokens these are.
    pub generation: i64,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("generation", &self.generation).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct ConnectionRow {
    id: String,
    vendor: String,
    consent: String,
    account: String,
    directory: Option<String>,
    personal: bool,
    state: String,
    problem: Option<String>,
    connected_at: i64,
    since: i64,
    revision: i64,
}

#[derive(FromRow)]
struct WayRow {
    vendor: String,
    consent: String,
    directory: Option<String>,
    personal: bool,
    state: String,
    scopes: String,
    refresh_token: Option<Vec<u8>>,
    access_token: Option<Vec<u8>>,
    access_expires_at: i64,
    generation: i64,
}

fn state(word: &str) -> Result<ConnectionState, Error> {
    ConnectionState::parse(word).ok_or(Error::Damaged("calendar_connections.state"))
}

impl TryFrom<ConnectionRow> for Connection {
    type Error = Error;

    fn try_from(row: ConnectionRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "calendar_connections.id")?,
            vendor: rows::text(&row.vendor, "calendar_connections.vendor")?,
            grant: rows::text(&row.consent, "calendar_connections.consent")?,
            account: row.account,
            directory: row.directory,
            personal: row.personal,
            state: state(&row.state)?,
            problem: row.problem,
            connected: Timestamp(row.connected_at),
            since: Timestamp(row.since),
        })
    }
}

impl TryFrom<ConnectionRow> for Revised<Connection> {
    type Error = Error;

    fn try_from(row: ConnectionRow) -> Result<Self, Error> {
        let revision = Revision(row.revision);
        Ok(Self { item: row.try_into()?, revision })
    }
}

impl TryFrom<WayRow> for Way {
    type Error = Error;

    fn try_from(row: WayRow) -> Result<Self, Error> {
        Ok(Self {
            state: state(&row.state)?,
            vendor: rows::text(&row.vendor, "calendar_connections.vendor")?,
            grant: rows::text(&row.consent, "calendar_connections.consent")?,
            directory: row.directory,
            personal: row.personal,
            scopes: row.scopes.split_whitespace().map(ToOwned::to_owned).collect(),
            refresh: row.refresh_token,
            access: row.access_token,
            access_expires: Timestamp(row.access_expires_at),
            generation: row.generation,
        })
    }
}

fn joined(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl Connections<'_> {
    /// All of them, the oldest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Connection>, Error> {
        Ok(self.all_revised().await?.into_iter().map(|kept| kept.item).collect())
    }

    /// The connection of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ConnectionId) -> Result<Option<Connection>, Error> {
        Ok(self.revised(id).await?.map(|kept| kept.item))
    }

    /// The same, each with which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all_revised(&mut self) -> Result<Vec<Revised<Connection>>, Error> {
        let rows: Vec<ConnectionRow> =
            on!(self.tx, db => sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?);
        rows.into_iter().map(TryFrom::try_from).collect()
    }

    /// The connection of that id, and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &ConnectionId) -> Result<Option<Revised<Connection>>, Error> {
        let row: Option<ConnectionRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
    }

    /// How many there are, whatever their state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(count, "calendar_connections")
    }

    /// How the connection lets one in.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn way(&mut self, id: &ConnectionId) -> Result<Option<Way>, Error> {
        let row: Option<WayRow> = on!(self.tx, db => sqlx::query_as(TOKENS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Way::try_from).transpose()
    }

    /// Keeps a connection somebody has made: `by` in the words of the audit log.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when there is one of that id.
    pub async fn add(
        &mut self,
        new: &Connection,
        scopes: &BTreeSet<String>,
        tokens: &SealedTokens,
        by: &str,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.vendor.as_str())
            .bind(new.grant.as_str())
            .bind(new.account.as_str())
            .bind(new.directory.as_deref())
            .bind(new.personal)
            .bind(joined(scopes))
            .bind(tokens.refresh.as_deref())
            .bind(tokens.access.as_deref())
            .bind(tokens.access_expires.0)
            .bind(by)
            .bind(new.connected.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps that somebody has consented again; whether there is that connection.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn again(
        &mut self,
        made: &Connection,
        scopes: &BTreeSet<String>,
        tokens: &SealedTokens,
        by: &str,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(AGAIN)
            .bind(self.tenant.as_str())
            .bind(made.id.as_str())
            .bind(made.account.as_str())
            .bind(made.directory.as_deref())
            .bind(made.personal)
            .bind(joined(scopes))
            .bind(tokens.refresh.as_deref())
            .bind(tokens.access.as_deref())
            .bind(tokens.access_expires.0)
            .bind(by)
            .bind(made.connected.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Takes the turn to renew these tokens, until `until`; whether nobody else has it and they are still these. Servers
    /// whose clocks differ by less than a turn respect each other's.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn take_turn(
        &mut self,
        id: &ConnectionId,
        generation: i64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(TAKE_TURN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(generation)
            .bind(now.0)
            .bind(until.0)
            .bind(until.plus_millis(until.millis_since(now)).0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Leaves the turn to others.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn leave_turn(&mut self, id: &ConnectionId, generation: i64) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LEAVE_TURN)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(generation)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps what the tokens of `generation` were renewed to; whether they still were these. Without a fresh refresh
    /// token the former stays.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn renewed(
        &mut self,
        id: &ConnectionId,
        generation: i64,
        tokens: &SealedTokens,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(RENEWED)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(generation)
            .bind(tokens.refresh.as_deref())
            .bind(tokens.access.as_deref())
            .bind(tokens.access_expires.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The tokens of `generation` let one in no more: somebody must consent again; whether they still were these.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn lost(
        &mut self,
        id: &ConnectionId,
        generation: i64,
        problem: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(LOST)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(generation)
            .bind(problem)
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The connection is given up, its tokens forgotten; whether it was not before.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn give_up(&mut self, id: &ConnectionId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(GIVE_UP)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }
}

impl Across<'_> {
    /// Which tenants have connected that organisation, and not given it up.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn connected_directory(self, directory: &str) -> Result<Vec<TenantId>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String,)> =
            on!(tx, db => sqlx::query_as(OF_DIRECTORY).bind(directory).fetch_all(db).await?);
        rows.into_iter().map(|(tenant,)| rows::text(&tenant, "calendar_connections.tenant_id")).collect()
    }

    /// How many connections of that account there are at all tenants together that can be used.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn connected_account(self, vendor: Vendor, account: &str) -> Result<u64, Error> {
        let mut tx = self.store.read_any().await?;
        let (count,): (i64,) = on!(tx, db => sqlx::query_as(OF_ACCOUNT)
            .bind(vendor.as_str())
            .bind(account)
            .fetch_one(db).await?);
        rows::whole(count, "calendar_connections")
    }
}
