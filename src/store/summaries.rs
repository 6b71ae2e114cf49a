//! What calls came to, and what a tenant wants to know of each.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Error, Summaries, on, rows, texts};
use crate::domain::{
    id::CallId,
    money::MicroUsd,
    revision::Revision,
    summary::{Deed, Promise, Sentiment, Summary, Upshot},
    time::Timestamp,
};

texts! {
    GET = "SELECT text, upshot, wishes, sentiment, fields, fields_problem, promises, model, cost_micro_usd, made_at
        FROM call_summaries WHERE tenant_id = $1 AND call_id = $2";
    PUT = "INSERT INTO call_summaries (tenant_id, call_id, text, upshot, wishes, sentiment, fields, fields_problem, promises,
            model, cost_micro_usd, made_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (tenant_id, call_id) DO NOTHING";
    CHARGE = "UPDATE calls SET cost_micro_usd = cost_micro_usd + $3, to_count = COALESCE(ended_at, rang_at)
        WHERE tenant_id = $1 AND id = $2";
    FIELDS = "SELECT fields, revision FROM call_fields WHERE tenant_id = $1";
    PUT_FIELDS = "INSERT INTO call_fields (tenant_id, fields, revision) VALUES ($1, $2, 1)
        ON CONFLICT (tenant_id) DO UPDATE SET fields = excluded.fields, revision = call_fields.revision + 1";
}

/// A summary, and when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarised {
    /// What the call came to.
    pub summary: Summary,
    /// When that was found out.
    pub made: Timestamp,
}

#[derive(FromRow)]
struct SummaryRow {
    text: String,
    upshot: String,
    wishes: String,
    sentiment: String,
    fields: Option<String>,
    fields_problem: Option<String>,
    promises: String,
    model: String,
    cost_micro_usd: i64,
    made_at: i64,
}

#[derive(Serialize, Deserialize)]
struct PromiseKept {
    ordinal: u32,
    deed: String,
    kept: bool,
}

impl TryFrom<SummaryRow> for Summarised {
    type Error = Error;

    fn try_from(row: SummaryRow) -> Result<Self, Error> {
        const PROMISES: &str = "call_summaries.promises";
        let promises: Vec<PromiseKept> = rows::json(&row.promises, PROMISES)?;
        let promise = |kept: PromiseKept| {
            let deed = Deed::parse(&kept.deed).ok_or(Error::Damaged(PROMISES))?;
            Ok(Promise { ordinal: kept.ordinal, deed, kept: kept.kept })
        };
        Ok(Self {
            summary: Summary {
                text: row.text,
                upshot: Upshot::parse(&row.upshot).ok_or(Error::Damaged("call_summaries.upshot"))?,
                wishes: rows::json(&row.wishes, "call_summaries.wishes")?,
                sentiment: Sentiment::parse(&row.sentiment)
                    .ok_or(Error::Damaged("call_summaries.sentiment"))?,
                fields: row.fields,
                fields_problem: row.fields_problem,
                promises: promises.into_iter().map(promise).collect::<Result<_, Error>>()?,
                model: row.model,
                cost: MicroUsd(row.cost_micro_usd),
            },
            made: Timestamp(row.made_at),
        })
    }
}

impl Summaries<'_> {
    /// What a call came to, if it was summed up.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, call: &CallId) -> Result<Option<Summarised>, Error> {
        let row: Option<SummaryRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_optional(db).await?);
        row.map(Summarised::try_from).transpose()
    }

    /// Keeps what a call came to, unless that is kept already, and what finding out cost; whether it was new.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn put(&mut self, call: &CallId, made: &Summarised) -> Result<bool, Error> {
        let summary = &made.summary;
        let wishes = rows::to_json(&summary.wishes, "call_summaries.wishes")?;
        let promise = |one: &Promise| PromiseKept {
            ordinal: one.ordinal,
            deed: one.deed.as_str().to_owned(),
            kept: one.kept,
        };
        let promises: Vec<PromiseKept> = summary.promises.iter().map(promise).collect();
        let promises = rows::to_json(&promises, "call_summaries.promises")?;
        let kept = on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(summary.text.as_str())
            .bind(summary.upshot.as_str())
            .bind(wishes.as_str())
            .bind(summary.sentiment.as_str())
            .bind(summary.fields.as_deref())
            .bind(summary.fields_problem.as_deref())
            .bind(promises.as_str())
            .bind(summary.model.as_str())
            .bind(summary.cost.0)
            .bind(made.made.0)
            .execute(db).await?.rows_affected());
        // Found out twice, it has cost twice.
        self.charge(call, summary.cost).await?;
        Ok(kept == 1)
    }

    /// Adds to what a call cost.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn charge(&mut self, call: &CallId, cost: MicroUsd) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(CHARGE)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(cost.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// What the tenant wants to know of each call: a JSON Schema as text, and in which revision it is. Revision 0 is that
    /// nothing was ever wanted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn fields(&mut self) -> Result<(Option<String>, Revision), Error> {
        let row: Option<(Option<String>, i64)> = on!(self.tx, db => sqlx::query_as(FIELDS)
            .bind(self.tenant.as_str())
            .fetch_optional(db).await?);
        Ok(row.map_or((None, Revision(0)), |(fields, revision)| (fields, Revision(revision))))
    }

    /// Keeps what the tenant wants to know of each call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn put_fields(&mut self, fields: Option<&str>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT_FIELDS)
            .bind(self.tenant.as_str())
            .bind(fields)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
