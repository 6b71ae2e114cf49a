//! Drafts of assistants: changes that only test calls hear. An assistant has one at most.

use sqlx::FromRow;

use super::{Assistants, Error, assistants::VersionForm, on, texts};
use crate::domain::{
    assistant::{Assistant, AssistantDraft},
    id::AssistantId,
    revision::Revision,
    time::Timestamp,
};

texts! {
    DRAFT = "SELECT document, base, number, changed_at, changed_by FROM assistant_drafts
        WHERE tenant_id = $1 AND assistant_id = $2";
    COUNT_DRAFT = "UPDATE assistants SET drafts = drafts + 1 WHERE tenant_id = $1 AND id = $2";
    PUT_DRAFT = "INSERT INTO assistant_drafts (tenant_id, assistant_id, document, base, number, changed_at, changed_by)
        VALUES ($1, $2, $3, $4, (SELECT drafts FROM assistants WHERE tenant_id = $1 AND id = $2), $5, $6)
        ON CONFLICT (tenant_id, assistant_id) DO UPDATE SET document = excluded.document, number = excluded.number,
            changed_at = excluded.changed_at, changed_by = excluded.changed_by";
    REMOVE_DRAFT = "DELETE FROM assistant_drafts WHERE tenant_id = $1 AND assistant_id = $2";
}

#[derive(FromRow)]
struct DraftRow {
    document: String,
    base: i64,
    number: i64,
    changed_at: i64,
    changed_by: String,
}

impl Assistants<'_> {
    /// The draft of an assistant, if it has one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn draft(&mut self, id: &AssistantId) -> Result<Option<AssistantDraft>, Error> {
        let row: Option<DraftRow> = on!(self.tx, db => sqlx::query_as(DRAFT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        let Some(row) = row else { return Ok(None) };
        Ok(Some(AssistantDraft {
            number: Revision(row.number),
            base: Revision(row.base),
            changed: Timestamp(row.changed_at),
            by: row.changed_by,
            assistant: VersionForm::read(&row.document, "assistant_drafts.document")?,
        }))
    }

    /// Keeps a draft, begun from the version `base` if it is new, as changed at `at` by `by`.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such assistant.
    pub async fn put_draft(
        &mut self,
        wanted: &Assistant,
        base: Revision,
        at: Timestamp,
        by: &str,
    ) -> Result<(), Error> {
        let document = VersionForm::write(wanted, "assistant_drafts.document")?;
        on!(self.tx, db => sqlx::query(COUNT_DRAFT)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(PUT_DRAFT)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(document.as_str())
            .bind(base.0)
            .bind(at.0)
            .bind(by)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Gives a draft up; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove_draft(&mut self, id: &AssistantId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE_DRAFT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
