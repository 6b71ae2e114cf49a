//! The paths of the console, read from the code that serves them.

use std::{collections::BTreeSet, fs, path::Path};

/// Every path under `/console`, with the names in it as they stand in the code.
pub fn paths() -> BTreeSet<String> {
    fn read(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let served = text.split(".route(").skip(1).filter_map(|rest| {
                    rest.trim_start().strip_prefix('"').and_then(|path| path.split('"').next())
                });
                // Some have a name, since links lead there.
                let named = text.lines().filter_map(|line| {
                    let (_, path) = line.split_once("const ")?.1.split_once(": &str = \"")?;
                    path.starts_with("/console").then(|| path.split('"').next())?
                });
                found.extend(served.chain(named).map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/console"), &mut found);
    found
}
