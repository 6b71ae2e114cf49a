//! Who does not want to be called.

use std::fmt;

use sqlx::FromRow;

use super::{
    Error, OptOuts, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    id::{CallId, OptOutId},
    outgoing::OptOutSource,
    phone::E164,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, number, source, call_id, since"
    };
}

texts! {
    ADD = concat!("INSERT INTO opt_outs (tenant_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, number) DO NOTHING");
    GET = concat!("SELECT ", columns!(), " FROM opt_outs WHERE tenant_id = $1 AND id = $2");
    OF = concat!("SELECT ", columns!(), " FROM opt_outs WHERE tenant_id = $1 AND number = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM opt_outs WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    REMOVE = "DELETE FROM opt_outs WHERE tenant_id = $1 AND id = $2";
}

/// Somebody's wish not to be called. `Debug` shows no number.
#[derive(Clone, PartialEq)]
pub struct OptOut {
    /// Its id.
    pub id: OptOutId,
    /// Who is not to be called.
    pub number: E164,
    /// How they said so.
    pub source: OptOutSource,
    /// In which call, when it was one.
    pub call: Option<CallId>,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Debug for OptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptOut").field("id", &self.id).field("source", &self.source).finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct OptOutRow {
    id: String,
    number: String,
    source: String,
    call_id: Option<String>,
    since: i64,
}

impl TryFrom<OptOutRow> for OptOut {
    type Error = Error;

    fn try_from(row: OptOutRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "opt_outs.id")?,
            number: rows::text(&row.number, "opt_outs.number")?,
            source: rows::text(&row.source, "opt_outs.source")?,
            call: rows::maybe(row.call_id.as_deref(), "opt_outs.call_id")?,
            since: Timestamp(row.since),
        })
    }
}

impl OptOuts<'_> {
    /// Keeps a wish; whether that was not known. The first telling stays.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add(&mut self, new: &OptOut) -> Result<bool, Error> {
        let added = on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.number.as_str())
            .bind(new.source.as_str())
            .bind(new.call.as_ref().map(CallId::as_str))
            .bind(new.since.0)
            .execute(db).await?.rows_affected());
        Ok(added == 1)
    }

    /// The wish of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &OptOutId) -> Result<Option<OptOut>, Error> {
        self.one(GET, id.as_str()).await
    }

    /// The wish of whoever has that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of(&mut self, number: &E164) -> Result<Option<OptOut>, Error> {
        self.one(OF, number.as_str()).await
    }

    async fn one(&mut self, text: &'static str, name: &str) -> Result<Option<OptOut>, Error> {
        let row: Option<OptOutRow> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(name)
            .fetch_optional(db).await?);
        row.map(OptOut::try_from).transpose()
    }

    /// The wishes in the order of their telling, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<OptOut>, Error> {
        let rows: Vec<OptOutRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &OptOut| Place::of_id(one.id.as_str()))
    }

    /// Forgets a wish: the person may be called again; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, id: &OptOutId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
