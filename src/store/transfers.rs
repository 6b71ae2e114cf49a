//! Each time a tenant's caller was passed on, or was to be.

use sqlx::FromRow;

use super::{Error, Transfers, on, rows, texts};
use crate::domain::{
    id::{CallId, TransferId},
    time::Timestamp,
    transfer::{Transfer, TransferState},
};

macro_rules! columns {
    () => {
        "id, call_id, target_id, name, number, announced, wish, asked_by, state, asked_at, connected_at, ended_at"
    };
}

texts! {
    ADD = concat!("INSERT INTO transfers (tenant_id, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
    GET = concat!("SELECT ", columns!(), " FROM transfers WHERE tenant_id = $1 AND id = $2");
    OF_CALL = concat!("SELECT ", columns!(), " FROM transfers WHERE tenant_id = $1 AND call_id = $2
        ORDER BY asked_at, id");
    MOVE = "UPDATE transfers SET state = $4, connected_at = $5, ended_at = $6, wish = $7
        WHERE tenant_id = $1 AND id = $2 AND state = $3";
    PASSED_ON = "UPDATE calls SET passed_on = (COALESCE(passed_on, FALSE) OR $3) WHERE tenant_id = $1 AND id = $2";
}

#[derive(FromRow)]
struct TransferRow {
    id: String,
    call_id: String,
    target_id: String,
    name: String,
    number: String,
    announced: bool,
    wish: String,
    asked_by: String,
    state: String,
    asked_at: i64,
    connected_at: Option<i64>,
    ended_at: Option<i64>,
}

impl TryFrom<TransferRow> for Transfer {
    type Error = Error;

    fn try_from(row: TransferRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "transfers.id")?,
            call: rows::text(&row.call_id, "transfers.call_id")?,
            target: rows::text(&row.target_id, "transfers.target_id")?,
            name: row.name,
            number: rows::text(&row.number, "transfers.number")?,
            announced: row.announced,
            wish: row.wish,
            by: row.asked_by,
            state: TransferState::parse(&row.state).ok_or(Error::Damaged("transfers.state"))?,
            asked: Timestamp(row.asked_at),
            connected: row.connected_at.map(Timestamp),
            ended: row.ended_at.map(Timestamp),
        })
    }
}

impl Transfers<'_> {
    /// Keeps that somebody is to be passed on.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn add(&mut self, new: &Transfer) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.call.as_str())
            .bind(new.target.as_str())
            .bind(new.name.as_str())
            .bind(new.number.as_str())
            .bind(new.announced)
            .bind(new.wish.as_str())
            .bind(new.by.as_str())
            .bind(new.state.as_str())
            .bind(new.asked.0)
            .bind(new.connected.map(|at| at.0))
            .bind(new.ended.map(|at| at.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The transfer of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &TransferId) -> Result<Option<Transfer>, Error> {
        let row: Option<TransferRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Transfer::try_from).transpose()
    }

    /// Those of a call, in the order in which they were asked for.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_call(&mut self, call: &CallId) -> Result<Vec<Transfer>, Error> {
        let rows: Vec<TransferRow> = on!(self.tx, db => sqlx::query_as(OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(Transfer::try_from).collect()
    }

    /// Moves a transfer on to `to` as of `at`, if it still stands where `from` says; whether it did. What the caller
    /// wants is forgotten once it is over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn advance(
        &mut self,
        from: &Transfer,
        to: TransferState,
        ended: bool,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let connected = from.connected.or((to == TransferState::Connected).then_some(at));
        let over = from.ended.or(ended.then_some(at));
        let wish = if over.is_some() { "" } else { from.wish.as_str() };
        let moved = on!(self.tx, db => sqlx::query(MOVE)
            .bind(self.tenant.as_str())
            .bind(from.id.as_str())
            .bind(from.state.as_str())
            .bind(to.as_str())
            .bind(connected.map(|at| at.0))
            .bind(over.map(|at| at.0))
            .bind(wish)
            .execute(db).await?.rows_affected());
        if moved == 1 && over.is_some() {
            on!(self.tx, db => sqlx::query(PASSED_ON)
                .bind(self.tenant.as_str())
                .bind(from.call.as_str())
                .bind(to == TransferState::Connected)
                .execute(db).await.map(drop)?);
        }
        Ok(moved == 1)
    }
}
