//! A tenant by file: `frontdesk apply`.
//!
//! What a document says is created or updated in one transaction: all of it or nothing. What it does not mention
//! stays, and is reported; taking things away is not done by leaving them out.

mod document;
mod reader;

pub use document::Document;
pub use reader::{Fault, Faults};

pub use crate::store::Change;
use crate::{
    app::{
        self,
        access::{Actor, Who},
        audit, clips,
    },
    domain::time::Timestamp,
    store::{self, Store, TenantTx},
};

/// Why a document could not be applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another tenant has something this one claims.
    #[error("{kind} {name}: {reason}")]
    Refused {
        /// What it is.
        kind: &'static str,
        /// Its name in the document.
        name: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// What was changed could not be told in the audit log.
    #[error("the change could not be told in the audit log")]
    Audit(#[from] app::Error),
    /// The database could not.
    #[error("the database could not keep it")]
    Store(#[from] store::Error),
}

/// What became of one thing in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether it was made, changed or already so.
    pub change: Change,
    /// What it is: `tenant`, `resource`, `service`, `assistant`, `number`.
    pub kind: &'static str,
    /// Its name in the document.
    pub name: String,
}

/// What applying a document changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One line for each thing in the document, in its order.
    pub lines: Vec<Line>,
    /// What the tenant has besides: kind and name.
    pub elsewhere: Vec<(&'static str, String)>,
}

impl Report {
    /// Whether anything is other than before.
    pub fn changed(&self) -> bool {
        self.lines.iter().any(|line| line.change != Change::Unchanged)
    }

    fn note(
        &mut self,
        kind: &'static str,
        name: &str,
        kept: Result<Change, store::Error>,
    ) -> Result<(), Error> {
        let change = match kept {
            Ok(change) => change,
            Err(store::Error::NotUnique(_)) => {
                let reason = match kind {
                    "number" => "belongs to another tenant; a number can ring in one place only",
                    "tenant" => "another tenant goes by this slug; choose another",
                    _ => "something else already goes by this name",
                };
                return Err(Error::Refused { kind, name: name.to_owned(), reason });
            }
            Err(error) => return Err(error.into()),
        };
        self.lines.push(Line { change, kind, name: name.to_owned() });
        Ok(())
    }
}

/// Creates or updates what the document describes.
///
/// # Errors
/// [`Error::Refused`] when another tenant has a number or slug; [`Error::Store`] when the database could not.
pub async fn apply(store: &Store, document: &Document, now: Timestamp) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut tenant = document.tenant.clone();
    // A tenant is found by its slug, by whatever id it was made.
    if let Some(kept) = store.across_tenants().tenant(&tenant.slug).await? {
        tenant.id = kept.id;
        // What is set elsewhere stays as it was set.
        (tenant.seats_max, tenant.assistants_max, tenant.numbers_max, tenant.networks) =
            (kept.seats_max, kept.assistants_max, kept.numbers_max, kept.networks);
        tenant.twilio_account_sid = tenant.twilio_account_sid.or(kept.twilio_account_sid);
    }
    let mut tx = store.begin(&tenant.id).await?;
    let by = Actor::new(tenant.id.clone(), Who::System("apply"));
    let before = tx.tenant().get().await?;
    report.note("tenant", &tenant.slug, tx.tenant().put(&tenant).await)?;
    audit::record(&mut tx, &by, now, before.as_ref(), Some(&tenant)).await?;
    for resource in &document.resources {
        let before = tx.resources().get(&resource.id).await?;
        report.note("resource", &resource.name, tx.resources().put(resource).await)?;
        audit::record(&mut tx, &by, now, before.as_ref(), Some(resource)).await?;
    }
    for service in &document.services {
        let before = tx.services().get(&service.id).await?;
        report.note("service", &service.key, tx.services().put(service).await)?;
        audit::record(&mut tx, &by, now, before.as_ref(), Some(service)).await?;
    }
    for assistant in &document.assistants {
        // What a document cannot say stays as it was set.
        let mut wanted = assistant.clone();
        let before = tx.assistants().get(&assistant.id).await?;
        if let Some(kept) = before.clone() {
            (wanted.description, wanted.status, wanted.transfers, wanted.keypad) =
                (kept.description, kept.status, kept.transfers, kept.keypad);
        }
        report.note("assistant", &wanted.name, tx.assistants().put(&wanted, now, &by.to_string()).await)?;
        audit::record(&mut tx, &by, now, before.as_ref(), Some(&wanted)).await?;
    }
    for number in &document.numbers {
        let mut wanted = number.clone();
        if let Some(kept) = tx.numbers().by_number(&number.number).await? {
            wanted.id = kept.id;
        }
        report.note("number", number.number.as_str(), tx.numbers().put(&wanted).await)?;
    }
    report.elsewhere = elsewhere(&mut tx, document).await?;
    tx.commit().await?;
    Ok(report)
}

/// Has the opening words of the tenant's numbers spoken in advance, so that the first caller need not wait for them.
///
/// # Errors
/// When the database cannot keep that it is to be done.
pub async fn prepare(store: &Store, document: &Document, now: Timestamp) -> Result<(), app::Error> {
    let Some(tenant) = store.across_tenants().tenant(&document.tenant.slug).await? else { return Ok(()) };
    for number in &document.numbers {
        if let Some(assistant) = &number.assistant {
            clips::ask_for(store, &tenant.id, assistant, number.language, now).await?;
        }
    }
    Ok(())
}

/// What the tenant has that the document does not mention.
async fn elsewhere(
    tx: &mut TenantTx,
    document: &Document,
) -> Result<Vec<(&'static str, String)>, store::Error> {
    let mut found = vec![];
    for resource in tx.resources().all().await? {
        if document.resources.iter().all(|mentioned| mentioned.id != resource.id) {
            found.push(("resource", resource.name));
        }
    }
    for service in tx.services().all().await? {
        if document.services.iter().all(|mentioned| mentioned.id != service.id) {
            found.push(("service", service.names.into_values().next().unwrap_or_default()));
        }
    }
    for assistant in tx.assistants().all().await? {
        if document.assistants.iter().all(|mentioned| mentioned.id != assistant.id) {
            found.push(("assistant", assistant.name));
        }
    }
    for number in tx.numbers().all().await? {
        if document.numbers.iter().all(|mentioned| mentioned.number != number.number) {
            found.push(("number", number.number.to_string()));
        }
    }
    Ok(found)
}
