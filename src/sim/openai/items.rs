//! The conversation's items: made, shown, cut, forgotten, with the vendor's own checks.

use serde_json::{Value, json};

use super::{
    session::{Session, invalid},
    usage::Tokens,
};

/// An item of the conversation.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) tokens: Tokens,
    /// Audio the model made for it so far, in milliseconds.
    pub(super) spoken_ms: Option<u64>,
}

impl Session {
    pub(super) fn last_item(&self) -> Option<String> {
        self.items.last().map(|item| item.id.clone())
    }

    /// Adds a finished item at the end, and says so.
    pub(super) fn add_item(&mut self, value: Value, tokens: Tokens, spoken_ms: Option<u64>) {
        self.item_added(value, tokens, spoken_ms);
        if let Some(item) = self.items.last() {
            let id = item.id.clone();
            self.item_done(&id);
        }
    }

    pub(super) fn item_added(&mut self, value: Value, tokens: Tokens, spoken_ms: Option<u64>) {
        let previous = self.last_item();
        self.send(json!({
            "type": "conversation.item.added", "previous_item_id": previous, "item": value,
        }));
        let id = value["id"].as_str().unwrap_or_default().to_owned();
        self.items.push(Item { id, value, tokens, spoken_ms });
    }

    pub(super) fn item_done(&mut self, id: &str) {
        let Some(at) = self.items.iter().position(|item| item.id == id) else { return };
        let previous = at.checked_sub(1).map(|before| self.items[before].id.clone());
        let value = self.items[at].value.clone();
        self.send(json!({
            "type": "conversation.item.done", "previous_item_id": previous, "item": value,
        }));
    }

    pub(super) fn create_item(&mut self, event: &Value) {
        let mut value = event["item"].clone();
        let place = match event["previous_item_id"].as_str() {
            None => self.items.len(),
            Some("root") => 0,
            Some(id) => match self.items.iter().position(|item| item.id == id) {
                Some(at) => at + 1,
                None => return self.no_such_item(id, &event["event_id"]),
            },
        };
        if value["type"] == "function_call_output" {
            let call = value["call_id"].as_str().unwrap_or_default();
            let Some(name) = self.owed.remove(call) else {
                let why = format!("Tool call ID '{call}' is not waiting for an output.");
                let refusal = invalid("invalid_tool_call_id", "item.call_id", &why);
                return self.refuse("conversation.item.create", refusal, &event["event_id"]);
            };
            let output = value["output"].as_str().unwrap_or_default();
            let answer = serde_json::from_str(output).unwrap_or_else(|_| output.into());
            self.asked.results.push((name, answer));
        }
        if matches!(value["role"].as_str(), Some("user" | "system")) {
            let texts = value["content"].as_array().into_iter().flatten();
            self.asked.written.extend(texts.filter_map(|part| part["text"].as_str().map(str::to_owned)));
        }
        if value["id"].is_null() {
            value["id"] = self.fresh("item").into();
        }
        value["object"] = "realtime.item".into();
        value["status"] = "completed".into();
        let tokens = Tokens::text(&value["content"].to_string()) + Tokens::text(&value["output"].to_string());
        let previous = place.checked_sub(1).map(|before| self.items[before].id.clone());
        self.send(json!({
            "type": "conversation.item.added", "previous_item_id": previous, "item": value,
        }));
        let id = value["id"].as_str().unwrap_or_default().to_owned();
        self.items.insert(place, Item { id: id.clone(), value, tokens, spoken_ms: None });
        self.item_done(&id);
    }

    pub(super) fn retrieve_item(&mut self, event: &Value) {
        let id = event["item_id"].as_str().unwrap_or_default();
        match self.items.iter().find(|item| item.id == id) {
            Some(item) => {
                let value = item.value.clone();
                self.send(json!({ "type": "conversation.item.retrieved", "item": value }));
            }
            None => self.no_such_item(id, &event["event_id"]),
        }
    }

    pub(super) fn delete_item(&mut self, event: &Value) {
        let id = event["item_id"].as_str().unwrap_or_default();
        match self.items.iter().position(|item| item.id == id) {
            Some(at) => {
                self.items.remove(at);
                self.send(json!({ "type": "conversation.item.deleted", "item_id": id }));
            }
            None => self.no_such_item(id, &event["event_id"]),
        }
    }

    pub(super) fn truncate_item(&mut self, event: &Value) {
        let id = event["item_id"].as_str().unwrap_or_default();
        let end_ms = event["audio_end_ms"].as_u64().unwrap_or_default();
        let Some(item) = self.items.iter_mut().find(|item| item.id == id) else {
            return self.no_such_item(id, &event["event_id"]);
        };
        let Some(spoken_ms) = item.spoken_ms.filter(|ms| *ms > 0 && event["content_index"] == 0) else {
            let why = "Only model output audio messages can be truncated";
            return self.race(Value::Null, why, &event["event_id"]);
        };
        if end_ms > spoken_ms {
            let why = format!("Audio content of {spoken_ms}ms is already shorter than {end_ms}ms");
            return self.race("invalid_value".into(), &why, &event["event_id"]);
        }
        item.spoken_ms = Some(end_ms);
        item.tokens = Tokens::spoken(end_ms);
        // Sound and words cannot be aligned, so the words go altogether.
        item.value["content"] = json!([{ "type": "output_audio", "transcript": null }]);
        self.send(json!({
            "type": "conversation.item.truncated",
            "item_id": id, "content_index": 0, "audio_end_ms": end_ms,
        }));
    }

    pub(super) fn no_such_item(&mut self, id: &str, event_id: &Value) {
        self.race("item_not_found".into(), &format!("Item with item_id not found: {id}"), event_id);
    }
}
