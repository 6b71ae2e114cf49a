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
        phrases::{self, Phrase},
    },
    platform::{blobs::Blobs, clock::Clock},
    speech::{self, Briefing},
};

/// The sentences a call may need at once, whatever the engine does.
const PHRASES: [Phrase; 9] = [
    Phrase::StillThere,
    Phrase::StillThereAgain,
    Phrase::SilenceGoodbye,
    Phrase::OneMinuteLeft,
    Phrase::TimeIsUp,
    Phrase::OneMoment,
    Phrase::StillWorking,
    Phrase::OfferCallBack,
    Phrase::Drained,
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
    /// Whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.opening_clip.is_some() && self.phrases.len() == PHRASES.len()
    }
}

/// The clips of `assistant` in `language`, as far as they have been made.
pub async fn load(blobs: &Blobs, settings: &speech::Settings, assistant: &Assistant, language: Language) -> Clips {
    let opening = phrases::opening(assistant, language);
    let mut clips = Clips {
        opening_clip: read(blobs, settings, assistant, &opening).await,
        opening: Words(opening),
        phrases: BTreeMap::new(),
    };
    for phrase in PHRASES {
        if let Some(sound) = read(blobs, settings, assistant, phrase.words(language)).await {
            clips.phrases.insert(phrase, sound);
        }
    }
    clips
}

/// Makes what is missing of the clips of `assistant` in `language`. Returns how many were made.
pub async fn make(
    blobs: &Blobs,
    settings: &speech::Settings,
    assistant: &Assistant,
    language: Language,
    clock: Clock,
) -> Result<usize, Error> {
    let opening = phrases::opening(assistant, language);
    let sentences = [opening.as_str()].into_iter().chain(PHRASES.map(|phrase| phrase.words(language)));
    let briefing = Briefing {
        model: assistant.model.clone(),
        voice: Some(assistant.voice.clone()),
        instructions: reader(language),
        ..Briefing::default()
    };
    let mut made = 0;
    for words in sentences {
        let name = name(settings, assistant, words);
        if blobs.get(&name).await.is_ok() {
            continue;
        }
        let sound = speech::realtime::read_aloud(settings, &briefing, words, clock)
            .await
            .map_err(|error| Error::Unavailable(Box::new(error)))?;
        blobs.put(&name, sound.0).await.map_err(|error| Error::Internal(Box::new(error)))?;
        made += 1;
    }
    Ok(made)
}

async fn read(blobs: &Blobs, settings: &speech::Settings, assistant: &Assistant, words: &str) -> Option<Arc<Sound>> {
    let sound = blobs.get(&name(settings, assistant, words)).await.ok()?;
    Some(Arc::new(Sound(sound)))
}

/// The name of the clip in which `assistant` says `words`.
fn name(settings: &speech::Settings, assistant: &Assistant, words: &str) -> String {
    let model = assistant.model.as_deref().unwrap_or(&settings.model);
    let said = format!("{model}\n{}\n{words}", assistant.voice);
    let hash = digest::digest(&digest::SHA256, said.as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("clips/{hex}.ulaw")
}

fn reader(language: Language) -> String {
    match language {
        Language::German => "Du liest Sätze am Telefon vor: freundlich, deutlich, in natürlichem Tempo, auf Deutsch.",
        Language::English => "You read sentences aloud on the telephone: friendly, clear, at a natural pace, in English.",
    }
    .to_owned()
}
