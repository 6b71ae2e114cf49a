//! The telephone numbers of a tenant, also those it has given back.

use sqlx::FromRow;

use super::{
    Change, Error, Numbers, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    id::{AssistantId, NumberId},
    org::{HeldNumber, Number, NumberSetup},
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

/// The columns of a number, in the order of [`NumberRow`].
macro_rules! columns {
    () => {
        "id, number, assistant_id, language, account_sid, sid, setup, setup_problem, released_at, revision"
    };
}
pub(super) use columns;

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM numbers
        WHERE tenant_id = $1 AND released_at IS NULL ORDER BY number");
    PAGE = concat!("SELECT ", columns!(), " FROM numbers
        WHERE tenant_id = $1 AND id > $2 AND released_at IS NULL ORDER BY id LIMIT $3");
    GET = concat!("SELECT ", columns!(), " FROM numbers WHERE tenant_id = $1 AND id = $2");
    BY_NUMBER = concat!("SELECT ", columns!(), " FROM numbers
        WHERE tenant_id = $1 AND number = $2 AND released_at IS NULL");
    COUNT = "SELECT COUNT(*) FROM numbers WHERE tenant_id = $1 AND released_at IS NULL";
    COUNT_OF_ASSISTANT = "SELECT COUNT(*) FROM numbers
        WHERE tenant_id = $1 AND assistant_id = $2 AND released_at IS NULL";
    COUNT_OF_ACCOUNT = "SELECT COUNT(*) FROM numbers
        WHERE tenant_id = $1 AND account_sid = $2 AND released_at IS NULL";
    PUT = "INSERT INTO numbers (tenant_id, id, number, assistant_id, language) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant_id, id) DO UPDATE SET number = excluded.number,
            assistant_id = excluded.assistant_id, language = excluded.language, released_at = NULL,
            revision = numbers.revision + 1";
    HOLD = "UPDATE numbers SET account_sid = $3, sid = $4, setup = $5, setup_problem = $6
        WHERE tenant_id = $1 AND id = $2";
    RELEASE = "UPDATE numbers SET released_at = $3, assistant_id = NULL, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2 AND released_at IS NULL";
    PIN = "UPDATE numbers SET account_sid = $2 WHERE tenant_id = $1 AND account_sid IS NULL";
}

#[derive(FromRow)]
pub(super) struct NumberRow {
    id: String,
    number: String,
    assistant_id: Option<String>,
    language: String,
    account_sid: Option<String>,
    sid: Option<String>,
    setup: String,
    setup_problem: Option<String>,
    released_at: Option<i64>,
    revision: i64,
}

impl TryFrom<NumberRow> for Revised<HeldNumber> {
    type Error = Error;

    fn try_from(row: NumberRow) -> Result<Self, Error> {
        let item = HeldNumber {
            number: Number {
                id: rows::text(&row.id, "numbers.id")?,
                number: rows::text(&row.number, "numbers.number")?,
                assistant: rows::maybe(row.assistant_id.as_deref(), "numbers.assistant_id")?,
                language: rows::text(&row.language, "numbers.language")?,
            },
            account_sid: row.account_sid,
            sid: row.sid,
            setup: NumberSetup::parse(&row.setup).ok_or(Error::Damaged("numbers.setup"))?,
            setup_problem: row.setup_problem,
            released: row.released_at.map(Timestamp),
        };
        Ok(Self { item, revision: Revision(row.revision) })
    }
}

impl TryFrom<NumberRow> for HeldNumber {
    type Error = Error;

    fn try_from(row: NumberRow) -> Result<Self, Error> {
        Revised::<Self>::try_from(row).map(|revised| revised.item)
    }
}

impl Numbers<'_> {
    /// All it has, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Number>, Error> {
        let rows: Vec<NumberRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        rows.into_iter().map(|row| HeldNumber::try_from(row).map(|held| held.number)).collect()
    }

    /// Those it has, in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<HeldNumber>, Error> {
        let rows: Vec<NumberRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |held: &HeldNumber| Place::of_id(held.number.id.as_str()))
    }

    /// The number of that id, also when it was given back, and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &NumberId) -> Result<Option<Revised<HeldNumber>>, Error> {
        let row: Option<NumberRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(TryFrom::try_from).transpose()
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
        row.map(|row| HeldNumber::try_from(row).map(|held| held.number)).transpose()
    }

    /// How many it has.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        rows::whole(count, "numbers")
    }

    /// At how many of them that assistant answers.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_of_assistant(&mut self, assistant: &AssistantId) -> Result<u64, Error> {
        self.count_where(COUNT_OF_ASSISTANT, assistant.as_str()).await
    }

    /// How many of them that Twilio account is known to own.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_of_account(&mut self, account_sid: &str) -> Result<u64, Error> {
        self.count_where(COUNT_OF_ACCOUNT, account_sid).await
    }

    async fn count_where(&mut self, text: &'static str, value: &str) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(text).bind(self.tenant.as_str()).bind(value).fetch_one(db).await?
        });
        rows::whole(count, "numbers")
    }

    /// Keeps a number. How it is held at Twilio stays as it was.
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
                .bind(wanted.assistant.as_ref().map(AssistantId::as_str))
                .bind(wanted.language.code())
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }

    /// Notes how a number is held at Twilio. That is no edit of anybody's: the revision stays.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn hold(&mut self, held: &HeldNumber) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(HOLD)
            .bind(self.tenant.as_str())
            .bind(held.number.id.as_str())
            .bind(held.account_sid.as_deref())
            .bind(held.sid.as_deref())
            .bind(held.setup.as_str())
            .bind(held.setup_problem.as_deref())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives a number back: nobody answers it, anybody can have it. Its calls keep it. Whether the tenant had it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn release(&mut self, id: &NumberId, now: Timestamp) -> Result<bool, Error> {
        let released = on!(self.tx, db => sqlx::query(RELEASE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(released == 1)
    }

    /// Notes that numbers of which it was not said belong to that account.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn pin(&mut self, account_sid: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PIN)
            .bind(self.tenant.as_str())
            .bind(account_sid)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
