//! Memory grows neither with the number of objects nor without bounds with one of them.

use std::path::Path;

use tempfile::TempDir;

use super::{pod, pod_of, write_database};
use crate::support::clusters;
use crate::support::tool::{self, Outcome};

/// What the address space may be, in bytes. The program itself, its threads' stacks and what allocators
/// reserve take a part of it; an object of the files here takes some 80 MB.
const SPACE: u64 = 560 << 20;

/// Runs the program with an address space that is bounded; where that cannot be done, without.
fn bounded(dir: &Path, args: &[&str]) -> Outcome {
    let mut command = tool::command(dir);
    command.args(["--threads", "2"]).args(args);
    let child = command.spawn().expect("the program starts");
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = Rlimit {
            current: Some(SPACE),
            maximum: Some(SPACE),
        };
        // It may have ended already.
        let _ = prlimit(Some(Pid::from_child(&child)), Resource::As, limit);
    }
    child.wait_with_output().expect("the program ends").into()
}

/// As many as do not fit into the address space together.
const WIDE_PODS: usize = 8;

fn wide_pods() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let pods: Vec<(String, Vec<u8>)> = (0..WIDE_PODS)
        .map(|number| {
            let name = format!("p{number:02}");
            (format!("/registry/pods/ns/{name}"), pod(&name, 100_000))
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = pods
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_slice()))
        .collect();
    write_database(&dir.path().join("wide.db"), &entries);
    dir
}

#[test]
fn lists_take_no_more_memory_than_one_of_their_objects() {
    let dir = wide_pods();
    for args in [
        &["objects", "wide.db", "-o", "ndjson"][..],
        &["objects", "wide.db", "--json"],
        &["objects", "wide.db", "-o", "yaml"],
        &["objects", "wide.db", "-o", "wide"],
        &[
            "objects",
            "wide.db",
            "-o",
            "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}",
        ],
        &[
            "objects",
            "wide.db",
            "--field-selector",
            "metadata.namespace=ns",
            "-o",
            "name",
        ],
        &["export", "wide.db", "--out", "-", "--as-stored"],
        &["export", "wide.db", "--out", "folder"],
        &["get", "wide.db", "--prefix", "/", "--json"],
        &[
            "diff",
            "wide.db",
            "--from",
            "1",
            "-o",
            "manifests",
            "--to-new",
            "--out",
            "new",
            "--exit-zero",
        ],
    ] {
        let outcome = bounded(dir.path(), args);
        assert_eq!(outcome.status, Some(0), "{args:?}: {}", outcome.stderr);
        for number in 0..WIDE_PODS {
            let name = format!("p{number:02}");
            let is_there =
                outcome.stdout.contains(&name) || args.contains(&"folder") || args.contains(&"new");
            assert!(is_there, "{args:?}: {name}");
        }
    }
    let files = std::fs::read_dir(dir.path().join("folder")).expect("a folder");
    // The script and its account are beside them.
    assert_eq!(files.count(), WIDE_PODS + 2);
    let files = std::fs::read_dir(dir.path().join("new/steps")).expect("a folder");
    let mut names: Vec<_> = files
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names.len(), WIDE_PODS);
    assert_eq!(names[0], "001-create-pod-p00.yaml");
    assert_eq!(names[WIDE_PODS - 1], "008-create-pod-p07.yaml");
}

#[test]
fn a_template_that_needs_all_objects_at_once_says_so() {
    let dir = wide_pods();
    let outcome = bounded(
        dir.path(),
        &["objects", "wide.db", "-o", "jsonpath={..name}"],
    );
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("take more than 256 MiB of memory")
            && outcome.stderr.contains("{range .items[*]}"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn one_object_that_would_take_too_much_is_named_and_the_others_are_shown() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write_database(
        &dir.path().join("a.db"),
        &[
            ("/registry/pods/ns/first", &pod("first", 1)),
            ("/registry/pods/ns/large", &pod("large", 200_000)),
            ("/registry/pods/ns/third", &pod("third", 1)),
        ],
    );
    for args in [
        &["objects", "a.db"][..],
        &["objects", "a.db", "-o", "ndjson"],
        &["objects", "a.db", "-o", "json"],
        &["objects", "a.db", "-o", "yaml"],
        &["objects", "a.db", "--json"],
        &[
            "objects",
            "a.db",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ],
        &["objects", "a.db", "-l", "!a", "-o", "ndjson"],
        &["export", "a.db", "--out", "-"],
        &["get", "a.db", "--prefix", "/", "-o", "yaml"],
        &["get", "a.db", "--prefix", "/", "--json"],
    ] {
        let outcome = bounded(dir.path(), args);
        assert_eq!(outcome.status, Some(1), "{args:?}: {}", outcome.stderr);
        let is_told = outcome.stderr.contains("large")
            && outcome.stderr.contains("more than 96 MiB of memory")
            && outcome.stderr.contains("for a value of 400");
        assert!(is_told, "{args:?}: {}", outcome.stderr);
        for name in ["first", "third"] {
            assert!(
                outcome.stdout.contains(name),
                "{args:?}: {}",
                outcome.stdout
            );
        }
    }
    // As it is stored it can be had, but nobody has looked for secrets in it.
    let large = ["get", "a.db", "/registry/pods/ns/large", "-o", "hex"];
    assert_eq!(bounded(dir.path(), &large).status, Some(2));
    let outcome = bounded(dir.path(), &[&large[..], &["--show-secrets"]].concat());
    assert_eq!(outcome.status, Some(0));
    assert_eq!(outcome.stdout.len(), pod("large", 200_000).len() * 2 + 1);
}

#[test]
fn two_wide_objects_are_compared_in_bounds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let key = "/registry/pods/ns/a";
    // Each container differs.
    let before = pod_of("a", &b"\x12\x03\x0a\x01a".repeat(60_000));
    let after = pod_of("a", &b"\x12\x03\x0a\x01b".repeat(60_000));
    write_database(&dir.path().join("old.db"), &[(key, &before)]);
    write_database(&dir.path().join("new.db"), &[(key, &before), (key, &after)]);
    for args in [
        &["diff", "old.db", "new.db", "-o", "json"][..],
        &["diff", "old.db", "new.db"],
        &["history", "new.db", key, "--json"],
        &["show", "new.db", "3", "--json"],
    ] {
        let outcome = bounded(dir.path(), args);
        assert!(
            matches!(outcome.status, Some(0 | 1)),
            "{args:?}: {:?} {}",
            outcome.status,
            outcome.stderr
        );
        assert!(outcome.stdout.contains("/registry/pods/ns/a") || outcome.stdout.contains("Pod"));
    }
}

#[test]
fn deep_and_wide_values_in_every_encoding_stay_in_bounds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let json = |inner: &str| {
        format!(
            "{{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"n\"}},\"x\":{inner}}}"
        )
    };
    let dense = json(&format!("[{}0]", "{\"a\":0},".repeat(300_000)));
    let nulls = json(&format!("[{}0]", "0,".repeat(1_500_000)));
    // Deep, with many items at the bottom, each indented by some hundred columns.
    let deep = format!(
        "{}{}0{}",
        "[".repeat(110),
        "0,".repeat(200_000),
        "]".repeat(110)
    );
    let deep = json(&deep);
    let mut cbor =
        b"\xd9\xd9\xf7\xa4\x44kind\x41A\x4aapiVersion\x42v1\x48metadata\xa1\x44name\x41n\x41x\x9f"
            .to_vec();
    cbor.extend(b"\xa1\x41a\x00".repeat(400_000));
    cbor.push(0xff);
    write_database(
        &dir.path().join("a.db"),
        &[
            ("/registry/a/dense", dense.as_bytes()),
            ("/registry/a/nulls", nulls.as_bytes()),
            ("/registry/a/deep", deep.as_bytes()),
            ("/registry/a/cbor", &cbor),
        ],
    );
    for form in ["yaml", "json", "ndjson", "table"] {
        let outcome = bounded(dir.path(), &["objects", "a.db", "-o", form]);
        assert!(
            matches!(outcome.status, Some(0 | 1)),
            "{form}: {:?} {}",
            outcome.status,
            outcome.stderr
        );
    }
}

#[test]
fn objects_of_real_clusters_take_far_less_memory_than_they_may() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut densest = 0;
    for name in clusters::unpack(dir.path()) {
        let outcome = tool::run(
            dir.path(),
            ["get", &name, "--prefix", "/registry/", "--json"],
        );
        let mut objects = 0;
        for line in outcome.stdout.lines() {
            let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if let (Some(object), Some(size)) =
                (record.get("object"), record["value_size"].as_u64())
            {
                let memory = etcdsnap::kubernetes::memory_of(object) as u64;
                densest = densest.max(memory / size);
                objects += 1;
                assert!(memory < 96 << 20 >> 3, "{line}");
            }
        }
        assert!(objects > 100, "{name}: {objects}");
    }
    println!("the densest takes {densest} times its size");
    assert!(densest < 48, "{densest}");
}

#[test]
fn long_texts_that_differ_in_every_line_are_told_without_comparing_them_by_line() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let map = |word: &str| {
        let text: String = (0..100_000).map(|n| format!("{word}{n}\n")).collect();
        let object = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "ns"}, "data": {"text": text}});
        object.to_string().into_bytes()
    };
    let key = "/registry/configmaps/ns/a";
    write_database(
        &dir.path().join("a.db"),
        &[(key, &map("a")), (key, &map("b"))],
    );
    let outcome = bounded(dir.path(), &["diff", "a.db", "--from", "2"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("data.text: a0\\na1"),
        "{}",
        outcome.stdout
    );
}
