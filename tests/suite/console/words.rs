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
    "declined-",
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

/// A text as it stands in the source from its quotation mark on, without the breaks of its lines.
fn literal(rest: &str) -> String {
    let text = rest.trim_start().strip_prefix('"').unwrap_or_else(|| panic!("no text: {}", &rest[..40]));
    let mut joined = String::new();
    for line in text.split('"').next().unwrap().split("\\\n") {
        joined.push_str(if joined.is_empty() { line } else { line.trim_start() });
    }
    joined
}

/// Every sentence with which `app` says that something contradicts what is there.
fn conflicts() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app");
    let texts: Vec<String> =
        files(&folder, &["rs"]).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let constant = |name: &str| {
        let mark = format!("const {name}: &str =");
        let text = texts.iter().find_map(|text| text.split(&mark).nth(1));
        literal(text.unwrap_or_else(|| panic!("where is {name}?")))
    };
    let read = |rest: &str| -> Option<String> {
        let rest = rest.trim_start();
        if rest.starts_with('"') {
            return Some(literal(rest));
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let is_constant = name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        // What is neither looks at a conflict, or passes on what its caller says.
        is_constant.then(|| constant(&name))
    };
    // What makes a conflict of the store's refusal is given the sentence.
    const GIVEN: &str = "(error: store::Error, words: &'static str)";
    let mut makers = vec!["Conflict(".to_owned()];
    for text in &texts {
        for before in text.split(GIVEN).take(text.matches(GIVEN).count()) {
            makers.push(format!("{}(error, ", before.rsplit(' ').next().unwrap()));
            makers.push(format!("{}(\n", before.rsplit(' ').next().unwrap()));
        }
    }
    assert!(makers.len() > 4, "{makers:?}");
    let mut found = BTreeSet::new();
    for text in &texts {
        for maker in &makers {
            found.extend(text.split(maker.as_str()).skip(1).filter_map(read));
        }
        // None of the makers is called in a way that is not read here.
        for maker in makers.iter().skip(1).step_by(2) {
            let name = maker.trim_end_matches("error, ");
            // What only ends alike is called otherwise.
            let alike = |at: usize| text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let named = text.match_indices(name).filter(|(at, _)| !alike(*at)).count();
            let calls = named - text.matches(&format!("fn {name}")).count();
            let read = text.matches(maker.as_str()).count();
            assert_eq!(calls, read, "{name} is called otherwise");
        }
    }
    found
}

#[test]
fn every_conflict_is_told_in_both_languages_in_three_sentences() {
    let found = conflicts();
    assert!(found.len() > 50, "{}", found.len());
    for language in ["de", "en"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/locales").join(language);
        let all: String =
            files(&folder, &["ftl"]).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let words: BTreeMap<&str, &str> = all.lines().filter_map(|line| line.split_once(" = ")).collect();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for sentence in &found {
            let key = format!("conflict-{}", slug(sentence));
            let said = words.get(key.as_str()).unwrap_or_else(|| panic!("{language} has no {key}"));
            assert!(said.ends_with('.') && said.matches(['.', ';']).count() >= 2, "{language}: {said}");
            known.insert(key);
        }
        let idle: Vec<_> =
            words.keys().filter(|key| key.starts_with("conflict-") && !known.contains(**key)).collect();
        assert!(idle.is_empty(), "nobody says {idle:?}");
    }
}

/// A sentence as the end of a key, as the console makes it.
fn slug(words: &str) -> String {
    let parts: Vec<String> = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    parts.join("-")
}

#[test]
fn every_rule_against_a_time_is_told_in_both_languages() {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/availability/mod.rs"));
    let source = source.unwrap();
    let (_, rest) = source.split_once("Self::MissingTime =>").unwrap();
    let rules: Vec<&str> = rest.split('}').next().unwrap().split('"').skip(1).step_by(2).collect();
    assert!(rules.len() > 10, "{rules:?}");
    for (language, known) in [("de", keys("de")), ("en", keys("en"))] {
        for rule in &rules {
            let key = format!("refused-{}", rule.replace('_', "-"));
            assert!(known.contains_key(&key), "{language} has no {key}");
        }
    }
}
