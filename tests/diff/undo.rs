//! Manifests that lead back, held against what the API server listed before the incident.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use etcdsnap::report::yaml;
use serde_json::Value;

use crate::support::clusters::{self, CLUSTERS};
use crate::support::tool;

type Who = [String; 3];

/// All versions of each object that is listed, by kind, namespace and name.
fn listed(cluster: &str, moment: &str) -> BTreeMap<Who, Vec<Value>> {
    let mut all: BTreeMap<Who, Vec<Value>> = BTreeMap::new();
    for item in clusters::listing(cluster, moment).into_values().flatten() {
        let metadata = &item["metadata"];
        let who = [&item["kind"], &metadata["namespace"], &metadata["name"]]
            .map(|part| part.as_str().unwrap_or_default().to_owned());
        all.entry(who).or_default().push(item);
    }
    all
}

/// Objects that come again by themselves.
fn is_made_by_others(item: &Value) -> bool {
    let owners = item["metadata"]["ownerReferences"].as_array();
    let is_controlled = owners
        .into_iter()
        .flatten()
        .any(|owner| owner["controller"] == true);
    let made = [
        "Event",
        "Lease",
        "Endpoints",
        "EndpointSlice",
        "IPAddress",
        "ComponentStatus",
    ];
    is_controlled || made.iter().any(|kind| item["kind"] == **kind)
}

/// What is left of an object for `kubectl apply`, by the kinds that the incident touched.
fn cleaned(item: &Value) -> Value {
    let mut item = item.clone();
    let object = item.as_object_mut().expect("an object");
    object.remove("status");
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    for assigned in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "ownerReferences",
    ] {
        metadata.remove(assigned);
    }
    if let Some(annotations) = metadata.get_mut("annotations") {
        let annotations = annotations.as_object_mut().expect("annotations");
        annotations.retain(|name, _| {
            !matches!(
                name.as_str(),
                "deployment.kubernetes.io/revision" | "deprecated.daemonset.template.generation"
            )
        });
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    match object["kind"].as_str() {
        Some("Service") => {
            let spec = object["spec"].as_object_mut().expect("a spec");
            if spec["clusterIP"] != "None" {
                spec.remove("clusterIP");
                spec.remove("clusterIPs");
            }
        }
        // The only thing in it is the finalizer of the cluster.
        Some("Namespace") => {
            object.remove("spec");
        }
        _ => {}
    }
    item
}

#[test]
fn manifests_to_the_old_state_are_what_the_api_server_listed_then() {
    for cluster in CLUSTERS {
        let dir = tempfile::tempdir().expect("a directory");
        clusters::unpack(dir.path());
        let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
        let config = format!("{cluster}.yaml");
        let args = ["diff", &files[0], &files[1], "-o", "manifests", "--to-old"];
        let more = [
            "--out",
            "undo",
            "--show-secrets",
            "--encryption-config",
            &config,
        ];
        let outcome = tool::run(dir.path(), args.iter().chain(&more));
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        let undo = dir.path().join("undo");

        let (old, new) = (listed(cluster, "before"), listed(cluster, "after"));
        let mut manifests: Vec<(String, String)> = fs::read_dir(undo.join("apply"))
            .expect("a folder")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                (name.into_owned(), fs::read_to_string(&path).expect("text"))
            })
            .collect();
        manifests.sort();
        assert!(
            manifests[0].0.ends_with("namespace-legacy.yaml"),
            "{manifests:?}"
        );
        let total = manifests.len();
        let mut expected = 0;
        for (who, items) in &old {
            let is_there = new.get(who).is_some_and(|now| {
                now.iter().map(cleaned).collect::<Vec<_>>()
                    == items.iter().map(cleaned).collect::<Vec<_>>()
            });
            if is_there || is_made_by_others(&items[0]) {
                continue;
            }
            expected += 1;
            let texts: BTreeSet<String> = items.iter().map(|item| yaml(&cleaned(item))).collect();
            let at = manifests.iter().position(|(_, text)| texts.contains(text));
            let at = at.unwrap_or_else(|| panic!("{cluster}: {who:?} should be {texts:?}"));
            manifests.remove(at);
        }
        assert!(manifests.is_empty(), "{cluster}: what for? {manifests:?}");
        assert_eq!(total, expected, "{cluster}");
        assert!(expected > 40, "{cluster}: {expected}");

        let deletions = fs::read_to_string(undo.join("delete.txt")).expect("deletions");
        let added: BTreeSet<String> = new
            .iter()
            .filter(|(who, items)| !old.contains_key(*who) && !is_made_by_others(&items[0]))
            .map(|([kind, namespace, name], items)| {
                let version = items[0]["apiVersion"].as_str().expect("a version");
                let group = version.rsplit_once('/').map_or("", |(group, _)| group);
                let dot = if group.is_empty() { "" } else { "." };
                let place = match namespace.as_str() {
                    "" => String::new(),
                    namespace => format!(" -n {namespace}"),
                };
                format!("{}{dot}{group}/{name}{place}", kind.to_lowercase())
            })
            .collect();
        let told: BTreeSet<String> = deletions.lines().map(str::to_owned).collect();
        assert_eq!(told, added, "{cluster}");
        assert!(!added.is_empty(), "{cluster}");

        // Without leave to show secrets, those with secrets are named and not written.
        let more = ["--out", "shy", "--encryption-config", &config];
        tool::run(dir.path(), args.iter().chain(&more));
        let shy = dir.path().join("shy");
        let secrets = fs::read_dir(shy.join("apply"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name.to_string_lossy().contains("-secret-"));
        assert_eq!(secrets.count(), 0, "{cluster}");
        let index = fs::read_to_string(shy.join("index.md")).expect("an index");
        assert!(
            index.contains("`Secret payments/db` (changed): `it has secrets"),
            "{index}"
        );
        assert!(
            index.contains("spec.replicas: 1 → 0") && !index.contains("metadata.generation"),
            "{index}"
        );
        for secret in ["Y2hhbmdlZA", "aHVudGVy", "czNjcjN0", "PRIVATE KEY"] {
            assert!(!index.contains(secret), "{cluster}: {index}");
        }
    }
}

#[test]
fn manifests_to_the_new_state_take_the_same_objects_the_other_way() {
    let cluster = CLUSTERS[0];
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
    let folder = |old: &str, new: &str, to: &str, out: &str| {
        let args = ["diff", old, new, "-o", "manifests", to, "--out", out];
        let outcome = tool::run(dir.path(), args);
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        let out = dir.path().join(out);
        let applied: BTreeMap<String, String> = fs::read_dir(out.join("apply"))
            .expect("a folder")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                (name.into_owned(), fs::read_to_string(&path).expect("text"))
            })
            .collect();
        let deleted = fs::read_to_string(out.join("delete.txt")).expect("deletions");
        (applied, deleted)
    };
    let redo = folder(&files[0], &files[1], "--to-new", "redo");
    let swapped = folder(&files[1], &files[0], "--to-old", "swapped");
    assert_eq!(redo, swapped);
    let lines: Vec<&str> = redo.1.lines().collect();
    assert_eq!(lines.last(), Some(&"namespace/legacy"), "{lines:?}");
}
