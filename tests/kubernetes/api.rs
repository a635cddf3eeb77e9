//! The round-trip data of k8s.io/api: every kind with every field filled, as stored and as JSON. It is not
//! part of this project; `ETCDSNAP_K8S_API` names directories with it, separated by colons, such as
//! `$(go env GOMODCACHE)/k8s.io/api@v0.37.2/testdata/HEAD`.

use std::path::Path;

use etcdsnap::kubernetes::{decode, write_json};
use serde_json::Value;

/// Kinds that are never stored.
fn is_stored(name: &str) -> bool {
    let kind = name.rsplit('.').next().unwrap_or_default();
    let unstored = [
        "Scale",
        "Status",
        "WatchEvent",
        "Eviction",
        "Binding",
        "APIGroup",
        "APIVersions",
    ];
    !(kind.ends_with("Review")
        || kind.ends_with("Options")
        || kind.ends_with("Result")
        || kind.ends_with("TokenRequest")
        || name.starts_with("apidiscovery.k8s.io")
        || unstored.contains(&kind))
}

fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).expect("JSON"))
}

/// Decodes every object of a directory: how many were equal, and which were not.
fn judge(directory: &Path) -> (usize, Vec<String>) {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("a readable directory").file_name())
        .filter_map(|name| name.to_str()?.strip_suffix(".pb").map(str::to_owned))
        .filter(|name| !name.ends_with(".after_roundtrip") && is_stored(name))
        .collect();
    names.sort();
    let (mut equal, mut wrong) = (0, Vec::new());
    for name in names {
        let stored = std::fs::read(directory.join(format!("{name}.pb"))).expect("a readable file");
        let object = decode(&stored).expect("an object");
        let mut text = Vec::new();
        let description = write_json(&stored, &mut text).expect("an object");
        assert_eq!(description, object.description);
        let parsed: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(parsed, object.json, "{name}: text and tree differ");
        let expected = [".json", ".after_roundtrip.json"]
            .iter()
            .filter_map(|end| read(&directory.join(format!("{name}{end}"))));
        let expected: Vec<Value> = expected.collect();
        if object.description.is_partial() {
            wrong.push(format!("{name}: {:?}", object.description));
        } else if expected.contains(&object.json) || has_new_status(&name, &expected, &object.json)
        {
            equal += 1;
        } else {
            let expected = expected.last().cloned().unwrap_or_default();
            let mut differences = Vec::new();
            differ("", &expected, &object.json, &mut differences);
            wrong.push(format!("{name}: {}", differences.join("; ")));
        }
    }
    (equal, wrong)
}

/// Kinds that got a status since: older objects are now printed with an empty one. The data after the round
/// trip have it too, but lack fields that were removed since and that are decoded here.
fn has_new_status(name: &str, expected: &[Value], got: &Value) -> bool {
    let mut without = got.clone();
    let status = without
        .as_object_mut()
        .and_then(|object| object.remove("status"));
    name == "resource.k8s.io.v1alpha3.DeviceTaintRule"
        && status == Some(Value::Object(serde_json::Map::new()))
        && expected.contains(&without)
}

/// Where two values differ.
pub(crate) fn differ(path: &str, expected: &Value, got: &Value, out: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(one), Value::Object(two)) => {
            for name in one
                .keys()
                .chain(two.keys().filter(|name| !one.contains_key(*name)))
            {
                let at = format!("{path}.{name}");
                match (one.get(name), two.get(name)) {
                    (Some(one), Some(two)) => differ(&at, one, two, out),
                    (one, two) => out.push(format!("{at}: {one:?} became {two:?}")),
                }
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                differ(&format!("{path}[{index}]"), one, two, out);
            }
        }
        _ if expected == got => {}
        _ => out.push(format!("{path}: {expected} became {got}")),
    }
}

#[test]
fn objects_of_the_api_repository_decode_to_its_json() {
    let Ok(directories) = std::env::var("ETCDSNAP_K8S_API") else {
        return;
    };
    let mut all = Vec::new();
    for directory in directories.split(':') {
        let (equal, wrong) = judge(Path::new(directory));
        println!("{directory}: {equal} equal, {} differ", wrong.len());
        assert!(equal > 50, "{directory}: only {equal} objects");
        all.extend(wrong);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
