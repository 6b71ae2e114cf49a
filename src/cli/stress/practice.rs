//! The tenant that is booked at, and the program that books there.

use std::collections::BTreeSet;

use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    app::{
        access::{Actor, Who},
        people::api_keys,
        provision::Document,
    },
    domain::{
        assistant::Assistant,
        booking::{Resource, Service},
        contact::Contact,
        id::ContactId,
        org::{Number, Tenant},
        people::{Scope, Subject, Verb},
        time::Timestamp,
    },
    platform::ids,
    sim::admin::Admin,
    store::Store,
};

/// What is booked there, and with whom.
const DOCUMENT: &str = include_str!("practice.toml");
/// Who books.
const CONTACTS: usize = 40;

/// A tenant with people, services and somebody at the telephone.
#[derive(Clone)]
pub(super) struct Practice {
    /// The tenant.
    pub tenant: Tenant,
    /// What is booked.
    pub services: Vec<Service>,
    /// With whom.
    pub resources: Vec<Resource>,
    /// Who answers.
    pub assistant: Assistant,
    /// At which number.
    pub number: Number,
    /// Who books.
    pub contacts: Vec<Contact>,
    /// Its owner, at her browser.
    pub owner: Admin,
    /// What the program that books proves itself with.
    pub key: SecretString,
}

impl Practice {
    /// Registers at the server at `base`, and keeps what is booked there in its database.
    pub(super) async fn open(base: &str, store: &Store, now: Timestamp) -> anyhow::Result<Self> {
        let name = format!("Stress {}", &ids::token()[..12]);
        let (email, password) = (format!("owner-{}@stress.example", &ids::token()[..12]), ids::token());
        let wanted = json!({ "tenant": name, "email": email, "password": password, "zone": "Europe/Berlin" });
        let registered = reqwest::Client::new().post(format!("{base}/auth/register")).json(&wanted);
        let grant: serde_json::Value = registered.send().await?.error_for_status()?.json().await?;
        let id = grant["tenant"]["id"].as_str().context("the tenant has no id")?;
        let owner = Admin::log_in(base, &email, &password, id).await?;

        // Ids are made of the slug; runs in one database must not share them.
        let slug = format!("slug = \"stress-{}\"", &ids::token()[..12]);
        let document = DOCUMENT.replace("slug = \"stress\"", &slug);
        let Document { resources, services, assistants, numbers, .. } = Document::read(&document)?;
        let mut tx = store.begin(&id.parse()?).await?;
        let tenant = tx.tenant().get().await?.context("the tenant is not kept")?;
        for resource in &resources {
            tx.resources().put(resource).await?;
        }
        for service in &services {
            tx.services().put(service).await?;
        }
        let assistant = assistants.into_iter().next().context("nobody answers")?;
        tx.assistants().put(&assistant, now, "system:stress").await?;
        let mut number = numbers.into_iter().next().context("there is no number")?;
        let digits: String = ids::secret().iter().take(9).map(|byte| char::from(b'0' + byte % 10)).collect();
        number.number = format!("+4930{digits}").parse()?;
        tx.numbers().put(&number).await?;
        let contacts: Vec<Contact> = (0..CONTACTS)
            .map(|n| Contact {
                id: ContactId::of(ids::fresh(now)),
                name: format!("Erika Beispiel{n}"),
                number: format!("+4915155{n:06}").parse().ok(),
                born: None,
                note: String::new(),
                email: None,
            })
            .collect();
        for contact in &contacts {
            tx.contacts().put(contact, now).await?;
        }
        tx.commit().await?;

        let scope = |verb| Scope { subject: Subject::Appointments, verb };
        let wanted = api_keys::Wanted {
            name: "stress".to_owned(),
            scopes: BTreeSet::from([scope(Verb::Read), scope(Verb::Write)]),
            per_minute_max: None,
            expires_at: None,
        };
        let by = Actor::new(tenant.id.clone(), Who::System("stress"));
        let made = api_keys::create(store, &by, now, wanted).await?;
        let key = SecretString::from(made.text.expose_secret().to_owned());
        Ok(Self { tenant, services, resources, assistant, number, contacts, owner, key })
    }
}
