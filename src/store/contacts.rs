//! The people who call a tenant.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{
    Contacts, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    contact::Contact,
    email::Email,
    id::ContactId,
    phone::E164,
    revision::{Revised, Revision},
    time::{TimeRange, Timestamp},
};

/// How many contacts may share a number and still be told apart.
const SHARING_MAX: i64 = 20;

texts! {
    GET = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND id = $2";
    BY_NUMBER = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND number = $2
        ORDER BY created_at, id LIMIT $3";
    PUT = "INSERT INTO contacts (tenant_id, id, name, number, born, created_at, note, name_folded, email)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, number = excluded.number,
            born = excluded.born, note = excluded.note, name_folded = excluded.name_folded, email = excluded.email,
            revision = contacts.revision + 1";
    REVISION = "SELECT revision FROM contacts WHERE tenant_id = $1 AND id = $2";
    PAGE = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND id > $2
        ORDER BY id LIMIT $3";
    PAGE_OF_NUMBER = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND id > $2
        AND number = $4 ORDER BY id LIMIT $3";
    PAGE_OF_NAME = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND id > $2
        AND name_folded >= $4 AND name_folded < $5 ORDER BY id LIMIT $3";
    BOOKED_IN = "SELECT DISTINCT c.id, c.name FROM appointments a
        JOIN contacts c ON c.tenant_id = a.tenant_id AND c.id = a.contact_id
        WHERE a.tenant_id = $1 AND a.status <> 'cancelled' AND a.blocked_from < $3 AND a.blocked_to > $2";
    /// Looks through a tenant's own names, in their order.
    PAGE_OF_PART = "SELECT id, name, number, born, note, email FROM contacts WHERE tenant_id = $1 AND id > $2
        AND ' ' || name_folded LIKE $4 ESCAPE '\\' ORDER BY id LIMIT $3";
    REMOVE = "DELETE FROM contacts WHERE tenant_id = $1 AND id = $2";
}

#[derive(FromRow)]
struct ContactRow {
    id: String,
    name: String,
    number: Option<String>,
    born: Option<String>,
    note: String,
    email: Option<String>,
}

/// Which contacts are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContactFilter {
    /// All.
    #[default]
    All,
    /// Those who call from that number.
    Number(E164),
    /// Those whose name begins so, in whatever case.
    NameBegins(String),
    /// Those in whose name that stands, at the beginning of some part of it.
    NameHolds(String),
}

/// As names are compared: Müller, Mueller and Muller are one, and so are Groß and Gross.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.to_lowercase().chars() {
        match letter {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => folded.push('a'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ç' => folded.push('c'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            // The e of an umlaut that is written out.
            'e' if folded.ends_with(['a', 'o', 'u']) => {}
            letter => folded.push(letter),
        }
    }
    folded
}

/// A pattern for names some part of which begins so.
fn held(part: &str) -> String {
    let mut pattern = String::from("% ");
    for letter in folded(part.trim()).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

impl TryFrom<ContactRow> for Contact {
    type Error = Error;

    fn try_from(row: ContactRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "contacts.id")?,
            name: row.name,
            number: rows::maybe(row.number.as_deref(), "contacts.number")?,
            born: rows::maybe(row.born.as_deref(), "contacts.born")?,
            note: row.note,
            email: rows::maybe(row.email.as_deref(), "contacts.email")?,
        })
    }
}

impl Contacts<'_> {
    /// The names of those who have an appointment that takes time in `span`.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn booked_in(&mut self, span: TimeRange) -> Result<BTreeMap<ContactId, String>, Error> {
        let rows: Vec<(String, String)> = on!(self.tx, db => sqlx::query_as(BOOKED_IN)
            .bind(self.tenant.as_str())
            .bind(span.start.0)
            .bind(span.end.0)
            .fetch_all(db).await?);
        rows.into_iter().map(|(id, name)| Ok((rows::text(&id, "contacts.id")?, name))).collect()
    }

    /// The contact of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &ContactId) -> Result<Option<Contact>, Error> {
        let row: Option<ContactRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        row.map(Contact::try_from).transpose()
    }

    /// Those who call from that number, the longest known first. A family may share one.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_number(&mut self, number: &E164) -> Result<Vec<Contact>, Error> {
        let rows: Vec<ContactRow> = on!(self.tx, db => sqlx::query_as(BY_NUMBER)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .bind(SHARING_MAX)
            .fetch_all(db).await?);
        rows.into_iter().map(Contact::try_from).collect()
    }

    /// Keeps a contact.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn put(&mut self, contact: &Contact, now: Timestamp) -> Result<(), Error> {
        let born = contact.born.map(|date| date.to_string());
        let folded = folded(&contact.name);
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(contact.id.as_str())
            .bind(contact.name.as_str())
            .bind(contact.number.as_ref().map(E164::as_str))
            .bind(born.as_deref())
            .bind(now.0)
            .bind(contact.note.as_str())
            .bind(folded.as_str())
            .bind(contact.email.as_ref().map(Email::as_str))
            .execute(db).await.map(drop)?);
        Ok(())
    }

    /// The contact of that id and which state of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &ContactId) -> Result<Option<Revised<Contact>>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Some(Revised { item, revision: Revision(revision) }))
    }

    /// The contacts that fit, in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(
        &mut self,
        filter: &ContactFilter,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<Contact>, Error> {
        let (text, from, until) = match filter {
            ContactFilter::All => (PAGE, None, None),
            ContactFilter::Number(number) => (PAGE_OF_NUMBER, Some(number.as_str().to_owned()), None),
            ContactFilter::NameBegins(start) => {
                let from = folded(start);
                // The last character there is stands after every name that begins so.
                let until = format!("{from}{}", char::MAX);
                (PAGE_OF_NAME, Some(from), Some(until))
            }
            ContactFilter::NameHolds(part) => (PAGE_OF_PART, Some(held(part)), None),
        };
        let rows: Vec<ContactRow> = on!(self.tx, db => {
            let mut query = sqlx::query_as(text)
                .bind(self.tenant.as_str())
                .bind(page::id(after))
                .bind(page::fetch(count_max));
            for wanted in [from, until].into_iter().flatten() {
                query = query.bind(wanted);
            }
            query.fetch_all(db).await?
        });
        page::of(rows, count_max, |contact: &Contact| Place::of_id(contact.id.as_str()))
    }

    /// Takes a contact away; whether there was one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when an appointment refers to it.
    pub async fn remove(&mut self, id: &ContactId) -> Result<bool, Error> {
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }
}
