//! The assistants of a tenant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Assistants, Change, Error, on, rows, texts};
use crate::domain::{
    assistant::{Assistant, Language, Sensitivity, TurnPolicy},
    id::{AssistantId, ServiceId},
    tool::ToolName,
};

macro_rules! columns {
    () => {
        "id, name, language, fallback, voice, model, instructions, opening, policy, recording, transcripts, tools"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 ORDER BY name");
    GET = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 AND id = $2");
    BY_NAME = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 AND name = $2");
    SERVICES = "SELECT service_id FROM assistant_services WHERE tenant_id = $1 AND assistant_id = $2
        ORDER BY position";
    PUT = concat!("INSERT INTO assistants (tenant_id, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, language = excluded.language,
            fallback = excluded.fallback, voice = excluded.voice, model = excluded.model,
            instructions = excluded.instructions, opening = excluded.opening, policy = excluded.policy,
            recording = excluded.recording, transcripts = excluded.transcripts, tools = excluded.tools");
    FORGET_SERVICES = "DELETE FROM assistant_services WHERE tenant_id = $1 AND assistant_id = $2";
    PUT_SERVICE = "INSERT INTO assistant_services (tenant_id, assistant_id, service_id, position)
        VALUES ($1, $2, $3, $4)";
}

#[derive(FromRow)]
struct AssistantRow {
    id: String,
    name: String,
    language: String,
    fallback: Option<String>,
    voice: String,
    model: Option<String>,
    instructions: String,
    opening: String,
    policy: String,
    recording: bool,
    transcripts: bool,
    tools: String,
}

/// A turn policy as it lies in its column. What a column does not say is as by default.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct PolicyForm {
    sensitivity: String,
    interruptible: bool,
    min_speech_ms: u64,
    false_interruption_ms: u64,
    end_of_turn_ms: u64,
    response_delay_ms: u64,
    silence_first_ms: u64,
    silence_second_ms: u64,
    silence_goodbye_ms: u64,
    max_duration_ms: u64,
}

impl Default for PolicyForm {
    fn default() -> Self {
        Self::from(&TurnPolicy::default())
    }
}

const SENSITIVITIES: [(Sensitivity, &str); 3] =
    [(Sensitivity::Low, "low"), (Sensitivity::Medium, "medium"), (Sensitivity::High, "high")];

impl From<&TurnPolicy> for PolicyForm {
    fn from(policy: &TurnPolicy) -> Self {
        let word = SENSITIVITIES.iter().find(|(level, _)| *level == policy.sensitivity);
        Self {
            sensitivity: word.map_or("medium", |(_, word)| word).to_owned(),
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
}

impl TryFrom<PolicyForm> for TurnPolicy {
    type Error = Error;

    fn try_from(form: PolicyForm) -> Result<Self, Error> {
        let level = SENSITIVITIES.iter().find(|(_, word)| *word == form.sensitivity);
        Ok(Self {
            sensitivity: level.ok_or(Error::Damaged("assistants.policy"))?.0,
            interruptible: form.interruptible,
            min_speech_ms: form.min_speech_ms,
            false_interruption_ms: form.false_interruption_ms,
            end_of_turn_ms: form.end_of_turn_ms,
            response_delay_ms: form.response_delay_ms,
            silence_first_ms: form.silence_first_ms,
            silence_second_ms: form.silence_second_ms,
            silence_goodbye_ms: form.silence_goodbye_ms,
            max_duration_ms: form.max_duration_ms,
        })
    }
}

impl AssistantRow {
    fn with(self, services: Vec<ServiceId>) -> Result<Assistant, Error> {
        let opening: BTreeMap<String, String> = rows::json(&self.opening, "assistants.opening")?;
        let tools: Vec<String> = rows::json(&self.tools, "assistants.tools")?;
        Ok(Assistant {
            id: rows::text(&self.id, "assistants.id")?,
            name: self.name,
            language: rows::text(&self.language, "assistants.language")?,
            fallback: rows::maybe(self.fallback.as_deref(), "assistants.fallback")?,
            voice: self.voice,
            model: self.model,
            instructions: self.instructions,
            opening: opening
                .into_iter()
                .map(|(code, words)| Ok((rows::text::<Language>(&code, "assistants.opening")?, words)))
                .collect::<Result<_, Error>>()?,
            policy: rows::json::<PolicyForm>(&self.policy, "assistants.policy")?.try_into()?,
            recording: self.recording,
            transcripts: self.transcripts,
            tools: tools
                .iter()
                .map(|name| ToolName::parse(name).ok_or(Error::Damaged("assistants.tools")))
                .collect::<Result<_, Error>>()?,
            services,
        })
    }
}

impl Assistants<'_> {
    /// All of them, by name.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn all(&mut self) -> Result<Vec<Assistant>, Error> {
        let rows: Vec<AssistantRow> = on!(self.tx, db => {
            sqlx::query_as(ALL).bind(self.tenant.as_str()).fetch_all(db).await?
        });
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.whole(row).await?);
        }
        Ok(all)
    }

    /// The assistant of that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn get(&mut self, id: &AssistantId) -> Result<Option<Assistant>, Error> {
        let row: Option<AssistantRow> = on!(self.tx, db => sqlx::query_as(GET)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(db).await?);
        match row {
            Some(row) => self.whole(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The assistant the tenant calls that.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn by_name(&mut self, name: &str) -> Result<Option<Assistant>, Error> {
        let row: Option<AssistantRow> = on!(self.tx, db => sqlx::query_as(BY_NAME)
            .bind(self.tenant.as_str())
            .bind(name)
            .fetch_optional(db).await?);
        match row {
            Some(row) => self.whole(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Keeps an assistant.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another one has its name; [`Error::Dangling`] when a service does not exist.
    pub async fn put(&mut self, wanted: &Assistant) -> Result<Change, Error> {
        let kept = self.get(&wanted.id).await?;
        let change = Change::of(kept.as_ref(), wanted);
        if change == Change::Unchanged {
            return Ok(change);
        }
        let opening: BTreeMap<&str, &str> =
            wanted.opening.iter().map(|(language, words)| (language.code(), words.as_str())).collect();
        let opening = rows::to_json(&opening, "assistants.opening")?;
        let policy = rows::to_json(&PolicyForm::from(&wanted.policy), "assistants.policy")?;
        let tools: Vec<&str> = wanted.tools.iter().map(|tool| tool.as_str()).collect();
        let tools = rows::to_json(&tools, "assistants.tools")?;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(wanted.name.as_str())
            .bind(wanted.language.code())
            .bind(wanted.fallback.map(Language::code))
            .bind(wanted.voice.as_str())
            .bind(wanted.model.as_deref())
            .bind(wanted.instructions.as_str())
            .bind(opening.as_str())
            .bind(policy.as_str())
            .bind(wanted.recording)
            .bind(wanted.transcripts)
            .bind(tools.as_str())
            .execute(db).await.map(drop)?);
        on!(self.tx, db => sqlx::query(FORGET_SERVICES)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        for (position, service) in (0_i64..).zip(&wanted.services) {
            on!(self.tx, db => sqlx::query(PUT_SERVICE)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(service.as_str())
                .bind(position)
                .execute(db).await.map(drop)?);
        }
        Ok(change)
    }

    async fn whole(&mut self, row: AssistantRow) -> Result<Assistant, Error> {
        let services: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(SERVICES)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .fetch_all(db).await?);
        let services = services.iter().map(|(id,)| rows::text(id, "assistant_services.service_id"));
        let services = services.collect::<Result<_, Error>>()?;
        row.with(services)
    }
}
