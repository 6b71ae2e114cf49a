//! `/auth/*` and `/users/me`: being let in, and who one is.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::wire::{GrantShown, MeShown, language, taken};
use crate::{
    app::{
        self, Faults,
        people::{entry::Registration, second_factor::Credentials},
    },
    domain::{assistant::Language, email::Email},
    http::{
        Doors,
        api::form::{Body, Patch},
        auth::{Bearer, Person, Stranger},
        doc::MergePatch,
        problem::Problem,
    },
    platform::tokens::fingerprint,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(switch))
        .routes(routes!(forgot))
        .routes(routes!(reset))
        .routes(routes!(change_password))
        .routes(routes!(offer))
        .routes(routes!(accept))
        .routes(routes!(me, edit_me))
}

/// A tenant and its owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "tenant": "Praxis Sommer", "email": "ada@example.com", "password": "a few words in a row"
}))]
struct RegistrationWanted {
    /// The name of the business.
    tenant: String,
    /// The owner's address.
    #[schema(format = Email)]
    email: String,
    /// What those she works with call her.
    name: Option<String>,
    /// Her password: at least 15 characters; or the one of the account she has already.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// A code of the second factor of that account, if it has one.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// The language she is written to in: `de`, `en`; what the browser asks for when left out.
    language: Option<String>,
    /// Where the business's clocks hang, such as `Europe/Berlin`.
    zone: Option<String>,
}

/// Makes a tenant and its owner, and lets her in.
#[utoipa::path(post, path = "/auth/register", tag = "entry", request_body = RegistrationWanted,
    responses((status = CREATED, body = GrantShown)))]
async fn register(
    State(doors): State<Doors>,
    stranger: Stranger,
    headers: HeaderMap,
    Body(wanted): Body<RegistrationWanted>,
) -> Result<(StatusCode, Json<GrantShown>), Problem> {
    stranger.count(&account(&wanted.email))?;
    let mut faults = Faults::new();
    let email = faults.take(wanted.email.trim().parse(), "/email");
    let zone = wanted.zone.map(|zone| faults.take(zone.parse(), "/zone"));
    let (Some(email), None | Some(Some(_))) = (email, &zone) else {
        faults.settle()?;
        return Err(Problem::Internal);
    };
    let registration = Registration {
        tenant: wanted.tenant,
        email,
        name: wanted.name.unwrap_or_default(),
        password: wanted.password,
        code: wanted.code,
        language: language(wanted.language.as_deref(), accepted(&headers))?,
        zone: zone.flatten(),
    };
    let grant = doors.people.register(registration, doors.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(GrantShown::of(&grant))))
}

/// Who wants to be let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "password": "a few words in a row" }))]
struct LoginWanted {
    /// The address.
    #[schema(format = Email)]
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// A code of the second factor, or a recovery code. Needed where the answer without it is a problem of the kind
    /// `second-factor`.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// At which tenant, by id or slug; where the person has been working longest, when left out.
    tenant: Option<String>,
}

/// Lets somebody in. An unknown address and a wrong password get the same answer. Where a second factor guards the account, a
/// right password without a code gets a problem of the kind `second-factor`.
#[utoipa::path(post, path = "/auth/login", tag = "entry", request_body = LoginWanted,
    responses((status = OK, body = GrantShown)))]
async fn login(
    State(doors): State<Doors>,
    stranger: Stranger,
    Body(wanted): Body<LoginWanted>,
) -> Result<Json<GrantShown>, Problem> {
    stranger.count(&account(&wanted.email))?;
    let email: Email = taken(wanted.email.trim(), "/email")?;
    let tenant = wanted.tenant.as_deref();
    let shown = Credentials { password: &wanted.password, code: wanted.code.as_ref() };
    let grant = doors.people.login(&email, shown, tenant, doors.clock.now()).await?;
    Ok(Json(GrantShown::of(&grant)))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshWanted {
    /// The refresh token of the last pair.
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

/// The next pair of tokens. A refresh token is good once; used again later, it ends the session.
#[utoipa::path(post, path = "/auth/refresh", tag = "entry", request_body = RefreshWanted,
    responses((status = OK, body = GrantShown)))]
async fn refresh(
    State(doors): State<Doors>,
    _: Bearer,
    Body(wanted): Body<RefreshWanted>,
) -> Result<Json<GrantShown>, Problem> {
    let grant = doors.people.refresh(&wanted.refresh_token, doors.clock.now()).await?;
    Ok(Json(GrantShown::of(&grant)))
}

/// Ends the session: its tokens open nothing from here on.
#[utoipa::path(post, path = "/auth/logout", tag = "entry", security(("bearer" = [])),
    responses((status = NO_CONTENT)))]
async fn logout(State(doors): State<Doors>, Person(by): Person) -> Result<StatusCode, Problem> {
    doors.people.logout(&by, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchWanted {
    /// Its id or slug.
    tenant: String,
}

/// Lets whoever asks in at another tenant, in a session of its own. An operator may go anywhere; the tenant's audit
/// log tells it.
#[utoipa::path(post, path = "/auth/switch", tag = "entry", request_body = SwitchWanted, security(("bearer" = [])),
    responses((status = OK, body = GrantShown)))]
async fn switch(
    State(doors): State<Doors>,
    Person(by): Person,
    Body(wanted): Body<SwitchWanted>,
) -> Result<Json<GrantShown>, Problem> {
    Ok(Json(GrantShown::of(&doors.people.switch(&by, &wanted.tenant, doors.clock.now()).await?)))
}

/// Whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForgotWanted {
    /// The address.
    #[schema(format = Email)]
    email: String,
}

/// Writes a mail with a link to choose another password. The answer is the same whether the address is known or not.
#[utoipa::path(post, path = "/auth/forgot", tag = "entry", request_body = ForgotWanted,
    responses((status = ACCEPTED)))]
async fn forgot(
    State(doors): State<Doors>,
    stranger: Stranger,
    Body(wanted): Body<ForgotWanted>,
) -> Result<StatusCode, Problem> {
    stranger.count(&account(&wanted.email))?;
    let email: Email = taken(wanted.email.trim(), "/email")?;
    doors.people.forgot(&email, doors.clock.now()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetWanted {
    /// What the mail's link ends in.
    #[schema(value_type = String)]
    token: SecretString,
    /// The password: at least 15 characters.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Chooses another password with the token of a mail. Every session of the person ends.
#[utoipa::path(post, path = "/auth/reset", tag = "entry", request_body = ResetWanted,
    responses((status = NO_CONTENT)))]
async fn reset(
    State(doors): State<Doors>,
    _: Stranger,
    Body(wanted): Body<ResetWanted>,
) -> Result<StatusCode, Problem> {
    doors.people.reset(&wanted.token, &wanted.password, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The old and the next password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordWanted {
    /// The old one.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The next one: at least 15 characters.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Changes the password of whoever asks. Every session of the person ends; the answer begins a fresh one.
#[utoipa::path(post, path = "/auth/password", tag = "entry", request_body = PasswordWanted,
    security(("bearer" = [])), responses((status = OK, body = GrantShown)))]
async fn change_password(
    State(doors): State<Doors>,
    stranger: Stranger,
    Person(by): Person,
    Body(wanted): Body<PasswordWanted>,
) -> Result<Json<GrantShown>, Problem> {
    if let Some(user) = by.user() {
        stranger.count(user.as_str())?;
    }
    let (current, next) = (&wanted.current_password, &wanted.password);
    Ok(Json(GrantShown::of(&doors.people.change_password(&by, current, next, doors.clock.now()).await?)))
}

/// The token of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferAsked {
    /// What the mail's link ends in.
    #[schema(value_type = String)]
    token: SecretString,
}

/// What an invitation offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer)]
struct OfferShown {
    /// The name of the business.
    tenant: String,
    /// To whom.
    email: String,
    /// As what.
    role: &'static str,
    /// Until when.
    expires_at: String,
    /// Whether the address has an account already: then its password accepts; otherwise one is chosen.
    has_account: bool,
}

/// What the invitation of a token offers.
#[utoipa::path(post, path = "/auth/invitation", tag = "entry", request_body = OfferAsked,
    responses((status = OK, body = OfferShown)))]
async fn offer(
    State(doors): State<Doors>,
    _: Bearer,
    Body(asked): Body<OfferAsked>,
) -> Result<Json<OfferShown>, Problem> {
    let offer = doors.people.offer(&asked.token, doors.clock.now()).await?;
    Ok(Json(OfferShown {
        tenant: offer.tenant,
        email: offer.invitation.email.to_string(),
        role: offer.invitation.role.as_str(),
        expires_at: offer.invitation.expires_at.to_string(),
        has_account: offer.has_account,
    }))
}

/// How an invitation is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptWanted {
    /// What the mail's link ends in.
    #[schema(value_type = String)]
    token: SecretString,
    /// What those somebody works with call her whose account it makes.
    name: Option<String>,
    /// The password of the account, or the one that makes it: at least 15 characters.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// A code of the second factor of the account, if it has one.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// The language somebody is written to in whose account it makes.
    language: Option<String>,
}

/// Accepts an invitation and lets its bearer in.
#[utoipa::path(post, path = "/auth/accept", tag = "entry", request_body = AcceptWanted,
    responses((status = OK, body = GrantShown)))]
async fn accept(
    State(doors): State<Doors>,
    _: Stranger,
    headers: HeaderMap,
    Body(wanted): Body<AcceptWanted>,
) -> Result<Json<GrantShown>, Problem> {
    let language = language(wanted.language.as_deref(), accepted(&headers))?;
    let shown = Credentials { password: &wanted.password, code: wanted.code.as_ref() };
    let grant = doors.people.accept(
        &wanted.token,
        shown,
        wanted.name.as_deref().unwrap_or_default(),
        language,
        doors.clock.now(),
    );
    Ok(Json(GrantShown::of(&grant.await?)))
}

/// Who asks, where they act, and where else they work.
#[utoipa::path(get, path = "/users/me", tag = "entry", responses((status = OK, body = MeShown)))]
async fn me(State(doors): State<Doors>, Person(by): Person) -> Result<Json<MeShown>, Problem> {
    Ok(Json(MeShown::of(&doors.people.me(&by).await?)))
}

/// What a person changes about herself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeWanted {
    language: String,
    name: String,
}

/// Changes the language whoever asks is written to in, and the `name` by which those she works with know her: a JSON merge patch.
#[utoipa::path(patch, path = "/users/me", tag = "entry", request_body = MergePatch,
    responses((status = OK, body = MeShown)))]
async fn edit_me(
    State(doors): State<Doors>,
    Person(by): Person,
    patch: Patch,
) -> Result<Json<MeShown>, Problem> {
    let kept = doors.people.me(&by).await?;
    let wanted = patch
        .over(&MeWanted { language: kept.user.language.code().to_owned(), name: kept.user.name.clone() })?;
    let language: Language = taken(&wanted.language, "/language")?;
    doors.people.set_name(&by, &wanted.name).await?;
    doors.people.set_language(&by, language).await?;
    Ok(Json(MeShown::of(&doors.people.me(&by).await?)))
}

/// Under which name attempts at an account are counted, however it is written, and however long.
fn account(email: &str) -> String {
    fingerprint(&email.trim().to_ascii_lowercase())
}

fn accepted(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT_LANGUAGE).and_then(|field| field.to_str().ok())
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        match faults.settle() {
            Err(app::Error::Invalid(faults)) => Self::Invalid(faults),
            _ => Self::Internal,
        }
    }
}
