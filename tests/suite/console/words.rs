//! The words of the console: both languages say the same things, nothing is missing and nothing lies idle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Keys that are made of a beginning and a word of ours.
const MADE: &[&str] = &[
    "calendar-problem-",
    "conflict-",
    "ended-",
    "failure-",
    "fault-",
    "not-rung-",
    "outcome-",
    "passed-on-",
    "reception-",
    "share-for-",
    "refused-",
    "role-",
    "tool-",
    "transfer-",
    "upshot-",
    "hint-",
    "may-",
    "part-",
    "sensitivity-",
    "assistant-status-",
    "call-act-",
    "call-done-",
    "answer-",
    "by-caller-",
    "event-",
    "kept-",
    "kind-",
    "language-",
    "subject-",
    "stands-",
    "campaign-act-",
    "campaign-is-",
    "campaign-told-",
    "channel-",
    "contact-told-",
    "ending-",
    "entry-",
    "erasure-",
    "messages-told-",
    "not-called-",
    "opt-out-",
    "outgoing-",
    "privacy-told-",
    "start-",
    "settings-",
    "check-",
    "choice-",
    "grain-",
    "notice-",
    "pause-for-",
    "queue-",
];

fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ends));
        } else if ends.iter().any(|end| path.extension().is_some_and(|found| found == *end)) {
            found.push(path);
        }
    }
    found
}

/// Every key of a language with the names of what it speaks of.
fn keys(language: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/locales").join(language);
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&folder, &["ftl"]) {
        let mut key = None;
        for line in fs::read_to_string(&file).unwrap().lines() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if !line.starts_with([' ', '}']) {
                let (name, _) = line.split_once('=').unwrap_or_else(|| panic!("{}: {line}", file.display()));
                let name = name.trim().to_owned();
                assert!(
                    keys.insert(name.clone(), BTreeSet::new()).is_none(),
                    "{name} stands twice in {language}"
                );
                key = Some(name);
            }
            let named = line.split('$').skip(1).map(|rest| {
                rest.chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
                    .collect::<String>()
            });
            keys.get_mut(key.as_ref().unwrap()).unwrap().extend(named);
        }
    }
    keys
}

/// Everything that is written where words are used.
fn uses() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/console");
    let texts = files(&folder, &["rs", "html", "js"]);
    let mut all = String::new();
    for text in texts.iter().map(|file| fs::read_to_string(file).unwrap()) {
        // What explains how words are used uses none.
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            all.push_str(line);
            all.push('\n');
        }
    }
    all
}

#[test]
fn both_languages_say_the_same_things_of_the_same_things() {
    assert_eq!(keys("de"), keys("en"));
}

#[test]
fn every_key_that_is_used_has_words() {
    let known = keys("en");
    let text = uses();
    let mut missing = vec![];
    for ahead in [".t(\"", ".t( \"", "reader.t(\"", "key: \""] {
        for rest in text.split(ahead).skip(1) {
            let key = rest.split('"').next().unwrap();
            // A step's key is the beginning of several.
            let begins = known.contains_key(&format!("{key}-title"));
            if !key.contains('{') && !known.contains_key(key) && !begins {
                missing.push(key.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_words_lie_idle() {
    let text = uses();
    let idle: Vec<String> = keys("en")
        .into_keys()
        .filter(|key| !text.contains(&format!("\"{key}\"")) && !MADE.iter().any(|made| key.starts_with(made)))
        .collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn german_says_sie_and_never_breaks_an_appointment_off() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/locales/de");
    for file in files(&folder, &["ftl"]) {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphabetic()).collect();
            for never in
                ["du", "Du", "dein", "deine", "leider", "Leider", "bitte", "Bitte", "Ungültig", "ungültig"]
            {
                assert!(!words.contains(&never), "{}: {line}", file.display());
            }
            assert!(!(line.contains("Termin") && line.contains("bbrechen")), "{}: {line}", file.display());
            assert!(!line.contains(":innen") && !line.contains("*innen"), "{}: {line}", file.display());
        }
    }
}
