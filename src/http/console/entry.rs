//! `/console/entry/*`: in and out: sign in, register, accept an invitation, choose another password, and what a reader sets
//! for themselves wherever they are: language, colours, tenant.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    failure::Failure,
    form::{Form, Typed},
    page::{Page, show_with},
    visitor::{self, Colours, Visitor},
};
use crate::{
    app::{
        self,
        people::{
            entry::{Grant, Registration},
            second_factor::{Credentials, Entered},
        },
    },
    domain::{assistant::Language, email::Email},
    http::{Doors, limits::Kind},
    platform::tokens::fingerprint,
};

pub(super) fn router() -> Router<Doors> {
    Router::new()
        .route("/console/entry/login", get(login_page).post(login))
        .route("/console/entry/code", post(code))
        .route("/console/entry/register", get(register_page).post(register))
        .route("/console/entry/forgot", get(forgot_page).post(forgot))
        .route("/console/reset", get(reset_page).post(reset))
        .route("/console/invitation", get(invitation_page).post(invitation))
        .route("/console/entry/logout", post(logout))
        .route("/console/entry/language", post(language))
        .route("/console/entry/colours", post(colours))
        .route("/console/entry/switch", post(switch))
        .route("/console/entry/leave", post(leave))
}

#[derive(Template)]
#[template(path = "entry/login.html", config = ".askama.toml")]
struct LoginPage {
    page: Page,
    form: Form,
    registration: bool,
}

#[derive(Template)]
#[template(path = "entry/code.html", config = ".askama.toml")]
struct CodePage {
    page: Page,
    form: Form,
}

#[derive(Template)]
#[template(path = "entry/register.html", config = ".askama.toml")]
struct RegisterPage {
    page: Page,
    form: Form,
    registration: bool,
}

#[derive(Template)]
#[template(path = "entry/forgot.html", config = ".askama.toml")]
struct ForgotPage {
    page: Page,
    form: Form,
    sent: bool,
}

#[derive(Template)]
#[template(path = "entry/reset.html", config = ".askama.toml")]
struct ResetPage {
    page: Page,
    form: Form,
}

#[derive(Template)]
#[template(path = "entry/invitation.html", config = ".askama.toml")]
struct InvitationPage {
    page: Page,
    form: Form,
    offer: Option<Offered>,
}

/// What an invitation offers.
struct Offered {
    tenant: String,
    role: &'static str,
    email: String,
    has_account: bool,
}

fn titled(doors: &Doors, visitor: &Visitor, key: &str, form: &Form) -> Page {
    Page::new(visitor, "", visitor.t(key), doors.clock.now()).with_form(form)
}

/// Lets somebody in, or says why not, such as that a code is needed as well; attempts are counted by address and by account.
pub(super) async fn let_in(
    doors: &Doors,
    visitor: &Visitor,
    email: &str,
    shown: Credentials<'_>,
    tenant: Option<&str>,
) -> Result<Grant, app::Error> {
    count(doors, visitor, email)?;
    let email: Email = email.parse().map_err(|_| WRONG)?;
    let now = doors.clock.now();
    match doors.people.login_in_steps(&email, shown.password, tenant, now).await {
        // She works there no more: wherever else she does.
        Err(app::Error::NotFound(_)) => doors.people.login(&email, shown, None, now).await,
        Err(error) => Err(error),
        Ok(Entered::In(grant)) => Ok(*grant),
        Ok(Entered::CodeAsked(asked)) => match shown.code {
            None => Err(app::Error::SecondFactor),
            Some(code) => doors.people.login_by_code(&asked, code, tenant, now).await,
        },
    }
}

const WRONG: app::Error = app::Error::Unauthenticated("The address or the password is not right.");

/// Counts an attempt to be let in.
fn count(doors: &Doors, visitor: &Visitor, account: &str) -> Result<(), app::Error> {
    let address = visitor.address.map(|address| format!("address {address}"));
    let account = format!("account {}", fingerprint(&account.trim().to_lowercase()));
    for asker in address.into_iter().chain([account]) {
        if let Err((_, left)) = doors.limits.count(Kind::Authentication, &asker) {
            return Err(app::Error::Later { wait: left.wait(), why: "too many attempts" });
        }
    }
    Ok(())
}

/// The form of somebody who was not let in.
pub(super) fn unlet(
    mut form: Form,
    error: app::Error,
    field: &str,
    code_field: &str,
) -> Result<Form, Failure> {
    if matches!(error, app::Error::SecondFactor) {
        let words = form.t("code-needed");
        form.fault(code_field, words);
        form.status = StatusCode::UNAUTHORIZED;
        return Ok(form);
    }
    if !matches!(error, app::Error::Unauthenticated(_)) {
        return form.refused(error);
    }
    let said = if form.typed().ticked(code_field) { "login-wrong-code" } else { "login-wrong" };
    let words = form.t(said);
    form.fault(field, words);
    form.status = StatusCode::UNAUTHORIZED;
    Ok(form)
}

async fn login_page(State(doors): State<Doors>, visitor: Visitor, asked: Asked) -> Result<Response, Failure> {
    if visitor.inside.is_some() {
        return Ok(Redirect::to(visitor::onward(&asked.next)).into_response());
    }
    let form = Form::new(visitor.language, Typed::default().with("next", &asked.next));
    let page = titled(&doors, &visitor, "login-title", &form);
    show_with(StatusCode::OK, &LoginPage { page, form, registration: doors.people.registration() })
}

async fn login(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, typed);
    let password = SecretString::from(form.typed().raw("password"));
    let next = visitor::onward(form.typed().get("next")).to_owned();
    let email = form.typed().get("email");
    let tried = match (count(&doors, &visitor, email), email.parse::<Email>()) {
        (Err(error), _) => Err(error),
        (Ok(()), Err(_)) => Err(WRONG),
        (Ok(()), Ok(email)) => {
            let (at, now) = (visitor.was_at.as_deref(), doors.clock.now());
            match doors.people.login_in_steps(&email, &password, at, now).await {
                // She works there no more: wherever else she does.
                Err(app::Error::NotFound(_)) => {
                    doors.people.login_in_steps(&email, &password, None, now).await
                }
                answer => answer,
            }
        }
    };
    match tried {
        Ok(Entered::In(grant)) => Ok(entered(&visitor, &grant, &next)),
        Ok(Entered::CodeAsked(asked)) => {
            let typed = Typed::default().with("next", next).with("asked", asked.expose_secret());
            let form = Form::new(visitor.language, typed);
            let page = titled(&doors, &visitor, "code-title", &form);
            show_with(StatusCode::OK, &CodePage { page, form })
        }
        Err(error) => {
            let form = unlet(form, error, "email", "code")?;
            let page = titled(&doors, &visitor, "login-title", &form);
            let registration = doors.people.registration();
            show_with(form.status, &LoginPage { page, form, registration })
        }
    }
}

/// The code of whoever has shown her password.
async fn code(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(visitor.language, typed);
    let asked = SecretString::from(form.typed().get("asked"));
    let code = SecretString::from(form.typed().get("code"));
    let (at, now) = (visitor.was_at.as_deref(), doors.clock.now());
    let tried = match count(&doors, &visitor, form.typed().get("asked")) {
        Ok(()) => doors.people.login_by_code(&asked, &code, at, now).await,
        Err(error) => Err(error),
    };
    match tried {
        Ok(grant) => {
            let next = visitor::onward(form.typed().get("next")).to_owned();
            Ok(entered(&visitor, &grant, &next))
        }
        Err(error) => {
            if matches!(error, app::Error::Unauthenticated(_)) {
                let words = form.t("fault-code");
                form.fault("code", words);
                form.status = StatusCode::UNAUTHORIZED;
            } else {
                form = form.refused(error)?;
            }
            let page = titled(&doors, &visitor, "code-title", &form);
            show_with(form.status, &CodePage { page, form })
        }
    }
}

/// On into the console, with the session kept.
fn entered(visitor: &Visitor, grant: &Grant, next: &str) -> Response {
    let next = if grant.at.is_none() { "/console" } else { next };
    let mut response = Redirect::to(next).into_response();
    visitor::keep_session(&mut response, grant);
    if visitor.language == grant.user.language {
        return response;
    }
    visitor::keep_language(&mut response, visitor.language);
    response
}

async fn register_page(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, Typed::default());
    let page = titled(&doors, &visitor, "register-title", &form);
    show_with(StatusCode::OK, &RegisterPage { page, form, registration: doors.people.registration() })
}

async fn register(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(visitor.language, typed);
    let email = form.typed().get("email").parse::<Email>();
    if email.is_err() {
        let words = form.t("fault-email");
        form.fault("email", words);
    }
    let zone = form.typed().maybe("zone").and_then(|zone| zone.parse().ok());
    let tried = match email {
        Ok(email) => match count(&doors, &visitor, email.as_str()) {
            Ok(()) => {
                let registration = Registration {
                    tenant: form.typed().get("tenant").to_owned(),
                    email,
                    name: form.typed().get("name").to_owned(),
                    password: SecretString::from(form.typed().raw("password")),
                    code: form.typed().maybe("code").map(SecretString::from),
                    language: visitor.language,
                    zone,
                };
                doors.people.register(registration, doors.clock.now()).await
            }
            Err(error) => Err(error),
        },
        Err(_) => Err(app::Error::Invalid(vec![])),
    };
    match tried {
        Ok(grant) => Ok(entered(&visitor, &grant, "/console")),
        Err(error) => {
            if !form.is_wrong() || !matches!(error, app::Error::Invalid(_)) {
                form = unlet(form, error, "password", "code")?;
            }
            let page = titled(&doors, &visitor, "register-title", &form);
            let registration = doors.people.registration();
            show_with(form.status, &RegisterPage { page, form, registration })
        }
    }
}

async fn forgot_page(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, Typed::default());
    let page = titled(&doors, &visitor, "forgot-title", &form);
    show_with(StatusCode::OK, &ForgotPage { page, form, sent: false })
}

async fn forgot(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let mut form = Form::new(visitor.language, typed);
    let sent = match form.typed().get("email").parse::<Email>() {
        Ok(email) => match count(&doors, &visitor, email.as_str()) {
            Ok(()) => doors.people.forgot(&email, doors.clock.now()).await,
            Err(error) => Err(error),
        },
        Err(_) => {
            let words = form.t("fault-email");
            form.fault("email", words);
            Ok(())
        }
    };
    let form = match sent {
        Ok(()) => form,
        Err(error) => form.refused(error)?,
    };
    let page = titled(&doors, &visitor, "forgot-title", &form);
    let sent = !form.is_wrong();
    show_with(form.status, &ForgotPage { page, form, sent })
}

async fn reset_page(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, Typed::default());
    let page = titled(&doors, &visitor, "reset-title", &form);
    show_with(StatusCode::OK, &ResetPage { page, form })
}

async fn reset(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, typed);
    let token = SecretString::from(bare(form.typed().get("token")));
    let password = SecretString::from(form.typed().raw("password"));
    let tried = match count(&doors, &visitor, "reset") {
        Ok(()) => doors.people.reset(&token, &password, doors.clock.now()).await,
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) => Ok(visitor.done("/console/entry/login", &visitor.t("reset-done"))),
        Err(error) => {
            let form = form.refused(error)?;
            let page = titled(&doors, &visitor, "reset-title", &form);
            show_with(form.status, &ResetPage { page, form })
        }
    }
}

async fn invitation_page(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let form = Form::new(visitor.language, Typed::default());
    let page = titled(&doors, &visitor, "invitation-title", &form);
    show_with(StatusCode::OK, &InvitationPage { page, form, offer: None })
}

async fn invitation(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let now = doors.clock.now();
    let mut form = Form::new(visitor.language, typed);
    let token = SecretString::from(bare(form.typed().get("token")));
    let offer = match count(&doors, &visitor, "invitation") {
        Ok(()) => doors.people.offer(&token, now).await,
        Err(error) => Err(error),
    };
    let offer = match offer {
        Ok(offer) => Some(Offered {
            tenant: offer.tenant,
            role: offer.invitation.role.as_str(),
            email: offer.invitation.email.as_str().to_owned(),
            has_account: offer.has_account,
        }),
        Err(app::Error::NotFound(_)) => {
            let words = form.t("invitation-over");
            form.fault("token", words);
            None
        }
        Err(error) => {
            form = form.refused(error)?;
            None
        }
    };
    // The first form asks what is offered; the second, which has a password, accepts it.
    if offer.is_some() && form.typed().ticked("password") {
        let password = SecretString::from(form.typed().raw("password"));
        let code = form.typed().maybe("code").map(SecretString::from);
        let shown = Credentials { password: &password, code: code.as_ref() };
        match doors.people.accept(&token, shown, form.typed().get("name"), visitor.language, now).await {
            Ok(grant) => return Ok(entered(&visitor, &grant, "/console")),
            Err(error) => form = unlet(form, error, "password", "code")?,
        }
    }
    let page = titled(&doors, &visitor, "invitation-title", &form);
    show_with(form.status, &InvitationPage { page, form, offer })
}

/// The token of what was pasted: the whole link of a mail, or what stands behind its mark.
fn bare(pasted: &str) -> &str {
    pasted.rsplit_once("#token=").map_or(pasted, |(_, token)| token)
}

async fn logout(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    if let Some(inside) = &visitor.inside {
        doors.people.logout(&inside.proven, doors.clock.now()).await?;
    }
    let mut response = visitor.done("/console/entry/login", &visitor.t("logout-done"));
    visitor::forget_session(&mut response);
    Ok(response)
}

async fn language(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let language: Language = typed.get("language").parse().map_err(|_| Failure::NotFound)?;
    if let Some(inside) = &visitor.inside {
        doors.people.set_language(&inside.proven, language).await?;
    }
    let mut response = back(&typed);
    visitor::keep_language(&mut response, language);
    Ok(response)
}

async fn colours(typed: Typed) -> Response {
    let mut response = back(&typed);
    visitor::keep_colours(&mut response, Colours::of(typed.get("colours")));
    response
}

/// Back to where a form was sent from.
fn back(typed: &Typed) -> Response {
    let to = typed.get("back");
    let entry = to.starts_with("/console/entry/") || to == "/";
    let ours = entry && !to.contains(['\\', '\n', '\r']);
    Redirect::to(if ours { to } else { visitor::onward(to) }).into_response()
}

async fn switch(State(doors): State<Doors>, visitor: Visitor, typed: Typed) -> Result<Response, Failure> {
    let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
    let now = doors.clock.now();
    let grant = doors.people.switch(&inside.proven, typed.get("tenant"), now).await?;
    doors.people.logout(&inside.proven, now).await?;
    Ok(entered(&visitor, &grant, "/console"))
}

/// Lets an operator out of the tenant she has entered.
async fn leave(State(doors): State<Doors>, visitor: Visitor) -> Result<Response, Failure> {
    let inside = visitor.inside.as_ref().ok_or(Failure::SignIn)?;
    let now = doors.clock.now();
    let grant = doors.people.leave(&inside.proven, now).await?;
    doors.people.logout(&inside.proven, now).await?;
    let mut response = Redirect::to("/console/operator").into_response();
    visitor::forget_session(&mut response);
    visitor::keep_session(&mut response, &grant);
    Ok(response)
}

/// What the page of signing in is asked for.
struct Asked {
    next: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let query = Typed::read(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { next: query.get("next").to_owned() })
    }
}
