//! The telephone numbers of a tenant.

use sqlx::FromRow;

use super::{Change, Error, Numbers, on, rows, texts};
use crate::domain::{org::Number, phone::E164};

texts! {
    ALL = "SELECT id, number, assistant_id, language FROM numbers WHERE tenant_id = $1 ORDER BY number";
    BY_NUMBER = "SELECT id, number, assistant_id, language FROM numbers WHERE tenant_id = $1 AND number = $2";
    PUT = "INSERT INTO numbers (tenant_id, id, number, assistant_id, language) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, id) DO UPDATE SET number = excluded.number,
            assistant_id = excluded.assistant_id, language = excluded.language";
}

#[derive(FromRow)]
pub(super) struct NumberRow {
    id: String,
    number: String,
    assistant_id: String,
    language: String,
}

impl TryFrom<NumberRow> for Number {
    type Error = Error;

    fn try_from(row: NumberRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "numbers.id")?,
            number: rows::text(&row.number, "numbers.number")?,
            assistant: rows::text(&row.assistant_id, "numbers.assistant_id")?,
            language: rows::text(&row.language, "numbers.language")?,
        })
    }
}

impl Numbers<'_> {
    /// All of them, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Number>, Error> {
        let rows: Vec<NumberRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        rows.into_iter().map(Number::try_from).collect()
    }

    /// The tenant's number of that digits, if it has it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_number(&mut self, number: &E164) -> Result<Option<Number>, Error> {
        let row: Option<NumberRow> = on!(self.tx, db => sqlx::query_as(BY_NUMBER)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .fetch_optional(db).await?);
        row.map(Number::try_from).transpose()
    }

    /// Keeps a number.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another tenant has it; [`Error::Dangling`] when nobody is there to answer.
    pub async fn put(&mut self, wanted: &Number) -> Result<Change, Error> {
        let kept = self.by_number(&wanted.number).await?;
        let change = Change::of(kept.as_ref(), wanted);
        if change != Change::Unchanged {
            on!(self.tx, db => sqlx::query(PUT)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(wanted.number.as_str())
                .bind(wanted.assistant.as_str())
                .bind(wanted.language.code())
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }
}
