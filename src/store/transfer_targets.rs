//! Whom a tenant's callers may be passed on to, with opening hours.

use std::collections::BTreeMap;

use jiff::civil;
use sqlx::FromRow;

use super::{
    Change, Error, TransferTargets, on,
    page::{self, Page, Place},
    resources::{WindowsForm, of_form, to_form},
    rows, texts,
};
use crate::domain::{
    booking::Schedule,
    id::{AssistantId, TransferTargetId},
    phone::E164,
    revision::{Revised, Revision},
    transfer::TransferTarget,
};

macro_rules! columns {
    () => {
        "t.id, t.name, t.number, t.description, t.week, t.exceptions, t.announced, t.active"
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM transfer_targets t WHERE t.tenant_id = $1 AND t.id = $2");
    OF_ASSISTANT = concat!("SELECT ", columns!(), " FROM transfer_targets t
        JOIN assistant_targets a ON a.tenant_id = t.tenant_id AND a.target_id = t.id
        WHERE t.tenant_id = $1 AND a.assistant_id = $2 ORDER BY a.position");
    AT = concat!("SELECT ", columns!(), " FROM transfer_targets t WHERE t.tenant_id = $1 AND t.number = $2 AND t.active
        ORDER BY t.id LIMIT 1");
    REVISION = "SELECT revision FROM transfer_targets WHERE tenant_id = $1 AND id = $2";
    COUNT = "SELECT COUNT(*) FROM transfer_targets WHERE tenant_id = $1";
    PAGE = concat!("SELECT ", columns!(), " FROM transfer_targets t WHERE t.tenant_id = $1 AND t.id > $2
        ORDER BY t.id LIMIT $3");
    PUT = "INSERT INTO transfer_targets (tenant_id, id, name, number, description, week, exceptions, announced, active)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, number = excluded.number,
            description = excluded.description, week = excluded.week, exceptions = excluded.exceptions,
            announced = excluded.announced, active = excluded.active, revision = transfer_targets.revision + 1";
    REMOVE = "DELETE FROM transfer_targets WHERE tenant_id = $1 AND id = $2";
}

#[derive(FromRow)]
struct TargetRow {
    id: String,
    name: String,
    number: String,
    description: String,
    week: Option<String>,
    exceptions: String,
    announced: bool,
    active: bool,
}

impl TryFrom<TargetRow> for TransferTarget {
    type Error = Error;

    fn try_from(row: TargetRow) -> Result<Self, Error> {
        let hours = row.week.as_deref().map(|week| schedule(week, &row.exceptions)).transpose()?;
        Ok(Self {
            id: rows::text(&row.id, "transfer_targets.id")?,
            name: row.name,
            number: rows::text(&row.number, "transfer_targets.number")?,
            description: row.description,
            hours,
            announced: row.announced,
            active: row.active,
        })
    }
}

fn schedule(week: &str, exceptions: &str) -> Result<Schedule, Error> {
    const WEEK: &str = "transfer_targets.week";
    const EXCEPTIONS: &str = "transfer_targets.exceptions";
    let days: Vec<WindowsForm> = rows::json(week, WEEK)?;
    let days = days.into_iter().map(of_form).collect::<Result<Vec<_>, Error>>()?;
    let dates: Vec<(String, WindowsForm)> = rows::json(exceptions, EXCEPTIONS)?;
    let dates = dates
        .into_iter()
        .map(|(date, windows)| Ok((rows::text::<civil::Date>(&date, EXCEPTIONS)?, of_form(windows)?)));
    Ok(Schedule {
        week: days.try_into().map_err(|_| Error::Damaged(WEEK))?,
        exceptions: dates.collect::<Result<BTreeMap<_, _>, Error>>()?,
        closures: Vec::new(),
    })
}

impl TransferTargets<'_> {
    /// The target of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &TransferTargetId) -> Result<Option<TransferTarget>, Error> {
        let row: Option<TargetRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(TransferTarget::try_from).transpose()
    }

    /// The first that is in use and rings at that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn at(&mut self, number: &E164) -> Result<Option<TransferTarget>, Error> {
        let row: Option<TargetRow> = on!(self.tx, db => sqlx::query_as(AT)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .fetch_optional(db).await?);
        row.map(TransferTarget::try_from).transpose()
    }

    /// Those an assistant may use, in the assistant's order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_assistant(&mut self, assistant: &AssistantId) -> Result<Vec<TransferTarget>, Error> {
        let rows: Vec<TargetRow> = on!(self.tx, db => sqlx::query_as(OF_ASSISTANT)
            .bind(self.tenant.as_str())
            .bind(assistant.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(TransferTarget::try_from).collect()
    }

    /// The target of that id and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &TransferTargetId) -> Result<Option<Revised<TransferTarget>>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some(Revised { item, revision: Revision(revision) }))
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        rows::whole(count, "COUNT(*) of transfer_targets")
    }

    /// The targets in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<TransferTarget>, Error> {
        let rows: Vec<TargetRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |target: &TransferTarget| Place::of_id(target.id.as_str()))
    }

    /// Keeps a target.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another one has its name.
    pub async fn put(&mut self, wanted: &TransferTarget) -> Result<Change, Error> {
        let change = Change::of(self.get(&wanted.id).await?.as_ref(), wanted);
        if change == Change::Unchanged {
            return Ok(change);
        }
        let week = wanted.hours.as_ref().map(|hours| {
            let days: Vec<WindowsForm> = hours.week.iter().map(|day| to_form(day)).collect();
            rows::to_json(&days, "transfer_targets.week")
        });
        let exceptions: Vec<(String, WindowsForm)> = wanted
            .hours
            .iter()
            .flat_map(|hours| &hours.exceptions)
            .map(|(date, windows)| (date.to_string(), to_form(windows)))
            .collect();
        let (week, exceptions) =
            (week.transpose()?, rows::to_json(&exceptions, "transfer_targets.exceptions")?);
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.name.as_str())
            .bind(wanted.number.as_str())
            .bind(wanted.description.as_str())
            .bind(week.as_deref())
            .bind(exceptions.as_str())
            .bind(wanted.announced)
            .bind(wanted.active)
            .execute(db).await.map(drop)?);
        Ok(change)
    }

    /// Takes a target away; whether there was one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when an assistant may use it.
    pub async fn remove(&mut self, id: &TransferTargetId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
