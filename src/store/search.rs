//! Looking for words in what was said in a tenant's calls.
//!
//! The index is the database's own: FTS5 on SQLite, kept by triggers, and a `tsvector` on PostgreSQL, which is a column of the
//! turn. Either way a turn that goes takes its place in the index with it. The words in it are those that were heard.

use sqlx::FromRow;

use super::{Calls, Error, Open, rows, texts};
use crate::domain::{
    conversation::Speaker,
    id::CallId,
    time::{CallTime, Timestamp},
};

texts! {
    /// The tenant is a word of the index, so that nobody else's turns are even looked at. CROSS JOIN has the index asked first,
    /// which gives its rows in the order in which they were kept: no more are read than are wanted.
    @sqlite SEARCH_ON_SQLITE = "SELECT i.call_id, COALESCE(t.ordinal, m.ordinal) AS ordinal, COALESCE(t.speaker, m.speaker) AS speaker,
            COALESCE(t.began_ms, m.began_ms) AS began_ms, COALESCE(t.heard_text, m.text) AS heard_text, c.rang_at,
            i.ordinal < 0 AS imported
        FROM turn_words CROSS JOIN turn_index i ON i.id = turn_words.rowid
        JOIN calls c ON c.tenant_id = i.tenant_id AND c.id = i.call_id
        LEFT JOIN turns t ON t.tenant_id = i.tenant_id AND t.call_id = i.call_id AND t.ordinal = i.ordinal
        LEFT JOIN imported_turns m ON m.tenant_id = i.tenant_id AND m.call_id = i.call_id AND m.ordinal = -1 - i.ordinal
        WHERE turn_words MATCH $2 AND i.tenant_id = $1 AND c.rang_at >= $3 AND c.rang_at < $4
        ORDER BY turn_words.rowid DESC LIMIT $5 OFFSET $6";
    /// Of either kind no more are read than are wanted of both.
    @postgres SEARCH_ON_POSTGRES = "SELECT call_id, ordinal, speaker, began_ms, heard_text, rang_at, imported FROM (
            (SELECT t.call_id, t.ordinal, t.speaker, t.began_ms, t.heard_text, c.rang_at, FALSE AS imported
                FROM calls c JOIN turns t ON t.tenant_id = c.tenant_id AND t.call_id = c.id
                WHERE c.tenant_id = $1 AND c.rang_at >= $3 AND c.rang_at < $4 AND t.words @@ to_tsquery('simple', $2)
                ORDER BY c.rang_at DESC, c.id DESC, t.ordinal DESC LIMIT CAST($5 AS BIGINT) + CAST($6 AS BIGINT))
            UNION ALL (SELECT m.call_id, m.ordinal, m.speaker, m.began_ms, m.text, c.rang_at, TRUE
                FROM calls c JOIN imported_turns m ON m.tenant_id = c.tenant_id AND m.call_id = c.id
                WHERE c.tenant_id = $1 AND c.rang_at >= $3 AND c.rang_at < $4 AND m.words @@ to_tsquery('simple', $2)
                ORDER BY c.rang_at DESC, c.id DESC, m.ordinal DESC LIMIT CAST($5 AS BIGINT) + CAST($6 AS BIGINT))) AS f
        ORDER BY rang_at DESC, call_id DESC, imported, ordinal DESC LIMIT $5 OFFSET $6";
}

/// A turn in which everything that was looked for was said. `Debug` shows no words.
#[derive(Clone, PartialEq, Eq)]
pub struct Hit {
    /// In which call.
    pub call: CallId,
    /// When that rang.
    pub rang: Timestamp,
    /// Which turn of it.
    pub ordinal: u32,
    /// Who said it.
    pub speaker: Speaker,
    /// When the turn began.
    pub began: CallTime,
    /// What of it was heard.
    pub text: String,
    /// Whether Twilio wrote it down and not we.
    pub imported: bool,
}

impl std::fmt::Debug for Hit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hit")
            .field("call", &self.call)
            .field("ordinal", &self.ordinal)
            .finish_non_exhaustive()
    }
}

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Search<'s> {
    /// How words begin that must all be in a turn: letters and digits alone.
    pub terms: &'s [String],
    /// Only in calls that rang at this instant or later.
    pub from: Timestamp,
    /// Only in those that rang before this one.
    pub until: Timestamp,
    /// How many of the latest hits are left out.
    pub skip: u32,
    /// How many are wanted at most.
    pub count_max: u32,
}

#[derive(FromRow)]
struct HitRow {
    call_id: String,
    ordinal: i64,
    speaker: String,
    began_ms: i64,
    heard_text: String,
    rang_at: i64,
    imported: bool,
}

impl TryFrom<HitRow> for Hit {
    type Error = Error;

    fn try_from(row: HitRow) -> Result<Self, Error> {
        Ok(Self {
            call: rows::text(&row.call_id, "turns.call_id")?,
            rang: Timestamp(row.rang_at),
            ordinal: rows::whole(row.ordinal, "turns.ordinal")?,
            speaker: Speaker::parse(&row.speaker).ok_or(Error::Damaged("turns.speaker"))?,
            began: CallTime(rows::whole(row.began_ms, "turns.began_ms")?),
            text: row.heard_text,
            imported: row.imported,
        })
    }
}

impl Calls<'_> {
    /// Turns in which all of that was heard, those kept last first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn search(&mut self, search: &Search<'_>) -> Result<Vec<Hit>, Error> {
        let (from, until) = (search.from.0, search.until.0);
        let (count, skip) = (i64::from(search.count_max), i64::from(search.skip));
        let each = |write: fn(&String) -> String, join| {
            search.terms.iter().map(write).collect::<Vec<_>>().join(join)
        };
        let rows: Vec<HitRow> = match &mut self.tx.open {
            Open::Sqlite(tx, _) => {
                let words = each(|term| format!("\"{term}\"*"), " AND ");
                let asked = format!("tenant : \"{}\" AND words : ({words})", self.tenant.as_str());
                sqlx::query_as(SEARCH_ON_SQLITE)
                    .bind(self.tenant.as_str())
                    .bind(asked)
                    .bind(from)
                    .bind(until)
                    .bind(count)
                    .bind(skip)
                    .fetch_all(&mut **tx)
                    .await?
            }
            Open::Postgres(tx) => {
                sqlx::query_as(SEARCH_ON_POSTGRES)
                    .bind(self.tenant.as_str())
                    .bind(each(|term| format!("{term}:*"), " & "))
                    .bind(from)
                    .bind(until)
                    .bind(count)
                    .bind(skip)
                    .fetch_all(&mut **tx)
                    .await?
            }
        };
        rows.into_iter().map(Hit::try_from).collect()
    }
}
