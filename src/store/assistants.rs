//! The assistants of a tenant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    Assistants, Change, Error, on,
    page::{self, Page, Place},
    rows, texts,
};
use crate::domain::{
    assistant::{Assistant, AssistantStatus, AssistantVersion, Language, Sensitivity, TurnPolicy},
    id::{AssistantId, ServiceId, TransferTargetId},
    revision::{Revised, Revision},
    time::Timestamp,
    tool::ToolName,
};

macro_rules! columns {
    () => {
        "id, name, description, status, language, fallback, voice, model, instructions, opening, policy, \
         recording, transcripts, tools, keypad"
    };
}

texts! {
    ALL = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 ORDER BY name");
    GET = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 AND id = $2");
    BY_NAME = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 AND name = $2");
    SERVICES = "SELECT service_id FROM assistant_services WHERE tenant_id = $1 AND assistant_id = $2
        ORDER BY position";
    PUT = concat!("INSERT INTO assistants (tenant_id, ", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, description = excluded.description,
            status = excluded.status, language = excluded.language, fallback = excluded.fallback, voice = excluded.voice, model = excluded.model,
            instructions = excluded.instructions, opening = excluded.opening, policy = excluded.policy,
            recording = excluded.recording, transcripts = excluded.transcripts, tools = excluded.tools,
            keypad = excluded.keypad, revision = assistants.revision + 1");
    REVISION = "SELECT revision FROM assistants WHERE tenant_id = $1 AND id = $2";
    PAGE = concat!("SELECT ", columns!(), " FROM assistants WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM assistants WHERE tenant_id = $1 AND status <> 'archived'";
    REMOVE = "DELETE FROM assistants WHERE tenant_id = $1 AND id = $2";
    ADD_VERSION = "INSERT INTO assistant_versions (tenant_id, assistant_id, number, document, made_at, made_by)
        VALUES ($1, $2, $3, $4, $5, $6)";
    VERSION = "SELECT number, document, made_at, made_by FROM assistant_versions
        WHERE tenant_id = $1 AND assistant_id = $2 AND number = $3";
    VERSIONS = "SELECT number, document, made_at, made_by FROM assistant_versions
        WHERE tenant_id = $1 AND assistant_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4";
    FORGET_SERVICES = "DELETE FROM assistant_services WHERE tenant_id = $1 AND assistant_id = $2";
    TARGETS = "SELECT target_id FROM assistant_targets WHERE tenant_id = $1 AND assistant_id = $2
        ORDER BY position";
    FORGET_TARGETS = "DELETE FROM assistant_targets WHERE tenant_id = $1 AND assistant_id = $2";
    PUT_TARGET = "INSERT INTO assistant_targets (tenant_id, assistant_id, target_id, position)
        VALUES ($1, $2, $3, $4)";
    PUT_SERVICE = "INSERT INTO assistant_services (tenant_id, assistant_id, service_id, position)
        VALUES ($1, $2, $3, $4)";
}

/// An assistant as it lies in its columns, and, with its services, in a version's document.
#[derive(FromRow, Serialize, Deserialize)]
struct AssistantRow {
    id: String,
    name: String,
    description: String,
    status: String,
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
    /// None in what was kept before keys could mean anything.
    #[serde(default = "no_keys")]
    keypad: String,
}

fn no_keys() -> String {
    "{}".to_owned()
}

#[derive(Serialize, Deserialize)]
pub(super) struct VersionForm {
    assistant: AssistantRow,
    services: Vec<String>,
    /// None in what was kept before targets had a list of their own.
    #[serde(default)]
    targets: Vec<String>,
}

impl VersionForm {
    /// The assistant in a document, which lies in that column.
    pub(super) fn read(document: &str, column: &'static str) -> Result<Assistant, Error> {
        let form: Self = rows::json(document, column)?;
        let services = form.services.iter().map(|id| rows::text(id, column)).collect::<Result<_, Error>>()?;
        let targets = form.targets.iter().map(|id| rows::text(id, column)).collect::<Result<_, Error>>()?;
        form.assistant.with(services, targets)
    }

    /// The document of an assistant, for that column.
    pub(super) fn write(assistant: &Assistant, column: &'static str) -> Result<String, Error> {
        let services = assistant.services.iter().map(ToString::to_string).collect();
        let targets = assistant.transfers.iter().map(ToString::to_string).collect();
        rows::to_json(&Self { assistant: AssistantRow::of(assistant)?, services, targets }, column)
    }
}

#[derive(FromRow)]
struct VersionRow {
    number: i64,
    document: String,
    made_at: i64,
    made_by: String,
}

impl TryFrom<VersionRow> for AssistantVersion {
    type Error = Error;

    fn try_from(row: VersionRow) -> Result<Self, Error> {
        Ok(Self {
            number: Revision(row.number),
            made: Timestamp(row.made_at),
            by: row.made_by,
            assistant: VersionForm::read(&row.document, "assistant_versions.document")?,
        })
    }
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

impl From<&TurnPolicy> for PolicyForm {
    fn from(policy: &TurnPolicy) -> Self {
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
}

impl TryFrom<PolicyForm> for TurnPolicy {
    type Error = Error;

    fn try_from(form: PolicyForm) -> Result<Self, Error> {
        Ok(Self {
            sensitivity: Sensitivity::parse(&form.sensitivity).ok_or(Error::Damaged("assistants.policy"))?,
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
    fn of(assistant: &Assistant) -> Result<Self, Error> {
        let opening: BTreeMap<&str, &str> =
            assistant.opening.iter().map(|(language, words)| (language.code(), words.as_str())).collect();
        let tools: Vec<&str> = assistant.tools.iter().map(|tool| tool.as_str()).collect();
        let keypad: BTreeMap<String, &str> =
            assistant.keypad.iter().map(|(key, means)| (key.to_string(), means.as_str())).collect();
        Ok(Self {
            id: assistant.id.to_string(),
            name: assistant.name.clone(),
            description: assistant.description.clone(),
            status: assistant.status.as_str().to_owned(),
            language: assistant.language.code().to_owned(),
            fallback: assistant.fallback.map(|language| language.code().to_owned()),
            voice: assistant.voice.clone(),
            model: assistant.model.clone(),
            instructions: assistant.instructions.clone(),
            opening: rows::to_json(&opening, "assistants.opening")?,
            policy: rows::to_json(&PolicyForm::from(&assistant.policy), "assistants.policy")?,
            recording: assistant.recording,
            transcripts: assistant.transcripts,
            tools: rows::to_json(&tools, "assistants.tools")?,
            keypad: rows::to_json(&keypad, "assistants.keypad")?,
        })
    }

    fn with(self, services: Vec<ServiceId>, transfers: Vec<TransferTargetId>) -> Result<Assistant, Error> {
        let opening: BTreeMap<String, String> = rows::json(&self.opening, "assistants.opening")?;
        let tools: Vec<String> = rows::json(&self.tools, "assistants.tools")?;
        let keypad: BTreeMap<String, String> = rows::json(&self.keypad, "assistants.keypad")?;
        Ok(Assistant {
            id: rows::text(&self.id, "assistants.id")?,
            name: self.name,
            description: self.description,
            status: AssistantStatus::parse(&self.status).ok_or(Error::Damaged("assistants.status"))?,
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
            transfers,
            keypad: keypad
                .into_iter()
                .map(|(key, means)| Ok((rows::text::<char>(&key, "assistants.keypad")?, means)))
                .collect::<Result<_, Error>>()?,
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

    /// Keeps an assistant; what differs from the last version is another version, made at `at` by `by`.
    ///
    /// # Errors
    /// [`Error::NotUnique`] when another one has its name; [`Error::Dangling`] when a service does not exist.
    pub async fn put(&mut self, wanted: &Assistant, at: Timestamp, by: &str) -> Result<Change, Error> {
        let kept = self.get(&wanted.id).await?;
        let change = Change::of(kept.as_ref(), wanted);
        if change == Change::Unchanged {
            return Ok(change);
        }
        let row = AssistantRow::of(wanted)?;
        on!(self.tx, db => sqlx::query(PUT)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .bind(row.name.as_str())
            .bind(row.description.as_str())
            .bind(row.status.as_str())
            .bind(row.language.as_str())
            .bind(row.fallback.as_deref())
            .bind(row.voice.as_str())
            .bind(row.model.as_deref())
            .bind(row.instructions.as_str())
            .bind(row.opening.as_str())
            .bind(row.policy.as_str())
            .bind(row.recording)
            .bind(row.transcripts)
            .bind(row.tools.as_str())
            .bind(row.keypad.as_str())
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
        on!(self.tx, db => sqlx::query(FORGET_TARGETS)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .execute(db).await.map(drop)?);
        for (position, target) in (0_i64..).zip(&wanted.transfers) {
            on!(self.tx, db => sqlx::query(PUT_TARGET)
                .bind(self.tenant.as_str())
                .bind(wanted.id.as_str())
                .bind(target.as_str())
                .bind(position)
                .execute(db).await.map(drop)?);
        }
        let document = VersionForm::write(wanted, "assistant_versions.document")?;
        let number = self.revision(&wanted.id).await?;
        on!(self.tx, db => sqlx::query(ADD_VERSION)
            .bind(self.tenant.as_str())
            .bind(wanted.id.as_str())
            .bind(number.0)
            .bind(document.as_str())
            .bind(at.0)
            .bind(by)
            .execute(db).await.map(drop)?);
        Ok(change)
    }

    /// The assistant of that id and which version of it this is.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn revised(&mut self, id: &AssistantId) -> Result<Option<Revised<Assistant>>, Error> {
        let Some(item) = self.get(id).await? else { return Ok(None) };
        Ok(Some(Revised { item, revision: self.revision(id).await? }))
    }

    /// The assistants in the order of their making, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn page(&mut self, after: Option<&Place>, count_max: u32) -> Result<Page<Assistant>, Error> {
        let rows: Vec<AssistantRow> = on!(self.tx, db => sqlx::query_as(PAGE)
            .bind(self.tenant.as_str())
            .bind(page::id(after))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            all.push(self.whole(row).await?);
        }
        page::cut(all, count_max, |assistant| Place::of_id(assistant.id.as_str()))
    }

    /// How many there are that are not put away.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn count(&mut self) -> Result<u64, Error> {
        let (count,): (i64,) = on!(self.tx, db => {
            sqlx::query_as(COUNT).bind(self.tenant.as_str()).fetch_one(db).await?
        });
        rows::whole(count, "COUNT(*) of assistants")
    }

    /// Takes an assistant away, with its versions; whether there was one.
    ///
    /// # Errors
    /// [`Error::Dangling`] when something refers to it: a number, or a call.
    pub async fn remove(&mut self, id: &AssistantId) -> Result<bool, Error> {
        for text in [FORGET_SERVICES, FORGET_TARGETS] {
            on!(self.tx, db => sqlx::query(text)
                .bind(self.tenant.as_str())
                .bind(id.as_str())
                .execute(db).await.map(drop)?);
        }
        let gone = on!(self.tx, db => sqlx::query(REMOVE)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .execute(db).await?.rows_affected());
        Ok(gone == 1)
    }

    /// One version of an assistant.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn version(
        &mut self,
        id: &AssistantId,
        number: Revision,
    ) -> Result<Option<AssistantVersion>, Error> {
        let row: Option<VersionRow> = on!(self.tx, db => sqlx::query_as(VERSION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(number.0)
            .fetch_optional(db).await?);
        row.map(AssistantVersion::try_from).transpose()
    }

    /// The versions of an assistant, latest first, a page at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn versions(
        &mut self,
        id: &AssistantId,
        after: Option<&Place>,
        count_max: u32,
    ) -> Result<Page<AssistantVersion>, Error> {
        let rows: Vec<VersionRow> = on!(self.tx, db => sqlx::query_as(VERSIONS)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .bind(after.map_or(i64::MAX, |place| place.at))
            .bind(page::fetch(count_max))
            .fetch_all(db).await?);
        page::of(rows, count_max, |version: &AssistantVersion| Place {
            at: version.number.0,
            id: String::new(),
        })
    }

    async fn revision(&mut self, id: &AssistantId) -> Result<Revision, Error> {
        let (revision,): (i64,) = on!(self.tx, db => sqlx::query_as(REVISION)
            .bind(self.tenant.as_str())
            .bind(id.as_str())
            .fetch_one(db).await?);
        Ok(Revision(revision))
    }

    async fn whole(&mut self, row: AssistantRow) -> Result<Assistant, Error> {
        let services: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(SERVICES)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .fetch_all(db).await?);
        let services = services.iter().map(|(id,)| rows::text(id, "assistant_services.service_id"));
        let services = services.collect::<Result<_, Error>>()?;
        let targets: Vec<(String,)> = on!(self.tx, db => sqlx::query_as(TARGETS)
            .bind(self.tenant.as_str())
            .bind(row.id.as_str())
            .fetch_all(db).await?);
        let targets = targets.iter().map(|(id,)| rows::text(id, "assistant_targets.target_id"));
        row.with(services, targets.collect::<Result<_, Error>>()?)
    }
}
