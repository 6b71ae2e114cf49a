//! What is swept up now and then: holds that lapsed, calls whose end nobody told, requests nobody will repeat, sessions,
//! links and ways to a consent that are over.

use crate::{
    app::{
        self, calls,
        people::outbox::{LINK_OVER, MAILS_KEPT_MINUTES},
    },
    domain::time::Timestamp,
    store::Store,
};

/// How long after it rang a call whose end nobody has told counts as lost, in minutes.
pub const LOST_AFTER_MINUTES: i64 = 120;
/// How long it is remembered what came of a request, in minutes: seven days.
pub const REQUESTS_KEPT_MINUTES: i64 = 7 * 24 * 60;
/// How long it is remembered what a webhook was told, in minutes: thirty days.
pub const DELIVERIES_KEPT_MINUTES: i64 = 30 * 24 * 60;

/// What was swept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Holds that had lapsed. They kept nobody out; they only lay about.
    pub holds: u64,
    /// Calls closed as lost.
    pub calls: u64,
    /// Requests forgotten.
    pub requests: u64,
    /// Sessions forgotten, and tokens for another password.
    pub sessions: u64,
    /// Mails given up because their link is good no more, and mails forgotten.
    pub mails: u64,
    /// Deliveries to webhooks forgotten.
    pub deliveries: u64,
    /// People on their way to connect calendars who may come back no more, forgotten.
    pub consents: u64,
}

/// Sweeps up once. Safe to run twice, and by several processes at once.
///
/// # Errors
/// When the database cannot answer; what was swept up before stays swept up.
pub async fn sweep(store: &Store, now: Timestamp) -> Result<Swept, app::Error> {
    let mut tx = store.begin_platform().await?;
    let sessions = tx.sessions().forget(now).await? + tx.sessions().forget_resets(now).await?;
    let mails = tx.mails().expire(now, LINK_OVER).await?
        + tx.mails().forget(now.plus_minutes(-MAILS_KEPT_MINUTES)).await?;
    tx.commit().await?;
    let across = store.across_tenants();
    Ok(Swept {
        holds: across.clear_lapsed(now).await?,
        calls: calls::close_lost(store, now.plus_minutes(-LOST_AFTER_MINUTES), now).await?,
        requests: across.forget_requests(now.plus_minutes(-REQUESTS_KEPT_MINUTES)).await?,
        sessions,
        mails,
        deliveries: across.forget_deliveries(now.plus_minutes(-DELIVERIES_KEPT_MINUTES)).await?,
        consents: across.forget_underway(now).await?,
    })
}
