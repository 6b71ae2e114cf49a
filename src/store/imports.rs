//! Transcripts of calls that Twilio made: asked for, fetched, kept sentence by sentence.

use sqlx::FromRow;

use super::{Error, Imports, on, rows, texts};
use crate::domain::{
    conversation::Speaker,
    id::CallId,
    import::{Import, ImportState, ImportedTurn},
    time::Timestamp,
};

texts! {
    ASK = "INSERT INTO transcript_imports (tenant_id, call_id, transcript, caller_channel, state, problem, asked_by, asked_at,
            done_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, call_id) DO UPDATE SET transcript = excluded.transcript,
            caller_channel = excluded.caller_channel, state = excluded.state, problem = excluded.problem,
            asked_by = excluded.asked_by, asked_at = excluded.asked_at, done_at = excluded.done_at";
    GET = "SELECT transcript, caller_channel, state, problem, asked_by, asked_at, done_at FROM transcript_imports
        WHERE tenant_id = $1 AND call_id = $2";
    END = "UPDATE transcript_imports SET state = $5, problem = $6, done_at = $7
        WHERE tenant_id = $1 AND call_id = $2 AND transcript = $3 AND asked_at = $4 AND state = 'waiting'";
    FORGET_TURNS = "DELETE FROM imported_turns WHERE tenant_id = $1 AND call_id = $2";
    PUT_TURN = "INSERT INTO imported_turns (tenant_id, call_id, ordinal, channel, speaker, began_ms, ended_ms, text,
            confidence)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// What words there are of it is to be looked at again when they have been kept for long enough.
    HAS_WORDS = "UPDATE calls SET wordless = FALSE WHERE tenant_id = $1 AND id = $2";
    TURNS = "SELECT ordinal, channel, speaker, began_ms, ended_ms, text, confidence FROM imported_turns
        WHERE tenant_id = $1 AND call_id = $2 ORDER BY ordinal";
}

#[derive(FromRow)]
struct ImportRow {
    transcript: String,
    caller_channel: Option<i64>,
    state: String,
    problem: Option<String>,
    asked_by: String,
    asked_at: i64,
    done_at: Option<i64>,
}

impl TryFrom<ImportRow> for Import {
    type Error = Error;

    fn try_from(row: ImportRow) -> Result<Self, Error> {
        const CHANNEL: &str = "transcript_imports.caller_channel";
        Ok(Self {
            transcript: row.transcript,
            caller_channel: row.caller_channel.map(|channel| rows::whole(channel, CHANNEL)).transpose()?,
            state: rows::text(&row.state, "transcript_imports.state")?,
            problem: row.problem,
            asked_by: row.asked_by,
            asked: Timestamp(row.asked_at),
            done: row.done_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
struct TurnRow {
    ordinal: i64,
    channel: i64,
    speaker: String,
    began_ms: i64,
    ended_ms: i64,
    text: String,
    confidence: Option<f64>,
}

impl TryFrom<TurnRow> for ImportedTurn {
    type Error = Error;

    fn try_from(row: TurnRow) -> Result<Self, Error> {
        Ok(Self {
            ordinal: rows::whole(row.ordinal, "imported_turns.ordinal")?,
            channel: rows::whole(row.channel, "imported_turns.channel")?,
            speaker: Speaker::parse(&row.speaker).ok_or(Error::Damaged("imported_turns.speaker"))?,
            began_ms: rows::whole(row.began_ms, "imported_turns.began_ms")?,
            ended_ms: rows::whole(row.ended_ms, "imported_turns.ended_ms")?,
            text: row.text,
            confidence: row.confidence,
        })
    }
}

impl Imports<'_> {
    /// Keeps that a transcript of a call is wanted. What was fetched or wanted before goes.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such call.
    pub async fn ask(&mut self, call: &CallId, wanted: &Import) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ASK)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(wanted.transcript.as_str())
            .bind(wanted.caller_channel.map(i64::from))
            .bind(wanted.state.as_str())
            .bind(wanted.problem.as_deref())
            .bind(wanted.asked_by.as_str())
            .bind(wanted.asked.0)
            .bind(wanted.done.map(|at| at.0))
            .execute(db).await.map(drop)?);
        self.forget_turns(call).await
    }

    /// What is wanted of a call, or was.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, call: &CallId) -> Result<Option<Import>, Error> {
        let row: Option<ImportRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_optional(db).await?);
        row.map(Import::try_from).transpose()
    }

    /// Keeps what was fetched, if it is still what is wanted; whether it was.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn done(
        &mut self,
        call: &CallId,
        wanted: &Import,
        turns: &[ImportedTurn],
        now: Timestamp,
    ) -> Result<bool, Error> {
        if !self.end(call, wanted, ImportState::Done, None, now).await? {
            return Ok(false);
        }
        self.forget_turns(call).await?;
        for turn in turns {
            on!(self.tx, db => sqlx::query(PUT_TURN)
                .bind(self.tenant.as_str())
                .bind(call.as_str())
                .bind(i64::from(turn.ordinal))
                .bind(i64::from(turn.channel))
                .bind(turn.speaker.as_str())
                .bind(rows::column(turn.began_ms))
                .bind(rows::column(turn.ended_ms))
                .bind(turn.text.as_str())
                .bind(turn.confidence)
                .execute(db).await.map(drop)?);
        }
        on!(self.tx, db => sqlx::query(HAS_WORDS)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        Ok(true)
    }

    /// Notes that what is wanted cannot be had, and why; whether it was still wanted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn failed(
        &mut self,
        call: &CallId,
        wanted: &Import,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.end(call, wanted, ImportState::Failed, Some(why), now).await
    }

    async fn end(
        &mut self,
        call: &CallId,
        wanted: &Import,
        state: ImportState,
        problem: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let ended = on!(self.tx, db => sqlx::query(END)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(wanted.transcript.as_str())
            .bind(wanted.asked.0)
            .bind(state.as_str())
            .bind(problem)
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(ended == 1)
    }

    async fn forget_turns(&mut self, call: &CallId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET_TURNS)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// What was fetched, in order.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn turns(&mut self, call: &CallId) -> Result<Vec<ImportedTurn>, Error> {
        let rows: Vec<TurnRow> = on!(self.tx, db => sqlx::query_as(TURNS)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_all(db).await?);
        rows.into_iter().map(ImportedTurn::try_from).collect()
    }
}
