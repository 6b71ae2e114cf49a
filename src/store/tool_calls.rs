//! What the model asked for in a tenant's calls, and what it was answered.
//!
//! One row per (call, the model's own id for its request): a request that comes again finds its first answer.

use std::fmt;

use sqlx::FromRow;

use super::{Error, ToolCalls, on, rows, texts};
use crate::domain::{
    id::{CallId, ToolCallId},
    time::Timestamp,
};

macro_rules! columns {
    () => {
        "id, call_id, model_call_id, name, arguments, arguments_hash, status, output, began_at, took_ms"
    };
}

texts! {
    BEGIN = "INSERT INTO tool_calls (tenant_id, id, call_id, model_call_id, name, arguments, arguments_hash, status,
            began_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8)
        ON CONFLICT (tenant_id, call_id, model_call_id) DO NOTHING";
    FINISH = "UPDATE tool_calls SET status = $3, output = $4, took_ms = $5
        WHERE tenant_id = $1 AND id = $2 AND status = 'running'";
    FIND = concat!("SELECT ", columns!(), " FROM tool_calls
        WHERE tenant_id = $1 AND call_id = $2 AND model_call_id = $3");
    OF_CALL = concat!("SELECT ", columns!(), " FROM tool_calls WHERE tenant_id = $1 AND call_id = $2
        ORDER BY began_at, id");
}

/// Where a request for a tool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolCallStatus {
    /// Not answered yet.
    Running,
    /// Answered, be it with a refusal.
    Answered,
    /// Something broke.
    Failed,
}

impl ToolCallStatus {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }

    /// The status of that word, if there is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Answered, Self::Failed].into_iter().find(|status| status.as_str() == word)
    }
}

/// A request of the model and its answer. `Debug` shows neither's words.
#[derive(Clone, PartialEq)]
pub struct ToolCall {
    /// Its id.
    pub id: ToolCallId,
    /// The call it was made in.
    pub call: CallId,
    /// The model's own id for it.
    pub model_call_id: String,
    /// The tool's name, as the model said it.
    pub name: String,
    /// What the model gave along, as it came.
    pub arguments: String,
    /// A digest of name and arguments: equal when the request is.
    pub arguments_hash: String,
    /// Where it stands.
    pub status: ToolCallStatus,
    /// What the model was told, once it was.
    pub output: Option<String>,
    /// When it was asked for.
    pub began: Timestamp,
    /// How long it took, in milliseconds, once it is over.
    pub took_ms: Option<u64>,
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("status", &self.status)
            .field("took_ms", &self.took_ms)
            .finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct ToolCallRow {
    id: String,
    call_id: String,
    model_call_id: String,
    name: String,
    arguments: String,
    arguments_hash: String,
    status: String,
    output: Option<String>,
    began_at: i64,
    took_ms: Option<i64>,
}

impl TryFrom<ToolCallRow> for ToolCall {
    type Error = Error;

    fn try_from(row: ToolCallRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "tool_calls.id")?,
            call: rows::text(&row.call_id, "tool_calls.call_id")?,
            model_call_id: row.model_call_id,
            name: row.name,
            arguments: row.arguments,
            arguments_hash: row.arguments_hash,
            status: ToolCallStatus::parse(&row.status).ok_or(Error::Damaged("tool_calls.status"))?,
            output: row.output,
            began: Timestamp(row.began_at),
            took_ms: row.took_ms.map(|ms| rows::whole(ms, "tool_calls.took_ms")).transpose()?,
        })
    }
}

impl ToolCalls<'_> {
    /// Keeps a request that begins (its status, output and time taken are not looked at); `None` when it is new,
    /// or the one that was made under the same model id before.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn begin(&mut self, new: &ToolCall) -> Result<Option<ToolCall>, Error> {
        let kept = on!(self.tx, db => sqlx::query(BEGIN)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.call.as_str())
            .bind(new.model_call_id.as_str())
            .bind(new.name.as_str())
            .bind(new.arguments.as_str())
            .bind(new.arguments_hash.as_str())
            .bind(new.began.0)
            .execute(db).await?.rows_affected());
        if kept == 1 {
            return Ok(None);
        }
        let earlier = self.find(&new.call, &new.model_call_id).await?;
        earlier.map(Some).ok_or(Error::Damaged("tool_calls: neither new nor known"))
    }

    /// Keeps the answer; whether the request was still waiting for one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn finish(
        &mut self,
        id: &ToolCallId,
        status: ToolCallStatus,
        output: &str,
        took_ms: u64,
    ) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(FINISH)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(status.as_str())
            .bind(output)
            .bind(rows::column(took_ms))
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// The request the model made in that call under that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(&mut self, call: &CallId, model_call_id: &str) -> Result<Option<ToolCall>, Error> {
        let row: Option<ToolCallRow> = on!(self.tx, db => sqlx::query_as(FIND)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(model_call_id)
            .fetch_optional(db).await?);
        row.map(ToolCall::try_from).transpose()
    }

    /// What was asked for in a call, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_call(&mut self, call: &CallId) -> Result<Vec<ToolCall>, Error> {
        let rows: Vec<ToolCallRow> = on!(self.tx, db => sqlx::query_as(OF_CALL)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(ToolCall::try_from).collect()
    }
}
