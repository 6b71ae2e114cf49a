//! Where and until when the assistant steps back.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{Error, Pauses, on, rows, texts};
use crate::domain::{
    id::{CallId, NumberId},
    pause::Pause,
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

texts! {
    OF = "SELECT number_id, paused_until, fallback, revision FROM pauses WHERE tenant_id = $1 AND number_id = $2";
    ALL = "SELECT number_id, paused_until, fallback, revision FROM pauses WHERE tenant_id = $1 ORDER BY number_id";
    PUT = "INSERT INTO pauses (tenant_id, number_id, paused_until, fallback) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, number_id) DO UPDATE SET paused_until = excluded.paused_until, fallback = excluded.fallback,
            revision = pauses.revision + 1";
    NUMBER_CHANGED = "UPDATE numbers SET revision = revision + 1 WHERE tenant_id = $1 AND id = $2";
    STEP_BACK = "UPDATE calls SET stepped_back = TRUE WHERE tenant_id = $1 AND id = $2";
    STEPPED_BACK = "SELECT COUNT(*) FROM calls WHERE tenant_id = $1 AND id = $2 AND stepped_back";
}

/// Where the pause of all numbers stands: in place of a number's id.
const EVERYWHERE: &str = "";

#[derive(FromRow)]
struct PauseRow {
    number_id: String,
    paused_until: Option<i64>,
    fallback: Option<String>,
    revision: i64,
}

impl TryFrom<PauseRow> for Revised<Pause> {
    type Error = Error;

    fn try_from(row: PauseRow) -> Result<Self, Error> {
        let item = Pause {
            until: row.paused_until.map(Timestamp),
            fallback: rows::maybe(row.fallback.as_deref(), "pauses.fallback")?,
        };
        Ok(Self { item, revision: Revision(row.revision) })
    }
}

impl Pauses<'_> {
    /// The pause of one number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, number: &NumberId) -> Result<Pause, Error> {
        Ok(self.at(number.as_str()).await?.item)
    }

    /// The pause of all numbers, and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn everywhere(&mut self) -> Result<Revised<Pause>, Error> {
        self.at(EVERYWHERE).await
    }

    async fn at(&mut self, number: &str) -> Result<Revised<Pause>, Error> {
        let row: Option<PauseRow> = on!(self.tx, db => sqlx::query_as(OF)
            .bind(self.tenant.as_str())
            .bind(number)
            .fetch_optional(db).await?);
        row.map_or_else(
            || Ok(Revised { item: Pause::default(), revision: Revision(0) }),
            Revised::<Pause>::try_from,
        )
    }

    /// The pauses of those numbers of which anything was said.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_numbers(&mut self) -> Result<BTreeMap<NumberId, Pause>, Error> {
        let rows: Vec<PauseRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        let own = rows.into_iter().filter(|row| row.number_id != EVERYWHERE);
        let own = own.map(|row| {
            let number = rows::text(&row.number_id, "pauses.number_id")?;
            Ok((number, Revised::<Pause>::try_from(row)?.item))
        });
        own.collect()
    }

    /// Keeps the pause of one number: that is a change of the number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn put(&mut self, number: &NumberId, wanted: &Pause) -> Result<(), Error> {
        self.put_at(number.as_str(), wanted).await?;
        on!(self.tx, db => sqlx::query(NUMBER_CHANGED)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps the pause of all numbers.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn put_everywhere(&mut self, wanted: &Pause) -> Result<(), Error> {
        self.put_at(EVERYWHERE, wanted).await
    }

    async fn put_at(&mut self, number: &str, wanted: &Pause) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(number)
            .bind(wanted.until.map(|until| until.0))
            .bind(wanted.fallback.as_ref().map(E164::as_str))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that the assistant steps back in a call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn step_back(&mut self, call: &CallId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(STEP_BACK)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Whether the assistant has stepped back in a call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn stepped_back(&mut self, call: &CallId) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(STEPPED_BACK)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_one(db).await?);
        Ok(count > 0)
    }
}
