//! A voice made of recorded clips.
//!
//! `fixtures/audio/index.toml` says what is heard in which file; a sentence is put together from as few clips
//! as will do, with short pauses at commas and longer ones between sentences. It cannot say a word that nobody
//! recorded, and says which. The recordings are part of the binary.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use serde::Deserialize;

use super::sound;
use crate::domain::assistant::Language;

/// Silence at a comma, in milliseconds.
const COMMA_MS: usize = 120;

/// Silence between sentences, in milliseconds: less than what ends a turn.
const SENTENCE_MS: usize = 280;

/// Silence between two clips in the middle of a phrase, in milliseconds.
const JOINT_MS: usize = 40;

/// Who is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person on the telephone.
    Caller,
    /// The assistant.
    Agent,
}

/// Words that no clip says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no recording of the {role:?} says, in `{language}`: {}", words.join(" … "))]
pub struct UnknownWords {
    /// Whose recordings were searched.
    pub role: Role,
    /// In which language.
    pub language: Language,
    /// The stretches of the text that could not be said.
    pub words: Vec<String>,
}

/// What is wrong with a set of recordings.
#[derive(Debug, thiserror::Error)]
pub enum BadRecordings {
    /// The index cannot be read.
    #[error("index.toml of the recordings cannot be read")]
    Index(#[from] toml::de::Error),
    /// A file the index names is missing or is not what it should be.
    #[error("recording {0}: {1}")]
    File(String, String),
}

/// Recordings of both sides in every language.
#[derive(Debug, Default)]
pub struct Voice {
    shelves: BTreeMap<(Role, Language), Shelf>,
    sounds: BTreeMap<String, Vec<u8>>,
}

/// The clips of one speaker, by their words.
#[derive(Debug, Default)]
struct Shelf {
    clips: BTreeMap<Vec<String>, Vec<u8>>,
    /// The most words in any clip.
    longest: usize,
}

#[derive(RustEmbed)]
#[folder = "fixtures/audio"]
#[include = "*.toml"]
#[include = "*.wav"]
struct Recordings;

#[derive(Deserialize)]
struct Index {
    sound: Vec<Entry>,
}

/// A recording: of somebody's words, or of no words at all (a cough, a knock), told by its kind.
#[derive(Deserialize)]
struct Entry {
    file: String,
    kind: String,
    language: Option<String>,
    speaker: Option<Role>,
    words: Option<String>,
}

impl Voice {
    /// The recordings that are part of the program.
    ///
    /// # Errors
    ///
    /// [`BadRecordings`], when they were built in broken.
    pub fn embedded() -> Result<Self, BadRecordings> {
        let bad = |file: &str, why: &str| BadRecordings::File(file.to_owned(), why.to_owned());
        let index = Recordings::get("index.toml").ok_or_else(|| bad("index.toml", "is missing"))?;
        let index: Index = toml::from_str(&String::from_utf8_lossy(&index.data))?;
        let mut voice = Self::default();
        for entry in index.sound {
            let file = Recordings::get(&entry.file).ok_or_else(|| bad(&entry.file, "is missing"))?;
            let sound = mu_law(&file.data).ok_or_else(|| bad(&entry.file, "is not an 8 kHz mu-law WAV"))?;
            match (entry.speaker, entry.language, entry.words) {
                (Some(role), Some(language), Some(words)) => {
                    let language = language.parse().map_err(|_| bad(&entry.file, "names no language"))?;
                    voice.learn(role, language, &words, sound);
                }
                _ => drop(voice.sounds.insert(entry.kind, sound.to_vec())),
            }
        }
        Ok(voice)
    }

    /// A sound that is no speech, such as `cough`, in 8 kHz mu-law.
    pub fn sound(&self, kind: &str) -> Option<&[u8]> {
        self.sounds.get(kind).map(Vec::as_slice)
    }

    /// Adds a recording in 8 kHz μ-law; silence around it is left out.
    pub fn learn(&mut self, role: Role, language: Language, words: &str, sound: &[u8]) {
        let words: Vec<String> = spoken(words).into_iter().map(|word| word.text).collect();
        let shelf = self.shelves.entry((role, language)).or_default();
        shelf.longest = shelf.longest.max(words.len());
        shelf.clips.insert(words, trimmed(sound).to_vec());
    }

    /// The agent saying `text`, in 8 kHz μ-law.
    ///
    /// # Errors
    ///
    /// [`UnknownWords`].
    pub fn agent(&self, language: Language, text: &str) -> Result<Vec<u8>, UnknownWords> {
        self.say(Role::Agent, language, text)
    }

    /// A caller saying `text`, in 8 kHz μ-law.
    ///
    /// # Errors
    ///
    /// [`UnknownWords`].
    pub fn caller(&self, language: Language, text: &str) -> Result<Vec<u8>, UnknownWords> {
        self.say(Role::Caller, language, text)
    }

    fn say(&self, role: Role, language: Language, text: &str) -> Result<Vec<u8>, UnknownWords> {
        let words = spoken(text);
        let unknown = |words: Vec<String>| UnknownWords { role, language, words };
        let Some(shelf) = self.shelves.get(&(role, language)) else {
            return Err(unknown(vec![text.to_owned()]));
        };
        let mut sound = vec![];
        for clip in shelf.fewest_clips(&words).map_err(unknown)? {
            sound.extend_from_slice(&shelf.clips[clip.words]);
            sound.resize(sound.len() + clip.pause_ms * sound::BYTES_PER_MS, sound::SILENCE);
        }
        Ok(sound)
    }
}

/// A word and the pause that its punctuation asks for.
struct Word {
    text: String,
    pause_ms: usize,
}

/// A clip chosen for some words of a text.
struct Chosen<'a> {
    words: &'a [String],
    pause_ms: usize,
}

impl Shelf {
    /// The fewest clips that say all the words, or the stretches that none says.
    fn fewest_clips(&self, words: &[Word]) -> Result<Vec<Chosen<'_>>, Vec<String>> {
        // From the end: for each place, what it takes to say the rest, a word without a clip costing most.
        const UNSAID: usize = 1_000;
        let texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
        let mut costs = vec![0; words.len() + 1];
        let mut steps: Vec<Option<usize>> = vec![None; words.len()];
        for from in (0..words.len()).rev() {
            costs[from] = costs[from + 1] + UNSAID;
            for length in 1..=self.longest.min(words.len() - from) {
                let cost = costs[from + length] + 1;
                if cost < costs[from] && self.clips.contains_key(&texts[from..from + length]) {
                    costs[from] = cost;
                    steps[from] = Some(length);
                }
            }
        }
        let (mut chosen, mut unsaid) = (vec![], vec![]);
        let (mut at, mut gap) = (0, false);
        while at < words.len() {
            let Some(length) = steps[at] else {
                if !gap {
                    unsaid.push(String::new());
                }
                if let Some(stretch) = unsaid.last_mut() {
                    stretch.push_str(if stretch.is_empty() { "" } else { " " });
                    stretch.push_str(&texts[at]);
                }
                gap = true;
                at += 1;
                continue;
            };
            gap = false;
            let pause_ms = words[at + length - 1].pause_ms;
            if let Some((words, _)) = self.clips.get_key_value(&texts[at..at + length]) {
                chosen.push(Chosen { words, pause_ms });
            }
            at += length;
        }
        if unsaid.is_empty() { Ok(chosen) } else { Err(unsaid) }
    }
}

/// The words of a text as they are spoken: without capitals and marks, each with the pause after it.
fn spoken(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = vec![];
    for piece in text.split_whitespace() {
        let word: String = piece.chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect();
        let pause_ms = match piece.chars().rev().find(|c| !matches!(c, '"' | '“' | '”' | ')')) {
            Some('.' | '!' | '?') => SENTENCE_MS,
            Some(',' | ';' | ':' | '–' | '—') => COMMA_MS,
            _ => JOINT_MS,
        };
        match words.last_mut() {
            // A dash that stands alone only lengthens the pause before it.
            Some(last) if word.is_empty() => last.pause_ms = last.pause_ms.max(pause_ms),
            _ if word.is_empty() => {}
            _ => words.push(Word { text: word.to_lowercase(), pause_ms }),
        }
    }
    words
}

/// Without the silence before and after, but for a breath.
fn trimmed(sound: &[u8]) -> &[u8] {
    let frames: Vec<&[u8]> = sound.chunks(sound::FRAME).collect();
    let Some(first) = frames.iter().position(|frame| sound::audible(frame)) else { return sound };
    let last = frames.iter().rposition(|frame| sound::audible(frame)).unwrap_or(first);
    let until = ((last + 3) * sound::FRAME).min(sound.len());
    &sound[first.saturating_sub(1) * sound::FRAME..until]
}

/// The data of an 8 kHz mono WAV file in mu-law.
fn mu_law(wav: &[u8]) -> Option<&[u8]> {
    const MU_LAW: u16 = 7;
    let mut rest = wav.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut right = false;
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        let body = tail.get(..length)?;
        match &head[..4] {
            b"fmt " => {
                let word = |at: usize| body.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
                let rate = word(4)?;
                right = word(0)? == MU_LAW && word(2)? == 1 && rate == 8_000;
            }
            b"data" => return right.then_some(body),
            _ => {}
        }
        rest = tail.get(length + length % 2..)?;
    }
    None
}
