//! The wishes to buy a number: kept before Twilio is asked, so that no crash makes one bought twice or forgotten.

use sqlx::FromRow;

use super::{Error, Orders, on, rows, texts};
use crate::domain::{
    assistant::Language,
    id::{AssistantId, NumberId, OrderId},
    phone::E164,
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, request_key, wanted, number, account_sid, state, asked_at, problem, number_id, created_at"
    };
}

texts! {
    GET = concat!("SELECT ", columns!(), " FROM number_orders WHERE tenant_id = $1 AND id = $2");
    BY_KEY = concat!("SELECT ", columns!(), " FROM number_orders WHERE tenant_id = $1 AND request_key = $2");
    OPEN_OF = concat!("SELECT ", columns!(), " FROM number_orders
        WHERE tenant_id = $1 AND number = $2 AND state = 'open'");
    COUNT_OPEN = "SELECT COUNT(*) FROM number_orders WHERE tenant_id = $1 AND state = 'open'";
    ADD = "INSERT INTO number_orders (tenant_id, id, request_key, wanted, number, account_sid, state, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'open', $7)";
    TAKE = "UPDATE number_orders SET busy_until = $4
        WHERE tenant_id = $1 AND id = $2 AND state = 'open' AND busy_until <= $3";
    ASK = "UPDATE number_orders SET asked_at = COALESCE(asked_at, $3)
        WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
    LEAVE = "UPDATE number_orders SET busy_until = 0, problem = $3
        WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
    DONE = "UPDATE number_orders SET state = 'done', number_id = $3, problem = NULL
        WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
    FAIL = "UPDATE number_orders SET state = 'failed', problem = $3
        WHERE tenant_id = $1 AND id = $2 AND state = 'open'";
    FORGET = "DELETE FROM number_orders WHERE tenant_id = $1 AND id = $2 AND state = 'open' AND asked_at IS NULL";
}

/// What is to be bought, and what becomes of it then.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The number.
    pub number: E164,
    /// Who is to answer it.
    pub assistant: Option<AssistantId>,
    /// The language in which calls are opened.
    pub language: Language,
    /// The address (`AD…`) that countries ask for.
    pub address_sid: Option<String>,
    /// The papers (`BU…`) that countries ask for.
    pub bundle_sid: Option<String>,
}

/// How far an order has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody knows yet. Since when Twilio may have sold it, if it was asked.
    Open {
        /// When Twilio was first asked.
        asked: Option<Timestamp>,
    },
    /// It was bought, as this number.
    Done(NumberId),
    /// It was not bought; why, in a sentence.
    Failed(String),
}

/// The wish to buy a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The name its request was given.
    pub key: Option<String>,
    /// What is to be bought.
    pub wanted: Wanted,
    /// The account that buys.
    pub account_sid: String,
    /// How far it has come.
    pub progress: Progress,
    /// When it was made.
    pub created: Timestamp,
}

#[derive(FromRow)]
struct OrderRow {
    id: String,
    request_key: Option<String>,
    wanted: String,
    number: String,
    account_sid: String,
    state: String,
    asked_at: Option<i64>,
    problem: Option<String>,
    number_id: Option<String>,
    created_at: i64,
}

/// What stands in `wanted`: assistant, language, address, bundle.
type WantedJson = (Option<String>, String, Option<String>, Option<String>);

impl TryFrom<OrderRow> for Order {
    type Error = Error;

    fn try_from(row: OrderRow) -> Result<Self, Error> {
        const WANTED: &str = "number_orders.wanted";
        let (assistant, language, address_sid, bundle_sid): WantedJson = rows::json(&row.wanted, WANTED)?;
        let progress = match (row.state.as_str(), row.number_id) {
            ("open", _) => Progress::Open { asked: row.asked_at.map(Timestamp) },
            ("done", Some(number)) => Progress::Done(rows::text(&number, "number_orders.number_id")?),
            ("failed", _) => Progress::Failed(row.problem.unwrap_or_default()),
            _ => return Err(Error::Damaged("number_orders.state")),
        };
        Ok(Self {
            id: rows::text(&row.id, "number_orders.id")?,
            key: row.request_key,
            wanted: Wanted {
                number: rows::text(&row.number, "number_orders.number")?,
                assistant: rows::maybe(assistant.as_deref(), WANTED)?,
                language: rows::text(&language, WANTED)?,
                address_sid,
                bundle_sid,
            },
            account_sid: row.account_sid,
            progress,
            created: Timestamp(row.created_at),
        })
    }
}

impl Orders<'_> {
    /// The order of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &OrderId) -> Result<Option<Order>, Error> {
        self.one(GET, id.as_str()).await
    }

    /// The order whose request had that name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_key(&mut self, key: &str) -> Result<Option<Order>, Error> {
        self.one(BY_KEY, key).await
    }

    /// The tenant's open order of that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn open_of(&mut self, number: &E164) -> Result<Option<Order>, Error> {
        self.one(OPEN_OF, number.as_str()).await
    }

    async fn one(&mut self, text: &'static str, value: &str) -> Result<Option<Order>, Error> {
        let row: Option<OrderRow> = on!(self.tx, db => {
            sqlx::query_as(text).bind(self.tenant.as_str()).bind(value).fetch_optional(db).await?
        });
        row.map(Order::try_from).transpose()
    }

    /// How many are open.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count_open(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(COUNT_OPEN).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        rows::whole(count, "number_orders")
    }

    /// Keeps an order that was just made.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when an order of that number is open already, whose ever it is, or the key was used.
    pub async fn add(&mut self, order: &Order) -> Result<(), Error> {
        let wanted = &order.wanted;
        let document: WantedJson = (
            wanted.assistant.as_ref().map(ToString::to_string),
            wanted.language.code().to_owned(),
            wanted.address_sid.clone(),
            wanted.bundle_sid.clone(),
        );
        let document = rows::to_json(&document, "number_orders.wanted")?;
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(order.id.as_str())
            .bind(order.key.as_deref())
            .bind(document.as_str())
            .bind(wanted.number.as_str())
            .bind(order.account_sid.as_str())
            .bind(order.created.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Takes an open order, so that nobody else asks for it before `until`; whether it was free to be taken.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn take(&mut self, id: &OrderId, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
        let taken = on!(self.tx, db => sqlx::query(TAKE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(until.0)
            .execute(db).await?.rows_affected());
        Ok(taken == 1)
    }

    /// Notes that Twilio is about to be asked.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn ask(&mut self, id: &OrderId, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ASK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Leaves an open order to whoever takes it next, with what stood in the way.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn leave(&mut self, id: &OrderId, problem: &str) -> Result<(), Error> {
        self.note(LEAVE, id, problem).await
    }

    /// The order was filled: this is the number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn done(&mut self, id: &OrderId, number: &NumberId) -> Result<(), Error> {
        self.note(DONE, id, number.as_str()).await
    }

    /// The order cannot be filled; why, in a sentence.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn fail(&mut self, id: &OrderId, problem: &str) -> Result<(), Error> {
        self.note(FAIL, id, problem).await
    }

    async fn note(&mut self, text: &'static str, id: &OrderId, value: &str) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(text)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(value)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Forgets an order of which Twilio was never told, as if it had not been made.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, id: &OrderId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
