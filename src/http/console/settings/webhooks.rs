//! `/console/settings/webhooks`: programs that are told what happens: where, of what, with which secret, and how that went.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use secrecy::ExposeSecret;

use crate::{
    app,
    domain::{
        id::WebhookId,
        people::{Subject, Verb},
        revision::{Revised, Revision},
        webhook::{Condition, Delivery, DeliveryState, EventKind, Webhook},
    },
    http::{
        Doors,
        console::{
            failure::Failure,
            form::{Form, SEEN, Typed},
            lists::{self, Next},
            page::{Page, show_with},
            visitor::Reader,
        },
    },
    platform::ids,
};

const ON_PAGE: u32 = 100;
const DELIVERIES_ON_PAGE: u32 = 50;
const PATH: &str = "/console/settings/webhooks";

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/settings/webhooks", get(list).post(make))
        .route("/console/settings/webhooks/{webhook}", get(one).post(edit))
        .route("/console/settings/webhooks/{webhook}/{act}", post(act))
        .route("/console/settings/webhooks/{webhook}/deliveries/{delivery}", post(resend))
}

#[derive(Template)]
#[template(path = "settings/webhooks.html", config = ".askama.toml")]
struct ListPage {
    page: Page,
    form: Form,
    webhooks: Vec<(Revised<Webhook>, Condition)>,
    kinds: Vec<&'static str>,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "settings/webhook.html", config = ".askama.toml")]
struct OnePage {
    page: Page,
    form: Form,
    webhook: Webhook,
    condition: Condition,
    kinds: Vec<&'static str>,
    deliveries: Vec<Delivery>,
    next: Option<Next>,
    /// A secret that was just made: shown this once.
    secret: Option<String>,
    may_write: bool,
}

fn kinds() -> Vec<&'static str> {
    EventKind::ALL.into_iter().filter(|kind| kind.can_be_asked_for()).map(EventKind::as_str).collect()
}

fn typed_of(webhook: &Webhook, revision: Revision) -> Typed {
    let mut typed = Typed::default()
        .with(SEEN, revision.0)
        .with("url", &webhook.url)
        .with("description", &webhook.description);
    for kind in &webhook.kinds {
        typed = typed.with("kinds", kind.as_str());
    }
    if webhook.active { typed.with("active", "yes") } else { typed }
}

fn asked_for(typed: &Typed) -> BTreeSet<EventKind> {
    typed.all("kinds").filter_map(|word| word.parse().ok()).collect()
}

async fn list_page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let webhooks = doors.webhooks.list(&reader.by, None, ON_PAGE).await?.items;
    let page = super::page(reader, "settings-webhooks", doors.clock.now()).with_form(&form);
    let may_write = reader.may(Verb::Write, Subject::Webhooks);
    let status = form.status;
    show_with(status, &ListPage { page, form, webhooks, kinds: kinds(), may_write })
}

async fn list(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = Form::new(reader.language, Typed::default());
    list_page(&doors, &reader, form).await
}

async fn make(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(reader.language, typed);
    let now = doors.clock.now();
    let wanted = Webhook {
        id: WebhookId::of(ids::fresh(now)),
        url: form.typed().get("url").to_owned(),
        description: form.typed().get("description").to_owned(),
        kinds: asked_for(form.typed()),
        active: true,
    };
    match doors.webhooks.create(&reader.by, now, wanted).await {
        Ok((made, secret)) => {
            let secret = Some(secret.expose_secret().to_owned());
            let mut form = Form::new(reader.language, typed_of(&made.0.item, made.0.revision));
            form.status = StatusCode::CREATED;
            one_page(&doors, &reader, &made.0.item.id.clone(), Some(form), &Typed::default(), secret).await
        }
        Err(error) => list_page(&doors, &reader, form.refused(error)?).await,
    }
}

async fn one_page(
    doors: &Doors,
    reader: &Reader,
    id: &WebhookId,
    form: Option<Form>,
    asked: &Typed,
    secret: Option<String>,
) -> Result<Response, Failure> {
    let (kept, condition) = doors.webhooks.get(&reader.by, id).await?;
    let after = lists::place(asked.get("after"));
    let deliveries =
        doors.webhooks.deliveries(&reader.by, id, None, after.as_ref(), DELIVERIES_ON_PAGE).await?;
    let form = form.unwrap_or_else(|| Form::new(reader.language, typed_of(&kept.item, kept.revision)));
    let title = if kept.item.description.is_empty() { &kept.item.url } else { &kept.item.description };
    let page = Page::new(reader, super::PATH, title, doors.clock.now()).with_form(&form);
    let shown = OnePage {
        page,
        webhook: kept.item,
        condition,
        kinds: kinds(),
        next: Next::of(deliveries.next.as_ref(), asked),
        deliveries: deliveries.items,
        secret,
        may_write: reader.may(Verb::Write, Subject::Webhooks),
        form,
    };
    let status = shown.form.status;
    show_with(status, &shown)
}

fn id_of(text: &str) -> Result<WebhookId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

async fn one(
    State(doors): State<Doors>,
    reader: Reader,
    Path(webhook): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let asked = Typed::read(query.unwrap_or_default().as_bytes());
    one_page(&doors, &reader, &id_of(&webhook)?, None, &asked, None).await
}

async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(webhook): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = id_of(&webhook)?;
    let form = Form::new(reader.language, typed);
    let (url, description) = (form.typed().get("url").to_owned(), form.typed().get("description").to_owned());
    let (kinds, active) = (asked_for(form.typed()), form.typed().ticked("active"));
    let change = |before: &Webhook| Ok(Webhook { id: before.id.clone(), url, description, kinds, active });
    match doors.webhooks.edit(&reader.by, doors.clock.now(), &id, form.typed().seen(), change).await {
        Ok(_) => Ok(reader.done(&format!("{PATH}/{id}"), &reader.t("webhooks-saved"))),
        Err(app::Error::Stale) => {
            let (kept, _) = doors.webhooks.get(&reader.by, &id).await?;
            let form =
                form.stale(typed_of(&kept.item, kept.revision), reader.faster(&doors, id.as_str()).await?);
            one_page(&doors, &reader, &id, Some(form), &Typed::default(), None).await
        }
        Err(error) => {
            let form = form.refused(error)?;
            one_page(&doors, &reader, &id, Some(form), &Typed::default(), None).await
        }
    }
}

/// What else is done with a webhook: `test`, `rotate`, `remove`.
async fn act(
    State(doors): State<Doors>,
    reader: Reader,
    Path((webhook, act)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = id_of(&webhook)?;
    let (now, back) = (doors.clock.now(), format!("{PATH}/{id}"));
    match act.as_str() {
        "test" => {
            doors.webhooks.test(&reader.by, now, &id).await?;
            Ok(reader.done(&back, &reader.t("webhooks-tested")))
        }
        "rotate" => {
            let (_, secret) = doors.webhooks.rotate(&reader.by, now, &id, typed.seen()).await?;
            let secret = Some(secret.expose_secret().to_owned());
            one_page(&doors, &reader, &id, None, &Typed::default(), secret).await
        }
        "remove" => {
            doors.webhooks.remove(&reader.by, now, &id, typed.seen()).await?;
            Ok(reader.done(PATH, &reader.t("webhooks-removed")))
        }
        _ => Err(Failure::NotFound),
    }
}

async fn resend(
    State(doors): State<Doors>,
    reader: Reader,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id = id_of(&webhook)?;
    let delivery = delivery.parse().map_err(|_| Failure::NotFound)?;
    doors.webhooks.resend(&reader.by, doors.clock.now(), &id, &delivery).await?;
    Ok(reader.done(&format!("{PATH}/{id}"), &reader.t("webhooks-resent")))
}
