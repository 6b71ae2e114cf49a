//! A module leans on floors below its own: never on a neighbour, never upward (src/ARCHITECTURE.md).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The floors, ground first. Modules of one line are neighbours.
const FLOORS: [&[&str]; 8] = [
    &["domain", "audio"],
    &["call", "platform"],
    &["store", "telephony", "speech", "calendars", "mail"],
    &["app"],
    &["live", "jobs"],
    &["http"],
    &["boot"],
    &["cli"],
];

/// The stand-ins for the outside world: only `cli` and the tests may know them.
const APART: &str = "sim";

#[test]
fn no_module_leans_on_a_neighbour_or_a_floor_above() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src);
    assert!(files.len() > 20, "the source is found");
    let crossings: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&src).unwrap();
            crossings(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(crossings.is_empty(), "{crossings:#?}");
}

#[test]
fn every_module_at_the_top_has_a_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&src) {
        let home = home(file.strip_prefix(&src).unwrap());
        let known = ["lib", "main", APART].contains(&home.as_str()) || floor(&home).is_some();
        assert!(known, "{home} stands on no floor");
    }
}

#[test]
fn the_reader_sees_every_way_of_leaning() {
    let caught = |path: &str, text: &str| crossings(Path::new(path), text).len();
    assert_eq!(caught("store/calls.rs", "use crate::speech::Settings;"), 1, "a neighbour");
    assert_eq!(
        caught("domain/time.rs", "fn f() -> crate::app::Error { crate::audio::x() }"),
        2,
        "a path in code"
    );
    assert_eq!(
        caught("app/tools.rs", "use crate::{\n  domain::{id::CallId, time},\n  live::Lines,\n  http,\n};"),
        2
    );
    assert_eq!(
        caught("call/mod.rs", "use crate::{domain::time, platform as machine};"),
        1,
        "under another name"
    );
    assert_eq!(caught("app/mod.rs", "use super::http::Problem;"), 1, "by way of the crate's root");
    assert_eq!(caught("app/tools/mod.rs", "use super::bookings; use super::super::boot::start;"), 1);
    assert_eq!(caught("live/driver.rs", "use crate::sim::caller;"), 1, "a stand-in");
    assert_eq!(caught("main.rs", "use frontdesk::sim::caller;"), 1, "a stand-in in the program");
    assert_eq!(caught("sim/openai/mod.rs", "use crate::cli::demo;"), 1, "a stand-in that leans on its user");
}

#[test]
fn the_reader_lets_pass_what_is_right() {
    let caught = |path: &str, text: &str| crossings(Path::new(path), text);
    let none: Vec<String> = vec![];
    assert_eq!(
        caught("store/calls.rs", "use crate::{domain::id::CallId, platform::clock, store::Store};"),
        none
    );
    assert_eq!(
        caught("store/calls.rs", "//! See [`crate::app`].\n/// [`crate::http`]\nuse super::Store;"),
        none
    );
    assert_eq!(caught("cli/demo.rs", "use crate::{sim::caller, boot, live};"), none);
    assert_eq!(caught("app/mod.rs", "let text = \"use crate::http\"; // crate::boot"), none);
    assert_eq!(caught("app/tools.rs", "use super::http_words;"), none);
    assert_eq!(caught("main.rs", "use frontdesk::cli;"), none);
}

/// What of `text`, the file at `path` below `src`, leans where it must not.
fn crossings(path: &Path, text: &str) -> Vec<String> {
    let home = home(path);
    leans_on(path, text)
        .into_iter()
        .filter(|to| *to != home && !allowed(&home, to))
        .map(|to| format!("{} leans on {to}", path.display()))
        .collect()
}

fn allowed(home: &str, to: &str) -> bool {
    match (home, to) {
        (_, APART) => home == "cli" || home == "lib",
        // A stage for the stand-ins starts the program they stand around.
        (APART, _) => to != "cli",
        ("lib" | "main", _) => true,
        _ => match (floor(home), floor(to)) {
            (Some(here), Some(there)) => there < here,
            _ => true,
        },
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&module))
}

/// The module at the crate's top to which the file belongs.
fn home(path: &Path) -> String {
    path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The modules at the crate's top that `text` names, in `use` or in the middle of code.
fn leans_on(path: &Path, text: &str) -> BTreeSet<String> {
    let code = without_comments_and_texts(text);
    // From a file this deep, so many `super::` lead to the crate's root.
    let depth = path.components().count();
    let is_root = path.file_name().is_some_and(|name| name == "mod.rs");
    let to_root = "super::".repeat(if is_root { depth - 1 } else { depth });
    let mut roots = vec!["crate::", "frontdesk::"];
    if !to_root.is_empty() {
        roots.push(&to_root);
    }
    let mut words = BTreeSet::new();
    for root in roots {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            // `supersuper::` or a longer chain that only ends like this one leads elsewhere.
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            words.extend(first_words(&code[at + root.len()..]));
        }
    }
    words.remove("super");
    words
}

/// The first word of a path, or the first words of every branch of a group.
fn first_words(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut words = vec![];
    let (mut depth, mut begins) = (0, true);
    for (at, c) in group.char_indices() {
        if begins && (c.is_alphabetic() || c == '_') {
            words.push(word(&group[at..]));
            begins = false;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The code alone. A quote as a character (`'"'`) does not open a text.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            rest = end.map_or("", |end| &rest[end + 2..]);
            code.push_str("\"\"");
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
