//! Calls from a browser: their mark, the line they come in on, and what goes when they are over.

use sqlx::FromRow;

use super::{Calls, Error, NewCall, Open, on, texts};
use crate::{
    domain::{
        id::{CallId, NumberId},
        phone::E164,
        revision::Revision,
        time::Timestamp,
    },
    store::rows,
};

/// What stands in the list of numbers for the line from browsers. No network has numbers that begin so, it was given
/// back at the beginning of time, and nobody is shown it.
const LINE: &str = "+999000000000000";

texts! {
    LINE_OF = "SELECT id FROM numbers WHERE tenant_id = $1 AND number = $2 AND released_at = 0";
    LAY = "INSERT INTO numbers (tenant_id, id, number, language, released_at) VALUES ($1, $2, $3, 'en', 0)";
    MARK = "UPDATE calls SET test = $3, assistant_draft = $4 WHERE tenant_id = $1 AND id = $2";
    KEEP = "UPDATE calls SET kept_at = $3 WHERE tenant_id = $1 AND id = $2 AND test AND outcome IS NULL
        AND kept_at IS NULL";
    UNDER_TEST = "SELECT test, kept_at, outcome FROM calls WHERE tenant_id = $1 AND id = $2";
    /// Whoever ends the call, or says that what it makes is to stay, waits until what is being made is made.
    @postgres UNDER_TEST_LOCKED = "SELECT test, kept_at, outcome FROM calls WHERE tenant_id = $1 AND id = $2 FOR SHARE";
    CONTACTS = "SELECT DISTINCT contact_id FROM appointments WHERE tenant_id = $1 AND call_id = $2
        AND contact_id IS NOT NULL";
    /// Somebody the call was told of, and nobody else has to do with.
    FORGET_CONTACT = "DELETE FROM contacts WHERE tenant_id = $1 AND id = $2 AND created_at >= $3
        AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.tenant_id = $1 AND a.contact_id = $2)
        AND NOT EXISTS (SELECT 1 FROM outgoing_calls o WHERE o.tenant_id = $1 AND o.contact_id = $2)
        AND NOT EXISTS (SELECT 1 FROM campaign_entries e WHERE e.tenant_id = $1 AND e.contact_id = $2)
        AND NOT EXISTS (SELECT 1 FROM waiting_list w WHERE w.tenant_id = $1 AND w.contact_id = $2)";
    FORGET_APPOINTMENTS = "DELETE FROM appointments WHERE tenant_id = $1 AND call_id = $2";
    FORGET_MESSAGES = "DELETE FROM messages WHERE tenant_id = $1 AND call_id = $2";
}

impl Calls<'_> {
    /// The line on which calls from browsers come in; `new` is its id when there is none yet.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn line(&mut self, new: NumberId) -> Result<(NumberId, E164), Error> {
        let number: E164 = rows::text(LINE, "numbers.number")?;
        let there: Option<(String,)> = on!(self.tx, db => sqlx::query_as(LINE_OF)
            .bind(self.tenant.as_str())
            .bind(LINE)
            .fetch_optional(db).await?);
        if let Some((id,)) = there {
            return Ok((rows::text(&id, "numbers.id")?, number));
        }
        on!(self.tx, db => sqlx::query(LAY)
            .bind(self.tenant.as_str())
            .bind(new.as_str())
            .bind(LINE)
            .execute(db).await.map(drop)?);
        Ok((new, number))
    }

    /// Keeps a call from a browser that rings, and which state of its assistant's draft it runs, if it runs one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when the assistant does not exist.
    pub async fn ring_test(
        &mut self,
        new: &NewCall,
        draft: Option<Revision>,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.ring(new, now).await?;
        self.mark_test(&new.id, draft).await
    }

    /// Marks a call as a test call, with the state of its assistant's draft that it runs, if it runs one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn mark_test(&mut self, id: &CallId, draft: Option<Revision>) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(MARK)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(true)
            .bind(draft.map(|draft| draft.0))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that what a test call makes is to stay; whether that changes anything: the call is one, is not over and
    /// was not told so before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn keep_test(&mut self, id: &CallId, now: Timestamp) -> Result<bool, Error> {
        let kept = on!(self.tx, db => sqlx::query(KEEP)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await?.rows_affected());
        Ok(kept == 1)
    }

    /// Whether a call is a test call, and where it stands. It stands so until the transaction is over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn under_test(&mut self, id: &CallId) -> Result<UnderTest, Error> {
        let row: Option<UnderTestRow> = match &mut self.tx.open {
            Open::Postgres(tx) => {
                let query = sqlx::query_as(UNDER_TEST_LOCKED).bind(self.tenant.as_str()).bind(id.as_str());
                query.fetch_optional(&mut **tx).await?
            }
            Open::Sqlite(tx, _) => {
                let query = sqlx::query_as(UNDER_TEST).bind(self.tenant.as_str()).bind(id.as_str());
                query.fetch_optional(&mut **tx).await?
            }
        };
        let row = row.unwrap_or_default();
        Ok(UnderTest { test: row.test, kept: row.kept_at.is_some(), over: row.outcome.is_some() })
    }

    /// Removes the appointments and messages that a call made, and the people it was told of since it rang.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn unmake(&mut self, id: &CallId, rang: Timestamp) -> Result<(), Error> {
        let people: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(CONTACTS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_all(db).await?);
        for text in [FORGET_APPOINTMENTS, FORGET_MESSAGES] {
            on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .execute(db).await.map(drop)?);
        }
        for (contact,) in people {
            on!(self.tx, db => sqlx::query(FORGET_CONTACT)
                .bind(self.tenant.as_str())
                .bind(contact.as_str())
                .bind(rang.0)
                .execute(db).await.map(drop)?);
        }
        Ok(())
    }
}

#[derive(Default, FromRow)]
struct UnderTestRow {
    test: bool,
    kept_at: Option<i64>,
    outcome: Option<String>,
}

/// Where a call stands, as far as tests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderTest {
    /// Whether it is a test call.
    pub test: bool,
    /// Whether what it makes is to stay.
    pub kept: bool,
    /// Whether it is over.
    pub over: bool,
}

impl UnderTest {
    /// Whether what it makes goes when it is over, and nobody outside is told of it.
    pub fn leaves_nothing(self) -> bool {
        self.test && !self.kept
    }
}
