//! Steps that lead back, held against what the API server listed before and after the incident.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
    // The only thing in it is the finalizer of the cluster.
    if object["kind"] == "Namespace" {
        object.remove("spec");
    }
    item
}

/// A step of a script.
struct Step {
    verb: String,
    words: BTreeMap<String, String>,
}

impl Step {
    fn word(&self, key: &str) -> &str {
        self.words.get(key).map_or("", String::as_str)
    }
}

/// The steps of the script in `folder`; their names have nothing in them that would be quoted.
fn steps(folder: &Path) -> Vec<Step> {
    let script = fs::read_to_string(folder.join("apply.sh")).expect("a script");
    let lines = script.lines().filter(|line| line.starts_with("step 0"));
    lines
        .map(|line| {
            let mut words = line.split(' ').skip(2);
            let verb = words.next().expect("a verb").to_string();
            let words = words.filter_map(|word| word.split_once('='));
            let words =
                words.map(|(key, value)| (key.to_string(), value.trim_matches('\'').to_string()));
            Step {
                verb,
                words: words.collect(),
            }
        })
        .collect()
}

/// The place of the object of a step among those that are listed.
fn place<'l>(listed: &'l BTreeMap<Who, Vec<Value>>, step: &Step) -> Option<(&'l Who, &'l Value)> {
    let mut parts = step.word("resource").splitn(3, '.');
    let (plural, version, group) = (parts.next()?, parts.next()?, parts.next()?);
    let api_version = match group {
        "" => version.to_string(),
        group => format!("{group}/{version}"),
    };
    listed.iter().find_map(|(who, items)| {
        let [kind, namespace, name] = who;
        let kind = kind.to_lowercase();
        let is_plural = ["s", "es"]
            .iter()
            .any(|end| *plural == format!("{kind}{end}"))
            || kind
                .strip_suffix('y')
                .is_some_and(|stem| *plural == format!("{stem}ies"));
        let is_it = name == step.word("name") && namespace == step.word("namespace") && is_plural;
        let item = items.iter().find(|item| item["apiVersion"] == *api_version);
        is_it.then_some((who, item?))
    })
}

/// What an API server makes of a patch; a test for null holds where there is nothing.
fn patched(object: &Value, patch: Value) -> Value {
    let mut object = object.clone();
    for operation in patch.as_array().expect("operations") {
        let path = operation["path"].as_str().expect("a path");
        if operation["op"] == "test" {
            let is = object.pointer(path).unwrap_or(&Value::Null);
            assert_eq!(is, &operation["value"], "{path}");
            continue;
        }
        let one: json_patch::Patch =
            serde_json::from_value(Value::Array(vec![operation.clone()])).expect("a patch");
        json_patch::patch(&mut object, &one).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    object
}

#[test]
fn steps_to_the_old_state_make_of_what_the_api_server_lists_what_it_listed_then() {
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
        let (mut left, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for (who, items) in &old {
            let all = |items: &[Value]| items.iter().map(cleaned).collect::<Vec<_>>();
            let is_there = new.get(who).is_some_and(|now| all(now) == all(items));
            if !is_there && !is_made_by_others(&items[0]) {
                left.insert(who.clone());
            }
        }
        for (who, items) in &new {
            if !old.contains_key(who) && !is_made_by_others(&items[0]) {
                gone.insert(who.clone());
            }
        }
        assert!(left.len() > 40 && !gone.is_empty(), "{cluster}: {left:?}");
        let all = steps(&undo);
        assert_eq!(all[0].verb, "delete", "{cluster}");
        assert_eq!(
            (all[1].verb.as_str(), all[1].word("name")),
            ("create", "legacy")
        );
        for step in all {
            let told = format!("{cluster}: {} {:?}", step.verb, step.words);
            let read = || fs::read_to_string(undo.join(step.word("file"))).expect("a file");
            match step.verb.as_str() {
                "delete" => {
                    let (who, item) = place(&new, &step).unwrap_or_else(|| panic!("{told}"));
                    assert_eq!(item["metadata"]["uid"], step.word("uid"), "{told}");
                    assert!(gone.remove(who), "{told}");
                }
                "create" => {
                    let (who, item) = place(&old, &step).unwrap_or_else(|| panic!("{told}"));
                    assert!(!new.contains_key(who) && left.remove(who), "{told}");
                    assert_eq!(read(), yaml(&cleaned(item)), "{told}");
                }
                "patch" => {
                    let (who, before) = place(&old, &step).unwrap_or_else(|| panic!("{told}"));
                    assert!(left.remove(who), "{told}");
                    let (_, now) = place(&new, &step).unwrap_or_else(|| panic!("{told}"));
                    let patch = serde_json::from_str(&read()).expect("JSON");
                    assert_eq!(cleaned(&patched(now, patch)), cleaned(before), "{told}");
                }
                verb => panic!("{verb}: {told}"),
            }
        }
        assert!(
            left.is_empty() && gone.is_empty(),
            "{cluster}: {left:?} {gone:?}"
        );

        // Without leave to show secrets, those with secrets are named and not written.
        let more = ["--out", "shy", "--encryption-config", &config];
        tool::run(dir.path(), args.iter().chain(&more));
        let shy = dir.path().join("shy");
        assert!(
            steps(&shy)
                .iter()
                .all(|step| !step.word("resource").starts_with("secrets."))
        );
        let index = fs::read_to_string(shy.join("index.md")).expect("an index");
        assert!(
            index.contains("`Secret payments/db` (changed): `it has secrets"),
            "{index}"
        );
        assert!(
            index.contains("spec.replicas: 0 → 1") && !index.contains("metadata.generation"),
            "{index}"
        );
        for entry in fs::read_dir(shy.join("steps")).expect("a folder") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("a file");
            for secret in [
                "Y2hhbmdlZA",
                "aHVudGVy",
                "czNjcjN0",
                "PRIVATE KEY",
                "<redacted",
            ] {
                assert!(
                    !text.contains(secret) && !index.contains(secret),
                    "{cluster}: {text}"
                );
            }
        }
    }
}

#[test]
fn steps_to_the_new_state_are_those_to_the_old_one_of_the_files_in_the_other_order() {
    let cluster = CLUSTERS[0];
    let dir = tempfile::tempdir().expect("a directory");
    clusters::unpack(dir.path());
    let files = ["before", "after"].map(|moment| format!("{cluster}-{moment}.db"));
    let folder = |old: &str, new: &str, to: &str, out: &str| {
        let args = ["diff", old, new, "-o", "manifests", to, "--out", out];
        let outcome = tool::run(dir.path(), args);
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        let out = dir.path().join(out);
        let files: BTreeMap<String, String> = fs::read_dir(out.join("steps"))
            .expect("a folder")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                (name.into_owned(), fs::read_to_string(&path).expect("text"))
            })
            .collect();
        (
            files,
            fs::read_to_string(out.join("apply.sh")).expect("a script"),
        )
    };
    let redo = folder(&files[0], &files[1], "--to-new", "redo");
    let swapped = folder(&files[1], &files[0], "--to-old", "swapped");
    assert_eq!(redo, swapped);
    // A namespace goes last, and only when it is asked for.
    let script: Vec<&str> = redo
        .1
        .lines()
        .filter(|line| line.starts_with("step "))
        .collect();
    let last = script.last().expect("a step");
    assert!(
        last.contains("delete namespace/legacy") && last.contains(" ask=delete "),
        "{last}"
    );
}
