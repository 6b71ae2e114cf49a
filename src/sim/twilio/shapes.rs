//! What Twilio takes on a stream: three closed shapes, and an eye on every key.

use serde_json::{Map, Value};

/// A message to Twilio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToTwilio {
    /// Sound to play, 8 kHz μ-law.
    Media(Vec<u8>),
    /// To be sent back when everything before it has been played.
    Mark(String),
    /// Drop what has not been played.
    Clear,
}

/// Reads one message sent to the stream `stream_sid`.
///
/// # Errors
///
/// Why Twilio would ignore it (31951), in words.
pub fn read(text: &str, stream_sid: &str) -> Result<ToTwilio, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "not JSON".to_owned())?;
    let message = value.as_object().ok_or("not an object")?;
    let event = text_at(message, "event")?;
    let body = match event {
        "media" | "mark" => Some(event),
        "clear" => None,
        other => return Err(format!("event {other:?} is not known")),
    };
    closed(message, ["event", "streamSid"].into_iter().chain(body))?;
    if text_at(message, "streamSid")? != stream_sid {
        return Err("streamSid is another stream's".to_owned());
    }
    let Some(name) = body else { return Ok(ToTwilio::Clear) };
    let inner = message.get(name).and_then(Value::as_object);
    let inner = inner.ok_or_else(|| format!("{name} is not an object"))?;
    if name == "mark" {
        closed(inner, ["name"])?;
        return Ok(ToTwilio::Mark(text_at(inner, "name")?.to_owned()));
    }
    closed(inner, ["payload"])?;
    let payload = text_at(inner, "payload")?;
    match base64_simd::STANDARD.decode_to_vec(payload) {
        Ok(sound) if sound.starts_with(b"RIFF") => Err("media.payload has a file's header".to_owned()),
        Ok(sound) => Ok(ToTwilio::Media(sound)),
        Err(_) => Err("media.payload is not base64".to_owned()),
    }
}

fn closed<'a>(
    object: &Map<String, Value>,
    keys: impl IntoIterator<Item = &'a str> + Clone,
) -> Result<(), String> {
    if let Some(missing) = keys.clone().into_iter().find(|key| !object.contains_key(*key)) {
        return Err(format!("{missing} is missing"));
    }
    match object.keys().find(|key| keys.clone().into_iter().all(|known| known != **key)) {
        Some(extra) => Err(format!("{extra} is not known")),
        None => Ok(()),
    }
}

fn text_at<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is not a string"))
}
