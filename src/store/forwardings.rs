//! Tests whether a business's own line is forwarded here: what is known of them beside the attempt that each of them is.

use sqlx::FromRow;

use super::{Error, Forwardings, on, rows, texts};
use crate::domain::{
    forwarding::ForwardingTest,
    id::{NumberId, OutgoingId},
    phone::E164,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, number_id, to_number, state, why, created_at, asked_at, arrived_at, arrived_number_id"
    };
}

texts! {
    UNDER_WAY = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding'
        AND created_at > $2 AND state IN ('waiting', 'dialling', 'placed') ORDER BY created_at DESC, id DESC LIMIT $3");
    OF_NUMBER = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding'
        AND number_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3");
    /// What the last test of a line that came to something says of it.
    OF_LINE = concat!("SELECT ", columns!(), " FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding'
        AND to_number = $2 AND (arrived_at IS NOT NULL OR state = 'over') ORDER BY created_at DESC, id DESC LIMIT $3");
    /// Changes nothing; whoever else asks for a test waits here.
    LOCK = "UPDATE tenants SET purge_at = purge_at WHERE id = $1";
    SINCE_OF_LINE = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding' AND created_at > $2
        AND to_number = $3";
    SINCE = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding' AND created_at > $2";
    ARRIVED = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND kind = 'forwarding' AND arrived_at IS NOT NULL";
    ARRIVE = "UPDATE outgoing_calls SET arrived_at = $3, arrived_number_id = $4
        WHERE tenant_id = $1 AND id = $2 AND arrived_at IS NULL";
}

#[derive(FromRow)]
struct ForwardingRow {
    id: String,
    number_id: String,
    to_number: String,
    state: String,
    why: Option<String>,
    created_at: i64,
    asked_at: Option<i64>,
    arrived_at: Option<i64>,
    arrived_number_id: Option<String>,
}

impl TryFrom<ForwardingRow> for ForwardingTest {
    type Error = Error;

    fn try_from(row: ForwardingRow) -> Result<Self, Error> {
        let at: Option<NumberId> =
            rows::maybe(row.arrived_number_id.as_deref(), "outgoing_calls.arrived_number_id")?;
        Ok(Self {
            id: rows::text(&row.id, "outgoing_calls.id")?,
            number: rows::text(&row.number_id, "outgoing_calls.number_id")?,
            line: rows::text(&row.to_number, "outgoing_calls.to_number")?,
            state: rows::text(&row.state, "outgoing_calls.state")?,
            ended: rows::maybe(row.why.as_deref(), "outgoing_calls.why")?,
            asked: Timestamp(row.created_at),
            rung: row.asked_at.map(Timestamp),
            arrived: row.arrived_at.map(Timestamp).zip(at),
        })
    }
}

/// How many tests may be under way at once, as far as is looked.
const UNDER_WAY_MAX: i64 = 20;

impl Forwardings<'_> {
    /// The tests asked for since then that are under way, the latest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn under_way(&mut self, since: Timestamp) -> Result<Vec<ForwardingTest>, Error> {
        let rows: Vec<ForwardingRow> = on!(self.tx, db => sqlx::query_as(UNDER_WAY)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .bind(UNDER_WAY_MAX)
            .fetch_all(db).await?);
        rows.into_iter().map(ForwardingTest::try_from).collect()
    }

    /// The last tests with a number of ours, the latest first, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_number(
        &mut self,
        number: &NumberId,
        count_max: u32,
    ) -> Result<Vec<ForwardingTest>, Error> {
        self.last(OF_NUMBER, number.as_str(), count_max).await
    }

    /// The last test of a line that came to something.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_line(&mut self, line: &E164) -> Result<Option<ForwardingTest>, Error> {
        Ok(self.last(OF_LINE, line.as_str(), 1).await?.pop())
    }

    async fn last(
        &mut self,
        text: &'static str,
        of: &str,
        count_max: u32,
    ) -> Result<Vec<ForwardingTest>, Error> {
        let rows: Vec<ForwardingRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(of)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(ForwardingTest::try_from).collect()
    }

    /// Whoever asks for a test waits here for whoever else does, until the transaction ends.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn lock(&mut self) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(LOCK).bind(self.tenant.as_str()).execute(db).await.map(drop)?);
        Ok(())
    }

    /// How many tests of a line were asked for since then.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn since_of(&mut self, line: &E164, since: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(SINCE_OF_LINE)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .bind(line.as_str())
            .fetch_one(db).await?);
        rows::whole(count, "the number of tests")
    }

    /// How many tests were asked for since then.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn since(&mut self, since: Timestamp) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(SINCE)
            .bind(self.tenant.as_str())
            .bind(since.0)
            .fetch_one(db).await?);
        rows::whole(count, "the number of tests")
    }

    /// Whether the call of any test came back.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn any_arrived(&mut self) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(ARRIVED).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        Ok(count > 0)
    }

    /// Notes that the call of a test came back, and at which number; whether that is news.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn arrive(&mut self, id: &OutgoingId, at: &NumberId, now: Timestamp) -> Result<bool, Error> {
        let noted = on!(self.tx, db => sqlx::query(ARRIVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(at.as_str())
            .execute(db).await?.rows_affected());
        Ok(noted == 1)
    }
}
