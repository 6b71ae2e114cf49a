//! What the stand-in answers when it is asked to sum up a call outside any conversation.
//!
//! It reads the turns it is given as they are meant to be written, finds in the agent's words what was promised, and fills in the
//! form of the tool it is to call, whatever the form's fields are. It understands nothing.

use serde_json::{Map, Value, json};

use super::Thought;

/// Words by which the agent says that something was done.
const DEEDS: [(&str, &[&str]); 3] = [
    ("booked", &["gebucht", "eingetragen", "booked"]),
    ("moved", &["verschoben", "moved"]),
    ("cancelled", &["abgesagt", "storniert", "cancelled"]),
];

/// The answer to such a request.
///
/// # Errors
/// In words, when it is not one.
pub(super) fn sum_up(ask: &Value, tools: &Value) -> Result<Thought, String> {
    let name =
        ask["tool_choice"]["name"].as_str().ok_or("an out-of-band response asks for no words and no tool")?;
    let tool = tools.as_array().into_iter().flatten().find(|tool| tool["name"] == name);
    let tool = tool.ok_or_else(|| format!("the session has no tool {name}"))?;
    let text = ask["input"][0]["content"][0]["text"].as_str().unwrap_or_default();
    let inside = text.strip_prefix("<call>\n").and_then(|text| text.strip_suffix("\n</call>"));
    let inside = inside.ok_or("what was said is not fenced")?;
    let turns: Vec<Value> = inside
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|_| "a turn is not a line of JSON"))
        .collect::<Result<_, _>>()?;
    let said = |turn: &Value| turn["said"].as_str().unwrap_or_default().to_lowercase();
    let mut promises = vec![];
    for turn in turns.iter().filter(|turn| turn["speaker"] == "agent") {
        let words = said(turn);
        for (deed, signs) in DEEDS {
            if signs.iter().any(|sign| words.contains(sign)) {
                promises.push(json!({ "turn": turn["turn"], "deed": deed }));
            }
        }
    }
    let outcome = promises.last().map_or(json!("informed"), |promise| promise["deed"].clone());
    let wish = turns.iter().find(|turn| turn["speaker"] == "caller").map(|turn| turn["said"].clone());
    let mut arguments = json!({
        "summary": gist(&turns),
        "outcome": outcome,
        "wishes": wish.into_iter().collect::<Vec<_>>(),
        "sentiment": "neutral",
        "promises": promises,
    });
    let fields = &tool["parameters"]["properties"]["fields"];
    if !fields.is_null() {
        arguments["fields"] = any_of(fields);
    }
    Ok(Thought { say: String::new(), calls: vec![(name.to_owned(), arguments)] })
}

/// How it began and how it ended, in the words of both.
fn gist(turns: &[Value]) -> String {
    let of = |speaker: &str, turn: &&Value| turn["speaker"] == speaker;
    let first = turns.iter().find(|turn| of("caller", turn));
    let last = turns.iter().rfind(|turn| of("agent", turn));
    let words = [first, last].into_iter().flatten().filter_map(|turn| turn["said"].as_str());
    words.collect::<Vec<_>>().join(" – ")
}

/// Something that fits a simple schema.
fn any_of(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(properties.map(|(name, of)| (name.clone(), any_of(of))).collect::<Map<_, _>>())
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        _ => json!(""),
    }
}
