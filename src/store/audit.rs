//! Who changed what: one chain of entries for each tenant.
//!
//! An entry's hash covers its own words and the hash before it, so that an entry that was altered, taken out or put
//! between others shows ([`Audit::verify`]). Entries are added in the transaction of the change they tell of, and
//! never changed. What may stand in an entry is decided by whoever adds it.

use aws_lc_rs::digest;
use sqlx::FromRow;

use super::{
    Audit, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{id::TenantId, time::Timestamp};

/// How many entries are read at once when a chain is verified.
const VERIFY_AT_ONCE: i64 = 1_000;

macro_rules! columns {
    () => {
        "ordinal, at, actor, action, subject, changes, hash"
    };
}

texts! {
    /// Rivals wait here for each other: the row is locked until the transaction ends.
    HEAD = "INSERT INTO audit_heads (tenant_id, ordinal, hash) VALUES ($1, 1, '')
        ON CONFLICT (tenant_id) DO UPDATE SET ordinal = audit_heads.ordinal + 1
        RETURNING ordinal, hash";
    SET_HEAD = "UPDATE audit_heads SET hash = $2 WHERE tenant_id = $1";
    ADD = concat!("INSERT INTO audit_entries (tenant_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    PAGE = concat!("SELECT ", columns!(), " FROM audit_entries WHERE tenant_id = $1 AND ordinal < $2
        ORDER BY ordinal DESC LIMIT $3");
    PAGE_OF_SUBJECT = concat!("SELECT ", columns!(), " FROM audit_entries WHERE tenant_id = $1 AND ordinal < $2
        AND subject = $4 ORDER BY ordinal DESC LIMIT $3");
    PAGE_OF_ACTOR = concat!("SELECT ", columns!(), " FROM audit_entries WHERE tenant_id = $1 AND ordinal < $2
        AND actor = $4 ORDER BY ordinal DESC LIMIT $3");
    FROM = concat!("SELECT ", columns!(), " FROM audit_entries WHERE tenant_id = $1 AND ordinal > $2
        ORDER BY ordinal LIMIT $3");
    END = "SELECT ordinal, hash FROM audit_heads WHERE tenant_id = $1";
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the chain, from 1.
    pub ordinal: i64,
    /// When.
    pub at: Timestamp,
    /// Who: an id, or a word for a part of the system.
    pub actor: String,
    /// What was done, such as `service.changed`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// What was before and after, as JSON.
    pub changes: String,
    /// Over all of the above and the hash before, in hexadecimal digits.
    pub hash: String,
}

impl AuditEntry {
    /// The hash this entry must have after `previous`. Every part is preceded by its length, so that no two entries
    /// read the same.
    fn hash_after(&self, tenant: &TenantId, previous: &str) -> String {
        let mut digest = digest::Context::new(&digest::SHA256);
        let (ordinal, at) = (self.ordinal.to_string(), self.at.0.to_string());
        for part in [
            previous,
            tenant.as_str(),
            &ordinal,
            &at,
            &self.actor,
            &self.action,
            &self.subject,
            &self.changes,
        ] {
            digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditFilter {
    /// All.
    #[default]
    All,
    /// Those about one thing, by id.
    Subject(String),
    /// Those of one actor.
    Actor(String),
}

/// Where a chain does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The first entry that is not as it was written, or is missing.
    pub ordinal: i64,
}

#[derive(FromRow)]
struct EntryRow {
    ordinal: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    changes: String,
    hash: String,
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        Ok(Self {
            ordinal: row.ordinal,
            at: Timestamp(row.at),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            changes: row.changes,
            hash: row.hash,
        })
    }
}

impl Audit<'_> {
    /// Adds an entry to the chain. Whoever else adds one waits until this transaction ends.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such tenant.
    pub async fn add(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &str,
        subject: &str,
        changes: &serde_json::Value,
    ) -> Result<(), Error> {
        let (ordinal, previous): (i64, String) = on!(self.tx, db => {
            sqlx::query_as(HEAD).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        let mut entry = AuditEntry {
            ordinal,
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            changes: rows::to_json(changes, "audit_entries.changes")?,
            hash: String::new(),
        };
        entry.hash = entry.hash_after(self.tenant, &previous);
        on!(self.tx, db => sqlx::query(ADD)
            .bind(self.tenant.as_str())
            .bind(entry.ordinal)
            .bind(entry.at.0)
            .bind(entry.actor.as_str())
            .bind(entry.action.as_str())
            .bind(entry.subject.as_str())
            .bind(entry.changes.as_str())
            .bind(entry.hash.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(SET_HEAD)
            .bind(self.tenant.as_str())
            .bind(entry.hash.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The entries, latest first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        filter: &AuditFilter,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<AuditEntry>, Error> {
        let before = after.map_or(i64::MAX, |place| place.at);
        let (text, wanted) = match filter {
            AuditFilter::All => (PAGE, None),
            AuditFilter::Subject(id) => (PAGE_OF_SUBJECT, Some(id)),
            AuditFilter::Actor(id) => (PAGE_OF_ACTOR, Some(id)),
        };
        let rows: Vec<EntryRow> = on!(self.tx, db => {
            let query = sqlx::query_as(text)
                .bind(self.tenant.as_str())
                .bind(before)
                .bind(page::fetch(count_max));
            let query = match wanted {
                Some(wanted) => query.bind(wanted.as_str()),
                None => query,
            };
            query.fetch_all(db).await?
        });
        page::of(rows, count_max, |entry: &AuditEntry| Place { at: entry.ordinal, id: String::new() })
    }

    /// Reads the whole chain and computes every hash again; how many entries it has, or where it breaks.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn verify(&mut self) -> Result<Result<i64, Broken>, Error> {
        let (mut last, mut previous) = (0, String::new());
        loop {
            let rows: Vec<EntryRow> = on!(self.tx, db => sqlx::query_as(FROM)
                .bind(self.tenant.as_str())
                .bind(last)
                .bind(VERIFY_AT_ONCE)
                .fetch_all(db).await?);
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let entry = AuditEntry::try_from(row)?;
                let follows = entry.ordinal == last + 1;
                if !follows || entry.hash != entry.hash_after(self.tenant, &previous) {
                    return Ok(Err(Broken { ordinal: last + 1 }));
                }
                (last, previous) = (entry.ordinal, entry.hash);
            }
        }
        let end: Option<(i64, String)> = on!(self.tx, db => {
            sqlx::query_as(END).bind(self.tenant.as_str()).fetch_optional(db).await?
        });
        // Entries cut off at the end leave a head that says there were more.
        if end.unwrap_or_default() != (last, previous) {
            return Ok(Err(Broken { ordinal: last + 1 }));
        }
        Ok(Ok(last))
    }
}
