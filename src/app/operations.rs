//! What an operator looks at: whether the platform is well, what it carries, and what was given up.

use std::collections::BTreeMap;

use super::{
    Error,
    access::Operator,
    health::{Check, Health},
};
use crate::{
    domain::{
        id::{JobId, TenantId},
        org::Tenant,
        time::Timestamp,
    },
    platform::ids,
    store::{Job, MailState, Page, Place, Queue, Store},
};

/// Work that was given up and is shown.
pub const GIVEN_UP_MAX: u32 = 100;
/// Tenants on a page.
pub const TENANTS_ON_PAGE: u32 = 50;
/// How long a call may last before it counts as over, whatever is known of it, in minutes.
const IN_AIR_MINUTES_MAX: i64 = 180;

/// How the platform stands.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Which version of the program this is.
    pub version: &'static str,
    /// What the database is called.
    pub database: &'static str,
    /// Steps the tables are behind the program; none while it serves.
    pub migrations_pending: usize,
    /// What was looked at, and what is wrong with it.
    pub checks: Vec<Check>,
    /// The tenants on this page.
    pub tenants: Page<Tenant>,
    /// Which tenants let those who run the platform in: until when, or because nobody works there yet.
    pub open: BTreeMap<TenantId, Option<Timestamp>>,
    /// Calls in the air, tenant by tenant, on all servers.
    pub in_air: BTreeMap<TenantId, u64>,
    /// Work that waits.
    pub queues: Vec<Queue>,
    /// Work that was given up.
    pub given_up: Vec<Job>,
    /// Mails that wait, and those that were given up.
    pub mails: (u64, u64),
}

/// How the platform stands at `now`.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn overview(
    store: &Store,
    health: &Health,
    _by: &Operator,
    now: Timestamp,
    after: Option<&Place>,
) -> Result<Overview, Error> {
    let across = store.across_tenants();
    let mut tx = store.read_platform().await?;
    let mails = (tx.mails().count(MailState::Waiting).await?, tx.mails().count(MailState::GivenUp).await?);
    drop(tx);
    let tenants = across.tenants_page(after, TENANTS_ON_PAGE).await?;
    let listed: Vec<TenantId> = tenants.items.iter().map(|tenant| tenant.id.clone()).collect();
    Ok(Overview {
        open: across.open_to_support(&listed, now).await?,
        version: env!("CARGO_PKG_VERSION"),
        database: store.kind(),
        migrations_pending: store.migrations_pending().await?,
        checks: health.checks().await,
        tenants,
        in_air: across.in_air(now.plus_minutes(-IN_AIR_MINUTES_MAX)).await?,
        queues: across.queues().await?,
        given_up: across.given_up(GIVEN_UP_MAX).await?,
        mails,
    })
}

/// Has work that was given up tried again.
///
/// # Errors
/// [`Error::NotFound`] when it is not among what was given up; [`Error::Unavailable`].
pub async fn try_again(store: &Store, _by: &Operator, now: Timestamp, job: &JobId) -> Result<(), Error> {
    let given_up = store.across_tenants().given_up(GIVEN_UP_MAX).await?;
    let job = given_up.into_iter().find(|one| one.id == *job).ok_or(Error::NotFound("job"))?;
    let mut tx = store.begin(&job.tenant).await?;
    tx.jobs().add(&JobId::of(ids::fresh(now)), &job.work, now).await?;
    Ok(tx.commit().await?)
}
