//! What Twilio wrote down of calls: transcripts and their sentences.
//!
//! Twilio calls it Conversation Intelligence (classic), formerly Voice Intelligence; facts are from its public reference,
//! "Transcript Resource" and "Transcript Sentence Subresource". Pages are followed on the configured host and nowhere else.
//! What is read is checked as words from outside are: nothing here believes a number because it was sent.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Credentials, Error, Rest, read};

/// Sentences of one page; Twilio allows 1000.
pub const SENTENCES_PER_PAGE: u32 = 500;
/// Pages of one transcript.
pub const PAGES_MAX: u32 = 40;
/// Longest sentence, in characters.
pub const SENTENCE_CHARS_MAX: usize = 4_000;
/// Characters of one transcript: far more than anybody says in the longest call.
pub const TRANSCRIPT_CHARS_MAX: usize = 2_000_000;
/// The latest a sentence may end, in seconds since the recording began: a day.
const SECONDS_MAX: f64 = 86_400.0;

/// Twilio's name for a transcript: `GT` and 32 hexadecimal digits, so it can be part of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptSid(String);

impl TranscriptSid {
    /// The SID, if that is one.
    pub fn new(text: &str) -> Option<Self> {
        let tail = text.strip_prefix("GT")?;
        (tail.len() == 32 && tail.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    /// The whole SID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a transcript cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Twilio did not do what it was asked.
    #[error("{0}")]
    Twilio(#[from] Error),
    /// The next page is somewhere else.
    #[error("its next page is at another place than Twilio's")]
    Elsewhere,
    /// There is more of it than there may be.
    #[error("it is too long")]
    TooLong,
    /// What should be a number is none.
    #[error("a number in it is none")]
    NotANumber,
    /// It is sealed under somebody's key.
    #[error("it is encrypted at Twilio")]
    Encrypted,
}

/// Where a transcript stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is being made.
    Underway,
    /// It is finished.
    Ready,
    /// It never will be.
    Never,
}

/// A transcript, without its sentences. `Debug` is not for what its maker wrote to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Where it stands.
    pub readiness: Readiness,
    /// In which account it lies, when Twilio says so.
    pub account_sid: Option<String>,
    /// What it was made of: a recording (`RE…`), a call (`CA…`), or something else of Twilio's.
    pub source_sid: Option<String>,
    /// What whoever had it made called it.
    pub customer_key: Option<String>,
    /// On which channel the customer is, when that is said.
    pub customer_channel: Option<u32>,
}

/// A sentence. `Debug` is not for its words.
#[derive(Clone, PartialEq)]
pub struct Sentence {
    /// The channel it was heard on, from 1.
    pub channel: u32,
    /// When it began, in milliseconds since the recording did.
    pub began_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// The words.
    pub text: String,
    /// How sure Twilio is of them, from 0 to 1.
    pub confidence: Option<f64>,
}

#[derive(Deserialize)]
struct TranscriptWire {
    status: String,
    account_sid: Option<String>,
    customer_key: Option<String>,
    encryption_credential_sid: Option<String>,
    #[serde(default)]
    channel: Value,
}

#[derive(Deserialize)]
struct PageWire {
    sentences: Vec<SentenceWire>,
    meta: MetaWire,
}

#[derive(Deserialize)]
struct MetaWire {
    next_page_url: Option<String>,
}

/// The numbers are read by hand: Twilio writes some of them as text.
#[derive(Deserialize)]
struct SentenceWire {
    #[serde(default)]
    media_channel: Value,
    #[serde(default)]
    sentence_index: Value,
    #[serde(default)]
    start_time: Value,
    #[serde(default)]
    end_time: Value,
    #[serde(default)]
    confidence: Value,
    transcript: Option<String>,
}

impl Rest {
    /// A transcript, without its sentences.
    ///
    /// # Errors
    /// [`Unread::Encrypted`]; [`Error::NotFound`] when the account has none of that name; otherwise whatever stands in the
    /// way.
    pub async fn transcript(&self, who: &Credentials, sid: &TranscriptSid) -> Result<Transcript, Unread> {
        let url = format!("{}/v2/Transcripts/{}", self.intelligence_url, sid.0);
        let wire: TranscriptWire = read(self.request_at(Method::GET, who, &url)).await?;
        if wire.encryption_credential_sid.is_some_and(|key| !key.is_empty()) {
            return Err(Unread::Encrypted);
        }
        let known = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Transcript {
            readiness: match wire.status.as_str() {
                "completed" => Readiness::Ready,
                "failed" | "canceled" | "error" => Readiness::Never,
                // `queued`, `in-progress`, `new`, and whatever is yet to be invented.
                _ => Readiness::Underway,
            },
            account_sid: known(wire.account_sid),
            source_sid: known(wire.channel["media_properties"]["source_sid"].as_str().map(str::to_owned)),
            customer_key: known(wire.customer_key),
            customer_channel: customer_channel(&wire.channel),
        })
    }

    /// The sentences of a transcript, in the order in which they were said.
    ///
    /// # Errors
    /// [`Unread`].
    pub async fn sentences(&self, who: &Credentials, sid: &TranscriptSid) -> Result<Vec<Sentence>, Unread> {
        let first = format!(
            "{}/v2/Transcripts/{}/Sentences?PageSize={SENTENCES_PER_PAGE}",
            self.intelligence_url, sid.0
        );
        let home = Url::parse(&first).map_err(|_| Unread::Elsewhere)?;
        let (mut url, mut all, mut chars) = (home.clone(), vec![], 0_usize);
        for _ in 0..PAGES_MAX {
            let page: PageWire = read(self.request_at(Method::GET, who, url.as_str())).await?;
            for wire in page.sentences {
                let (index, sentence) =
                    sentence(wire, all.last().map_or(0, |(_, last): &(u64, Sentence)| last.ended_ms))?;
                chars = chars.saturating_add(sentence.text.len());
                if chars > TRANSCRIPT_CHARS_MAX {
                    return Err(Unread::TooLong);
                }
                all.push((index, sentence));
            }
            let Some(next) = page.meta.next_page_url.filter(|next| !next.is_empty()) else {
                all.sort_by_key(|(index, sentence)| (sentence.began_ms, *index));
                return Ok(all.into_iter().map(|(_, sentence)| sentence).collect());
            };
            // The token goes nowhere else, whatever a page says.
            let next = home.join(&next).map_err(|_| Unread::Elsewhere)?;
            if next.origin() != home.origin() || next.path() != home.path() {
                return Err(Unread::Elsewhere);
            }
            url = next;
        }
        Err(Unread::TooLong)
    }
}

/// On which channel the customer is. Twilio gives everybody the role `Agent` or `Customer`, unless whoever had the transcript
/// made has named others.
fn customer_channel(channel: &Value) -> Option<u32> {
    let participants = channel["participants"].as_array()?;
    let role = |one: &Value, wanted: &str| {
        one["role"].as_str().is_some_and(|role| role.eq_ignore_ascii_case(wanted))
    };
    let number = |one: &Value| one["channel_participant"].as_u64().and_then(|at| u32::try_from(at).ok());
    let customer = participants.iter().find(|one| role(one, "customer"));
    customer.and_then(number).or_else(|| {
        // Of two, the customer is whom the agent is not.
        match number(participants.iter().find(|one| role(one, "agent"))?)? {
            1 => Some(2),
            2 => Some(1),
            _ => None,
        }
    })
}

/// A sentence and its index. One without a time stands where the one before it ended.
fn sentence(wire: SentenceWire, before_ms: u64) -> Result<(u64, Sentence), Unread> {
    let index = wire.sentence_index.as_u64().ok_or(Unread::NotANumber)?;
    let channel = wire.media_channel.as_u64().and_then(|channel| u32::try_from(channel).ok());
    let began_ms = millis(&wire.start_time)?.unwrap_or(before_ms);
    let ended_ms = millis(&wire.end_time)?.unwrap_or(began_ms);
    if ended_ms < began_ms {
        return Err(Unread::NotANumber);
    }
    let text = wire.transcript.unwrap_or_default();
    if text.chars().count() > SENTENCE_CHARS_MAX {
        return Err(Unread::TooLong);
    }
    let text = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    // How sure somebody is matters less than what was said: what cannot be read is not known.
    let confidence = number(&wire.confidence).filter(|sure| (0.0..=1.0).contains(sure));
    let channel = channel.ok_or(Unread::NotANumber)?;
    Ok((index, Sentence { channel, began_ms, ended_ms, text, confidence }))
}

/// Seconds as Twilio writes them, in milliseconds; `None` when it writes none.
fn millis(value: &Value) -> Result<Option<u64>, Unread> {
    if value.is_null() {
        return Ok(None);
    }
    let seconds = number(value).filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    // Between nought and a day, so it fits.
    Ok(Some((seconds.ok_or(Unread::NotANumber)? * 1_000.0).round() as u64))
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number: &f64| number.is_finite())
}
