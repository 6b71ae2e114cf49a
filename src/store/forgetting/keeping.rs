//! What is kept for how long, what is known of somebody, and how a thing goes with everything that hangs on it.

use std::collections::BTreeSet;

use sqlx::FromRow;

use super::{
    super::{Error, Forgetting, on, rows, texts},
    HOLDINGS, Root,
};
use crate::domain::{
    forgetting::{Counts, Kept, Person, Retention},
    id::{AppointmentId, CallId, ContactId, MessageId},
    phone::E164,
    revision::{Revised, Revision},
    time::Timestamp,
};

/// How many things of one kind of somebody's are looked at in one go.
pub const AT_ONCE_MAX: u32 = 1_000;
/// How many rows of a table go in one transaction.
pub(super) const ROWS_AT_ONCE_MAX: u32 = 500;

texts! {
    RETENTION = "SELECT recordings, transcripts, messages, calls, appointments, contacts, by_caller, revision
        FROM retention WHERE tenant_id = $1";
    SET_RETENTION = "INSERT INTO retention (tenant_id, recordings, transcripts, messages, calls, appointments, contacts,
            by_caller, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 2)
        ON CONFLICT (tenant_id) DO UPDATE SET recordings = excluded.recordings, transcripts = excluded.transcripts,
            messages = excluded.messages, calls = excluded.calls, appointments = excluded.appointments,
            contacts = excluded.contacts, by_caller = excluded.by_caller, revision = retention.revision + 1";
    PURGE_AT = "UPDATE tenants SET purge_at = $2 WHERE id = $1";
    OLD_RECORDINGS = "SELECT id FROM calls WHERE tenant_id = $1 AND recording IS NOT NULL AND rang_at < $2
        AND outcome IS NOT NULL ORDER BY rang_at, id LIMIT $3";
    OLD_WORDS = "SELECT id FROM calls WHERE tenant_id = $1 AND NOT wordless AND rang_at < $2
        AND outcome IS NOT NULL ORDER BY rang_at, id LIMIT $3";
    OLD_SOUNDS = "SELECT id FROM messages WHERE tenant_id = $1 AND recording IS NOT NULL AND left_at < $2
        ORDER BY left_at, id LIMIT $3";
    OLD_MESSAGES = "SELECT id FROM messages WHERE tenant_id = $1 AND left_at < $2 ORDER BY left_at, id LIMIT $3";
    OLD_CALLS = "SELECT id FROM calls WHERE tenant_id = $1 AND rang_at < $2 AND outcome IS NOT NULL
        ORDER BY rang_at, id LIMIT $3";
    OLD_APPOINTMENTS = "SELECT id FROM appointments WHERE tenant_id = $1 AND starts_at < $2 AND ends_at < $2
        AND part_of IS NULL ORDER BY starts_at, id LIMIT $3";
    /// People of whom nothing else is kept.
    OLD_CONTACTS = "SELECT id FROM contacts c WHERE tenant_id = $1 AND created_at < $2
        AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM outgoing_calls o WHERE o.tenant_id = c.tenant_id AND o.contact_id = c.id
            AND o.contact_id IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM waiting_list w WHERE w.tenant_id = c.tenant_id AND w.contact_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM campaign_entries e WHERE e.tenant_id = c.tenant_id AND e.number = c.number
            AND e.contact_id = c.id AND e.state IN ('waiting', 'calling'))
        AND NOT EXISTS (SELECT 1 FROM contact_pins p WHERE p.tenant_id = c.tenant_id AND p.contact_id = c.id
            AND p.set_at >= $2)
        AND NOT EXISTS (SELECT 1 FROM calls k WHERE k.tenant_id = c.tenant_id AND k.from_number = c.number)
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = c.tenant_id AND m.number = c.number)
        ORDER BY created_at, id LIMIT $3";
    FORGET_OLD_OUTGOING = "DELETE FROM outgoing_calls WHERE (tenant_id, id) IN (
        SELECT tenant_id, id FROM outgoing_calls WHERE tenant_id = $1 AND created_at < $2
            AND (asked_at IS NULL OR asked_at < $2) AND state IN ('over', 'dropped') ORDER BY created_at, id LIMIT $3)";
    FORGET_OLD_ENTRIES = "DELETE FROM campaign_entries WHERE (tenant_id, id) IN (
        SELECT e.tenant_id, e.id FROM campaigns c
        JOIN campaign_entries e ON e.tenant_id = c.tenant_id AND e.campaign_id = c.id
        WHERE c.tenant_id = $1 AND c.created_at < $2 AND c.ended_at < $2 LIMIT $3)";
    FORGET_OLD_WAITING = "DELETE FROM waiting_list WHERE (tenant_id, id) IN (
        SELECT tenant_id, id FROM waiting_list WHERE tenant_id = $1 AND joined_at < $2 AND ended_at < $2
            ORDER BY joined_at, id LIMIT $3)";
    /// Whoever's last day has passed waits no more.
    END_PAST_WAITING = "UPDATE waiting_list SET state = 'over', ended_at = joined_at
        WHERE tenant_id = $1 AND state = 'waiting' AND last_day < $2";
    FORGET_TURNS = "DELETE FROM turns WHERE tenant_id = $1 AND call_id = $2";
    FORGET_IMPORTED = "DELETE FROM imported_turns WHERE tenant_id = $1 AND call_id = $2";
    FORGET_IMPORT = "DELETE FROM transcript_imports WHERE tenant_id = $1 AND call_id = $2";
    FORGET_TOOL_CALLS = "DELETE FROM tool_calls WHERE tenant_id = $1 AND call_id = $2";
    FORGET_SUMMARY = "DELETE FROM call_summaries WHERE tenant_id = $1 AND call_id = $2";
    WORDLESS = "UPDATE calls SET wordless = TRUE WHERE tenant_id = $1 AND id = $2";
    SILENCE = "UPDATE messages SET recording = NULL, recording_key = NULL, recording_sid = NULL, revision = revision + 1
        WHERE tenant_id = $1 AND id = $2";
    NUMBER_OF = "SELECT number FROM contacts WHERE tenant_id = $1 AND id = $2";
    CONTACTS_OF_NUMBER = "SELECT id FROM contacts WHERE tenant_id = $1 AND number = $2 ORDER BY id LIMIT $3";
    CALLS_FROM = "SELECT id FROM calls WHERE tenant_id = $1 AND from_number = $2 AND direction = 'inbound'
        ORDER BY rang_at, id LIMIT $3";
    CALLS_TO = "SELECT call_id FROM outgoing_calls WHERE tenant_id = $1 AND to_number = $2 AND call_id IS NOT NULL LIMIT $3";
    MESSAGES_OF_NUMBER = "SELECT id FROM messages WHERE tenant_id = $1 AND number = $2 LIMIT $3";
    CALLS_OF_MESSAGES = "SELECT call_id FROM messages WHERE tenant_id = $1 AND number = $2 AND call_id IS NOT NULL LIMIT $3";
    APPOINTMENTS_OF_CONTACT = "SELECT id FROM appointments WHERE tenant_id = $1 AND contact_id = $2 AND part_of IS NULL
        ORDER BY starts_at, id LIMIT $3";
    CALLS_OF_APPOINTMENTS = "SELECT call_id FROM appointments WHERE tenant_id = $1 AND contact_id = $2
        AND call_id IS NOT NULL LIMIT $3";
    CALLS_TO_CONTACT = "SELECT call_id FROM outgoing_calls WHERE tenant_id = $1 AND contact_id = $2
        AND call_id IS NOT NULL LIMIT $3";
    MESSAGES_OF_CALL = "SELECT id FROM messages WHERE tenant_id = $1 AND call_id = $2 LIMIT $3";
    /// Attempts of which Twilio may still tell something.
    BEING_CALLED = "SELECT COUNT(*) FROM outgoing_calls WHERE tenant_id = $1 AND to_number = $2
        AND state IN ('dialling', 'placed')";
    BEING_WORKED_ON = "SELECT COUNT(*) FROM jobs WHERE tenant_id = $1 AND subject = $2 AND leased_until > $3";
}

/// What is known of somebody, by id: where to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Who they are.
    pub contacts: BTreeSet<ContactId>,
    /// Calls with them, or about an appointment of theirs.
    pub calls: BTreeSet<CallId>,
    /// Messages they left.
    pub messages: BTreeSet<MessageId>,
    /// Their appointments.
    pub appointments: BTreeSet<AppointmentId>,
    /// Their number.
    pub number: Option<E164>,
    /// Whether they are being called.
    pub being_called: bool,
}

impl Known {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
            && self.calls.is_empty()
            && self.messages.is_empty()
            && self.appointments.is_empty()
            && !self.being_called
    }
}

#[derive(FromRow)]
struct RetentionRow {
    recordings: i64,
    transcripts: i64,
    messages: i64,
    calls: i64,
    appointments: i64,
    contacts: i64,
    by_caller: String,
    revision: i64,
}

impl Forgetting<'_> {
    /// For how long what is kept: as usual where nobody has said otherwise.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn retention(&mut self) -> Result<Revised<Retention>, Error> {
        let row: Option<RetentionRow> = on!(self.tx, db => {
            sqlx::query_as(RETENTION).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        let Some(row) = row else {
            return Ok(Revised { item: Retention::default(), revision: Revision(1) });
        };
        let days = |column| rows::whole(column, "retention");
        let item = Retention {
            recordings: days(row.recordings)?,
            transcripts: days(row.transcripts)?,
            messages: days(row.messages)?,
            calls: days(row.calls)?,
            appointments: days(row.appointments)?,
            contacts: days(row.contacts)?,
            by_caller: rows::text(&row.by_caller, "retention.by_caller")?,
        };
        Ok(Revised { item, revision: Revision(row.revision) })
    }

    /// Says for how long what is kept.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn set_retention(&mut self, wanted: &Retention) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(SET_RETENTION)
            .bind(self.tenant.as_str())
            .bind(i64::from(wanted.recordings))
            .bind(i64::from(wanted.transcripts))
            .bind(i64::from(wanted.messages))
            .bind(i64::from(wanted.calls))
            .bind(i64::from(wanted.appointments))
            .bind(i64::from(wanted.contacts))
            .bind(wanted.by_caller.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Says when it is next looked what has been kept for long enough.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn purge_at(&mut self, at: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(PURGE_AT)
            .bind(self.tenant.as_str())
            .bind(at.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Ids of what is older than `before`, the oldest first, at most `count_max`: calls for their recordings, words and
    /// themselves, else the things.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn old(&mut self, kind: Kept, before: Timestamp, count_max: u32) -> Result<Vec<String>, Error> {
        let text = match kind {
            Kept::Recordings => OLD_RECORDINGS,
            Kept::Transcripts => OLD_WORDS,
            Kept::Messages => OLD_MESSAGES,
            Kept::Calls => OLD_CALLS,
            Kept::Appointments => OLD_APPOINTMENTS,
            Kept::Contacts => OLD_CONTACTS,
        };
        self.aged(text, before, count_max).await
    }

    /// Messages whose sound is older than `before`, at most `count_max`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn old_sounds(&mut self, before: Timestamp, count_max: u32) -> Result<Vec<String>, Error> {
        self.aged(OLD_SOUNDS, before, count_max).await
    }

    async fn aged(
        &mut self,
        text: &'static str,
        before: Timestamp,
        count_max: u32,
    ) -> Result<Vec<String>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(before.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Forgets attempts older than `before` that are over, and whom campaigns called that were over by then, at most
    /// [`ROWS_AT_ONCE_MAX`] of each; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_old_attempts(&mut self, before: Timestamp) -> Result<u64, Error> {
        Ok(self.forget_old(FORGET_OLD_OUTGOING, before).await?
            + self.forget_old(FORGET_OLD_ENTRIES, before).await?)
    }

    /// Forgets who has waited, at most [`ROWS_AT_ONCE_MAX`]; how many.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_old_waiting(&mut self, before: Timestamp) -> Result<u64, Error> {
        let day = before.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
        on!(self.tx, db => sqlx::query(END_PAST_WAITING)
            .bind(self.tenant.as_str())
            .bind(day.as_str())
            .execute(db).await.map(drop)?);
        self.forget_old(FORGET_OLD_WAITING, before).await
    }

    async fn forget_old(&mut self, text: &'static str, before: Timestamp) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(text)
            .bind(self.tenant.as_str())
            .bind(before.0)
            .bind(i64::from(ROWS_AT_ONCE_MAX))
            .execute(db).await?.rows_affected()))
    }

    /// Forgets the words of a call, which itself stays.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_words(&mut self, call: &CallId) -> Result<Counts, Error> {
        let mut counts = Counts::new();
        for (table, text) in [
            ("turns", FORGET_TURNS),
            ("imported_turns", FORGET_IMPORTED),
            ("transcript_imports", FORGET_IMPORT),
            ("tool_calls", FORGET_TOOL_CALLS),
            ("call_summaries", FORGET_SUMMARY),
        ] {
            add(&mut counts, table, self.about(text, call.as_str()).await?);
        }
        self.about(WORDLESS, call.as_str()).await?;
        Ok(counts)
    }

    /// Forgets where a message's sound lies, and what opens it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn silence(&mut self, message: &MessageId) -> Result<(), Error> {
        self.about(SILENCE, message.as_str()).await.map(drop)
    }

    /// Forgets a thing and everything that hangs on it, in every table; how many rows went of which.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget(&mut self, root: Root, id: &str) -> Result<Counts, Error> {
        let mut counts = Counts::new();
        for holding in HOLDINGS {
            for piece in holding.pieces.iter().filter(|piece| piece.root == root) {
                let count = self.about(piece.forget, id).await?;
                if piece.goes {
                    add(&mut counts, holding.table, count);
                }
            }
        }
        Ok(counts)
    }

    async fn about(&mut self, text: &'static str, id: &str) -> Result<u64, Error> {
        Ok(on!(self.tx, db => sqlx::query(text)
            .bind(self.tenant.as_str())
            .bind(id)
            .execute(db).await?.rows_affected()))
    }

    /// Whether somebody is working on that thing.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn being_worked_on(&mut self, id: &str, now: Timestamp) -> Result<bool, Error> {
        let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(BEING_WORKED_ON)
            .bind(self.tenant.as_str())
            .bind(id)
            .bind(now.0)
            .fetch_one(db).await?);
        Ok(count > 0)
    }

    /// What is known of somebody, as far as [`AT_ONCE_MAX`] things of a kind.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn known(&mut self, person: &Person) -> Result<Known, Error> {
        let mut known = Known::default();
        match person {
            Person::Number(number) => known.number = Some(number.clone()),
            Person::Contact(contact) => {
                let rows: Option<(Option<String>,)> = on!(self.tx, db => sqlx::query_as(NUMBER_OF)
                    .bind(self.tenant.as_str())
                    .bind(contact.as_str())
                    .fetch_optional(db).await?);
                if let Some((number,)) = rows {
                    known.contacts.insert(contact.clone());
                    known.number = rows::maybe(number.as_deref(), "contacts.number")?;
                }
            }
        }
        if let Some(number) = known.number.clone() {
            let number = number.as_str();
            if matches!(person, Person::Number(_)) {
                known.contacts.extend(self.ids(CONTACTS_OF_NUMBER, number).await?);
            }
            for text in [CALLS_FROM, CALLS_TO, CALLS_OF_MESSAGES] {
                known.calls.extend(self.ids(text, number).await?);
            }
            known.messages.extend(self.ids(MESSAGES_OF_NUMBER, number).await?);
            let (count,): (i64,) = on!(self.tx, db => sqlx::query_as(BEING_CALLED)
                .bind(self.tenant.as_str())
                .bind(number)
                .fetch_one(db).await?);
            known.being_called = count > 0;
        }
        for contact in known.contacts.clone() {
            let contact = contact.as_str();
            known.appointments.extend(self.ids(APPOINTMENTS_OF_CONTACT, contact).await?);
            for text in [CALLS_OF_APPOINTMENTS, CALLS_TO_CONTACT] {
                known.calls.extend(self.ids(text, contact).await?);
            }
        }
        for call in known.calls.clone() {
            known.messages.extend(self.ids(MESSAGES_OF_CALL, call.as_str()).await?);
        }
        Ok(known)
    }

    async fn ids<T: std::str::FromStr>(&mut self, text: &'static str, of: &str) -> Result<Vec<T>, Error> {
        let rows: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(text)
            .bind(self.tenant.as_str())
            .bind(of)
            .bind(i64::from(AT_ONCE_MAX))
            .fetch_all(db).await?);
        rows.into_iter().map(|(id,)| rows::text(&id, "an id")).collect()
    }
}

/// Adds to what went of a table.
pub(super) fn add(counts: &mut Counts, table: &str, count: u64) {
    if count > 0 {
        *counts.entry(table.to_owned()).or_default() += count;
    }
}
