//! Twilio Media Streams on the wire: messages in, messages out (protocols.md §1.1).
//!
//! Text to values and values to text, borrowed where it is hot: a frame's base64 is never copied here. What
//! cannot be read is told as such and counted by the caller of [`read`]; nothing here closes a socket.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;

use crate::call::port::Mark;

/// A message from Twilio.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// The socket is open; nothing is known of the call yet.
    Connected,
    /// The stream begins.
    Start(Start),
    /// Sound of the caller's.
    Media {
        /// When it was heard, in milliseconds since the stream began.
        timestamp_ms: u64,
        /// Base64 of 8 kHz mu-law.
        payload: Cow<'a, str>,
    },
    /// Sound was played, by mark.
    Mark(Mark),
    /// A key was pressed.
    Keyed(char),
    /// The stream is over.
    Stop,
    /// Readable, and nothing to us: an event we do not know, sound of another track, a mark that is not ours.
    Other,
    /// Not to be read.
    Malformed,
}

/// What Twilio says of a stream as it begins.
#[derive(Debug, PartialEq)]
pub struct Start {
    /// The stream's name (`MZ…`), which every message to Twilio carries.
    pub stream_sid: StreamSid,
    /// The call's name (`CA…`).
    pub call_sid: String,
    /// The account's name (`AC…`).
    pub account_sid: String,
    /// What our TwiML gave along.
    pub parameters: BTreeMap<String, String>,
}

/// Twilio's name for a stream: `MZ` and 32 hexadecimal digits, so it needs no escaping anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSid(String);

impl StreamSid {
    fn new(text: &str) -> Option<Self> {
        let tail = text.strip_prefix("MZ")?;
        (tail.len() == 32 && tail.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    media: Option<MediaBody<'a>>,
    #[serde(default)]
    mark: Option<MarkBody>,
    #[serde(default)]
    dtmf: Option<KeyBody>,
    #[serde(default)]
    start: Option<StartBody>,
}

#[derive(Deserialize)]
struct MediaBody<'a> {
    #[serde(borrow, default)]
    track: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct MarkBody {
    name: String,
}

#[derive(Deserialize)]
struct KeyBody {
    digit: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartBody {
    account_sid: String,
    stream_sid: String,
    call_sid: String,
    #[serde(default)]
    custom_parameters: BTreeMap<String, String>,
    media_format: FormatBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormatBody {
    encoding: String,
    sample_rate: u32,
    channels: u32,
}

/// Reads one message.
pub fn read(text: &str) -> Message<'_> {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else { return Message::Malformed };
    match &*envelope.event {
        "media" => envelope.media.map_or(Message::Malformed, media),
        "mark" => envelope
            .mark
            .map_or(Message::Malformed, |mark| mark_named(&mark.name).map_or(Message::Other, Message::Mark)),
        "dtmf" => envelope.dtmf.and_then(|key| keyed(&key.digit)).map_or(Message::Malformed, Message::Keyed),
        "start" => envelope.start.and_then(started).map_or(Message::Malformed, Message::Start),
        "connected" => Message::Connected,
        "stop" => Message::Stop,
        _ => Message::Other,
    }
}

fn media(media: MediaBody<'_>) -> Message<'_> {
    if media.track.is_some_and(|track| track != "inbound") {
        return Message::Other;
    }
    match media.timestamp.parse() {
        Ok(timestamp_ms) => Message::Media { timestamp_ms, payload: media.payload },
        Err(_) => Message::Malformed,
    }
}

fn keyed(digit: &str) -> Option<char> {
    match digit.as_bytes() {
        [digit @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')] => Some(char::from(*digit)),
        _ => None,
    }
}

fn started(start: StartBody) -> Option<Start> {
    let format = start.media_format;
    if format.encoding != "audio/x-mulaw" || format.sample_rate != 8_000 || format.channels != 1 {
        return None;
    }
    Some(Start {
        stream_sid: StreamSid::new(&start.stream_sid)?,
        call_sid: start.call_sid,
        account_sid: start.account_sid,
        parameters: start.custom_parameters,
    })
}

/// A mark's name: piece, position in milliseconds, and generation.
fn mark_named(name: &str) -> Option<Mark> {
    let mut parts = name.split(':');
    let mark = Mark {
        piece: parts.next()?.parse().ok()?,
        end_ms: parts.next()?.parse().ok()?,
        generation: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(mark)
}

/// Writes "play this": `sound` is 8 kHz mu-law.
pub fn write_media(stream: &StreamSid, sound: &[u8], out: &mut String) {
    out.push_str(r#"{"event":"media","streamSid":""#);
    out.push_str(&stream.0);
    out.push_str(r#"","media":{"payload":""#);
    base64_simd::STANDARD.encode_append(sound, out);
    out.push_str(r#""}}"#);
}

/// Writes "tell when everything up to here was played".
pub fn write_mark(stream: &StreamSid, mark: Mark, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        r#"{{"event":"mark","streamSid":"{}","mark":{{"name":"{}:{}:{}"}}}}"#,
        stream.0, mark.piece, mark.end_ms, mark.generation
    );
}

/// Writes "forget what has not been played".
pub fn write_clear(stream: &StreamSid, out: &mut String) {
    let _ = write!(out, r#"{{"event":"clear","streamSid":"{}"}}"#, stream.0);
}

/// Puts sound in its place in time: by its timestamp, not by counting.
#[derive(Debug, Default)]
pub struct Order {
    next_ms: Option<u64>,
}

/// Where a piece of sound stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It follows what came before, after so many milliseconds of nothing.
    Follows {
        /// Sound that is missing before it, in milliseconds.
        gap_ms: u64,
    },
    /// Sound from that time was heard already: a repetition, or out of order.
    Past,
}

/// Timestamps may be off by so much without meaning a gap or an overlap, in milliseconds.
const JITTER_MS: u64 = 10;

impl Order {
    /// Places sound of `len_ms` at `timestamp_ms`.
    pub fn place(&mut self, timestamp_ms: u64, len_ms: u64) -> Place {
        let next = self.next_ms.unwrap_or(timestamp_ms);
        if timestamp_ms.saturating_add(JITTER_MS) < next {
            return Place::Past;
        }
        self.next_ms = Some(timestamp_ms.max(next.saturating_sub(JITTER_MS)).saturating_add(len_ms));
        let gap = timestamp_ms.saturating_sub(next);
        Place::Follows { gap_ms: if gap > JITTER_MS { gap } else { 0 } }
    }
}
