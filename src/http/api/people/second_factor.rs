//! `/users/me/second-factor`: a code that is asked after the password; and taking it from a member who is locked out.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::people::second_factor::Credentials,
    http::{
        Doors,
        api::form::{Body, id},
        auth::{By, Person, Stranger},
        problem::Problem,
    },
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(show_factor, begin_factor))
        .routes(routes!(confirm_factor))
        .routes(routes!(remove_factor))
        .routes(routes!(help_in))
}

/// How the asker's second factor stands.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactor)]
struct FactorShown {
    /// Since when it guards the account; left out where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Recovery codes that were not used.
    recovery_codes_left: u64,
    /// Whether whoever runs this server demands one of the asker.
    demanded: bool,
}

/// Whether a second factor guards the account of whoever asks.
#[utoipa::path(get, path = "/users/me/second-factor", tag = "entry", responses((status = OK, body = FactorShown)))]
async fn show_factor(State(doors): State<Doors>, Person(by): Person) -> Result<Json<FactorShown>, Problem> {
    let factor = doors.people.factor(&by).await?;
    Ok(Json(FactorShown {
        since: factor.since.map(|since| since.to_string()),
        recovery_codes_left: factor.codes_left,
        demanded: factor.demanded,
    }))
}

/// What beginning takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FactorWanted {
    /// The asker's password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
}

/// What an authenticator is set up with.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorSetup)]
struct SetupShown {
    /// The shared secret, in base32: six digits, thirty seconds, SHA-1.
    secret: String,
    /// The same as a link, to be shown as a QR code.
    link: String,
}

/// Begins to set a second factor up. It guards nothing until it is confirmed.
#[utoipa::path(post, path = "/users/me/second-factor", tag = "entry", request_body = FactorWanted,
    responses((status = CREATED, body = SetupShown)))]
async fn begin_factor(
    State(doors): State<Doors>,
    stranger: Stranger,
    Person(by): Person,
    Body(wanted): Body<FactorWanted>,
) -> Result<(StatusCode, Json<SetupShown>), Problem> {
    count(&stranger, &by)?;
    let setup = doors.people.begin_factor(&by, &wanted.current_password, doors.clock.now()).await?;
    let (secret, link) = (setup.secret.expose_secret().to_owned(), setup.link.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(SetupShown { secret, link })))
}

/// A code of the authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeWanted {
    /// The six digits it shows.
    #[schema(value_type = String)]
    code: SecretString,
}

/// Codes that replace the authenticator, each once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
struct CodesShown {
    /// The codes; told this once.
    recovery_codes: Vec<String>,
}

/// Has the second factor guard the account from here on. The answer holds the recovery codes, which are told this once.
#[utoipa::path(post, path = "/users/me/second-factor/confirm", tag = "entry", request_body = CodeWanted,
    responses((status = OK, body = CodesShown)))]
async fn confirm_factor(
    State(doors): State<Doors>,
    stranger: Stranger,
    Person(by): Person,
    Body(wanted): Body<CodeWanted>,
) -> Result<Json<CodesShown>, Problem> {
    count(&stranger, &by)?;
    let codes = doors.people.confirm_factor(&by, &wanted.code, doors.clock.now()).await?;
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    Ok(Json(CodesShown { recovery_codes }))
}

/// What taking it away takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RemovalWanted {
    /// The asker's password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// A code of the authenticator, or a recovery code.
    #[schema(value_type = String)]
    code: SecretString,
}

/// Takes the asker's second factor away. A mail tells it.
#[utoipa::path(post, path = "/users/me/second-factor/remove", tag = "entry", request_body = RemovalWanted,
    responses((status = NO_CONTENT)))]
async fn remove_factor(
    State(doors): State<Doors>,
    stranger: Stranger,
    Person(by): Person,
    Body(wanted): Body<RemovalWanted>,
) -> Result<StatusCode, Problem> {
    count(&stranger, &by)?;
    let shown = Credentials { password: &wanted.current_password, code: Some(&wanted.code) };
    doors.people.remove_factor(&by, shown, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the second factor from a member who is locked out. The audit log and a mail to her tell it. Not for somebody who also
/// works elsewhere, never for oneself, and by people only: no API key may open an account.
#[utoipa::path(delete, path = "/api/members/{member}/second-factor", tag = "members",
    params(("member", description = "The person's id.")), responses((status = NO_CONTENT)))]
async fn help_in(
    State(doors): State<Doors>,
    By(by): By,
    Path(member): Path<String>,
) -> Result<StatusCode, Problem> {
    doors.people.help_in(&by, &id(&member)?, doors.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Counts a try at the account of whoever asks.
fn count(stranger: &Stranger, by: &crate::app::people::Proven) -> Result<(), Problem> {
    by.user().map_or(Ok(()), |user| stranger.count(user.as_str()))
}
