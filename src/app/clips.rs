//! Sentences spoken before they are needed: the opening words and the server's own, in each assistant's voice.
//!
//! A clip is named by what is said in it and by whom, so changed words are another clip and an old one is
//! never played for them. Clips are made by a job, never while a caller waits; a call that finds none has the
//! engine say the same words.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::digest;

use super::Error;
use crate::{
    call::port::{Sound, Words},
    domain::{
        assistant::{Assistant, Language},
        id::{AssistantId, JobId, TenantId},
        org::Tenant,
        phrases::{self, Phrase},
        time::Timestamp,
    },
    platform::{
        blobs::{self, BlobName, Blobs},
        clock::Clock,
        ids,
    },
    speech::{self, Briefing},
    store::{Store, TenantTx, Work},
};

/// The sentences a call may need at once, whatever the engine does.
const PHRASES: [Phrase; 15] = [
    Phrase::StillThere,
    Phrase::StillThereAgain,
    Phrase::SilenceGoodbye,
    Phrase::OneMinuteLeft,
    Phrase::TimeIsUp,
    Phrase::OneMoment,
    Phrase::StillWorking,
    Phrase::OfferCallBack,
    Phrase::Drained,
    Phrase::PassingOn,
    Phrase::NobodyThere,
    Phrase::ColleagueGone,
    Phrase::OnHold,
    Phrase::StillHeld,
    Phrase::HoldOver,
];

/// What a call has to say by itself.
#[derive(Clone, Debug)]
pub struct Clips {
    /// The opening words, as text.
    pub opening: Words,
    /// The opening words, as sound.
    pub opening_clip: Option<Arc<Sound>>,
    /// The server's own sentences, as sound.
    pub phrases: BTreeMap<Phrase, Arc<Sound>>,
}

impl Clips {
    /// Nothing made yet: the engine says everything.
    pub fn none(opening: String) -> Self {
        Self { opening: Words(opening), opening_clip: None, phrases: BTreeMap::new() }
    }

    /// Whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.opening_clip.is_some() && self.phrases.len() == PHRASES.len()
    }
}

/// The first words of a call of the tenant's: the assistant's, or those with which it calls somebody on behalf of the business.
pub fn opening(assistant: &Assistant, language: Language, tenant: &Tenant, calling: bool) -> String {
    if calling {
        phrases::calling(&tenant.name, assistant.recording, tenant.listening_in, language)
    } else {
        phrases::opening(assistant, tenant.listening_in, language)
    }
}

/// The clips of `assistant` in `language` for a call with this opening, as far as they have been made.
///
/// Reads files: for a thread that may wait.
pub fn load(
    blobs: &Blobs,
    settings: &speech::Settings,
    assistant: &Assistant,
    language: Language,
    opening: String,
) -> Clips {
    let read = |words: &str| {
        let sound = blobs.get(&name(settings, assistant, words).ok()?).ok()?;
        Some(Arc::new(Sound(sound)))
    };
    Clips {
        opening_clip: read(&opening),
        opening: Words(opening),
        phrases: PHRASES
            .into_iter()
            .filter_map(|phrase| Some((phrase, read(phrase.words(language))?)))
            .collect(),
    }
}

/// Asks for what is missing of the clips of `assistant` in `language` to be made, soon and by somebody else.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn ask_for(
    store: &Store,
    tenant: &TenantId,
    assistant: &AssistantId,
    language: Language,
    now: Timestamp,
) -> Result<(), Error> {
    let mut tx = store.begin(tenant).await?;
    let work = Work::OpeningClip { assistant: assistant.clone(), language };
    tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
    Ok(tx.commit().await?)
}

/// Asks for the clips of everybody who answers a number of the tenant's, in the transaction that changes its words.
pub(super) async fn ask_for_answering(tx: &mut TenantTx, now: Timestamp) -> Result<(), Error> {
    for number in tx.numbers().all().await? {
        if let Some(assistant) = number.assistant {
            let work = Work::OpeningClip { assistant, language: number.language };
            tx.jobs().add(&JobId::of(ids::fresh(now)), &work, now).await?;
        }
    }
    Ok(())
}

/// Asks for the clips of everybody who answers a number, such as after the voices have changed. What is made
/// already is not made again.
///
/// # Errors
/// [`Error::Unavailable`] when the database is away.
pub async fn ask_for_all(store: &Store, now: Timestamp) -> Result<(), Error> {
    for tenant in store.across_tenants().tenants().await? {
        let numbers = store.read(&tenant.id).await?.numbers().all().await?;
        for number in numbers {
            if let Some(assistant) = &number.assistant {
                ask_for(store, &tenant.id, assistant, number.language, now).await?;
            }
        }
    }
    Ok(())
}

/// Makes what is missing of the clips of `assistant` in `language`, also of those with which it calls somebody if the
/// tenant `calls` people. Returns how many were made.
pub async fn make(
    blobs: &Blobs,
    settings: &speech::Settings,
    tenant: &Tenant,
    assistant: &Assistant,
    language: Language,
    calls: bool,
    clock: Clock,
) -> Result<usize, Error> {
    let mut openings = vec![opening(assistant, language, tenant, false)];
    openings.extend(calls.then(|| opening(assistant, language, tenant, true)));
    let sentences = openings.iter().map(String::as_str).chain(PHRASES.map(|phrase| phrase.words(language)));
    let briefing = Briefing {
        model: assistant.model.clone(),
        voice: Some(assistant.voice.clone()),
        instructions: reader(language),
        ..Briefing::default()
    };
    let mut made = 0;
    for words in sentences {
        let name = name(settings, assistant, words).map_err(|error| Error::Internal(Box::new(error)))?;
        let (there, asked) = (blobs.clone(), name.clone());
        if on_disk(move || there.has(&asked)).await? {
            continue;
        }
        let sound = speech::realtime::read_aloud(settings, &briefing, words, clock)
            .await
            .map_err(|error| Error::Unavailable("the engine", Box::new(error)))?;
        let there = blobs.clone();
        on_disk(move || there.put(&name, &sound.0)).await?;
        made += 1;
    }
    Ok(made)
}

/// The names of the clips in which `assistant` opens calls in `language`, also its own calls, whether or not somebody may
/// listen: in them it is heard whose they are.
pub fn openings(
    settings: &speech::Settings,
    tenant: &Tenant,
    assistant: &Assistant,
    language: Language,
) -> Vec<BlobName> {
    let ways = [(false, false), (false, true), (true, false), (true, true)];
    ways.into_iter()
        .map(|(listening_in, calling)| {
            opening(assistant, language, &Tenant { listening_in, ..tenant.clone() }, calling)
        })
        .filter_map(|words| name(settings, assistant, &words).ok())
        .collect()
}

/// Waits for where clips are kept on a thread that may wait.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, blobs::Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|panicked| Error::Internal(Box::new(panicked)))?;
    done.map_err(|error| Error::Internal(Box::new(error)))
}

/// The name of the clip in which `assistant` says `words`.
fn name(settings: &speech::Settings, assistant: &Assistant, words: &str) -> Result<BlobName, blobs::Error> {
    let model = assistant.model.as_deref().unwrap_or(&settings.model);
    let voice = if assistant.voice.is_empty() { &settings.voice } else { &assistant.voice };
    let said = format!("{model}\n{voice}\n{words}");
    let hash = digest::digest(&digest::SHA256, said.as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    BlobName::new(format!("clips/{hex}.ulaw"))
}

/// How the engine is told to read aloud.
pub(super) fn reader(language: Language) -> String {
    match language {
        Language::German => {
            "Du liest Sätze am Telefon vor: freundlich, deutlich, in natürlichem Tempo, auf Deutsch."
        }
        Language::English => {
            "You read sentences aloud on the telephone: friendly, clear, at a natural pace, in English."
        }
    }
    .to_owned()
}
