//! Rows in and out, for SQLite and PostgreSQL alike.
//!
//! The only SQL in the house. A query names its tenant first: [`Store::begin`] and [`Store::read`] are the doors to
//! one tenant's rows, [`Store::across_tenants`] is the one door for the few questions that must look further. Every
//! text is written once, serves both databases and stands in [`TEXTS`], where a test prepares it on both.
//!
//! The store never decides: it keeps what it is told, refuses what must never be kept (two appointments in one
//! place), and finds what it is asked for. It makes no network call but to its database and never asks the time.

mod across;
mod analytics;
mod appointments;
mod assistants;
mod audit;
mod calendars;
mod calls;
mod campaigns;
mod clashes;
mod closures;
mod connections;
mod consents;
mod contacts;
mod drafts;
mod forgetting;
mod forwardings;
mod history;
mod imports;
mod jobs;
mod keys;
mod leftovers;
mod messages;
mod notices;
mod numbers;
mod operations;
mod opt_outs;
mod orders;
mod outgoing;
mod outside_events;
mod page;
mod pauses;
mod people;
mod pins;
mod receptions;
mod recordings;
mod remarks;
mod reminders;
mod resources;
mod rows;
mod search;
mod services;
mod shares;
mod summaries;
mod support;
mod tenants;
mod test_calls;
mod tool_calls;
mod transfer_targets;
mod transfers;
mod twilio_accounts;
mod waiting;
mod walls;
mod webhooks;
mod written;

use std::{fmt, path::Path, str::FromStr, sync::Arc, time::Duration};

use serde::Deserialize;
use sqlx::{
    Connection as _, Executor as _, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    migrate::{Migrate, Migrator},
    pool::PoolOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use self::walls::Within;
pub use self::{
    across::Across,
    analytics::{Asked as FiguresAsked, CallGroup, Counted, ToCount},
    appointments::{AppointmentFilter, Asked, Kept},
    audit::{AuditEntry, AuditFilter, Broken},
    calendars::{Choice, Chosen},
    calls::{CallFilter, CallsOf, Consent, Ended, NewCall},
    campaigns::UnderWay,
    connections::{SealedTokens, Way},
    consents::Underway,
    contacts::ContactFilter,
    forgetting::{Copied, ELSEWHERE, HOLDINGS, Holding, Known, Root},
    history::HistoryStep,
    jobs::{Job, Lane, Work},
    keys::{DataKey, SealedColumn, SealedValue},
    leftovers::Leftover,
    messages::{Message, MessageWork, Spoken},
    notices::{DueMember, Kept as NotificationsKept},
    operations::Queue,
    opt_outs::OptOut,
    orders::{Order, Progress, Wanted},
    outside_events::{Blocking, KeptWatch, Over, SyncState},
    page::{Page, Place},
    people::{
        ApiKey, Invitation, Mail, MailState, MailTimes, Member, Membership, OwnedKey, Session, Standing,
        TokenUse, User,
    },
    pins::KeptPin,
    recordings::Taped,
    reminders::Remindable,
    search::{Hit, Search},
    shares::{NewShare, Share},
    summaries::Summarised,
    support::Support,
    tool_calls::{ToolCall, ToolCallStatus},
    twilio_accounts::TwilioAccount,
    walls::Breach,
    webhooks::SealedSecrets,
    written::Written,
};
use crate::domain::id::TenantId;

/// Longest wait for a connection, or for other writers to finish.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest time one statement may take on PostgreSQL, in milliseconds.
pub const STATEMENT_MS_MAX: u32 = 10_000;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// `[database]` of the configuration.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://…` or `postgres://…`. May carry a password.
    pub url: String,
    /// Connections kept open at most.
    pub connections_max: u32,
    /// As whom the tables are brought up to date, when that is somebody else: `postgres://…`. Empty for the same.
    pub owner_url: String,
    /// Whether to start although the database's user could pass the walls between tenants. PostgreSQL only.
    pub trust_any_user: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has that time: the database refused the overlap.
    #[error("that time has been taken")]
    Taken,
    /// A name that must be unique is in use.
    #[error("that name is in use already")]
    NotUnique(#[source] sqlx::Error),
    /// A row that was referred to does not exist.
    #[error("something it refers to does not exist")]
    Dangling(#[source] sqlx::Error),
    /// Others are writing; asking again will do.
    #[error("the database is busy")]
    Busy(#[source] Option<sqlx::Error>),
    /// The database cannot be reached.
    #[error("the database does not answer")]
    Away(#[source] sqlx::Error),
    /// A row holds what this program cannot have written.
    #[error("a row holds what cannot be understood: {0}")]
    Damaged(&'static str),
    /// The address of the database is none.
    #[error("`database.url` must begin with sqlite:// or postgres://")]
    Url,
    /// The folder of the embedded database cannot be made.
    #[error("the folder of the database cannot be made")]
    Folder(#[source] std::io::Error),
    /// The tables could not be brought up to date.
    #[error("the tables could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Anything else.
    #[error("the database did not answer as expected")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let away = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if away {
            return Self::Away(error);
        }
        let Some(told) = error.as_database_error() else { return Self::Database(error) };
        let code = told.code().unwrap_or_default();
        // 23P01: PostgreSQL's exclusion_violation. SQLite's triggers say the constraint's name.
        if code == "23P01" || told.message() == "appointments_apart" {
            return Self::Taken;
        }
        if told.is_unique_violation() {
            return Self::NotUnique(error);
        }
        if told.is_foreign_key_violation() {
            return Self::Dangling(error);
        }
        match &*code {
            // serialization_failure, deadlock_detected, lock_not_available, query_canceled; SQLITE_BUSY and its
            // extended forms
            "40001" | "40P01" | "55P03" | "57014" | "5" | "261" | "517" | "773" => Self::Busy(Some(error)),
            // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
            "57P01" | "57P02" | "57P03" | "53300" => Self::Away(error),
            _ => Self::Database(error),
        }
    }
}

/// A statement: its name, its text and the databases it is for.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Where it stands: file and name.
    pub name: &'static str,
    /// The statement.
    pub sql: &'static str,
    /// Whether SQLite gets it.
    pub sqlite: bool,
    /// Whether PostgreSQL gets it.
    pub postgres: bool,
}

/// Declares the statements of a file: each a constant, all of them in the file's `TEXTS`.
macro_rules! texts {
    ($($(#[$doc:meta])* $(@$only:ident)? $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(in crate::store) const $name: &str = $sql;)*
        /// The statements of this file.
        pub(in crate::store) const TEXTS: &[$crate::store::Text] = &[$($crate::store::Text {
            name: concat!(module_path!(), "::", stringify!($name)),
            sql: $name,
            sqlite: $crate::store::texts!(@sqlite $($only)?),
            postgres: $crate::store::texts!(@postgres $($only)?),
        },)*];
    };
    (@sqlite postgres) => { false };
    (@sqlite $($other:ident)?) => { true };
    (@postgres sqlite) => { false };
    (@postgres $($other:ident)?) => { true };
}
use texts;

/// Every statement there is, file by file.
pub const TEXTS: &[&[Text]] = &[
    across::TEXTS,
    analytics::TEXTS,
    appointments::TEXTS,
    assistants::TEXTS,
    audit::TEXTS,
    calendars::TEXTS,
    calls::TEXTS,
    campaigns::TEXTS,
    clashes::TEXTS,
    closures::TEXTS,
    connections::TEXTS,
    consents::TEXTS,
    contacts::TEXTS,
    drafts::TEXTS,
    forgetting::TEXTS,
    forwardings::TEXTS,
    forgetting::ATTEMPTS,
    forgetting::COPIES,
    forgetting::HELD,
    forgetting::RECORDS,
    forgetting::TENANT,
    forgetting::TIDY,
    history::TEXTS,
    imports::TEXTS,
    jobs::TEXTS,
    keys::TEXTS,
    leftovers::TEXTS,
    messages::TEXTS,
    notices::TEXTS,
    numbers::TEXTS,
    operations::TEXTS,
    opt_outs::TEXTS,
    orders::TEXTS,
    outgoing::TEXTS,
    outside_events::TEXTS,
    pauses::TEXTS,
    people::api_keys::TEXTS,
    people::invitations::TEXTS,
    people::mails::TEXTS,
    people::memberships::TEXTS,
    people::second_factors::TEXTS,
    people::sessions::TEXTS,
    people::users::TEXTS,
    pins::TEXTS,
    receptions::TEXTS,
    recordings::TEXTS,
    remarks::TEXTS,
    reminders::TEXTS,
    resources::TEXTS,
    search::TEXTS,
    services::TEXTS,
    shares::TEXTS,
    summaries::TEXTS,
    support::TEXTS,
    tenants::TEXTS,
    test_calls::TEXTS,
    tool_calls::TEXTS,
    transfer_targets::TEXTS,
    transfers::TEXTS,
    twilio_accounts::TEXTS,
    waiting::TEXTS,
    walls::TEXTS,
    webhooks::TEXTS,
    written::TEXTS,
];

/// Runs the same query on whichever database is behind a transaction; type-checked for each.
macro_rules! on {
    ($tx:expr, $db:ident => $query:expr) => {
        match &mut $tx.open {
            $crate::store::Open::Sqlite(tx, _) => {
                let $db = &mut **tx;
                $query
            }
            $crate::store::Open::Postgres(tx) => {
                let $db = &mut **tx;
                $query
            }
        }
    };
}
use on;

/// The database, cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    /// Who may change the tables, and who works with them. PostgreSQL only.
    owner: Option<Arc<Owner>>,
    work_added: Arc<[Notify; Lane::COUNT]>,
    mail_added: Arc<Notify>,
}

#[derive(Clone)]
enum Pool {
    /// SQLite lets one writer in at a time. Ours queue here, in order, instead of at its lock, where they would
    /// ask again at random; the lock itself is then only for other processes.
    Sqlite(SqlitePool, Arc<Semaphore>),
    Postgres(PgPool),
}

struct Owner {
    options: PgConnectOptions,
    user: String,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.kind()).finish()
    }
}

/// A transaction that is open.
struct Tx {
    open: Open,
    /// Whether it adds work to the queue, lane by lane, which is told when it is kept.
    adds_work: [bool; Lane::COUNT],
    work_added: Arc<[Notify; Lane::COUNT]>,
    /// Whether it adds a mail to the outbox, of which the same is told.
    adds_mail: bool,
    mail_added: Arc<Notify>,
}

enum Open {
    Sqlite(Transaction<'static, Sqlite>, Option<OwnedSemaphorePermit>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    async fn commit(self) -> Result<(), Error> {
        match self.open {
            Open::Sqlite(tx, _writing) => tx.commit().await?,
            Open::Postgres(tx) => tx.commit().await?,
        }
        for (added, adds) in self.work_added.iter().zip(self.adds_work) {
            if adds {
                added.notify_one();
            }
        }
        if self.adds_mail {
            self.mail_added.notify_one();
        }
        Ok(())
    }
}

impl Store {
    /// Opens the database behind `settings`. An embedded one is made when missing; its tables are not
    /// ([`Store::migrate`]).
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Folder`], or [`Error::Away`] when it cannot be reached.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let url = settings.url.as_str();
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(|_| Error::Url)?;
            if let Some(folder) = options.get_filename().parent().filter(|f| *f != Path::new("")) {
                tokio::fs::create_dir_all(folder).await.map_err(Error::Folder)?;
            }
            let options = options
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                // What was forgotten is overwritten, and not only taken off the lists.
                .pragma("secure_delete", "ON")
                .busy_timeout(WAIT_MAX);
            let pool = pool_options(settings).connect_with(options).await?;
            return Ok(Self::on(Pool::Sqlite(pool, Arc::new(Semaphore::new(1)))));
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?.options([
                ("statement_timeout", STATEMENT_MS_MAX.to_string()),
                ("lock_timeout", WAIT_MAX.as_millis().to_string()),
                ("idle_in_transaction_session_timeout", "60000".to_owned()),
                // That there was nothing to roll back is no news; see below.
                ("client_min_messages", "error".to_owned()),
            ]);
            let user = options.get_username().to_owned();
            let owner = if settings.owner_url.is_empty() { url } else { &settings.owner_url };
            let owner = Owner { options: PgConnectOptions::from_str(owner).map_err(|_| Error::Url)?, user };
            // Whoever stops waiting while a transaction begins leaves it begun, and sqlx knows nothing of it: the next
            // to get the connection would go on inside. This takes the place of sqlx's own look whether it lives.
            let pool = pool_options(settings)
                .test_before_acquire(false)
                .before_acquire(|conn: &mut sqlx::PgConnection, _| {
                    Box::pin(async move { conn.execute("ROLLBACK").await.map(|_| true) })
                })
                .connect_with(options)
                .await?;
            return Ok(Self { owner: Some(Arc::new(owner)), ..Self::on(Pool::Postgres(pool)) });
        }
        Err(Error::Url)
    }

    fn on(pool: Pool) -> Self {
        Self { pool, owner: None, work_added: Arc::default(), mail_added: Arc::default() }
    }

    /// What the database is called.
    pub fn kind(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite(..) => "SQLite",
            Pool::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether the database is embedded in this process, so that nobody else looks after its tables.
    pub fn embedded(&self) -> bool {
        matches!(self.pool, Pool::Sqlite(..))
    }

    /// Brings the tables up to date. Safe to run twice, and by two at once.
    ///
    /// # Errors
    /// [`Error::Migration`] says which step failed; what was done before it stays.
    pub async fn migrate(&self) -> Result<(), Error> {
        match &self.pool {
            Pool::Sqlite(pool, writers) => {
                let _writing = writing(writers).await?;
                SQLITE_MIGRATIONS.run(pool).await.map_err(Error::Migration)
            }
            Pool::Postgres(_) => {
                let owner = self.owner.as_ref().ok_or(Error::Url)?;
                let mut db = walls::owner(&owner.options).await?;
                POSTGRES_MIGRATIONS.run(&mut db).await.map_err(Error::Migration)?;
                walls::admit(&mut db, &owner.user).await?;
                Ok(db.close().await?)
            }
        }
    }

    /// How many steps [`Store::migrate`] would take.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn migrations_pending(&self) -> Result<usize, Error> {
        const TABLE: &str = "_sqlx_migrations";
        let (known, applied) = match &self.pool {
            Pool::Sqlite(pool, _) => {
                let mut db = pool.acquire().await?;
                db.ensure_migrations_table(TABLE).await.map_err(Error::Migration)?;
                (&SQLITE_MIGRATIONS, db.list_applied_migrations(TABLE).await.map_err(Error::Migration)?)
            }
            Pool::Postgres(pool) => {
                let mut db = pool.acquire().await?;
                // Who works with the tables may not make any.
                if !walls::begun(&mut db, TABLE).await? {
                    return Ok(POSTGRES_MIGRATIONS.iter().count());
                }
                (&POSTGRES_MIGRATIONS, db.list_applied_migrations(TABLE).await.map_err(Error::Migration)?)
            }
        };
        Ok(known.iter().filter(|step| applied.iter().all(|done| done.version != step.version)).count())
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none within [`WAIT_MAX`].
    pub async fn ping(&self) -> Result<(), Error> {
        match &self.pool {
            Pool::Sqlite(pool, _) => drop(pool.acquire().await?),
            Pool::Postgres(pool) => drop(pool.acquire().await?),
        }
        Ok(())
    }

    /// Begins to write one tenant's rows. Nothing is kept before [`TenantTx::commit`]. On SQLite the writers take
    /// turns: a task that begins twice without ending waits for itself, and is told [`Error::Busy`].
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::Away`].
    pub async fn begin(&self, tenant: &TenantId) -> Result<TenantTx, Error> {
        Ok(TenantTx { tenant: tenant.clone(), tx: self.begin_within(Within::Tenant(tenant)).await? })
    }

    /// Begins to read one tenant's rows: everything read is from the same moment, and nobody waits for it.
    /// Must not be written through; PostgreSQL refuses it.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub async fn read(&self, tenant: &TenantId) -> Result<TenantTx, Error> {
        Ok(TenantTx { tenant: tenant.clone(), tx: self.read_within(Within::Tenant(tenant)).await? })
    }

    /// Begins to write what belongs to no tenant: people, their sessions, the mails to them.
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::Away`].
    pub async fn begin_platform(&self) -> Result<PlatformTx, Error> {
        Ok(PlatformTx { tx: self.begin_within(Within::Platform).await? })
    }

    /// Begins to read what belongs to no tenant. Must not be written through; PostgreSQL refuses it.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub async fn read_platform(&self) -> Result<PlatformTx, Error> {
        Ok(PlatformTx { tx: self.read_within(Within::Platform).await? })
    }

    /// The door to rows of whichever tenant they belong to, for the few questions that must be asked before the
    /// tenant is known.
    pub fn across_tenants(&self) -> Across<'_> {
        Across { store: self }
    }

    /// Prepares a statement without running it: whether this database understands it.
    ///
    /// # Errors
    /// What the database has against it.
    pub async fn prepare(&self, text: Text) -> Result<(), Error> {
        use sqlx::{Executor, SqlSafeStr};
        match &self.pool {
            Pool::Sqlite(pool, _) => {
                drop(pool.acquire().await?.prepare(text.sql.into_sql_str()).await?);
            }
            Pool::Postgres(pool) => {
                drop(pool.acquire().await?.prepare(text.sql.into_sql_str()).await?);
            }
        }
        Ok(())
    }

    /// Whether this database gets the statement.
    pub fn uses(&self, text: Text) -> bool {
        if self.embedded() { text.sqlite } else { text.postgres }
    }

    /// Waits until this process adds work to a lane of the queue. One addition wakes one who waits; it is a nudge, not a
    /// promise: other processes add work, too.
    pub async fn work_added(&self, lane: Lane) {
        self.work_added[lane as usize].notified().await;
    }

    /// Waits until this process adds a mail to the outbox: a nudge like [`Store::work_added`].
    pub async fn mail_added(&self) {
        self.mail_added.notified().await;
    }

    /// Closes every connection once it is given back.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool, _) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    /// Everybody's rows, to read.
    async fn read_any(&self) -> Result<Tx, Error> {
        self.read_within(Within::All).await
    }

    /// Everybody's rows, to write.
    async fn begin_any(&self) -> Result<Tx, Error> {
        self.begin_within(Within::All).await
    }

    async fn read_within(&self, within: Within<'_>) -> Result<Tx, Error> {
        Ok(self.tx(match &self.pool {
            Pool::Sqlite(pool, _) => Open::Sqlite(pool.begin_with("BEGIN DEFERRED").await?, None),
            Pool::Postgres(pool) => {
                let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                walls::raise(&mut tx, within).await?;
                Open::Postgres(tx)
            }
        }))
    }

    async fn begin_within(&self, within: Within<'_>) -> Result<Tx, Error> {
        Ok(self.tx(match &self.pool {
            Pool::Sqlite(pool, writers) => {
                let writing = writing(writers).await?;
                // Deferred, a transaction that reads before it writes fails where another wrote in between.
                Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?, Some(writing))
            }
            Pool::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                walls::raise(&mut tx, within).await?;
                Open::Postgres(tx)
            }
        }))
    }

    fn tx(&self, open: Open) -> Tx {
        Tx {
            open,
            adds_work: [false; Lane::COUNT],
            work_added: Arc::clone(&self.work_added),
            adds_mail: false,
            mail_added: Arc::clone(&self.mail_added),
        }
    }
}

fn pool_options<DB: sqlx::Database>(settings: &Settings) -> PoolOptions<DB> {
    PoolOptions::new().max_connections(settings.connections_max.max(2)).acquire_timeout(WAIT_MAX)
}

async fn writing(writers: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    match tokio::time::timeout(WAIT_MAX, Arc::clone(writers).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Error::Busy(None)),
    }
}

/// One tenant's rows inside one transaction. There is no other door to them, so a query that forgets its tenant
/// has no place to stand. Dropped without [`TenantTx::commit`], it has never been.
pub struct TenantTx {
    tenant: TenantId,
    tx: Tx,
}

impl TenantTx {
    /// Whose rows these are.
    pub fn tenant_id(&self) -> &TenantId {
        &self.tenant
    }

    /// Keeps what was done.
    ///
    /// # Errors
    /// When the database cannot promise to; then nothing was done.
    pub async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }
}

macro_rules! aggregates {
    ($($(#[$doc:meta])* $name:ident: $Aggregate:ident;)*) => {
        $(
            $(#[$doc])*
            pub struct $Aggregate<'t> {
                tenant: &'t TenantId,
                tx: &'t mut Tx,
            }
        )*
        impl TenantTx {
            $(
                $(#[$doc])*
                pub fn $name(&mut self) -> $Aggregate<'_> {
                    $Aggregate { tenant: &self.tenant, tx: &mut self.tx }
                }
            )*
        }
    };
}

aggregates! {
    /// The tenant itself.
    tenant: Tenants;
    /// Its telephone numbers.
    numbers: Numbers;
    /// Until when those who run the platform may look after it.
    support_access: SupportAccess;
    /// Where the assistant steps back.
    pauses: Pauses;
    /// Numbers that are to be bought.
    orders: Orders;
    /// Its own Twilio account.
    twilio_account: TwilioAccounts;
    /// Who answers them.
    assistants: Assistants;
    /// To whom they may pass a caller on.
    transfer_targets: TransferTargets;
    /// When they did.
    transfers: Transfers;
    /// What can be booked.
    services: Services;
    /// Who or what it is booked with, and when they are open.
    resources: Resources;
    /// When they are not, whatever their hours say.
    closures: Closures;
    /// Who calls.
    contacts: Contacts;
    /// What is promised and held.
    appointments: Appointments;
    /// What became of appointments.
    history: History;
    /// What we wrote for them into calendars outside.
    written: WrittenEvents;
    /// What stands in calendars outside.
    outside_events: OutsideEvents;
    /// Two that want the same time.
    clashes: Clashes;
    /// The calls and what was said.
    calls: Calls;
    /// Their recordings.
    recordings: Recordings;
    /// Links by which others may hear them.
    shares: Shares;
    /// What Twilio wrote down of them.
    imports: Imports;
    /// What they came to.
    summaries: Summaries;
    /// What the model asked for.
    tool_calls: ToolCalls;
    /// What callers left for the business.
    messages: Messages;
    /// Who is to be called, and who was.
    outgoing: OutgoingCalls;
    /// Tests whether lines are forwarded here.
    forwardings: Forwardings;
    /// How contacts' calls are received.
    receptions: Receptions;
    /// The secret numbers of contacts.
    pins: Pins;
    /// Who does not want to be.
    opt_outs: OptOuts;
    /// What is kept for how long, and how it goes.
    forgetting: Forgetting;
    /// What people are reminded of.
    reminders: Reminders;
    /// Many who are called for one reason.
    campaigns: Campaigns;
    /// Who waits for an earlier time.
    waiting: WaitingList;
    /// What calls came to, in figures.
    figures: CallFigures;
    /// What needs somebody.
    notices: Notices;
    /// How members want to be told of it.
    notifications: Notifications;
    /// Work that is due.
    jobs: Jobs;
    /// Who changed what.
    audit: Audit;
    /// Who works there.
    memberships: Memberships;
    /// Places that are offered.
    invitations: Invitations;
    /// Programs' ways in.
    api_keys: ApiKeys;
    /// Ways into calendars outside.
    connections: Connections;
    /// People on their way to agree to one.
    consents: Consents;
    /// The calendars outside.
    calendars: OutsideCalendars;
    /// Programs that are told what happens.
    webhooks: Webhooks;
    /// What they are told.
    deliveries: Deliveries;
}

/// What belongs to no tenant, inside one transaction. Dropped without [`PlatformTx::commit`], it has never been.
pub struct PlatformTx {
    tx: Tx,
}

impl PlatformTx {
    /// Keeps what was done.
    ///
    /// # Errors
    /// When the database cannot promise to; then nothing was done.
    pub async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }
}

macro_rules! platform_aggregates {
    ($($(#[$doc:meta])* $name:ident: $Aggregate:ident;)*) => {
        $(
            $(#[$doc])*
            pub struct $Aggregate<'t> {
                tx: &'t mut Tx,
            }
        )*
        impl PlatformTx {
            $(
                $(#[$doc])*
                pub fn $name(&mut self) -> $Aggregate<'_> {
                    $Aggregate { tx: &mut self.tx }
                }
            )*
        }
        /// What belongs to no tenant, changed together with a tenant's rows.
        impl TenantTx {
            $(
                $(#[$doc])*
                pub fn $name(&mut self) -> $Aggregate<'_> {
                    $Aggregate { tx: &mut self.tx }
                }
            )*
        }
    };
}

platform_aggregates! {
    /// People who can log in.
    users: Users;
    /// Their sessions, and what prolongs or replaces them.
    sessions: Sessions;
    /// What proves them besides a password.
    second_factors: SecondFactors;
    /// The mails to them.
    mails: Mails;
    /// The keys under which secrets are sealed.
    data_keys: DataKeys;
    /// Tenants that are to be forgotten, or were.
    tenant_erasures: TenantErasures;
    /// Sound at Twilio that is nobody's any more.
    leftovers: Leftovers;
}

/// What keeping something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It was there and said something else.
    Updated,
    /// It was there and says the same.
    Unchanged,
}

impl Change {
    /// What it is to keep `wanted` where `kept` was.
    fn of<T: PartialEq>(kept: Option<&T>, wanted: &T) -> Self {
        match kept {
            None => Self::Created,
            Some(kept) if kept == wanted => Self::Unchanged,
            Some(_) => Self::Updated,
        }
    }
}
