//! `/console/settings/keys`: programs' ways in: made, shown once, taken back.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use secrecy::ExposeSecret;

use crate::{
    app::people::api_keys::{self, Wanted},
    domain::{
        people::{Scope, Subject, Verb},
        revision::Revised,
    },
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, Typed},
            page::{Page, show_with},
            visitor::Reader,
        },
    },
    store::ApiKey,
};

const ON_PAGE: u32 = 200;
const PATH: &str = "/console/settings/keys";

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/settings/keys", get(show).post(make))
        .route("/console/settings/keys/{key}/revoke", post(revoke))
}

#[derive(Template)]
#[template(path = "settings/keys.html", config = ".askama.toml")]
struct KeysPage {
    page: Page,
    form: Form,
    keys: Vec<Revised<ApiKey>>,
    subjects: Vec<Subject>,
    /// The text of a key that was just made: shown this once.
    fresh: Option<String>,
    may_write: bool,
}

async fn page(
    doors: &Doors,
    reader: &Reader,
    form: Form,
    fresh: Option<String>,
) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let keys = api_keys::list(&doors.store, &reader.by, None, ON_PAGE).await?.items;
    let page = super::page(reader, "settings-keys", now).with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::ApiKeys);
    let status = form.status;
    show_with(status, &KeysPage { page, form, keys, subjects: Subject::ALL.to_vec(), fresh, may_write })
}

/// A right, as it is sent.
fn scope(subject: &Subject, verb: &str) -> String {
    format!("{}:{verb}", subject.as_str())
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default());
    page(&doors, &reader, form, None).await
}

async fn make(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(reader.language, typed);
    let held: BTreeSet<&str> = form.typed().all("scopes").collect();
    let scopes = Scope::all().filter(|scope| held.contains(scope.to_string().as_str())).collect();
    let name = form.typed().get("name").to_owned();
    let wanted = Wanted { name, scopes, per_minute_max: None, expires_at: None };
    match api_keys::create(&doors.store, &reader.by, doors.clock.now(), wanted).await {
        Ok(made) => {
            let fresh = made.text.expose_secret().to_owned();
            let mut form = Form::new(reader.language, Typed::default());
            form.status = StatusCode::CREATED;
            page(&doors, &reader, form, Some(fresh)).await
        }
        Err(error) => page(&doors, &reader, form.refused(error)?, None).await,
    }
}

async fn revoke(
    State(doors): State<Doors>,
    reader: Reader,
    Path(key): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = key.parse().map_err(|_| Failure::NotFound)?;
    api_keys::revoke(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen()).await?;
    Ok(reader.done(PATH, &reader.t("keys-revoked")))
}
