//! Responses: from being asked to `response.done`, in the vendor's order of events.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::sound,
    Asked, Mishap, Thought, secretary,
    session::{Frame, Session},
    usage::{self, Tokens},
};

/// Sound in the first delta of a message, in milliseconds: the real one begins with little.
const FIRST_DELTA_MS: usize = 100;

/// A response under way.
#[derive(Debug)]
pub(super) struct Speaking {
    pub(super) id: String,
    /// Whether it is the conversation's own; the other kind (`conversation: "none"`) runs beside it.
    pub(super) in_conversation: bool,
    /// When it goes on, in milliseconds of the session.
    pub(super) due: u64,
    /// What it was asked to be.
    ask: Value,
    thought: Thought,
    sound: Vec<u8>,
    mishap: Mishap,
    message: Option<Message>,
    output: Vec<Value>,
    input: Tokens,
    /// What it answers, if the mind was asked.
    asked: Option<Asked>,
}

/// The message being spoken.
#[derive(Debug)]
struct Message {
    item: String,
    began: u64,
    /// Bytes of μ-law sent so far.
    sent: usize,
    /// Characters of the transcript sent so far.
    told: usize,
}

/// What a step of a response led to.
enum Step {
    GoesOn,
    Completed,
    Incomplete,
}

/// The words between the first and the last quotation mark of a response's instructions: these, and no
/// others, are to be spoken.
pub(super) fn exact_words(ask: &Value) -> Option<&str> {
    let instructions = ask["instructions"].as_str()?;
    let (first, last) = (instructions.find('"')?, instructions.rfind('"')?);
    (first < last).then(|| &instructions[first + 1..last])
}

impl Session {
    /// Begins a response. Nobody is speaking in its conversation.
    pub(super) fn begin(&mut self, ask: &Value, now: u64) {
        let mishap = self.shared.mishap();
        if mishap == Mishap::Silent {
            return;
        }
        let id = self.fresh("resp");
        let in_conversation = ask["conversation"] != "none";
        let input = self.input_tokens(ask);
        let late = if let Mishap::Late(time) = mishap { time } else { Duration::ZERO };
        let due = now + (self.shared.manners().think + late).as_millis() as u64;
        let mut speaking = Speaking {
            id,
            in_conversation,
            due,
            ask: ask.clone(),
            thought: Thought::default(),
            sound: vec![],
            mishap,
            message: None,
            output: vec![],
            input,
            asked: None,
        };
        let response = self.response(&speaking, "in_progress", Value::Null);
        self.send(json!({ "type": "response.created", "response": response }));
        if let Mishap::Fails(code) = mishap {
            return self.fail(speaking, code, "The model failed.");
        }
        if exact_words(ask).is_none() && in_conversation {
            speaking.asked = Some(std::mem::take(&mut self.asked));
        }
        match self.think(ask, speaking.asked.as_ref()) {
            Ok((thought, sound)) => {
                speaking.thought = thought;
                speaking.sound = sound;
                self.speaking.push(speaking);
            }
            Err(why) => {
                self.fault(&why);
                self.fail(speaking, "server_error", &why);
            }
        }
    }

    /// What to say, and its sound.
    fn think(&mut self, ask: &Value, asked: Option<&Asked>) -> Result<(Thought, Vec<u8>), String> {
        let thought = match (exact_words(ask), asked) {
            (Some(words), _) => Thought { say: words.to_owned(), calls: vec![] },
            (None, Some(asked)) => self.mind.answer(asked)?,
            (None, None) => secretary::sum_up(ask, &self.config()["tools"])?,
        };
        let tools = if ask["tools"].is_array() { &ask["tools"] } else { &self.config()["tools"] };
        for (name, _) in &thought.calls {
            if !tools.as_array().into_iter().flatten().any(|tool| tool["name"] == **name) {
                return Err(format!("the session has no tool {name}"));
            }
        }
        let sound = if thought.say.is_empty() || self.in_text(ask) {
            vec![]
        } else {
            let setup = &self.shared.setup;
            setup.voice.agent(setup.language, &thought.say).map_err(|unknown| unknown.to_string())?
        };
        Ok((thought, sound))
    }

    fn in_text(&self, ask: &Value) -> bool {
        let asked = &ask["output_modalities"];
        let modalities = if asked.is_array() { asked } else { &self.config()["output_modalities"] };
        modalities[0] == "text"
    }

    /// Goes on with every response that is due.
    pub(super) fn speak(&mut self, now: u64) {
        while let Some(at) = self.speaking.iter().position(|speaking| speaking.due <= now) {
            let mut speaking = self.speaking.remove(at);
            match self.go_on(&mut speaking) {
                Step::GoesOn => self.speaking.insert(at, speaking),
                Step::Completed => self.finish(speaking, "completed", Value::Null),
                Step::Incomplete => {
                    let details = json!({ "type": "incomplete", "reason": "max_output_tokens" });
                    self.finish(speaking, "incomplete", details);
                }
            }
        }
    }

    fn go_on(&mut self, speaking: &mut Speaking) -> Step {
        if speaking.message.is_none() && !speaking.thought.say.is_empty() {
            self.strange_frames(speaking.mishap);
            self.open_message(speaking);
        }
        if speaking.message.is_some() {
            if self.in_text(&speaking.ask) {
                self.write(speaking);
            } else if self.next_delta(speaking) {
                return self.mishap_in_the_middle(speaking);
            } else {
                self.close_message(speaking, "completed");
            }
        }
        self.call_tools(speaking);
        Step::Completed
    }

    fn mishap_in_the_middle(&mut self, speaking: &mut Speaking) -> Step {
        let sent_ms = speaking.message.as_ref().map_or(0, |m| m.sent / sound::BYTES_PER_MS) as u128;
        if let Mishap::Close(after, code) = speaking.mishap
            && sent_ms >= after.as_millis()
        {
            self.send_raw(Frame::Close(code));
            speaking.due = u64::MAX;
        }
        if let Mishap::Incomplete(after) = speaking.mishap
            && sent_ms >= after.as_millis()
        {
            self.close_message(speaking, "incomplete");
            return Step::Incomplete;
        }
        Step::GoesOn
    }

    fn open_message(&mut self, speaking: &mut Speaking) {
        let item = self.fresh("item");
        let value = message_item(&item, "in_progress", json!([]));
        let output_index = speaking.output.len();
        self.send(json!({
            "type": "response.output_item.added",
            "response_id": speaking.id, "output_index": output_index, "item": value,
        }));
        if speaking.in_conversation {
            self.item_added(value, Tokens::default(), Some(0));
        }
        let part = if self.in_text(&speaking.ask) {
            json!({ "type": "text", "text": "" })
        } else {
            json!({ "type": "audio", "transcript": "" })
        };
        speaking.message = Some(Message { item, began: speaking.due, sent: 0, told: 0 });
        self.send(placed(speaking, json!({ "type": "response.content_part.added", "part": part })));
    }

    /// Sends the next piece of sound and of its transcript; false when there is none left.
    fn next_delta(&mut self, speaking: &mut Speaking) -> bool {
        let manners = self.shared.manners();
        let Some(message) = &mut speaking.message else { return false };
        if message.sent >= speaking.sound.len() {
            return false;
        }
        let usual = manners.delta.as_millis() as usize;
        let ms = if message.sent == 0 { FIRST_DELTA_MS.min(usual) } else { usual };
        let from = message.sent;
        message.sent = (from + ms.max(20) * sound::BYTES_PER_MS).min(speaking.sound.len());
        let piece = &speaking.sound[from..message.sent];
        let bytes = if self.config()["audio"]["output"]["format"]["type"] == "audio/pcmu" {
            piece.to_vec()
        } else {
            sound::to_24k(piece)
        };
        let words: Vec<char> = speaking.thought.say.chars().collect();
        let told = words.len() * message.sent / speaking.sound.len();
        let text: String = words[message.told..told].iter().collect();
        message.told = told;
        let slow = if let Mishap::Slow(times) = speaking.mishap { u64::from(times) } else { 1 };
        let sent_ms = (message.sent / sound::BYTES_PER_MS) as u64;
        speaking.due = message.began + sent_ms * slow / u64::from(manners.speed.max(1));
        let item = message.item.clone();
        if speaking.in_conversation
            && let Some(item) = self.items.iter_mut().find(|known| known.id == item)
        {
            item.spoken_ms = Some(sent_ms);
            item.tokens = Tokens::spoken(sent_ms);
        }
        self.spoke = true;
        let delta = base64_simd::STANDARD.encode_to_string(bytes);
        self.send(placed(speaking, json!({ "type": "response.output_audio.delta", "delta": delta })));
        if !text.is_empty() {
            let kind = "response.output_audio_transcript.delta";
            self.send(placed(speaking, json!({ "type": kind, "delta": text })));
        }
        true
    }

    /// A whole message of text.
    fn write(&mut self, speaking: &mut Speaking) {
        let text = speaking.thought.say.clone();
        self.send(placed(speaking, json!({ "type": "response.output_text.delta", "delta": text })));
        self.send(placed(speaking, json!({ "type": "response.output_text.done", "text": text })));
        let part = json!({ "type": "text", "text": text });
        self.send(placed(speaking, json!({ "type": "response.content_part.done", "part": part })));
        let content = json!([{ "type": "output_text", "text": text }]);
        self.message_done(speaking, "completed", content);
    }

    /// Ends the message that is being spoken, whole or cut.
    fn close_message(&mut self, speaking: &mut Speaking, status: &str) {
        let Some(message) = &speaking.message else { return };
        let told: String = speaking.thought.say.chars().take(message.told).collect();
        self.send(placed(speaking, json!({ "type": "response.output_audio.done" })));
        let kind = "response.output_audio_transcript.done";
        self.send(placed(speaking, json!({ "type": kind, "transcript": told })));
        let part = json!({ "type": "audio", "transcript": told });
        self.send(placed(speaking, json!({ "type": "response.content_part.done", "part": part })));
        let content = json!([{ "type": "output_audio", "transcript": told }]);
        self.message_done(speaking, status, content);
    }

    fn message_done(&mut self, speaking: &mut Speaking, status: &str, content: Value) {
        let Some(message) = speaking.message.take() else { return };
        let value = message_item(&message.item, status, content);
        self.send(json!({
            "type": "response.output_item.done",
            "response_id": speaking.id, "output_index": speaking.output.len(), "item": value,
        }));
        if speaking.in_conversation {
            if let Some(item) = self.items.iter_mut().find(|item| item.id == message.item) {
                item.value = value.clone();
            }
            self.item_done(&message.item);
        }
        speaking.output.push(value);
    }

    fn call_tools(&mut self, speaking: &mut Speaking) {
        for (name, arguments) in std::mem::take(&mut speaking.thought.calls) {
            let (item, call) = (self.fresh("item"), self.fresh("call"));
            let arguments = arguments.to_string();
            let value = |status: &str, arguments: &str| {
                json!({
                    "id": item,
                    "object": "realtime.item",
                    "type": "function_call",
                    "status": status,
                    "name": name,
                    "call_id": call,
                    "arguments": arguments,
                })
            };
            let place = |mut event: Value| {
                event["response_id"] = speaking.id.as_str().into();
                event["output_index"] = speaking.output.len().into();
                event
            };
            let (begun, done) = (value("in_progress", ""), value("completed", &arguments));
            self.send(place(json!({ "type": "response.output_item.added", "item": begun })));
            if speaking.in_conversation {
                self.item_added(begun, Tokens::text(&arguments), None);
            }
            self.send(place(json!({
                "type": "response.function_call_arguments.delta",
                "item_id": item, "call_id": call, "delta": arguments,
            })));
            self.send(place(json!({
                "type": "response.function_call_arguments.done",
                "item_id": item, "call_id": call, "name": name, "arguments": arguments,
            })));
            self.send(place(json!({ "type": "response.output_item.done", "item": done })));
            if speaking.in_conversation {
                if let Some(item) = self.items.last_mut() {
                    item.value = done.clone();
                }
                self.item_done(&item);
            }
            speaking.output.push(done);
            self.owed.insert(call, name);
        }
    }

    /// Stops a response where it is. What it was about is unanswered again if nothing was said yet.
    pub(super) fn cancel(&mut self, at: usize, reason: &str) {
        let mut speaking = self.speaking.remove(at);
        if let (None, Some(mut asked)) = (&speaking.message, speaking.asked.take()) {
            self.mind.take_back();
            let since = std::mem::take(&mut self.asked);
            asked.said.extend(since.said);
            asked.written.extend(since.written);
            asked.results.extend(since.results);
            self.asked = asked;
        }
        self.close_message(&mut speaking, "incomplete");
        self.finish(speaking, "cancelled", json!({ "type": "cancelled", "reason": reason }));
    }

    fn fail(&mut self, speaking: Speaking, code: &str, why: &str) {
        let error = json!({ "type": "server_error", "code": code, "message": why });
        self.finish(speaking, "failed", json!({ "type": "failed", "error": error }));
    }

    fn finish(&mut self, speaking: Speaking, status: &str, details: Value) {
        let response = self.response(&speaking, status, details);
        self.input_before = speaking.input;
        self.send(json!({ "type": "response.done", "response": response }));
        self.send(json!({
            "type": "rate_limits.updated",
            "rate_limits": [
                { "name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 60.0 },
                { "name": "tokens", "limit": 50000, "remaining": 49000, "reset_seconds": 1.2 },
            ],
        }));
    }

    /// The response as events show it. Usage comes with its end.
    fn response(&self, speaking: &Speaking, status: &str, details: Value) -> Value {
        let usage = if status == "in_progress" {
            Value::Null
        } else {
            usage::of_response(speaking.input, self.input_before, output_tokens(speaking))
        };
        let output = &self.config()["audio"]["output"];
        json!({
            "object": "realtime.response",
            "id": speaking.id,
            "status": status,
            "status_details": details,
            "output": speaking.output,
            "conversation_id": if speaking.in_conversation { json!("conv_1") } else { Value::Null },
            "output_modalities": [if self.in_text(&speaking.ask) { "text" } else { "audio" }],
            "max_output_tokens": "inf",
            "audio": { "output": { "format": output["format"], "voice": output["voice"] } },
            "usage": usage,
            "metadata": speaking.ask["metadata"],
        })
    }

    fn input_tokens(&self, ask: &Value) -> Tokens {
        let prompt = Tokens::text(self.config()["instructions"].as_str().unwrap_or_default())
            + Tokens::text(&self.config()["tools"].to_string());
        let own = Tokens::text(ask["instructions"].as_str().unwrap_or_default());
        let history = if ask["input"].is_array() {
            Tokens::text(&ask["input"].to_string())
        } else {
            self.items.iter().map(|item| item.tokens).fold(Tokens::default(), std::ops::Add::add)
        };
        prompt + own + history
    }

    fn strange_frames(&mut self, mishap: Mishap) {
        if mishap == Mishap::Garbage {
            self.send_raw(Frame::Text("{\"type\":\"response.output_audio.delta\",\"delta\":".into()));
            self.send(json!({ "type": "response.dreamt", "of": { "sheep": 3 } }));
            self.send_raw(Frame::Binary(vec![0; 64]));
            self.send_raw(Frame::Text("[1, 2, 3]".into()));
        }
        if let Mishap::Huge(bytes) = mishap {
            self.send(json!({ "type": "response.dreamt", "of": "z".repeat(bytes) }));
        }
    }
}

fn output_tokens(speaking: &Speaking) -> Tokens {
    let of = |item: &Value| {
        let text = item["content"][0]["transcript"].as_str().or(item["content"][0]["text"].as_str());
        Tokens::text(text.unwrap_or_default()) + Tokens::text(item["arguments"].as_str().unwrap_or_default())
    };
    let spoken = if speaking.thought.say.is_empty() {
        0
    } else {
        let told: usize = speaking
            .output
            .iter()
            .filter_map(|item| item["content"][0]["transcript"].as_str())
            .map(|told| told.chars().count())
            .sum();
        let all = speaking.thought.say.chars().count().max(1);
        (speaking.sound.len() * told / all / sound::BYTES_PER_MS) as u64
    };
    speaking.output.iter().map(of).fold(Tokens::spoken(spoken), std::ops::Add::add)
}

fn message_item(id: &str, status: &str, content: Value) -> Value {
    json!({
        "id": id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    })
}

/// An event about the message being spoken, with its place.
fn placed(speaking: &Speaking, mut event: Value) -> Value {
    let item = speaking.message.as_ref().map_or("", |message| message.item.as_str());
    event["response_id"] = speaking.id.as_str().into();
    event["item_id"] = item.into();
    event["output_index"] = speaking.output.len().into();
    event["content_index"] = 0.into();
    event
}
