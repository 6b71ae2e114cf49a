//! The businesses themselves: their names, zones and limits.
//!
//! An operator makes them and sets how much they may have; an owner sets the rest of her own.

use std::net::IpAddr;

use serde_json::json;

use super::{
    Error, Faults,
    access::{Actor, Operator},
    audit::{self, Audited, Parts},
    clips,
    services::NAME_LEN_MAX,
};
use crate::{
    domain::{
        id::TenantId,
        org::Tenant,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    store::{self, Page, Place, Store},
};

/// Longest slug, in bytes.
pub const SLUG_LEN_MAX: usize = 40;
/// Networks one tenant can name.
pub const NETWORKS_MAX: usize = 100;
/// Most calls in the air, seats and assistants an operator can grant.
pub const GRANT_MAX: u32 = 100_000;

impl Audited for Tenant {
    const KIND: &'static str = "tenant";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        Parts::new()
            .with("slug", self.slug.as_str())
            .with("name", self.name.as_str())
            .with("zone", self.zone.name())
            .with("calls_max", self.calls_max)
            .with("seats_max", self.seats_max)
            .with("assistants_max", self.assistants_max)
            .with("numbers_max", self.numbers_max)
            .with("networks", json!(networks))
            .with("listening_in", self.listening_in)
    }
}

/// Every tenant, in the order of their making.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    _by: &Operator,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Tenant>, Error> {
    Ok(store.across_tenants().tenants_page(after, count_max).await?)
}

/// The asker's tenant.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor) -> Result<Revised<Tenant>, Error> {
    by.must(Verb::Read, Subject::Tenant)?;
    store.read(by.tenant()).await?.tenant().revised().await?.ok_or(Error::NotFound("tenant"))
}

/// Makes a tenant in which nobody works yet.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Operator,
    now: Timestamp,
    wanted: Tenant,
) -> Result<Revised<Tenant>, Error> {
    check(&wanted)?;
    let by = by.at(wanted.id.clone());
    let mut tx = store.begin(&wanted.id).await?;
    tx.tenant().put(&wanted).await.map_err(|error| {
        if matches!(error, store::Error::NotUnique(_)) {
            Error::invalid("/slug", "another tenant goes by it; choose another")
        } else {
            error.into()
        }
    })?;
    audit::record(&mut tx, &by, now, None, Some(&wanted)).await?;
    tx.commit().await?;
    Ok(Revised { item: wanted, revision: Revision(1) })
}

/// Changes the asker's tenant as `change` says, if it is still as the asker has seen it. `from` is where the asker
/// is: nobody may shut themselves out.
///
/// # Errors
/// [`Error::Forbidden`], also for what only an operator sets; [`Error::NotFound`]; [`Error::Stale`];
/// [`Error::Invalid`]; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    from: Option<IpAddr>,
    seen: Option<Revision>,
    change: impl FnOnce(&Tenant) -> Result<Tenant, Error>,
) -> Result<Revised<Tenant>, Error> {
    by.must(Verb::Write, Subject::Tenant)?;
    let mut tx = store.begin(by.tenant()).await?;
    let kept = tx.tenant().revised().await?.ok_or(Error::NotFound("tenant"))?;
    kept.must_be(seen)?;
    let wanted = change(&kept.item)?;
    if wanted.slug != kept.item.slug {
        return Err(Error::invalid("/slug", "never changes"));
    }
    let granted =
        |tenant: &Tenant| (tenant.calls_max, tenant.seats_max, tenant.assistants_max, tenant.numbers_max);
    if granted(&wanted) != granted(&kept.item) && !by.operates() {
        return Err(Error::OperatorOnly("calls_max, seats_max, assistants_max and numbers_max"));
    }
    check(&wanted)?;
    if let Some(from) = from.filter(|_| !by.operates())
        && !admits(&wanted, from)
    {
        return Err(Error::invalid("/networks", "would shut you out: your own address is in none of them"));
    }
    tx.tenant().put(&wanted).await?;
    if wanted.listening_in != kept.item.listening_in {
        // Whoever answers opens with other words from here on.
        clips::ask_for_answering(&mut tx, now).await?;
    }
    audit::record(&mut tx, by, now, Some(&kept.item), Some(&wanted)).await?;
    let after = tx.tenant().revised().await?.ok_or(Error::NotFound("tenant"))?;
    tx.commit().await?;
    Ok(after)
}

/// Whether the tenant's people and programs may ask from that address.
pub fn admits(tenant: &Tenant, from: IpAddr) -> bool {
    tenant.networks.is_empty() || tenant.networks.iter().any(|network| network.contains(&from))
}

/// A tenant of that name with everything else as usual.
pub fn usual(id: TenantId, slug: String, name: String, zone: crate::domain::time::Zone) -> Tenant {
    Tenant {
        id,
        slug,
        name,
        zone,
        twilio_account_sid: None,
        calls_max: Tenant::CALLS,
        seats_max: Tenant::SEATS,
        assistants_max: Tenant::ASSISTANTS,
        numbers_max: Tenant::NUMBERS,
        networks: vec![],
        listening_in: false,
    }
}

fn check(tenant: &Tenant) -> Result<(), Error> {
    let mut faults = Faults::new();
    let slug = tenant.slug.as_str();
    let plain = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    faults.unless(
        (1..=SLUG_LEN_MAX).contains(&slug.len()) && plain && !slug.starts_with('-') && !slug.ends_with('-'),
        "/slug",
        format!("must be 1 to {SLUG_LEN_MAX} lower-case letters, digits and hyphens"),
    );
    faults.unless(
        !tenant.name.trim().is_empty() && tenant.name.chars().count() <= NAME_LEN_MAX,
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    for (at, value, least) in [
        ("/calls_max", tenant.calls_max, 0),
        ("/seats_max", tenant.seats_max, 1),
        ("/assistants_max", tenant.assistants_max, 0),
        ("/numbers_max", tenant.numbers_max, 0),
    ] {
        let right = (least..=GRANT_MAX).contains(&value);
        faults.unless(right, at, format!("must be from {least} to {GRANT_MAX}"));
    }
    faults.unless(
        tenant.networks.len() <= NETWORKS_MAX,
        "/networks",
        format!("must be at most {NETWORKS_MAX}"),
    );
    faults.settle()
}
