//! One session: what the client's events do, and what the caller's sound sets off.
//!
//! Takes events and time, gives frames to send; it holds no socket and reads no clock. What the model does
//! in a response is in `speaking`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    super::sound,
    Asked, Mind, Transcription,
    hearing::{Found, Hearing},
    items::Item,
    server::Shared,
    shapes::{self, Refusal},
    speaking::Speaking,
    usage::Tokens,
};

/// The most base64 one append may carry, by the vendor's own limit of 15 MiB.
const APPEND_MAX: usize = 15 * 1024 * 1024;

/// What goes out on the socket.
#[derive(Debug)]
pub(super) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    /// The end: with a close code, or without a word.
    Close(Option<u16>),
}

pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) mind: Box<dyn Mind>,
    config: Value,
    configured: bool,
    hearing: Hearing,
    /// The item that what is being said becomes, once it is committed.
    turn: Option<String>,
    pub(super) items: Vec<Item>,
    /// What the next response is about.
    pub(super) asked: Asked,
    /// Tools whose answers the model waits for, by the call's id.
    pub(super) owed: BTreeMap<String, String>,
    pub(super) speaking: Vec<Speaking>,
    /// Events for later.
    later: Vec<(u64, Value)>,
    /// Whether the model has been heard, after which its voice stays.
    pub(super) spoke: bool,
    pub(super) input_before: Tokens,
    out: Vec<Frame>,
    last_id: u64,
    number: u64,
}

impl Session {
    /// A session as it is before any update, with `session.created` to send.
    pub(super) fn open(shared: Arc<Shared>, number: u64, model: &str, expires_at: i64) -> Self {
        let mind = (shared.setup.minds)();
        let config = json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": format!("sess_{number:021}"),
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "You are a helpful assistant.",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            "tracing": null,
            "expires_at": expires_at,
            "audio": {
                "input": {
                    "format": { "type": "audio/pcm", "rate": 24000 },
                    "noise_reduction": null,
                    "transcription": null,
                    "turn_detection": detection_defaults(),
                },
                "output": {
                    "format": { "type": "audio/pcm", "rate": 24000 },
                    "voice": "alloy",
                    "speed": 1.0,
                },
            },
            "include": null,
        });
        let mut session = Self {
            shared,
            mind,
            config,
            configured: false,
            hearing: Hearing::new(0.5, 500, 300),
            turn: None,
            items: vec![],
            asked: Asked::default(),
            owed: BTreeMap::new(),
            speaking: vec![],
            later: vec![],
            spoke: false,
            input_before: Tokens::default(),
            out: vec![],
            last_id: 0,
            number,
        };
        let config = session.config.clone();
        session.send(json!({ "type": "session.created", "session": config }));
        session
    }

    /// One text frame from the client.
    pub(super) fn handle(&mut self, text: &str, now: u64) {
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return self.refuse("", invalid("invalid_json", "", "The event is not JSON."), &Value::Null);
        };
        let kind = match shapes::check(&event) {
            Ok(kind) => kind,
            Err(refusal) => {
                let kind = event["type"].as_str().unwrap_or("an event").to_owned();
                return self.refuse(&kind, refusal, &event["event_id"]);
            }
        };
        match kind {
            "session.update" => self.update(&event),
            "input_audio_buffer.append" => self.append(&event, now),
            "input_audio_buffer.commit" => self.commit_by_client(&event, now),
            "input_audio_buffer.clear" => {
                self.hearing.clear();
                self.turn = None;
                self.send(json!({ "type": "input_audio_buffer.cleared" }));
            }
            "conversation.item.create" => self.create_item(&event),
            "conversation.item.retrieve" => self.retrieve_item(&event),
            "conversation.item.delete" => self.delete_item(&event),
            "conversation.item.truncate" => self.truncate_item(&event),
            "response.create" => self.respond(&event, now),
            "response.cancel" => self.cancel_by_client(&event),
            other => {
                let why = "Only WebRTC and SIP sessions have an output audio buffer.";
                self.refuse(other, invalid("invalid_event", "type", why), &event["event_id"]);
            }
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: u64) {
        let (due, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let due: Vec<(u64, Value)> = due;
        due.into_iter().for_each(|(_, event)| self.send(event));
        self.speak(now);
    }

    /// When to tick next, in milliseconds of the session.
    pub(super) fn due(&self) -> Option<u64> {
        let events = self.later.iter().map(|(at, _)| *at);
        events.chain(self.speaking.iter().map(|speaking| speaking.due)).min()
    }

    /// What is to be sent, in order.
    pub(super) fn frames(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.out)
    }

    /// Counts a fault that no event tells of.
    pub(super) fn fault(&self, what: impl AsRef<str>) {
        self.shared.faults.add(format!("session {}: {}", self.number, what.as_ref()));
    }

    pub(super) fn send(&mut self, mut event: Value) {
        event["event_id"] = self.fresh("event").into();
        self.out.push(Frame::Text(event.to_string()));
    }

    pub(super) fn send_raw(&mut self, frame: Frame) {
        self.out.push(frame);
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}_{:04}{:017}", self.number, self.last_id)
    }

    /// Something the vendor refuses and a right client never sends: an error and a fault.
    pub(super) fn refuse(&mut self, kind: &str, refusal: Refusal, event_id: &Value) {
        self.fault(format!("{kind}: {} ({})", refusal.message, refusal.code));
        self.error(refusal.code.into(), &refusal.message, refusal.param.into(), event_id);
    }

    /// Something that happens to a right client too, when its event and the server's crossed: only an error.
    pub(super) fn race(&mut self, code: Value, message: &str, event_id: &Value) {
        self.shared.raced(code.as_str().unwrap_or(message));
        self.error(code, message, Value::Null, event_id);
    }

    fn error(&mut self, code: Value, message: &str, param: Value, event_id: &Value) {
        let param = if param == "" { Value::Null } else { param };
        self.send(json!({
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": code,
                "message": message,
                "param": param,
                "event_id": event_id,
            },
        }));
    }

    // What the session is set to.

    fn update(&mut self, event: &Value) {
        let change = &event["session"];
        let voice = &change["audio"]["output"]["voice"];
        if self.spoke && !voice.is_null() && *voice != self.config["audio"]["output"]["voice"] {
            let why = "Cannot update a conversation's voice if assistant audio is present.";
            let refusal = invalid("cannot_update_voice", "session.audio.output.voice", why);
            return self.refuse("session.update", refusal, &event["event_id"]);
        }
        if !change["model"].is_null() && change["model"] != self.config["model"] {
            let refusal = invalid("invalid_value", "session.model", "A session's model cannot be changed.");
            return self.refuse("session.update", refusal, &event["event_id"]);
        }
        let mut config = self.config.clone();
        merge(&mut config, change);
        for unable in unable(&config) {
            self.fault(unable);
        }
        self.config = config;
        self.configured = true;
        let detection = self.detection();
        self.hearing.tune(detection.threshold, detection.silence_ms, detection.padding_ms);
        let config = self.config.clone();
        self.send(json!({ "type": "session.updated", "session": config }));
    }

    pub(super) fn config(&self) -> &Value {
        &self.config
    }

    fn detection(&self) -> Detection {
        let set = &self.config["audio"]["input"]["turn_detection"];
        // semantic_vad waits by its own judgement; by its eagerness is as near as loudness comes to that.
        let silence_ms = match set["eagerness"].as_str() {
            Some("low") => 1_500,
            Some("high") => 400,
            Some(_) => 800,
            None => set["silence_duration_ms"].as_u64().unwrap_or(500),
        };
        Detection {
            on: !set.is_null(),
            create: set["create_response"].as_bool().unwrap_or(true),
            interrupt: set["interrupt_response"].as_bool().unwrap_or(true),
            threshold: set["threshold"].as_f64().unwrap_or(0.5),
            silence_ms,
            padding_ms: set["prefix_padding_ms"].as_u64().unwrap_or(300),
        }
    }

    // What the caller says.

    fn append(&mut self, event: &Value, now: u64) {
        if !self.configured {
            self.fault("input_audio_buffer.append: audio before session.update, in a format not agreed");
        }
        let audio = event["audio"].as_str().unwrap_or_default();
        let bytes = base64_simd::STANDARD.decode_to_vec(audio).ok().filter(|_| audio.len() <= APPEND_MAX);
        let Some(bytes) = bytes else {
            let refusal = invalid("invalid_value", "audio", "Invalid 'audio'. Expected base64 up to 15 MiB.");
            return self.refuse("input_audio_buffer.append", refusal, &event["event_id"]);
        };
        let samples = if self.config["audio"]["input"]["format"]["type"] == "audio/pcmu" {
            sound::decoded(&bytes)
        } else if bytes.len().is_multiple_of(2) {
            let wide: Vec<i16> = bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
            sound::from_24k(&wide)
        } else {
            let refusal = invalid("invalid_value", "audio", "Invalid 'audio'. PCM16 has two bytes a sample.");
            return self.refuse("input_audio_buffer.append", refusal, &event["event_id"]);
        };
        let detection = self.detection();
        if !detection.on {
            return self.hearing.keep(&samples);
        }
        for found in self.hearing.hear(&samples) {
            match found {
                Found::Speech { from_ms } => self.speech_started(from_ms, detection.interrupt),
                Found::Turn { until_ms, samples } => {
                    self.speech_stopped(until_ms, &samples, now);
                    if detection.create && self.active().is_none() {
                        self.begin(&Value::Null, now);
                    }
                }
            }
        }
    }

    fn speech_started(&mut self, from_ms: u64, interrupt: bool) {
        let item = self.fresh("item");
        self.turn = Some(item.clone());
        self.send(json!({
            "type": "input_audio_buffer.speech_started", "audio_start_ms": from_ms, "item_id": item,
        }));
        if interrupt && let Some(active) = self.active() {
            self.cancel(active, "turn_detected");
        }
    }

    fn speech_stopped(&mut self, until_ms: u64, samples: &[i16], now: u64) {
        let item = self.turn.take().unwrap_or_else(|| self.fresh("item"));
        self.send(json!({
            "type": "input_audio_buffer.speech_stopped", "audio_end_ms": until_ms, "item_id": item,
        }));
        self.commit(item, samples, now);
    }

    fn commit_by_client(&mut self, event: &Value, now: u64) {
        match self.hearing.commit() {
            Some(samples) => {
                let item = self.turn.take().unwrap_or_else(|| self.fresh("item"));
                self.commit(item, &samples, now);
            }
            None => self.race(
                "input_audio_buffer_commit_empty".into(),
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio.",
                &event["event_id"],
            ),
        }
    }

    fn commit(&mut self, item: String, samples: &[i16], now: u64) {
        let previous = self.last_item();
        self.send(json!({
            "type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item,
        }));
        let words = self.mind.hear(samples).unwrap_or_default();
        let value = json!({
            "id": item,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{ "type": "input_audio", "transcript": null }],
        });
        let heard_ms = (samples.len() / sound::BYTES_PER_MS) as u64;
        self.add_item(value, Tokens::heard(heard_ms), None);
        self.transcribe(&item, &words, heard_ms, now);
        self.asked.said.push(words);
    }

    fn transcribe(&mut self, item: &str, words: &str, heard_ms: u64, now: u64) {
        let transcription = &self.config["audio"]["input"]["transcription"];
        if transcription.is_null() {
            return;
        }
        let model = transcription["model"].as_str().unwrap_or_default();
        let kind = "conversation.item.input_audio_transcription";
        match self.shared.manners().transcription {
            Transcription::Never => {}
            Transcription::Fails => self.later.push((
                now,
                json!({
                    "type": format!("{kind}.failed"),
                    "item_id": item,
                    "content_index": 0,
                    "error": {
                        "type": "transcription_error",
                        "code": "audio_unintelligible",
                        "message": "The audio could not be transcribed.",
                        "param": null,
                    },
                }),
            )),
            Transcription::After(time) => {
                let at = now + time.as_millis() as u64;
                let usage = if model.contains("whisper") || model.contains("live") {
                    json!({ "type": "duration", "seconds": heard_ms.div_ceil(1_000) })
                } else {
                    let (audio, text) = (Tokens::heard(heard_ms).audio, Tokens::text(words).text);
                    json!({
                        "type": "tokens",
                        "total_tokens": audio + text,
                        "input_tokens": audio,
                        "input_token_details": { "text_tokens": 0, "audio_tokens": audio },
                        "output_tokens": text,
                    })
                };
                for word in words.split_inclusive(' ') {
                    self.later.push((
                        at,
                        json!({
                            "type": format!("{kind}.delta"),
                            "item_id": item, "content_index": 0, "delta": word,
                        }),
                    ));
                }
                self.later.push((
                    at,
                    json!({
                        "type": format!("{kind}.completed"),
                        "item_id": item, "content_index": 0, "transcript": words, "usage": usage,
                    }),
                ));
            }
        }
    }

    // Responses, as far as events ask for them.

    /// The response of the conversation itself that is under way.
    pub(super) fn active(&self) -> Option<usize> {
        self.speaking.iter().position(|speaking| speaking.in_conversation)
    }

    fn respond(&mut self, event: &Value, now: u64) {
        let ask = &event["response"];
        let aside = ask["conversation"] == "none";
        if !aside && let Some(active) = self.active() {
            let why = format!(
                "Conversation already has an active response in progress: {}. Wait until the response is \
                 finished before creating a new one.",
                self.speaking[active].id
            );
            return self.race("conversation_already_has_active_response".into(), &why, &event["event_id"]);
        }
        if !aside && super::speaking::exact_words(ask).is_none() && !self.owed.is_empty() {
            let calls: Vec<&str> = self.owed.values().map(String::as_str).collect();
            let why = format!("The model waits for the output of {}.", calls.join(", "));
            return self.refuse(
                "response.create",
                invalid("missing_tool_output", "response", &why),
                &event["event_id"],
            );
        }
        if !self.configured {
            self.fault("response.create: before session.update");
        }
        self.begin(ask, now);
    }

    fn cancel_by_client(&mut self, event: &Value) {
        let found = match event["response_id"].as_str() {
            Some(id) => self.speaking.iter().position(|speaking| speaking.id == id),
            None => self.active(),
        };
        match found {
            Some(at) => self.cancel(at, "client_cancelled"),
            None => self.race(
                "response_cancel_not_active".into(),
                "Cancellation failed: no active response found",
                &event["event_id"],
            ),
        }
    }
}

struct Detection {
    on: bool,
    create: bool,
    interrupt: bool,
    threshold: f64,
    silence_ms: u64,
    padding_ms: u64,
}

fn detection_defaults() -> Value {
    json!({
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": null,
        "create_response": true,
        "interrupt_response": true,
    })
}

/// Only keys that are present change. `audio` and its two sides are opened; anything else is set whole, and
/// a server VAD's missing keys take their defaults.
fn merge(config: &mut Value, change: &Value) {
    for (name, value) in change.as_object().into_iter().flatten() {
        match name.as_str() {
            "audio" | "input" | "output" if value.is_object() => merge(&mut config[name], value),
            "turn_detection" if value["type"] == "server_vad" => {
                let mut whole = detection_defaults();
                for (key, value) in value.as_object().into_iter().flatten() {
                    whole[key] = value.clone();
                }
                config[name] = whole;
            }
            _ => config[name] = value.clone(),
        }
    }
}

/// What is right to ask of the vendor and this stand-in cannot do: told, rather than left undone.
fn unable(config: &Value) -> Vec<&'static str> {
    let mut unable = vec![];
    let audio = &config["audio"];
    if audio["input"]["format"]["type"] == "audio/pcma" || audio["output"]["format"]["type"] == "audio/pcma" {
        unable.push("the stand-in does not speak audio/pcma");
    }
    if audio["input"]["turn_detection"]["idle_timeout_ms"].is_number() {
        unable.push("the stand-in does not keep idle_timeout_ms");
    }
    unable
}

pub(super) fn invalid(code: &'static str, param: &str, message: &str) -> Refusal {
    Refusal { code, param: param.to_owned(), message: message.to_owned() }
}
