//! Reads a TOML document written by a person: finds everything that is wrong with it, and says where.
//!
//! Each fault names the line, the key and what would be right. Keys nobody asked for are faults, too.

use std::{cell::RefCell, collections::BTreeSet, fmt, ops::RangeInclusive, str::FromStr};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::platform::hints;

/// Something wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The line it stands on, from 1.
    pub line: usize,
    /// The key, such as `services[1].duration`; empty for the document as a whole.
    pub key: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "line {}: {}", self.line, self.reason)
        } else {
            write!(f, "line {}: {}: {}", self.line, self.key, self.reason)
        }
    }
}

/// Everything wrong with a document, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Reads `text` with `read`, which asks the top [`Section`] for every key there may be before it gives up.
///
/// # Errors
/// Every fault `read` met, and every key it did not ask for.
pub fn read<T>(text: &str, read: impl FnOnce(&Section<'_>) -> Option<T>) -> Result<T, Faults> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = hints::line(text, error.span().map_or(0, |span| span.start));
        Faults(vec![Fault { line, key: String::new(), reason: error.message().to_owned() }])
    })?;
    let notes = Notes { text, faults: RefCell::default() };
    let top = Section {
        notes: &notes,
        path: String::new(),
        at: 0,
        table: table.get_ref(),
        asked: RefCell::default(),
    };
    let value = top.read(read);
    let mut faults = notes.faults.into_inner();
    faults.sort();
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(Faults(faults)),
    }
}

struct Notes<'d> {
    text: &'d str,
    faults: RefCell<Vec<Fault>>,
}

impl Notes<'_> {
    fn add(&self, at: usize, key: &str, reason: String) {
        let fault = Fault { line: hints::line(self.text, at), key: key.to_owned(), reason };
        self.faults.borrow_mut().push(fault);
    }
}

/// A table of the document, and which of its keys were asked for.
pub struct Section<'d> {
    notes: &'d Notes<'d>,
    path: String,
    at: usize,
    table: &'d DeTable<'d>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'d> Section<'d> {
    /// The entry of `key`, if it is there.
    pub fn get(&self, key: &'static str) -> Option<Entry<'d>> {
        self.asked.borrow_mut().insert(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Entry {
            notes: self.notes,
            path: join(&self.path, key),
            at: name.span().start,
            value: value.get_ref(),
        })
    }

    /// The entry of `key`; a fault that tells `what` it must be when it is not there.
    pub fn need(&self, key: &'static str, what: &str) -> Option<Entry<'d>> {
        let entry = self.get(key);
        if entry.is_none() {
            self.notes.add(self.at, &join(&self.path, key), format!("is missing; it must be {what}"));
        }
        entry
    }

    /// The tables of `[[key]]`, none when there is no such key.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let entries = self.get(key).and_then(|entry| entry.list()).unwrap_or_default();
        entries.into_iter().filter_map(|entry| entry.section()).collect()
    }

    /// Every key with its entry, for a table whose keys are names of the writer's own.
    pub fn named(&self) -> Vec<(&'d str, Entry<'d>)> {
        let mut named = vec![];
        for (name, value) in self.table {
            let (key, at) = (name.get_ref().as_ref(), name.span().start);
            let path = join(&self.path, key);
            named.push((key, Entry { notes: self.notes, path, at, value: value.get_ref() }));
        }
        named
    }

    /// Notes a fault of this table as a whole.
    pub fn wrong(&self, reason: impl Into<String>) {
        self.notes.add(self.at, &self.path, reason.into());
    }

    /// Reads the table with `read`; keys that were not asked for are faults.
    pub fn read<T>(self, read: impl FnOnce(&Self) -> Option<T>) -> Option<T> {
        let value = read(&self);
        let asked = self.asked.borrow();
        for name in self.table.keys().filter(|name| !asked.contains(name.get_ref().as_ref())) {
            let near = hints::nearest(name.get_ref(), asked.iter().copied());
            let reason = match near {
                Some(near) => format!("is not a key; did you mean `{near}`?"),
                None => {
                    let keys: Vec<_> = asked.iter().map(|key| format!("`{key}`")).collect();
                    format!("is not a key; there are {}", keys.join(", "))
                }
            };
            self.notes.add(name.span().start, &join(&self.path, name.get_ref()), reason);
        }
        value
    }
}

/// A value of the document and where it stands.
pub struct Entry<'d> {
    notes: &'d Notes<'d>,
    path: String,
    at: usize,
    value: &'d DeValue<'d>,
}

impl<'d> Entry<'d> {
    /// Notes a fault of this value; always `None`.
    pub fn wrong<T>(&self, reason: impl Into<String>) -> Option<T> {
        self.notes.add(self.at, &self.path, reason.into());
        None
    }

    /// A text that is not empty and at most `chars_max` characters long.
    pub fn text(&self, chars_max: usize) -> Option<String> {
        let Some(text) = self.value.as_str() else { return self.wrong("must be a text in quotes") };
        let text = text.trim();
        match text.chars().count() {
            0 => self.wrong("must not be empty"),
            long if long > chars_max => {
                self.wrong(format!("is {long} characters long; at most {chars_max} are allowed"))
            }
            _ => Some(text.to_owned()),
        }
    }

    /// A text that reads as a `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self) -> Option<T> {
        let text = self.text(200)?;
        text.parse().map_or_else(|error| self.wrong(format!("\"{text}\" is {error}")), Some)
    }

    /// A whole number within `range`, of what `unit` says.
    pub fn whole(&self, unit: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self
            .value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.wrong(format!(
                "must be a whole number of {unit} from {} to {}",
                range.start(),
                range.end()
            )),
        }
    }

    /// True or false.
    pub fn yes_or_no(&self) -> Option<bool> {
        self.value.as_bool().map_or_else(|| self.wrong("must be true or false"), Some)
    }

    /// The entries of a list.
    pub fn list(&self) -> Option<Vec<Entry<'d>>> {
        let Some(list) = self.value.as_array() else { return self.wrong("must be a list: [ ... ]") };
        let entry = |(n, value): (usize, &'d Spanned<DeValue<'d>>)| Entry {
            notes: self.notes,
            path: format!("{}[{n}]", self.path),
            at: value.span().start,
            value: value.get_ref(),
        };
        Some(list.iter().enumerate().map(entry).collect())
    }

    /// The table this is.
    pub fn section(&self) -> Option<Section<'d>> {
        let Some(table) = self.value.as_table() else { return self.wrong("must be a table of keys") };
        Some(Section {
            notes: self.notes,
            path: self.path.clone(),
            at: self.at,
            table,
            asked: RefCell::default(),
        })
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
