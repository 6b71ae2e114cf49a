//! OpenAI Realtime on the wire: our words to client events, server events to our words (GA shape,
//! protocols.md §2.2–2.7).
//!
//! Text in, values out: no socket here. Events we do not know are ignored and counted, malformed ones too;
//! nothing an engine sends can break a call from here.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use super::super::{Briefing, NoiseReduction, Prices, Settings};
use crate::{
    call::port::{Input, ItemId, Refusal, ReplyStatus, RequestId, Sound, ToEngine, ToolRequest, Words},
    domain::money::MicroUsd,
};

/// Names the engine gave to items and requests, by the numbers we use for them.
#[derive(Debug, Default)]
pub struct Names {
    items: Vec<Box<str>>,
    requests: Vec<Box<str>>,
}

/// How many names one session may hold. Later ones are taken for the last.
const NAMES_MAX: usize = 10_000;

impl Names {
    fn item(&mut self, name: &str) -> ItemId {
        ItemId(number(&mut self.items, name))
    }

    fn request(&mut self, name: &str) -> RequestId {
        RequestId(number(&mut self.requests, name))
    }

    fn item_name(&self, item: ItemId) -> &str {
        self.items.get(item.0 as usize).map_or("", |name| name)
    }

    fn request_name(&self, request: RequestId) -> &str {
        self.requests.get(request.0 as usize).map_or("", |name| name)
    }
}

fn number(names: &mut Vec<Box<str>>, name: &str) -> u32 {
    // Newest first: nearly every event is about the last item.
    let known = names.iter().rposition(|known| &**known == name);
    let at = known.unwrap_or_else(|| {
        if names.len() < NAMES_MAX {
            names.push(name.into());
        }
        names.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What one server event meant.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// Something for the call.
    Input(Input),
    /// The session has taken our configuration.
    Configured,
    /// The session was opened and awaits our configuration.
    Created,
    /// The engine refused our configuration, or closes the session.
    Gone(String),
    /// Known, and nothing to us.
    Nothing,
    /// Not known to us.
    Unknown,
    /// Not to be read.
    Malformed,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    item_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    transcript: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    event_id: Option<String>,
}

#[derive(Deserialize)]
struct Logprob {
    logprob: f64,
}

#[derive(Deserialize)]
struct Response {
    status: Option<String>,
    #[serde(default)]
    output: Vec<OutputItem>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct OutputItem {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    name: Option<String>,
    call_id: Option<String>,
    arguments: Option<String>,
}

#[derive(Default, Deserialize)]
struct Usage {
    input_token_details: Option<TokensIn>,
    output_token_details: Option<TokensOut>,
}

#[derive(Default, Deserialize)]
struct TokensIn {
    text_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    cached_tokens_details: Option<TokensOut>,
}

#[derive(Default, Deserialize)]
struct TokensOut {
    text_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

/// Transcription is billed by time, and told either as that or as tokens of sound.
#[derive(Deserialize)]
struct TranscriptionUsage {
    seconds: Option<f64>,
    input_token_details: Option<TokensIn>,
}

/// Sound of the caller's that makes one token, in seconds (protocols.md §2.7).
const CALLER_SECONDS_PER_TOKEN: f64 = 0.1;

/// What replies and transcription cost; unknown models cost nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tariff {
    /// Prices per token; `None` for a model without prices.
    pub tokens: Option<Prices>,
    /// US dollars per minute of the caller's speech that is transcribed.
    pub transcription_per_minute: Option<f64>,
}

/// Reads one server event. `transcript` holds what was transcribed so far of one of the caller's items; what
/// an event says beside its main word goes into `also`.
pub fn read(
    text: &str,
    names: &mut Names,
    transcript: &mut Transcript,
    tariff: &Tariff,
    also: &mut Vec<Input>,
) -> Said {
    let Ok(event) = serde_json::from_str::<Event<'_>>(text) else { return Said::Malformed };
    let mut item = || event.item_id.as_deref().map(|name| names.item(name));
    let input = match &*event.kind {
        "response.output_audio.delta" => {
            let (Some(item), Some(delta)) = (item(), &event.delta) else { return Said::Malformed };
            let Ok(sound) = base64_simd::STANDARD.decode_to_vec(delta.as_bytes()) else {
                return Said::Malformed;
            };
            Input::ReplyAudio { item, sound: Sound(sound) }
        }
        "response.output_audio_transcript.delta" => {
            let (Some(item), Some(delta)) = (item(), event.delta) else { return Said::Malformed };
            Input::ReplyWords { item, words: Words(delta.into_owned()) }
        }
        "response.output_audio.done" => match item() {
            Some(item) => Input::ReplyItemDone(item),
            None => return Said::Malformed,
        },
        "response.created" => Input::ReplyBegan,
        "response.done" => return response_done(event.response, names, tariff),
        "input_audio_buffer.speech_started" => Input::EngineHearsSpeech,
        "input_audio_buffer.speech_stopped" => Input::EngineHearsSilence,
        "input_audio_buffer.committed" => match item() {
            Some(item) => Input::CallerCommitted(item),
            None => return Said::Malformed,
        },
        "conversation.item.input_audio_transcription.delta" => {
            let (Some(item), Some(delta)) = (item(), event.delta) else { return Said::Malformed };
            Input::CallerSaid {
                item,
                words: Words(transcript.add(item, &delta).to_owned()),
                last: false,
                confidence: None,
            }
        }
        "conversation.item.input_audio_transcription.completed" => {
            let (Some(item), Some(words)) = (item(), event.transcript) else { return Said::Malformed };
            if let Some(cost) = transcription_cost(event.usage, tariff) {
                also.push(Input::EngineBilled(cost));
            }
            let confidence = event.logprobs.and_then(confidence);
            Input::CallerSaid { item, words: Words(words.into_owned()), last: true, confidence }
        }
        "conversation.item.input_audio_transcription.failed" => match item() {
            // A turn without words is still a turn: transcription never hurts the call.
            Some(item) => {
                Input::CallerSaid { item, words: Words(String::new()), last: true, confidence: None }
            }
            None => return Said::Malformed,
        },
        "error" => return refused(event.error),
        "session.created" => return Said::Created,
        "session.updated" => return Said::Configured,
        "conversation.created"
        | "conversation.item.added"
        | "conversation.item.created"
        | "conversation.item.deleted"
        | "conversation.item.done"
        | "conversation.item.input_audio_transcription.segment"
        | "conversation.item.retrieved"
        | "conversation.item.truncated"
        | "input_audio_buffer.cleared"
        | "input_audio_buffer.timeout_triggered"
        | "rate_limits.updated"
        | "response.content_part.added"
        | "response.content_part.done"
        | "response.function_call_arguments.delta"
        | "response.function_call_arguments.done"
        | "response.output_audio_transcript.done"
        | "response.output_item.added"
        | "response.output_item.done"
        | "response.output_text.delta"
        | "response.output_text.done" => return Said::Nothing,
        _ => return Said::Unknown,
    };
    Said::Input(input)
}

/// What was transcribed so far of the caller's item under way.
#[derive(Debug, Default)]
pub struct Transcript {
    item: Option<ItemId>,
    words: String,
}

impl Transcript {
    fn add(&mut self, item: ItemId, delta: &str) -> &str {
        if self.item != Some(item) {
            self.item = Some(item);
            self.words.clear();
        }
        self.words.push_str(delta);
        &self.words
    }
}

fn response_done(response: Option<&RawValue>, names: &mut Names, tariff: &Tariff) -> Said {
    let Some(response) = response.and_then(|raw| serde_json::from_str::<Response>(raw.get()).ok()) else {
        return Said::Malformed;
    };
    let status = match response.status.as_deref() {
        Some("completed") => ReplyStatus::Completed,
        Some("cancelled") => ReplyStatus::Cancelled,
        Some("incomplete") => ReplyStatus::Incomplete,
        _ => ReplyStatus::Failed,
    };
    // A request that is not completed was interrupted: its arguments may be cut (protocols.md §2.4).
    let asked = |item: &OutputItem| {
        item.kind.as_deref() == Some("function_call")
            && item.status.as_deref().is_none_or(|s| s == "completed")
    };
    let tools = response.output.into_iter().filter(asked).filter_map(|item| {
        let id = names.request(&item.call_id?);
        Some(ToolRequest { id, name: item.name?, arguments: item.arguments.unwrap_or_default() })
    });
    let tools = tools.collect();
    let cost = response.usage.map(|usage| reply_cost(&usage, tariff)).unwrap_or_default();
    Said::Input(Input::ReplyEnded { status, tools, cost })
}

/// Tokens that were cached are a subset of those that went in (protocols.md §2.7).
fn reply_cost(usage: &Usage, tariff: &Tariff) -> MicroUsd {
    let Some(prices) = tariff.tokens else { return MicroUsd::default() };
    let none = TokensOut::default();
    let (text_in, audio_in, cached) = match &usage.input_token_details {
        Some(tokens) => {
            (tokens.text_tokens, tokens.audio_tokens, tokens.cached_tokens_details.as_ref().unwrap_or(&none))
        }
        None => (None, None, &none),
    };
    let out = usage.output_token_details.as_ref().unwrap_or(&none);
    let count = |tokens: Option<u64>| tokens.unwrap_or(0) as f64;
    let fresh = |all: Option<u64>, cached: Option<u64>| count(all) - count(cached).min(count(all));
    // US dollars per million tokens is millionths of a dollar per token.
    let micro_usd = fresh(text_in, cached.text_tokens) * prices.text_in
        + count(cached.text_tokens) * prices.text_cached
        + fresh(audio_in, cached.audio_tokens) * prices.audio_in
        + count(cached.audio_tokens) * prices.audio_cached
        + count(out.text_tokens) * prices.text_out
        + count(out.audio_tokens) * prices.audio_out;
    MicroUsd(micro_usd.round() as i64)
}

fn transcription_cost(usage: Option<&RawValue>, tariff: &Tariff) -> Option<MicroUsd> {
    let usage = serde_json::from_str::<TranscriptionUsage>(usage?.get()).ok()?;
    let by_tokens = || Some(usage.input_token_details?.audio_tokens? as f64 * CALLER_SECONDS_PER_TOKEN);
    let seconds = usage.seconds.or_else(by_tokens)?;
    Some(MicroUsd((seconds / 60.0 * tariff.transcription_per_minute? * 1e6).round() as i64))
}

/// How sure the engine is of what it wrote down: the mean of its tokens' logarithms, as a probability.
fn confidence(logprobs: &RawValue) -> Option<f64> {
    let tokens = serde_json::from_str::<Vec<Logprob>>(logprobs.get()).ok()?;
    let mean = tokens.iter().map(|token| token.logprob).sum::<f64>() / tokens.len() as f64;
    // Of no tokens it is no number.
    mean.is_finite().then(|| mean.exp().clamp(0.0, 1.0))
}

/// An error's own `event_id` names the event of ours that caused it, and our names begin with what they did.
fn refused(problem: Option<Problem>) -> Said {
    let Some(problem) = problem else { return Said::Malformed };
    let code = problem.code.unwrap_or_default();
    let ours = problem.event_id.unwrap_or_default();
    let cause = ours.split('-').next().unwrap_or_default();
    let refusal = match (code.as_str(), cause) {
        ("session_expired", _) => return Said::Gone(code),
        (_, "session") => {
            return Said::Gone(if code.is_empty() { problem.kind.unwrap_or_default() } else { code });
        }
        ("conversation_already_has_active_response", _) => Refusal::AlreadyReplying,
        ("response_cancel_not_active", _) | (_, "cancel") => Refusal::NothingToCancel,
        ("input_audio_buffer_commit_empty", _) | (_, "commit") => Refusal::NothingToCommit,
        (_, "truncate" | "forget" | "item") => Refusal::Item,
        _ => Refusal::Other,
    };
    Said::Input(Input::EngineRefused(refusal))
}

/// The `session.update` that makes a session ours (protocols.md §2.2).
pub fn session_update(settings: &Settings, briefing: &Briefing) -> String {
    let transcription = briefing.transcribe && !settings.transcription_model.is_empty();
    let transcription = transcription.then(|| json!({ "model": settings.transcription_model }));
    let noise_reduction = match settings.noise_reduction {
        NoiseReduction::Off => None,
        NoiseReduction::NearField => Some(json!({ "type": "near_field" })),
        NoiseReduction::FarField => Some(json!({ "type": "far_field" })),
    };
    let turn_detection = briefing.listens.then(|| {
        json!({
            "type": "server_vad",
            "silence_duration_ms": briefing.end_of_turn_ms,
            "create_response": false,
            "interrupt_response": false,
        })
    });
    let tools: Vec<_> = briefing
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            })
        })
        .collect();
    let voice = briefing.voice.as_deref().filter(|voice| !voice.is_empty()).unwrap_or(&settings.voice);
    let sure = briefing.transcribe && settings.transcription_confidence;
    let include = sure.then(|| json!(["item.input_audio_transcription.logprobs"]));
    json!({
        "type": "session.update",
        "event_id": "session-1",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": briefing.instructions,
            "audio": {
                "input": {
                    "format": { "type": "audio/pcmu" },
                    "noise_reduction": noise_reduction,
                    "transcription": transcription,
                    "turn_detection": turn_detection,
                },
                "output": { "format": { "type": "audio/pcmu" }, "voice": voice },
            },
            "tools": tools,
            "tool_choice": "auto",
            "include": include,
            "truncation": { "type": "retention_ratio", "retention_ratio": 0.8 },
        },
    })
    .to_string()
}

#[derive(Serialize)]
struct Command<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_end_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<serde_json::Value>,
}

/// One client event for what the call wants; `serial` makes its name unique. What it hears is written by
/// [`append`], not here.
pub fn write(what: &ToEngine, names: &Names, serial: u64) -> Option<String> {
    let command = |kind, cause: &str| Command {
        kind,
        event_id: format!("{cause}-{serial}"),
        item_id: None,
        content_index: None,
        audio_end_ms: None,
        item: None,
        response: None,
    };
    let item = |item| Command { item: Some(item), ..command("conversation.item.create", "item") };
    let command = match what {
        ToEngine::Hear | ToEngine::HearSilence => return None,
        ToEngine::Respond { say: None } => command("response.create", "respond"),
        ToEngine::Respond { say: Some(words) } => {
            let response = json!({ "instructions": exactly(&words.0), "tool_choice": "none", "input": [] });
            Command { response: Some(response), ..command("response.create", "respond") }
        }
        ToEngine::Cancel => command("response.cancel", "cancel"),
        ToEngine::Truncate { item, heard_ms } => Command {
            item_id: Some(names.item_name(*item)),
            content_index: Some(0),
            audio_end_ms: Some(*heard_ms),
            ..command("conversation.item.truncate", "truncate")
        },
        ToEngine::Forget(item) => {
            Command { item_id: Some(names.item_name(*item)), ..command("conversation.item.delete", "forget") }
        }
        ToEngine::Commit => command("input_audio_buffer.commit", "commit"),
        ToEngine::AgentSaid(words) => item(json!({
            "type": "message",
            "role": "assistant",
            "content": [{ "type": "output_text", "text": words.0 }],
        })),
        ToEngine::CallerDid(words) => item(json!({
            "type": "message",
            "role": "user",
            "content": [{ "type": "input_text", "text": words.0 }],
        })),
        ToEngine::ToolOutput { id, output } => item(json!({
            "type": "function_call_output",
            "call_id": names.request_name(*id),
            "output": output,
        })),
    };
    serde_json::to_string(&command).ok()
}

/// The event that has the model think about `text` outside any conversation, and answer by calling `tool` (protocols.md §2.3:
/// `conversation: "none"`).
pub fn out_of_band(text: &str, tool: &str) -> String {
    json!({
        "type": "response.create",
        "event_id": "respond-2",
        "response": {
            "conversation": "none",
            "output_modalities": ["text"],
            "tool_choice": { "type": "function", "name": tool },
            "input": [{
                "type": "message",
                "role": "user",
                "content": [{ "type": "input_text", "text": text }],
            }],
        },
    })
    .to_string()
}

/// Instructions that make the engine say `words` and nothing else.
fn exactly(words: &str) -> String {
    format!("Say exactly this and nothing else: \"{}\"", words.replace('"', "'"))
}

/// Writes the event that lets the engine hear `payload`, which is base64 already and passes through untouched.
pub fn append(payload: &str, out: &mut impl std::fmt::Write) -> std::fmt::Result {
    out.write_str(r#"{"type":"input_audio_buffer.append","audio":""#)?;
    out.write_str(payload)?;
    out.write_str("\"}")
}
