//! A model that follows its part.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{
        ear::Ear,
        openai::{Asked, Mind, Thought},
        sound,
        voice::{UnknownWords, Voice},
    },
    Response, Scenario, Turn,
};
use crate::{
    call::judge::{Meaning, meaning},
    domain::{assistant::Language, phrases::Phrase},
};

/// The model's part of a scenario, and how far it has come.
#[derive(Clone, Debug)]
pub struct Script {
    ear: Ear,
    language: Language,
    turns: Vec<Turn>,
    place: Place,
    /// Where it was before the last answer.
    before: Place,
}

/// How far a script has come.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The turn it is in, once it has begun.
    turn: Option<usize>,
    /// The responses of that turn given so far.
    given: usize,
    /// What tools answered last, by name.
    results: BTreeMap<String, Value>,
    /// What it said last.
    said: String,
}

impl Script {
    pub(super) fn new(scenario: &Scenario, voice: &Voice) -> Result<Self, UnknownWords> {
        let mut ear = Ear::default();
        for words in scenario.sayings() {
            ear.learn(words, &sound::decoded(&voice.caller(scenario.language, words)?));
        }
        let turns = scenario.model.clone();
        Ok(Self {
            ear,
            language: scenario.language,
            turns,
            place: Place::default(),
            before: Place::default(),
        })
    }

    /// The response that answers this.
    fn next(&mut self, asked: &Asked) -> Result<Response, String> {
        let begun = self.place.turn.filter(|_| !asked.results.is_empty());
        if let Some(turn) = begun
            && let Some(response) = self.turns[turn].responses.get(self.place.given)
        {
            self.place.given += 1;
            return Ok(response.clone());
        }
        let from = self.place.turn.map_or(0, |turn| turn + 1);
        // The latest thing said that the part knows an answer to; a "mm-hm" before or after it needs none.
        let found = asked
            .said
            .iter()
            .rev()
            .find_map(|said| (from..self.turns.len()).find(|turn| self.turns[*turn].heard == *said));
        let Some(turn) = found else {
            let said: Vec<String> = asked.said.iter().map(|said| format!("{said:?}")).collect();
            return Err(format!("the part has no answer to [{}]", said.join(", ")));
        };
        self.place.turn = Some(turn);
        self.place.given = 1;
        self.turns[turn].responses.first().cloned().ok_or_else(|| "a turn without a response".to_owned())
    }

    /// Whether the part has no answer to any of this.
    fn unknown(&self, said: &[String]) -> bool {
        let from = self.place.turn.map_or(0, |turn| turn + 1);
        !said.iter().any(|said| self.turns[from..].iter().any(|turn| turn.heard == *said))
    }

    /// The text with what tools answered put in its places.
    fn filled(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, tail) = after.split_once('}').ok_or_else(|| format!("no }} in {text:?}"))?;
            let (tool, pointer) = place.split_once(':').ok_or_else(|| format!("no tool in {place:?}"))?;
            let answer = self.place.results.get(tool).ok_or_else(|| format!("{tool} was not called"))?;
            let value = answer.pointer(pointer);
            let value = value.ok_or_else(|| format!("{tool} answered without {pointer}: {answer}"))?;
            filled.push_str(before);
            match value.as_str() {
                Some(text) => filled.push_str(text),
                None => filled.push_str(&value.to_string()),
            }
            rest = tail;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The arguments with every text in them filled.
    fn filled_in(&self, arguments: &Value) -> Result<Value, String> {
        Ok(match arguments {
            Value::String(text) => self.filled(text)?.into(),
            Value::Array(list) => list.iter().map(|one| self.filled_in(one)).collect::<Result<_, _>>()?,
            Value::Object(map) => {
                let filled = map.iter().map(|(key, value)| Ok((key.clone(), self.filled_in(value)?)));
                Value::Object(filled.collect::<Result<_, String>>()?)
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain.clone(),
        })
    }
}

impl Mind for Script {
    fn hear(&mut self, samples: &[i16]) -> Option<String> {
        self.ear.know(samples).map(str::to_owned)
    }

    fn answer(&mut self, asked: &Asked) -> Result<Thought, String> {
        self.before = self.place.clone();
        for (tool, answer) in &asked.results {
            self.place.results.insert(tool.clone(), answer.clone());
        }
        let nothing_new = asked.said.is_empty() && asked.written.is_empty() && asked.results.is_empty();
        if nothing_new && !self.place.said.is_empty() {
            return Ok(Thought { say: self.place.said.clone(), calls: vec![] });
        }
        // Asked to answer a sound without words, or somebody who only listens, a model says again what it said, or asks
        // whoever is there to speak.
        let listens = |said: &String| meaning(said) != Some(Meaning::Says);
        let nothing_said = !asked.said.is_empty() && asked.said.iter().all(listens);
        if nothing_said && asked.written.is_empty() && asked.results.is_empty() && self.unknown(&asked.said) {
            let again = Some(self.place.said.clone()).filter(|said| !said.is_empty());
            let say = again.unwrap_or_else(|| Phrase::StillThere.words(self.language).to_owned());
            return Ok(Thought { say, calls: vec![] });
        }
        let response = self.next(asked)?;
        let say = self.filled(response.say)?;
        let calls = response.calls.iter().map(|(tool, arguments)| {
            self.filled_in(arguments).map(|arguments| ((*tool).to_owned(), arguments))
        });
        let calls = calls.collect::<Result<_, _>>()?;
        self.place.said.clone_from(&say);
        Ok(Thought { say, calls })
    }

    fn take_back(&mut self) {
        self.place = self.before.clone();
    }
}
