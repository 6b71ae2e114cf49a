//! The people who call a tenant.

use sqlx::FromRow;

use super::{Contacts, Error, on, rows, texts};
use crate::domain::{contact::Contact, id::ContactId, phone::E164, time::Timestamp};

/// How many contacts may share a number and still be told apart.
const SHARING_MAX: i64 = 20;

texts! {
    GET = "SELECT id, name, number, born FROM contacts WHERE tenant_id = $1 AND id = $2";
    BY_NUMBER = "SELECT id, name, number, born FROM contacts WHERE tenant_id = $1 AND number = $2
        ORDER BY created_at, id LIMIT $3";
    PUT = "INSERT INTO contacts (tenant_id, id, name, number, born, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, number = excluded.number,
            born = excluded.born";
}

#[derive(FromRow)]
struct ContactRow {
    id: String,
    name: String,
    number: Option<String>,
    born: Option<String>,
}

impl TryFrom<ContactRow> for Contact {
    type Error = Error;

    fn try_from(row: ContactRow) -> Result<Self, Error> {
        Ok(Self {
            id: rows::text(&row.id, "contacts.id")?,
            name: row.name,
            number: rows::maybe(row.number.as_deref(), "contacts.number")?,
            born: rows::maybe(row.born.as_deref(), "contacts.born")?,
        })
    }
}

impl Contacts<'_> {
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
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(contact.id.as_str())
            .bind(contact.name.as_str())
            .bind(contact.number.as_ref().map(E164::as_str))
            .bind(born.as_deref())
            .bind(now.0)
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
