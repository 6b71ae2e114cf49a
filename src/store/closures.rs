//! Closing days and absences, as they were entered. What they mean for a date is not worked out here.

use jiff::civil;
use sqlx::FromRow;

use super::{
    Closures, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    booking::Window,
    closing::{Closure, Part},
    id::{ClosureId, ResourceId},
    revision::{Revised, Revision},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, resource_id, kind, name, first_date, last_date, part, from_time, until_time, yearly, revision"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM closures WHERE tenant_id = $1 ORDER BY first_date, id");
    GET = concat!("SELECT ", columns!(), " FROM closures WHERE tenant_id = $1 AND id = $2");
    PAGE = concat!("SELECT ", columns!(), " FROM closures WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM closures WHERE tenant_id = $1";
    ADD = "INSERT INTO closures (tenant_id, id, resource_id, kind, name, first_date, last_date, part, from_time,
            until_time, yearly, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    SET = "UPDATE closures SET resource_id = $3, kind = $4, name = $5, first_date = $6, last_date = $7, part = $8,
            from_time = $9, until_time = $10, yearly = $11, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    REMOVE = "DELETE FROM closures WHERE tenant_id = $1 AND id = $2";
}

const DAY_END: &str = "24:00";

#[derive(FromRow)]
struct ClosureRow {
    id: String,
    resource_id: Option<String>,
    kind: String,
    name: String,
    first_date: String,
    last_date: String,
    part: String,
    from_time: Option<String>,
    until_time: Option<String>,
    yearly: bool,
    revision: i64,
}

impl TryFrom<ClosureRow> for Revised<Closure> {
    type Error = Error;

    fn try_from(row: ClosureRow) -> Result<Self, Error> {
        const PART: &str = "closures.part";
        let from = rows::maybe::<civil::Time>(row.from_time.as_deref(), "closures.from_time")?;
        let until = match row.until_time.as_deref() {
            Some(DAY_END) => Some(Window::DAY_END),
            until => rows::maybe(until, "closures.until_time")?,
        };
        let part = match (row.part.as_str(), from, until) {
            ("whole", _, _) => Part::Whole,
            ("daily", Some(from), Some(until)) => Part::Daily { from, until },
            ("through", Some(from), Some(until)) => Part::Through { from, until },
            _ => return Err(Error::Damaged(PART)),
        };
        let item = Closure {
            id: rows::text(&row.id, "closures.id")?,
            resource: rows::maybe(row.resource_id.as_deref(), "closures.resource_id")?,
            kind: rows::text(&row.kind, "closures.kind")?,
            name: row.name,
            first: rows::text(&row.first_date, "closures.first_date")?,
            last: rows::text(&row.last_date, "closures.last_date")?,
            part,
            yearly: row.yearly,
        };
        Ok(Self { item, revision: Revision(row.revision) })
    }
}

/// How much of its dates a closure takes, as it lies in three columns.
fn part(part: Part) -> (&'static str, Option<String>, Option<String>) {
    let ends = |at: civil::Time| if at == Window::DAY_END { DAY_END.to_owned() } else { at.to_string() };
    match part {
        Part::Whole => ("whole", None, None),
        Part::Daily { from, until } => ("daily", Some(from.to_string()), Some(ends(until))),
        Part::Through { from, until } => ("through", Some(from.to_string()), Some(ends(until))),
    }
}

impl Closures<'_> {
    /// All of them, those that begin first before the others.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Closure>, Error> {
        let rows: Vec<ClosureRow> =
            on!(self.tx, db => sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?);
        rows.into_iter().map(|row| Ok(Revised::try_from(row)?.item)).collect()
    }

    /// The closure of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ClosureId) -> Result<Option<Revised<Closure>>, Error> {
        let row: Option<ClosureRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Revised::try_from).transpose()
    }

    /// The closures in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Revised<Closure>>, Error> {
        let rows: Vec<ClosureRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |kept: &Revised<Closure>| Place::of_id(kept.item.id.as_str()))
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) =
            on!(self.tx, db => sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?);
        rows::whole(count, "closures")
    }

    /// Keeps a closure that was not there.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its resource does not exist.
    pub async fn add(&mut self, new: &Closure, now: Timestamp) -> Result<(), Error> {
        let (part, from, until) = part(new.part);
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.resource.as_ref().map(ResourceId::as_str))
            .bind(new.kind.as_str())
            .bind(new.name.as_str())
            .bind(new.first.to_string())
            .bind(new.last.to_string())
            .bind(part)
            .bind(from.as_deref())
            .bind(until.as_deref())
            .bind(new.yearly)
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Makes the closure of that id say what `wanted` says; whether there is one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when its resource does not exist.
    pub async fn set(&mut self, wanted: &Closure) -> Result<bool, Error> {
        let (part, from, until) = part(wanted.part);
        let changed = on!(self.tx, db => sqlx::query(SET)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.resource.as_ref().map(ResourceId::as_str))
            .bind(wanted.kind.as_str())
            .bind(wanted.name.as_str())
            .bind(wanted.first.to_string())
            .bind(wanted.last.to_string())
            .bind(part)
            .bind(from.as_deref())
            .bind(until.as_deref())
            .bind(wanted.yearly)
            .execute(db).await?.rows_affected());
        Ok(changed == 1)
    }

    /// Takes the closure of that id away; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove(&mut self, id: &ClosureId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
