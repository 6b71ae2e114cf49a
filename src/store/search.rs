//! Looking for words in what was said in a tenant's calls.
//!
//! The index is the database's own, kept by triggers: FTS5 on SQLite, a `tsvector` on PostgreSQL. Either way a turn that goes takes
//! its place in the index with it. The words in it are those that were heard.

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
    /// What the wall of `turn_words` lets through until the transaction ends: `0035_words.sql` says why. The tenant is a word here too.
    @postgres LOOK_FOR = "SELECT set_config('app.words',
        CAST(CAST(quote_literal('=' || $1) AS TSQUERY) && to_tsquery('simple', $2) AS TEXT), true)";
    /// What is said often is found soon among the latest calls, and would be found much too often by the index.
    @postgres SEARCH_LATEST = "SELECT c.id AS call_id, COALESCE(t.ordinal, m.ordinal) AS ordinal, COALESCE(t.speaker, m.speaker) AS speaker,
            COALESCE(t.began_ms, m.began_ms) AS began_ms, COALESCE(t.heard_text, m.text) AS heard_text, c.rang_at,
            w.turn IS NULL AS imported
        FROM (SELECT id, rang_at FROM calls WHERE tenant_id = $1 AND rang_at >= $2 AND rang_at < $3
            ORDER BY rang_at DESC, id DESC LIMIT $4) AS c
        CROSS JOIN LATERAL (SELECT turn, imported_turn FROM turn_words
            WHERE tenant_id = $1 AND call_id = c.id AND words @@ CAST(current_setting('app.words', true) AS TSQUERY) OFFSET 0) AS w
        LEFT JOIN turns t ON t.tenant_id = $1 AND t.call_id = c.id AND t.ordinal = w.turn
        LEFT JOIN imported_turns m ON m.tenant_id = $1 AND m.call_id = c.id AND m.ordinal = w.imported_turn
        ORDER BY c.rang_at DESC, c.id DESC, w.turn IS NULL, COALESCE(w.turn, w.imported_turn) DESC LIMIT $5 OFFSET $6";
    /// What is said seldom the index finds at once, however long ago it was.
    @postgres SEARCH_ALL = "WITH found AS MATERIALIZED (SELECT call_id, turn, imported_turn FROM turn_words
            WHERE tenant_id = $1 AND words @@ CAST(current_setting('app.words', true) AS TSQUERY)),
        wanted AS MATERIALIZED (SELECT f.call_id, f.turn, f.imported_turn, c.rang_at
            FROM found f JOIN calls c ON c.tenant_id = $1 AND c.id = f.call_id
            WHERE c.rang_at >= $2 AND c.rang_at < $3
            ORDER BY c.rang_at DESC, f.call_id DESC, f.turn IS NULL, COALESCE(f.turn, f.imported_turn) DESC LIMIT $4 OFFSET $5)
        SELECT w.call_id, COALESCE(t.ordinal, m.ordinal) AS ordinal, COALESCE(t.speaker, m.speaker) AS speaker,
            COALESCE(t.began_ms, m.began_ms) AS began_ms, COALESCE(t.heard_text, m.text) AS heard_text, w.rang_at,
            w.turn IS NULL AS imported
        FROM wanted w
        LEFT JOIN turns t ON t.tenant_id = $1 AND t.call_id = w.call_id AND t.ordinal = w.turn
        LEFT JOIN imported_turns m ON m.tenant_id = $1 AND m.call_id = w.call_id AND m.ordinal = w.imported_turn
        ORDER BY w.rang_at DESC, w.call_id DESC, w.turn IS NULL, COALESCE(w.turn, w.imported_turn) DESC";
}

/// How many of the latest calls are looked through on PostgreSQL before its index of words is asked.
const LATEST_CALLS: i64 = 250;

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
                sqlx::query(LOOK_FOR)
                    .bind(self.tenant.as_str())
                    .bind(each(|term| format!("{term}:*"), " & "))
                    .execute(&mut **tx)
                    .await?;
                let latest: Vec<HitRow> = sqlx::query_as(SEARCH_LATEST)
                    .bind(self.tenant.as_str())
                    .bind(from)
                    .bind(until)
                    .bind(LATEST_CALLS)
                    .bind(count)
                    .bind(skip)
                    .fetch_all(&mut **tx)
                    .await?;
                if i64::try_from(latest.len()).is_ok_and(|found| found == count) {
                    latest
                } else {
                    sqlx::query_as(SEARCH_ALL)
                        .bind(self.tenant.as_str())
                        .bind(from)
                        .bind(until)
                        .bind(count)
                        .bind(skip)
                        .fetch_all(&mut **tx)
                        .await?
                }
            }
        };
        rows.into_iter().map(Hit::try_from).collect()
    }
}
