//! Holding lines of JSON against the schemas of their types.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

fn validators() -> &'static BTreeMap<&'static str, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<&'static str, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let schemas = etcdsnap::report::schemas().into_iter();
        let made = schemas.map(|(name, schema)| {
            let validator = jsonschema::draft202012::new(&schema);
            (
                name,
                validator.unwrap_or_else(|error| panic!("{name}: {error}")),
            )
        });
        made.collect()
    })
}

/// What is wrong with an object that names its type, by the schema of that type.
pub(crate) fn faults(line: &Value) -> Vec<String> {
    let name = line["type"].as_str().unwrap_or_default();
    let Some(validator) = validators().get(name) else {
        return vec![format!("there is no schema of type {name:?}")];
    };
    let errors = validator.iter_errors(line);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The lines of this program's own JSON in what was printed: each names its type first. Panics where one is not as its
/// schema says.
pub(crate) fn check(printed: &str) -> Vec<Value> {
    let lines = printed
        .lines()
        .filter(|line| line.starts_with("{\"type\":"));
    let checked = lines.map(|line| {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let faults = faults(&value);
        assert!(faults.is_empty(), "{line}\n{}", faults.join("\n"));
        value
    });
    checked.collect()
}
