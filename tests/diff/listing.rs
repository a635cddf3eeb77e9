//! What differs between two snapshots is what differs between the listings of their API server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lines;
use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool;

/// Kind, namespace and name. Two groups list the same events, and many kinds are listed in several versions.
type Who = [String; 3];

fn who(kind: &Value, namespace: &Value, name: &Value) -> Who {
    [kind, namespace, name].map(|part| part.as_str().unwrap_or_default().to_owned())
}

fn who_is(item: &Value) -> Who {
    let metadata = &item["metadata"];
    who(&item["kind"], &metadata["namespace"], &metadata["name"])
}

/// All versions of each object that is listed.
fn listed(cluster: &str, moment: &str) -> BTreeMap<Who, BTreeMap<String, Value>> {
    let mut all: BTreeMap<Who, BTreeMap<String, Value>> = BTreeMap::new();
    for (resource, items) in clusters::listing(cluster, moment) {
        // The states of components are made when somebody asks.
        for mut item in items
            .into_iter()
            .filter(|_| resource != "v1/componentstatuses")
        {
            let version = item["apiVersion"].as_str().expect("a version").to_owned();
            let who = who_is(&item);
            item["metadata"]
                .as_object_mut()
                .expect("metadata")
                .remove("resourceVersion");
            all.entry(who).or_default().insert(version, item);
        }
    }
    all
}

/// Where two values differ, by places in lists.
fn differing(old: Option<&Value>, new: Option<&Value>, path: &str, found: &mut BTreeSet<String>) {
    match (old, new) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let name_in_path = name.replace('~', "~0").replace('/', "~1");
                let path = format!("{path}/{name_in_path}");
                differing(a.get(name), b.get(name), &path, found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                differing(a.get(at), b.get(at), &format!("{path}/{at}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn is_same_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The server renews its own leases between the save and the listing.
fn is_renewed([kind, _, name]: &Who) -> bool {
    kind == "Lease" && name.starts_with("apiserver-")
}

/// Stored but never listed.
fn is_unlisted(line: &Value) -> bool {
    line["kind"] == "RangeAllocation"
        || line["key"]
            .as_str()
            .is_some_and(|key| key.contains("/peerserverleases/"))
}

/// Holds the patch against both objects. True when there was one in the version that is stored.
fn judge_fields(
    line: &Value,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
) -> bool {
    let version = line["api_version"].as_str().expect("a version");
    let (Some(old), Some(new)) = (old.get(version), new.get(version)) else {
        return false;
    };
    let operations = line["patch"].as_array().expect("a patch");
    let patch: json_patch::Patch = serde_json::from_value(line["patch"].clone()).expect("a patch");
    let mut patched = old.clone();
    json_patch::patch(&mut patched, &patch).expect("it fits the object that was listed");
    assert_eq!(&patched, new, "{line}");

    let mut expected = BTreeSet::new();
    differing(Some(old), Some(new), "", &mut expected);
    let paths: Vec<&str> = operations
        .iter()
        .filter_map(|operation| operation["path"].as_str())
        .collect();
    for path in &expected {
        let is_told = paths
            .iter()
            .any(|told| is_same_or_below(path, told) || is_same_or_below(told, path));
        assert!(is_told, "{path} differs, and is not in {line}");
    }
    for told in &paths {
        let is_so = expected
            .iter()
            .any(|path| is_same_or_below(path, told) || is_same_or_below(told, path));
        assert!(is_so, "{told} does not differ, and is in {line}");
    }
    true
}

#[test]
fn what_differs_is_what_differs_between_the_listings_of_the_api_server() {
    for cluster in CLUSTERS {
        let (old, new) = (listed(cluster, "before"), listed(cluster, "after"));
        let mut expected: BTreeMap<Who, &str> = BTreeMap::new();
        let none = BTreeMap::new();
        for who in old.keys().chain(new.keys()) {
            let (before, after) = (old.get(who).unwrap_or(&none), new.get(who).unwrap_or(&none));
            let uid = |versions: &BTreeMap<String, Value>| {
                let first = versions.values().next();
                first.map(|item| item["metadata"]["uid"].clone())
            };
            let change = match (uid(before), uid(after)) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(a), Some(b)) if a != b => "recreated",
                _ if before == after => continue,
                _ => "changed",
            };
            if !is_renewed(who) {
                expected.insert(who.clone(), change);
            }
        }

        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
        let config = format!("{cluster}.yaml");
        let args = [
            "diff",
            &files[0],
            &files[1],
            "--json",
            "--show-secrets",
            "--show-managed-fields",
        ];
        let outcome = tool::run(
            dir.path(),
            args.iter().chain(&["--encryption-config", &*config]),
        );
        assert_eq!((outcome.status, &*outcome.stderr), (Some(1), ""));
        let mut found: BTreeMap<Who, &str> = BTreeMap::new();
        let mut patched = 0;
        let lines = lines(&outcome);
        for line in lines.iter().filter(|line| line["type"] == "change") {
            let who = who(&line["kind"], &line["namespace"], &line["name"]);
            if is_unlisted(line) || is_renewed(&who) {
                continue;
            }
            let change = line["change"].as_str().expect("a change");
            if matches!(change, "changed" | "recreated") {
                let (before, after) = (&old[&who], &new[&who]);
                patched += usize::from(judge_fields(line, before, after));
            }
            assert_eq!(found.insert(who, change), None, "{line}");
        }
        assert_eq!(found, expected, "{cluster}");
        assert!(
            patched > 40,
            "{cluster}: {patched} objects with their fields"
        );
        assert!(expected.len() > 150, "{cluster}: {}", expected.len());
    }
}
