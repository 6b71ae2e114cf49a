//! `/api/tenants`: the businesses. An operator sees and makes them all; their people see their own.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id};
use crate::{
    app::{self, Faults, access::Actor, people::Proven, tenants},
    domain::{id::TenantId, org::Tenant, revision::Revised},
    http::{
        Doors,
        auth::{ByOperator, Person},
        client::Client,
        doc::MergePatch,
        problem::Problem,
    },
    platform::ids,
    store::Page,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, edit))
}

/// A business to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"slug": "praxis-winter", "name": "Praxis Dr. Winter", "zone": "Europe/Berlin"}))]
struct TenantNew {
    /// A short name that never changes: lower-case letters, digits and hyphens.
    slug: String,
    /// What it is called when the telephone is answered.
    name: String,
    /// Where its clocks hang: the IANA name of a zone.
    zone: String,
    /// How many calls may be in the air at once.
    calls_max: Option<u32>,
    /// How many people may work there besides its owner, those who are invited counted in.
    seats_max: Option<u32>,
    /// How many assistants it may have.
    assistants_max: Option<u32>,
    /// How many numbers it may have on the operator's Twilio account.
    numbers_max: Option<u32>,
}

/// What of a tenant can be changed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantWanted {
    slug: String,
    name: String,
    zone: String,
    calls_max: u32,
    seats_max: u32,
    assistants_max: u32,
    numbers_max: u32,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    listening_in: bool,
}

/// A business whose telephone is answered.
#[derive(Serialize, ToSchema)]
struct TenantShown {
    /// Its id.
    id: String,
    /// A short name that never changes.
    slug: String,
    /// What it is called when the telephone is answered.
    name: String,
    /// Where its clocks hang: the IANA name of a zone.
    zone: String,
    /// How many calls may be in the air at once. An operator sets it.
    calls_max: u32,
    /// How many people may work there besides its owner, those who are invited counted in. An operator sets it.
    seats_max: u32,
    /// How many assistants it may have. An operator sets it.
    assistants_max: u32,
    /// How many numbers it may have on the operator's Twilio account. An operator sets it.
    numbers_max: u32,
    /// The networks from which its people and programs may ask, such as `192.0.2.0/24`; any when there is none.
    networks: Vec<String>,
    /// Whether its owners and admins may listen in on calls in the console. Callers are then told with the first words that a
    /// colleague may join; off unless somebody turns it on.
    listening_in: bool,
}

impl TenantWanted {
    fn of(tenant: &Tenant) -> Self {
        Self {
            slug: tenant.slug.clone(),
            name: tenant.name.clone(),
            zone: tenant.zone.name().to_owned(),
            calls_max: tenant.calls_max,
            seats_max: tenant.seats_max,
            assistants_max: tenant.assistants_max,
            numbers_max: tenant.numbers_max,
            networks: tenant.networks.iter().map(ToString::to_string).collect(),
            listening_in: tenant.listening_in,
        }
    }

    fn over(self, kept: &Tenant) -> Result<Tenant, app::Error> {
        let mut faults = Faults::new();
        let networks = self.networks.iter().enumerate();
        let networks = networks
            .filter_map(|(at, network)| {
                let read = network.parse().map_err(|_| "is no network, such as 192.0.2.0/24");
                faults.take(read, format!("/networks/{at}"))
            })
            .collect();
        let Some(zone) = faults.take(self.zone.parse(), "/zone") else { return Err(faults.refusal()) };
        faults.settle()?;
        Ok(Tenant {
            slug: self.slug,
            name: self.name,
            zone,
            calls_max: self.calls_max,
            seats_max: self.seats_max,
            assistants_max: self.assistants_max,
            numbers_max: self.numbers_max,
            networks,
            listening_in: self.listening_in,
            ..kept.clone()
        })
    }
}

fn show_one(tenant: &Tenant) -> TenantShown {
    let TenantWanted {
        slug,
        name,
        zone,
        calls_max,
        seats_max,
        assistants_max,
        numbers_max,
        networks,
        listening_in,
    } = TenantWanted::of(tenant);
    TenantShown {
        id: tenant.id.to_string(),
        slug,
        name,
        zone,
        calls_max,
        seats_max,
        assistants_max,
        numbers_max,
        networks,
        listening_in,
    }
}

fn tagged(tenant: &Revised<Tenant>) -> Tagged<TenantShown> {
    Tagged::shown(show_one(&tenant.item), tenant.revision)
}

/// The asker at that tenant: an operator at any, everybody else at their own.
pub(super) fn at(proven: &Proven, tenant: &str) -> Result<Actor, Problem> {
    let tenant: TenantId = id(tenant)?;
    if let Ok(operator) = proven.operator() {
        return Ok(operator.at(tenant));
    }
    let actor = proven.at_tenant()?;
    if *actor.tenant() == tenant { Ok(actor.clone()) } else { Err(Problem::NotFound) }
}

/// The tenants, in the order of their making: all for an operator, their own for everybody else.
#[utoipa::path(get, path = "/api/tenants", tag = "tenants", params(PageAsked),
    responses((status = OK, body = Listed<TenantShown>)))]
async fn list(
    State(doors): State<Doors>,
    Person(proven): Person,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<TenantShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = match proven.operator() {
        Ok(operator) => tenants::list(&doors.store, &operator, after.as_ref(), count).await?,
        Err(_) => {
            let own = tenants::get(&doors.store, proven.at_tenant()?).await?;
            // A list of one ends before its second page.
            let items = if after.is_none() { vec![own.item] } else { vec![] };
            Page { items, next: None }
        }
    };
    Ok(Listed::of(page, |tenant| show_one(&tenant)))
}

/// Makes a tenant in which nobody works yet. For operators.
#[utoipa::path(post, path = "/api/tenants", tag = "tenants", request_body = TenantNew,
    responses((status = CREATED, body = TenantShown)))]
async fn create(
    State(doors): State<Doors>,
    ByOperator(by): ByOperator,
    Body(wanted): Body<TenantNew>,
) -> Result<Tagged<TenantShown>, Problem> {
    let now = doors.clock.now();
    let zone = wanted.zone.parse().map_err(|error| app::Error::invalid("/zone", format!("{error}")))?;
    let usual = tenants::usual(TenantId::of(ids::fresh(now)), wanted.slug, wanted.name, zone);
    let tenant = Tenant {
        calls_max: wanted.calls_max.unwrap_or(usual.calls_max),
        seats_max: wanted.seats_max.unwrap_or(usual.seats_max),
        assistants_max: wanted.assistants_max.unwrap_or(usual.assistants_max),
        numbers_max: wanted.numbers_max.unwrap_or(usual.numbers_max),
        ..usual
    };
    let made = tenants::create(&doors.store, &by, now, tenant).await?;
    let location = format!("/api/tenants/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One tenant.
#[utoipa::path(get, path = "/api/tenants/{tenant}", tag = "tenants", params(("tenant", description = "Its id.")),
    responses((status = OK, body = TenantShown)))]
async fn show(
    State(doors): State<Doors>,
    Person(proven): Person,
    Path(tenant): Path<String>,
) -> Result<Tagged<TenantShown>, Problem> {
    Ok(tagged(&tenants::get(&doors.store, &at(&proven, &tenant)?).await?))
}

/// Changes a tenant: a JSON merge patch.
#[utoipa::path(patch, path = "/api/tenants/{tenant}", tag = "tenants", params(("tenant", description = "Its id.")),
    request_body = MergePatch, responses((status = OK, body = TenantShown)))]
async fn edit(
    State(doors): State<Doors>,
    Person(proven): Person,
    Path(tenant): Path<String>,
    client: Option<axum::Extension<Client>>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<TenantShown>, Problem> {
    let by = at(&proven, &tenant)?;
    let from = client.map(|client| client.0.0);
    let edited = tenants::edit(&doors.store, &by, doors.clock.now(), from, seen, |kept| {
        patch.over(&TenantWanted::of(kept))?.over(kept)
    });
    Ok(tagged(&edited.await?))
}
