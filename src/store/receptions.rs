//! How calls of a tenant's contacts are received, where it is not by the assistant.

use super::{Error, Receptions, on, rows, texts};
use crate::domain::{
    id::{ContactId, TransferTargetId},
    phone::E164,
    reception::Reception,
};

/// How many contacts of one number are looked at.
const SHARING_MAX: i64 = 20;

texts! {
    GET = "SELECT how, target_id FROM contact_receptions WHERE tenant_id = $1 AND contact_id = $2";
    OF_NUMBER = "SELECT r.how, r.target_id FROM contacts c
        JOIN contact_receptions r ON r.tenant_id = c.tenant_id AND r.contact_id = c.id
        WHERE c.tenant_id = $1 AND c.number = $2 ORDER BY c.created_at, c.id LIMIT $3";
    PUT = "INSERT INTO contact_receptions (tenant_id, contact_id, how, target_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, contact_id) DO UPDATE SET how = excluded.how, target_id = excluded.target_id";
    REMOVE = "DELETE FROM contact_receptions WHERE tenant_id = $1 AND contact_id = $2";
}

type Row = (String, Option<String>);

fn read((how, target): &Row) -> Result<Reception, Error> {
    let target = rows::maybe(target.as_deref(), "contact_receptions.target_id")?;
    Reception::parse(how, target).ok_or(Error::Damaged("contact_receptions.how"))
}

impl Receptions<'_> {
    /// How a contact's calls are received.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, contact: &ContactId) -> Result<Reception, Error> {
        let row: Option<Row> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .fetch_optional(db).await?);
        row.as_ref().map_or(Ok(Reception::Assistant), read)
    }

    /// What was said of those who have that number.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn of_number(&mut self, number: &E164) -> Result<Vec<Reception>, Error> {
        let rows: Vec<Row> = on!(self.tx, db => sqlx::query_as(OF_NUMBER)
            .bind(self.tenant.as_str())
            .bind(number.as_str())
            .bind(SHARING_MAX)
            .fetch_all(db).await?);
        rows.iter().map(read).collect()
    }

    /// Keeps how a contact's calls are received.
    ///
    /// # Errors
    /// [`Error::Dangling`] when there is no such contact.
    pub async fn put(&mut self, contact: &ContactId, wanted: &Reception) -> Result<(), Error> {
        if *wanted == Reception::Assistant {
            on!(self.tx, db => sqlx::query(REMOVE)
                .bind(self.tenant.as_str())
                .bind(contact.as_str())
                .execute(db).await.map(drop)?);
            return Ok(());
        }
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(contact.as_str())
            .bind(wanted.as_str())
            .bind(wanted.target().map(TransferTargetId::as_str))
            .execute(db).await.map(drop)?);
        Ok(())
    }
}
