//! `/console/settings`: the business's name and clocks, from where its people may ask, how long things are kept, and the
//! reader's own password.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use secrecy::SecretString;

use crate::{
    app::{self, forgetting, tenants},
    domain::{
        forgetting::{ByCaller, Kept, Retention},
        org::Tenant,
        people::{Subject, Verb},
        revision::Revision,
    },
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, SEEN, Typed},
            page::{Page, show_with},
            visitor::{self, Reader},
        },
    },
};

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/settings", get(show))
        .route("/console/settings/company", post(company))
        .route("/console/settings/retention", post(retention))
        .route("/console/settings/password", post(password))
}

#[derive(Template)]
#[template(path = "settings/company.html", config = ".askama.toml")]
struct CompanyPage {
    page: Page,
    company: Form,
    retention: Form,
    password: Form,
    kinds: [Kept; 6],
    by_caller: Vec<(String, String)>,
    may_write: bool,
    tenant: Tenant,
}

fn typed_company(tenant: &Tenant, revision: Revision) -> Typed {
    let networks: Vec<String> = tenant.networks.iter().map(ToString::to_string).collect();
    Typed::default()
        .with(SEEN, revision.0)
        .with("name", &tenant.name)
        .with("zone", tenant.zone.name())
        .with("networks", networks.join("\n"))
        .with("listening-in", if tenant.listening_in { "yes" } else { "" })
}

fn typed_retention(retention: &Retention, revision: Revision) -> Typed {
    let typed = Typed::default().with(SEEN, revision.0).with("by-caller", retention.by_caller.as_str());
    Kept::ALL.into_iter().fold(typed, |typed, kind| typed.with(kind.as_str(), retention.days(kind)))
}

/// What is shown in place of what stands there: the form that was refused.
#[derive(Default)]
struct Refused {
    company: Option<Form>,
    retention: Option<Form>,
    password: Option<Form>,
}

async fn page(doors: &Doors, reader: &Reader, refused: Refused) -> Result<Response, Failure> {
    let tenant = tenants::get(&doors.store, &reader.by).await?;
    let kept = forgetting::retention(&doors.store, &reader.by).await?;
    let language = reader.language;
    let company = refused
        .company
        .unwrap_or_else(|| Form::new(language, typed_company(&tenant.item, tenant.revision)))
        .prefixed("company-");
    let retention = refused
        .retention
        .unwrap_or_else(|| Form::new(language, typed_retention(&kept.item, kept.revision)))
        .prefixed("keep-");
    let password = refused.password.unwrap_or_else(|| Form::new(language, Typed::default())).prefixed("own-");
    let page = super::page(reader, "settings-company", doors.clock.now())
        .with_form(&company)
        .with_form(&retention)
        .with_form(&password);
    let status = [&company, &retention, &password]
        .into_iter()
        .find(|form| form.is_wrong())
        .map_or(company.status, |form| form.status);
    let choices = [ByCaller::Approve, ByCaller::AtOnce];
    let by_caller = choices
        .map(|one| {
            let key = format!("by-caller-{}", one.as_str().replace('_', "-"));
            (one.as_str().to_owned(), page.t(key).to_string())
        })
        .into();
    let shown = CompanyPage {
        page,
        company,
        retention,
        password,
        kinds: Kept::ALL,
        by_caller,
        may_write: reader.may(Verb::Write, Subject::Tenant),
        tenant: tenant.item,
    };
    show_with(status, &shown)
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    page(&doors, &reader, Refused::default()).await
}

async fn company(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let zone = form.typed().get("zone").parse();
    if zone.is_err() {
        let words = form.t("fault-zone");
        form.fault("zone", words);
    }
    let mut networks = vec![];
    for line in form.typed().raw("networks").split_whitespace().map(str::to_owned).collect::<Vec<_>>() {
        match line.parse() {
            Ok(network) => networks.push(network),
            Err(_) => {
                let words = form.t("fault-networks");
                form.fault("networks", words);
                break;
            }
        }
    }
    let (Ok(zone), false) = (zone, form.is_wrong()) else {
        return page(&doors, &reader, Refused { company: Some(form), ..Refused::default() }).await;
    };
    let name = form.typed().get("name").to_owned();
    let (now, seen) = (doors.clock.now(), form.typed().seen());
    let listening_in = form.typed().holds("listening-in", "yes");
    let change = |tenant: &Tenant| Ok(Tenant { name, zone, networks, listening_in, ..tenant.clone() });
    match tenants::edit(&doors.store, &reader.by, now, reader.address, seen, change).await {
        Ok(_) => Ok(reader.done(super::PATH, &reader.t("settings-saved"))),
        Err(app::Error::Stale) => {
            let kept = tenants::get(&doors.store, &reader.by).await?;
            let form = form.stale(
                typed_company(&kept.item, kept.revision),
                reader.faster(&doors, reader.by.tenant().as_str()).await?,
            );
            page(&doors, &reader, Refused { company: Some(form), ..Refused::default() }).await
        }
        Err(error) => {
            let form = form.refused(error)?;
            page(&doors, &reader, Refused { company: Some(form), ..Refused::default() }).await
        }
    }
}

async fn retention(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let mut days = [0_u32; Kept::ALL.len()];
    for (kind, days) in Kept::ALL.into_iter().zip(&mut days) {
        match form.typed().get(kind.as_str()).parse() {
            Ok(count) => *days = count,
            Err(_) => {
                let words = form.t("fault-days");
                form.fault(kind.as_str(), words);
            }
        }
    }
    let by_caller: ByCaller = form.typed().get("by-caller").parse().unwrap_or_default();
    if form.is_wrong() {
        return page(&doors, &reader, Refused { retention: Some(form), ..Refused::default() }).await;
    }
    let [recordings, transcripts, messages, calls, appointments, contacts] = days;
    let wanted = Retention { recordings, transcripts, messages, calls, appointments, contacts, by_caller };
    let (now, seen) = (doors.clock.now(), form.typed().seen());
    match forgetting::edit_retention(&doors.store, &reader.by, now, seen, |_| Ok(wanted)).await {
        Ok(_) => Ok(reader.done(super::PATH, &reader.t("settings-retention-saved"))),
        Err(app::Error::Stale) => {
            let kept = forgetting::retention(&doors.store, &reader.by).await?;
            let form = form
                .stale(typed_retention(&kept.item, kept.revision), reader.faster(&doors, "retention").await?);
            page(&doors, &reader, Refused { retention: Some(form), ..Refused::default() }).await
        }
        Err(error) => {
            let form = form.refused(error)?;
            page(&doors, &reader, Refused { retention: Some(form), ..Refused::default() }).await
        }
    }
}

async fn password(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(reader.language, typed);
    let current = SecretString::from(form.typed().raw("current-password"));
    let new = SecretString::from(form.typed().raw("password"));
    let now = doors.clock.now();
    match doors.people.change_password(reader.proven()?, &current, &new, now).await {
        Ok(grant) => {
            let mut response = reader.done(super::PATH, &reader.t("settings-password-saved"));
            visitor::keep_session(&mut response, &grant);
            Ok(response)
        }
        Err(error) => {
            let form = form.refused(error)?;
            page(&doors, &reader, Refused { password: Some(form), ..Refused::default() }).await
        }
    }
}
