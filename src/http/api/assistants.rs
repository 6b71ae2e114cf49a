//! `/api/assistants`: who answers, and every version of them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{Asked, Body, Listed, PageAsked, Patch, Seen, Tagged, id, instant};
use crate::{
    app::{self, Faults, assistants},
    domain::{
        assistant::{Assistant, AssistantStatus, AssistantVersion, Language, Sensitivity, TurnPolicy},
        id::AssistantId,
        revision::{Revised, Revision},
        tool::ToolName,
    },
    http::{Doors, auth::By, doc::MergePatch, limits::Kind, problem::Problem},
    platform::ids,
};

pub(super) fn router() -> OpenApiRouter<Doors> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, remove))
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(restore))
}

/// Prompt, voice, languages, opening words and turn policy under one name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Front desk", "language": "en", "fallback": "de",
    "instructions": "You work at the front desk of a dental practice. Be brief and friendly.",
    "opening": {"en": "Good day, this is the practice of Dr. Winter.", "de": "Guten Tag, hier ist die Praxis Dr. Winter."},
    "policy": {"sensitivity": "medium", "silence_first_ms": 8000}, "recording": false
}))]
pub(super) struct AssistantWanted {
    /// What you call it.
    name: String,
    /// What it is for, for your own eyes.
    #[serde(default)]
    description: String,
    /// `draft`, `live` or `archived`. Numbers ring only at live ones.
    #[serde(default = "draft")]
    #[schema(default = "draft")]
    status: String,
    /// The language spoken unless the caller speaks another: `de` or `en`.
    language: String,
    /// The language spoken when the caller does not speak the first.
    fallback: Option<String>,
    /// The engine's name of its voice; the server's usual one when empty.
    #[serde(default)]
    voice: String,
    /// The engine's model; the server's usual one when left out.
    model: Option<String>,
    /// What the model should know and keep to.
    #[serde(default)]
    instructions: String,
    /// How a call is opened, per language. The server adds that an automated assistant speaks.
    opening: BTreeMap<String, String>,
    /// When it speaks and when it yields. What is left out is as usual.
    #[serde(default)]
    policy: PolicyForm,
    /// Whether callers are asked to be recorded.
    #[serde(default)]
    recording: bool,
    /// Whether what was said is kept as text.
    #[serde(default = "yes")]
    transcripts: bool,
    /// What it may do; everything when left out.
    #[serde(default = "all_tools")]
    tools: Vec<String>,
    /// Ids of the services it may book.
    #[serde(default)]
    services: Vec<String>,
    /// Ids of the transfer targets it may pass a caller on to.
    #[serde(default)]
    transfers: Vec<String>,
    /// What the keys of the telephone mean, such as `{"2": "wants an appointment"}`: the model is told so when one is
    /// pressed, and should offer the choice in the opening words or when asked.
    #[serde(default)]
    keypad: BTreeMap<String, String>,
}

/// When the agent speaks, when it yields and when it gives up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct PolicyForm {
    /// How readily a sound is taken for an interruption: `low`, `medium` or `high`.
    sensitivity: String,
    /// Whether the caller may interrupt at all.
    interruptible: bool,
    /// Voiced time that makes a sound speech.
    min_speech_ms: u64,
    /// How long a sound is judged, with the agent paused, before it is an interruption or not.
    false_interruption_ms: u64,
    /// Silence that ends the caller's turn.
    end_of_turn_ms: u64,
    /// Waiting between the end of the caller's turn and the reply.
    response_delay_ms: u64,
    /// Silence after which the caller is asked whether they are there.
    silence_first_ms: u64,
    /// Silence after which the caller is asked again.
    silence_second_ms: u64,
    /// Silence after which the agent says goodbye.
    silence_goodbye_ms: u64,
    /// The longest a call may last.
    max_duration_ms: u64,
}

fn draft() -> String {
    AssistantStatus::Draft.as_str().to_owned()
}

fn yes() -> bool {
    true
}

fn all_tools() -> Vec<String> {
    ToolName::ALL.iter().map(|tool| tool.as_str().to_owned()).collect()
}

impl Default for PolicyForm {
    fn default() -> Self {
        Self::of(&TurnPolicy::default())
    }
}

impl PolicyForm {
    fn of(policy: &TurnPolicy) -> Self {
        Self {
            sensitivity: policy.sensitivity.as_str().to_owned(),
            interruptible: policy.interruptible,
            min_speech_ms: policy.min_speech_ms,
            false_interruption_ms: policy.false_interruption_ms,
            end_of_turn_ms: policy.end_of_turn_ms,
            response_delay_ms: policy.response_delay_ms,
            silence_first_ms: policy.silence_first_ms,
            silence_second_ms: policy.silence_second_ms,
            silence_goodbye_ms: policy.silence_goodbye_ms,
            max_duration_ms: policy.max_duration_ms,
        }
    }

    fn policy(&self, sensitivity: Sensitivity) -> TurnPolicy {
        TurnPolicy {
            sensitivity,
            interruptible: self.interruptible,
            min_speech_ms: self.min_speech_ms,
            false_interruption_ms: self.false_interruption_ms,
            end_of_turn_ms: self.end_of_turn_ms,
            response_delay_ms: self.response_delay_ms,
            silence_first_ms: self.silence_first_ms,
            silence_second_ms: self.silence_second_ms,
            silence_goodbye_ms: self.silence_goodbye_ms,
            max_duration_ms: self.max_duration_ms,
        }
    }
}

impl AssistantWanted {
    pub(super) fn of(assistant: &Assistant) -> Self {
        Self {
            name: assistant.name.clone(),
            description: assistant.description.clone(),
            status: assistant.status.as_str().to_owned(),
            language: assistant.language.to_string(),
            fallback: assistant.fallback.map(|language| language.to_string()),
            voice: assistant.voice.clone(),
            model: assistant.model.clone(),
            instructions: assistant.instructions.clone(),
            opening: assistant
                .opening
                .iter()
                .map(|(language, words)| (language.to_string(), words.clone()))
                .collect(),
            policy: PolicyForm::of(&assistant.policy),
            recording: assistant.recording,
            transcripts: assistant.transcripts,
            tools: assistant.tools.iter().map(|tool| tool.as_str().to_owned()).collect(),
            services: assistant.services.iter().map(ToString::to_string).collect(),
            transfers: assistant.transfers.iter().map(ToString::to_string).collect(),
            keypad: assistant.keypad.iter().map(|(key, means)| (key.to_string(), means.clone())).collect(),
        }
    }

    pub(super) fn assistant(self, id: AssistantId) -> Result<Assistant, app::Error> {
        let mut faults = Faults::new();
        let status = AssistantStatus::parse(&self.status).ok_or("must be `draft`, `live` or `archived`");
        let status = faults.take(status, "/status");
        let language = faults.take(self.language.parse::<Language>(), "/language");
        let fallback = self.fallback.map(|code| faults.take(code.parse::<Language>(), "/fallback"));
        let opening = self.opening.into_iter();
        let opening = opening
            .filter_map(|(code, words)| {
                let language = faults.take(code.parse::<Language>(), format!("/opening/{code}"));
                Some((language?, words))
            })
            .collect();
        let sensitivity =
            Sensitivity::parse(&self.policy.sensitivity).ok_or("must be `low`, `medium` or `high`");
        let sensitivity = faults.take(sensitivity, "/policy/sensitivity");
        let tools = self.tools.iter().enumerate();
        let tools = tools
            .filter_map(|(at, name)| {
                let known = all_tools().join(", ");
                let tool = ToolName::parse(name).ok_or(format!("there is no such tool; there are {known}"));
                faults.take(tool, format!("/tools/{at}"))
            })
            .collect();
        let services = self.services.iter().enumerate();
        let services =
            services.filter_map(|(at, id)| faults.take(id.parse(), format!("/services/{at}"))).collect();
        let transfers = self.transfers.iter().enumerate();
        let transfers =
            transfers.filter_map(|(at, id)| faults.take(id.parse(), format!("/transfers/{at}"))).collect();
        let keypad = self.keypad.into_iter();
        let keypad = keypad
            .filter_map(|(key, means)| {
                let read = key.parse::<char>().map_err(|_| "is no key");
                Some((faults.take(read, format!("/keypad/{key}"))?, means))
            })
            .collect();
        let (Some(status), Some(language), Some(sensitivity)) = (status, language, sensitivity) else {
            return Err(faults.refusal());
        };
        faults.settle()?;
        Ok(Assistant {
            id,
            name: self.name,
            description: self.description,
            status,
            language,
            fallback: fallback.flatten(),
            voice: self.voice,
            model: self.model,
            instructions: self.instructions,
            opening,
            policy: self.policy.policy(sensitivity),
            recording: self.recording,
            transcripts: self.transcripts,
            tools,
            services,
            transfers,
            keypad,
        })
    }
}

/// An assistant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AssistantShown {
    /// Its id.
    id: String,
    #[serde(flatten)]
    assistant: AssistantWanted,
}

/// One version of an assistant.
#[derive(Debug, Serialize, ToSchema)]
struct VersionShown {
    /// Counts the versions, from 1; also the assistant's `ETag` while it is this one.
    version: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    made_at: String,
    /// Who made it, as in the audit log.
    made_by: String,
    /// The assistant as it was.
    assistant: AssistantWanted,
}

fn show_one(assistant: &Assistant) -> AssistantShown {
    AssistantShown { id: assistant.id.to_string(), assistant: AssistantWanted::of(assistant) }
}

pub(super) fn tagged(assistant: &Revised<Assistant>) -> Tagged<AssistantShown> {
    Tagged::shown(show_one(&assistant.item), assistant.revision)
}

fn show_version(version: &AssistantVersion) -> VersionShown {
    VersionShown {
        version: version.number.0,
        made_at: instant(version.made),
        made_by: version.by.clone(),
        assistant: AssistantWanted::of(&version.assistant),
    }
}

/// The assistants, in the order of their making.
#[utoipa::path(get, path = "/api/assistants", tag = "assistants", params(PageAsked),
    responses((status = OK, body = Listed<AssistantShown>)))]
async fn list(
    State(doors): State<Doors>,
    By(by): By,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<AssistantShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = assistants::list(&doors.store, &by, after.as_ref(), count).await?;
    Ok(Listed::of(page, |assistant| show_one(&assistant)))
}

/// Makes an assistant.
#[utoipa::path(post, path = "/api/assistants", tag = "assistants", request_body = AssistantWanted,
    responses((status = CREATED, body = AssistantShown)))]
async fn create(
    State(doors): State<Doors>,
    By(by): By,
    Body(wanted): Body<AssistantWanted>,
) -> Result<Tagged<AssistantShown>, Problem> {
    doors.limits.count(Kind::Assistants, by.tenant().as_str()).map_err(|(problem, _)| problem)?;
    let now = doors.clock.now();
    let wanted = wanted.assistant(AssistantId::of(ids::fresh(now)))?;
    let made = assistants::create(&doors.store, &by, now, wanted).await?;
    let location = format!("/api/assistants/{}", made.item.id);
    Ok(Tagged::created(show_one(&made.item), made.revision, location))
}

/// One assistant.
#[utoipa::path(get, path = "/api/assistants/{assistant}", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = OK, body = AssistantShown)))]
async fn show(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
) -> Result<Tagged<AssistantShown>, Problem> {
    Ok(tagged(&assistants::get(&doors.store, &by, &id(&assistant)?).await?))
}

/// Changes an assistant: a JSON merge patch. Every change is a version.
#[utoipa::path(patch, path = "/api/assistants/{assistant}", tag = "assistants",
    params(("assistant", description = "Its id.")), request_body = MergePatch,
    responses((status = OK, body = AssistantShown)))]
async fn edit(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Seen(seen): Seen,
    patch: Patch,
) -> Result<Tagged<AssistantShown>, Problem> {
    let assistant = id(&assistant)?;
    let edited = assistants::edit(&doors.store, &by, doors.clock.now(), &assistant, seen, |kept| {
        patch.over(&AssistantWanted::of(kept))?.assistant(kept.id.clone())
    });
    Ok(tagged(&edited.await?))
}

/// Takes an assistant away that has no number and never had a call. Another can be archived.
#[utoipa::path(delete, path = "/api/assistants/{assistant}", tag = "assistants",
    params(("assistant", description = "Its id.")), responses((status = NO_CONTENT)))]
async fn remove(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Seen(seen): Seen,
) -> Result<StatusCode, Problem> {
    assistants::remove(&doors.store, &by, doors.clock.now(), &id(&assistant)?, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of an assistant, latest first.
#[utoipa::path(get, path = "/api/assistants/{assistant}/versions", tag = "assistants",
    params(("assistant", description = "Its id."), PageAsked), responses((status = OK, body = Listed<VersionShown>)))]
async fn versions(
    State(doors): State<Doors>,
    By(by): By,
    Path(assistant): Path<String>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Listed<VersionShown>>, Problem> {
    let (count, after) = asked.page()?;
    let page = assistants::versions(&doors.store, &by, &id(&assistant)?, after.as_ref(), count).await?;
    Ok(Listed::of(page, |version| show_version(&version)))
}

/// One version of an assistant.
#[utoipa::path(get, path = "/api/assistants/{assistant}/versions/{version}", tag = "assistants",
    params(("assistant", description = "Its id."), ("version", description = "Which version.")),
    responses((status = OK, body = VersionShown)))]
async fn version(
    State(doors): State<Doors>,
    By(by): By,
    Path((assistant, version)): Path<(String, String)>,
) -> Result<Json<VersionShown>, Problem> {
    let (assistant, number) = (id(&assistant)?, Revision(id(&version)?));
    Ok(Json(show_version(&assistants::version(&doors.store, &by, &assistant, number).await?)))
}

/// Brings an older version back, as another version. Its status stays.
#[utoipa::path(post, path = "/api/assistants/{assistant}/versions/{version}/restore", tag = "assistants",
    params(("assistant", description = "Its id."), ("version", description = "Which version.")),
    responses((status = OK, body = AssistantShown)))]
async fn restore(
    State(doors): State<Doors>,
    By(by): By,
    Path((assistant, version)): Path<(String, String)>,
    Seen(seen): Seen,
) -> Result<Tagged<AssistantShown>, Problem> {
    let (assistant, number) = (id(&assistant)?, Revision(id(&version)?));
    let now = doors.clock.now();
    Ok(tagged(&assistants::restore(&doors.store, &by, now, &assistant, number, seen).await?))
}
