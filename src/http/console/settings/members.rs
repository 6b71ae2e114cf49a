//! `/console/settings/members`: who works here, as what, and who is invited.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};

use crate::{
    app::people::{invitations, members},
    domain::{
        email::Email,
        id::UserId,
        people::{Role, Subject, Verb},
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
    store::{Invitation, Member},
};

/// People and invitations on the page.
const ON_PAGE: u32 = 200;
const PATH: &str = "/console/settings/members";

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/settings/members", get(show).post(invite))
        .route("/console/settings/members/{user}", post(edit))
        .route("/console/settings/members/{user}/remove", post(remove))
        .route("/console/settings/members/{user}/second-factor", post(help_in))
        .route("/console/settings/invitations/{invitation}/revoke", post(revoke))
}

#[derive(Template)]
#[template(path = "settings/members.html", config = ".askama.toml")]
struct MembersPage {
    page: Page,
    form: Form,
    members: Vec<Revised<Member>>,
    invited: Vec<Invitation>,
    roles: Vec<(String, String)>,
    own: Option<UserId>,
    guarded: Vec<UserId>,
    may_write: bool,
    may_own: bool,
}

impl MembersPage {
    /// Whether the reader decides about that member.
    fn decides(&self, member: &Member) -> bool {
        self.may_write && (self.may_own || member.role != Role::Owner)
    }
}

async fn page(doors: &Doors, reader: &Reader, form: Form) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let members = members::list(&doors.store, &reader.by, None, ON_PAGE).await?.items;
    let mut invited = invitations::list(&doors.store, &reader.by, None, ON_PAGE).await?.items;
    invited.retain(|invitation| invitation.is_open(now));
    let page = super::page(reader, "settings-members", now).with_form(&form);
    // Only owners decide about owners.
    let may_own = reader.may(Verb::Write, Subject::Tenant);
    let roles = Role::ALL
        .into_iter()
        .filter(|role| may_own || *role != Role::Owner)
        .map(|role| (role.as_str().to_owned(), page.t(format!("role-{}", role.as_str())).to_string()))
        .collect();
    let status = form.status;
    let may_write = reader.may(Verb::Write, Subject::Members);
    let own = reader.by.user().cloned();
    let guarded = if may_write { members::guarded(&doors.store, &reader.by).await? } else { vec![] };
    show_with(status, &MembersPage { page, form, members, invited, roles, own, guarded, may_write, may_own })
}

fn empty(reader: &Reader) -> Form {
    Form::new(reader.language, Typed::default().with("role", Role::Member.as_str()))
}

async fn show(State(doors): State<Doors>, reader: Reader) -> Result<Response, Failure> {
    let form = empty(&reader);
    page(&doors, &reader, form).await
}

async fn invite(State(doors): State<Doors>, reader: Reader, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(reader.language, typed);
    let role: Role = form.typed().get("role").parse().map_err(|_| Failure::NotFound)?;
    let Ok(email) = form.typed().get("email").parse::<Email>() else {
        let words = form.t("fault-email");
        form.fault("email", words);
        return page(&doors, &reader, form).await;
    };
    let invited = doors.people.invite(&reader.by, &email, role, Some(reader.language), doors.clock.now());
    match invited.await {
        Ok(_) => Ok(reader.done(PATH, &reader.t("members-invited").s("email", email.as_str()))),
        Err(error) => page(&doors, &reader, form.refused(error)?).await,
    }
}

/// Takes the second factor from a member who is locked out.
async fn help_in(
    State(doors): State<Doors>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    match doors.people.help_in(&reader.by, &user(&id)?, doors.clock.now()).await {
        Ok(()) => Ok(reader.done(PATH, &reader.t("members-factor-removed"))),
        Err(error) => page(&doors, &reader, empty(&reader).refused(error)?).await,
    }
}

fn user(text: &str) -> Result<UserId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

async fn edit(
    State(doors): State<Doors>,
    reader: Reader,
    Path(id): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let role: Role = typed.get("role").parse().map_err(|_| Failure::NotFound)?;
    let id = user(&id)?;
    match members::edit(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen(), role).await {
        Ok(kept) => {
            let said = reader.t("members-changed").s("email", kept.item.email.as_str());
            Ok(reader.done(PATH, &said))
        }
        Err(error) => page(&doors, &reader, empty(&reader).refused(error)?).await,
    }
}

async fn remove(
    State(doors): State<Doors>,
    reader: Reader,
    Path(id): Path<String>,
    typed: Typed,
) -> Result<Response, Failure> {
    let id = user(&id)?;
    match members::remove(&doors.store, &reader.by, doors.clock.now(), &id, typed.seen()).await {
        Ok(()) => Ok(reader.done(PATH, &reader.t("members-removed"))),
        Err(error) => page(&doors, &reader, empty(&reader).refused(error)?).await,
    }
}

async fn revoke(
    State(doors): State<Doors>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::NotFound)?;
    match invitations::revoke(&doors.store, &reader.by, doors.clock.now(), &id).await {
        Ok(()) => Ok(reader.done(PATH, &reader.t("members-revoked"))),
        Err(error) => page(&doors, &reader, empty(&reader).refused(error)?).await,
    }
}
