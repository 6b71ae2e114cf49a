//! What an operator looks at: work that waits or was given up, of whichever tenants, and how much there is of what.

use std::collections::BTreeMap;

use super::{Across, Error, Job, Lane, jobs::JobRow, on, rows, texts};
use crate::domain::{id::TenantId, time::Timestamp};

texts! {
    WAITING = "SELECT COUNT(*), MIN(due_at) FROM jobs WHERE lane = $1 AND state = 'waiting'";
    GIVEN_UP = "SELECT tenant_id, id, kind, subject, attempts, problem, asked FROM jobs
        WHERE state = 'given_up' AND due_at > 0 ORDER BY due_at LIMIT $1";
    IN_AIR = "SELECT tenant_id FROM calls WHERE outcome IS NULL AND rang_at >= $1 ORDER BY rang_at";
}

/// Work of one lane that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Which lane.
    pub lane: Lane,
    /// How much waits.
    pub waiting: u64,
    /// When the first of it is, or was, due.
    pub first: Option<Timestamp>,
}

impl Across<'_> {
    /// The work that waits, lane by lane.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn queues(self) -> Result<Vec<Queue>, Error> {
        let mut tx = self.store.read_any().await?;
        let mut queues = vec![];
        for lane in Lane::ALL {
            let (waiting, first): (i64, Option<i64>) = on!(tx, db => {
                sqlx::query_as(WAITING).bind(lane.as_str()).fetch_one(db).await?
            });
            queues.push(Queue { lane, waiting: rows::whole(waiting, "jobs")?, first: first.map(Timestamp) });
        }
        Ok(queues)
    }

    /// Work that was given up, at most `count_max`; what cannot be understood is left out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn given_up(self, count_max: u32) -> Result<Vec<Job>, Error> {
        let mut tx = self.store.read_any().await?;
        let found: Vec<JobRow> = on!(tx, db => {
            sqlx::query_as(GIVEN_UP).bind(i64::from(count_max)).fetch_all(db).await?
        });
        Ok(found.into_iter().filter_map(|row| Job::try_from(row).ok()).collect())
    }

    /// How many calls that rang at `since` or later are not over, tenant by tenant.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn in_air(self, since: Timestamp) -> Result<BTreeMap<TenantId, u64>, Error> {
        let mut tx = self.store.read_any().await?;
        let found: Vec<(String,)> = on!(tx, db => {
            sqlx::query_as(IN_AIR).bind(since.0).fetch_all(db).await?
        });
        let mut calls = BTreeMap::new();
        for (tenant,) in &found {
            *calls.entry(rows::text(tenant, "calls.tenant_id")?).or_default() += 1;
        }
        Ok(calls)
    }
}
