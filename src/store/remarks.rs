//! What a tenant's team writes on its calls.

use super::{Calls, Error, on, rows, texts};
use crate::domain::{
    id::CallId,
    remarks::{Remarks, Tag},
    revision::{Revised, Revision},
};

texts! {
    GET = "SELECT note, tags, note_revision FROM calls WHERE tenant_id = $1 AND id = $2";
    PUT = "UPDATE calls SET note = $3, tags = $4, note_revision = note_revision + 1 WHERE tenant_id = $1 AND id = $2";
    UNTAG = "DELETE FROM call_tags WHERE tenant_id = $1 AND call_id = $2";
    TAG = "INSERT INTO call_tags (tenant_id, call_id, tag, at)
        SELECT tenant_id, id, $3, rang_at FROM calls WHERE tenant_id = $1 AND id = $2";
    TAGS = "SELECT DISTINCT tag FROM call_tags WHERE tenant_id = $1 ORDER BY tag LIMIT $2";
}

const TAGS_COLUMN: &str = "calls.tags";

/// Tags as they stand with their call.
pub(super) fn tags(column: &str) -> Result<Vec<Tag>, Error> {
    let words: Vec<String> = rows::json(column, TAGS_COLUMN)?;
    words.iter().map(|words| rows::text(words, TAGS_COLUMN)).collect()
}

impl Calls<'_> {
    /// What stands on a call, and in which state.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remarks(&mut self, call: &CallId) -> Result<Option<Revised<Remarks>>, Error> {
        let row: Option<(String, String, i64)> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .fetch_optional(db).await?);
        let Some((note, words, revision)) = row else { return Ok(None) };
        Ok(Some(Revised { item: Remarks { note, tags: tags(&words)? }, revision: Revision(revision) }))
    }

    /// Keeps what stands on a call.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_remarks(&mut self, call: &CallId, remarks: &Remarks) -> Result<(), Error> {
        let words: Vec<&str> = remarks.tags.iter().map(Tag::as_str).collect();
        let words = rows::to_json(&words, TAGS_COLUMN)?;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .bind(remarks.note.as_str())
            .bind(words.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(UNTAG)
            .bind(self.tenant.as_str())
            .bind(call.as_str())
            .execute(db).await.map(drop)?);
        for tag in &remarks.tags {
            on!(self.tx, db => sqlx::query(TAG)
                .bind(self.tenant.as_str())
                .bind(call.as_str())
                .bind(tag.as_str())
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }

    /// The tags that stand on any call, in their order, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn tags_in_use(&mut self, count_max: u32) -> Result<Vec<Tag>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(TAGS)
            .bind(self.tenant.as_str())
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.iter().map(|(tag,)| rows::text(tag, "call_tags.tag")).collect()
    }
}
