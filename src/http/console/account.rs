//! `/console/account`: the reader's own name, and her second factor: set up, confirmed, taken away. Open to everybody who is signed in,
//! wherever they work.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    failure::Failure,
    form::{Form, Typed},
    page::{Page, show_with},
    qr::Qr,
    visitor::Visitor,
};
use crate::{
    app::{
        Error,
        people::{
            Proven,
            second_factor::{Credentials, Factor},
        },
    },
    http::{Doors, limits::Kind},
};

const PATH: &str = "/console/account";

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route(PATH, get(show))
        .route("/console/account/name", post(rename))
        .route("/console/account/second-factor", post(begin))
        .route("/console/account/second-factor/confirm", post(confirm))
        .route("/console/account/second-factor/remove", post(remove))
}

#[derive(Template)]
#[template(path = "account.html", config = ".askama.toml")]
struct AccountPage {
    page: Page,
    form: Form,
    /// What she is called.
    named: Form,
    factor: Factor,
    setup: Option<Setup>,
    codes: Vec<String>,
}

/// What an authenticator is set up with, as it is shown.
struct Setup {
    secret: String,
    qr: Option<Qr>,
}

fn proven(visitor: &Visitor) -> Result<&Proven, Failure> {
    Ok(&visitor.inside.as_ref().ok_or(Failure::SignIn)?.proven)
}

async fn page(doors: &Doors, visitor: &Visitor, form: Form, codes: Vec<String>) -> Result<Response, Failure> {
    let name = visitor.inside.as_ref().map(|inside| inside.me.user.name.clone()).unwrap_or_default();
    let named = Form::new(visitor.language, Typed::default().with("name", name));
    page_of(doors, visitor, form, named, codes).await
}

async fn page_of(
    doors: &Doors,
    visitor: &Visitor,
    form: Form,
    named: Form,
    codes: Vec<String>,
) -> Result<Response, Failure> {
    let by = proven(visitor)?;
    let factor = doors.people.factor(by).await?;
    let setup = if factor.since.is_none() { doors.people.factor_underway(by).await? } else { None };
    let setup = setup.map(|setup| {
        let letters: Vec<char> = setup.secret.expose_secret().chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        let qr = Qr::of(setup.link.expose_secret(), visitor.t("factor-qr"));
        Setup { secret: groups.join(" "), qr }
    });
    let page = Page::new(visitor, PATH, visitor.t("account-title"), doors.clock.now());
    let page = page.with_form(&form).with_form(&named);
    let status = if named.is_wrong() { named.status } else { form.status };
    show_with(status, &AccountPage { page, form, named, factor, setup, codes })
}

/// Keeps what the reader is called.
async fn rename(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let named = Form::new(visitor.language, typed);
    match doors.people.set_name(proven(&visitor)?, named.typed().get("name")).await {
        Ok(()) => Ok(visitor.done(PATH, &visitor.t("own-name-kept"))),
        Err(error) => {
            let form = Form::new(visitor.language, Typed::default());
            page_of(&doors, &visitor, form, named.refused(error)?, vec![]).await
        }
    }
}

async fn show(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, Typed::default());
    page(&doors, &visitor, form, vec![]).await
}

/// Counts a try at the reader's own account.
fn count(doors: &Doors, by: &Proven) -> Result<(), Error> {
    let Some(user) = by.user() else { return Ok(()) };
    let counted = doors.limits.count(Kind::Authentication, &format!("account {user}"));
    counted.map(drop).map_err(|(_, left)| Error::Later { wait: left.wait(), why: "too many attempts" })
}

async fn begin(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let by = proven(&visitor)?;
    let form = Form::new(visitor.language, typed);
    let password = SecretString::from(form.typed().raw("current-password"));
    let begun = match count(&doors, by) {
        Ok(()) => doors.people.begin_factor(by, &password, doors.clock.now()).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(_) => Ok(visitor.done(PATH, &visitor.t("factor-begun"))),
        Err(error) => page(&doors, &visitor, form.refused(error)?, vec![]).await,
    }
}

async fn confirm(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let by = proven(&visitor)?;
    let form = Form::new(visitor.language, typed);
    let code = SecretString::from(form.typed().get("code"));
    let confirmed = match count(&doors, by) {
        Ok(()) => doors.people.confirm_factor(by, &code, doors.clock.now()).await,
        Err(error) => Err(error),
    };
    match confirmed {
        Ok(codes) => {
            let codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
            page(&doors, &visitor, Form::new(visitor.language, Typed::default()), codes).await
        }
        Err(error) => page(&doors, &visitor, form.refused(error)?, vec![]).await,
    }
}

async fn remove(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let by = proven(&visitor)?;
    let form = Form::new(visitor.language, typed);
    let password = SecretString::from(form.typed().raw("current-password"));
    let code = SecretString::from(form.typed().get("code"));
    let shown = Credentials { password: &password, code: Some(&code) };
    let removed = match count(&doors, by) {
        Ok(()) => doors.people.remove_factor(by, shown, doors.clock.now()).await,
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Ok(visitor.done(PATH, &visitor.t("factor-removed"))),
        Err(error) => page(&doors, &visitor, form.refused(error)?, vec![]).await,
    }
}
