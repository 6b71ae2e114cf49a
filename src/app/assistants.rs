//! Who answers: assistants, and every version of them.
//!
//! A change is a version; the one a call began with stays what that call was. What is said first is spoken in advance,
//! as soon as it changes.

use serde_json::{Value, json};

use super::{
    Error, Faults,
    access::Actor,
    audit::{self, Audited, Parts},
    in_use, not_unique,
    services::NAME_LEN_MAX,
};
use crate::{
    domain::{
        assistant::{Assistant, AssistantStatus, AssistantVersion, TurnPolicy},
        id::{AssistantId, JobId},
        people::{Subject, Verb},
        revision::{Revised, Revision},
        time::Timestamp,
    },
    platform::ids,
    store::{Page, Place, Store, TenantTx, Work},
};

/// Longest instructions, in characters.
pub const INSTRUCTIONS_LEN_MAX: usize = 20_000;
/// Longest opening words in one language, and longest description, in characters.
pub const OPENING_LEN_MAX: usize = 500;
/// Services one assistant may book.
pub const SERVICES_MAX: usize = 200;
/// Longest meaning of a key, in characters.
pub const KEY_MEANING_LEN_MAX: usize = 200;
/// People one assistant may pass callers on to.
pub const TRANSFERS_MAX: usize = 50;

/// A knob of a turn policy: its name, its value, the least it may be and the most, in milliseconds.
pub type Knob = (&'static str, fn(&TurnPolicy) -> u64, u64, u64);

/// Every knob there is.
pub const KNOBS: [Knob; 8] = [
    ("min_speech_ms", |p| p.min_speech_ms, 20, 2_000),
    ("false_interruption_ms", |p| p.false_interruption_ms, 100, 5_000),
    ("end_of_turn_ms", |p| p.end_of_turn_ms, 100, 5_000),
    ("response_delay_ms", |p| p.response_delay_ms, 0, 5_000),
    ("silence_first_ms", |p| p.silence_first_ms, 1_000, 120_000),
    ("silence_second_ms", |p| p.silence_second_ms, 1_000, 240_000),
    ("silence_goodbye_ms", |p| p.silence_goodbye_ms, 1_000, 480_000),
    ("max_duration_ms", |p| p.max_duration_ms, 60_000, 3_540_000),
];

impl Audited for Assistant {
    const KIND: &'static str = "assistant";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parts(&self) -> Parts {
        let opening: serde_json::Map<String, Value> =
            self.opening.iter().map(|(language, words)| (language.code().to_owned(), json!(words))).collect();
        let mut policy = json!({
            "sensitivity": self.policy.sensitivity.as_str(),
            "interruptible": self.policy.interruptible,
        });
        for (name, value, ..) in KNOBS {
            policy[name] = json!(value(&self.policy));
        }
        let tools: Vec<&str> = self.tools.iter().map(|tool| tool.as_str()).collect();
        let services: Vec<&str> = self.services.iter().map(|id| id.as_str()).collect();
        let transfers: Vec<&str> = self.transfers.iter().map(|id| id.as_str()).collect();
        let keypad: serde_json::Map<String, Value> =
            self.keypad.iter().map(|(key, means)| (key.to_string(), json!(means))).collect();
        Parts::new()
            .with("name", self.name.as_str())
            .with("description", self.description.as_str())
            .with("status", self.status.as_str())
            .with("language", self.language.code())
            .with("fallback", self.fallback.map(|language| language.code()))
            .with("voice", self.voice.as_str())
            .with("model", self.model.as_deref())
            .with("instructions", self.instructions.as_str())
            .with("opening", opening)
            .with("policy", policy)
            .with("recording", self.recording)
            .with("transcripts", self.transcripts)
            .with("tools", tools)
            .with("services", services)
            .with("transfers", transfers)
            .with("keypad", keypad)
    }
}

/// The assistants, in the order of their making.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Unavailable`] when the database is away.
pub async fn list(
    store: &Store,
    by: &Actor,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<Assistant>, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    Ok(store.read(by.tenant()).await?.assistants().page(after, count_max).await?)
}

/// One assistant.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn get(store: &Store, by: &Actor, id: &AssistantId) -> Result<Revised<Assistant>, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    kept(&mut store.read(by.tenant()).await?, id).await
}

/// Makes an assistant.
///
/// # Errors
/// [`Error::Limit`] when the tenant has as many as it may; [`Error::Forbidden`]; [`Error::Invalid`];
/// [`Error::Unavailable`].
pub async fn create(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    wanted: Assistant,
) -> Result<Revised<Assistant>, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    put(&mut tx, by, now, None, &wanted).await?;
    let made = kept(&mut tx, &wanted.id).await?;
    tx.commit().await?;
    Ok(made)
}

/// Changes an assistant as `change` says, if it is still as the asker has seen it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Conflict`] when it is to
/// answer no more while a number rings at it; [`Error::Unavailable`].
pub async fn edit(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    seen: Option<Revision>,
    change: impl FnOnce(&Assistant) -> Result<Assistant, Error>,
) -> Result<Revised<Assistant>, Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    let wanted = change(&before.item)?;
    put(&mut tx, by, now, Some(&before.item), &wanted).await?;
    let after = kept(&mut tx, id).await?;
    tx.commit().await?;
    Ok(after)
}

/// Takes an assistant away that never had a call and has no number. Another can be archived.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`]; [`Error::Unavailable`].
pub async fn remove(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    seen: Option<Revision>,
) -> Result<(), Error> {
    by.must(Verb::Write, Subject::Assistants)?;
    let mut tx = store.begin(by.tenant()).await?;
    let before = kept(&mut tx, id).await?;
    before.must_be(seen)?;
    tx.assistants().remove(id).await.map_err(|error| {
        in_use(error, "numbers or calls refer to that assistant; it can be archived instead")
    })?;
    audit::record(&mut tx, by, now, Some(&before.item), None).await?;
    Ok(tx.commit().await?)
}

/// The versions of an assistant, latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn versions(
    store: &Store,
    by: &Actor,
    id: &AssistantId,
    after: Option<&Place>,
    count_max: u32,
) -> Result<Page<AssistantVersion>, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    let mut tx = store.read(by.tenant()).await?;
    kept(&mut tx, id).await?;
    Ok(tx.assistants().versions(id, after, count_max).await?)
}

/// One version of an assistant.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Unavailable`].
pub async fn version(
    store: &Store,
    by: &Actor,
    id: &AssistantId,
    number: Revision,
) -> Result<AssistantVersion, Error> {
    by.must(Verb::Read, Subject::Assistants)?;
    let version = store.read(by.tenant()).await?.assistants().version(id, number).await?;
    version.ok_or(Error::NotFound("version"))
}

/// Brings an older version back, as another version. Whether it answers stays as it is.
///
/// # Errors
/// As [`edit`]; also when a service it could book is gone.
pub async fn restore(
    store: &Store,
    by: &Actor,
    now: Timestamp,
    id: &AssistantId,
    number: Revision,
    seen: Option<Revision>,
) -> Result<Revised<Assistant>, Error> {
    let older = version(store, by, id, number).await?;
    edit(store, by, now, id, seen, |kept| Ok(Assistant { status: kept.status, ..older.assistant })).await
}

pub(super) async fn kept(tx: &mut TenantTx, id: &AssistantId) -> Result<Revised<Assistant>, Error> {
    tx.assistants().revised(id).await?.ok_or(Error::NotFound("assistant"))
}

pub(super) async fn put(
    tx: &mut TenantTx,
    by: &Actor,
    now: Timestamp,
    before: Option<&Assistant>,
    wanted: &Assistant,
) -> Result<(), Error> {
    check(tx, wanted).await?;
    let counts = |assistant: &Assistant| assistant.status != AssistantStatus::Archived;
    if counts(wanted) && !before.is_some_and(counts) {
        let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        let max = u64::from(tenant.assistants_max);
        if tx.assistants().count().await? >= max {
            return Err(Error::Limit { name: "assistants", max });
        }
    }
    if before.is_some()
        && wanted.status != AssistantStatus::Live
        && tx.numbers().count_of_assistant(&wanted.id).await? > 0
    {
        return Err(Error::Conflict("a number rings at that assistant; assign the number to another first"));
    }
    let put = tx.assistants().put(wanted, now, &by.to_string()).await;
    put.map_err(|error| not_unique(error, "/name", "another assistant has this name"))?;
    audit::record(tx, by, now, before, Some(wanted)).await?;
    // What is made already is not made again.
    for language in wanted.opening.keys().copied() {
        let work = Work::OpeningClip { assistant: wanted.id.clone(), language };
        tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    }
    Ok(())
}

/// Everything that must hold for an assistant, told at once.
pub(super) async fn check(tx: &mut TenantTx, assistant: &Assistant) -> Result<(), Error> {
    let mut faults = Faults::new();
    let length = |text: &str| text.chars().count();
    faults.unless(
        !assistant.name.trim().is_empty() && length(&assistant.name) <= NAME_LEN_MAX,
        "/name",
        format!("must be 1 to {NAME_LEN_MAX} characters"),
    );
    for (at, text, max) in [
        ("/description", assistant.description.as_str(), OPENING_LEN_MAX),
        ("/voice", &assistant.voice, NAME_LEN_MAX),
        ("/model", assistant.model.as_deref().unwrap_or_default(), NAME_LEN_MAX),
        ("/instructions", &assistant.instructions, INSTRUCTIONS_LEN_MAX),
    ] {
        faults.unless(length(text) <= max, at, format!("must be at most {max} characters"));
    }
    for language in [Some(assistant.language), assistant.fallback].into_iter().flatten() {
        faults.unless(
            assistant.opening.contains_key(&language),
            "/opening",
            format!("has no words in `{language}`, which the assistant speaks"),
        );
    }
    for (language, words) in &assistant.opening {
        faults.unless(
            !words.trim().is_empty() && length(words) <= OPENING_LEN_MAX,
            format!("/opening/{language}"),
            format!("must be 1 to {OPENING_LEN_MAX} characters"),
        );
    }
    for (name, value, least, most) in KNOBS {
        let right = (least..=most).contains(&value(&assistant.policy));
        faults.unless(
            right,
            format!("/policy/{name}"),
            format!("must be from {least} to {most} milliseconds"),
        );
    }
    let policy = &assistant.policy;
    faults.unless(
        policy.silence_first_ms < policy.silence_second_ms
            && policy.silence_second_ms < policy.silence_goodbye_ms,
        "/policy",
        "silence_first_ms, silence_second_ms and silence_goodbye_ms must grow in this order",
    );
    for (at, tool) in assistant.tools.iter().enumerate() {
        faults.unless(!assistant.tools[..at].contains(tool), format!("/tools/{at}"), "is named twice");
    }
    faults.unless(
        assistant.services.len() <= SERVICES_MAX,
        "/services",
        format!("must be at most {SERVICES_MAX}"),
    );
    for (at, id) in assistant.services.iter().enumerate().take(SERVICES_MAX) {
        faults.unless(!assistant.services[..at].contains(id), format!("/services/{at}"), "is named twice");
        let there = tx.services().get(id).await?.is_some();
        faults.unless(there, format!("/services/{at}"), "there is no such service");
    }
    faults.unless(
        assistant.transfers.len() <= TRANSFERS_MAX,
        "/transfers",
        format!("must be at most {TRANSFERS_MAX}"),
    );
    for (at, id) in assistant.transfers.iter().enumerate().take(TRANSFERS_MAX) {
        faults.unless(!assistant.transfers[..at].contains(id), format!("/transfers/{at}"), "is named twice");
        let there = tx.transfer_targets().get(id).await?.is_some();
        faults.unless(there, format!("/transfers/{at}"), "there is no such transfer target");
    }
    for (key, means) in &assistant.keypad {
        let at = format!("/keypad/{key}");
        faults.unless(matches!(key, '0'..='9' | '*'), at.as_str(), "is no key that can mean something");
        let right = !means.trim().is_empty()
            && length(means) <= KEY_MEANING_LEN_MAX
            && !means.chars().any(char::is_control);
        faults.unless(right, at, format!("must be 1 to {KEY_MEANING_LEN_MAX} characters"));
    }
    faults.settle()
}
