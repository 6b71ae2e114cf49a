//! Recordings that Twilio made: fetched, and erased there (protocols.md §1.2, §1.5).

use reqwest::{Method, header};

use serde::Deserialize;

use super::{Credentials, Error, Rest, answered, read};
use crate::domain::conversation::CallSid;

/// The longest recording that is fetched, in bytes: far more than the longest message is.
pub const RECORDING_BYTES_MAX: u64 = 16 << 20;

/// Twilio's name for a recording: `RE` and 32 hexadecimal digits, so it can be part of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingSid(String);

impl RecordingSid {
    /// The SID, if that is one.
    pub fn new(text: &str) -> Option<Self> {
        let tail = text.strip_prefix("RE")?;
        (tail.len() == 32 && tail.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    /// The whole SID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Rest {
    /// A recording as a WAV file.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or none any more; otherwise whatever stands in the way.
    pub async fn recording(&self, who: &Credentials, sid: &RecordingSid) -> Result<Vec<u8>, Error> {
        let path = format!("{}/Recordings/{}.wav", who.account_sid, sid.0);
        let mut answer = answered(self.request(Method::GET, who, &path)).await?;
        let told =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if told.is_some_and(|length: u64| length > RECORDING_BYTES_MAX) {
            return Err(Error::Garbled("its recording is too long"));
        }
        let mut sound = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| Error::Away(error.without_url()))? {
            if (sound.len() + piece.len()) as u64 > RECORDING_BYTES_MAX {
                return Err(Error::Garbled("its recording is too long"));
            }
            sound.extend_from_slice(&piece);
        }
        Ok(sound)
    }

    /// Of which call a recording is, when Twilio says so.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or none any more; otherwise whatever stands in the way.
    pub async fn call_of_recording(
        &self,
        who: &Credentials,
        sid: &RecordingSid,
    ) -> Result<Option<CallSid>, Error> {
        #[derive(Deserialize)]
        struct Wire {
            call_sid: Option<String>,
        }
        let path = format!("{}/Recordings/{}.json", who.account_sid, sid.0);
        let wire: Wire = read(self.request(Method::GET, who, &path)).await?;
        Ok(wire.call_sid.and_then(|sid| sid.parse().ok()))
    }

    /// Erases a recording there. One that is gone is as good as erased.
    ///
    /// # Errors
    /// Whatever stands in the way; asking again does no harm.
    pub async fn erase_recording(&self, who: &Credentials, sid: &RecordingSid) -> Result<(), Error> {
        let path = format!("{}/Recordings/{}.json", who.account_sid, sid.0);
        match answered(self.request(Method::DELETE, who, &path)).await {
            Err(Error::NotFound) => Ok(()),
            answer => answer.map(drop),
        }
    }
}
