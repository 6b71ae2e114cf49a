//! People and tenants that are to be forgotten, and copies of what is known.

use sqlx::FromRow;

use super::super::{
    Across, Error, Forgetting, TenantErasures, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    forgetting::{Counts, Erasure, ErasureState, Export, ExportOf, Person, TenantErasure},
    id::{ContactId, ErasureId, ExportId, TenantErasureId, TenantId},
    phone::E164,
    time::Timestamp,
};

macro_rules! erasure {
    () => {
        "id, number, contact_id, digits, state, asked_by, asked_at, approved_by, ended_at, counts"
    };
}

macro_rules! export {
    () => {
        "id, whole, number, contact_id, asked_by, asked_at, done_at, expires_at, length, counts"
    };
}

texts! {
    ADD_ERASURE = concat!("INSERT INTO erasures (tenant_id, ", erasure!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    ERASURE = concat!("SELECT ", erasure!(), " FROM erasures WHERE tenant_id = $1 AND id = $2");
    PAGE_OF_ERASURES = concat!("SELECT ", erasure!(), " FROM erasures WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    MOVE_ERASURE = "UPDATE erasures SET state = $3, approved_by = $4 WHERE tenant_id = $1 AND id = $2 AND state = $5";
    FORGET_WHOM = "UPDATE erasures SET number = NULL, contact_id = NULL
        WHERE tenant_id = $1 AND id = $2 AND state = 'running'";
    END_ERASURE = "UPDATE erasures SET state = $3, ended_at = $4, approved_by = $5, number = NULL, contact_id = NULL
        WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL";
    COUNT_ERASURE = "UPDATE erasures SET counts = $3 WHERE tenant_id = $1 AND id = $2";
    ASKED_ALREADY = concat!("SELECT ", erasure!(), " FROM erasures WHERE tenant_id = $1 AND number = $2
        AND state IN ('requested', 'running') ORDER BY id LIMIT 1");
    RUNNING_ERASURES = "SELECT e.tenant_id, e.id FROM erasures e WHERE e.state = 'running' AND e.asked_at <= $1 AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.tenant_id = e.tenant_id AND j.kind = 'erase' AND j.subject = e.id
            AND j.state = 'waiting') ORDER BY e.asked_at LIMIT 100";
    ADD_EXPORT = "INSERT INTO exports (tenant_id, id, whole, number, contact_id, state, asked_by, asked_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8)";
    EXPORT = concat!("SELECT ", export!(), " FROM exports WHERE tenant_id = $1 AND id = $2");
    PAGE_OF_EXPORTS = concat!("SELECT ", export!(), " FROM exports WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    EXPORT_KEY = "SELECT key FROM exports WHERE tenant_id = $1 AND id = $2";
    END_EXPORT = "UPDATE exports SET state = 'done', done_at = $3, key = $4, length = $5, counts = $6
        WHERE tenant_id = $1 AND id = $2";
    REMOVE_EXPORT = "DELETE FROM exports WHERE tenant_id = $1 AND id = $2";
    EXPORTS_HOLDING = "SELECT id FROM exports WHERE tenant_id = $1 AND (whole OR number = $2 OR contact_id = $3)";
    EXPORTS_OF_TENANT = "SELECT id FROM exports WHERE tenant_id = $1";
    EXPIRED_EXPORTS = "SELECT tenant_id, id FROM exports WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100";
    RUNNING_EXPORTS = "SELECT e.tenant_id, e.id FROM exports e WHERE e.state = 'running' AND e.asked_at <= $1 AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.tenant_id = e.tenant_id AND j.kind = 'export' AND j.subject = e.id
            AND j.state = 'waiting') ORDER BY e.asked_at LIMIT 100";
    TO_PURGE = "SELECT id, purge_at FROM tenants WHERE purge_at <= $1 ORDER BY purge_at LIMIT $2";
    ADD_TENANT_ERASURE = "INSERT INTO tenant_erasures (id, whose, state, asked_by, asked_at)
        VALUES ($1, $2, 'running', $3, $4)";
    TENANT_ERASURE = "SELECT id, whose, asked_by, asked_at, ended_at, counts FROM tenant_erasures WHERE id = $1";
    PAGE_OF_TENANT_ERASURES = "SELECT id, whose, asked_by, asked_at, ended_at, counts FROM tenant_erasures WHERE id > $1
        ORDER BY id LIMIT $2";
    COUNT_TENANT_ERASURE = "UPDATE tenant_erasures SET counts = $2 WHERE id = $1";
    END_TENANT_ERASURE = "UPDATE tenant_erasures SET state = 'done', ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    RUNNING_TENANT_ERASURES = "SELECT e.whose, e.id FROM tenant_erasures e WHERE e.state = 'running' AND e.asked_at <= $1
        AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = e.whose) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.tenant_id = e.whose AND j.kind = 'erase_tenant' AND j.subject = e.id
            AND j.state = 'waiting') ORDER BY e.asked_at LIMIT 100";
}

#[derive(FromRow)]
struct ErasureRow {
    id: String,
    number: Option<String>,
    contact_id: Option<String>,
    digits: String,
    state: String,
    asked_by: String,
    asked_at: i64,
    approved_by: Option<String>,
    ended_at: Option<i64>,
    counts: String,
}

impl TryFrom<ErasureRow> for Erasure {
    type Error = Error;

    fn try_from(row: ErasureRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "erasures.id")?,
            person: person(row.number.as_deref(), row.contact_id.as_deref(), "erasures.number")?,
            digits: row.digits,
            state: rows::text(&row.state, "erasures.state")?,
            asked_by: row.asked_by,
            asked: Timestamp(row.asked_at),
            approved_by: row.approved_by,
            ended: row.ended_at.map(Timestamp),
            counts: rows::json(&row.counts, "erasures.counts")?,
        })
    }
}

#[derive(FromRow)]
struct ExportRow {
    id: String,
    whole: bool,
    number: Option<String>,
    contact_id: Option<String>,
    asked_by: String,
    asked_at: i64,
    done_at: Option<i64>,
    expires_at: i64,
    length: i64,
    counts: String,
}

impl TryFrom<ExportRow> for Export {
    type Error = Error;

    fn try_from(row: ExportRow) -> Result<Self, Error> {
        const WHAT: &str = "exports.number";
        let of = if row.whole {
            ExportOf::Tenant
        } else {
            let whom = person(row.number.as_deref(), row.contact_id.as_deref(), WHAT)?;
            ExportOf::Person(whom.ok_or(Error::Damaged(WHAT))?)
        };
        Ok(Self {
            id: rows::text(&row.id, "exports.id")?,
            of,
            asked_by: row.asked_by,
            asked: Timestamp(row.asked_at),
            done: row.done_at.map(Timestamp),
            expires: Timestamp(row.expires_at),
            length: rows::whole(row.length, "exports.length")?,
            counts: rows::json(&row.counts, "exports.counts")?,
        })
    }
}

#[derive(FromRow)]
struct TenantErasureRow {
    id: String,
    whose: String,
    asked_by: String,
    asked_at: i64,
    ended_at: Option<i64>,
    counts: String,
}

impl TryFrom<TenantErasureRow> for TenantErasure {
    type Error = Error;

    fn try_from(row: TenantErasureRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "tenant_erasures.id")?,
            tenant: rows::text(&row.whose, "tenant_erasures.whose")?,
            asked_by: row.asked_by,
            asked: Timestamp(row.asked_at),
            ended: row.ended_at.map(Timestamp),
            counts: rows::json(&row.counts, "tenant_erasures.counts")?,
        })
    }
}

fn person(number: Option<&str>, contact: Option<&str>, what: &'static str) -> Result<Option<Person>, Error> {
    Ok(match (contact, number) {
        (Some(contact), _) => Some(Person::Contact(rows::text(contact, what)?)),
        (None, Some(number)) => Some(Person::Number(rows::text(number, what)?)),
        (None, None) => None,
    })
}

fn columns(person: Option<&Person>) -> (Option<&str>, Option<&str>) {
    match person {
        Some(Person::Number(number)) => (Some(number.as_str()), None),
        Some(Person::Contact(contact)) => (None, Some(contact.as_str())),
        None => (None, None),
    }
}

impl Forgetting<'_> {
    /// Keeps that somebody is to be forgotten.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add_erasure(&mut self, new: &Erasure) -> Result<(), Error> {
        let (number, contact) = columns(new.person.as_ref());
        let counts = rows::to_json(&new.counts, "erasures.counts")?;
        on!(self.tx, db => sqlx::query(ADD_ERASURE)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(number)
            .bind(contact)
            .bind(new.digits.as_str())
            .bind(new.state.as_str())
            .bind(new.asked_by.as_str())
            .bind(new.asked.0)
            .bind(new.approved_by.as_deref())
            .bind(new.ended.map(|at| at.0))
            .bind(counts.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The erasure of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn erasure(&mut self, id: &ErasureId) -> Result<Option<Erasure>, Error> {
        let row: Option<ErasureRow> = on!(self.tx, db => sqlx::query_as(ERASURE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Erasure::try_from).transpose()
    }

    /// The erasure of whoever has that number, if it was asked for and is not over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn erasure_of(&mut self, number: &E164) -> Result<Option<Erasure>, Error> {
        let row: Option<ErasureRow> = on!(self.tx, db => sqlx::query_as(ASKED_ALREADY)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .fetch_optional(db).await?);
        row.map(Erasure::try_from).transpose()
    }

    /// The erasures in the order of their asking, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn erasures(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Erasure>, Error> {
        let rows: Vec<ErasureRow> = on!(self.tx, db => sqlx::query_as(PAGE_OF_ERASURES)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Erasure| Place::of_id(one.id.as_str()))
    }

    /// Has an erasure that was asked for done; whether it waited for that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn approve(&mut self, id: &ErasureId, by: &str) -> Result<bool, Error> {
        let moved = on!(self.tx, db => sqlx::query(MOVE_ERASURE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(ErasureState::Running.as_str())
            .bind(by)
            .bind(ErasureState::Requested.as_str())
            .execute(db).await?.rows_affected());
        Ok(moved == 1)
    }

    /// Forgets whom an erasure that is going on is about.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn forget_whom(&mut self, id: &ErasureId) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(FORGET_WHOM)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Ends an erasure, and forgets whom it was about.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn end_erasure(
        &mut self,
        id: &ErasureId,
        state: ErasureState,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let ended = on!(self.tx, db => sqlx::query(END_ERASURE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(now.0)
            .bind(by)
            .execute(db).await?.rows_affected());
        Ok(ended == 1)
    }

    /// Notes how many of what went, beside what went before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self, id: &ErasureId, gone: &Counts) -> Result<(), Error> {
        let Some(erasure) = self.erasure(id).await? else { return Ok(()) };
        let counts = rows::to_json(&sum(erasure.counts, gone), "erasures.counts")?;
        on!(self.tx, db => sqlx::query(COUNT_ERASURE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(counts.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Keeps that a copy is wanted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn add_export(&mut self, new: &Export) -> Result<(), Error> {
        let (whole, person) = match &new.of {
            ExportOf::Tenant => (true, None),
            ExportOf::Person(person) => (false, Some(person)),
        };
        let (number, contact) = columns(person);
        on!(self.tx, db => sqlx::query(ADD_EXPORT)
            .bind(self.tenant.as_str())
            .bind(new.id.as_str())
            .bind(whole)
            .bind(number)
            .bind(contact)
            .bind(new.asked_by.as_str())
            .bind(new.asked.0)
            .bind(new.expires.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The copy of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn export(&mut self, id: &ExportId) -> Result<Option<Export>, Error> {
        let row: Option<ExportRow> = on!(self.tx, db => sqlx::query_as(EXPORT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Export::try_from).transpose()
    }

    /// What opens a copy, sealed.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn export_key(&mut self, id: &ExportId) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Option<Vec<u8>>,)> = on!(self.tx, db => sqlx::query_as(EXPORT_KEY)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        Ok(row.and_then(|(key,)| key))
    }

    /// The copies in the order of their asking, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn exports(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Export>, Error> {
        let rows: Vec<ExportRow> = on!(self.tx, db => sqlx::query_as(PAGE_OF_EXPORTS)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &Export| Place::of_id(one.id.as_str()))
    }

    /// Notes that a copy is finished; whether it is still wanted.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn end_export(
        &mut self,
        id: &ExportId,
        key: &[u8],
        length: u64,
        counts: &Counts,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let counts = rows::to_json(counts, "exports.counts")?;
        let ended = on!(self.tx, db => sqlx::query(END_EXPORT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(key)
            .bind(rows::column(length))
            .bind(counts.as_str())
            .execute(db).await?.rows_affected());
        Ok(ended == 1)
    }

    /// Forgets a copy, and what opens it; whether there was one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn remove_export(&mut self, id: &ExportId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE_EXPORT)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// Copies in which somebody stands; all of the tenant's when nobody is named.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn exports_holding(
        &mut self,
        whom: Option<(Option<&E164>, Option<&ContactId>)>,
    ) -> Result<Vec<ExportId>, Error> {
        let rows: Vec<(String,)> = match whom {
            Some((number, contact)) => on!(self.tx, db => sqlx::query_as(EXPORTS_HOLDING)
                .bind(self.tenant.as_str())
                .bind(number.map(E164::as_str))
                .bind(contact.map(ContactId::as_str))
                .fetch_all(db).await?),
            None => on!(self.tx, db => {
                sqlx::query_as(EXPORTS_OF_TENANT).bind(self.tenant.as_str()).fetch_all(db).await?
            }),
        };
        rows.into_iter().map(|(id,)| rows::text(&id, "exports.id")).collect()
    }
}

impl TenantErasures<'_> {
    /// Keeps that a tenant is to be forgotten.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when it is already.
    pub async fn add(&mut self, new: &TenantErasure) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(ADD_TENANT_ERASURE)
            .bind(new.id.as_str())
            .bind(new.tenant.as_str())
            .bind(new.asked_by.as_str())
            .bind(new.asked.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The erasure of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &TenantErasureId) -> Result<Option<TenantErasure>, Error> {
        let row: Option<TenantErasureRow> = on!(self.tx, db => {
            sqlx::query_as(TENANT_ERASURE).bind(id.as_str()).fetch_optional(db).await?
        });
        row.map(TenantErasure::try_from).transpose()
    }

    /// All of them in the order of their asking, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<TenantErasure>, Error> {
        let rows: Vec<TenantErasureRow> = on!(self.tx, db => sqlx::query_as(PAGE_OF_TENANT_ERASURES)
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |one: &TenantErasure| Place::of_id(one.id.as_str()))
    }

    /// Notes how many of what went, beside what went before.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self, id: &TenantErasureId, gone: &Counts) -> Result<(), Error> {
        let Some(erasure) = self.get(id).await? else { return Ok(()) };
        let counts = rows::to_json(&sum(erasure.counts, gone), "tenant_erasures.counts")?;
        on!(self.tx, db => sqlx::query(COUNT_TENANT_ERASURE)
            .bind(id.as_str())
            .bind(counts.as_str())
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// Notes that nothing is left.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn end(&mut self, id: &TenantErasureId, now: Timestamp) -> Result<(), Error> {
        on!(self.tx, db => sqlx::query(END_TENANT_ERASURE)
            .bind(id.as_str())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}

impl Across<'_> {
    /// Tenants of whom it is to be looked what has been kept for long enough, and whether that was ever looked at.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn to_purge(self, now: Timestamp, count_max: u32) -> Result<Vec<(TenantId, bool)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, i64)> = on!(tx, db => sqlx::query_as(TO_PURGE)
            .bind(now.0)
            .bind(i64::from(count_max))
            .fetch_all(db).await?);
        rows.into_iter().map(|(id, at)| Ok((rows::text(&id, "tenants.id")?, at > 0))).collect()
    }

    /// Copies whose time is over, and those that are to be made and of which nobody knows any more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn exports_to_look_at(self, now: Timestamp) -> Result<Vec<(TenantId, ExportId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let mut rows: Vec<(String, String)> =
            on!(tx, db => sqlx::query_as(EXPIRED_EXPORTS).bind(now.0).fetch_all(db).await?);
        rows.extend::<Vec<(String, String)>>(
            on!(tx, db => sqlx::query_as(RUNNING_EXPORTS).bind(now.0).fetch_all(db).await?),
        );
        rows.into_iter()
            .map(|(tenant, id)| {
                Ok((rows::text(&tenant, "exports.tenant_id")?, rows::text(&id, "exports.id")?))
            })
            .collect()
    }

    /// Erasures that are to be done, and of which nobody knows any more.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn abandoned_erasures(self, now: Timestamp) -> Result<Vec<(TenantId, ErasureId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> =
            on!(tx, db => sqlx::query_as(RUNNING_ERASURES).bind(now.0).fetch_all(db).await?);
        rows.into_iter()
            .map(|(tenant, id)| {
                Ok((rows::text(&tenant, "erasures.tenant_id")?, rows::text(&id, "erasures.id")?))
            })
            .collect()
    }

    /// The same of tenants.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn abandoned_tenant_erasures(
        self,
        now: Timestamp,
    ) -> Result<Vec<(TenantId, TenantErasureId)>, Error> {
        let mut tx = self.store.read_any().await?;
        let rows: Vec<(String, String)> =
            on!(tx, db => sqlx::query_as(RUNNING_TENANT_ERASURES).bind(now.0).fetch_all(db).await?);
        rows.into_iter()
            .map(|(tenant, id)| {
                Ok((rows::text(&tenant, "tenant_erasures.whose")?, rows::text(&id, "tenant_erasures.id")?))
            })
            .collect()
    }
}

fn sum(mut counts: Counts, gone: &Counts) -> Counts {
    for (what, count) in gone {
        *counts.entry(what.clone()).or_default() += count;
    }
    counts
}
