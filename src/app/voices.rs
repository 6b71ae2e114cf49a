//! What the engine's voices sound like: an assistant's opening words read in one of them, for whoever chooses.
//!
//! Nothing is kept, since the words are a business's own and are read in voices it may never take; a call plays
//! [`super::clips`].

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{Error, access::Actor, clips};
use crate::{
    audio::{g711, wav},
    domain::{
        id::AssistantId,
        people::{Subject, Verb},
    },
    platform::clock::Clock,
    speech::{self, Briefing},
    store::Store,
};

/// How long somebody waits for a voice.
const READ_WAIT_MAX: Duration = Duration::from_secs(8);

/// How many are read to at once.
const AT_ONCE_MAX: usize = 2;

/// The engine's voices.
#[derive(Clone, Debug)]
pub struct Voices {
    speech: speech::Settings,
    /// Room to be read to: calls need the engine more.
    room: Arc<Semaphore>,
    clock: Clock,
}

impl Voices {
    /// Those of this engine.
    pub fn new(speech: speech::Settings, clock: Clock) -> Self {
        Self { speech, room: Arc::new(Semaphore::new(AT_ONCE_MAX)), clock }
    }

    /// The opening words of an assistant, of its draft if there is one, in its first language and in that voice: a WAV file.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Limit`] when others are being read to; [`Error::Unavailable`] when the engine does not read, or not in time.
    pub async fn sample(
        &self,
        store: &Store,
        by: &Actor,
        assistant: &AssistantId,
        voice: &str,
    ) -> Result<Vec<u8>, Error> {
        by.must(Verb::Write, Subject::Assistants)?;
        if !speech::VOICES.contains(&voice) {
            return Err(Error::NotFound("voice"));
        }
        let room = self.room.try_acquire();
        let _room =
            room.map_err(|_| Error::Limit { name: "voices read at once", max: AT_ONCE_MAX as u64 })?;
        let mut tx = store.read(by.tenant()).await?;
        let live = tx.assistants().get(assistant).await?.ok_or(Error::NotFound("assistant"))?;
        let draft = tx.assistants().draft(assistant).await?;
        let tenant = tx.tenant().get().await?.ok_or(Error::NotFound("tenant"))?;
        drop(tx);
        let heard = draft.map_or(live, |draft| draft.assistant);
        let briefing = Briefing {
            model: heard.model.clone(),
            voice: Some(voice.to_owned()),
            instructions: clips::reader(heard.language),
            ..Briefing::default()
        };
        let words = clips::opening(&heard, heard.language, &tenant, false);
        let read = speech::realtime::read_aloud(&self.speech, &briefing, &words, self.clock);
        let read = self.clock.within(READ_WAIT_MAX, read).await;
        let read = read.ok_or_else(|| Error::Unavailable("the engine", "it did not read in time".into()))?;
        let sound = read.map_err(|error| Error::Unavailable("the engine", Box::new(error)))?;
        let instants = u64::try_from(sound.0.len()).unwrap_or(u64::MAX);
        let mut file = wav::head(instants).to_vec();
        for byte in &sound.0 {
            let sample = g711::decode(*byte).to_le_bytes();
            file.extend([sample, sample].as_flattened());
        }
        Ok(file)
    }
}
