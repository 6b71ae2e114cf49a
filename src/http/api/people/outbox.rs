//! `/api/outbox`: mails that were written, for whoever runs the platform.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::people::outbox::Opened,
    http::{
        Doors,
        api::form::{Asked, Listed, PageAsked},
        auth::ByOperator,
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A mail.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailShown {
    /// Its id.
    id: String,
    /// To whom.
    to: String,
    /// What it is about.
    subject: String,
    /// The link in it, until it was sent.
    #[schema(required)]
    link: Option<String>,
    /// What has become of it: `waiting`, `sent`, `given_up`.
    state: &'static str,
    /// When it was written.
    created_at: String,
    /// Until when its link is good.
    expires_at: String,
    /// How often it has been tried.
    attempts: u32,
    /// What kept it from being sent the last time.
    #[schema(required)]
    problem: Option<String>,
    /// When it was sent.
    #[schema(required)]
    sent_at: Option<String>,
}

fn show_one(opened: &Opened) -> MailShown {
    let mail = &opened.mail;
    MailShown {
        id: mail.id.to_string(),
        to: mail.recipient.to_string(),
        subject: mail.subject.clone(),
        link: opened.link().map(str::to_owned),
        state: mail.state.as_str(),
        created_at: mail.created_at.to_string(),
        expires_at: mail.expires_at.to_string(),
        attempts: mail.attempts,
        problem: mail.problem.clone(),
        sent_at: mail.sent_at.map(|at| at.to_string()),
    }
}

/// The mails of the last thirty days, in the order of writing. Only for operators.
#[utoipa::path(get, path = "/api/outbox", tag = "outbox", params(PageAsked),
    responses((status = OK, body = Listed<MailShown>)))]
async fn list(
    State(doors): State<Doors>,
    ByOperator(by): ByOperator,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<MailShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = doors.people.outbox(&by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |mail| show_one(&mail)))
}
