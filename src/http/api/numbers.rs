//! `/api/numbers`: the telephone numbers of a tenant, and those that are to be had.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Asked, Body, Listed, PageAsked, Patch, RequestKey, Seen, Tagged, id},
    pauses::{read_pause, show_until},
};
use crate::{
    app::{
        Error, Faults,
        access::Actor,
        numbers::{self, Edit, Ordered},
        pauses,
    },
    domain::{
        assistant::Language,
        id::AssistantId,
        org::{HeldNumber, Number},
        pause::Pause,
        phone::E164,
        revision::Revised,
    },
    http::{Doors, auth::By, doc::MergePatch, problem::Problem},
    store::Page,
    telephony::rest::{Kind, Offered},
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, buy))
        .routes(routes!(available))
        .routes(routes!(import))
        .routes(routes!(show, edit, release))
}

/// A number to buy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+493055501234", "language": "de"}))]
struct NumberOrdered {
    /// The number, as `/api/numbers/available` shows it.
    number: String,
    /// The id of the assistant that is to answer; nobody when left out.
    assistant: Option<String>,
    /// The language in which calls are opened: `de` or `en`. The assistant's when left out.
    language: Option<String>,
    /// The address (`AD…`) at Twilio that some countries ask for.
    address_sid: Option<String>,
    /// The regulatory bundle (`BU…`) at Twilio that some countries ask for.
    bundle_sid: Option<String>,
}

/// A number that the Twilio account owns already.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+493055501234", "language": "de"}))]
struct NumberImported {
    /// The number.
    number: String,
    /// The id of the assistant that is to answer; nobody when left out.
    assistant: Option<String>,
    /// The language in which calls are opened: `de` or `en`. The assistant's when left out.
    language: Option<String>,
}

/// What can be changed of a number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberWanted {
    assistant: Option<String>,
    language: String,
    paused_until: Option<String>,
    fallback_number: Option<String>,
}

/// A telephone number and who answers it.
#[derive(Debug, Serialize, ToSchema)]
struct NumberShown {
    /// Its id.
    id: String,
    /// The number, in E.164 form.
    number: String,
    /// The id of the assistant that answers; null when nobody does.
    #[schema(required)]
    assistant: Option<String>,
    /// The language in which calls are opened.
    language: String,
    /// Whether Twilio knows where to ask when it rings.
    setup: SetupShown,
    /// Until when the assistant steps back here, or `until_taken_back`; null when it does not. That it steps back everywhere is
    /// said by `/api/pause`.
    #[schema(required)]
    paused_until: Option<String>,
    /// Where callers go meanwhile; null when they can only leave a message, unless there is one for all numbers.
    #[schema(required)]
    fallback_number: Option<String>,
}

/// Whether Twilio knows where to ask when a number rings.
#[derive(Debug, Serialize, ToSchema)]
struct SetupShown {
    /// `done`; `waiting`, and it is tried again; `failed`, and somebody must see to it; `elsewhere` when the number
    /// was named in a file and is set up by hand.
    #[schema(pattern = "^(elsewhere|waiting|done|failed)$")]
    state: &'static str,
    /// What stood in the way the last time.
    #[schema(required)]
    problem: Option<String>,
}

fn show_one(held: &HeldNumber, pause: &Pause) -> NumberShown {
    NumberShown {
        id: held.number.id.to_string(),
        number: held.number.number.to_string(),
        assistant: held.number.assistant.as_ref().map(ToString::to_string),
        language: held.number.language.code().to_owned(),
        setup: SetupShown { state: held.setup.as_str(), problem: held.setup_problem.clone() },
        paused_until: pause.until.map(show_until),
        fallback_number: pause.fallback.as_ref().map(ToString::to_string),
    }
}

fn tagged((held, pause): &(Revised<HeldNumber>, Pause)) -> Tagged<NumberShown> {
    Tagged::shown(show_one(&held.item, pause), held.revision)
}

async fn created(
    doors: &Doors,
    by: &Actor,
    held: &Revised<HeldNumber>,
) -> Result<Tagged<NumberShown>, Problem> {
    // Bought or taken over again, it may be paused already.
    let (_, pause) = numbers::get_with_pause(&doors.store, by, &held.item.number.id).await?;
    let location = format!("/api/numbers/{}", held.item.number.id);
    Ok(Tagged::created(show_one(&held.item, &pause), held.revision, location))
}

/// What was given, read; everything that is wrong is told at once.
fn read(
    number: &str,
    assistant: Option<&str>,
    language: Option<&str>,
) -> Result<(E164, Option<AssistantId>, Option<Language>), Error> {
    let mut faults = Faults::new();
    let number = faults.take(number.parse::<E164>(), "/number");
    let assistant = assistant.map(|id| faults.take(id.parse::<AssistantId>(), "/assistant"));
    let language = language.map(|word| faults.take(word.parse::<Language>(), "/language"));
    match number {
        Some(number) => {
            faults.settle()?;
            Ok((number, assistant.flatten(), language.flatten()))
        }
        None => Err(faults.refusal()),
    }
}

/// The numbers, in the order of their making.
#[utoipa::path(get, path = "/api/numbers", tag = "numbers", params(PageAsked),
    responses((status = OK, body = Listed<NumberShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<NumberShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = numbers::list(&doors.store, &by, after.as_ref(), count).await?;
    let paused = pauses::of_numbers(&doors.store, &by).await?;
    let none = Pause::default();
    Ok(Listed::of(page, |held| show_one(&held, paused.get(&held.number.id).unwrap_or(&none))))
}

/// Buys a number and has it ring here. With an `Idempotency-Key`, the same request again is the same purchase. After a
/// 503 nobody knows yet whether it was bought: ask again with the same key, or wait; it is looked after.
#[utoipa::path(post, path = "/api/numbers", tag = "numbers", request_body = NumberOrdered,
    params(("Idempotency-Key" = Option<String>, Header, description = "A name of your own for this request.")),
    responses((status = CREATED, body = NumberShown)))]
async fn buy(
    State(doors): State<Doors>,
    By(by): By,
    RequestKey(key): RequestKey,
    Body(wanted): Body<NumberOrdered>,
) -> Result<Tagged<NumberShown>, Problem> {
    let (number, assistant, language) =
        read(&wanted.number, wanted.assistant.as_deref(), wanted.language.as_deref())?;
    let ordered = Ordered {
        number,
        assistant,
        language,
        address_sid: wanted.address_sid,
        bundle_sid: wanted.bundle_sid,
    };
    let now = doors.clock.now();
    let bought = numbers::buy(&doors.store, &doors.accounts, &by, now, key.as_deref(), ordered).await?;
    created(&doors, &by, &bought).await
}

/// Takes over a number that the Twilio account owns already, and has it ring here. Of the operator's account, only an
/// operator gives numbers away. Again for a number that is there: it is set up anew.
#[utoipa::path(post, path = "/api/numbers/import", tag = "numbers", request_body = NumberImported,
    responses((status = CREATED, body = NumberShown)))]
async fn import(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<NumberImported>,
) -> Result<Tagged<NumberShown>, Problem> {
    let (number, assistant, language) =
        read(&wanted.number, wanted.assistant.as_deref(), wanted.language.as_deref())?;
    let now = doors.clock.now();
    let imported =
        numbers::import(&doors.store, &doors.accounts, &by, now, &number, assistant, language).await?;
    created(&doors, &by, &imported).await
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AvailableAsked {
    /// The country: two capital letters, such as `DE` (ISO 3166-1).
    country: String,
    /// What sort: `local`, `mobile` or `toll-free`.
    #[param(default = "local")]
    kind: Option<String>,
    /// The area code, in the United States and Canada.
    area_code: Option<String>,
    /// Digits it is to have, `*` for any one of them.
    contains: Option<String>,
    /// How many, at most.
    #[param(minimum = 1, maximum = 50, default = 20)]
    limit: Option<u32>,
}

/// Numbers shown when nobody says how many.
const OFFERED_USUAL: u32 = 20;

/// A number that is to be had. It is not reserved.
#[derive(Debug, Serialize, ToSchema)]
struct OfferedShown {
    /// The number, in E.164 form.
    number: String,
    /// The country.
    #[schema(required)]
    country: Option<String>,
    /// The region, where known.
    #[schema(required)]
    region: Option<String>,
    /// The town, where known.
    #[schema(required)]
    locality: Option<String>,
    /// Whether it can be called.
    voice: bool,
    /// Whose address Twilio must know before it sells it: `none`, `any`, `local` or `foreign`.
    #[schema(required)]
    address: Option<String>,
    /// Whether it is new to Twilio's network.
    beta: bool,
}

fn show_offered(offered: Offered) -> OfferedShown {
    OfferedShown {
        number: offered.number.to_string(),
        country: offered.country,
        region: offered.region,
        locality: offered.locality,
        voice: offered.voice,
        address: offered.address,
        beta: offered.beta,
    }
}

/// Numbers that Twilio has to sell.
#[utoipa::path(get, path = "/api/numbers/available", tag = "numbers", params(AvailableAsked),
    responses((status = OK, body = Listed<OfferedShown>)))]
async fn available(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<AvailableAsked>,
) -> Result<Json<Listed<OfferedShown>>, Problem> {
    let kind = match asked.kind.as_deref() {
        None | Some("local") => Kind::Local,
        Some("mobile") => Kind::Mobile,
        Some("toll-free") => Kind::TollFree,
        Some(_) => return Err(Error::invalid("?kind", "must be `local`, `mobile` or `toll-free`").into()),
    };
    let count = asked.limit.unwrap_or(OFFERED_USUAL);
    let offered = numbers::available(
        &doors.accounts,
        &by,
        &asked.country,
        kind,
        asked.area_code,
        asked.contains,
        count,
    );
    Ok(Listed::of(Page { items: offered.await?, next: None }, show_offered))
}

/// One number.
#[utoipa::path(get, path = "/api/numbers/{number}", tag = "numbers",
    params(("number", description = "Its id.")), responses((status = OK, body = NumberShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(number): Path<String>,
) -> Result<Tagged<NumberShown>, Problem> {
    Ok(tagged(&numbers::get_with_pause(&doors.store, &by, &id(&number)?).await?))
}

/// Changes who answers a number, in which language, and whether the assistant steps back there: a JSON merge patch of
/// `assistant`, `language`, `paused_until` and `fallback_number`. Without an assistant, callers hear that the number is not in
/// service. While it steps back, callers go to the fallback number, or leave a message; `paused_until` is an instant, or
/// `until_taken_back`.
#[utoipa::path(patch, path = "/api/numbers/{number}", tag = "numbers",
    params(("number", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = NumberShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(number): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<NumberShown>, Problem> {
    let number = id(&number)?;
    let now = doors.clock.now();
    let edited = numbers::edit_with_pause(&doors.store, &by, now, &number, seen, |kept: &Number, pause| {
        let form = NumberWanted {
            assistant: kept.assistant.as_ref().map(ToString::to_string),
            language: kept.language.code().to_owned(),
            paused_until: pause.until.map(show_until),
            fallback_number: pause.fallback.as_ref().map(ToString::to_string),
        };
        let wanted: NumberWanted = patch.over(&form)?;
        let (_, assistant, language) =
            read(kept.number.as_str(), wanted.assistant.as_deref(), Some(&wanted.language))?;
        let pause = read_pause(pause, wanted.paused_until.as_deref(), wanted.fallback_number.as_deref())?;
        Ok((Edit { assistant, language: language.unwrap_or(kept.language) }, pause))
    });
    Ok(tagged(&edited.await?))
}

/// How a number is given up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReleaseAsked {
    /// Whether Twilio's account is to keep it: it is only taken out of here.
    #[serde(default)]
    #[param(default = false)]
    keep: bool,
}

/// Gives a number back to Twilio. Its calls stay; anybody can buy it then.
#[utoipa::path(delete, path = "/api/numbers/{number}", tag = "numbers",
    params(("number", description = "Its id."), ReleaseAsked), responses((status = NO_CONTENT)))]
async fn release(
    State(doors): State<Doors>,
    By(by): By,
    Path(number): Path<String>,
    Seen(seen): Seen,
    Asked(asked): Asked<ReleaseAsked>,
) -> Result<StatusCode, Problem> {
    let number = id(&number)?;
    let now = doors.clock.now();
    numbers::release(&doors.store, &doors.accounts, &by, now, &number, seen, asked.keep).await?;
    Ok(StatusCode::NO_CONTENT)
}
