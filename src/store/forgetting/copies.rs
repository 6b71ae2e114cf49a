//! What stands in rows, as JSON, for whoever may have a copy: table by table, row by row.
//!
//! Secrets, keys and what belongs to another are left out by their kind and name; instants are written as dates.

use futures_util::TryStreamExt;
use serde_json::{Map, Value};
use sqlx::{Column, Decode, Row, Type, TypeInfo, ValueRef, postgres::PgRow, sqlite::SqliteRow};
use tokio::sync::mpsc;

use super::{
    super::{Error, Forgetting, Open, texts},
    HOLDINGS, Root,
};
use crate::domain::time::Timestamp;

texts! {
    /// A copy of everything may take longer than a question.
    @postgres NO_HURRY = "SELECT set_config('statement_timeout', '0', true)";
}

/// Parts of names of columns that hold what opens something.
const SECRETS: [&str; 4] = ["hash", "token", "secret", "verifier"];

/// A row on its way into a copy: its table and what stands in it.
pub type Copied = (&'static str, Value);

impl Forgetting<'_> {
    /// Hands out the rows that hang on a thing.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy(&mut self, root: Root, id: &str, to: &mpsc::Sender<Copied>) -> Result<(), Error> {
        for holding in HOLDINGS {
            for piece in holding.pieces.iter().filter(|piece| piece.root == root && piece.goes) {
                self.rows(holding.table, piece.copy, Some(id), to).await?;
            }
        }
        Ok(())
    }

    /// Hands out every row of the tenant's.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn copy_all(&mut self, to: &mpsc::Sender<Copied>) -> Result<(), Error> {
        if let Open::Postgres(tx) = &mut self.tx.open {
            sqlx::query(NO_HURRY).execute(&mut **tx).await?;
        }
        for holding in HOLDINGS {
            self.rows(holding.table, holding.copy, None, to).await?;
        }
        Ok(())
    }

    async fn rows(
        &mut self,
        table: &'static str,
        text: &'static str,
        id: Option<&str>,
        to: &mpsc::Sender<Copied>,
    ) -> Result<(), Error> {
        match &mut self.tx.open {
            Open::Sqlite(tx, _) => {
                let query = sqlx::query(text).bind(self.tenant.as_str());
                let query = match id {
                    Some(id) => query.bind(id),
                    None => query,
                };
                let mut rows = query.fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    if to.send((table, of_sqlite(&row)?)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Open::Postgres(tx) => {
                let query = sqlx::query(text).bind(self.tenant.as_str());
                let query = match id {
                    Some(id) => query.bind(id),
                    None => query,
                };
                let mut rows = query.fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    if to.send((table, of_postgres(&row)?)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

fn of_sqlite(row: &SqliteRow) -> Result<Value, Error> {
    let mut copied = Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(at)?;
        let value = match raw.type_info().name() {
            _ if raw.is_null() => Value::Null,
            "TEXT" => Value::from(get::<_, String>(row, at)?),
            "INTEGER" => number(column.name(), get(row, at)?),
            "REAL" => Value::from(get::<_, f64>(row, at)?),
            _ => continue,
        };
        put(&mut copied, column.name(), value);
    }
    Ok(Value::Object(copied))
}

fn of_postgres(row: &PgRow) -> Result<Value, Error> {
    let mut copied = Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(at)?;
        let value = match raw.type_info().name() {
            "TEXT" | "INT8" | "FLOAT8" | "BOOL" if raw.is_null() => Value::Null,
            "TEXT" => Value::from(get::<_, String>(row, at)?),
            "INT8" => number(column.name(), get(row, at)?),
            "FLOAT8" => Value::from(get::<_, f64>(row, at)?),
            "BOOL" => Value::from(get::<_, bool>(row, at)?),
            _ => continue,
        };
        put(&mut copied, column.name(), value);
    }
    Ok(Value::Object(copied))
}

fn get<'r, R: Row, T>(row: &'r R, at: usize) -> Result<T, Error>
where
    T: Decode<'r, R::Database> + Type<R::Database>,
    usize: sqlx::ColumnIndex<R>,
{
    Ok(row.try_get(at)?)
}

/// An instant as a date, any other number as it is.
fn number(column: &str, value: i64) -> Value {
    let instant = column.ends_with("_at") || column == "since";
    if instant && value > 0 { Value::from(Timestamp(value).to_string()) } else { Value::from(value) }
}

fn put(copied: &mut Map<String, Value>, column: &str, value: Value) {
    let text = value.is_string() && SECRETS.iter().any(|secret| column.contains(secret));
    if !text {
        copied.insert(column.to_owned(), value);
    }
}
