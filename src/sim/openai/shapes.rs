//! What the vendor accepts from a client, as tables, and the check against them.
//!
//! Written by hand from the GA shapes (protocols.md §2.2 and §2.3) and stricter than the published schema:
//! that one lets unknown keys pass, the server refuses them (`unknown_parameter`). Whatever belongs to the
//! beta (a format at the top of the session, content of type `audio`, …) is unknown here. This file knows no
//! state: what is right only at a certain moment is the session's business.

use serde_json::Value;

/// What the vendor would say about a malformed event: the fields of an `error` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The vendor's word for it, such as `unknown_parameter`.
    pub code: &'static str,
    /// Where, such as `session.audio.input.format`.
    pub param: String,
    /// In words.
    pub message: String,
}

/// Checks one client event, whole, and returns its type.
///
/// # Errors
///
/// The first thing in it that the vendor would refuse.
pub fn check(event: &Value) -> Result<&'static str, Refusal> {
    let Some(map) = event.as_object() else {
        return Err(refusal("invalid_event", "", "The event is not a JSON object."));
    };
    let Some(kind) = map.get("type") else {
        return Err(refusal("missing_required_parameter", "type", "Missing required parameter: 'type'."));
    };
    let Some((name, shape)) = EVENTS.iter().find(|(name, _)| kind == name) else {
        return Err(refusal("invalid_value", "type", &format!("Invalid value: {kind}.")));
    };
    object(event, shape, "")?;
    beyond_the_tables(name, event)?;
    Ok(name)
}

/// A value's shape.
enum Is {
    Text,
    Whole,
    Number,
    Flag,
    /// An object whose keys are ours to choose.
    Map,
    OneOf(&'static [&'static str]),
    Object(&'static [Key]),
    List(&'static Is),
    Either(&'static [Is]),
    /// An object of which there are several kinds, told apart by one of its keys.
    Kinds(&'static str, &'static [(&'static str, &'static [Key])]),
}

struct Key {
    name: &'static str,
    is: Is,
    required: bool,
}

const fn must(name: &'static str, is: Is) -> Key {
    Key { name, is, required: true }
}

/// An optional key. The vendor's client library lets every optional key be null.
const fn may(name: &'static str, is: Is) -> Key {
    Key { name, is, required: false }
}

const TYPE: Key = must("type", Is::Text);
const EVENT_ID: Key = may("event_id", Is::Text);

const EVENTS: &[(&str, &[Key])] = &[
    ("session.update", &[TYPE, EVENT_ID, must("session", Is::Object(SESSION))]),
    ("input_audio_buffer.append", &[TYPE, EVENT_ID, must("audio", Is::Text)]),
    ("input_audio_buffer.commit", &[TYPE, EVENT_ID]),
    ("input_audio_buffer.clear", &[TYPE, EVENT_ID]),
    ("output_audio_buffer.clear", &[TYPE, EVENT_ID]),
    ("conversation.item.create", &[TYPE, EVENT_ID, must("item", ITEM), may("previous_item_id", Is::Text)]),
    ("conversation.item.retrieve", &[TYPE, EVENT_ID, must("item_id", Is::Text)]),
    ("conversation.item.delete", &[TYPE, EVENT_ID, must("item_id", Is::Text)]),
    (
        "conversation.item.truncate",
        &[
            TYPE,
            EVENT_ID,
            must("item_id", Is::Text),
            must("content_index", Is::Whole),
            must("audio_end_ms", Is::Whole),
        ],
    ),
    ("response.create", &[TYPE, EVENT_ID, may("response", Is::Object(RESPONSE))]),
    ("response.cancel", &[TYPE, EVENT_ID, may("response_id", Is::Text)]),
];

const SESSION: &[Key] = &[
    must("type", Is::OneOf(&["realtime"])),
    may("model", Is::Text),
    may("output_modalities", MODALITIES),
    may("instructions", Is::Text),
    may("max_output_tokens", MAX_TOKENS),
    may("audio", Is::Object(&[may("input", Is::Object(INPUT)), may("output", Is::Object(OUTPUT))])),
    may("tools", Is::List(&TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Is::Flag),
    may("reasoning", REASONING),
    may(
        "truncation",
        Is::Either(&[
            Is::OneOf(&["auto", "disabled"]),
            Is::Object(&[
                must("type", Is::OneOf(&["retention_ratio"])),
                must("retention_ratio", Is::Number),
                may("token_limits", Is::Object(&[may("post_instructions", Is::Whole)])),
            ]),
        ]),
    ),
    may(
        "tracing",
        Is::Either(&[
            Is::OneOf(&["auto"]),
            Is::Object(&[
                may("workflow_name", Is::Text),
                may("group_id", Is::Text),
                may("metadata", Is::Map),
            ]),
        ]),
    ),
    may("include", Is::List(&Is::OneOf(&["item.input_audio_transcription.logprobs"]))),
];

const INPUT: &[Key] = &[
    may("format", FORMAT),
    may(
        "noise_reduction",
        Is::Object(&[must("type", Is::OneOf(&["near_field", "far_field"])), may("strength", Is::Number)]),
    ),
    may(
        "transcription",
        Is::Object(&[
            must("model", Is::Text),
            may("language", Is::Text),
            may("languages", Is::List(&Is::Text)),
            may("prompt", Is::Text),
            may("keywords", Is::List(&Is::Text)),
            may("delay", Is::OneOf(&["minimal", "low", "medium", "high", "xhigh"])),
        ]),
    ),
    may(
        "turn_detection",
        Is::Kinds(
            "type",
            &[
                (
                    "server_vad",
                    &[
                        TYPE,
                        may("threshold", Is::Number),
                        may("prefix_padding_ms", Is::Whole),
                        may("silence_duration_ms", Is::Whole),
                        may("idle_timeout_ms", Is::Whole),
                        may("create_response", Is::Flag),
                        may("interrupt_response", Is::Flag),
                    ],
                ),
                (
                    "semantic_vad",
                    &[
                        TYPE,
                        may("eagerness", Is::OneOf(&["low", "medium", "high", "auto"])),
                        may("create_response", Is::Flag),
                        may("interrupt_response", Is::Flag),
                    ],
                ),
            ],
        ),
    ),
];

const OUTPUT: &[Key] = &[may("format", FORMAT), may("voice", VOICE), may("speed", Is::Number)];

const FORMAT: Is = Is::Kinds(
    "type",
    &[("audio/pcm", &[TYPE, may("rate", Is::Whole)]), ("audio/pcmu", &[TYPE]), ("audio/pcma", &[TYPE])],
);

const VOICE: Is = Is::Either(&[
    Is::OneOf(&["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]),
    Is::Object(&[must("id", Is::Text)]),
]);

const MODALITIES: Is = Is::List(&Is::OneOf(&["text", "audio"]));
const MAX_TOKENS: Is = Is::Either(&[Is::Whole, Is::OneOf(&["inf"])]);
const REASONING: Is = Is::Object(&[may("effort", Is::OneOf(&["minimal", "low", "medium", "high", "xhigh"]))]);

/// Flat: the chat API's nested `function` and its `strict` do not exist here.
const TOOL: Is = Is::Object(&[
    must("type", Is::OneOf(&["function"])),
    must("name", Is::Text),
    may("description", Is::Text),
    may("parameters", Is::Map),
]);

const TOOL_CHOICE: Is = Is::Either(&[
    Is::OneOf(&["auto", "none", "required"]),
    Is::Object(&[must("type", Is::OneOf(&["function"])), must("name", Is::Text)]),
]);

const RESPONSE: &[Key] = &[
    may("conversation", Is::OneOf(&["auto", "none"])),
    may("instructions", Is::Text),
    may("output_modalities", MODALITIES),
    may("max_output_tokens", MAX_TOKENS),
    may("audio", Is::Object(&[may("output", Is::Object(&[may("format", FORMAT), may("voice", VOICE)]))])),
    may("input", Is::List(&Is::Either(&[ITEM, Is::Object(REFERENCE)]))),
    may("metadata", Is::Map),
    may("tools", Is::List(&TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Is::Flag),
    may("reasoning", REASONING),
];

const REFERENCE: &[Key] = &[must("type", Is::OneOf(&["item_reference"])), must("id", Is::Text)];

const ID: Key = may("id", Is::Text);
const OBJECT: Key = may("object", Is::OneOf(&["realtime.item"]));
const STATUS: Key = may("status", Is::OneOf(&["completed", "incomplete", "in_progress"]));

const ITEM: Is = Is::Kinds(
    "type",
    &[
        (
            "message",
            &[
                TYPE,
                ID,
                OBJECT,
                STATUS,
                must("role", Is::OneOf(&["user", "system", "assistant"])),
                must("content", Is::List(&CONTENT)),
            ],
        ),
        (
            "function_call",
            &[
                TYPE,
                ID,
                OBJECT,
                STATUS,
                must("name", Is::Text),
                must("arguments", Is::Text),
                may("call_id", Is::Text),
            ],
        ),
        (
            "function_call_output",
            &[TYPE, ID, OBJECT, STATUS, must("call_id", Is::Text), must("output", Is::Text)],
        ),
    ],
);

const CONTENT: Is = Is::Kinds(
    "type",
    &[
        ("input_text", &[TYPE, must("text", Is::Text)]),
        ("input_audio", &[TYPE, must("audio", Is::Text), may("transcript", Is::Text)]),
        (
            "input_image",
            &[TYPE, must("image_url", Is::Text), may("detail", Is::OneOf(&["auto", "low", "high"]))],
        ),
        ("output_text", &[TYPE, must("text", Is::Text)]),
    ],
);

fn object(value: &Value, keys: &[Key], path: &str) -> Result<(), Refusal> {
    let Some(map) = value.as_object() else {
        return Err(wrong_type(path, "an object", value));
    };
    for key in keys {
        let at = join(path, key.name);
        match map.get(key.name) {
            None if key.required => {
                let message = format!("Missing required parameter: '{at}'.");
                return Err(refusal("missing_required_parameter", &at, &message));
            }
            None => {}
            Some(Value::Null) if !key.required => {}
            Some(value) => fits(value, &key.is, &at)?,
        }
    }
    match map.keys().find(|name| keys.iter().all(|key| key.name != **name)) {
        Some(unknown) => {
            let at = join(path, unknown);
            Err(refusal("unknown_parameter", &at, &format!("Unknown parameter: '{at}'.")))
        }
        None => Ok(()),
    }
}

fn fits(value: &Value, is: &Is, path: &str) -> Result<(), Refusal> {
    let right = match is {
        Is::Text => value.is_string(),
        Is::Whole => value.is_i64() || value.is_u64(),
        Is::Number => value.is_number(),
        Is::Flag => value.is_boolean(),
        Is::Map => value.is_object(),
        Is::OneOf(words) => {
            let Some(word) = value.as_str() else { return Err(wrong_type(path, "a string", value)) };
            if words.contains(&word) {
                return Ok(());
            }
            let message = format!("Invalid value: '{word}'. Supported values are: {}.", words.join(", "));
            return Err(refusal("invalid_value", path, &message));
        }
        Is::Object(keys) => return object(value, keys, path),
        Is::List(of) => {
            let Some(list) = value.as_array() else { return Err(wrong_type(path, "an array", value)) };
            for (n, one) in list.iter().enumerate() {
                fits(one, of, &format!("{path}[{n}]"))?;
            }
            true
        }
        Is::Either(ways) => return either(value, ways, path),
        Is::Kinds(tag, kinds) => {
            let at = join(path, tag);
            let Some(kind) = value.get(tag) else {
                let message = format!("Missing required parameter: '{at}'.");
                return Err(refusal("missing_required_parameter", &at, &message));
            };
            let Some((_, keys)) = kinds.iter().find(|(name, _)| kind == name) else {
                return Err(refusal("invalid_value", &at, &format!("Invalid value: {kind}.")));
            };
            return object(value, keys, path);
        }
    };
    if right { Ok(()) } else { Err(wrong_type(path, is.name(), value)) }
}

/// Right in one of several ways; the refusal of the way that reads furthest into the value is told.
fn either(value: &Value, ways: &[Is], path: &str) -> Result<(), Refusal> {
    let mut closest: Option<Refusal> = None;
    for way in ways {
        match fits(value, way, path) {
            Ok(()) => return Ok(()),
            Err(refused) if closest.as_ref().is_none_or(|c| refused.param.len() > c.param.len()) => {
                closest = Some(refused);
            }
            Err(_) => {}
        }
    }
    Err(closest.unwrap_or_else(|| wrong_type(path, "something else", value)))
}

impl Is {
    fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::OneOf(_) => "a string",
            Self::Whole => "an integer",
            Self::Number => "a number",
            Self::Flag => "a boolean",
            Self::List(_) => "an array",
            Self::Map | Self::Object(_) | Self::Either(_) | Self::Kinds(..) => "an object",
        }
    }
}

/// Rules that hold between values, or on a value's range.
fn beyond_the_tables(kind: &str, event: &Value) -> Result<(), Refusal> {
    match kind {
        "session.update" => session(&event["session"]),
        "response.create" => {
            one_modality(&event["response"]["output_modalities"], "response.output_modalities")?;
            if let Some(input) = event["response"]["input"].as_array() {
                for (n, item) in input.iter().enumerate() {
                    content_of_its_role(item, &format!("response.input[{n}]"))?;
                }
            }
            Ok(())
        }
        "conversation.item.create" => content_of_its_role(&event["item"], "item"),
        "conversation.item.truncate" => {
            at_least_zero(&event["content_index"], "content_index")?;
            at_least_zero(&event["audio_end_ms"], "audio_end_ms")
        }
        _ => Ok(()),
    }
}

fn session(session: &Value) -> Result<(), Refusal> {
    one_modality(&session["output_modalities"], "session.output_modalities")?;
    let input = &session["audio"]["input"];
    for (side, format) in [("input", &input["format"]), ("output", &session["audio"]["output"]["format"])] {
        let rate = &format["rate"];
        if !rate.is_null() && rate != 24_000 {
            let at = format!("session.audio.{side}.format.rate");
            return Err(refusal("invalid_value", &at, "Invalid value: the rate is 24000."));
        }
    }
    let detection = &input["turn_detection"];
    let at = "session.audio.input.turn_detection";
    within(&detection["threshold"], 0.0..=1.0, &format!("{at}.threshold"))?;
    within(&detection["idle_timeout_ms"], 5_000.0..=30_000.0, &format!("{at}.idle_timeout_ms"))?;
    at_least_zero(&detection["silence_duration_ms"], &format!("{at}.silence_duration_ms"))?;
    at_least_zero(&detection["prefix_padding_ms"], &format!("{at}.prefix_padding_ms"))?;
    within(&session["audio"]["output"]["speed"], 0.25..=1.5, "session.audio.output.speed")?;
    for (n, tool) in session["tools"].as_array().into_iter().flatten().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            let at = format!("session.tools[{n}].name");
            return Err(refusal("invalid_value", &at, "Invalid value: expected ^[a-zA-Z0-9_-]{1,64}$."));
        }
    }
    Ok(())
}

fn one_modality(modalities: &Value, at: &str) -> Result<(), Refusal> {
    match modalities.as_array() {
        Some(list) if list.len() != 1 => Err(refusal(
            "invalid_value",
            at,
            "Invalid modalities. Supported combinations are: ['text'] and ['audio'].",
        )),
        _ => Ok(()),
    }
}

/// A user writes or speaks, a system only writes, and of an assistant only text can be told: its audio
/// cannot be made by a client.
fn content_of_its_role(item: &Value, path: &str) -> Result<(), Refusal> {
    let allowed: &[&str] = match item["role"].as_str() {
        Some("user") => &["input_text", "input_audio", "input_image"],
        Some("system") => &["input_text"],
        Some("assistant") => &["output_text"],
        _ => return Ok(()),
    };
    for (n, content) in item["content"].as_array().into_iter().flatten().enumerate() {
        let kind = content["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            let at = format!("{path}.content[{n}].type");
            let message = format!("Invalid value: '{kind}'. Supported values are: {}.", allowed.join(", "));
            return Err(refusal("invalid_value", &at, &message));
        }
    }
    Ok(())
}

fn within(value: &Value, range: std::ops::RangeInclusive<f64>, at: &str) -> Result<(), Refusal> {
    match value.as_f64() {
        Some(number) if !range.contains(&number) => {
            let message = format!("Invalid value: {number} is not in {}..={}.", range.start(), range.end());
            Err(refusal("invalid_value", at, &message))
        }
        _ => Ok(()),
    }
}

fn at_least_zero(value: &Value, at: &str) -> Result<(), Refusal> {
    within(value, 0.0..=f64::MAX, at)
}

fn wrong_type(path: &str, wanted: &str, got: &Value) -> Refusal {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    refusal("invalid_type", path, &format!("Invalid type for '{path}': expected {wanted}, got {got}."))
}

fn refusal(code: &'static str, param: &str, message: &str) -> Refusal {
    Refusal { code, param: param.to_owned(), message: message.to_owned() }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
