//! The document of everything that can be asked: whole, valid, and true.

use std::{collections::BTreeSet, path::Path};

use frontdesk::http;
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&http::document().to_json().unwrap()).unwrap()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations
                .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
        .collect()
}

#[test]
fn every_door_is_in_the_document() {
    // There is one way to open a door that the document knows of, and it is the only one that is used.
    let mut files = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The console's pages are for people and have no place in the document; what holds for them is tried in `console`.
            if path.ends_with("http/console") {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut opened = 0;
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for way in [".route(", ".route_service(", ".nest(", ".nest_service("] {
            assert!(
                !source.contains(way),
                "{}: `{way}` opens a door the document does not know",
                file.display()
            );
        }
        opened += source.matches(".routes(").count();
    }
    let document = document();
    assert!(opened > 20 && operations(&document).len() > opened, "{opened} doors were found");
}

#[test]
fn every_operation_says_what_it_is_who_may_ask_and_how_it_refuses() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{name}: its id is taken"
        );
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{name} has no summary"
        );
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        assert!(operation["responses"]["default"].is_object(), "{name} does not say how it refuses");
        let closed = name.contains(" /api/") || name.contains(" /users/");
        assert!(!closed || operation["security"][0]["bearer"].is_array(), "{name} does not say who may ask");
        for part in name.split('{').skip(1) {
            let (parameter, _) = part.split_once('}').unwrap();
            let told =
                operation["parameters"].as_array().unwrap().iter().any(|told| {
                    told["in"] == "path" && told["name"] == parameter && told["required"] == true
                });
            assert!(told, "{name} does not tell of {parameter}");
        }
    }
}

/// The schema of OpenAPI 3.1 documents of 2022-10-07, as the OpenAPI Initiative publishes it (Apache-2.0).
const SCHEMA: &str = include_str!("data/openapi-3.1-schema.json");

#[test]
fn the_document_is_valid_openapi() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let document = document();
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The validator can refuse.
    let mut spoiled = document;
    spoiled["paths"]["/metrics"]["get"]["responses"]["200"].as_object_mut().unwrap().remove("description");
    assert!(!validator.is_valid(&spoiled));
}

#[test]
fn everything_the_document_refers_to_is_in_it() {
    let document = document();
    let mut places = vec![&document];
    let mut followed = 0;
    while let Some(place) = places.pop() {
        match place {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer} is not there");
                    followed += 1;
                }
                places.extend(fields.values());
            }
            Value::Array(items) => places.extend(items),
            _ => {}
        }
    }
    assert!(followed > 50, "only {followed} references were followed");
}
