//! Opening words that were spoken once and are kept as sound: which blob holds them.

use super::{Clips, Error, on, texts};
use crate::domain::{assistant::Language, id::AssistantId, time::Timestamp};

texts! {
    FIND = "SELECT blob FROM clips WHERE tenant_id = $1 AND assistant_id = $2 AND language = $3 AND words = $4";
    PUT = "INSERT INTO clips (tenant_id, assistant_id, language, words, blob, made_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, assistant_id, language) DO UPDATE SET words = excluded.words,
            blob = excluded.blob, made_at = excluded.made_at";
}

impl Clips<'_> {
    /// The blob that holds an assistant's opening in that language, if it holds these words: `words` is a digest
    /// of what is said and how.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn find(
        &mut self,
        assistant: &AssistantId,
        language: Language,
        words: &str,
    ) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = on!(self.tx, db => sqlx::query_as(FIND)
            .bind(self.tenant.as_str())
            .bind(assistant.as_str())
            .bind(language.code())
            .bind(words)
            .fetch_optional(db).await?);
        Ok(row.map(|(blob,)| blob))
    }

    /// Keeps which blob holds them, in place of the one before.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such assistant.
    pub async fn put(
        &mut self,
        assistant: &AssistantId,
        language: Language,
        words: &str,
        blob: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(assistant.as_str())
            .bind(language.code())
            .bind(words)
            .bind(blob)
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
