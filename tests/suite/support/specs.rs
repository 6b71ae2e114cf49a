//! The vendors' published shapes, which stay outside the project.

use std::{env, fs, path::PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};

/// A specification file, or `None` with a line on why it is not there. Under `CI=true` that is a failure.
pub fn spec(file: &str) -> Option<Value> {
    let folder = env::var_os("FRONTDESK_SPECS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/specs"),
        PathBuf::from,
    );
    match fs::read(folder.join(file)) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(why) => {
            let line = format!("not checked: {file} in {} ({why}); set FRONTDESK_SPECS", folder.display());
            assert!(env::var("CI").as_deref() != Ok("true"), "{line}");
            eprintln!("{line}");
            None
        }
    }
}

/// A check against one definition of a schema.
pub fn definition(schema: &Value, name: &str) -> Validator {
    assert!(schema["$defs"][name].is_object(), "the schema has no {name}");
    let reference = json!({ "$ref": format!("#/$defs/{name}"), "$defs": schema["$defs"] });
    jsonschema::draft202012::new(&reference).unwrap()
}

/// The definition whose `type` (or `event`) is the message's.
pub fn definition_of(schema: &Value, key: &str, kind: &Value) -> Option<String> {
    let definitions = schema["$defs"].as_object().unwrap();
    let named = definitions.iter().find(|(_, one)| one["properties"][key]["const"] == *kind);
    named.map(|(name, _)| name.clone())
}

/// Everything wrong with a value, in words.
pub fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
